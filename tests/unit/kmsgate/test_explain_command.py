"""`kmsgate explain`: whole screens of four stories, and what its flags change."""

from __future__ import annotations

import html
import io
import json
import re
import sys
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from jsonschema import Draft202012Validator

from kmsgate.cli import run
from policy.explanation import MAX_EXCERPT_LINES

SCHEMA = Path(__file__).parents[3] / "schemas" / "decision.schema.json"
KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SESSION = "arn:aws:sts::111122223333:assumed-role/app/session"
APP, WORKER = "arn:aws:iam::111122223333:role/app", "arn:aws:iam::111122223333:role/worker"

Capture: TypeAlias = "pytest.CaptureFixture[str]"
Json: TypeAlias = dict[str, Any]


def policy(*statements: Json) -> Json:
    return {"Version": "2012-10-17", "Statement": list(statements)}


OUTSIDE: Json = {
    "Sid": "DenyOutsideEndpoint",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "kms:Decrypt",
    "Resource": "*",
    "Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}},
}
IAM: Json = {
    "Sid": "DelegateToIam",
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
    "Action": "kms:*",
    "Resource": "*",
}
APP_ONLY: Json = {
    "Sid": "AppWithContext",
    "Effect": "Allow",
    "Principal": {"AWS": APP},
    "Action": "kms:Decrypt",
    "Resource": "*",
    "Condition": {"StringEquals": {"kms:EncryptionContext:tenant": "blue"}},
}
PAYROLL: Json = {
    "principal": {"arn": SESSION},
    "action": "kms:Decrypt",
    "resource": {"arn": KEY},
    "context": {"aws:SourceVpce": "vpce-9f8e", "kms:EncryptionContext:tenant": "blue"},
    "policies": {"resource": policy(OUTSIDE, IAM, APP_ONLY)},
    "grants": [
        {"GrantId": "a", "Name": "job-17", "GranteePrincipal": WORKER, "Operations": ["Decrypt"]},
        {"GrantId": "b", "Name": "nightly", "GranteePrincipal": APP, "Operations": ["Encrypt"]},
    ],
}
EXPLICIT_DENY = """\
DENIED explicitly by the key policy, statement DenyOutsideEndpoint            ask.json:17

role/app asks kms:Decrypt on key/1234abcd-12ab-34cd-56ef-1234567890ab
├─ 1 explicit deny anywhere?                                                  yes, stops here
│  └─ key_policy  DenyOutsideEndpoint   Deny   applies
│     ├─ ✓ principal  "*" names every caller                                  :20:24
│     ├─ ✓ action     kms:Decrypt                                             :21:21
│     ├─ ✓ resource   * covers this key                                       :22:23
│     └─ ✓ condition  StringNotEquals aws:SourceVpce: request has vpce-9f8e, policy has vpce-1a2b3c4d        :25:15
├─ 2 guardrails       scp, rcp, vpce: none apply
├─ 3 offers           (not needed any more; shown for learning)
│  ├─ key_policy  DelegateToIam    ACCOUNT     delegation; identity policies would have to allow
│  ├─ key_policy  AppWithContext   ROLE_BOUND  all four elements match
│  └─ grant       0 of 2 match: job-17 is for role/worker, nightly has no Decrypt
└─ 4 caller's side    identity, boundary, session: none
The caller reads: AccessDeniedException: User: arn:aws:sts::111122223333:assumed-role/app/session is not authorized to perform:
  kms:Decrypt on resource: arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab with an explicit deny in
  a resource-based policy
What would make it allowed (each tried on its own, smallest change first):
  1. send the request through vpce-1a2b3c4d                     → allowed, key_policy:role by AppWithContext
  2. drop statement DenyOutsideEndpoint                         → allowed, key_policy:role by AppWithContext
A grant would not help: no grant overrides a deny (A-4).       Rules: L-10, A-4, E-17, F-4, G-1
"""  # noqa: E501

NO_DELEGATION: Json = {
    "principal": {"arn": "arn:aws:iam::111122223333:user/alice"},
    "action": "kms:Decrypt",
    "resource": {"arn": KEY},
    "policies": {
        "identity": [{"name": "power", "document": policy(
            {"Sid": "Everything", "Effect": "Allow", "Action": "*", "Resource": "*"}
        )}],
        "resource": policy(
            {**IAM, "Sid": "Worker", "Principal": {"AWS": WORKER}, "Action": "*"}
        ),
    },
}  # fmt: skip
NO_DELEGATION_SCREEN = """\
DENIED implicitly by the key policy: it does not let identity policies speak

user/alice asks kms:Decrypt on key/1234abcd-12ab-34cd-56ef-1234567890ab
├─ 1 explicit deny anywhere?                                                  no
├─ 2 guardrails       scp, rcp, vpce: none apply
├─ 3 offers           no offers
│  └─ key_policy  Worker   no match  principal: arn:aws:iam::111122223333:role/worker does not name arn:aws:iam::111122223333:user/alice        :32:11
│     ├─ ✗ principal  arn:aws:iam::111122223333:role/worker does not name arn:aws:iam::111122223333:user/alice        :32:11
│     ├─ ✓ action     * covers kms:Decrypt                                    :35:21
│     └─ ✓ resource   * covers this key                                       :36:23
└─ 4 caller's side    identity: allows by power: Everything; boundary, session: none
   └─ identity  power: Everything   Allow  applies
The caller reads: AccessDeniedException: User: arn:aws:iam::111122223333:user/alice is not authorized to perform: kms:Decrypt on
  resource: arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab because no resource-based policy allows
  the kms:Decrypt action
What would make it allowed (each tried on its own, smallest change first):
  1. name user/alice in a statement of the key policy that allows kms:Decrypt  → allowed, key_policy:direct
  2. create a grant of Decrypt for user/alice                                  → allowed, grant
  3. let the key policy delegate kms:Decrypt to account 111122223333           → allowed, key_policy:account+identity by Everything
An identity policy alone would not help: the key's side must offer first (A-11).       Rules: L-30, A-11
"""  # noqa: E501

NEW_GRANT: Json = {
    "principal": {"arn": "arn:aws:sts::111122223333:assumed-role/worker/w1"},
    "action": "kms:Decrypt",
    "resource": {"arn": KEY},
    "context": {"kms:EncryptionContext:order": "17"},
    "grants": [
        {
            "GrantId": "0c237476b39f8bc44e45212e08498fbe3151305030726c0590dd8d3e9f3d6a60",
            "GranteePrincipal": WORKER,
            "Operations": ["Decrypt"],
            "Constraints": {"EncryptionContextSubset": {"order": "17"}},
            "CreationDate": "2026-01-01T00:00:00Z",
            "GrantTokens": ["AQpAM2RhZ"],
        }
    ],
    "grant_consistency_seconds": 300,
    "at": "2026-01-01T00:00:10Z",
    "policies": {"resource": policy(IAM)},
}
NEW_GRANT_SCREEN = """\
DENIED implicitly by the identity policies: none allows kms:Decrypt, and a grant does not do so yet

role/worker asks kms:Decrypt on key/1234abcd-12ab-34cd-56ef-1234567890ab
├─ 1 explicit deny anywhere?                                                  no
├─ 2 guardrails       scp, rcp, vpce: none apply
├─ 3 offers           one offer
│  ├─ key_policy  DelegateToIam   ACCOUNT  delegation; identity policies would have to allow
│  └─ grant       0 of 1 match: 0c237476… is new, and the request carries none of its tokens
│     └─ 0c237476…
│        ├─ ✓ operations   the grant has Decrypt
│        ├─ ✓ grantee      the grantee is the caller
│        ├─ ✓ constraints  the constraints hold
│        └─ ✗ time         the grant is new, and the request carries none of its tokens; 2026-01-01 00:05:00+00:00 would match
└─ 4 caller's side    identity, boundary, session: none
The caller reads: AccessDeniedException: User: arn:aws:sts::111122223333:assumed-role/worker/w1 is not authorized to perform:
  kms:Decrypt on resource: arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab because no identity-based
  policy allows the kms:Decrypt action
What would make it allowed (each tried on its own, smallest change first):
  1. send the grant token of 0c237476…                                          → allowed, grant by 0c237476…
  2. wait until 2026-01-01T00:05:00Z                                            → allowed, grant by 0c237476…
  3. allow kms:Decrypt in an identity policy of role/worker                     → allowed, key_policy:account+identity by DelegateToIam
  4. name role/worker in a statement of the key policy that allows kms:Decrypt  → allowed, key_policy:role
  5. create a grant of Decrypt for role/worker                                  → allowed, grant
Rules: L-33, N-30
"""  # noqa: E501

ALLOWED: Json = {**PAYROLL, "context": {**PAYROLL["context"], "aws:SourceVpce": "vpce-1a2b3c4d"}}
ALLOWED_SCREEN = """\
ALLOWED by the key policy, statement AppWithContext (key_policy:role)         ask.json:38

role/app asks kms:Decrypt on key/1234abcd-12ab-34cd-56ef-1234567890ab
├─ 1 explicit deny anywhere?                                                  no
│  └─ key_policy  DenyOutsideEndpoint   Deny   no match, condition: StringNotEquals aws:SourceVpce: request has vpce-1a2b3c4d, policy has vpce-1a2b3c4d        :25:15
├─ 2 guardrails       scp, rcp, vpce: none apply
├─ 3 offers           two offers
│  ├─ key_policy  DelegateToIam    ACCOUNT     delegation; identity policies would have to allow
│  ├─ key_policy  AppWithContext   ROLE_BOUND  all four elements match
│  │  ├─ ✓ principal  arn:aws:iam::111122223333:role/app stands behind the caller        :42:20
│  │  ├─ ✓ action     kms:Decrypt                                             :44:21
│  │  ├─ ✓ resource   * covers this key                                       :45:23
│  │  └─ ✓ condition  StringEquals kms:EncryptionContext:tenant: request has blue, policy has blue        :48:15
│  └─ grant       0 of 2 match: job-17 is for role/worker, nightly has no Decrypt
└─ 4 caller's side    identity, boundary, session: none
What would make it denied (tried):
  1. drop statement AppWithContext                              → denied implicitly, identity
Rules: L-32, F-3, G-1
"""  # noqa: E501

# The same caller and policies, and a resource of another service.
BUCKET: Json = {
    **NO_DELEGATION,
    "action": "s3:GetObject",
    "resource": {"arn": "arn:aws:s3:::reports/may", "account": "111122223333"},
}
BUCKET_SCREEN = """\
ALLOWED by identity policy power, statement Everything (identity)             ask.json:17

user/alice asks s3:GetObject on arn:aws:s3:::reports/may
├─ 1 explicit deny anywhere?                                                  no
├─ 2 guardrails       scp, rcp, vpce: none apply
├─ 3 offers           no offers
│  └─ resource_policy  Worker   no match  principal: arn:aws:iam::111122223333:role/worker does not name arn:aws:iam::111122223333:user/alice        :33:11
└─ 4 caller's side    identity: allows by power: Everything; boundary, session: none
   └─ identity  power: Everything   Allow  applies
      ├─ ✓ action    * covers s3:GetObject                                    :20:25
      └─ ✓ resource  * covers arn:aws:s3:::reports/may                        :21:27
What would make it denied (tried):
  1. drop statement Everything                                  → denied implicitly, identity
Not a KMS key: in one account an identity or a resource policy alone is enough.
"""  # noqa: E501

STORIES = [
    (PAYROLL, 1, EXPLICIT_DENY),
    (NO_DELEGATION, 1, NO_DELEGATION_SCREEN),
    (NEW_GRANT, 1, NEW_GRANT_SCREEN),
    (ALLOWED, 0, ALLOWED_SCREEN),
    (BUCKET, 0, BUCKET_SCREEN),
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def explained(request: Json, *flags: str) -> int:
    Path("ask.json").write_text(json.dumps(request, indent=2))
    return run(["explain", "ask.json", *flags])


@pytest.mark.parametrize(("request_", "code", "screen"), STORIES)
def test_a_story_is_told_on_one_screen(
    request_: Json, code: int, screen: str, capsys: Capture
) -> None:
    assert explained(request_) == code
    assert capsys.readouterr().out == screen


@pytest.mark.parametrize(("request_", "code", "screen"), STORIES)
def test_quiet_prints_the_first_line_only(
    request_: Json, code: int, screen: str, capsys: Capture
) -> None:
    assert explained(request_, "-q") == code
    assert capsys.readouterr().out == screen.splitlines()[0] + "\n"


def test_verbose_shows_every_element(capsys: Capture) -> None:
    explained(PAYROLL, "-v")
    shown = capsys.readouterr().out
    for line in (
        "│  │  ├─ ✓ action     kms:* covers kms:Decrypt",
        "│     ├─ job-17",
        "│     │  ├─ ✗ grantee      the grantee is someone else",
        "│     └─ nightly",
        "│        ├─ ✗ operations   the grant does not have Decrypt",
    ):
        assert line in shown


def test_verbose_shows_the_text_of_the_statement_that_decided(capsys: Capture) -> None:
    explained(PAYROLL, "-v")
    shown = capsys.readouterr().out.split("\n\n")[0]
    assert shown.splitlines()[1:] == [
        "ask.json:17:9",
        "   |",
        "17 |         {",
        '18 |           "Sid": "DenyOutsideEndpoint",',
        '19 |           "Effect": "Deny",',
        '20 |           "Principal": "*",',
        '21 |           "Action": "kms:Decrypt",',
        '22 |           "Resource": "*",',
        '23 |           "Condition": {',
        '24 |             "StringNotEquals": {',
        '25 |               "aws:SourceVpce": "vpce-1a2b3c4d"',
        "26 |             }",
        "27 |           }",
        "28 |         },",
    ]


def test_a_deciding_statement_on_one_line_has_carets_and_a_long_one_ends_early(
    capsys: Capture,
) -> None:
    text = json.dumps(policy(OUTSIDE))
    explained({**PAYROLL, "policies": {"resource": {"name": "p.json", "document": text}}}, "-v")
    assert "^^^^" in capsys.readouterr().out.split("\n\n")[0]
    long = {**OUTSIDE, "Action": ["kms:Decrypt", *(f"kms:X{n}" for n in range(40))]}
    explained({**PAYROLL, "policies": {"resource": policy(long)}}, "-v")
    shown = capsys.readouterr().out.split("\n\n")[0].splitlines()
    assert shown[-1] == "   | … and 38 lines more"
    assert len(shown) == 2 + 1 + MAX_EXCERPT_LINES + 1


@pytest.mark.parametrize(("request_", "code", "screen"), STORIES)
def test_mermaid_draws_the_way_to_the_same_answer(
    request_: Json, code: int, screen: str, capsys: Capture
) -> None:
    assert explained(request_, "--format", "mermaid") == code
    lines = capsys.readouterr().out.splitlines()
    shown = html.unescape(re.sub(r"#([0-9]+);", r"&#\1;", "\n".join(lines)))
    assert lines[0] == "flowchart TD"
    assert screen.partition("   ")[0].partition("\n")[0] in shown
    assert '==>|"denied"| answer' in shown if code else '==>|"allowed"| answer' in shown


def test_json_names_near_misses_and_what_would_have_matched(capsys: Capture) -> None:
    explained(NEW_GRANT, "--format", "json")
    (near,) = json.loads(capsys.readouterr().out)["near_misses"]
    assert near["policy"] == f"grant {NEW_GRANT['grants'][0]['GrantId']}"
    assert near["place"] is None
    (failed,) = near["failed"]
    assert (failed["element"], failed["would_match"]) == ("Effective", "2026-01-01 00:05:00+00:00")
    explained(NO_DELEGATION, "--format", "json")
    (near,) = json.loads(capsys.readouterr().out)["near_misses"]
    (failed,) = near["failed"]
    assert near["place"]["line"] == 29
    assert failed == {
        "element": "Principal",
        "key": None,
        "why": f"{WORKER} does not name arn:aws:iam::111122223333:user/alice",
        "expected": WORKER,
        "actual": "arn:aws:iam::111122223333:user/alice",
        "would_match": WORKER,
        "place": {
            "file": "ask.json",
            "line": 32,
            "column": 11,
            "excerpt": failed["place"]["excerpt"],
        },
    }
    assert failed["place"]["excerpt"].splitlines()[1] == '32 |           "Principal": {'


@pytest.mark.parametrize(("request_", "code", "screen"), STORIES)
def test_the_json_of_every_story_keeps_to_the_schema(
    request_: Json, code: int, screen: str, capsys: Capture
) -> None:
    assert explained(request_, "--format", "json") == code
    found = json.loads(capsys.readouterr().out)
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(found)
    assert screen.startswith(found["headline"])
    assert bool(found["losses"]) is (code == 0)


def test_json_is_the_decision_with_what_only_an_explanation_has(capsys: Capture) -> None:
    assert explained({**PAYROLL, "id": "q"}, "--format", "json") == 1
    found = json.loads(capsys.readouterr().out)
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(found)
    assert (found["id"], found["decision"], found["layer"]) == (
        "q",
        "ExplicitlyDenied",
        "key_policy",
    )
    assert found["headline"].startswith("DENIED explicitly by the key policy")
    assert found["rules"][:2] == ["L-10", "A-4"]
    assert found["remedies"][0] == {
        "change": "send the request through vpce-1a2b3c4d",
        "path": "key_policy:role",
        "by": ["AppWithContext"],
    }
    assert len(found["reasons"]) == 5
    (deciding,) = found["decided_by"]
    assert (deciding["sid"], deciding["place"]["line"]) == ("DenyOutsideEndpoint", 17)
    assert '"Sid": "DenyOutsideEndpoint"' in deciding["place"]["excerpt"]
    assert (found["near_misses"], found["losses"]) == ([], [])


def test_ascii_stands_in_where_signs_cannot_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = EXPLICIT_DENY
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    explained(PAYROLL)
    stream.seek(0)
    shown = stream.read()
    for sign, ascii_sign in {"├─": "|-", "└─": "'-", "│": "|", "✓": "ok", "→": "->"}.items():
        expected = expected.replace(sign, ascii_sign)
    assert shown.isascii()
    assert shown.split() == expected.split()


def test_colour_adds_to_words_and_never_replaces_them(capsys: Capture) -> None:
    explained(PAYROLL)
    plain = capsys.readouterr().out
    explained(PAYROLL, "--color", "always")
    coloured = capsys.readouterr().out
    assert coloured != plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


def test_a_request_may_come_from_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    data = json.dumps(PAYROLL, indent=2).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert run(["explain", "-"]) == 1
    assert capsys.readouterr().out == EXPLICIT_DENY.replace("ask.json:", "<stdin>:")


def test_a_policy_in_a_text_has_places_of_its_own(capsys: Capture) -> None:
    text = json.dumps(policy(OUTSIDE), indent=1)
    explained({**PAYROLL, "policies": {"resource": {"name": "prod.json", "document": text}}})
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].endswith("  prod.json:4")
    assert shown[5].endswith("  prod.json:7:17")


def test_what_users_wrote_is_made_harmless(capsys: Capture) -> None:
    hostile = {**OUTSIDE, "Sid": "a\x1b[31mb\nc"}
    explained({**PAYROLL, "policies": {"resource": policy(hostile)}})
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "statement a\N{REPLACEMENT CHARACTER}[31mb c" in shown.splitlines()[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{\n  "acton": 1\n}', "kmsgate: ask.json:2:3: acton: unknown field; did you mean 'action"),
        ('{\n  "id": \n}', "kmsgate: ask.json:3:1: syntax error: expected a value"),
        ("", "kmsgate: ask.json:1:1: syntax error"),
        (b"\xff", "kmsgate: ask.json: byte 0xFF is not valid UTF-8"),
        (" " * 1_048_577, "kmsgate: ask.json: the text is longer than"),
        (json.dumps({**PAYROLL, "policies": {"resource": {}}}, indent=2),
         "kmsgate: ask.json:14:5: policies.resource: key policy: KG112"),
    ],
)  # fmt: skip
def test_a_bad_request_is_told_with_its_place(
    text: str | bytes, message: str, capsys: Capture
) -> None:
    Path("ask.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert run(["explain", "ask.json"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(message)


def test_a_request_too_large_for_places_is_explained_all_the_same(capsys: Capture) -> None:
    padded = {**PAYROLL, "context": {**PAYROLL["context"], "x:pad": "y" * 300_000}}
    assert explained(padded, "-q") == 1
    assert "statement DenyOutsideEndpoint" in capsys.readouterr().out

"""The public format: what a request means, what each mistake is told, and what is answered."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from kmsgate.decision import fields as json_fields
from kmsgate.decision import policies as request_policies
from kmsgate.decision.fields import MAX_BYTES
from kmsgate.decision.request import (
    Question,
    RequestError,
    answer,
    error_answer,
    parse_request,
)
from policy import AllowPath, Layer, Outcome, Policy, PolicyKind, PrincipalKind, Source
from policy.decision import ElementName
from policy.vocabulary import GRANT_OPERATIONS

SCHEMAS = Path(__file__).parents[3] / "schemas"
ACCOUNT, PARTNER = "111122223333", "444455556666"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ALIAS = f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/app"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/app/s1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/app"
USER = f"arn:aws:iam::{ACCOUNT}:user/alice"
CREATED = "2026-01-01T00:00:00Z"

# The example of the format's own description.
EXAMPLE = """
{
  "id": "any text, given back with the answer",
  "principal": {"arn": "arn:aws:sts::111122223333:assumed-role/app/session-1",
                "role_arn": "arn:aws:iam::111122223333:role/team/app"},
  "action": "kms:Decrypt",
  "resource": {"arn": "arn:aws:kms:us-east-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab",
               "account": "444455556666"},
  "context": {"kms:ViaService": "s3.us-east-1.amazonaws.com",
              "kms:EncryptionContextKeys": ["tenant", "shop"],
              "kms:EncryptionContext:tenant": "red"},
  "policies": {
    "identity": [{"name": "team-baseline", "document": {"Version": "2012-10-17", "Statement": []}}],
    "permissions_boundary": {"Version": "2012-10-17", "Statement": []},
    "session": [{"Version": "2012-10-17", "Statement": []}],
    "resource": {"Version": "2012-10-17", "Statement": []},
    "scps": [{"target": "r-ab12", "policies": [{"Version": "2012-10-17", "Statement": []}]},
             {"target": "111122223333", "policies": [{"Version": "2012-10-17", "Statement": []}]}],
    "rcps": [{"target": "r-ab12", "policies": []}],
    "vpc_endpoint": {"Version": "2012-10-17", "Statement": []}
  },
  "grants": [{"GrantId": "…", "GranteePrincipal": "arn:aws:iam::111122223333:role/team/app",
              "Operations": ["Decrypt"],
              "Constraints": {"EncryptionContextSubset": {"tenant": "red"}},
              "CreationDate": "2026-01-01T00:00:00Z", "GrantTokens": ["…"]}],
  "grant_tokens": ["…"],
  "grant_consistency_seconds": 0,
  "at": "2026-01-01T00:00:10Z"
}
"""


def validator(name: str) -> Draft202012Validator:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


REQUESTS, ANSWERS = validator("decision-request"), validator("decision")
DEFINITIONS: dict[str, Any] = {
    name: definition
    for schema in (REQUESTS.schema, ANSWERS.schema)
    if isinstance(schema, Mapping)
    for name, definition in schema["$defs"].items()
}


def statement(effect: str, action: object = "kms:*", **others: object) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": "*", **others}


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


ALL = policy(statement("Allow", "*"))
ROOT = policy(statement("Allow", Principal={"AWS": ACCOUNT}))
FOR_ROLE = policy(statement("Allow", "kms:Decrypt", Principal={"AWS": ROLE}))


def asked(**changes: object) -> dict[str, Any]:
    """Return a plain request with some fields changed; a field that gets None is left out."""
    request = {
        "principal": {"arn": SESSION},
        "action": "kms:Decrypt",
        "resource": {"arn": KEY},
        **changes,
    }
    return {name: value for name, value in request.items() if value is not None}


def question(**changes: object) -> Question:
    return parse_request(json.dumps(asked(**changes)))


def decided(**changes: object) -> dict[str, Any]:
    reply = answer(question(**changes))
    ANSWERS.validate(reply)
    return reply


def refused(request: object) -> RequestError:
    with pytest.raises(RequestError) as caught:
        parse_request(request if isinstance(request, str | bytes) else json.dumps(request))
    ANSWERS.validate(error_answer(caught.value))
    return caught.value


def grant(**changes: object) -> dict[str, Any]:
    found = {"GrantId": "g-1", "GranteePrincipal": ROLE, "Operations": ["Decrypt"], **changes}
    return {name: value for name, value in found.items() if value is not None}


# The example


def test_the_example_of_the_format_is_valid_and_answered() -> None:
    REQUESTS.validate(json.loads(EXAMPLE))
    reply = answer(parse_request(EXAMPLE))
    ANSWERS.validate(reply)
    assert reply["id"] == "any text, given back with the answer"
    assert (reply["decision"], reply["layer"]) == ("ImplicitlyDenied", "scp")
    assert reply["reasons"] == [
        {
            "layer": "grant",
            "policy": "grant …",
            "statement": None,
            "sid": None,
            "effect": "Allow",
            "outcome": "applies",
            "element": None,
            "why": "every element matches",
        }
    ]


def test_the_example_is_read_whole() -> None:
    read = parse_request(EXAMPLE)
    request, documents = read.request, read.documents
    assert str(request.principal.issuer) == "arn:aws:iam::111122223333:role/team/app"
    assert request.resource.account == PARTNER
    assert request.context["kms:EncryptionContextKeys"] == ("tenant", "shop")
    assert request.context.encryption_context == {"tenant": "red"}
    assert [p.name for p in documents.identity] == ["team-baseline"]
    assert documents.session is not None
    assert documents.scps is not None
    assert [(level.target, level.policies[0].name) for level in documents.scps] == [
        ("r-ab12", "scp r-ab12[0]"),
        ("111122223333", "scp 111122223333[0]"),
    ]
    assert documents.rcps is not None
    assert documents.rcps[0].policies == ()
    assert request.grant_tokens == frozenset({"…"})
    assert request.at == dt.datetime(2026, 1, 1, 0, 0, 10, tzinfo=dt.UTC)


# Who, what, on what


@pytest.mark.parametrize(
    ("principal", "kind", "issuer"),
    [
        ({"arn": USER}, PrincipalKind.USER, None),
        ({"arn": f"arn:aws:iam::{ACCOUNT}:user/team/alice"}, PrincipalKind.USER, None),
        ({"arn": f"arn:aws:iam::{ACCOUNT}:root"}, PrincipalKind.ROOT, None),
        ({"arn": SESSION}, PrincipalKind.ROLE_SESSION, ROLE),
        ({"arn": ROLE}, PrincipalKind.ROLE_SESSION, ROLE),
        (
            {"arn": SESSION, "role_arn": f"arn:aws:iam::{ACCOUNT}:role/team/app"},
            PrincipalKind.ROLE_SESSION,
            f"arn:aws:iam::{ACCOUNT}:role/team/app",
        ),
        ({"arn": f"arn:aws:sts::{ACCOUNT}:federated-user/bob"}, PrincipalKind.FEDERATED_USER, None),
        ({"service": "lambda.amazonaws.com"}, PrincipalKind.SERVICE, None),
        ({"anonymous": True, "arn": None}, PrincipalKind.ANONYMOUS, None),
    ],
)
def test_each_form_of_caller_is_understood(
    principal: dict[str, object], kind: PrincipalKind, issuer: str | None
) -> None:
    request = asked(principal=principal)
    REQUESTS.validate(request)
    caller = parse_request(json.dumps(request)).request.principal
    assert caller.kind is kind
    assert (str(caller.issuer) if caller.issuer else None) == issuer


def test_a_bare_role_is_some_session_that_no_session_entry_names() -> None:
    """AUTH A-9."""
    named = policy(statement("Allow", Principal={"AWS": SESSION}))
    assert decided(principal={"arn": SESSION}, policies={"resource": named})["path"] == (
        "key_policy:direct"
    )
    reply = decided(principal={"arn": ROLE}, policies={"resource": named})
    assert reply["decision"] == "ImplicitlyDenied"
    assert decided(principal={"arn": ROLE}, policies={"resource": FOR_ROLE})["path"] == (
        "key_policy:role"
    )


def test_the_path_of_a_role_matters() -> None:
    """AUTH E-15."""
    path = f"arn:aws:iam::{ACCOUNT}:role/team/app"
    policies = {"resource": policy(statement("Allow", Principal={"AWS": path}))}
    assert decided(policies=policies)["decision"] == "ImplicitlyDenied"
    reply = decided(policies=policies, principal={"arn": SESSION, "role_arn": path})
    assert reply["path"] == "key_policy:role"


@pytest.mark.parametrize("action", ["kms:Decrypt", "KMS:decrypt", "Kms:DECRYPT"])
def test_case_of_an_action_is_no_matter_and_messages_use_the_services_own(action: str) -> None:
    reply = decided(action=action)
    assert "is not authorized to perform: kms:Decrypt on resource" in reply["message"]


def test_a_star_is_no_pattern_but_no_resource() -> None:
    """AUTH D-8: only the literal `*` of a policy matches it."""
    on_keys = policy({"Effect": "Allow", "Action": "*", "Resource": "arn:aws:kms:*:*:key/*"})
    wanted = {"action": "kms:ListKeys", "resource": {"arn": "*"}}
    assert decided(**wanted, policies={"identity": [on_keys]})["decision"] == "ImplicitlyDenied"
    reply = decided(**wanted, policies={"identity": [ALL]})
    assert (reply["decision"], reply["path"]) == ("Allowed", "identity")


@pytest.mark.parametrize(
    ("resource", "account"),
    [
        ({"arn": KEY}, ACCOUNT),
        ({"arn": KEY, "account": ACCOUNT}, ACCOUNT),
        ({"arn": "*"}, ACCOUNT),
        ({"arn": "arn:aws:s3:::b/o", "account": PARTNER}, PARTNER),
        ({"arn": f"arn:aws:sqs:us-east-1:{PARTNER}:q"}, PARTNER),
    ],
)
def test_the_owner_is_given_or_stands_in_the_arn(resource: dict[str, str], account: str) -> None:
    action = {"*": "kms:ListKeys", KEY: "kms:Decrypt"}.get(resource["arn"], "s3:GetObject")
    found = question(resource=resource, action=action).request
    assert found.resource.account == account


def test_alias_actions_are_checked_on_alias_and_key() -> None:
    for arn in (KEY, ALIAS):
        assert question(action="kms:CreateAlias", resource={"arn": arn}).request.resource.arn


# Circumstances


def condition(operator: str, key: str, value: object) -> dict[str, Any]:
    """Return policies that allow the role under one condition."""
    allow = statement("Allow", Principal={"AWS": ROLE}, Condition={operator: {key: value}})
    return {"resource": policy(allow)}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("aws:PrincipalArn", ROLE),
        ("aws:PrincipalAccount", ACCOUNT),
        ("aws:PrincipalType", "AssumedRole"),
        ("aws:ResourceAccount", ACCOUNT),
        ("kms:CallerAccount", ACCOUNT),
        ("aws:CurrentTime", "2026-01-01T00:00:10Z"),
        ("aws:EpochTime", "1767225610"),
    ],
)
def test_what_follows_from_the_request_is_filled_in_unless_it_is_null(key: str, value: str) -> None:
    common = {"policies": condition("StringEquals", key, value), "at": "2026-01-01T00:00:10Z"}
    assert decided(**common)["decision"] == "Allowed"
    for spelling in (key, key.upper()):
        reply = decided(**common, context={spelling: None})
        assert reply["decision"] == "ImplicitlyDenied"
        assert "request has no such key" in reply["reasons"][0]["why"]
    assert decided(**common, context={key: "other"})["decision"] == "ImplicitlyDenied"


@pytest.mark.parametrize(
    "key", ["aws:PrincipalIsAWSService", "aws:username", "aws:userid", "aws:CurrentTime"]
)
def test_every_other_absent_key_is_absent(key: str) -> None:
    assert decided(policies=condition("Null", key, "true"))["decision"] == "Allowed"
    assert decided(policies=condition("Null", key, "true"), context={key: "x"})["decision"] == (
        "ImplicitlyDenied"
    )


def test_a_list_also_of_one_is_multivalued() -> None:
    """AUTH F-9, F-10."""
    policies = condition("StringEquals", "aws:SourceVpce", "vpce-1")
    assert decided(policies=policies, context={"aws:SourceVpce": "vpce-1"})["decision"] == "Allowed"
    reply = decided(policies=policies, context={"aws:SourceVpce": ["vpce-1"]})
    assert reply["decision"] == "ImplicitlyDenied"


def test_names_of_pairs_may_differ_by_case_only() -> None:
    """AUTH J-100."""
    context = {"kms:EncryptionContext:a": "1", "kms:EncryptionContext:A": "2"}
    assert question(context=context).request.context.encryption_context == {"a": "1", "A": "2"}


# Policies


def test_a_policy_is_a_document_or_its_text_or_has_a_name() -> None:
    forms: list[object] = [
        ALL,
        json.dumps(ALL, indent=2),
        {"name": "first", "document": ALL},
        {"name": None, "document": json.dumps(ALL)},
    ]
    request = asked(policies={"identity": forms})
    REQUESTS.validate(request)
    documents = parse_request(json.dumps(request)).documents
    assert [p.name for p in documents.identity] == ["identity[0]", "identity[1]", "first",
                                                    "identity[3]"]  # fmt: skip
    assert [len(p.statements) for p in documents.identity] == [1, 1, 1, 1]


def test_each_place_has_its_kind_and_its_name() -> None:
    rcp = policy({"Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*"})
    documents = question(
        policies={
            "identity": [ALL],
            "permissions_boundary": ALL,
            "session": [ALL],
            "resource": ROOT,
            "scps": [{"target": "r-ab12", "policies": [ALL]}],
            "rcps": [{"target": "r-ab12", "policies": [rcp]}],
            "vpc_endpoint": ROOT,
        }
    ).documents
    assert documents.session is not None
    assert documents.scps is not None
    assert documents.rcps is not None
    found = {
        "identity": documents.identity[0],
        "permissions_boundary": documents.boundary,
        "session": documents.session[0],
        "resource": documents.key_policy,
        "scps": documents.scps[0].policies[0],
        "rcps": documents.rcps[0].policies[0],
        "vpc_endpoint": documents.endpoint,
    }
    assert {name: (p.kind, p.name) for name, p in found.items() if p is not None} == {
        "identity": (PolicyKind.IDENTITY_POLICY, "identity[0]"),
        "permissions_boundary": (PolicyKind.IDENTITY_POLICY, "permissions boundary"),
        "session": (PolicyKind.IDENTITY_POLICY, "session[0]"),
        "resource": (PolicyKind.KEY_POLICY, "key policy"),
        "scps": (PolicyKind.SCP, "scp r-ab12[0]"),
        "rcps": (PolicyKind.RCP, "rcp r-ab12[0]"),
        "vpc_endpoint": (PolicyKind.ENDPOINT_POLICY, "VPC endpoint policy"),
    }


def test_a_policy_of_another_services_resource_is_no_key_policy() -> None:
    s3 = {"action": "s3:GetObject", "resource": {"arn": "arn:aws:s3:::b/o", "account": ACCOUNT}}
    found = question(**s3, policies={"resource": ROOT}).documents.key_policy
    assert found is not None
    assert (found.kind, found.name) == (PolicyKind.RESOURCE_POLICY, "resource policy")


@pytest.mark.parametrize("nothing", [None, [], "absent"])
def test_absent_null_and_an_empty_list_are_none(nothing: object) -> None:
    names = ["identity", "permissions_boundary", "session", "resource", "scps", "rcps",
             "vpc_endpoint"]  # fmt: skip
    policies: dict[str, object] = {} if nothing == "absent" else dict.fromkeys(names, nothing)
    request = asked(policies=policies)
    REQUESTS.validate(request)
    assert parse_request(json.dumps(request)).documents == question().documents


def test_a_level_of_scps_without_policies_allows_nothing() -> None:
    """AUTH L-12."""
    common = {"resource": FOR_ROLE}
    full = {"target": "r-ab12", "policies": [ALL]}
    for attached in (list[object](), None):
        levels = [full, {"target": "ou-1", "policies": attached}]
        reply = decided(policies={**common, "scps": levels})
        assert (reply["layer"], reply["blocked_by"]) == ("scp", ["scps"])
    assert decided(policies={**common, "scps": [full]})["decision"] == "Allowed"


def test_rcps_need_no_allow() -> None:
    """AUTH L-13."""
    levels = [{"target": "r-ab12", "policies": []}]
    assert decided(policies={"resource": FOR_ROLE, "rcps": levels})["decision"] == "Allowed"


def test_numbers_in_a_policy_stay_as_they_are_written() -> None:
    """AUTH B-10."""
    for number in ("7", "7.50", "1e3", "-0", "12345678901234567890123"):
        request = asked(policies=condition("StringEquals", "x:n", "N"), context={"x:n": number})
        text = json.dumps(request).replace('"N"', number)
        for positions in (False, True):
            assert answer(parse_request(text, positions=positions))["decision"] == "Allowed"


def test_equal_policies_are_read_once_but_text_and_object_stay_apart() -> None:
    one, two = question(policies={"resource": ROOT}), question(policies={"resource": dict(ROOT)})
    assert one.documents.key_policy is two.documents.key_policy
    written = repr(ROOT)  # what an object looks like to a careless cache
    error = refused(asked(policies={"resource": written}))
    assert "KG1" in error.message


def test_places_are_those_of_the_request_or_of_the_text() -> None:
    request = asked(policies={"resource": ROOT, "identity": [json.dumps(ALL, indent=2)]})
    text = json.dumps(request, indent=2)
    documents = parse_request(text, "ask.json", positions=True).documents
    assert documents.key_policy is not None
    source, span = documents.key_policy.source, documents.key_policy.statements[0].span
    line = source.position(span.start).line
    assert text.splitlines()[line].strip() == '"Effect": "Allow",'
    assert source.place(span) == f"ask.json:{line}:9"
    assert documents.identity[0].source.place(documents.identity[0].statements[0].span) == (
        "identity[0]:4:5"
    )


def test_both_ways_of_reading_give_the_same_policies() -> None:
    def bare(read: Policy | None) -> object:
        assert read is not None
        return [(s.sid, s.effect, str(s.conditions and s.conditions[0].operator)) for s in
                read.statements]  # fmt: skip

    request = json.dumps(asked(policies={"resource": condition("Bool", "a:b", True)["resource"]}))
    fast, slow = parse_request(request), parse_request(request, positions=True)
    assert bare(fast.documents.key_policy) == bare(slow.documents.key_policy)
    assert answer(fast) == answer(slow)


# Grants


def test_a_grant_is_read_as_list_grants_shows_it() -> None:
    full = grant(
        KeyId=KEY,
        Name="job",
        CreationDate=1767225600.5,
        RetiringPrincipal=USER,
        IssuingAccount=f"arn:aws:iam::{ACCOUNT}:root",
        Constraints={"EncryptionContextEquals": {"a": ""}, "SourceArn": "arn:aws:s3:::b"},
        GrantTokens=["t"],
    )
    request = asked(grants=[full], grant_consistency_seconds=300, at=CREATED)
    REQUESTS.validate(request)
    (found,) = parse_request(json.dumps(request)).documents.grants
    assert found.created_at == dt.datetime(2026, 1, 1, 0, 0, 0, 500_000, tzinfo=dt.UTC)
    assert found.effective_at == found.created_at + dt.timedelta(seconds=300)
    assert (found.name, found.tokens, found.key_arn) == ("job", frozenset({"t"}), KEY)
    assert found.constraints.equals == {"a": ""}
    assert found.constraints.source_arn == "arn:aws:s3:::b"
    assert (found.retiring_principal, found.issuing_account) == (
        USER,
        f"arn:aws:iam::{ACCOUNT}:root",
    )


@pytest.mark.parametrize(
    ("created", "delay", "at", "tokens", "decision"),
    [
        (None, 300, None, [], "Allowed"),
        (None, 300, CREATED, [], "Allowed"),
        (CREATED, 0, CREATED, [], "Allowed"),
        (CREATED, 0, None, [], "Allowed"),
        (CREATED, 0, "2025-12-31T23:59:59Z", [], "ImplicitlyDenied"),
        (CREATED, 300, "2026-01-01T00:04:59Z", [], "ImplicitlyDenied"),
        (CREATED, 300, "2026-01-01T00:05:00Z", [], "Allowed"),
        (CREATED, 300, "2026-01-01T00:04:59Z", ["t"], "Allowed"),
        (CREATED, 300, "2026-01-01T00:04:59Z", ["other"], "ImplicitlyDenied"),
        (CREATED, 300, None, [], "ImplicitlyDenied"),
        (CREATED, 300, None, ["t"], "Allowed"),
        ("2026-01-01T01:00:00.000000+01:00", 300, 1767225900, [], "Allowed"),
    ],
)
def test_a_new_grant_needs_its_token(
    created: str | None, delay: int, at: str | int | None, tokens: list[str], decision: str
) -> None:
    """AUTH N-30, N-31."""
    reply = decided(
        grants=[grant(CreationDate=created, GrantTokens=["t"])],
        grant_consistency_seconds=delay,
        at=at,
        grant_tokens=tokens,
    )
    assert reply["decision"] == decision
    if decision == "ImplicitlyDenied":
        assert reply["reasons"][-1]["element"] == ElementName.TIME


@pytest.mark.parametrize(
    ("changes", "element"),
    [
        ({"GranteePrincipal": USER}, "GranteePrincipal"),
        ({"Operations": ["Encrypt", "DescribeKey"]}, "Operations"),
        ({"Constraints": {"EncryptionContextSubset": {"a": "1"}}}, "Constraints"),
        ({"KeyId": KEY.replace("1234abcd", "ffffffff")}, "Resource"),
        ({"GranteePrincipal": None, "GranteeServicePrincipal": "s3.amazonaws.com"},
         "GranteePrincipal"),
    ],
)  # fmt: skip
def test_a_grant_that_does_not_match_says_why(changes: dict[str, object], element: str) -> None:
    reply = decided(grants=[grant(**changes)])
    (reason,) = reply["reasons"]
    assert (reason["outcome"], reason["element"]) == ("no match", element)
    assert reply["decision"] == "ImplicitlyDenied"


def test_a_key_id_alone_names_the_resource() -> None:
    assert decided(grants=[grant(KeyId=KEY.rpartition("/")[2])])["path"] == "grant"


def test_grants_do_not_speak_about_anything_but_keys() -> None:
    """AUTH L-8."""
    read = question(action="kms:ListKeys", resource={"arn": "*"}, grants=[grant()])
    assert read.documents.grants == ()


def test_a_retired_grant_is_the_only_one_or_that_of_the_token() -> None:
    """AUTH N-50."""
    mine = grant(RetiringPrincipal=ROLE, GrantTokens=["mine"])
    other = grant(GrantId="g-2", GrantTokens=["other"])
    common = {"action": "kms:RetireGrant"}
    assert decided(**common)["layer"] == "service"
    assert decided(**common, grants=[mine])["path"] == "grant"
    assert decided(**common, grants=[other, mine], grant_tokens=["mine"])["path"] == "grant"
    assert refused(asked(**common, grants=[other, mine])).field == "grants"


# Answers


def test_an_answer_names_the_layer_and_the_path() -> None:
    reply = decided(id="q", policies={"resource": ROOT, "identity": [ALL]})
    assert {name: reply[name] for name in ("id", "decision", "layer", "path", "message")} == {
        "id": "q",
        "decision": "Allowed",
        "layer": "key_policy",
        "path": "key_policy:account+identity",
        "message": None,
    }
    assert reply["blocked_by"] == []


def test_reasons_hold_one_entry_for_each_statement() -> None:
    deny = {"Sid": "No", "Effect": "Deny", "NotAction": "kms:Get*", "Resource": "*",
            "Principal": {"AWS": USER}}  # fmt: skip
    resource = {"Version": "2012-10-17", "Statement": [*ROOT["Statement"], deny]}
    reply = decided(policies={"resource": {"name": "K", "document": resource}})
    assert reply["reasons"] == [
        {
            "layer": "key_policy", "policy": "K", "statement": 0, "sid": None, "effect": "Allow",
            "outcome": "applies", "element": None,
            "why": "every element matches; it names the whole account, so that identity policies "
            "may speak",
        },
        {
            "layer": "key_policy", "policy": "K", "statement": 1, "sid": "No", "effect": "Deny",
            "outcome": "no match", "element": "Principal",
            "why": f"{USER} does not name {SESSION}",
        },
    ]  # fmt: skip


def test_a_brief_answer_has_no_reasons() -> None:
    reply = answer(question(policies={"resource": ROOT}), brief=True)
    ANSWERS.validate(reply)
    assert reply["reasons"] == []
    assert reply["decision"] == "ImplicitlyDenied"


@pytest.mark.parametrize(
    ("policies", "blocked"),
    [
        ({"resource": ROOT}, ["identity"]),
        ({"resource": ROOT, "permissions_boundary": policy(statement("Allow", "s3:*"))},
         ["identity", "permissions_boundary"]),
        ({"resource": FOR_ROLE, "session": [policy(statement("Allow", "s3:*"))]}, ["session"]),
        ({"resource": FOR_ROLE, "scps": [{"target": "r"}]}, ["scps"]),
        ({"resource": FOR_ROLE, "vpc_endpoint": policy()}, ["vpc_endpoint"]),
        ({"resource": policy(*FOR_ROLE["Statement"], statement("Deny", Principal="*"))},
         ["resource"]),
        ({"resource": FOR_ROLE, "rcps": [
            {"target": "r", "policies": [policy(statement("Deny", Principal="*"))]}]}, ["rcps"]),
        ({"identity": [ALL]}, []),
    ],
)  # fmt: skip
def test_blocked_by_uses_the_names_of_the_request(
    policies: dict[str, object], blocked: list[str]
) -> None:
    reply = decided(policies=policies)
    assert reply["decision"] != "Allowed"
    assert reply["blocked_by"] == blocked


def test_kms_needs_an_offer_of_the_key_where_other_services_do_not() -> None:
    """AUTH A-11, side by side: the same policies and another answer."""
    policies = {"identity": [ALL], "resource": policy()}
    key = decided(policies=policies)
    bucket = {"arn": "arn:aws:s3:::b/o", "account": ACCOUNT}
    s3 = decided(policies=policies, action="s3:GetObject", resource=bucket)
    assert (key["decision"], key["layer"]) == ("ImplicitlyDenied", "key_policy")
    assert (s3["decision"], s3["path"]) == ("Allowed", "identity")
    foreign = decided(policies=policies, action="s3:GetObject",
                      resource={**bucket, "account": PARTNER})  # fmt: skip
    assert (foreign["decision"], foreign["layer"]) == ("ImplicitlyDenied", "key_policy")


# Mistakes

P, R = "principal", "resource"
MISTAKES: list[tuple[str, object, str]] = [
    # the request as a whole
    ("id", asked(id=7), "id: must be a string, found a number"),
    ("principal", asked(principal=None), "principal: is missing; say who asks"),
    ("action", asked(action=None), "action: is missing; say what is asked"),
    ("resource", asked(resource=None), "resource: is missing; say on what"),
    ("acton", {"acton": "x", **asked(action=None)}, "acton: unknown field; did you mean 'action'?"),
    ("zzz", asked(zzz=1), "zzz: unknown field; known here: id, principal, action"),
    ("permission_boundary", asked(permission_boundary=ALL), "permission_boundary: unknown field"),
    # principal
    (P, asked(principal=SESSION), 'principal: must be an object such as {"arn"'),
    (P, asked(principal={}), "must have exactly one of arn, service and anonymous; found none"),
    (P, asked(principal={"arn": USER, "service": "a.b"}), "found arn and service"),
    (P, asked(principal={"role_arn": ROLE}), "found none of them"),
    ("principal.anonymous", asked(principal={"anonymous": False}), "must be true, or left out"),
    ("principal.anonymous", asked(principal={"anonymous": "true"}), "must be true, or left out"),
    ("principal.service", asked(principal={"service": "lambda"}), "'lambda' is not a service"),
    ("principal.service", asked(principal={"service": ""}), "must not be empty"),
    ("principal.servce", asked(principal={"servce": "a.b"}), "did you mean 'service'?"),
    ("principal.arn", asked(principal={"arn": "alice"}), "'alice' is not an ARN"),
    ("principal.arn", asked(principal={"arn": 1}), "must be a string, found a number"),
    ("principal.arn", asked(principal={"arn": f"arn:aws:iam::{ACCOUNT}:role/*"}), "a pattern"),
    ("principal.arn", asked(principal={"arn": f"arn:aws:iam::{ACCOUNT}:group/g"}), "no caller"),
    ("principal.arn", asked(principal={"arn": "arn:aws:iam::1:user/a"}), "names no caller"),
    ("principal.arn", asked(principal={"arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/app"}),
     "names no caller"),
    ("principal.role_arn", asked(principal={"arn": USER, "role_arn": ROLE}), "only a role session"),
    ("principal.role_arn", asked(principal={"arn": ROLE, "role_arn": ROLE}), "only a role session"),
    ("principal.role_arn", asked(principal={"service": "a.b", "role_arn": ROLE}), "only a role"),
    ("principal.role_arn", asked(principal={"arn": SESSION, "role_arn": USER}), "not the ARN of a"),
    ("principal.role_arn", asked(principal={"arn": SESSION, "role_arn": ROLE + "2"}),
     f"is not the role of this session, {ROLE}"),
    # action
    ("action", asked(action=["kms:Decrypt"]), "action: must be a string, found a list"),
    ("action", asked(action="Decrypt"), "'Decrypt' is not one action such as kms:Decrypt"),
    ("action", asked(action="kms:*"), "'kms:*' is not one action"),
    ("action", asked(action="kms:Decypt"), "not an action of KMS; did you mean 'kms:Decrypt'?"),
    ("action", asked(action="kms:ReEncrypt"), "'kms:ReEncrypt' is not an action of KMS"),
    # resource
    (R, asked(resource=KEY), 'resource: must be an object such as {"arn"'),
    ("resource.arn", asked(resource={}), "resource.arn: is missing; give one ARN"),
    ("resource.arn", asked(resource={"arn": "alias/app"}), "'alias/app' is not an ARN; a key is"),
    ("resource.arn", asked(resource={"arn": KEY[:-1] + "*"}), "never a pattern"),
    ("resource.arn", asked(resource={"arn": KEY[:-1] + "?"}), "never a pattern"),
    ("resource.arn", asked(resource={"arn": KEY.replace(":key/", ":store/")}), "of a KMS key or"),
    ("resource.arn", asked(resource={"arn": KEY.replace("us-east-1", "")}), "of a KMS key"),
    ("resource.account", asked(resource={"arn": KEY, "account": PARTNER}),
     f"is {PARTNER}, but the ARN names account {ACCOUNT}"),
    ("resource.account", asked(resource={"arn": KEY, "account": "1"}), "of twelve digits"),
    ("resource.account", asked(action="s3:GetObject", resource={"arn": "arn:aws:s3:::b/o"}),
     "is missing; arn:aws:s3:::b/o does not say whose it is"),
    ("resource.arn", asked(resource={"arn": "*"}), "kms:Decrypt is checked on a KMS key, not on *"),
    ("resource.arn", asked(resource={"arn": ALIAS}), "on a KMS key, not on an alias"),
    ("resource.arn", asked(action="kms:ListKeys"), "is checked on *, not on a KMS key"),
    ("resource.arn", asked(action="kms:CreateAlias", resource={"arn": "*"}),
     "kms:CreateAlias is checked on a KMS key and on an alias, not on *"),
    ("resource.arn", asked(resource={"arn": "arn:aws:s3:::b", "account": ACCOUNT}),
     "not on arn:aws:s3:::b"),
    ("resource.arn", asked(action="s3:GetObject"), "s3:GetObject is not checked on a KMS key"),
    # context
    ("context", asked(context=[]), "context: must be an object of condition keys, found a list"),
    ("context", asked(context={"": "x"}), "a condition key must not be empty"),
    ('context["aws:SourceVpce"]', asked(context={"aws:SourceVpce": 1}),
     "must be a string or a list of strings, found a number"),
    ('context["aws:ViaAWSService"]', asked(context={"aws:ViaAWSService": True}), "found a boolean"),
    ('context["aws:TagKeys"][1]', asked(context={"aws:TagKeys": ["a", None]}), "found null"),
    ('context["AWS:sourceip"]', asked(context={"aws:SourceIp": "1.1.1.1", "AWS:sourceip": None}),
     "is the same key as aws:SourceIp"),
    # policies
    ("policies", asked(policies=[]), "policies: must be an object, found a list"),
    ("policies.permission_boundary", asked(policies={"permission_boundary": ALL}),
     "unknown field; did you mean 'permissions_boundary'?"),
    ("policies.identity", asked(policies={"identity": ALL}), "a list of policies, found an object"),
    ("policies.identity[0]", asked(policies={"identity": [7]}),
     'must be a policy document, its JSON text or {"name", "document"}, found a number'),
    ("policies.permissions_boundary", asked(policies={"permissions_boundary": [ALL]}),
     "found a list"),
    ("policies.session[0].document", asked(policies={"session": [{"name": "x"}]}),
     "is missing; give the policy itself"),
    ("policies.session[0].name", asked(policies={"session": [{"name": "", "document": ALL}]}),
     "must not be empty"),
    ("policies.session[0].Version", asked(policies={"session": [{**ALL, "document": ALL}]}),
     "unknown field"),
    ("policies.scps", asked(policies={"scps": {"target": "r"}}), "a list of levels, found an"),
    ("policies.scps[0]", asked(policies={"scps": [ALL["Statement"]]}), 'such as {"target"'),
    ("policies.scps[0].target", asked(policies={"scps": [{"policies": []}]}),
     "is missing; say which level it is"),
    ("policies.scps[0].target", asked(policies={"scps": [{"target": 1}]}), "found a number"),
    ("policies.rcps[1].policys", asked(policies={"rcps": [{"target": "r"}, {"policys": []}]}),
     "did you mean 'policies'?"),
    ("policies.resource", asked(policies={"resource": policy(statement("allow", Principal="*"))}),
     "policies.resource: key policy, Statement[0].Effect: KG114 Effect must be"),
    ("policies.resource", asked(policies={"resource": policy(statement("Allow"))}),
     "key policy, Statement[0]: KG117"),
    ("policies.identity[1].document",
     asked(policies={"identity": [ALL, {"name": "mine", "document": {}}]}), "mine: KG112"),
    ("policies.identity[0]",
     asked(policies={"identity": [json.dumps(policy(statement("X")), indent=1)]}),
     "policies.identity[0]: identity[0]:5:14: KG114"),
    ("policies.identity[0]", asked(policies={"identity": ['{"Version": "2012-10-17",}']}),
     "identity[0]:1:25: KG102"),
    ("policies.identity[0]", asked(policies={"identity": [""]}), "identity[0]:1:1: KG101"),
    ("policies.identity[0]", asked(policies={"identity": ['{"Statement": [], "Statement": []}']}),
     "KG105"),
    ("policies.identity[0]", asked(policies={"identity": [{**policy(), "Foo": 1}]}), "KG108"),
    # grants
    ("grants", asked(grants={}), "grants: must be a list of grants, found an object"),
    ("grants[0]", asked(grants=["g"]), "must be a grant, as ListGrants shows it, found a string"),
    ("grants[0].Operation", asked(grants=[{"Operation": []}]), "did you mean 'Operations'?"),
    ("grants[0].GranteePrincipal", asked(grants=[grant(GranteePrincipal=None)]), "is missing"),
    ("grants[0]", asked(grants=[grant(GranteeServicePrincipal="s3.amazonaws.com")]), "only one of"),
    ("grants[0].Operations", asked(grants=[grant(Operations=None)]), "is missing"),
    ("grants[0].Operations", asked(grants=[grant(Operations=[])]), "must name an operation"),
    ("grants[0].Operations[0]", asked(grants=[grant(Operations=["decrypt"])]),
     "'decrypt' is not an operation that can be granted; did you mean 'Decrypt'?"),
    ("grants[0].Constraints", asked(grants=[grant(Constraints={
        "EncryptionContextEquals": {}, "EncryptionContextSubset": {}})]), "only one of"),
    ("grants[0].Constraints.EncryptionContextEquals.a",
     asked(grants=[grant(Constraints={"EncryptionContextEquals": {"a": 1}})]), "found a number"),
    ("grants[0].Constraints.EncryptionContext",
     asked(grants=[grant(Constraints={"EncryptionContext": {}})]), "did you mean"),
    ("grants[0].CreationDate", asked(grants=[grant(CreationDate="yesterday")]), "is not a time"),
    ("grants[0].CreationDate", asked(grants=[grant(CreationDate=1e300)]), "is not a time"),
    ("grants[0].CreationDate", asked(grants=[grant(CreationDate=[])]), "must be a time such as"),
    ("grants[0].CreationDate", asked(grants=[grant(CreationDate="9999-12-31T23:59:59Z")],
                                     grant_consistency_seconds=300), "too late"),
    ("grants[0].GrantTokens[0]", asked(grants=[grant(GrantTokens=[1])]), "found a number"),
    ("grant_tokens", asked(grant_tokens="t"), "must be a list of strings, found a string"),
    ("grant_tokens[0]", asked(grant_tokens=[""]), "must not be empty"),
    ("grant_consistency_seconds", asked(grant_consistency_seconds="5"), "found a string"),
    ("grant_consistency_seconds", asked(grant_consistency_seconds=-1), "0 or more, found -1"),
    ("grant_consistency_seconds", asked(grant_consistency_seconds=1.5), "found 1.5"),
    ("at", asked(at="2026-01-01T00:00:10"), "'2026-01-01T00:00:10' is not a time such as"),
    ("at", asked(at=True), "must be a time such as 2026-01-01T00:00:10Z, found a boolean"),
]  # fmt: skip


@pytest.mark.parametrize(("field", "request_", "message"), MISTAKES)
def test_each_mistake_names_its_field(field: str, request_: dict[str, Any], message: str) -> None:
    error = refused({"id": "q", **request_})
    assert error.field == field
    assert error.message.startswith(f"{field}: ")
    assert message in error.message
    assert "\n" not in error.message
    assert error.id == (None if field == "id" else "q")
    assert error_answer(error) == {"id": error.id, "error": error.message, "field": field}


# What only a reader of policies, or of ARNs, can tell.
BEYOND_THE_SCHEMA = re.compile(
    "KG|not the role|only a role session|names no caller|did you mean 'kms:|action of KMS|of a KMS "
    "key or alias|but the ARN|whose it is|is checked on|is not checked on|same key|is not a time "
    "such|too late|not the ARN of a"
)


@pytest.mark.parametrize(("field", "request_", "message"), MISTAKES)
def test_the_schema_refuses_what_it_can_see(field: str, request_: object, message: str) -> None:
    error = refused(request_)
    if not BEYOND_THE_SCHEMA.search(error.message):
        assert list(REQUESTS.iter_errors(request_)), f"{field}: {message}"


def test_the_place_of_a_mistake_is_known_when_it_is_asked_for() -> None:
    text = json.dumps(asked(policies={"scps": [{"target": 1}]}), indent=2)
    with pytest.raises(RequestError) as caught:
        parse_request(text, positions=True)
    lines = text.splitlines()
    position = caught.value.position
    assert position is not None
    assert lines[position.line - 1][position.column - 1 :].startswith('"target": 1')


TEXTS = [
    (b"\xff{}", None, "byte 0xFF is not valid UTF-8"),
    ("", None, "column 1: syntax error: expected a JSON object, found nothing"),
    ("[]", None, "the request must be an object, found a list"),
    ("null", None, "the request must be an object, found null"),
    ('{"id": "a" "action": 1}', None, "column 11: missing ',' after \"a\""),
    ('{"id": "a",\n "action": }', None, "line 2, column 12: "),
    ('{"id": "a", "id": "b"}', None, 'column 13: "id" is given twice in this object'),
    ('{"id": NaN}', None, "column 8: "),
    ("{} {}", None, "column 4: expected the end of the text, found another value"),
    (r'{"id": "\ud800"}', None, "column 9: the escape \\ud800 is half of a surrogate pair"),
    ('{"id": "\ud800"}', None, "half of a surrogate pair"),
    ('{"a":' * 5000 + "1" + "}" * 5000, None, "nested more than 64 deep"),
    (" " * (MAX_BYTES + 1), None, "the text is longer than 1,048,576 bytes"),
]


@pytest.mark.parametrize(("text", "field", "message"), TEXTS)
def test_a_text_that_is_no_request_is_told_where(
    text: str | bytes, field: str | None, message: str
) -> None:
    error = refused(text)
    assert error.field is field
    assert message in error.message
    assert error.id is None


def test_a_large_text_that_is_no_json_is_refused_as_well() -> None:
    padding = " " * (MAX_BYTES - 100)
    assert "not JSON" in refused('{"id": "a",' + padding + "}").message
    assert "twice" in refused('{"id": "a", "id": "b"' + padding + "}").message
    assert "half of a" in refused(r'{"id": "\udc00"' + padding + "}").message


def test_a_deep_policy_is_refused_both_ways() -> None:
    deep: Any = "x"
    for _ in range(100):
        deep = [deep]
    text = json.dumps(asked(policies={"resource": {"Statement": deep}}))
    for positions in (False, True):
        with pytest.raises(RequestError, match="nested more than 64 deep"):
            parse_request(text, positions=positions)


def test_a_byte_order_mark_and_pairs_of_surrogates_are_taken() -> None:
    text = json.dumps(asked(id="\N{LOCK}"))  # an escaped pair
    assert parse_request("\ufeff" + text).id == "\N{LOCK}"
    assert parse_request(b"\xef\xbb\xbf" + text.encode()).id == "\N{LOCK}"


def test_the_field_of_a_hostile_name_is_safe_to_print() -> None:
    error = refused(asked(**{"\x1b[31m" + "x" * 500: 1}))
    assert "\x1b" not in error.message
    assert len(error.message) < 400


# Laws

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from([KEY, "*"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["arn", "target", "policies", "document", "Statement", "Operations", "a"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
FIELDS = ["id", "principal", "action", "resource", "context", "policies", "grants", "grant_tokens",
          "grant_consistency_seconds", "at"]  # fmt: skip


@given(st.sampled_from(FIELDS), VALUES)
def test_any_value_is_taken_or_refused_with_a_message(field: str, value: object) -> None:
    request = {**asked(), field: value}
    text = json.dumps(request)
    replies = [reply(text, positions=positions) for positions in (False, True)]
    assert [r.get("decision") for r in replies] == [replies[0].get("decision")] * 2
    assert [r.get("field") for r in replies] == [replies[0].get("field")] * 2
    if "error" not in replies[0]:
        assert not list(REQUESTS.iter_errors(request))


def reply(text: str, *, positions: bool) -> dict[str, Any]:
    """Return the answer to a text, which may be an error, after a look at its form."""
    try:
        found = answer(parse_request(text, positions=positions))
    except RequestError as error:
        found = error_answer(error)
    ANSWERS.validate(found)
    return found


@given(st.text(max_size=30) | st.binary(max_size=30))
def test_any_text_is_refused_with_a_message(text: str | bytes) -> None:
    with pytest.raises(RequestError):
        parse_request(text)


def test_the_schemas_know_the_words_of_the_engine() -> None:
    words = DEFINITIONS
    assert words["layer"]["enum"] == [layer.value for layer in Layer]
    assert words["path"]["enum"] == [path.value for path in AllowPath]
    assert words["decision"]["properties"]["decision"]["enum"] == sorted(Outcome)
    assert words["element"]["enum"] == list(ElementName)
    assert words["loss"]["properties"]["decision"]["enum"] == sorted(set(Outcome) - {"Allowed"})
    operations = words["grant"]["properties"]["Operations"]
    assert operations["items"]["enum"] == sorted(GRANT_OPERATIONS)


def test_the_careful_parser_is_not_asked_about_good_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes a hundred times as long as the decoder, which matters to a stream."""

    def fail(source: Source) -> None:
        raise AssertionError(source)

    monkeypatch.setattr(json_fields, "parse_json", fail)
    monkeypatch.setattr(request_policies, "parse_json", fail)
    fresh = policy({**statement("Allow", "kms:Sign"), "Sid": "\N{LOCK} fresh"})
    decided(policies={"identity": [fresh, json.dumps(fresh)], "resource": ROOT})

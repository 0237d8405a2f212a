"""Steps as they are read: what each kind takes, and what is refused before anything runs."""

# ruff: noqa: E501  (a row of a table, or of a scenario, stays on its line)

from __future__ import annotations

import time
from pathlib import Path

import pytest

from kms import operation
from kms.shapes import operation_names
from kmsgate.scenario.files import load
from kmsgate.scenario.model import Cell
from kmsgate.scenario.steps import MAX_STEPS
from tests.scenario_text import WORLD, messages, messages_of, said_about, suite_text

BLOB = "- {call: Encrypt, with: {KeyId: alias/payroll, Plaintext: {text: a}}, save: {blob: CiphertextBlob}}\n"


def said(steps: str, more: str = "") -> list[str]:
    """Return what is said about steps: messages only."""
    lines = said_about(suite_text(steps, more=more))
    return [line.partition(" ")[2] for line in lines if line.startswith("s.yaml")]


def said_of_matrix(matrix: str) -> list[str]:
    lines = said_about(f"{WORLD}tests:\n  - name: m\n    matrix: {matrix}\n")
    return [line.partition(" ")[2] for line in lines if line.startswith("s.yaml")]


# The kinds of steps

ONE_OF = (
    "a step needs exactly one of call, decide, advance, advance_to, change, look, who_can, run, do"
)


@pytest.mark.parametrize(
    ("step", "complaints"),
    [
        ("{}", [ONE_OF]),
        ("{note: hi}", [ONE_OF]),
        ("{call: Encrypt, decide: Encrypt}", [ONE_OF]),
        ("x", ["a step must be an object, found a string"]),
        ("", ["a step must be an object, found null"]),
        ("[]", ["a step must be an object, found a list"]),
        ("{cal: Encrypt}", ["unknown field 'cal' in a step"]),
        ("{advance: 5 minutes, expect: allow}", ["'expect' has no meaning beside 'advance'"]),
        ("{run: b, as: app}", ["no block 'b'; known: none", "'as' has no meaning beside 'run'"]),
        ("{call: ListKeys, note: [a]}", ["note must be a text, found a list"]),
        ("{call: ListKeys, dry_run: maybe}", ["dry_run must be true or false, found 'maybe'"]),
    ],
)  # fmt: skip
def test_a_step_is_of_one_kind_and_has_the_fields_of_it(step: str, complaints: list[str]) -> None:
    assert said(f"- {step}") == complaints


@pytest.mark.parametrize(
    ("asked", "complaints"),
    [
        ("{key: payroll, exactly: []}", ["who_can needs 'action'"]),
        ("{action: kms:Decrypt, exactly: []}", ["who_can needs 'key'"]),
        ("{action: kms:Decrypt, key: payroll}", ["who_can needs one of exactly, at_least, at_most"]),
        ("{action: kms:Decrypt, key: payroll, exactly: [], at_most: []}",
            ["who_can needs one of exactly, at_least, at_most"]),
        ("{action: kms:Decrypt, key: payrol, exactly: []}", ["no key 'payrol'; known: payroll"]),
        ("{action: kms:Decrypt, key: payroll, at_least: []}", ["there are no callers here"]),
        ("{action: kms:Decrypt, key: payroll, exactly: [ap, $who]}",
            ["no identity 'ap'; known: admin, app, auditor, outsider, root", "$who is not saved before this step"]),
        ("{action: kms:Decrypt, key: payroll, exactly: [anonymous]}",
            ["no identity 'anonymous'; known: admin, app, auditor, outsider, root"]),
    ],
)  # fmt: skip
def test_who_can_names_an_action_a_key_and_callers(asked: str, complaints: list[str]) -> None:
    assert said(f"- who_can: {asked}") == complaints


def test_who_can_is_asked_of_actions_that_an_operation_asks_on_a_named_key() -> None:
    for action in (
        "kms:ListKeys",
        "kms:ReEncryptTo",
        "kms:CreateAlias",
        "kms:RetireGrant",
        "s3:Get",
    ):
        (complaint,) = said(f"- who_can: {{action: '{action}', key: payroll, exactly: []}}")
        assert complaint.startswith(f"action is '{action}'; known: kms:CancelKeyDeletion, ")


def test_an_operation_that_cannot_be_executed_is_one_clear_mistake(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(operation._OPERATIONS, "EnableKeyRotation")
    step = "- {call: EnableKeyRotation, with: {Nothing: 3}, save: {x: y}}"

    assert said(f"{step}\n- {{call: Decrypt, with: {{CiphertextBlob: $x}}}}") == [
        "EnableKeyRotation is not supported by this version of kmsgate"
    ]


def test_a_decision_can_be_asked_of_every_operation_of_the_service() -> None:
    steps = "\n".join(f"- {{decide: {name}}}" for name in sorted(operation_names()))

    assert said(steps) == []
    assert said("- {decide: Sing}") == ["no operation 'Sing'"]


# Who, where, on which way


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ("as: nobody", "no identity 'nobody'; known: admin, app, auditor, outsider, root"),
        ("as: [app]", "a caller must be a text, found a list"),
        ("as: ", "a caller must be a text, found null"),
        ("as: '$app.arn'", "no identity '$app.arn'; known: admin, app, auditor, outsider, root"),
        ("as: $who", "$who is not saved before this step"),
        ("via: {a: b}", "via must be a text, found an object"),
        ("via: ''", "'' is not a service such as s3"),
        ("via: S 3", "'S 3' is not a service such as s3"),
        ("endpoint: [x]", "endpoint must be a text, found a list"),
        ("endpoint: office", "no endpoint 'office'; known: none"),
        ("endpoint: $x", "$x is not saved before this step"),
        ("region: {a: b}", "region must be a text, found an object"),
        ("region: mars", "'mars' is not a Region such as eu-west-1"),
        ("context: [a]", "context must be an object, found a list"),
        ("context: {aws:x: {a: b}}", "'aws:x' must be a text, found an object"),
        ("context: {aws:x: [[a]]}", "'aws:x' must be a text, found a list"),
        ("context: {aws:x: }", "'aws:x' must be a text, found null"),
        ("context: {aws:x: [a, $y]}", "$y is not saved before this step"),
        ("context: {kms:ViaService: x}", "'kms:ViaService' follows from the call and cannot be given"),
        ("context: {AWS:principaltag/Team: x}", "'AWS:principaltag/Team' follows from the call and cannot be given"),
        ("with: ", "ListKeys takes an object here"),
        ("with: [a]", "ListKeys takes an object here"),
        ("save: [a]", "save must be an object, found a list"),
        ("save: {k: [Keys]}", "an output member must be a text, found a list"),
        ("save: {a.b: Keys}", "'a.b' cannot be the name of a value"),
        ("save: {now: Keys}", "'now' cannot be the name of a value"),
    ],
)  # fmt: skip
def test_what_surrounds_a_call_is_checked(fields: str, complaint: str) -> None:
    assert said(f"- {{call: ListKeys, {fields}}}") == [complaint]


def test_every_call_has_a_caller() -> None:
    text = suite_text("- {call: ListKeys}").replace("    as: app\n", "")

    assert said_about(text) == [
        "s.yaml:23:9: nobody makes this call",
        "help: write 'as: NAME' in the step or the test",
    ]


def test_the_caller_of_a_test_is_checked_once() -> None:
    text = suite_text("- {call: ListKeys}\n- {call: ListKeys}").replace("as: app", "as: ap")

    assert said_about(text) == [
        "s.yaml:22:9: no identity 'ap'; known: admin, app, auditor, outsider, root",
        "help: did you mean 'app'?",
    ]


def test_a_caller_may_be_a_value_of_each() -> None:
    step, key = "{as: $who, decide: Encrypt, with: {KeyId: alias/payroll}}", "    each: {who: %s}\n"

    assert messages_of(f"- {step}", more=key % "[app, root]") == []
    assert said(f"- {step}", more=key % "[app, nobody]") == [
        "no identity 'nobody'; known: admin, app, auditor, outsider, root"
    ]


def test_endpoints_are_those_of_the_world_or_look_like_one() -> None:
    assert said("- {call: ListKeys, endpoint: vpce-1a2b}") == []
    world = WORLD.replace("  roles:", "  endpoints: {office: {}}\n  roles:")

    assert said_about(suite_text("- {call: ListKeys, endpoint: office}", head=world)) == []
    (line, _) = said_about(suite_text("- {call: ListKeys, endpoint: offic}", head=world))
    assert line.endswith("no endpoint 'offic'; known: office")


# Members


@pytest.mark.parametrize(
    ("member", "complaint"),
    [
        ("KeyId: {a: b}", "KeyId must be a text, found an object"),
        ("KeyId: ", "KeyId must be a text, found null"),
        ("Plaintext: abc", "Plaintext takes bytes"),
        ("Plaintext: {txt: a}", "unknown field 'txt' in bytes"),
        ("Plaintext: {}", "Plaintext takes bytes in one form"),
        ("Plaintext: {text: a, hex: 00}", "Plaintext takes bytes in one form"),
        ("Plaintext: {repeat: 5a}", "Plaintext takes bytes in one form"),
        ("Plaintext: {length: 3}", "Plaintext takes bytes in one form"),
        ("Plaintext: {text: a, length: 3}", "Plaintext takes bytes in one form"),
        ("Plaintext: {hex: zz}", "'zz' is not hexadecimal"),
        ("Plaintext: {base64: a}", "'a' is not base64"),
        ("Plaintext: {random: -1}", "'-1' is not a size up to 1,048,576"),
        ("Plaintext: {random: 9999999}", "'9999999' is not a size up to 1,048,576"),
        ("Plaintext: {repeat: '', length: 3}", "there is nothing to repeat"),
        ("Plaintext: {repeat: 5a, length: x}", "'x' is not a size up to 1,048,576"),
        ("Plaintext: {text: [a]}", "text must be a text, found a list"),
        ("Plaintext: {text: $x}", "$x is not saved before this step"),
        ("Plaintext: {file: nowhere}", "cannot read 'nowhere': No such file or directory"),
        ("Plaintext: {file: /dev/zero}", "cannot read '/dev/zero': it is not an ordinary file"),
        ("EncryptionContext: [a]", "EncryptionContext must be an object, found a list"),
        ("EncryptionContext: {a: [b]}", "EncryptionContext must be a text, found a list"),
        ("GrantTokens: abc", "GrantTokens must be a list, found a string"),
        ("GrantTokens: [$x]", "$x is not saved before this step"),
        ("DryRun: maybe", "DryRun must be true or false, found 'maybe'"),
    ],
)  # fmt: skip
def test_members_have_the_type_of_the_service_model(member: str, complaint: str) -> None:
    assert said(f"- {{call: Encrypt, with: {{{member}}}}}") == [complaint]


def test_numbers_and_structures_have_their_type_too() -> None:
    assert said("- {call: ListKeys, with: {Limit: many}}") == [
        "Limit must be a whole number, found 'many'"
    ]
    assert said("- {call: CreateGrant, with: {Constraints: {Source: x}}}") == [
        "Constraints has no member 'Source'; members: EncryptionContextEquals, "
        "EncryptionContextSubset, SourceArn"
    ]


def test_names_in_a_policy_of_a_call_are_checked() -> None:
    policy = "{Statement: {Effect: Allow, Principal: {AWS: $nobody.arn}}}"

    assert said(f"- {{call: PutKeyPolicy, with: {{Policy: {policy}}}}}") == [
        "$nobody.arn is not saved before this step"
    ]


def test_quoted_dollars_and_policy_variables_are_text() -> None:
    steps = """
        - call: PutKeyPolicy
          with:
            Policy:
              Statement:
                Resource:
                  - ${aws:username}
                  - "$quoted"
        """

    assert said(steps) == []


# Time


@pytest.mark.parametrize(
    ("step", "complaint"),
    [
        ("advance: 5 parsecs", "'5 parsecs' is not a span of time"),
        ("advance: 999999999 weeks", "'999999999 weeks' is not a span of time"),
        ("advance: ", "a span of time must be a text, found null"),
        ("advance: [5 days]", "a span of time must be a text, found a list"),
        ("advance: {}", "this span of time is empty"),
        ("advance: {day: 3}", "unknown field 'day' in a span of time"),
        ("advance: {days: x}", "'x' days is not a span of time"),
        ("advance: {days: $x}", "$x is not saved before this step"),
        ("advance: $x", "$x is not saved before this step"),
        ("advance_to: soon", "'soon' is not a time such as 2026-01-05T09:00:00Z"),
        ("advance_to: {in: 3 days}", "a time must be a text, found an object"),
        ("advance_to: $x", "$x is not saved before this step"),
    ],
)  # fmt: skip
def test_spans_and_moments_are_checked(step: str, complaint: str) -> None:
    assert said(f"- {{{step}}}") == [complaint]


# Blocks


def test_a_block_that_runs_itself_is_told() -> None:
    blocks = "blocks: {a: [{run: b}], b: [{run: a}]}\n"

    assert said_about(suite_text("- {run: a}") + blocks) == ["s.yaml:25:35: block 'a' runs itself"]


def test_blocks_that_multiply_are_stopped() -> None:
    twice = "".join(f"  b{n}: [{{run: b{n + 1}}}, {{run: b{n + 1}}}]\n" for n in range(60))
    text = f"{suite_text('- {run: b0}')}blocks:\n{twice}  b60: [{{call: ListKeys}}]\n"
    began = time.monotonic()

    lines = said_about(text)
    assert len(lines) == 1
    assert lines[0].endswith(f"the test grows beyond {MAX_STEPS:,} steps here")
    assert time.monotonic() - began < 20


def test_mistakes_in_a_block_are_told_once_for_all_who_run_it() -> None:
    blocks = "blocks: {a: [{call: Enkrypt}]}\n"

    assert said_about(suite_text("- {run: a}\n- {run: a}") + blocks) == [
        "s.yaml:26:21: no operation 'Enkrypt'",
        "help: did you mean 'Encrypt'?",
    ]


@pytest.mark.parametrize("blocks", ["3", "[]", "{a: 3}", "{a: {run: a}}"])
def test_blocks_are_named_lists(blocks: str) -> None:
    lines = said_about(f"{suite_text('- {run: a}')}blocks: {blocks}\n")

    assert any("must be" in line for line in lines)


def test_a_block_that_no_test_runs_is_checked_all_the_same() -> None:
    blocks = "blocks:\n  a: [{call: Enkrypt}]\n  b: [{call: Decrypt, with: {CiphertextBlob: $x}}]\n"

    assert said_about(suite_text("- {call: ListKeys}") + blocks) == [
        "s.yaml:26:14: no operation 'Enkrypt'",
        "help: did you mean 'Encrypt'?",
    ]


@pytest.mark.parametrize("nothing", ["", "[]"])
def test_a_block_without_steps_is_told(nothing: str) -> None:
    lines = said_about(f"{suite_text('- {run: a}')}blocks: {{a: {nothing}}}\n")

    assert [line.partition(" ")[2] for line in lines] == ["there are no steps here"]


# Outside changes and looks


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("{}", "say which: key or identity or role or user or endpoint or scp or rcp"),
        ("", "this step must be an object, found null"),
        ("{key: payroll, identity: app}", "say which: key or identity or role or user or endpoint or scp or rcp"),
        ("3", "this step must be an object, found a string"),
        ("{key: payroll}", "nothing changes here"),
        ("{key: [payroll], state: Enabled}", "the name must be a text, found a list"),
        ("{key: payrol, state: Enabled}", "no key 'payrol'; known: payroll"),
        ("{key: payroll, state: Creating}", "state is 'Creating'; known: Disabled, Enabled, PendingDeletion, PendingImport"),
        ("{key: payroll, state: [x]}", "state must be a text, found a list"),
        ("{key: payroll, tags: x}", "tags must be an object, found a string"),
        ("{key: payroll, tags: {a: [b]}}", "'a' must be a text, found a list"),
        ("{key: payroll, drop_statement: [a]}", "drop_statement must be a text, found a list"),
        ("{key: payroll, add_statement: 3}", "a statement must be an object"),
        ("{key: payroll, add_statement: {Principal: {AWS: $x}}}", "$x is not saved before this step"),
        ("{key: payroll, policy: nope}", "no policy 'nope'; known: may-use"),
        ("{key: payroll, policy: {file: nowhere}}", "cannot read 'nowhere': No such file or directory"),
        ("{key: payroll, recreate: true}", "unknown field 'recreate' in this step about a key"),
        ("{identity: payroll, tags: {}}", "no identity 'payroll'; known: admin, app, auditor, outsider"),
        ("{user: app, tags: {}}", "no user 'app'; known: outsider"),
        ("{identity: app, delete: false}", "delete can only be true"),
        ("{identity: app, delete: true, tags: {}}", "who is deleted cannot change otherwise"),
        ("{identity: app, policies: [nope]}", "no policy 'nope'; known: may-use"),
        ("{endpoint: vpce-1, policy: may-use}", "no endpoint 'vpce-1'; known: none"),
        ("{scp: nobody, policies: {}}", "no account 'nobody'; known: main, partner"),
        ("{scp: main, policies: {}}", "account 'main' belongs to no organization"),
    ],
)  # fmt: skip
def test_what_cannot_be_changed_is_told(change: str, complaint: str) -> None:
    assert said(f"- change: {change}") == [complaint]


def test_a_bad_statement_is_told_where_it_stands_with_the_code_of_its_rule() -> None:
    statement = "{Effect: Deny, Principl: '*', Action: '*', Resource: '*'}"

    assert said_about(suite_text(f"- change: {{key: payroll, add_statement: {statement}}}")) == [
        "s.yaml:24:47: KG117 error: a statement of a key policy must have a Principal",
        'help: say who: "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"}',
        "s.yaml:24:62: KG108 error: unknown policy element 'Principl'; did you mean 'Principal'?",
    ]


@pytest.mark.parametrize(
    ("look", "complaint"),
    [
        ("{}", "say which: key or alias or grant or event or events or alarm or value"),
        ("[]", "this step must be an object, found a list"),
        ("{key: payroll}", "nothing is compared here"),
        ("{key: payrol, Enabled: true}", "no key 'payrol'; known: payroll"),
        ("{key: payroll, KeyStat: x}", "unknown field 'KeyStat' in this step about a key"),
        ("{key: payroll, Tags: {a: $x}}", "$x is not saved before this step"),
        ("{key: payroll, KeyId: {matches: '('}}", "this is not a regular expression of up to 1,000 characters"),
        ("{key: payroll, KeyId: {length: x}}", "'x' is not a length"),
        ("{key: payroll, KeyId: {absent: false}}", "absent can only be true"),
        ("{key: payroll, KeyId: {not: $x}}", "$x is not saved before this step"),
        ("{alias: payroll, TargetKeyId: x}", "'payroll' is not an alias name"),
        ("{grant: job, Name: x}", "no grant 'job'; known: none"),
        ("{grant: $x, Name: x}", "$x is not saved before this step"),
        ("{event: first, eventName: x}", "no event 'first'; known: last"),
        ("{events: {}, found: []}", "match says nothing"),
        ("{events: last, found: []}", "match must be an object, found a string"),
        ("{events: {key: payrol}, found: []}", "no key 'payrol'; known: payroll"),
        ("{events: {caler: app}, found: []}", "unknown field 'caler' in match"),
        ("{events: {key: payroll}}", "nothing is compared here"),
        ("{events: {key: payroll}, is: []}", "unknown field 'is' in this step about an events"),
        ("{value: $x, is: {length: 3}}", "$x is not saved before this step"),
        ("{value: x, is: {length: 3}}", "value takes bytes"),
        ("{value: {hex: 5a}}", "nothing is compared here"),
        ("{value: {hex: 5a}, is: {contains: x}}", "contains takes bytes"),
        ("{value: {hex: 5a}, is: {contains: $x}}", "$x is not saved before this step"),
        ("{alarm: siren, state: OK}", "no alarm 'siren'; known: none"),
        ("{event: last, eventNam: x}", "unknown field 'eventNam' in this step about an event"),
    ],
)  # fmt: skip
def test_what_cannot_be_looked_at_is_told(look: str, complaint: str) -> None:
    assert said(f"- look: {look}") == [complaint]


@pytest.mark.parametrize(
    ("step", "complaint"),
    [
        ("{do: tamper}", "tamper needs 'value'"),
        ("{do: tamper, with: {}}", "tamper needs 'value'"),
        ("{do: tamper, with: {value: abc}}", "value takes bytes"),
        ("{do: tamper, with: {valu: $x}}", "unknown field 'valu' in the input of tamper"),
        ("{do: tamper, with: {value: $x}}", "$x is not saved before this step"),
        ("{do: tamper, with: {value: {hex: 00}}, save: {x: blob}}",
         "the output of tamper has no member 'blob'; members: value"),
        ("{do: tamper, as: app, with: {value: {hex: 00}}}", "'as' has no meaning beside 'do'"),
        ("{do: dance}", "no work 'dance'; known: decrypt_local, encrypt_local, tamper, verify_local, wrap"),
        ("{do: [tamper]}", "do must be a text, found a list"),
        ("{do: wrap}", "wrap needs 'public_key'"),
        ("{do: wrap, with: {public_key: {hex: 00}}}", "wrap needs 'material' and 'algorithm'"),
        ("{do: wrap, with: {material: {hex: 00}}}", "wrap needs 'public_key' and 'algorithm'"),
        ("{do: wrap, with: {algorithm: RSAES_OAEP_SHA_2}}",
         "algorithm is 'RSAES_OAEP_SHA_2'; known: RSAES_OAEP_SHA_1, RSAES_OAEP_SHA_256,"
         " RSA_AES_KEY_WRAP_SHA_1, RSA_AES_KEY_WRAP_SHA_256"),
        ("{do: wrap, with: {algorithm: $x}}", "$x is not saved before this step"),
        ("{do: encrypt_local, with: {plaintext: {text: a}}}", "encrypt_local needs 'key' or 'public_key'"),
        ("{do: encrypt_local, with: [key]}", "the input of encrypt_local must be an object, found a list"),
        ("{do: encrypt_local, with: {key: {hex: 00}}}", "encrypt_local needs 'plaintext'"),
        ("{do: encrypt_local, with: {key: {hex: 00}, plaintext: {text: a}, algorithm: RSAES_OAEP_SHA_1}}",
         "unknown field 'algorithm' in the input of encrypt_local"),
        ("{do: decrypt_local, with: {private_key: {hex: 00}, ciphertext: {text: a}}}",
         "decrypt_local needs 'algorithm'"),
        ("{do: verify_local, with: {message_type: HASH}}",
         "message_type is 'HASH'; known: DIGEST, EXTERNAL_MU, RAW"),
        ("{do: verify_local, with: {message: {hex: 00}}, save: {x: y}}",
         "verify_local needs 'public_key' and 'signature' and 'algorithm'"),
        ("{do: tamper, with: {value: {hex: 00}}, expect: allow}", "expect must be an object, found a string"),
        ("{do: tamper, with: {value: {hex: 00}}, expect: {}}", "expect says one of 'error' and 'output' here"),
        ("{do: tamper, with: {value: {hex: 00}}, expect: {error: unsuitable, output: {value: {hex: 01}}}}",
         "expect says one of 'error' and 'output' here"),
        ("{do: tamper, with: {value: {hex: 00}}, expect: {error: broken}}",
         "error is 'broken'; known: does-not-fit, unsuitable"),
        ("{do: tamper, with: {value: {hex: 00}}, expect: {output: {valu: {hex: 01}}}}",
         "the output of tamper has no member 'valu'; members: value"),
    ],
)  # fmt: skip
def test_work_outside_is_told_what_it_lacks(step: str, complaint: str) -> None:
    assert complaint in said(f"- {step}")


def test_what_a_work_would_have_saved_is_known_even_if_it_cannot_be_done() -> None:
    """One mistake is told once, and not again at each place where its result is used."""
    steps = """\
        - {do: wrap, with: {material: {hex: 5a}}, save: {x: wrapped}}
        - {call: Decrypt, with: {CiphertextBlob: $x}}
    """

    assert said(steps) == ["wrap needs 'public_key' and 'algorithm'"]


# Expectations


@pytest.mark.parametrize(
    ("expect", "complaint"),
    [
        ("{}", "expect says nothing"),
        ("", "expect says nothing"),
        ("yes", "expect is 'yes'; known: allow, deny, explicit deny, implicit deny"),
        ("[allow]", "expect must be an object, found a list"),
        ("{alow: true}", "unknown field 'alow' in expect"),
        ("{allow: false}", "allow is 'false'; known: grant, identity, key_policy:account+identity, key_policy:cross_account+identity, key_policy:direct, key_policy:role, key_policy:service_principal, root"),
        ("{deny: no}", "deny is 'no'; known: explicit, implicit, true"),
        ("{layer: iam}", "layer is 'iam'; known: boundary, grant, identity, key_policy, rcp, scp, service, session, vpce"),
        ("{error: Nothing}", "no error is called 'Nothing'"),
        ("{message: [a]}", "message must be a text, found a list"),
        ("{by: {a: b}}", "by must be a text, found an object"),
        ("{by: [[a]]}", "by must be a text, found a list"),
        ("{by: $x}", "$x is not saved before this step"),
        ("{allow: true, deny: true}", "'deny' can never hold together with 'allow'"),
        ("{deny: true, output: {}}", "'output' can never hold together with 'deny'"),
        ("{error: NotFoundException, output: {}}", "'output' can never hold together with 'error'"),
        ("{deny: true, error: NotFoundException}", "'error' can never hold together with 'deny'"),
        ("{allow: true, error: AccessDeniedException}", "'error' can never hold together with 'allow'"),
        ("{output: {CiphertextBlob: abc}}", "CiphertextBlob is compared with bytes"),
        ("{output: {CiphertextBlob: {hex: zz}}}", "'zz' is not hexadecimal"),
        ("{output: {KeyId: {matches: '['}}}", "this is not a regular expression of up to 1,000 characters"),
        ("{event: {eventNme: x}}", "unknown field 'eventNme' in an event"),
    ],
)  # fmt: skip
def test_what_can_never_hold_is_told(expect: str, complaint: str) -> None:
    assert said(f"- {{call: Encrypt, expect: {expect}}}") == [complaint]


def test_an_unknown_reason_comes_with_the_known_ones() -> None:
    (line,) = said("- {call: Encrypt, expect: {because: key-absent}}")

    assert line.startswith("because is 'key-absent'; known: action-mismatch, boundary, ")


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ("expect: {output: {}}", "a decision has no output"),
        ("expect: {event: {}}", "a decision has no event"),
        ("save: {x: KeyId}", "a decision has no output to save"),
    ],
)
def test_a_decision_has_neither_output_nor_event(fields: str, complaint: str) -> None:
    assert said(f"- {{decide: Encrypt, {fields}}}") == [complaint]


def test_the_absence_of_a_member_may_be_expected_of_anything() -> None:
    assert said("- {call: Encrypt, expect: {output: {Plaintext: {absent: true}}}}") == []


# Matrices


@pytest.mark.parametrize(
    ("matrix", "complaints"),
    [
        ("{}", ["a matrix needs a key", "a matrix needs either a table, or allow and explicit_deny"]),
        ("3", ["a matrix must be an object, found a string", "a matrix needs a key", "a matrix needs either a table, or allow and explicit_deny"]),
        ("{key: payrol, allow: {}}", ["no key 'payrol'; known: payroll"]),
        ("{key: [x], allow: {}}", ["key must be a text, found a list"]),
        ("{key: payroll, table: x, allow: {}}", ["a matrix needs either a table, or allow and explicit_deny", "the table is empty"]),
        ("{key: payroll, table: [x]}", ["a table must be a text, found a list"]),
        ("{key: payroll, table: ''}", ["the table is empty"]),
        ("{key: payroll, allow: {ap: [Encrypt]}}", ["no identity 'ap'; known: admin, app, auditor, outsider, root"]),
        ("{key: payroll, allow: {app: Encrypt}}", ["operations must be a list, found a string"]),
        ("{key: payroll, allow: {app: [Enkrypt]}}", ["no operation 'Enkrypt'"]),
        ("{key: payroll, allow: {app: [Encrypt]}, explicit_deny: {app: [Encrypt]}}", ["Encrypt by app is listed twice"]),
        ("{key: payroll, allow: {app: [Encrypt]}, else: allow}", ["else is 'allow'; known: deny, skip"]),
        ("{key: payroll, allow: {app: [Encrypt]}, with: {Limit: 3}}", ["no operation of this matrix has a member 'Limit'"]),
        ("{key: payroll, allow: {app: [Encrypt]}, context: {aws:x: {}}}", ["'aws:x' must be a text, found an object"]),
    ],
)  # fmt: skip
def test_what_is_no_matrix_is_told(matrix: str, complaints: list[str]) -> None:
    assert said_of_matrix(matrix) == complaints


def test_a_table_is_read_by_its_blanks_whatever_they_are() -> None:
    table = (
        f"{WORLD}tests:\n  - name: m\n    matrix:\n      key: payroll\n      table: |\n"
        "        op\tapp   root\r\n\n        Encrypt\tA  -\r\n        Decrypt  -\tA\n"
    )
    (test,) = load("s.yaml", table.encode()).tests

    cells = [step for step in test.steps if isinstance(step, Cell)]
    assert [cell.title for cell in cells] == ["Encrypt by app", "Decrypt by root"]
    assert messages(table) == []


def test_lists_of_a_matrix_ask_what_is_listed_and_the_rest_only_if_told() -> None:
    def titles(more: str) -> list[str]:
        matrix = f"{{key: payroll, allow: {{app: [Encrypt], root: [DescribeKey]}}{more}}}"
        text = f"{WORLD}tests:\n  - name: m\n    matrix: {matrix}\n"
        steps = load("s.yaml", text.encode()).tests[0].steps
        return [step.title for step in steps if isinstance(step, Cell)]

    assert titles("") == ["Encrypt by app", "DescribeKey by root"]
    assert titles(", else: skip") == ["Encrypt by app", "DescribeKey by root"]
    assert titles(", else: deny") == [
        "Encrypt by app",
        "DescribeKey by root",
        "DescribeKey by app",
        "Encrypt by root",
    ]


def test_files_are_read_beside_the_scenario(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "x"
    folder.mkdir()
    (folder / "note.txt").write_bytes(b"a note")
    monkeypatch.chdir(tmp_path)
    steps = BLOB.replace("{text: a}", "{file: note.txt}") + (
        "- {call: Decrypt, with: {CiphertextBlob: $blob}, "
        "expect: {output: {Plaintext: {text: a note}}}}"
    )

    (folder / "s.yaml").write_text(suite_text(steps), encoding="utf-8")
    from kmsgate.scenario.run import run

    assert [result.passed for result in run(load("x/s.yaml"))] == [True]

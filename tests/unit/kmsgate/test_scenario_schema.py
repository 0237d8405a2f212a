"""The JSON Schema of scenario files: what editors complete is what the language takes."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from kms.errors import BY_CODE
from kms.shapes import operation_names, request_kind
from kmsgate import yaml_reader
from kmsgate.account_details import IAM_FIELDS
from kmsgate.resources import schema
from kmsgate.scenario import (
    alarms,
    expectations,
    files,
    names,
    organizations,
    people,
    steps,
    tables,
    things,
    work,
    world,
)
from kmsgate.scenario.members import BYTES_FIELDS
from kmsgate.scenario.policies import MANAGED
from kmsgate.scenario.views import LOOK_FIELDS
from policy.source import Source
from policy.tree import Array, Node, Null, Object, String
from policy.vocabulary import GRANT_OPERATIONS
from tests.scenario_text import WORLD, said_about, suite_text

FOLDER = Path(__file__).parents[3] / "scenarios"
FILES = sorted(FOLDER.rglob(f"*{files.SUFFIX}"))


@functools.cache
def validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(schema("scenario")))


def definition(name: str) -> dict[str, Any]:
    found: dict[str, Any] = validator().schema["$defs"][name]
    return found


def properties(of: Mapping[str, Any]) -> Collection[str]:
    """Return the properties of a schema, or of the one object among its alternatives."""
    if "properties" in of:
        return set(of["properties"])
    return next(set(part["properties"]) for part in of["anyOf"] if "properties" in part)


def as_text(node: Node) -> Any:
    """Return a tree as kmsgate reads it: scalars are texts."""
    return plain(node, lambda text: text)


def as_editors_do(node: Node) -> Any:
    """Return a tree as YAML 1.2 is read elsewhere: numbers and switches have types."""
    return plain(node, typed)


def typed(text: str) -> str | int | bool:
    if text in ("true", "false"):
        return text == "true"
    return int(text) if re.fullmatch(r"-?(0|[1-9][0-9]*)", text) else text


def plain(node: Node, read: Callable[[str], Any]) -> Any:
    if isinstance(node, Object):
        return {member.name.value: plain(member.value, read) for member in node.members}
    if isinstance(node, Array):
        return [plain(entry, read) for entry in node.items]
    if isinstance(node, Null):
        return None
    assert isinstance(node, String)
    return read(node.value) if node.plain else node.value


def tree(text: str) -> Node:
    return yaml_reader.read(Source("s.yaml", text))


def test_it_is_a_schema_of_the_newest_kind() -> None:
    jsonschema.Draft202012Validator.check_schema(validator().schema)

    assert validator().schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
@pytest.mark.parametrize("read", [as_text, as_editors_do])
def test_every_scenario_fits(path: Path, read: Callable[[Node], Any]) -> None:
    document = read(tree(path.read_text("utf-8")))

    for error in validator().iter_errors(document):
        best = jsonschema.exceptions.best_match([error])
        pytest.fail(f"{list(best.absolute_path)}: {best.message[:300]}")


STEP = "- {call: ListKeys, as: root}"
BROKEN = {
    "an unknown field": WORLD + "stry: x\n" + "tests: []\n",
    "no tests": WORLD,
    "another version": suite_text(STEP).replace("version: 1", "version: 2"),
    "an unknown section": suite_text(STEP).replace("  roles:", "  rolls:"),
    "a misspelled step": suite_text("- {cal: ListKeys, as: root}"),
    "two kinds of steps in one": suite_text("- {call: ListKeys, advance: 5 minutes}"),
    "an expectation where nothing is expected": suite_text("- {advance: 5 minutes, expect: deny}"),
    "an unknown operation": suite_text("- {call: LstKeys, as: root}"),
    "an unknown member": suite_text("- {call: ListKeys, as: root, with: {Limt: 3}}"),
    "an unknown word": suite_text("- {call: ListKeys, as: root, expect: allowed}"),
    "an empty expectation": suite_text("- {call: ListKeys, as: root, expect: {}}"),
    "a contradiction": suite_text("- {call: ListKeys, expect: {allow: true, deny: true}}"),
    "an unknown path": suite_text("- {call: ListKeys, as: root, expect: {allow: iam}}"),
    "a change of nothing": suite_text("- {change: {key: payroll}}"),
    "a change of two things": suite_text("- {change: {key: payroll, role: app, tags: {}}}"),
    "a look at what there is not": suite_text("- {look: {alias: alias/payroll, KeyState: x}}"),
    "an unknown state": suite_text("- {change: {key: payroll, state: Creating}}"),
    "no span of time": suite_text("- {advance: 5 parsecs}"),
    "a name for nothing": suite_text("- {call: ListKeys, as: root, save: {now: Keys}}"),
    "what cannot be done": suite_text("- {do: dance}"),
    "work without its input": suite_text("- {do: tamper}"),
    "work with half its input": suite_text("- {do: encrypt_local, with: {key: {hex: 00}}}"),
    "work with too much": suite_text("- {do: tamper, with: {value: {hex: 00}, key: {hex: 00}}}"),
    "work by an unknown algorithm": suite_text(
        "- {do: wrap, with: {public_key: {hex: 00}, material: {hex: 00}, algorithm: ROT13}}"
    ),
    "work that is to be allowed": suite_text(
        "- {do: tamper, with: {value: {hex: 00}}, expect: allow}"
    ),
    "work that is to fail in an unknown way": suite_text(
        "- {do: tamper, with: {value: {hex: 00}}, expect: {error: DisabledException}}"
    ),
    "a look for any event at all": suite_text("- {look: {events: {}, found: []}}"),
    "a look at no value": suite_text("- {look: {value: payroll, is: {length: 3}}}"),
    "no steps": suite_text(STEP).replace("steps:\n      " + STEP, "steps: []"),
    "an account without an id": suite_text(STEP).replace('"111122223333", p', "12, p"),
    "an alarm of nothing": suite_text(STEP).replace(
        "  roles:", "  alarms: {a: {match: {}}}\n  roles:"
    ),
    "an alarm that counts nothing": suite_text(STEP).replace(
        "  roles:", "  alarms: {a: {match: {caller: app}, at_least: 0}}\n  roles:"
    ),
    "an alias without its prefix": suite_text(STEP).replace("[alias/payroll]", "[payroll]"),
    "an id of no key": suite_text(STEP).replace("1234abcd-12ab-34cd-56ef-1234567890ab", "1234"),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_what_the_language_refuses_does_not_fit_either(what: str) -> None:
    for read in (as_text, as_editors_do):
        assert not validator().is_valid(read(tree(BROKEN[what])))
    assert said_about(BROKEN[what])


@pytest.mark.parametrize(
    ("of", "known"),
    [
        ("world", world.SECTIONS),
        ("account", names.ACCOUNT_FIELDS),
        ("alarm", alarms.ALARM_FIELDS),
        ("session", names.SESSION_FIELDS),
        ("key", names.KEY_FIELDS),
        ("grant", things.GRANT_FIELDS),
        ("test", files.TEST_FIELDS),
        ("step", (*steps.ACTIONS, *steps.CALL_FIELDS)),
        ("expect", expectations.EXPECT_FIELDS),
        ("matrix", tables.MATRIX_FIELDS),
        ("bytes", BYTES_FIELDS),
        ("change", {*steps.CHANGES, *(f for fields in steps.CHANGES.values() for f in fields)}),
        ("match", alarms.MATCH_FIELDS),
        ("outcome", work.WORK_EXPECT_FIELDS),
        ("look", {*LOOK_FIELDS, *(f for fields in LOOK_FIELDS.values() for f in fields)}),
    ],
)
def test_the_fields_are_those_of_the_language(of: str, known: Collection[str]) -> None:
    assert properties(definition(of)) == set(known)


def test_the_fields_of_smaller_objects_are_those_of_the_language() -> None:
    sections = definition("world")["properties"]
    organization = definition("account")["properties"]["organization"]
    shared = sections["organizations"]["additionalProperties"]
    level = shared["properties"]["levels"]["additionalProperties"]

    assert set(validator().schema["properties"]) == set(files.FILE_FIELDS)
    assert set(validator().schema["properties"]["settings"]["properties"]) == set(files.SETTINGS)
    assert properties(sections["users"]["additionalProperties"]) == set(names.USER_FIELDS)
    assert properties(sections["roles"]["additionalProperties"]) == set(names.ROLE_FIELDS)
    assert properties(sections["groups"]["additionalProperties"]) == set(people.GROUP_FIELDS)
    assert properties(sections["endpoints"]["additionalProperties"]) == set(people.ENDPOINT_FIELDS)
    assert properties(definition("account")["properties"]["iam"]) == set(IAM_FIELDS)
    assert properties(shared) == set(organizations.ORGANIZATION_FIELDS)
    assert properties(level) == set(organizations.LEVEL_FIELDS)
    assert properties(organization) == set(organizations.PLACE_FIELDS)


@pytest.mark.parametrize("name", work.WORKS)
def test_a_work_takes_what_the_schema_says(name: str) -> None:
    """Form by form: what it needs, what it may have, and the words among it."""
    forms = definition(name).get("anyOf", [definition(name)])

    assert len(forms) == len(work.WORKS[name])
    for form, own in zip(forms, work.WORKS[name], strict=True):
        listed = {m: p["anyOf"][1]["enum"] for m, p in form["properties"].items() if "anyOf" in p}
        assert form["required"] == list(own.needs)
        assert properties(form) == set(own.members)
        assert {member: tuple(words) for member, words in listed.items()} == own.words


def test_the_words_are_those_of_the_language() -> None:
    kinds = [request_kind(operation) for operation in operation_names()]
    (_, members) = definition("members")["anyOf"]
    managed = definition("policy")["anyOf"][2]["properties"]["managed"]["enum"]

    assert set(definition("operation")["enum"]) == operation_names()
    assert set(members["propertyNames"]["enum"]) == {name for kind in kinds for name in kind.parts}
    assert set(definition("expect")["anyOf"][1]["properties"]["error"]["enum"]) == set(BY_CODE)
    assert set(definition("grant")["properties"]["operations"]["items"]["enum"]) == GRANT_OPERATIONS
    assert set(managed) == set(MANAGED)
    assert definition("step")["properties"]["do"]["enum"] == list(work.WORKS)
    assert definition("outcome")["properties"]["error"]["enum"] == list(work.WorkError)


def described(node: Any, path: str = "") -> Iterator[str]:
    """Yield the properties that say nothing about themselves, nor by what they refer to."""
    if isinstance(node, list):
        for entry in node:
            yield from described(entry, path)
    elif isinstance(node, dict):
        for name, part in node.get("properties", {}).items():
            referred = part.get("$ref", "").rpartition("/")[2]
            told = "description" in part or (referred and "description" in definition(referred))
            if not told:
                yield f"{path}/{name}"
        for name, part in node.items():
            if name != "if":  # a condition describes nothing
                yield from described(part, f"{path}/{name}")


def test_every_field_says_what_it_is_for() -> None:
    assert list(described(validator().schema)) == []

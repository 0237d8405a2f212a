"""What is said about a scenario file that cannot be used: every mistake at once, at its place."""

# ruff: noqa: E501  (a row of a table, or of a scenario, stays on its line)

from __future__ import annotations

from pathlib import Path

import pytest

from kmsgate.scenario.fields import FileError
from kmsgate.scenario.files import load, load_world
from kmsgate.scenario.report import show_file_error
from tests.scenario_text import WORLD, plain_screen, said_about, suite_text, written

HEAD = 'version: 1\nworld:\n  accounts: {main: "111122223333"}\n'
TEST = "tests:\n  - {name: t, as: root, steps: [{call: ListKeys}]}\n"


def said(path: Path | str) -> list[str]:
    """Return what is printed about a file on disk."""
    try:
        load(str(path))
    except FileError as error:
        out = plain_screen()
        show_file_error(out, error)
        return written(out).splitlines()
    return []


def folder_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **files: str) -> None:
    """Write files into an empty folder and go there; `__` stands for a dot in their names."""
    monkeypatch.chdir(tmp_path)
    for name, text in files.items():
        Path(name.replace("__", ".")).write_text(text, encoding="utf-8")


# The rows of the chapter about bad input


def test_an_unknown_field_comes_with_the_one_that_was_meant() -> None:
    assert said_about(suite_text("- {call: Encrypt, expct: allow}")) == [
        "s.yaml:24:25: unknown field 'expct' in a step",
        "help: did you mean 'expect'?",
    ]


def test_an_unknown_name_comes_with_those_that_are_known() -> None:
    assert said_about(suite_text("- {as: ap, call: Encrypt}")) == [
        "s.yaml:24:14: no identity 'ap'; known: admin, app, auditor, outsider, root",
        "help: did you mean 'app'?",
    ]


def test_a_repeated_key_comes_with_the_place_of_the_first_one() -> None:
    assert said_about(f"{HEAD}  roles:\n    app: {{}}\n    app: {{}}\n{TEST}") == [
        "s.yaml:6:5: 'app' is defined twice",
        "note: s.yaml:5:5: first here",
    ]


def test_a_name_of_two_files_comes_with_the_place_in_the_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_of(
        tmp_path,
        monkeypatch,
        w__yaml="world:\n  roles: {app: {}}\nblocks:\n  b: []\n",
        s__yaml=f"{HEAD}  roles: {{app: {{}}}}\ninclude: [w.yaml]\nblocks: {{b: [{{call: ListKeys}}]}}\n{TEST}",
    )

    assert said("s.yaml") == [
        "s.yaml:4:11: 'app' is defined twice",
        "note: w.yaml:2:11: first here",
        "s.yaml:6:10: 'b' is defined twice",
        "note: w.yaml:4:3: first here",
    ]


def test_a_bad_policy_inside_yaml_has_the_code_of_its_rule() -> None:
    policy = "{Statement: {Effect: allow, Principal: '*', Action: 'kms:*', Resource: '*'}}"

    assert said_about(f"{HEAD}  keys: {{k: {{policy: {policy}}}}}\n{TEST}") == [
        's.yaml:4:43: KG114 error: Effect must be "Allow" or "Deny", not "allow"',
        'help: write "Allow"',
    ]


def test_a_bad_policy_under_a_name_tells_who_uses_it() -> None:
    text = (
        f"{HEAD}  policies: {{use: {{Statement: {{Effect: Allow, Action: '*', Resource: '*'}}}}}}\n"
        f"  roles: {{app: {{policies: [use]}}}}\n  keys: {{k: {{policy: use}}}}\n{TEST}"
    )

    assert said_about(text) == [
        "s.yaml:4:31: KG117 error: a statement of a key policy must have a Principal",
        "note: used by s.yaml:6:22",
        'help: say who: "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"}',
    ]


def test_a_bad_policy_in_a_file_tells_who_uses_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_of(
        tmp_path,
        monkeypatch,
        key__json='{"Statement": [{"Effect": "Allow", "Principal": "*",\n'
        '"Action": "kms:*", "Resource": "*"},]}\n',
        s__yaml=f"{HEAD}  keys: {{k: {{policy: {{file: key.json}}}}}}\n{TEST}",
    )

    assert said("s.yaml") == [
        "key.json:2:36: KG102 error: trailing comma before ']'",
        "note: used by s.yaml:4:29",
        "help: delete the comma",
    ]


def test_tabs_and_a_byte_order_mark_are_accepted_in_a_policy_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = (
        '{\t"Statement": {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}}'
    )
    steps = "[{change: {key: k, add_statement: {Sid: D, Effect: Deny, Principal: '*', Action: '*', Resource: '*'}}}]"
    folder_of(
        tmp_path,
        monkeypatch,
        key__json=f"\ufeff{policy}",
        s__yaml=f"\ufeff{HEAD}  keys: {{k: {{policy: {{file: key.json}}}}}}\n"
        f"tests:\n  - {{name: t, as: root, steps: {steps}}}\n",
    )

    assert said("s.yaml") == []
    world = load("s.yaml").tests[0].world
    key = world.state.key(world.keys["k"])
    assert key is not None
    assert key.policy == policy


def test_a_wrong_member_of_an_operation_comes_with_all_that_it_has() -> None:
    assert said_about(suite_text("- {call: ListKeys, with: {KeyId: x, Limt: 3}}")) == [
        "s.yaml:24:33: ListKeys has no member 'KeyId'; members: Limit, Marker, ResourceOwners",
        "s.yaml:24:43: ListKeys has no member 'Limt'; members: Limit, Marker, ResourceOwners",
        "help: did you mean 'Limit'?",
    ]


def test_a_wrong_member_of_an_output_comes_with_all_that_it_has() -> None:
    steps = """
        - {call: ScheduleKeyDeletion, expect: {output: {KeyStat: x}}}
        - {call: ListKeys, save: {k: Keys.KeyId, m: Marker}}
        """

    assert said_about(suite_text(steps)) == [
        "s.yaml:24:55: the output of ScheduleKeyDeletion has no member 'KeyStat'; members: "
        "DeletionDate, KeyId, KeyState, PendingWindowInDays",
        "help: did you mean 'KeyState'?",
        "s.yaml:25:36: the output of ListKeys has no member 'KeyId'; members: none",
        "s.yaml:25:51: the output of ListKeys has no member 'Marker'; members: Keys, NextMarker, "
        "Truncated",
        "help: did you mean 'NextMarker'?",
    ]


def test_an_unset_name_comes_with_the_place_where_it_is_saved_later() -> None:
    steps = """
        - {call: Decrypt, with: {CiphertextBlob: $blob}}
        - {call: Encrypt, with: {KeyId: alias/payroll}, save: {blob: CiphertextBlob}}
        - {call: Decrypt, with: {CiphertextBlob: $blob}}
        """

    assert said_about(suite_text(steps)) == [
        "s.yaml:24:48: $blob is not saved before this step",
        "note: s.yaml:25:62: saved here, later",
    ]


def test_a_name_that_is_never_saved_comes_with_the_one_that_was_meant() -> None:
    assert said_about(suite_text("- {call: DescribeKey, with: {KeyId: $payrol.id}}")) == [
        "s.yaml:24:43: $payrol.id is not saved before this step",
        "help: did you mean '$payroll.id'?",
    ]


TABLE = """\
tests:
  - name: who may do what
    matrix:
      key: payroll
      table: |
        operation    app  admin  nobody
        Decrypt      A    .      X  A
        Encrypt      A    A
        Enkrypt      A    A      A
        DescribeKey  A    q      -
"""


def test_rows_columns_and_cells_of_a_table_are_all_checked() -> None:
    assert said_about(WORLD + TABLE) == [
        "s.yaml:25:34: no identity 'nobody'; known: admin, app, auditor, outsider, root",
        "s.yaml:26:37: this row has 5 cells, the head has 4",
        "s.yaml:27:27: this row has 3 cells, the head has 4",
        "s.yaml:28:9: no operation 'Enkrypt'",
        "help: did you mean 'Encrypt'?",
        "s.yaml:29:27: 'q' is no cell",
        "help: A allow, X explicit deny, . implicit deny, - not asked",
    ]


def test_all_mistakes_of_a_file_are_told_at_once_each_once() -> None:
    text = (
        "version: 2\nsettings: {seeds: 1, profile: realistc, grant_consistency_seconds: x}\n"
        'world:\n  clock: yesterday\n  region: mars\n  accounts: {main: 12, other: "12"}\n'
        "  sessions: {s: {role: nobody}}\nrules: [L33]\nstry: x\n"
        "tests:\n  - {name: t, as: s, steps: [{call: ListKeys, with: {KeyId: $s.arn}}]}\n"
    )

    assert said_about(text) == [
        "s.yaml:1:10: version 2 is not known; write 1",
        "s.yaml:2:12: unknown field 'seeds' in the settings",
        "help: did you mean 'seed'?",
        "s.yaml:2:31: profile is 'realistc'; known: course, default, realistic",
        "help: did you mean 'realistic'?",
        "s.yaml:2:68: grant_consistency_seconds must be a whole number, found 'x'",
        "s.yaml:4:10: 'yesterday' is not a time such as 2026-01-05T09:00:00Z",
        "s.yaml:5:11: 'mars' is not a Region such as eu-west-1",
        "s.yaml:6:20: account 'main' needs an id of 12 digits",
        'help: write it in quotes: "111122223333"',
        "s.yaml:6:31: account 'other' needs an id of 12 digits",
        'help: write it in quotes: "111122223333"',
        "s.yaml:7:24: no role 'nobody'; known: none",
        "s.yaml:8:9: 'L33' is not the number of a rule",
        "help: write L-33, K-65 or C-22",
        "s.yaml:9:1: unknown field 'stry' in a scenario file",
        "help: did you mean 'story'?",
        "s.yaml:11:54: ListKeys has no member 'KeyId'; members: Limit, Marker, ResourceOwners",
    ]


# The file as a whole


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", ["s.yaml:1:1: the document is empty"]),
        ("[]", ["s.yaml:1:1: the file must hold an object, not a list"]),
        ("just words", ["s.yaml:1:1: the file must hold an object, not a string"]),
        ("a: [", ["s.yaml:1:4: this '[' is never closed"]),
        (
            "version: 1\n\ttests: []\n",
            ["s.yaml:2:1: a tab stands where YAML takes only spaces", "help: indent with spaces"],
        ),
        ("\x00", ["s.yaml:1:1: the character U+0000 cannot stand here", 'help: write "\\u0000", in double quotes']),
    ],
)  # fmt: skip
def test_what_is_no_object_in_yaml_is_one_mistake(text: str, lines: list[str]) -> None:
    assert said_about(text) == lines


def test_a_file_needs_a_version_accounts_and_tests() -> None:
    assert said_about("story: a") == [
        "s.yaml:1:1: a scenario file needs 'version: 1'",
        "s.yaml:1:1: the world has no accounts",
        'help: write accounts: {main: "111122223333"}',
        "s.yaml:1:1: a scenario file needs tests",
        "help: a file of worlds ends in .world.yaml",
    ]


@pytest.mark.parametrize("nothing", ["[]", ""])
def test_a_list_without_tests_proves_nothing(nothing: str) -> None:
    lines = said_about(f"{HEAD}tests: {nothing}\n")

    assert [line.partition(": ")[2] for line in lines] == ["there are no tests here"]


@pytest.mark.parametrize("nothing", ["[]", ""])
def test_a_test_without_steps_proves_nothing(nothing: str) -> None:
    lines = said_about(f"{HEAD}tests:\n  - name: t\n    steps: {nothing}\n")

    assert [line.partition(": ")[2] for line in lines] == ["there are no steps here"]


def test_a_test_has_a_name_of_its_own_and_either_steps_or_a_matrix() -> None:
    steps = "as: root, steps: [{call: ListKeys}]"
    text = f"{HEAD}tests:\n  - {{name: t, {steps}}}\n  - {{name: t, {steps}}}\n  - {{{steps}}}\n"

    assert said_about(f"{text}  - {{name: u}}\n") == [
        "s.yaml:6:5: two tests are called 't'",
        "s.yaml:7:5: a test needs a name",
        "s.yaml:8:5: a test needs either steps or a matrix",
    ]


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    assert said(tmp_path) == [f"{tmp_path}:1:1: cannot read this file: it is a folder"]
    assert said(tmp_path / "x.yaml")[0].endswith("cannot read this file: No such file or directory")
    assert said("a\0b") == ["a\N{REPLACEMENT CHARACTER}b:1:1: cannot read this file: "
                            "no file can have this name"]  # fmt: skip


# Includes


def test_files_are_included_relative_to_the_one_that_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").mkdir()
    Path("s.yaml").write_text(f"version: 1\ninclude: [a/one.yaml]\n{TEST}", encoding="utf-8")
    Path("a/one.yaml").write_text("include: [two.yaml]\n", encoding="utf-8")
    Path("a/two.yaml").write_text('world: {accounts: {main: "111122223333"}}\n', encoding="utf-8")

    assert said("s.yaml") == []


def test_a_file_that_is_included_twice_adds_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_of(
        tmp_path,
        monkeypatch,
        base__yaml="world: {roles: {app: {}}}\n",
        one__yaml="include: [base.yaml]\n",
        two__yaml="include: [./base.yaml]\n",
        s__yaml=f"{HEAD}include: [one.yaml, two.yaml, base.yaml]\n{TEST}",
    )

    assert said("s.yaml") == []


def test_a_file_that_includes_itself_is_told_with_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_of(
        tmp_path,
        monkeypatch,
        one__yaml="include: [./two.yaml]\n",
        two__yaml="include: [one.yaml]\n",
        s__yaml=f"{HEAD}include: [one.yaml, s.yaml]\n{TEST}",
    )

    assert said("s.yaml") == [
        "two.yaml:1:11: 'one.yaml' includes itself: s.yaml -> one.yaml -> two.yaml -> one.yaml",
        "s.yaml:4:21: 's.yaml' includes itself: s.yaml -> s.yaml",
    ]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nowhere.yaml", "No such file or directory"),
        (".", "it is a folder"),
        ("/dev/zero", "it is not an ordinary file"),
        ('"a\\0b"', "no file can have this name"),
    ],
)
def test_a_file_that_cannot_be_included_is_told(
    name: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_of(tmp_path, monkeypatch, s__yaml=f"{HEAD}include: [{name}]\n{TEST}")

    (line,) = said("s.yaml")
    assert line.startswith("s.yaml:4:11: cannot read '")
    assert line.endswith(f"': {why}")


def test_mistakes_of_an_included_file_have_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_of(
        tmp_path,
        monkeypatch,
        w__yaml="tests: []\nversion: 3\nworld: {rolls: {}}\n",
        s__yaml=f"{HEAD}include: [w.yaml]\n{TEST}",
    )

    assert said("s.yaml") == [
        "w.yaml:1:1: unknown field 'tests' in a world file",
        "help: known: blocks, include, settings, version, world",
        "w.yaml:2:10: version 3 is not known; write 1",
        "w.yaml:3:9: unknown field 'rolls' in the world",
        "help: did you mean 'roles'?",
    ]


def test_more_than_a_hundred_includes_are_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"f{number}__yaml": f"include: [f{number + 1}.yaml]\n" for number in range(120)}
    folder_of(tmp_path, monkeypatch, s__yaml=f"{HEAD}include: [f0.yaml]\n{TEST}", **files)

    assert said("s.yaml") == ["f99.yaml:1:11: more than 100 files are included"]


def test_a_world_can_be_loaded_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder_of(tmp_path, monkeypatch, w__yaml=HEAD, bad__yaml=HEAD + TEST)

    assert load_world("w.yaml").first_account == "111122223333"
    with pytest.raises(FileError):
        load_world("bad.yaml")


# Settings, each, only_if


def test_settings_keep_within_their_bounds() -> None:
    settings = "{seed: -1, deletion_extra_hours: -1, grant_consistency_seconds: 86401}"

    assert said_about(f"{HEAD}settings: {settings}\n{TEST}") == [
        "s.yaml:4:44: deletion_extra_hours must be between 0 and 86,400",
        "s.yaml:4:75: grant_consistency_seconds must be between 0 and 86,400",
    ]
    assert said_about(f"{HEAD}settings: {{aws_managed_rotation_days: 0}}\n{TEST}") == [
        "s.yaml:4:39: aws_managed_rotation_days must be between 90 and 2,560",
    ]


def test_the_profile_sets_what_the_settings_leave_open() -> None:
    def delay(settings: str) -> int:
        suite = load("s.yaml", f"{HEAD}settings: {settings}\n{TEST}".encode())
        return suite.tests[0].world.settings.grant_consistency_seconds

    assert delay("{}") == 0
    assert delay("{profile: realistic}") == 300
    assert delay("{profile: realistic, grant_consistency_seconds: 60}") == 60


EACH = """\
tests:
  - name: t
    as: root
    each: {days: [7, 30], who: [a, b]}
    only_if: {%s}
    steps: [{call: ListKeys}]
"""


@pytest.mark.parametrize(
    ("only_if", "names"),
    [
        ("", ["days=7, who=a", "days=7, who=b", "days=30, who=a", "days=30, who=b"]),
        ("days: 7", ["days=7, who=a", "days=7, who=b"]),
        ("days: [7, 30], who: b", ["days=7, who=b", "days=30, who=b"]),
        ("days: 8", []),
        ("profile: default, who: a", ["days=7, who=a", "days=30, who=a"]),
        ("profile: [realistic]", []),
    ],
)
def test_each_combination_is_a_test_unless_only_if_leaves_it_out(
    only_if: str, names: list[str]
) -> None:
    suite = load("s.yaml", (HEAD + EACH % only_if).encode())

    assert [test.name for test in suite.tests] == [f"t [{name}]" for name in names]


def test_only_if_speaks_of_values_that_there_are() -> None:
    assert said_about(HEAD + EACH % "day: 7") == [
        "s.yaml:8:15: unknown field 'day' in only_if",
        "help: did you mean 'days'?",
    ]


def test_values_of_each_are_lists_of_texts_under_simple_names() -> None:
    each = "{a: [], b: {c: d}, d: [x, [y]], now: [1], a.b: [1]}"
    text = f"{HEAD}tests:\n  - {{name: t, as: root, each: {each}, steps: [{{call: ListKeys}}]}}\n"

    assert said_about(text) == [
        "s.yaml:5:35: there are no values here",
        "s.yaml:5:42: b must be a list, found an object",
        "s.yaml:5:57: d must be a text, found a list",
        "s.yaml:5:63: 'now' cannot be the name of a value",
        "help: as in $days",
        "s.yaml:5:73: 'a.b' cannot be the name of a value",
        "help: as in $days",
    ]


def test_more_than_ten_thousand_combinations_are_told_and_not_made() -> None:
    values = ", ".join(f"{name}: [{', '.join(map(str, range(30)))}]" for name in "abcdefgh")
    text = f"{HEAD}tests:\n  - {{name: t, as: root, each: {{{values}}}, only_if: {{a: none}}, "

    assert said_about(f"{text}steps: [{{call: ListKeys}}]}}\n") == [
        "s.yaml:5:31: more than 10,000 tests in one file"
    ]


# Given


def test_a_given_world_is_laid_over_that_of_the_file() -> None:
    given = "    given: {clock: 2027-01-01T00:00:00Z, roles: {late: {}, app: {tags: {a: b}}}}\n"
    suite = load("s.yaml", suite_text("- {as: late, call: ListKeys}", more=given).encode())

    (test,) = suite.tests
    assert test.world.clock.year == 2027
    assert {"late", "app", "admin"} <= set(test.world.arns)
    identity = test.world.state.directory.identities[str(test.world.arns["app"])]
    assert identity.tags == {"a": "b"}


@pytest.mark.parametrize("wrong", ["3", "[]", "{roles: [app]}", "{grants: {}}", "{keys: {k: 3}}"])
def test_a_given_of_the_wrong_type_is_told(wrong: str) -> None:
    text = suite_text("- {call: ListKeys}", more=f"    given: {wrong}\n")

    assert "must be" in said_about(text)[0]


def test_mistakes_in_a_given_are_told_once_for_all_its_variants() -> None:
    given = "    each: {a: [1, 2, 3]}\n    given: {roles: {x: {policies: [nope]}}}\n"

    assert said_about(suite_text("- {call: ListKeys}", more=given)) == [
        "s.yaml:24:36: no policy 'nope'; known: may-use"
    ]

"""Repairs of whole documents: all of them, in turn, and nothing else."""

from __future__ import annotations

from policy.lint import RULES, Document, Edit, Finding, Fix, lint
from policy.lint.repair import Repair, repair
from policy.model import PolicyKind
from policy.reader import read
from policy.source import Source, Span
from tests.lint_bench import named

KIND = PolicyKind.KEY_POLICY
FORM = tuple(rule for rule in RULES if rule.code < "KG3")
TEXT = """{
  "Version": "2008-10-17",
  "Statement": [
    {"Sid": "", "Effect": "allow", "Principal": {"AWS": "111122223333"},
     "Action": ["s3:GetObject", "kms:Sign", "kms:encrypts",], "Resource": "*"}
  ]
}
"""
SAFE = """{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": "111122223333"},
     "Action": ["kms:Sign", "kms:encrypts"], "Resource": "*"}
  ]
}
"""
BOTH = SAFE.replace("kms:encrypts", "kms:Encrypt")


def document(text: str) -> Document:
    return read(Source("p.json", text), KIND)


def repaired(text: str, allowed: Fix = Fix.SAFE) -> Repair:
    return repair(document(text), lambda each: lint(each, rules=FORM), document, allowed)


def test_every_safe_repair_is_made_also_those_that_others_bring_to_light() -> None:
    done = repaired(TEXT)

    assert done.document.source.text == SAFE
    assert [finding.rule.code for finding in done.left] == ["KG202"]
    assert sorted(finding.rule.code for finding in done.made) == [
        "KG102", "KG111", "KG114", "KG127", "KG205",
    ]  # fmt: skip


def test_unsafe_repairs_are_made_where_they_are_allowed() -> None:
    done = repaired(TEXT, Fix.SAFE | Fix.UNSAFE)

    assert done.document.source.text == BOTH
    assert done.left == ()


def test_to_repair_once_more_changes_nothing() -> None:
    for allowed in (Fix.SAFE, Fix.SAFE | Fix.UNSAFE):
        once = repaired(TEXT, allowed).document.source.text
        assert repaired(once, allowed).document.source.text == once
        assert repaired(once, allowed).made == ()


def test_without_leave_nothing_is_repaired() -> None:
    assert repaired(TEXT, Fix.NONE).document.source.text == TEXT


# Edits that could not come from a good rule


def finding(*edits: Edit) -> Finding:
    rule = named("KG102")
    return Finding(rule, "", edits[0].span, rule.severity, edits=edits, fix=Fix.SAFE)


def with_edits(text: str, *found: Finding) -> str:
    """Return the text after these findings were repaired, which are found only once."""
    left = [found, ()]
    done = repair(document(text), lambda _: left.pop(0) if left else (), document, Fix.SAFE)
    return done.document.source.text


def test_of_edits_that_overlap_the_first_is_made() -> None:
    one, two = finding(Edit(Span(1, 4), "1")), finding(Edit(Span(3, 5), "2"))
    apart = finding(Edit(Span(4, 5), "3"))

    assert with_edits('"abcde"', one, two, apart) == '"13e"'
    assert with_edits('"abcde"', two, one, apart) == '"ab2e"'


def test_two_insertions_at_one_place_are_not_made_together() -> None:
    one, two = finding(Edit(Span(1, 1), "1")), finding(Edit(Span(1, 1), "2"))

    assert with_edits('"a"', one, two) == '"1a"'


def test_a_finding_with_several_edits_is_repaired_as_a_whole_or_not_at_all() -> None:
    first = finding(Edit(Span(1, 2), "x"))
    both = finding(Edit(Span(1, 2), "y"), Edit(Span(4, 5), "y"))

    assert with_edits('"abcde"', first, both) == '"xbcde"'


def test_what_would_break_the_syntax_is_not_made() -> None:
    assert with_edits('{"a": 1}', finding(Edit(Span(0, 1), "["))) == '{"a": 1}'


def test_rules_that_undo_each_other_come_to_an_end() -> None:
    def check(each: Document) -> tuple[Finding, ...]:
        other = "2" if each.source.text == "1" else "1"
        return (finding(Edit(Span(0, 1), other)),)

    assert repair(document("1"), check, document, Fix.SAFE).document.source.text in ("1", "2")

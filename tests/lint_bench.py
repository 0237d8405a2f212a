"""Texts for lint rules: documents around a fragment, repairs, and what they change."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from policy import Policy, PolicyKind, decide, parse
from policy.lint import RULES, Finding, LintOptions, Rule, lint
from policy.lint.fixes import applied
from policy.reader import STATEMENT_ELEMENTS, read
from policy.source import Source
from tests.worlds import world

_ELEMENT = re.compile(rf'"(?:{"|".join(STATEMENT_ELEMENTS)})"\s*:')


def named(code: str) -> Rule:
    return next(rule for rule in RULES if rule.code == code)


def document(fragment: str, kind: PolicyKind) -> str:
    """Return a document around a fragment: statements, an operator block, or a document itself."""
    if re.search(r'"(?:Version|Statement)"\s*:', fragment):
        return fragment
    if not _ELEMENT.search(fragment):
        who = '"Principal": "*", ' if kind.names_principals else ""
        fragment = (
            f'{{"Effect": "Deny", {who}"Action": "kms:Decrypt", "Resource": "*", '
            f'"Condition": {fragment}\n}}'
        )
    if not fragment.startswith("["):
        fragment = f"[{fragment}\n]"
    return f'{{"Version": "2012-10-17", "Statement": {fragment}}}'


SECTION = re.compile(
    r"^## (Example|Use instead)\n```(json|text)\n(.*?)\n```$", re.MULTILINE | re.DOTALL
)


def kind_for(rule: Rule) -> PolicyKind:
    """Return the first of the kinds of documents that a rule is about."""
    return next(kind for kind in PolicyKind if kind in rule.kinds)


def examples(rule: Rule) -> dict[str, str]:
    """Return the examples of a page by their headings."""
    return {heading: text for heading, _, text in SECTION.findall(rule.page)}


def example_of(rule: Rule, heading: str = "Example") -> tuple[str, PolicyKind]:
    """Return a document around an example of a page, and the kind of document that it is."""
    kind = kind_for(rule)
    fragment = examples(rule)[heading].replace("32,700 characters", "x" * 32_700)
    return (fragment if rule.code == "KG107" else document(fragment, kind)), kind


WHOLE = {"KG501", "KG502", "KG503", "KG504", "KG512", "KG513", "KG514"}
"""The rules that ask of a key policy that it is complete."""


def judging(code: str) -> tuple[Rule, ...]:
    """Return the rules that a text for a rule is held to.

    What good policies should be (groups 4 to 7) is not asked of the texts for other rules. Those of
    groups 5 to 7 are held to their own group and to what is wrong in any policy (groups 1 and 2).
    """
    if code < "KG4":
        return tuple(rule for rule in RULES if rule.code < "KG4")
    if code < "KG5":
        return tuple(rule for rule in RULES if rule.code < "KG5")
    return tuple(
        rule
        for rule in RULES
        if rule.code < "KG3"
        or rule.code == code
        or (rule.code[:3] == code[:3] and rule.code not in WHOLE and not rule.opt_in)
    )


def _giving(principal: str, action: str) -> Policy:
    return parse(
        f'{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", "Principal": {{"AWS": '
        f'"{principal}"}}, "Action": "{action}", "Resource": "*"}}}}',
        kind=PolicyKind.KEY_POLICY,
    )


_KEYS = "arn:aws:kms:eu-west-1:111122223333:key/"
_OTHER_KEY = "arn:aws:kms:eu-west-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab"

OPTIONS = {
    "KG137": LintOptions(scp_language="classic"),
    "KG329": LintOptions(now=1_900_000_000),
    "KG341": LintOptions(
        key_policies={
            f"{_KEYS}1234abcd-12ab-34cd-56ef-1234567890ab": _giving(
                "arn:aws:iam::111122223333:role/keeper", "kms:*"
            ),
            f"{_KEYS}0987dcba-09fe-87dc-65ba-ab0987654321": _giving("111122223333", "kms:*"),
        }
    ),
    "KG342": LintOptions(
        account="111122223333", key_policies={_OTHER_KEY: _giving("111122223333", "kms:Decrypt")}
    ),
    "KG411": LintOptions(trusted_accounts=frozenset({"111122223333", "444455556666"})),
    "KG442": LintOptions(against=_giving("arn:aws:iam::111122223333:role/billing", "kms:Decrypt")),
    "KG504": LintOptions(caller="arn:aws:iam::111122223333:role/deploy"),
}
"""What the examples of some rules are checked with."""


def found_in(text: str, kind: PolicyKind, code: str = "") -> tuple[Finding, ...]:
    """Return the findings of a text that is written for a rule, with the options of its page."""
    options = OPTIONS.get(code, LintOptions())
    return lint(read(Source("policy.json", text), kind), rules=judging(code), options=options)


def shown(text: str, kind: PolicyKind, code: str = "") -> list[tuple[str, str]]:
    """Return the findings of a text as codes with what they point at."""
    return [(f.rule.code, text[f.span.start : f.span.end]) for f in found_in(text, kind, code)]


def repaired(text: str, kind: PolicyKind, code: str) -> str:
    """Return the text after all the edits that the findings of one code carry."""
    found = [finding for finding in found_in(text, kind, code) if finding.rule.code == code]
    assert any(finding.edits for finding in found)
    return applied(text, (edit for finding in found for edit in finding.edits))


def decisions(text: str, kind: PolicyKind, seeds: Iterable[int]) -> list[object]:
    """Return what generated requests come to where this is the only policy of its kind."""
    policy = parse(text, kind=kind)
    answers: list[object] = []
    for seed in seeds:
        made = world(seed)
        if kind is PolicyKind.KEY_POLICY:
            documents = replace(made.documents, key_policy=policy)
        else:
            documents = replace(made.documents, identity=(policy,))
        decision = decide(made.request, documents)
        answers.append((decision.outcome, decision.layer, decision.path))
    return answers

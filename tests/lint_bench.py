"""Texts for lint rules: documents around a fragment, repairs, and what they change."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from policy import PolicyKind, decide, parse
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


def found_in(text: str, kind: PolicyKind, code: str = "") -> tuple[Finding, ...]:
    """Return the findings of a text; with KG137 as code, those of a classic SCP."""
    options = LintOptions(scp_language="classic" if code == "KG137" else "full")
    return lint(read(Source("policy.json", text), kind), options=options)


def shown(text: str, kind: PolicyKind) -> list[tuple[str, str]]:
    """Return the findings of a text as codes with what they point at."""
    return [(f.rule.code, text[f.span.start : f.span.end]) for f in found_in(text, kind)]


def repaired(text: str, kind: PolicyKind, code: str) -> str:
    """Return the text after all the edits that the findings of one code carry."""
    found = [finding for finding in found_in(text, kind) if finding.rule.code == code]
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

"""Key policies for tests of what rules say about their meaning."""

from __future__ import annotations

from policy.model import PolicyKind
from tests.lint_bench import document, found_in

KEY = PolicyKind.KEY_POLICY

ROOT = "arn:aws:iam::111122223333:root"
OPS = "arn:aws:iam::111122223333:role/ops"
APP = "arn:aws:iam::111122223333:role/app"


def says(effect: str, who: str, action: str, condition: str = "", resource: str = '"*"') -> str:
    """Return a statement; `who` and `action` are a name or a JSON list."""
    names, actions = (text if text[0] == "[" else f'"{text}"' for text in (who, action))
    named = names if who == "*" else f'{{"AWS": {names}}}'
    members = [
        f'"Effect": "{effect}"', f'"Principal": {named}', f'"Action": {actions}',
        f'"Resource": {resource}',
    ]  # fmt: skip
    if condition:
        members.append(f'"Condition": {condition}')
    return "{" + ", ".join(members) + "}"


def allow(who: str, action: str, condition: str = "") -> str:
    return says("Allow", who, action, condition)


def deny(who: str, action: str, condition: str = "", resource: str = '"*"') -> str:
    return says("Deny", who, action, condition, resource)


def listed(*statements: str) -> str:
    return document(f"[{', '.join(statements)}]", KEY)


def pointed_at(code: str, text: str, kind: PolicyKind = KEY) -> list[str]:
    """Return what the findings of one code point at."""
    found = found_in(text, kind, code)
    return [text[f.span.start : f.span.end] for f in found if f.rule.code == code]


def messages(code: str, text: str, kind: PolicyKind = KEY) -> list[str]:
    return [f.message for f in found_in(text, kind, code) if f.rule.code == code]


def where(operator: str, key: str, value: str) -> str:
    return f'{{"{operator}": {{"{key}": "{value}"}}}}'


DELEGATION = allow(ROOT, "kms:*")

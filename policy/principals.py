"""The forms in which a policy or a grant names a principal (AUTH E-1 to E-14)."""

from __future__ import annotations

import functools
import re

from policy.arn import Arn, is_account_id
from policy.model import PrincipalForm, PrincipalPattern
from policy.source import Span

PRINCIPAL_KEYS = ("AWS", "Service", "Federated", "CanonicalUser")

_UNIQUE_ID = re.compile(r"A(?:IDA|ROA)[A-Z0-9]{4,124}")


def principal_pattern(key: str, text: str, span: Span) -> PrincipalPattern:
    """Return what an entry of a Principal map names (AUTH E-1 to E-14)."""
    form, arn = _read(key, text)
    return PrincipalPattern(form, text, span, arn)


@functools.lru_cache(maxsize=4096)
def _read(key: str, text: str) -> tuple[PrincipalForm, Arn | None]:
    form, arn = PrincipalForm.INVALID, None
    if key == "Service":
        form = PrincipalForm.SERVICE
    elif key == "Federated":
        form = PrincipalForm.PROVIDER
    elif key == "CanonicalUser":
        form = PrincipalForm.CANONICAL_USER
    elif text == "*":
        form = PrincipalForm.EVERYONE
    elif is_account_id(text):
        form = PrincipalForm.ACCOUNT
    elif _UNIQUE_ID.fullmatch(text):
        form = PrincipalForm.UNIQUE_ID
    else:
        arn = Arn.parse(text)
        form = _arn_form(arn)
    return form, arn if form is not PrincipalForm.INVALID else None


def _arn_form(arn: Arn | None) -> PrincipalForm:
    if arn is None or not is_account_id(arn.account) or "*" in str(arn) or "?" in str(arn):
        return PrincipalForm.INVALID  # AUTH E-13
    if arn.service == "iam" and arn.resource == "root":
        return PrincipalForm.ACCOUNT
    if not arn.name or not arn.last:
        return PrincipalForm.INVALID
    return _ARN_FORMS.get((arn.service, arn.type), PrincipalForm.INVALID)  # AUTH E-14


_ARN_FORMS = {
    ("iam", "user"): PrincipalForm.USER,
    ("iam", "role"): PrincipalForm.ROLE,
    ("sts", "assumed-role"): PrincipalForm.SESSION,
    ("sts", "federated-user"): PrincipalForm.FEDERATED_USER,
}


def grant_principal(text: str) -> PrincipalPattern:
    """Return what the grantee or retiring principal of a grant names (AUTH N-6, N-7)."""
    entry = principal_pattern("AWS", text, Span(0, 0))
    if entry.form in _GRANT_FORMS:
        return entry
    service = entry.form is PrincipalForm.INVALID and ":" not in text and "." in text
    form = PrincipalForm.SERVICE if service else PrincipalForm.INVALID
    return PrincipalPattern(form, text, Span(0, 0))


_GRANT_FORMS = frozenset({PrincipalForm.ACCOUNT, *_ARN_FORMS.values()})

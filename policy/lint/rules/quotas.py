"""Quotas: of documents, and of the aliases that conditions rest on (KG510, KG516)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policy.lint.duties import KEY_ACTIONS
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Subject
from policy.model import PolicyKind
from policy.source import Span
from policy.vocabulary import MAX_RESOURCE_ALIASES

MAX_KEY_POLICY_BYTES = 32_768

QUOTAS = {
    PolicyKind.IDENTITY_POLICY: 6_144,
    PolicyKind.SCP: 5_120,
    PolicyKind.RCP: 5_120,
    PolicyKind.ENDPOINT_POLICY: 20_480,
}
"""Characters without white space, where no other number is configured."""

_BETWEEN = re.compile(r'("(?:[^"\\]|\\.)*")|[ \t\r\n]+')


@rule("KG510", "policy-size", Severity.ERROR, Fix.UNSAFE)
def policy_size(subject: Subject) -> Iterator[Hit]:
    """The document is longer than its quota, or nearly so.

    A key policy may have 32,768 bytes as it is written; a managed identity policy 6,144
    characters, an SCP or RCP 5,120 and an endpoint policy 20,480, white space not counted, unless
    other numbers are configured. A warning from nine tenths on.

    ## Why it matters
    The quota of key policies is never raised. Grants are the way out: they need no room in it.

    ## Example
    ```json
    {"Sid": "32,700 characters", "Effect": "Allow",
     "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
     "Action": "kms:Decrypt", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Sid": "Application", "Effect": "Allow",
     "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
     "Action": "kms:CreateGrant", "Resource": "*",
     "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}}}
    ```

    ## Sources
    - Resource quotas
    - Creating a key policy
    - IAM and AWS STS quotas, name requirements, and character limits
    """
    if subject.root is None:
        return
    text = subject.document.source.text
    edits: tuple[Edit, ...] = ()
    if subject.kind is PolicyKind.KEY_POLICY:
        size, limit, unit = len(text.encode(errors="surrogatepass")), MAX_KEY_POLICY_BYTES, "bytes"
    elif subject.kind in QUOTAS:
        size = len("".join(text.split()))
        limit = subject.options.quotas.get(subject.kind, QUOTAS[subject.kind])
        unit = "characters"
    else:
        return
    if size * 10 < limit * 9:
        return
    start = subject.root.span.start
    if unit == "bytes" and text[start : start + 1] == "{":
        shorter = _BETWEEN.sub(lambda found: found[1] or "", text)
        edits = (Edit(Span(0, len(text)), shorter),) if len(shorter) < len(text) else ()
    yield Hit(
        Span(start, start + 1),
        f"{size:,} of {limit:,} {unit}",
        "give access by grants, which need no room in the policy" if unit == "bytes" else None,
        severity=Severity.WARNING if size <= limit else None,
        edits=edits,
    )


@rule("KG516", "alias-condition-quota", Severity.SUGGESTION, kinds=(PolicyKind.IDENTITY_POLICY,))
def alias_condition_quota(subject: Subject) -> Iterator[Hit]:
    """An identity policy reaches keys by their aliases and in no other way.

    ## Why it matters
    A key may get more aliases than are looked at: above fifty of them, access that rests on
    `kms:ResourceAliases` is refused.

    ## Example
    ```json
    {"Effect": "Allow", "Action": "kms:Decrypt",
     "Resource": "arn:aws:kms:*:111122223333:key/*",
     "Condition": {"ForAnyValue:StringLike": {"kms:ResourceAliases": "alias/billing*"}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Action": "kms:Decrypt",
     "Resource": "arn:aws:kms:*:111122223333:key/*",
     "Condition": {"StringEquals": {"aws:ResourceTag/Team": "billing"}}}
    ```

    ## Sources
    - AWS KMS condition keys
    - Resource quotas
    """
    reaching = [said for said in subject.meaning.allows if said.actions & KEY_ACTIONS]
    for said in reaching:
        if all("kms:resourcealiases" in each.keys for each in reaching):
            test = next(c for c in said.conditions if c.key.lower() == "kms:resourcealiases")
            yield Hit(
                said.key_place(test),
                "access by alias is refused for keys "
                f"with more than {MAX_RESOURCE_ALIASES} aliases",
            )

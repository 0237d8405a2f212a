"""What a document allows that an earlier one did not, shown by a request."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from policy.arn import Arn
from policy.lint.parts import Entry
from policy.lint.permits import covering
from policy.lint.reading import Reading
from policy.lint.rule import Hit, Severity, rule
from policy.lint.subject import Subject
from policy.model import Policy, PolicyKind, PrincipalForm

MAX_REQUESTS = 400
"""So many requests are decided under both documents, at most."""


@rule("KG442", "new-access", Severity.SECURITY)
def new_access(subject: Subject) -> Iterator[Hit]:
    """A request is allowed that the earlier document did not allow.

    Needs the earlier document. Key policies and identity policies are asked about the principals,
    actions and keys that they name, in requests without anything special; what only some condition
    lets through is not looked for.

    ## Why it matters
    The difference of two texts hides what it opens.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
     "Action": ["kms:Decrypt", "kms:Sign"], "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"},
     "Action": "kms:Decrypt", "Resource": "*"}
    ```

    ## Sources
    - Access Analyzer policy check reference
    """
    before, after = subject.options.against, subject.document.policy
    if before is None or after is None:
        return
    if subject.kind not in (PolicyKind.KEY_POLICY, PolicyKind.IDENTITY_POLICY):
        return
    told: set[str] = set()
    for caller, action, key, entry in itertools.islice(_questions(subject), MAX_REQUESTS):
        witness = f"{caller} may call kms:{action}"
        if witness in told or not _allows(after, caller, action, key):
            continue
        if not _allows(before, caller, action, key):
            told.add(witness)
            yield Hit(entry.node.span, f"newly allowed: {witness}")


_KEY = "arn:aws:kms:us-east-1:{}:key/00000000-0000-0000-0000-000000000000"
_SOMEBODY = "arn:aws:iam::{}:role/somebody"
_NO_ACCOUNT = "0" * 12


def _questions(subject: Subject) -> Iterator[tuple[str, str, str, Entry]]:
    """Yield callers, actions and keys that Allow statements are about, and where they are named."""
    for reading in subject.giving:
        for key in _keys(subject, reading):
            account = key.split(":")[4]
            for caller in _callers(reading, account):
                for action in sorted(reading.kms_actions):
                    for entry in covering(reading, frozenset({action}))[:1]:
                        yield caller, action, key, entry


def _callers(reading: Reading, account: str) -> Iterator[str]:
    if not reading.kind.names_principals:
        yield _SOMEBODY.format(account)
    for pattern, _ in reading.principals if not reading.excludes_principals else ():
        if pattern.form in (PrincipalForm.ROLE, PrincipalForm.USER):
            yield pattern.text
        elif pattern.form is PrincipalForm.ACCOUNT:
            yield _SOMEBODY.format(pattern.account)
        elif pattern.form is PrincipalForm.EVERYONE:
            yield _SOMEBODY.format("9" * 12)


def _keys(subject: Subject, reading: Reading) -> Iterator[str]:
    account = subject.options.account
    if reading.kind is PolicyKind.KEY_POLICY:
        named = (pattern.account for pattern, _ in reading.principals)
        yield _KEY.format(account or next(filter(None, named), _NO_ACCOUNT))
        return
    resources = reading.resources
    for entry in resources.entries if resources is not None and not resources.negated else ():
        arn = Arn.parse(entry.text)
        if entry.text == "*" or arn is None or "*" in arn.account:
            yield _KEY.format(account or _NO_ACCOUNT)
        elif "*" in entry.text or "?" in entry.text:
            yield _KEY.format(arn.account)
        else:
            yield entry.text


def _allows(policy: Policy, caller: str, action: str, key: str) -> bool:
    """Tell whether a caller whose other policies allow everything is allowed an action on a key."""
    from policy.authorization import decide  # noqa: PLC0415 - the evaluator, where it is asked
    from policy.decision import Documents, Outcome  # noqa: PLC0415
    from policy.reader import parse  # noqa: PLC0415
    from policy.request import Request, Resource, principal_from_arn  # noqa: PLC0415

    who, what = Arn.parse(caller), Arn.parse(key)
    principal = principal_from_arn(who) if who is not None else None
    if principal is None or what is None:
        return False
    if policy.kind is PolicyKind.KEY_POLICY:
        identity = parse(_EVERYTHING, kind=PolicyKind.IDENTITY_POLICY)
        documents = Documents(key_policy=policy, identity=(identity,))
    else:
        owner = f'"Principal": {{"AWS": "{what.account}"}}, '
        delegating = _EVERYTHING.replace('"Action"', f'{owner}"Action"')
        documents = Documents(
            key_policy=parse(delegating, kind=PolicyKind.KEY_POLICY), identity=(policy,)
        )
    request = Request(principal, f"kms:{action}", Resource(what, what.account))
    return decide(request, documents).outcome is Outcome.ALLOWED


_EVERYTHING = (
    '{"Version": "2012-10-17",'
    ' "Statement": {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}}'
)

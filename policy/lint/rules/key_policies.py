"""Identity policies beside the key policies that they depend on (AUTH L-30 to L-33)."""

from __future__ import annotations

from collections.abc import Iterator

from policy.arn import Arn
from policy.carriers import ON_KEYS
from policy.lint.parts import Entry, coverage
from policy.lint.permits import spelled
from policy.lint.reading import Reading
from policy.lint.rule import Hit, Severity, rule
from policy.lint.subject import Subject, short
from policy.model import Effect, Policy, PolicyKind, PrincipalForm
from policy.pattern import parse_pattern

_IDENTITY = (PolicyKind.IDENTITY_POLICY,)


@rule("KG341", "identity-allow-not-delegated", Severity.WARNING, kinds=_IDENTITY)
def identity_allow_not_delegated(subject: Subject) -> Iterator[Hit]:
    """An identity policy allows what the key policy does not let identity policies allow.

    Needs the key policies. Reported of keys of the same account whose policy gives the account
    none of the actions.

    ## Why it matters
    For KMS an identity policy counts only where the key policy says so.

    ## Example
    ```json
    {"Effect": "Allow", "Action": "kms:Decrypt",
     "Resource": "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Action": "kms:Decrypt",
     "Resource": "arn:aws:kms:eu-west-1:111122223333:key/0987dcba-09fe-87dc-65ba-ab0987654321"}
    ```

    ## Sources
    - Default key policy
    - Key policies in AWS KMS
    - Troubleshooting key access
    """
    for entry, key, _, lacking, given in _without_delegation(subject, foreign=False):
        if not given:
            yield Hit(
                entry.node.span,
                f"the key policy of {short(key)} does not let identity policies allow "
                f"{spelled(lacking)}",
            )


@rule("KG342", "exceeds-delegation", Severity.SUGGESTION, kinds=_IDENTITY)
def exceeds_delegation(subject: Subject) -> Iterator[Hit]:
    """An identity policy allows more on another account's key than its key policy gives.

    Needs the key policies, and the account of the identity policy.

    ## Why it matters
    The key policy is the outer limit for other accounts. What is beyond it has no effect.

    ## Example
    ```json
    {"Effect": "Allow", "Action": ["kms:Decrypt", "kms:Sign"],
     "Resource": "arn:aws:kms:eu-west-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Action": "kms:Decrypt",
     "Resource": "arn:aws:kms:eu-west-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab"}
    ```

    ## Sources
    - Allowing users in other accounts to use a KMS key
    """
    for entry, _, account, lacking, given in _without_delegation(subject, foreign=True):
        limit = f"only {spelled(given)}" if given else "nothing"
        verb = "has" if len(lacking) == 1 else "have"
        yield Hit(
            entry.node.span,
            f"the key policy gives account {account} {limit}; {spelled(lacking)} {verb} no effect",
        )


def _without_delegation(
    subject: Subject, *, foreign: bool
) -> Iterator[tuple[Entry, str, str, list[str], list[str]]]:
    """Yield resources with a key of theirs, an account, and what it does not get there, and does.

    Of actions only those count that a statement names.
    """
    for reading in subject.giving:
        named = sorted({name for name, _ in reading.literal_actions} & ON_KEYS)
        for entry in _resources(reading) if named else ():
            pattern = parse_pattern(entry.text)
            for key, policy in subject.options.key_policies.items():
                arn = Arn.parse(key)
                if arn is None or pattern.variables or not pattern.matches(key):
                    continue
                account = subject.options.account or arn.account
                if (account != arn.account) is not foreign:
                    continue
                delegated = _delegated(policy, account)
                lacking = [f"kms:{name}" for name in named if name not in delegated]
                if lacking:
                    given = [f"kms:{name}" for name in named if name in delegated]
                    yield entry, key, account, lacking, given
                    break


def _delegated(policy: Policy, account: str) -> frozenset[str]:
    """Return the actions that a key policy gives to an account or to everybody."""
    given: set[str] = set()
    for statement in policy.statements:
        principal = statement.principal
        if statement.effect is not Effect.ALLOW or principal is None or statement.action is None:
            continue
        reaches = principal.negated or any(
            each.form is PrincipalForm.EVERYONE
            or (each.form is PrincipalForm.ACCOUNT and each.account == account)
            for each in principal.patterns
        )
        if reaches:
            covered = frozenset[str]().union(
                *(coverage(each.text).kms for each in statement.action.patterns)
            )
            given |= ON_KEYS - covered if statement.action.negated else covered
    return frozenset(given)


def _resources(reading: Reading) -> tuple[Entry, ...]:
    listing = reading.resources
    return () if listing is None or listing.negated else listing.entries

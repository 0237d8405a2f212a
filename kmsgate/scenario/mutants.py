"""Worlds with one slip in one document: a statement, a value, a grant that is not as written.

Only what somebody wrote is changed: neither default key policies nor policies of AWS.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeAlias

from kms.directory import Account, Directory
from kms.gate import key_policy
from kms.policy_checks import bound_ids
from kms.state import State
from kmsgate.scenario.coverage import Place, places_of, policies_of
from kmsgate.scenario.varying import concerns
from kmsgate.scenario.world import World
from policy import Grant, GrantConstraints, Level, Policy, PolicyError, parse
from policy.mutations import Mutation, as_document, mutations

Swap: TypeAlias = Callable[[Policy], Policy]


@dataclass(frozen=True)
class Mutant:
    """One edit. `key` is the name of the key whose policy or grants it is about, if any.

    `applied` returns a world with the edit, or None for a world without the document; `concerns`
    tells whether it can matter to an action, given in lower case.
    """

    home: str
    name: str
    edit: str
    key: str | None
    place: Place | None
    applied: Callable[[World], World | None] = field(repr=False)
    concerns: Callable[[str], bool] = field(repr=False)

    @property
    def label(self) -> str:
        """How reports call it: `payroll: Administer, kms:DisableKey dropped`."""
        return f"{self.home}: {self.name}, {self.edit}"


def mutants(worlds: Iterable[World]) -> Iterator[Mutant]:
    """Yield every mutant of every document in some worlds, each once.

    An edit that leaves no policy, such as one that a key cannot have, is left out.
    """
    seen: set[object] = set()
    for world in worlds:
        for name, arn in world.keys.items():
            key = world.state.key(arn)
            if key is not None and (name, key.policy) not in seen:
                seen.add((name, key.policy))
                yield from _of_key(name, key.policy, world)
        for policy in policies_of(world):
            at = _at(policy)
            if at not in seen:
                seen.add(at)
                yield from _of_policy(policy)
        for name, grant_id in world.names.grants.items():
            grant = _grant(world.state, grant_id)
            if grant is not None and (name, repr(grant)) not in seen:
                seen.add((name, repr(grant)))
                yield from _of_grant(name, grant, world)


# Key policies


def _of_key(name: str, text: str, world: World) -> Iterator[Mutant]:
    places = places_of(name, text, world)
    if not places:
        return
    before = key_policy(text)
    for mutation in mutations(json.loads(text, parse_int=str, parse_float=str)):
        changed = json.dumps(mutation.document, ensure_ascii=False)
        try:
            after = key_policy(changed)
        except PolicyError:
            continue
        shown, concerned = _statement(before, after, mutation.index)
        applied = partial(_with_key_policy, name, text, changed)
        place = places.get(mutation.index)
        yield Mutant(name, shown, mutation.edit, name, place, applied, concerned)


def _statement(before: Policy, after: Policy, index: int) -> tuple[str, Callable[[str], bool]]:
    """Return how a changed statement is called, and the actions that it spoke or speaks of."""
    statement = before.statements[index]
    changed = [statement]
    if len(after.statements) == len(before.statements):
        changed.append(after.statements[index])
    return statement.sid or f"[{index}]", lambda action: any(concerns(s, action) for s in changed)


def _with_key_policy(name: str, text: str, changed: str, world: World) -> World | None:
    arn = world.keys.get(name)
    key = world.state.key(arn) if arn is not None else None
    if key is None or key.policy != text:
        return None
    ids = bound_ids(changed, world.state.directory)
    return replace(world, state=world.state.with_key(replace(key, policy=changed, bound_ids=ids)))


# Other policies


def _at(policy: Policy) -> tuple[str, int]:
    return policy.source.name, policy.statements[0].span.start


def _of_policy(policy: Policy) -> Iterator[Mutant]:
    for mutation in mutations(as_document(policy)):
        changed = _changed(policy, mutation)
        if changed is not None:
            shown, concerned = _statement(policy, changed, mutation.index)
            place = Place(policy.source, policy.statements[mutation.index].span)
            applied = partial(_with_policy, _at(policy), changed)
            yield Mutant(policy.name, shown, mutation.edit, None, place, applied, concerned)


def _changed(policy: Policy, mutation: Mutation) -> Policy | None:
    try:
        return parse(json.dumps(mutation.document), name=policy.name, kind=policy.kind)
    except PolicyError:
        return None


def _with_policy(at: tuple[str, int], changed: Policy, world: World) -> World | None:
    found = False

    def swap(policy: Policy) -> Policy:
        nonlocal found
        if not policy.statements or _at(policy) != at:
            return policy
        found = True
        return changed

    directory = _swapped(world.state.directory, swap)
    return replace(world, state=replace(world.state, directory=directory)) if found else None


def _swapped(directory: Directory, swap: Swap) -> Directory:
    """Return a directory with each policy as `swap` returns it."""
    identities, sessions = directory.identities, directory.sessions
    groups, endpoints, accounts = directory.groups, directory.endpoints, directory.accounts
    for arn, identity in directory.identities.items():
        boundary = swap(identity.boundary) if identity.boundary is not None else None
        policies = tuple(map(swap, identity.policies))
        identities = identities.insert(arn, replace(identity, policies=policies, boundary=boundary))
    for arn, session in directory.sessions.items():
        if session.policies is not None:
            policies = tuple(map(swap, session.policies))
            sessions = sessions.insert(arn, replace(session, policies=policies))
    for name, group in directory.groups.items():
        groups = groups.insert(name, tuple(map(swap, group)))
    for name, endpoint in directory.endpoints.items():
        if endpoint.policy is not None:
            endpoints = endpoints.insert(name, replace(endpoint, policy=swap(endpoint.policy)))
    for name, account in directory.accounts.items():
        accounts = accounts.insert(name, _account(account, swap))
    return replace(
        directory,
        identities=identities,
        sessions=sessions,
        groups=groups,
        endpoints=endpoints,
        accounts=accounts,
    )


def _account(account: Account, swap: Swap) -> Account:
    return replace(account, scps=_levels(account.scps, swap), rcps=_levels(account.rcps, swap))


def _levels(levels: tuple[Level, ...] | None, swap: Swap) -> tuple[Level, ...] | None:
    if levels is None:
        return None
    return tuple(replace(level, policies=tuple(map(swap, level.policies))) for level in levels)


# Grants


def _grant(state: State, grant_id: str) -> Grant | None:
    found = (grants.by_id.get(grant_id) for grants in state.grants.values())
    return next((grant for grant in found if grant is not None), None)


def _of_grant(name: str, grant: Grant, world: World) -> Iterator[Mutant]:
    key = next((n for n, arn in world.keys.items() if str(arn) == grant.key_arn), None)
    for edit, changed in _edits(grant):
        applied = partial(_with_grant, grant, changed)
        yield Mutant("grant", name, edit, key, None, applied, lambda _action: True)


def _edits(grant: Grant) -> Iterator[tuple[str, Grant | None]]:
    yield "dropped", None
    if len(grant.operations) > 1:
        for operation in sorted(grant.operations):
            left = grant.operations - {operation}
            yield f"operation {operation} dropped", replace(grant, operations=left)
    if grant.constraints.names_context:
        free = GrantConstraints(source_arn=grant.constraints.source_arn)
        yield "constraint on the encryption context dropped", replace(grant, constraints=free)
    if grant.constraints.source_arn is not None:
        free = replace(grant.constraints, source_arn=None)
        yield "constraint on the source dropped", replace(grant, constraints=free)


def _with_grant(grant: Grant, changed: Grant | None, world: World) -> World | None:
    state = world.state
    if _grant(state, grant.id) != grant:
        return None
    after = state.without_grant(grant) if changed is None else state.with_grant(changed)
    return replace(world, state=after)

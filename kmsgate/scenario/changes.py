"""What a test changes in the world from outside, past every policy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kms.directory import Account, Directory
from kms.model import Key, KeyState
from kms.policy_checks import bound_ids
from kms.state import State
from kmsgate.scenario.compare import StepError, Values
from kmsgate.scenario.fields import Item, short
from kmsgate.scenario.model import ChangeStep
from kmsgate.scenario.things import in_state
from kmsgate.scenario.world import World
from policy import Level, PolicyError
from policy.source import printable
from policy.tree import Object


def changed(step: ChangeStep, state: State, world: World, values: Values) -> State:
    """Return the state after a change; raises StepError for one that cannot be made."""
    if step.subject == "key":
        return state.with_key(_key(step, state, world, values))
    directory = state.directory
    if step.subject == "endpoint":
        endpoint = directory.endpoints[step.name]
        changed_directory = directory.with_endpoint(replace(endpoint, policy=step.policies[0]))
    elif step.subject in ("scp", "rcp"):
        account = directory.accounts[world.names.accounts[step.name]]
        changed_directory = directory.with_account(_account(step, account))
    else:
        changed_directory = _identity(step, directory, world, values)
    return replace(state, directory=changed_directory)


def _texts(fields: Mapping[str, Item], name: str, values: Values) -> dict[str, str]:
    return {n: values.text(item) for n, item in fields[name].fields(name).items()}


# Keys


def _key(step: ChangeStep, state: State, world: World, values: Values) -> Key:
    fields = step.fields
    key = state.key(world.keys[step.name])
    if key is None:
        raise StepError(step.item, f"key '{step.name}' is gone")
    if "policy" in fields:
        key = _with_policy(key, _policy_text(fields["policy"], key, world, values), fields, state)
    if "drop_statement" in fields or "add_statement" in fields:
        key = _with_policy(key, _edited(key.policy, fields, values), fields, state)
    if "tags" in fields:
        key = replace(key, tags=tuple(_texts(fields, "tags", values).items()))
    if "state" in fields:
        new = KeyState(values.text(fields["state"]))
        if new is not KeyState.PENDING_IMPORT and not key.is_complete:
            raise StepError(fields["state"], f"key '{step.name}' has no material for this state")
        key = in_state(key, new, values.now)
    return key


def _policy_text(item: Item, key: Key, world: World, values: Values) -> str:
    """Return the text of a policy: what YAML says, or a policy that is named or in a file."""
    if isinstance(item.node, Object) and item.node.get("Statement") is not None:
        return values.document(item)
    return world.policies.key_policy(item, key.account)


def _edited(text: str, fields: Mapping[str, Item], values: Values) -> str:
    """Return a policy without one statement, or with one more."""
    document: dict[str, Any] = json.loads(text, parse_int=str, parse_float=str)
    statements = document["Statement"]
    statements = statements if isinstance(statements, list) else [statements]
    if "drop_statement" in fields:
        sid = values.text(fields["drop_statement"])
        kept = [statement for statement in statements if statement.get("Sid") != sid]
        if len(kept) == len(statements):
            raise StepError(fields["drop_statement"], f"there is no statement '{short(sid)}'")
        statements = kept
    if "add_statement" in fields:
        statements = [*statements, values.plain(fields["add_statement"])]
    return json.dumps({**document, "Statement": statements}, indent=2, ensure_ascii=False)


def _with_policy(key: Key, text: str, fields: Mapping[str, Item], state: State) -> Key:
    try:
        return replace(key, policy=text, bound_ids=bound_ids(text, state.directory))
    except PolicyError as error:
        item = next(fields[n] for n in ("policy", "add_statement", "drop_statement") if n in fields)
        problem = printable(error.problems[0].message)
        raise StepError(item, f"the key cannot have this policy: {problem}") from None


# Who exists


def _identity(step: ChangeStep, directory: Directory, world: World, values: Values) -> Directory:
    """`recreate`: the same name with another unique id (AUTH E-20); `delete`: gone."""
    fields, arn = step.fields, world.arns[step.name]
    identity = directory.identities.get(str(arn))
    if identity is None and "recreate" in fields:
        identity = world.state.directory.identities[str(arn)]
    if identity is None:
        raise StepError(step.item, f"'{step.name}' is gone")
    if "delete" in fields:
        return directory.without_identity(arn)
    if "recreate" in fields:
        fresh = values.entropy.random_bytes(9).hex().upper()[:17]
        identity = replace(identity, unique_id=f"{identity.unique_id[:4]}{fresh}")
    if "policies" in fields:
        identity = replace(identity, policies=step.policies)
    if "boundary" in fields:
        identity = replace(identity, boundary=step.boundary)
    if "tags" in fields:
        identity = replace(identity, tags=_texts(fields, "tags", values))
    return directory.with_identity(identity)


def _account(step: ChangeStep, account: Account) -> Account:
    """Return an account of which other policies hang at some levels of its organization."""
    old = account.scps if step.subject == "scp" else account.rcps
    if old is None:
        raise StepError(step.item, f"no {step.subject} binds account '{step.name}'")
    levels: tuple[Level, ...] = tuple(step.levels.get(level.target, level) for level in old)
    if step.subject == "scp":
        return replace(account, scps=levels)
    return replace(account, rcps=levels)

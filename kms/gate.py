"""The gate: collects every document that may speak about a request, and lets policy decide."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from kms.directory import Account, Directory
from kms.model import Key
from kms.operation import Call
from kms.state import KeyGrants, State
from policy import Decision, Documents, Policy, PolicyKind, Principal, Request, decide, parse
from policy.vocabulary import ResourceKind

MAX_KEPT = 4096


@dataclass(frozen=True, slots=True)
class _Kept:
    """Documents, and everything of the state that they were made from."""

    caller: Principal
    key: Key | None
    directory: Directory
    grants: KeyGrants | None
    documents: Documents


class Gate:
    """Decides requests against a state; keeps nothing but what it made of parts of states."""

    def __init__(self) -> None:
        self._kept: dict[tuple[object, ...], _Kept] = {}

    def decide(self, request: Request, key: Key | None, call: Call, state: State) -> Decision:
        """Return what all layers say about one request; `key` is the key it is about."""
        return decide(request, self.documents(request, key, call, state))

    def documents(self, request: Request, key: Key | None, call: Call, state: State) -> Documents:
        """Return every document that may speak about a request (AUTH 11.1).

        They are the same object as long as the state has not changed in what they are made from:
        evaluators keep with it what they worked out.
        """
        caller, resource = request.principal, request.resource
        on_key = key is not None and resource.kind is ResourceKind.KEY
        grants = state.grants_of(str(key.arn)) if on_key and key is not None else None
        at = (id(caller), id(key), resource.account, on_key, call.endpoint, call.access_key)
        kept = self._kept.get(at)
        if (
            kept is None
            or kept.caller is not caller
            or kept.key is not key
            or kept.directory is not state.directory
            or kept.grants is not grants
        ):
            documents = _documents(request, key if on_key else None, call, state)
            kept = _Kept(caller, key, state.directory, grants, documents)
            if len(self._kept) >= MAX_KEPT:
                self._kept.clear()
            self._kept[at] = kept
        return kept.documents


def _documents(request: Request, key: Key | None, call: Call, state: State) -> Documents:
    directory, caller = state.directory, request.principal
    identity = directory.identity_of(caller)
    session = directory.session_of(caller, call.access_key)
    endpoint = directory.endpoints.get(call.endpoint) if call.endpoint else None
    home = _account(directory, caller)
    owner = directory.accounts.get(request.resource.account or "")
    return Documents(
        key_policy=key_policy(key.policy) if key is not None else None,
        grants=tuple(state.grants_of(str(key.arn)).by_id.values()) if key is not None else (),
        identity=directory.policies_of(caller),
        boundary=identity.boundary if identity is not None else None,
        session=session.policies if session is not None else None,
        scps=home.scps if home is not None else None,  # AUTH L-1, L-9
        rcps=owner.rcps if owner is not None else None,  # AUTH L-2, L-9
        endpoint=endpoint.policy if endpoint is not None else None,  # AUTH L-3
        bound_ids=key.bound_ids if key is not None else {},
    )


@functools.lru_cache(maxsize=4096)
def key_policy(text: str) -> Policy:
    """Return the parsed policy of a key; its text has been checked when it was put."""
    return parse(text, name="key policy", kind=PolicyKind.KEY_POLICY)


def _account(directory: Directory, caller: Principal) -> Account | None:
    return directory.accounts.get(caller.account) if caller.account is not None else None

"""The gate: collects every document that may speak about a request, and lets policy decide."""

from __future__ import annotations

import functools

from kms.directory import Account, Directory
from kms.model import Key
from kms.operation import Call
from kms.state import State
from policy import Decision, Documents, Policy, PolicyKind, Principal, Request, decide, parse
from policy.vocabulary import ResourceKind


class Gate:
    """Decides requests against a state; keeps nothing but parsed policies."""

    def decide(self, request: Request, key: Key | None, call: Call, state: State) -> Decision:
        """Return what all layers say about one request; `key` is the key it is about."""
        return decide(request, self.documents(request, key, call, state))

    def documents(self, request: Request, key: Key | None, call: Call, state: State) -> Documents:
        """Return every document that may speak about a request (AUTH 11.1)."""
        directory, caller = state.directory, request.principal
        identity = directory.identity_of(caller)
        session = directory.session_of(caller)
        endpoint = directory.endpoints.get(call.endpoint) if call.endpoint else None
        home = _account(directory, caller)
        owner = directory.accounts.get(request.resource.account or "")
        on_key = key is not None and request.resource.kind is ResourceKind.KEY
        grants = tuple(state.grants_of(str(key.arn)).by_id.values()) if on_key and key else ()
        return Documents(
            key_policy=key_policy(key.policy) if on_key and key is not None else None,
            grants=grants,
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

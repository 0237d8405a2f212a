"""The lives of keys, their aliases and grants, against a small model of what should be true.

The model knows no cryptography and no policies: who holds a grant may decrypt, the administrator
may do everything, and time brings the end of keys and of revoked grants.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from kms import Settings
from tests.kms_world import ACCOUNT, REGION, World, user_arn

DELAY = 300
NAMES = tuple(f"alias/{name}" for name in "abc")
TAGS = ("team", "cost", "stage")


@dataclass
class LiveGrant:
    """A grant as the model sees it; it works in the half-open time between its instants."""

    id: str
    token: str
    from_: dt.datetime
    until: dt.datetime | None = None

    def works(self, now: dt.datetime) -> bool:
        return self.from_ <= now and not self.is_over(now)

    def is_over(self, now: dt.datetime) -> bool:
        return self.until is not None and now >= self.until


@dataclass
class LiveKey:
    """A key as the model sees it: one word for its state, and what hangs on it."""

    id: str
    blob: bytes
    word: str = "Enabled"
    gone_at: dt.datetime | None = None
    tags: dict[str, str] = field(default_factory=dict)
    grants: list[LiveGrant] = field(default_factory=list)

    @property
    def arn(self) -> str:
        return f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{self.id}"

    @property
    def complaint(self) -> tuple[str, str] | None:
        """What an operation answers that needs an enabled key."""
        if self.word == "Disabled":
            return "DisabledException", f"{self.arn} is disabled."
        if self.word == "PendingDeletion":
            return self.pending
        return None

    @property
    def pending(self) -> tuple[str, str] | None:
        if self.word == "PendingDeletion":
            return "KMSInvalidStateException", f"{self.arn} is pending deletion."
        return None


class Lives(RuleBasedStateMachine):
    """Calls in any order; after each of them the service and the model agree."""

    keys = Bundle("keys")

    def __init__(self) -> None:
        super().__init__()
        self.world = World(Settings(grant_consistency_seconds=DELAY))
        self.worker = self.world.user("worker")
        self.model: dict[str, LiveKey] = {}
        self.aliases: dict[str, str] = {}
        self.calls = 0
        self.ends = 0

    # What the two are compared by

    def ask(self, operation: str, /, worker: bool = False, **parameters: object) -> object:
        """Return the output, or the error's code and message; count the call."""
        caller = self.worker if worker else None
        reply = self.world.ask(operation, caller, **parameters)
        self.calls += 1
        if reply.error is not None:
            return reply.error.code, reply.error.message
        return reply.output

    def alive(self, key: LiveKey) -> bool:
        return key.id in self.model

    def settle(self) -> None:
        now = self.world.clock.now()
        for key in [k for k in self.model.values() if k.gone_at is not None and k.gone_at <= now]:
            del self.model[key.id]
            self.aliases = {name: to for name, to in self.aliases.items() if to != key.id}
            self.ends += 1
        for key in self.model.values():
            key.grants = [grant for grant in key.grants if not grant.is_over(now)]

    def expect(self, key: LiveKey, answer: object, error: tuple[str, str] | None) -> bool:
        """Compare an answer with the error it should be; tell whether the call went through."""
        if not self.alive(key):
            error = "NotFoundException", f"Key '{key.arn}' does not exist"
        if error is not None:
            assert answer == error
            return False
        assert isinstance(answer, dict), answer
        return True

    # Keys

    @initialize(target=keys)
    def begin_with_two_keys(self) -> object:
        return multiple(self.create_key(), self.create_key())

    @precondition(lambda self: len(self.model) < 5)
    @rule(target=keys)
    def create_key(self) -> LiveKey:
        made = self.world.do("CreateKey")["KeyMetadata"]
        sealed = self.world.do("Encrypt", KeyId=made["KeyId"], Plaintext=b"kept")
        self.calls += 2
        key = LiveKey(made["KeyId"], sealed["CiphertextBlob"])
        self.model[key.id] = key
        return key

    @rule(key=keys)
    def enable(self, key: LiveKey) -> None:
        if self.expect(key, self.ask("EnableKey", KeyId=key.id), key.pending):
            key.word = "Enabled"

    @rule(key=keys)
    def disable(self, key: LiveKey) -> None:
        if self.expect(key, self.ask("DisableKey", KeyId=key.id), key.pending):
            key.word = "Disabled"

    @rule(key=keys, days=st.integers(7, 30))
    def schedule(self, key: LiveKey, days: int) -> None:
        answer = self.ask("ScheduleKeyDeletion", KeyId=key.id, PendingWindowInDays=days)
        if self.expect(key, answer, key.pending):
            key.word = "PendingDeletion"
            key.gone_at = self.world.clock.now() + dt.timedelta(days=days)

    @rule(key=keys)
    def cancel(self, key: LiveKey) -> None:
        error = None
        if key.word != "PendingDeletion":
            error = "KMSInvalidStateException", f"{key.arn} is not pending deletion."
        if self.expect(key, self.ask("CancelKeyDeletion", KeyId=key.id), error):
            key.word, key.gone_at = "Disabled", None

    @rule(key=keys, name=st.sampled_from(TAGS), value=st.sampled_from(["x", "y"]))
    def tag(self, key: LiveKey, name: str, value: str) -> None:
        tags = [{"TagKey": name, "TagValue": value}]
        if self.expect(key, self.ask("TagResource", KeyId=key.id, Tags=tags), key.pending):
            key.tags[name] = value

    @rule(key=keys, name=st.sampled_from(TAGS))
    def untag(self, key: LiveKey, name: str) -> None:
        if self.expect(key, self.ask("UntagResource", KeyId=key.id, TagKeys=[name]), key.pending):
            key.tags.pop(name, None)

    # Aliases

    @rule(key=keys, name=st.sampled_from(NAMES))
    def create_alias(self, key: LiveKey, name: str) -> None:
        error = key.pending
        if error is None and name in self.aliases:
            arn = f"arn:aws:kms:{REGION}:{ACCOUNT}:{name}"
            error = "AlreadyExistsException", f"An alias with the name {arn} already exists"
        if self.expect(key, self.ask("CreateAlias", AliasName=name, TargetKeyId=key.id), error):
            self.aliases[name] = key.id

    @precondition(lambda self: self.aliases)
    @rule(key=keys, data=st.data())
    def update_alias(self, key: LiveKey, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.aliases)))
        answer = self.ask("UpdateAlias", AliasName=name, TargetKeyId=key.id)
        if self.expect(key, answer, key.pending):
            self.aliases[name] = key.id

    @precondition(lambda self: self.aliases)
    @rule(name=st.sampled_from(NAMES))
    def delete_alias(self, name: str) -> None:
        answer = self.ask("DeleteAlias", AliasName=name)
        if name not in self.aliases:
            arn = f"arn:aws:kms:{REGION}:{ACCOUNT}:{name}"
            assert answer == ("NotFoundException", f"Alias {arn} is not found.")
            return
        assert answer == {}
        del self.aliases[name]

    # Grants

    def holding(self) -> list[LiveKey]:
        """Return the keys with grants that last."""
        return [k for k in self.model.values() if any(g.until is None for g in k.grants)]

    @rule(key=keys)
    def create_grant_on_any_key(self, key: LiveKey) -> None:
        self.create_grant(key)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def create_grant_on_a_living_key(self, data: st.DataObject) -> None:
        self.create_grant(self.model[data.draw(st.sampled_from(sorted(self.model)))])

    def create_grant(self, key: LiveKey) -> None:
        answer = self.ask(
            "CreateGrant",
            KeyId=key.id,
            GranteePrincipal=user_arn("worker"),
            Operations=["Decrypt", "RetireGrant"],
        )
        if self.expect(key, answer, key.complaint):
            assert isinstance(answer, dict)
            from_ = self.world.clock.now() + dt.timedelta(seconds=DELAY)
            key.grants.append(LiveGrant(answer["GrantId"], answer["GrantToken"], from_))

    @precondition(lambda self: self.holding())
    @rule(worker=st.booleans(), data=st.data())
    def end_grant(self, worker: bool, data: st.DataObject) -> None:
        """The administrator revokes, or the grantee retires by token; states do not matter."""
        key = data.draw(st.sampled_from(self.holding()))
        grant = data.draw(st.sampled_from([g for g in key.grants if g.until is None]))
        if worker:
            answer = self.ask("RetireGrant", worker=True, GrantToken=grant.token)
        else:
            answer = self.ask("RevokeGrant", KeyId=key.id, GrantId=grant.id)
        assert answer == {}
        grant.until = self.world.clock.now() + dt.timedelta(seconds=DELAY)

    # Use

    @precondition(lambda self: self.holding())
    @rule(data=st.data())
    def decrypt_with_a_grant(self, data: st.DataObject) -> None:
        self.decrypt_as_the_worker(data.draw(st.sampled_from(self.holding())), data)

    @rule(key=keys, data=st.data())
    def decrypt_with_any_key(self, key: LiveKey, data: st.DataObject) -> None:
        self.decrypt_as_the_worker(key, data)

    def decrypt_as_the_worker(self, key: LiveKey, data: st.DataObject) -> None:
        now, tokens = self.world.clock.now(), []
        if self.alive(key) and key.grants and data.draw(st.booleans()):
            tokens = [data.draw(st.sampled_from(key.grants)).token]
        answer = self.ask(
            "Decrypt", worker=True, CiphertextBlob=key.blob, KeyId=key.arn, GrantTokens=tokens
        )
        shown = [grant for grant in key.grants if grant.token in tokens]
        if self.alive(key) and not shown and not any(grant.works(now) for grant in key.grants):
            assert isinstance(answer, tuple)
            assert answer[0] == "AccessDeniedException"
            return
        if self.expect(key, answer, key.complaint):
            assert isinstance(answer, dict)
            assert answer["Plaintext"] == b"kept"

    @precondition(lambda self: self.aliases)
    @rule(data=st.data())
    def encrypt_by_alias(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.aliases)))
        key = self.model[self.aliases[name]]
        answer = self.ask("Encrypt", KeyId=name, Plaintext=b"x")
        if self.expect(key, answer, key.complaint):
            assert isinstance(answer, dict)
            assert answer["KeyId"] == key.arn

    # Time

    @rule(
        by=st.sampled_from(
            [dt.timedelta(seconds=1), dt.timedelta(seconds=DELAY), dt.timedelta(days=8)]
        )
    )
    def let_time_pass(self, by: dt.timedelta) -> None:
        self.world.clock.advance(by)
        self.settle()
        self.ask("ListKeys")  # what is due is settled by the next call

    @precondition(lambda self: any(key.gone_at for key in self.model.values()))
    @rule()
    def let_a_scheduled_key_end(self) -> None:
        key = min((k for k in self.model.values() if k.gone_at), key=lambda k: str(k.gone_at))
        assert key.gone_at is not None
        self.world.clock.move_to(key.gone_at)
        self.settle()
        self.expect(key, self.ask("DescribeKey", KeyId=key.id), None)

    # What is always true

    @invariant()
    def the_same_keys_in_the_same_states(self) -> None:
        listed = self.ask("ListKeys")
        assert isinstance(listed, dict)
        assert [entry["KeyId"] for entry in listed["Keys"]] == sorted(self.model)
        for key in self.model.values():
            shown = self.world.state.key(key.arn)
            assert shown is not None
            assert (shown.state, shown.deletion_at) == (key.word, key.gone_at)
            assert dict(shown.tags) == key.tags

    @invariant()
    def the_same_aliases(self) -> None:
        listed = self.ask("ListAliases")
        assert isinstance(listed, dict)
        pairs = [(each["AliasName"], each.get("TargetKeyId")) for each in listed["Aliases"]]
        shown = {name: target for name, target in pairs if target is not None}
        assert shown == self.aliases
        assert list(shown) == sorted(shown)

    @invariant()
    def the_same_grants(self) -> None:
        for key in self.model.values():
            listed = self.ask("ListGrants", KeyId=key.id)
            assert isinstance(listed, dict)
            shown = {entry["GrantId"] for entry in listed["Grants"]}
            assert shown == {grant.id for grant in key.grants if grant.until is None}

    @invariant()
    def nothing_is_left_of_what_is_gone(self) -> None:
        state, arns = self.world.state, {key.arn for key in self.model.values()}
        assert set(state.keys) == arns
        assert set(state.grants) <= arns
        assert set(state.key_aliases) <= arns
        assert {key for key, _ in state.tokens.values()} <= arns
        lasting = sum(len(key.grants) for key in self.model.values())
        assert len(state.tokens) == lasting
        ending = sum(g.until is not None for key in self.model.values() for g in key.grants)
        pending = sum(key.gone_at is not None for key in self.model.values())
        assert len(state.due) == ending + pending

    @invariant()
    def every_call_and_every_end_left_one_event(self) -> None:
        events = self.world.events
        assert len(events) == self.calls + self.ends
        assert sum(event.operation == "DeleteKey" for event in events) == self.ends
        before = ["", *(event.hash for event in events)]
        assert [event.previous_hash for event in events] == before[:-1]


TestLives = Lives.TestCase
TestLives.settings = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)

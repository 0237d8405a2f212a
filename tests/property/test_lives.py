"""The lives of keys, their aliases and grants, against a small model of what should be true.

The model knows no cryptography and no policies: who holds a grant may decrypt, the administrator
may do everything, and time brings new material, the end of imported material, of keys and of
revoked grants.
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
    run_state_machine_as_test,
)

from kms import Settings
from kms.envelope import material_id
from tests.kms_world import ACCOUNT, REGION, World, user_arn

DELAY = 300
LIMIT = 3
DAY = dt.timedelta(days=1)
MINUTES_20 = dt.timedelta(minutes=20)
BROUGHT = tuple(bytes([n]) * 32 for n in range(3))
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
class LiveMaterial:
    """A material as the model sees it: its id, whether it is here, and until when."""

    id: str
    here: bool = True
    until: dt.datetime | None = None

    def go(self) -> None:
        self.here, self.until = False, None


@dataclass
class LiveKey:
    """A key as the model sees it: one word for its state, and what hangs on it.

    `blobs` are ciphertexts with the id of the material that made them. What a key of AWS's own
    material gets by a rotation the model learns from the service.
    """

    id: str
    blobs: list[tuple[bytes, str]]
    materials: list[LiveMaterial]
    imported: bool = False
    word: str = "Enabled"
    gone_at: dt.datetime | None = None
    tags: dict[str, str] = field(default_factory=dict)
    grants: list[LiveGrant] = field(default_factory=list)
    waiting: LiveMaterial | None = None
    asked: int = 0
    turns: int = 0
    days: int | None = None
    since: dt.datetime | None = None
    next: dt.datetime | None = None

    @property
    def blob(self) -> bytes:
        return self.blobs[0][0]

    @property
    def known(self) -> list[LiveMaterial]:
        return [*self.materials, *([self.waiting] if self.waiting else [])]

    @property
    def complete(self) -> bool:
        return all(material.here for material in self.materials)

    def lose(self, lost: LiveMaterial) -> None:
        if lost is self.waiting:
            self.waiting = None
            return
        lost.go()
        if self.word in ("Enabled", "Disabled"):
            self.word = "PendingImport"

    def turn(self, at: dt.datetime) -> None:
        """Rotate by the calendar."""
        assert self.days is not None
        self.turns += 1
        self.since, self.next = at, at + self.days * DAY

    @property
    def arn(self) -> str:
        return f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{self.id}"

    @property
    def complaint(self) -> tuple[str, str] | None:
        """What an operation answers that needs an enabled key."""
        if self.word == "Disabled":
            return "DisabledException", f"{self.arn} is disabled."
        return self.unswitchable

    @property
    def unswitchable(self) -> tuple[str, str] | None:
        """What an operation answers that needs a key with all its material."""
        if self.word == "PendingImport":
            return "KMSInvalidStateException", f"{self.arn} is pending import."
        return self.pending

    def wrong_origin(self) -> tuple[str, str]:
        origin = "EXTERNAL" if self.imported else "AWS_KMS"
        message = f"{self.arn} origin is {origin} which is not valid for this operation."
        return "UnsupportedOperationException", message

    @property
    def pending(self) -> tuple[str, str] | None:
        if self.word == "PendingDeletion":
            return "KMSInvalidStateException", f"{self.arn} is pending deletion."
        return None


class Lives(RuleBasedStateMachine):
    """Calls in any order; after each of them the service and the model agree."""

    keys = Bundle("keys")
    lived = 0
    """Steps of all lives together."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = -1  # the first look is at the beginning
        self.world = World(
            Settings(grant_consistency_seconds=DELAY, on_demand_rotation_limit=LIMIT)
        )
        self.worker = self.world.user("worker")
        self.model: dict[str, LiveKey] = {}
        self.aliases: dict[str, str] = {}
        self.calls = 0
        self.ends = 0
        self.turns = 0
        self.expiries = 0
        self.wrappings: list[dt.datetime] = []

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
        self.wrappings = [until for until in self.wrappings if until > now]
        for key in self.model.values():
            if key.gone_at is None or key.gone_at > now:
                self.age(key, now)
            else:
                self.age(key, key.gone_at)
        for key in [k for k in self.model.values() if k.gone_at is not None and k.gone_at <= now]:
            del self.model[key.id]
            self.aliases = {name: to for name, to in self.aliases.items() if to != key.id}
            self.ends += 1
        for key in self.model.values():
            key.grants = [grant for grant in key.grants if not grant.is_over(now)]

    def age(self, key: LiveKey, now: dt.datetime) -> None:
        """Let time do to a key what it does before its end."""
        while key.word == "Enabled" and key.next is not None and key.next <= now:
            key.turn(key.next)
            self.turns += 1
        for material in key.known:
            if material.until is not None and material.until <= now:
                key.lose(material)
                self.expiries += 1

    def learn(self, key: LiveKey) -> None:
        """Settle with the next call, and learn the ids of materials that the service made."""
        self.settle()
        self.ask("ListKeys")
        if self.alive(key) and not key.imported:
            now = self.world.state.key(key.arn)
            assert now is not None
            known = {material.id for material in key.materials}
            new = [LiveMaterial(m.id) for m in now.materials if m.id not in known]
            assert len(new) == key.turns
            key.turns = 0
            key.materials += new

    def expect(self, key: LiveKey, answer: object, error: tuple[str, str | None] | None) -> bool:
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
        material = LiveMaterial(made["CurrentKeyMaterialId"])
        key = LiveKey(made["KeyId"], [(sealed["CiphertextBlob"], material.id)], [material])
        self.model[key.id] = key
        return key

    @precondition(lambda self: len(self.model) < 5)
    @rule(target=keys)
    def create_key_for_imports(self) -> LiveKey:
        made = self.world.do("CreateKey", Origin="EXTERNAL")["KeyMetadata"]
        waiting = self.world.state.key(made["Arn"])
        assert waiting is not None
        brought = self.world.do("ImportKeyMaterial", **self.world.bring(waiting, BROUGHT[0]))
        sealed = self.world.do("Encrypt", KeyId=made["KeyId"], Plaintext=b"kept")
        self.calls += 4
        self.wrappings.append(self.world.clock.now() + DAY)
        material = LiveMaterial(brought["KeyMaterialId"])
        blobs = [(sealed["CiphertextBlob"], material.id)]
        key = LiveKey(made["KeyId"], blobs, [material], imported=True)
        self.model[key.id] = key
        return key

    @rule(key=keys)
    def enable(self, key: LiveKey) -> None:
        if self.expect(key, self.ask("EnableKey", KeyId=key.id), key.unswitchable):
            key.word, now = "Enabled", self.world.clock.now()
            key.next = max(key.next, now) if key.next else None
            self.learn(key)

    @rule(key=keys)
    def disable(self, key: LiveKey) -> None:
        if self.expect(key, self.ask("DisableKey", KeyId=key.id), key.unswitchable):
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
            key.word = "Disabled" if key.complete else "PendingImport"
            key.gone_at = None

    @rule(key=keys, name=st.sampled_from(TAGS), value=st.sampled_from(["x", "y"]))
    def tag(self, key: LiveKey, name: str, value: str) -> None:
        tags = [{"TagKey": name, "TagValue": value}]
        if self.expect(key, self.ask("TagResource", KeyId=key.id, Tags=tags), key.pending):
            key.tags[name] = value

    @rule(key=keys, name=st.sampled_from(TAGS))
    def untag(self, key: LiveKey, name: str) -> None:
        if self.expect(key, self.ask("UntagResource", KeyId=key.id, TagKeys=[name]), key.pending):
            key.tags.pop(name, None)

    # Rotation

    @rule(key=keys, days=st.sampled_from([90, 200]))
    def let_rotate(self, key: LiveKey, days: int) -> None:
        answer = self.ask("EnableKeyRotation", KeyId=key.id, RotationPeriodInDays=days)
        if self.expect(key, answer, key.wrong_origin() if key.imported else key.complaint):
            now = self.world.clock.now()
            if key.days != days:
                key.days, key.since = days, key.since or now
                key.next = max(key.since + days * DAY, now)
            self.learn(key)

    @rule(key=keys)
    def let_rest(self, key: LiveKey) -> None:
        answer = self.ask("DisableKeyRotation", KeyId=key.id)
        if self.expect(key, answer, key.wrong_origin() if key.imported else key.complaint):
            key.days = key.since = key.next = None

    @rule(key=keys)
    def rotate(self, key: LiveKey) -> None:
        error: tuple[str, str | None] | None = key.complaint
        if error is None and key.imported and key.waiting is None:
            message = f"No available key material pending rotation for the key: {key.arn}."
            error = "KMSInvalidStateException", message
        if error is None and key.next and key.next - self.world.clock.now() <= MINUTES_20:
            error = "ConflictException", None
        if error is None and key.asked == LIMIT:
            error = "LimitExceededException", None
        if self.expect(key, self.ask("RotateKeyOnDemand", KeyId=key.id), error):
            self.turns += 1
            key.asked += 1
            if key.waiting is not None:
                key.materials.append(key.waiting)
                key.waiting = None
            else:
                key.turns += 1
            self.learn(key)

    @rule(key=keys)
    def seal(self, key: LiveKey) -> None:
        answer = self.ask("GenerateDataKey", KeyId=key.id, KeySpec="AES_256")
        if self.expect(key, answer, key.complaint):
            assert isinstance(answer, dict)
            assert answer["KeyMaterialId"] == key.materials[-1].id
            key.blobs.append((answer["CiphertextBlob"], answer["KeyMaterialId"]))

    @rule(key=keys, data=st.data())
    def open_whatever_was_sealed(self, key: LiveKey, data: st.DataObject) -> None:
        """CORE K-98, K-115: no rotation makes a ciphertext unreadable."""
        blob, material = data.draw(st.sampled_from(key.blobs))
        answer = self.ask("Decrypt", CiphertextBlob=blob, KeyId=key.arn)
        if self.expect(key, answer, key.complaint):
            assert isinstance(answer, dict)
            assert answer["KeyMaterialId"] == material

    # Imported material

    def importing(self) -> list[LiveKey]:
        return [key for key in self.model.values() if key.imported]

    @precondition(lambda self: self.importing())
    @rule(
        brought=st.sampled_from(BROUGHT),
        days=st.sampled_from([None, 5, 50]),
        kind=st.sampled_from([None, "NEW_KEY_MATERIAL", "EXISTING_KEY_MATERIAL"]),
        data=st.data(),
    )
    def bring(
        self, brought: bytes, days: int | None, kind: str | None, data: st.DataObject
    ) -> None:
        key = data.draw(st.sampled_from(self.importing()))
        given = self.ask(
            "GetParametersForImport",
            KeyId=key.id,
            WrappingAlgorithm="RSAES_OAEP_SHA_1",
            WrappingKeySpec="RSA_2048",
        )
        if not self.expect(key, given, key.pending):
            return
        self.wrappings.append(self.world.clock.now() + DAY)
        now = self.world.state.key(key.arn)
        assert now is not None
        more: dict[str, object] = {"ImportType": kind} if kind else {}
        until = self.world.clock.now() + days * DAY if days else None
        if until:
            more["ValidTo"] = until
        request = self.world.bring(now, brought, **more)
        self.calls += 1
        self.wrappings.append(self.world.clock.now() + DAY)
        answer = self.ask("ImportKeyMaterial", **request)

        material = material_id(brought, key.id)
        held = next((each for each in key.known if each.id == material), None)
        error: tuple[str, str | None] | None = None
        is_new = kind == "NEW_KEY_MATERIAL"
        if held in key.materials if is_new else held is None:
            error = "IncorrectKeyMaterialException", None
        elif held is None and key.waiting is not None:
            message = (
                f"New key material (id: {material}) cannot be imported into KMS key {key.arn}, "
                f"because another key material (id: {key.waiting.id}) is pending rotation."
            )
            error = "KMSInvalidStateException", message
        if self.expect(key, answer, error):
            assert answer == {"KeyId": key.arn, "KeyMaterialId": material}
            if held is None:
                key.waiting = LiveMaterial(material, until=until)
            else:
                held.here, held.until = True, until
            if key.word == "PendingImport" and key.complete:
                key.word = "Enabled"

    @rule(key=keys, data=st.data())
    def take_away(self, key: LiveKey, data: st.DataObject) -> None:
        material = data.draw(st.sampled_from(key.known))
        request = {"KeyId": key.id, "KeyMaterialId": material.id}
        answer = self.ask("DeleteImportedKeyMaterial", **request)
        if self.expect(key, answer, None if key.imported else key.wrong_origin()):
            assert answer == {"KeyId": key.arn, "KeyMaterialId": material.id}
            key.lose(material)

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

    @rule(key=keys)
    def list_grants(self, key: LiveKey) -> None:
        answer = self.ask("ListGrants", KeyId=key.id)
        if self.expect(key, answer, None):
            assert isinstance(answer, dict)
            shown = [entry["GrantId"] for entry in answer["Grants"]]
            assert sorted(shown) == sorted(g.id for g in key.grants if g.until is None)

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
            [dt.timedelta(seconds=1), dt.timedelta(seconds=DELAY), 8 * DAY, 100 * DAY, 500 * DAY]
        )
    )
    def let_time_pass(self, by: dt.timedelta) -> None:
        self.world.clock.advance(by)
        self.settle()
        self.ask("ListKeys")  # what is due is settled by the next call
        for key in self.model.values():
            self.learn(key)

    @precondition(lambda self: any(key.gone_at for key in self.model.values()))
    @rule()
    def let_a_scheduled_key_end(self) -> None:
        key = min((k for k in self.model.values() if k.gone_at), key=lambda k: str(k.gone_at))
        assert key.gone_at is not None
        self.world.clock.move_to(key.gone_at)
        self.settle()
        self.expect(key, self.ask("DescribeKey", KeyId=key.id), None)
        for other in self.model.values():
            self.learn(other)

    # What is always true

    @invariant()
    def one_step_after_the_other(self) -> None:
        self.steps += 1

    def teardown(self) -> None:
        Lives.lived += max(self.steps, 0)

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
    def the_same_material_and_calendars(self) -> None:
        for key in self.model.values():
            shown = self.world.state.key(key.arn)
            assert shown is not None
            waiting = [shown.pending] if shown.pending else []
            materials = [
                LiveMaterial(m.id, m.is_present, m.expires_at) for m in (*shown.materials, *waiting)
            ]
            assert materials == key.known
            calendar = shown.rotation
            at = (calendar.period_days, calendar.since, calendar.next_at) if calendar else None
            assert at == ((key.days, key.since, key.next) if key.days else None)
            assert shown.is_complete == key.complete
            assert shown.is_complete or shown.state in ("PendingImport", "PendingDeletion")
            assert shown.on_demand is None

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
            held = self.world.state.grants_of(key.arn).by_id.values()
            shown = {grant.id for grant in held if grant.ends_at is None}
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
        turning = sum(k.next is not None and k.word == "Enabled" for k in self.model.values())
        expiring = sum(any(m.until for m in k.known) for k in self.model.values())
        wrapping = sum(len(each) for each in state.wrapping_keys.values())
        assert wrapping == len(self.wrappings)
        assert len(state.due) == ending + pending + turning + expiring + wrapping

    @invariant()
    def every_call_and_every_end_left_one_event(self) -> None:
        events = self.world.events
        own = {
            "DeleteKey": self.ends,
            "RotateKey": self.turns,
            "DeleteExpiredKeyMaterial": self.expiries,
        }
        assert len(events) == self.calls + sum(own.values())
        for name, times in own.items():
            assert sum(event.operation == name for event in events) == times
        before = ["", *(event.hash for event in events)]
        assert [event.previous_hash for event in events] == before[:-1]


STEPS = 5_000


def test_keys_live_as_the_model_says_for_thousands_of_steps() -> None:
    """CORE K-28, K-34, K-35. A life may end early: then there are more of them."""
    Lives.lived, lives = 0, 135
    while Lives.lived < STEPS:
        run_state_machine_as_test(
            Lives,
            settings=settings(
                max_examples=lives,
                stateful_step_count=50,
                deadline=None,
                suppress_health_check=[HealthCheck.too_slow],
            ),
        )
        lives = 20

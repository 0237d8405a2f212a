"""What every store keeps to, whatever it keeps things in (CORE K-112)."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from kms import (
    AuditEvent,
    Call,
    FixedClock,
    Gate,
    Identity,
    SeededEntropy,
    Service,
    State,
    Store,
)
from kms.store import EventFilter, Session
from policy import Principal, PrincipalKind
from tests.kms_world import (
    ALLOW_ALL,
    REGION,
    START,
    arn,
    identity_policy,
    user_arn,
)
from tests.store.stores import MakeStore

PATIENCE = 20
SECOND = dt.timedelta(seconds=1)


def state_of(store: Store) -> State:
    with store.session() as session:
        return session.state


def event(number: int, previous_hash: str = "") -> AuditEvent:
    plain = AuditEvent(
        id=str(number),
        at=START,
        request_id="request",
        caller=user_arn("admin"),
        caller_kind="user",
        account="111122223333",
        operation="DescribeKey",
        region=REGION,
        resources=(),
        outcome="success",
        parameters={"keyId": "x", "number": number},
    )
    return plain.chained(previous_hash)


def with_user(state: State, name: str) -> State:
    identity = Identity(arn(user_arn(name)), f"AIDA{name.upper()}")
    return replace(state, directory=state.directory.with_identity(identity))


def names(state: State) -> set[str]:
    return {each.rpartition("/")[2] for each in state.directory.identities}


# One session


def test_a_new_store_holds_what_it_was_given_and_no_event(make: MakeStore) -> None:
    state = with_user(State(), "ada")
    store = make(state)

    assert state_of(store) == state
    assert list(store.events()) == []


def test_a_commit_is_there_for_the_next_session(store: Store) -> None:
    with store.session() as session:
        assert session.last_hash == ""
        session.commit(with_user(session.state, "ada"), [event(1)])

    assert names(state_of(store)) == {"ada"}
    assert list(store.events()) == [event(1)]
    with store.session() as session:
        assert session.last_hash == event(1).hash


def test_a_session_shows_its_own_commit(store: Store) -> None:
    with store.session() as session:
        session.commit(with_user(session.state, "ada"), [event(1)])

        assert names(session.state) == {"ada"}
        assert session.last_hash == event(1).hash


def test_leaving_a_session_without_a_commit_changes_nothing(store: Store) -> None:
    before = state_of(store)
    with store.session() as session:
        with_user(session.state, "ada")
        session.state = with_user(session.state, "eve")

    assert state_of(store) == before
    assert list(store.events()) == []


def test_an_exception_before_the_commit_changes_nothing(store: Store) -> None:
    def fail(session: Session) -> None:
        with_user(session.state, "ada")
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"), store.session() as session:
        fail(session)

    assert names(state_of(store)) == set()
    assert list(store.events()) == []


def test_a_commit_that_fails_changes_neither_state_nor_events(store: Store) -> None:
    class Broken(list[AuditEvent]):
        def __iter__(self) -> Iterator[AuditEvent]:
            yield self[0]
            raise OSError("the second event cannot be read")

    with pytest.raises(OSError, match="cannot be read"), store.session() as session:
        session.commit(with_user(session.state, "ada"), Broken([event(1), event(2)]))

    assert names(state_of(store)) == set()
    assert list(store.events()) == []


def test_an_exception_after_the_commit_does_not_undo_it(store: Store) -> None:
    def fail(session: Session) -> None:
        session.commit(with_user(session.state, "ada"), [event(1)])
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"), store.session() as session:
        fail(session)

    assert names(state_of(store)) == {"ada"}
    assert list(store.events()) == [event(1)]


def test_several_events_of_one_commit_keep_their_order(store: Store) -> None:
    first = event(1)
    second = event(2, first.hash)
    with store.session() as session:
        session.commit(session.state, [first, second])
    with store.session() as session:
        assert session.last_hash == second.hash
        session.commit(session.state, [event(3, second.hash)])

    assert [each.id for each in store.events()] == ["1", "2", "3"]


def test_a_commit_without_events_keeps_the_last_hash(store: Store) -> None:
    with store.session() as session:
        session.commit(session.state, [event(1)])
    with store.session() as session:
        session.commit(with_user(session.state, "ada"), [])
        assert session.last_hash == event(1).hash

    assert len(store.events()) == 1


def test_events_that_were_read_do_not_change_afterwards(store: Store) -> None:
    with store.session() as session:
        session.commit(session.state, [event(1)])
    read = store.events()
    with store.session() as session:
        session.commit(session.state, [event(2, event(1).hash)])

    assert [each.id for each in read] == ["1"]


def test_a_state_that_was_read_does_not_change_afterwards(store: Store) -> None:
    before = state_of(store)
    with store.session() as session:
        session.commit(with_user(session.state, "ada"), [])

    assert names(before) == set()


# Several sessions


def test_a_session_excludes_every_other(store: Store) -> None:
    inside, others = threading.Event(), threading.Barrier(4)
    order: list[str] = []

    def hold() -> None:
        with store.session() as session:
            inside.set()
            others.wait(PATIENCE)  # the others are about to ask for their turn
            order.append("first leaves")
            session.commit(with_user(session.state, "first"), [])

    def follow(name: str) -> None:
        inside.wait(PATIENCE)
        others.wait(PATIENCE)
        with store.session() as session:
            order.append(name)
            assert "first" in names(session.state)
            session.commit(with_user(session.state, name), [])

    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(hold), *(pool.submit(follow, name) for name in ("a", "b", "c"))]
        for each in done:
            each.result(PATIENCE)

    assert order[0] == "first leaves"
    assert names(state_of(store)) == {"first", "a", "b", "c"}


def test_a_turn_is_given_back_after_an_exception(store: Store) -> None:
    with pytest.raises(RuntimeError), store.session():
        raise RuntimeError("a bug")

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(state_of, store).result(PATIENCE) == State()


def test_concurrent_sessions_lose_nothing(store: Store) -> None:
    workers, rounds = 8, 25
    start = threading.Barrier(workers)

    def work(worker: int) -> None:
        start.wait(PATIENCE)
        for number in range(rounds):
            with store.session() as session:
                state = with_user(session.state, f"u{worker}x{number}")
                session.commit(state, [event(worker * rounds + number, session.last_hash)])

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, range(workers)))

    assert len(names(state_of(store))) == workers * rounds
    assert_intact(store, workers * rounds)


def assert_intact(store: Store, count: int) -> None:
    """Check that there are so many events, each unchanged and bound to the one before."""
    events = store.events()
    assert len(events) == count
    assert len({each.id for each in events}) == count
    assert all(each.is_intact() for each in events)
    assert [each.previous_hash for each in events] == ["", *(e.hash for e in events[:-1])]


# A service on top


def service_on(store: Store) -> Service:
    identity = Identity(arn(user_arn("admin")), "AIDAADMIN", (identity_policy(ALLOW_ALL),))
    with store.session() as session:
        directory = session.state.directory.with_identity(identity)
        session.commit(replace(session.state, directory=directory), [])
    return Service(store, Gate(), FixedClock(START), SeededEntropy(3))


def _call(operation: str, **parameters: object) -> Call:
    admin = Principal(PrincipalKind.USER, arn(user_arn("admin")))
    return Call(admin, operation, parameters, REGION)


def test_concurrent_callers_lose_nothing(store: Store) -> None:
    service, workers, rounds = service_on(store), 6, 10
    start = threading.Barrier(workers)

    def work(worker: int) -> list[str]:
        start.wait(PATIENCE)
        made = []
        for _ in range(rounds):
            made.append(service.call(_call("CreateKey")).unwrap()["KeyMetadata"]["Arn"])
            assert service.call(_call("DescribeKey", KeyId="nobody")).error is not None
        return made

    with ThreadPoolExecutor(workers) as pool:
        made = [each for batch in pool.map(work, range(workers)) for each in batch]

    assert len(set(made)) == workers * rounds
    assert set(state_of(store).keys) == set(made)
    assert_intact(store, workers * rounds * 2)
    created = [each.resources[0] for each in store.events() if each.operation == "CreateKey"]
    assert sorted(created) == sorted(made)


def test_concurrent_callers_do_not_overwrite_each_other(store: Store) -> None:
    """Ten callers tag one key at once; each of them reads the tags before it writes them."""
    service, workers = service_on(store), 10
    key = service.call(_call("CreateKey")).unwrap()["KeyMetadata"]["KeyId"]
    start = threading.Barrier(workers)

    def tag(worker: int) -> None:
        start.wait(PATIENCE)
        tags = [{"TagKey": f"t{worker}", "TagValue": "x"}]
        assert service.call(_call("TagResource", KeyId=key, Tags=tags)).error is None

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(tag, range(workers)))

    listed = service.call(_call("ListResourceTags", KeyId=key)).unwrap()["Tags"]
    assert {each["TagKey"] for each in listed} == {f"t{worker}" for worker in range(workers)}
    assert_intact(store, workers + 2)


# Finding events


def _told(number: int, previous: AuditEvent | None, **members: object) -> AuditEvent:
    plain = replace(event(number), previous_hash="", hash="", **members)  # type: ignore[arg-type]
    return plain.chained(previous.hash if previous is not None else "")


KEY_ARN = f"arn:aws:kms:{REGION}:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ODD = "arn:aws:iam::111122223333:user/\ud800\n"
FILTERS = [
    (EventFilter(), "1234"),
    (EventFilter(resource=KEY_ARN), "24"),
    (EventFilter(operation="Encrypt"), "23"),
    (EventFilter(caller=ODD), "3"),
    (EventFilter(caller=ODD.encode("unicode_escape").decode()), ""),
    (EventFilter(error_code="AccessDenied"), "4"),
    (EventFilter(account="444455556666"), "2"),
    (EventFilter(region="us-east-1"), "3"),
    (EventFilter(since=START + SECOND / 2), "34"),
    (EventFilter(until=START + SECOND / 2), "12"),
    (EventFilter(since=START, until=START + SECOND), "123"),
    (EventFilter(resource=KEY_ARN, operation="Encrypt"), "2"),
]


@pytest.mark.parametrize(("where", "expected"), FILTERS)
def test_events_are_found_by_what_they_tell(
    store: Store, where: EventFilter, expected: str
) -> None:
    first = _told(1, None)
    second = _told(
        2, first, operation="Encrypt", account="444455556666", resources=("another", KEY_ARN)
    )
    third = _told(
        3, second, operation="Encrypt", caller=ODD, region="us-east-1", at=START + SECOND / 2
    )
    fourth = _told(
        4, third, resources=(KEY_ARN, KEY_ARN), error_code="AccessDenied", at=START + SECOND
    )
    with store.session() as session:
        session.commit(session.state, [first, second, third, fourth])

    assert "".join(each.id for each in store.events(where)) == expected
    assert list(store.events()) == [first, second, third, fourth]
    assert all(each.is_intact() for each in store.events())


# Jobs


def _enlist(store: Store, name: str, number: int) -> str:
    def job(session: Session) -> str:
        state = with_user(session.state, name)
        session.commit(state, [event(number, session.last_hash)])
        return name.upper()

    return store.transact(job)


def test_a_job_has_a_session_and_its_result_is_returned(store: Store) -> None:
    assert _enlist(store, "ada", 1) == "ADA"
    assert names(state_of(store)) == {"ada"}
    assert list(store.events()) == [event(1)]


def test_what_a_job_raises_is_raised_and_undoes_no_commit(store: Store) -> None:
    def fail(session: Session) -> None:
        session.commit(with_user(session.state, "ada"), [event(1)])
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        store.transact(fail)

    assert names(state_of(store)) == {"ada"}
    assert _enlist(store, "bob", 2) == "BOB"


def test_jobs_and_sessions_at_once_lose_nothing(store: Store) -> None:
    workers, rounds = 8, 20
    start = threading.Barrier(workers)

    def work(worker: int) -> None:
        start.wait(PATIENCE)
        for turn in range(rounds):
            number = worker * rounds + turn
            name = f"u{number}"
            if worker % 4 == 0:
                with store.session() as session:
                    state = with_user(session.state, name)
                    session.commit(state, [event(number, session.last_hash)])
            else:
                assert _enlist(store, name, number) == name.upper()

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, range(workers)))

    assert len(names(state_of(store))) == workers * rounds
    assert_intact(store, workers * rounds)

"""The endpoint over a durable store: clients at once, several processes, and what is kept."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kms.root_key import FileRootKey
from kms.sqlite_store import SqliteStore, open_store
from kmsgate.testing import Endpoint, server
from tests.endpoint.clients import UNCHECKED
from tests.endpoint.test_sts import WORLD, assume, client, keys_of

CLIENTS, CALLS = 16, 15


@pytest.fixture
def world(tmp_path: Path) -> Path:
    file = tmp_path / "sts.world.yaml"
    file.write_text(WORLD, encoding="utf-8")
    return file


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Any]:
    """Open the store of this test once more, as another process would."""
    with ExitStack() as stack:

        def open_again() -> SqliteStore:
            path = tmp_path / "state.db"
            return stack.enter_context(
                closing(open_store(path, FileRootKey(path.with_name("root.key"))))
            )

        yield open_again


def test_clients_that_come_at_once_are_answered_and_each_call_is_kept(
    world: Path, opened: Any
) -> None:
    store = opened()
    with server(world, store=store) as endpoint:
        clients = [endpoint.client("kms", "ann") for _ in range(CLIENTS)]
        opened_texts: list[bytes] = []

        def work(number: int) -> None:
            kms, text = clients[number], f"text {number}".encode()
            for _ in range(CALLS):
                sealed = kms.encrypt(KeyId="alias/k", Plaintext=text)["CiphertextBlob"]
                opened_texts.append(kms.decrypt(CiphertextBlob=sealed)["Plaintext"])

        threads = [threading.Thread(target=work, args=(n,)) for n in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    expected = sorted(f"text {number}".encode() for number in range(CLIENTS) for _ in range(CALLS))
    assert sorted(opened_texts) == expected
    events = opened().events()
    assert len(events) == 2 * CLIENTS * CALLS
    assert all(event.error_code is None for event in events)


def two(world: Path, opened: Any, stack: ExitStack) -> tuple[Endpoint, Endpoint]:
    """Serve one store twice, as two processes would."""
    return (
        stack.enter_context(server(world, store=opened())),
        stack.enter_context(server(world, store=opened())),
    )


def test_credentials_that_one_process_made_are_good_for_another_at_once(
    world: Path, opened: Any
) -> None:
    with ExitStack() as stack:
        here, there = two(world, opened, stack)
        key_id = client(here, "kms", "ann").create_key()["KeyMetadata"]["KeyId"]
        session = keys_of(assume(here, "ann", "by-account"))

        found = client(there, "kms", session).describe_key(KeyId=key_id)

        assert found["KeyMetadata"]["KeyId"] == key_id


def test_a_key_that_nobody_has_is_looked_for_and_not_found(world: Path, opened: Any) -> None:
    with server(world, store=opened()) as endpoint:
        nobody = {"aws_access_key_id": "AKIA" + "7" * 16, "aws_secret_access_key": "x" * 40}

        with pytest.raises(ClientError, match="UnrecognizedClientException"):
            client(endpoint, "kms", nobody).list_keys()


def test_a_reset_is_kept_and_so_are_events_and_callers(world: Path, opened: Any) -> None:
    with server(world, store=opened()) as endpoint:
        kms = endpoint.client("kms", "ann", config=UNCHECKED)
        key_id = kms.create_key()["KeyMetadata"]["KeyId"]
        kms.create_grant(
            KeyId=key_id, GranteePrincipal="arn:aws:iam::111122223333:user/bob",
            Operations=["Decrypt"],
        )  # fmt: skip
        kms.create_alias(AliasName="alias/new", TargetKeyId=key_id)
        session = keys_of(assume(endpoint, "ann", "by-account"))

        endpoint.reset()

        assert [alias["AliasName"] for alias in kms.list_aliases()["Aliases"]][-1] == "alias/k"
        assert len(kms.list_keys()["Keys"]) == 1
        client(endpoint, "kms", session).describe_key(KeyId="alias/k")
    store = opened()
    with server(world, store=store) as endpoint:
        client(endpoint, "kms", session).describe_key(KeyId="alias/k")
        assert len(endpoint.client("kms", "ann").list_keys()["Keys"]) == 1
    events = store.events()
    assert [event.operation for event in events][:3] == ["CreateKey", "CreateGrant", "CreateAlias"]
    assert all(later.previous_hash == earlier.hash for earlier, later in pairwise(events))

"""`kmsgate explain --request-id`: what was decided about a call, told later to whoever may know."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kms import SystemClock
from kms.root_key import FileRootKey
from kms.sqlite_store import open_store
from kmsgate.app import Surface
from kmsgate.cli import run
from kmsgate.control import Control
from kmsgate.journal import Journal
from kmsgate.resources import sample_world
from kmsgate.scenario.files import load_world
from kmsgate.simulator import open_simulator
from kmsgate.testing import Endpoint, server, serving

TOKEN = "t" * 32


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    world, journal = load_world(str(sample_world())), Journal(limit=3)
    simulator = open_simulator(world)
    control = Control(simulator, TOKEN, journal=journal)
    surface = Surface(SystemClock(), control=control, journal=journal)
    with serving(simulator, region=world.region, surface=surface) as found:
        monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", found.url)
        monkeypatch.setenv("KMSGATE_TOKEN", TOKEN)
        yield found


def id_of(answer: dict[str, Any]) -> str:
    found: str = answer["ResponseMetadata"]["RequestId"]
    return found


def refused(endpoint: Endpoint) -> str:
    with pytest.raises(ClientError) as caught:
        endpoint.client("kms", "guest").encrypt(KeyId="alias/app", Plaintext=b"x")
    return id_of(caught.value.response)


def test_a_call_that_was_allowed_is_explained_with_its_event(
    endpoint: Endpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    made = endpoint.client("kms", "admin").encrypt(KeyId="alias/app", Plaintext=b"x")

    assert run(["explain", "--request-id", id_of(made)]) == 0

    told = capsys.readouterr().out
    assert told.splitlines()[0].startswith("ALLOWED by the key policy")
    assert "would make it denied" in told
    assert f'"requestID": "{id_of(made)}"' in told


def test_a_call_of_iam_is_explained_like_one_of_kms(
    endpoint: Endpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ClientError) as caught:
        endpoint.client("iam", "guest").create_user(UserName="eve")
    made = endpoint.client("iam", "admin").create_user(UserName="eve")

    assert run(["explain", "--request-id", id_of(caught.value.response)]) == 1
    assert '"eventSource": "iam.amazonaws.com"' in capsys.readouterr().out
    assert run(["explain", "--request-id", id_of(made)]) == 0
    assert "iam:CreateUser" in capsys.readouterr().out


def test_a_denial_is_explained_as_it_was_made_though_policies_are_others_now(
    endpoint: Endpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    request_id = refused(endpoint)
    open_to_all(endpoint)

    assert run(["explain", "--request-id", request_id, "--format", "json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert [each["decision"] for each in told["decisions"]] == ["ImplicitlyDenied"]
    assert told["decisions"][0]["remedies"]
    assert told["event"]["errorCode"] == "AccessDenied"


def open_to_all(endpoint: Endpoint) -> None:
    key = endpoint.client("kms", "admin").describe_key(KeyId="alias/app")["KeyMetadata"]["Arn"]
    statement = {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}
    endpoint.client("kms", "admin").put_key_policy(
        KeyId=key,
        Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        BypassPolicyLockoutSafetyCheck=True,
    )


def test_old_calls_are_forgotten(endpoint: Endpoint, capsys: pytest.CaptureFixture[str]) -> None:
    request_id = refused(endpoint)
    for _ in range(3):
        refused(endpoint)

    assert run(["explain", "--request-id", request_id]) == 2
    assert "keeps no call with the id" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("token", "told"), [("", "KMSGATE_TOKEN is not set"), ("wrong", "does not take the token")]
)
def test_nobody_without_the_token_is_told(
    token: str,
    told: str,
    endpoint: Endpoint,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    request_id = refused(endpoint)
    monkeypatch.setenv("KMSGATE_TOKEN", token)

    assert run(["explain", "--request-id", request_id]) == 2

    captured = capsys.readouterr()
    assert told in captured.err
    assert captured.out == ""


def test_a_store_tells_of_the_event_and_says_that_the_decision_is_not_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "state.db"
    with (
        closing(open_store(path, FileRootKey(tmp_path / "root.key"))) as store,
        server(store=store) as endpoint,
    ):
        request_id = refused(endpoint)

    assert run(["explain", "--data", str(path), "--request-id", request_id]) == 1
    told = capsys.readouterr().out
    assert "No decision is kept with this call" in told
    assert '"errorCode": "AccessDenied"' in told

    assert run(["explain", "--data", str(path), "--request-id", "another"]) == 2
    assert "has no call with the id another" in capsys.readouterr().err


def test_where_nothing_listens_it_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KMSGATE_TOKEN", TOKEN)

    assert run(["explain", "--request-id", "x", "--endpoint", "http://127.0.0.1:9"]) == 2
    assert run(["explain", "--request-id", "x", "--endpoint", "file:///etc"]) == 2

    assert "is no URL of an endpoint" in capsys.readouterr().err

"""`kmsgate serve` as people run it: a process, its output pasted, boto3 and the AWS CLI."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kmsgate.cli import run
from tests.endpoint.clients import boto3

ROOT = Path(__file__).resolve().parents[2]
AWS = shutil.which("aws", path=str(Path(sys.executable).parent)) or shutil.which("aws")


@dataclass
class Served:
    """A running process, and the variables that it told to paste, by whom they are for."""

    process: subprocess.Popen[str]
    common: dict[str, str] = field(default_factory=dict)
    callers: dict[str, dict[str, str]] = field(default_factory=dict)
    text: str = ""

    def read(self) -> Served:
        """Read what is printed at the start, to its last line."""
        assert self.process.stdout is not None
        who = ""
        while "KMSGATE_TOKEN" not in self.common:
            line = self.process.stdout.readline()
            assert line, self.stop()
            self.text += line
            if line.startswith("# "):
                who = line.split()[1]
            elif line.startswith("export "):
                pairs = dict(pair.split("=", 1) for pair in line.split()[1:])
                is_secret = "AWS_ACCESS_KEY_ID" in pairs
                (self.callers.setdefault(who, {}) if is_secret else self.common).update(pairs)
        return self

    def client(self, caller: str, service: str = "kms") -> Any:
        keys = self.callers[caller]
        return boto3.client(
            service,
            endpoint_url=self.common["AWS_ENDPOINT_URL_KMS"],
            region_name=self.common["AWS_DEFAULT_REGION"],
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
        )

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """End the process; return its exit code and its log."""
        self.process.send_signal(number)
        _, log = self.process.communicate(timeout=20)
        return self.process.returncode, log


Start = Callable[..., Served]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    running: list[Served] = []

    def begin(*arguments: str) -> Served:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(
            [sys.executable, "-m", "kmsgate", "serve", "--port", "0", *arguments],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(Served(process))
        return running[-1].read()

    yield begin
    for each in running:
        if each.process.poll() is None:
            each.process.kill()
            each.process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_with_nothing_given_two_callers_can_be_pasted(start: Start, number: int) -> None:
    served = start("--memory")
    admin, guest = served.client("admin"), served.client("guest")

    sealed = admin.encrypt(KeyId="alias/app", Plaintext=b"salary list")["CiphertextBlob"]
    assert admin.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"salary list"
    with pytest.raises(ClientError, match="AccessDeniedException"):
        guest.decrypt(CiphertextBlob=sealed)
    admin.close()  # connections that are idle must not hold the end up, and are closed for us
    code, log = served.stop(number)

    assert code == 0
    lines = [json.loads(line) for line in log.splitlines()]
    assert [(line["operation"], line.get("error")) for line in lines] == [
        ("Encrypt", None),
        ("Decrypt", None),
        ("Decrypt", "AccessDeniedException"),
    ]
    for caller in served.callers.values():
        assert caller["AWS_SECRET_ACCESS_KEY"] not in log


def test_a_store_keeps_keys_and_callers_from_one_start_to_the_next(start: Start) -> None:
    first = start()
    kms = first.client("admin")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    sealed = kms.encrypt(KeyId=key_id, Plaintext=b"kept")["CiphertextBlob"]
    assert first.stop()[0] == 0

    second = start()

    assert second.callers == first.callers
    assert second.common["KMSGATE_TOKEN"] != first.common["KMSGATE_TOKEN"]
    assert ".kmsgate/state.db: 2 keys" in second.text
    assert first.client("admin").meta.region_name == "us-east-1"
    assert second.client("admin").decrypt(CiphertextBlob=sealed)["Plaintext"] == b"kept"
    second.stop()

    third = start("--reset")

    assert ".kmsgate/state.db: 1 key\n" in third.text
    assert third.callers == first.callers


def test_a_world_of_ones_own_is_served_with_its_own_keys(start: Start, tmp_path: Path) -> None:
    world = tmp_path / "own.world.yaml"
    world.write_text(
        """
        version: 1
        world:
          region: eu-central-1
          accounts: {main: "111122223333"}
          users:
            ann:
              access_keys: {AKIAIOSFODNN7EXAMPLE: wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY}
          keys: {own: {}}
        """
    )
    served = start("--memory", "--world", str(world), "--enforce", "warn")
    served.callers["ann"] = {
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    }

    answer = served.client("ann").list_keys()

    assert len(answer["Keys"]) == 1
    assert "x-kmsgate-decision" in answer["ResponseMetadata"]["HTTPHeaders"]
    assert served.common["AWS_DEFAULT_REGION"] == "eu-central-1"
    assert "ann signs with AKIAIOSFODNN7EXAMPLE" in served.text
    assert "wJalrXUtnFEMI" not in served.text


def test_time_can_be_another_while_clients_sign_by_theirs(start: Start) -> None:
    served = start("--memory", "--clock", "2031-05-01T00:00:00Z")

    created = served.client("admin").create_key()["KeyMetadata"]["CreationDate"]

    assert (created.year, created.month) == (2031, 5)


@pytest.mark.skipif(AWS is None, reason="the AWS CLI is not installed")
def test_the_aws_cli_runs_against_it(start: Start, tmp_path: Path) -> None:
    served = start("--memory")

    def aws(caller: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            **served.common,
            **served.callers[caller],
            "HOME": str(tmp_path),
        }
        return subprocess.run(
            [str(AWS), *arguments], env=environment, capture_output=True, text=True, check=False
        )

    def binary(name: str, data: bytes) -> str:
        (tmp_path / name).write_bytes(data)
        return f"fileb://{tmp_path / name}"  # both versions of the CLI read it as it is

    plain = binary("plain", b"salary list")
    sealed = aws("admin", "kms", "encrypt", "--key-id", "alias/app", "--plaintext", plain)
    assert sealed.returncode == 0, sealed.stderr
    blob = binary("blob", b64decode(json.loads(sealed.stdout)["CiphertextBlob"]))
    opened = aws("admin", "kms", "decrypt", "--ciphertext-blob", blob)
    refused = aws("guest", "kms", "decrypt", "--ciphertext-blob", blob)

    assert opened.returncode == 0, opened.stderr
    assert b64decode(json.loads(opened.stdout)["Plaintext"]) == b"salary list"
    assert refused.returncode != 0
    assert "(AccessDeniedException) when calling the Decrypt operation: User:" in refused.stderr


# What cannot be served


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--memory", "--host", "0.0.0.0"], "others could call 0.0.0.0"),  # noqa: S104
        (["--memory", "--host", "example.org"], "others could call example.org"),
        (["--memory", "--clock", "soon"], "--clock: 'soon'"),
        (["--memory", "--world", "nothing.yaml"], "cannot read this file"),
        (["--root-key", "nowhere"], "'nowhere' is no root key"),
        (["--data", "x/.."], "x/.. is a folder"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_served(
    arguments: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").mkdir()

    assert run(["serve", *arguments]) == 2

    captured = capsys.readouterr()
    assert re.search(told, captured.err)
    assert captured.out == ""


def test_a_port_that_is_taken_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        assert run(["serve", "--memory", "--port", str(port)]) == 2

    assert f"cannot listen on 127.0.0.1, port {port}" in capsys.readouterr().err

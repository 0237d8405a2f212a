"""Clients other than boto3, none of them patched: the AWS CLI, JavaScript, the Encryption SDK CLI.

`make clients` installs those that cannot be in the developers' environment.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kmsgate.testing import Endpoint, server
from tests.endpoint.real_clients import FOLDER, HOW, encryption_cli, node_modules

AWS = shutil.which("aws", path=str(Path(sys.executable).parent)) or shutil.which("aws")
ACCOUNT = "111122223333"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with server() as found:
        yield found


def variables(endpoint: Endpoint, caller: str, home: Path) -> dict[str, str]:
    """Return the environment of a client: what people paste, and nothing else of AWS."""
    given = endpoint.credentials(caller)
    others = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {
        **others,
        "HOME": str(home),
        "AWS_ENDPOINT_URL": endpoint.url,
        "AWS_DEFAULT_REGION": endpoint.region,
        "AWS_REGION": endpoint.region,
        "AWS_ACCESS_KEY_ID": given["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": given["aws_secret_access_key"],
    }


def done(
    environment: dict[str, str], *command: str, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# The AWS CLI


@pytest.mark.skipif(AWS is None, reason="the AWS CLI is not installed (extra dev)")
def test_the_aws_cli_pages_makes_people_and_shows_refusals(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    environment = variables(endpoint, "admin", tmp_path)

    def aws(*arguments: str, caller: dict[str, str] = environment) -> Any:
        found = done(caller, str(AWS), *arguments, "--output", "json")
        assert found.returncode == 0, found.stderr
        return json.loads(found.stdout) if found.stdout else None

    me = aws("sts", "get-caller-identity")
    assert me["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/admin"
    for _ in range(2):
        aws("kms", "create-key", "--tags", "TagKey=a,TagValue=b")
    whole = aws("kms", "list-keys")["Keys"]
    assert aws("kms", "list-keys", "--page-size", "1")["Keys"] == whole
    assert len(whole) >= 3
    data_key = aws("kms", "generate-data-key", "--key-id", "alias/app", "--key-spec", "AES_128")
    assert len(b64decode(data_key["Plaintext"])) == 16

    aws("iam", "create-user", "--user-name", "cli")
    policy = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": {"Effect": "Allow", "Action": "kms:ListAliases", "Resource": "*"},
        }
    )
    aws(
        "iam", "put-user-policy",
        "--user-name", "cli", "--policy-name", "p", "--policy-document", policy,
    )  # fmt: skip
    made = aws("iam", "create-access-key", "--user-name", "cli")["AccessKey"]
    as_cli = {
        **environment,
        "AWS_ACCESS_KEY_ID": made["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"],
    }
    assert aws("kms", "list-aliases", caller=as_cli)["Aliases"]
    refused = done(as_cli, str(AWS), "kms", "list-keys")
    assert refused.returncode != 0
    assert "(AccessDeniedException) when calling the ListKeys operation: User:" in refused.stderr


# JavaScript


@pytest.mark.skipif(node_modules() is None, reason=f"no SDK for JavaScript; {HOW}")
def test_the_sdk_for_javascript_runs_against_it(tmp_path: Path) -> None:
    with server() as own:
        environment = variables(own, "admin", tmp_path) | {"CLIENTS": str(FOLDER)}
        found = done(environment, "node", str(Path(__file__).with_name("client.mjs")))

    assert found.returncode == 0, found.stderr
    told = json.loads(found.stdout)
    name, message = told.pop("refused")
    assert told == {
        "plaintext": "salary list",
        "wrongContext": "InvalidCiphertextException",
        "created": True,
        "mac": 32,
        "pages": [2, 1],
        "caller": f"arn:aws:iam::{ACCOUNT}:user/admin",
        "encryptedBySession": True,
    }
    assert name == "AccessDeniedException"
    assert f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/js is not authorized" in message


# The Encryption SDK


@pytest.mark.skipif(encryption_cli() is None, reason=f"no aws-encryption-cli; {HOW}")
def test_the_command_line_of_the_encryption_sdk_runs_against_it(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    environment = variables(endpoint, "admin", tmp_path)
    found = endpoint.client("kms", "admin").describe_key(KeyId="alias/app")
    key = found["KeyMetadata"]["Arn"]
    (tmp_path / "plain").write_bytes(b"salary list")

    def run(caller: dict[str, str], what: str, source: str, target: str) -> Any:
        context = ["--encryption-context", "department=payroll"]
        where = ["--input", source, "--output", target, "--suppress-metadata"]
        command = [str(encryption_cli()), what, *context, *where, "--wrapping-keys", f"key={key}"]
        return done(caller, *command, folder=tmp_path)

    sealed = run(environment, "--encrypt", "plain", "sealed")
    assert sealed.returncode == 0, sealed.stderr
    opened = run(environment, "--decrypt", "sealed", "opened")
    assert opened.returncode == 0, opened.stderr
    refused = run(variables(endpoint, "guest", tmp_path), "--decrypt", "sealed", "stolen")

    assert (tmp_path / "opened").read_bytes() == b"salary list"
    assert b"salary list" not in (tmp_path / "sealed").read_bytes()
    assert refused.returncode != 0
    assert not (tmp_path / "stolen").exists() or not (tmp_path / "stolen").read_bytes()

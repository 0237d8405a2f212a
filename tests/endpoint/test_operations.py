"""Every operation through a real client: what the core answers is what boto3 hands out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.model import ServiceModel

from kms import OPERATIONS
from tests.endpoint.clients import UNCHECKED, Endpoint, served
from tests.kms_world import World
from tests.property.test_gate import REFUSED, SAMPLES


class Recorder:
    """A client, and the bodies of the responses it got, as they came."""

    def __init__(self, endpoint: Endpoint, caller: str) -> None:
        self.kms = endpoint.client("kms", caller, config=UNCHECKED)
        self.bodies: list[bytes] = []
        self.kms.meta.events.register("before-parse.kms.*", self._record)

    def _record(self, response_dict: dict[str, Any], **_more: Any) -> None:
        self.bodies.append(response_dict["body"])

    def do(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Return what boto3 makes of the response, without its remarks on HTTP."""
        method = self.kms.meta.method_to_api_mapping
        (name,) = [python for python, wire in method.items() if wire == operation]
        answer = getattr(self.kms, name)(**parameters)
        answer.pop("ResponseMetadata")
        return answer  # type: ignore[no-any-return]

    @property
    def model(self) -> ServiceModel:
        return self.kms.meta.service_model


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def admin(world: World) -> Iterator[Recorder]:
    with served(world) as endpoint:
        yield Recorder(endpoint, str(world.admin))


def unknown_members(shape: Any, value: Any, path: str) -> Iterator[str]:
    """Yield what a response holds that the model does not know, or that is of another type."""
    kinds = {"string": str, "blob": str, "integer": int, "boolean": bool, "timestamp": float}
    if shape.type_name == "structure":
        for name, part in value.items():
            if name not in shape.members:
                yield f"{path}.{name}"
            else:
                yield from unknown_members(shape.members[name], part, f"{path}.{name}")
        yield from (f"{path} lacks {each}" for each in shape.required_members if each not in value)
    elif shape.type_name == "list":
        for number, part in enumerate(value):
            yield from unknown_members(shape.member, part, f"{path}[{number}]")
    elif shape.type_name == "map":
        for name, part in value.items():
            yield from unknown_members(shape.value, part, f"{path}.{name}")
    elif type(value) is not kinds[shape.type_name] or value not in (
        getattr(shape, "enum", None) or [value]
    ):
        yield f"{path} is {value!r}"


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_boto3_gets_what_the_core_answers(name: str, world: World, admin: Recorder) -> None:
    parameters = SAMPLES[name](world)
    before = len(world.events)

    if name in REFUSED:
        with pytest.raises(ClientError) as caught:
            admin.do(name, parameters)
        assert caught.value.response["Error"]["Code"] == REFUSED[name]
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    else:
        answer = admin.do(name, parameters)
        output = admin.model.operation_model(name).output_shape
        if output is None:
            assert admin.bodies[-1] == b""  # CORE K-193
        else:
            body = json.loads(admin.bodies[-1])
            assert list(unknown_members(output, body, name)) == []
            assert answer.keys() == body.keys()
    own = [event for event in world.events[before:] if event.operation == name]
    assert own
    assert (own[0].caller, own[0].region) == (str(world.admin), "eu-west-1")
    assert own[0].identity["accessKeyId"].startswith("AKIA")


def test_the_same_comes_back_that_was_sent(world: World, admin: Recorder) -> None:
    key = world.key()
    pairs = {"tenant": "blue", "ключ": "значение"}
    sealed = admin.do("Encrypt", {"KeyId": key.id, "Plaintext": bytes(range(256)),
                                  "EncryptionContext": pairs})  # fmt: skip

    opened = admin.do("Decrypt", {**sealed, "EncryptionContext": pairs})

    assert opened["Plaintext"] == bytes(range(256))
    assert opened["KeyId"] == str(key.arn)


def test_times_come_back_to_the_second(world: World, admin: Recorder) -> None:
    key = world.key()

    found = admin.do("DescribeKey", {"KeyId": key.id})["KeyMetadata"]

    assert found["CreationDate"] == key.created_at


def error_of(recorder: Recorder, operation: str, **parameters: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        recorder.do(operation, parameters)
    return caught.value.response


def test_a_denial_is_the_message_of_the_core_to_the_letter(world: World, admin: Recorder) -> None:
    key = world.key()
    nobody = world.user("nobody")
    told = world.told("Encrypt", nobody, KeyId=key.id, Plaintext=b"x")
    with served(world) as endpoint:
        response = error_of(Recorder(endpoint, str(nobody)), "Encrypt", KeyId=key.id,
                            Plaintext=b"x")  # fmt: skip

    assert (response["Error"]["Code"], response["Error"]["Message"]) == told
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert world.events[-1].request_id == response["ResponseMetadata"]["RequestId"]
    assert world.events[-1].error_code == "AccessDenied"

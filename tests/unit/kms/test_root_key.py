"""Root keys: where they come from, and what keeps the wrong one out (CORE K-108)."""

from __future__ import annotations

import base64
import os
from dataclasses import replace
from pathlib import Path

import pytest

from kms import SystemEntropy
from kms.root_key import (
    EnvironmentRootKey,
    FileRootKey,
    PassphraseRootKey,
    RootKey,
    unwrap,
    wrap,
)
from kms.store import StoreError, WrongRootKey

ENTROPY = SystemEntropy()
STORE_KEY = bytes(range(32))
HEX, OTHER_HEX = "5a" * 32, "a5" * 32


def phrase(text: str) -> PassphraseRootKey:
    return PassphraseRootKey(text, log_n=10)


def environment(text: str) -> EnvironmentRootKey:
    return EnvironmentRootKey("KMSGATE_ROOT_KEY", text)


@pytest.fixture
def file(tmp_path: Path) -> FileRootKey:
    return FileRootKey(tmp_path / "keys" / "root.key")


def test_each_kind_opens_what_it_has_wrapped(file: FileRootKey, tmp_path: Path) -> None:
    for root in (file, environment(HEX), phrase("correct horse")):
        wrapped, _ = wrap(STORE_KEY, root, ENTROPY)

        assert unwrap(wrapped, root) == STORE_KEY
        assert wrapped.generation == 1
        assert STORE_KEY not in wrapped.wrapped
    assert unwrap(wrap(STORE_KEY, file, ENTROPY)[0], FileRootKey(tmp_path / "keys/root.key"))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (environment(HEX), environment(OTHER_HEX)),
        (phrase("correct horse"), phrase("correct horse ")),
        (environment(HEX), phrase(HEX)),
    ],
)
def test_the_wrong_one_is_refused(right: RootKey, wrong: RootKey) -> None:
    wrapped, _ = wrap(STORE_KEY, right, ENTROPY)

    with pytest.raises(WrongRootKey):
        unwrap(wrapped, wrong)


def test_generation_and_parameters_are_bound() -> None:
    wrapped, _ = wrap(STORE_KEY, environment(HEX), ENTROPY)

    for changed in (
        replace(wrapped, generation=2),
        replace(wrapped, parameters='{"a": 1}'),
        replace(wrapped, wrapped=wrapped.wrapped[:-1]),
        replace(wrapped, wrapped=b""),
    ):
        with pytest.raises(WrongRootKey):
            unwrap(changed, environment(HEX))


def test_a_key_of_the_environment_is_base64_or_hexadecimal() -> None:
    wrapped, _ = wrap(STORE_KEY, environment(HEX), ENTROPY)
    text = base64.b64encode(bytes.fromhex(HEX)).decode()

    assert unwrap(wrapped, environment(f" {text}\n")) == STORE_KEY


@pytest.mark.parametrize("text", ["", "short", "zz" * 32, HEX[:-2], HEX + "00", "é" * 64])
def test_what_is_no_key_is_told_without_showing_it(text: str) -> None:
    with pytest.raises(StoreError, match="KMSGATE_ROOT_KEY holds no root key") as caught:
        wrap(STORE_KEY, environment(text), ENTROPY)

    assert not text or text not in str(caught.value)


def test_nothing_secret_is_shown() -> None:
    assert HEX not in repr(environment(HEX))
    assert "horse" not in repr(phrase("correct horse"))


# Rotation


def test_a_new_root_key_takes_the_place_of_the_old_one() -> None:
    first, _ = wrap(STORE_KEY, environment(HEX), ENTROPY)
    second, _ = wrap(STORE_KEY, phrase("new"), ENTROPY, first)

    assert second.generation == 2
    assert unwrap(second, phrase("new")) == STORE_KEY


@pytest.mark.parametrize("root", [environment(HEX), phrase("correct horse")])
def test_the_present_root_key_is_no_new_one(root: RootKey) -> None:
    first, _ = wrap(STORE_KEY, root, ENTROPY)

    with pytest.raises(StoreError, match="is the present one"):
        wrap(STORE_KEY, root, ENTROPY, first)


def test_the_same_passphrase_makes_another_key_in_every_store() -> None:
    first, second = (wrap(STORE_KEY, phrase("same"), ENTROPY)[1] for _ in range(2))

    assert first != second


def test_a_file_holds_both_keys_until_the_new_one_is_in_use(file: FileRootKey) -> None:
    first, old_key = wrap(STORE_KEY, file, ENTROPY)
    second, new_key = wrap(STORE_KEY, file, ENTROPY, first)

    assert list(file.keys({})) == [old_key, new_key]
    assert unwrap(first, file) == unwrap(second, file) == STORE_KEY
    file.settle(new_key)
    assert list(file.keys({})) == [new_key]
    assert unwrap(second, file) == STORE_KEY


def test_what_a_killed_rotation_left_in_the_file_is_used_by_the_next(file: FileRootKey) -> None:
    first, old_key = wrap(STORE_KEY, file, ENTROPY)
    _, left = wrap(STORE_KEY, file, ENTROPY, first)  # and here it was killed
    second, used = wrap(STORE_KEY, file, ENTROPY, first)

    assert used == left
    assert list(file.keys({})) == [old_key, left]
    assert unwrap(second, file) == STORE_KEY


def test_a_file_that_was_prepared_is_used_as_it_is(tmp_path: Path) -> None:
    first, _ = wrap(STORE_KEY, environment(HEX), ENTROPY)
    path = tmp_path / "prepared.key"
    path.write_text(OTHER_HEX)
    path.chmod(0o600)

    second, used = wrap(STORE_KEY, FileRootKey(path), ENTROPY, first)

    assert used == bytes.fromhex(OTHER_HEX)
    assert path.read_text() == OTHER_HEX
    assert unwrap(second, FileRootKey(path)) == STORE_KEY


# Files


def test_the_file_is_for_its_owner_alone(file: FileRootKey, tmp_path: Path) -> None:
    wrap(STORE_KEY, file, ENTROPY)
    path = tmp_path / "keys" / "root.key"

    assert [each.name for each in path.parent.iterdir()] == ["root.key"]
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.name != "posix", reason="modes of files are a matter of POSIX")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_file_that_others_may_read_is_refused(
    file: FileRootKey, tmp_path: Path, mode: int
) -> None:
    wrapped, _ = wrap(STORE_KEY, file, ENTROPY)
    (tmp_path / "keys" / "root.key").chmod(mode)

    with pytest.raises(StoreError, match="its mode is not 0600"):
        unwrap(wrapped, file)


def test_a_missing_file_is_told(file: FileRootKey, tmp_path: Path) -> None:
    wrapped, _ = wrap(STORE_KEY, file, ENTROPY)
    (tmp_path / "keys" / "root.key").unlink()

    with pytest.raises(WrongRootKey, match=r"root\.key is missing"):
        unwrap(wrapped, file)


def test_two_that_make_the_file_at_once_get_the_same_key(
    file: FileRootKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "keys" / "root.key"
    link = os.link

    def late(source: Path, target: Path) -> None:
        path.write_text(HEX)
        path.chmod(0o600)
        link(source, target)

    monkeypatch.setattr(os, "link", late)
    _, key = wrap(STORE_KEY, file, ENTROPY)

    assert key == bytes.fromhex(HEX)
    assert [each.name for each in path.parent.iterdir()] == ["root.key"]


@pytest.mark.parametrize("parameters", ["{}", '{"salt": "zz", "log_n": 10}', '{"salt": 1}',
                                        '{"salt": "00", "log_n": 10}',
                                        f'{{"salt": "{"00" * 16}", "log_n": 40}}'])  # fmt: skip
def test_a_store_cannot_ask_for_boundless_work(parameters: str) -> None:
    wrapped, _ = wrap(STORE_KEY, phrase("x"), ENTROPY)

    with pytest.raises(WrongRootKey, match="does not say how its passphrase was used"):
        unwrap(replace(wrapped, parameters=parameters), phrase("x"))

"""What a client does outside the service: real cryptography, and failures that are told apart."""

# ruff: noqa: E501  (a row of a table, or of a scenario, stays on its line)

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kms import hazmat
from kmsgate.scenario.files import load
from kmsgate.scenario.run import run
from tests.scenario_text import messages_of, suite_text

KEY = '{repeat: "5a", length: 32}'
OTHER = '{repeat: "a5", length: 32}'
SEALED = f"- {{do: encrypt_local, with: {{key: {KEY}, plaintext: {{text: deed}}}}, save: {{sealed: ciphertext}}}}\n"
OAEP = "algorithm: RSAES_OAEP_SHA_256"


@pytest.fixture(scope="module")
def pair() -> dict[str, str]:
    """An RSA key pair as scenario files write bytes."""
    private = hazmat.generate_private_key("RSA_2048")
    public = hazmat.public_key(private)
    return {"private": f"{{hex: {private.hex()}}}", "public": f"{{hex: {public.hex()}}}"}


# With a data key


def test_what_is_sealed_with_a_key_opens_with_it() -> None:
    opened = f"- {{do: decrypt_local, with: {{key: {KEY}, ciphertext: $sealed}}, expect: {{output: {{plaintext: {{text: deed}}}}}}}}"

    assert messages_of(SEALED + opened) == []


def test_it_is_aes_gcm_with_the_nonce_ahead() -> None:
    """Whoever has the key can open it without kmsgate."""
    nonce = bytes(range(12))
    sealed = nonce + AESGCM(b"Z" * 32).encrypt(nonce, b"deed", b"page 3")
    step = (
        f"- {{do: decrypt_local, with: {{key: {KEY}, ciphertext: {{hex: {sealed.hex()}}}, associated_data: {{text: page 3}}}},"
        " expect: {output: {plaintext: {text: deed}}}}"
    )

    assert messages_of(step) == []


def test_the_nonce_never_comes_twice_and_follows_from_the_seed() -> None:
    text = suite_text(
        SEALED + SEALED.replace("sealed:", "again:") + "- look: {value: $again, is: {not: $sealed}}"
    )

    assert all(result.passed for result in run(load("s.yaml", text.encode())))
    assert messages_of(SEALED + "- look: {value: $sealed, is: {hex: 00}}") == [
        "it is 32 bytes, not 1 bytes"
    ]


@pytest.mark.parametrize(
    "given",
    [
        f"{{key: {OTHER}, ciphertext: $sealed}}",
        f"{{key: {KEY}, ciphertext: $sealed, associated_data: {{text: page 4}}}}",
        f"{{key: {KEY}, ciphertext: $bad}}",
        f"{{key: {KEY}, ciphertext: {{text: short}}}}",
        f"{{key: {KEY}, ciphertext: {{repeat: '00', length: 27}}}}",
    ],
)
def test_what_does_not_open_is_told_without_a_reason(given: str) -> None:
    before = SEALED + "- {do: tamper, with: {value: $sealed}, save: {bad: value}}\n"
    step = f"- {{do: decrypt_local, with: {given}%s}}"

    assert messages_of(before + step % ", expect: {error: does-not-fit}") == []
    assert messages_of(before + step % ", expect: {error: unsuitable}") == [
        "decrypt_local failed, does-not-fit: it does not open with this key"
    ]
    assert messages_of(before + step % "") == [
        "decrypt_local failed, does-not-fit: it does not open with this key"
    ]


@pytest.mark.parametrize("key", ["{text: short}", '{repeat: "5a", length: 16}', "{text: ''}"])
def test_a_key_of_another_length_is_unsuitable(key: str) -> None:
    step = f"- {{do: encrypt_local, with: {{key: {key}, plaintext: {{text: a}}}}%s}}"

    assert messages_of(step % ", expect: {error: unsuitable}") == []
    assert messages_of(step % ", expect: {error: does-not-fit}") != []


def test_a_failure_that_does_not_happen_is_told() -> None:
    step = f"- {{do: decrypt_local, with: {{key: {KEY}, ciphertext: $sealed}}, expect: {{error: does-not-fit}}}}"

    assert messages_of(SEALED + step) == ["expected does-not-fit, decrypt_local succeeded"]


def test_another_output_is_told() -> None:
    step = f"- {{do: decrypt_local, with: {{key: {KEY}, ciphertext: $sealed}}, expect: {{output: {{plaintext: {{text: dead}}}}}}}}"

    assert messages_of(SEALED + step) == ["plaintext is 4 bytes, not 4 bytes"]


# With a key pair


def test_what_is_sealed_for_the_owner_only_the_owner_opens(pair: dict[str, str]) -> None:
    steps = f"""\
        - {{do: encrypt_local, with: {{public_key: {pair["public"]}, plaintext: {{text: deed}}, {OAEP}}}, save: {{c: ciphertext}}}}
        - {{do: decrypt_local, with: {{private_key: {pair["private"]}, ciphertext: $c, {OAEP}}}, expect: {{output: {{plaintext: {{text: deed}}}}}}}}
        - {{do: decrypt_local, with: {{private_key: {pair["public"]}, ciphertext: $c, {OAEP}}}, expect: {{error: unsuitable}}}}
        - {{do: decrypt_local, with: {{private_key: {pair["private"]}, ciphertext: $c, algorithm: RSAES_OAEP_SHA_1}}, expect: {{error: does-not-fit}}}}
    """

    assert messages_of(steps) == []


@pytest.mark.parametrize(
    ("work", "given"),
    [
        ("encrypt_local", "public_key: {public}, plaintext: {{repeat: '00', length: 191}}, " + OAEP),
        ("encrypt_local", "public_key: {{text: none}}, plaintext: {{text: a}}, " + OAEP),
        ("encrypt_local", "public_key: {{hex: 00}}, plaintext: {{text: a}}, " + OAEP),
        ("decrypt_local", "private_key: {{hex: 00}}, ciphertext: {{text: a}}, " + OAEP),
        ("wrap", "public_key: {{hex: 00}}, material: {{text: a}}, algorithm: RSA_AES_KEY_WRAP_SHA_256"),
        ("wrap", "public_key: {public}, material: {{text: ''}}, algorithm: RSA_AES_KEY_WRAP_SHA_256"),
        ("verify_local", "public_key: {{hex: 00}}, message: {{text: a}}, signature: {{hex: 00}}, algorithm: ECDSA_SHA_256"),
        ("verify_local", "public_key: {public}, message: {{text: a}}, signature: {{hex: 00}}, algorithm: ECDSA_SHA_256"),
        ("verify_local", "public_key: {public}, message: {{text: a}}, signature: {{hex: 00}}, algorithm: SM2DSA"),
        ("verify_local", "public_key: {public}, message: {{text: a}}, signature: {{hex: 00}}, algorithm: RSASSA_PSS_SHA_256, message_type: DIGEST"),
        ("tamper", "value: {{text: ''}}"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_with_this_is_unsuitable(
    work: str, given: str, pair: dict[str, str]
) -> None:
    step = f"- {{do: {work}, with: {{{given.format(**pair)}}}%s}}"

    assert messages_of(step % ", expect: {error: unsuitable}") == []
    (message,) = messages_of(step % "")
    assert message.startswith(f"{work} failed, unsuitable: ")


SIGNED = """\
        - {as: root, call: CreateKey, with: {KeySpec: ECC_NIST_P256, KeyUsage: SIGN_VERIFY}, save: {pair: KeyMetadata.KeyId}}
        - {as: root, call: GetPublicKey, with: {KeyId: $pair}, save: {public: PublicKey}}
        - {as: root, call: Sign, with: {KeyId: $pair, Message: {text: deed}, SigningAlgorithm: ECDSA_SHA_256}, save: {signature: Signature}}
        - {do: verify_local, with: {public_key: $public, message: {text: %s}, signature: $signature, algorithm: ECDSA_SHA_256}%s}
"""


def test_a_signature_of_the_service_is_checked_outside() -> None:
    assert messages_of(SIGNED % ("deed", "")) == []
    assert messages_of(SIGNED % ("dead", ", expect: {error: does-not-fit}")) == []
    assert messages_of(SIGNED % ("dead", "")) == [
        "verify_local failed, does-not-fit: the signature is none of this message with this key"
    ]
    assert messages_of(SIGNED % ("deed", ", expect: {error: does-not-fit}")) == [
        "expected does-not-fit, verify_local succeeded"
    ]


# Wrapping


@pytest.mark.parametrize("algorithm", hazmat.WRAPPINGS)
def test_what_is_wrapped_can_be_imported(algorithm: str) -> None:
    steps = f"""\
        - {{as: root, call: CreateKey, with: {{Origin: EXTERNAL}}, save: {{vault: KeyMetadata.KeyId}}}}
        - as: root
          call: GetParametersForImport
          with: {{KeyId: $vault, WrappingAlgorithm: {algorithm}, WrappingKeySpec: RSA_2048}}
          save: {{public: PublicKey, ticket: ImportToken}}
        - {{do: wrap, with: {{public_key: $public, material: {{random: 32}}, algorithm: {algorithm}}}, save: {{wrapped: wrapped}}}}
        - as: root
          call: ImportKeyMaterial
          with: {{KeyId: $vault, ImportToken: $ticket, EncryptedKeyMaterial: $wrapped, ExpirationModel: KEY_MATERIAL_DOES_NOT_EXPIRE}}
        - {{as: root, call: Encrypt, with: {{KeyId: $vault, Plaintext: {{text: deed}}}}}}
    """

    assert messages_of(steps) == []


def test_a_word_that_was_saved_must_be_one_of_the_known() -> None:
    steps = """\
        - {as: root, call: DescribeKey, with: {KeyId: alias/payroll}, save: {id: KeyMetadata.KeyId}}
        - {do: wrap, with: {public_key: {hex: 00}, material: {text: a}, algorithm: $id}}
    """

    (message,) = messages_of(steps)
    assert message.startswith("algorithm is '1234abcd-12ab-34cd-56ef-1234567890ab'; known: RSAES_")


# Tampering


def test_a_tampered_ciphertext_is_another_one() -> None:
    steps = """\
        - {call: Encrypt, with: {KeyId: alias/payroll, Plaintext: {text: a}}, save: {blob: CiphertextBlob}}
        - {do: tamper, with: {value: $blob}, save: {bad: value}}
        - {call: Decrypt, with: {CiphertextBlob: $bad}, expect: {error: InvalidCiphertextException}}
        - {call: Decrypt, with: {CiphertextBlob: $blob}}
    """

    assert messages_of(steps) == []

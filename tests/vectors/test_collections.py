"""Whole collections of published vectors, as the package `cryptography-vectors` brings them along.

They are those of NIST's CAVP, of RFCs, of RSA Laboratories and of the project
post-quantum-cryptography/KAT. Each file is read as its authors wrote it, and every case of it that
the service has a name for goes through `hazmat`. A handful of them stands in the neighbouring files
for good: those need no package.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from kms import hazmat

published: Any = pytest.importorskip(
    "cryptography_vectors", reason="the package `cryptography-vectors` is not installed"
)

Fields: TypeAlias = dict[str, str]


# Reading


def lines_of(name: str) -> Iterator[str]:
    """Yield the lines of a file, without the blanks around them."""
    with published.open_vector_file(name, "r") as file:
        yield from (line.strip() for line in file)


def blocks(name: str) -> Iterator[tuple[str, Fields]]:
    """Yield the blocks of a file in the form of NIST, each with the heads above it.

    A block ends with a blank line, or where its first field comes again. A line without a value,
    which is `FAIL`, is a field too.
    """
    heads: list[str] = []
    fields: Fields = {}
    below = False
    for line in (*lines_of(name), ""):
        label, _, value = (part.strip() for part in line.partition("="))
        if fields and (not line or label == next(iter(fields))):
            yield " ".join(heads), fields
            fields, below = {}, True
        if line.startswith("["):
            heads = [line] if below else [*heads, line]
            below = False
        elif line and not line.startswith("#"):
            fields[label] = value


def octets(text: str) -> bytes:
    """Return the bytes of hexadecimal digits, of which the first zero may be missing."""
    return bytes.fromhex(text if len(text) % 2 == 0 else f"0{text}")


def number(text: str) -> int:
    return int(text, 16)


def der(key: Any) -> bytes:
    """Return a public key as SubjectPublicKeyInfo, or a private one as PKCS#8."""
    if hasattr(key, "public_bytes"):
        return bytes(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return bytes(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))


def fits(public: bytes, algorithm: str, message: bytes, signature: bytes) -> bool:
    """Tell whether a signature fits a message; its digest must say the same (CORE K-71)."""
    outcomes = set()
    digest = hashlib.new(f"sha{algorithm[-3:]}", message).digest()
    for form, given in (("RAW", message), ("DIGEST", digest)):
        try:
            hazmat.verify(public, algorithm, form, given, signature)
        except hazmat.Unauthentic:
            outcomes.add(False)
        else:
            outcomes.add(True)
    (outcome,) = outcomes
    return outcome


# Symmetric


def test_gcm_opens_what_nist_sealed_and_nothing_that_nist_changed() -> None:
    """CORE K-95. CAVS 14.0: nonces of 96 bits and whole tags."""
    seen: Counter[bool] = Counter()
    for heads, fields in blocks("ciphers/AES/GCM/gcmDecrypt256.rsp"):
        if "[IVlen = 96]" not in heads or "[Taglen = 128]" not in heads:
            continue
        key, nonce, data = (octets(fields[name]) for name in ("Key", "IV", "AAD"))
        sealed = octets(fields["CT"] + fields["Tag"])
        seen["FAIL" in fields] += 1
        if "FAIL" in fields:
            with pytest.raises(hazmat.Unauthentic):
                hazmat.aead_open(key, nonce, sealed, data)
        else:
            plaintext = octets(fields["PT"])
            assert hazmat.aead_open(key, nonce, sealed, data) == plaintext
            assert hazmat.aead_seal(key, nonce, plaintext, data) == sealed
    assert min(seen.values()) > 100


@pytest.mark.parametrize("size", [224, 256, 384, 512])
def test_hmac_agrees_with_rfc_4231(size: int) -> None:
    """CORE K-105. The case with a truncated MAC is not in the collection."""
    found = [fields for _, fields in blocks(f"HMAC/rfc-4231-sha{size}.txt") if "MD" in fields]

    for fields in found:
        made = hazmat.mac(octets(fields["Key"]), octets(fields["Msg"]), f"HMAC_SHA_{size}")
        assert made == octets(fields["MD"])
    assert len(found) == 6


def test_key_wrapping_opens_what_nist_wrapped_and_nothing_that_nist_changed() -> None:
    """CORE K-132. CAVS 21.4, SP 800-38F, KWP-AD with AES-256."""
    seen: Counter[bool] = Counter()
    for _, fields in blocks("keywrap/kwtestvectors/KWP_AD_256.txt"):
        key, wrapped = octets(fields["K"]), octets(fields["C"])
        seen["FAIL" in fields] += 1
        if "FAIL" in fields:
            with pytest.raises(hazmat.Unauthentic):
                hazmat.kwp_unwrap(key, wrapped)
        else:
            assert hazmat.kwp_unwrap(key, wrapped) == octets(fields["P"])
    assert min(seen.values()) >= 100


def test_the_independent_derivation_agrees_with_nist() -> None:
    """CORE K-95. CAVS 14.4, SP 800-108: see `test_published_vectors.py` for what it vouches for."""
    found = 0
    for heads, fields in blocks("KDF/nist-800-108-KBKDF-CTR.txt"):
        if heads != "[PRF=HMAC_SHA256] [CTRLOCATION=BEFORE_FIXED] [RLEN=32_BITS]":
            continue
        key, fixed, wanted = (octets(fields[name]) for name in ("KI", "FixedInputData", "KO"))
        rounds = range(1, -(-len(wanted) // 32) + 1)
        made = b"".join(hmac.digest(key, i.to_bytes(4, "big") + fixed, "sha256") for i in rounds)
        assert made[: len(wanted)] == wanted
        found += 1
    assert found == 40


# Signatures


def rsa_public(n: str, e: str) -> bytes:
    return der(rsa.RSAPublicNumbers(number(e), number(n)).public_key())


SIZES = (2048, 3072, 4096)


def rsa_signatures(name: str) -> Iterator[tuple[int, str, Fields]]:
    """Yield the size of the key and the hash of each case that could be ours."""
    known: Fields = {}
    for _, fields in blocks(name):
        known |= fields
        size = number(known["n"]).bit_length()
        hash_ = fields.get("SHAAlg", "").removeprefix("SHA")
        if size in SIZES and hash_ in ("256", "384", "512"):
            yield size, hash_, known


@pytest.mark.parametrize("kind", ["Gen", "Ver"])
def test_pkcs_1_signatures_fit_where_nist_says_so(kind: str) -> None:
    """CORE K-101. CAVS 10.1 and 11.0, FIPS 186-3: formats of the padding, too."""
    seen: Counter[tuple[int, str, bool]] = Counter()
    name = f"asymmetric/RSA/FIPS_186-2/Sig{kind}15_186-3.rsp"
    for size, hash_, fields in rsa_signatures(name):
        right = fields.get("Result", "P").startswith("P")
        public = rsa_public(fields["n"], fields["e"])
        message, signature = octets(fields["Msg"]), octets(fields["S"])
        assert fits(public, f"RSASSA_PKCS1_V1_5_SHA_{hash_}", message, signature) is right
        seen[size, hash_, right] += 1
    assert len(seen) >= 6


@pytest.mark.parametrize("kind", ["Gen", "Ver"])
def test_pss_signatures_with_a_salt_of_another_length_do_not_fit(kind: str) -> None:
    """CORE K-101. NIST's have salts of 0 and 10 bytes, ours one as long as the hash."""
    found = 0
    name = f"asymmetric/RSA/FIPS_186-2/Sig{kind}PSS_186-3.rsp"
    for _, hash_, fields in rsa_signatures(name):
        public = rsa_public(fields["n"], fields["e"])
        message, signature = octets(fields["Msg"]), octets(fields["S"])
        assert not fits(public, f"RSASSA_PSS_SHA_{hash_}", message, signature)
        found += 1
    assert found > 50


CURVES: dict[str, Callable[[], ec.EllipticCurve]] = {
    "P-256": ec.SECP256R1,
    "P-384": ec.SECP384R1,
    "P-521": ec.SECP521R1,
    "K-256": ec.SECP256K1,
}


def ec_public(curve: str, x: str, y: str) -> bytes:
    return der(ec.EllipticCurvePublicNumbers(number(x), number(y), CURVES[curve]()).public_key())


@pytest.mark.parametrize(
    "name", ["FIPS_186-3/SigVer.rsp", "FIPS_186-3/SigGen.txt", "SECP256K1/SigGen.txt"]
)
def test_ecdsa_signatures_fit_where_their_authors_say_so(name: str) -> None:
    """CORE K-102. CAVS 11.0; each curve with each of our hashes."""
    seen: Counter[tuple[str, str, bool]] = Counter()
    for heads, fields in blocks(f"asymmetric/ECDSA/{name}"):
        curve, _, hash_ = heads.strip("[]").partition(",SHA-")
        if curve not in CURVES or hash_ not in ("256", "384", "512"):
            continue
        right = fields.get("Result", "P").startswith("P")
        public = ec_public(curve, fields["Qx"], fields["Qy"])
        signature = encode_dss_signature(number(fields["R"]), number(fields["S"]))
        assert fits(public, f"ECDSA_SHA_{hash_}", octets(fields["Msg"]), signature) is right
        seen[curve, hash_, right] += 1
    assert len(seen) == {"FIPS_186-3/SigVer.rsp": 18, "FIPS_186-3/SigGen.txt": 9}.get(name, 3)


def test_ed25519_makes_the_signatures_of_its_authors() -> None:
    """CORE K-103. The file `sign.input` of ed25519.cr.yp.to."""
    found = 0
    for line in lines_of("asymmetric/Ed25519/sign.input"):
        secret, public, message, signed = (octets(part) for part in line.split(":")[:4])
        private = der(ed25519.Ed25519PrivateKey.from_private_bytes(secret[:32]))
        spki, signature = hazmat.public_key(private), signed[:64]

        assert spki.endswith(public)
        assert hazmat.sign(private, "ED25519_SHA_512", "RAW", message) == signature
        hazmat.verify(spki, "ED25519_SHA_512", "RAW", message, signature)
        found += 1
    assert found == 1024


def from_seed(spec: str, seed: bytes) -> bytes:
    """Return the private key of a lattice scheme that begins with a seed, as PKCS#8."""
    head, size = hazmat.generate_private_key(spec), len(seed)
    return head[: len(head) - size] + seed


@pytest.mark.parametrize("size", [44, 65, 87])
def test_ml_dsa_fits_what_the_reference_signed(size: int) -> None:
    """CORE K-104; FIPS 204: the context goes into μ, which is made outside."""
    if ("ML_DSA_SHAKE_256", "EXTERNAL_MU") not in hazmat._SCHEMES:
        pytest.skip("the installed library has no ML-DSA with EXTERNAL_MU")
    found = 0
    for _, fields in blocks(f"asymmetric/MLDSA/kat_MLDSA_{size}_det_pure.rsp"):
        private = from_seed(f"ML_DSA_{size}", octets(fields["xi"]))
        public, raw = hazmat.public_key(private), octets(fields["pk"])
        message, context = octets(fields["msg"]), octets(fields["ctx"])
        signature = octets(fields["sm"])[: -len(message)]
        whole = b"\x00" + bytes((len(context),)) + context + message
        mu = hashlib.shake_256(hashlib.shake_256(raw).digest(64) + whole).digest(64)

        assert public.endswith(raw)
        hazmat.verify(public, "ML_DSA_SHAKE_256", "EXTERNAL_MU", mu, signature)
        with pytest.raises(hazmat.Unauthentic):
            hazmat.verify(public, "ML_DSA_SHAKE_256", "EXTERNAL_MU", bytes(64), signature)
        found += 1
    assert found == 100


# Encryption and agreement


def paragraphs(name: str) -> Iterator[tuple[str, bytes]]:
    """Yield the titles and numbers of a file in the form of RSA Laboratories."""
    title, digits = "", ""
    for line in (*lines_of(name), "#"):
        if line.startswith("#"):
            if digits:
                yield title, octets(digits)
            title, digits = line.strip("# :").lower(), ""
        elif line and not line.startswith("=") and title:
            digits += line.replace(" ", "")


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [
        ("pkcs-1v2-1d2-vec/oaep-vect.txt", "RSAES_OAEP_SHA_1"),
        ("oaep-custom/oaep-sha256-sha256.txt", "RSAES_OAEP_SHA_256"),
    ],
)
def test_oaep_opens_what_strangers_sealed(name: str, algorithm: str) -> None:
    """CORE K-100. RSA Laboratories, and their messages sealed anew with Bouncy Castle."""
    known: dict[str, bytes] = {}
    found = 0
    private = b""
    for title, value in paragraphs(f"asymmetric/RSA/{name}"):
        known[title] = value
        if title == "prime 2":
            private = rsa_private(known["prime 1"], value)
        elif title == "encryption":
            assert hazmat.oaep_decrypt(private, algorithm, value) == known["message"]
            with pytest.raises(hazmat.Unauthentic):
                hazmat.oaep_decrypt(private, algorithm, value[:-1] + bytes((value[-1] ^ 1,)))
            found += 1
    assert found >= 54


def rsa_private(first: bytes, second: bytes) -> bytes:
    p, q = (int.from_bytes(prime, "big") for prime in (first, second))
    d = rsa.rsa_recover_private_exponent(65537, p, q)
    crt = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    numbers = rsa.RSAPrivateNumbers(p, q, d, *crt, rsa.RSAPublicNumbers(65537, p * q))
    return der(numbers.private_key(unsafe_skip_rsa_key_validation=True))


@pytest.mark.parametrize("role", ["init", "resp"])
def test_the_secret_of_an_agreement_is_that_of_nist(role: str) -> None:
    """CORE K-73, K-106. CAVS 11.0: bad keys of the peer, and secrets that begin with zeros."""
    seen: Counter[tuple[str, str]] = Counter()
    name = f"asymmetric/ECDH/KASValidityTest_ECCStaticUnified_NOKC_ZZOnly_{role}.fax"
    curves = {"[EC - ": "P-256", "[ED - ": "P-384", "[EE - ": "P-521"}
    for heads, fields in blocks(name):
        curve = next((c for head, c in curves.items() if head in heads), None)
        if curve is None or "Result" not in fields:
            continue
        result = fields["Result"]
        if "IUT's" in result:  # a pair that does not belong together: there is none here
            continue
        private = der(ec.derive_private_key(number(fields["dsIUT"]), CURVES[curve]()))
        peer = point(curve, fields["QsCAVSx"], fields["QsCAVSy"])
        seen[curve, result[:5]] += 1
        if "CAVS's" in result:
            with pytest.raises(ValueError, match="the peer"):
                hazmat.agree(private, peer)
        else:
            same = hazmat.agree(private, peer) == octets(fields["Z"])
            assert same is result.startswith("P")
    assert {curve for curve, _ in seen} == {"P-256", "P-384", "P-521"}
    assert len(seen) == 3 * 5


def point(curve: str, x: str, y: str) -> bytes:
    """Return a public key that need be no point of the curve."""
    good = hazmat.public_key(der(ec.derive_private_key(1, CURVES[curve]())))
    size = (CURVES[curve]().key_size + 7) // 8
    both = b"".join(number(each).to_bytes(size, "big") for each in (x, y))
    return good[: -2 * size] + both


@pytest.mark.parametrize("size", [768, 1024])
def test_ml_kem_gives_the_secrets_and_the_noise_of_the_reference(size: int) -> None:
    """FIPS 203; the first hundred cases of a thousand."""
    if not hazmat._ML_KEM_KEYS:
        pytest.skip("the installed library has no ML-KEM")
    found = 0
    for _, fields in blocks(f"asymmetric/MLKEM/kat_MLKEM_{size}.rsp"):
        private = from_seed(f"ML_KEM_{size}", octets(fields["d"] + fields["z"]))

        assert hazmat.public_key(private).endswith(octets(fields["pk"]))
        for ciphertext, secret in (("ct", "ss"), ("ct_n", "ss_n")):
            assert hazmat.decapsulate(private, octets(fields[ciphertext])).hex() == fields[secret]
        found += 1
        if found == 100:
            break
    assert found == 100

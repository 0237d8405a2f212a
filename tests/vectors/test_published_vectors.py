"""Vectors that others published: the room of sharp tools agrees with the rest of the world.

Each table says where its numbers come from. All of them can also be found in the package
`cryptography-vectors`, those of Wycheproof excepted.
"""

from __future__ import annotations

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kms import hazmat

# D. McGrew, J. Viega: The Galois/Counter Mode of Operation (GCM), submission to NIST, appendix B,
# test cases 13 to 16. Key, nonce, plaintext, associated data, ciphertext, tag.
GCM_KEY = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
GCM_PLAINTEXT = (
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c9595680953"
    "2fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255"
)
GCM_CIPHERTEXT = (
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3d"
    "a7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
)
GCM = {
    13: ("00" * 32, "00" * 12, "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"),
    14: (
        "00" * 32,
        "00" * 12,
        "00" * 16,
        "",
        "cea7403d4d606b6e074ec5d3baf39d18",
        "d0d1c8a799996bf0265b98b5d48ab919",
    ),
    15: (
        GCM_KEY,
        "cafebabefacedbaddecaf888",
        GCM_PLAINTEXT,
        "",
        GCM_CIPHERTEXT,
        "b094dac5d93471bdec1a502270e3cc6c",
    ),
    16: (
        GCM_KEY,
        "cafebabefacedbaddecaf888",
        GCM_PLAINTEXT[:120],
        "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        GCM_CIPHERTEXT[:120],
        "76fc6ece0f4e1768cddf8853bb2d551b",
    ),
}


@pytest.mark.parametrize("case", GCM)
def test_aes_256_gcm_seals_and_opens_the_cases_of_mcgrew_and_viega(case: int) -> None:
    key, nonce, plaintext, data, ciphertext, tag = map(bytes.fromhex, GCM[case])

    assert hazmat.aead_seal(key, nonce, plaintext, data) == ciphertext + tag
    assert hazmat.aead_open(key, nonce, ciphertext + tag, data) == plaintext


# RFC 4231, sections 4.3 (a key shorter than the block) and 4.7 (a key longer than the block).
HMAC_INPUTS = {
    2: (b"Jefe", b"what do ya want for nothing?"),
    6: (b"\xaa" * 131, b"Test Using Larger Than Block-Size Key - Hash Key First"),
}
HMAC = [
    ("HMAC_SHA_224", 2, "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44"),
    ("HMAC_SHA_224", 6, "95e9a0db962095adaebe9b2d6f0dbce2d499f112f2d2b7273fa6870e"),
    ("HMAC_SHA_256", 2, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
    ("HMAC_SHA_256", 6, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
    (
        "HMAC_SHA_384",
        2,
        (
            "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c7"
            "8b3239ecfab21649"
        ),
    ),
    (
        "HMAC_SHA_384",
        6,
        (
            "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe82"
            "96248df163f44952"
        ),
    ),
    (
        "HMAC_SHA_512",
        2,
        (
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a"
            "6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"
        ),
    ),
    (
        "HMAC_SHA_512",
        6,
        (
            "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598"
            "bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598"
        ),
    ),
]


@pytest.mark.parametrize(("algorithm", "case", "expected"), HMAC)
def test_hmac_agrees_with_rfc_4231(algorithm: str, case: int, expected: str) -> None:
    key, data = HMAC_INPUTS[case]

    assert hazmat.mac(key, data, algorithm).hex() == expected  # CORE K-105


# NIST CAVP, SP 800-108 KDF, counter mode, file KDFCTR_gen (CAVS 14.4): HMAC_SHA256, counter of 32
# bits before the fixed data. Key in, fixed input data, key out; one block and two blocks.
KBKDF = {
    0: (
        "dd1d91b7d90b2bd3138533ce92b272fbf8a369316aefe242e659cc0ae238afe0",
        (
            "01322b96b30acd197979444e468e1c5c6859bf1b1cf951b7e725303e237e46b864a145fab25e517b"
            "08f8683d0315bb2911d80a0e8aba17f3b413faac"
        ),
        "10621342bfb0fd40046c0e29f2cfdbf0",
    ),
    30: (
        "c4bedbddb66493e7c7259a3bbbc25f8c7e0ca7fe284d92d431d9cd99a0d214ac",
        (
            "1c69c54766791e315c2cc5c47ecd3ffab87d0d273dd920e70955814c220eacace6a5946542da3dfe"
            "24ff626b4897898cafb7db83bdff3c14fa46fd4b"
        ),
        "1da47638d6c9c4d04d74d4640bbd42ab814d9e8cc22f4326695239f96b0693f12d0dd1152cf44430",
    ),
}


def counter_mode(key: bytes, fixed: bytes, length: int) -> bytes:
    """Derive as SP 800-108 section 4.1 says, with nothing but the standard library."""
    blocks = range(1, -(-length // 32) + 1)
    return b"".join(
        hmac.digest(key, number.to_bytes(4, "big") + fixed, "sha256") for number in blocks
    )[:length]


# The published cases fix the fixed data as a whole, while `derive_key` builds it from label and
# context. So they vouch for the small function above, and it vouches for `derive_key`.
@pytest.mark.parametrize("case", KBKDF)
def test_the_independent_derivation_agrees_with_nist(case: int) -> None:
    key, fixed, expected = map(bytes.fromhex, KBKDF[case])

    assert counter_mode(key, fixed, len(expected)) == expected


@pytest.mark.parametrize("length", [1, 16, 32, 33, 64, 74])
def test_derive_key_agrees_with_the_independent_derivation(length: int) -> None:
    secret, label, context = bytes(range(32)), b"kmsgate/encrypt/v1", bytes(range(100, 116))
    fixed = label + b"\x00" + context + (8 * length).to_bytes(4, "big")

    derived = hazmat.derive_key(secret, label=label, context=context, length=length)

    assert derived == counter_mode(secret, fixed, length)  # CORE K-95


# RFC 7914, section 12: the cases with r = 8 and p = 1, as `passphrase_key` has them. Their salt is
# too short for it, so they vouch for the standard library's scrypt, and that vouches for it.
SCRYPT_16384 = (
    "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9"
    "e61e85dc0d651e40dfcf017b45575887"
)


def scrypt(passphrase: bytes, salt: bytes, log_n: int, length: int) -> bytes:
    """Derive with the standard library alone."""
    n, memory = 2**log_n, 2 ** (log_n + 11)
    return hashlib.scrypt(passphrase, salt=salt, n=n, r=8, p=1, maxmem=memory, dklen=length)


def test_the_independent_scrypt_agrees_with_rfc_7914() -> None:
    assert scrypt(b"pleaseletmein", b"SodiumChloride", 14, 64).hex() == SCRYPT_16384


@pytest.mark.parametrize("log_n", [10, 14])
def test_the_key_of_a_passphrase_agrees_with_the_independent_scrypt(log_n: int) -> None:
    salt = bytes(range(16))

    made = hazmat.passphrase_key("ein Pässwort", salt, log_n)  # CORE K-108

    assert made == scrypt("ein Pässwort".encode(), salt, log_n, 32)


# NIST CAVP, SP 800-38F, KWP-AD with AES-256 (CAVS 21.4), plaintext length 8: cases 0, 1 and 4.
KWP = {
    0: (
        "20e4ff6a88ffa9a2818b81702793d8a016722c2fa1ff445f24b9db293cb12069",
        "85011dc927b167f411b0b8e21b11d819",
        "d2",
    ),
    1: (
        "068b05d005902438bb7a837c18ca4d7abab63c7de558993df68492b3cf3c1c3c",
        "d54525e33b8d29aa1497ffeb13acd10a",
        "24",
    ),
    4: (
        "c32cb3e1e41a4b9f4de79989957866f5dd48dba38c22a6ebb80e14c84bdd9534",
        "c29b05c2619a58ecc1d239e7a34273cd",
        None,
    ),
}


@pytest.mark.parametrize("case", KWP)
def test_key_wrapping_agrees_with_nist(case: int) -> None:
    """CORE K-132, RFC 5649."""
    key, wrapped, plaintext = KWP[case]

    if plaintext is not None:
        assert hazmat.kwp_unwrap(bytes.fromhex(key), bytes.fromhex(wrapped)).hex() == plaintext
    else:
        with pytest.raises(hazmat.Unauthentic):
            hazmat.kwp_unwrap(bytes.fromhex(key), bytes.fromhex(wrapped))


def pkcs8(p: str, q: str) -> bytes:
    """Build an RSA private key with e = 65537 from its two primes in hexadecimal."""
    a, b = int(p, 16), int(q, 16)
    d = rsa.rsa_recover_private_exponent(65537, a, b)
    numbers = rsa.RSAPrivateNumbers(
        p=a,
        q=b,
        d=d,
        dmp1=rsa.rsa_crt_dmp1(d, a),
        dmq1=rsa.rsa_crt_dmq1(d, b),
        iqmp=rsa.rsa_crt_iqmp(a, b),
        public_numbers=rsa.RSAPublicNumbers(65537, a * b),
    )
    return numbers.private_key().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


# RSA Laboratories, pkcs-1v2-1-vec, oaep-vect.txt: key 10 (2048 bits), OAEP example 10.1.
RSA_LABORATORIES_P = (
    "ecf5aecd1e5515fffacbd75a2816c6ebf49018cdfb4638e185d66a7396b6f8090f8018c7fd95cc34"
    "b857dc17f0cc6516bb1346ab4d582cadad7b4103352387b70338d084047c9d9539b6496204b3dd6e"
    "a442499207bec01f964287ff6336c3984658336846f56e46861881c10233d2176bf15a5e96ddc780"
    "bc868aa77d3ce769"
)
RSA_LABORATORIES_Q = (
    "bc46c464fc6ac4ca783b0eb08a3c841b772f7e9b2f28babd588ae885e1a0c61e4858a0fb25ac2999"
    "90f35be85164c259ba1175cdd7192707135184992b6c29b746dd0d2cabe142835f7d148cc161524b"
    "4a09946d48b828473f1ce76b6cb6886c345c03e05f41d51b5c3a90a3f24073c7d74a4fe25d9cf21c"
    "75960f3fc3863183"
)
RSA_LABORATORIES_CIPHERTEXT = (
    "53ea5dc08cd260fb3b858567287fa91552c30b2febfba213f0ae87702d068d19bab07fe574523dfb"
    "42139d68c3c5afeee0bfe4cb7969cbf382b804d6e61396144e2d0e60741f8993c3014b58b9b1957a"
    "8babcd23af854f4c356fb1662aa72bfcc7e586559dc4280d160c126785a723ebeebeff71f1159444"
    "0aaef87d10793a8774a239d4a04c87fe1467b9daf85208ec6c7255794a96cc29142f9a8bd418e3c1"
    "fd67344b0cd0829df3b2bec60253196293c6b34d3f75d32f213dd45c6273d505adf4cced1057cb75"
    "8fc26aeefa441255ed4e64c199ee075e7f16646182fdb464739b68ab5daff0e63e9552016824f054"
    "bf4d3c8c90a97bb6b6553284eb429fcc"
)


def test_oaep_with_sha_1_opens_the_example_of_rsa_laboratories() -> None:
    key = pkcs8(RSA_LABORATORIES_P, RSA_LABORATORIES_Q)
    ciphertext = bytes.fromhex(RSA_LABORATORIES_CIPHERTEXT)

    plaintext = hazmat.oaep_decrypt(key, "RSAES_OAEP_SHA_1", ciphertext)  # CORE K-100

    assert plaintext.hex() == "8bba6bf82a6c0f86d5f1756e97956870b08953b06b4eb205bc1694ee"


# Project Wycheproof, testvectors_v1/rsa_oaep_2048_sha256_mgf1sha256_test.json: the longest message,
# and two paddings that differ from a right one in a single byte.
WYCHEPROOF_P = (
    "dc431050f782e894fb5248247d98cb7d58b8d1e24f3b55d041c56e4de086b0d5bb028bda42eeb5d2"
    "34d5681e5809d415e6a289ad4cfbf78f978f6c35814f50eebff1c5b80a69f788e81e6bab5ddaa783"
    "69d659d143ec6f17e79813a575cfad9c569156b90113e2e9110ad9e7b48a1c9348a6e65332119129"
    "0ea36cfb3a5b18f1"
)
WYCHEPROOF_Q = (
    "bd1a81e7977f9898122273ae3222b598ea5fb19eb4eabc38308a5e32196603b2e500ffb79f5b8868"
    "16611debc472fac45544070beb057c941378a6868af3b7a03d3f9880ec47d5e089b94fbde542aba9"
    "ae8d72c57088d7abf5b131f39098f7bc160f90536abc9492fd4e06f3ed7299d4b97bb03677207d95"
    "669f140cfbc20f25"
)
WYCHEPROOF_11_LONGEST_MESSAGE = (
    "7efb69f1137d6a6e813b7ab75bf0400b3d07a442b88ab048675dc06b0215fc1a2e033263ec31a6c1"
    "d2eac56cb0470d69022a48131d1f000bbed70586b80cf6356465c8834daced7ea2a5ff8ef9c44d5a"
    "b828ffbf0556a6394752a4a28a70cae20084e1236f042f6c29de5cb34ef73acba5abcc7ccb3a2634"
    "2701df3b9daa945d9fa5bf0b9b10306655e56370183f50fb8321f8f0cd1c72114791fca5df216629"
    "6b509b01a0b291c46110787cebe69d41b3b1e89590bc2f5e5d49ea24ae0f1207eef1aee54b976055"
    "3e80c5506a8a8a75732e92875025f0bfd5ead71e4340c8a9fa16dcd5a7dc96d8c4a7dc4e91f47a69"
    "366445c4695c8bad578ffe52bb672f65"
)
WYCHEPROOF_12_LABEL_HASH_CHANGED = (
    "287d7108a1c6e7a18acb0045b20c57cdf2ac03456b44942764a7a9e9fdf3db481d7e202e4c8d733b"
    "56b9c1e93d71e791af8325c9363df789b252a5ed0eddc79e76fa41c2cb0a35618398217a390a5e6d"
    "99eed905d5554d19c1cf4e30bdf1c2fcc5148b641d71b3f1977b63d232648ddd935ec9499a53ac2f"
    "bcac55f462e91065adaa018a39c453ba759bd68b454074153421e2ce75cf149f748b5b84758df8a4"
    "23d1c50c880af863f2a6df3cd465ca36aa2152b5771f3d507f4a4dd9f8006d80eca2353709228797"
    "6f218a90df1e16d889fe31e79f7309f3224f613e9b52479fe73b7aad915319a3b62a5936649f7d01"
    "5d7b09f7fa9f454f78a7c3dd4bf791e0"
)
WYCHEPROOF_23_FIRST_BYTE_IS_1 = (
    "3f92a694661cae336cac7a3c5a6f67e0655d10218a64459739ab9664f2cec58978939512df621e6b"
    "92fe3429bb22c08b5103da648a7719e7e95a04e6b61601546955825d60f4c517619f851780ad17f1"
    "b8a955cf8c7f1a5e26ca4a0cc19cca751d0790d56e1140a4705e19274f638b7c16d9d3e423a7f787"
    "d02699235e3e9e4d543a954f9b1bce5411c8ebdcae86a4bb86c66818a0bab51a2b00383b318e53d9"
    "5508bab1b19e388cd5a03cdceba0f7176c1782e19ef62cff69352d444b1ce0e1f339e96d8a65c07a"
    "a37f5f2cf33867f6c496e0da6cd79b3e2183b57064ce21a1b92072702e555a82cad75107fdfd8bd5"
    "e7ea5f119cfbbc1770e962fd0b781aff"
)


@pytest.fixture(scope="module")
def wycheproof_key() -> bytes:
    return pkcs8(WYCHEPROOF_P, WYCHEPROOF_Q)


def test_oaep_with_sha_256_opens_the_longest_message_of_wycheproof(wycheproof_key: bytes) -> None:
    ciphertext = bytes.fromhex(WYCHEPROOF_11_LONGEST_MESSAGE)

    plaintext = hazmat.oaep_decrypt(wycheproof_key, "RSAES_OAEP_SHA_256", ciphertext)

    assert plaintext == b"x" * 190  # CORE K-64, K-100


@pytest.mark.parametrize(
    "ciphertext", [WYCHEPROOF_12_LABEL_HASH_CHANGED, WYCHEPROOF_23_FIRST_BYTE_IS_1]
)
def test_oaep_with_sha_256_refuses_the_wrong_paddings_of_wycheproof(
    wycheproof_key: bytes, ciphertext: str
) -> None:
    with pytest.raises(hazmat.Unauthentic):
        hazmat.oaep_decrypt(wycheproof_key, "RSAES_OAEP_SHA_256", bytes.fromhex(ciphertext))

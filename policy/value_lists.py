"""The condition keys whose values are listed, and what they can be (AUTH 9.5)."""

from __future__ import annotations

from policy.vocabulary import GRANT_OPERATIONS

_RSA = "RSA_2048 RSA_3072 RSA_4096"
_CURVES = "ECC_NIST_P256 ECC_NIST_P384 ECC_NIST_P521 ECC_SECG_P256K1 ECC_NIST_EDWARDS25519"
_LATTICES = "ML_KEM_512 ML_KEM_768 ML_KEM_1024"
_SPECS = (
    f"SYMMETRIC_DEFAULT {_RSA} {_CURVES} {_LATTICES} SM2 ML_DSA_44 ML_DSA_65 ML_DSA_87 "
    "HMAC_224 HMAC_256 HMAC_384 HMAC_512"
)
_USAGES = """ENCRYPT_DECRYPT SIGN_VERIFY GENERATE_VERIFY_MAC KEY_AGREEMENT
    ENCAPSULATE_DECAPSULATE"""

# The service model of 2014-11-01, by the key that carries the member of a request.
_ROWS = {
    "kms:KeySpec": _SPECS,
    "kms:CustomerMasterKeySpec": _SPECS,
    "kms:KeyUsage": _USAGES,
    "kms:CustomerMasterKeyUsage": _USAGES,
    "kms:KeyOrigin": "AWS_KMS EXTERNAL AWS_CLOUDHSM EXTERNAL_KEY_STORE",
    "kms:EncryptionAlgorithm": "SYMMETRIC_DEFAULT RSAES_OAEP_SHA_1 RSAES_OAEP_SHA_256 SM2PKE",
    "kms:SigningAlgorithm": """RSASSA_PSS_SHA_256 RSASSA_PSS_SHA_384 RSASSA_PSS_SHA_512
        RSASSA_PKCS1_V1_5_SHA_256 RSASSA_PKCS1_V1_5_SHA_384 RSASSA_PKCS1_V1_5_SHA_512 ECDSA_SHA_256
        ECDSA_SHA_384 ECDSA_SHA_512 SM2DSA ML_DSA_SHAKE_256 ED25519_SHA_512 ED25519_PH_SHA_512""",
    "kms:MacAlgorithm": "HMAC_SHA_224 HMAC_SHA_256 HMAC_SHA_384 HMAC_SHA_512",
    "kms:MessageType": "RAW DIGEST EXTERNAL_MU",
    "kms:DataKeyPairSpec": f"{_RSA} {_CURVES} {_LATTICES} SM2",
    "kms:WrappingAlgorithm": """RSAES_PKCS1_V1_5 RSAES_OAEP_SHA_1 RSAES_OAEP_SHA_256
        RSA_AES_KEY_WRAP_SHA_1 RSA_AES_KEY_WRAP_SHA_256 SM2PKE""",
    "kms:WrappingKeySpec": f"{_RSA} SM2",
    "kms:ExpirationModel": "KEY_MATERIAL_EXPIRES KEY_MATERIAL_DOES_NOT_EXPIRE",
    "kms:GrantConstraintType": "EncryptionContextEquals EncryptionContextSubset",
    "kms:MultiRegionKeyType": "PRIMARY REPLICA",
    "kms:KeyAgreementAlgorithm": "ECDH",
}

LISTED_VALUES: dict[str, frozenset[str]] = {
    **{key: frozenset(values.split()) for key, values in _ROWS.items()},
    "kms:GrantOperations": GRANT_OPERATIONS,
}
"""What the value of a condition key can be, where there is a list of it."""

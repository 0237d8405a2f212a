"""Everything that the service answers instead of an output.

KmsError                       code, status, message; caught once, in Service.call
├── AccessDenied               .decision, ready to explain
├── ValidationFailed · SerializationFailed · UnknownOperation · UnsupportedOperation
├── NotFound · AlreadyExists · LimitExceeded · Conflict · Throttled · DryRunOperation
├── Disabled · InvalidState · InvalidKeyUsage
├── InvalidCiphertext · IncorrectKey · InvalidSignature · InvalidMac
├── InvalidGrantId · InvalidGrantToken · InvalidAliasName · InvalidArn · InvalidMarker
├── MalformedPolicy · InvalidTags · NotAuthorized
├── IncorrectKeyMaterial · InvalidImportToken · ExpiredImportToken
├── Internal · KeyUnavailable · DependencyTimeout
├── CredentialError            raised before there is a caller
│   ├── MissingAuthenticationToken · IncompleteSignature · InvalidRequestSignature
│   └── UnrecognizedClient · ExpiredToken
└── CustomKeyStoreError        only CustomKeyStoreNotFound is ever raised
    ├── CustomKeyStoreNotFound · …HasKeys · …InvalidState · …NameInUse · IncorrectTrustAnchor
    ├── CloudHsmClusterNotFound · …InUse · …NotActive · …NotRelated · …InvalidConfiguration
    ├── XksKeyNotFound · …AlreadyInUse · …InvalidConfiguration
    ├── XksProxyUriInUse · …UriUnreachable · …UriEndpointInUse · …InvalidConfiguration
    ├── XksProxyInvalidResponse · …IncorrectCredential
    └── XksProxyVpcEndpointNotFound · …InUse · …InvalidConfiguration
"""

# ruff: noqa: N818  (a class is called what its wire name says, without the suffix "Exception")

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from policy.decision import Decision


class KmsError(Exception):
    """A refusal: its wire name, its HTTP status, and what it says, if it says anything.

    `message` is None where the service sends no message at all. A class whose text never varies
    carries it as `fixed` and needs no argument.
    """

    code: ClassVar[str]
    status: ClassVar[int] = 400
    fixed: ClassVar[str | None] = None

    message: str | None

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message)
        self.message = self.fixed if message is None else message

    def __str__(self) -> str:
        return self.code if self.message is None else f"{self.code}: {self.message}"


class AccessDenied(KmsError):
    """No layer of policies lets the caller do this, or one forbids it (CORE K-49, K-8)."""

    code = "AccessDeniedException"

    decision: Decision | None

    def __init__(self, message: str | None = None, decision: Decision | None = None) -> None:
        super().__init__(message)
        self.decision = decision


class ValidationFailed(KmsError):
    """A member breaks a constraint, or members do not go together (CORE K-36)."""

    code = "ValidationException"


class SerializationFailed(KmsError):
    """The request cannot be read: no JSON, no base64, or a member of another type (CORE K-44)."""

    code = "SerializationException"


class UnknownOperation(KmsError):
    """There is no operation of that name (CORE K-189)."""

    code = "UnknownOperationException"


class UnsupportedOperation(KmsError):
    """The operation exists, but not for such a key or not in this service (CORE K-16, K-92)."""

    code = "UnsupportedOperationException"


class NotFound(KmsError):
    """A key, alias, grant or policy that the request names is not there (CORE K-7)."""

    code = "NotFoundException"


class AlreadyExists(KmsError):
    """The alias name or the replica is taken (CORE K-164, K-153)."""

    code = "AlreadyExistsException"


class LimitExceeded(KmsError):
    """A quota is used up, or a policy is too large (CORE K-53)."""

    code = "LimitExceededException"


class Conflict(KmsError):
    """The rotation asked for would meet another one, running or due (CORE appendix A)."""

    code = "ConflictException"


class Throttled(KmsError):
    """The account calls too often (CORE K-54)."""

    code = "ThrottlingException"
    fixed = (
        "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls."
    )


class DryRunOperation(KmsError):
    """The good news of a dry run: nothing would have stood in the way (CORE K-46)."""

    code = "DryRunOperationException"
    fixed = "The request would have succeeded, but the DryRun option is set."


class Disabled(KmsError):
    """The key is switched off (CORE section 2)."""

    code = "DisabledException"


class InvalidState(KmsError):
    """The key is at a stage of its life at which this cannot be done (CORE section 2)."""

    code = "KMSInvalidStateException"


class InvalidKeyUsage(KmsError):
    """The key is meant for something else, or the algorithm does not suit it (CORE K-63)."""

    code = "InvalidKeyUsageException"


class InvalidCiphertext(KmsError):
    """The ciphertext is not whole, or belongs to another encryption context (CORE K-65)."""

    code = "InvalidCiphertextException"


class IncorrectKey(KmsError):
    """The named key did not make this ciphertext (CORE K-65)."""

    code = "IncorrectKeyException"
    fixed = "The key ID in the request does not identify a CMK that can perform this operation."


class InvalidSignature(KmsError):
    """The signature does not belong to the message and the key (CORE K-71)."""

    code = "KMSInvalidSignatureException"


class InvalidMac(KmsError):
    """The MAC does not belong to the message and the key (CORE K-72)."""

    code = "KMSInvalidMacException"


class InvalidGrantId(KmsError):
    """The text cannot be the id of a grant (CORE appendix A)."""

    code = "InvalidGrantIdException"


class InvalidGrantToken(KmsError):
    """The grant token is not one of ours (CORE K-90)."""

    code = "InvalidGrantTokenException"


class InvalidAliasName(KmsError):
    """The alias name is malformed; known to clients, never raised here (CORE appendix A)."""

    code = "InvalidAliasNameException"


class InvalidArn(KmsError):
    """An ARN is malformed, or an alias stands where only a key may (CORE K-9, K-78)."""

    code = "InvalidArnException"


class InvalidMarker(KmsError):
    """The marker does not continue this listing (CORE K-52)."""

    code = "InvalidMarkerException"


class MalformedPolicy(KmsError):
    """The document cannot be the policy of this key (CORE K-78)."""

    code = "MalformedPolicyDocumentException"


class InvalidTags(KmsError):
    """A tag is reserved, repeated or misspelt (CORE K-45, K-169)."""

    code = "TagException"


class NotAuthorized(KmsError):
    """The alias name is kept for keys that services manage (CORE K-162)."""

    code = "NotAuthorizedException"


class IncorrectKeyMaterial(KmsError):
    """The imported material is not the one that this key needs (CORE K-133, K-135)."""

    code = "IncorrectKeyMaterialException"


class InvalidImportToken(KmsError):
    """The import token is damaged or was made for another key (CORE K-131)."""

    code = "InvalidImportTokenException"


class ExpiredImportToken(KmsError):
    """The import token is more than a day old (CORE K-131)."""

    code = "ExpiredImportTokenException"


class Internal(KmsError):
    """The service failed; the caller learns no more than that (CORE K-197)."""

    code = "KMSInternalException"
    status = 500


class KeyUnavailable(KmsError):
    """The key cannot be reached now; only faults injected on purpose say so (CORE K-196)."""

    code = "KeyUnavailableException"
    status = 500


class DependencyTimeout(KmsError):
    """Something behind the service is slow; only faults injected on purpose say so (CORE K-196)."""

    code = "DependencyTimeoutException"
    status = 503


class CredentialError(KmsError):
    """The request does not prove who sent it (CORE K-198); no audit event tells of it (K-203)."""


class MissingAuthenticationToken(CredentialError):
    """The request is not signed (CORE K-198.1)."""

    code = "MissingAuthenticationTokenException"
    fixed = "Missing Authentication Token"


class IncompleteSignature(CredentialError):
    """A part of the signature is missing or unreadable (CORE K-198.2 to 4)."""

    code = "IncompleteSignatureException"


class InvalidRequestSignature(CredentialError):
    """The signature has another scope, time or value than it should (CORE K-198.5 to 11)."""

    code = "InvalidSignatureException"


class UnrecognizedClient(CredentialError):
    """Nobody has this access key or session token (CORE K-198.8)."""

    code = "UnrecognizedClientException"
    fixed = "The security token included in the request is invalid."


class ExpiredToken(CredentialError):
    """The session of the caller is over (CORE K-198.9)."""

    code = "ExpiredTokenException"
    fixed = "The security token included in the request is expired"


class CustomKeyStoreError(KmsError):
    """Something about a custom key store; there are none here (CORE K-92)."""


class CustomKeyStoreNotFound(CustomKeyStoreError):
    """No custom key store has this id or name (CORE K-92)."""

    code = "CustomKeyStoreNotFoundException"


class CustomKeyStoreHasKeys(CustomKeyStoreError):
    """The key store still holds keys (CORE K-92)."""

    code = "CustomKeyStoreHasCMKsException"


class CustomKeyStoreInvalidState(CustomKeyStoreError):
    """The connection of the key store does not allow this now (CORE K-92)."""

    code = "CustomKeyStoreInvalidStateException"


class CustomKeyStoreNameInUse(CustomKeyStoreError):
    """Another key store has this name (CORE K-92)."""

    code = "CustomKeyStoreNameInUseException"


class IncorrectTrustAnchor(CustomKeyStoreError):
    """The certificate is not that of the HSM cluster (CORE K-92)."""

    code = "IncorrectTrustAnchorException"


class CloudHsmClusterNotFound(CustomKeyStoreError):
    """There is no such HSM cluster (CORE K-92)."""

    code = "CloudHsmClusterNotFoundException"


class CloudHsmClusterInUse(CustomKeyStoreError):
    """Another key store lives on the HSM cluster (CORE K-92)."""

    code = "CloudHsmClusterInUseException"


class CloudHsmClusterNotActive(CustomKeyStoreError):
    """The HSM cluster is not running (CORE K-92)."""

    code = "CloudHsmClusterNotActiveException"


class CloudHsmClusterNotRelated(CustomKeyStoreError):
    """The HSM cluster is no sibling of the present one (CORE K-92)."""

    code = "CloudHsmClusterNotRelatedException"


class CloudHsmClusterInvalidConfiguration(CustomKeyStoreError):
    """The HSM cluster is not set up for a key store (CORE K-92)."""

    code = "CloudHsmClusterInvalidConfigurationException"


class XksKeyNotFound(CustomKeyStoreError):
    """The external key manager has no such key (CORE K-92)."""

    code = "XksKeyNotFoundException"


class XksKeyAlreadyInUse(CustomKeyStoreError):
    """Another KMS key stands for this external key (CORE K-92)."""

    code = "XksKeyAlreadyInUseException"


class XksKeyInvalidConfiguration(CustomKeyStoreError):
    """The external key is of a kind that cannot be used (CORE K-92)."""

    code = "XksKeyInvalidConfigurationException"


class XksProxyUriInUse(CustomKeyStoreError):
    """Another key store has this endpoint and path (CORE K-92)."""

    code = "XksProxyUriInUseException"


class XksProxyUriUnreachable(CustomKeyStoreError):
    """The proxy does not answer (CORE K-92)."""

    code = "XksProxyUriUnreachableException"


class XksProxyUriEndpointInUse(CustomKeyStoreError):
    """Another kind of key store has this endpoint (CORE K-92)."""

    code = "XksProxyUriEndpointInUseException"


class XksProxyInvalidConfiguration(CustomKeyStoreError):
    """The proxy is not set up as it must be (CORE K-92)."""

    code = "XksProxyInvalidConfigurationException"


class XksProxyInvalidResponse(CustomKeyStoreError):
    """The proxy answers with something else (CORE K-92)."""

    code = "XksProxyInvalidResponseException"


class XksProxyIncorrectCredential(CustomKeyStoreError):
    """The proxy does not know the credential (CORE K-92)."""

    code = "XksProxyIncorrectAuthenticationCredentialException"


class XksProxyVpcEndpointNotFound(CustomKeyStoreError):
    """There is no such endpoint service (CORE K-92)."""

    code = "XksProxyVpcEndpointServiceNotFoundException"


class XksProxyVpcEndpointInUse(CustomKeyStoreError):
    """Another key store has this endpoint service (CORE K-92)."""

    code = "XksProxyVpcEndpointServiceInUseException"


class XksProxyVpcEndpointInvalidConfiguration(CustomKeyStoreError):
    """The endpoint service is not set up as it must be (CORE K-92)."""

    code = "XksProxyVpcEndpointServiceInvalidConfigurationException"


def _coded(base: type[KmsError]) -> Iterator[type[KmsError]]:
    for child in base.__subclasses__():
        if "code" in vars(child):
            yield child
        yield from _coded(child)


BY_CODE: Mapping[str, type[KmsError]] = MappingProxyType({e.code: e for e in _coded(KmsError)})
"""Every error that can be answered, by its wire name."""

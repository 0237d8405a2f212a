"""The error tree: wire names, statuses and texts (CORE appendix A)."""

from __future__ import annotations

import pickle
import re

import pytest

from kms import errors
from kms.errors import BY_CODE, AccessDenied, CredentialError, DryRunOperation, KmsError, NotFound

# The error catalogue of CORE appendix A: HTTP status and wire names.
CATALOGUE = {
    400: """
        AccessDeniedException AlreadyExistsException ConflictException
        CustomKeyStoreNotFoundException DisabledException DryRunOperationException
        ExpiredImportTokenException IncorrectKeyException IncorrectKeyMaterialException
        InvalidAliasNameException InvalidArnException InvalidCiphertextException
        InvalidGrantIdException InvalidGrantTokenException InvalidImportTokenException
        InvalidKeyUsageException InvalidMarkerException KMSInvalidMacException
        KMSInvalidSignatureException KMSInvalidStateException LimitExceededException
        MalformedPolicyDocumentException NotAuthorizedException NotFoundException
        SerializationException UnknownOperationException TagException ThrottlingException
        UnsupportedOperationException ValidationException MissingAuthenticationTokenException
        IncompleteSignatureException InvalidSignatureException UnrecognizedClientException
        ExpiredTokenException
    """,
    500: "KMSInternalException KeyUnavailableException",
    503: "DependencyTimeoutException",
}

LEAVES = sorted(BY_CODE.values(), key=lambda error: error.__name__)


@pytest.mark.parametrize(
    ("code", "status"),
    [(code, status) for status, codes in CATALOGUE.items() for code in codes.split()],
)
def test_the_error_catalogue_is_complete(code: str, status: int) -> None:
    """CORE K-196, appendix A."""
    assert BY_CODE[code].status == status


def test_every_class_is_found_by_its_code() -> None:
    classes = [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, KmsError) and "code" in vars(value)
    ]
    assert sorted(classes, key=lambda error: error.__name__) == LEAVES


@pytest.mark.parametrize("error", LEAVES)
def test_the_tree_in_the_page_of_the_module_shows_every_class(error: type[KmsError]) -> None:
    page = errors.__doc__ or ""
    heads = re.findall(
        r"\b(CustomKeyStore|CloudHsmCluster|XksKey|XksProxyVpcEndpoint|XksProxy)", page
    )
    short = {error.__name__} | {error.__name__.replace(head, "…", 1) for head in heads}
    assert any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", page) for name in short)


@pytest.mark.parametrize("error", LEAVES)
def test_every_class_says_in_one_line_which_rule_it_serves(error: type[KmsError]) -> None:
    page = error.__doc__ or ""
    assert "\n" not in page
    assert "(CORE " in page


def test_an_error_with_a_message_reads_code_and_message() -> None:
    assert str(NotFound("Invalid keyId 'foo'")) == "NotFoundException: Invalid keyId 'foo'"


def test_an_error_without_a_message_reads_as_its_code() -> None:
    """CORE section 0: some errors have no message member at all."""
    error = errors.InvalidCiphertext()
    assert error.message is None
    assert str(error) == "InvalidCiphertextException"


def test_a_dry_run_always_says_the_same() -> None:
    """CORE K-46."""
    expected = "The request would have succeeded, but the DryRun option is set."
    assert DryRunOperation().message == expected


def test_a_denial_may_carry_its_decision() -> None:
    assert AccessDenied("no").decision is None


@pytest.mark.parametrize("error", LEAVES)
def test_an_error_survives_the_way_between_processes(error: type[KmsError]) -> None:
    original = error("some text")
    copy = pickle.loads(pickle.dumps(original))  # noqa: S301  (our own bytes)
    assert (type(copy), str(copy), vars(copy)) == (error, str(original), vars(original))


def test_only_signature_errors_come_before_there_is_a_caller() -> None:
    """CORE K-203: these are the errors that no audit event tells of."""
    codes = {code for code, error in BY_CODE.items() if issubclass(error, CredentialError)}
    assert codes == {
        "MissingAuthenticationTokenException",
        "IncompleteSignatureException",
        "InvalidSignatureException",
        "UnrecognizedClientException",
        "ExpiredTokenException",
    }

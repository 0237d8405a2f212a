"""What operations on plaintext and ciphertext have in common: one side names key and context."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kms.context import alias_fact, pairs_facts
from kms.envelope import MAX_CONTEXT_BYTES, canonical_context
from kms.errors import UnsupportedOperation, ValidationFailed
from kms.model import SYMMETRIC_DEFAULT
from kms.operation import Facts, Parameters, Scope, Target


@dataclass(frozen=True, slots=True)
class Side:
    """The names of the members that one side of an operation reads."""

    key: str = "KeyId"
    algorithm: str = "EncryptionAlgorithm"
    pairs: str = "EncryptionContext"

    def algorithm_of(self, parameters: Parameters) -> str:
        """Return the algorithm that the request asks for, its default filled in."""
        return str(parameters.get(self.algorithm, SYMMETRIC_DEFAULT))

    def pairs_of(self, parameters: Parameters) -> Mapping[str, str]:
        """Return the encryption context; none and an empty one are the same (CORE K-66)."""
        pairs: Mapping[str, str] = parameters.get(self.pairs) or {}
        return pairs

    def facts(self, parameters: Parameters, target: Target, _scope: Scope) -> Facts:
        """Return the condition keys of one side (AUTH J-70 to J-73)."""
        facts: Facts = {"kms:EncryptionAlgorithm": self.algorithm_of(parameters)}
        if target.key is None or target.key.is_symmetric:
            facts |= pairs_facts(self.pairs_of(parameters))
        return facts | alias_fact(target)

    def check_size(self, parameters: Parameters) -> None:
        """Raise ValidationFailed for an encryption context that is too large (CORE 13)."""
        if len(canonical_context(self.pairs_of(parameters))) > MAX_CONTEXT_BYTES:
            raise ValidationFailed("EncryptionContext is too large.")


ONE = Side()
SOURCE = Side("SourceKeyId", "SourceEncryptionAlgorithm", "SourceEncryptionContext")
DESTINATION = Side(
    "DestinationKeyId", "DestinationEncryptionAlgorithm", "DestinationEncryptionContext"
)


def refuse_recipient(parameters: Parameters) -> None:
    """Raise UnsupportedOperation for a request that asks for an enclave's form (CORE K-75)."""
    if "Recipient" in parameters:
        raise UnsupportedOperation("Recipient is not supported by this endpoint.")

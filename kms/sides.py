"""What operations on plaintext and ciphertext have in common: one side names key and context."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kms.envelope import MAX_CONTEXT_BYTES, Sealer, canonical_context
from kms.errors import UnsupportedOperation, ValidationFailed
from kms.kept import Kept
from kms.model import SYMMETRIC_DEFAULT, Key
from kms.operation import Parameters


@dataclass(frozen=True, slots=True)
class Side:
    """The names of the members that one side of an operation reads."""

    algorithm: str = "EncryptionAlgorithm"
    pairs: str = "EncryptionContext"

    def algorithm_of(self, parameters: Parameters) -> str:
        """Return the algorithm that the request asks for, its default filled in."""
        return str(parameters.get(self.algorithm, SYMMETRIC_DEFAULT))

    def pairs_of(self, parameters: Parameters) -> Mapping[str, str]:
        """Return the encryption context; none and an empty one are the same (CORE K-66)."""
        pairs: Mapping[str, str] = parameters.get(self.pairs) or {}
        return pairs

    def check_size(self, parameters: Parameters) -> None:
        """Raise ValidationFailed for an encryption context that is too large (CORE 13)."""
        pairs = self.pairs_of(parameters)
        size = sum(map(len, pairs)) + sum(map(len, pairs.values()))
        if 4 + 8 * len(pairs) + 4 * size <= MAX_CONTEXT_BYTES:  # a character is 4 bytes at most
            return
        if len(canonical_context(pairs)) > MAX_CONTEXT_BYTES:
            raise ValidationFailed("EncryptionContext is too large.")


ONE = Side()
SOURCE = Side("SourceEncryptionAlgorithm", "SourceEncryptionContext")
DESTINATION = Side("DestinationEncryptionAlgorithm", "DestinationEncryptionContext")


sealers = Kept[Key, Mapping[str, Sealer]](
    lambda key: {m.id: Sealer(m.secret, key.id) for m in key.materials if m.is_present}
)
"""What seals and opens under each material of a symmetric key, by the id of the material."""


def refuse_recipient(parameters: Parameters) -> None:
    """Raise UnsupportedOperation for a request that asks for an enclave's form (CORE K-75)."""
    if "Recipient" in parameters:
        raise UnsupportedOperation("Recipient is not supported by this endpoint.")

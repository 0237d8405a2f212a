"""Work that a client does outside the service, with real cryptography: sealing, opening, wrapping.

The service sees nothing of it. A work takes bytes and words by name and gives bytes by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from kms import hazmat
from kms.runtime import Entropy
from kms.shapes import Kind, enumeration
from kmsgate.scenario import values
from kmsgate.scenario.compare import StepError, Values
from kmsgate.scenario.fields import Fields, Item, listed, short
from kmsgate.scenario.members import check_bytes, check_pattern
from kmsgate.scenario.model import WorkStep
from kmsgate.scenario.references import References

WORK_EXPECT_FIELDS = ("error", "output")


class WorkError(StrEnum):
    """Why a work can fail."""

    DOES_NOT_FIT = "does-not-fit"
    """A ciphertext does not open, or a signature is not one of the message, with this key."""
    UNSUITABLE = "unsuitable"
    """The key is of another kind or length, or what it is to seal is too long for it."""


class WorkFailed(Exception):  # noqa: N818 - what is true, like the errors of the room below
    """A client's work that came to nothing; says why."""

    def __init__(self, code: WorkError, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Given:
    """What a work is given: bytes, and words such as the name of an algorithm."""

    octets: Mapping[str, bytes]
    words: Mapping[str, str]


@dataclass(frozen=True)
class Form:
    """One way to do a work: what it needs, what it may have beside, what it gives.

    `words` are those of the members that are no bytes, each with what it can be.
    """

    needs: tuple[str, ...]
    gives: str | None
    does: Callable[[Given, Entropy], bytes | None]
    may: tuple[str, ...] = ()
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def members(self) -> tuple[str, ...]:
        """All that it can be given."""
        return (*self.needs, *self.may)

    @property
    def output(self) -> Kind:
        """The type of what it gives."""
        return Kind("structure", {self.gives: Kind("blob")} if self.gives is not None else {})


# The works


def _tamper(given: Given, _entropy: Entropy) -> bytes:
    blob = bytearray(given.octets["value"])
    if not blob:
        raise ValueError("there is no byte to change")
    blob[-1] ^= 1
    return bytes(blob)


def _wrap(given: Given, entropy: Entropy) -> bytes:
    octets, algorithm = given.octets, given.words["algorithm"]
    return hazmat.wrap(
        octets["public_key"], algorithm, octets["material"], entropy.random_bytes(32)
    )


def _seal(given: Given, entropy: Entropy) -> bytes:
    """AES-256-GCM; the nonce goes ahead of the ciphertext."""
    octets, nonce = given.octets, entropy.random_bytes(hazmat.AEAD_NONCE_BYTES)
    data = octets.get("associated_data", b"")
    return nonce + hazmat.aead_seal(octets["key"], nonce, octets["plaintext"], data)


def _open(given: Given, _entropy: Entropy) -> bytes:
    octets, size = given.octets, hazmat.AEAD_NONCE_BYTES
    nonce, sealed = octets["ciphertext"][:size], octets["ciphertext"][size:]
    if len(sealed) < hazmat.AEAD_TAG_BYTES:
        raise hazmat.Unauthentic
    return hazmat.aead_open(octets["key"], nonce, sealed, octets.get("associated_data", b""))


def _seal_for_owner(given: Given, _entropy: Entropy) -> bytes:
    octets, algorithm = given.octets, given.words["algorithm"]
    return hazmat.oaep_encrypt(octets["public_key"], algorithm, octets["plaintext"])


def _open_as_owner(given: Given, _entropy: Entropy) -> bytes:
    found = hazmat.imported_private_key(given.octets["private_key"])
    if found is None:
        raise ValueError("these bytes are no private key that can be read")
    return hazmat.oaep_decrypt(found[1], given.words["algorithm"], given.octets["ciphertext"])


def _verify(given: Given, _entropy: Entropy) -> None:
    octets, algorithm = given.octets, given.words["algorithm"]
    form = given.words.get("message_type", "RAW")
    hazmat.verify(octets["public_key"], algorithm, form, octets["message"], octets["signature"])


_OAEP = tuple(dict.fromkeys(hazmat.WRAPPINGS.values()))
_SIGNING = tuple(sorted(enumeration("SigningAlgorithmSpec")))
_MESSAGE_TYPES = tuple(sorted(enumeration("MessageType")))

WORKS: Mapping[str, tuple[Form, ...]] = {
    "wrap": (
        Form(
            ("public_key", "material", "algorithm"),
            "wrapped",
            _wrap,
            words={"algorithm": tuple(hazmat.WRAPPINGS)},
        ),
    ),
    "tamper": (Form(("value",), "value", _tamper),),
    "encrypt_local": (
        Form(("key", "plaintext"), "ciphertext", _seal, may=("associated_data",)),
        Form(
            ("public_key", "plaintext", "algorithm"),
            "ciphertext",
            _seal_for_owner,
            words={"algorithm": _OAEP},
        ),
    ),
    "decrypt_local": (
        Form(("key", "ciphertext"), "plaintext", _open, may=("associated_data",)),
        Form(
            ("private_key", "ciphertext", "algorithm"),
            "plaintext",
            _open_as_owner,
            words={"algorithm": _OAEP},
        ),
    ),
    "verify_local": (
        Form(
            ("public_key", "message", "signature", "algorithm"),
            None,
            _verify,
            may=("message_type",),
            words={"algorithm": _SIGNING, "message_type": _MESSAGE_TYPES},
        ),
    ),
}
"""Every work by its name. The first member that a form needs tells it from the other forms."""


# Reading


def read_work(work: str, item: Item, fields: Fields, names: References) -> WorkStep | None:
    """Return a step that does a work, complete but for what it saves; complains otherwise."""
    form = _form(work, item, fields)
    if form is None:
        return None
    given = fields["with"].fields(f"the input of {work}", form.members)
    missing = [name for name in form.needs if name not in given]
    if missing:
        item.complain(f"{work} needs {_listed(missing)}", f"write {_usage(work, form)}")
    for name, entry in given.items():
        _check_member(form, name, entry, names)
    error, output = None, None
    if "expect" in fields:
        expect = fields["expect"].members("expect", WORK_EXPECT_FIELDS)
        error, output = expect.choice("error", tuple(WorkError)), expect.get("output")
        if len(expect) != 1:
            fields["expect"].complain(f"expect says one of {_listed(WORK_EXPECT_FIELDS)} here")
        if output is not None:
            check_pattern(output, form.output, f"the output of {work}", names)
    return WorkStep(item, work=work, form=form.needs[0], given=given, error=error, output=output)


def form_of(step: WorkStep) -> Form:
    """Return the form in which a step does its work."""
    return next(form for form in WORKS[step.work] if form.needs[0] == step.form)


def _form(work: str, item: Item, fields: Fields) -> Form | None:
    forms = WORKS[work]
    written = fields["with"].fields(f"the input of {work}") if "with" in fields else Fields()
    found = [form for form in forms if form.needs[0] in written]
    if found or len(forms) == 1:
        form = found[0] if found else forms[0]
        if "with" in fields:
            return form
    choices = " or ".join(dict.fromkeys(f"'{form.needs[0]}'" for form in forms))
    item.complain(f"{work} needs {choices}", f"write {_usage(work, forms[0])}")
    return None


def _check_member(form: Form, name: str, item: Item, names: References) -> None:
    if name not in form.words:
        check_bytes(item, name, names)
    elif values.reference(item.node) is not None:
        names.check(item)
    else:
        item.choice(name, form.words[name])


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return " and ".join(f"'{name}'" for name in names)


def _usage(work: str, form: Form) -> str:
    return f"do: {work} with {{{', '.join(f'{name}: …' for name in form.needs)}}}"


# Doing


def done(step: WorkStep, at: Values) -> dict[str, bytes]:
    """Return what a work gives; raises WorkFailed, or StepError for what it cannot be given."""
    form = form_of(step)
    given = _given(form, step.given, at)
    try:
        made = form.does(given, at.entropy)
    except hazmat.Unauthentic:
        what = "the signature is none of this message" if form.gives is None else "it does not open"
        raise WorkFailed(WorkError.DOES_NOT_FIT, f"{what} with this key") from None
    except (ValueError, TypeError) as error:
        raise WorkFailed(WorkError.UNSUITABLE, str(error)) from None
    return {form.gives: made} if form.gives is not None and made is not None else {}


def _given(form: Form, items: Mapping[str, Item], at: Values) -> Given:
    octets = {name: at.octets(item) for name, item in items.items() if name not in form.words}
    words = {name: at.text(item) for name, item in items.items() if name in form.words}
    for name, word in words.items():
        if word not in form.words[name]:
            known = listed(form.words[name])
            raise StepError(items[name], f"{name} is '{short(word)}'; known: {known}")
    return Given(octets, words)

"""Reading what a call or decision is to come to."""

from __future__ import annotations

from dataclasses import replace

from kms.errors import BY_CODE, AccessDenied
from kms.shapes import response_kind
from kmsgate.scenario.fields import Fields, Item, meant, short
from kmsgate.scenario.members import check_pattern, check_text
from kmsgate.scenario.model import Expectation
from kmsgate.scenario.references import References
from kmsgate.scenario.views import LOOK_FIELDS
from policy.decision import AllowPath, Layer, Reason
from policy.tree import Object, String

EXPECT_FIELDS = (
    "allow", "deny", "layer", "by", "because", "error", "message", "output", "event",
)  # fmt: skip
WORDS = {
    "allow": Expectation(allow=True),
    "deny": Expectation(deny="any"),
    "explicit deny": Expectation(deny="explicit"),
    "implicit deny": Expectation(deny="implicit"),
}
DENIALS = ("true", "explicit", "implicit")


def read_expectation(
    item: Item | None, operation: str, names: References, *, only_decide: bool
) -> Expectation:
    """Return what a step expects; without a word about it, the call must succeed."""
    if item is None:
        return Expectation(allow=True)
    if isinstance(item.node, String):
        word = item.choice("expect", tuple(WORDS))
        return replace(WORDS[word], item=item) if word is not None else Expectation(item=item)
    fields = item.fields("expect", EXPECT_FIELDS)
    if item.is_null or (isinstance(item.node, Object) and not item.node.members):
        item.complain("expect says nothing", "write allow, deny, or fields such as {error: …}")
    _check_agreement(fields, only_decide=only_decide)
    by = tuple(fields.one_or_more("by"))
    for entry in by:
        check_text(entry, "by", names)
    output, event = fields.get("output"), fields.get("event")
    if output is not None:
        what = f"the output of {operation}"
        check_pattern(output, response_kind(operation), what, names)
    for name, entry in event.fields("an event", LOOK_FIELDS["event"]).items() if event else ():
        check_pattern(entry, None, name, names)
    return Expectation(
        allow="allow" in fields,
        paths=_paths(fields),
        deny=_denial(fields),
        layer=fields.choice("layer", [str(layer) for layer in Layer]),
        by=by,
        because=fields.choice("because", [str(reason) for reason in Reason]),
        error=_error(fields),
        message=fields.text("message"),
        output=output,
        event=event,
        item=item,
    )


def _paths(fields: Fields) -> tuple[str, ...]:
    """Return the paths of `allow`, in the order of the checks; `true` stands for any."""
    if "allow" not in fields or _says_true(fields["allow"]):
        return ()
    known = [str(path) for path in AllowPath]
    found = [entry.choice("allow", known) for entry in fields.one_or_more("allow")]
    return tuple(path for path in found if path is not None)


def _says_true(item: Item) -> bool:
    return isinstance(item.node, String) and item.node.value == "true"


def _denial(fields: Fields) -> str | None:
    word = fields.choice("deny", DENIALS)
    return "any" if word == "true" else word


def _error(fields: Fields) -> str | None:
    code = fields.text("error")
    if code is not None and code not in BY_CODE:
        fields["error"].complain(f"no error is called '{short(code)}'", meant(code, BY_CODE))
    return code


def _check_agreement(fields: Fields, *, only_decide: bool) -> None:
    """Complain about fields that can never hold together."""

    def clash(name: str, other: str) -> None:
        fields[name].complain_name(f"'{name}' can never hold together with '{other}'")

    for name, other in (("deny", "allow"), ("output", "deny"), ("output", "error")):
        if name in fields and other in fields:
            clash(name, other)
    if "error" in fields and fields["error"].is_scalar:
        is_denial = fields.text("error") == AccessDenied.code
        other = "allow" if is_denial else "deny"
        if other in fields:
            clash("error", other)
    for name in ("output", "event"):
        if only_decide and name in fields:
            fields[name].complain_name(
                f"a decision has no {name}", "write 'call' to run the operation"
            )

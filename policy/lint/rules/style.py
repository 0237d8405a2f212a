"""One way to write what can be written in several (KG703, KG704, KG706 to KG708)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policy.lint.fixes import rewritten
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Subject, Test, opening, short
from policy.operators import Family
from policy.reader import DOCUMENT_ELEMENTS, STATEMENT_ELEMENTS, value_text
from policy.source import Span
from policy.tree import Array, Boolean, Node, Number, Object, String
from policy.vocabulary import ACTIONS, ENCRYPTION_CONTEXT, condition_key

_ORDERED = frozenset({"Action", "NotAction", "Resource", "NotResource"})


@rule("KG703", "canonical-case", Severity.SUGGESTION, Fix.SAFE)
def canonical_case(subject: Subject) -> Iterator[Hit]:
    """An action, a condition key or an operator has other capitals than AWS writes.

    ## Why it matters
    The service does not mind. A search, a comparison of two policies and the next reader do.

    ## Example
    ```json
    {"Sid": "App", "Effect": "Allow", "Principal": {"AWS": "210987654321"},
     "Action": "kms:decrypt", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Sid": "App", "Effect": "Allow", "Principal": {"AWS": "210987654321"},
     "Action": "kms:Decrypt", "Resource": "*"}
    ```

    ## Sources
    - IAM JSON policy elements: Action
    - IAM JSON policy elements: Condition
    """
    for node, canonical in _written(subject):
        if node.value != canonical:
            is_pair = canonical.lower().startswith(ENCRYPTION_CONTEXT)
            yield Hit(
                node.span,
                f"write '{short(canonical)}'",
                edits=(rewritten(subject.document.source, node, canonical),),
                fix=Fix.UNSAFE if is_pair else None,  # its exact name is looked for first (J-100)
            )


def _written(subject: Subject) -> Iterator[tuple[String, str]]:
    """Yield what has a canonical form, with that."""
    for entry in subject.actions:
        prefix, colon, name = entry.text.partition(":")
        action = ACTIONS.get(entry.text.lower())
        if action is not None:
            yield entry.node, str(action)
        elif prefix.lower() == "kms" and colon:
            yield entry.node, f"kms:{name}"
    for block in subject.blocks:
        if block.operator is not None:
            yield block.name, str(block.operator)
        for member in block.members:
            known = condition_key(member.name.value)
            if known is not None:
                rest = member.name.value[len(known.name) :] if known.name[-1] in "/:" else ""
                yield member.name, known.name + rest


@rule("KG704", "boolean-literal", Severity.SUGGESTION, Fix.SAFE)
def boolean_literal(subject: Subject) -> Iterator[Hit]:
    """A condition has a bare true, false or number where others of the document have strings.

    ## Why it matters
    Both are read alike. Two forms of one thing make equal policies look different.

    ## Example
    ```json
    {"Sid": "App", "Effect": "Allow", "Principal": {"AWS": "210987654321"},
     "Action": "kms:CreateGrant", "Resource": "*",
     "Condition": {"Bool": {"kms:GrantIsForAWSResource": true},
                   "Null": {"kms:ViaService": "false"}}}
    ```

    ## Use instead
    ```json
    {"Sid": "App", "Effect": "Allow", "Principal": {"AWS": "210987654321"},
     "Action": "kms:CreateGrant", "Resource": "*",
     "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"},
                   "Null": {"kms:ViaService": "false"}}}
    ```

    ## Sources
    - AWS KMS condition keys
    """
    values = [value for test in subject.tests if _is_literal(test) for value in test.values]
    if not any(isinstance(value, String) for value in values):
        return
    for value in values:
        if isinstance(value, Boolean | Number):
            text = f'"{value_text(value)}"'
            message = f"write {short(text)} for a consistent style"
            yield Hit(value.span, message, edits=(Edit(value.span, text),))


def _is_literal(test: Test) -> bool:
    return test.operator.base.family in (Family.BOOL, Family.NUMERIC, Family.NULL)


@rule("KG706", "element-order", Severity.SUGGESTION, Fix.SAFE, opt_in=True)
def element_order(subject: Subject) -> Iterator[Hit]:
    """The elements of a statement, or of the document, stand in an unusual order.

    Sid, Effect, Principal, Action, Resource, Condition; Version, Id, Statement. Off unless it is
    selected.

    ## Why it matters
    With one order everywhere, two statements can be compared line by line.

    ## Example
    ```json
    {"Sid": "App", "Action": "kms:Decrypt", "Effect": "Allow",
     "Principal": {"AWS": "210987654321"}, "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Sid": "App", "Effect": "Allow", "Principal": {"AWS": "210987654321"},
     "Action": "kms:Decrypt", "Resource": "*"}
    ```

    ## Sources
    - Creating a key policy
    """
    roots = (subject.root,) if subject.root else ()
    for node in (*roots, *subject.statements):
        order = DOCUMENT_ELEMENTS if node is subject.root else STATEMENT_ELEMENTS
        names = [member.name.value for member in node.members]
        if not set(names) <= set(order) or len(set(names)) < len(names):
            continue
        wanted = sorted(node.members, key=lambda member: order.index(member.name.value))
        at = next((i for i, m in enumerate(wanted) if m is not node.members[i]), None)
        if at is not None:
            places = [Span(m.name.span.start, m.value.span.end) for m in node.members]
            moved = [Span(m.name.span.start, m.value.span.end) for m in wanted]
            yield Hit(
                wanted[at].name.span,
                f"'{wanted[at].name.value}' should stand before '{names[at]}'",
                edits=_rearranged(subject, places, moved),
            )


@rule("KG707", "unsorted-list", Severity.SUGGESTION, Fix.SAFE, opt_in=True)
def unsorted_list(subject: Subject) -> Iterator[Hit]:
    """A list of actions, principals or resources is not sorted.

    Off unless it is selected.

    ## Why it matters
    In a sorted list one sees what is there twice, and a change is one line.

    ## Example
    ```json
    {"Sid": "App", "Effect": "Allow", "Principal": {"AWS": "210987654321"},
     "Action": ["kms:Encrypt", "kms:Decrypt"], "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Sid": "App", "Effect": "Allow", "Principal": {"AWS": "210987654321"},
     "Action": ["kms:Decrypt", "kms:Encrypt"], "Resource": "*"}
    ```

    ## Sources
    - Creating a key policy
    """
    for node in _lists(subject):
        items = [item for item in node.items if isinstance(item, String)]
        wanted = sorted(items, key=lambda item: (item.value.lower(), item.value))
        if wanted != items and len(items) == len(node.items):
            edits = _rearranged(subject, [i.span for i in items], [i.span for i in wanted])
            yield Hit(opening(node), "sort this list", edits=edits)


@rule("KG708", "single-element-list", Severity.SUGGESTION, Fix.SAFE, opt_in=True)
def single_element_list(subject: Subject) -> Iterator[Hit]:
    """A list has one entry, which could stand alone.

    Off unless it is selected.

    ## Why it matters
    A matter of taste; better one taste for all policies than two.

    ## Example
    ```json
    {"Sid": "App", "Effect": "Allow", "Principal": {"AWS": "210987654321"},
     "Action": ["kms:Decrypt"], "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Sid": "App", "Effect": "Allow", "Principal": {"AWS": "210987654321"},
     "Action": "kms:Decrypt", "Resource": "*"}
    ```

    ## Sources
    - Grammar of the IAM JSON policy language
    """
    blocks = [member.value for block in subject.blocks for member in block.members]
    for node in (*_lists(subject), *(value for value in blocks if isinstance(value, Array))):
        if len(node.items) == 1 and isinstance(node.items[0], String | Number | Boolean):
            text = _text(subject, node.items[0].span)
            message = "write the single value without a list"
            yield Hit(opening(node), message, edits=(Edit(node.span, text),))


def _lists(subject: Subject) -> Iterator[Array]:
    """Yield the lists of actions, principals and resources of a document in JSON."""
    for statement in subject.statements:
        for member in statement.members:
            inner: Sequence[Node] = ()
            if member.name.value in _ORDERED:
                inner = (member.value,)
            elif member.name.value in ("Principal", "NotPrincipal"):
                value = member.value
                inner = [m.value for m in value.members] if isinstance(value, Object) else ()
            for node in inner:
                if isinstance(node, Array) and _text(subject, opening(node)) == "[":
                    yield node


def _rearranged(subject: Subject, places: list[Span], moved: list[Span]) -> tuple[Edit, ...]:
    """Return the edits that put other parts of the text into some places of it."""
    pairs = zip(places, moved, strict=True)
    return tuple(Edit(place, _text(subject, new)) for place, new in pairs if place != new)


def _text(subject: Subject, span: Span) -> str:
    return subject.document.source.text[span.start : span.end]

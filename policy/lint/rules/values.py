"""Lists, objects and numbers that mean less than they seem to (AUTH B-2, B-10)."""

from __future__ import annotations

from collections.abc import Iterator

from policy.lint.fixes import member_removed, quoted
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Block, Subject, entries
from policy.operators import Operator, SetOperator
from policy.tree import Array, Boolean, Node, Number, Object, String
from policy.vocabulary import ACCOUNT_KEYS

PRINCIPALS = ("Principal", "NotPrincipal")
LISTS = ("Action", "NotAction", "Resource", "NotResource")
TYPES = {String: "strings", Number: "numbers", Boolean: "booleans"}


@rule("KG121", "mixed-value-types", Severity.WARNING, Fix.SAFE)
def mixed_value_types(subject: Subject) -> Iterator[Hit]:
    """The values of a condition key are partly quoted and partly not.

    ## Why it matters
    All of them are compared as text, so the mix works by luck. It shows that a value was typed
    differently from its neighbours, and an account ID without quotes may have lost its zeros.

    ## Example
    ```json
    {"Effect": "Deny", "Principal": "*", "Action": "kms:ScheduleKeyDeletion", "Resource": "*",
     "Condition": {"NumericEquals": {"kms:ScheduleKeyDeletionPendingWindowInDays": ["7", 30]}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Deny", "Principal": "*", "Action": "kms:ScheduleKeyDeletion", "Resource": "*",
     "Condition": {"NumericEquals": {"kms:ScheduleKeyDeletionPendingWindowInDays": ["7", "30"]}}}
    ```
    """
    for block in subject.blocks:
        for entry in block.members:
            found = {type(value) for value in entries(entry.value)}
            mixed = [name for kind, name in TYPES.items() if kind in found]
            if len(mixed) > 1:
                types = f"{', '.join(mixed[:-1])} and {mixed[-1]}"
                message = f"the values of '{entry.name.value}' mix {types}"
                source = subject.document.source
                unquoted = [v for v in entries(entry.value) if isinstance(v, Number | Boolean)]
                edits = tuple(quoted(source, value) for value in unquoted)
                yield Hit(entry.name.span, message, "put all of them in quotes", edits=edits)


@rule("KG122", "number-for-account-id", Severity.ERROR, Fix.SAFE | Fix.UNSAFE)
def number_for_account_id(subject: Subject) -> Iterator[Hit]:
    """An account ID stands without quotes.

    ## Why it matters
    Twelve digits are a name here. As a number they drop leading zeros, and YAML may even read
    them as octal; then no account, or another one, is meant.

    ## Example
    ```json
    {"StringEquals": {"aws:SourceAccount": 98765432109}}
    ```

    ## Use instead
    ```json
    {"StringEquals": {"aws:SourceAccount": "098765432109"}}
    ```
    """
    numbers = {
        entry.span: entry
        for statement in subject.statements
        for name in PRINCIPALS
        for entry in _aws(statement.get(name))
    }
    for hit in subject.reported("KG122"):
        entry = numbers.get(hit.span)
        yield _quote(entry) if isinstance(entry, Number) else hit
    for statement in subject.statements:
        for name in PRINCIPALS:
            for entry in _aws(statement.get(name)):
                if _is_unquoted(entry):
                    yield _quote(entry)
    for block in subject.blocks:
        for member in block.members:
            if member.name.value.lower() in ACCOUNT_KEYS:
                for value in entries(member.value):
                    if isinstance(value, Number) or _is_unquoted(value):
                        yield _quote(value)


def _aws(principal: Node | None) -> tuple[Node, ...]:
    return entries(principal.get("AWS") if isinstance(principal, Object) else None)


def _is_unquoted(node: Node) -> bool:
    """Tell whether a YAML reader could take the text for a number."""
    return isinstance(node, String) and node.plain and node.value.isdecimal()


def _quote(node: Node) -> Hit:
    text = node.text if isinstance(node, Number) else getattr(node, "value", "")
    if not text.isdecimal() or len(text) > 12:
        return Hit(node.span, f'quote the account ID "{text}"')
    digits = text.rjust(12, "0")  # YAML and JSON know no number with zeros before it
    fix = Fix.SAFE if digits == text else Fix.UNSAFE
    edits = (Edit(node.span, f'"{digits}"'),)
    return Hit(node.span, f'quote the account ID "{digits}"', edits=edits, fix=fix)


@rule("KG123", "empty-list", Severity.ERROR)
def empty_list(subject: Subject) -> Iterator[Hit]:
    """A list of actions, resources, principals or condition values has no entry.

    ## Why it matters
    The statement reads as if it applied to something. It never does, or, for the values of a
    negated operator, it applies as if the test were not there.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": []}, "Action": "kms:Verify", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam::111122223333:role/checker"]},
     "Action": "kms:Verify", "Resource": "*"}
    ```
    """
    for statement in subject.statements:
        for member in statement.members:
            name = member.name.value
            if name in LISTS and _is_empty(member.value):
                yield _empty(name, "match nothing", member.value)
            elif name in PRINCIPALS and isinstance(member.value, Object):
                for entry in member.value.members:
                    if _is_empty(entry.value):
                        key = entry.name.value
                        yield _empty(key, f"name no {key} principal", entry.value)
    for block in subject.blocks:
        for entry in block.members:
            if block.operator is not None and _is_empty(entry.value):
                yield _empty(entry.name.value, _consequence(block.operator), entry.value)


def _is_empty(node: Node) -> bool:
    return isinstance(node, Array) and not node.items


def _empty(element: str, consequence: str, node: Node) -> Hit:
    return Hit(node.span, f"the empty {element} list makes this statement {consequence}")


def _consequence(operator: Operator) -> str:
    """AUTH F-3 to F-7, F-11: what a comparison with no value at all comes to."""
    if operator.set_operator is SetOperator.ANY and not operator.if_exists:
        negated = "match whenever the key is present"
        return negated if operator.base.negated else "match nothing"
    if operator.base.negated:
        return "match as if this test were not there"
    if operator.if_exists or operator.set_operator is SetOperator.ALL:
        return "match only when the key is missing"
    return "match nothing"


@rule("KG124", "empty-object", Severity.WARNING, Fix.SAFE)
def empty_object(subject: Subject) -> Iterator[Hit]:
    """A Condition, an operator or a Principal is an object without members.

    ## Why it matters
    An empty condition is met by every request, so it looks like a limit and is none. An empty
    Principal is nobody.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "111122223333"},
     "Action": "kms:DescribeKey", "Resource": "*",
     "Condition": {"StringEquals": {}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "111122223333"},
     "Action": "kms:DescribeKey", "Resource": "*"}
    ```
    """
    for statement in subject.statements:
        for name in ("Condition", *PRINCIPALS):
            node = statement.get(name)
            if isinstance(node, Object) and not node.members:
                if name == "Condition":
                    edits = member_removed(statement, name)
                    yield Hit(node.span, f"empty {name}", "delete it", edits=edits)
                else:
                    yield Hit(node.span, f"empty {name}")
    for block in subject.blocks:
        if isinstance(block.node, Object) and not block.node.members:
            edits = _without(block)
            yield Hit(block.node.span, f"empty {block.name.value}", "delete it", edits=edits)


def _without(block: Block) -> tuple[Edit, ...]:
    condition = block.statement.get("Condition")
    if isinstance(condition, Object) and len(condition.members) > 1:
        return member_removed(condition, block.name.value)
    return member_removed(block.statement, "Condition")

"""Policy variables: `${aws:username}` and what only looks like one (AUTH H)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from policy.lint.fixes import member_added, rewritten
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Subject, Text, short
from policy.model import VERSION_2012
from policy.source import Span
from policy.tree import String
from policy.vocabulary import condition_key

_REFERENCE = re.compile(r"\$\{([^{}]*)(\}?)")
_CLOSED = re.compile(r"\$\{[^{}\s,]+\}")
_DEFAULT = re.compile(r"\s*'[^']*'\s*")
_ESCAPES = ("*", "?", "$")


@dataclass(frozen=True, slots=True)
class _Reference:
    """A `${...}` in a string; `fault` says what is wrong with its form."""

    text: str
    name: str
    fault: str | None
    where: Text
    span: Span

    @property
    def is_escape(self) -> bool:
        """Whether it stands for a sign that would have a meaning by itself (AUTH H-4)."""
        return self.name in _ESCAPES

    @property
    def is_foreign(self) -> bool:
        """Whether it is a variable of some template language: no prefix, or two colons."""
        return not self.is_escape and (":" not in self.name or "::" in self.name)


@rule("KG128", "malformed-variable", Severity.ERROR, Fix.SAFE)
def malformed_variable(subject: Subject) -> Iterator[Hit]:
    """Something begins like a policy variable and does not go on like one.

    ## Why it matters
    A reference is `${key}` or `${key, 'default'}`, closed, without blanks in the key. Anything
    else is refused or compared as text, and a text with `${` in it is never what a request has.

    ## Example
    ```json
    {"StringEquals": {"kms:EncryptionContext:team": "${aws:PrincipalTag/team, none}"}}
    ```

    ## Use instead
    ```json
    {"StringEquals": {"kms:EncryptionContext:team": "${aws:PrincipalTag/team, 'none'}"}}
    ```
    """
    if subject.is_without_variables:
        return
    for found in _references(subject):
        if found.fault:
            message = f"malformed policy variable {short(found.text)}: {found.fault}"
            node, closed = found.where.node, f"{found.text}}}"
            edits: tuple[Edit, ...] = ()
            if _CLOSED.fullmatch(closed) and node.value.endswith(found.text):
                edits = (rewritten(subject.document.source, node, f"{node.value}}}"),)
            yield Hit(found.span, message, edits=edits)


@rule("KG129", "variable-in-wrong-place", Severity.ERROR)
def variable_in_wrong_place(subject: Subject) -> Iterator[Hit]:
    """A policy variable stands where none is replaced.

    ## Why it matters
    Principals, actions, operators and the names of condition keys are taken as they are written.
    A statement that depends on a variable there applies to nobody.

    ## Example
    ```json
    {"Effect": "Allow",
     "Principal": {"AWS": "arn:aws:iam::111122223333:user/${aws:username}"},
     "Action": "kms:Decrypt",
     "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow",
     "Principal": {"AWS": "111122223333"},
     "Action": "kms:Decrypt",
     "Resource": "*",
     "Condition": {"StringEquals": {"kms:EncryptionContext:owner": "${aws:username}"}}}
    ```
    """
    for found in _references(subject):
        where = found.where
        if not (found.fault or found.is_foreign or where.takes_variables):
            yield Hit(
                found.span,
                "policy variables work only in Resource and in condition values, "
                f"not in {where.element}",
            )


@rule("KG130", "variable-needs-version", Severity.ERROR, Fix.UNSAFE)
def variable_needs_version(subject: Subject) -> Iterator[Hit]:
    """A document in the language of 2008 has a policy variable.

    ## Why it matters
    That language has none, and neither has a document without Version. The characters are
    compared as they stand: a condition never holds, and a negated one always does.

    ## Example
    ```json
    {"Version": "2008-10-17",
     "Statement": {"Effect": "Allow", "Principal": {"AWS": "111122223333"},
                   "Action": "kms:Decrypt", "Resource": "*",
                   "Condition": {"StringEquals": {"kms:EncryptionContext:id": "${aws:userid}"}}}}
    ```

    ## Use instead
    ```json
    {"Version": "2012-10-17",
     "Statement": {"Effect": "Allow", "Principal": {"AWS": "111122223333"},
                   "Action": "kms:Decrypt", "Resource": "*",
                   "Condition": {"StringEquals": {"kms:EncryptionContext:id": "${aws:userid}"}}}}
    ```
    """
    if not subject.is_without_variables:
        return
    for found in _references(subject):
        if found.where.takes_variables and not (found.fault or found.is_foreign):
            message = f"'{short(found.text)}' is plain text unless Version is {VERSION_2012}"
            yield Hit(found.span, message, edits=_with_variables(subject))


@rule("KG131", "variable-with-operator", Severity.ERROR)
def variable_with_operator(subject: Subject) -> Iterator[Hit]:
    """A policy variable is compared as a number, a date, an address, bytes or a truth value.

    ## Why it matters
    Variables are replaced for String and Arn operators only. The others try to read the dollar
    sign as their type and give up.

    ## Example
    ```json
    {"DateLessThan": {"aws:CurrentTime": "${aws:PrincipalTag/until}"}}
    ```

    ## Use instead
    ```json
    {"DateLessThan": {"aws:CurrentTime": "2027-01-01T00:00:00Z"}}
    ```
    """
    for found in _references(subject):
        operator = found.where.operator
        if operator and not (operator.base.variables or found.fault or found.is_foreign):
            yield Hit(found.span, f"policy variables cannot be used with {operator}")


@rule("KG132", "unknown-variable", Severity.WARNING)
def unknown_variable(subject: Subject) -> Iterator[Hit]:
    """A `${...}` is no policy variable, or one that can have no value.

    ## Why it matters
    Most of the time it belongs to CloudFormation, Terraform or a shell, and shows that the file
    was not rendered. A misspelt key has no value in any request, and a key with several values
    has none that could be put in its place; what depends on either matches nothing.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::${AWS::AccountId}:root"},
     "Action": "kms:*", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
     "Action": "kms:*", "Resource": "*"}
    ```
    """
    for found in _references(subject):
        if found.fault or found.is_escape:
            continue
        consequence = _consequence(found, subject)
        if consequence:
            yield Hit(
                found.span, f"'{short(found.text)}' is not a policy variable; it {consequence}"
            )


def _consequence(found: _Reference, subject: Subject) -> str | None:
    if found.is_foreign:
        return "belongs to a template that was not rendered"
    operator = found.where.operator
    is_replaced = found.where.takes_variables and not subject.is_without_variables
    if not is_replaced or (operator and not operator.base.variables):
        return None
    prefix = found.name.partition(":")[0]
    if "." in prefix or prefix == "saml":
        return None  # a key of an identity provider; there is no list of them
    key = condition_key(found.name)
    if key is None:
        return "has no value in any request, so nothing can match"
    return "may have several values and is replaced by none" if key.multivalued else None


def _with_variables(subject: Subject) -> tuple[Edit, ...]:
    """Return the edit that gives the policy the version in which variables are replaced."""
    source, root = subject.document.source, subject.root
    version = root.get("Version") if root else None
    if isinstance(version, String):
        return (rewritten(source, version, VERSION_2012),)
    return member_added(source, root, f'"Version": "{VERSION_2012}"') if root else ()


def _references(subject: Subject) -> Iterator[_Reference]:
    for text in subject.texts:
        if "${" not in text.node.value:
            continue
        for found in _REFERENCE.finditer(text.node.value):
            name, comma, default = found[1].partition(",")
            key = name.rstrip() if comma else name
            fault = None
            if not found[2]:
                fault = "the closing brace is missing"
            elif not key.strip():
                fault = "it is empty"
            elif any(sign.isspace() for sign in key):
                fault = "there is white space in its name"
            elif comma and not _DEFAULT.fullmatch(default):
                fault = "the default is not in single quotes"
            span = subject.within(text.node, *found.span())
            yield _Reference(found[0], key, fault, text, span)

"""What AWS Organizations does not accept in its policies (AUTH L-13)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Subject, entries, opening
from policy.model import Effect, PolicyKind
from policy.tree import Member, Node, Object, String

RCP_SERVICES = frozenset(
    {
        "aoss", "cognito-identity", "cognito-idp", "dynamodb", "ecr", "kms", "logs", "s3",
        "secretsmanager", "sqs", "sts",
    }
)  # fmt: skip
"""The services whose resources RCPs cover, by the prefix of their actions."""


@rule("KG136", "rcp-syntax", Severity.ERROR, Fix.SAFE, kinds=(PolicyKind.RCP,))
def rcp_syntax(subject: Subject) -> Iterator[Hit]:
    """An RCP uses a part of the policy language that RCPs do not have.

    ## Why it matters
    An RCP can only deny, always everybody, and only actions of the services it covers; exceptions
    go into the condition. Organizations refuses anything else. Even a good RCP does not reach
    `kms:RetireGrant` and AWS managed keys.

    ## Example
    ```json
    {"Effect": "Deny", "Principal": "*", "NotAction": "kms:DescribeKey", "Resource": "*",
     "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-k3v9x2m7q1"}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*",
     "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-k3v9x2m7q1"}}}
    ```
    """
    if _is_aws_managed(subject):
        return
    for statement in subject.statements:
        for member in statement.members:
            name, value = member.name.value, member.value
            if name in ("NotPrincipal", "NotAction"):
                yield _rcp(name, member.name)
            elif name == "Effect" and isinstance(value, String) and value.value == Effect.ALLOW:
                yield _rcp("Effect Allow", value)
            elif name == "Principal" and not _is_star(value):
                hit = _rcp('a Principal other than "*"', value, 'write "Principal": "*"')
                means_all = isinstance(value, Object) and all(
                    m.name.value == "AWS" and all(map(_is_star, entries(m.value)))
                    for m in value.members
                )
                yield replace(hit, edits=(Edit(value.span, '"*"'),) if means_all else ())
            elif name == "Action":
                for action in entries(value):
                    yield from _rcp_action(action)


def _rcp_action(action: Node) -> Iterator[Hit]:
    if not isinstance(action, String):
        return
    service, colon, _ = action.value.lower().partition(":")
    if action.value == "*":
        yield _rcp('Action "*"', action, 'name a service: "kms:*"')
    elif colon and "*" not in service and "?" not in service and service not in RCP_SERVICES:
        yield _rcp(f"actions of the service '{service}'", action)


def _rcp(construct: str, node: Node, help: str | None = None) -> Hit:
    return Hit(opening(node), f"resource control policies do not support {construct}", help)


def _is_aws_managed(subject: Subject) -> bool:
    """Tell whether this is the policy that AWS itself attaches everywhere: it allows all."""
    wanted = {"Effect": Effect.ALLOW, "Principal": "*", "Action": "*", "Resource": "*"}
    if len(subject.statements) != 1:
        return False
    (statement,) = subject.statements
    found = {
        member.name.value: member.value.value
        for member in statement.members
        if isinstance(member.value, String) and member.name.value != "Sid"
    }
    return found == wanted and statement.get("Condition") is None


@rule("KG137", "scp-classic-syntax", Severity.ERROR, kinds=(PolicyKind.SCP,))
def scp_classic_syntax(subject: Subject) -> Iterator[Hit]:
    """An SCP needs the full policy language, where only the classic one is accepted.

    Checked only when the option `scp-language` is `classic`.

    ## Why it matters
    Until 2025 an Allow in an SCP could not be narrowed, resources could not be excluded, and
    wildcards had to end an action. Some partitions and tools still hold to that.

    ## Example
    ```json
    {"Effect": "Deny", "Action": "kms:*KeyRotation", "Resource": "*"}
    ```

    ## Use instead
    ```json
    {"Effect": "Deny", "Action": ["kms:EnableKeyRotation", "kms:DisableKeyRotation"],
     "Resource": "*"}
    ```
    """
    if subject.options.scp_language != "classic":
        return
    for statement in subject.statements:
        effect = statement.get("Effect")
        allows = isinstance(effect, String) and effect.value == Effect.ALLOW
        for member in statement.members:
            yield from _classic(member, allows=allows)


def _classic(member: Member, *, allows: bool) -> Iterator[Hit]:
    name = member.name.value
    if name == "NotResource":
        yield _scp(name, member.name)
    elif allows and name in ("Condition", "NotAction"):
        yield _scp(f"{name} with Effect Allow", member.name)
    elif allows and name == "Resource":
        for resource in entries(member.value):
            if not _is_star(resource):
                yield _scp('a Resource other than "*" with Effect Allow', resource)
    if name in ("Action", "NotAction"):
        for action in entries(member.value):
            if isinstance(action, String) and _has_inner_wildcard(action.value):
                yield _scp("a wildcard before the end of an action", action)


def _has_inner_wildcard(action: str) -> bool:
    return not {"*", "?"}.isdisjoint(action.rstrip("*?"))


def _scp(construct: str, node: Node) -> Hit:
    return Hit(opening(node), f"classic SCPs do not support {construct}")


def _is_star(node: Node) -> bool:
    return isinstance(node, String) and node.value == "*"

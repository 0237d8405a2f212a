"""Hypothesis strategies: texts that are nearly JSON, conditions, and worlds that ask one question.

The pools of names are small, so that callers, statements and facts often agree and every outcome
occurs.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from hypothesis import strategies as st

from policy import Decision, Grant, Level, Policy, PolicyKind, Principal, decide
from policy.request import Values
from tests.cast import (
    A_ROOT,
    ALICE,
    APP_ROLE,
    APP_ROLE_B,
    APP_SESSION,
    B_ROOT,
    BOB,
    FED,
    K_B,
    A,
    Json,
    K,
    alice,
    allow,
    anonymous,
    app,
    app_2,
    app_b,
    bob_b,
    documents_of,
    endpoint,
    fed,
    grant,
    identity,
    key_policy,
    logs,
    policy_of,
    request,
    root_a,
    root_b,
)

# Texts

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=15,
)
"""What JSON can hold."""

_FRAGMENTS = [
    "{", "}", "[", "]", ",", ":", '"', "'", "“", "”", "\\", "\n", "\r\n", "\t", " ", "/*", "*/",
    "//", "#", "$", "${", "-", "+", ".", "=", ";", "0", "1e5", "0x1", "true", "True", "null",
    "None", "NaN", "word", '"a"', '"b": ', '"a, ', "\\u00", "\\ud83d", "\ud83d", "\ufeff", "\x00",
    "é東🔑", '"Statement"', '"Effect": "Allow"', '"Action": "kms:*"', '"Condition": {"Bool": ',
]  # fmt: skip
NEARLY_JSON = st.lists(st.sampled_from(_FRAGMENTS) | st.text(max_size=3), max_size=25).map("".join)
"""Texts of the pieces that documents are made of, and of anything else."""


def damaged(text: str) -> st.SearchStrategy[str]:
    """Return the text with a few pieces dropped, doubled or put in."""
    edits = st.tuples(
        st.integers(0, len(text)), st.integers(0, 3), st.sampled_from(["", *_FRAGMENTS])
    )

    def edit(edits: list[tuple[int, int, str]]) -> str:
        changed = text
        for at, length, piece in edits:
            changed = changed[:at] + piece + changed[at + length :]
        return changed

    return st.lists(edits, min_size=1, max_size=3).map(edit)


# Conditions

CONTEXT_VALUES: dict[str, st.SearchStrategy[Values]] = {
    "kms:ViaService": st.sampled_from(["s3", "ebs", ""]),
    "kms:EncryptionContext:Dept": st.sampled_from(["IT", "HR", "it"]),
    "kms:MultiRegion": st.sampled_from(["true", "false"]),
    "kms:ScheduleKeyDeletionPendingWindowInDays": st.sampled_from(["7", "30", "soon"]),
    "aws:SourceIp": st.sampled_from(["203.0.113.7", "2001:db8::7", "vpc"]),
    "aws:SourceArn": st.sampled_from(["arn:aws:s3:::bucket", "arn:aws:s3:::other", "bucket"]),
    "aws:TagKeys": st.lists(st.sampled_from("abc"), max_size=3, unique=True).map(tuple),
    "kms:EncryptionContextKeys": st.sampled_from([("Dept",), ("Dept", "App"), ()]),
}
CONTEXTS = st.fixed_dictionaries({}, optional=CONTEXT_VALUES)
"""Facts of a request; each of them may be absent."""

CONDITION_VALUES = st.sampled_from(
    ["s3", "ebs", "s*", "?t", "IT", "HR", "true", "false", "7", "30", "30.0", "soon", "a", "b",
     "203.0.113.0/24", "2001:db8::/32", "arn:aws:s3:::*", "arn:*:*:*:*:bucket", "Dept", "",
     "${aws:username}", "${aws:none}", "${aws:none, 's3'}"]
)  # fmt: skip
POSITIVE = (
    "StringEquals", "StringEqualsIgnoreCase", "StringLike", "NumericEquals", "NumericLessThan",
    "NumericGreaterThanEquals", "Bool", "IpAddress", "ArnLike", "BinaryEquals",
)  # fmt: skip
NEGATED = (
    "StringNotEquals", "StringNotEqualsIgnoreCase", "StringNotLike", "NumericNotEquals",
    "NotIpAddress", "ArnNotLike", "DateNotEquals",
)  # fmt: skip
PREFIXES = st.sampled_from(["", "", "ForAllValues:", "ForAnyValue:"])


def operators(bases: Sequence[str]) -> st.SearchStrategy[str]:
    """Return names made of a prefix, one of the bases and a suffix."""
    return st.builds(
        "{}{}{}".format, PREFIXES, st.sampled_from(bases), st.sampled_from(["", "", "IfExists"])
    )


CONDITION_BLOCKS = st.dictionaries(
    operators(POSITIVE + NEGATED) | st.just("Null"),
    st.dictionaries(
        st.sampled_from(list(CONTEXT_VALUES)),
        CONDITION_VALUES | st.lists(CONDITION_VALUES, max_size=3),
        min_size=1,
        max_size=2,
    ),
    max_size=2,
)

# Statements

CALLERS: tuple[tuple[Principal, tuple[str, ...]], ...] = (
    (alice, (ALICE, A_ROOT)),
    (app, (APP_SESSION, APP_ROLE, A)),
    (app_2, (APP_ROLE, A_ROOT)),
    (fed, (FED, ALICE, A_ROOT)),
    (root_a, (A_ROOT, A)),
    (bob_b, (BOB, B_ROOT)),
    (app_b, (str(app_b), APP_ROLE_B, B_ROOT)),
    (root_b, (B_ROOT,)),
    (logs, ("*", str(logs))),
    (anonymous, ("*",)),
)
"""Who may ask, and the entries that name them."""

_OTHERS = ("*", A_ROOT, ALICE, B_ROOT)
_ACTIONS = st.sampled_from(
    [*["kms:*"] * 5, "kms:Decrypt", "kms:De*", "*", "kms:D?crypt", "kms:Sign", "s3:*"]
)
_RESOURCES = st.sampled_from(
    [*["*"] * 6, K, "arn:aws:kms:*:*:key/*", K_B, "arn:aws:kms:*:*:key/${aws:username}"]
)


def _some(entries: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return entries | st.lists(entries, min_size=1, max_size=2)


@functools.cache
def _who(likely: tuple[str, ...]) -> st.SearchStrategy[Any]:
    return _some(st.sampled_from(likely * 3 + _OTHERS))


_UNUSUAL = [
    *["usual"] * 12, *["Condition"] * 3, *["Deny"] * 4, "no Sid", "nothing",
    "NotPrincipal", "NotAction", "NotResource",
]  # fmt: skip
_SOME_ACTIONS, _SOME_RESOURCES = _some(_ACTIONS), _some(_RESOURCES)


@functools.cache
@st.composite
def statements(
    draw: st.DrawFn, *, named: bool, effect: str | None = None, likely: tuple[str, ...] = ()
) -> Json:
    """Return a statement; `named` tells whether it has a principal, `likely` which ones."""
    # One draw for all that is rarely other than usual.
    unusual = draw(st.sampled_from(_UNUSUAL))
    statement: Json = {} if unusual == "no Sid" else {"Sid": "One"}
    statement["Effect"] = effect or ("Deny" if unusual == "Deny" else "Allow")
    if named:
        who = draw(_who(likely))
        kind = "Service" if who == str(logs) else "AWS"
        statement["NotPrincipal" if unusual == "NotPrincipal" else "Principal"] = {kind: who}
    statement["NotAction" if unusual == "NotAction" else "Action"] = draw(_SOME_ACTIONS)
    statement["NotResource" if unusual == "NotResource" else "Resource"] = draw(_SOME_RESOURCES)
    if unusual == "nothing":
        statement["Action"] = []
    if unusual == "Condition":
        statement["Condition"] = draw(CONDITION_BLOCKS)
    return statement


# Worlds

Statements: TypeAlias = tuple[Json, ...]
NAMED = ("key_policy", "rcps", "endpoint")
LAYERS = ("key_policy", "identity", "boundary", "session", "scps", "rcps", "endpoint")
LEVELS = ("scps", "rcps")
SEVERAL = ("identity", "session")


@dataclass(frozen=True)
class World:
    """A question and the documents that may speak about it, each as a list of statements.

    A layer that is absent does not apply. Those with several documents or levels have a list of
    lists, the others a list of one list.
    """

    caller: Principal
    action: str
    context: Mapping[str, Values]
    documents: Mapping[str, tuple[Statements, ...]]
    grants: tuple[Grant, ...]

    def decision(self) -> Decision:
        """Return what the documents say."""
        asked = request(self.caller, self.action, context=self.context)
        return decide(asked, documents_of(grants=self.grants, **self._policies()))

    def _policies(self) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for layer, documents in self.documents.items():
            policies = [self._policy(layer, statements) for statements in documents]
            if layer in LEVELS:
                made[layer] = tuple(Level(str(i), (p,)) for i, p in enumerate(policies))
            elif layer in SEVERAL:
                made[layer] = tuple(policies)
            else:
                (made[layer],) = policies
        return made

    def _policy(self, layer: str, statements: Statements) -> Policy:
        if layer == "key_policy":
            return key_policy(*statements)
        if layer == "endpoint":
            return endpoint(*statements)
        if layer in LEVELS:
            return policy_of(PolicyKind.SCP if layer == "scps" else PolicyKind.RCP, *statements)
        return identity(*statements)

    def without(self, layer: str) -> World:
        """Return the world in which a layer does not apply."""
        rest = {name: value for name, value in self.documents.items() if name != layer}
        return replace(self, documents=rest)

    def adding(self, layer: str, statement: Json) -> World:
        """Return the world with one more statement in each document of a layer."""
        documents = {
            name: tuple((*document, statement) for document in value) if name == layer else value
            for name, value in self.documents.items()
        }
        return replace(self, documents=documents)


@functools.cache
def _grants(likely: tuple[str, ...]) -> st.SearchStrategy[list[Grant]]:
    made = st.builds(
        grant,
        st.sampled_from((*likely, ALICE)),
        st.sampled_from(["Decrypt", "Decrypt", "Sign"]),
        subset=st.sampled_from([None, None, {"Dept": "IT"}]),
    )
    return st.just([]) | st.lists(made, min_size=1, max_size=2)


@functools.cache
def _loud(layer: str, likely: tuple[str, ...]) -> st.SearchStrategy[tuple[Statements, ...]]:
    """Return documents of a layer that say this and that."""
    drawn = st.lists(statements(named=layer in NAMED, likely=likely), min_size=1, max_size=2)
    document = drawn.map(tuple) | drawn.map(lambda rest: (_everything(layer), *rest))
    several = layer in LEVELS or layer in SEVERAL
    return st.lists(document, min_size=1, max_size=2 if several else 1).map(tuple)


@functools.cache
def _quiet(layer: str, likely: tuple[str, ...]) -> st.SearchStrategy[tuple[Statements, ...]]:
    """Return documents of a layer that stand in nobody's way."""
    if layer != "key_policy":
        return st.just(((_everything(layer),),))
    offers = [allow(who={"Service" if name == str(logs) else "AWS": name}) for name in likely]
    return st.sampled_from([((offer,),) for offer in offers])


def _everything(layer: str) -> Json:
    return allow("*", "*" if layer in NAMED else None)


_SOME_CONTEXTS: st.SearchStrategy[Mapping[str, Values]] = st.just({}) | CONTEXTS


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Return a question about one key, and documents of which each may be missing.

    Only a few layers say more than yes, or hardly any request would get past them all.
    """
    caller, likely = draw(st.sampled_from(CALLERS))
    loud = draw(st.sets(st.sampled_from(LAYERS), max_size=3))
    quiet = {"key_policy", *draw(st.sets(st.sampled_from(LAYERS), max_size=4))}
    documents = {
        layer: draw(_loud(layer, likely) if layer in loud else _quiet(layer, likely))
        for layer in LAYERS
        if layer in loud | quiet
    }
    action = draw(st.sampled_from(["kms:Decrypt"] * 6 + ["kms:DisableKey"]))
    context = draw(_SOME_CONTEXTS)
    return World(caller, action, context, documents, tuple(draw(_grants(likely))))

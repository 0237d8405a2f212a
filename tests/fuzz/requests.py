"""Decision requests with odd values in odd places: an answer or one clear error, never more."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from kmsgate.decision.request import RequestError, answer, parse_request
from policy import PolicyKind
from tests import cast
from tests.property.test_differential import agree
from tests.worlds import pool

ODD: tuple[Any, ...] = (
    None, True, 0, -1, 1e308, "", " ", "*", "?", "\0", "é😀", "\ud800", "a" * 300, [], {}, [[]],
    [None], [""], {"": ""}, {"a": None}, "arn:", "arn:aws:kms:::", "arn:aws:kms:us-east-1:1:key/",
    "arn:aws:iam::111122223333:root", "111122223333", "${aws:username}", "2026-13-01",
    "2026-01-01", "kms:*", "kms:Decrypt", "KMS:DECRYPT", "s3:GetObject", ["kms:Decrypt", 1],
    "true", "10.0.0.0/33",
)  # fmt: skip


def request(seed: int) -> Any:
    """Return a decision request of which some values were replaced."""
    dice = random.Random(seed)  # noqa: S311 - requests, not secrets
    made = _good(dice)
    for _ in range(dice.choice((0, 0, 1, 1, 3))):
        _bend(made, dice)
    return made


def _good(dice: random.Random) -> dict[str, Any]:
    def document(kind: PolicyKind) -> Any:
        return json.loads(dice.choice(pool(kind, "noise")).source.text)

    action = dice.choice(("Decrypt", "CreateGrant", "ListKeys", "RetireGrant"))
    return {
        "id": "a",
        "principal": dice.choice(
            ({"arn": cast.ALICE}, {"arn": cast.APP_SESSION, "role_arn": cast.APP_ROLE},
             {"service": str(cast.logs)}, {"anonymous": True}, {"arn": cast.A_ROOT})
        ),
        "action": f"kms:{action}",
        "resource": {"arn": "*" if action == "ListKeys" else cast.K, "account": cast.A},
        "context": {"kms:EncryptionContext:a": "b", "kms:EncryptionContextKeys": ["a"]},
        "policies": {
            "identity": [document(PolicyKind.IDENTITY_POLICY)],
            "permissions_boundary": document(PolicyKind.IDENTITY_POLICY),
            "session": [document(PolicyKind.IDENTITY_POLICY)],
            "resource": document(PolicyKind.KEY_POLICY),
            "scps": [{"target": "r", "policies": [document(PolicyKind.SCP)]}],
            "rcps": [{"target": "r", "policies": []}],
            "vpc_endpoint": document(PolicyKind.ENDPOINT_POLICY),
        },
        "grants": [
            {"GrantId": "g", "GranteePrincipal": cast.ALICE, "Operations": ["Decrypt"],
             "Constraints": {"EncryptionContextSubset": {"a": "b"}}, "GrantTokens": ["t"],
             "CreationDate": "2026-01-01T00:00:00Z"}
        ],
        "grant_tokens": ["t"],
        "grant_consistency_seconds": 300,
        "at": "2026-01-01T00:00:10Z",
    }  # fmt: skip


def _bend(made: Any, dice: random.Random) -> None:
    """Replace, remove or add one value somewhere inside."""
    at: Any = made
    while True:
        keys: list[Any] = list(at) if isinstance(at, dict) else list(range(len(at)))
        if not keys:
            return
        key = dice.choice(keys)
        inner = at[key]
        if not isinstance(inner, dict | list) or not inner or dice.random() < 0.3:
            break
        at = inner
    what = dice.randrange(4)
    if what == 0 and isinstance(at, dict):
        del at[key]
    elif what == 1 and isinstance(at, dict):
        at[dice.choice(("extra", "", "Statement", str(key).upper()))] = deepcopy(dice.choice(ODD))
    else:
        at[key] = deepcopy(dice.choice(ODD))


class Requests:
    """Counts answers and errors."""

    name = "requests"

    def __init__(self) -> None:
        self._ends: Counter[str] = Counter()

    def attempt(self, seed: int) -> str | None:
        """Return what is wrong with the answer to a seed's request, or None."""
        made = request(seed)
        data = json.dumps(made).encode()
        try:
            question = parse_request(data)
        except RequestError as error:
            self._ends["error"] += 1
            return None if error.problem else f"{made!r} is refused without a word"
        self._ends["answer"] += 1
        answer(question)
        same, expected, actual = agree(question.request, question.documents, whole=True)
        return None if same else f"{made!r}: {expected} is not {actual}, or not their traces"

    def told(self) -> Iterator[str]:
        """Yield how many requests were answered."""
        total = self._ends.total() or 1
        yield from (f"{100 * n / total:6.2f} %  {end}" for end, n in self._ends.most_common())

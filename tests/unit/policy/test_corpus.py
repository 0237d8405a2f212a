"""Policies that others published, read from a folder outside the repository.

KMSGATE_CORPUS names a folder with `index.json` and the documents that it describes. What we found
in them by reading is written down here; the documents themselves are not.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from policy import PolicyKind, Source, parse, read

FOLDER = os.environ.get("KMSGATE_CORPUS")
ROOT = Path(FOLDER or ".")
INDEX: dict[str, Any] = json.loads((ROOT / "index.json").read_text("utf-8")) if FOLDER else {}
ENTRIES: list[dict[str, Any]] = [
    entry for part in ("docs", "collected") for entry in INDEX.get(part, [])
]
KINDS = {
    "key-policy": PolicyKind.KEY_POLICY,
    "identity-policy": PolicyKind.IDENTITY_POLICY,
    "scp": PolicyKind.SCP,
    "rcp": PolicyKind.RCP,
    "vpce-policy": PolicyKind.ENDPOINT_POLICY,
}

# Documents and statements that are JSON, yet no policies: the problems, in the order of the text.
REFUSED = {
    # The page prints a key policy statement without its principal.
    "docs/conditions-kms-02.json": [("KG117", 2, 1)],
    # A template in which objects stand for values that are looked up when it is deployed.
    "collected/landing-zone-accelerator-on-aws--applicationebs.json": [
        ("KG120", 22, 32),
        ("KG120", 23, 29),
        ("KG120", 31, 16),
    ],
}

# Texts that are not JSON: what is wrong with each, besides its being only a part of a document.
MALFORMED = {
    "docs/access-analyzer-resources-02.json": [("KG102", 13, 2)],
    "docs/conditions-kms-44.json": [("KG103", 6, 31)],
    "docs/conditions-nitro-enclaves-03.json": [("KG104", 1, 1)],
    "docs/create-grant-overview-04.json": [
        ("KG101", 10, 17), ("KG103", 11, 14), ("KG102", 20, 14),
    ],
    "docs/create-grant-overview-05.json": [
        ("KG103", 8, 30), ("KG103", 10, 14), ("KG102", 19, 14),
    ],
    "docs/kms-vpc-endpoint-05.json": [("KG102", 42, 28)],
    "docs/multi-region-keys-auth-01.json": [("KG101", 9, 3)],
    "docs/multi-region-keys-auth-03.json": [("KG101", 8, 36)],
    "docs/multi-region-keys-auth-06.json": [("KG101", 6, 3)],
    "docs/multi-region-keys-auth-07.json": [("KG101", 6, 30)],
    "docs/multi-region-keys-auth-08.json": [("KG101", 9, 3), ("KG101", 11, 45)],
    "collected/landing-zone-accelerator-on-aws--data-perimeter.json": [
        ("KG104", 12, 34), ("KG104", 13, 29), ("KG104", 14, 30),
    ],
    "collected/modernisation-platform-environments--ecs-secrets-access.json": [("KG104", 16, 23)],
}  # fmt: skip

pytestmark = pytest.mark.skipif(
    FOLDER is None, reason="KMSGATE_CORPUS does not name a folder with published policies"
)


def whole() -> list[tuple[str, PolicyKind, str]]:
    """Return the documents, and the statements wrapped into documents of their own."""
    found = []
    for entry in ENTRIES:
        text = (ROOT / entry["file"]).read_text("utf-8")
        kind = KINDS.get(entry.get("fragment_of", entry["kind"]))
        form = entry.get("form", "document")
        is_json = entry.get("strict_json") or form == "statement-list"
        if kind is None or not is_json or entry["file"] in MALFORMED:
            continue
        if form == "document":
            found.append((entry["file"], kind, text))
        elif form in ("statement", "statement-list"):
            found.append((entry["file"], kind, f'{{"Statement": [\n{text}\n]}}'))
    return found


def problems(name: str, text: str, kind: PolicyKind | None) -> list[tuple[str, int, int]]:
    source = Source(name, text)
    return [
        (problem.code, position.line, position.column)
        for problem in read(source, kind).problems
        for position in [source.position(problem.span.start)]
    ]


@pytest.mark.parametrize(("name", "kind", "text"), [
    pytest.param(*document, id=document[0]) for document in whole()
])  # fmt: skip
def test_a_published_policy_is_read(name: str, kind: PolicyKind, text: str) -> None:
    assert problems(name, text, kind) == REFUSED.get(name, [])
    if name not in REFUSED:
        statements = json.loads(text)["Statement"]
        count = len(statements) if isinstance(statements, list) else 1
        assert len(parse(text, kind=kind).statements) == count


@pytest.mark.parametrize("name", MALFORMED)
def test_a_published_mistake_is_found_where_it_is(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")

    found = problems(name, text, None)

    partial = ("KG107", "KG108", "KG112")  # a statement or a grant list by itself
    assert [problem for problem in found if problem[0] not in partial] == MALFORMED[name]


def test_every_published_mistake_is_known() -> None:
    assert {entry["file"] for entry in ENTRIES if entry.get("malformed")} <= MALFORMED.keys()


def test_most_of_the_corpus_is_read() -> None:
    assert len(whole()) > 150

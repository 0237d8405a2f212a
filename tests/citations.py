"""Which numbered rules the code names, and where: `AUTH J-52`, `AUTH J-62 to J-67`, `# L-10, A-4`.

Rules are named in comments and docstrings, and in texts that are a number and nothing else, which
is how explanations tell them. AUTH and CORE are two documents that both have a chapter K; the word
in front counts for all numbers that follow it. A number of K without a word is one of AUTH in the
package `policy`, and one of CORE in `kms` and `kmsgate`. CORE has no other chapter.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.cases import NUMBERS, numbers

AUTH, CORE = "AUTH", "CORE"
ROOT = Path(__file__).resolve().parent.parent
USUAL: Mapping[str, str] = {"policy": AUTH, "kms": CORE, "kmsgate": CORE}
"""The packages, and the document whose chapter K they name by a bare number."""

_RULE = r"([A-Z])-([0-9]{1,3})(?:\.[0-9]+)?"
_TO = r"\s+(?:#\s+)?to\s+(?:#\s+)?"
_NAMED = re.compile(rf"(?<![\w-])(?:(AUTH|CORE)\b|{_RULE}(?:{_TO}{_RULE})?(?![\w-]))")
_SILENT = (
    tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING, tokenize.COMMENT,
)  # fmt: skip


@dataclass(frozen=True, order=True)
class Citation:
    """One place that names a rule; a range names each rule in it."""

    document: str
    rule: str
    file: str
    line: int


@dataclass(frozen=True)
class _Remark:
    """A comment or docstring, with the number of its first line."""

    text: str
    line: int


def citations() -> Iterator[Citation]:
    """Yield every citation of the three packages, file by file."""
    for package, usual in USUAL.items():
        for path in sorted((ROOT / package).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            yield from citations_in(path.read_text(encoding="utf-8"), name, usual)


def citations_in(source: str, file: str, usual: str) -> Iterator[Citation]:
    """Yield the citations of a module; `usual` is the document of a K without a word."""
    for remark in _remarks(source):
        said = usual
        for found in _NAMED.finditer(remark.text):
            word, chapter, first, last_chapter, last = found.groups()
            if word is not None:
                said = word
                continue
            document = said if chapter == "K" else AUTH
            line = remark.line + remark.text.count("\n", 0, found.start())
            for rule in _expanded(document, f"{chapter}-{first}", last_chapter, last):
                yield Citation(document, rule, file, line)


def _expanded(document: str, first: str, chapter: str | None, last: str | None) -> Sequence[str]:
    """Return the rules of a range; one whose ends are not both there is its two ends."""
    if chapter is None:
        return (first,)
    ends = (first, f"{chapter}-{last}")
    known = list(numbers(chapter)) if document == AUTH and chapter in NUMBERS else []
    if not set(ends) <= set(known):
        return ends
    return known[known.index(ends[0]) : known.index(ends[1]) + 1]


def _remarks(source: str) -> Iterator[_Remark]:
    """Yield docstrings, texts that are a number, and comments; lines of one comment together."""
    block: list[str] = []
    began = 0
    before = tokenize.NEWLINE
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        line = token.start[0]
        if token.type == tokenize.COMMENT:
            stands_alone = not token.line[: token.start[1]].strip()
            if not (block and stands_alone and line == began + len(block)):
                yield from _joined(block, began)
                block, began = [], line
            block.append(token.string)
            if not stands_alone:
                yield from _joined(block, began)
                block = []
        elif _is_docstring(token, before) or _is_number(token):
            yield _Remark(token.string, line)
        if token.type not in _SILENT:
            before = token.type
    yield from _joined(block, began)


def _joined(block: Sequence[str], began: int) -> Iterator[_Remark]:
    if block:
        yield _Remark("\n".join(block), began)


def _is_docstring(token: tokenize.TokenInfo, before: int) -> bool:
    """Tell whether a text stands where a statement begins."""
    return token.type == tokenize.STRING and before == tokenize.NEWLINE


def _is_number(token: tokenize.TokenInfo) -> bool:
    """Tell whether a text is the number of a rule and nothing else: `"L-33"`."""
    is_text = token.type == tokenize.STRING and token.string[0] in "\"'"
    return is_text and re.fullmatch(_RULE, token.string.strip("\"'")) is not None

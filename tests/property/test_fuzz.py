"""What `make fuzz` tries for hours, tried for a moment; and what it found, for ever."""

from __future__ import annotations

import pytest

from tests.fuzz.__main__ import run
from tests.fuzz.requests import Requests
from tests.fuzz.texts import Texts, found_once

TEXTS, REQUESTS = 2_000, 1_500


def test_broken_policies_are_read_alike_and_never_guessed() -> None:
    target = Texts()

    assert [p for seed in range(TEXTS) if (p := target.attempt(seed)) is not None] == []
    assert sum("accepted" in line for line in target.told()) == 1


def test_odd_requests_get_an_answer_or_one_clear_error() -> None:
    target = Requests()

    assert [p for seed in range(REQUESTS) if (p := target.attempt(seed)) is not None] == []
    assert len(list(target.told())) == 2


@pytest.mark.parametrize("text", tuple(found_once()))
def test_a_text_that_was_once_read_wrong_is_read_right(text: str) -> None:
    for seed in range(60):
        assert Texts().problem(text, seed) is None


class Broken:
    """A target that is wrong about every other seed, and raises for one of them."""

    name = "broken"

    def attempt(self, seed: int) -> str | None:
        if seed == 4:
            raise ValueError("odd")
        return "wrong" if seed % 2 else None

    def told(self) -> list[str]:
        return []


def test_what_is_wrong_is_named_by_its_seed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = iter((0.0, 0.0, 0.0, 0.0, 9.0))
    monkeypatch.setattr("tests.fuzz.__main__.time.monotonic", lambda: next(ticks))

    assert run(Broken(), seconds=1, first=3) == 3  # type: ignore[arg-type]
    assert capsys.readouterr().out.splitlines() == [
        "broken, seed 3: wrong",
        "broken, seed 4: ValueError: odd",
        "broken, seed 5: wrong",
        "3 broken from seed 3: 3 wrong",
    ]

"""What the documents show is what happens: README commands are run, its Python too."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from kmsgate.cli import COMMANDS, run
from kmsgate.commands.serve import command as serve

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SECONDS = re.compile(r"\d+\.\d+ s\b")


def shown() -> list[tuple[str, str]]:
    """Return every kmsgate command of the README with the output below it."""
    blocks = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    commands = [block.split("\n", 1) for block in blocks if block.startswith("$ kmsgate ")]
    return [(first.removeprefix("$ kmsgate "), rest) for first, rest in commands]


@pytest.mark.parametrize(("command", "output"), shown(), ids=[c for c, _ in shown()])
def test_the_readme_shows_what_the_command_prints(
    command: str, output: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)

    run(shlex.split(command))

    assert SECONDS.sub("0 s", output) == SECONDS.sub("0 s", capsys.readouterr().out)


def test_the_readme_draws_what_explain_draws(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    (chart,) = re.findall(r"```mermaid\n(.*?)```", README, re.DOTALL)

    run(["explain", "--format", "mermaid", "scenarios/demo/forgotten-context.json"])

    assert chart == capsys.readouterr().out


def test_the_readme_shows_at_least_four_commands() -> None:
    assert len(shown()) >= 4


DENIED = (
    "An error occurred (AccessDeniedException) when calling the Decrypt operation: User: "
    "arn:aws:iam::111122223333:user/guest is not authorized to perform: kms:Decrypt on resource: "
    "arn:aws:kms:us-east-1:111122223333:key/… because no identity-based policy allows the "
    "kms:Decrypt action"
)
KEY_ID = re.compile("key/[0-9a-f-]{36}")
PYTHON = {
    "from kmsgate.testing": ["b'salary list'", DENIED],
    "from pathlib": ["ImplicitlyDenied identity None"],
}
"""What the Python of the README prints, by how each block begins."""


@pytest.mark.parametrize("number", range(len(PYTHON)))
def test_the_python_of_the_readme_runs(
    number: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT / "scenarios" / "demo")
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    code, begin = blocks[number], list(PYTHON)[number]
    if "testing" in begin:
        pytest.importorskip("boto3", reason="boto3 is not installed (extra dev)")
        pytest.importorskip("uvicorn", reason="uvicorn is not installed (extra serve)")

    exec(compile(code, "README.md", "exec"), {})  # noqa: S102 - our own document

    assert len(blocks) == len(PYTHON)
    assert code.startswith(begin)
    assert KEY_ID.sub("key/…", capsys.readouterr().out).splitlines() == PYTHON[begin]


def test_the_endpoint_takes_the_options_that_the_readme_shows() -> None:
    lines = re.findall(r"^(kmsgate serve.*?)(?:  #.*)?$", README, re.MULTILINE)

    for line in lines:
        _, *arguments = shlex.split(line)
        assert serve.make_context("serve", arguments[1:]).params
    assert len(lines) == 2


def test_every_file_that_the_documents_name_exists() -> None:
    for name in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (ROOT / target).exists(), f"{name} links to {target}"
        for path in re.findall(r"`((?:policy|kms|kmsgate|tests|schemas|scenarios)/[\w./]+)`", text):
            assert (ROOT / path).exists(), f"{name} names {path}"


def test_the_demo_tells_its_story_to_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["demo"]) == 0

    told = capsys.readouterr().out
    scenes = re.findall(r"^(\d) [A-Z]", told, re.MULTILINE)

    assert list("123456") == scenes
    assert "and open again: 'salary list, January'" in told
    assert "KG114" in told
    assert "What would make it allowed" in told
    assert "their hash chain is intact" in told


def test_every_command_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    for command in COMMANDS:
        assert run([command, "--help"]) == 0
        assert "Usage" in capsys.readouterr().out

"""Where people have kmsgate run: hooks of pre-commit, a step of GitHub Actions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = ROOT / ".pre-commit-hooks.yaml"
GOOD = """\
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "Delegate",
      "Effect": "Allow",
      "Principal": {"AWS": "arn:aws:iam::210987654321:root"},
      "Action": "kms:*",
      "Resource": "*"
    }
  ]
}
"""
BAD = GOOD.replace('"Allow"', '"allow"')
LOOSE = json.dumps(json.loads(GOOD))
SCENARIO = ROOT / "scenarios" / "payroll.scenario.yaml"


def ran(command: list[str], where: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command with this environment's programs first."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "HOME": str(where), **more}
    return subprocess.run(
        command, cwd=where, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository that has the hooks of our manifest, as they are but for the installing."""
    hooks: list[dict[str, Any]] = yaml.safe_load(MANIFEST.read_text())
    local = [{**hook, "language": "system"} for hook in hooks]
    config = {"repos": [{"repo": "local", "hooks": local}]}
    (tmp_path / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    assert ran(["git", "init", "-q"], tmp_path).returncode == 0
    return tmp_path


def hook(repository: Path, name: str) -> subprocess.CompletedProcess[str]:
    assert ran(["git", "add", "."], repository).returncode == 0
    return ran([sys.executable, "-m", "pre_commit", "run", name], repository)


def test_the_manifest_is_one() -> None:
    command = [sys.executable, "-m", "pre_commit", "validate-manifest", str(MANIFEST)]
    assert ran(command, ROOT).returncode == 0


def test_the_hook_lints_what_is_to_be_committed(repository: Path) -> None:
    (repository / "good.json").write_text(GOOD)
    done = hook(repository, "kmsgate-lint")
    assert done.returncode == 0, done.stdout

    (repository / "bad.json").write_text(BAD)
    done = hook(repository, "kmsgate-lint")
    assert done.returncode == 1
    assert "bad.json:6:17: KG114 error" in done.stdout


def test_the_hook_sets_what_is_to_be_committed(repository: Path) -> None:
    (repository / "loose.json").write_text(LOOSE)

    assert hook(repository, "kmsgate-fmt").returncode == 1  # pre-commit: a file was changed
    assert (repository / "loose.json").read_text() == GOOD
    assert hook(repository, "kmsgate-fmt").returncode == 0


def test_the_hook_runs_scenarios(repository: Path) -> None:
    (repository / "a.scenario.yaml").write_bytes(SCENARIO.read_bytes())
    (repository / "b.yaml").write_text("no scenario: [")

    done = hook(repository, "kmsgate-test")

    assert done.returncode == 0, done.stdout


ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
LINT = ACTION["runs"]["steps"][-1]


def step(where: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """Run the last step of the action as its host would, with these inputs."""
    given = {name: spec["default"] for name, spec in ACTION["inputs"].items()}
    given |= {name.replace("_", "-"): text for name, text in inputs.items()}
    environment = {
        name: given[text.removeprefix("${{ inputs.").removesuffix(" }}")]
        for name, text in LINT["env"].items()
    }
    script = where / "step.sh"
    script.write_text(LINT["run"])
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)]
    return ran(shell, where, **environment)


def test_the_action_annotates_and_fails(tmp_path: Path) -> None:
    (tmp_path / "a b.json").write_text(BAD)
    (tmp_path / "good.json").write_text(GOOD)

    done = step(tmp_path, paths="a b.json\ngood.json")

    assert done.returncode == 1
    assert done.stdout.startswith("::error file=a b.json,line=6,endLine=6,col=17,")
    assert step(tmp_path, paths="good.json").returncode == 0
    assert step(tmp_path, paths="a b.json", ignore="KG114", select="KG1").returncode == 0
    assert step(tmp_path, paths="good.json", kind="scp").returncode == 1


def test_the_action_writes_sarif_beside(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text(BAD)

    done = step(tmp_path, paths="bad.json", sarif="out.sarif")

    assert done.returncode == 1
    log = json.loads((tmp_path / "out.sarif").read_text())
    assert [result["ruleId"] for result in log["runs"][0]["results"]] == ["KG114"]


def test_the_action_does_not_hide_wrong_usage(tmp_path: Path) -> None:
    assert step(tmp_path, paths="nowhere.json", sarif="out.sarif").returncode == 2


def test_the_action_installs_what_lies_in_its_own_repository() -> None:
    install = ACTION["runs"]["steps"][0]["run"]
    assert install == 'python3 -m pip install --quiet "$GITHUB_ACTION_PATH"'

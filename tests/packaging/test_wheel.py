"""The built wheel works elsewhere: grammar, schemas and scenarios are inside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel as an installer would, from the files of the checkout."""
    folder = tmp_path_factory.mktemp("dist")
    (built,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    return Path(built)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack the wheel into a folder of its own, far from the checkout."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def kmsgate(installed: Path, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run the installed command in an empty folder; the checkout is not on its path."""
    environment = {**os.environ, "PYTHONPATH": str(installed), "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, "-m", "kmsgate", *arguments],
        cwd=installed,
        env=environment,
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_data_file_of_the_checkout_is_in_the_wheel(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())

    schemas = {f"kms/schemas/{path.name}" for path in (ROOT / "schemas").glob("*.json")}
    scenarios = {
        f"kmsgate/scenarios/{path.relative_to(ROOT / 'scenarios').as_posix()}"
        for path in (ROOT / "scenarios").rglob("*.yaml")
    }

    migrations = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("kms/migrations/*/*.sql")}

    assert migrations
    assert migrations <= names
    assert schemas <= names
    assert scenarios <= names
    assert "policy/grammar.lark" in names
    assert {f"{package}/py.typed" for package in ("policy", "kms", "kmsgate")} <= names


def test_nothing_but_the_three_packages_is_installed(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}

    assert {top for top in tops if not top.endswith(".dist-info")} == {"policy", "kms", "kmsgate"}


def test_the_installed_code_is_the_one_that_runs(installed: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import kms, kmsgate, policy; print(kms.__file__)"],
        cwd=installed,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert Path(done.stdout.strip()).is_relative_to(installed)


def test_the_installed_linter_finds_a_trailing_comma(installed: Path) -> None:
    done = kmsgate(installed, "lint", "-", text='{"Version": "2012-10-17",}')

    assert done.returncode == 1
    assert "KG102" in done.stdout


def test_the_installed_command_decides(installed: Path) -> None:
    request = {
        "principal": {"arn": "arn:aws:iam::111122223333:user/alice"},
        "action": "kms:ListKeys",
        "resource": {"arn": "*"},
    }

    done = kmsgate(installed, "decide", "-", text=json.dumps(request))

    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["decision"] == "ImplicitlyDenied"


def test_the_bundled_scenarios_pass_where_they_are_installed(installed: Path) -> None:
    done = kmsgate(installed, "test", "--bundled", "-q")

    assert done.returncode == 0, done.stdout + done.stderr
    assert ": 0 passed" not in done.stdout


def test_pytest_finds_the_plugin_by_itself_and_collects_the_scenarios(installed: Path) -> None:
    arguments = ("-q", "-p", "no:cacheprovider", "kmsgate/scenarios/grants.scenario.yaml")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--rootdir", ".", "-c", os.devnull, *arguments],
        cwd=installed,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "2 passed" in done.stdout, done.stdout + done.stderr

"""The checked-in service model, compared with the botocore that is installed."""

from __future__ import annotations

import importlib
import json
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from kms.errors import BY_CODE
from kms.resources import shipped
from kms.shapes import PRINTED_ENUMS, operation_names

ROOT = Path(__file__).parents[3]
GENERATOR = ROOT / "schemas" / "generate.py"
CHECKED_IN = ROOT / "schemas" / "kms-2014-11-01.json"
MODEL: Mapping[str, Any] = json.loads(CHECKED_IN.read_text(encoding="utf-8"))
SHAPES: Mapping[str, Any] = MODEL["shapes"]


@pytest.mark.parametrize("name", ["kms-2014-11-01", "iam-2010-05-08"])
def test_the_checked_in_models_are_what_botocore_says(name: str) -> None:
    """CORE K-3."""
    generator = runpy.run_path(str(GENERATOR))
    service = name[:3]
    assert (ROOT / "schemas" / f"{name}.json").read_text(encoding="utf-8") == generator["render"](
        generator["service_model"](service), generator["MODELS"][service]
    ), "run python schemas/generate.py and review the changes"


def test_a_stale_model_is_told_in_one_line(tmp_path: Path) -> None:
    copy = tmp_path / GENERATOR.name
    copy.write_bytes(GENERATOR.read_bytes())

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(copy), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    stale = run("--check")
    assert (stale.returncode, stale.stdout, len(stale.stderr.splitlines())) == (1, "", 1)
    assert run().returncode == 0
    fresh = run("--check")
    assert (fresh.returncode, fresh.stdout, fresh.stderr) == (0, "", "")


def test_the_service_has_56_operations() -> None:
    assert len(operation_names()) == 56
    assert operation_names() == set(MODEL["operations"])


def test_the_protocol_is_the_one_of_core_k_3() -> None:
    assert MODEL["metadata"] == {
        "apiVersion": "2014-11-01",
        "protocol": "json",
        "jsonVersion": "1.1",
        "targetPrefix": "TrentService",
        "signingName": "kms",
    }


@pytest.mark.parametrize("operation", sorted(MODEL["operations"]))
def test_every_error_of_an_operation_has_a_class(operation: str) -> None:
    codes = {SHAPES[name]["code"] for name in MODEL["operations"][operation]["errors"]}
    assert codes <= set(BY_CODE)


def test_faults_of_the_service_and_only_they_have_a_status_of_500_or_more() -> None:
    """CORE K-196: the model knows whose fault it is, not which status that means."""
    modelled = {s["code"]: s.get("fault", False) for s in SHAPES.values() if s.get("exception")}
    assert {code: BY_CODE[code].status >= 500 for code in modelled} == modelled


def test_no_documentation_is_copied() -> None:
    assert "documentation" not in CHECKED_IN.read_text(encoding="utf-8")


def test_every_named_shape_is_there() -> None:
    used = {target["shape"] for shape in SHAPES.values() for target in _targets(shape)}
    used |= {
        op[way] for op in MODEL["operations"].values() for way in ("input", "output") if way in op
    }
    assert used <= set(SHAPES)


def test_required_members_are_members() -> None:
    for shape in SHAPES.values():
        assert set(shape.get("required", ())) <= set(shape.get("members", ()))


def test_only_plain_values_are_called_sensitive() -> None:
    """Lists and structures learn from their parts what must stay unseen."""
    assert {s["type"] for s in SHAPES.values() if s.get("sensitive")} == {"blob", "string"}


@pytest.mark.parametrize("name", sorted(set(PRINTED_ENUMS) - {"DataKeySpec"}))
def test_the_printed_order_of_an_enum_names_exactly_its_values(name: str) -> None:
    """CORE K-42: a model with new values must be noticed."""
    assert sorted(PRINTED_ENUMS[name].split(", ")) == sorted(SHAPES[name]["enum"])


def test_the_data_key_specs_are_printed_as_key_specs() -> None:
    """CORE K-42: the service accepts two values here and prints others."""
    assert set(PRINTED_ENUMS["DataKeySpec"].split(", ")) < set(SHAPES["KeySpec"]["enum"])


@pytest.mark.parametrize(
    "pattern", sorted({s["pattern"] for s in SHAPES.values() if "pattern" in s})
)
def test_the_patterns_mean_the_same_to_python(pattern: str) -> None:
    """No construct that Java and Python read differently, beyond the classes made ASCII."""
    re.compile(pattern, re.ASCII)
    assert not re.search(r"\\[pPQEhHRXGzZ]|&&|\(\?|[*+?}]\+|\[[^\]]*\[", pattern)


def test_data_is_found_in_a_checkout() -> None:
    assert shipped("kms", "schemas") == CHECKED_IN.parent


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    name = "shipped_sample"
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield folder
    sys.modules.pop(name, None)


def test_data_inside_the_package_wins_over_data_beside_it(package: Path) -> None:
    """As in an installed wheel, whose neighbours are strangers."""
    (package / "schemas").mkdir()
    (package.parent / "schemas").mkdir()
    assert shipped(package.name, "schemas") == package / "schemas"


def test_missing_data_is_a_clear_error(package: Path) -> None:
    with pytest.raises(FileNotFoundError, match="neither inside the package `shipped_sample`"):
        shipped(package.name, "schemas")


def _targets(shape: Mapping[str, Any]) -> Iterator[Mapping[str, str]]:
    yield from shape.get("members", {}).values()
    yield from (shape[part] for part in ("member", "key", "value") if part in shape)

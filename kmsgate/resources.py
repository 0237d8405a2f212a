"""The files that come with the command."""

from __future__ import annotations

from pathlib import Path

from kms.resources import shipped


def bundled_scenarios() -> list[Path]:
    """Return the folder of scenarios that come with kmsgate, as a path."""
    folder = shipped("kmsgate", "scenarios")
    return [Path(str(folder))]


def sample_world() -> Path:
    """Return the world file of an endpoint that is given none: an administrator and a guest."""
    (folder,) = bundled_scenarios()
    return folder / "demo" / "endpoint.world.yaml"


def schema(name: str) -> str:
    """Return the text of a JSON Schema that comes with kmsgate."""
    return (shipped("kms", "schemas") / f"{name}.schema.json").read_text(encoding="utf-8")

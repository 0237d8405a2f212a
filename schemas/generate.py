"""Write the service model that `kms.shapes` checks requests with.

    python schemas/generate.py            write schemas/kms-2014-11-01.json
    python schemas/generate.py --check    fail when that file is not what botocore says today

Names, types and limits are taken from the installed botocore; its documentation is left out. This
is a tool for developers: the product reads the JSON file and never imports botocore.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TARGET = Path(__file__).with_name("kms-2014-11-01.json")

METADATA = ("apiVersion", "protocol", "jsonVersion", "targetPrefix")
CONSTRAINTS = ("enum", "min", "max", "pattern", "sensitive", "exception", "fault")


def service_model() -> Mapping[str, Any]:
    """Return the KMS model of the installed botocore."""
    try:
        from botocore.loaders import Loader  # type: ignore[import-untyped]  # noqa: PLC0415
    except ModuleNotFoundError:
        sys.exit("schemas/generate.py reads the model of botocore, which is not installed")
    model: Mapping[str, Any] = Loader().load_service_model("kms", "service-2")
    return model


def metadata(model: Mapping[str, Any]) -> dict[str, str]:
    """Return what a client and a server must agree on before they speak."""
    source = model["metadata"]
    # The name that signatures are scoped to is only spelled out when it is not the prefix.
    signing_name = source.get("signingName", source["endpointPrefix"])
    return {**{name: source[name] for name in METADATA}, "signingName": signing_name}


def operation(source: Mapping[str, Any]) -> dict[str, Any]:
    """Return the shapes of one operation: what goes in, what comes out, what can go wrong."""
    shapes = {way: source[way]["shape"] for way in ("input", "output") if way in source}
    return {**shapes, "errors": sorted(error["shape"] for error in source["errors"])}


def shape(name: str, source: Mapping[str, Any]) -> dict[str, Any]:
    """Return one shape; the order of members and of enum values is the model's own."""
    result: dict[str, Any] = {"type": source["type"]}
    if source.get("required"):
        result["required"] = list(source["required"])
    if "members" in source:
        result["members"] = {member: target(ref) for member, ref in source["members"].items()}
    for part in ("member", "key", "value"):
        if part in source:
            result[part] = target(source[part])
    for constraint in CONSTRAINTS:
        if constraint in source:
            result[constraint] = source[constraint]
    if source.get("exception"):
        result["code"] = source.get("error", {}).get("code", name)
    return result


def target(reference: Mapping[str, Any]) -> dict[str, str]:
    """Return which shape a member has, and its name on the wire when that is another one."""
    return {key: reference[key] for key in ("shape", "locationName") if key in reference}


def block(entries: Mapping[str, Any]) -> str:
    """Return a JSON object with one entry a line."""
    lines = (f"{json.dumps(name)}: {json.dumps(value)}" for name, value in entries.items())
    return "{\n" + ",\n".join(lines) + "\n}"


def render(model: Mapping[str, Any]) -> str:
    """Return the text of the file: one operation or shape a line, sorted by name."""
    operations = {
        name: operation(model["operations"][name]) for name in sorted(model["operations"])
    }
    shapes = {name: shape(name, model["shapes"][name]) for name in sorted(model["shapes"])}
    parts: dict[str, Mapping[str, Any]] = {
        "metadata": metadata(model),
        "operations": operations,
        "shapes": shapes,
    }
    body = ",\n".join(f'"{name}": {block(part)}' for name, part in parts.items())
    return f"{{\n{body}\n}}\n"


def main() -> None:
    """Write the file, or tell that it is stale."""
    parser = argparse.ArgumentParser(description="Write the service model from botocore's.")
    parser.add_argument("--check", action="store_true", help="fail when the file is stale")
    arguments = parser.parse_args()
    text = render(service_model())
    if not arguments.check:
        TARGET.write_text(text, encoding="utf-8")
    elif not TARGET.is_file() or TARGET.read_text(encoding="utf-8") != text:
        sys.exit(f"{TARGET.name} is stale: run python schemas/generate.py and review the changes")


if __name__ == "__main__":
    main()

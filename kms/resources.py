"""Where the data files are that come with a package."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path


def shipped(package: str, folder: str) -> Traversable:
    """Return a folder of data: inside the package when installed, beside it in a checkout."""
    root = files(package)
    inside = root / folder
    if inside.is_dir():
        return inside
    # A package that is not a plain directory (a zip file) can only be an installed one.
    if isinstance(root, Path) and (beside := root.parent / folder).is_dir():
        return beside
    message = f"the folder `{folder}` is neither inside the package `{package}` nor beside it"
    raise FileNotFoundError(message)

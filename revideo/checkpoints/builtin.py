"""The small trained model that comes with the library. Light: the command line asks it before torch is imported."""

from __future__ import annotations

from pathlib import Path

NAME = "tiny"
FILE = Path(__file__).parents[1] / "assets" / "tiny.safetensors"
MISSING = f"the built-in model is not there: {FILE} is missing; install revideo again"


def locate(path: str | Path) -> Path:
    """The file behind what a user calls a model: the text "tiny" is always the built-in one, `./tiny` a path."""
    return FILE if path == NAME else Path(path)  # a Path never equals a text

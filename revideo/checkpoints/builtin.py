"""The small trained model that comes with the library. Light: the command line asks it before torch is imported."""

from __future__ import annotations

from pathlib import Path

TINY = "tiny"
TINY_FILE = Path(__file__).parents[1] / "assets" / "tiny.safetensors"
TINY_MISSING = f"the built-in model is not there: {TINY_FILE} is missing; install revideo again"


TINY_PROPAGATOR_FILE = TINY_FILE.with_name("tiny_propagator.safetensors")


def locate(path: str | Path) -> Path:
    """The file of what a user calls a model: the text "tiny" is always the built-in one, `./tiny` a path."""
    return TINY_FILE if path == TINY else Path(path)  # a Path never equals a text


def locate_propagator(path: str | Path) -> Path:
    """As `locate`, of what a user calls a propagator."""
    return TINY_PROPAGATOR_FILE if path == TINY else Path(path)

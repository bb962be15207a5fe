"""The training file, TOML → TrainingConfig; every value is checked, and an error names its key.

Tables at the top level hold for all phases; a phase may repeat any of them with other values.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from .config import TrainingConfig

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


BYTES_MAX = 10**6  # a hundred times as long as the longest of ours
LONGEST_SHOWN = 100  # characters of a value in an error
DOTS_MAX = 1000  # of a line: a key of as many parts is a table in a table in a table


class TrainingConfigError(ValueError):
    """A value that cannot work; the message names its key."""


def read_training_config(path: str | Path) -> TrainingConfig:
    """A TOML file; paths in it count from its own folder. Raises TrainingConfigError that names the key, or OSError."""
    try:
        return read_tables(Path(path), TrainingConfig, "training config")
    except ValueError as error:
        raise TrainingConfigError(str(error)) from None


def parse_training_config(values: dict[str, Any], folder: Path = Path()) -> TrainingConfig:
    """As `read_training_config`, from what the file holds; `folder` is where its paths begin."""
    try:
        return parse_tables(values, TrainingConfig, folder)
    except ValueError as error:
        raise TrainingConfigError(str(error)) from None


FileTables = TypeVar("FileTables", bound=BaseModel)


def read_tables(path: Path, kind: type[FileTables], what: str) -> FileTables:
    """Any TOML file as a pydantic model, whose context is the file's folder; `what` says what should be there.

    Raises ValueError that names the file and the key, or OSError.
    """
    try:
        values = tomllib.loads(_read_text(path))
    except FileNotFoundError:
        raise ValueError(f"there is no {what} {path}") from None
    except RecursionError:
        raise ValueError(f"{path}: its lists or tables lie too deep in each other") from None
    except ValueError as error:  # of a number of thousands of digits too
        raise ValueError(f"{path} is not TOML: {error}") from None
    try:
        return parse_tables(values, kind, path.parent)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def parse_tables(values: dict[str, Any], kind: type[FileTables], folder: Path) -> FileTables:
    """As `read_tables`, from what the file holds."""
    try:
        return kind.model_validate(values, context=folder)
    except ValidationError as error:
        raise ValueError("; ".join(_message(each, kind) for each in error.errors())) from None
    except RecursionError:
        raise ValueError("its lists or tables lie too deep in each other") from None


def _read_text(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(BYTES_MAX + 1)
    if len(content) > BYTES_MAX:
        raise ValueError(f"it is longer than {BYTES_MAX} bytes")
    if max(line.count(b".") for line in content.split(b"\n")) > DOTS_MAX:
        raise ValueError(f"a line has more than {DOTS_MAX} dots")
    return content.decode("utf-8-sig")  # Windows' Notepad puts a mark before the first key


def _message(error: ErrorDetails, kind_of_file: type[BaseModel]) -> str:
    """One line: the key, what is wrong with it, and what it may be."""
    place, kind = error["loc"], error["type"]
    key = "".join(f"[{name}]" if isinstance(name, int) else f".{name}" for name in place).removeprefix(".")
    if kind == "value_error":  # one of ours, which names the value
        return f'"{key}": {error["ctx"]["error"]}'
    if kind == "extra_forbidden":
        why = f"is unknown; here may stand {', '.join(_table(kind_of_file, place[:-1]).model_fields)}"
    elif kind in ("missing", "too_short"):
        why = f"is missing: {_table(kind_of_file, place[:-1]).model_fields[str(place[-1])].description}"
    elif kind in ("model_type", "dict_type"):
        why = f"must be a table, not {_shown(error['input'])}"
    else:
        why = f"{error['msg'].replace('Input should', 'must')}, not {_shown(error['input'])}"
    return f'"{key}" {why}'


def _shown(value: Any) -> str:
    """On one line, however much it is."""
    try:
        text = repr(value)
    except ValueError:  # an integer of thousands of digits, which Python does not print
        return "so large a number"
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _table(table: Any, place: tuple[int | str, ...]) -> type[BaseModel]:
    """The class of the table at a place of the file, whose own class is `table`."""
    for name in place:
        if isinstance(name, str):
            kind = table.model_fields[name].annotation
            table = next(iter(get_args(kind)), kind)
    return table

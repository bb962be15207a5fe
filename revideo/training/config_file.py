"""The training file, TOML → TrainingConfig; every value is checked, and an error names its key.

Tables at the top level hold for all phases; a phase may repeat any of them with other values.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from ..models.config import ModelConfig
from .config import TABLES, ModelSource, Phase, TrainingConfig

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Table = TypeVar("Table")
MODEL_TABLES = ("unet", "control", "vae", "image_encoder")


class TrainingConfigError(ValueError):
    """A value that cannot work; the message names its key."""


def read_training_config(path: str | Path) -> TrainingConfig:
    """A TOML file; paths in it count from its own folder. Raises TrainingConfigError that names the key."""
    path = Path(path)
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise TrainingConfigError(f"there is no training config {path}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TrainingConfigError(f"{path} is not TOML: {error}") from None
    try:
        return parse_training_config(values, path.parent)
    except TrainingConfigError as error:
        raise TrainingConfigError(f"{path}: {error}") from None


def parse_training_config(values: dict[str, Any], folder: Path = Path()) -> TrainingConfig:
    """As `read_training_config`, from what the file holds; `folder` is where its paths begin."""
    values = dict(values)
    shared = {name: _table(name, values.pop(name, {})) for name in TABLES}
    model = _read_model(_table("model", values.pop("model", {})), folder)
    listed = values.pop("phases", None)
    if not isinstance(listed, list) or not listed:
        raise TrainingConfigError('"phases" is missing: write at least one [[phases]] table with stage and steps')
    phases = []
    for number, given in enumerate(listed):
        where = f"phases[{number}]"
        given = dict(_table(where, given))
        own = {name: _table(f"{where}.{name}", given.pop(name, {})) for name in TABLES}
        tables = {}
        for name, kind in TABLES.items():
            for place, table in ((name, shared[name]), (f"{where}.{name}", own[name])):
                _read(kind, table, place)  # for the message: a value is wrong where it stands
            tables[name] = _read(kind, {**shared[name], **own[name]}, where)
        tables["data"] = _placed(tables["data"], folder, ("folder", "tracks", "cotracker"))
        phase = _read(Phase, given, where, tables)
        phases.append(_named(phase, number))
    names = [phase.name for phase in phases]
    for name in names:
        if names.count(name) > 1:
            raise TrainingConfigError(f'"phases[{names.index(name)}].name" {name!r} is taken twice')
    config = _read(TrainingConfig, values, "", {"model": model, "phases": tuple(phases)})
    return _placed(config, folder, ("output",))


def _read_model(given: dict[str, Any], folder: Path) -> ModelSource:
    given = dict(given)
    sizes = {name: given.pop(name) for name in MODEL_TABLES if name in given}
    try:
        config = ModelConfig.from_dict(sizes) if sizes else None
    except ValueError as error:
        raise TrainingConfigError(f'"model": {error}') from None
    source = _placed(_read(ModelSource, given, "model", {"sizes": config}), folder, ("path", "svd"))
    if source.sizes and (source.path or source.svd):
        named = "path" if source.path else "svd"
        raise TrainingConfigError(f'"model.{named}" brings its sizes with it: leave out [model.{next(iter(sizes))}]')
    if not (source.sizes or source.path or source.svd):
        raise TrainingConfigError(
            '"model" needs path, svd, or tables of sizes such as [model.unet] to start from nothing'
        )
    return source


def _read(kind: Callable[..., Table], given: dict[str, Any], where: str, ready: dict[str, Any] | None = None) -> Table:
    """A dataclass from a table, every value checked against its key's rules."""
    ready = ready or {}
    known = {f.name: f for f in fields(kind) if f.metadata}  # type: ignore[arg-type]
    dot = f"{where}." if where else ""
    values = dict(ready)
    for name, value in given.items():
        if name not in known:
            tables = [*TABLES, "model", "phases"] if where in ("",) else []
            raise TrainingConfigError(f'"{dot}{name}" is unknown; here may stand {", ".join([*known, *tables])}')
        values[name] = _checked(f"{dot}{name}", value, known[name])
    for name, rule in known.items():
        if name not in values and rule.default is MISSING and rule.default_factory is MISSING:
            raise TrainingConfigError(f'"{dot}{name}" is missing: {rule.metadata["why"]}')
    return kind(**values)


KINDS = {"str": str, "int": int, "float": float, "bool": bool, "dict": dict, "list": list}
SAID = {str: "text", int: "a whole number", float: "a number", bool: "true or false", dict: "a table", list: "a list"}


def _checked(name: str, value: Any, rule: Field) -> Any:
    kind = KINDS[str(rule.type)]
    fits = type(value) is kind or (kind is float and type(value) is int)
    if not fits:
        raise TrainingConfigError(f'"{name}" must be {SAID[kind]}, not {value!r}')
    low, high, one_of = (rule.metadata.get(limit) for limit in ("low", "high", "one_of"))
    if one_of and value not in one_of:
        raise TrainingConfigError(f'"{name}" must be one of {", ".join(map(repr, one_of))}, not {value!r}')
    # Written so that nan, which TOML has, fails.
    if (low is not None and not value >= low) or (high is not None and not value <= high):
        upper = f" and at most {high}" if high is not None else ""
        raise TrainingConfigError(f'"{name}" must be at least {low}{upper}, not {value!r}')
    if kind is float and abs(value) == float("inf"):
        raise TrainingConfigError(f'"{name}" must be finite, not {value!r}')
    return float(value) if kind is float else value


def _table(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TrainingConfigError(f'"{name}" must be a table, not {value!r}')
    return value


def _placed(config: Table, folder: Path, names: tuple[str, ...]) -> Table:
    """Relative paths counted from the config's folder."""
    placed = {name: str(folder / value) for name in names if (value := getattr(config, name))}
    return replace(config, **placed)  # type: ignore[type-var]


def _named(phase: Phase, number: int) -> Phase:
    name = phase.name or f"{number + 1}-{phase.stage}"
    if not all(letter.isalnum() or letter in "-_." for letter in name) or name.startswith("."):
        raise TrainingConfigError(f'"phases[{number}].name" {name!r} must be letters, digits, - and _')
    return replace(phase, name=name)


def document_keys() -> str:
    """Every key as Markdown tables: the section of docs/training.md that must not fall behind."""
    sections = [("Top level", TrainingConfig), ("`[model]`", ModelSource), ("`[[phases]]`", Phase)]
    sections += [(f"`[{name}]`", kind) for name, kind in TABLES.items()]
    return "\n\n".join(f"### {title}\n\n{_document(kind)}" for title, kind in sections)


def _document(kind: type) -> str:
    lines = ["| key | default | what for |", "| --- | --- | --- |"]
    for rule in fields(kind):
        if rule.metadata:
            default = rule.default_factory() if rule.default_factory is not MISSING else rule.default
            told = "needed" if default is MISSING else f"`{json.dumps(default)}`"
            lines.append(f"| `{rule.name}` | {told} | {rule.metadata['why']} |")
    return "\n".join(lines)

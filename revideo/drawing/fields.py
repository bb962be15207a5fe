"""Fields of an edit document → their values, checked; js/document/schema.js refuses the same with the same messages."""

from __future__ import annotations

import math
import re
from typing import Any, TypeGuard

COORDINATE_MAX = 100_000
TEXT_MAX = 100  # characters of an id or a name

_CANNOT_BE_SHOWN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # control characters, halves of characters


def is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, float) and math.isfinite(value)  # bools and text are none


def is_whole(value: Any, low: int, high: int) -> TypeGuard[float]:
    return is_number(value) and value.is_integer() and low <= value <= high


def is_text(value: Any, least: int) -> TypeGuard[str]:
    return isinstance(value, str) and least <= len(value) <= TEXT_MAX and not _CANNOT_BE_SHOWN.search(value)


def read_whole(fields: dict[str, Any], name: str, most: int) -> int:
    value = fields.get(name)
    if not is_whole(value, 1, most):
        raise ValueError(f"{name} must be a whole number from 1 to {most}")
    return int(value)


def read_list(fields: dict[str, Any], name: str, most: int) -> list[Any]:
    value = fields.get(name)
    if not isinstance(value, list):
        raise ValueError(f"{name} must be a list")
    if len(value) > most:
        raise ValueError(f"the document has {len(value)} {name}; at most {most} are allowed")
    return value


def read_id(fields: dict[str, Any], place: str, what: str, taken: set[str]) -> str:
    value = fields.get("id")
    if not is_text(value, 1):
        raise ValueError(f"{place}: id must be text of 1 to {TEXT_MAX} characters")
    if value in taken:
        raise ValueError(f"{place} ({value}): another {what} has this id")
    taken.add(value)
    return value


def read_label(fields: dict[str, Any], name: str, where: str) -> str | None:
    if name in fields and not is_text(fields[name], 0):
        raise ValueError(f"{where}: {name} must be text of at most {TEXT_MAX} characters")
    return fields.get(name)


def read_choice(fields: dict[str, Any], name: str, choices: tuple[str, ...], where: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{where}: {name} must be {', '.join(choices[:-1])} or {choices[-1]}")
    return value


def read_points(fields: dict[str, Any], where: str) -> list[Any]:
    points = fields.get("points")
    if not isinstance(points, list) or not points:
        raise ValueError(f"{where}: points must be a list of at least one point")
    return points


def read_time(fields: dict[str, Any], name: str, last: int, where: str) -> float | None:
    return read_frame(fields[name], name, last, where) if name in fields else None


def read_frame(value: Any, name: str, last: int, where: str) -> float:
    time = read_number(value, name, where)
    if not 0 <= time <= last:
        raise ValueError(f"{where}: {name} must lie within 0 and {last}, the last frame")
    return time


def read_flag(fields: dict[str, Any], name: str, where: str) -> bool | None:
    if name in fields and not isinstance(fields[name], bool):
        raise ValueError(f"{where}: {name} must be true or false")
    return fields.get(name)


def read_coordinate(value: Any, name: str, where: str) -> float:
    number = read_number(value, name, where)
    if abs(number) > COORDINATE_MAX:
        raise ValueError(f"{where}: {name} must lie within ±{COORDINATE_MAX}")
    return number


def read_within(value: Any, name: str, low: float, high: float, where: str) -> float:
    number = read_number(value, name, where)
    if not low <= number <= high:
        raise ValueError(f"{where}: {name} must lie within {low} and {high}")
    return number


def read_pair(value: Any, where: str) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError(f"{where} is not a pair of numbers")
    return read_coordinate(value[0], "x", where), read_coordinate(value[1], "y", where)


def read_number(value: Any, name: str, where: str) -> float:
    if not is_number(value):
        raise ValueError(f"{where}: {name} is not a finite number")
    return value

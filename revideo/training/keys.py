"""The kinds of values that a training file holds, each with its limits: no work is begun for what is beyond them."""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo

from ..checkpoints.file_formats import SHARD
from ..synthetic.shapes import SHAPES

START_NAME = "0-start"  # of the file that the first phase begins from
MOST_STEPS = 10**9
MOST_CLIPS = 2**16  # of a batch
LONGEST_NAME = 100  # bytes: file systems take 255, and endings are put behind it
LONGEST_PATTERN = 500


def key(default: Any, why: str, low: float | None = None, high: float | None = None) -> Any:
    """A key with its default (`...`: it must be given), what it is good for, and the least and greatest value."""
    return Field(default, description=why, ge=low, le=high)


def _place(path: str, info: ValidationInfo) -> str:
    if "\0" in path:
        raise ValueError(f"{path!r} is no path")
    return str(info.context / path) if path and info.context else path


def _check_pattern(pattern: str) -> str:
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"a pattern of {len(pattern)} characters: {LONGEST_PATTERN} at most")
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
    return pattern


def _check_name(name: str) -> str:
    if not all(letter.isalnum() or letter in "-_." for letter in name) or name.startswith("."):
        raise ValueError(f"{name!r} must be letters, digits, - and _")
    if len(name.encode()) > LONGEST_NAME:
        raise ValueError(f"a name of {len(name)} characters: files are called by it, so {LONGEST_NAME} bytes at most")
    if name.lower() == START_NAME or SHARD.fullmatch(f"{name}.safetensors"):
        raise ValueError(f"{name!r} names another file: that of the start, or one of several shards")
    return name


Number = TypeVar("Number", int, float)


def _check_order(pair: list[Number]) -> list[Number]:
    if pair[0] > pair[1]:
        raise ValueError(f"{pair} must be least and most")
    return pair


def _check_points(points: Any) -> Any:
    pair = points if isinstance(points, list) else [points, points]
    if len(pair) != 2 or not all(type(count) is int and 1 <= count <= 100 for count in pair):
        raise ValueError(f"{points!r} must be an integer from 1 to 100, or two of them, least and most")
    _check_order(pair)
    return points


def _check_shape(shape: str) -> str:
    if shape not in SHAPES:
        raise ValueError(f"{shape!r} is not one of {', '.join(SHAPES)}")
    return shape


File = Annotated[str, AfterValidator(_place)]  # counted from the folder that is given as pydantic's context
Pattern = Annotated[str, AfterValidator(_check_pattern)]
FileName = Annotated[str, AfterValidator(_check_name)]
Pair = Annotated[list[Number], Field(min_length=2, max_length=2), AfterValidator(_check_order)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Shape = Annotated[str, AfterValidator(_check_shape)]
SizePx = Annotated[float, Field(ge=1, le=10_000)]


class Table(BaseModel):
    """A table of the file: of known keys only, each of its own type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, validate_default=True)


class ClipOptions(Table):
    """Options of revideo.synthetic.clips.plan_clip; None: left out."""

    sprites: Pair[Annotated[int, Field(ge=0, le=32)]] | None = None
    diameter_px: Pair[SizePx] | None = None
    speed_px: Pair[Annotated[float, Field(ge=0, le=10_000)]] | None = None
    points: Annotated[Any, AfterValidator(_check_points)] | None = None
    shortest_wave_px: SizePx | None = None
    pans: Fraction | None = None
    coloured: Fraction | None = None
    textured: Fraction | None = None
    ways: Annotated[list[Fraction], Field(min_length=3, max_length=3)] | None = None
    changing: Fraction | None = None
    coupled: Fraction | None = None
    columns: Fraction | None = None
    shapes: Annotated[list[Shape], Field(min_length=1, max_length=100)] | None = None

    @property
    def given(self) -> dict[str, Any]:
        """For `plan_clip`."""
        return self.model_dump(exclude_none=True)

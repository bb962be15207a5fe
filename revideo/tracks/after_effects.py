"""Keyframes as After Effects, and whatever speaks its clipboard, write them as text → trajectories.

docs/tracks.md says what is read. js/exchange/after_effects.js reads the same texts and refuses the others with the
same messages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .literals import BLANK, shown_value
from .numbered import NumberedTrack, from_numbered
from .trajectories import Trajectories

_BEGIN = re.compile(r"Adobe After Effects [0-9.]+ Keyframe Data[ \t]*(?=[\r\n]|$)")
_HEADER = re.compile(r"(Units Per Second|(?:Source|Comp) (?:Width|Height|Pixel Aspect Ratio))[ \t]+([^\n]*)")
_PIXELS = re.compile(r"Frame[ \t]+X pixels[ \t]+Y pixels([ \t]+Z pixels)?")
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_FRAME = re.compile(r"-?[0-9]{1,9}(?:\.[0-9]*)?")
_SIZE = re.compile(r"[0-9]{1,6}(?:\.[0-9]*)?")
_STILL = re.compile(r"\t *\t")  # a value without a frame: it is not animated
_NAMED = 4  # properties named as left out; the rest are counted


@dataclass
class _Property:
    """One animated value: the words of its title, and its points where it is a place."""

    parts: list[str]
    place: bool = False
    wide: int = 0  # numbers of a line with a frame
    animated: bool = False
    track: NumberedTrack = field(init=False)

    def __post_init__(self) -> None:
        self.track = NumberedTrack(shown_value(" / ".join(self.parts)))


def read_after_effects(text: str) -> Trajectories | None:
    """None for another text. Raises ValueError that names the line or the property."""
    begun = text.removeprefix("\ufeff").lstrip(BLANK)
    if not _BEGIN.match(begun):
        return None
    properties, sizes = _read_lines(re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff")))
    chosen = _chosen(properties)
    if not chosen:
        raise ValueError(
            "this After Effects text has no keyframes of a Position, of a point of an effect or of a tracker "
            "(a Position with separate dimensions must be joined first)"
        )
    notes = ["straight between keyframes"]
    width, height = sizes.get("Source Width", 0.0), sizes.get("Source Height", 0.0)
    drawn_on = (width, height) if width and height else None
    if drawn_on:
        named = f"{shown_value(width)}×{shown_value(height)}"
        notes.append(f"on a picture of {named}")
        for each in chosen:
            _check_inside(each, width, height, named)
    else:
        notes.append("no size named, so on the clip's")
    left = list(dict.fromkeys(each.parts[-1] for each in properties if each.animated and not _wanted(each)))
    if left:
        more = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
        notes.append(f"left out: {', '.join(map(shown_value, left[:_NAMED]))}{more}")
    return from_numbered("After Effects keyframes", [each.track for each in chosen], notes, True, drawn_on)


def _read_lines(lines: list[str]) -> tuple[list[_Property], dict[str, float]]:
    properties: list[_Property] = []
    sizes: dict[str, float] = {}
    current: _Property | None = None
    for number, line in enumerate(lines, 1):
        stripped = line.strip(BLANK)
        header = _HEADER.fullmatch(stripped)
        if not stripped or _BEGIN.match(stripped) or stripped == "End of Keyframe Data":
            continue
        if stripped == "Expression Data":
            raise ValueError(f"line {number}: an expression is no keyframes: convert it to keyframes first")
        if header:
            _read_header(number, header[1], header[2], sizes)
        elif re.match(r"[-+.0-9]", stripped):
            if current is not None:
                _read_row(number, line, current)
        elif current is not None and re.match(r"Frame[ \t]", stripped):
            columns = _PIXELS.fullmatch(stripped)
            current.place, current.wide = columns is not None, 4 if columns and columns[1] else 3
        else:
            current = _Property(re.split(r"\t+| {2,}", stripped))
            properties.append(current)
    return properties, sizes


def _read_header(number: int, name: str, value: str, sizes: dict[str, float]) -> None:
    if not name.startswith("Source") or name.endswith("Ratio"):
        return  # what is scaled from the source's size is in its pixels, whatever their shape
    if not _SIZE.fullmatch(value):
        raise ValueError(f"line {number}: {name} must be a size, found {shown_value(value)}")
    if sizes.setdefault(name, float(value)) != float(value):
        raise ValueError(f"line {number}: {name} was another size before: read the texts one by one")


def _read_row(number: int, line: str, current: _Property) -> None:
    tokens = re.split(r"[ \t]+", line.strip(BLANK))
    still = bool(_STILL.match(line)) if "\t" in line else len(tokens) == current.wide - 1
    current.animated |= not still
    if not current.place:
        return
    if len(tokens) != current.wide - still or not all(map(_NUMBER.fullmatch, tokens)):
        raise ValueError(f"line {number}: expected {current.wide} numbers, found {shown_value(line.strip(BLANK))}")
    if still:
        return
    if not _FRAME.fullmatch(tokens[0]):
        raise ValueError(f"line {number}: frame {shown_value(tokens[0])} is no number of a frame")
    frame, x, y, *depth = map(float, tokens)
    if depth and depth[0] and _wanted(current):
        raise ValueError(f"line {number}: z is not 0, so x and y of this layer are no places in the picture")
    current.track.add(frame, (x, y))


def _wanted(each: _Property) -> bool:
    """Whether it is where something is: Anchor Point or Feature Size are not."""
    owner, last = each.parts[0], each.parts[-1]
    tracker = owner == "Motion Trackers" and last in ("Feature Center", "Attach Point")
    return each.place and (last == "Position" or owner == "Effects" or tracker)


def _chosen(properties: list[_Property]) -> list[_Property]:
    """Animated places; of a tracker's point the feature, and what is attached to it only where that is not there."""
    wanted = [each for each in properties if each.animated and _wanted(each)]
    features = [each.parts[:-1] for each in wanted if each.parts[-1] == "Feature Center"]
    return [each for each in wanted if each.parts[-1] != "Attach Point" or each.parts[:-1] not in features]


def _check_inside(each: _Property, width: float, height: float, named: str) -> None:
    """A Position is in pixels of the composition, which the text does not name: a null's source is 100×100."""
    outside = sum(not (0 <= x <= width and 0 <= y <= height) for x, y in each.track.keys.values())
    if each.parts[-1] == "Position" and 2 * outside > len(each.track.keys):
        raise ValueError(
            f"{each.track.name}: most of it lies outside of the {named} of Source Width and Source Height; "
            "a Position is in pixels of the composition: write its size there"
        )

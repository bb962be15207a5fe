"""Tracked points of Nuke's scripts, of trackers and corner pins, whose y runs upward → trajectories.

docs/tracks.md says what is read. js/exchange/nuke.js reads the same texts and refuses the others with the same
messages.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from itertools import pairwise
from typing import Any

from .literals import BLANK, shown_value
from .numbered import NumberedTrack, from_numbered
from .trajectories import MAX_PLACES, Trajectories

_SCRIPT = re.compile(r"#! |set cut_paste_input|version [0-9]+\.[0-9]+ v")
_NODE = re.compile(r"(?:^|[\r\n])[ \t]*(?:Tracker[34]?|CornerPin2D)[ \t]*\{")
_TRACKS_ALONE = re.compile(r"\{[ \t\r\n]*1[ \t\r\n]+[0-9]+[ \t\r\n]+[0-9]+[ \t\r\n]*\}")
_KNOB = re.compile(r"(?:^|[ \t\r\n{])(tracks|track[1-4]|to[1-4])[ \t]+(?=\{)")
_FORMAT = re.compile(
    r"(?:^|[\r\n])Root[ \t]*\{[^{}]*?[\r\n][ \t]*format[ \t]+\"([0-9]{1,6})[ ]+([0-9]{1,6}) [^\"\r\n]*\""
)
_WORD = re.compile(r'\{|\}|"([^"\\]*(?:\\[^\n][^"\\]*)*)"|[^ \t\r\n{}"]+')
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_KEY = re.compile(r"x(-?[0-9]{1,9}(?:\.[0-9]*)?)")
_HANDLE = re.compile(r"[stuv][-+.0-9][^\n]*|[LSRCklIi]")
_NAMED = 4  # points named as left out; the rest are counted

_Curve = tuple[list[float], list[float]]  # frames of keys, which rise, and their values


def read_nuke(text: str, size: tuple[float, float] | None = None) -> Trajectories | None:
    """None for another text. `size`: width and height of the picture, where the script names none.

    Raises ValueError that names the point.
    """
    begun = text.removeprefix("\ufeff").lstrip(BLANK)
    if not begun or begun[0] in "[\"'(<":
        return None
    if _TRACKS_ALONE.match(begun):
        begun = f"tracks {{{begun}}}"
    elif not _SCRIPT.match(begun) and not _NODE.search(begun):
        return None
    named = _FORMAT.search(begun)
    if named and int(named[1]) and int(named[2]):
        size = float(named[1]), float(named[2])
    if size is None:
        raise ValueError(
            "Nuke counts y upward from the lower edge, and this text does not name the picture's size: give it "
            "(--tracks-size 1920x1080, drawn_width and drawn_height, parse_tracks(text, size))"
        )
    tracks: list[NumberedTrack] = []
    left: list[str] = []
    for knob in _KNOB.finditer(begun):
        value = _braced(begun, knob.end(), knob[1])
        if knob[1] == "tracks":
            points = _tracker_points(value, size[1])
        else:
            name = shown_value(knob[1])
            points = [(name, _track(name, "1", value, size[1]))]
        tracks += [track for _, track in points if track]
        left += [name for name, track in points if not track]
    if not tracks:
        raise ValueError("this Nuke text has no tracked point with keys, of a Tracker or a CornerPin2D")
    notes = ["straight between keys", f"y upward on a picture of {shown_value(size[0])}×{shown_value(size[1])}"]
    if left:
        more = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
        notes.append(f"left out, without keys or disabled: {', '.join(left[:_NAMED])}{more}")
    return from_numbered("Nuke", tracks, notes, drawn_on=size)


def _braced(text: str, at: int, knob: str) -> list[Any]:
    """The list that begins there: words, and lists of them."""
    opened: list[list[Any]] = []
    for word in _WORD.finditer(text, at):
        if word[0] == "{":
            opened.append([])
        elif word[0] == "}":
            done = opened.pop()
            if not opened:
                return done
            opened[-1].append(done)
        else:
            opened[-1].append(word[0] if word[1] is None else word[1])
    raise ValueError(f"this Nuke text ends within {knob}: was it cut?")


def _tracker_points(value: list[Any], height: float) -> list[tuple[str, NumberedTrack | None]]:
    """The points of a Tracker4, by name."""
    if len(value) != 3 or not all(isinstance(part, list) for part in value):
        raise ValueError("tracks is not as Tracker4 writes it: a head, columns and points")
    heads = [column[3] if isinstance(column, list) and len(column) > 3 else None for column in value[1]]
    columns = {head: at for at, head in enumerate(heads) if isinstance(head, str)}
    for needed in ("enable", "name", "track_x", "track_y", "offset_x", "offset_y"):
        if needed not in columns:
            raise ValueError(f"tracks has no column {needed}")
    points = []
    for number, row in enumerate(value[2]):
        if not isinstance(row, list) or len(row) <= max(columns.values()):
            raise ValueError(f"point {number} of tracks has not the {len(value[1])} columns that it names")
        name = shown_value(row[columns["name"]])
        for axis in "xy":
            if any(_keys(name, f"offset_{axis}", row[columns[f"offset_{axis}"]])[0][1]):
                raise ValueError(f"{name} has an offset, which is not read: clear it in Nuke first")
        place = [row[columns["track_x"]], row[columns["track_y"]]]
        points.append((name, _track(name, row[columns["enable"]], place, height)))
    return points


def _track(name: str, enable: Any, place: Any, height: float) -> NumberedTrack | None:
    """None where it has no keys, or is enabled nowhere."""
    if not isinstance(place, list) or len(place) != 2:
        raise ValueError(f"{name}: expected curves of x and y")
    curves: list[_Curve] = []
    for axis, value in zip("xy", place):
        curve, holds = _keys(name, axis, value)
        if holds and any(end - begin > 1 for begin, end in pairwise(curve[0])):
            raise ValueError(f"{name}: {axis} holds still between its keys (K), which is not read: bake it first")
        curves.append(curve)
    shows, _ = _keys(name, "enable", enable)
    keyed = [frame for frames, _ in curves for frame in frames if math.isfinite(frame)]
    if not keyed:
        return None
    first, last = math.ceil(min(keyed)), math.floor(max(keyed))
    if last - first >= MAX_PLACES:
        raise ValueError(f"{name} has keys from frame {first} to {last}; at most {MAX_PLACES} frames are read")
    track = NumberedTrack(name)
    for frame in range(first, last + 1):
        enabled = shows[1][max(bisect_right(shows[0], frame) - 1, 0)]
        x, y = (_value_at(curve, frame) for curve in curves)
        track.add(float(frame), (x, height - y) if enabled else None)
    return track if track.keys else None


def _keys(name: str, what: str, value: Any) -> tuple[_Curve, bool]:
    """A curve's keys, or one at no frame for a number alone; whether it holds still between keys."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return ([-math.inf], [float(value)]), False
    if not isinstance(value, list) or value[:1] != ["curve"]:
        raise ValueError(f"{name}: {what} is no curve of keys, found {shown_value(_joined(value))}")
    frames: list[float] = []
    values: list[float] = []
    last, step, holds = -1.0, 1.0, False
    frame: float | None = None
    for word in value[1:]:
        key = _KEY.fullmatch(word) if isinstance(word, str) else None
        if key:
            frame = float(key[1])
        elif isinstance(word, str) and _NUMBER.fullmatch(word):
            at = last + step if frame is None else frame
            if frames:
                step = at - last
            if step <= 0:
                raise ValueError(f"{name}: the keys of {what} are not in the order of frames")
            frames.append(at)
            values.append(float(word))
            last, frame = at, None
        elif word == "K":
            holds = True
        elif not (isinstance(word, str) and _HANDLE.fullmatch(word)):
            raise ValueError(f"{name}: {what} is no curve of keys, found {shown_value(_joined(value))}")
    if not frames:
        raise ValueError(f"{name}: {what} is a curve without keys")
    return (frames, values), holds


def _value_at(curve: _Curve, frame: int) -> float:
    """Straight between keys, still before and behind them."""
    frames, values = curve
    behind = bisect_right(frames, frame)
    at, to = max(behind - 1, 0), min(behind, len(frames) - 1)
    if frame <= frames[at] or at == to:
        return values[at]
    return values[at] + (values[to] - values[at]) * ((frame - frames[at]) / (frames[to] - frames[at]))


def _joined(value: Any) -> str:
    return f"{{{' '.join(map(_joined, value))}}}" if isinstance(value, list) else value

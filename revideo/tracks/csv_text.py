"""Tracks as CSV, a point a line under a line that names the columns → trajectories.

docs/tracks.md says what is read. js/exchange/csv.js reads the same texts and refuses the others with the same messages.
"""

from __future__ import annotations

import re

import torch

from .literals import BLANK, shown_value
from .numbered import NumberedTrack, counted_paths, from_numbered
from .trajectories import Trajectories

_COLUMNS = {
    "x": ("x",),
    "y": ("y",),
    "frame": ("frame", "frames", "frame_number"),
    "id": ("id", "track", "track_id", "path", "path_id", "point", "point_id", "name"),
    "visible": ("visible", "visibility"),
    "occluded": ("occluded",),
}
_NAMELESS = {3: ["frame", "x", "y"], 4: ["id", "frame", "x", "y"]}  # columns, by their number
_TIMES = ("time", "t", "seconds", "timecode")
_FLAGS = {"1": True, "1.0": True, "true": True, "0": False, "0.0": False, "false": False}

_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_DECIMAL_COMMA = re.compile(r"[-+]?[0-9]+,[0-9]+")
_FRAME = re.compile(r"-?[0-9]{1,9}(?:\.0*)?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_ .()\[\]#-]*")

Row = tuple[int, list[str]]  # its line's number, its fields


def read_csv(text: str) -> Trajectories | None:
    """None for a text that is no CSV. Raises ValueError that names the line."""
    begun = text.removeprefix("\ufeff")
    first = re.search(r"[^ \t\r\n][^\r\n]*", begun)
    if first is None or first[0][0] in "[{('<":
        return None
    lines = re.split(r"\r\n|\r|\n", begun)
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip(BLANK)]
    if re.fullmatch(r"sep=[,;\t]", numbered[0][1], re.IGNORECASE | re.ASCII):
        numbered = numbered[1:]  # Excel's word for the separator
    if not numbered:
        return None
    head = numbered[0][1].lstrip("#")
    separator = next((mark for mark in "\t;," if mark in head), None)
    if separator is None:
        return None
    named = [name.lower() for name in _fields(head, separator)]
    if all(_NAME.fullmatch(name) for name in named) and len(named) > 1:
        numbered = numbered[1:]
    elif len(named) > 2 and all(_number(field, separator) is not None for field in named):
        named = []
    else:
        return None
    rows = [(number, _fields(line, separator)) for number, line in numbered]
    columns = named or _guessed(rows)
    for number, fields in rows:
        if len(fields) != len(columns):
            raise ValueError(f"line {number} of the table has {len(fields)} fields, its first line has {len(columns)}")
    return _read_rows(rows, _columns_of(columns), separator, not named)


def _fields(line: str, separator: str) -> list[str]:
    """Split, but for what stands in quotes; without blanks around."""
    whole = re.findall(rf'(?:"[^"]*(?:"|$)|[^"{separator}])*(?:{separator}|$)', line)
    ends_empty = len(whole) > 1 and whole[-2].endswith(separator)
    stripped = [field.removesuffix(separator).strip(BLANK) for field in whole[: None if ends_empty else -1]]
    return [
        field[1:-1].replace('""', '"').strip(BLANK)
        if len(field) > 1 and field[0] == '"' and field[-1] == '"'
        else field
        for field in stripped
    ]


def _number(field: str, separator: str) -> float | None:
    if separator != "," and _DECIMAL_COMMA.fullmatch(field):
        field = field.replace(",", ".")
    return float(field) if _NUMBER.fullmatch(field) else None


def _guessed(rows: list[Row]) -> list[str]:
    """The columns of a text that does not name them; ValueError where they may be others."""
    named = _NAMELESS.get(len(rows[0][1]))
    if named is not None and len(rows) > 1 and all(len(fields) == len(named) for _, fields in rows):
        at = named.index("frame")
        numbers = [int(float(fields[at])) if _FRAME.fullmatch(fields[at]) else None for _, fields in rows]
        owners = [tuple(fields[:at]) for _, fields in rows]
        last: dict[tuple[str, ...], int] = {}
        for owner, number in zip(owners, numbers):
            if number is None or number <= last.get(owner, number - 1):
                break
            last[owner] = number
        else:
            if not all(fields[-1] in _FLAGS for _, fields in rows):
                return named
    raise ValueError(
        "these columns of numbers may mean several things: name them in a first line, such as id,frame,x,y"
    )


def _columns_of(named: list[str]) -> dict[str, int]:
    """Where each meaning stands."""
    columns = {}
    for meaning, names in _COLUMNS.items():
        found = [name for name in named if name in names]
        if len(found) > 1:
            raise ValueError(
                f"the columns {shown_value(found[0])} and {shown_value(found[1])} mean the same: leave one"
            )
        if found:
            columns[meaning] = named.index(found[0])
    for axis in "xy":
        if axis not in columns:
            raise ValueError(f'no column of the table is called "{axis}"; it has {", ".join(map(shown_value, named))}')
    timed = [name for name in named if name in _TIMES]
    if timed and "frame" not in columns:
        raise ValueError(f'the column {shown_value(timed[0])} counts no frames: give a column "frame"')
    if "visible" in columns and "occluded" in columns:
        raise ValueError('the columns "visible" and "occluded" mean the same: leave one')
    return columns


def _read_rows(rows: list[Row], columns: dict[str, int], separator: str, guessed: bool) -> Trajectories:
    tracks: dict[str, NumberedTrack] = {}
    for number, fields in rows:
        value = {meaning: fields[at] for meaning, at in columns.items()}
        owner = value.get("id", "")
        track = tracks.setdefault(owner, NumberedTrack(f"track {shown_value(owner)}" if "id" in columns else "track 0"))
        frame = float(len(track.keys) + len(track.hidden))
        if "frame" in columns:
            if not _FRAME.fullmatch(value["frame"]):
                raise ValueError(f"line {number}: frame {shown_value(value['frame'])} is no whole number")
            frame = float(value["frame"])
        track.add(frame, _point(number, value, separator))
    notes = ["columns read as " + ", ".join(sorted(columns, key=columns.__getitem__))] if guessed else []
    if not tracks:
        raise ValueError("the table has no line of points")
    if "frame" in columns:
        return from_numbered("CSV", list(tracks.values()), notes)
    return _unnumbered(list(tracks.values()))


def _point(number: int, value: dict[str, str], separator: str) -> tuple[float, float] | None:
    """None where it is hidden."""
    shows = True
    for meaning, shown in (("visible", True), ("occluded", False)):
        if meaning in value:
            flag = _FLAGS.get(value[meaning].lower())
            if flag is None:
                raise ValueError(f"line {number}: {meaning} must be 1 or 0, found {shown_value(value[meaning])}")
            shows = flag == shown
    x, y = _number(value["x"], separator), _number(value["y"], separator)
    lost = all(value[axis].lower() in ("", "nan") for axis in "xy")
    if lost or not shows:
        return None
    if x is None or y is None:
        axis = "x" if x is None else "y"
        raise ValueError(f"line {number}: {axis} must be a number, found {shown_value(value[axis])}")
    return x, y


def _unnumbered(tracks: list[NumberedTrack]) -> Trajectories:
    """A point per line, frame by frame."""
    timed = from_numbered("CSV", tracks, [])
    lengths = tuple(len(track.keys) + len(track.hidden) for track in tracks)
    longest = torch.tensor(lengths).max()
    read_as = f"read as CSV: {counted_paths(len(tracks))} of up to {longest} points, a frame each"
    return Trajectories(timed.points_px, timed.visible, lengths, read_as=read_as)

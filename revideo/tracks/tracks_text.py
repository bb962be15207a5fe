"""Tracks as text, as other editors, trackers and packs write them → trajectories.

docs/tracks.md says what is read. js/document/tracks_text.js reads the same texts to the same points and refuses the
others with the same messages.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

import torch

from .trajectories import FARTHEST_PX, MAX_PLACES, Trajectories

MAX_LENGTH = 64_000_000  # characters: 64 for each of as many points as are read
MAX_POINTS = 1_000_000  # a drawing has thousands; more is a mistake that would only exhaust memory
MAX_DEPTH = 100  # of nested brackets: far less than Python's reader recurses safely
BLANK = " \t\r\n"


def parse_tracks(text: str) -> Trajectories:
    """Reads the tracks of any tool, in pixels; where one ends before the others it is hidden.

    Understood: a list of tracks, each a list of {"x", "y"} or [x, y], with "visible" or a third value False where a
    point is hidden; one track alone; several such texts in a list; Python's single quotes and tuples; lines of `x,y`;
    an object with "coordinates". No track at all is a valid answer ("[]").
    Raises ValueError that names the track and the point.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"the tracks are a text of {len(text)} characters; at most {MAX_LENGTH} are read")
    tracks, drawn_on = _tracks_in(text)
    lengths = [len(track) if isinstance(track, list) else 0 for track in tracks]
    num_frames = max(lengths, default=0)
    if sum(lengths) > MAX_POINTS:
        raise ValueError(f"the tracks hold {sum(lengths)} points; at most {MAX_POINTS} are read")
    if len(tracks) * num_frames > MAX_PLACES:
        raise ValueError(
            f"the tracks are {len(tracks)} paths of up to {num_frames} points, which makes "
            f"{len(tracks) * num_frames} places; at most {MAX_PLACES} are read: split paths so unlike in length"
        )
    points = [point for number, track in enumerate(tracks) for point in _read_track(number, track)]
    given = torch.arange(num_frames) < torch.tensor(lengths, dtype=torch.long)[:, None]
    points_px, visible = torch.zeros(len(tracks), num_frames, 2), given.clone()
    points_px[given] = torch.tensor([point[:2] for point in points]).view(-1, 2)
    visible[given] = torch.tensor([point[2] for point in points], dtype=torch.bool)
    return Trajectories(points_px, visible, tuple(lengths), drawn_on)


def _tracks_in(text: str) -> tuple[list[Any], tuple[float, float] | None]:
    """The tracks of a text, however deep the tool wrapped them, lists in lists, texts in texts; the size it names."""
    tracks: list[Any] = []
    drawn_on: tuple[float, float] | None = None
    unread: list[Any] = [text]  # the next one last
    while unread:
        value = unread.pop()
        if isinstance(value, str):
            unread.append(_read_value(value))
        elif isinstance(value, dict) and "coordinates" in value:
            if "coord_width" in value or "coord_height" in value:
                drawn_on = _read_size(value.get("coord_width"), value.get("coord_height"))
            unread.append(value["coordinates"])
        elif isinstance(value, dict) and "paths" in value and "regions" in value:
            raise ValueError("this is a drawing, not tracks: give it as the drawing (--document, or the editor)")
        elif not isinstance(value, list):
            raise ValueError(f"the tracks must be a list of paths, not {_type_name(value)}")
        elif value and (isinstance(value[0], str) or _holds_lists(value[0])):
            _check_batch(value)
            unread += value[::-1]  # several texts, each with tracks of its own, or one level too many
        elif value and _is_point(value[0]):
            tracks.append(value)  # one track alone
        else:
            tracks += value
    return tracks, drawn_on


def _read_size(width: Any, height: Any) -> tuple[float, float]:
    if not (isinstance(width, float) and isinstance(height, float) and 0 < width < 1e6 and 0 < height < 1e6):
        raise ValueError(
            f"coord_width and coord_height must be sizes above 0, found {_shown(width)} and {_shown(height)}"
        )
    return width, height


def _check_batch(value: list[Any]) -> None:
    """ValueError for one array of frames × points × 2, as trackers give it, or of paths × frames × 2: who knows."""
    if len(value) != 1 or not isinstance(value[0], list) or len(value[0]) < 2:
        return
    sizes = {len(row) if isinstance(row, list) and _pairs(row) else 0 for row in value[0]}
    if len(sizes) == 1 and min(sizes) > 1:
        raise ValueError(
            f"the tracks are one array of shape (1, {len(value[0])}, {min(sizes)}, 2): frames of points, as CoTracker "
            f"gives them, or paths of points? Take the outermost brackets away once it is a list of paths"
        )


def _pairs(row: list[Any]) -> bool:
    return all(isinstance(pair, list) and len(pair) == 2 for pair in row)


def _holds_lists(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], list) and not _is_point(value[0])


def _is_point(value: Any) -> bool:
    if isinstance(value, dict):
        return "coordinates" not in value
    if not isinstance(value, list) or len(value) not in (2, 3) or (len(value) == 3 and not isinstance(value[2], bool)):
        return False
    return not any(isinstance(v, (list, dict, str)) for v in value)


def _read_track(number: int, track: Any) -> list[tuple[float, float, bool]]:
    if not isinstance(track, list):
        raise ValueError(f"track {number} must be a list of points, not {_type_name(track)}")
    if not track:
        raise ValueError(f"track {number} has no points")
    points = []
    for frame, point in enumerate(track):
        pair, shows = point, True
        if isinstance(point, dict):
            pair = [point.get("x"), point.get("y")]
            shows = point.get("visible", True)
        elif isinstance(point, list) and len(point) == 3 and isinstance(point[2], bool):
            pair, shows = point[:2], point[2]
        if not isinstance(pair, list) or len(pair) != 2:
            raise ValueError(f"track {number}, point {frame}: expected x and y, found {_shown(point)}")
        if not (isinstance(shows, bool) or shows in (0.0, 1.0)):
            raise ValueError(f"track {number}, point {frame}: visible must be true or false, found {_shown(shows)}")
        x, y = pair
        if not shows and x is None and y is None:
            x = y = 0.0  # a tracker has no place for what it lost
        if not (isinstance(x, float) and isinstance(y, float)):
            raise ValueError(f"track {number}, point {frame}: x and y must be numbers, found {_shown(point)}")
        if not (abs(x) <= FARTHEST_PX and abs(y) <= FARTHEST_PX):
            where = f"track {number}, point {frame}: x {_shown(x)}, y {_shown(y)}"
            if not (math.isfinite(x) and math.isfinite(y)):
                raise ValueError(f"{where} is not finite")
            raise ValueError(f"{where} must lie within ±{FARTHEST_PX} pixels")
        points.append((x, y, bool(shows)))
    return points


# --- JSON, or Python's printed list ---------------------------------------------------------


def _read_value(text: str) -> Any:
    """What a text holds; every number as JavaScript reads it, a float."""
    text = text.removeprefix("\ufeff").lstrip(BLANK)  # Windows' programs mark the beginning of a file
    if not text:
        raise ValueError('the tracks are empty; write "[]" to edit without trajectories')
    if _LINES.fullmatch(text):
        paths = re.split(r"\n[ \t\r]*\n", text.strip(BLANK))
        text = f"[{','.join(_lines_as_json(path) for path in paths if path.strip(BLANK))}]"
    try:
        return _read_json(text)
    except ValueError as error:
        if _PRINTED_ARRAY.search(text):
            raise ValueError("the tracks are an array as NumPy or torch print it: give .tolist() of it") from None
        if "'" not in text and "(" not in text:
            raise ValueError(f"the tracks are not JSON: {error}") from None
    try:
        return _read_json(_python_as_json(text))
    except ValueError:
        raise ValueError(f"the tracks are neither JSON nor a Python list: {_shown(text)}") from None


# Their texts leave values out where there are many, so none is read.
_PRINTED_ARRAY = re.compile(r"(?:array|tensor|float[0-9]+|int[0-9]+)\(|\[[ \t]*-?[0-9]*\.[0-9]*[ \t]+-?[0-9]")

# One point a line, as Tora's trajectories; an empty line ends a path.
_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"
_LINE = rf"[ \t]*{_NUMBER}[ \t]*,[ \t]*{_NUMBER}[ \t]*\r?"
_LINES = re.compile(rf"{_LINE}\n(?:[ \t]*\r?\n)*{_LINE}(?:\n(?:{_LINE}|[ \t]*\r?))*")


def _lines_as_json(path: str) -> str:
    return f"[{','.join(f'[{line.strip(BLANK)}]' for line in path.split(chr(10)) if line.strip(BLANK))}]"


_TEXT_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|([\[{])|([\]}])', re.DOTALL)


def _read_json(text: str) -> Any:
    depth = 0
    for match in _TEXT_OR_BRACKET.finditer(text):
        depth += bool(match[1]) - bool(match[2])
        if depth > MAX_DEPTH:
            raise ValueError(f"brackets are nested more than {MAX_DEPTH} deep")
    return json.loads(text, parse_int=float)


# Nothing in a Python list is run: its escapes and then its other tokens are written as JSON writes them, and what is
# wrong about their order is JSON's to refuse. Quotes do not occur in escapes then, so that they pair.
_ESCAPE = re.compile(
    r"""\\(?:([\\'"bfnrt])|x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})"""
    r"|U(000[1-9A-Fa-f][0-9A-Fa-f]{4}|0010[0-9A-Fa-f]{4}))|(\\)"
)
_TOKEN = re.compile(
    r""""([^"\x00-\x1f]*)"|'([^'\x00-\x1f]*)'"""
    r"|(True|False|None)"
    r"|([-+]?)(?=\.?[0-9])([0-9]*)(?:\.([0-9]*))?([eE][-+]?[0-9]+)?"
    r"|,(?=[ \t\r\n]*[\]})])"  # after the last item
    r"|([\[({][ \t\r\n]*,|[^\[\](){},: \t\r\n])"  # no token at all
    r"|([\[\](){}])"
)
_ENDS = {"]": "[", ")": "(", "}": "{"}
_LETTERS = {"\\": "5c", "'": "27", '"': "22", "b": "08", "f": "0c", "n": "0a", "r": "0d", "t": "09"}
_NAMES = {"True": "true", "False": "false", "None": "null"}


def _python_as_json(text: str) -> str:
    """Raises ValueError for what Python does not print."""
    opened: list[str] = []  # a tuple is a list, but ends as it began
    return _TOKEN.sub(lambda token: _token_as_json(token, opened), _ESCAPE.sub(_escape_as_json, text))


def _escape_as_json(escape: re.Match[str]) -> str:
    letter, two, four, eight, wrong = escape.groups()
    if wrong:
        raise ValueError(wrong)
    if eight:
        return chr(int(eight, 16))
    return f"\\u{four or '00' + (two or _LETTERS[letter])}"


def _token_as_json(token: re.Match[str], opened: list[str]) -> str:
    double, single, name, sign, whole, fraction, exponent, wrong, bracket = token.groups()
    if wrong:
        raise ValueError(wrong)
    if bracket in _ENDS:
        if not opened or opened.pop() != _ENDS[bracket]:
            raise ValueError(bracket)
        return "]" if bracket == ")" else bracket
    if bracket:
        opened.append(bracket)
        return "[" if bracket == "(" else bracket
    if double is not None:
        return token[0]
    if single is not None:
        return '"' + single.replace('"', '\\"') + '"'
    if name:
        return _NAMES[name]
    if sign is not None:
        return f" {sign.strip('+')}{whole or 0}.{fraction or 0}{exponent or ''} "
    return ""


# --- Messages --------------------------------------------------------------------------------


def _type_name(value: Any) -> str:
    return "int" if isinstance(value, float) and value.is_integer() else type(value).__name__


def _shown(value: Any) -> str:
    """About as Python shows it, in ASCII, whatever the platform; cut after 60 characters."""
    if isinstance(value, str):
        shown = json.dumps(value)[1:-1].replace('\\"', '"')
        shown = f'"{shown}"' if "'" in shown and '"' not in shown else "'" + shown.replace("'", "\\'") + "'"
    elif isinstance(value, list):
        shown = f"[{', '.join(map(_shown, value))}]"
    elif isinstance(value, dict):
        shown = f"{{{', '.join(sorted(f'{_shown(key)}: {_shown(item)}' for key, item in value.items()))}}}"
    elif isinstance(value, float):
        shown = repr(value + 0.0).removesuffix(".0")  # no -0
    else:
        shown = str(value)
    return shown if len(shown) <= 60 else f"{shown[:60]}…"

"""Values as tools write them: JSON, a list that Python printed, lines of numbers; and how messages show them.

docs/tracks.md says what is read. js/exchange/literals.js reads the same texts to the same values.
"""

from __future__ import annotations

import json
import re
from typing import Any

MAX_POINTS = 1_000_000  # a drawing has thousands; more is a mistake that would only exhaust memory
MAX_DEPTH = 100  # of nested brackets: far less than Python's reader recurses safely
BLANK = " \t\r\n"


def read_value(text: str) -> Any:
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
        raise ValueError(f"the tracks are neither JSON nor a Python list: {shown_value(text)}") from None


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


def type_name(value: Any) -> str:
    return "int" if isinstance(value, float) and value.is_integer() else type(value).__name__


def shown_value(value: Any) -> str:
    """About as Python shows it, in ASCII, whatever the platform; cut after 60 characters."""
    if isinstance(value, str):
        shown = json.dumps(value)[1:-1].replace('\\"', '"')
        shown = f'"{shown}"' if "'" in shown and '"' not in shown else "'" + shown.replace("'", "\\'") + "'"
    elif isinstance(value, list):
        shown = f"[{', '.join(map(shown_value, value))}]"
    elif isinstance(value, dict):
        shown = f"{{{', '.join(sorted(f'{shown_value(key)}: {shown_value(item)}' for key, item in value.items()))}}}"
    elif isinstance(value, float):
        shown = repr(value + 0.0).removesuffix(".0")  # no -0
    else:
        shown = str(value)
    return shown if len(shown) <= 60 else f"{shown[:60]}…"

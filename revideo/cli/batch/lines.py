"""A file of edits → the arguments of each, checked as `revideo edit` checks them before any is made."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from ...files import read_text
from ..edit import add_edit

ELSEWHERE = {"help": "a line is an edit", "device": "which device is the batch's to say, by --device"}
REPEATED = ("keyframe",)  # options that may be given more than once: lists of texts


@dataclass(frozen=True)
class BatchLine:
    """One edit of a batch."""

    number: int  # in the file, counted from 1
    arguments: argparse.Namespace  # as `revideo edit` has them; every path is absolute

    @property
    def output(self) -> Path:
        return self.arguments.output


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def read_lines(file: Path, device: str | None) -> list[BatchLine]:
    """All edits of a file; ValueError names the line that is none, or the two that write one file.

    `device` is every edit's. Files that an edit reads are not opened yet.
    """
    lines = []
    for number, text in enumerate(
        read_text(file, "JSON lines").split("\n"), 1
    ):  # no other line's end: texts may hold them
        if not text.strip():
            continue
        try:
            arguments = edit_arguments(_read_object(text), file.absolute().parent, device)
        except ValueError as error:
            raise ValueError(f"{file}, line {number}: {error}") from None
        lines.append(BatchLine(number, arguments))
    if not lines:
        raise ValueError(f"{file} has no line with an edit")
    _check_outputs(file, lines)
    return lines


@cache
def _parsers() -> tuple[_Parser, argparse.ArgumentParser]:
    parser = _Parser(prog="revideo")
    return parser, add_edit(parser.add_subparsers())


def edit_arguments(
    given: dict[str, Any], folder: Path, device: str | None, elsewhere: Mapping[str, str] = ELSEWHERE
) -> argparse.Namespace:
    """Options of `revideo edit` by their names → its arguments, whose paths count from `folder`.

    Raises ValueError that names the option; `elsewhere`: those that have no place here, and why.
    """
    parser, edit = _parsers()
    arguments = parser.parse_args(["edit", *_words(dict(given), edit, elsewhere)])
    for name, value in vars(arguments).items():
        if isinstance(value, Path):
            setattr(arguments, name, folder / value)
    arguments.keyframes = [(index, folder / picture) for index, picture in arguments.keyframes]
    arguments.device = device
    return arguments


def check_line(line: BatchLine) -> None:
    """Reads and checks all that an edit was given but the weights; ValueError or OSError names the culprit."""
    from ..edit_long import read_long_inputs
    from ..inputs import read_inputs

    (read_long_inputs if line.arguments.long else read_inputs)(line.arguments)


def _read_object(text: str) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name.replace("_", "-") for name, _ in pairs]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise ValueError(f'"{twice}" stands there twice')
        return dict(zip(names, (value for _, value in pairs)))

    try:
        given = json.loads(text, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is no JSON: {error.msg} at character {error.pos + 1}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(given, dict):
        raise ValueError('it must be an object, as {"video": "clip.mp4", "output": "edited.mp4", …}')
    return given


def _words(given: dict[str, Any], edit: argparse.ArgumentParser, elsewhere: Mapping[str, str]) -> Iterator[str]:
    """The command line that says the same, the clip last."""
    options = {word[2:]: action for action in edit._actions for word in action.option_strings if word[:2] == "--"}
    video = given.pop("video", None)
    if not isinstance(video, str) or not video:
        raise ValueError('"video" must be the name of a file')
    for name, value in given.items():
        if name in elsewhere:
            raise ValueError(f'"{name}" has no place here: {elsewhere[name]}')
        if name not in options:
            raise ValueError(f'"{name}" is no option of revideo edit (see: revideo edit --help)')
        if value is None:
            continue
        takes_none = options[name].nargs == 0
        if takes_none != isinstance(value, bool):
            raise ValueError(f'"{name}" must be {"true or false" if takes_none else "a text or a number"}')
        if value is True:
            yield f"--{name}"
        elif value is False:
            if f"no-{name}" in options:  # else it is off unless asked for
                yield f"--no-{name}"
        elif isinstance(value, (str, int, float)):
            yield f"--{name}={value}"
        elif name in REPEATED and isinstance(value, list) and all(isinstance(each, str) for each in value):
            yield from (f"--{name}={each}" for each in value)
        else:
            raise ValueError(f'"{name}" must be a text or a number')
    yield video if not video.startswith("-") else f"./{video}"


def _check_outputs(file: Path, lines: list[BatchLine]) -> None:
    """That no line writes what another writes or reads."""
    written: dict[Path, int] = {}
    for line in lines:
        given = vars(line.arguments)
        for target in filter(None, (given[name] for name in ("output", "preview", "fusion"))):
            before = written.setdefault(target.resolve(), line.number)
            if before != line.number:
                raise ValueError(f"{file}, lines {before} and {line.number} both write {target}: name another output")
    for line in lines:
        given, writes = vars(line.arguments), ("output", "preview", "fusion", "windows")
        read = [value for name, value in given.items() if isinstance(value, Path) and name not in writes]
        for value in [*read, *(picture for _, picture in given["keyframes"])]:
            writer = written.get(value.resolve(), line.number)
            if writer != line.number:
                raise ValueError(
                    f"{file}, line {line.number} reads {value}, which line {writer} writes: "
                    f"edits of one batch are made in any order, so make two batches of them"
                )
    _check_windows(file, lines)


def _check_windows(file: Path, lines: list[BatchLine]) -> None:
    """That no two long edits keep their windows in one folder."""
    folders: dict[Path, int] = {}
    for line in lines:
        if line.arguments.long and line.arguments.windows:
            before = folders.setdefault(line.arguments.windows.resolve(), line.number)
            if before != line.number:
                raise ValueError(f'{file}, lines {before} and {line.number} have one folder of "windows": name two')

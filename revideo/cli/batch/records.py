"""What was made of which line: a record beside each output, and the claim that one worker at a time has on it."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from ...files import locked, whole_file
from ...video.stream import numbered_pictures

NO_INPUTS = ("run", "device", "memory", "windows", "keep_windows")  # what changes nothing of the result


@contextmanager
def claimed(output: Path, wait: bool) -> Iterator[None]:
    """Around the making of `output`, on any machine that has the folder; OSError where another is at it.

    `wait`: until it is not. The lock's file goes when a record is there, by which whoever comes later knows.
    """
    lock = output.with_name(f".{output.name}.lock")
    with locked(lock, str(output), wait=wait):
        yield
        if record_file(output).exists():
            lock.unlink(missing_ok=True)


def record_file(output: Path) -> Path:
    return output.with_name(f"{output.name}.record.json")


def is_finished(arguments: argparse.Namespace) -> bool:
    """Whether the output is there and was made of this line, of the files as they are now."""
    output = arguments.output
    try:
        record = json.loads(record_file(output).read_text("utf-8"))
        size = output.stat().st_size
        return (record["made_of"], record["bytes"]) == (line_fingerprint(arguments), size)
    except (OSError, ValueError, KeyError, TypeError):  # none, or one that says nothing
        return False


def write_record(arguments: argparse.Namespace, made_of: str) -> None:
    """To be written when the output is whole; `made_of`: the line's fingerprint before it was made."""
    output = arguments.output
    with whole_file(record_file(output)) as unfinished:
        unfinished.write_text(json.dumps({"made_of": made_of, "bytes": output.stat().st_size}) + "\n", "utf-8")


def line_fingerprint(arguments: argparse.Namespace) -> str:
    """Another one for other options, and where a file that is read was changed since."""
    given: dict[str, Any] = {}
    for name, value in sorted(vars(arguments).items()):
        if name in NO_INPUTS:
            continue
        given[name] = str(value)
        if isinstance(value, Path) and name not in ("output", "preview", "fusion"):
            given[name] = [(str(file), *_state(file)) for file in files_of(value)]
    return sha256(json.dumps(given).encode()).hexdigest()


def files_of(path: Path) -> list[Path]:
    """All that is read where a path is given: a folder's files, numbered pictures' (frame_%04d.png), or itself."""
    if path.is_dir():
        return sorted(path.rglob("*"))
    numbered = not path.exists() and re.search(r"%(0\d)?d", path.name)
    return numbered_pictures(path) if numbered else [path]


def _state(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_size, status.st_mtime_ns

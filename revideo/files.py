"""Files the user named: checked before any work, written whole or not at all, and known again."""

from __future__ import annotations

import errno
import glob
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from filelock import FileLock, Timeout

LOCK_FILE = ".lock"  # of a folder that one run at a time works in
WRITING = ".writing"  # behind a temporary file's name: the lock of who writes it
SHOWN = 40  # characters of a file's name in its temporary one, which may be no longer than others


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """A name in the same folder to write to; only when all went well does it become `path`.

    What killed runs left there of such names is removed. Raises OSError that names the culprit where the folder is
    not there or cannot be written into, the name is too long or the disk is full.
    """
    path = Path(path)
    unfinished = _begin(path)
    lock = unfinished.with_name(unfinished.name + WRITING)
    try:
        with locked(lock, str(unfinished)):
            _remove_leftovers(path)
            yield unfinished
            unfinished.chmod(0o666 & ~_umask())  # mkstemp hides its files from other users
            unfinished.replace(path)
    except BaseException as error:
        unfinished.unlink(missing_ok=True)
        if getattr(error, "errno", None) == errno.ENOSPC or "No space left" in str(error):
            raise OSError(errno.ENOSPC, f"the disk is full, so this file was not written: {path}") from None
        raise
    finally:
        lock.unlink(missing_ok=True)


def _begin(path: Path) -> Path:
    """An empty temporary file beside `path`."""
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent} to write {path.name} into")
    try:
        with suppress(FileNotFoundError):
            path.lstat()  # refuses a name that is too long
        handle, name = tempfile.mkstemp(prefix=_start(path), suffix=path.suffix, dir=path.parent)
    except OSError as error:
        raise OSError(error.errno, f"{path} cannot be written: {error.strerror}") from None
    os.close(handle)
    return Path(name)


def _start(path: Path) -> str:
    return f".{path.stem[:SHOWN]}-"


def _remove_leftovers(path: Path) -> None:
    for lock in path.parent.glob(f"{glob.escape(_start(path))}*{WRITING}"):
        with suppress(OSError), locked(lock, ""):  # which another run holds while it writes
            lock.with_name(lock.name.removesuffix(WRITING)).unlink(missing_ok=True)
            lock.unlink()


@contextmanager
def locked(file: Path, what: str, wait: bool = False) -> Iterator[None]:
    """Around what one process at a time may do: BlockingIOError that says so of `what` where another is at it.

    `wait`: until it no longer is. `file` is made for it. The system holds the lock, so that no killed process
    leaves one behind.
    """
    lock = FileLock(file)
    try:
        lock.acquire(blocking=wait)
    except Timeout:
        raise BlockingIOError(f"{what} is in use by another run: wait for its end, or name another folder") from None
    try:
        yield
    finally:
        lock.release()


def read_text(file: Path, what: str) -> str:
    """A text file of `what`; ValueError that names it where it is none."""
    try:
        content = file.read_bytes()
        # Windows' programs mark their texts, Excel and PowerShell write UTF-16.
        return content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{file} is not a text file of {what}") from None


def check_sources(files: Iterable[Path | None], clips: Iterable[Path | None] = ()) -> None:
    """That they are there; `clips` may also be numbered pictures, `frame_%04d.png`, which their reader looks for."""
    for file in filter(None, (*files, *(clip for clip in clips if clip and "%" not in clip.name))):
        if not file.exists():
            raise FileNotFoundError(f"there is no file {file}")


def check_target(file: Path, suffixes: tuple[str, ...], inputs: Iterable[Path | None]) -> None:
    """That a file can be written there, known before hours of work: its temporary file is made and removed."""
    if file.suffix.lower() not in suffixes:
        wanted = ", ".join(suffix or "no suffix (a folder)" for suffix in suffixes)
        raise ValueError(f"{file}: the name must end in one of {wanted}")
    _begin(file).unlink()
    if file.suffix and file.is_dir():
        raise ValueError(f"{file} is a folder")
    if any(given and given.resolve() == file.resolve() for given in inputs):
        raise ValueError(f"{file} is an input too and would be overwritten")


def check_folder(folder: Path) -> None:
    """That files can be written there, which may be yet to be made; it is not."""
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is not a folder")
    nearest = next(each for each in (folder, *folder.absolute().parents) if each.is_dir())
    _begin(nearest / folder.name).unlink()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def file_checksum(file: Path) -> str:
    """SHA-256 of all that it holds, in hexadecimal digits; OSError where it cannot be read."""
    digest = sha256()
    with file.open("rb") as content:
        while block := content.read(2**20):
            digest.update(block)
    return digest.hexdigest()

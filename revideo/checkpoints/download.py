"""The released weights fetched from the hub, resumed where a download stopped, checked, and converted; whole or not."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..files import check_target
from .released import ADDRESS, LICENCE, LICENCE_ADDRESS, RELEASED_FILE, REPOSITORY, WEIGHTS, download_target

STORED_DTYPES = ("float16", "bfloat16", "float32")  # that can be stored
RELEASED_BYTES_PER_NUMBER = 4  # the released file holds fp32
SHA256 = re.compile(r"[0-9a-f]{64}")
BLOCK_BYTES = 2**22
REASON_LETTERS = 120  # of what an HTTP library says, some of which print their objects

_log = logging.getLogger(__name__)


class DownloadError(OSError):
    """The weights could not be fetched: one sentence that says why, and what to do."""


class ConnectionLost(DownloadError):
    """The hub could not be reached, or no longer."""


@dataclass(frozen=True)
class HubFile:
    """What the hub says of a file before it is fetched."""

    address: str
    size: int  # bytes
    checksum: str  # sha256 in hexadecimal digits; any other identifier where the hub, or a mirror, gives none


def download(
    target: str | Path | None = None,
    *,
    accept_licence: bool = False,
    dtype: str = "float16",
    revision: str = "main",
    keep_ckpt: bool = False,
    endpoint: str | None = None,
    config: Any = None,
    report: Callable[[str], None] = _log.info,
) -> Path:
    """The released weights as a `.safetensors` file, whose path is returned; one that is there is checked, not fetched.

    `target`: as in `download_target`; `dtype`: torch's name of the precision to store; `keep_ckpt`: leave the download
    beside the target, as a `.ckpt`; `endpoint`: of the hub, or of a mirror (else HF_ENDPOINT's); `config`: the sizes of
    another model. Raises ValueError or OSError, which say what stands in the way.
    """
    target = download_target(target)
    check_target(target, (".safetensors",), ())
    if target.exists():
        check_whole(target, config)
        return target
    if not accept_licence:
        raise ValueError(f"the weights are under {LICENCE} ({LICENCE_ADDRESS}): accept it first (accept_licence)")
    if dtype not in STORED_DTYPES:
        raise ValueError(f'dtype "{dtype}" is not one of {", ".join(STORED_DTYPES)}')
    fetched = target.with_suffix(".ckpt")
    if keep_ckpt and fetched.exists():
        raise ValueError(f"{fetched} is there already: move it away, or name another target")
    file = _find(revision, endpoint, target)
    part = target.with_name(f"{target.stem}.{_short(file.checksum)}.part")  # another file is never taken up for it
    _check_room(file, part, target, dtype)
    report(f"fetching {file.size / 1e9:,.1f} GB from {file.address}")
    _fetch(file, part, target)
    _check_content(file, part)
    report(f"converting to {target}")
    _convert(part, target, dtype, config)
    if keep_ckpt:
        part.replace(fetched)
    else:
        part.unlink()
    return target


def check_whole(target: Path, config: Any = None) -> None:
    """That a file holds a whole model, by names and shapes; raises ValueError where it does not."""
    from .reading import CheckpointError, open_checkpoint

    try:
        open_checkpoint(target, config)
    except CheckpointError as error:
        raise ValueError(f"{target} is there already, but it is no whole model: move it away first ({error})") from None


def _find(revision: str, endpoint: str | None, target: Path) -> HubFile:
    """Asks the hub; raises DownloadError."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.utils import build_hf_headers

    endpoint = endpoint or os.environ.get("HF_ENDPOINT") or None
    address = hf_hub_url(REPOSITORY, RELEASED_FILE, revision=revision, endpoint=endpoint)
    try:
        found = get_hf_file_metadata(address, headers=build_hf_headers())
    except Exception as error:  # of the HTTP library that the hub's client uses, which its releases change
        raise _explained(error, address, target) from error
    if not found.etag or not found.size:
        raise DownloadError(
            f"{address} answers with neither size nor checksum, so it is not the hub (a proxy, or a page to log in?); "
            f"{_by_hand(target)}"
        )
    return HubFile(address, found.size, found.etag)


def _check_room(file: HubFile, part: Path, target: Path, dtype: str) -> None:
    """Raises OSError where the disk has no room for what is still to be fetched and for the result."""
    bits = 32 if dtype == "float32" else 16
    result = file.size * bits // (8 * RELEASED_BYTES_PER_NUMBER)
    rest = max(file.size - _size(part), 0)
    free = shutil.disk_usage(target.parent).free
    if free < rest + result:
        raise OSError(
            f"{target.parent.resolve()} has room for {free / 1e9:,.1f} GB, and {(rest + result) / 1e9:,.1f} GB are "
            f"needed: {rest / 1e9:,.1f} for the download, {result / 1e9:,.1f} for {target.name}; make room, or name a "
            f"target on another disk"
        )


def _fetch(file: HubFile, part: Path, target: Path) -> None:
    """The rest of the file, behind what of it is there: the hub's own cache begins anew in every process."""
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    while (begun := _size(part)) != file.size:
        try:
            with part.open("ab" if begun < file.size else "wb") as content:
                http_get(
                    file.address,
                    content,
                    resume_size=content.tell(),
                    headers=build_hf_headers(),
                    expected_size=file.size,
                    displayed_filename=RELEASED_FILE,
                )
        except Exception as error:
            explained = _explained(error, file.address, target, part)
            if not isinstance(explained, ConnectionLost) or _size(part) <= begun:  # else something came: go on
                raise explained from error
        finally:
            if not _size(part):
                part.unlink(missing_ok=True)


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _check_content(file: HubFile, part: Path) -> None:
    """That what was fetched is what the hub has; if not, it is of no use and goes."""
    from tqdm import tqdm

    if not SHA256.fullmatch(file.checksum):
        _log.warning("%s has no checksum: only the size of the download was checked", file.address)
        return
    digest = hashlib.sha256()
    with part.open("rb") as content, tqdm(total=file.size, desc="checking", unit="B", unit_scale=True) as bar:
        while block := content.read(BLOCK_BYTES):
            digest.update(block)
            bar.update(len(block))
    if digest.hexdigest() != file.checksum:
        part.unlink()
        raise DownloadError(
            f"what was fetched is damaged and was removed (its sha256 begins with {digest.hexdigest()[:12]}, that of "
            f"{file.address} with {file.checksum[:12]}): run the same command again"
        )


def _convert(part: Path, target: Path, dtype: str, config: Any) -> None:
    import torch

    from .file_formats import CheckpointError
    from .writing import convert

    try:
        convert(part, target, config=config, dtype=getattr(torch, dtype))
    except CheckpointError as error:
        raise CheckpointError(
            f"what {ADDRESS} holds now is not the model that this version knows ({error}): update ReVideo; "
            f"the download is {part}, delete it if you need the room"
        ) from None


def _short(checksum: str) -> str:
    return checksum[:12] if SHA256.fullmatch(checksum) else hashlib.sha256(checksum.encode()).hexdigest()[:12]


def _by_hand(target: Path, address: str = ADDRESS) -> str:
    return (
        f"in a browser the file is {address}; put it into ComfyUI's models/checkpoints as it is, or run "
        f'`python -m revideo convert {RELEASED_FILE} "{target}" --dtype fp16`'
    )


def _explained(error: Exception, address: str, target: Path, part: Path | None = None) -> OSError:
    """In one sentence; `part`: what a download that has begun is written to."""
    from huggingface_hub import errors

    if isinstance(error, errors.OfflineModeIsEnabled):
        return DownloadError(f"HF_HUB_OFFLINE is set, so nothing is fetched: unset it; or, {_by_hand(target)}")
    if isinstance(error, errors.GatedRepoError):
        return DownloadError(
            f"the authors ask who fetches the file: ask for access on https://huggingface.co/{REPOSITORY}, then set "
            f"HF_TOKEN to a token of yours and run the same command again"
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return DownloadError(f"there is no such revision: {address}")
    if isinstance(error, (errors.RepositoryNotFoundError, errors.EntryNotFoundError)):
        return DownloadError(f"there is no file for you at {address}: {WEIGHTS} says where the authors keep it now")
    begun = part is not None and _size(part) > 0
    later = f"what was fetched is kept in {part}: run the same command again to go on" if begun else _by_hand(target)
    answer = getattr(error, "response", None)  # of HfHubHTTPError; a lost connection has none
    if answer is not None and answer.status_code == 401:
        return DownloadError(
            "the server refuses your token (of HF_TOKEN, or the one that `hf auth login` saved): renew or remove it, "
            "and run the same command again"
        )
    if answer is not None:
        return DownloadError(f"the server answers {answer.status_code} for {address}: try again later; {later}")
    reason = (str(error).splitlines() or [type(error).__name__])[0][:REASON_LETTERS]
    number = getattr(error, "errno", None)
    if number is not None and not isinstance(error, (ConnectionError, TimeoutError)):
        remedy = (
            "name a folder that you may write to" if number in (errno.EACCES, errno.EPERM, errno.EROFS) else "make room"
        )
        return OSError(f"{part or target} cannot be written ({os.strerror(number)}): {remedy}; {later}")
    return ConnectionLost(f"{address} {'broke off' if begun else 'cannot be reached'} ({reason}); {later}")

"""Tensors out of files: a file is what its content says, whatever its suffix, and nothing in it is ever run."""

from __future__ import annotations

import json
import pickle
import re
import zipfile
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from .names import Weights
from .released import ADDRESS

HEAD_BYTES = 512  # enough to tell every form
HEADER_BYTES_MAX = 100_000_000  # of a .safetensors file, by its specification
INDEX_BYTES_MAX = 50_000_000  # thousands of names take less than one
SHARD = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})(?P<suffix>\.\w+)", re.IGNORECASE)
OUTSIDE = re.compile(r"[/\\:\0\ud800-\udfff]")  # in a shard's name: it leads out of the folder, or is no text
WRAPPERS = ("module", "_orig_mod")  # put before names by DataParallel and by torch.compile; no tensor is called so
STATE_KEYS = ("state_dict", "model")  # under which training programs put a model's weights
STORED_TYPES = {  # of a .safetensors file
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


class CheckpointError(ValueError):
    """A file that is missing, damaged, unsafe, or not what it was taken for."""


def read_tensors(path: Path) -> tuple[Weights, dict[str, str]]:
    """The tensors of a file, memory-mapped, under the names they had before they were wrapped, and its metadata.

    A shard, or the index of shards, stands for all of them. Raises CheckpointError, which says what the file is.
    """
    if not path.is_file():
        raise CheckpointError(f"{path.name} is no file that can be read (a folder, or a link to nothing?): remove it")
    weights: Weights = {}
    metadata: dict[str, str] = {}
    for file in _shards(path) or [path]:
        tensors, stated = _read_file(file)
        for name, tensor in tensors.items():
            if weights.setdefault(_unwrapped(name), tensor) is not tensor:
                raise CheckpointError(f"{file.name} holds {name} a second time, and it is not said which is meant")
        metadata |= stated
    return weights, metadata


def _unwrapped(name: str) -> str:
    return ".".join(part for part in name.split(".") if part not in WRAPPERS) or name


def _shards(path: Path) -> list[Path]:
    """All files of the model that `path` is a shard or the index of; none where it is neither."""
    found = SHARD.fullmatch(path.name)
    if found:
        count = int(found["count"])
        names = [f"{found['stem']}-{number:05}-of-{count:05}{found['suffix']}" for number in range(1, count + 1)]
        what = f"{path.name} is shard {int(found['number'])} of {count}"
    else:
        names = _index(path)
        what = f"{path.name} is the index of {len(names)} shards"
    strange = [name for name in names if OUTSIDE.search(name) or name in ("", ".", "..") or len(name) > 255]
    if strange:
        raise CheckpointError(
            f"{path.name} names a shard outside of its folder, which is not read: {strange[0][:80]!r}"
        )
    absent = [name for name in names if not (path.parent / name).is_file()]
    if absent:
        raise CheckpointError(
            f"{what}, and {absent[0]} is not beside it ({len(absent)} missing): put all shards into one folder"
        )
    return [path.parent / name for name in names]


def _index(path: Path) -> list[str]:
    """The shards that an index names; none where the file is something else."""
    with path.open("rb") as file:
        if file.read(HEAD_BYTES).lstrip()[:1] != b"{" or path.stat().st_size > INDEX_BYTES_MAX:
            return []
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError):  # not JSON, not text
        return []
    files = content.get("weight_map")
    return sorted(set(map(str, files.values()))) if isinstance(files, dict) else []


def _read_file(path: Path) -> tuple[Weights, dict[str, str]]:
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    header_bytes = int.from_bytes(head[:8], "little")
    if head[8:9] == b"{" and header_bytes <= HEADER_BYTES_MAX:
        return _read_safetensors(path, header_bytes)
    if head.startswith((b"PK", b"\x80")):  # a zip file; a pickle of protocol 2 or later, as torch wrote until 2020
        return _read_pickle(path, head.startswith(b"PK")), {}
    raise CheckpointError(f"{path.name} {_what_else(head, path.stat().st_size)}")


def _what_else(head: bytes, size: int) -> str:
    """What a file is that holds no tensors, by its first bytes, and what to do."""
    if not head:
        return "is empty: download it again"
    if head.startswith(b"GGUF"):
        return "is a GGUF file, whose quantised weights only other programs read: use a .safetensors or .ckpt file"
    if head.startswith(b"version https://git-lfs"):
        return (
            f"is a Git LFS pointer of {size} bytes, which stands for the file and is not it: run `git lfs pull` where "
            f"it was cloned, or download the file itself"
        )
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<head", b"<?xml", b"<!--")):
        return f"is a web page, saved in place of the file that it leads to: the file itself is at {ADDRESS}"
    text = head.decode("utf-8", "replace").rstrip("\ufffd")
    if all(character.isprintable() or character.isspace() for character in text):
        begins = text.strip()[:60].split("\n")[0]
        return f'is a text that begins with "{begins}", not a checkpoint: download it again'
    return "is no checkpoint, by its first bytes: it is neither a .safetensors file nor one that PyTorch saved"


def _read_safetensors(path: Path, header_bytes: int) -> tuple[Weights, dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            names = file.keys()  # a handle is no dict: it cannot be iterated itself
            return {name: file.get_tensor(name) for name in names}, file.metadata() or {}
    except SafetensorError as error:
        with_more = _read_past_the_end(path, header_bytes)
        if with_more is not None:
            return with_more
        raise CheckpointError(
            f"{path.name} is cut off or not a .safetensors file ({error}): download it again"
        ) from None
    except AttributeError as error:  # safetensors asks an older torch for a type that it lacks
        raise CheckpointError(f"{path.name} holds numbers that this PyTorch does not know ({error})") from None


def _read_past_the_end(path: Path, header_bytes: int) -> tuple[Weights, dict[str, str]] | None:
    """A .safetensors file with bytes behind its tensors, which safetensors itself refuses; None for any other."""
    with path.open("rb") as file:
        text = file.read(8 + header_bytes)[8:]
    try:
        header: dict[str, Any] = json.loads(text)
        metadata = {name: text for name, text in header.pop("__metadata__", {}).items() if isinstance(text, str)}
        stored = {_readable(name): of for name, of in header.items()}
        places = {name: (STORED_TYPES[of["dtype"]], of["shape"], *of["data_offsets"]) for name, of in stored.items()}
        end = 8 + header_bytes + max((stop for *_, stop in places.values()), default=0)
        if end >= path.stat().st_size:
            return None
        data = torch.from_file(str(path), False, end, dtype=torch.uint8)[8 + header_bytes :]
        return {name: _tensor(data, *place) for name, place in places.items()}, metadata
    except (ValueError, TypeError, KeyError, AttributeError, RuntimeError):  # RecursionError too
        return None  # damaged in another way too: its first error says how


def _readable(name: str) -> str:
    """With escapes for halves of characters, which no log and no terminal can show."""
    return name.encode("utf-8", "backslashreplace").decode()


def _tensor(data: Tensor, dtype: torch.dtype, shape: list[int], start: int, stop: int) -> Tensor:
    """Of a file's bytes (all,) those from `start` to `stop`, a view where the numbers are aligned."""
    if not 0 <= start <= stop or any(side < 0 for side in shape):  # which torch would count from the end, or guess
        raise ValueError
    values = data[start:stop]
    if values.storage_offset() % dtype.itemsize:
        values = values.clone()
    return values.view(dtype).view(shape)


def _read_pickle(path: Path, is_zip: bool) -> Weights:
    """A `.ckpt`: tensors only; code inside is refused, never run. Whatever else it may hold is left out."""
    try:  # only zip files can be memory-mapped
        compressed = is_zip and _is_compressed(path)
        content = None if compressed else torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip)
    except pickle.UnpicklingError:
        what = "holds" if is_zip else "is no checkpoint, or one that holds"
        raise CheckpointError(
            f"{path.name} {what} more than tensors (code may hide there), so it was not opened: "
            f"use a .safetensors file of the same weights"
        ) from None
    except Exception as error:  # of damaged bytes torch raises many kinds
        raise CheckpointError(f"{path.name} is cut off or no checkpoint ({_first_line(error)})") from None
    if compressed:
        raise CheckpointError(
            f"{path.name} holds compressed parts, as torch's files of weights never do: use the file as it was saved, "
            f"not packed again by a zip program"
        )
    # dict's own methods, and tensors without their attributes: a pickle may put others in their place.
    state: Any = content if isinstance(content, dict) else {}
    wrappers = [key for key in STATE_KEYS if isinstance(dict.get(state, key), dict)]
    state = dict.get(state, wrappers[0]) if wrappers else state
    named = ((name, value) for name, value in dict.items(state) if isinstance(name, str) and isinstance(value, Tensor))
    weights = {_readable(name): value.data for name, value in named}
    if not weights:
        raise CheckpointError(f"{path.name} holds no state_dict of tensors")
    strange = next((name for name, tensor in weights.items() if not _is_plain(tensor)), None)
    if strange is not None:
        raise CheckpointError(
            f"{path.name} holds {strange} not as plain numbers (but sparse, quantised, nested, repeated or without "
            f"any): save the model's weights as plain tensors"
        )
    return weights


def _is_compressed(path: Path) -> bool:
    """Whether torch would take packed bytes for numbers, or fill the memory with what it unpacks."""
    with zipfile.ZipFile(path) as archive:
        return any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist())


def _is_plain(tensor: Tensor) -> bool:
    """Whether a tensor is what it seems: numbers in memory, each in a place of its own."""
    return (
        type(tensor) is Tensor
        and tensor.layout == torch.strided
        and tensor.device.type == "cpu"
        and not (tensor.is_quantized or tensor.is_nested or tensor.is_neg() or tensor.is_conj())
        and tensor.numel() * tensor.itemsize <= tensor.untyped_storage().nbytes()
    )


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]

"""Results in the folders and YAML that V2VBench's evaluator reads (github.com/wenhao728/awesome-diffusion-v2v).

    FOLDER/config.yaml                     data: a list of {video_id, edit: [{prompt}, …]}
    FOLDER/source_videos/VIDEO_ID/0000.png …
    FOLDER/edited_videos/VIDEO_ID/0/0000.png …      the number of the prompt in the list

They are its reference_video, edit_video and index_file. Frames are pictures, so that no codec is measured.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..files import whole_file
from ..pictures.sheets import write_image
from ..video.fitting import describe_frames
from ..video.io import read_image
from ..video.levels import to_uint8

INDEX = "config.yaml"
NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")  # the evaluator would take what follows a full stop for a suffix


def add_result(folder: str | Path, video_id: str, prompt: str, source: Tensor, result: Tensor) -> Path:
    """Adds an edit of `source`, both (T, 3, H, W) in [0, 1]; gives the folder of its frames.

    The same prompt again replaces its result. Raises ValueError where the name cannot be one,
    where it is that of another clip, or where config.yaml holds something else.
    """
    folder = Path(folder)
    check_entry(folder, video_id, prompt)
    source_folder = folder / "source_videos" / video_id
    if source_folder.is_dir() and not _holds(source_folder, source):
        raise ValueError(
            f"{source_folder} holds another clip than the source, which is {describe_frames(source)}: take another name"
        )
    index = read_index(folder / INDEX)
    entry = next((entry for entry in index["data"] if entry["video_id"] == video_id), None)
    if entry is None:
        entry = {"video_id": video_id, "edit": []}
        index["data"].append(entry)
    prompts = [edit["prompt"] for edit in entry["edit"]]
    if prompt not in prompts:
        entry["edit"].append({"prompt": prompt})
        prompts.append(prompt)
    target = folder / "edited_videos" / video_id / str(prompts.index(prompt))
    _write_frames(source_folder, source)
    _write_frames(target, result)
    _write_index(folder, index)  # last: what it names is there
    return target


def check_entry(folder: Path, video_id: str, prompt: str) -> None:
    """What can be known before any work; ValueError that names the culprit."""
    if not NAME.fullmatch(video_id):
        raise ValueError(f'"{video_id}" cannot name a clip of V2VBench: use 1 to 100 letters, digits, - and _')
    if not prompt.strip():
        raise ValueError("V2VBench measures an edit against its prompt: give one")
    read_index(folder / INDEX)


def read_index(file: Path) -> dict[str, Any]:
    """V2VBench's configuration, no clip where there is no file; ValueError where it is none."""
    import yaml

    if not file.exists():
        return {"data": []}
    try:
        text = file.read_text("utf-8")
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            raise ValueError  # merged into each other a few of them fill the memory
        index = yaml.safe_load(text)
        [(entry["video_id"], [edit["prompt"] for edit in entry["edit"]]) for entry in index["data"]]
    except (yaml.YAMLError, TypeError, KeyError, ValueError, RecursionError):  # ValueError: no text or date too
        raise ValueError(
            f"{file} is no index of V2VBench: it needs data, a list of video_id and edit, without aliases (*name)"
        ) from None
    return index


def _write_index(folder: Path, index: dict[str, Any]) -> None:
    import yaml

    with whole_file(folder / INDEX) as unfinished:
        unfinished.write_text(yaml.safe_dump(index, sort_keys=False, allow_unicode=True, width=1000), "utf-8")


def _write_frames(folder: Path, video: Tensor) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(video):
        write_image(folder / f"{number:04d}.png", frame)
    for file in folder.glob("[0-9][0-9][0-9][0-9].png"):  # of a longer result before
        if int(file.stem) >= len(video):
            file.unlink()


def _holds(folder: Path, video: Tensor) -> bool:
    files = sorted(folder.glob("[0-9][0-9][0-9][0-9].png"))
    if len(files) != len(video):
        return False
    return all(torch.equal(to_uint8(read_image(file)), to_uint8(frame).cpu()) for file, frame in zip(files, video))

"""What nodes for whole videos have in common: IMAGE or VIDEO in, the same out, and where finished parts lie."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import folder_paths
import torch
from comfy_api.latest import InputImpl, Types
from torch import Tensor

from .sockets import frames_from_image, image_from_frames

if TYPE_CHECKING:
    from comfy_api.input import VideoInput
    from comfy_api.input_impl import VideoFromFile

    from .. import revideo

    # Frames or a file, and the file to write if the result is not to be held → the frames that are held.
    EditFrames: TypeAlias = Callable[[Tensor | revideo.VideoFile, Path | None], Tensor]

MP4_SOUND = ("aac", "mp3", "ac3", "eac3", "flac", "opus", "alac")  # what that container can hold
WINDOWS_FOLDER = "revideo_windows"  # in ComfyUI's output folder: it empties its temp folder when it starts


def edit_whole(video: Tensor | VideoInput, edit: EditFrames, name: str) -> Tensor | VideoInput:
    """An edit of all frames, of the kind that came in; a file is read and written as it goes, `name` begins its own."""
    if isinstance(video, InputImpl.VideoFromFile):
        return _edit_file(video, edit, name)
    if isinstance(video, torch.Tensor):
        return image_from_frames(edit(frames_from_image(video), None))
    parts = video.get_components()
    images = image_from_frames(edit(frames_from_image(parts.images), None))
    return InputImpl.VideoFromComponents(Types.VideoComponents(images, parts.frame_rate, parts.audio))


def _edit_file(video: VideoFromFile, edit: EditFrames, name: str) -> VideoInput:
    """A file in the temp folder, written as frames are done."""
    folder = Path(folder_paths.get_temp_directory())
    folder.mkdir(parents=True, exist_ok=True)
    with open_stream(video) as source:
        suffix = ".mp4" if set(source.sounds) <= set(MP4_SOUND) else ".mkv"
        target = folder / f"{name}_{uuid.uuid4().hex}{suffix}"
        edit(source, target)
    return InputImpl.VideoFromFile(str(target))


def open_stream(video: VideoFromFile) -> revideo.VideoFile:
    """Its frames as they are needed, as far as it is shown."""
    from ..revideo.video.file import VideoFile

    begin_s, duration_s = video.get_active_trim_window()
    file = video.get_stream_source()
    return VideoFile.between(file, begin_s, duration_s) if begin_s or duration_s else VideoFile(file)


def windows_folder(node: str | None, picture: Tensor) -> Path:
    """Of this node and edited frame: other settings replace its windows, another picture has its own.

    A node's id is whatever text a prompt gives it, so it is no part of a path.
    """
    from ..revideo.video.levels import to_uint8

    name = hashlib.sha256(to_uint8(picture).cpu().contiguous().numpy().tobytes())
    name.update((node or "").encode("utf-8", "surrogatepass"))
    return Path(folder_paths.get_output_directory()) / WINDOWS_FOLDER / name.hexdigest()[:32]

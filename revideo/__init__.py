"""ReVideo: local video editing with content and motion control (NeurIPS 2024), as a library.

import revideo
model = revideo.load("revideo.safetensors")
edit = revideo.Edit(reference, trajectories, region)
frames = model.edit(video, edit, revideo.SamplerOptions(steps=25))
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "CheckpointError": "checkpoint",
    "Conditions": "conditions",
    "Drift": "carry",
    "Edit": "edit",
    "EditDocument": "document",
    "LongEdit": "windows",
    "ModelConfig": "config",
    "ReVideo": "model",
    "SamplerOptions": "sampling",
    "Trajectories": "trajectory",
    "VideoFile": "video_file",
    "convert": "checkpoint_saving",
    "edit_both_ways": "both_ways_editing",
    "edit_file": "long_file",
    "edit_long": "long_video",
    "load": "loading",
    "make_conditions": "conditions",
    "parse_tracks": "trajectory",
    "read_image": "video",
    "read_video": "video",
    "track_points": "tracking",
    "write_video": "video",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    """Imports a name's module on first use: diffusers alone takes seconds."""
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])

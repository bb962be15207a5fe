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
    "CheckpointError": "checkpoints.reading",
    "Conditions": "conditions",
    "Drift": "editing.handover",
    "Edit": "edit",
    "EditDocument": "drawing.document",
    "LongEdit": "editing.windows",
    "ModelConfig": "models.config",
    "ReVideo": "pipeline.pipeline",
    "SamplerOptions": "sampling.samplers",
    "Trajectories": "tracks.trajectories",
    "VideoFile": "video.file",
    "convert": "checkpoints.writing",
    "edit_both_ways": "editing.both_ways_editing",
    "edit_file": "editing.long_file",
    "edit_long": "editing.long_video",
    "load": "pipeline.loading",
    "make_conditions": "conditions",
    "parse_tracks": "tracks.trajectories",
    "read_image": "video.io",
    "read_video": "video.io",
    "track_points": "tracks.tracking",
    "write_video": "video.io",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    """Imports a name's module on first use: diffusers alone takes seconds."""
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])

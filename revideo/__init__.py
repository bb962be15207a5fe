"""ReVideo: local video editing with content and motion control (NeurIPS 2024), as a library.

model = revideo.load("revideo.safetensors")
edit = revideo.Edit("edited_first_frame.png", tracks_text, "mask.png")
result = model.edit("clip.mp4", edit, revideo.SamplerOptions(steps=25))
revideo.write_video("edited.mp4", result.frames, result.fps)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .checkpoints.download import download as download
    from .checkpoints.file_formats import CheckpointError as CheckpointError
    from .checkpoints.writing import convert as convert
    from .conditions import Conditions as Conditions
    from .conditions import make_conditions as make_conditions
    from .drawing.document import EditDocument as EditDocument
    from .edit import Edit as Edit
    from .editing.composite import keep_unedited as keep_unedited
    from .editing.handover import HandoverOptions as HandoverOptions
    from .editing.model import EditResult as EditResult
    from .editing.model import ReVideo as ReVideo
    from .editing.model import load as load
    from .editing.window_cache import WindowCache as WindowCache
    from .masks.mask_tracking import track_mask as track_mask
    from .models.config import ModelConfig as ModelConfig
    from .propagation.depth import load_disparity as load_disparity
    from .propagation.propagator import PropagationOptions as PropagationOptions
    from .propagation.propagator import Propagator as Propagator
    from .propagation.propagator import load_propagator as load_propagator
    from .sampling.samplers import Progress as Progress
    from .sampling.samplers import SamplerOptions as SamplerOptions
    from .tracks.npy import read_npy as read_npy
    from .tracks.tracking import track_points as track_points
    from .tracks.tracks_text import parse_tracks as parse_tracks
    from .tracks.trajectories import Trajectories as Trajectories
    from .video.file import VideoFile as VideoFile
    from .video.fitting import choose_size as choose_size
    from .video.fitting import fit_frames as fit_frames
    from .video.io import read_image as read_image
    from .video.io import read_video as read_video
    from .video.io import write_video as write_video

__version__ = "0.1.0"

_HOMES = {
    "CheckpointError": "checkpoints.file_formats",
    "Conditions": "conditions",
    "Edit": "edit",
    "EditDocument": "drawing.document",
    "EditResult": "editing.model",
    "HandoverOptions": "editing.handover",
    "ModelConfig": "models.config",
    "Progress": "sampling.samplers",
    "PropagationOptions": "propagation.propagator",
    "Propagator": "propagation.propagator",
    "ReVideo": "editing.model",
    "SamplerOptions": "sampling.samplers",
    "Trajectories": "tracks.trajectories",
    "VideoFile": "video.file",
    "WindowCache": "editing.window_cache",
    "choose_size": "video.fitting",
    "convert": "checkpoints.writing",
    "download": "checkpoints.download",
    "fit_frames": "video.fitting",
    "keep_unedited": "editing.composite",
    "load": "editing.model",
    "load_disparity": "propagation.depth",
    "load_propagator": "propagation.propagator",
    "make_conditions": "conditions",
    "parse_tracks": "tracks.tracks_text",
    "read_image": "video.io",
    "read_npy": "tracks.npy",
    "read_video": "video.io",
    "track_mask": "masks.mask_tracking",
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

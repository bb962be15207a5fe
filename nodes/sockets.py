"""ReVideo's own socket types, and ComfyUI's tensors ↔ the library's."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io
from torch import Tensor

if TYPE_CHECKING:
    from .. import revideo

Model = io.Custom("REVIDEO_MODEL")
Propagator = io.Custom("REVIDEO_PROPAGATOR")
Trajectories = io.Custom("REVIDEO_TRAJECTORIES")
Conditions = io.Custom("REVIDEO_CONDITIONS")
Crop = io.Custom("REVIDEO_CROP")
Keyframes = io.Custom("REVIDEO_KEYFRAMES")  # (3, H, W) each, by the number of their frame

CATEGORY = "ReVideo"
DICTIONARIES = ("LATENT", "TRACKS")  # what ComfyUI hands on as such


def checked(execute: Any) -> Any:
    """A node's `execute` that refuses, by name, what does not belong into its sockets: a prompt can hold anything.

    ComfyUI checks what a widget holds, but neither what comes by a link of any type nor a value where a link should be.
    """
    _, *names = inspect.signature(execute).parameters

    @functools.wraps(execute)
    def check_and_execute(cls: type[io.ComfyNode], *given: Any, **named: Any) -> io.NodeOutput:
        values = dict(zip(names, given)) | named
        for socket in cls.SCHEMA.inputs if cls.SCHEMA else ():  # a script may call a node that ComfyUI has not set up
            if socket.id in values:
                _check_value(socket, values[socket.id])
        return execute(cls, **values)

    return check_and_execute


def _check_value(socket: io.Input, value: Any) -> None:
    if value is None and socket.optional:
        return
    if isinstance(socket, io.Autogrow.Input):
        [template] = socket.template.get_all()[:1]
        for each in value.values():
            _check_value(template, each)
        return
    kind = socket.get_io_type()
    if isinstance(socket, io.String.Input):
        # A list of texts is what spline editors give on one wire.
        several = socket.id == "tracks" and isinstance(value, list) and all(isinstance(each, str) for each in value)
        fits, wanted = isinstance(value, str) or several, "text"
    else:
        constant = value is None or isinstance(value, (str, int, float, list))
        if isinstance(value, dict) and kind not in DICTIONARIES:
            constant = not any(isinstance(key, int) for key in value)  # what a prompt holds has texts for keys
        fits, wanted = isinstance(socket, io.WidgetInput) or not constant, f"{kind} from another node"
    if not fits:
        raise ValueError(f"{socket.id} must be {wanted}, not {value!r:.60}")


def frames_from_image(image: Tensor) -> Tensor:
    """IMAGE (B, H, W, 3 or 4) → (T, 3, H, W); an alpha channel is left behind."""
    return image[..., :3].movedim(-1, 1)


def edited_picture(image: Tensor, index: int) -> Tensor:
    """IMAGE → (3, H, W), the edited frame of that number: of several pictures the first, as for frame 0 it is known."""
    if index and len(image) > 1:
        raise ValueError(
            f"edited_frame has {len(image)} pictures, which begin with frame 0, but frame {index} is said to be the "
            f"edited one: give its picture alone"
        )
    return frames_from_image(image)[0]


def image_from_frames(frames: Tensor) -> Tensor:
    return frames.movedim(1, -1).contiguous()


def mask_from_comfy(mask: Tensor) -> Tensor:
    """MASK (B, H, W) or (H, W) → (B, 1, H, W); ValueError for an IMAGE in its place."""
    if mask.ndim == 4:
        raise ValueError(
            f"the mask is an IMAGE of shape {tuple(mask.shape)}: make it a MASK by the node Convert Image to Mask"
        )
    return mask.reshape(-1, 1, *mask.shape[-2:])


def mask_to_comfy(mask: Tensor) -> Tensor:
    """(B, 1, H, W) → MASK (B, H, W)."""
    return mask[:, 0]


def as_comfy_tracks(trajectories: revideo.Trajectories) -> dict[str, Tensor]:
    """ComfyUI's TRACKS: points (F, N, 2) in pixels and their visibility (F, N)."""
    return {
        "track_path": trajectories.points_px.float().transpose(0, 1).contiguous(),
        "track_visibility": trajectories.visible.transpose(0, 1).contiguous(),
    }

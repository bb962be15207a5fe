"""What people hand over → tensors: pictures, clips and masks from files, arrays, PIL's pictures or tensors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from .levels import is_painted_away, levels_inside, levels_of_alpha

if TYPE_CHECKING:
    import PIL.Image

# Tensors are (…, C, H, W), arrays (…, H, W, C); numbers are uint8, or floats in [0, 1].
Picture: TypeAlias = "Tensor | np.ndarray | PIL.Image.Image | str | Path"


def as_picture(value: Picture, name: str) -> Tensor:
    """(3, H, W) in [0, 1]; ValueError or OSError says what is wrong with the `name` ("edited frame")."""
    if isinstance(value, (str, Path)):
        from .io import read_image  # PyAV waits until there is a file

        return read_image(value)
    picture = _as_tensor(value, name)
    if picture.ndim != 3 or len(picture) != 3:
        raise ValueError(f"the {name} must have shape (3, H, W), not {tuple(picture.shape)}")
    return picture


def as_edited_picture(value: Picture, name: str) -> Tensor:
    """As `as_picture`, of what a person edited: ValueError also for several pictures, and for transparency."""
    if isinstance(value, (str, Path)):
        from .io import read_edited_picture

        return read_edited_picture(value, name)
    pixels: Any = value
    if hasattr(pixels, "convert"):  # PIL's, which need not be installed
        if getattr(pixels, "n_frames", 1) > 1:
            raise ValueError(f"the {name} must be one picture, and this one has {pixels.n_frames} frames: copy() one")
        if "A" in pixels.getbands() or "transparency" in pixels.info:
            pixels = np.asarray(pixels.convert("RGBA"))
    if isinstance(pixels, np.ndarray) and pixels.ndim == 3 and pixels.shape[-1] == 4:
        opaque = 255 if pixels.dtype == np.uint8 else 1
        if (pixels[..., 3] < opaque).any():
            raise ValueError(f"the {name} is transparent in places: flatten it onto the frame")
    return as_picture(value, name)


def as_clip(value: Picture | list[Any], name: str) -> Tensor:
    """(T, 3, H, W) in [0, 1], of a tensor, an array, or a list of pictures; errors as `as_picture`."""
    if isinstance(value, list):
        return torch.stack([as_picture(each, f"frame {number} of the {name}") for number, each in enumerate(value)])
    if isinstance(value, (str, Path)):
        from .io import read_video

        return read_video(value)[0]
    clip = _as_tensor(value, name)
    if clip.ndim != 4 or clip.shape[1] != 3:
        raise ValueError(f"the {name} must have shape (T, 3, H, W), not {tuple(clip.shape)}")
    return clip


def as_mask(value: Picture, name: str = "mask") -> Tensor:
    """(1 or T, 1, H, W) bool, True at 0.5 and above. Errors as `as_picture`.

    Also (H, W), and of arrays (T, H, W), (H, W, 3) or (H, W, 4). Transparency says it where there is
    any, of colours the strongest channel counts, labels (0 and 1, numbers of a palette) by not being 0.
    """
    if isinstance(value, (str, Path)):
        from .masks import read_masks

        value = read_masks(value)
    elif not isinstance(value, Tensor):
        if hasattr(value, "convert"):  # PIL's, which need not be installed
            picture: Any = value
            transparent = "A" in picture.getbands() or "transparency" in picture.info
            value = picture.convert("RGBA" if transparent else "L" if picture.mode in ("1", "L") else "RGB")
        array = np.array(value)  # a copy: PIL's pictures cannot be written to
        if array.ndim == 3 and array.shape[-1] in (3, 4):
            opaque = array.shape[-1] == 3 or (array[..., 3] == array[..., 3].max()).all()
            array = array[..., :3].max(-1) if opaque else levels_of_alpha(array, is_painted_away(array))
        value = torch.from_numpy(array)[:, None] if array.ndim == 3 else torch.from_numpy(array)
    mask = (value[None, None] if value.ndim == 2 else value).cpu()
    if mask.ndim != 4 or mask.shape[1] != 1:
        raise ValueError(f"the {name} must have shape (1 or T, 1, H, W), not {tuple(value.shape)}")
    if mask.dtype == torch.bool:
        return mask
    if mask.dtype == torch.uint8:
        return levels_inside(mask, int(mask.max()) if mask.numel() else 0, f"the {name}") >= 0.5
    check_pixels(name, mask)
    return mask >= 0.5


def check_pixels(name: str, frames: Tensor) -> None:
    """ValueError unless frames (T, C, H, W) hold finite values of the scale [0, 1]."""
    for number, frame in enumerate(frames):  # frame by frame: no copy of the whole clip
        low, high = torch.aminmax(frame)
        where = f"frame {number} of the {name}" if len(frames) > 1 else f"the {name}"
        if not torch.isfinite(low + high):
            raise ValueError(f"{where} holds values that are not finite (NaN or infinity)")
        if low < -0.5 or high > 1.5:  # resizing overshoots a little; this is another scale
            raise ValueError(f"{where} holds values from {low:g} to {high:g}; they must lie in [0, 1]")


def _as_tensor(value: Any, name: str) -> Tensor:
    """Float32 in main memory with channels before rows and columns; an alpha channel is left behind."""
    if isinstance(value, Tensor):
        value = value.cpu()
        return value.float() / 255 if value.dtype == torch.uint8 else value.float()
    if hasattr(value, "convert"):  # PIL's, which need not be installed
        value = value.convert("RGB")
    array = np.asarray(value)
    if array.ndim not in (3, 4) or array.dtype.kind not in "fub":
        raise ValueError(f"the {name} is no picture: {type(value).__name__} of shape {array.shape}, {array.dtype}")
    array = array[..., :3] / 255 if array.dtype == np.uint8 else array[..., :3]
    return torch.from_numpy(np.ascontiguousarray(array)).float().movedim(-1, -3)

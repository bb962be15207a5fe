"""What people hand over → tensors: pictures, clips and masks from files, arrays, PIL's pictures or tensors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    import PIL.Image

# Tensors are (…, C, H, W), arrays (…, H, W, C); numbers are uint8, or floats in [0, 1].
Picture: TypeAlias = "Tensor | np.ndarray | PIL.Image.Image | str | Path"
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")  # of one picture, in place of a clip


def as_picture(value: Picture, name: str) -> Tensor:
    """(3, H, W) in [0, 1]; ValueError or OSError says what is wrong with the `name` ("edited frame")."""
    if isinstance(value, (str, Path)):
        from .io import read_image  # PyAV waits until there is a file

        return read_image(value)
    picture = _as_tensor(value, name)
    if picture.ndim != 3 or len(picture) != 3:
        raise ValueError(f"the {name} must have shape (3, H, W), not {tuple(picture.shape)}")
    return picture


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
    """(1 or T, 1, H, W) bool, True at 0.5 and above; of colours their mean counts. Errors as `as_picture`.

    Also (H, W), and of arrays (T, H, W) or (H, W, 3).
    """
    if isinstance(value, (str, Path)):
        from .io import read_image, read_video

        one = Path(value).suffix.lower() in IMAGE_SUFFIXES
        value = (read_image(value)[None] if one else read_video(value)[0]).mean(1, keepdim=True)
    elif not isinstance(value, Tensor):
        array = np.array(value)  # a copy: PIL's pictures cannot be written to
        if array.ndim == 3 and array.shape[-1] == 3:
            value = _as_tensor(array, name).mean(0)
        else:
            value = torch.from_numpy(array)[:, None] if array.ndim == 3 else torch.from_numpy(array)
    mask = (value[None, None] if value.ndim == 2 else value).cpu()
    if mask.ndim != 4 or mask.shape[1] != 1:
        raise ValueError(f"the {name} must have shape (1 or T, 1, H, W), not {tuple(value.shape)}")
    if mask.dtype == torch.bool:
        return mask
    if mask.dtype == torch.uint8:
        return mask >= 128
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

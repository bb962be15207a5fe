"""Clips and pictures beside each other, labelled; written as files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..files import whole_file
from .lettering import Colour, label_size, size_to_fit, text_size, write_text

PAPER: Colour = (24, 26, 30)


def side_by_side(panels: Mapping[str, Tensor]) -> Tensor:
    """Clips (T, 3, H, W) of one size → (T, 3, H', W'), each under its name.

    Both sides are even, as video files need them.
    """
    count, _, height, width = next(iter(panels.values())).shape
    size = label_size(height, width)
    gap, strip = 2 * max(size // 4, 1), 2 * size
    size = min(size, *(size_to_fit(name, size, width - 2 * gap) for name in panels))
    sheet_height = strip + height + gap
    sheet_width = gap + len(panels) * (width + gap)
    picture = _blank(count, sheet_height + sheet_height % 2, sheet_width + sheet_width % 2)
    labels = picture[0].permute(1, 2, 0).numpy().copy()
    for number, name in enumerate(panels):
        write_text(labels, name, gap + number * (width + gap) + gap // 2, (strip + size) // 2, size)
    picture[:] = torch.from_numpy(labels).permute(2, 0, 1)
    frames = picture.float() / 255
    for number, panel in enumerate(panels.values()):
        left = gap + number * (width + gap)
        frames[:, :, strip : strip + height, left : left + width] = panel
    return frames


def sheet(
    rows: Mapping[str, Tensor],  # name: frames (T, 3, H, W) in [0, 1]; a name may have several lines
    at: Sequence[int] | None = None,  # the frames shown, a column each; None: four, evenly spread
    cell_width: int | None = None,  # pixels; None: the width of the first row's frames
) -> Tensor:  # (3, H', W')
    """A comparison: a row for each clip, a column for each moment.

    A clip that ends before a moment leaves its place empty, so a still picture stands alone
    in the first column. Frames keep their shape.
    """
    if not rows:
        raise ValueError("a sheet needs at least one row")
    longest = max(len(frames) for frames in rows.values())
    if at is None:
        at = sorted({round(moment) for moment in np.linspace(0, longest - 1, 4).tolist()})
    if any(not 0 <= moment < longest for moment in at):
        raise ValueError(f"the sheet shows frames {list(at)}; the longest row has {longest}")
    cell_width = cell_width or next(iter(rows.values())).shape[-1]
    heights = {name: max(round(f.shape[-2] * cell_width / f.shape[-1]), 1) for name, f in rows.items()}
    size = label_size(min(heights.values()), cell_width)
    gap, strip = max(size // 2, 2), 2 * size
    left = 2 * gap + max(text_size(line, size)[0] for name in rows for line in name.splitlines() or [""])
    picture = _blank(1, strip + sum(heights.values()) + gap * len(rows), left + len(at) * (cell_width + gap))[0]
    canvas = np.ascontiguousarray(picture.permute(1, 2, 0).numpy())
    for column, moment in enumerate(at):
        title = f"frame {moment}"
        fitting = size_to_fit(title, size, cell_width)
        write_text(canvas, title, left + column * (cell_width + gap), (strip + fitting) // 2, fitting)
    top = strip
    for name, frames in rows.items():
        lines = name.splitlines()
        pitch = round(size * 1.7)
        first = top + heights[name] // 2 - (len(lines) - 1) * pitch // 2 + size // 2
        for number, line in enumerate(lines):
            write_text(canvas, line, gap, first + number * pitch, size)
        for column, moment in enumerate(at):
            if moment < len(frames):
                cell = _scaled(frames[moment], heights[name], cell_width)
                x = left + column * (cell_width + gap)
                canvas[top : top + heights[name], x : x + cell_width] = cell
        top += heights[name] + gap
    return torch.from_numpy(canvas).permute(2, 0, 1).float() / 255


def write_image(path: str | Path, picture: Tensor) -> None:
    """Writes a picture (3, H, W) in [0, 1] as what the name's suffix says: .png, .jpg, .webp.

    The file appears whole or not at all.
    """
    path = Path(path)
    options = {".png": [], ".jpg": [cv2.IMWRITE_JPEG_QUALITY, 92], ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, 92], ".webp": []}
    if path.suffix.lower() not in options:
        raise ValueError(f"{path.name}: write pictures as {', '.join(options)}")
    pixels = _scaled(picture, *picture.shape[-2:])
    encoded, content = cv2.imencode(path.suffix.lower(), pixels[..., ::-1], options[path.suffix.lower()])
    if not encoded:
        raise OSError(f"{path.name} could not be encoded")
    with whole_file(path) as unfinished:
        unfinished.write_bytes(content.tobytes())


def _scaled(frame: Tensor, height: int, width: int) -> np.ndarray:
    """(3, H, W) in [0, 1] → (height, width, 3) uint8."""
    if frame.shape[-2:] != (height, width):
        frame = F.interpolate(frame[None].float(), (height, width), mode="bicubic", antialias=True)[0]
    return (frame.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()


def _blank(count: int, height: int, width: int) -> Tensor:
    return torch.tensor(PAPER, dtype=torch.uint8).view(1, 3, 1, 1).repeat(count, 1, height, width)

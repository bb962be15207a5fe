"""Clips and pictures beside each other, under text labels of any script; written as files."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ..files import whole_file
from ..video.levels import to_uint8

Colour: TypeAlias = "tuple[int, int, int]"  # red, green, blue, 0 to 255

BACKGROUND: Colour = (24, 26, 30)
INK: Colour = (235, 237, 240)
LABEL_FONTS = Path(__file__).parents[1] / "assets" / "labels.ttc"  # one font after another; assets/labels.md says which
CAPITAL = 0.729  # height of a capital letter in DejaVu Sans, of its size
NO_CHARACTER = "\uffff"  # what Unicode keeps free of any character, so fonts show their box for missing ones
CHECK_PX = 32  # large enough that no other shape looks like that box


# --- Sheets ----------------------------------------------------------------------------------


def side_by_side(panels: Mapping[str, Tensor]) -> Tensor:
    """Clips (T, 3, H, W) of one size → (T, 3, H', W'), each under its name.

    Both sides are even, as video files need them.
    """
    count, _, height, width = next(iter(panels.values())).shape
    size = label_size(height, width)
    gap, strip = 2 * max(size // 4, 1), 2 * size
    size = min(size, *(size_to_fit(name, size, width - 2 * gap) for name in panels))
    baseline = (strip + size) // 2
    strip = max(strip, baseline + max(text_size(name, size)[1] for name in panels))
    sheet_height = strip + height + gap
    sheet_width = gap + len(panels) * (width + gap)
    labels = _blank(sheet_height + sheet_height % 2, sheet_width + sheet_width % 2)
    for number, name in enumerate(panels):
        draw_text(labels, name, gap + number * (width + gap) + gap // 2, baseline, size)
    frames = (torch.from_numpy(labels).permute(2, 0, 1).float() / 255).repeat(count, 1, 1, 1)
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
    canvas = _blank(strip + sum(heights.values()) + gap * len(rows), left + len(at) * (cell_width + gap))
    for column, moment in enumerate(at):
        title = f"frame {moment}"
        fitting = size_to_fit(title, size, cell_width)
        draw_text(canvas, title, left + column * (cell_width + gap), (strip + fitting) // 2, fitting)
    top = strip
    for name, frames in rows.items():
        lines = name.splitlines()
        pitch = round(size * 1.7)
        first = top + heights[name] // 2 - (len(lines) - 1) * pitch // 2 + size // 2
        for number, line in enumerate(lines):
            draw_text(canvas, line, gap, first + number * pitch, size)
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
    return to_uint8(frame).permute(1, 2, 0).cpu().numpy()


def _blank(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), BACKGROUND, np.uint8)


# --- Text labels -----------------------------------------------------------------------------
# Sizes are the height of a capital letter in pixels.


def draw_text(canvas: np.ndarray, text: str, left: int, baseline: int, size: int, colour: Colour = INK) -> None:
    """Draws a line of text in any script on a canvas (H, W, 3) uint8.

    What no font has is drawn as its code point, "U+2F81A", never as an empty box. With Pillow's Raqm (its
    wheels have it) letters join and turn as their script asks; parts in different fonts follow from left to right.
    """
    picture = Image.fromarray(canvas)
    pen, at = ImageDraw.Draw(picture), float(left)
    for part, face in _parts(text):
        font = _font(face, size / CAPITAL)
        pen.text((at, baseline), part, colour, font, anchor="ls")
        at += font.getlength(part)
    canvas[:] = np.asarray(picture)


def text_size(text: str, size: int) -> tuple[int, int]:
    """Width, and how far the text reaches below its baseline, in pixels."""
    fonts = [(part, _font(face, size / CAPITAL)) for part, face in _parts(text)]
    width = sum(font.getlength(part) for part, font in fonts)
    depths = [font.getbbox(part, anchor="ls")[3] for part, font in fonts]
    return math.ceil(width), math.ceil(max(depths, default=0))


def label_size(height: int, width: int) -> int:
    """The size of text that suits a picture."""
    return min(max(round(math.hypot(height, width) / 38), 7), 28)


def size_to_fit(text: str, size: int, width: int) -> int:
    """The largest text size, at most `size`, that leaves the text within `width` pixels."""
    while size > 4 and text_size(text, size)[0] > width:
        size -= 1
    return size


def _parts(text: str) -> list[tuple[str, int]]:
    """The text cut where its font changes, with the number of each part's font."""
    parts: list[tuple[str, int]] = []
    for character in unicodedata.normalize("NFC", text):  # macOS names files in pieces of letters
        face = _find_font(character, parts[-1][1] if parts else 0)
        if face is None:
            if _is_hint(character):
                continue
            character, face = f"U+{ord(character):04X}", 0
        if parts and parts[-1][1] == face:
            parts[-1] = parts[-1][0] + character, face
        else:
            parts.append((character, face))
    return parts


def _find_font(character: str, current: int) -> int | None:
    """A font that has the character: for marks, digits and spaces that of what they follow, to be shaped with it."""
    order = range(_num_fonts()) if character.isalpha() else (current, *range(_num_fonts()))
    return next((face for face in order if _has(face, character)), None)


def _is_hint(character: str) -> bool:
    """Joiners, directions and selectors of a shape: nothing to be seen by themselves."""
    return unicodedata.category(character) == "Cf" or "VARIATION SELECTOR" in unicodedata.name(character, "")


@lru_cache(maxsize=4096)
def _has(face: int, character: str) -> bool:
    if unicodedata.category(character) in ("Cc", "Cs"):  # line feeds, and bytes of a name that are no text
        return False
    font = _font(face, CHECK_PX, ImageFont.Layout.BASIC)
    return bytes(font.getmask(character)) != bytes(font.getmask(NO_CHARACTER))


@lru_cache(maxsize=256)
def _font(face: int, pixels: float, layout: ImageFont.Layout | None = None) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(LABEL_FONTS, pixels, face, layout_engine=layout)


@lru_cache(maxsize=1)
def _num_fonts() -> int:
    with LABEL_FONTS.open("rb") as file:
        return int.from_bytes(file.read(12)[8:], "big")  # of a TrueType collection's header

"""Pixels as they are stored → as they are shown: square, turned and mirrored as their file asks."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import numpy as np

from .colours import EXACT_COLOURS


def upright(picture: av.VideoFrame, pixel_aspect: Fraction = Fraction(1)) -> np.ndarray:
    """(H, W, 3) as it is shown: with square pixels, turned and mirrored as the file asks (phones film sideways).

    uint8, or uint16 of what is deeper. `pixel_aspect`: width of a pixel by its height; the shorter side is stretched,
    so that nothing is lost.
    """
    kind = "rgb48le" if bits_of(picture.format) > 8 else "rgb24"
    return turned(pixels_of(picture, kind, pixel_aspect), display_matrix(picture))


def bits_of(form: av.VideoFormat) -> int:
    """How deep its channels are."""
    return max((component.bits for component in form.components), default=8)


def pixels_of(picture: av.VideoFrame, kind: str, pixel_aspect: Fraction = Fraction(1)) -> np.ndarray:
    """(H, W, C) in the format `kind`, as it is stored but for its pixels' shape."""
    height, width = square_size(picture.height, picture.width, pixel_aspect)
    return picture.reformat(width=width, height=height, format=kind, interpolation=EXACT_COLOURS).to_ndarray()


def square_size(height: int, width: int, pixel_aspect: Fraction) -> tuple[int, int]:
    """Height and width in square pixels."""
    if pixel_aspect >= 1:
        return height, round(width * pixel_aspect)
    return round(height / pixel_aspect), width


def has_alpha(picture: av.VideoFrame) -> bool:
    """Whether its pixels can be transparent."""
    return picture.format.has_palette or any(component.is_alpha for component in picture.format.components)


Turn = tuple[int, int, int, int]  # where the stored right and down lead: x and y of the one, x and y of the other
_UPRIGHT: Turn = (1, 0, 0, 1)
EXIF_TURNS: dict[int, Turn] = {
    1: _UPRIGHT,
    2: (-1, 0, 0, 1),
    3: (-1, 0, 0, -1),
    4: (1, 0, 0, -1),
    5: (0, 1, 1, 0),
    6: (0, 1, -1, 0),
    7: (0, -1, -1, 0),
    8: (0, -1, 1, 0),
}


def display_matrix(picture: av.VideoFrame) -> Turn:
    """How the file asks for its pictures to be turned and mirrored, by quarters."""
    matrix: Any
    try:
        matrix = picture.side_data.get("DISPLAYMATRIX")
    except ValueError:  # other data that PyAV has no name for
        matrix = None
    if matrix is None:
        turns = round(getattr(picture, "rotation", 0) / 90) % 4  # counterclockwise
        return (_UPRIGHT, (0, -1, 1, 0), (-1, 0, 0, -1), (0, 1, -1, 0))[turns]
    a, b, _, c, d = np.frombuffer(bytes(matrix), "<i4")[:5] / 65536
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return (-1 if a < 0 else 1, 0, 0, -1 if d < 0 else 1)
    return (0, -1 if b < 0 else 1, -1 if c < 0 else 1, 0)


def shown_size(picture: av.VideoFrame, height: int, width: int) -> tuple[int, int]:
    """Height and width behind the turn that the file asks for."""
    return (height, width) if display_matrix(picture)[0] else (width, height)


def turned(pixels: np.ndarray, turn: Turn) -> np.ndarray:
    """(H, W, C) turned and mirrored; a view where it is only that."""
    right_x, right_y, down_x, down_y = turn
    if right_x == 0:
        pixels, right_x, down_y = pixels.swapaxes(0, 1), down_x, right_y
    return np.ascontiguousarray(pixels[::down_y, ::right_x])

"""Text in pictures: sizes are the height of a capital letter in pixels; plain ASCII, which every OpenCV draws."""

from __future__ import annotations

import math
from typing import TypeAlias

import cv2
import numpy as np

Colour: TypeAlias = "tuple[int, int, int]"  # red, green, blue, 0 to 255

INK: Colour = (235, 237, 240)
FONT = cv2.FONT_HERSHEY_DUPLEX


def text_size(text: str, size: int) -> tuple[int, int]:
    """Width and height in pixels."""
    (width, height), _ = cv2.getTextSize(text, FONT, _font_scale(size), _weight(size))
    return width, height


def write_text(canvas: np.ndarray, text: str, left: int, baseline: int, size: int, colour: Colour = INK) -> None:
    cv2.putText(canvas, text, (left, baseline), FONT, _font_scale(size), colour, _weight(size), cv2.LINE_AA)


def _font_scale(size: int) -> float:
    (_, capital), _ = cv2.getTextSize("H", FONT, 1.0, 1)  # OpenCV 5 brought fonts of other proportions
    return size / capital


def _weight(size: int) -> int:
    return max(1, round(size / 26))


def label_size(height: int, width: int) -> int:
    return min(max(round(math.hypot(height, width) / 38), 7), 28)


def size_to_fit(text: str, size: int, width: int) -> int:
    """The largest text size, at most `size`, that leaves the text within `width` pixels."""
    while size > 4 and text_size(text, size)[0] > width:
        size -= 1
    return size

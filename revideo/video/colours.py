"""What a file says about its colours, and how pixels become planes in them."""

from __future__ import annotations

from dataclasses import dataclass

import av
from av.video.reformatter import ColorRange, Colorspace
from torch import Tensor

from .levels import to_uint8, to_uint16

# swscale's bicubic | accurate_rnd | full_chroma_int: its default darkens by 1.4 of 255 with every decode.
EXACT_COLOURS = 4 | 0x40000 | 0x2000
# Matrices that swscale knows, in the numbers of ISO/IEC 23091-2. It reads every other one, and files that name
# none, as BT.601, whatever the size; written the same way, nothing shifts.
MATRICES, BT601 = (1, 4, 5, 7, 9), 5

UNSAID = (0, 2)


@dataclass(frozen=True)
class Colours:
    """What a file says about its colours, in the numbers of ISO/IEC 23091-2."""

    space: int
    primaries: int
    transfer: int
    range: int
    bits: int = 8  # of each channel; 10 stands for all that are more


# Named outright: untagged, players guess another matrix for large frames than for small ones.
BT709 = Colours(Colorspace.ITU709, Colorspace.ITU709, Colorspace.ITU709, ColorRange.MPEG)


def as_planes(colours: Colours) -> Colours:
    """Of a source of RGB: the planes of a result, with its primaries and transfer if it names them."""
    primaries = BT709.primaries if colours.primaries in UNSAID else colours.primaries
    transfer = BT709.transfer if colours.transfer in UNSAID else colours.transfer
    return Colours(BT709.space, primaries, transfer, BT709.range, colours.bits)


def even_sides(height: int, width: int) -> tuple[int, int]:
    """Without an odd last row or column, which 4:2:0 cannot hold."""
    return height // 2 * 2, width // 2 * 2


def as_yuv420(frame: Tensor, colours: Colours) -> av.VideoFrame:
    """(3, H, W) in [0, 1] → planes of even sides, in these colours and as deep."""
    height, width = even_sides(frame.shape[-2], frame.shape[-1])
    cut = frame[:, :height, :width]
    levels = to_uint16(cut) if colours.bits > 8 else to_uint8(cut)
    pixels = levels.permute(1, 2, 0).contiguous().cpu().numpy()
    return av.VideoFrame.from_ndarray(pixels, format="rgb48le" if colours.bits > 8 else "rgb24").reformat(
        format="yuv420p10le" if colours.bits > 8 else "yuv420p",
        dst_colorspace=colours.space if colours.space in MATRICES else BT601,
        dst_color_range=colours.range or ColorRange.MPEG,
        interpolation=EXACT_COLOURS,
    )

"""Tracks as an array that NumPy saved, `.npy` → trajectories. Nothing in it is run: arrays of objects are refused.

docs/tracks.md says what is read. js/exchange/npy.js reads the same files and refuses the others with the same messages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import torch

from .literals import MAX_POINTS, shown_value
from .numbered import counted_paths
from .trajectories import FARTHEST_PX, Trajectories

MAGIC = b"\x93NUMPY"
_LENGTH_BYTES = {1: 2, 2: 4, 3: 4}  # of the header's length, by the format's version
_TYPES = ("<f4", "<f8", "<i2", "<i4", "<i8", "<u2", "<u4", "<u8", "|i1", "|u1")
_LONGEST_HEADER = 10_000  # characters; NumPy's have about a hundred
_BROKEN = "this .npy file is broken"


@dataclass(frozen=True)
class TrackArray:
    """Places on two axes, of which one is frames and one paths."""

    places: np.ndarray  # (A, B, 2) float64
    visible: np.ndarray  # (A, B) bool
    shape: str  # as the file says it
    single: bool  # one path, whose frames are the second axis

    def tracks(self, num_frames: int) -> Trajectories:
        """`num_frames`: of the clip, which tells the axes apart. ValueError where it does not."""
        first, second = self.visible.shape
        paths_first = self.single or first == 1 or second == num_frames
        frames_first = not self.single and (second == 1 or first == num_frames)
        if paths_first == frames_first and (first, second) != (1, 1):
            either = "both may be its frames" if paths_first else "neither is its frames"
            raise ValueError(
                f"the array has shape {self.shape} and the clip {num_frames} frames: {either}, the other axis paths; "
                "save it as a list of paths (.tolist() as JSON)"
            )
        places, visible = torch.from_numpy(self.places).float(), torch.from_numpy(self.visible)
        if not paths_first:
            places, visible = places.transpose(0, 1).contiguous(), visible.T.contiguous()
        count, length = visible.shape
        frames = "1 frame" if length == 1 else f"{length} frames"
        read_as = f"read as an array of shape {self.shape}: {counted_paths(count)} over {frames}"
        return Trajectories(places, visible, (length,) * count, read_as=read_as)


def read_npy(content: bytes) -> TrackArray | None:
    """None for another file. Raises ValueError that says what the array holds instead."""
    if not content.startswith(MAGIC):
        return None
    values, shape, single = _values(content)
    if values.shape[2] == 3:
        odd = np.argwhere((values[..., 2] != 0) & (values[..., 2] != 1))
        if len(odd):
            at = tuple(odd[0].tolist())
            found = shown_value(float(values[at][2]))
            raise ValueError(f"the array at {list(at)}: the third value must be 1 where visible, or 0, found {found}")
    places = values[..., :2]
    visible = ~np.isnan(places).all(-1)
    if values.shape[2] == 3:
        visible &= values[..., 2] == 1
    wrong = np.argwhere(~(np.abs(places) <= FARTHEST_PX).all(-1) & visible)
    if len(wrong):
        at = tuple(wrong[0].tolist())
        x, y = (shown_value(float(value)) for value in places[at])
        raise ValueError(f"the array at {list(at)}: x {x}, y {y} must lie within ±{FARTHEST_PX} pixels")
    return TrackArray(np.where(visible[..., None], places, 0), visible, shape, single)


def _values(content: bytes) -> tuple[np.ndarray, str, bool]:
    """(A, B, 2 or 3) float64, the shape in words, whether it is one path alone."""
    version = content[6] if len(content) > 6 else 0
    if version not in _LENGTH_BYTES:
        raise ValueError(f"{_BROKEN}, or of a version of the format that is not known: {version}")
    begin = 8 + _LENGTH_BYTES[version]
    end = begin + int.from_bytes(content[8:begin], "little")
    header = content[begin : min(end, begin + _LONGEST_HEADER)].decode("latin-1")
    descr = re.search(r"'descr': *('[^']*'|\[)", header)
    order = re.search(r"'fortran_order': *(True|False)", header)
    sizes = re.search(r"'shape': *\(((?: *[0-9]{1,9} *,?)*)\)", header)
    if end > len(content) or not (descr and order and sizes):
        raise ValueError(f"{_BROKEN}: its header is not one that NumPy writes")
    written = descr[1].strip("'")
    if "O" in written or descr[1] == "[":
        raise ValueError("this .npy file holds Python objects or records, which are never read: save numbers alone")
    if written not in _TYPES:
        raise ValueError(
            f"this .npy file holds numbers of type {shown_value(written)}: save float32, float64 or whole numbers"
        )
    dimensions = [int(size) for size in re.findall(r"[0-9]+", sizes[1])]
    shape = f"({dimensions[0]},)" if len(dimensions) == 1 else f"({', '.join(map(str, dimensions))})"
    axes = dimensions[1:] if len(dimensions) == 4 and dimensions[0] == 1 else dimensions
    single = len(axes) == 2
    axes = [1, *axes] if single else axes
    if len(axes) != 3 or axes[2] not in (2, 3):
        raise ValueError(
            f"the array has shape {shape}; read are (paths, frames, 2), (frames, paths, 2) and (frames, 2), "
            "or with a third value for visible"
        )
    if not axes[0] * axes[1]:
        raise ValueError(f"the array has shape {shape} and holds no point")
    if axes[0] * axes[1] > MAX_POINTS:
        raise ValueError(f"the array has shape {shape}; at most {MAX_POINTS} points are read")
    kind = np.dtype(written)
    needed = axes[0] * axes[1] * axes[2] * kind.itemsize
    if len(content) - end != needed:
        raise ValueError(f"{_BROKEN}: it holds {len(content) - end} bytes of numbers, its shape says {needed}")
    flat = np.frombuffer(content, kind, offset=end)
    return flat.reshape(axes, order="F" if order[1] == "True" else "C").astype(np.float64), shape, single

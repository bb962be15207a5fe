"""A video and an Edit → what the model is conditioned on (paper section 3.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from .edit import Edit, check_video
from .tracks.trajectories import Trajectories

KERNEL_SIZE = 51  # pixels, whatever the frame's size: what the released weights were trained on
KERNEL_SIGMA = 10.0


@dataclass(frozen=True)
class Conditions:
    """T frames of H×W pixels in the clip's order; computed once per clip, the same for every step and model.

    The model's window begins with its reference. Where another frame than the first was edited, or several were,
    the clip is shown to the model from each edited frame onwards and backwards (`sides`, `along`). Seen backwards a
    path goes from where it is to where it was, and that is all the motion map is made of; so any frame may be
    edited, as MagicProp (Yan et al. 2023) leaves it. `motion` is then that since the neighbour nearer to the first
    edited frame.
    """

    reference: Tensor  # (3, H, W) in [-1, 1]: the edited frame
    content: Tensor  # (T, 3, H, W) in [-1, 1]: the video, −1 inside the mask in every frame
    motion: Tensor  # (T, 2, H, W) dy, dx in pixels since the previous frame
    mask: Tensor  # (T, 1, H, W): 1 where the model paints, else 0
    source: Tensor | None = None  # (T, 3, H, W) in [0, 1]: the video whole, which no network sees
    edit: Edit | None = None  # that all was made from, with `source`

    @property
    def num_frames(self) -> int:
        return self.content.shape[0]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.content.shape[-2], self.content.shape[-1]

    @property
    def sides(self) -> list[Side]:
        """How the model sees the clip."""
        return clip_sides(self.num_frames, list(self.edit.edited_frames) if self.edit is not None else [0])

    @property
    def from_first(self) -> bool:
        """Whether the first frame alone was edited: the model sees the clip in its order."""
        return self.edit is None or [*self.edit.edited_frames] == [0]

    def along(self, order: Sequence[int]) -> Conditions:
        """Conditions of these frames in this order, the first of which is an edited one."""
        if self.source is None or self.edit is None:
            raise ValueError("another order needs the video in the conditions: make them with make_conditions")
        return compose_conditions(self.source[list(order)], self.edit.reordered(order))


@dataclass(frozen=True)
class Side:
    """Frames as the model sees them, onwards or backwards from an edited one."""

    order: range
    weights: Tensor  # (len(order),) how much of each frame is this side's: over all sides they sum to 1

    @property
    def onwards(self) -> bool:
        return self.order.step > 0


def make_conditions(video: Tensor, edit: Edit) -> Conditions:
    """`video` (T, 3, H, W) in [0, 1], of any length; raises ValueError where the edit does not fit it."""
    check_video(video)
    edit.check(len(video), *video.shape[-2:])
    seen = compose_conditions(video, edit)
    first = min(edit.edited_frames)
    if first:
        order = range(first, -1, -1)
        backwards = compose_conditions(video[list(order)], edit.reordered(order)).motion.flip(0)
        seen = replace(seen, motion=torch.cat([backwards, seen.motion[first + 1 :]]))
    return seen


def clip_sides(num_frames: int, edited: Sequence[int]) -> list[Side]:
    """The clip from each of its edited frames, in rising order; a side that would hold no other frame is left out.

    Between two edited frames it is seen from both, and who is nearer counts for more. An edited frame is as
    it is seen onwards, if any follow.
    """
    first, last, end = edited[0], edited[-1], num_frames - 1
    sides = [Side(range(first, -1, -1), torch.ones(first + 1))] if first else []
    for start, stop in pairwise(edited):
        weights = torch.linspace(1, 0, stop - start + 1)
        sides += [Side(range(start, stop + 1), weights), Side(range(stop, start - 1, -1), weights.clone())]
    for side in sides:
        if not side.onwards and side.order[0] < end:
            side.weights[0] = 0
    return [*sides, Side(range(last, num_frames), torch.ones(num_frames - last))] if last < end else sides


def compose_conditions(video: Tensor, edit: Edit) -> Conditions:
    """As `make_conditions` for an edited first frame, unchecked: training also shows clips whose mask is everything."""
    mask = edit.masks(0, len(video))
    return replace(show_conditions(video, edit.edited_frame, edit.trajectories, mask), source=video, edit=edit)


def show_conditions(video: Tensor, reference: Tensor, trajectories: Trajectories, mask: Tensor) -> Conditions:
    """`video` (T, 3, H, W) and `reference` (3, H, W) in [0, 1], mask (1 or T, 1, H, W) bool, on the video's device."""
    mask = mask.to(video.device).expand(len(video), -1, -1, -1)
    return Conditions(
        reference=signed(reference),
        content=torch.where(mask, -1.0, signed(video)),
        motion=motion_map(trajectories.points_px, trajectories.visible, *video.shape[-2:]).to(video.device),
        mask=mask.float(),
    )


def signed(pixels: Tensor) -> Tensor:
    """[0, 1] → [-1, 1]; what a resize overshot is cut off."""
    return pixels.float().clamp(0, 1) * 2 - 1


def motion_map(
    points_px: Tensor,  # (…, N, T, 2) x, y in frame pixels
    visible: Tensor,  # (…, N, T) bool
    height: int,
    width: int,
) -> Tensor:  # (…, T, 2, H, W) dy, dx in pixels since the previous frame
    """Sparse displacements, each written where its point stands *now*, widened to soft bumps; where the points lie.

    Frame 0 is zero. A displacement needs its point visible in both frames. Points outside
    the frame act on its border. Where two points share a pixel the later path wins; bumps
    that overlap add.
    """
    seen = visible.bool()
    moves = seen & F.pad(seen, (1, 0))[..., :-1]
    before = torch.cat([points_px[..., :1, :], points_px[..., :-1, :]], -2)
    displacement = (points_px - before).float()
    places = points_px.nan_to_num()  # hidden points may be anywhere, or nowhere
    x = places[..., 0].clamp(0, width - 1).long()  # truncated toward zero
    y = places[..., 1].clamp(0, height - 1).long()
    wins = moves & _stands_on_top(y * width + x, moves, height * width)
    displacement = torch.where(wins[..., None], displacement, 0).flip(-1)
    if points_px.shape[-3] > KERNEL_SIZE:
        return _soften(_scatter(displacement, y * width + x, height, width))
    # A bump is a column times a row, so few of them are one matrix product a frame.
    rows, columns = _bump(y, height), _bump(x, width)
    rows = rearrange(displacement[..., None] * rows[..., None, :], "... n t d h -> ... t (d h) n")
    return (rows @ rearrange(columns, "... n t w -> ... t n w")).unflatten(-2, (2, height))


def _stands_on_top(pixels: Tensor, moves: Tensor, count: int) -> Tensor:
    """Whether each of the moving points, `pixels` (…, N, T) of `count`, is the last of those on its pixel."""
    numbers = torch.arange(pixels.shape[-2], device=pixels.device)[:, None].expand_as(pixels)
    numbers = torch.where(moves, numbers, -1).transpose(-1, -2)
    pixels = pixels.transpose(-1, -2)
    last = numbers.new_full((*pixels.shape[:-1], count), -1).scatter_reduce_(-1, pixels, numbers, "amax")
    return (last.gather(-1, pixels) == numbers).transpose(-1, -2)


def _scatter(displacement: Tensor, pixels: Tensor, height: int, width: int) -> Tensor:
    """Displacements (…, N, T, 2), on each pixel one that is not zero at most → (…, T, 2, H, W)."""
    values = rearrange(displacement, "... n t d -> ... t d n")
    places = rearrange(pixels, "... n t -> ... t 1 n").expand_as(values)
    sparse = values.new_zeros(*values.shape[:-1], height * width)
    return sparse.scatter_add_(-1, places, values).unflatten(-1, (height, width))


def _kernel(device: torch.device) -> Tensor:
    """Gaussian of peak 1, not of sum 1: a lone point keeps its displacement at its own pixel."""
    offsets = torch.arange(KERNEL_SIZE, dtype=torch.float64) - KERNEL_SIZE // 2
    return torch.exp(-(offsets**2) / (2 * KERNEL_SIGMA**2)).float().to(device)


def _bump(centres: Tensor, size: int) -> Tensor:
    """The kernel around each centre (…), over `size` pixels: (…, size)."""
    reach = KERNEL_SIZE // 2 + 1  # where it is zero
    kernel = F.pad(_kernel(centres.device), (1, 1))
    offsets = torch.arange(size, device=centres.device) - centres[..., None]
    return kernel[offsets.clamp(-reach, reach) + reach]


def _soften(sparse: Tensor) -> Tensor:
    bump = _kernel(sparse.device)
    frames = sparse.flatten(0, -4)
    moving = frames.flatten(1).any(1)  # most of the cost is in frames that hold nothing
    channels = frames[moving].flatten(0, 1)[:, None]
    channels = F.conv2d(channels, bump.view(1, 1, -1, 1), padding=(KERNEL_SIZE // 2, 0))
    channels = F.conv2d(channels, bump.view(1, 1, 1, -1), padding=(0, KERNEL_SIZE // 2))
    soft = torch.zeros_like(frames)
    soft[moving] = channels.view(-1, *frames.shape[1:])
    return soft.view_as(sparse)

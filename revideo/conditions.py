"""A video and an Edit → what the model is conditioned on (paper section 3.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .edit import Edit, check_video

KERNEL_SIZE = 51  # pixels, whatever the frame's size: what the released weights were trained on
KERNEL_SIGMA = 10.0


@dataclass(frozen=True)
class Conditions:
    """T frames of H×W pixels in the clip's order; computed once per clip, the same for every step and model.

    The model's window begins with its reference. Where another frame than the first was edited, motion is
    that since the neighbour nearer to it: the clip is shown to the model onwards and backwards from there
    (`along`). Seen backwards a path goes from where it is to where it was, and that is all the motion map is
    made of; so any frame may be edited, as MagicProp (Yan et al. 2023) leaves it.
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
    def sides(self) -> list[range]:
        """Orders in which the model sees the clip, each beginning with the edited frame."""
        return clip_sides(self.num_frames, self.edit.edited_index if self.edit is not None else 0)

    def along(self, order: Sequence[int]) -> Conditions:
        """Conditions of these frames in this order, the first of which is the edited one."""
        if self.source is None or self.edit is None:
            raise ValueError("another order needs the video in the conditions: make them with make_conditions")
        return compose_conditions(self.source[list(order)], self.edit.reordered(order))


def make_conditions(video: Tensor, edit: Edit) -> Conditions:
    """`video` (T, 3, H, W) in [0, 1], of any length; raises ValueError where the edit does not fit it."""
    check_video(video)
    edit.check(len(video), *video.shape[-2:])
    if edit.edited_index == 0:
        return compose_conditions(video, edit)
    sides = clip_sides(len(video), edit.edited_index)
    seen = [compose_conditions(video[list(side)], edit.reordered(side)) for side in sides]
    content, motion, mask = (
        join_sides(sides, [getattr(each, part) for each in seen]) for part in ("content", "motion", "mask")
    )
    return Conditions(signed(edit.edited_frame), content, motion, mask, video, edit)


def clip_sides(num_frames: int, edited_index: int) -> list[range]:
    """Frames onwards and backwards from the edited one, which each begins with; left out where no other follows."""
    sides = range(edited_index, num_frames), range(edited_index, -1, -1)
    return [side for side in sides if len(side) > 1]


def join_sides(sides: Sequence[range], parts: Sequence[Tensor]) -> Tensor:
    """Something (t, …) of the frames of each side → (T, …) in the clip's order; the edited frame as seen onwards."""
    onwards = [part for side, part in zip(sides, parts) if side.step > 0]
    backwards = [part[len(onwards) :].flip(0) for side, part in zip(sides, parts) if side.step < 0]
    return torch.cat([*backwards, *onwards])


def compose_conditions(video: Tensor, edit: Edit) -> Conditions:
    """As `make_conditions` for an edited first frame, unchecked: training also shows clips whose mask is everything."""
    mask = edit.masks(0, len(video)).to(video.device)
    return Conditions(
        reference=signed(edit.edited_frame),
        content=torch.where(mask, -1.0, signed(video)),
        motion=motion_map(edit.trajectories.points_px, edit.trajectories.visible, *video.shape[-2:]),
        mask=mask.float(),
        source=video,
        edit=edit,
    )


def signed(pixels: Tensor) -> Tensor:
    """[0, 1] → [-1, 1]; what a resize overshot is cut off."""
    return pixels.float().clamp(0, 1) * 2 - 1


def motion_map(
    points_px: Tensor,  # (N, T, 2) x, y in frame pixels
    visible: Tensor,  # (N, T) bool
    height: int,
    width: int,
) -> Tensor:  # (T, 2, H, W) dy, dx in pixels since the previous frame
    """Sparse displacements, each written where its point stands *now*, widened to soft bumps.

    Frame 0 is zero. A displacement needs its point visible in both frames. Points outside
    the frame act on its border. Where two points share a pixel the later path wins; bumps
    that overlap add.
    """
    num_frames = points_px.shape[1]
    sparse = torch.zeros(num_frames, 2, height, width)
    x = points_px[..., 0].clamp(0, width - 1).long()  # truncated toward zero
    y = points_px[..., 1].clamp(0, height - 1).long()
    displacement = points_px.diff(dim=1).flip(-1)  # (N, T-1, 2) dy, dx
    moves = visible[:, 1:].bool() & visible[:, :-1].bool()
    # Path by path: one indexed write of all would leave the winner of a shared pixel undefined.
    for path, frame in moves.nonzero().tolist():
        sparse[frame + 1, :, y[path, frame + 1], x[path, frame + 1]] = displacement[path, frame].float()
    return _soften(sparse)


def _soften(sparse: Tensor) -> Tensor:
    """Gaussian of peak 1, not of sum 1: a lone point keeps its displacement at its own pixel."""
    offsets = torch.arange(KERNEL_SIZE, dtype=torch.float64) - KERNEL_SIZE // 2
    bump = torch.exp(-(offsets**2) / (2 * KERNEL_SIGMA**2)).float()
    moving = sparse.flatten(1).any(1)  # most of the cost is in frames that hold nothing
    channels = sparse[moving].flatten(0, 1)[:, None]
    channels = F.conv2d(channels, bump.view(1, 1, -1, 1), padding=(KERNEL_SIZE // 2, 0))
    channels = F.conv2d(channels, bump.view(1, 1, 1, -1), padding=(0, KERNEL_SIZE // 2))
    soft = torch.zeros_like(sparse)
    soft[moving] = channels.view(-1, 2, *sparse.shape[-2:])
    return soft

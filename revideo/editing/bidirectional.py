"""The edited frame anywhere in a clip: edited onwards from it and, in reverse order, backwards; joined at it.

The model's reference is the first frame of its window. So the clip is shown to it twice, both times
beginning with frame k: as it runs, and as it would run back. Seen backwards a path goes from where it
is to where it was, and that is all the motion map is made of. Which frame is edited is then free, as
MagicProp (Yan et al. 2023) leaves it: the one that shows the thing best, or whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..conditions import Conditions, compose_conditions, make_conditions, signed
from ..edit import Edit
from ..tracks.trajectories import Trajectories


@dataclass(frozen=True)
class BothWays:
    """What `Conditions` is for an edit whose reference is another frame than the first."""

    video: Tensor  # (T, 3, H, W) in [0, 1]
    edit: Edit

    @property
    def num_frames(self) -> int:
        return len(self.video)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.video.shape[-2], self.video.shape[-1]

    @property
    def sides(self) -> tuple[range, range]:
        """Frames onwards and backwards, both from the edited one on."""
        frame = self.edit.reference_frame
        return range(frame, self.num_frames), range(frame, -1, -1)

    def along(self, order: Sequence[int]) -> Conditions:
        """Conditions of these frames in this order, the first of which is the edited one."""
        return compose_conditions(*reordered(self.video, self.edit, order))


def conditions_for(video: Tensor, edit: Edit) -> Conditions | BothWays:
    """`make_conditions` for an edit of any frame; raises ValueError where the edit does not fit the video."""
    if edit.reference_frame == 0:
        return make_conditions(video, edit)
    edit.check(video)
    return BothWays(video, edit)


def in_clip_order(conditions: Conditions | BothWays) -> Conditions:
    """What the model sees of each frame; motion is that since the neighbour nearer to the edited frame."""
    if isinstance(conditions, Conditions):
        return conditions
    seen = {number: conditions.along(side) for number, side in enumerate(conditions.sides) if len(side) > 1}
    parts = ("content", "motion", "region")
    together = {part: joined_sides({number: getattr(each, part) for number, each in seen.items()}) for part in parts}
    return Conditions(reference=signed(conditions.edit.reference), **together)


def reordered(video: Tensor, edit: Edit, order: Sequence[int]) -> tuple[Tensor, Edit]:
    """Frames of a video, in any order and as often as wanted, and the edit of them that begins with the first."""
    order = list(order)
    tracks = Trajectories(edit.trajectories.points_px[:, order], edit.trajectories.visible[:, order])
    region = edit.region if len(edit.region) == 1 else edit.region[order]
    return video[order], replace(edit, trajectories=tracks, region=region, reference_frame=0)


def bounced(order: Sequence[int], length: int) -> list[int]:
    """The order to its end, back to its beginning and so on, until there are `length`."""
    period = 2 * (len(order) - 1)
    return [order[min(time % period, period - time % period)] for time in range(length)]


def joined_sides(parts: dict[int, Tensor]) -> Tensor:
    """Onwards (0) and backwards (1) from the edited frame → the clip's order; that frame as it is onwards."""
    if len(parts) == 2:
        return torch.cat([parts[1][1:].flip(0), parts[0]])
    return parts[0] if 0 in parts else parts[1].flip(0)

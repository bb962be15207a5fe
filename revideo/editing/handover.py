"""What one window of a long video hands over to the next, and what is done there against drift.

The paper chains windows by the last edited frame alone (its section on long videos) and sees
errors accumulate. Each option here breaks one loop through which they do.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from ..conditions import signed
from ..models.vae import LATENT_SCALE
from ..pipeline.pipeline import Pipeline
from ..tracks.trajectories import Trajectories
from .composite import RING_PX, ring_shift
from .drift_correction import (
    NEAR,
    PathObject,
    correct_appearance,
    correct_paths,
    find_objects,
    find_offsets,
    locate_objects,
    remaining_offsets,
)

# Pixels around one, and the mean difference there below which two pictures show the same.
EQUAL_PX, EQUAL_WITHIN = 9, 0.1


@dataclass(frozen=True)
class HandoverOptions:
    """How windows follow each other. `python -m benchmarks.drift` measures what each choice does."""

    # Frames that neighbouring windows share. All but the first of them are blended in latent space, from the
    # same noise in both: the later window sees motion there, and not only a picture. 1: nothing to blend.
    overlap: int = 4
    source_pixels: bool = True  # the first frame's unedited pixels are known: they come from the source
    latent_handover: bool = True  # what is inside the mask goes over as sampled: decoding and encoding blur it
    first_embedding: bool = True  # the image embedding stays the edited frame's (MagicProp's fixed reference)
    colour_correction: bool = True  # inside the mask by as much as the ring around it drifted from the source
    path_correction: bool = True  # trajectories begin where their objects really are, and bring them back
    # Objects look in the frames that windows share as in the edited first frame, and with path correction are
    # put back at once as far as nobody sees it.
    appearance_correction: bool = True


# By the last edited frame alone, as in the paper.
PAPER_CHAIN = HandoverOptions(
    overlap=1,
    source_pixels=False,
    latent_handover=False,
    first_embedding=False,
    colour_correction=False,
    path_correction=False,
    appearance_correction=False,
)


@dataclass(frozen=True)
class PreviousWindow:
    """What the window before shows in the first frames of this one."""

    frames: Tensor  # (shared, 3, H, W) in [0, 1], decoded
    latents: Tensor | None  # (shared, C, h, w) as sampled; None where the source's frames passed unedited
    corrected: Tensor | None = None  # (shared, H, W) bool: where `frames` were corrected, and `latents` were not


@dataclass(frozen=True)
class WindowState:
    """All that is known where a window begins."""

    edited_frame: Tensor  # (3, H, W) in [0, 1]: that the windows began with
    offsets: Tensor  # (N, 2) x, y: how far from its trajectory each object is
    objects: list[PathObject | None] = field(default_factory=list)  # as the edited frame shows them
    previous: PreviousWindow | None = None
    embedding: Tensor | None = None  # (1, 1, D) of the edited frame
    key: str = ""  # of the window before, in the cache

    @classmethod
    def first(
        cls,
        edited_frame: Tensor,  # (3, H, W) in [0, 1]
        trajectories: Trajectories,  # (N, T) in the window that begins with it
        mask: Tensor,  # (H, W) bool: in its first frame
        options: HandoverOptions,
    ) -> WindowState:
        """Before a window that begins with an edited frame."""
        objects: list[PathObject | None] = []
        if options.path_correction or options.appearance_correction:
            objects = find_objects(edited_frame, trajectories, mask)
        return cls(edited_frame, torch.zeros(trajectories.num_trajectories, 2), objects)

    def unedited(self, frames: Tensor) -> WindowState:
        """After a window whose frames passed as they are; the last of them (shared, 3, H, W)."""
        # The source's own objects follow nobody's path.
        return replace(self, previous=PreviousWindow(frames, None), offsets=self.offsets * 0, key="")

    def after(
        self,
        painted: Tensor,  # (T, 3, H, W) in [0, 1]: a finished window
        latents: Tensor,  # (T, C, h, w)
        mask: Tensor,  # (T, 1, H, W) bool
        trajectories: Trajectories,  # (N, T)
        at: int,  # where the next window begins
        options: HandoverOptions,
    ) -> WindowState:
        frames = painted[at:]
        ahead = Trajectories(trajectories.points_px[:, at:], trajectories.visible[:, at:])
        away, found = locate_objects(frames, self.objects, ahead)
        found = found & found[:, :1]
        places, offsets = ahead.points_px + away, self.offsets
        if options.path_correction:
            offsets = torch.where(found[:, :1], away[:, 0], find_offsets(painted, trajectories, offsets, at))
            if options.appearance_correction:
                near_px = NEAR * min(frames.shape[-2:])
                offsets = torch.where(found[:, :1], remaining_offsets(offsets, near_px), offsets)
                places = correct_paths(ahead, offsets).points_px
        corrected = None
        if options.appearance_correction:
            shown = [
                correct_appearance(frame, self.objects, places[:, number], found[:, number], mask[at + number, 0])
                for number, frame in enumerate(frames)
            ]
            frames, corrected = (torch.stack(each) for each in zip(*shown))
        return replace(self, previous=PreviousWindow(frames, latents[at:], corrected), offsets=offsets)


@dataclass(frozen=True)
class WindowStart:
    """What a window begins from."""

    reference: Tensor  # (3, H, W) in [0, 1]
    latent: Tensor | None = None  # (1, C, h, w) in place of the reference's own, unscaled
    known: Tensor | None = None  # (shared, C, h, w), scaled: what the first frames are drawn to


def start_window(
    pipeline: Pipeline,
    previous: PreviousWindow,
    source: Tensor,  # (3, H, W) in [0, 1]: the unedited first frame of this window
    mask: Tensor,  # (shared, 1, H, W) bool: of the frames shared with the window before
    options: HandoverOptions,
    noise: Tensor,  # (3, H, W): joins the reference before it is encoded
) -> WindowStart:
    """What a window begins from, of what the one before shows."""
    frame = previous.frames[0]
    painted = mask[0]
    if options.source_pixels and not painted.all():  # of a whole frame nothing is the source's, however alike
        painted = painted & ~alike(frame, source)
    composite = torch.where(painted, frame, source)
    known = previous.latents if options.overlap > 1 else None
    if not options.latent_handover or previous.latents is None:
        reference = composite if options.source_pixels else frame
        if options.colour_correction:
            shift = ring_shift(source, frame, mask[0, 0], RING_PX)
            reference = torch.where(painted, (reference + shift).clamp(0, 1), reference)
        return WindowStart(reference, known=_with_corrected(pipeline, previous, known))

    stride = pipeline.config.vae.stride
    encoded = pipeline.encode(signed(composite) + noise).float().cpu()
    latent = previous.latents[:1] / LATENT_SCALE
    touched = _cells(mask, stride)
    if options.colour_correction:
        shift = ring_shift(encoded[0], latent[0], touched[0, 0], RING_PX // stride)
        latent = latent + shift * touched[0]
        known = known + LATENT_SCALE * shift * touched if known is not None else None
    known = _with_corrected(pipeline, previous, known)
    if previous.corrected is not None:
        latent = torch.where(_cells(previous.corrected[:1, None], stride), encoded, latent)
    if options.source_pixels:
        inside = _cells(painted[None], stride)[0]
        latent = torch.where(inside, latent, encoded)
        if known is not None:
            known = torch.cat([torch.where(inside, known[:1], LATENT_SCALE * encoded), known[1:]])
    return WindowStart(composite if options.source_pixels else frame, latent, known)


def _with_corrected(pipeline: Pipeline, previous: PreviousWindow, known: Tensor | None) -> Tensor | None:
    """`known` (shared, C, h, w) with what was corrected in place of what was sampled there."""
    if known is None or previous.corrected is None or not previous.corrected.any():
        return known
    shown = torch.cat([pipeline.encode(signed(frame)).float().cpu() for frame in previous.frames])
    return torch.where(_cells(previous.corrected[:, None], pipeline.config.vae.stride), LATENT_SCALE * shown, known)


def _cells(mask: Tensor, stride: int) -> Tensor:
    """(T, 1, H, W) bool → (T, 1, h, w) bool: cells with any pixel of it."""
    return F.max_pool2d(mask.float(), stride) > 0


def alike(painted: Tensor, source: Tensor) -> Tensor:
    """(3, H, W) each → (1, H, W) bool: where all that is around a pixel shows nearly the same."""
    differs = F.avg_pool2d((painted - source).abs().amax(0, keepdim=True), EQUAL_PX, 1, EQUAL_PX // 2)
    return differs < EQUAL_WITHIN

"""What one window of a long video hands to the next, and what is done there against drift.

The paper chains windows by the last edited frame alone (its section on long videos) and sees
errors accumulate. Each choice here breaks one loop through which they do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..conditions import signed
from ..models.vae import LATENT_SCALE
from ..pipeline.pipeline import ReVideo
from ..sampling.samplers import Denoise
from ..tracks.trajectories import Trajectories
from .composite import RING_PX, ring_shift
from .drift_correction import NEAR, beyond, find_strayed, steer
from .restoring import Thing, find_again, restore

ALIKE_PX, ALIKE = 9, 0.1  # pixels around one, and the mean difference there below which two pictures show the same


@dataclass(frozen=True)
class Drift:
    """How windows follow each other. `python -m benchmarks.drift` measures what each choice does."""

    # Frames that neighbouring windows share. All but the carried one are blended in latent space, from the
    # same noise in both: the later window sees motion there, and not only a picture. 1: nothing to blend.
    overlap: int = 4
    source_pixels: bool = True  # the carried frame's unedited pixels are known: they come from the source
    carried_latent: bool = True  # the area is handed on as sampled: decoding and encoding blur it each time
    first_embedding: bool = True  # the image embedding stays the edited first frame's (MagicProp's fixed reference)
    hold_colours: bool = True  # the area's colours shift back by as much as the ring around it strayed from the source
    steered_paths: bool = True  # paths begin where their things really are, and bring them back
    # What paths move looks in the frames that windows share as in the edited first frame, and with steered
    # paths is put back at once as far as nobody sees it.
    restored_things: bool = True


PAPER = Drift(
    overlap=1,
    source_pixels=False,
    carried_latent=False,
    first_embedding=False,
    hold_colours=False,
    steered_paths=False,
    restored_things=False,
)


@dataclass(frozen=True)
class Carried:
    """From the window before, at the first frames of this one."""

    frames: Tensor  # (shared, 3, H, W) in [0, 1], decoded
    latents: Tensor | None  # (shared, C, h, w) as sampled; None where the source's frames passed unedited
    restored: Tensor | None = None  # (shared, H, W) bool: where `frames` show what was restored, and `latents` do not


@dataclass(frozen=True)
class Start:
    """What a window begins from."""

    reference: Tensor  # (3, H, W) in [0, 1]
    latent: Tensor | None = None  # (1, C, h, w) in place of the reference's own, unscaled
    held: Tensor | None = None  # (shared, C, h, w): latents that the first frames are held to


def hand_on(
    painted: Tensor,  # (T, 3, H, W) in [0, 1]: a finished window
    latents: Tensor,  # (T, C, h, w)
    region: Tensor,  # (T, 1, H, W) of 0 and 1
    paths: Trajectories,  # (N, T)
    strayed: Tensor,  # (N, 2) x, y: how far from its path each thing began
    things: Sequence[Thing | None],
    at: int,  # where the next window begins
    drift: Drift,
) -> tuple[Carried, Tensor]:
    """What the next window gets, and how far from its path each thing begins there, (N, 2)."""
    frames, ahead = painted[at:], Trajectories(paths.points_px[:, at:], paths.visible[:, at:])
    away, found = find_again(frames, things, ahead)
    found = found & found[:, :1]
    places = ahead.points_px + away
    if drift.steered_paths:
        strayed = torch.where(found[:, :1], away[:, 0], find_strayed(painted, paths, strayed, at))
        if drift.restored_things:
            near_px = NEAR * min(frames.shape[-2:])
            strayed = torch.where(found[:, :1], beyond(strayed, near_px), strayed)
            places = steer(ahead, strayed).points_px
    if not drift.restored_things:
        return Carried(frames, latents[at:]), strayed
    shown = [
        restore(frame, things, places[:, number], found[:, number], region[at + number, 0] > 0)
        for number, frame in enumerate(frames)
    ]
    frames, restored = (torch.stack(each) for each in zip(*shown))
    return Carried(frames, latents[at:], restored), strayed


def start_window(
    model: ReVideo,
    carried: Carried,
    source: Tensor,  # (3, H, W) in [0, 1]: the unedited first frame of this window
    region: Tensor,  # (shared, 1, H, W) of 0 and 1: of the frames shared with the window before
    drift: Drift,
    noise: Tensor,  # (3, H, W): joins the reference before it is encoded
) -> Start:
    area, frame = region[0] > 0, carried.frames[0]
    kept = area & ~alike(frame, source) if drift.source_pixels else area
    composite = torch.where(kept, frame, source)
    held = carried.latents if drift.overlap > 1 else None
    if not drift.carried_latent or carried.latents is None:
        reference = composite if drift.source_pixels else frame
        if drift.hold_colours:
            shift = ring_shift(source, frame, area[0], RING_PX)
            reference = torch.where(kept, (reference + shift).clamp(0, 1), reference)
        return Start(reference, held=_restored(model, carried, held))

    stride = model.config.vae.stride
    known = model.encode(signed(composite) + noise).float().cpu()
    latent = carried.latents[:1] / LATENT_SCALE
    touched = F.max_pool2d(region, stride) > 0  # (shared, 1, h, w)
    if drift.hold_colours:
        shift = ring_shift(known[0], latent[0], touched[0, 0], RING_PX // stride)
        latent = latent + shift * touched[0]
        held = held + LATENT_SCALE * shift * touched if held is not None else None
    held = _restored(model, carried, held)
    if carried.restored is not None:
        latent = torch.where(_cells(carried.restored[:1], stride), known, latent)
    if drift.source_pixels:
        own = F.max_pool2d(kept[None].float(), stride)[0] > 0
        latent = torch.where(own, latent, known)
        if held is not None:
            held = torch.cat([torch.where(own, held[:1], LATENT_SCALE * known), held[1:]])
    return Start(composite if drift.source_pixels else frame, latent, held)


def _restored(model: ReVideo, carried: Carried, held: Tensor | None) -> Tensor | None:
    """`held` (shared, C, h, w) with what was restored in place of what was sampled there."""
    if held is None or carried.restored is None or not carried.restored.any():
        return held
    shown = torch.cat([model.encode(signed(frame)).float().cpu() for frame in carried.frames])
    return torch.where(_cells(carried.restored, model.config.vae.stride), LATENT_SCALE * shown, held)


def _cells(mask: Tensor, stride: int) -> Tensor:
    """(T, H, W) → (T, 1, h, w) bool: cells with any pixel of it."""
    return F.max_pool2d(mask[:, None].float(), stride) > 0


def alike(painted: Tensor, source: Tensor) -> Tensor:
    """(3, H, W) each → (1, H, W) bool: where all that is around a pixel shows nearly the same."""
    differs = F.avg_pool2d((painted - source).abs().amax(0, keepdim=True), ALIKE_PX, 1, ALIKE_PX // 2)
    return differs < ALIKE


def hold(denoise: Denoise, held: Tensor, weights: Tensor) -> Denoise:
    """`denoise` with the first frames' estimates (shared, C, h, w) drawn towards known ones, by weights (shared,)."""
    shared = len(held)

    def held_denoise(x: Tensor, sigma: Tensor) -> Tensor:
        estimate = denoise(x, sigma)
        share = weights.view(-1, 1, 1, 1).to(estimate)
        blended = torch.lerp(estimate[:shared], held.to(estimate), share)
        return torch.cat([blended, estimate[shared:]])

    return held_denoise

"""Clips → training examples: the area, the paths, the noise; all drawn from the example's number alone.

So any process can make any example, and a run that was resumed sees what it would have seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from ..conditions import compose_conditions
from ..edit import Edit
from ..models.config import VAEConfig
from ..tracks.selection import path_lengths, random_rectangle, rectangle_around, sample_trajectories, within
from ..tracks.trajectories import Trajectories
from .config import NoiseConfig, Phase, Stage

TrainingExample = dict[str, Tensor]
TRIES = 10  # rectangles, before one without motion is taken


@dataclass(frozen=True)
class TrainingClip:
    """A piece of video whose tracks are known."""

    video: Tensor  # (T, 3, H, W) in [0, 1]
    trajectories: Trajectories
    fps: float  # frames per second of `video`
    masks: Tensor | None = None  # (S, T, H, W) bool: where each sprite is, if it is known


class ClipSource(Protocol):
    """Where clips come from."""

    def clip(self, number: int, other: bool = False) -> TrainingClip:
        """The clip of an example; `other`: a different one, to join with it."""


def generator_for(*key: object) -> torch.Generator:
    """Random numbers that depend on nothing but `key`."""
    return torch.Generator().manual_seed(seed_for(*key))


def seed_for(*key: object) -> int:
    """A number of 62 bits that depends on nothing but `key`, the same on every machine."""
    return int.from_bytes(blake2b(repr(key).encode(), digest_size=8).digest(), "big") >> 2


@dataclass(frozen=True)
class ExampleMaker:
    """An example's number → its tensors, on the CPU; `purpose` parts streams of examples ("train", "sample")."""

    source: ClipSource
    stage: Stage
    phase: Phase
    vae: VAEConfig
    seed: int
    purpose: str = "train"

    def __call__(self, number: int) -> TrainingExample:
        """The tensors of one clip; `batch_examples` joins several.

        video (T, 3, H, W) in [-1, 1], reference, content, motion, mask as in `Conditions`;
        noise (T, C, h, w) for the latents, sigma; augmentation_noise (3, H, W) for the
        reference, augmentation; conditioning_mask 1, or 0 where the reference is dropped; fps;
        weight (T, 1, h, w) of each latent cell.
        """
        generator = generator_for(self.seed, self.purpose, self.phase.name, number)
        clip = self.source.clip(number)
        mask = choose_mask(clip, self.stage, self.phase, generator)
        limits = self.phase.trajectories
        count = int(torch.randint(limits.least, limits.most + 1, (), generator=generator))
        paths = within(clip.trajectories, mask)
        if not limits.all:
            paths = sample_trajectories(paths, count, generator)
        video, sprites = clip.video, _union(clip)
        if not mask.all() and _chance(self.stage.composite, generator):
            other = self.source.clip(number, other=True)
            video = torch.where(mask > 0, video, other.video)
            sprites = torch.where(mask > 0, sprites, _union(other))
        conditions = compose_conditions(video, Edit(video[0], paths, mask[None, None]))
        return {
            "video": video * 2 - 1,
            "reference": conditions.reference,
            "content": conditions.content,
            "motion": conditions.motion,
            "mask": conditions.mask,
            "weight": self._cell_weights(sprites),
            "fps": torch.tensor(self.phase.conditioning.fps or float(round(clip.fps))),
            **self._noise(video, generator),
        }

    def _cell_weights(self, sprites: Tensor) -> Tensor:
        """Sprites (T, H, W) → (T, 1, h, w): a cell that a sprite touches counts more."""
        touched = F.max_pool2d(sprites[:, None].float(), self.vae.stride)
        return 1 + (self.phase.loss.sprite_weight - 1) * touched

    def _noise(self, video: Tensor, generator: torch.Generator) -> TrainingExample:
        frames, _, height, width = video.shape
        stride, settings = self.vae.stride, self.phase.conditioning
        latent_shape = frames, self.vae.latent_channels, height // stride, width // stride
        spread = float(torch.randn((), generator=generator)) * settings.augmentation_spread
        return {
            "sigma": draw_sigma(self.phase.noise, generator),
            "noise": torch.randn(latent_shape, generator=generator),
            "augmentation": settings.augmentation * torch.tensor(spread).exp(),
            "augmentation_noise": torch.randn(video.shape[1:], generator=generator),
            "conditioning_mask": torch.tensor(float(not _chance(settings.drop_reference, generator))),
        }


def draw_sigma(noise: NoiseConfig, generator: torch.Generator) -> Tensor:
    """One noise level: ln σ normal (Karras et al. 2022, with SVD's values), in a fraction of cases uniform."""
    if _chance(noise.uniform, generator):
        place = torch.rand((), generator=generator)
        return (noise.uniform_low + place * (noise.uniform_high - noise.uniform_low)).exp()
    return (noise.mean + noise.std * torch.randn((), generator=generator)).exp()


def choose_mask(
    clip: TrainingClip, stage: Stage, phase: Phase, generator: torch.Generator
) -> Tensor:  # (H, W), 1 inside
    """Everything, or a rectangle that holds motion if one is found in a few tries."""
    height, width = clip.video.shape[-2:]
    if not _chance(stage.content, generator):
        return torch.ones(height, width)
    for _ in range(TRIES):
        count = int(torch.randint(1, phase.area.most + 1, (), generator=generator))
        mask = torch.stack([_rectangle(clip, phase, generator) for _ in range(count)]).amax(0)
        inside = path_lengths(within(clip.trajectories, mask))
        if len(inside) and inside.max() > 1 and not mask.all():
            break
    return mask


def _rectangle(clip: TrainingClip, phase: Phase, generator: torch.Generator) -> Tensor:  # (H, W), 1 inside
    if clip.masks is not None and clip.masks.any() and _chance(phase.area.around_sprites, generator):
        seen = clip.masks[clip.masks.flatten(1).any(1)]
        sprite = seen[int(torch.randint(len(seen), (), generator=generator))]
        return rectangle_around(sprite, generator, phase.area.margin)
    height, width = clip.video.shape[-2:]
    return random_rectangle(height, width, phase.area.min_px, phase.area.max_share, generator)


def _union(clip: TrainingClip) -> Tensor:  # (T, H, W) bool
    if clip.masks is None:
        return torch.zeros(len(clip.video), *clip.video.shape[-2:], dtype=torch.bool)
    return clip.masks.any(0)


def _chance(probability: float, generator: torch.Generator) -> bool:
    return bool(torch.rand((), generator=generator) < probability)


def batch_examples(examples: list[TrainingExample]) -> TrainingExample:
    """Several clips as one: each tensor gets a first axis."""
    return {name: torch.stack([example[name] for example in examples]) for name in examples[0]}


class SyntheticClips:
    """Clips made on the fly by revideo.synthetic: each number another scene."""

    def __init__(self, phase: Phase, seed: int, purpose: str = "train") -> None:
        self.phase, self.seed, self.purpose = phase, seed, purpose

    def clip(self, number: int, other: bool = False) -> TrainingClip:
        """A scene of its own, whose tracks and masks are exact."""
        from ..synthetic.clips import make_clip

        seed = seed_for(self.seed, self.purpose, self.phase.name, "world", number, other)
        phase = self.phase
        made = make_clip(seed, frames=phase.frames, height=phase.height, width=phase.width, **phase.data.options)
        return TrainingClip(made.video, made.trajectories, fps=6.0, masks=made.masks)


def prefetch(make: ExampleMaker, indices: Iterable[list[int]], threads: int) -> Iterator[TrainingExample]:
    """Batches of examples, in order, made ahead by threads: PyAV, OpenCV and torch work outside Python's lock."""
    if threads == 0:
        yield from (batch_examples([make(number) for number in batch]) for batch in indices)
        return
    pool = ThreadPoolExecutor(threads)
    waiting: list[list[Future[TrainingExample]]] = []
    batches = iter(indices)
    try:
        while True:
            while sum(map(len, waiting)) < 2 * threads or len(waiting) < 2:
                batch = next(batches, None)
                if batch is None:
                    break
                waiting.append([pool.submit(make, number) for number in batch])
            if not waiting:
                return
            yield batch_examples([future.result() for future in waiting.pop(0)])
    finally:
        pool.shutdown(wait=True, cancel_futures=True)

"""Clips → training examples: the area, the paths, the noise; all drawn from the example's number alone.

So any process can make any example, and a run that was resumed sees what it would have seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from ..conditions import show_conditions
from ..models.config import ModelConfig
from ..tracks.selection import sample_trajectories, within
from ..tracks.source_motion import HIDDEN_MOVES
from ..tracks.trajectories import Trajectories
from .config import ConditioningConfig, NoiseConfig, Phase, Stage
from .random_masks import chance, choose_mask

if TYPE_CHECKING:
    import numpy as np

TrainingExample = dict[str, Tensor]
LONGEST_STEP = 4.0  # ratio of noise levels: what most of ten steps of the built-in schedule stay below


@dataclass(frozen=True)
class TrainingClip:
    """A piece of video whose tracks are known."""

    video: Tensor  # (T, 3, H, W) in [0, 1], on the device that trains or in main memory
    trajectories: Trajectories  # in main memory
    fps: float  # frames per second of `video`
    masks: Tensor | None = None  # (S, T, H, W) bool, beside the video: where each sprite is, if it is known
    boxes_px: np.ndarray | None = None  # (S, T, 4) left, top, right, bottom of each sprite
    depth: Tensor | None = None  # (T, 1, H, W) in [0, 1], near 1, beside the video: where a propagator learns


class ClipSource(Protocol):
    """Where clips come from."""

    together: int  # how many are best made at once

    def clips(self, numbers: Sequence[int], other: bool = False) -> list[TrainingClip]:
        """The clips of some examples; `other`: different ones, to join with them."""


def generator_for(*key: object) -> torch.Generator:
    """Random numbers that depend on nothing but `key`."""
    return torch.Generator().manual_seed(seed_for(*key))


def seed_for(*key: object) -> int:
    """A number of 62 bits that depends on nothing but `key`, the same on every machine."""
    return int.from_bytes(blake2b(repr(key).encode(), digest_size=8).digest(), "big") >> 2


@dataclass(frozen=True)
class ExampleMaker:
    """Examples' numbers → their tensors; `purpose` parts streams of examples ("train", "sample")."""

    source: ClipSource
    stage: Stage
    phase: Phase
    model: ModelConfig
    seed: int
    purpose: str = "train"

    def __call__(self, number: int) -> TrainingExample:
        """The tensors of one clip, on the device of its video; `batch_examples` joins several.

        video (T, 3, H, W) in [-1, 1], reference, content, motion, mask as in `Conditions`, the
        mask (1, 1, H, W) where it stays;
        noise (T, C, h, w) for the latents, sigma; augmentation_noise (3, H, W) for the
        reference, augmentation; conditioning_mask (2,) 1, or 0 where the reference's image embedding, and where
        its latent is dropped; fps;
        weight (T, 1, h, w) of each latent cell; where it is asked for, noise_where_empty (2, T, C', h, w) for
        the embeddings of motion and content.
        """
        return self.several([number])[0]

    def several(self, numbers: Sequence[int]) -> list[TrainingExample]:
        """Each as if it were made alone; their clips come from the source together."""
        generators = [generator_for(self.seed, self.purpose, self.phase.name, number) for number in numbers]
        clips = self.source.clips(numbers)
        asked = [self._ask(clip, generator) for clip, generator in zip(clips, generators)]
        joined = [number for number, (_, _, joins) in zip(numbers, asked) if joins]
        others = dict(zip(joined, self.source.clips(joined, other=True) if joined else []))
        return [
            self._example(clip, others.get(number), mask, paths, generator)
            for number, clip, (mask, paths, _), generator in zip(numbers, clips, asked, generators)
        ]

    def _ask(self, clip: TrainingClip, generator: torch.Generator) -> tuple[Tensor, Trajectories, bool]:
        """The mask (1 or T, 1, H, W), the paths that are shown, and whether another clip fills the rest."""
        height, width = clip.video.shape[-2:]
        if chance(self.stage.content, generator):
            mask = choose_mask(clip.trajectories, clip.boxes_px, height, width, self.phase.area, generator)
        else:
            mask = torch.ones(1, 1, height, width, dtype=torch.bool)
        limits = self.phase.trajectories
        count = int(torch.randint(limits.least, limits.most + 1, (), generator=generator))
        paths = within(_as_in_edits(clip.trajectories), mask)
        if not limits.all:
            paths = sample_trajectories(paths, count, generator)
        return mask, paths, not bool(mask.all()) and chance(self.stage.composite, generator)

    def _example(
        self,
        clip: TrainingClip,
        other: TrainingClip | None,
        mask: Tensor,
        paths: Trajectories,
        generator: torch.Generator,
    ) -> TrainingExample:
        video, sprites, mask = clip.video, sprites_seen(clip), mask.to(clip.video.device)
        if other is not None:
            video = torch.where(mask, video, other.video)
            sprites = torch.where(mask[:, 0], sprites, sprites_seen(other))
        conditions = show_conditions(video, video[0], paths, mask)
        example = {
            "weight": self._cell_weights(sprites),
            "fps": torch.tensor(self.phase.conditioning.fps or float(round(clip.fps))),
            **self._noise(video, generator),
            "video": video * 2 - 1,
            "reference": conditions.reference,
            "content": conditions.content,
            "motion": conditions.motion,
            "mask": conditions.mask[: len(mask)],  # one for all frames where it stays
        }
        return {name: tensor.to(video.device, non_blocking=True) for name, tensor in example.items()}

    def _cell_weights(self, sprites: Tensor) -> Tensor:
        """Sprites (T, H, W) → (T, 1, h, w): a cell that a sprite touches counts more."""
        touched = F.max_pool2d(sprites[:, None].float(), self.model.vae.stride)
        return 1 + (self.phase.loss.sprite_weight - 1) * touched

    def _noise(self, video: Tensor, generator: torch.Generator) -> TrainingExample:
        frames, _, height, width = video.shape
        vae, settings = self.model.vae, self.phase.conditioning
        latent_shape = frames, vae.latent_channels, height // vae.stride, width // vae.stride
        spread = float(torch.randn((), generator=generator)) * settings.augmentation_spread
        noise = {
            "sigma": draw_sigma(self.phase.noise, generator),
            "noise": torch.randn(latent_shape, generator=generator),
            "augmentation": settings.augmentation * torch.tensor(spread).exp(),
            "augmentation_noise": torch.randn(video.shape[1:], generator=generator),
            "conditioning_mask": draw_conditioning_mask(settings, generator),
        }
        if self.phase.noise.own_errors:
            noise["step_ratio"] = draw_step_ratio(self.phase.noise, generator)
        if settings.noise_where_empty:
            shape = 2, frames, self.model.unet.block_channels[0], *latent_shape[2:]
            noise["noise_where_empty"] = torch.randn(shape, generator=generator)
        return noise


def draw_sigma(noise: NoiseConfig, generator: torch.Generator) -> Tensor:
    """One noise level: ln σ normal (Karras et al. 2022, with SVD's values), in a fraction of cases uniform."""
    if chance(noise.uniform, generator):
        place = torch.rand((), generator=generator)
        return (noise.uniform_low + place * (noise.uniform_high - noise.uniform_low)).exp()
    return (noise.mean + noise.std * torch.randn((), generator=generator)).exp()


def draw_conditioning_mask(settings: ConditioningConfig, generator: torch.Generator) -> Tensor:  # (2,)
    """1, or 0 where the reference's image embedding, and where its latent is dropped."""
    draws = 2 if settings.drop_apart else 1
    return torch.tensor([float(not chance(settings.drop_reference, generator)) for _ in range(draws)]).expand(2)


def draw_step_ratio(noise: NoiseConfig, generator: torch.Generator) -> Tensor:
    """Noise before a sampling step by that after it: of 10 to 50 steps from σ = 700 to 0.002; 1 in place of no step."""
    step = chance(noise.own_errors, generator)
    place = torch.rand((), generator=generator)
    return LONGEST_STEP**place if step else torch.ones(())


def _as_in_edits(tracks: Trajectories) -> Trajectories:
    """Those that are seen at first; where something hides them they move on, as the tracked paths of an edit do."""
    if not HIDDEN_MOVES:
        return tracks
    seen = tracks.visible[:, 0].bool()
    return Trajectories(tracks.points_px[seen], tracks.visible[seen]).never_hidden()


def sprites_seen(clip: TrainingClip) -> Tensor:  # (T, H, W) bool
    """Where any sprite is; nowhere where that is not known."""
    if clip.masks is None:
        return torch.zeros_like(clip.video[:, 0], dtype=torch.bool)
    return clip.masks.any(0)


def batch_examples(examples: list[TrainingExample]) -> TrainingExample:
    """Several clips as one: each tensor gets a first axis. A mask that stays is repeated only beside one that moves."""
    if "mask" in examples[0]:
        frames = max(len(example["mask"]) for example in examples)
        examples = [example | {"mask": example["mask"].expand(frames, -1, -1, -1)} for example in examples]
    return {name: torch.stack([example[name] for example in examples]) for name in examples[0]}


class SyntheticClips:
    """Clips made on the fly by revideo.synthetic: each number another scene, the same on any device."""

    together = 1024

    def __init__(self, phase: Phase, seed: int, purpose: str = "train", device: torch.device | str = "cpu") -> None:
        self.phase, self.seed, self.purpose, self.device = phase, seed, purpose, device

    def clips(self, numbers: Sequence[int], other: bool = False) -> list[TrainingClip]:
        """Scenes of their own, whose tracks and masks are exact."""
        from ..synthetic.clips import draw_clips, plan_clip
        from ..synthetic.depth import draw_depths

        phase, height, width = self.phase, self.phase.height, self.phase.width
        seeds = [seed_for(self.seed, self.purpose, phase.name, "world", number, other) for number in numbers]
        size: dict[str, Any] = {"frames": phase.frames, "height": height, "width": width}
        plans = [plan_clip(seed, **size, **phase.data.options.given) for seed in seeds]
        depths: Sequence[Tensor | None] = [None] * len(plans)
        if phase.stage == "propagate":
            depths = [*draw_depths(plans, height, width, self.device)]
        return [
            TrainingClip(made.video, made.trajectories, 6.0, made.masks, plan.boxes_px(), depth)
            for plan, made, depth in zip(plans, draw_clips(plans, height, width, self.device), depths)
        ]


def prefetch(make: ExampleMaker, indices: Iterable[list[int]], threads: int) -> Iterator[TrainingExample]:
    """Batches of examples, in order, made ahead by threads: PyAV, OpenCV and torch work outside Python's lock."""
    if threads == 0:
        yield from (batch_examples(make.several(batch)) for batch in indices)
        return
    pool = ThreadPoolExecutor(threads)
    waiting: list[list[Future[list[TrainingExample]]]] = []
    batches = iter(indices)
    try:
        while True:
            while sum(map(len, waiting)) < 2 * threads or len(waiting) < 2:
                batch = next(batches, None)
                if batch is None:
                    break
                together = make.source.together
                parts = [batch[at : at + together] for at in range(0, len(batch), together)]
                waiting.append([pool.submit(make.several, part) for part in parts])
            if not waiting:
                return
            yield batch_examples([example for future in waiting.pop(0) for example in future.result()])
    finally:
        pool.shutdown(wait=True, cancel_futures=True)

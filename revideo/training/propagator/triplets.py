"""Clips → triplets, of which a propagator learns: reference, previous frame and target (section 3.3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ...models.propagator import TRAIN_STEPS
from ...models.propagator_config import PropagatorConfig
from ..config import Phase, Stage
from ..examples import ClipSource, TrainingClip, TrainingExample, generator_for, sprites_seen
from ..random_masks import chance


@dataclass(frozen=True)
class TripletMaker:
    """Examples' numbers → their tensors; `purpose` parts streams of examples ("train", "sample")."""

    source: ClipSource
    stage: Stage
    phase: Phase
    model: PropagatorConfig
    seed: int
    purpose: str = "train"

    def __call__(self, number: int) -> TrainingExample:
        """The tensors of one example, on the device of its video; `batch_examples` joins several.

        video (3, 3, H, W) in [-1, 1]: reference, previous, target; depth (2, 1, H, W) in [0, 1] of the latter two;
        noise (3, C, h, w) for latents, of which the last is the target's, the second the previous frame's, of the
        strength previous_noise; timestep; previous_given 1, or 0 where there is none; weight (3, 1, h, w).
        """
        return self.several([number])[0]

    def several(self, numbers: Sequence[int]) -> list[TrainingExample]:
        """Each as if it were made alone; their clips come from the source together."""
        clips = self.source.clips(numbers)
        return [self._example(number, clip) for number, clip in zip(numbers, clips)]

    def _example(self, number: int, clip: TrainingClip) -> TrainingExample:
        generator = generator_for(self.seed, self.purpose, self.phase.name, number)
        chosen = draw_triplet(len(clip.video), self.phase.triplets.neighbours, generator)
        video = clip.video[chosen]
        vae, settings = self.model.vae, self.phase.triplets
        height, width = video.shape[-2:]
        cells = height // vae.stride, width // vae.stride
        touched = F.adaptive_max_pool2d(sprites_seen(clip)[chosen][:, None].float(), cells)
        example = {
            "video": video * 2 - 1,
            "noise": torch.randn((3, vae.latent_channels, *cells), generator=generator),
            "timestep": torch.randint(TRAIN_STEPS, (), generator=generator),
            "previous_given": torch.tensor(float(not chance(settings.drop_previous, generator))),
            "previous_noise": torch.rand((), generator=generator) * settings.previous_noise,
            "weight": 1 + (self.phase.loss.sprite_weight - 1) * touched,
        }
        if clip.depth is not None:  # which an autoencoder does without
            example["depth"] = clip.depth[chosen[1:]]
        return {name: tensor.to(video.device, non_blocking=True) for name, tensor in example.items()}


def draw_triplet(frames: int, neighbours: float, generator: torch.Generator) -> Tensor:  # (3,)
    """Reference, previous and target: three at random, of which a fraction has previous and target side by side."""
    if frames < 3:
        return torch.arange(3).clamp(max=frames - 1)
    chosen = torch.randperm(frames, generator=generator)[:3]
    step = 1 if chance(0.5, generator) else -1
    if chance(neighbours, generator):
        previous = int(chosen[2]) + step
        chosen[1] = previous if 0 <= previous < frames else int(chosen[2]) - step
    return chosen

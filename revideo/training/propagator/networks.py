"""The propagator in training: a batch of triplets → its loss."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ...models.propagator import noise_schedule, reference_context, shrink_depth, unet_input
from ...models.propagator_config import PropagatorConfig
from ...models.vae import LATENT_SCALE
from ..config import Phase
from ..examples import TrainingExample
from ..networks import NetworksInTraining, checkpoint_blocks


class TrainedPropagator(NetworksInTraining):
    """UNet, adaptor, autoencoder and image encoder."""

    unet: Any

    def __init__(self, parts: dict[str, Any], config: PropagatorConfig, phase: Phase) -> None:
        super().__init__(parts, phase)
        self.config = config
        self.schedule = noise_schedule(config.remedies.zero_terminal_snr)
        if phase.run.gradient_checkpointing:
            checkpoint_blocks(self.unet)

    def denoising_loss(self, batch: TrainingExample) -> Tensor:
        """Of each clip, (B,): the squared error of v (section 3.3.2), or in SD's schedule of the noise."""
        latents = self.encode(batch["video"]) * LATENT_SCALE
        target, noise, step = latents[:, 2], batch["noise"][:, 2], batch["timestep"]
        noisy = self.schedule.add_noise(target, noise, step)
        zero_snr = self.config.remedies.zero_terminal_snr
        goal = self.schedule.get_velocity(target, noise, step) if zero_snr else noise
        error = (self.predict(noisy, step, batch, latents).float() - goal).square()
        weight = batch["weight"][:, 2]
        return (error * weight / weight.mean()).flatten(1).mean(1)

    def predict(self, noisy: Tensor, step: Tensor, batch: TrainingExample, latents: Tensor) -> Tensor:
        """What the UNet gives for a noisy target (B, C, h, w); `latents` (B, 3, C, h, w) are the triplet's."""
        given = batch["previous_given"].view(-1, 1, 1, 1)
        depth = shrink_depth(batch["depth"].flatten(0, 1), *noisy.shape[-2:]).unflatten(0, (-1, 2))
        previous = latents[:, 1] + batch["previous_noise"].view(-1, 1, 1, 1) * batch["noise"][:, 1]
        context = reference_context(self.parts, batch["video"][:, 0], latents[:, 0])
        joined = unet_input(noisy, depth[:, 1], previous * given, depth[:, 0] * given)
        return self.unet(joined, step, context.to(joined.dtype)).sample

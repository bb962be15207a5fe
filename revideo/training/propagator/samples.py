"""Sheets of samples during a propagator's training: what it was given, what it should paint, what it paints."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import torch
from torch import Tensor

from ...models.propagator import ddim_step, decode_latent_pictures, encode_pictures, noise_schedule
from ...pictures.sheets import sheet, write_image
from ..examples import TrainingExample, batch_examples
from .networks import TrainedPropagator
from .triplets import TripletMaker


def write_triplet_sheet(
    networks: TrainedPropagator,
    make: TripletMaker,
    folder: Path,
    step: int,
    precision: Callable[[], AbstractContextManager] = nullcontext,
) -> None:
    """`<phase>-<step>.png`: a row each of reference, previous frame, target, and what the model makes of them."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = {}
    for number in range(networks.phase.run.sample_clips):
        example = make(number)
        with precision():
            painted = repaint(networks, example)
        rows[f"{number}: reference,\nprevious, target,\npainted"] = torch.cat(
            [(example["video"].cpu() + 1) / 2, painted]
        )
    write_image(folder / f"{networks.phase.name}-{step:06d}.png", sheet(rows))


@torch.inference_mode()
def repaint(networks: TrainedPropagator, example: TrainingExample) -> Tensor:  # (1, 3, H, W) in [0, 1]
    """The target from noise alone; in the autoencoder's stage, through the autoencoder."""
    device = next(networks.parameters()).device
    batch = {name: tensor.to(device) for name, tensor in batch_examples([example]).items()}
    if networks.stage.name == "autoencoder":
        latents = encode_pictures(networks.vae, batch["video"][:, 2])
    else:
        known = encode_pictures(networks.vae, batch["video"][0])[None]
        schedule = noise_schedule(networks.config.remedies.zero_terminal_snr)
        schedule.set_timesteps(networks.phase.run.sample_steps)
        latents = batch["noise"][:, 2]
        times = schedule.timesteps.tolist()
        for time, next_time in zip(times, [*times[1:], None]):
            found = networks.predict(latents, torch.tensor(time, device=device), batch, known)
            latents = ddim_step(schedule, found.float(), latents, time, next_time)
    return ((decode_latent_pictures(networks.vae, latents) + 1) / 2).clamp(0, 1).float().cpu()

"""Sheets of samples during training: what was asked for beside what the networks make of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import torch
from torch import Tensor

from ..models.vae import LATENT_SCALE, decode_latents
from ..pictures.overlays import draw_mask
from ..pictures.sheets import sheet, write_image
from ..sampling.denoiser import denoise
from ..sampling.samplers import karras_sigmas, sample_euler
from .examples import TrainingExample, batch_examples
from .networks import TrainedNetworks, encode


def write_sheet(
    networks: TrainedNetworks,
    make: Callable[[int], TrainingExample],
    folder: Path,
    step: int,
    precision: Callable[[], AbstractContextManager] = nullcontext,
) -> None:
    """`<phase>-<step>.png`: rows of clip, and of the model's clip under the same conditions."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = {}
    for number in range(networks.phase.run.sample_clips):
        example = make(number)
        source = (example["video"] + 1) / 2
        rows[f"clip {number}"] = draw_mask(source, example["mask"])
        with precision():
            rows[f"made {number}"] = remake(networks, example)
    write_image(folder / f"{networks.phase.name}-{step:06d}.png", sheet(rows))


@torch.inference_mode()
def remake(networks: TrainedNetworks, example: TrainingExample) -> Tensor:  # (T, 3, H, W) in [0, 1]
    """The clip from noise alone, unguided; in the autoencoder's stage, through the autoencoder."""
    device = next(networks.parameters()).device
    example = {name: value for name, value in example.items() if name != "noise_where_empty"}
    example["conditioning_mask"] = torch.ones(2)
    batch = {name: tensor.to(device) for name, tensor in batch_examples([example]).items()}
    if networks.stage.name == "autoencoder":
        latents = encode(networks.vae, batch["video"])[0] * LATENT_SCALE
    else:
        conditioning = networks.condition(batch)
        controlnet = networks.controlnet if networks.stage.control else None
        sigmas = karras_sigmas(networks.phase.run.sample_steps).to(device)

        def denoise_step(x: Tensor, sigma: Tensor) -> Tensor:
            return denoise(networks.unet, controlnet, x, sigma, conditioning)[0]

        latents = sample_euler(denoise_step, batch["noise"][0] * (1 + sigmas[0] ** 2).sqrt(), sigmas)
    return ((decode_latents(networks.vae, latents, len(latents)) + 1) / 2).clamp(0, 1)

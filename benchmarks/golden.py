"""The golden recordings: small models in the released format, and what the released code computed from them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

import revideo

RECORDINGS = Path(__file__).parent.parent / "tests/data/golden"


@dataclass(frozen=True, eq=False)  # a set is itself only, so that results can be cached by it
class Golden:
    """A small model in the released format with what the released code computed from it."""

    name: str
    checkpoint: Path
    settings: dict[str, Any]
    reference: dict[str, Tensor]
    config: revideo.ModelConfig
    model: revideo.ReVideo
    video: Tensor  # (T, 3, H, W) in [0, 1]
    edit: revideo.Edit
    options: revideo.SamplerOptions

    @property
    def conditions(self) -> revideo.Conditions:
        return revideo.make_conditions(self.video, self.edit)


def load_recording(name: str, device: torch.device | str, dtype: torch.dtype, fp8: bool = False) -> Golden:
    """Recording "a" or "b", its model in that precision with all networks on the device."""
    folder = RECORDINGS / name
    settings = json.loads((folder / "config.json").read_text("utf-8"))
    inputs, sampling = settings["inputs"], settings["sampling"]
    reference = load_file(folder / "reference.safetensors")
    config = revideo.ModelConfig.from_dict(settings)
    points_px = reference["tracks_xy"].transpose(0, 1)
    model = revideo.load(folder / "checkpoint.safetensors", config, dtype, device, fp8=fp8)
    model.place(model.unet, model.controlnet, model.vae, model.image_encoder)
    return Golden(
        name=name,
        checkpoint=folder / "checkpoint.safetensors",
        settings=settings,
        reference=reference,
        config=config,
        model=model,
        video=(reference["video"] + 1) / 2,
        edit=revideo.Edit(
            (reference["reference"] + 1) / 2,
            revideo.Trajectories(points_px, torch.ones(points_px.shape[:2], dtype=torch.bool)),
            reference["region"],
        ),
        options=revideo.SamplerOptions(
            steps=sampling["num_steps"],
            cfg_first=sampling["min_guidance"],
            cfg_last=sampling["max_guidance"],
            fps=inputs["fps_id"],
            motion_bucket=inputs["motion_bucket_id"],
            noise_augmentation=inputs["cond_aug"],
            sigma_min=sampling["sigma_min"],
            sigma_max=sampling["sigma_max"],
            rho=sampling["rho"],
        ),
    )

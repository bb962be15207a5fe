"""Models of the native route inside the tests' process: ComfyUI's own, and the ControlNet, of one file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from comfy_process import load_pack
from comfyui_server import ROOT, relative_rms
from safetensors.torch import load_file
from torch import Tensor

import revideo

GOLDEN = ROOT / "tests/data/golden"
CPU = torch.device("cpu")


@dataclass
class Native:
    """What the loaders of the native route give."""

    model: Any
    clip_vision: Any
    vae: Any
    control: Any

    def condition(self, conditions: revideo.Conditions, **options: Any) -> tuple[list, list, dict[str, Tensor]]:
        """Positive, negative and latent of ReVideo Native Conditioning."""
        from pack.nodes.native.conditioning import ReVideoNativeConditioning

        defaults = {
            "strength": 1.0,
            "start_percent": 0.0,
            "end_percent": 1.0,
            "fps": 6,
            "motion_bucket": 127,
            "noise_augmentation": 0.02,
            "augmentation_seed": 23,
        }
        parts = self.model, self.clip_vision, self.vae, self.control
        return ReVideoNativeConditioning.execute(*parts, conditions, **(defaults | options)).result

    def sample(
        self,
        positive: list,
        negative: list,
        noise: Tensor,
        steps: int,
        cfg: float = 1.0,
        model: Any | None = None,
        sampler: str = "euler",
        scheduler: str = "karras",
    ) -> Tensor:
        """Latents by ComfyUI's own sampling, in the library's scale."""
        import comfy.sample

        from revideo.models.vae import LATENT_SCALE

        latents = comfy.sample.sample(
            model or self.model,
            noise,
            steps,
            cfg,
            sampler,
            scheduler,
            positive,
            negative,
            torch.zeros_like(noise),
            disable_pbar=True,
            seed=0,
        )
        return latents * LATENT_SCALE


def load_native(path: Path) -> Native:
    load_pack()
    from pack.nodes.native.control_net import ReVideoControl
    from pack.nodes.native.load_svd import load_as_svd
    from pack.revideo.checkpoints.reading import load_control

    return Native(*load_as_svd(path, dtype=torch.float32), ReVideoControl(load_control(path, dtype=torch.float32), CPU))


def write_golden(name: str, folder: Path) -> Path:
    """A golden checkpoint that states its widths, which the recorded one leaves to its config.json."""
    config = revideo.ModelConfig.from_json((GOLDEN / name / "config.json").read_text("utf-8"))
    target = folder / f"golden_{name}.safetensors"
    revideo.convert(GOLDEN / name / "checkpoint.safetensors", target, config=config)
    return target


@dataclass
class Golden:
    """One golden set, its models on the native route, and its inputs as the nodes take them."""

    native: Native
    recorded: dict[str, Tensor]
    settings: dict[str, Any]

    @property
    def conditions(self) -> revideo.Conditions:
        return revideo.Conditions(
            **{name: self.recorded[name] for name in ("reference", "content", "motion")}, mask=self.recorded["region"]
        )

    def condition(self, **options: Any) -> tuple[list, list, dict[str, Tensor]]:
        inputs = self.settings["inputs"]
        told = {
            "fps": inputs["fps_id"],
            "motion_bucket": inputs["motion_bucket_id"],
            "noise_augmentation": inputs["cond_aug"],
        }
        return self.native.condition(self.conditions, **(told | options))


def load_golden(name: str, folder: Path) -> Golden:
    import json

    settings = json.loads((GOLDEN / name / "config.json").read_text("utf-8"))
    return Golden(load_native(write_golden(name, folder)), load_file(GOLDEN / name / "reference.safetensors"), settings)


__all__ = ["CPU", "Golden", "Native", "load_golden", "load_native", "relative_rms"]

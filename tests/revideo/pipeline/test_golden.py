"""Every number that was recorded from the released model, against what this library computes."""

from functools import cache
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import Tensor

from revideo.conditions import make_conditions
from revideo.models.image_encoder import clip_pixels
from revideo.models.vae import decode_latents
from revideo.sampling.denoiser import denoise
from revideo.sampling.samplers import guidance_scales, karras_sigmas

pytestmark = pytest.mark.device

INPUTS = {"video", "reference", "tracks_xy", "noise", "cond_aug_noise"}
# Resampling and chains of many steps lose a digit; everything else must agree to 1e-5.
LOOSER = ("clip_pixels", "cond.crossattn", "latents", "decoded.", "frames")


def recorded_names(name: str) -> list[str]:
    file = Path(__file__).parents[2] / "data" / "golden" / name / "reference.safetensors"
    with safe_open(file, framework="pt") as tensors:
        return sorted(set(tensors.keys()) - INPUTS)


CASES = [(name, key) for name in ("a", "b") for key in recorded_names(name)]


def relative_rms(found: Tensor, expected: Tensor) -> float:
    return ((found - expected).square().mean().sqrt() / expected.square().mean().sqrt()).item()


@pytest.fixture
def computed(golden) -> dict[str, Tensor]:
    return compute(golden)


@cache
def compute(golden) -> dict[str, Tensor]:
    """Under the names of the reference file, all that follows from its inputs."""
    model, recorded, device = golden.model, golden.reference, golden.model.device
    conditions = make_conditions(golden.video, golden.edit)
    with torch.inference_mode():
        conditioning = model.condition(conditions, golden.options, recorded["cond_aug_noise"])
        latents = model.sample(
            conditions,
            golden.options,
            noise=recorded["noise"],
            augmentation_noise=recorded["cond_aug_noise"],
        )
        chunks = (1, len(golden.video))
        found = {
            "region": conditions.mask,
            "content": conditions.content,
            "motion": conditions.motion,
            "clip_pixels": clip_pixels(conditions.reference.to(device))[0],
            "cond.crossattn": conditioning.context,
            "cond.concat": conditioning.reference,
            "cond.vector": model.unet.embed_vector(conditioning.time_ids).expand(len(golden.video), -1),
            **{f"sigmas.{steps}": karras_sigmas(steps) for steps in (golden.options.steps, 4, 15, 25)},
            "guidance_scale": guidance_scales(len(golden.video), golden.options.cfg_first, golden.options.cfg_last),
            **{
                f"safm_weight.sigma_{sigma}": motion_weight(model, conditioning, sigma)
                for sigma in golden.settings["sampling"]["safm_sigmas"]
            },
            **probe(golden, conditioning),
            "latents": latents,
            **{f"decoded.chunk_{chunk}": decode_latents(model.vae, recorded["latents"], chunk) for chunk in chunks},
            "frames": model.decode(latents, frames_per_chunk=1),
        }
        return {key: tensor.cpu() for key, tensor in found.items()}


def motion_weight(model, conditioning, sigma: float) -> Tensor:
    frames = len(conditioning.control.motion)
    region = conditioning.control.mask
    level = torch.tensor(sigma, device=region.device).log() / 4
    weight = model.controlnet.safm.motion_weight(region, level.expand(len(region)))
    return weight.expand(frames, -1, -1, -1)  # of one frame where the area stays


def probe(golden, conditioning) -> dict[str, Tensor]:
    """One evaluation of both guidance branches, with what the networks handed each other on the way."""
    model = golden.model
    sigma = torch.tensor(golden.settings["sampling"]["probe_sigma"], device=model.device)
    outputs = {}
    hooks = [
        network.register_forward_hook(lambda _, __, output, name=name: outputs.update({name: output}))
        for name, network in (("control", model.controlnet), ("unet", model.unet))
    ]
    try:
        x = golden.reference["noise"].to(model.device) * sigma
        unconditional, conditional = denoise(model.unet, model.controlnet, x, sigma, conditioning.with_unconditional())
    finally:
        for hook in hooks:
            hook.remove()
    residuals = outputs["control"]

    def of_conditional(both: Tensor) -> Tensor:
        return both.chunk(2)[1]

    return {
        "probe.motion_embedding": conditioning.control.motion,
        "probe.content_embedding": conditioning.control.content,
        "probe.safm_weight": motion_weight(model, conditioning, sigma.item()),
        "probe.fused": model.controlnet.fuse(conditioning.control, sigma.log() / 4),
        **{f"probe.control.down.{i:02}": of_conditional(down) for i, down in enumerate(residuals.down)},
        "probe.control.mid": of_conditional(residuals.mid),
        "probe.unet": outputs["unet"][1],
        "probe.denoised": conditional,
        "probe.denoised_uncond": unconditional,
    }


@pytest.mark.parametrize(("golden", "key"), CASES, indirect=["golden"], ids=[f"{n}-{k}" for n, k in CASES])
def test_agrees_with_the_released_model(golden, computed, key):
    expected = golden.reference[key]
    assert computed[key].shape == expected.shape
    assert relative_rms(computed[key], expected) <= (1e-4 if key.startswith(LOOSER) else 1e-5)


def test_nothing_recorded_goes_unchecked(golden, computed):
    checked = {key for name, key in CASES if name == golden.name}
    assert checked | INPUTS == set(golden.reference)
    assert checked <= set(computed)


def test_golden_sets_tell_a_chunked_decode_from_a_whole_one(golden, computed):
    whole = computed[f"decoded.chunk_{len(golden.video)}"]
    assert relative_rms(computed["decoded.chunk_1"], whole) > 1e-3

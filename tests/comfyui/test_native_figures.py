"""The built-in model by both routes, on edits whose truth is known.

REVIDEO_NATIVE_CLIPS=16 nox -s tests -- tests/comfyui/test_native_figures.py -s
"""

from __future__ import annotations

import json
import os

import pytest
import torch
from comfyui_server import WINDOW
from native_parts import load_native

import revideo
from revideo.checkpoints import builtin
from revideo.models.vae import LATENT_SCALE
from revideo.synthetic.examples import HEIGHT_PX, WIDTH_PX
from revideo.synthetic.measures import held_out, mean_metrics, measure_edit

CLIPS = int(os.environ.get("REVIDEO_NATIVE_CLIPS", "1"))
OPTIONS = revideo.SamplerOptions(steps=3, cfg_last=1.0)

pytestmark = pytest.mark.timeout(3600)


@torch.inference_mode()
def test_both_routes_edit_equally_well():
    native, own = load_native(builtin.TINY_FILE), revideo.load("tiny", device="cpu")
    import comfy.sample

    figures: dict[str, list] = {"native": [], "own": []}
    for truth in held_out("both", 1, CLIPS, WINDOW, HEIGHT_PX, WIDTH_PX):
        conditions = revideo.make_conditions(truth.source, truth.edit)
        own_frames = own.decode(own.sample(conditions, OPTIONS), WINDOW)
        positive, negative, latent = native.condition(conditions)
        noise = comfy.sample.prepare_noise(latent["samples"], 2 * OPTIONS.seed)
        latents = native.sample(positive, negative, noise, OPTIONS.steps, OPTIONS.cfg_last)
        native_frames = native.vae.decode(latents / LATENT_SCALE).movedim(-1, 1)
        for route, frames in (("native", native_frames), ("own", own_frames)):
            figures[route].append(measure_edit(truth, frames))
    means = {route: mean_metrics(of_clips) for route, of_clips in figures.items()}
    print(json.dumps({"clips": CLIPS, **{route: vars(mean) for route, mean in means.items()}}))
    for name in ("path_error", "outside_psnr"):
        native_mean, own_mean = (getattr(means[route], name) for route in ("native", "own"))
        assert native_mean == pytest.approx(own_mean, rel=0.05), name

"""Both routes at the released size, with random weights in a file of 6 GB: opt-in, because it takes minutes.

REVIDEO_RELEASED_SIZE=1 nox -s tests -- tests/comfyui/test_native_released.py -s
"""

from __future__ import annotations

import gzip
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from comfyui_server import CHECKPOINT, ROOT, ComfyUI, Graph, load_latent, node, relative_rms
from native_graph import native_graph, own_graph
from safetensors.torch import save_file
from torch import Tensor

VARIABLE = "REVIDEO_RELEASED_SIZE"
STEPS, SIDE = 2, 128
IMAGE_VAE, VIDEO_VAE = "conditioner.embedders.3.encoder.", "first_stage_model."

pytestmark = [
    pytest.mark.skipif(not os.environ.get(VARIABLE), reason=f"{VARIABLE} is not set: a file of 6 GB"),
    pytest.mark.timeout(3600),
]


def released_weights() -> dict[str, Tensor]:
    """Every tensor of the released file in fp16, of a size that keeps activations near deviation 1."""
    names = json.loads(gzip.decompress((ROOT / "tests/data/official_keys.json.gz").read_bytes()))
    generator = torch.Generator().manual_seed(0)
    weights = {name: random(name, shape, generator) for name, (shape, _) in names.items()}
    # The video autoencoder's encoder makes the same latents as the image one's: ComfyUI's loader takes that one.
    for name in [name for name in weights if name.startswith(VIDEO_VAE + "encoder.")]:
        weights[name] = weights[IMAGE_VAE + name.removeprefix(VIDEO_VAE)].clone()
    fuse, shift = (weights[IMAGE_VAE + f"quant_conv.{kind}"].float() for kind in ("weight", "bias"))
    last, bias = (weights[IMAGE_VAE + f"encoder.conv_out.{kind}"].float() for kind in ("weight", "bias"))
    weights[VIDEO_VAE + "encoder.conv_out.weight"] = torch.einsum("oi,ichw->ochw", fuse[:, :, 0, 0], last).half()
    weights[VIDEO_VAE + "encoder.conv_out.bias"] = (fuse[:, :, 0, 0] @ bias + shift).half()
    return weights


def random(name: str, shape: list[int], generator: torch.Generator) -> Tensor:
    values = torch.randn(shape, generator=generator)
    if len(shape) > 1:
        return (values / values[0].numel() ** 0.5).half()
    return (1 + 0.1 * values if name.endswith("weight") else 0.1 * values).half()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("released")
    (base / "models" / "checkpoints").mkdir(parents=True)
    save_file(released_weights(), base / "models" / "checkpoints" / CHECKPOINT)
    return base


@pytest.fixture
def server(folder: Path) -> Iterator[ComfyUI]:
    """One for each route, so that its peak of memory is its own."""
    server = ComfyUI(folder)
    server.start()
    yield server
    server.stop()


def native() -> Graph:
    graph = native_graph(STEPS, SIDE, SIDE)
    return graph | {"svd": node("ImageOnlyCheckpointLoader", ckpt_name=CHECKPOINT)}


ROUTES = {"native": native, "own": lambda: own_graph(STEPS, SIDE, SIDE)}
latents: dict[str, Tensor] = {}


@pytest.mark.parametrize("route", ROUTES)
def test_two_steps(server: ComfyUI, route: str):
    graph, started = ROUTES[route](), time.perf_counter()
    run = server.succeed(graph, deadline_s=3000)
    seconds = time.perf_counter() - started
    latents[route] = load_latent(server, run, "latent")
    assert torch.isfinite(latents[route]).all()
    assert "control could not be applied" not in server.log()
    peak = server.resident_peak_bytes() / 1e9
    print(json.dumps({"route": route, "steps": STEPS, "size": [SIDE, SIDE, 14], "s": seconds, "peak_GB": peak}))


def test_both_routes_sample_the_same():
    assert relative_rms(latents["native"], latents["own"]) < 1e-2  # the fused convolution is rounded to fp16

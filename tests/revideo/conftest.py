"""The golden sets and their models, each loaded once, and a real clip."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

import revideo

DATA = Path(__file__).parent.parent / "data"


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


@cache
def load_golden(name: str) -> Golden:
    folder = DATA / "golden" / name
    settings = json.loads((folder / "config.json").read_text("utf-8"))
    inputs, sampling = settings["inputs"], settings["sampling"]
    reference = load_file(folder / "reference.safetensors")
    config = revideo.ModelConfig.from_dict(settings)
    points_px = reference["tracks_xy"].transpose(0, 1)
    return Golden(
        name=name,
        checkpoint=folder / "checkpoint.safetensors",
        settings=settings,
        reference=reference,
        config=config,
        model=revideo.load(folder / "checkpoint.safetensors", config, device="cpu"),
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


@pytest.fixture(scope="session", params=["a", "b"])
def golden(request: pytest.FixtureRequest) -> Golden:
    return load_golden(request.param)


@pytest.fixture(scope="session")
def golden_a() -> Golden:
    return load_golden("a")


@pytest.fixture(scope="session")
def golden_b() -> Golden:
    """The smaller one, for where any model will do."""
    return load_golden("b")


@pytest.fixture(scope="session")
def clips() -> Path:
    folder = os.environ.get("REVIDEO_CLIPS")
    if not folder:
        pytest.fail("REVIDEO_CLIPS is not set; `nox -s tests` fetches the clips and sets it")
    return Path(folder)


@pytest.fixture(scope="session")
def bikes(clips: Path) -> Path:
    """250 frames of 640×272 at 25 frames per second."""
    return clips / "bikes.mp4"


def tiny_values(*phases: dict[str, Any], **tables: Any) -> dict[str, Any]:
    """What a training file of a tiny model holds; keywords replace whole top-level tables."""
    size = {"steps": 2, "width": 32, "height": 32, "frames": 3, "batch": 2}
    return {
        "model": {
            "control_gain": 0.3,
            "unet": {
                "model_channels": 32,
                "channel_mult": [1, 1],
                "num_res_blocks": 1,
                "num_head_channels": 16,
                "context_dim": 32,
                "time_id_dim": 16,
                "num_frames": 3,
            },
            "control": {"condition_channels": [4, 8, 8, 16]},
            "vae": {"channels": 32, "channel_mult": [1, 1, 1, 1], "num_res_blocks": 2},
            "image_encoder": {"layers": 1, "width": 32, "head_width": 16, "patch_size": 112, "embed_dim": 32},
        },
        "data": {"kind": "synthetic", "options": {"diameter_px": [12.0, 14.0], "sprites": [1, 1]}},
        "area": {"min_px": 16, "max_share": 0.8},
        "optimizer": {"lr": 1e-3, "warmup": 2},
        "run": {"log_every": 1, "checkpoint_every": 1, "torch_threads": 1, "device": "cpu"},
        "phases": [size | phase for phase in phases or ({"stage": "motion"},)],
    } | tables


@pytest.fixture
def training_values(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """`tiny_values` with an output folder of the test's own."""
    return lambda *phases, **tables: tiny_values(*phases, **{"output": str(tmp_path / "out")} | tables)


@pytest.fixture(scope="session")
def tiny_training_values() -> Callable[..., dict[str, Any]]:
    return tiny_values

"""The device, the golden sets and their models, each loaded once, and a real clip."""

import json
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from benchmarks.golden import Golden, load_recording

DEVICE = torch.device(os.environ.get("REVIDEO_DEVICE", "cpu"))  # `nox -s gpu` sets it and runs the tests of that mark
torch.backends.cudnn.allow_tf32 = False  # tolerances are float32's


@cache
def load_golden(name: str) -> Golden:
    """In float32 on the device."""
    return load_recording(name, DEVICE, torch.float32)


@pytest.fixture(scope="session")
def device() -> torch.device:
    """Where the tests marked `device` compute; whatever else there is in a test is on the CPU."""
    return DEVICE


@pytest.fixture(scope="session")
def assert_same() -> Callable[[Tensor, Tensor], None]:
    """To the bit on a CPU; a card's kernels are chosen by shapes and by what memory there is, and round differently."""

    def check(found: Tensor, expected: Tensor) -> None:
        assert_close(
            found, expected, **({"atol": 0, "rtol": 0} if DEVICE.type == "cpu" else {"atol": 2e-4, "rtol": 1e-4})
        )

    return check


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
        "run": {
            "log_every": 1,
            "checkpoint_every": 1,
            "torch_threads": 1,
            "device": "cpu" if DEVICE.type == "cpu" else "",
        },
        "phases": [size | phase for phase in phases or ({"stage": "motion"},)],
    } | tables


@pytest.fixture
def training_values(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """`tiny_values` with an output folder of the test's own."""
    return lambda *phases, **tables: tiny_values(*phases, **{"output": str(tmp_path / "out")} | tables)


@pytest.fixture(scope="session")
def tiny_training_values() -> Callable[..., dict[str, Any]]:
    return tiny_values


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIP with random weights and a vocabulary of letters, as transformers saves one."""
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizer

    folder = tmp_path_factory.mktemp("clip")
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokens = {"bos_token_id": len(words) - 2, "eos_token_id": len(words) - 1, "pad_token_id": len(words) - 1}
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    torch.manual_seed(0)
    config = CLIPConfig(
        text_config=sizes | tokens | {"vocab_size": len(words), "max_position_embeddings": 16, "projection_dim": 8},
        vision_config=sizes | {"image_size": 32, "patch_size": 16, "projection_dim": 8},
        projection_dim=8,
    )
    CLIPModel(config).save_pretrained(folder)
    CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt")).save_pretrained(folder)
    processor = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    processor.save_pretrained(folder)
    return folder

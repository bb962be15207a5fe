"""Nothing that a propagator's file says is trusted: read right, or refused by CheckpointError in a sentence."""

import json
import shutil
from contextlib import suppress

import pytest
import torch
from fuzzing import damaged, damages, fuzz
from hypothesis import given
from hypothesis import strategies as st

from revideo import CheckpointError
from revideo.checkpoints.propagator import (
    PROPAGATOR_CONFIG,
    convert_propagator,
    is_propagator,
    load_propagator_parts,
    save_propagator,
)
from revideo.checkpoints.stable_diffusion import stable_diffusion_sizes
from revideo.models.propagator import build_propagator
from revideo.models.propagator_config import PropagatorConfig

pytestmark = pytest.mark.filterwarnings("ignore")

LEAST = PropagatorConfig.from_dict(
    {
        "unet": {"model_channels": 8, "channel_mult": [1, 1], "num_res_blocks": 1, "num_heads": 1}
        | {"context_dim": 8, "norm_groups": 1},
        "vae": {"channels": 8, "channel_mult": [1], "num_res_blocks": 1, "norm_groups": 1},
        "image_encoder": {"layers": 1, "width": 8, "head_width": 8, "patch_size": 8, "image_size": 8, "embed_dim": 8},
    }
)
ODD = st.none() | st.booleans() | st.integers(-3, 2**70) | st.floats() | st.text(max_size=3) | st.lists(st.integers())


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The same small propagator as a file and as a folder, and a Stable Diffusion and CLIP that state its sizes."""
    folder = tmp_path_factory.mktemp("files")
    torch.manual_seed(0)
    parts = build_propagator(LEAST, "cpu")
    weights = {f"{part}.{name}": value for part, net in parts.items() for name, value in net.state_dict().items()}
    save_propagator(weights, folder / "model.safetensors", LEAST)
    convert_propagator(folder / "model.safetensors", folder / "folder")
    for part in ("unet", "vae"):
        parts[part].save_config(folder / "sd" / part)
    unet = json.loads((folder / "sd/unet/config.json").read_text()) | {"in_channels": 4}
    (folder / "sd/unet/config.json").write_text(json.dumps(unet))
    parts["image_encoder"].config.save_pretrained(folder / "clip")
    return folder


def test_the_sizes_of_both_are_the_propagators(place):
    assert stable_diffusion_sizes(place / "sd", place / "clip", {}) == LEAST


@fuzz(30)
@given(damages())
def test_a_file_of_any_bytes_is_read_right_or_refused(place, damage):
    file = place / "damaged.safetensors"
    file.write_bytes(damaged((place / "model.safetensors").read_bytes(), damage))
    is_propagator(file)
    with suppress(CheckpointError):
        parts, config = load_propagator_parts(file)
        assert all(tensor.isfinite().all() for part in parts.values() for tensor in part.state_dict().values())
        assert set(parts) == {"unet", "vae", "image_encoder", *(("adaptor",) if config.remedies.adaptor else ())}


@fuzz(30)
@given(
    st.dictionaries(
        st.sampled_from(["unet", "vae", "image_encoder", "remedies", "x"]),
        ODD
        | st.dictionaries(
            st.sampled_from(["model_channels", "channel_mult", "num_heads", "channels", "layers", "adaptor", "x"]), ODD
        ),
    )
)
def test_sizes_of_any_kind_are_read_right_or_refused(place, changes):
    folder = place / "changed"
    shutil.copytree(place / "folder", folder, dirs_exist_ok=True)
    sizes = json.loads(LEAST.to_json())
    for name, value in changes.items():
        sizes[name] = sizes[name] | value if isinstance(value, dict) and name in sizes else value
    (folder / PROPAGATOR_CONFIG).write_text(json.dumps(sizes))
    with suppress(CheckpointError):
        load_propagator_parts(folder)


@fuzz(30)
@given(st.sampled_from(["sd/unet", "sd/vae", "clip"]), st.data())
def test_configs_of_any_kind_state_sizes_or_are_refused(place, part, data):
    file = place / part / "config.json"
    before = file.read_text()
    config = json.loads(before)
    config |= data.draw(st.dictionaries(st.sampled_from([*config, "vision_config"]), ODD))
    file.write_text(json.dumps(config))
    try:
        with suppress(CheckpointError):
            stable_diffusion_sizes(place / "sd", place / "clip", {})
    finally:
        file.write_text(before)

"""When ComfyUI loads a model anew, and what of its files a loaded one needs: ComfyUI's modules in this process."""

import os
import shutil
from pathlib import Path

import pytest
import torch
from comfy_process import load_pack

from revideo.checkpoints.random_weights import write_random_checkpoint


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The pack's module, for which every name is one of a file below `tmp_path`."""
    load_pack()
    from pack.nodes import model

    monkeypatch.setattr(model, "checkpoint_path", lambda name: tmp_path / name)
    return model


@pytest.mark.parametrize("file", ["a.safetensors", "folder/unet/b.safetensors", "folder/revideo_config.json"])
@pytest.mark.parametrize("seconds", [-10, 10])
def test_a_file_that_was_written_anew_is_noticed(model, tmp_path, file, seconds):
    """Be it within a folder, or from an older copy; a link to nothing in a folder hinders nobody."""
    (tmp_path / "folder/unet").mkdir(parents=True)
    for name in ("a.safetensors", "folder/unet/b.safetensors", "folder/revideo_config.json"):
        (tmp_path / name).touch()
    (tmp_path / "folder/unet/c.safetensors").symlink_to("nowhere")
    before = model.change_times("a.safetensors", "folder")
    assert model.change_times("a.safetensors", "folder") == before
    written = (tmp_path / file).stat().st_mtime + seconds
    os.utime(tmp_path / file, (written, written))
    assert model.change_times("a.safetensors", "folder") != before


def test_a_loaded_model_outlives_its_file(model, tmp_path):
    """In the file's own precision too, in which nothing is converted: a mapped file cut off would end ComfyUI."""
    write_random_checkpoint(tmp_path / "a.safetensors", dtype=torch.float32)
    shutil.copy(tmp_path / "a.safetensors", tmp_path / "b.safetensors")
    loaded = model.ReVideoLoadModel.execute("a.safetensors", model.SAME_FILE, "fp32").args[0]
    (tmp_path / "a.safetensors").write_bytes(b"cut off")
    again = model.ReVideoLoadModel.execute("b.safetensors", model.SAME_FILE, "fp32").args[0]
    for part in ("unet", "controlnet", "vae", "image_encoder"):
        of_both = (getattr(each, part).state_dict() for each in (loaded, again))
        assert all(torch.equal(a, b) for a, b in zip(*(each.values() for each in of_both), strict=True))

"""A checkpoint is what its content says, whatever it is called and whatever else is in it; and no other file is one."""

import json
import logging

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import revideo
from revideo import CheckpointError
from revideo.checkpoints.random_weights import SMALL, write_random_checkpoint
from revideo.checkpoints.reading import CONFIG_KEY, load_parts
from revideo.checkpoints.released import ADDRESS

METADATA = {CONFIG_KEY: SMALL.to_json()}
AVERAGES = {"model_ema.decay": torch.tensor(0.9), "model_ema.diffusion_modelout2weight": torch.ones(3, 3)}
SCHEDULES = {"betas": torch.ones(1000), "denoiser.sigmas": torch.ones(1000)}
LOSS = {"first_stage_model.loss.logvar": torch.zeros(())}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The file that all others are made of."""
    path = tmp_path_factory.mktemp("plain") / "plain.safetensors"
    write_random_checkpoint(path)
    return path


@pytest.fixture(scope="module")
def weights(plain):
    return state(load_parts(plain)[0])


def state(parts):
    return {f"{part}.{name}": tensor for part, module in parts.items() for name, tensor in module.state_dict().items()}


# --- What is a checkpoint --------------------------------------------------------------------


def upper_case(plain, folder):
    (folder / "UPPER.SAFETENSORS").write_bytes(plain.read_bytes())
    return folder / "UPPER.SAFETENSORS"


def converted_to_upper_case(plain, folder):
    revideo.convert(plain, folder / "UPPER.SAFETENSORS")
    with safe_open(folder / "UPPER.SAFETENSORS", framework="pt") as file:
        assert file.metadata()[CONFIG_KEY] == SMALL.to_json()
    return folder / "UPPER.SAFETENSORS"


def named_ckpt(plain, folder):
    (folder / "model.ckpt").write_bytes(plain.read_bytes())
    return folder / "model.ckpt"


def named_safetensors(plain, folder):
    torch.save({"state_dict": load_file(plain)}, folder / "model.safetensors")
    return folder / "model.safetensors"


def without_suffix(plain, folder):
    (folder / "model").write_bytes(plain.read_bytes())
    return folder / "model"


def of_a_training(plain, folder):
    """As Lightning saves one: more than the weights, outside of the state_dict and in it."""
    state_dict = load_file(plain) | AVERAGES | SCHEDULES | LOSS | {"model._extra_state": None}
    optimizer = {"state": {0: {"step": torch.tensor(1.0)}}, "param_groups": [{"lr": 1e-4, "params": [0]}]}
    training = {"epoch": 3, "global_step": 70, "pytorch-lightning_version": "2.0", "optimizer_states": [optimizer]}
    torch.save(training | {"state_dict": state_dict}, folder / "last.ckpt")
    return folder / "last.ckpt"


def under_model(plain, folder):
    """As many training programs save one."""
    torch.save({"model": load_file(plain), "epoch": 3}, folder / "model.pth")
    return folder / "model.pth"


def with_extras(plain, folder):
    save_file(load_file(plain) | AVERAGES | SCHEDULES | LOSS, folder / "model.safetensors", METADATA)
    return folder / "model.safetensors"


def wrapped(start, inner=""):
    def make(plain, folder):
        names = {
            name: f"{start}{name.replace('diffusion_model.', 'diffusion_model.' + inner)}" for name in load_file(plain)
        }
        save_file({names[name]: t for name, t in load_file(plain).items()}, folder / "model.safetensors", METADATA)
        return folder / "model.safetensors"

    return make


def trailing(count):
    def make(plain, folder):
        (folder / "model.safetensors").write_bytes(plain.read_bytes() + b"\x07" * count)
        return folder / "model.safetensors"

    return make


def trailing_and_unaligned(plain, folder):
    """A header of an odd length, which others than safetensors write."""
    content = plain.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = content[8 : 8 + length].rstrip() + b" "
    header += b" " * (1 - len(header) % 2)
    content = len(header).to_bytes(8, "little") + header + content[8 + length :] + b"more"
    (folder / "model.safetensors").write_bytes(content)
    return folder / "model.safetensors"


def trailing_ckpt(zip_file):
    def make(plain, folder):
        path = folder / "model.ckpt"
        torch.save({"state_dict": load_file(plain)}, path, _use_new_zipfile_serialization=zip_file)
        with path.open("ab") as file:
            file.write(bytes(4096))
        return path

    return make


def shards(plain, folder, count=3):
    """All of a model in several files, and the index of them."""
    tensors = load_file(plain)
    place = {name: f"model-{n % count + 1:05}-of-{count:05}.safetensors" for n, name in enumerate(sorted(tensors))}
    for file in set(place.values()):
        save_file({name: t for name, t in tensors.items() if place[name] == file}, folder / file, METADATA)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": place}))
    return folder


GOOD = {
    "upper case": upper_case,
    "upper case, as convert writes it": converted_to_upper_case,
    "safetensors named .ckpt": named_ckpt,
    "ckpt named .safetensors": named_safetensors,
    "no suffix": without_suffix,
    "a training's": of_a_training,
    "under model": under_model,
    "averages and schedules": with_extras,
    "module.": wrapped("module."),
    "_orig_mod.": wrapped("_orig_mod."),
    "both, and within": wrapped("module._orig_mod.", "_orig_mod."),
    "a byte behind": trailing(1),
    "many bytes behind": trailing(100_000),
    "bytes behind unaligned numbers": trailing_and_unaligned,
    "bytes behind a zip file": trailing_ckpt(True),
    "bytes behind a pickle": trailing_ckpt(False),
    "the index of shards": lambda plain, folder: shards(plain, folder) / "model.safetensors.index.json",
    "one of the shards": lambda plain, folder: shards(plain, folder) / "model-00002-of-00003.safetensors",
}


@pytest.mark.slow
@pytest.mark.parametrize("case", GOOD)
def test_it_loads_to_the_same_bits(plain, weights, tmp_path, case):
    path = GOOD[case](plain, tmp_path)
    parts, config = load_parts(path, SMALL)
    found = state(parts)
    assert config == SMALL and found.keys() == weights.keys()
    assert [name for name in weights if not torch.equal(found[name], weights[name])] == []


@pytest.mark.slow
def test_what_is_left_out_is_logged_and_goes_into_no_converted_file(plain, tmp_path, caplog):
    with caplog.at_level(logging.INFO, "revideo"):
        revideo.convert(with_extras(plain, tmp_path), tmp_path / "converted.safetensors")
    assert load_file(tmp_path / "converted.safetensors").keys() == load_file(plain).keys()
    assert "model.safetensors: 5 tensors that no network has are left out (" in caplog.text


def test_a_tensor_inside_a_network_is_never_left_out(plain, tmp_path):
    """It means a deeper network than the one that its sizes state."""
    more = "conditioner.embedders.0.open_clip.model.visual.transformer.resblocks.2.ln_1.weight"
    save_file(load_file(plain) | {more: torch.ones(64)}, tmp_path / "deeper.safetensors", METADATA)
    with pytest.raises(CheckpointError, match=rf"1 tensors unexpected \({more}\)"):
        load_parts(tmp_path / "deeper.safetensors")


# --- What is none ----------------------------------------------------------------------------

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d7a" * 16 + b"\nsize 12345\n"
BAD = {
    "nothing": (b"", "is empty: download it again"),
    "LFS pointer": (POINTER, f"is a Git LFS pointer of {len(POINTER)} bytes, which stands for the file and is not it"),
    "GGUF": (b"GGUF\x03\x00\x00\x00" + bytes(900), "is a GGUF file, whose quantised weights only other programs read"),
    "web page": (b"\n<!DOCTYPE html>\n<html><body>Sign in</body></html>", "is a web page, saved in place of the file"),
    "web page with a BOM": (b"\xef\xbb\xbf<html>404</html>", f"that it leads to: the file itself is at {ADDRESS}"),
    "the hub's answer": (b"Entry not found", 'is a text that begins with "Entry not found", not a checkpoint'),
    "JSON": (b'{"error": "\xc3\xa9t\xc3\xa9"}', 'is a text that begins with "{"error": "été"}", not a checkpoint'),
    "noise": (bytes(range(256)), "is no checkpoint, by its first bytes: it is neither"),
}


@pytest.mark.parametrize("suffix", [".safetensors", ".ckpt", ".CKPT"])
@pytest.mark.parametrize("case", BAD)
def test_it_is_named_as_what_it_is(tmp_path, case, suffix):
    content, message = BAD[case]
    (tmp_path / f"model{suffix}").write_bytes(content)
    with pytest.raises(CheckpointError) as raised:
        revideo.load(tmp_path / f"model{suffix}")
    assert str(raised.value).startswith(f"model{suffix} is ") and message in str(raised.value)
    assert "code" not in str(raised.value)


@pytest.mark.parametrize("given", ["model-00001-of-00003.safetensors", "model.safetensors.index.json"])
def test_a_shard_without_the_others_is_told_which_is_missing(plain, tmp_path, given):
    shards(plain, tmp_path)
    (tmp_path / "model-00002-of-00003.safetensors").unlink()
    what = "shard 1 of 3" if given.startswith("model-") else "the index of 3 shards"
    with pytest.raises(CheckpointError, match=rf"{given} is {what}, and model-00002-of-00003\.safetensors is not bes"):
        revideo.load(tmp_path / given)


@pytest.mark.parametrize(
    "name", ["../outside.safetensors", "/etc/passwd", "C:\\x.safetensors", "a/b.safetensors", ".."]
)
def test_an_index_leads_out_of_no_folder(plain, tmp_path, name):
    (tmp_path / "outside.safetensors").write_bytes(plain.read_bytes())
    (tmp_path / "in").mkdir()
    index = tmp_path / "in" / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"model.diffusion_model.out.2.weight": name}}))
    with pytest.raises(CheckpointError, match=r"index\.json names a shard outside of its folder, which is not read"):
        revideo.load(index)


@pytest.mark.parametrize("offsets", [[0, 10**9], [-4, 4], [0, 3], [8, 0], ["0", "8"], [0]])
def test_a_header_that_lies_about_its_numbers_is_refused(tmp_path, offsets):
    header = json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": offsets}}).encode()
    (tmp_path / "odd.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(64))
    with pytest.raises(CheckpointError, match=r"odd\.safetensors is cut off or not a \.safetensors file"):
        revideo.load(tmp_path / "odd.safetensors")

import gzip
import json
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import revideo
from revideo import CheckpointError
from revideo.checkpoints import writing
from revideo.checkpoints.names import UNUSED, name_table, to_diffusers, to_released
from revideo.checkpoints.random_weights import SMALL, write_random_checkpoint
from revideo.checkpoints.reading import build_parts, load_control, load_parts
from revideo.checkpoints.writing import convert
from revideo.models.config import ControlConfig, ImageEncoderConfig, ModelConfig, UNetConfig, VAEConfig

OFFICIAL = Path(__file__).parents[2] / "data" / "official_keys.json.gz"


def shapes(weights):
    return {name: tuple(tensor.shape) for name, tensor in weights.items()}


def bits(weights):
    """Values as integers, so that equal means equal to the bit."""
    return {name: tensor.contiguous().view(torch.int16) for name, tensor in weights.items()}


def assert_equal_weights(found, expected):
    assert shapes(found) == shapes(expected)
    found, expected = bits(found), bits(expected)
    assert [name for name in expected if not torch.equal(found[name], expected[name])] == []


def state(parts):
    return {f"{part}.{name}": tensor for part, module in parts.items() for name, tensor in module.state_dict().items()}


# --- Names -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def official():
    """Every tensor of the released file, without its values."""
    listed = json.loads(gzip.decompress(OFFICIAL.read_bytes()))
    return {
        name: torch.empty(shape, dtype=getattr(torch, dtype), device="meta") for name, (shape, dtype) in listed.items()
    }


@pytest.fixture(scope="module")
def released_parts():
    return build_parts(ModelConfig())


@pytest.fixture(scope="module")
def released_table(released_parts):
    return name_table(ModelConfig(), released_parts)


def test_every_released_tensor_finds_its_place(official, released_parts, released_table):
    ours = to_diffusers(official, released_table)
    networks = shapes(state(released_parts))
    assert len(official) == 3151
    assert {name: shape for name, shape in shapes(ours).items() if name in networks} == networks
    assert [name for name in ours if name not in networks and not name.startswith(UNUSED)] == []


def test_both_directions_compose_to_identity_on_the_released_names(official, released_table):
    ours = to_diffusers(official, released_table)
    back = to_released(ours, released_table)
    assert shapes(back) == shapes(official)
    assert shapes(to_diffusers(back, released_table)) == shapes(ours)


@pytest.mark.slow
def test_both_directions_compose_to_identity_on_values(golden):
    table = name_table(golden.config, build_parts(golden.config))
    released = load_file(golden.checkpoint)
    ours = to_diffusers(released, table)
    assert_equal_weights(to_released(ours, table), released)
    assert_equal_weights(to_diffusers(to_released(ours, table), table), ours)


def test_conversion_copies_nothing(golden_b):
    released = load_file(golden_b.checkpoint)
    ours = to_diffusers(released, name_table(golden_b.config, build_parts(golden_b.config)))
    owned = {tensor.untyped_storage().data_ptr() for tensor in released.values()}
    assert {tensor.untyped_storage().data_ptr() for tensor in ours.values()} == owned


# --- Forms -------------------------------------------------------------------------------

FORMS = {  # name: target, the separate SVD file
    "safetensors": ("model.safetensors", None),
    "ckpt": ("model.ckpt", None),
    "folder": ("model", None),
    "pair of safetensors": ("control.safetensors", "svd.safetensors"),
    "pair of ckpt": ("control.ckpt", "svd.ckpt"),
}


@pytest.fixture(scope="module")
def weights_a(golden_a):
    """Golden a as it is loaded, under our names."""
    return state(load_parts(golden_a.checkpoint, golden_a.config)[0])


@pytest.fixture(scope="module")
def forms(tmp_path_factory, golden_a):
    """The same weights in every form: form → (path, svd)."""
    folder = tmp_path_factory.mktemp("forms")
    written = {}
    for form, (target, svd) in FORMS.items():
        path, svd_path = folder / target, folder / svd if svd else None
        convert(golden_a.checkpoint, path, target_svd=svd_path, config=golden_a.config)
        written[form] = (path, svd_path)
    return written


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_every_form_loads_to_the_same_bits(forms, golden_a, form, weights_a):
    path, svd = forms[form]
    parts, config = load_parts(path, golden_a.config, svd=svd)
    assert config == golden_a.config
    assert_equal_weights(state(parts), weights_a)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_every_form_converts_back_to_the_released_file(forms, golden_a, form, tmp_path):
    path, svd = forms[form]
    convert(path, tmp_path / "back.safetensors", svd=svd, config=golden_a.config)
    assert_equal_weights(load_file(tmp_path / "back.safetensors"), load_file(golden_a.checkpoint))


def test_a_written_ckpt_is_the_released_kind(forms, golden_a):
    content = torch.load(forms["ckpt"][0], weights_only=True)
    assert list(content) == ["state_dict"]
    assert_equal_weights(content["state_dict"], load_file(golden_a.checkpoint))


@pytest.mark.parametrize("form", ["pair of safetensors", "pair of ckpt"])
def test_a_parted_model_holds_each_tensor_once(forms, golden_a, form):
    sizes = [path.stat().st_size for path in forms[form]]
    assert sum(sizes) < 1.1 * golden_a.checkpoint.stat().st_size


def test_the_control_file_holds_all_that_revideo_trained(forms, golden_a):
    control = load_file(forms["pair of safetensors"][0])
    released = load_file(golden_a.checkpoint)
    in_unet = {name for name in control if name.startswith("model.diffusion_model.")}
    assert control.keys() - in_unet == {name for name in released if name.startswith("model.ctrlnet_model.")}
    assert in_unet == {
        name
        for name in released
        if name.startswith("model.diffusion_model.")
        and ".time_stack.0.attn1.to_" in name
        and name.endswith(("to_k.weight", "to_v.weight"))
    }


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_its_control_net_alone(forms, golden_a, form, weights_a):
    """With the UNet's temporal keys and values, by their released names, to tell which UNet it goes with."""
    part = load_control(forms[form][0], golden_a.config)
    assert_equal_weights(
        state({"controlnet": part.network}),
        {name: tensor for name, tensor in weights_a.items() if name.startswith("controlnet.")},
    )
    released = load_file(golden_a.checkpoint)
    unet = "model.diffusion_model."
    assert {unet + name for name in part.temporal} == {
        name for name in load_file(forms["pair of safetensors"][0]) if name.startswith(unet)
    }
    for name, tensor in part.temporal.items():
        assert torch.equal(tensor, released[unet + name])


def test_a_file_without_a_control_net_is_told_by_what_it_is(forms, golden_a):
    with pytest.raises(CheckpointError, match=r"^svd\.safetensors is a plain Stable Video Diffusion checkpoint"):
        load_control(forms["pair of safetensors"][1], golden_a.config)


def test_a_whole_revideo_file_serves_as_the_svd_of_a_control_file(forms, golden_a, weights_a):
    parts, _ = load_parts(forms["pair of safetensors"][0], svd=forms["folder"][0])
    assert_equal_weights(state(parts), weights_a)


def test_the_control_files_keys_and_values_win_over_those_of_stock_svd(forms, golden_a, tmp_path, weights_a):
    whole = load_file(golden_a.checkpoint)
    stock = {name: torch.zeros_like(t) for name, t in whole.items() if not name.startswith("model.ctrlnet_model.")}
    save_file(stock, tmp_path / "svd.safetensors")
    parts, _ = load_parts(forms["pair of safetensors"][0], svd=tmp_path / "svd.safetensors")
    weights = state(parts)
    trained = "unet.mid_block.attentions.0.temporal_transformer_blocks.0.attn1.to_k.weight"
    assert torch.equal(weights[trained], weights_a[trained])
    assert not weights[trained.replace("to_k", "to_q")].any()


@pytest.mark.slow
@pytest.mark.parametrize("form", ["safetensors", "folder", "pair of safetensors"])
def test_metadata_makes_a_config_unnecessary(forms, golden_a, form):
    path, svd = forms[form]
    _, config = load_parts(path, svd=svd)
    assert config == golden_a.config


@pytest.mark.parametrize("part", ["unet", "vae", "image_encoder"])
def test_diffusers_and_transformers_open_a_folders_parts(forms, golden_a, part, weights_a):
    from diffusers import AutoencoderKLTemporalDecoder, UNetSpatioTemporalConditionModel
    from transformers import CLIPVisionModelWithProjection

    kinds = {
        "unet": UNetSpatioTemporalConditionModel,
        "vae": AutoencoderKLTemporalDecoder,
        "image_encoder": CLIPVisionModelWithProjection,
    }
    opened = kinds[part].from_pretrained(forms["folder"][0] / part)
    found = {f"{part}.{name}": tensor for name, tensor in opened.state_dict().items()}
    expected = {name: tensor for name, tensor in weights_a.items() if name.startswith(f"{part}.")}
    assert shapes(found) == shapes(expected)
    assert all(torch.equal(found[name], expected[name].to(found[name].dtype)) for name in expected)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_weights_come_in_the_dtype_asked_for(golden_a, dtype, weights_a):
    parts, _ = load_parts(golden_a.checkpoint, golden_a.config, dtype)
    for name, tensor in state(parts).items():
        assert tensor.dtype == dtype
        assert torch.equal(tensor, weights_a[name].to(dtype))


def test_convert_changes_the_dtype_of_every_tensor(golden_a, tmp_path):
    convert(golden_a.checkpoint, tmp_path / "b.safetensors", config=golden_a.config, dtype=torch.bfloat16)
    written, source = load_file(tmp_path / "b.safetensors"), load_file(golden_a.checkpoint)
    assert written.keys() == source.keys()
    assert all(torch.equal(written[name], source[name].bfloat16()) for name in source)


def test_the_autoencoder_stays_out_of_half_precision(golden_a):
    model = revideo.load(golden_a.checkpoint, golden_a.config, torch.float16, "cpu")
    assert model.vae.dtype == torch.float32
    assert {model.unet.dtype, model.controlnet.dtype, model.image_encoder.dtype} == {torch.float16}


@pytest.mark.parametrize("left_over", [True, False])
def test_what_is_left_of_the_text_tower_is_ignored(golden_a, tmp_path, weights_a, left_over):
    weights = {name: t for name, t in load_file(golden_a.checkpoint).items() if not name.startswith(UNUSED)}
    if left_over:
        tower = "conditioner.embedders.0.open_clip.model."
        weights |= {tower + "token_embedding.weight": torch.zeros(7, 3), tower + "logit_scale": torch.zeros(())}
    save_file(weights, tmp_path / "model.safetensors")
    assert_equal_weights(state(load_parts(tmp_path / "model.safetensors", golden_a.config)[0]), weights_a)


def test_ckpts_from_before_zip_files_load_too(golden_a, tmp_path, weights_a):
    torch.save(
        {"state_dict": load_file(golden_a.checkpoint)}, tmp_path / "old.ckpt", _use_new_zipfile_serialization=False
    )
    parts, _ = load_parts(tmp_path / "old.ckpt", golden_a.config)
    assert_equal_weights(state(parts), weights_a)


def test_a_file_can_be_converted_onto_itself(golden_a, tmp_path):
    path = tmp_path / "model.safetensors"
    convert(golden_a.checkpoint, path, config=golden_a.config)
    convert(path, path, dtype=torch.float32)
    source = load_file(golden_a.checkpoint)
    assert all(torch.equal(tensor, source[name].float()) for name, tensor in load_file(path).items())


@pytest.mark.parametrize("fusion", ["safm", "safm_no_time", "sum"])
@pytest.mark.parametrize("branches", [1, 2])
def test_the_kind_of_controlnet_goes_from_form_to_form(tmp_path, fusion, branches):
    config = replace(SMALL, control=replace(SMALL.control, fusion=fusion, branches=branches))
    whole, folder, again = tmp_path / "whole.safetensors", tmp_path / "folder", tmp_path / "again.safetensors"
    parted = tmp_path / "control.safetensors", tmp_path / "svd.safetensors"
    write_random_checkpoint(whole, config)
    convert(whole, folder)
    convert(folder, parted[0], target_svd=parted[1])
    convert(parted[0], again, svd=parted[1])
    expected = load_parts(whole)[0]
    for form, svd in ((folder, None), (parted[0], parted[1]), (again, None)):
        parts, found = load_parts(form, svd=svd)
        assert found == config
        assert_equal_weights(state(parts), state(expected))
    assert load_file(again).keys() == load_file(whole).keys()
    assert load_control(parted[0]).config == config
    assert_equal_weights(load_control(whole).network.state_dict(), expected["controlnet"].state_dict())


def test_no_file_is_written_that_would_be_taken_for_another_kind(tmp_path):
    """A .ckpt says nothing of its model: where tensors do not tell, it is not written; where they do, it is refused."""
    for fusion, branches in (("safm_no_time", 1), ("sum", 1), ("safm", 2)):
        config = replace(SMALL, control=replace(SMALL.control, fusion=fusion, branches=branches))
        if fusion == "safm_no_time":
            with pytest.raises(CheckpointError, match=r"other.ckpt: a .ckpt file cannot say .*\"safm_no_time\"; write"):
                write_random_checkpoint(tmp_path / "other.ckpt", config)
            assert not (tmp_path / "other.ckpt").exists()
            continue
        write_random_checkpoint(tmp_path / "other.ckpt", config)
        assert load_parts(tmp_path / "other.ckpt", config)[1] == config
        with pytest.raises(CheckpointError, match=r"does not fit the model: .* tensors (missing|unexpected)"):
            load_parts(tmp_path / "other.ckpt", SMALL)


# --- Memory ------------------------------------------------------------------------------

A_GIGABYTE = ModelConfig(
    UNetConfig(model_channels=128, num_head_channels=32, context_dim=448),
    ControlConfig((8, 16, 40, 104)),
    VAEConfig(channels=64),
    ImageEncoderConfig(width=560, head_width=40, embed_dim=448),
)


def write_noise(path, config):
    """A model file of random halves, streamed: writing it through tensors would take a gigabyte of memory."""
    parts = build_parts(config)
    header = {"__metadata__": {"revideo_config": config.to_json()}}
    end = 0
    for name, tensor in to_released(state(parts), name_table(config, parts)).items():
        header[name] = {"dtype": "F16", "shape": list(tensor.shape), "data_offsets": [end, end + 2 * tensor.numel()]}
        end += 2 * tensor.numel()
    text = json.dumps(header).encode()
    noise = torch.randn(2**22).half().numpy().tobytes()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for start in range(0, end, len(noise)):
            file.write(noise[: end - start])


LOAD_IT = """
import sys
from pathlib import Path
import torch
import revideo, revideo.pipeline.loading
def resident(kind):
    line = next(l for l in Path("/proc/self/status").read_text().splitlines() if l.startswith(kind))
    return int(line.split()[1]) * 1024
before = resident("VmRSS:")
model = revideo.load(sys.argv[1], dtype=torch.float16, device="cpu")
loaded = resident("VmHWM:") - before
for part in (model.unet, model.controlnet, model.vae, model.image_encoder):
    for parameter in part.parameters():
        parameter.flatten()[::1024].sum()  # one number of every page
print(Path(sys.argv[1]).stat().st_size, loaded, resident("VmHWM:") - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_loading_takes_little_more_memory_than_the_file(tmp_path):
    path = tmp_path / "gigabyte.safetensors"
    try:
        write_noise(path, A_GIGABYTE)
        loaded = subprocess.run([sys.executable, "-c", LOAD_IT, path], check=True, stdout=subprocess.PIPE, text=True)
    finally:
        path.unlink(missing_ok=True)
    size, after_load, after_use = map(int, loaded.stdout.split())
    print(
        f"{size / 1e9:.2f} GB file: {after_load / size:.3f} of it resident once loaded, {after_use / size:.3f} in use"
    )
    assert 0.9e9 < size < 1.2e9
    assert size < after_use < 1.25 * size


# --- Bad files ---------------------------------------------------------------------------


class RunsCode:
    """What a malicious pickle looks like: opening it makes a file."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return (open, (str(self.trace), "w"))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"there is no checkpoint .*nowhere\.safetensors"):
        revideo.load(tmp_path / "nowhere.safetensors")


@pytest.mark.parametrize("share", [0.001, 0.5, 0.999])
def test_a_truncated_safetensors_is_refused(golden_a, tmp_path, share):
    whole = golden_a.checkpoint.read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(CheckpointError, match=r"cut\.safetensors is cut off or not a \.safetensors file .*again"):
        revideo.load(tmp_path / "cut.safetensors", golden_a.config)


@pytest.mark.parametrize("share", [0.5, 0.999])
def test_a_truncated_ckpt_is_refused(forms, tmp_path, share):
    whole = forms["ckpt"][0].read_bytes()
    (tmp_path / "cut.ckpt").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(CheckpointError, match=r"cut\.ckpt is cut off or no checkpoint"):
        revideo.load(tmp_path / "cut.ckpt")


def test_a_ckpt_of_garbage_is_refused(tmp_path):
    (tmp_path / "garbage.ckpt").write_bytes(bytes(range(256)) * 9)
    with pytest.raises(CheckpointError, match=r"garbage\.ckpt is no checkpoint"):
        revideo.load(tmp_path / "garbage.ckpt")


def test_code_in_a_ckpt_is_refused_and_does_not_run(tmp_path):
    trace = tmp_path / "code ran"
    torch.save({"state_dict": {"a": torch.zeros(3), "b": RunsCode(trace)}}, tmp_path / "evil.ckpt")
    with pytest.raises(CheckpointError, match=r"evil\.ckpt holds more than tensors \(code may hide there\)"):
        revideo.load(tmp_path / "evil.ckpt")
    assert not trace.exists()
    torch.load(tmp_path / "evil.ckpt", weights_only=False)
    assert trace.exists()  # the trap works


@pytest.mark.parametrize("protocol", [2, 4])
def test_code_in_a_bare_pickle_is_refused_and_does_not_run(tmp_path, protocol):
    trace = tmp_path / "code ran"
    (tmp_path / "evil.ckpt").write_bytes(pickle.dumps(RunsCode(trace), protocol))
    with pytest.raises(CheckpointError, match=r"evil\.ckpt .*holds more than tensors"):
        revideo.load(tmp_path / "evil.ckpt")
    assert not trace.exists()


@pytest.mark.parametrize("content", [[torch.zeros(2)], {"state_dict": {"epoch": 3}}, {"state_dict": [1]}])
def test_a_ckpt_without_a_state_dict_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "other.ckpt")
    with pytest.raises(CheckpointError, match=r"other\.ckpt holds no state_dict of tensors"):
        revideo.load(tmp_path / "other.ckpt")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            [
                "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight",
                "first_stage_model.decoder.conv_in.weight",
                "model.diffusion_model.input_blocks.1.0.in_layers.0.weight",
                "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight",
            ],
            r"is a Stable Diffusion 1\.x or 2\.x checkpoint, not a ReVideo one",
        ),
        (
            [
                "conditioner.embedders.0.transformer.text_model.final_layer_norm.weight",
                "conditioner.embedders.1.model.ln_final.weight",
                "model.diffusion_model.input_blocks.1.0.in_layers.0.weight",
            ],
            r"is an SDXL checkpoint, not a ReVideo one",
        ),
        (
            ["lora_unet_down_blocks_0_attentions_0_proj_in.lora_up.weight", "lora_te_text_model.lora_down.weight"],
            r"is a LoRA, not a ReVideo checkpoint",
        ),
        (
            ["down_blocks.0.motion_modules.0.temporal_transformer.norm.weight"],
            r"is not a ReVideo checkpoint: its first tensors are down_blocks\.0\.motion_modules",
        ),
        ([*"edcba"], r"is not a ReVideo checkpoint: its first tensors are a, b, c, d, …"),
        ([], r"is not a ReVideo checkpoint: its first tensors are none"),
    ],
    ids=["SD 1.5", "SDXL", "LoRA", "AnimateDiff", "other", "empty"],
)
def test_other_models_are_told_apart(tmp_path, names, message):
    save_file({name: torch.zeros(4) for name in sorted(names)}, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"model\.safetensors " + message):
        revideo.load(tmp_path / "model.safetensors")


@pytest.mark.parametrize("config", ["small", "released"])
def test_a_stock_svd_file_is_recognised(forms, golden_a, tmp_path, config):
    whole = load_file(golden_a.checkpoint)
    stock = {name: t for name, t in whole.items() if not name.startswith("model.ctrlnet_model.")}
    save_file(stock, tmp_path / "svd.safetensors")
    with pytest.raises(CheckpointError, match="plain Stable Video Diffusion checkpoint without ReVideo's ControlNet"):
        revideo.load(tmp_path / "svd.safetensors", golden_a.config if config == "small" else None)


def test_a_control_file_asks_for_its_svd(forms):
    with pytest.raises(
        CheckpointError, match=r"is a ReVideo control file .*: name a Stable Video Diffusion checkpoint"
    ):
        revideo.load(forms["pair of safetensors"][0])


def test_two_control_files_are_no_model(forms):
    control = forms["pair of safetensors"][0]
    with pytest.raises(CheckpointError, match=r"control\.safetensors together are a ReVideo control file"):
        revideo.load(control, svd=control)


def test_a_swapped_pair_is_told_so(forms):
    control, svd = forms["pair of safetensors"]
    with pytest.raises(
        CheckpointError, match=r"svd\.safetensors is no ReVideo control file.*are the two files swapped"
    ):
        revideo.load(svd, svd=control)


def test_a_control_file_without_its_keys_and_values_does_not_borrow_those_of_svd(forms, golden_a, tmp_path):
    control = load_file(forms["pair of safetensors"][0])
    save_file({n: t for n, t in control.items() if "ctrlnet" in n}, tmp_path / "control.safetensors")
    with pytest.raises(CheckpointError, match=r"lacks 32 of \d+ tensors that ReVideo trained .*attn1\.to_k\.weight"):
        revideo.load(tmp_path / "control.safetensors", golden_a.config, svd=golden_a.checkpoint)


def test_one_error_lists_what_is_missing_unexpected_and_misshapen(golden_a, tmp_path):
    weights = load_file(golden_a.checkpoint)
    for number in range(6):
        weights[f"model.ctrlnet_model.extra.{number}"] = torch.zeros(1)
    del weights["model.diffusion_model.out.2.weight"]
    weights["model.diffusion_model.out.2.bias"] = torch.zeros(9)
    save_file(weights, tmp_path / "odd.safetensors")
    with pytest.raises(CheckpointError) as raised:
        revideo.load(tmp_path / "odd.safetensors", golden_a.config)
    message = str(raised.value)
    assert message.startswith("odd.safetensors does not fit the model: ")
    assert "1 tensors missing (model.diffusion_model.out.2.weight)" in message
    assert "6 tensors unexpected (model.ctrlnet_model.extra.0, " in message
    assert "extra.3, …)" in message
    assert "1 tensors of another shape (model.diffusion_model.out.2.bias is [9] instead of [4])" in message


def test_a_small_file_without_config_is_not_taken_for_the_released_size(golden_a):
    with pytest.raises(CheckpointError, match=r'must carry "revideo_config" in its metadata or be loaded with its'):
        revideo.load(golden_a.checkpoint)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ("{", "model config is not JSON"),
        ("[1]", "model config must be a JSON object, not list"),
        ('{"unet": {"chanels": 3}}', 'model config: "unet" has no "chanels"'),
    ],
)
def test_bad_metadata_is_named(tmp_path, metadata, message):
    save_file({"a": torch.zeros(1)}, tmp_path / "model.safetensors", {"revideo_config": metadata})
    with pytest.raises(CheckpointError, match=rf"model\.safetensors: {message}"):
        revideo.load(tmp_path / "model.safetensors")


def test_an_empty_folder_is_no_model(tmp_path):
    with pytest.raises(CheckpointError, match=r"is no diffusers folder: no unet/\*\.safetensors"):
        revideo.load(tmp_path)


# --- Bad targets -------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("suffix", "error", "message"),
    [
        (".safetensors", KeyboardInterrupt("Ctrl+C"), "Ctrl"),
        (".ckpt", OSError(28, "No space left"), r"the disk is full, so this file was not written: .*model\.ckpt"),
    ],
)
def test_interrupted_writing_leaves_the_older_file(monkeypatch, golden_b, tmp_path, suffix, error, message):
    def interrupted(_, path, *__):
        Path(path).write_bytes(b"half of it")
        raise error

    monkeypatch.setattr(writing, "save_file", interrupted)
    monkeypatch.setattr(torch, "save", interrupted)
    target = tmp_path / f"model{suffix}"
    target.write_bytes(b"an older file")
    with pytest.raises(type(error), match=message):
        convert(golden_b.checkpoint, target, config=golden_b.config)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"an older file"]


def test_a_target_folder_must_exist(golden_b, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere to write model\.ckpt into"):
        convert(golden_b.checkpoint, tmp_path / "nowhere" / "model.ckpt", config=golden_b.config)


@pytest.mark.parametrize(("target", "svd"), [("model.bin", None), ("folder", "svd.ckpt")])
def test_a_target_of_no_known_form_is_refused(golden_b, tmp_path, target, svd):
    with pytest.raises(CheckpointError, match=r"write to \.safetensors or \.ckpt, or a folder without suffix"):
        convert(golden_b.checkpoint, tmp_path / target, target_svd=svd and tmp_path / svd, config=golden_b.config)
    assert list(tmp_path.iterdir()) == []

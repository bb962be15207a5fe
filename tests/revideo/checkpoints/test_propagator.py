"""Propagators in files: both forms to the bit, what Stable Diffusion begins, and what is refused by name."""

import json
import re
import shutil

import pytest
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from torch.testing import assert_close
from transformers import CLIPConfig, CLIPModel, CLIPVisionModelWithProjection

from revideo import CheckpointError
from revideo.checkpoints.propagator import (
    PROPAGATOR_CONFIG,
    PROPAGATOR_KEY,
    convert_propagator,
    is_propagator,
    load_propagator_parts,
    open_propagator,
    save_propagator,
)
from revideo.checkpoints.stable_diffusion import stable_diffusion_sizes, start_from_stable_diffusion
from revideo.models.config import ImageEncoderConfig, VAEConfig
from revideo.models.propagator import build_image_vae, build_propagator, build_unet
from revideo.models.propagator_config import PropagatorConfig, PropagatorUNetConfig, RemedyConfig

SMALL = PropagatorConfig(
    PropagatorUNetConfig(
        model_channels=32, channel_mult=(1, 2), num_res_blocks=1, num_heads=4, context_dim=16, norm_groups=8
    ),
    VAEConfig(channels=32, channel_mult=(1, 1, 1), num_res_blocks=1, norm_groups=8),
    ImageEncoderConfig(layers=1, width=32, head_width=8, patch_size=16, image_size=32, embed_dim=16),
)


def state(parts):
    return {f"{part}.{name}": tensor for part, module in parts.items() for name, tensor in module.state_dict().items()}


def assert_equal_weights(found, expected):
    assert {name: tensor.dtype for name, tensor in found.items()} == {n: t.dtype for n, t in expected.items()}
    assert [name for name in expected if not torch.equal(found[name], expected[name])] == []


@pytest.fixture(scope="module")
def weights():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return state(build_propagator(SMALL, "cpu"))


@pytest.fixture(scope="module")
def file(weights, tmp_path_factory):
    path = tmp_path_factory.mktemp("file") / "model.safetensors"
    save_propagator(weights, path, SMALL)
    return path


@pytest.fixture(scope="module")
def folder(file, tmp_path_factory):
    path = tmp_path_factory.mktemp("folder") / "model"
    convert_propagator(file, path)
    return path


def refused(path, message, load=load_propagator_parts):
    """One line that begins with `message`, a pattern."""
    with pytest.raises(CheckpointError, match=f"^{message}") as caught:
        load(path)
    assert "\n" not in str(caught.value)


# --- Forms -----------------------------------------------------------------------------------


def test_both_forms_load_to_the_same_bits(file, folder, weights):
    for path in (file, folder):
        parts, config = load_propagator_parts(path)
        assert config == SMALL and list(parts) == list(build_propagator(SMALL))
        assert_equal_weights(state(parts), weights)


def test_a_folder_converts_back_to_the_same_file(file, folder, tmp_path):
    convert_propagator(folder, tmp_path / "back.safetensors")
    assert_equal_weights(load_file(tmp_path / "back.safetensors"), load_file(file))


def test_a_folder_opens_by_diffusers_and_transformers_own_loaders(folder, weights):
    unet = UNet2DConditionModel.from_pretrained(folder / "unet")
    vae = AutoencoderKL.from_pretrained(folder / "vae")
    encoder = CLIPVisionModelWithProjection.from_pretrained(folder / "image_encoder")
    found = state({"unet": unet, "vae": vae, "image_encoder": encoder})
    assert_equal_weights(found, {name: t for name, t in weights.items() if not name.startswith("adaptor.")})
    assert unet.config.in_channels == 10 and vae.config.scaling_factor == 0.18215
    assert encoder.config.hidden_act == "quick_gelu"
    schedule = DDIMScheduler.from_pretrained(folder / "scheduler")
    assert schedule.alphas_cumprod[-1] == 0 and schedule.config.prediction_type == "v_prediction"


def test_conversion_may_change_the_precision(file, tmp_path, weights):
    convert_propagator(file, tmp_path / "half", torch.float16)
    half = {name: tensor.half() for name, tensor in weights.items()}
    assert_equal_weights(open_propagator(tmp_path / "half")[0], half)
    parts, _ = load_propagator_parts(tmp_path / "half", torch.float32)
    assert_equal_weights(state(parts), {name: tensor.float() for name, tensor in half.items()})


def test_without_adaptor_there_is_none_in_either_form(tmp_path):
    config = PropagatorConfig(SMALL.unet, SMALL.vae, SMALL.image_encoder, RemedyConfig(False, False))
    given = state(build_propagator(config, "cpu"))
    save_propagator(given, tmp_path / "bare.safetensors", config)
    convert_propagator(tmp_path / "bare.safetensors", tmp_path / "bare")
    parts, found = load_propagator_parts(tmp_path / "bare")
    assert found == config and not (tmp_path / "bare/adaptor").exists()
    assert_equal_weights(state(parts), given)
    assert DDIMScheduler.from_pretrained(tmp_path / "bare/scheduler").config.prediction_type == "epsilon"


def test_weights_that_are_not_mapped_leave_the_file_free(file, tmp_path, weights):
    """It may be written anew while the model is in use."""
    copy = shutil.copy(file, tmp_path / "copy.safetensors")
    parts, _ = load_propagator_parts(copy, mapped=False)
    copy.write_bytes(b"\0" * copy.stat().st_size)
    assert_equal_weights(state(parts), weights)


def test_it_says_of_a_file_or_folder_whether_it_is_one(file, folder, tmp_path, diffusers_folder):
    assert is_propagator(file) and is_propagator(str(folder))
    (tmp_path / "text.safetensors").write_text("no checkpoint")
    save_file({"weight": torch.zeros(1)}, tmp_path / "other.safetensors")
    for path in (diffusers_folder, tmp_path, *tmp_path.iterdir(), tmp_path / "nothing", tmp_path / "no.safetensors"):
        assert not is_propagator(path)


def test_nothing_is_left_where_it_cannot_be_written(weights, tmp_path):
    with pytest.raises(CheckpointError, match=r"written to \.safetensors, or a folder without suffix"):
        save_propagator(weights, tmp_path / "model.ckpt", SMALL)
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere to write model\.safetensors into"):
        save_propagator(weights, tmp_path / "nowhere/model.safetensors", SMALL)
    assert not list(tmp_path.iterdir())


# --- What is no propagator -------------------------------------------------------------------


def changed(file, target, change, config=SMALL):
    """A copy of a file whose weights `change` alters in place."""
    weights = load_file(file)
    change(weights)
    save_file(weights, target, {PROPAGATOR_KEY: config if isinstance(config, str) else config.to_json()})
    return target


def test_other_models_are_told_by_what_they_are(tmp_path, golden_b, diffusers_folder, ldm_file):
    refused(ldm_file, r"sd\.safetensors is a Stable Diffusion checkpoint, not a propagator: train one from")
    refused(golden_b.checkpoint, rf"{golden_b.checkpoint.name} is .*not a propagator|.* is no propagator")
    refused(diffusers_folder, r".* is a model as diffusers saves one, but no propagator: train one from")
    refused(tmp_path, r".* is no propagator: there is no propagator_config\.json in it")
    save_file({"weight": torch.zeros(1)}, tmp_path / "other.safetensors")
    refused(
        tmp_path / "other.safetensors",
        r"other\.safetensors is no propagator: it states no sizes \(propagator_config\), and its first tensors are "
        r"weight$",
    )


def test_what_is_not_there_or_damaged_is_told(file, tmp_path):
    refused(tmp_path / "none.safetensors", "there is no propagator .*none.safetensors$")
    (tmp_path / "cut.safetensors").write_bytes(file.read_bytes()[:-100])
    refused(tmp_path / "cut.safetensors", r"cut\.safetensors is cut off or not a \.safetensors file")
    (tmp_path / "empty.safetensors").write_bytes(b"")
    refused(tmp_path / "empty.safetensors", r"empty\.safetensors is empty: download it again$")


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("image_encoder", r"image encoder \(CLIP\)"),
        ("vae", r"autoencoder \(vae\)"),
        ("unet", "UNet"),
        ("adaptor", "adaptor"),
    ],
)
def test_a_part_that_is_missing_is_named(file, folder, tmp_path, part, name):
    def without(weights):
        for each in [each for each in weights if each.startswith(f"{part}.")]:
            del weights[each]

    path = changed(file, tmp_path / "model.safetensors", without)
    refused(path, rf"model\.safetensors lacks its {name}: use the whole file$")
    shutil.copytree(folder, tmp_path / "model")
    shutil.rmtree(tmp_path / "model" / part)
    own = "model" if part == "image_encoder" else "diffusion_pytorch_model"
    refused(tmp_path / "model", rf".*model lacks its {name}: there is no {part}/{own}\.safetensors$")


def test_tensors_that_do_not_fit_are_counted_and_named(file, tmp_path):
    def change(weights):
        weights["unet.conv_in.weight"] = torch.zeros(32, 4, 3, 3)
        del weights["unet.conv_out.bias"]
        weights["unet.extra"] = torch.zeros(1)

    refused(
        changed(file, tmp_path / "model.safetensors", change),
        r"model\.safetensors does not fit the UNet: 1 tensors missing \(unet\.conv_out\.bias\); "
        r"1 tensors unexpected \(unet\.extra\); "
        r"1 tensors of another shape \(unet\.conv_in\.weight is \[32, 4, 3, 3\] instead of \[32, 10, 3, 3\]\)$",
    )
    refused(
        changed(file, tmp_path / "other.safetensors", lambda weights: weights.update({"text.w": torch.zeros(1)})),
        r"other\.safetensors holds tensors of no part of a propagator \(text\.w\)$",
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(file, tmp_path, value):
    path = changed(file, tmp_path / "model.safetensors", lambda weights: weights["vae.quant_conv.bias"].fill_(value))
    refused(path, r"model\.safetensors: vae\.quant_conv\.bias has values that are not finite: the file is damaged")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"model\.safetensors: propagator config is not JSON"),
        ('{"unet": {"model_channels": 3}}', r"model\.safetensors: model config: 3 UNet channels are not a multiple"),
        ('{"unet": {"frames": 3}}', r"model\.safetensors: .*frames"),
        ('{"unet": {"model_channels": 1e9}}', r'model\.safetensors: model config: "unet\.model_channels" must be a'),
    ],
)
def test_sizes_that_cannot_be_are_refused(file, tmp_path, text, message):
    refused(changed(file, tmp_path / "model.safetensors", lambda _: None, text), message)


def test_a_damaged_folder_is_told_by_its_file(folder, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(folder, model)
    (model / "unet/diffusion_pytorch_model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{")
    refused(model, r"model/unet/diffusion_pytorch_model\.safetensors is cut off or not")
    (model / PROPAGATOR_CONFIG).write_text("[]")
    refused(model, r".*propagator_config\.json must hold a JSON object$")
    (model / PROPAGATOR_CONFIG).write_bytes(b"\xff\xfe")
    refused(model, r".*propagator_config\.json is not JSON")


# --- From Stable Diffusion -------------------------------------------------------------------


@pytest.fixture(scope="module")
def image_model():
    """Stable Diffusion at the small size: its UNet of 4 channels, its autoencoder."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return {"unet": build_unet(SMALL, 4), "vae": build_image_vae(SMALL.vae)}


@pytest.fixture(scope="module")
def diffusers_folder(image_model, tmp_path_factory):
    path = tmp_path_factory.mktemp("sd") / "sd"
    for part, network in image_model.items():
        network.save_pretrained(path / part)
    (path / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusionPipeline"}))
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A whole CLIP, of which only the visual tower is wanted."""
    sizes = {"num_hidden_layers": 1, "num_attention_heads": 4, "hidden_size": 32, "intermediate_size": 128}
    config = CLIPConfig(
        text_config=sizes | {"vocab_size": 8, "max_position_embeddings": 4, "projection_dim": 16},
        vision_config=sizes | {"image_size": 32, "patch_size": 16, "projection_dim": 16},
        projection_dim=16,
    )
    path = tmp_path_factory.mktemp("clip") / "clip"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        CLIPModel(config).save_pretrained(path)
    return path


RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
OUTER = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
BLOCK = re.compile(r"(down|mid|up)_blocks?\.?(\d*)\.(resnets|attentions|downsamplers|upsamplers)\.(\d)\.(.+)")


def ldm_unet_name(name: str) -> str:
    """diffusers' name of a weight of the small UNet → the one of the first Stable Diffusion files.

    A level has a block of input and two of output, and a block more for the step to the next level down.
    """
    inner, _, kind = name.rpartition(".")
    if inner in OUTER:
        return f"{OUTER[inner]}.{kind}"
    found = BLOCK.fullmatch(name)
    where, level, what, number = found[1], int(found[2] or 0), found[3], int(found[4])
    rest = found[5]
    if what == "resnets":
        layer, _, kind = rest.rpartition(".")
        rest = f"{RESNET[layer]}.{kind}"
    if where == "mid":
        return f"middle_block.{1 if what == 'attentions' else 2 * number}.{rest}"
    if what == "downsamplers":
        return f"input_blocks.{2 * (level + 1)}.0.{rest.replace('conv', 'op')}"
    if what == "upsamplers":  # behind the resnet, in the coarsest level no attention lies between
        return f"output_blocks.{2 * level + 1}.{1 if level == 0 else 2}.{rest}"
    block = f"input_blocks.{1 + 2 * level}" if where == "down" else f"output_blocks.{2 * level + number}"
    return f"{block}.{1 if what == 'attentions' else 0}.{rest}"


def ldm_vae_name(name: str) -> str:
    """The same of the small autoencoder."""
    levels = len(SMALL.vae.channel_mult)
    name = re.sub(r"up_blocks\.(\d)", lambda found: f"up.{levels - 1 - int(found[1])}", name)
    for pattern, other in (
        (r"down_blocks\.(\d)", r"down.\1"),
        (r"mid_block\.resnets\.0", "mid.block_1"),
        (r"mid_block\.resnets\.1", "mid.block_2"),
        (r"mid_block\.attentions\.0", "mid.attn_1"),
        (r"resnets\.(\d)", r"block.\1"),
        (r"(down|up)samplers\.0", r"\1sample"),
        ("conv_shortcut", "nin_shortcut"),
        ("conv_norm_out", "norm_out"),
        (r"attn_1\.group_norm", "attn_1.norm"),
        (r"attn_1\.to_out\.0", "attn_1.proj_out"),
        (r"attn_1\.to_([qkv])", r"attn_1.\1"),
    ):
        name = re.sub(pattern, other, name)
    return name


@pytest.fixture(scope="module")
def ldm_weights(image_model):
    """As the first files of Stable Diffusion hold them: attention of the autoencoder as 1×1 convolutions."""
    unet = {f"model.diffusion_model.{ldm_unet_name(n)}": t for n, t in image_model["unet"].state_dict().items()}
    coder = {
        f"first_stage_model.{ldm_vae_name(n)}": t[..., None, None] if ".attn" in ldm_vae_name(n) and t.ndim == 2 else t
        for n, t in image_model["vae"].state_dict().items()
    }
    text = {"cond_stage_model.transformer.text_model.final_layer_norm.weight": torch.ones(4)}
    return unet | coder | text


@pytest.fixture(scope="module")
def ldm_file(ldm_weights, tmp_path_factory):
    path = tmp_path_factory.mktemp("ldm") / "sd.safetensors"
    save_file(ldm_weights, path)
    return path


@pytest.fixture(scope="module", params=["folder", "file", "older folder"])
def stable_diffusion(request, diffusers_folder, ldm_file, tmp_path_factory):
    """In every form that it is found in; 1.5's own folder has the autoencoder's names of diffusers' first versions."""
    if request.param == "folder":
        return diffusers_folder
    if request.param == "file":
        return ldm_file
    path = tmp_path_factory.mktemp("older") / "sd"
    shutil.copytree(diffusers_folder, path)
    older = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    file = path / "vae/diffusion_pytorch_model.safetensors"
    weights = load_file(file)
    for name in [name for name in weights if ".attentions." in name]:
        new = next((name.replace(mine, theirs) for mine, theirs in older.items() if mine in name), name)
        weights[new] = weights.pop(name)
    assert "encoder.mid_block.attentions.0.proj_attn.bias" in weights
    save_file(weights, file)
    return path


def test_a_new_propagator_is_stable_diffusion_with_clip(stable_diffusion, clip, image_model):
    parts = start_from_stable_diffusion(stable_diffusion, clip, SMALL, seed=5)
    assert_equal_weights(parts["vae"].state_dict(), image_model["vae"].state_dict())
    tower = CLIPVisionModelWithProjection.from_pretrained(clip)
    assert_equal_weights(parts["image_encoder"].state_dict(), tower.state_dict())
    given = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3))
    context = torch.randn(1, 5, 16, generator=torch.Generator().manual_seed(4))
    expected = image_model["unet"](given, 500, context).sample
    for others in (torch.zeros(1, 6, 8, 8), torch.full((1, 6, 8, 8), 7.0)):
        found = parts["unet"](torch.cat([given, others], 1), 500, context).sample
        assert_close(found, expected, atol=1e-6, rtol=1e-6)
    assert {name: next(part.parameters()).dtype for name, part in parts.items()} == dict.fromkeys(parts, torch.float32)


def test_what_it_begins_as_can_be_saved_and_loaded(diffusers_folder, clip, tmp_path):
    given = state(start_from_stable_diffusion(diffusers_folder, clip, SMALL, seed=5))
    save_propagator(given, tmp_path / "new.safetensors", SMALL)
    parts, _ = load_propagator_parts(tmp_path / "new.safetensors")
    assert_equal_weights(state(parts), given)


def test_only_the_adaptor_comes_from_the_seed(diffusers_folder, clip):
    begun = [state(start_from_stable_diffusion(diffusers_folder, clip, SMALL, seed)) for seed in (1, 1, 2)]
    assert_equal_weights(begun[1], begun[0])
    different = {name.split(".")[0] for name in begun[0] if not torch.equal(begun[0][name], begun[2][name])}
    assert different == {"adaptor"}


def test_no_weights_of_stable_diffusions_size_are_drawn_to_be_replaced(diffusers_folder, clip, monkeypatch):
    """860 million random numbers take half a minute and 3.4 GB."""
    drawn = []
    fill = torch.nn.init.kaiming_uniform_

    def counted(tensor, *args, **kwargs):
        if not tensor.is_meta:
            drawn.append(tensor.numel())
        return fill(tensor, *args, **kwargs)

    monkeypatch.setattr(torch.nn.init, "kaiming_uniform_", counted)
    adaptor = start_from_stable_diffusion(diffusers_folder, clip, SMALL, 0)["adaptor"]
    assert sum(drawn) == sum(weight.numel() for weight in adaptor.parameters() if weight.ndim > 1)


def test_sizes_are_read_from_the_folders(diffusers_folder, clip):
    assert stable_diffusion_sizes(diffusers_folder, clip, {}) == SMALL
    bare = stable_diffusion_sizes(diffusers_folder, clip, {"adaptor": False})
    assert bare.remedies == RemedyConfig(adaptor=False)


def test_a_file_has_the_sizes_of_stable_diffusion(ldm_file, clip, tmp_path):
    (tmp_path / "clip.safetensors").write_bytes(b"")
    assert stable_diffusion_sizes(ldm_file, tmp_path / "clip.safetensors", {}) == PropagatorConfig()


def test_clip_may_be_one_file_and_the_tower_alone(diffusers_folder, clip, tmp_path):
    tower = CLIPVisionModelWithProjection.from_pretrained(clip)
    tower.save_pretrained(tmp_path / "tower")
    assert stable_diffusion_sizes(diffusers_folder, tmp_path / "tower", {}) == SMALL
    for path in (clip / "model.safetensors", tmp_path / "tower", tmp_path / "tower/model.safetensors"):
        parts = start_from_stable_diffusion(diffusers_folder, path, SMALL, 0)
        assert_equal_weights(parts["image_encoder"].state_dict(), tower.state_dict())


def test_a_model_made_to_inpaint_begins_nothing(diffusers_folder, clip, ldm_weights, tmp_path):
    """Its five further channels would be read as something else."""
    name = "model.diffusion_model.input_blocks.0.0.weight"
    save_file(ldm_weights | {name: torch.zeros(32, 9, 3, 3)}, tmp_path / "inpaint.safetensors")
    refused(
        tmp_path / "inpaint.safetensors",
        r"inpaint\.safetensors does not fit the UNet: 1 tensors of another shape \(unet\.conv_in\.weight is "
        r"\[32, 9, 3, 3\] instead of \[32, 4, 3, 3\]\)$",
        lambda path: start_from_stable_diffusion(path, clip, SMALL, 0),
    )
    shutil.copytree(diffusers_folder, tmp_path / "inpaint")
    config = tmp_path / "inpaint/unet/config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"in_channels": 9}))
    refused(
        tmp_path / "inpaint",
        r".*inpaint: its UNet reads 9 channels, not an image model's 4 latents: use Stable Diffusion 1\.5 itself",
        lambda path: stable_diffusion_sizes(path, clip, {}),
    )


def test_what_cannot_begin_one_is_named(file, diffusers_folder, ldm_weights, clip, tmp_path):
    def begin(sd, encoder=clip):
        return start_from_stable_diffusion(sd, encoder, SMALL, 0)

    def sizes(sd):
        return stable_diffusion_sizes(sd, clip, {})

    refused(file, r"model\.safetensors is a propagator already: name it as path, to go on from$", begin)
    refused(
        clip / "model.safetensors", r"model\.safetensors is no Stable Diffusion checkpoint: its first tensors", begin
    )
    refused(tmp_path / "none", "there is no Stable Diffusion at .*none$", sizes)
    refused(
        clip, r"there is no .*unet/config\.json that states the model's sizes: use a folder as it was saved$", sizes
    )
    lacking = {name: t for name, t in ldm_weights.items() if "output_blocks.1.1" not in name}
    save_file(lacking, tmp_path / "cut.safetensors")
    refused(tmp_path / "cut.safetensors", r"cut\.safetensors does not fit the UNet: 2 tensors missing", begin)
    unet = {name: t for name, t in ldm_weights.items() if name.startswith("model.")}
    save_file(unet, tmp_path / "unet.safetensors")
    refused(
        tmp_path / "unet.safetensors", r"unet\.safetensors does not fit the autoencoder \(vae\): \d+ tensors", begin
    )
    (tmp_path / "empty").mkdir()
    refused(
        tmp_path / "empty",
        r".*empty is no folder of a CLIP ViT-L/14 \(openai/clip-vit-large-patch14\): there is no model\.safetensors",
        lambda path: begin(diffusers_folder, path),
    )
    refused(
        file,
        r"model\.safetensors holds no image encoder as transformers names one: use a CLIP ViT-L/14",
        lambda path: begin(diffusers_folder, path),
    )
    weights = load_file(clip / "model.safetensors")
    weights["vision_model.post_layernorm.bias"] = torch.zeros(5)
    save_file(weights, tmp_path / "wrong.safetensors")
    refused(
        tmp_path / "wrong.safetensors",
        r"wrong\.safetensors does not fit the image encoder \(CLIP\): 1 tensors of another shape",
        lambda path: begin(diffusers_folder, path),
    )


@pytest.mark.parametrize(
    ("part", "values"),
    [
        ("unet", {"block_out_channels": []}),
        ("unet", {"block_out_channels": "wide"}),
        ("unet", {"block_out_channels": [0, 32]}),
        ("unet", {"block_out_channels": None}),
        ("unet", {"attention_head_dim": [5, 10]}),
        ("unet", {"norm_num_groups": None}),
        ("vae", {"block_out_channels": [None]}),
    ],
    ids=str,
)
def test_a_folder_whose_sizes_are_nonsense_is_refused(diffusers_folder, clip, tmp_path, part, values):
    shutil.copytree(diffusers_folder, tmp_path / "sd")
    config = tmp_path / "sd" / part / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | values))
    message = "(sd and clip: model config: |.*/sd states no sizes that can be read: use a folder as it was saved$)"
    refused(tmp_path / "sd", message, lambda sd: stable_diffusion_sizes(sd, clip, {}))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"vision_config": 3}, ".*/clip states no sizes that can be read: use a folder as it was saved$"),
        (
            {"vision_config": {"hidden_size": "wide", "num_attention_heads": 4}},
            ".*/clip states no sizes that can be read: use a folder as it was saved$",
        ),
        (
            {"vision_config": {"hidden_size": 32}},
            ".*/clip states no sizes that can be read: use a folder as it was saved$",
        ),
        (
            {"vision_config": {"hidden_size": 32, "num_attention_heads": 0}},
            ".*/clip states no sizes that can be read: use a folder as it was saved$",
        ),
        (
            {"vision_config": {"hidden_act": "gelu"}},
            r"the image encoder computes with gelu, not quick_gelu: use a CLIP ViT-L/14 \(openai/clip-vit-large-",
        ),
    ],
    ids=["no table", "text", "lacking", "zero", "OpenCLIP's"],
)
def test_a_clip_that_cannot_serve_is_refused(diffusers_folder, clip, tmp_path, values, message):
    shutil.copytree(clip, tmp_path / "clip")
    (tmp_path / "clip/config.json").write_text(json.dumps(values))
    refused(tmp_path / "clip", message, lambda path: stable_diffusion_sizes(diffusers_folder, path, {}))

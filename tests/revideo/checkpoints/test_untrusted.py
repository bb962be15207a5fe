"""Nothing that a checkpoint says is trusted: read right, or refused by CheckpointError in a sentence, at no cost."""

import json
import os
import shutil
import zipfile
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from fuzzing import fuzz
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from revideo import CheckpointError, ModelConfig
from revideo.checkpoints.random_weights import random_weights
from revideo.checkpoints.reading import CONFIG_FILE, CONFIG_KEY, READ_DTYPES, load_control, load_parts, read_config
from revideo.checkpoints.writing import convert, save_weights

pytestmark = pytest.mark.filterwarnings("ignore")  # torch's, of prototypes and of pickles' protocols

# One of everything: a twentieth of a second to build.
LEAST = ModelConfig.from_dict(
    {
        "unet": {"model_channels": 32, "channel_mult": [1], "num_res_blocks": 1, "num_head_channels": 32}
        | {"context_dim": 8, "time_id_dim": 8},
        "control": {"condition_channels": [4]},
        "vae": {"channels": 32, "channel_mult": [1], "num_res_blocks": 1},
        "image_encoder": {"layers": 1, "width": 8, "head_width": 8, "patch_size": 8, "image_size": 8, "embed_dim": 8},
    }
)
WEIGHT = "model.diffusion_model.out.2.weight"
THIRDS = "conditioner.embedders.0.open_clip.model.visual.transformer.resblocks.0.attn.in_proj_bias"
NORM = "model.diffusion_model.out.0.weight"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The same small model as a file, a folder and in shards."""
    folder = tmp_path_factory.mktemp("files")
    save_weights(random_weights(LEAST), folder / "model.safetensors", LEAST)
    convert(folder / "model.safetensors", folder / "folder")
    convert(folder / "model.safetensors", folder / "parts.safetensors", shard_mb=1)
    return folder


@pytest.fixture(scope="module")
def weights(files):
    return load_file(files / "model.safetensors")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Where a fuzz test writes, whose fixtures are made once for all inputs."""
    return tmp_path_factory.mktemp("place")


def assert_read_right(path, config=None):
    """What is loaded computes: every weight is there, in a precision of weights."""
    parts, _ = load_parts(path, config)
    for module in parts.values():
        for tensor in module.state_dict().values():
            assert tensor.dtype in READ_DTYPES and tensor.device.type == "cpu" and tensor.isfinite().all()


def read_or_refused(path, config):
    with suppress(CheckpointError):
        assert_read_right(path, config)


# --- Values ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "dtype",
    [
        *(torch.int8, torch.uint8, torch.int16, torch.uint16, torch.int64, torch.bool),
        *(torch.complex64, torch.complex128, torch.float8_e4m3fn, torch.float8_e5m2),
    ],
)
@pytest.mark.parametrize("named", ["ckpt", "safetensors", "one tensor"])
def test_a_precision_that_weights_are_not_read_in_is_named(weights, tmp_path, dtype, named):
    """The conversion to the precision that is asked for would make numbers of them, silently."""
    chosen = {WEIGHT} if named == "one tensor" else weights
    changed = {name: tensor.to(dtype) if name in chosen else tensor for name, tensor in weights.items()}
    torch.save({"state_dict": changed}, tmp_path / "model")
    if named == "safetensors" and dtype != torch.complex128:  # which it does not store
        save_file(changed, tmp_path / "model")
    count = 1 if named == "one tensor" else r"\d\d+"
    name = WEIGHT if named == "one tensor" else r"model\.diffusion_model\.[\w.]+"
    stated = str(dtype).removeprefix("torch.")
    message = (
        rf"^model holds {count} weights in a precision that is not read \({name} in {stated}.*: use a file in fp16"
    )
    with pytest.raises(CheckpointError, match=message):
        load_parts(tmp_path / "model", LEAST, torch.float32)


@pytest.mark.parametrize("dtype", READ_DTYPES)
def test_every_precision_of_weights_is_read(weights, tmp_path, dtype):
    save_file({name: tensor.to(dtype) for name, tensor in weights.items()}, tmp_path / "model.safetensors")
    parts, _ = load_parts(tmp_path / "model.safetensors", LEAST)
    assert torch.equal(parts["unet"].conv_out.weight, weights[WEIGHT].to(dtype))


def test_what_works_together_gets_one_precision_out_of_a_mixed_file(weights, tmp_path):
    """The autoencoder alone works for itself."""
    changed = {name: t.float() if "open_clip" in name and t.ndim == 1 else t for name, t in weights.items()}
    save_file(changed, tmp_path / "model.safetensors")
    parts, _ = load_parts(tmp_path / "model.safetensors", LEAST)
    dtypes = {part: {t.dtype for t in module.state_dict().values()} for part, module in parts.items()}
    single, half = {torch.float32}, {torch.float16}
    assert dtypes == {"unet": single, "controlnet": single, "image_encoder": single, "vae": half}
    assert torch.equal(parts["unet"].conv_out.weight, weights[WEIGHT].float())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("use", [load_parts, load_control, convert])
def test_a_weight_that_is_not_finite_is_named(weights, tmp_path, value, use):
    name = "model.ctrlnet_model.time_embed.0.bias"
    save_file(weights | {name: weights[name].index_fill(0, torch.tensor([3]), value)}, tmp_path / "model.safetensors")
    arguments = (tmp_path / "converted.safetensors",) if use is convert else ()
    with pytest.raises(
        CheckpointError, match=rf"^model\.safetensors: {name} has values that are not finite in float16"
    ):
        use(tmp_path / "model.safetensors", *arguments, config=LEAST)
    assert not (tmp_path / "converted.safetensors").exists()


@pytest.mark.parametrize(
    "values", [torch.empty(0), torch.full((3,), float("nan")), torch.ones(3, dtype=torch.complex64)]
)
def test_what_no_network_uses_is_not_looked_at(weights, tmp_path, values):
    unused = "conditioner.embedders.0.open_clip.model.logit_scale"
    save_file(weights | {unused: values}, tmp_path / "model.safetensors")
    convert(tmp_path / "model.safetensors", tmp_path / "converted.safetensors", config=LEAST)
    assert torch.equal(load_file(tmp_path / "converted.safetensors")[unused].nan_to_num(), values.nan_to_num())


@pytest.mark.parametrize("use", [load_parts, convert])
def test_what_is_too_large_for_the_precision_that_is_asked_for_is_refused(weights, tmp_path, use):
    save_file({name: 1e5 * tensor.bfloat16() for name, tensor in weights.items()}, tmp_path / "model.safetensors")
    load_parts(tmp_path / "model.safetensors", LEAST, torch.float32)
    arguments = (tmp_path / "converted.safetensors",) if use is convert else ()
    with pytest.raises(CheckpointError, match=r"not finite in float16\. Too large for it\? Then use bf16 or fp32"):
        use(tmp_path / "model.safetensors", *arguments, config=LEAST, dtype=torch.float16)
    assert not (tmp_path / "converted.safetensors").exists()


# --- Pickles ---------------------------------------------------------------------------------


def saved(content, path, **options):
    torch.save(content, path, **options)
    return path


STRANGE = {
    "sparse": lambda t: t.to_sparse(),
    "compressed rows": lambda t: t.flatten(1).to_sparse_csr(),
    "quantised": lambda t: torch.quantize_per_tensor(t, 0.1, 0, torch.qint8),
    "nested": lambda t: torch.nested.nested_tensor([t, t[1:]]),
    "without numbers": lambda t: t.to("meta"),
    "one number for all": lambda t: torch.ones(()).expand(t.shape),
    "negated when read": torch._neg_view,
}


@pytest.mark.parametrize("case", STRANGE)
@pytest.mark.parametrize("name", [WEIGHT, "extra"])
def test_a_tensor_that_is_no_plain_numbers_is_named(weights, tmp_path, case, name):
    saved({"state_dict": weights | {name: STRANGE[case](weights[WEIGHT].float())}}, tmp_path / "model.ckpt")
    with pytest.raises(CheckpointError, match=rf"^model\.ckpt holds {name} not as plain numbers"):
        load_parts(tmp_path / "model.ckpt", LEAST, torch.float32)


@pytest.mark.parametrize("shape", [(), (1,), (5,), (2, 3), (5, 1, 1), (3, 0), (1, 1, 1, 1, 1)])
def test_tensors_of_any_shape_are_told_to_be_of_another(weights, tmp_path, shape):
    saved({"state_dict": dict.fromkeys(weights, torch.ones(shape))}, tmp_path / "model.ckpt")
    with pytest.raises(CheckpointError, match=r"^model\.ckpt does not fit the model: \d+ tensors of another shape \("):
        load_parts(tmp_path / "model.ckpt", LEAST)


class Disguised(OrderedDict):
    """Saved as an OrderedDict with attributes in place of its methods."""

    def __reduce__(self):
        return OrderedDict, (), {"items": 3, "get": 3, "keys": 3}, None, iter(dict.items(self))


@pytest.mark.parametrize(
    "more",
    [
        *({1: torch.ones(2)}, {(1, "a"): torch.ones(2)}, {b"a": torch.ones(2)}, {None: None}, {"a": [torch.ones(2)]}),
        *({"a": {"b": torch.ones(2)}}, {"\ud800": torch.ones(2)}, {"": torch.ones(2)}, {1.5: 2, "x" * 10**5: "y"}),
    ],
    ids=["number", "tuple", "bytes", "None", "list", "dict", "no text", "empty", "long"],
)
@pytest.mark.parametrize("kind", [dict, OrderedDict, Disguised])
def test_what_else_a_state_dict_holds_is_left_out(weights, tmp_path, more, kind):
    saved({"state_dict": kind(weights | more)}, tmp_path / "model.ckpt")
    parts, _ = load_parts(tmp_path / "model.ckpt", LEAST)
    assert torch.equal(parts["unet"].conv_out.weight, weights[WEIGHT])


def test_attributes_of_a_parameter_stay_behind(weights, tmp_path):
    disguised = torch.nn.Parameter(weights[WEIGHT])
    disguised.to = disguised.aminmax = disguised.numel = 3
    saved({"state_dict": weights | {WEIGHT: disguised}}, tmp_path / "model.ckpt")
    parts, _ = load_parts(tmp_path / "model.ckpt", LEAST, torch.float32)
    assert torch.equal(parts["unet"].conv_out.weight, weights[WEIGHT].float())


def deep(opening, closing, depth=50_000):
    return b"\x80\x02" + opening * depth + closing * (depth - 1) + b"."


BAD_PICKLES = {
    "a list as key": b"\x80\x02}(]K\x01u.",
    "lists in lists": deep(b"]", b"a"),
    "dicts in dicts": deep(b"}X\x01\0\0\0a", b"s"),
    "tuples in tuples": b"\x80\x02)" + b"\x85" * 50_000 + b".",
    "nothing": b"\x80\x02.",
    "too little": b"\x80\x02(",
    "a number": b"\x80\x02K\x01.",
    "a length beyond the file": b"\x80\x02X\xff\xff\xff\x7fa.",
    "a place never filled": b"\x80\x02h\x05.",
    "no end": b"\x80\x02}",
}


def zipped(pickled, path, source, compression=zipfile.ZIP_STORED):
    """`source` with another pickle in it; the sums of the archive are right."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w", compression) as new:
        for name in old.namelist():
            new.writestr(name, pickled if pickled and name.endswith("data.pkl") else old.read(name))
    return path


@pytest.mark.parametrize("case", BAD_PICKLES)
@pytest.mark.parametrize("is_zip", [True, False])
def test_a_pickle_of_no_state_dict_is_refused(tmp_path, case, is_zip):
    path = tmp_path / "model.ckpt"
    if is_zip:
        zipped(BAD_PICKLES[case], path, saved({"a": torch.ones(2)}, tmp_path / "good.ckpt"))
    else:
        path.write_bytes(BAD_PICKLES[case])
    with pytest.raises(CheckpointError, match=r"^model\.ckpt (is|holds) "):
        load_parts(path, LEAST)


def test_a_ckpt_that_was_packed_again_is_not_read_as_numbers(weights, tmp_path):
    """Mapped, packed bytes would be taken for weights."""
    plain = saved({"state_dict": weights}, tmp_path / "plain.ckpt")
    load_parts(zipped(None, tmp_path / "stored.ckpt", plain), LEAST)
    packed = zipped(None, tmp_path / "packed.ckpt", plain, zipfile.ZIP_DEFLATED)
    with pytest.raises(
        CheckpointError, match=r"^packed\.ckpt holds compressed parts, .*: use the file as it was saved"
    ):
        load_parts(packed, LEAST)


# --- Names -----------------------------------------------------------------------------------


@pytest.mark.parametrize("start", ["module.", "_orig_mod.", "module._orig_mod."])
def test_two_tensors_for_one_weight_are_refused(weights, tmp_path, start):
    save_file(weights | {start + WEIGHT: torch.zeros_like(weights[WEIGHT])}, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"^model\.safetensors holds \S+ a second time"):
        load_parts(tmp_path / "model.safetensors", LEAST)


def test_two_shards_with_the_same_tensor_are_refused(files, tmp_path):
    shutil.copytree(files, tmp_path, dirs_exist_ok=True)
    first, second = sorted(tmp_path.glob("parts-*.safetensors"))[:2]
    name, tensor = next(iter(load_file(first).items()))
    save_file(load_file(second) | {name: tensor + 1}, second)
    with pytest.raises(CheckpointError, match=rf"^{second.name} holds \S+ a second time"):
        load_parts(tmp_path / "parts.safetensors.index.json", LEAST)


def test_two_variants_in_a_folder_are_refused(files, tmp_path):
    """Of which the last by name would be taken, silently."""
    shutil.copytree(files / "folder", tmp_path / "model")
    whole = tmp_path / "model/unet/diffusion_pytorch_model.safetensors"
    shutil.copy(whole, whole.with_name("diffusion_pytorch_model.fp16.safetensors"))
    load_parts(tmp_path / "model")
    whole.rename(whole.with_name("diffusion_pytorch_model.non_ema.safetensors"))
    with pytest.raises(CheckpointError, match=r"^model/unet holds the same weights in several files \(diff.*fp16"):
        load_parts(tmp_path / "model")


# --- Folders, and what lies in place of files ------------------------------------------------


def directory(path):
    path.mkdir()


def link_to_nothing(path):
    path.symlink_to("nowhere")


def pipe(path):
    os.mkfifo(path)


IN_PLACE = {
    "a folder": directory,
    "a link to nothing": link_to_nothing,
    "a pipe": pytest.param(pipe, marks=pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")),
}


@pytest.mark.parametrize("make", IN_PLACE.values(), ids=IN_PLACE)
@pytest.mark.parametrize("name", ["unet/diffusion_pytorch_model.safetensors", "unused/model.safetensors", CONFIG_FILE])
def test_what_is_no_file_in_a_folder_is_named(files, tmp_path, make, name):
    folder = tmp_path / "model"
    shutil.copytree(files / "folder", folder)
    (folder / "unused").mkdir(exist_ok=True)
    (folder / name).unlink(missing_ok=True)
    make(folder / name)
    with pytest.raises(CheckpointError, match=rf"{name} is no file .*: remove it"):
        load_parts(folder)


@pytest.mark.parametrize("make", IN_PLACE.values(), ids=IN_PLACE)
def test_what_is_no_file_is_no_model(tmp_path, make):
    make(tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"model\.safetensors (is no|: no unet)|there is no checkpoint"):
        load_parts(tmp_path / "model.safetensors")


def test_a_name_too_long_for_the_disk_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match=r"xxx\.safetensors (cannot be read \(|: )|there is no checkpoint"):
        load_parts(tmp_path / f"{'x' * 300}.safetensors")


@pytest.mark.parametrize("name", ["model.safetensors", "model.ckpt", "folder", "parts.safetensors.index.json"])
def test_a_file_that_cannot_be_opened_is_named(files, monkeypatch, name):
    """As on a share that went away, or without permission, which those who run tests as root always have."""

    def refused(self, *_, **__):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(CheckpointError, match=r"cannot be read \(Permission denied\)|there is no checkpoint"):
        load_parts(files / name)


TEXT = LEAST.to_json().encode()
CONFIGS = {
    "other bytes": (TEXT + b"\xff\xfe\xe9", "is not UTF-8 text"),
    "UTF-16": (LEAST.to_json().encode("utf-16"), "is not UTF-8 text"),
    "nothing": (b"", "model config is not JSON"),
    "deep": (b"[" * 30_000, "model config is not JSON"),
    "many digits": (b'{"unet": {"model_channels": ' + b"9" * 5000 + b"}}", "model config is not JSON"),
    "long": (b" " * 70_000 + TEXT, "model config is a text of 70,"),
    "huge": (b" " * 300_000 + TEXT, "is no file of a model's sizes"),
    "no object": (b"[1]", "must be a JSON object, not list"),
    "no number": (b'{"unet": {"model_channels": NaN}}', "must be a positive integer, not nan"),
}


@pytest.mark.parametrize("case", CONFIGS)
def test_a_config_of_a_folder_that_is_none_is_refused(files, tmp_path, case):
    text, message = CONFIGS[case]
    shutil.copytree(files / "folder", tmp_path / "model")
    (tmp_path / "model" / CONFIG_FILE).write_bytes(text)
    with pytest.raises(CheckpointError, match=rf"{CONFIG_FILE}.* {message}"):
        load_parts(tmp_path / "model")


def test_a_config_with_a_byte_order_mark_is_read(files, tmp_path):
    shutil.copytree(files / "folder", tmp_path / "model")
    (tmp_path / "model" / CONFIG_FILE).write_bytes(b"\xef\xbb\xbf" + TEXT)
    assert read_config(tmp_path / "model") == LEAST


def test_a_config_that_asks_for_more_than_the_file_holds_costs_nothing(weights, tmp_path):
    """The largest there may be, over a megabyte."""
    sizes = {"unet": {"channel_mult": [1, 2, 4, 4, 4, 4], "num_res_blocks": 4}, "image_encoder": {"layers": 64}}
    save_file(weights, tmp_path / "model.safetensors", {CONFIG_KEY: json.dumps(sizes)})
    with pytest.raises(CheckpointError, match=r"^model\.safetensors does not fit the model: \d+ tensors missing"):
        load_parts(tmp_path / "model.safetensors")


# --- A file that changes under a model -------------------------------------------------------


@pytest.mark.parametrize("name", ["model.safetensors", "folder", "model.ckpt"])
@pytest.mark.parametrize("load", [load_parts, load_control])
def test_a_model_that_is_not_mapped_outlives_its_file(files, weights, tmp_path, name, load):
    """Cut off, a mapped file would end the process."""
    shutil.copytree(files / "folder", tmp_path / "folder")
    shutil.copy(files / "model.safetensors", tmp_path / "model.safetensors")
    saved({"state_dict": weights}, tmp_path / "model.ckpt")
    loaded = load(tmp_path / name, LEAST, torch.float16, mapped=False)
    for file in tmp_path.rglob("*"):
        if file.is_file():
            file.write_bytes(b"cut off")
    networks = [loaded.network] if load is load_control else loaded[0].values()
    temporal = loaded.temporal if load is load_control else {}
    assert all(tensor.isfinite().all() for network in networks for tensor in network.state_dict().values())
    for tensor_name, tensor in temporal.items():
        assert torch.equal(tensor, weights["model.diffusion_model." + tensor_name])


def test_a_mapped_model_outlives_a_file_that_is_replaced_by_another(files, weights, tmp_path):
    """As every file of ours is written: under another name first."""
    path = tmp_path / "model.safetensors"
    shutil.copy(files / "model.safetensors", path)
    parts, _ = load_parts(path)
    convert(path, path, dtype=torch.float32)
    assert torch.equal(parts["unet"].conv_out.weight, weights[WEIGHT])


# --- Fuzz ------------------------------------------------------------------------------------

NUMBERS = st.sampled_from([-1, 0, 1, 2, 3, 32, 2**31, 2**63, 10**30])
ODD = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
DTYPES = ["F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E8M0", "F4", "F6_E2M3", "C64", "I64", "U64", "BOOL", ""]
CONFIG_TEXTS = st.one_of(
    st.just(LEAST.to_json()),
    ODD.map(json.dumps),
    st.text(max_size=20),
    st.dictionaries(st.sampled_from(["unet", "vae", "control", "image_encoder"]), ODD).map(json.dumps),
)


@st.composite
def changed_bytes(draw, content, reach=None):
    """Of whole content: bytes changed near the start, cut off, put in or appended."""
    content = bytearray(content or b"x")
    reach = reach or len(content)
    for _ in range(draw(st.integers(0, 3))):
        content[draw(st.integers(0, min(reach, len(content)) - 1))] = draw(st.integers(0, 255))
    kind = draw(st.sampled_from(["as long", "cut", "longer", "put in"]))
    at = draw(st.integers(0, len(content)) | st.integers(0, min(reach, len(content))))
    more = draw(st.binary(min_size=1, max_size=20))
    if kind == "cut":
        return bytes(content[:at])
    if kind == "longer":
        return bytes(content + more)
    return bytes(content[:at] + more + content[at:]) if kind == "put in" else bytes(content)


@st.composite
def changed_headers(draw, header):
    """Of a .safetensors file: entries, their types, shapes and places, and the metadata."""
    header = json.loads(json.dumps(header))
    names = sorted(header)
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from([*names, THIRDS, WEIGHT, NORM]))
        kind = draw(st.sampled_from(["dtype", "shape", "data_offsets", "entry", "name", "gone", "metadata", "config"]))
        if kind in ("dtype", "shape", "data_offsets") and isinstance(header.get(name), dict):
            lists = st.lists(NUMBERS, max_size=5)
            header[name][kind] = draw(ODD | (st.sampled_from(DTYPES) if kind == "dtype" else lists))
        elif kind == "entry":
            header[name] = draw(ODD)
        elif kind == "name" and name in header:
            other = st.text(max_size=9) | st.sampled_from([f"module.{name}", "__metadata__", *names])
            header[draw(other)] = header[name]
        elif kind == "gone":
            header.pop(name, None)
        elif kind == "metadata":
            header["__metadata__"] = draw(ODD | st.dictionaries(st.sampled_from([CONFIG_KEY, "a"]), ODD))
        elif kind == "config":
            header["__metadata__"] = {CONFIG_KEY: draw(CONFIG_TEXTS)}
    return header


def assemble(header, data):
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


@pytest.mark.slow
@fuzz(20)
@given(choices=st.data())
def test_any_change_of_a_safetensors_file(files, place, choices):
    whole = (files / "model.safetensors").read_bytes()
    length = 8 + int.from_bytes(whole[:8], "little")
    if choices.draw(st.booleans()):
        content = choices.draw(changed_bytes(whole, reach=length + 8))
    else:
        behind = choices.draw(st.sampled_from([b"", b"", bytes(1), bytes(5000)]))
        header = choices.draw(changed_headers(json.loads(whole[8:length])))
        content = assemble(header, whole[length:] + behind)
    (place / "model.safetensors").write_bytes(content)
    read_or_refused(place / "model.safetensors", choices.draw(st.sampled_from([None, LEAST])))


KEYS = st.sampled_from(
    [WEIGHT, THIRDS, NORM, f"module.{WEIGHT}", "state_dict", "\ud800", 0, (), ("a", 1), b"a", None, 1.5]
)
SHAPES = st.sampled_from([(), (0,), (1,), (4,), (4, 32, 3, 3), (24,), (2, 3)])
TENSORS = st.builds(
    lambda shape, dtype, kind: kind(torch.ones(shape).to(dtype)),
    SHAPES,
    st.sampled_from([torch.float16, torch.float32, torch.int8, torch.bool, torch.complex64, torch.float8_e5m2]),
    st.sampled_from([lambda t: t, lambda t: t.expand(2, *t.shape), lambda t: t.to("meta")]),
) | st.sampled_from(list(STRANGE.values())).map(lambda make: make(torch.ones(4, 32, 3, 3)))
VALUES = ODD | TENSORS | st.lists(TENSORS, max_size=2) | st.dictionaries(st.text(max_size=3), TENSORS, max_size=2)
CONTENTS = {
    "wrapped": lambda state: {"state_dict": state},
    "bare": lambda state: state,
    "ordered": lambda state: {"state_dict": OrderedDict(state), "epoch": 3},
    "disguised": lambda state: Disguised({"state_dict": Disguised(state)}),
    "deeper": lambda state: {"state_dict": {"state_dict": state}},
    "listed": lambda state: {"state_dict": list(state.items())},
}


@pytest.mark.slow
@fuzz(20)
@given(choices=st.data())
def test_any_pickle(weights, place, choices):
    state = weights | choices.draw(st.dictionaries(KEYS, VALUES, max_size=2))
    for name in choices.draw(st.lists(KEYS, max_size=1)):
        state.pop(name, None)
    content = CONTENTS[choices.draw(st.sampled_from(list(CONTENTS)))](state)
    is_zip = choices.draw(st.booleans())
    path = saved(content, place / "model.ckpt", _use_new_zipfile_serialization=is_zip)
    change = choices.draw(st.sampled_from(["none", "bytes", "pickle"]))
    if change == "bytes":
        path.write_bytes(choices.draw(changed_bytes(path.read_bytes())))
    elif change == "pickle" and is_zip:
        with zipfile.ZipFile(path) as archive:
            pickled = archive.read("model/data.pkl")
        zipped(choices.draw(changed_bytes(pickled)), place / "changed.ckpt", path)
        path = place / "changed.ckpt"
    read_or_refused(path, LEAST)


@pytest.mark.slow
@fuzz(20)
@given(choices=st.data())
def test_any_folder_and_any_index(files, place, choices):
    shutil.rmtree(place / "any", ignore_errors=True)
    shutil.copytree(files, place / "any")
    base = choices.draw(st.sampled_from(["folder", "parts.safetensors.index.json"]))
    names = sorted(str(file.relative_to(place / "any")) for file in (place / "any").rglob("*"))
    for name in choices.draw(st.lists(st.sampled_from(names), max_size=3)):
        file = place / "any" / name
        if file.is_dir():
            continue
        content = file.read_bytes() if file.is_file() else b"x"
        file.unlink(missing_ok=True)
        kind = choices.draw(st.sampled_from(["folder", "link", "link to another", "bytes", "text", "gone", "pipe"]))
        if kind == "folder":
            file.mkdir()
        elif kind == "link":
            file.symlink_to("nowhere")
        elif kind == "link to another":
            file.symlink_to(place / "any" / choices.draw(st.sampled_from(names)))
        elif kind == "bytes":
            file.write_bytes(choices.draw(changed_bytes(content, reach=5000)))
        elif kind == "text":
            file.write_text(choices.draw(CONFIG_TEXTS), "utf-8", "replace")
        elif kind == "pipe" and hasattr(os, "mkfifo"):
            os.mkfifo(file)
    if choices.draw(st.booleans()):
        places = st.sampled_from([*names, "..", "", "folder", "parts.safetensors.index.json", "\ud800", "x" * 300])
        index = {"weight_map": choices.draw(ODD | st.dictionaries(st.text(max_size=3), places | ODD, max_size=4))}
        index_file = place / "any" / "parts.safetensors.index.json"
        if not index_file.is_dir() and not index_file.is_fifo():
            index_file.unlink(missing_ok=True)
            index_file.write_text(json.dumps(choices.draw(st.sampled_from([index, [index], {"weight_map": [index]}]))))
    read_or_refused(place / "any" / base, choices.draw(st.sampled_from([None, LEAST])))

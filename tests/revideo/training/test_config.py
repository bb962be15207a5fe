"""Training files: what is read, what it stands for, and that a mistake is named before any work."""

import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from revideo.cli.main import main
from revideo.synthetic.clips import plan_clip
from revideo.training.config import STAGES, ModelSource, Phase, Tables, TrainingConfig
from revideo.training.config_file import TrainingConfigError, parse_training_config, read_training_config
from revideo.training.keys import ClipOptions
from revideo.training.preflight import check_training
from tests.fuzzing import fuzz

ROOT = Path(__file__).parents[3]

# Where a value is changed, to what (DROP: taken away), and what the error says, its key first.
DROP = object()
MISTAKES = [
    ("outptu", "runs", '"outptu" is unknown; here may stand data, .* output, seed, model, phases'),
    ("output", DROP, '"output" is missing'),
    ("output", 3, '"output" must be a valid string, not 3'),
    ("output", "FILE", '"output": .* is a file, not a folder'),
    ("seed", -1, '"seed" must be greater than or equal to 0, not -1'),
    ("seed", 1.5, '"seed" must be a valid integer, not 1.5'),
    ("model", DROP, '"model" is missing: path, svd, or tables of sizes'),
    ("model", {"control_gain": 1.0}, '"model": name path, svd, or tables of sizes'),
    ("model", "svd.safetensors", '"model" must be a table'),
    ("model.path", "model.safetensors", r'"model": its sizes come from path: leave out \[model\.unet\]'),
    ("model.gain", 1.0, r'"model\.gain" is unknown; here may stand kind, path, svd'),
    ("model.control_gain", -0.1, r'"model\.control_gain" must be greater than or equal to 0, not -0\.1'),
    ("model.unet.depth", 3, '"model".*"unet" has no "depth"'),
    ("model.unet.model_channels", 33, '"model".*33 UNet channels'),
    ("model.vae.channels", "wide", r'"model".*"vae\.channels" must be a positive integer'),
    ("model.control.condition_channels", [8, 8], '"model".*the condition encoders shrink by 2'),
    ("model.control.fusion", "add", r'"model".*"control\.fusion" must be one of safm, safm_no_time, sum, not .add.'),
    ("model.unet", 3, r'"model\.unet" must be a table, not 3'),
    ("phases", DROP, r'"phases" is missing: write at least one \[\[phases\]\]'),
    ("phases", {}, '"phases" must be a valid list'),
    ("phases", [], '"phases" is missing'),
    ("phases", [3], r'"phases\[0\]" must be a table, not 3'),
    ("phases.0.stage", DROP, r'"phases\[0\]\.stage" is missing: autoencoder, base,'),
    ("phases.0.stage", "motoin", r"\"phases\[0\]\.stage\" must be 'autoencoder', .* or 'propagate', not 'motoin'"),
    ("phases.1.steps", 0, r'"phases\[1\]\.steps" must be greater than or equal to 1, not 0'),
    ("phases.0.steps", True, r'"phases\[0\]\.steps" must be a valid integer, not True'),
    ("phases.0.learning_rate", 1e-4, r'"phases\[0\]\.learning_rate" is unknown'),
    ("phases.0.width", 40, r'"phases\[0\]\.width" 40 is not a multiple of the model\'s 16: take 32 or 48'),
    ("phases.0.height", 8, r'"phases\[0\]\.height" 8 is not a multiple of the model\'s 16: take 16 or 32'),
    ("phases.0.frames", 2, r'"phases\[0\]\.frames" must be at least 3, not 2'),
    ("phases.0.batch", 3, r'"phases\[0\]\.batch" 3 cannot be shared among 2 processes'),
    ("phases.0.content", 1.5, r'"phases\[0\]\.content" must be less than or equal to 1, not 1.5'),
    ("phases.0.also_train", "unet.*", r'"phases\[0\]\.also_train" must be a valid list, not .unet'),
    ("phases.0.also_train", ["unet.("], r'"phases\[0\]\.also_train\[0\]": .unet.* is no regular expression: missing'),
    ("phases.0.also_train", ["unte.*"], r'"phases\[0\]\.also_train" matches no weight: .unte'),
    ("phases.0.train_only", ["unet.*"], r'"phases\[0\]\.train_only" leaves no weight'),
    ("autoencoder", {"fixed_latents": 1}, r'"autoencoder\.fixed_latents" must be a valid boolean, not 1'),
    ("phases.0.also_train", [3], r'"phases\[0\]\.also_train\[0\]" must be a valid string, not 3'),
    ("phases.0.name", "../elsewhere", r'"phases\[0\]\.name": .\.\./elsewhere. must be letters'),
    ("phases.1.name", "1-motion", '"phases": 2 have the name .1-motion.'),
    ("phases.1.optimizer", {"lr": "fast"}, r'"phases\[1\]\.optimizer\.lr" must be a valid number, not .fast.'),
    ("phases.1.optimizer", {"momentum": 0.9}, r'"phases\[1\]\.optimizer\.momentum" is unknown; here may stand lr'),
    ("phases.1.run", {"mixed_precision": "bf16"}, r'"phases\[1\]\.run\.mixed_precision" must be the same'),
    ("data.kind", "internet", r'"data\.kind" must be .folder. or .synthetic., not .internet.'),
    ("data", {"kind": "folder"}, r'"phases\[0\]\.data\.folder" is missing'),
    ("data", {"kind": "folder", "folder": "absent"}, r'"phases\[0\]\.data\.folder" names no folder'),
    ("data", {"folder": "empty"}, r'"phases\[0\]\.data\.folder" holds no video file'),
    ("data", {"folder": ".", "cotracker": "absent.pth"}, r'"phases\[0\]\.data\.cotracker" cannot be used: there is no'),
    ("data", {"folder": ".", "cotracker": "FILE"}, r'"phases\[0\]\.data\.cotracker" cannot be used: .*neither'),
    ("data.options", {"sprits": [1, 2]}, r'"data\.options\.sprits" is unknown; here may stand sprites'),
    ("data.options", {"sprites": 3}, r'"data\.options\.sprites" must be a valid list, not 3'),
    ("data.options", {"ways": [0.5, 0.5, 0.5]}, r'"phases\[0\]\.data\.options" cannot make a clip: .*do not sum'),
    ("data.stride", 0, r'"data\.stride" must be greater than or equal to 1, not 0'),
    ("trajectories", {"least": 5, "most": 3}, r'"phases\[0\]\.trajectories\.least" 5 is more than most, 3'),
    ("trajectories.grid_px", 0, r'"trajectories\.grid_px" must be greater than or equal to 2, not 0'),
    ("area.min_px", 33, r'"phases\[1\]\.area\.min_px" 33 does not fit into 32×32'),
    ("area.max_share", 1.1, r'"area\.max_share" must be less than or equal to 1, not 1.1'),
    ("noise", {"uniform_low": 7.0}, r'"phases\[0\]\.noise\.uniform_low" 7 must be below uniform_high'),
    ("noise.std", float("nan"), r'"noise\.std" must be a finite number, not nan'),
    ("conditioning.drop_reference", 2, r'"conditioning\.drop_reference" must be less than or equal to 1, not 2'),
    ("optimizer.lr", float("inf"), r'"optimizer\.lr" must be a finite number, not inf'),
    ("optimizer.beta1", 1.0, r'"optimizer\.beta1" must be less than or equal to 0.9999, not 1.0'),
    ("optimizer.eight_bit", True, r'"phases\[0\]\.optimizer\.eight_bit" needs a package: pip install bitsandbytes'),
    ("autoencoder.kl", -1.0, r'"autoencoder\.kl" must be greater than or equal to 0, not -1.0'),
    ("loss.sprite_weight", 0, r'"loss\.sprite_weight" must be greater than or equal to 0.01, not 0'),
    ("run.mixed_precision", "fp8", r'"run\.mixed_precision" must be .no., .bf16. or .fp16., not .fp8.'),
    ("run.mixed_precision", "fp16", r'"phases\[0\]\.run\.mixed_precision" fp16 needs a GPU'),
    ("run.frozen", "bf16", r'"phases\[0\]\.run\.frozen" bf16 needs run\.mixed_precision'),
    ("run.clips_at_once", 3, r'"phases\[0\]\.batch" 2 cannot be shared among 2 processes times run\.clips_at_once 3'),
    ("run.tensorboard", True, r'"phases\[0\]\.run\.tensorboard" needs a package: pip install tensorboard'),
    ("run.checkpoint_every", 0, r'"run\.checkpoint_every" must be greater than or equal to 1, not 0'),
    ("run", 3, '"run" must be a table, not 3'),
    ("output", "a\0b", r'"output": .*x00b. is no path'),
    ("seed", 2**64, '"seed" must be less than or equal to 2147483648, not 18446744073709551616'),
    ("seed", 16**5000, '"seed" must be less than or equal to 2147483648, not so large a number'),
    ("seed", [1] * 1000, r'"seed" must be a valid integer, not \[1, 1, .{1,100}…$'),
    ("phases", [{}] * 1001, '"phases" List should have at most 1000 items'),
    ("phases.0.name", "x" * 101, r'"phases\[0\]\.name": a name of 101 characters: files are called by it'),
    ("phases.0.name", "é" * 51, r'"phases\[0\]\.name": a name of 51 characters'),
    ("phases.0.name", "0-Start", r'"phases\[0\]\.name": .0-Start. names another file: that of the start'),
    ("phases.0.name", "x-00001-of-00002", r'"phases\[0\]\.name": .* names another file: .* one of several shards'),
    ("phases.1.name", "1-MOTION", '"phases": 2 have the name .1-motion.'),
    ("phases.0.also_train", ["(" * 600], r'also_train\[0\]": a pattern of 600 characters: 500 at most'),
    (
        "phases.0.train_only",
        ["a{99999999999999999999}"],
        r'train_only\[0\]": .* is no regular expression: the repetition',
    ),
    ("model.unet.model_channels", 10**9, r'"model": .*"unet\.model_channels" asks for 1000000000; at most 8192'),
    ("model.image_encoder.layers", 10**9, r'"model": .*"image_encoder\.layers" asks for 1000000000; at most 64'),
    ("model.vae.channel_mult", [1] * 9, r'"model": .*"vae\.channel_mult" has 9 levels; at most 6'),
    ("run.clips_at_once", 2**16, r'"phases\[0\]\.batch" 2 cannot be shared among 2 processes times'),
    ("data", {"folder": ".", "stride": 101}, r'"data\.stride" must be less than or equal to 100'),
    ("data.options", {"sprites": [1, 10**9]}, r'"data\.options\.sprites\[1\]" must be less than or equal to 32'),
    ("data.options", {"sprites": [2, 1]}, r'"data\.options\.sprites": \[2, 1\] must be least and most'),
    ("data.options", {"sprites": [True, 2]}, r'"data\.options\.sprites\[0\]" must be a valid integer, not True'),
    ("data.options", {"sprites": [1, 2, 3]}, r'"data\.options\.sprites" List should have at most 2 items'),
    ("data.options", {"points": 10**9}, r'"data\.options\.points": 1000000000 must be an integer from 1 to 100'),
    ("data.options", {"points": [3, 1]}, r'"data\.options\.points": \[3, 1\] must be least and most'),
    ("data.options", {"points": 0}, r'"data\.options\.points": 0 must be an integer from 1 to 100'),
    ("data.options", {"pans": float("nan")}, r'"data\.options\.pans" must be a finite number, not nan'),
    ("data.options", {"coupled": 1.5}, r'"data\.options\.coupled" must be less than or equal to 1'),
    (
        "data.options",
        {"diameter_px": [0.0, 3.0]},
        r'"data\.options\.diameter_px\[0\]" must be greater than or equal to 1',
    ),
    (
        "data.options",
        {"diameter_px": [9.0, 3.0]},
        r'"data\.options\.diameter_px": \[9\.0, 3\.0\] must be least and most',
    ),
    ("data.options", {"speed_px": [-1.0, 3.0]}, r'"data\.options\.speed_px\[0\]" must be greater than or equal to 0'),
    (
        "data.options",
        {"shortest_wave_px": 0.0},
        r'"data\.options\.shortest_wave_px" must be greater than or equal to 1',
    ),
    ("data.options", {"shapes": ["disc", "blob"]}, r'"data\.options\.shapes\[1\]": .blob. is not one of disc'),
    ("data.options", {"shapes": []}, r'"data\.options\.shapes" is missing'),
    ("data.options", {"frames": 3}, r'"data\.options\.frames" is unknown'),
]


def changed(values: dict, place: str, value: object) -> dict:
    values = deepcopy(values)
    *way, last = place.split(".")
    table = values
    for name in way:
        table = table[int(name)] if name.isdigit() else table.setdefault(name, {})
    if value is DROP:
        del table[last]
    else:
        table[last] = value
    return values


@pytest.fixture
def values(training_values):
    return training_values({"stage": "motion"}, {"stage": "decouple"})


@pytest.mark.parametrize("place, value, message", MISTAKES, ids=[f"{m[0]}-{n}" for n, m in enumerate(MISTAKES)])
def test_a_mistake_is_named_before_any_work(values, tmp_path, monkeypatch, place, value, message):
    for package in ("bitsandbytes", "tensorboard"):
        monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setattr("revideo.training.preflight.find_spec", lambda name: None)
    (tmp_path / "FILE").touch()
    (tmp_path / "clip.mp4").touch()
    (tmp_path / "empty").mkdir()
    if place == "output" and isinstance(value, str):
        value = str(tmp_path / value)
    with pytest.raises(TrainingConfigError, match=message):
        check_training(parse_training_config(changed(values, place, value), tmp_path), processes=2)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "change, message",
    [
        (
            {"width": 8192, "height": 8192, "frames": 15, "batch": 1},
            r'"phases\[0\]\.width" times height, frames and .* 1e\+09',
        ),
        (
            {"batch": 2**16, "width": 512, "height": 512},
            r'"phases\[0\]\.width" times height, frames and the clips of a pass',
        ),
        (
            {"width": 512, "height": 512, "frames": 50, "run": {"sample_every": 1, "sample_clips": 64}},
            r'"phases\[0\]\.run\.sample_clips" 64 are 1\.7e\+09 pixels of a sheet',
        ),
        (
            {"width": 1024, "height": 1024, "data": {"kind": "folder", "folder": "."}, "trajectories": {"grid_px": 2}},
            r'"phases\[0\]\.trajectories\.grid_px" 2 is 262144 points to track: 100000 at most',
        ),
    ],
)
def test_sizes_that_only_together_are_too_large_are_named(training_values, change, message):
    with pytest.raises(TrainingConfigError, match=message):
        check_training(parse_training_config(training_values({"stage": "motion"} | change)))


def numbers(table: type[BaseModel]) -> Iterator[tuple[str, float]]:
    """Its keys that are numbers, each with its greatest value."""
    for name, field in table.model_fields.items():
        if field.annotation in (int, float):
            (most,) = (limit.le for limit in field.metadata if hasattr(limit, "le"))
            assert any(hasattr(limit, "ge") for limit in field.metadata), name
            yield name, most


def test_every_number_has_limits_and_what_is_beyond_is_named(values):
    tables: dict[str, type[BaseModel]] = {f"{name}.": field.annotation for name, field in Tables.model_fields.items()}
    tables |= {"": TrainingConfig, "model.": ModelSource, "phases.0.": Phase}
    places = [(place + name, most) for place, table in tables.items() for name, most in numbers(table)]
    assert len(places) > 50
    for place, most in places:
        key = re.escape(place.replace(".0.", "[0]."))
        for beyond in (10 * most + 1, 10**30):
            with pytest.raises(TrainingConfigError, match=f'"{key}" must be less than or equal to'):
                parse_training_config(changed(values, place, type(most)(beyond)))
        parse_training_config(changed(values, place, most))


def test_the_options_of_clips_are_those_of_plan_clip():
    given_by_phase = {"seed", "frames", "height", "width"}
    assert ClipOptions.model_fields.keys() == inspect.signature(plan_clip).parameters.keys() - given_by_phase
    options = {"sprites": [1, 2], "points": [1, 3], "ways": [0.5, 0.25, 0.25], "shapes": ["disc"], "pans": 1}
    assert ClipOptions.model_validate(options).given == options


def test_each_pattern_is_a_pattern_of_its_own(values):
    """Not one long one: flags, groups and numbers of groups hold for the pattern that they stand in."""
    values["phases"][0] |= {
        "also_train": [r"(vae)\.(quant)_conv\.bias", r"(?i)(vae)\.post_\1?quant_conv\.BIAS", "(?P<a>x)"]
    }
    values["phases"][0] |= {"train_only": [r"(?P<a>v).*", "(?P<a>vae).*"]}
    (first, _) = parse_training_config(values).phases
    weight = SimpleNamespace(named_parameters=lambda: [("quant_conv.bias", 1), ("post_quant_conv.bias", 2), ("x", 3)])
    assert first.parameters({"vae": weight}) == {"vae.quant_conv.bias": 1, "vae.post_quant_conv.bias": 2}


@pytest.mark.parametrize("name", ["samples", "tracks", "tensorboard"])
def test_a_file_where_a_folder_will_be_needed_is_named_before_any_work(values, tmp_path, name):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).touch()
    with pytest.raises(TrainingConfigError, match=rf'"output": .*{name} is a file, not a folder: move it away'):
        check_training(parse_training_config(values))


@pytest.mark.parametrize("name", ["log.jsonl", "state.pt", "0-start.safetensors", "2-decouple.safetensors"])
def test_a_folder_where_a_file_will_be_needed_is_named_before_any_work(values, tmp_path, name):
    (tmp_path / "out" / name).mkdir(parents=True)
    with pytest.raises(TrainingConfigError, match=rf'"output": .*{name} is a folder, not a file: move it away'):
        check_training(parse_training_config(values))


def test_a_disk_that_will_be_full_is_named_before_any_work(values, tmp_path, monkeypatch):
    """Three models are to come; what is there already takes no more room."""
    free = SimpleNamespace(free=3 * 10**6)
    monkeypatch.setattr("revideo.training.preflight.shutil.disk_usage", lambda folder: free)
    config = parse_training_config(values)
    with pytest.raises(
        TrainingConfigError, match=r'"output": .* needs .* GB for its models and checkpoints, and its disk'
    ):
        check_training(config)
    (tmp_path / "out").mkdir()
    for name in config.files:
        (tmp_path / "out" / name).touch()
    check_training(config)


def test_without_a_mistake_there_is_no_error(values):
    check_training(parse_training_config(values), processes=2)


@pytest.mark.parametrize("key", ["path", "svd"])
def test_a_model_that_is_not_there_is_named(values, tmp_path, key):
    values["model"] = {key: "absent.safetensors"}
    with pytest.raises(TrainingConfigError, match=rf'"model\.{key}": there is no file .*absent\.safetensors'):
        check_training(parse_training_config(values, tmp_path))


@pytest.mark.parametrize(
    "text, message",
    [
        ("output = ", "bad.toml is not TOML"),
        ("output = 3", r'bad.toml: "output" must be .*; "model" is missing: .*; "phases" is missing'),
        (None, "there is no training config"),
    ],
)
def test_the_command_tells_a_mistake_in_one_line(tmp_path, capsys, text, message):
    if text is not None:
        (tmp_path / "bad.toml").write_text(text)
    assert main(["train", str(tmp_path / "bad.toml")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("revideo: error: ")
    assert re.search(message, line)


# What stands in the file's place → what is said of it, but for the file's name.
VALID = b'output = "out"\nmodel = { svd = "x" }\nphases = [{ stage = "motion", steps = 2, width = 64, height = 64 }]\n'
NO_TOML = {
    "Latin-1": (b'output = "\xe4"', "is not TOML: 'utf-8' codec can't decode byte 0xe4"),
    "UTF-16": (VALID.decode().encode("utf-16"), "is not TOML: 'utf-8' codec"),
    "a lone surrogate": (VALID + b'x = "\xed\xa0\x80"', "is not TOML: 'utf-8' codec"),
    "an escaped surrogate": (VALID + b'x = "\\ud800"', "is not TOML: Escaped character"),
    "a NUL byte": (b'output = "a\0b"', "is not TOML: Illegal character"),
    "deep lists": (b"a = " + b"[" * 5000 + b"]" * 5000, "its lists or tables lie too deep in each other"),
    "deep tables": (b"a = " + b"{ b = " * 5000 + b"1" + b" }" * 5000, "its lists or tables lie too deep in each other"),
    "a key of many parts": (b"a." * 200_000 + b"b = 1", "is not TOML: a line has more than 1000 dots"),
    "a table of many names": (b"[" + b"a." * 3000 + b"b]", "is not TOML: a line has more than 1000 dots"),
    "many digits": (VALID + b"seed = 1" + b"0" * 5000, "is not TOML: Exceeds the limit"),
    "many hexadecimal digits": (VALID + b"seed = 0x1" + b"0" * 5000, '"seed" must be .*, not so large a number'),
    "many digits of a size": (
        b"model = { unet = { model_channels = 0x1" + b"0" * 5000 + b" } }",
        "asks for a number beyond 2⁶⁴",
    ),
    "a date": (VALID + b"seed = 2020-01-01", r'"seed" must be a valid integer, not datetime\.date'),
    "a wrong date": (VALID + b"seed = 2020-13-41", "is not TOML"),
    "a date among options": (
        VALID + b"data = { options = { sprites = 2020-01-01 } }",
        r'"data\.options\.sprites" must be',
    ),
    "lists for phases": (b"phases = [[], [1]]", r'"phases\[0\]" must be a table, not \[\]'),
    "a checkpoint": (b"\0" * 10**6 + b"\0", "is not TOML: it is longer than 1000000 bytes"),
    "nothing": (b"", '"output" is missing'),
}


@pytest.mark.parametrize("content, message", NO_TOML.values(), ids=NO_TOML)
def test_what_is_no_training_file_is_named(tmp_path, content, message):
    file = tmp_path / "bad.toml"
    file.write_bytes(content)
    with pytest.raises(TrainingConfigError, match=message) as refused:
        read_training_config(file)
    assert str(refused.value).startswith(str(file))


def test_a_mark_of_the_byte_order_and_windows_ends_of_lines_are_read_over(tmp_path):
    file = tmp_path / "windows.toml"
    file.write_bytes(b"\xef\xbb\xbf" + VALID.replace(b"\n", b"\r\n"))
    assert read_training_config(file).phases[0].steps == 2


def test_memory_is_not_computed_of_sides_that_cannot_work(training_values, tmp_path, capsys):
    values = training_values({"stage": "motion", "width": 40})
    file = tmp_path / "sides.toml"
    file.write_text("\n".join(lines(values)))
    assert main(["train", str(file), "--memory"]) == 2
    assert '"phases[0].width" 40 is not a multiple of the model\'s 16: take 32 or 48' in capsys.readouterr().err


def lines(values: dict[str, Any], table: str = "") -> Iterator[str]:
    """A training file."""
    plain = {name: value for name, value in values.items() if not isinstance(value, dict) and name != "phases"}
    yield from (f"{name} = {json.dumps(value)}" for name, value in plain.items())
    for name, value in values.items():
        if isinstance(value, dict):
            yield f"[{table}{name}]"
            yield from lines(value, f"{table}{name}.")
    for phase in values.get("phases", ()):
        yield "[[phases]]"
        yield from lines(phase)


def test_a_folder_in_the_files_place_is_told_in_one_line(tmp_path, capsys):
    assert main(["train", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"revideo: error: Is a directory: {tmp_path}\n"


# --- Any file ------------------------------------------------------------------------------

SHIPPED = {path.name: path.read_bytes() for path in sorted((ROOT / "training").glob("*.toml"))}
KEYS = sorted(
    {name for table in (TrainingConfig, ModelSource, Phase, ClipOptions) for name in table.model_fields}
    | {name for field in Tables.model_fields.values() for name in field.annotation.model_fields}
)
VALUES = st.recursive(
    st.integers() | st.floats() | st.booleans() | st.text(max_size=9) | st.dates() | st.times() | st.datetimes()
    | st.sampled_from([*STAGES, 2**31, 2**63, -1, "(a+)+$", "a" * 300, "\0", "(?i)x", "../x"])
    | st.just(5000).map(lambda digits: 10**digits),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), inner),
    max_leaves=5,
)  # fmt: skip


def spots(values: Any) -> Iterator[tuple[Any, Any]]:
    """Every table or list with a key or number in it, from the top down."""
    for name, value in values.items() if isinstance(values, dict) else enumerate(values):
        yield values, name
        if isinstance(value, (dict, list)):
            yield from spots(value)


def mutated(draw: Callable[..., Any], values: dict[str, Any]) -> dict[str, Any]:
    values = deepcopy(values)
    for _ in range(draw(st.integers(1, 3))):
        table, name = draw(st.sampled_from(list(spots(values)) or [(values, "output")]))
        if isinstance(table, dict) and draw(st.booleans()):
            name = draw(st.sampled_from([name, *KEYS]))
        table[name] = draw(VALUES)
    return values


@fuzz(150)
@given(st.data())
def test_any_values_are_a_training_or_refused(tiny_training_values, data):
    values = tiny_training_values({"stage": "motion"}, {"stage": "joint", "also_train": ["vae.*"]}, output="out")
    with suppress(TrainingConfigError):
        parse_training_config(mutated(data.draw, values))


@fuzz(60)
@given(st.data())
def test_any_training_is_checked_or_refused(tiny_training_values, tmp_path_factory, data):
    """But for the model's sizes, whose networks are built to be checked."""
    values = tiny_training_values({"stage": "motion"}, {"stage": "autoencoder"}, output="absent")
    model = values.pop("model")
    with suppress(TrainingConfigError):
        check_training(parse_training_config(mutated(data.draw, values) | {"model": model}))


PIECES = st.sampled_from([*(bytes([byte]) for byte in b"[]{}\"'.=\n-_#\\"), b"[[", b"1e999", b"nan", b"'" * 3])


@fuzz(150)
@given(
    st.sampled_from(sorted(SHIPPED)),
    st.lists(st.tuples(st.integers(0, 12_000), st.integers(0, 20), PIECES | st.binary(max_size=6)), max_size=4),
)
def test_any_file_is_a_training_or_refused(tmp_path_factory, name, edits):
    content = SHIPPED[name]
    for start, length, new in edits:
        content = content[:start] + new + content[start + length :]
    file = tmp_path_factory.getbasetemp() / "any.toml"
    file.write_bytes(content)
    with suppress(TrainingConfigError):
        read_training_config(file)


def test_a_phases_table_changes_what_it_names_and_no_more(training_values):
    values = training_values({"stage": "joint"}, {"stage": "motion", "optimizer": {"lr": 5e-4}, "content": 0.25})
    first, second = parse_training_config(values).phases
    assert (first.optimizer.lr, second.optimizer.lr) == (1e-3, 5e-4)
    assert second.optimizer.warmup == first.optimizer.warmup == 2
    assert (first.as_stage.content, second.as_stage.content) == (1.0, 0.25)
    assert second.as_stage.trains == ("controlnet\\..*",)
    assert (first.name, second.name) == ("1-joint", "2-motion")


def test_paths_count_from_the_files_own_folder(training_values, tmp_path):
    values = training_values(data={"folder": "videos"}, output="runs/one", model={"path": "model.safetensors"})
    config = parse_training_config(values, tmp_path)
    assert config.output == str(tmp_path / "runs/one")
    assert config.model.path == str(tmp_path / "model.safetensors")
    assert config.phases[0].data.folder == str(tmp_path / "videos")
    assert parse_training_config(values | {"output": "/abs"}, tmp_path).output == "/abs"


def test_the_recipe_of_the_paper_is_the_papers():
    config = read_training_config(ROOT / "training/released.toml")
    assert [phase.stage for phase in config.phases] == ["motion", "decouple", "deblock"]
    assert [phase.steps for phase in config.phases] == [40_000, 30_000, 20_000]
    for phase in config.phases:
        assert (phase.width, phase.height, phase.frames, phase.batch) == (512, 320, 14, 16)
        assert phase.run.clips_at_once == 4  # of each of 4 GPUs
        assert (phase.trajectories.least, phase.trajectories.most, phase.area.min_px) == (1, 10, 64)
        assert (phase.noise.mean, phase.noise.std, phase.noise.uniform) == (0.7, 1.6, 0)
        # Where the paper is silent: the configuration published with the weights, and its code's AdamW.
        assert (phase.optimizer.lr, phase.optimizer.weight_decay, phase.optimizer.ema) == (3e-5, 0.01, 0)
        assert (phase.conditioning.drop_reference, phase.conditioning.drop_apart) == (0.1, True)
    assert config.phases[-1].also_train == [r"controlnet\.safm\.fuse\..*"]


def test_the_file_of_the_recipe_says_of_every_value_whose_it_is():
    text = (ROOT / "training/released.toml").read_text("utf-8")
    settings = text[text.index("[model]") : text.index("[run]")]
    values = [line for line in settings.splitlines() if "=" in line]
    assert len(values) > 10
    assert [line for line in values if not re.search(r"# .*(paper|released|ours)", line)] == ['kind = "folder"']


def document_keys(table: type[BaseModel]) -> str:
    """Its keys as Markdown, those aside that are tables of their own."""
    lines = ["| key | default | what for |", "| --- | --- | --- |"]
    for name, key in table.model_fields.items():
        if name not in {*Tables.model_fields, "model", "phases"}:
            assert key.description
            default = "needed" if key.is_required() else f"`{json.dumps(key.default)}`"
            lines.append(f"| `{name}` | {default} | {key.description} |")
    return "\n".join(lines)


def test_every_key_has_a_reason_and_stands_in_the_guide():
    tables = {f"`[{name}]`": table.annotation for name, table in Tables.model_fields.items()}
    tables = {"Top level": TrainingConfig, "`[model]`": ModelSource, "`[[phases]]`": Phase} | tables
    documented = "\n\n".join(f"### {title}\n\n{document_keys(table)}" for title, table in tables.items())
    assert documented in (ROOT / "docs/training.md").read_text("utf-8")


@pytest.mark.parametrize("file", sorted(path.name for path in (ROOT / "training").glob("*.toml")))
def test_every_file_that_is_shipped_can_be_read(file):
    assert read_training_config(ROOT / "training" / file).phases


def test_whoever_does_not_train_needs_no_pydantic():
    """Nothing outside imports the package where it is used before a training or a benchmark is asked for."""
    where = {*(ROOT / "revideo/training").glob("*.py"), ROOT / "revideo/benchmark/manifest.py"}
    for file in set((ROOT / "revideo").rglob("*.py")) - where:
        imports = re.findall(r"^(?:from|import) .*", file.read_text("utf-8"), re.MULTILINE)
        assert not [line for line in imports if "training" in line or "pydantic" in line], file

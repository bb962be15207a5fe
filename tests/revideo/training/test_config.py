"""Training files: what is read, what it stands for, and that a mistake is named before any work."""

import json
import re
import sys
from copy import deepcopy
from pathlib import Path

import pytest
from pydantic import BaseModel

from revideo.cli.main import main
from revideo.training.config import ModelSource, Phase, Tables, TrainingConfig
from revideo.training.config_file import TrainingConfigError, parse_training_config, read_training_config
from revideo.training.preflight import check_training

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
    ("model.gain", 1.0, r'"model\.gain" is unknown; here may stand path, svd'),
    ("model.control_gain", -0.1, r'"model\.control_gain" must be greater than or equal to 0, not -0\.1'),
    ("model.unet.depth", 3, '"model".*"unet" has no "depth"'),
    ("model.unet.model_channels", 33, '"model".*33 UNet channels'),
    ("model.vae.channels", "wide", r'"model".*"vae\.channels" must be a positive integer'),
    ("model.control.condition_channels", [8, 8], '"model".*the condition encoders shrink by 2'),
    ("model.unet", 3, r'"model\.unet" must be a table, not 3'),
    ("phases", DROP, r'"phases" is missing: write at least one \[\[phases\]\]'),
    ("phases", {}, '"phases" must be a valid list'),
    ("phases", [], '"phases" is missing'),
    ("phases", [3], r'"phases\[0\]" must be a table, not 3'),
    ("phases.0.stage", DROP, r'"phases\[0\]\.stage" is missing: autoencoder, base,'),
    ("phases.0.stage", "motoin", r"\"phases\[0\]\.stage\" must be 'autoencoder', .* or 'deblock', not 'motoin'"),
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
    (
        "data.options",
        {"sprits": [1, 2]},
        r'"phases\[0\]\.data\.options\.sprits" is unknown; synthetic clips have sprites',
    ),
    ("data.options", {"sprites": 3}, r'"phases\[0\]\.data\.options" cannot make a clip'),
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
        assert phase.optimizer.weight_decay == 0  # Adam


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
    """Nothing outside imports the package where it is used before a training is asked for."""
    for file in set((ROOT / "revideo").rglob("*.py")) - set((ROOT / "revideo/training").glob("*.py")):
        imports = re.findall(r"^(?:from|import) .*", file.read_text("utf-8"), re.MULTILINE)
        assert not [line for line in imports if "training" in line or "pydantic" in line], file

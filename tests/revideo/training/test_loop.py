"""The training loop: what a stage changes, what a killed run loses, what several processes change."""

import importlib.util
import json
import multiprocessing
import shutil
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from diffusers.training_utils import EMAModel
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch.testing import assert_close

import revideo
from revideo.checkpoints.names import CONTROL
from revideo.checkpoints.random_weights import write_random_checkpoint
from revideo.checkpoints.reading import CheckpointError, build_parts, open_checkpoint, read_config
from revideo.checkpoints.writing import convert
from revideo.cli.main import main
from revideo.files import LOCK_FILE, locked
from revideo.models.config import ModelConfig
from revideo.training.config import DEBLOCK, STAGES, ModelSource, OptimizerConfig
from revideo.training.config_file import TrainingConfigError, parse_training_config
from revideo.training.initial_weights import latent_std, model_config, write_start
from revideo.training.loop import example_indices, learning_rate, samples, train
from revideo.training.pieces import SPARE_SECONDS, Paused, Piece
from revideo.training.state import TrainingProgress, average_of, averaged, check_same_settings, phase_settings

ROOT = Path(__file__).parents[3]
WAIT = "wait for its end, or name another folder"  # as revideo.files.locked says


def toml(values: dict) -> str:
    """A training file; JSON is TOML's spelling of values, texts and lists."""
    lines, tables = [], []
    for name, value in values.items():
        if name == "phases":
            tables += [f"[[phases]]\n{toml(phase)}" for phase in value]
        elif isinstance(value, dict):
            inner = ", ".join(f"{key} = {inline(each)}" for key, each in value.items())
            lines.append(f"{name} = {{ {inner} }}")
        else:
            lines.append(f"{name} = {json.dumps(value)}")
    return "\n".join(lines + tables) + "\n"


def inline(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {inline(each)}" for key, each in value.items()) + " }"
    return json.dumps(value)


def write_config(path: Path, values: dict) -> Path:
    path.write_text(toml(values))
    return path


def curve(output: Path) -> list[dict]:
    """The log without its times."""
    lines = (output / "log.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "seconds_per_step"} for line in lines]


def start(config: Path) -> multiprocessing.process.BaseProcess:
    """`revideo train CONFIG --resume` in a process of its own; a server imports torch once for all of them."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["revideo.training.loop"])
    process = context.Process(target=main, args=(["train", str(config), "--resume"],))
    process.start()
    return process


# --- What a stage changes ------------------------------------------------------------------


STEPS = dict.fromkeys(STAGES, 2) | {"joint": 4}  # from nothing, SAFM's zeros open one after another


@pytest.fixture(scope="module")
def trained(tmp_path_factory, tiny_training_values, device):
    """A run of all stages with a sheet of samples; its folder."""
    folder = tmp_path_factory.mktemp("all")
    run = {"log_every": 1, "checkpoint_every": 2, "sample_every": 2, "sample_clips": 1, "sample_steps": 2}
    values = tiny_training_values(
        *({"stage": name, "steps": STEPS[name], "optimizer": {"ema": 0.5, "eps": 1e-20}} for name in STAGES),
        output=str(folder / "out"),
        run=run | {"torch_threads": 1, "device": "cpu" if device.type == "cpu" else ""},
    )
    train(parse_training_config(values))
    return folder / "out"


@pytest.mark.device
@pytest.mark.slow
@pytest.mark.parametrize("number, name", list(enumerate(STAGES, 1)))
def test_a_stage_changes_exactly_its_weights(trained, number, name):
    """The rest is bit-identical before and after; every trained tensor moves."""
    order = ["0-start", *(f"{place}-{stage}" for place, stage in enumerate(STAGES, 1))]
    before, after = (open_checkpoint(trained / f"{order[place]}.safetensors") for place in (number - 1, number))
    changed = {name for name, tensor in after.weights.items() if not torch.equal(tensor, before.weights[name])}
    expected = set(STAGES[name].parameters(after.parts))
    # Cross-attention over one token: query, key and the norm before them have no effect and so no gradient.
    idle = {name for name in expected if any(part in name for part in (".attn2.to_q.", ".attn2.to_k.", ".norm2."))}
    assert changed <= expected
    assert expected - changed <= idle


def test_deblocking_trains_temporal_keys_and_values_and_the_weighing(trained):
    names = DEBLOCK.parameters(build_parts(open_checkpoint(trained / "0-start.safetensors").config))
    weighing = {name for name in names if name.startswith("controlnet.safm.weight_encoder.")}
    rest = names.keys() - weighing
    assert len(weighing) == 2 * (1 + 6 + 1)  # weight and bias of the first, the three pairs, and the last convolution
    assert all("temporal_transformer_blocks.0.attn1.to_" in name for name in rest)
    # Tiny: one transformer down, one in the middle; the UNet two more up.
    assert sorted(name.split(".")[0] for name in rest) == ["controlnet"] * 4 + ["unet"] * 8


@pytest.mark.device
@pytest.mark.slow
def test_each_stage_leaves_a_model_that_edits(trained, device):
    for number, name in enumerate(STAGES, 1):
        model = revideo.load(trained / f"{number}-{name}.safetensors", dtype=torch.float32, device=device)
        assert model.config.unet.num_frames == 3
    conditions = revideo.Conditions(
        torch.zeros(3, 32, 32), torch.zeros(3, 3, 32, 32), torch.zeros(3, 2, 32, 32), torch.ones(3, 1, 32, 32)
    )
    assert model.decode(model.sample(conditions, revideo.SamplerOptions(steps=2))).shape == (3, 3, 32, 32)


@pytest.mark.device
def test_each_stage_leaves_a_log_and_a_sheet(trained):
    assert [(line["phase"], line["step"]) for line in curve(trained)] == [
        (f"{number}-{name}", step) for number, name in enumerate(STAGES, 1) for step in range(1, STEPS[name] + 1)
    ]
    for line in curve(trained):
        assert line["loss"] > 0 and line["gradient_norm"] > 0
    assert {path.name for path in (trained / "samples").iterdir()} == {
        f"{number}-{name}-{step:06d}.png"
        for number, name in enumerate(STAGES, 1)
        for step in range(2, STEPS[name] + 1, 2)
    }
    assert not (trained / "state.pt").exists()


def test_a_new_autoencoders_latents_have_unit_variance(trained, training_values):
    config = parse_training_config(training_values({"stage": "autoencoder"}))
    model = revideo.load(trained / "1-autoencoder.safetensors", device="cpu")
    make = samples(config, config.phases[0], model.config)
    frames = torch.cat([make(number)["video"] for number in range(8)])
    assert latent_std(model.vae, frames) == pytest.approx(1, abs=0.02)


# --- At the released size ------------------------------------------------------------------


def test_the_released_size_trains_what_the_paper_says():
    """Counted from the paper's description: a copy of SVD's encoder and middle, its 1×1 convolutions and SAFM;
    then W_k and W_v of temporal self-attention in both, and H."""
    parts = build_parts(ModelConfig())
    count = {name: sum(w.numel() for w in stage.parameters(parts).values()) for name, stage in STAGES.items()}

    widths, context = [320, 640, 1280, 1280], (16, 32, 96, 256)

    def convolution(inputs: int, outputs: int, size: int = 9) -> int:
        return inputs * outputs * size + outputs

    def encoder(channels: int) -> int:
        inner = sum(convolution(a, a) + convolution(a, b) for a, b in pairwise(context))
        return convolution(channels, context[0]) + inner + convolution(context[-1], 320)

    safm = encoder(2) + encoder(3) + encoder(2) + convolution(320, 320)
    skips = [320, *(width for width in widths for _ in range(2)), 320, 640, 1280]
    projections = sum(convolution(width, width, 1) for width in [*skips, 1280])
    shared = sum(
        weight.numel()
        for name, weight in parts["unet"].named_parameters()
        if not name.startswith(("up_blocks", "conv_norm_out", "conv_out"))
    )
    assert count["motion"] == count["decouple"] == shared + projections + safm == 685_116_129
    down, up = [320, 320, 640, 640, 1280, 1280], [1280] * 3 + [640] * 3 + [320] * 3
    keys_and_values = sum(2 * width**2 for width in [*down, 1280, *down, 1280, *up])
    assert count["deblock"] == keys_and_values + encoder(2) == 37_745_536
    assert count["base"] == 1_524_623_082
    assert count["joint"] == count["base"] + count["motion"]


# --- Interrupted ---------------------------------------------------------------------------


@pytest.mark.slow
def test_a_killed_run_goes_on_as_if_nothing_had_happened(training_values, tmp_path):
    """SIGKILL in the middle of each of the paper's stages: the same losses, bit for bit, and the same model."""
    phases = [{"stage": stage, "steps": 4} for stage in ("motion", "decouple", "deblock")]
    run = {"log_every": 1, "checkpoint_every": 2, "torch_threads": 1, "device": "cpu", "threads": 1}
    whole = training_values(*phases, run=run)
    killed = whole | {"output": str(tmp_path / "killed")}
    result = train(parse_training_config(whole))
    config, log = write_config(tmp_path / "killed.toml", killed), tmp_path / "killed/log.jsonl"
    for stage in (1, 2, 3):
        process = start(config)
        wanted = f'"phase": "{stage}-{phases[stage - 1]["stage"]}", "step": 3'
        while not (log.exists() and wanted in log.read_text()):
            assert process.is_alive(), "it ended before it could be killed"
            time.sleep(0.01)
        process.kill()
        process.join()
    (tmp_path / "killed/.state-half.pt").write_bytes(b"a checkpoint that was being written")
    last = start(config)
    last.join()
    assert last.exitcode == 0
    assert len(curve(tmp_path / "killed")) == 12
    assert curve(tmp_path / "killed") == curve(tmp_path / "out")
    assert not list((tmp_path / "killed").glob(".state-*"))
    one, other = load_file(result), load_file(tmp_path / "killed" / result.name)
    assert all(torch.equal(one[name], other[name]) for name in one)


class CutAfter(Piece):
    """Over when it has been asked so often: before that step."""

    def __init__(self, asked: int) -> None:
        super().__init__()
        self.left = asked

    def over(self, checkpoint_bytes: int = 0) -> bool:
        self.left -= 1
        return self.left < 0


@pytest.mark.slow
def test_a_run_cut_into_pieces_equals_a_whole_one(training_values, tmp_path):
    """Cut before the first step, within a phase, between two lines of the log, and where a phase ends."""
    phases = [{"stage": "motion", "steps": 5}, {"stage": "deblock", "steps": 3}]
    whole = training_values(*phases, run={"log_every": 2, "checkpoint_every": 100, "torch_threads": 1, "device": "cpu"})
    result = train(parse_training_config(whole))
    pieces = parse_training_config(whole | {"output": str(tmp_path / "pieces")})
    for steps, reached in ((0, "1-motion after step 0"), (1, "1-motion after step 1"), (2, "1-motion after step 3")):
        with pytest.raises(Paused, match=f"phase {reached} of 5"):
            train(pieces, resume=True, piece=CutAfter(steps))
    with pytest.raises(Paused, match="phase 2-deblock after step 0 of 3"):
        train(pieces, resume=True, piece=CutAfter(2))
    assert (tmp_path / "pieces/1-motion.safetensors").exists()
    assert train(pieces, resume=True, piece=CutAfter(3)).name == result.name
    assert curve(tmp_path / "pieces") == curve(tmp_path / "out")
    one, other = load_file(result), load_file(tmp_path / "pieces" / result.name)
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.slow
def test_the_command_pauses_when_its_minutes_are_over_and_on_ctrl_c(training_values, tmp_path, capsys, monkeypatch):
    """The time has long passed when it starts; then a signal comes in the second step."""
    values = training_values({"stage": "motion", "steps": 3})
    config = str(write_config(tmp_path / "pieces.toml", values))
    assert main(["train", config, "--minutes", "0.001"]) == 0
    assert "paused in phase 1-motion after step 0 of 3: saved; the same command with --resume goes on" in (
        capsys.readouterr().out
    )
    step = EMAModel.step

    def interrupted(average, weights):
        step(average, weights)
        if average.optimization_step == 2:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(EMAModel, "step", interrupted)
    handler = signal.getsignal(signal.SIGINT)
    assert main(["train", config, "--resume"]) == 130
    assert "after step 2 of 3" in capsys.readouterr().out
    assert signal.getsignal(signal.SIGINT) is handler
    assert main(["train", config, "--resume", "--minutes", "60"]) == 0
    assert capsys.readouterr().out.strip().endswith("1-motion.safetensors")
    assert main(["train", config, "--minutes", "0"]) == 2


def test_a_piece_is_over_before_its_longest_step_would_leave_no_time_to_save(monkeypatch):
    clock = iter([100.0, 101.0, 131.0, 132.0, 140.0])
    monkeypatch.setattr("revideo.training.pieces.time.monotonic", lambda: next(clock))
    piece = Piece(until=132.5 + 30 + SPARE_SECONDS)
    piece.begin_phase()
    assert [piece.over() for _ in range(4)] == [False] * 4  # the longest step took 30 s
    assert piece.over()


@pytest.fixture(scope="module")
def stopped(tiny_training_values, tmp_path_factory):
    """A run that ended after step 4 with its last checkpoint at step 2; its values."""
    values = tiny_training_values(
        {"stage": "motion", "steps": 4}, output=str(tmp_path_factory.mktemp("stopped") / "out")
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("revideo.training.loop.save_result", lambda *_: (_ for _ in ()).throw(RuntimeError("stopped")))
        patch.setattr("revideo.training.state.TrainingProgress.save", stop_saving_after(2))
        with pytest.raises(RuntimeError, match="stopped"):
            train(parse_training_config(values))
    return values


@pytest.fixture
def halfway(stopped, tmp_path):
    """A copy of that run."""
    shutil.copytree(stopped["output"], tmp_path / "out")
    return stopped | {"output": str(tmp_path / "out")}


def stop_saving_after(last: int):
    save = TrainingProgress.save
    return lambda self: save(self) if self.step <= last else None


@pytest.mark.slow
def test_resuming_forgets_what_the_log_says_after_the_checkpoint(halfway):
    output = Path(halfway["output"])
    assert [line["step"] for line in curve(output)] == [1, 2, 3, 4]
    before = curve(output)
    with (output / "log.jsonl").open("a") as file:
        file.write('{"phase": "1-motion", "st')  # killed while writing
    train(parse_training_config(halfway), resume=True)
    assert curve(output) == before


@pytest.mark.parametrize("left", ["0-start.safetensors", "state.pt"])
def test_what_is_left_of_a_training_is_not_begun_upon(halfway, left):
    for file in Path(halfway["output"]).iterdir():
        if file.is_file() and file.name != left:
            file.unlink()
    with pytest.raises(FileExistsError, match="already holds a training"):
        train(parse_training_config(halfway))


def test_two_runs_in_one_folder_are_one_too_many(halfway, tmp_path, capsys):
    """The first holds the folder from before its model is made to its end; the second touches nothing."""
    output = Path(halfway["output"])
    before = {file.name: file.read_bytes() for file in output.iterdir() if file.is_file()}
    config = write_config(tmp_path / "two.toml", halfway)
    with locked(output / LOCK_FILE, "it"):
        assert main(["train", str(config), "--resume"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"revideo: error: the output folder {output} is in use by another run: {WAIT}"
    after = {file.name: file.read_bytes() for file in output.iterdir() if file.is_file()}
    assert after == before


@pytest.mark.slow
def test_a_run_holds_its_folder_as_long_as_it_trains(training_values, tmp_path, capsys):
    """Against another process, which has it when the first was killed."""
    values = training_values({"stage": "motion", "steps": 10**6}, run={"log_every": 1, "device": "cpu"})
    config = write_config(tmp_path / "long.toml", values)
    first = start(config)
    log = tmp_path / "out/log.jsonl"
    while not log.exists():
        assert first.is_alive(), "it ended before it trained"
        time.sleep(0.01)
    assert main(["train", str(config), "--resume"]) == 2
    assert first.is_alive() and "is in use by another run" in capsys.readouterr().err
    first.kill()
    first.join()
    with locked(tmp_path / "out" / LOCK_FILE, "it"):
        pass


def spoil(file: Path, how: str) -> None:
    """A model file as something else left it: `bit` in its last weights."""
    content = file.read_bytes() if file.exists() else b""
    whole = {"empty": b"", "text": b"no model", "half": content[: len(content) // 2], "zeros": bytes(len(content))}
    file.write_bytes(whole.get(how, content[:-9] + bytes([content[-9] ^ 64]) + content[-8:]))


@pytest.mark.parametrize("how", ["empty", "text", "half", "zeros", "bit"])
def test_a_start_that_is_damaged_is_not_gone_on_from(halfway, how):
    spoil(Path(halfway["output"]) / "0-start.safetensors", how)
    with pytest.raises((CheckpointError, OSError), match=r"0-start\.safetensors.* put a copy back"):
        train(parse_training_config(halfway), resume=True)


@pytest.mark.parametrize("how", ["empty", "text", "half"])
def test_a_damaged_result_is_not_taken_for_a_phase_that_is_done(halfway, how):
    output = Path(halfway["output"])
    shutil.copy(output / "0-start.safetensors", output / "1-motion.safetensors")
    spoil(output / "1-motion.safetensors", how)
    with pytest.raises(CheckpointError, match=r"1-motion\.safetensors .* put a copy back, or delete it"):
        train(parse_training_config(halfway), resume=True)


@pytest.mark.parametrize("name", ["0-start", "1-motion"])
def test_another_models_file_is_not_gone_on_from(halfway, training_values, name):
    sizes = training_values()["model"]
    sizes["unet"] |= {"context_dim": 64}
    sizes["image_encoder"] |= {"embed_dim": 64}
    other = parse_training_config(training_values(model=sizes)).model.sizes
    file = Path(halfway["output"]) / f"{name}.safetensors"
    write_random_checkpoint(file, other)
    file.with_name(f"{file.name}.sha256").unlink(missing_ok=True)
    with pytest.raises(CheckpointError, match=rf"{name}\.safetensors is of another model than \[model\] describes"):
        train(parse_training_config(halfway), resume=True)


def test_a_folder_that_cannot_be_made_is_named_before_the_model(training_values, tmp_path, monkeypatch, capsys):
    """Nothing below a file, no name of 300 characters."""
    monkeypatch.setattr("revideo.training.loop.with_checksum", lambda *_: pytest.fail("a model was made"))
    (tmp_path / "FILE").touch()
    for output in ("FILE/out", "x" * 300):
        config = write_config(tmp_path / "nowhere.toml", training_values() | {"output": output})
        assert main(["train", str(config)]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert output in line


def test_a_result_that_is_no_number_is_not_written(training_values, monkeypatch):
    """The last step's own weights: no loss will tell of them."""
    monkeypatch.setattr("revideo.training.loop.save_result", lambda *_: pytest.fail("it was written"))
    step = EMAModel.step

    def diverging(average, weights):
        step(average, weights)
        next(iter(weights)).data.fill_(float("inf"))

    monkeypatch.setattr(EMAModel, "step", diverging)
    values = training_values({"stage": "motion", "steps": 1}, run={"checkpoint_every": 9, "device": "cpu"})
    with pytest.raises(FloatingPointError, match="a weight is no longer finite near step 1"):
        train(parse_training_config(values))


def test_a_run_is_not_begun_twice(halfway):
    with pytest.raises(FileExistsError, match="already holds a training"):
        train(parse_training_config(halfway))


@pytest.mark.slow
@pytest.mark.parametrize(
    "table, change, message",
    [
        (
            "optimizer",
            {"lr": 2e-3, "warmup": 2},
            r'began with "optimizer\.lr" = 0\.001, so it cannot go on with 0\.002',
        ),
        ("seed", 1, r'began with "seed" = 0'),
        ("area", {"min_px": 8}, r'began with "area\.max_share" = 0\.8'),
    ],
)
def test_a_resumed_run_must_be_the_one_that_began(halfway, table, change, message):
    with pytest.raises(TrainingConfigError, match=message):
        train(parse_training_config(halfway | {table: change}), resume=True)


def test_runs_begun_by_an_earlier_version_go_on():
    """Recorded: a training file, and what the checkpoint of each of its phases said of the settings."""
    recorded = json.loads((ROOT / "tests/data/training_settings.json").read_text("utf-8"))
    config = parse_training_config(recorded["file"])
    for phase, settings in zip(config.phases, recorded["phases"], strict=True):
        if phase.data.kind == "synthetic":  # the same seeds draw other clips now
            with pytest.raises(TrainingConfigError, match=r'began with "data.version" = None, .* with 2'):
                check_same_settings(json.dumps(settings), phase_settings(config, phase), phase.name)
            settings["data"]["version"] = 2
        check_same_settings(json.dumps(settings), phase_settings(config, phase), phase.name)


def test_a_withdrawn_key_stops_a_run_only_where_it_did_something(training_values):
    (phase,) = (config := parse_training_config(training_values())).phases
    now = phase_settings(config, phase)
    for weighing, refused in ((1.0, False), (5.0, True)):
        then = json.loads(now)
        then["optimizer"]["weighing"] = weighing
        with pytest.raises(TrainingConfigError, match=r'"optimizer\.weighing" = 5\.0') if refused else nullcontext():
            check_same_settings(json.dumps(then), now, phase.name)


def test_a_checkpoint_in_the_recorded_form_is_restored(training_values, tmp_path):
    """The keys of state.pt, which no version may rename."""
    (phase,) = parse_training_config(training_values({"stage": "motion", "steps": 8})).phases
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.AdamW([weight])
    weight.grad = torch.ones(3)
    optimizer.step()
    state = {
        "phase": phase.name,
        "settings": "{}",
        "step": 7,
        "losses": [0.5],
        "weights": {"unet.weight": torch.full((3,), 2.0)},
        "averages": {"unet.weight": torch.full((3,), 1.5)},
        "optimizer": optimizer.state_dict(),
        "scaler": {},
    }
    torch.save(state, tmp_path / "state.pt")
    trained = {"unet.weight": torch.nn.Parameter(torch.zeros(3))}
    average = average_of(trained, decay=0.9)
    fresh = torch.optim.AdamW(trained.values())
    progress = TrainingProgress(tmp_path / "state.pt", phase, "{}", trained, average, fresh)
    progress.restore()
    assert (progress.step, average.optimization_step) == (7, 7)
    assert progress.losses == [torch.tensor(0.5)]
    assert torch.equal(trained["unet.weight"].data, torch.full((3,), 2.0))
    assert torch.equal(average.shadow_params[0], torch.full((3,), 1.5))
    assert fresh.state_dict()["state"][0]["step"] == 1
    average.step(trained.values())
    assert_close(average.shadow_params[0], torch.full((3,), 1.5 + 9 / 18 * 0.5))  # decay (1 + 8)/(10 + 8) at step 8


def test_how_it_runs_may_change(halfway):
    train(parse_training_config(halfway | {"run": halfway["run"] | {"clips_at_once": 1, "threads": 1}}), resume=True)


def test_a_damaged_checkpoint_is_named(halfway):
    (Path(halfway["output"]) / "state.pt").write_bytes(b"nothing")
    with pytest.raises(OSError, match=r"state\.pt is no checkpoint of a training"):
        train(parse_training_config(halfway), resume=True)


@pytest.mark.slow
def test_a_training_that_diverges_stops_and_keeps_its_checkpoint(training_values, capsys):
    values = training_values({"stage": "joint", "steps": 30}, optimizer={"lr": 1.0, "warmup": 0, "clip_norm": 0.0})
    values["run"]["checkpoint_every"] = 2
    config = write_config(Path(values["output"]).with_name("wild.toml"), values)
    assert main(["train", str(config)]) == 2
    assert "the loss is no longer finite near step" in capsys.readouterr().err


# --- Several processes, several passes -----------------------------------------------------


@pytest.mark.slow
def test_two_processes_give_the_gradients_of_one(training_values, tmp_path):
    """One Adam step of size 1 with eps 1 moves a weight by g/(|g| + 1): the step tells the gradient.

    Through the documented command, so this also shows that it works.
    """
    values = training_values(
        {"stage": "joint", "steps": 1},
        optimizer={"lr": 1.0, "eps": 1.0, "warmup": 0, "clip_norm": 0.0, "ema": 0.0},
    )
    train(parse_training_config(values))
    config = write_config(tmp_path / "two.toml", values | {"output": str(tmp_path / "two")})
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    launch += ["-m", "revideo", "train", str(config)]
    done = subprocess.run(launch, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]

    def gradients(output: Path) -> dict[str, torch.Tensor]:
        before, after = load_file(output / "0-start.safetensors"), load_file(output / "1-joint.safetensors")
        steps = {name: (before[name].double() - after[name].double()) for name in after}
        return {name: step / (1 - step.abs()) for name, step in steps.items()}

    one, two = gradients(tmp_path / "out"), gradients(tmp_path / "two")
    assert max(gradient.abs().max() for gradient in one.values()) > 0.01
    for name in one:
        assert_close(two[name], one[name], atol=3e-6, rtol=1e-5)
    (alone,), (together,) = curve(tmp_path / "out"), curve(tmp_path / "two")
    assert together["loss"] == pytest.approx(alone["loss"], rel=1e-6)
    assert (alone["processes"], together["processes"]) == (1, 2)


@pytest.mark.slow
def test_passes_add_up_to_the_batch(training_values):
    """And checkpointing of activations, which computes the same twice, changes nothing."""
    losses = []
    for number, run in enumerate(({}, {"clips_at_once": 1}, {"gradient_checkpointing": True})):
        values = training_values({"stage": "decouple", "steps": 1, "batch": 2})
        values["run"] |= run
        values["output"] += str(number)
        train(parse_training_config(values))
        losses.append([(line["loss"], line["gradient_norm"]) for line in curve(Path(values["output"]))])
    assert_close(torch.tensor(losses[1]), torch.tensor(losses[0]), rtol=1e-4, atol=1e-6)
    assert_close(torch.tensor(losses[2]), torch.tensor(losses[0]), rtol=1e-5, atol=1e-7)


@pytest.mark.slow
def test_half_precision_trains_and_leaves_the_rest_bit_identical(training_values, tmp_path):
    """In a process of its own, because accelerate fixes the precision for a process."""
    values = training_values({"stage": "deblock"})
    values["run"] |= {"mixed_precision": "bf16", "frozen": "bf16", "gradient_checkpointing": True, "sample_every": 2}
    values["run"] |= {"sample_clips": 1, "sample_steps": 2}
    process = start(write_config(tmp_path / "half.toml", values))
    process.join()
    assert process.exitcode == 0
    before, after = (load_file(tmp_path / "out" / f"{name}.safetensors") for name in ("0-start", "1-deblock"))
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    assert 0 < len(changed) < 40
    assert all(tensor.dtype == torch.float32 for tensor in after.values())
    assert all(line["loss"] > 0 for line in curve(tmp_path / "out"))


@pytest.mark.parametrize("processes, at_once", [(1, 0), (2, 0), (2, 3), (3, 2)])
def test_processes_share_each_batch_and_resuming_goes_on(training_values, processes, at_once):
    values = training_values({"stage": "motion", "steps": 5, "batch": 12}, run={"clips_at_once": at_once})
    phase = parse_training_config(values).phases[0]
    parts = [list(example_indices(phase, 2, process, processes)) for process in range(processes)]
    passes = len(parts[0]) // 3  # steps 3, 4, 5
    for step in range(3):
        indices = [n for part in parts for batch in part[step * passes : (step + 1) * passes] for n in batch]
        assert sorted(indices) == list(range(12 * (step + 2), 12 * (step + 3)))


def test_the_rate_rises_holds_and_falls():
    settings = OptimizerConfig(lr=0.2, warmup=10, decay=0.5)
    rates = [learning_rate(settings, step, 100) for step in range(1, 101)]
    assert rates[0] == pytest.approx(0.02) and rates[9] == rates[30] == rates[50] == 0.2
    assert rates[75] == pytest.approx(0.1) and rates[99] == pytest.approx(0.004)
    level = OptimizerConfig(lr=0.2, warmup=0)
    assert [learning_rate(level, step, 100) for step in (1, 100)] == [0.2, 0.2]


def test_averages_follow_the_weights_and_stand_in_for_them():
    weight = torch.nn.Parameter(torch.zeros(3))
    trained = {"weight": weight}
    average, expected = average_of(trained, decay=0.9), 0.0
    for step in range(1, 200):
        weight.data.fill_(step)
        average.step([weight])
        decay = min(0.9, (1 + step) / (10 + step))  # the first steps are forgotten sooner
        expected = decay * expected + (1 - decay) * step
    with averaged(trained, average):
        assert_close(weight.data, torch.full((3,), expected))
    assert torch.equal(weight.data, torch.full((3,), 199.0))
    with averaged(trained, average_of(trained, decay=0.0)):
        assert torch.equal(weight.data, torch.full((3,), 199.0))


@pytest.mark.parametrize("package", ["accelerate", "pydantic"])
def test_without_a_package_the_command_says_what_to_install(training_values, tmp_path, monkeypatch, capsys, package):
    find = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == package else find(name))
    assert main(["train", str(write_config(tmp_path / "config.toml", training_values()))]) == 2
    assert f"training needs {package}: pip install {package}" in capsys.readouterr().err


# --- Where it starts -----------------------------------------------------------------------


@pytest.fixture
def whole(training_values, tmp_path):
    """A tiny checkpoint with random weights."""
    file = tmp_path / "whole.safetensors"
    write_random_checkpoint(file, parse_training_config(training_values()).model.sizes)
    return file


@pytest.fixture
def svd(whole):
    """The same without ControlNet, as Stability AI's file is."""
    file = whole.with_name("svd.safetensors")
    weights = {name: tensor for name, tensor in load_file(whole).items() if not name.startswith(CONTROL)}
    save_file(weights, file, {"revideo_config": read_config(whole).to_json()})
    return file


@pytest.mark.slow
def test_from_svd_the_controlnet_begins_as_a_copy_that_changes_nothing(svd, tmp_path):
    write_start(ModelSource(svd=str(svd)), tmp_path / "start.safetensors", seed=0)
    begun = revideo.load(tmp_path / "start.safetensors", device="cpu")
    original = load_file(svd)
    for name, tensor in load_file(tmp_path / "start.safetensors").items():
        if not name.startswith(CONTROL):
            assert torch.equal(tensor, original[name].float())
    unet = begun.unet.state_dict()
    copied = [name for name in begun.controlnet.state_dict() if name in unet]
    assert len(copied) > 100
    assert all(torch.equal(begun.controlnet.state_dict()[name], unet[name]) for name in copied)
    for projection in (*begun.controlnet.down_projections, begun.controlnet.mid_projection):
        assert not projection.weight.any() and not projection.bias.any()


@pytest.mark.slow
def test_a_controlnet_of_another_kind_joins_plain_svd(svd, tmp_path):
    """Ablations at full scale begin as the paper's model does; both branches are copies of SVD's encoder."""
    source = ModelSource(svd=str(svd), control={"fusion": "sum", "branches": 2})
    write_start(source, tmp_path / "start.safetensors", seed=0)
    begun = revideo.load(tmp_path / "start.safetensors", device="cpu")
    assert begun.config == model_config(source) != read_config(svd)
    assert (begun.config.control.fusion, begun.config.control.branches) == ("sum", 2)
    unet = begun.unet.state_dict()
    for branch in begun.controlnet.control_branches:
        copied = [name for name in branch.state_dict() if name in unet]
        assert len(copied) > 100 and all(torch.equal(branch.state_dict()[name], unet[name]) for name in copied)
    with pytest.raises(ValueError, match=r"its sizes come from path: leave out \[model.control\]"):
        ModelSource(path=str(svd), control={"fusion": "sum"})
    with pytest.raises(ValueError, match=r"its sizes come from svd: leave out \[model.unet\]"):
        ModelSource(svd=str(svd), unet={"num_frames": 8}, control={"fusion": "sum"})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda weight: weight.to(torch.int8), "in a precision that is not read"),
        (lambda weight: weight * torch.nan, "has values that are not finite"),
        (lambda weight: weight[:1].clone(), "of another shape"),
        (lambda weight: weight.sum(), "of another shape"),
    ],
    ids=["int8", "NaN", "shape", "number"],
)
def test_no_training_begins_from_a_spoiled_svd(svd, tmp_path, spoil, message):
    weights = load_file(svd)
    name = next(name for name in weights if name.endswith("time_embed.0.weight"))
    with safe_open(svd, "pt") as file:
        save_file(weights | {name: spoil(weights[name])}, tmp_path / "svd.safetensors", file.metadata())
    with pytest.raises(ValueError, match=f"svd.safetensors.*{message}"):
        write_start(ModelSource(svd=str(tmp_path / "svd.safetensors")), tmp_path / "start.safetensors", seed=0)
    assert not (tmp_path / "start.safetensors").exists()


def test_from_a_checkpoint_or_a_control_file_with_svd_weights_are_kept(whole, tmp_path):
    convert(whole, tmp_path / "control.safetensors", target_svd=tmp_path / "svd.safetensors")
    write_start(ModelSource(path=str(whole)), tmp_path / "one.safetensors", 0)
    parted = ModelSource(path=str(tmp_path / "control.safetensors"), svd=str(tmp_path / "svd.safetensors"))
    write_start(parted, tmp_path / "two.safetensors", 0)
    expected = load_file(whole)
    for file in ("one", "two"):
        weights = load_file(tmp_path / f"{file}.safetensors")
        assert all(torch.equal(weights[name], expected[name].float()) for name in weights)


@pytest.mark.slow
def test_from_nothing_the_seed_decides(training_values, tmp_path):
    source = parse_training_config(training_values()).model
    for name, seed in (("one", 0), ("two", 0), ("three", 1)):
        write_start(source, tmp_path / f"{name}.safetensors", seed)
    one, two, three = (load_file(tmp_path / f"{name}.safetensors") for name in ("one", "two", "three"))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert any(not torch.equal(one[name], three[name]) for name in one)
    assert (one[f"{CONTROL}controlnet_mid_block.0.weight"] != 0).any()  # control_gain


# --- Real files ----------------------------------------------------------------------------


@pytest.mark.slow
def test_real_files_train_each_stage_through_the_tracker(clips, training_values, tmp_path, capsys):
    folder = tmp_path / "videos"
    folder.mkdir()
    for name in ("bikes.mp4", "bigbuckbunny.mp4", "carphone_pristine.mp4"):
        (folder / name).symlink_to(clips / name)
    (folder / "empty.mp4").touch()
    (folder / "broken.mp4").write_bytes((clips / "bikes.mp4").read_bytes()[:30_000])
    size = {"steps": 1, "width": 64, "height": 48, "frames": 4}
    values = training_values(
        *(size | {"stage": stage} for stage in ("motion", "decouple", "deblock")),
        data={"kind": "folder", "folder": str(folder), "stride": 3, "still_px": 0.1},
        trajectories={"grid_px": 16},
    )
    train(parse_training_config(values))
    assert [line["step"] for line in curve(tmp_path / "out")] == [1] * 3
    assert len(list((tmp_path / "out/tracks").rglob("*.safetensors"))) >= 3
    skipped = [line for line in capsys.readouterr().err.splitlines() if "skipping" in line]
    assert sum("empty.mp4" in line for line in skipped) == sum("broken.mp4" in line for line in skipped) == 1


@pytest.mark.slow
def test_fixed_latents_are_what_all_stages_use(training_values, tmp_path):
    """The autoencoder learns to give them, and the denoiser's targets are theirs before it does."""
    values = training_values(
        {"stage": "autoencoder", "steps": 8, "batch": 2, "frames": 1, "train_only": [r"vae\.(?!.*(temporal|time_)).*"]},
        {"stage": "joint", "steps": 1},
        autoencoder={"fixed_latents": True, "kl": 0.0},
        optimizer={"lr": 3e-3, "warmup": 1, "ema": 0.0},
    )
    train(parse_training_config(values))
    losses = [line["loss"] for line in curve(tmp_path / "out")]
    assert sum(losses[5:8]) < 0.8 * sum(losses[:3])
    before, after = (load_file(tmp_path / "out" / f"{name}.safetensors") for name in ("0-start", "1-autoencoder"))
    changed = [name for name in after if not torch.equal(after[name], before[name])]
    assert changed
    assert not any("time_" in name for name in changed)

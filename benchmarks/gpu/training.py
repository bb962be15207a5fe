"""A training on a card, piece by piece: `--train FILE` of `nox -s gpu`, over what `revideo train` runs.

python -m benchmarks.gpu.environment --wheels FOLDER --train training/tiny.toml --minutes 8 --output FOLDER

The run lies in a folder that stays between calls (`--run`); each call goes on with it and leaves in the
output folder what may be carried away: the log, a sheet of samples, the newest model in shards.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from revideo.checkpoints.reading import load_parts, open_checkpoint
from revideo.checkpoints.writing import convert, save_checkpoint
from revideo.models.config import ModelConfig
from revideo.training.config import Phase, TrainingConfig
from revideo.training.config_file import read_training_config
from revideo.training.examples import ExampleMaker, prefetch
from revideo.training.families import make_source
from revideo.training.initial_weights import from_nothing
from revideo.training.loop import make_accelerator, make_optimizer, optimize, samples
from revideo.training.loop import train as train_phases
from revideo.training.networks import TrainedNetworks
from revideo.training.pieces import Paused, Piece
from revideo.training.samples import write_sheet
from revideo.training.state import STATE, read_state

from ..common import ROOT

SHARD_MB = 15
RESULTS_SECONDS = 45  # for what is written behind the last step
BATCHES = (8, 32, 128)
COMPILED = (False, True)
WARM_UP, MEASURED = 3, 10  # steps


def main(arguments: Sequence[str] | None = None) -> int:
    """Trains or, with `--profile`, measures steps; 0 also where the training is not at its end."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu.training", description=__doc__.splitlines()[0])
    parser.add_argument("--train", type=Path, required=True, metavar="FILE", help="the training's TOML file")
    parser.add_argument("--minutes", type=float, default=8.0, help="of the whole call (%(default)s)")
    parser.add_argument("--spent", type=float, default=0.0, metavar="SECONDS", help="of them before this program began")
    parser.add_argument("--run", type=Path, metavar="FOLDER", help="of the run (revideo-<name> of temporary files)")
    parser.add_argument("--output", type=Path, default=ROOT / "runs/gpu", help="folder of the results (runs/gpu)")
    parser.add_argument("--device", default="cuda", help="cpu: a rehearsal (%(default)s)")
    parser.add_argument("--compile", action="store_true", help="compile the loss")
    parser.add_argument("--profile", action="store_true", help="no training: steps and clips a second by batch size")
    parser.add_argument("--batches", type=int, nargs="+", default=BATCHES, help="of the profile")
    given = parser.parse_args(arguments)
    if given.device != "cpu" and not torch.cuda.is_available():
        parser.error("torch finds no CUDA here: run on a machine with a card, or give --device cpu for a rehearsal")
    until = time.monotonic() - given.spent + 60 * given.minutes
    given.output.mkdir(parents=True, exist_ok=True)
    config = on_device(read_training_config(given.train), given.device == "cpu", given.compile)
    if given.profile:
        rows = []
        for row in profile(config, given.batches, until):
            print(json.dumps(row), flush=True)
            rows.append(row)
            (given.output / "profile.json").write_text(json.dumps(rows, indent=2), "utf-8")
        return 0
    run = given.run or Path(tempfile.gettempdir()) / f"revideo-{given.train.stem}"
    config = config.model_copy(update={"output": str(run)})
    try:
        print(train_phases(config, resume=True, piece=Piece(until - RESULTS_SECONDS)))
    except Paused as paused:
        print(f"{paused}: saved; the same call goes on")
    write_results(config, given.output)
    return 0


def on_device(config: TrainingConfig, cpu: bool, compiled: bool) -> TrainingConfig:
    """What `[run]` says, but for the machine: all cores make clips for a card."""
    changes: dict[str, Any] = {"compile": compiled}
    changes |= {"device": "cpu"} if cpu else {"device": "", "threads": os.cpu_count() or 1}
    phases = [phase.model_copy(update={"run": phase.run.model_copy(update=changes)}) for phase in config.phases]
    return config.model_copy(update={"phases": phases})


def write_results(config: TrainingConfig, output: Path) -> None:
    """The log, a sheet, and the newest model in shards: a phase's, or the averages of the phase that runs."""
    run = Path(config.output)
    done = [phase for phase in config.phases if (run / f"{phase.name}.safetensors").exists()]
    checkpoint = open_checkpoint(run / (f"{done[-1].name}.safetensors" if done else config.files[0]))
    phase, step = (done[-1], done[-1].steps) if done else (config.phases[0], 0)
    state = read_state(run / STATE)
    if state is not None:
        phase, step = next(each for each in config.phases if each.name == state.phase), state.step
        checkpoint.weights |= state.averages or state.weights
    newest = run / "newest.safetensors"
    save_checkpoint(checkpoint, newest)
    for old in (*output.glob("model-*.safetensors"), *output.glob("model.safetensors*")):
        old.unlink()
    convert(newest, output / "model.safetensors", dtype=torch.float16, shard_mb=SHARD_MB)
    if (run / "log.jsonl").exists():
        shutil.copyfile(run / "log.jsonl", output / "log.jsonl")
    parts, sizes = load_parts(newest, dtype=torch.float32)
    accelerator = make_accelerator(config)
    networks = TrainedNetworks(parts, sizes, phase).to(accelerator.device)
    write_sheet(networks, samples(config, phase, sizes), output / "samples", step, accelerator.autocast)
    print(f"{phase.name}, step {step} of {phase.steps}: {output}")


def profile(config: TrainingConfig, batches: Sequence[int], until: float) -> Iterator[dict[str, Any]]:
    """The longest joint phase at each batch size, as it is and compiled."""
    longest = max(config.phases, key=lambda phase: (phase.stage == "joint", phase.steps))
    for compiled in COMPILED:
        for batch in batches:
            if time.monotonic() > until:
                return
            run = longest.run.model_copy(update={"compile": compiled})
            phase = longest.model_copy(update={"run": run, "batch": batch})
            yield {"phase": phase.name, "batch": batch, "compiled": compiled, **measure_steps(config, phase)}


def measure_steps(config: TrainingConfig, phase: Phase) -> dict[str, Any]:
    """Of one network from nothing on one batch, so that making clips is a time of its own."""
    sizes = config.model.sizes
    assert isinstance(sizes, ModelConfig), "the profile is of models from nothing"
    torch.compiler.reset()
    accelerator = make_accelerator(config)
    networks = TrainedNetworks(from_nothing(sizes, config.seed, config.model.control_gain), sizes, phase)
    if phase.run.compile:
        networks.compile()
    model, optimizer = accelerator.prepare(networks, make_optimizer(networks, phase.optimizer))
    maker = ExampleMaker(make_source(config, phase), networks.stage, phase, sizes, config.seed)
    began = time.monotonic()
    [made] = prefetch(maker, [list(range(phase.batch))], phase.run.threads)
    making = time.monotonic() - began

    def steps(count: int) -> float:
        began = time.monotonic()
        for _ in range(count):
            loss, _ = optimize(model, optimizer, iter([made] * 1000), phase, accelerator)
        float(loss)  # the card is done
        return time.monotonic() - began

    warm_up, seconds = steps(WARM_UP), steps(MEASURED)
    cuda = accelerator.device.type == "cuda"
    return {
        "steps_per_second": MEASURED / seconds,
        "clips_per_second": MEASURED * phase.batch / seconds,
        "warm_up_seconds": warm_up,
        "clips_made_per_second": phase.batch / making,
        "peak_gb": torch.cuda.max_memory_allocated() / 1e9 if cuda else None,
    }


if __name__ == "__main__":
    sys.exit(main())

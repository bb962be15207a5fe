"""`revideo train`: what a TOML file describes."""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from .common import Refused, add_command, positive, refusing

STARTED = time.monotonic()  # as good as the process's start: what takes long to import comes later


def add_train(commands: Any) -> None:
    """The `train` command and its options, added to `commands`."""
    train = add_command(
        commands,
        "train",
        run_train,
        help="train a model in stages, from SVD or from nothing",
        description="""\
Trains what a TOML file describes; docs/training.md explains its keys, and training/ in the repository holds
ready ones. The file is checked before any work. Into its output folder go log.jsonl, checkpoints, sheets of
samples, and a model file for each phase. Needs: pip install accelerate pydantic""",
        epilog="""\
examples:

  revideo train released.toml
  revideo train released.toml --resume
  revideo train tiny.toml --resume --minutes 8
  accelerate launch --num_processes 4 -m revideo train released.toml""",
    )
    train.add_argument("config", metavar="CONFIG", type=Path, help="the TOML file")
    train.add_argument(
        "--resume", action="store_true", help="go on from the last checkpoint; without one begin from the start"
    )
    train.add_argument(
        "--minutes",
        metavar="N",
        type=positive(float),
        default=math.inf,
        help="train at most so long, from the start of the program to its end; then save, for --resume to go on",
    )
    train.add_argument(
        "--memory", action="store_true", help="train nothing: print what each phase needs on each GPU, in GiB"
    )


def run_train(arguments: argparse.Namespace) -> int:
    """Trains, or prints the memory; the exit code."""
    _require("pydantic")
    with refusing():
        from ..training.config_file import TrainingConfigError, read_training_config

        config = read_training_config(arguments.config)
        if arguments.memory:
            return _print_memory(config)
    _require("accelerate")

    from ..checkpoints.reading import CheckpointError
    from ..pipeline.devices import is_memory_shortage
    from ..training.loop import train
    from ..training.pieces import Paused, Piece
    from ..training.video_folder import Unusable

    piece = Piece(STARTED + 60 * arguments.minutes)
    # Several processes could not agree on a signal that one of them got: they end as any program does.
    alone = int(os.environ.get("WORLD_SIZE", 1)) == 1
    try:
        with piece.until_signalled() if alone else nullcontext():
            result = train(config, arguments.resume, piece)
    except Paused as paused:
        print(f"{paused}: saved; the same command with --resume goes on")
        return 0 if piece.signal is None else 128 + piece.signal
    except FileExistsError as error:
        raise Refused(f"{error} (--resume goes on)") from None
    except (TrainingConfigError, CheckpointError, Unusable, FloatingPointError) as error:
        raise Refused(str(error)) from None
    except (RuntimeError, MemoryError) as error:
        if not is_memory_shortage(error):
            raise
        raise Refused(
            "memory ran out: lower run.clips_at_once, set run.gradient_checkpointing, run.frozen "
            "or optimizer.eight_bit; docs/training.md says what each saves"
        ) from None
    except OSError as error:
        raise Refused(str(error)) from None
    print(result)
    return 0


def _require(package: str) -> None:
    from importlib.util import find_spec

    if find_spec(package) is None:
        raise Refused(f"training needs {package}: pip install {package}")


def _print_memory(config: Any) -> int:
    from ..models.config import ModelConfig
    from ..models.propagator_config import PropagatorConfig
    from ..training.families import family_of
    from ..training.memory import memory_table
    from ..training.preflight import check_sides

    source = config.model
    file = Path(source.path or source.svd or source.sd)
    if source.sizes or file.exists():
        sizes = family_of(config).sizes(source)
    else:
        released: type[Any] = PropagatorConfig if source.kind == "propagator" else ModelConfig
        sizes = released.from_dict({name: getattr(source, name) for name in ("control", "remedies")})
        print(f"{file} is not there: computed for the released size", file=sys.stderr)
    check_sides(config, sizes)
    print(memory_table(config.phases, sizes))
    return 0

"""What the commands share: errors told in one line, bars of progress, and how words become values."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..checkpoints import builtin

DTYPES = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}
WEIGHTS = "https://github.com/MC-E/ReVideo"
LICENCE = "Stability AI's Stable Video Diffusion Non-Commercial Community License"


class Refused(Exception):
    """What the user gave cannot work: told in one line, without a traceback."""


def add_command(commands: Any, name: str, run: Callable[[argparse.Namespace], int], **texts: str) -> Any:
    command = commands.add_parser(name, formatter_class=argparse.RawDescriptionHelpFormatter, **texts)
    command.set_defaults(run=run)
    return command


@contextmanager
def refusing() -> Iterator[None]:
    """Around whatever reads or writes what the user named: its errors are the user's to read."""
    try:
        yield
    except (ValueError, OSError) as error:
        told = str(error)
        if isinstance(error, OSError) and error.strerror:
            told = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
        raise Refused(" ".join(told.split())) from error


@contextmanager
def progress(total: int, title: str, unit: str) -> Iterator[Callable[..., None]]:
    """A bar on stderr, and what to call with the number done."""
    from tqdm import tqdm

    with tqdm(total=total, desc=title, unit=unit) as bar:

        def report(done: int, *_: Any) -> None:
            bar.update(done - bar.n)

        yield report


@contextmanager
def working_networks(device: Any, size: str) -> Iterator[None]:
    """Around the networks: what to do where memory or precision does not suffice."""
    import torch

    try:
        yield
    except FloatingPointError as error:
        raise Refused(f"{error}; --dtype fp32 is safest") from None
    except torch.cuda.OutOfMemoryError:  # its name in torch 2.4 too
        raise Refused(f"{device} ran out of memory at {size}: try a smaller --size, --dtype fp16 or --fp8") from None


def plan_memory(model: Any, size: tuple[int, int], options: Any, gigabytes: float | None) -> None:
    """Lays out the work to fit, and says how."""
    from ..pipeline.memory_fit import fit

    told = fit(model, size, options, None if gigabytes is None else int(gigabytes * 1e9))
    if told:
        print(f"memory: {told}", file=sys.stderr)


def model_file(text: str) -> Path:
    """The built-in model's file for its name; a path as it is."""
    file = builtin.locate(text)
    if file == builtin.FILE and not file.exists():
        raise argparse.ArgumentTypeError(builtin.MISSING)
    return file


def parse_size(text: str) -> tuple[int, int]:
    """ "576x320" → (576, 320): width, height."""
    width, _, height = text.lower().replace("×", "x").partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size: write WIDTHxHEIGHT, as 576x320")
    return int(width), int(height)


def chosen_dtype(arguments: argparse.Namespace) -> Any:
    """torch's, of --dtype; None where it was not given."""
    import torch

    return getattr(torch, DTYPES[arguments.dtype]) if arguments.dtype else None


def chosen_model(arguments: argparse.Namespace, config: Any) -> Any:
    from ..pipeline.loading import load

    print(f"loading {arguments.model.name}", file=sys.stderr)
    ways = {"svd": arguments.svd, "fp8": arguments.fp8, "compiled": arguments.compile}
    return load(arguments.model, config, chosen_dtype(arguments), arguments.device, **ways)

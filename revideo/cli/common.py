"""What the commands share: errors in one line, bars of progress, and how words become values."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..checkpoints import builtin
from ..checkpoints.released import LICENCE, no_checkpoint

if TYPE_CHECKING:
    from ..sampling.samplers import Progress

LoadModel = Callable[[argparse.Namespace, Any], Any]  # as `chosen_model`: arguments, the model's sizes → a model
DTYPES = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}


class Refused(Exception):
    """What the user gave cannot work: said in one line, without a traceback."""


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
        message = str(error)
        if isinstance(error, OSError) and error.strerror:
            message = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
        raise Refused(" ".join(message.split())) from error


@contextmanager
def progress(title: str = "") -> Iterator[Callable[[Progress], None]]:
    """Bars on stderr, one for each stage of a run, and the callback that moves them."""
    from tqdm import tqdm

    with ExitStack() as open_bars:
        bars: dict[str, Any] = {}

        def callback(progress: Progress) -> None:
            if progress.stage not in bars:
                open_bars.close()  # the stage before is over
                name = f"{title} {progress.stage}".strip()
                bar = tqdm(total=progress.total, desc=name, unit="step" if progress.stage == "sampling" else "frame")
                bars[progress.stage] = open_bars.enter_context(bar)
            bars[progress.stage].update(progress.done - bars[progress.stage].n)

        yield callback


@contextmanager
def working_networks(device: Any, size: str, remedy: str = "a smaller --size, --dtype fp16 or --fp8") -> Iterator[None]:
    """Around the networks: what to do where memory or precision does not suffice."""
    try:
        yield
    except FloatingPointError as error:
        raise Refused(f"{error}; --dtype fp32 is safest") from None
    except (RuntimeError, MemoryError) as error:
        from ..pipeline.devices import is_device_shortage, is_memory_shortage

        if not is_memory_shortage(error):
            raise
        which = device if is_device_shortage(error) else "the machine"
        raise Refused(f"{which} ran out of memory at {size}: try {remedy}") from None


@contextmanager
def resumable(folder: Path, parts: str) -> Iterator[None]:
    """Around a run that leaves its finished `parts` in a folder: where it ends early, how it goes on."""
    try:
        yield
    except BaseException:
        if folder.is_dir():
            print(f"finished {parts} are in {folder}: the same command goes on from there", file=sys.stderr)
        raise


def print_memory_plan(model: Any, size: tuple[int, int], options: Any, gigabytes: float | None) -> None:
    """Lays out the work to fit, and says how."""
    from ..pipeline.memory_fit import fit_memory

    layout = fit_memory(model, size, options, None if gigabytes is None else int(gigabytes * 1e9))
    if layout:
        print(f"memory: {layout}", file=sys.stderr)


def print_left_out(source: Any) -> None:
    """What a `VideoFile` holds and its result does not."""
    if source.left_out:
        print(f"of the clip's file, the result does not have: {', '.join(source.left_out)}", file=sys.stderr)


def add_model_options(command: argparse.ArgumentParser, required: bool = True) -> None:
    """Which model, and how it computes; `chosen_model` loads it."""
    model = command.add_argument_group("the model")
    model.add_argument(
        "--model",
        metavar="PATH",
        type=model_file,
        required=required,
        help=f"a ReVideo checkpoint: .ckpt, .safetensors or a diffusers folder. `revideo download` fetches the "
        f"authors' weights, which are under {LICENCE}. "
        f'"tiny" is the small model that is built in (a file of that name: ./tiny): it knows '
        f"nothing but a synthetic world of sprites, so it is for trying things out, with --size 128x128 --cfg-last 1",
    )
    model.add_argument(
        "--svd", metavar="PATH", type=Path, help="the Stable Video Diffusion checkpoint, if --model is a control file"
    )
    model.add_argument("--config", metavar="JSON", type=Path, help="the model's sizes, if its file does not state them")
    model.add_argument(
        "--dtype",
        choices=("auto", *DTYPES),
        default="auto",
        help="precision to compute in; auto: the file's own, on a CPU bf16 if the processor multiplies in it, which is "
        "faster, else fp32 (default: auto)",
    )
    model.add_argument(
        "--fp8",
        action="store_true",
        help="store the weights of UNet and ControlNet in eight bits, half of fp16, and compute as --dtype says: less "
        "memory and a coarser model (docs/benchmarks.md)",
    )
    model.add_argument(
        "--compile",
        action="store_true",
        help="compile the blocks of UNet and ControlNet at their first use, which takes minutes; not with --fp8",
    )
    model.add_argument("--device", help="cpu, cuda, cuda:1, mps, … (default: the best there is)")


def add_size_options(group: Any, default: str, multiple: str) -> None:
    """--size, --size-policy and --fit, which `choose_size` and `fit_frames` take."""
    group.add_argument("--size", metavar="WxH", type=parse_size, help=f"target size in pixels (default: {default})")
    group.add_argument(
        "--size-policy",
        choices=("area", "longest side", "exact"),
        default="area",
        help=f"of --size; sides become multiples of {multiple} (default: area)",
    )
    group.add_argument(
        "--fit",
        choices=("stretch", "crop", "pad"),
        default="stretch",
        help="how the clip meets a size of another shape (default: stretch)",
    )


def model_file(text: str) -> Path:
    """The built-in model's file for its name; a path as it is."""
    file = builtin.locate(text)
    if file == builtin.TINY_FILE and not file.exists():
        raise argparse.ArgumentTypeError(builtin.TINY_MISSING)
    return file


def check_models(paths: Iterable[Path | None]) -> None:
    """Before any work; a missing one is told with the two ways to the released weights."""
    for path in filter(None, paths):
        if not path.exists():
            raise FileNotFoundError(no_checkpoint(path))


def positive(kind: type[int] | type[float]) -> Callable[[str], Any]:
    """Reads a number that must be more than 0."""

    def parse(text: str) -> int | float:
        number = kind(text)
        if not number > 0:
            raise argparse.ArgumentTypeError(f"{text} is not more than 0")
        return number

    parse.__name__ = kind.__name__  # which argparse names where the text is no number
    return parse


def parse_size(text: str) -> tuple[int, int]:
    """ "576x320" → (576, 320): width, height."""
    width, _, height = text.lower().replace("×", "x").partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size: write WIDTHxHEIGHT, as 576x320")
    return int(width), int(height)


def chosen_dtype(arguments: argparse.Namespace) -> Any:
    """torch's, of --dtype, or "auto"; None where it was not given."""
    import torch

    return getattr(torch, DTYPES[arguments.dtype]) if arguments.dtype in DTYPES else arguments.dtype


def chosen_model(arguments: argparse.Namespace, config: Any) -> Any:
    from ..editing.model import load

    print(f"loading {arguments.model.name}", file=sys.stderr)
    ways = {"svd": arguments.svd, "fp8": arguments.fp8, "compiled": arguments.compile}
    return load(arguments.model, config, chosen_dtype(arguments), arguments.device, **ways)


class ModelAtHand:
    """As `chosen_model`; the model of the call before stays loaded and is given again to whoever asks for the same."""

    def __init__(self) -> None:
        self._chosen: tuple[object, ...] | None = None
        self._model: Any = None

    def __call__(self, arguments: argparse.Namespace, config: Any) -> Any:
        names = ("model", "svd", "config", "dtype", "fp8", "compile")
        chosen = tuple(getattr(arguments, name) for name in names)
        chosen += tuple(path.stat().st_mtime_ns for path in chosen if isinstance(path, Path))
        if self._chosen != chosen:
            self._chosen = self._model = None  # before the next is loaded: a card rarely holds two
            self._model = chosen_model(arguments, config)
            self._chosen = chosen
        return self._model

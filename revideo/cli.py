"""The command line: edit, evaluate, convert, train, demo. Heavy imports wait until a command runs: help is instant."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from . import __version__, builtin

DTYPES = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}
WEIGHTS = "https://github.com/MC-E/ReVideo"
LICENCE = "Stability AI's Stable Video Diffusion Non-Commercial Community License"


class Refused(Exception):
    """What the user gave cannot work: told in one line, without a traceback."""


def main(argv: list[str] | None = None) -> int:
    """Runs one command; 0 when all went well, 2 for a mistake of the user's, 130 for Ctrl+C."""
    # Read when torch is imported: threads that spin while they wait make a busy CPU three times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        arguments = build_parser().parse_args(argv)
        return arguments.run(arguments)
    except Refused as error:
        print(f"revideo: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nrevideo: interrupted", file=sys.stderr)
        return 130


# --- What can be asked for -----------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Refused(f"{message} (see: {self.prog} --help)")


def build_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="revideo",
        description="Local video editing with content and motion control: edit a clip's first frame, draw paths and "
        "an area, and the clip is remade inside that area; the rest stays as it is.",
        epilog="`revideo COMMAND --help` explains a command and shows an example.",
    )
    parser.add_argument("--version", action="version", version=f"revideo {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    from .cli_evaluate import add_evaluate

    _add_edit(commands)
    add_evaluate(commands)
    _add_convert(commands)
    _add_train(commands)
    _add_demo(commands)
    return parser


def add_command(commands: Any, name: str, run: Callable[[argparse.Namespace], int], **texts: str) -> Any:
    command = commands.add_parser(name, formatter_class=argparse.RawDescriptionHelpFormatter, **texts)
    command.set_defaults(run=run)
    return command


def _add_edit(commands: Any) -> None:
    from .cli_long import add_long_options
    from .cli_speed import add_speed_options

    edit = add_command(
        commands,
        "edit",
        run_edit,
        help="remake a clip after its edited first frame, paths and area",
        description="""\
Remakes a clip. You give four things:

  the clip        any video file; the model edits a window of it (14 frames in the released model)
  the reference   the first of these frames, changed in any program
  the tracks      paths: where things shall move, one path for each
  the region      a mask, white where the video may change; black stays the source's, pixel for pixel

Sizes: the clip is fitted to a size the model can work at (--size, --size-policy, --fit). Give reference and
mask in the clip's own size and they are fitted the same way; a picture that already has the fitted size is
taken as it is. Tracks are in pixels of the clip's own size unless --tracks-size says otherwise.

Tracks and region can also come in one file, the document that the editor of the ComfyUI nodes writes
(--document). It is scaled to the clip, or, if it was drawn on the fitted size, taken as it is.

Everything is checked before the model is loaded.""",
        epilog="""\
example: move a painted thing from (100, 160) to (300, 160)

  echo '[[{"x": 100, "y": 160}, {"x": 300, "y": 160}]]' > tracks.json
  revideo edit clip.mp4 --model revideo.safetensors --reference edited.png --tracks tracks.json \\
      --region mask.png --size 576x320 --preview conditions.mp4 -o edited.mp4

--preview shows what the model is given; look at it first when a result is not what you meant.
--stride 2 takes every second frame: twice the time in one window, at half the frame rate.""",
    )
    what = edit.add_argument_group("what to edit")
    what.add_argument("video", metavar="VIDEO", type=Path, help="the clip")
    area = what.add_mutually_exclusive_group(required=True)
    area.add_argument(
        "--region",
        metavar="FILE",
        type=Path,
        help="the area to remake, white on black: one picture for all frames, or a video of masks that runs along "
        "with the clip (same frames, same --start and --stride)",
    )
    area.add_argument(
        "--document",
        metavar="JSON",
        type=Path,
        help="paths and area as drawn in the editor of the ComfyUI nodes, instead of --tracks and --region",
    )
    what.add_argument(
        "--reference",
        metavar="PICTURE",
        type=Path,
        help="the edited first frame (default: the first frame itself, which gives the same content another motion)",
    )
    what.add_argument(
        "--reference-frame",
        metavar="K",
        type=int,
        default=0,
        help="which of the frames the reference is, counted from 0 at --start: the clip is then edited onwards and "
        "backwards from it, in twice the time (default: 0)",
    )
    what.add_argument(
        "--tracks",
        metavar="JSON",
        type=Path,
        help='the paths: [[{"x": 100, "y": 160}, …], …] or [[[100, 160], …], …] (default: none, only content changes)',
    )
    what.add_argument(
        "--timing",
        choices=("stretch", "as drawn"),
        default="stretch",
        help="stretch: a path starts on the first frame and ends on the last, however many points it has. "
        "as drawn: one point a frame; a shorter path ends early, a longer one is cut (default: stretch)",
    )
    what.add_argument(
        "--tracks-size",
        metavar="WxH",
        type=parse_size,
        help="size of the picture the tracks were drawn on (default: the clip's own size)",
    )
    what.add_argument("-o", "--output", metavar="FILE", type=Path, required=True, help="the video to write, H.264")
    what.add_argument(
        "--preview", metavar="FILE", type=Path, help="also write a video of what the model sees: content, motion, area"
    )
    what.add_argument(
        "--fusion",
        metavar="PICTURE",
        type=Path,
        help="also draw how the model weighs unedited content against motion, over the picture and the steps "
        "(figure 5 of the paper)",
    )

    frames = edit.add_argument_group("which frames, at which size")
    frames.add_argument(
        "--start", metavar="N", type=int, default=0, help="the first frame, counted from 0 (default: 0)"
    )
    frames.add_argument("--stride", metavar="N", type=int, default=1, help="take every N-th frame (default: 1)")
    frames.add_argument(
        "--frames", metavar="N", type=int, help="how many (default: the model's window, with --long all there are)"
    )
    frames.add_argument(
        "--size",
        metavar="WxH",
        type=parse_size,
        default=(1024, 1024),
        help="target size in pixels (default: 1024x1024, an area at which the released weights are at home; "
        "smaller is faster and needs less memory)",
    )
    frames.add_argument(
        "--size-policy",
        choices=("area", "longest side", "exact"),
        default="area",
        help="area: the clip's shape at about WxH pixels in all. longest side: the clip's shape, its longer side the "
        "longer of W and H. exact: WxH. Sides become multiples of the model's step, 64 (default: area)",
    )
    frames.add_argument(
        "--fit",
        choices=("stretch", "crop", "pad"),
        default="stretch",
        help="how the clip meets a size of another shape: stretched a little (as the released examples do), cropped "
        "on both sides, or padded by repeating its border (default: stretch)",
    )

    model = edit.add_argument_group("the model")
    model.add_argument(
        "--model",
        metavar="PATH",
        type=_model,
        required=True,
        help=f"a ReVideo checkpoint: .ckpt, .safetensors or a diffusers folder. The authors' weights, from {WEIGHTS}, "
        f'are under {LICENCE}. "tiny" is the small model that is built in (a file of that name: ./tiny): it knows '
        f"nothing but a synthetic world of sprites, so it is for trying things out, with --size 128x128 --cfg-last 1",
    )
    model.add_argument(
        "--svd", metavar="PATH", type=Path, help="the Stable Video Diffusion checkpoint, if --model is a control file"
    )
    model.add_argument("--config", metavar="JSON", type=Path, help="the model's sizes, if its file does not state them")
    model.add_argument(
        "--dtype", choices=DTYPES, help="precision to compute in (default: the file's own; on a CPU fp32)"
    )
    model.add_argument(
        "--fp8",
        action="store_true",
        help="store the weights of UNet and control net in eight bits, half of fp16, and compute as --dtype says: less "
        "memory and a coarser model (docs/benchmarks.md)",
    )
    model.add_argument(
        "--compile",
        action="store_true",
        help="compile the blocks of UNet and control net at their first use, which takes minutes; not with --fp8",
    )
    model.add_argument("--device", help="cpu, cuda, cuda:1, mps, … (default: the best there is)")

    sampling = edit.add_argument_group("sampling")
    sampling.add_argument("--steps", metavar="N", type=int, help="sampling steps; 15 is often enough (default: 25)")
    sampling.add_argument(
        "--seed", metavar="N", type=int, help="of the noise; the same seed, the same video (default: 23)"
    )
    sampling.add_argument("--cfg-first", metavar="X", type=float, help="guidance on the first frame (default: 1)")
    sampling.add_argument(
        "--cfg-last",
        metavar="X",
        type=float,
        help="guidance on the last frame; higher holds closer to the reference (default: 4)",
    )
    sampling.add_argument(
        "--fps", metavar="N", type=int, help="the frame rate told to the model, not the file's; 6 or 10 (default: 6)"
    )
    sampling.add_argument(
        "--motion-bucket", metavar="N", type=int, help="SVD's overall amount of motion (default: 127)"
    )
    sampling.add_argument(
        "--noise-augmentation",
        metavar="X",
        type=float,
        help="noise on the reference before it is encoded; more leaves the model freer (default: 0.02)",
    )

    sampling.add_argument(
        "--latent-lock",
        action=argparse.BooleanOptionalAction,
        help="while sampling, hold what lies outside the area to the source; it then comes out closer to it, and the "
        "area is painted to fit (default: with --long; else no, as the released model samples)",
    )
    sampling.add_argument(
        "--lock-until",
        metavar="X",
        type=float,
        help="the noise level at which the lock ends, so that the last steps can join seams; 0: never (default: 0.03)",
    )

    add_speed_options(edit)

    result = edit.add_argument_group("the result")
    result.add_argument(
        "--feather",
        metavar="PX",
        type=float,
        default=12.0,
        help="width of the seam, all inside the area, in pixels of the fitted frames (default: 12)",
    )
    result.add_argument(
        "--match",
        choices=("none", "colours", "gradients"),
        default="none",
        help="fit the area to what surrounds it, before the seam is blended. colours: shift them by as much as the "
        "model strayed in a ring around it. gradients: keep the area's own and let its border follow the source "
        "(Poisson editing) (default: none)",
    )
    result.add_argument(
        "--no-keep", action="store_true", help="leave the model's own pixels outside the area too, not the source's"
    )
    result.add_argument(
        "--frames-per-chunk",
        metavar="N",
        type=int,
        help="frames that the decoder sees at once; fewer change the picture and flicker more, 1 is what the "
        "released scripts do (default: all)",
    )
    result.add_argument(
        "--memory",
        metavar="GB",
        type=float,
        help="stay below so many gigabytes, weights included: work is laid out to fit (default: a GPU's free memory)",
    )
    add_long_options(edit)


def _add_convert(commands: Any) -> None:
    convert = add_command(
        commands,
        "convert",
        run_convert,
        help="turn a checkpoint into another form or precision",
        description="""\
Converts between the forms a ReVideo model comes in: the released .ckpt, .safetensors with the same names,
a diffusers folder (a TARGET without suffix), and a control file beside a Stable Video Diffusion file.
A .ckpt is read as plain tensors; code in it is refused, never run. Existing targets are replaced.""",
        epilog="""\
examples:

  revideo convert model.ckpt revideo.safetensors --dtype fp16
  revideo convert revideo.safetensors revideo_folder
  revideo convert revideo.safetensors control.safetensors --target-svd svd.safetensors
  revideo convert control.safetensors whole.safetensors --svd svd.safetensors""",
    )
    convert.add_argument("source", metavar="SOURCE", type=_model, help="what to read")
    convert.add_argument("target", metavar="TARGET", type=Path, help="what to write: .safetensors, .ckpt or a folder")
    convert.add_argument("--svd", metavar="PATH", type=Path, help="the SVD checkpoint, if SOURCE is a control file")
    convert.add_argument(
        "--target-svd", metavar="PATH", type=Path, help="part the model: TARGET gets ReVideo's part, this file the rest"
    )
    convert.add_argument("--dtype", choices=DTYPES, help="precision to store (default: as it is)")
    convert.add_argument(
        "--config", metavar="JSON", type=Path, help="the model's sizes, if its file does not state them"
    )


def _add_train(commands: Any) -> None:
    train = add_command(
        commands,
        "train",
        run_train,
        help="train a model in stages, from SVD or from nothing",
        description="""\
Trains what a TOML file describes; docs/training.md explains its keys, and training/ in the repository holds
ready ones. The file is checked before any work. Into its output folder go log.jsonl, checkpoints, sheets of
samples, and a model file for each phase. Needs: pip install accelerate""",
        epilog="""\
examples:

  revideo train released.toml
  revideo train released.toml --resume
  accelerate launch --num_processes 4 -m revideo train released.toml""",
    )
    train.add_argument("config", metavar="CONFIG", type=Path, help="the TOML file")
    train.add_argument(
        "--resume", action="store_true", help="go on from the last checkpoint; without one begin from the start"
    )
    train.add_argument(
        "--memory", action="store_true", help="train nothing: print what each phase needs on each GPU, in GiB"
    )


def _add_demo(commands: Any) -> None:
    demo = add_command(
        commands,
        "demo",
        run_demo,
        help="make four small edits with the built-in model, in a minute on a CPU",
        description="""\
Edits four clips of a synthetic world with the small model that is built in: new content, new motion, both, and
two areas at once. Writes a clip of each (source, what was asked, result), a sheet of all, and prints figures.""",
        epilog="example: revideo demo --output demo",
    )
    demo.add_argument("--output", metavar="FOLDER", type=Path, default=Path("demo"), help="default: demo")
    demo.add_argument("--sheet", metavar="PICTURE", type=Path, help="default: sheet.png in that folder")


def _model(text: str) -> Path:
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


# --- What is done --------------------------------------------------------------------------


def run_edit(arguments: argparse.Namespace) -> int:
    if arguments.long:
        from .cli_long import run_long

        return run_long(arguments)
    with refusing():
        from .job import prepare

        job = prepare(arguments)

        from .both_ways import in_clip_order
        from .both_ways_editing import sample_conditions
        from .model import load
        from .pictures import conditions_picture
        from .video import write_video

        if arguments.preview:
            write_video(arguments.preview, conditions_picture(in_clip_order(job.conditions)), job.rate)
        print(f"loading {arguments.model.name}", file=sys.stderr)
        ways = {"svd": arguments.svd, "fp8": arguments.fp8, "compiled": arguments.compile}
        model = load(arguments.model, job.config, _dtype(arguments), arguments.device, **ways)

        if arguments.fusion:
            from .fusion import fusion_picture, fusion_weights
            from .sheets import write_image

            weights = fusion_weights(model, job.region[0, 0], job.options)
            write_image(arguments.fusion, fusion_picture(weights))

    from .composite import keep_unedited

    size = f"{job.video.shape[-1]}×{job.video.shape[-2]}"
    with working_networks(model.device, size):
        plan_memory(model, job.conditions.size, job.options, arguments.memory)
        with progress(job.options.steps, "sampling", "step") as report:
            latents = sample_conditions(model, job.conditions, job.options, callback=report)
        with progress(len(latents), "decoding", "frame") as report:
            frames = model.decode(latents, arguments.frames_per_chunk or len(latents), report)
    if not arguments.no_keep:
        frames = keep_unedited(job.video, frames, job.region, arguments.feather, arguments.match)
    with refusing():
        write_video(arguments.output, frames, job.rate)
    print(f"{arguments.output}: {len(frames)} frames of {size} at {float(job.rate):g} frames per second")
    return 0


def run_convert(arguments: argparse.Namespace) -> int:
    from .atomic import check_sources, check_target

    with refusing():
        inputs = [arguments.source, arguments.svd, arguments.config]
        check_sources(inputs)
        check_target(arguments.target, (".safetensors", ".ckpt", ""), inputs)
        if arguments.target_svd:
            check_target(arguments.target_svd, (".safetensors", ".ckpt"), [*inputs, arguments.target])

        from .checkpoint_saving import convert
        from .config import ModelConfig

        config = ModelConfig.from_json(arguments.config.read_text("utf-8")) if arguments.config else None
        convert(
            arguments.source,
            arguments.target,
            svd=arguments.svd,
            target_svd=arguments.target_svd,
            config=config,
            dtype=_dtype(arguments),
        )
    for file in filter(None, (arguments.target, arguments.target_svd)):
        parts = [file] if file.is_file() else file.rglob("*.safetensors")
        print(f"{file}: {sum(part.stat().st_size for part in parts) / 1e6:,.1f} MB")
    return 0


def run_train(arguments: argparse.Namespace) -> int:
    from importlib.util import find_spec

    with refusing():
        from .training_file import TrainingConfigError, read_training_config

        config = read_training_config(arguments.config)
        if arguments.memory:
            return _print_memory(config)
    if find_spec("accelerate") is None:
        raise Refused("training needs accelerate: pip install accelerate")

    import torch

    from .checkpoint import CheckpointError
    from .data import Unusable
    from .training import train

    try:
        result = train(config, arguments.resume)
    except FileExistsError as error:
        raise Refused(f"{error} (--resume goes on)") from None
    except (TrainingConfigError, CheckpointError, Unusable, FloatingPointError) as error:
        raise Refused(str(error)) from None
    except torch.cuda.OutOfMemoryError:
        raise Refused(
            "the GPU ran out of memory: lower run.clips_at_once, set run.gradient_checkpointing, run.frozen "
            "or optimizer.eight_bit; docs/training.md says what each saves"
        ) from None
    except OSError as error:
        raise Refused(str(error)) from None
    print(result)
    return 0


def _print_memory(config: Any) -> int:
    from .config import ModelConfig
    from .training_memory import memory_table
    from .training_start import model_config

    file = Path(config.model.path or config.model.svd)
    sizes = ModelConfig()
    if config.model.sizes or file.exists():
        sizes = model_config(config.model)
    else:
        print(f"{file} is not there: computed for the released size", file=sys.stderr)
    print(memory_table(config.phases, sizes))
    return 0


def run_demo(arguments: argparse.Namespace) -> int:
    from .demo import demo

    demo(arguments.output, arguments.sheet)
    return 0


# --- Shared by the commands ----------------------------------------------------------------


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
        raise Refused(
            f"{device} ran out of memory at {size}: try a smaller --size, --dtype fp16 or fewer --frames-per-chunk"
        ) from None


def plan_memory(model: Any, size: tuple[int, int], options: Any, gigabytes: float | None) -> None:
    """Lays out the work to fit, and says how."""
    from .memory_plan import fit

    told = fit(model, size, options, None if gigabytes is None else int(gigabytes * 1e9))
    if told:
        print(f"memory: {told}", file=sys.stderr)


def _dtype(arguments: argparse.Namespace) -> Any:
    import torch

    return getattr(torch, DTYPES[arguments.dtype]) if arguments.dtype else None

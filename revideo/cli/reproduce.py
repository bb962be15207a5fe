"""`revideo reproduce`: the authors' example edits from their test set, as our document, settings and result."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..checkpoints.released import LICENCE, REPOSITORY
from .common import add_command, add_model_options, check_models, chosen_model, parse_size, refusing
from .edit import add_edit, make_result

if TYPE_CHECKING:
    from torch import Tensor

    from ..authors import AuthorsExample, PreparedExample
    from ..edit import Edit

EVERY = "all"
RELEASED = Path("revideo.safetensors")  # stands in the printed commands for a model that was not given


def add_reproduce(commands: Any) -> None:
    reproduce = add_command(
        commands,
        "reproduce",
        run_reproduce,
        help="make the authors' example edits from their test set",
        description=f"""\
Reads the clip and the edited frame of one of the authors' twenty example scripts and writes, into a folder of its
name, what the script asks for in this program's terms:

  clip.mkv, edited_frame.png   as the script scales them, to the bit
  document.json                paths and area, to be opened in the editor too
  settings.json                how it is sampled, decoded and saved
  preview.mp4                  what the model sees
  result.mp4                   with --model: the edit, as the script makes it

and prints the `revideo edit` command that makes the same. docs/authors_examples.md says which setting of theirs is
which of ours, and what differs.

The test set is the folder testset/ beside the weights, at https://huggingface.co/{REPOSITORY}; both are the authors'
(weights: {LICENCE}).""",
        epilog="""\
example: look at one, then make it

  revideo reproduce dog --testset testset -o reproduced
  revideo reproduce dog --testset testset -o reproduced --model revideo.safetensors""",
    )
    reproduce.add_argument("names", metavar="NAME", nargs="*", help=f'which examples; "{EVERY}": all of them')
    reproduce.add_argument("--list", action="store_true", help="say what there is, and stop")
    reproduce.add_argument("--testset", metavar="FOLDER", type=Path, help="the authors' folder testset/")
    reproduce.add_argument("-o", "--output", metavar="FOLDER", type=Path, help="where each gets a folder of its name")
    reproduce.add_argument(
        "--keep", action="store_true", help="put the source's pixels back outside the area, as the scripts do not"
    )
    reproduce.add_argument(
        "--cotracker",
        metavar="FILE",
        type=Path,
        help="a local CoTracker file to follow points by where motion is kept, as the scripts do (default: the "
        "built-in tracker)",
    )
    trying = reproduce.add_argument_group("to try it out")
    trying.add_argument(
        "--size",
        metavar="WxH",
        type=parse_size,
        help="work at about WxH pixels in all; paths and area are scaled alike (default: the script's, 1024x1024)",
    )
    trying.add_argument("--steps", metavar="N", type=int, help="sampling steps (default: the script's, 15 or 25)")
    add_model_options(reproduce, required=False)
    reproduce.add_argument(
        "--memory",
        metavar="GB",
        type=float,
        help="stay below so many gigabytes, weights included (default: a GPU's free memory)",
    )


def run_reproduce(arguments: argparse.Namespace) -> int:
    if arguments.list:
        print(_list())
        return 0
    with refusing():
        examples, tracker = _checked(arguments)
    model = None
    for example in examples:
        print(f"reading {example.name}", file=sys.stderr)
        with refusing():
            prepared = example.read(arguments.testset, tracker)
            folder = arguments.output / example.name
            if folder.exists() and not folder.is_dir():
                raise ValueError(f"{folder} is not a folder: move it away, or name another -o")
            folder.mkdir(parents=True, exist_ok=True)
            words = edit_words(arguments, prepared, folder)
            _write(arguments, prepared, folder, words)
            if arguments.model:
                from .inputs import read_inputs

                edit_arguments = _edit_parser().parse_args(words)
                inputs = read_inputs(edit_arguments)
                _write_preview(folder, inputs.video, inputs.edit)
                model = model or chosen_model(arguments, inputs.config)
            else:
                _write_preview(folder, *prepared.fitted(_size(arguments, prepared)))
        print(_shell_line(words))
        if model is not None:
            make_result(edit_arguments, inputs, model)
    return 0


def edit_words(arguments: argparse.Namespace, prepared: PreparedExample, folder: Path) -> list[str]:
    """The `edit` command that makes the same from what lies in the folder."""
    from ..authors import FRAMES_PER_CHUNK

    options = prepared.example.options
    height, width = prepared.size
    words = ["edit", folder / "clip.mkv", "--edited-frame", folder / "edited_frame.png"]
    words += ["--document", folder / "document.json", "--frames", len(prepared.video)]
    if arguments.size:
        words += ["--size", "{}x{}".format(*arguments.size)]
    else:
        words += ["--size", f"{width}x{height}", "--size-policy", "exact"]
    words += ["--steps", arguments.steps or options.steps, "--seed", options.seed, "--fps", options.fps]
    words += ["--motion-bucket", options.motion_bucket, "--noise-augmentation", options.noise_augmentation]
    words += ["--added-noise", options.added_noise] if options.added_noise is not None else []
    words += ["--cfg-first", options.cfg_first, "--cfg-last", options.cfg_last]
    words += ["--frames-per-chunk", FRAMES_PER_CHUNK, *(() if arguments.keep else ["--no-keep"])]
    words += ["--model", arguments.model or RELEASED]
    for name in ("svd", "config", "dtype", "device", "memory"):
        value = getattr(arguments, name)
        words += [f"--{name}", value] if value not in (None, "auto") else []
    words += [f"--{name}" for name in ("fp8", "compile") if getattr(arguments, name)]
    return [*map(str, words), "-o", str(folder / "result.mp4")]


def _checked(arguments: argparse.Namespace) -> tuple[list[AuthorsExample], Any]:
    """All that can be known before pictures are read: the examples and their tracker; errors name the culprit."""
    from ..authors import SCRIPT_FRAMES, TESTSET, authors_example, authors_examples
    from ..files import check_sources
    from ..sampling.samplers import SamplerOptions
    from ..tracks.tracking import load_cotracker
    from .inputs import check_device, chosen_config

    if not arguments.names:
        raise ValueError(f'name an example, or "{EVERY}" (--list says what there is)')
    if arguments.testset is None:
        raise ValueError(f"--testset is missing: the folder testset/ of {TESTSET}")
    if arguments.output is None:
        raise ValueError("--output is missing: the folder to write to")
    names = list(authors_examples()) if EVERY in arguments.names else list(dict.fromkeys(arguments.names))
    examples = [authors_example(name) for name in names]
    for name in arguments.names:
        if name != EVERY:
            authors_example(name)  # beside "all" too
    if arguments.output.exists() and not arguments.output.is_dir():
        raise ValueError(f"--output {arguments.output} is not a folder")
    if arguments.steps is not None:
        SamplerOptions(steps=arguments.steps)
    if arguments.memory is not None and not arguments.memory > 0:
        raise ValueError(f"--memory must be more than 0 GB, not {arguments.memory:g}")
    check_sources([arguments.config, arguments.cotracker])
    check_models([arguments.model, arguments.svd])
    check_device(arguments.device)
    if arguments.model:
        window = chosen_config(arguments).unet.num_frames
        if window != SCRIPT_FRAMES:
            raise ValueError(
                f"{arguments.model}: this model edits windows of {window} frames; the examples have {SCRIPT_FRAMES}"
            )
    for example in examples:
        example.find(arguments.testset)
    return examples, load_cotracker(arguments.cotracker) if arguments.cotracker else None


def _write(arguments: argparse.Namespace, prepared: PreparedExample, folder: Path, words: list[str]) -> None:
    """What the `edit` command reads, and how it is set."""
    from ..authors import SAVED_FPS
    from ..pictures.sheets import write_image
    from ..video.io import write_lossless

    document = folder / "document.json"
    text = prepared.document.to_json(exact=True)
    if document.exists() and document.read_text("utf-8") != text:
        raise ValueError(f"{document} was changed, and would be overwritten: move it away, or name another -o")
    write_lossless(folder / "clip.mkv", prepared.video, SAVED_FPS)
    write_image(folder / "edited_frame.png", prepared.edited_frame)
    document.write_text(text, "utf-8")
    (folder / "settings.json").write_text(_settings(arguments, prepared, words), "utf-8")


def _write_preview(folder: Path, video: Tensor, edit: Edit) -> None:
    from ..authors import SAVED_FPS
    from ..conditions import make_conditions
    from ..pictures.overlays import conditions_picture
    from ..video.io import write_video

    write_video(folder / "preview.mp4", conditions_picture(make_conditions(video, edit)), SAVED_FPS)


def _size(arguments: argparse.Namespace, prepared: PreparedExample) -> tuple[int, int] | None:
    """Height and width that the released model would work at; None: the script's."""
    from ..video.fitting import choose_size

    if not arguments.size:
        return None
    width, height = arguments.size
    return choose_size(*prepared.size, "area", height, width)


def _settings(arguments: argparse.Namespace, prepared: PreparedExample, words: list[str]) -> str:
    from ..authors import FRAMES_PER_CHUNK, SAVED_FPS

    example = prepared.example
    options = asdict(example.options) | ({"steps": arguments.steps} if arguments.steps else {})
    named = ["steps", "cfg_first", "cfg_last", "fps", "motion_bucket", "noise_augmentation", "seed"]
    named += ["sigma_min", "sigma_max", "rho"]
    values = {
        "example": example.name,
        "program": example.program,
        "clip": {"folder": example.clip, "frames": len(prepared.video), "size": prepared.source_size[::-1]},
        "edited_frame": example.edited_frame,
        "size": prepared.size[::-1],
        "sampling": {name: options[name] for name in named} | {"added_noise": example.options.encoder_noise},
        "frames_per_chunk": FRAMES_PER_CHUNK,
        "source_pixels_put_back": arguments.keep,
        "saved_fps": SAVED_FPS,
        "point_tracker": None if not example.points else "CoTracker" if arguments.cotracker else "built in",
        "command": _shell_line(words),
    }
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def _shell_line(words: list[str]) -> str:
    return shlex.join(["python", "-m", "revideo", *words])


def _edit_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="revideo")
    add_edit(parser.add_subparsers())
    return parser


def _list() -> str:
    from ..authors import authors_examples

    rows = [["name", "program", "areas", "paths", "steps", "fps", "clip"]]
    for example in authors_examples().values():
        counts = len(example.rectangles), len(example.paths or example.points), example.steps, example.fps
        rows.append([example.name, example.program, *map(str, counts), example.clip])
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)

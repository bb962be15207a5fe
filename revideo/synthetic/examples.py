"""Edits of synthetic scenes that no training has seen: four for the demo, those of the example node and its workflows.

One is no edit but a scene in other colours, with its depth, for a propagator.

python -m revideo.synthetic.examples js/examples
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..pictures.sheets import write_image
from ..sampling.samplers import SamplerOptions
from ..video.io import write_video
from .depth import RestyledClip, make_restyled
from .edits import SyntheticEdit, make_edit
from .measures import HELD_OUT

FRAMES, HEIGHT_PX, WIDTH_PX = 14, 128, 128  # at home for the built-in model, which is trained on such clips
EXAMPLE_FPS = 8  # of the files: 14 frames take a little under two seconds
# What suits the built-in model: a synthetic scene has one right answer, which guidance overshoots; and errors of early
# steps grow along plain Euler (docs/training.md).
OPTIONS = SamplerOptions(cfg_last=1.0, solver="euler_ancestral")
FEATHER_PX = 4.0  # of the finished clips, in which the source's pixels are back outside the mask
CRF = 8  # clips of 20 kB, the wide ones of 200, in which one sees no codec
WIDE_PX = (320, 576)  # height and width: a light start for the released weights, within the reach of a CPU
LONG_FRAMES = 24  # two windows that share four


@dataclass(frozen=True)
class ExampleEdit:
    """Which edit of `make_edit` it is."""

    kind: str
    seed: int  # chosen by what is to be done, not by what the model makes of it
    areas: int = 1
    frames: int = FRAMES
    bystanders: int = 1
    roam_px: float | None = None


EXAMPLES = {  # of the demo
    "content": ExampleEdit("content", HELD_OUT + 33),
    "motion": ExampleEdit("motion", HELD_OUT + 28),
    "both": ExampleEdit("both", HELD_OUT + 17),
    "two areas": ExampleEdit("both", HELD_OUT + 2, areas=2),
}
WIDE_EXAMPLES = {  # of WIDE_PX
    "one area 576x320": ExampleEdit("both", HELD_OUT + 23, bystanders=4),
    "two areas 576x320": ExampleEdit("both", HELD_OUT + 24, areas=2, bystanders=3),
    "new motion 576x320": ExampleEdit("motion", HELD_OUT + 23, bystanders=4),
    "many areas 576x320": ExampleEdit("content", HELD_OUT + 24, areas=3, bystanders=2),
    "long 576x320": ExampleEdit("both", HELD_OUT + 21, frames=LONG_FRAMES, bystanders=4, roam_px=150.0),
    "kept motion 576x320": ExampleEdit("content", HELD_OUT + 24, bystanders=4),
    "added 576x320": ExampleEdit("inserted", HELD_OUT + 32, bystanders=4),
    "removed 576x320": ExampleEdit("removed", HELD_OUT + 34, bystanders=4),
}

WITH_DEPTH = "restyled"  # of FRAMES, HEIGHT_PX, WIDTH_PX


def example_edit(name: str) -> SyntheticEdit:
    """14 frames of 128×128; of 576×320, some of them 24, where the name says so."""
    example = (EXAMPLES | WIDE_EXAMPLES)[name]
    how: dict[str, Any] = {"height": HEIGHT_PX, "width": WIDTH_PX}
    if name in WIDE_EXAMPLES:
        # More of the same scene: things little larger, the ground calmer, or it would look like cloth.
        how = {"diameter_px": (44.0, 54.0), "speed_px": (4.5, 7.0), "shortest_wave_px": 90.0}
        how |= {"height": WIDE_PX[0], "width": WIDE_PX[1], "roam_px": example.roam_px}
    how |= {"frames": example.frames, "areas": example.areas, "bystanders": example.bystanders}
    return make_edit(example.seed, example.kind, **how)


def restyled_example() -> RestyledClip:
    """Two sprites on coloured ground that pass each other, and both in other colours."""
    size = {"frames": FRAMES, "height": HEIGHT_PX, "width": WIDTH_PX}
    return make_restyled(HELD_OUT + 8, **size, sprites=(2, 2), coloured=1.0)


def example_files(folder: Path, name: str) -> tuple[Path, Path]:
    """Where the clip and its edited first frame lie; js/graph/upstream.js knows the same names."""
    stem = name.replace(" ", "_")
    return folder / f"{stem}.mp4", folder / f"{stem}.png"


def example_depth_file(folder: Path) -> Path:
    """Where the depth of WITH_DEPTH lies, what is near bright; the other examples have none."""
    return folder / f"{WITH_DEPTH}_depth.mp4"


def write_restyled(folder: Path) -> None:
    """Clip, edited first frame and depth of WITH_DEPTH."""
    truth = restyled_example()
    clip, edited = example_files(folder, WITH_DEPTH)
    write_video(clip, truth.source, EXAMPLE_FPS, CRF)
    write_image(edited, truth.target[0])
    write_video(example_depth_file(folder), truth.depth.expand(-1, 3, -1, -1), EXAMPLE_FPS, CRF)


def write_examples(folder: str | Path) -> None:
    """Clip and edited first frame of each example, as `example_files` names them, and the depth of one."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*EXAMPLES, *WIDE_EXAMPLES):
        truth = example_edit(name)
        clip, edited = example_files(folder, name)
        write_video(clip, truth.source, EXAMPLE_FPS, CRF)
        write_image(edited, truth.edit.edited_frame)
    write_restyled(folder)


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes the examples' clips and edited first frames."""
    parser = argparse.ArgumentParser(prog="python -m revideo.synthetic.examples", description=main.__doc__)
    parser.add_argument("folder", help="where to; in this repository js/examples")
    write_examples(parser.parse_args(arguments).folder)


if __name__ == "__main__":
    main()

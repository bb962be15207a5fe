"""Four edits of synthetic scenes that no training has seen: for the demo, the example node and its workflow.

python -m revideo.synthetic.examples js/examples
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..pictures.sheets import write_image
from ..sampling.samplers import SamplerOptions
from ..video.io import write_video
from .clips import SyntheticEdit, make_edit
from .measures import HELD_OUT

FRAMES, SIDE_PX = 14, 128  # at home for the built-in model, which is trained on such clips
EXAMPLE_FPS = 8  # of the files: 14 frames take a little under two seconds
OPTIONS = SamplerOptions(cfg_last=1.0)  # a synthetic scene has one right answer: guidance overshoots it
FEATHER_PX = 4.0  # of the finished clips, in which the source's pixels are back outside the mask
CRF = 8  # clips of 20 kB, in which one sees no codec


@dataclass(frozen=True)
class ExampleEdit:
    """Which edit of `make_edit` it is."""

    kind: str
    seed: int  # chosen by what is to be done, not by what the model makes of it
    areas: int = 1


EXAMPLES = {
    "content": ExampleEdit("content", HELD_OUT + 5),
    "motion": ExampleEdit("motion", HELD_OUT + 6),
    "both": ExampleEdit("both", HELD_OUT + 5),
    "two areas": ExampleEdit("both", HELD_OUT, areas=2),
}


def example_edit(name: str) -> SyntheticEdit:
    """14 frames of 128×128."""
    example = EXAMPLES[name]
    return make_edit(example.seed, example.kind, frames=FRAMES, height=SIDE_PX, width=SIDE_PX, areas=example.areas)


def example_files(folder: Path, name: str) -> tuple[Path, Path]:
    """Where the clip and its edited first frame lie; js/clip/upstream.js knows the same names."""
    stem = name.replace(" ", "_")
    return folder / f"{stem}.mp4", folder / f"{stem}.png"


def write_examples(folder: str | Path) -> None:
    """Clip and edited first frame of each example, as `example_files` names them."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in EXAMPLES:
        truth = example_edit(name)
        clip, edited = example_files(folder, name)
        write_video(clip, truth.source, EXAMPLE_FPS, CRF)
        write_image(edited, truth.edit.edited_frame)


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes the examples' clips and edited first frames."""
    parser = argparse.ArgumentParser(prog="python -m revideo.synthetic.examples", description=main.__doc__)
    parser.add_argument("folder", help="where to; in this repository js/examples")
    write_examples(parser.parse_args(arguments).folder)


if __name__ == "__main__":
    main()

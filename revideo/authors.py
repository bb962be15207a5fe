"""The authors' twenty example scripts as data, and what each asks of a model: document, options, clip, edited frame.

docs/authors_examples.md says which setting of theirs is which of ours.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .checkpoints.released import REPOSITORY
from .drawing.document import EditDocument
from .drawing.schema import DrawnPath, Point, Region
from .edit import Edit, check_video
from .sampling.samplers import SamplerOptions
from .tracks.tracking import Tracker, track_points
from .video.fitting import choose_size, fit_frames
from .video.io import frames_from_pixels
from .video.levels import IMAGE_SUFFIXES

TESTSET = f"https://huggingface.co/{REPOSITORY}"  # its folder testset/ holds clips and edited frames
SCRIPT_FRAMES = 14  # of each clip
SAVED_FPS = 10  # frames per second of each result
SCRIPT_SIDE_PX = 1024  # clips are scaled to the area of such a square
FRAMES_PER_CHUNK = 1  # are decoded at once

Program = Literal["one area", "many areas", "kept motion"]


@dataclass(frozen=True)
class AuthorsPath:
    """Where something shall go, in pixels of the clip as it was filmed."""

    start: tuple[int, int]  # x, y
    end: tuple[int, int]
    bias_x: tuple[int, ...] = (0,)  # pixels of the scaled clip, frame by frame, again and again: back and forth
    bias_y: tuple[int, ...] = (0,)

    def places(self, x_scale: float, y_scale: float) -> list[tuple[float, float]]:
        """x, y on each frame of the scaled clip, as the motion map of the scripts has it.

        The first frame's is the start, uncut; from the second on whole pixels. So the second moves by a rounding and
        a bias, and the path ends on the last.
        """
        columns = self._along(0, x_scale, self.bias_x), self._along(1, y_scale, self.bias_y)
        return list(zip(*columns))

    def _along(self, axis: int, scale: float, bias: tuple[int, ...]) -> list[float]:
        start, end = self.start[axis] * scale, self.end[axis] * scale
        # Divided before it is multiplied, as theirs: a rounding may decide where int() cuts.
        step = (end - start) / (SCRIPT_FRAMES - 2)
        return [start, *(float(int(start + i * step + bias[i % len(bias)])) for i in range(SCRIPT_FRAMES - 1))]


@dataclass(frozen=True)
class AuthorsExample:
    """What one script asks for, in pixels of the clip as it was filmed."""

    name: str
    program: Program
    clip: str  # folder of pictures in the test set
    edited_frame: str  # picture in the test set
    steps: int
    fps: int
    rectangles: tuple[tuple[int, int, int, int], ...]  # left, top, right, bottom of what may change
    paths: tuple[AuthorsPath, ...] = ()
    points: tuple[tuple[int, int], ...] = ()  # x, y on the first frame, to be tracked

    @property
    def options(self) -> SamplerOptions:
        """How the script samples; its program for many areas adds no noise to the reference."""
        added = 0.0 if self.program == "many areas" else None
        return SamplerOptions(steps=self.steps, fps=self.fps, seed=23, noise_augmentation=0.02, added_noise=added)

    def document(
        self,
        source_size: tuple[int, int],  # height, width of the clip as it was filmed
        size: tuple[int, int],  # height, width that the script scales it to
        tracked: list[list[tuple[float, float]]] | None = None,  # x, y of each of `points` on each scaled frame
    ) -> EditDocument:
        """Paths and areas on the scaled clip: a timed point on each frame, rectangles cut to whole pixels."""
        y_scale, x_scale = (side / before for side, before in zip(size, source_size))
        places = tracked if tracked is not None else [path.places(x_scale, y_scale) for path in self.paths]
        return EditDocument(
            width=size[1],
            height=size[0],
            frames=SCRIPT_FRAMES,
            paths=tuple(
                DrawnPath(f"p{number}", "line", tuple(Point(x, y, frame) for frame, (x, y) in enumerate(path)))
                for number, path in enumerate(places, 1)
            ),
            regions=tuple(
                Region(
                    f"r{number}",
                    "rect",
                    (
                        (int(left * x_scale), int(top * y_scale)),
                        (int(right * x_scale), int(bottom * y_scale)),
                    ),
                )
                for number, (left, top, right, bottom) in enumerate(self.rectangles, 1)
            ),
        )

    def find(self, testset: str | Path) -> tuple[list[Path], Path]:
        """Its pictures and its edited frame; OSError or ValueError names what is missing."""
        folder, edited = Path(testset) / self.clip, Path(testset) / self.edited_frame
        if not folder.is_dir():
            raise FileNotFoundError(
                f"there is no folder {folder}, which {self.name} reads: give the folder testset/ of {TESTSET}"
            )
        # A dot begins what systems add of their own, such as macOS's "._00000.png".
        found = (file for file in folder.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES)
        pictures = sorted(file for file in found if not file.name.startswith("."))
        if len(pictures) < SCRIPT_FRAMES:
            raise ValueError(
                f"{folder} holds {len(pictures)} pictures; {self.name} takes {SCRIPT_FRAMES}: fetch it again"
            )
        if not edited.is_file():
            raise FileNotFoundError(f"there is no file {edited}, the edited frame of {self.name}: fetch it again")
        return pictures[:SCRIPT_FRAMES], edited

    def read(self, testset: str | Path, tracker: Tracker | None = None) -> PreparedExample:
        """Its pictures, scaled as the script scales them, and all that it asks for.

        Where motion is kept its points are tracked by the built-in tracker, or by another, and move things
        while they are hidden too. Errors as of `find`, and ValueError where pictures do not fit each other.
        """
        pictures, edited = self.find(testset)
        width, height = _picture_size(pictures[0])
        for file in pictures:
            if _picture_size(file) != (width, height):
                found = "×".join(map(str, _picture_size(file)))
                raise ValueError(f"{file} is {found}, the pictures before it {width}×{height}: fetch the folder again")
        size = choose_size(height, width, "area", SCRIPT_SIDE_PX, SCRIPT_SIDE_PX)
        video = frames_from_pixels([_scaled(file, size) for file in pictures])
        check_video(video)
        tracked = None
        if self.points:
            x_scale, y_scale = size[1] / width, size[0] / height
            points_px = torch.tensor([(x * x_scale, y * y_scale) for x, y in self.points])
            tracked = track_points(video, points_px, tracker=tracker).points_px.tolist()
        document = self.document((height, width), size, tracked)
        picture = frames_from_pixels([_scaled(edited, size)])[0]
        return PreparedExample(self, (height, width), video, picture, document)


@dataclass(frozen=True)
class PreparedExample:
    """An example with its pictures, at the size that the script works at."""

    example: AuthorsExample
    source_size: tuple[int, int]  # height, width of the clip as it was filmed
    video: Tensor  # (T, 3, H, W) in [0, 1]
    edited_frame: Tensor  # (3, H, W) in [0, 1]
    document: EditDocument

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.video.shape[-2], self.video.shape[-1]

    def fitted(self, size: tuple[int, int] | None = None) -> tuple[Tensor, Edit]:
        """The clip and its edit at another height and width, or at the script's own."""
        size = size or self.size
        edit = Edit(
            fit_frames(self.edited_frame[None], *size)[0],
            self.document.trajectories(len(self.video), *size),
            self.document.mask(len(self.video), *size),
        )
        edit.check(len(self.video), *size)
        return fit_frames(self.video, *size), edit


@cache
def authors_examples() -> dict[str, AuthorsExample]:
    """All of them by name."""
    text = (Path(__file__).parent / "assets" / "authors_examples.json").read_text("utf-8")
    return {name: _read_example(name, **fields) for name, fields in json.loads(text).items()}


def authors_example(name: str) -> AuthorsExample:
    """The one of that name; ValueError that names those near it where there is none."""
    examples = authors_examples()
    if name not in examples:
        near = get_close_matches(name, examples, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(examples)}"
        raise ValueError(f"the authors have no example {name}: {hint}")
    return examples[name]


def _read_example(name: str, rectangles: Any, paths: Any = (), points: Any = (), **fields: Any) -> AuthorsExample:
    return AuthorsExample(
        name=name,
        rectangles=tuple(map(tuple, rectangles)),
        paths=tuple(AuthorsPath(**{key: tuple(value) for key, value in path.items()}) for path in paths),
        points=tuple(map(tuple, points)),
        **fields,
    )


@contextmanager
def _opened(file: Path) -> Iterator[Image.Image]:
    """Errors of PIL name no file, and are of many kinds."""
    try:
        with Image.open(file) as picture:
            yield picture
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"{file} is no picture that can be read ({error}): fetch it again") from None


def _picture_size(file: Path) -> tuple[int, int]:
    with _opened(file) as picture:  # its head alone
        return picture.size


def _scaled(file: Path, size: tuple[int, int]) -> np.ndarray:  # (H, W, 3) uint8
    """Through PIL's own bicubic filter, which is the scripts': ours computes the same, but in floats."""
    with _opened(file) as picture:
        return np.asarray(picture.convert("RGB").resize(size[::-1], Image.Resampling.BICUBIC))

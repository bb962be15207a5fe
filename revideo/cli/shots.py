"""`revideo shots`: a film → its shots' first frames to paint in, and a file of edits to make of them."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..checkpoints.builtin import TINY
from .common import add_command, positive, refusing

if TYPE_CHECKING:
    from collections.abc import Iterator

EDITS_FILE = "edits.jsonl"


def add_shots(commands: Any) -> None:
    shots = add_command(
        commands,
        "shots",
        run_shots,
        help="find a film's cuts, and begin a batch with an edit for each shot",
        description="""\
Finds the hard cuts of a film. Writes the first frame of each shot into a folder, and edits.jsonl for `revideo
batch`, with a line for each shot: paint in the frames, and add a mask for each under the name that its line has.
The film is neither copied nor coded again; the lines say where in it a shot lies.""",
        epilog="example: revideo shots film.mp4 --model revideo.safetensors -o shots",
    )
    shots.add_argument("video", metavar="VIDEO", type=Path, help="the film")
    shots.add_argument("-o", "--output", metavar="FOLDER", type=Path, required=True, help="where all that goes")
    shots.add_argument("--model", metavar="PATH", required=True, help='the model of the edits, or "tiny"')
    shots.add_argument(
        "--cut",
        metavar="X",
        type=positive(float),
        default=0.1,
        help="how much a cut changes the picture at least, coarsely seen, of 1 (default: 0.1)",
    )
    shots.add_argument(
        "--shortest",
        metavar="N",
        type=positive(int),
        default=14,
        help="leave out shots of fewer frames, which no window of the model fits into (default: 14)",
    )


def run_shots(arguments: argparse.Namespace) -> int:
    with refusing():
        from ..files import check_folder, check_sources, whole_file
        from ..pictures.sheets import write_image
        from ..video.shots import find_shots

        film, folder = arguments.video, arguments.output
        check_sources([film])
        check_folder(folder)
        if (folder / EDITS_FILE).exists():  # and maybe painted pictures
            raise ValueError(f"{folder / EDITS_FILE} is there already: name another folder")
        shots = find_shots(film, arguments.cut)
        lasting = [shot for shot in shots if len(shot) >= arguments.shortest]
        if not lasting:
            raise ValueError(f"{film} has no shot of {arguments.shortest} frames (--shortest)")
        folder.mkdir(parents=True, exist_ok=True)
        for number, picture in enumerate(_first_frames(film, lasting), 1):
            write_image(folder / f"{_name(number)}.png", picture)
        model = TINY if arguments.model == TINY else str(Path(arguments.model).absolute())
        with whole_file(folder / EDITS_FILE) as unfinished:
            lines = (_shot_line(film, model, number, shot) for number, shot in enumerate(lasting, 1))
            unfinished.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), "utf-8")
    left_out = f", {len(shots) - len(lasting)} shorter ones left out" if len(lasting) < len(shots) else ""
    print(f"{folder / EDITS_FILE}: {len(lasting)} shots of {film}{left_out}; their first frames lie beside it")
    return 0


def _name(number: int) -> str:
    return f"shot-{number:04d}"


def _shot_line(film: Path, model: str, number: int, shot: range) -> dict[str, object]:
    """The edit of a shot as `revideo batch` reads it; its mask is yet to be made."""
    name = _name(number)
    part = {"video": str(film.absolute()), "start": shot.start, "frames": len(shot), "long": True}
    given = {"model": model, "edited_frame": f"{name}.png", "mask": f"{name}-mask.png"}
    return {**part, **given, "output": f"{name}-edited{film.suffix if film.suffix in ('.mp4', '.mov') else '.mkv'}"}


def _first_frames(film: Path, shots: list[range]) -> Iterator[Any]:
    """(3, H, W) of each, decoding the film once more."""
    from ..video.io import decode_pictures, frames_from_pixels
    from ..video.orientation import upright
    from ..video.stream import open_video

    starts = {shot.start for shot in shots}
    with open_video(film) as video:
        for number, picture in enumerate(decode_pictures(video, 0, 1, None)):
            if number in starts:
                yield frames_from_pixels([upright(picture, video.pixel_aspect)])[0]

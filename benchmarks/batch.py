"""Wall time of a batch by several workers, against one; Ray's start is not counted, loading the model is.

python -m benchmarks.batch --clips 12 --workers 2
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from revideo.cli.batch.lines import read_lines
from revideo.cli.batch.workers import Farm
from revideo.pictures.sheets import write_image
from revideo.synthetic.examples import EXAMPLE_FPS, HEIGHT_PX, WIDTH_PX, example_edit
from revideo.video.io import write_video


def main() -> None:
    """Prints one JSON line: seconds of each number of workers, and the ratio."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.batch", description=__doc__)
    parser.add_argument("--clips", type=int, default=12, help="edits of a batch (%(default)s)")
    parser.add_argument("--steps", type=int, default=10, help="of sampling (%(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="of the second batch; the first has one (%(default)s)")
    given = parser.parse_args()
    seconds = {}
    for workers in (1, given.workers):
        with TemporaryDirectory() as folder:
            lines = read_lines(write_batch(Path(folder), given.clips, given.steps), "cpu")
            with Farm(workers=workers, cards=False, cores=1) as farm:
                begun = time.perf_counter()
                outcomes = farm.run(lines, lambda _: None)
                seconds[workers] = time.perf_counter() - begun
            failed = [outcome.message for outcome in outcomes if outcome.state != "made"]
            assert not failed, failed
    ratio = seconds[given.workers] / seconds[1]
    print(json.dumps({"seconds": {str(key): round(value, 1) for key, value in seconds.items()}, "ratio": ratio}))


def write_batch(folder: Path, clips: int, steps: int) -> Path:
    """A clip of the built-in model's world and a file with so many edits of it, each of another seed."""
    truth = example_edit("content")
    write_video(folder / "clip.mp4", truth.source, EXAMPLE_FPS)
    write_image(folder / "edited.png", truth.edit.edited_frame)
    write_image(folder / "mask.png", truth.edit.masks(0, 1)[0].float().expand(3, -1, -1))
    shown = {"video": "clip.mp4", "model": "tiny", "edited_frame": "edited.png", "mask": "mask.png"}
    options = {"size": f"{WIDTH_PX}x{HEIGHT_PX}", "cfg_last": 1, "steps": steps}
    lines = [json.dumps({**shown, **options, "seed": seed, "output": f"out-{seed}.mp4"}) for seed in range(clips)]
    (folder / "edits.jsonl").write_text("\n".join(lines), "utf-8")
    return folder / "edits.jsonl"


if __name__ == "__main__":
    main()

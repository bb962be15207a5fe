"""`revideo evaluate`: figures, charts and comparisons of a result."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from .common import add_command, parse_size, refusing


def add_evaluate(commands: Any) -> None:
    evaluate = add_command(
        commands,
        "evaluate",
        run_evaluate,
        help="measure a result: what was kept, and what moved as asked",
        description="""\
Measures a result against its source and what was asked for. docs/metrics.md says what each figure means.

Two columns: "raw" is the result as it is, "composited" the same with the source's pixels put back outside the
area. Give what the model made itself (`revideo edit --no-keep`): of a finished video the first column shows no
more than the codec's loss.

Into the output folder go figures.json, charts.png (figures over the frames), sheet.png and comparison.mp4
(source, edited frame, result, difference). CLIP and LPIPS are never downloaded: without them the other
figures come.""",
        epilog="""\
example:

  revideo evaluate raw.mp4 --source clip.mp4 --mask mask.png --tracks tracks.json -o figures

The source is fitted to the result's size; tracks and mask as in `revideo edit`.""",
    )
    what = evaluate.add_argument_group("what to measure")
    what.add_argument("result", metavar="RESULT", type=Path, help="the video that was made")
    what.add_argument("--source", metavar="VIDEO", type=Path, required=True, help="the clip it was made from")
    area = what.add_mutually_exclusive_group(required=True)
    area.add_argument("--mask", "--region", metavar="FILE", type=Path, help="the area that was edited, white on black")
    area.add_argument("--document", metavar="JSON", type=Path, help="paths and area as the editor wrote them")
    what.add_argument("--tracks", metavar="JSON", type=Path, help="the paths that were asked for")
    what.add_argument("--timing", choices=("stretch", "as drawn"), default="stretch", help="as in edit")
    what.add_argument("--tracks-size", metavar="WxH", type=parse_size, help="as in edit")
    what.add_argument(
        "--edited-frame", "--reference", metavar="PICTURE", type=Path, help="the edited first frame, to be shown"
    )
    what.add_argument("--start", metavar="N", type=int, default=0, help="the source's first frame (default: 0)")
    what.add_argument("--stride", metavar="N", type=int, default=1, help="of the source's frames (default: 1)")
    what.add_argument("--fit", choices=("stretch", "crop", "pad"), default="stretch", help="as in edit")
    what.add_argument("-o", "--output", metavar="FOLDER", type=Path, required=True, help="where to write")

    kept = evaluate.add_argument_group("the composited column")
    kept.add_argument("--composited", metavar="VIDEO", type=Path, help="a finished video (default: made from RESULT)")
    kept.add_argument("--feather", metavar="PX", type=float, default=12.0, help="of the seam (default: 12)")
    kept.add_argument(
        "--match", choices=("none", "colours", "gradients"), default="none", help="as in edit (default: none)"
    )

    models = evaluate.add_argument_group("models")
    models.add_argument("--prompt", metavar="TEXT", help="describes the result: for text alignment, and V2VBench")
    models.add_argument(
        "--clip",
        metavar="PATH",
        help="a folder with a CLIP model of transformers, or a name in your Hugging Face cache, such as "
        "openai/clip-vit-large-patch14 (default: no figures of CLIP)",
    )
    models.add_argument("--flow", metavar="FILE", type=Path, help="weights of torchvision's raft_large (default: DIS)")
    models.add_argument("--device", help="for these models: cpu, cuda, … (default: the best there is)")

    bench = evaluate.add_argument_group("for published benchmarks")
    bench.add_argument(
        "--v2vbench",
        metavar="FOLDER",
        type=Path,
        help="also add source and composited result to this folder, as V2VBench's evaluator reads them; needs --prompt",
    )
    bench.add_argument("--name", metavar="ID", help="of the clip in that folder (default: the source's file name)")


def run_evaluate(arguments: argparse.Namespace) -> int:
    with refusing():
        from .job_evaluate import prepare_evaluation

        job = prepare_evaluation(arguments)

        from ..evaluation.evaluator import report_json, report_table

        reports = {name: job.evaluator.measure(video) for name, video in job.videos.items()}
        told = report_table(reports)
        print("\n".join([told, *job.notes]))

        from ..evaluation.charts import chart
        from ..evaluation.comparison import comparison
        from ..pictures.sheets import sheet, side_by_side, write_image
        from ..video.io import write_video

        folder = arguments.output
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "figures.json").write_text(report_json(reports), "utf-8")
        write_image(folder / "charts.png", chart(reports))
        question = job.evaluator.question
        composited = job.videos["composited"]
        panels = comparison(question.source, job.reference, composited, question.region, question.trajectories)
        write_image(folder / "sheet.png", sheet({name.replace(", ", ",\n"): clip for name, clip in panels.items()}))
        write_video(folder / "comparison.mp4", side_by_side(panels), job.rate)
        if arguments.v2vbench:
            from ..evaluation.v2vbench import add_edit

            added = add_edit(arguments.v2vbench, job.name, job.prompt, question.source, composited)
            print(f"{added}: {len(composited)} frames, for V2VBench", file=sys.stderr)
    print(f"{folder}: figures.json, charts.png, sheet.png, comparison.mp4", file=sys.stderr)
    return 0

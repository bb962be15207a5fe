"""`revideo evaluate`: metrics, charts and comparisons of a result."""

from __future__ import annotations

import argparse
import re
import sys
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .common import add_command, parse_size, refusing

if TYPE_CHECKING:
    from ..evaluation.evaluate import Evaluation
    from ..evaluation.evaluator import Question


def add_evaluate(commands: Any) -> None:
    evaluate = add_command(
        commands,
        "evaluate",
        run_evaluate,
        help="measure a result: what was kept, and what moved as asked",
        description="""\
Measures a result against its source and what was asked for. docs/metrics.md says what each metric means.

Two columns: "raw" is the result as it is, "composited" the same with the source's pixels put back outside the
area. Give what the model made itself (`revideo edit --no-keep`): of a finished video the first column shows no
more than the codec's loss.

Into the output folder go figures.json, charts.png (metrics over the frames), sheet.png and comparison.mp4
(source, edited frame, result, difference). CLIP and LPIPS are never downloaded: without them the other
metrics come.""",
        epilog="""\
example:

  revideo evaluate raw.mp4 --source clip.mp4 --mask mask.png --tracks tracks.json -o figures

The source is fitted to the result's size; tracks and mask as in `revideo edit`.""",
    )
    what = evaluate.add_argument_group("what to measure")
    what.add_argument("result", metavar="RESULT", type=Path, help="the video that was made")
    what.add_argument("--source", metavar="VIDEO", type=Path, required=True, help="the clip it was made from")
    mask = what.add_mutually_exclusive_group(required=True)
    mask.add_argument("--mask", "--region", metavar="FILE", type=Path, help="the area that was edited, white on black")
    mask.add_argument("--document", metavar="JSON", type=Path, help="paths and area as the editor wrote them")
    what.add_argument("--tracks", metavar="FILE", type=Path, help="the paths that were asked for")
    what.add_argument("--timing", choices=("stretch", "as drawn"), default="stretch", help="as in edit")
    what.add_argument("--tracks-size", metavar="WxH", type=parse_size, help="as in edit")
    what.add_argument(
        "--edited-frame", "--reference", metavar="PICTURE", type=Path, help="the edited first frame, to be shown"
    )
    what.add_argument("--start", metavar="N", type=int, default=0, help="the source's first frame (default: 0)")
    what.add_argument("--stride", metavar="N", type=int, default=1, help="of the source's frames (default: 1)")
    what.add_argument("--fit", choices=("stretch", "crop", "pad"), default="stretch", help="as in edit")
    what.add_argument("-o", "--output", metavar="FOLDER", type=Path, required=True, help="where to write")

    column = evaluate.add_argument_group("the composited column")
    column.add_argument("--composited", metavar="VIDEO", type=Path, help="a finished video (default: made from RESULT)")
    column.add_argument("--feather", metavar="PX", type=float, default=12.0, help="of the seam (default: 12)")
    column.add_argument(
        "--match", choices=("none", "colours", "gradients"), default="none", help="as in edit (default: none)"
    )

    models = evaluate.add_argument_group("models")
    models.add_argument("--prompt", metavar="TEXT", help="describes the result: for text alignment, and V2VBench")
    models.add_argument(
        "--clip",
        metavar="PATH",
        help="a folder with a CLIP model of transformers, or a name in your Hugging Face cache, such as "
        "openai/clip-vit-large-patch14 (default: no metrics of CLIP)",
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
        _check(arguments)
        evaluation, question, rate = _evaluate(arguments)
        print(evaluation.table)

        from ..pictures.sheets import write_image
        from ..video.io import write_video

        folder = arguments.output
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "figures.json").write_text(evaluation.json, "utf-8")
        write_image(folder / "charts.png", evaluation.chart)
        write_image(folder / "sheet.png", evaluation.sheet)
        write_video(folder / "comparison.mp4", evaluation.comparison, rate)
        if arguments.v2vbench:
            from ..evaluation.v2vbench import add_result

            name, prompt = _v2vbench_entry(arguments)
            added = add_result(arguments.v2vbench, name, prompt, question.source, evaluation.composited)
            print(f"{added}: {len(evaluation.composited)} frames, for V2VBench", file=sys.stderr)
    print(f"{folder}: figures.json, charts.png, sheet.png, comparison.mp4", file=sys.stderr)
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """All that can be known before a clip is read; ValueError or OSError names the culprit."""
    from ..files import check_folder, check_sources
    from .inputs import FEATHER_MAX, check_device

    clips = [arguments.result, arguments.source, arguments.composited, arguments.mask]
    check_sources([arguments.tracks, arguments.edited_frame, arguments.flow, arguments.document], clips)
    check_device(arguments.device)
    if not 0 <= arguments.feather <= FEATHER_MAX:
        raise ValueError(f"--feather must be 0 to {FEATHER_MAX} pixels, not {arguments.feather:g}")
    check_folder(arguments.output)
    if arguments.prompt and not (arguments.clip or arguments.v2vbench):
        raise ValueError("--prompt needs a CLIP model to be measured: add --clip, or leave the prompt out")
    if arguments.v2vbench:
        from ..evaluation.v2vbench import check_entry

        check_folder(arguments.v2vbench)
        check_entry(arguments.v2vbench, *_v2vbench_entry(arguments))


def _v2vbench_entry(arguments: argparse.Namespace) -> tuple[str, str]:
    """The clip's name, and the prompt."""
    return arguments.name or re.sub(r"[^A-Za-z0-9_-]+", "_", arguments.source.stem), arguments.prompt or ""


def _evaluate(arguments: argparse.Namespace) -> tuple[Evaluation, Question, Fraction]:
    """What was measured, against what, and the result's frames per second."""
    import torch

    from ..evaluation.evaluate import evaluate_edit
    from ..evaluation.evaluator import Question
    from ..evaluation.flow import dis_flow, load_raft
    from ..evaluation.perceptual import ClipModel
    from ..video.fitting import describe_frames, fit_frames
    from ..video.io import read_video
    from .drawn_edit import read_drawn
    from .inputs import read_edited_frame, read_mask, read_trajectories

    drawn = read_drawn(arguments)
    raw, rate = read_video(arguments.result)
    frames, size = len(raw), (raw.shape[-2], raw.shape[-1])
    whole, _ = read_video(arguments.source, arguments.start, arguments.stride, frames)
    source_size = whole.shape[-2], whole.shape[-1]
    source = fit_frames(whole, *size, arguments.fit)
    trajectories = read_trajectories(arguments, drawn, frames, source_size, size)
    mask = read_mask(arguments, drawn, arguments.source, frames, source_size, size)
    question = Question(source, mask, trajectories, arguments.prompt or "" if arguments.clip else "")
    composited, edited_frame = None, None
    if arguments.composited:
        composited, _ = read_video(arguments.composited)
        if composited.shape != raw.shape:
            raise ValueError(
                f"{arguments.composited} is {describe_frames(composited)}, the result {describe_frames(raw)}"
            )
    if arguments.edited_frame:
        edited_frame = read_edited_frame(arguments, arguments.edited_frame, arguments.source, source_size, size)
    device = arguments.device or ("cuda" if torch.cuda.is_available() else "cpu")
    evaluation = evaluate_edit(
        question,
        raw,
        composited,
        edited_frame,
        feather_px=arguments.feather,
        match=arguments.match,
        clip=ClipModel(arguments.clip, device) if arguments.clip else None,
        flow=load_raft(arguments.flow, device) if arguments.flow else dis_flow,
        device=device,
    )
    return evaluation, question, rate

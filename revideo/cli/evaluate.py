"""`revideo evaluate`: metrics, charts and comparisons of a result; `revideo evaluate-sets`: of two sets of clips."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .common import add_command, parse_size, positive, refusing

if TYPE_CHECKING:
    from torch import Tensor

    from ..evaluation.evaluate import Evaluation
    from ..evaluation.evaluator import Question

LEARNED_FILES = "aesthetic", "viclip", "dover"  # the others of LEARNED are folders, or names in a cache
LEARNED = "clip", "dino", "pickscore", *LEARNED_FILES
FEATURE_SUFFIXES = ".npy", ".safetensors"


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
(source, edited frame, result, difference). Models are never downloaded: what is not named is not measured, and
the other metrics come.""",
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
    add_measuring_models(models)

    bench = evaluate.add_argument_group("for published benchmarks")
    bench.add_argument(
        "--v2vbench",
        metavar="FOLDER",
        type=Path,
        help="also add source and composited result to this folder, as V2VBench's evaluator reads them; needs --prompt",
    )
    bench.add_argument("--name", metavar="ID", help="of the clip in that folder (default: the source's file name)")


def add_measuring_models(models: Any) -> None:
    """What metrics are computed by, as options in a group; `measuring_models` loads them."""
    models.add_argument(
        "--clip",
        metavar="PATH",
        help="a folder with a CLIP model of transformers, or a name in your Hugging Face cache, such as "
        "openai/clip-vit-large-patch14 (default: no metrics of CLIP)",
    )
    models.add_argument(
        "--aesthetic",
        metavar="FILE",
        type=Path,
        help="weights of a linear head of LAION's aesthetic predictor over --clip, which must be ViT-L/14",
    )
    models.add_argument(
        "--dino", metavar="PATH", help="a folder with a DINO model of transformers, or a name as facebook/dinov2-base"
    )
    models.add_argument(
        "--pickscore", metavar="PATH", help="the same with PickScore, a CLIP model, and its processor's files"
    )
    models.add_argument("--viclip", metavar="FILE", type=Path, help="weights of ViCLIP; its words are those of --clip")
    models.add_argument("--dover", metavar="FILE", type=Path, help="weights of DOVER, whose package must be installed")
    models.add_argument(
        "--flow",
        metavar="FILE",
        type=Path,
        help="weights of torchvision's raft_large, or a TorchScript program, such as of GMFlow (default: DIS)",
    )
    models.add_argument(
        "--cotracker", metavar="FILE", type=Path, help="a local CoTracker file to follow paths by (default: built in)"
    )
    models.add_argument("--device", help="for these models: cpu, cuda, … (default: the best there is)")


def add_evaluate_sets(commands: Any) -> None:
    sets = add_command(
        commands,
        "evaluate-sets",
        run_evaluate_sets,
        help="measure a set of clips against another: FVD, KVD, FID, IS",
        description="""\
Measures a set of made clips against a set of real ones. A set is a folder of videos, or of folders of pictures;
or a file of features (N, D), .npy or .safetensors, for Frechet and kernel distance alone. docs/metrics.md says what
each metric means, and how many clips it takes. Nothing is downloaded.""",
        epilog="""\
example:

  revideo evaluate-sets real made --i3d i3d_torchscript.pt --inception inception-2015-12-05.pt --frames 16""",
    )
    sets.add_argument("real", metavar="REAL", type=Path, help="folder of real clips, or file of features")
    sets.add_argument("made", metavar="MADE", type=Path, help="folder of made clips, or file of features")
    sets.add_argument("--i3d", metavar="FILE", type=Path, help="a TorchScript file of I3D, for FVD and KVD")
    sets.add_argument("--inception", metavar="FILE", type=Path, help="a TorchScript file of Inception, for FID and IS")
    sets.add_argument("--frames", metavar="N", type=positive(int), help="the first of each clip (default: all)")
    sets.add_argument("--device", help="for these networks: cpu, cuda, … (default: the best there is)")
    sets.add_argument("-o", "--output", metavar="JSON", type=Path, help="also write them to this file")


def run_evaluate_sets(arguments: argparse.Namespace) -> int:
    with refusing():
        import torch

        from ..evaluation.sets import measure_clips, measure_features
        from ..files import check_sources, check_target, whole_file
        from .inputs import check_device

        sets = arguments.real, arguments.made
        check_sources([*sets, arguments.i3d, arguments.inception])
        check_device(arguments.device)
        if arguments.output:
            check_target(arguments.output, (".json",), sets)
        if any(each.is_file() for each in sets):
            for each in sets:
                if each.suffix not in FEATURE_SUFFIXES or not each.is_file():
                    raise ValueError(
                        f"{each}: two files of features are compared, .npy or .safetensors, or two folders"
                    )
            found = measure_features(*sets)
        else:
            clips = [_clips_in(each) for each in sets]
            found = measure_clips(
                *(_read_clips(files, arguments.frames) for files in clips),
                i3d=arguments.i3d,
                inception=arguments.inception,
                device=arguments.device or ("cuda" if torch.cuda.is_available() else "cpu"),
            )
        print(found.table())
        if arguments.output:
            with whole_file(arguments.output) as unfinished:
                unfinished.write_text(found.json(), "utf-8")
    return 0


def _clips_in(folder: Path) -> list[Path]:
    """Its videos, and its folders of pictures."""
    from ..training.video_folder import SUFFIXES

    shown = [file for file in sorted(folder.iterdir()) if not file.name.startswith(".")]
    clips = [file for file in shown if file.is_dir() or file.suffix.lower() in SUFFIXES]
    if len(clips) < 2:
        raise ValueError(
            f"{folder} holds {len(clips)} clips ({', '.join(SUFFIXES)}, or folders of pictures): give 2 or more"
        )
    return clips


def _read_clips(files: list[Path], frames: int | None) -> Iterator[Tensor]:
    from tqdm import tqdm

    from ..video.io import read_video

    for file in tqdm(files, desc=files[0].parent.name, unit="clip"):
        yield read_video(file, count=frames)[0]


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
    named = [arguments.tracks, arguments.edited_frame, arguments.flow, arguments.cotracker, arguments.document]
    check_sources([*named, *(getattr(arguments, name) for name in LEARNED_FILES)], clips)
    check_device(arguments.device)
    if not 0 <= arguments.feather <= FEATHER_MAX:
        raise ValueError(f"--feather must be 0 to {FEATHER_MAX} pixels, not {arguments.feather:g}")
    check_folder(arguments.output)
    for name in ("aesthetic", "viclip"):
        if getattr(arguments, name) and not arguments.clip:
            raise ValueError(f"--{name} needs a CLIP model: add --clip openai/clip-vit-large-patch14, or its folder")
    for name in ("viclip", "pickscore"):
        if getattr(arguments, name) and not arguments.prompt:
            raise ValueError(f"--{name} measures the result against its prompt: add --prompt")
    if arguments.prompt and not (reads_prompt(arguments) or arguments.v2vbench):
        raise ValueError("--prompt needs a CLIP model to be measured: add --clip, or leave the prompt out")
    if arguments.v2vbench:
        from ..evaluation.v2vbench import check_entry

        check_folder(arguments.v2vbench)
        check_entry(arguments.v2vbench, *_v2vbench_entry(arguments))


def reads_prompt(arguments: argparse.Namespace) -> bool:
    return bool(arguments.clip or arguments.pickscore)


def _v2vbench_entry(arguments: argparse.Namespace) -> tuple[str, str]:
    """The clip's name, and the prompt."""
    return arguments.name or re.sub(r"[^A-Za-z0-9_-]+", "_", arguments.source.stem), arguments.prompt or ""


def measuring_models(arguments: argparse.Namespace, device: str) -> dict[str, Any]:
    """Named arguments of an Evaluator, as `add_measuring_models` has them; ValueError names what is none."""
    from ..evaluation.flow import dis_flow, load_flow
    from ..evaluation.learned import load_learned
    from ..tracks.tracking import load_cotracker

    return {
        "learned": load_learned({name: getattr(arguments, name) for name in LEARNED}, device),
        "flow": load_flow(arguments.flow, device) if arguments.flow else dis_flow,
        "tracker": load_cotracker(arguments.cotracker, device) if arguments.cotracker else None,
    }


def _evaluate(arguments: argparse.Namespace) -> tuple[Evaluation, Question, Fraction]:
    """What was measured, against what, and the result's frames per second."""
    import torch

    from ..evaluation.evaluate import evaluate_edit
    from ..evaluation.evaluator import Question
    from ..video.fitting import describe_frames, fit_frames
    from ..video.io import read_video
    from .drawn_edit import read_drawn
    from .inputs import read_edited_frame, read_mask, read_trajectories

    device = arguments.device or ("cuda" if torch.cuda.is_available() else "cpu")
    models = measuring_models(arguments, device)
    drawn = read_drawn(arguments)
    raw, rate = read_video(arguments.result)
    frames, size = len(raw), (raw.shape[-2], raw.shape[-1])
    whole, _ = read_video(arguments.source, arguments.start, arguments.stride, frames)
    source_size = whole.shape[-2], whole.shape[-1]
    source = fit_frames(whole, *size, arguments.fit)
    trajectories = read_trajectories(arguments, drawn, frames, source_size, size)
    mask = read_mask(arguments, drawn, arguments.source, frames, source_size, size)
    question = Question(source, mask, trajectories, (arguments.prompt or "") if reads_prompt(arguments) else "")
    composited, edited_frame = None, None
    if arguments.composited:
        composited, _ = read_video(arguments.composited)
        if composited.shape != raw.shape:
            raise ValueError(
                f"{arguments.composited} is {describe_frames(composited)}, the result {describe_frames(raw)}"
            )
    if arguments.edited_frame:
        edited_frame = read_edited_frame(arguments, arguments.edited_frame, arguments.source, source_size, size)
    evaluation = evaluate_edit(
        question,
        raw,
        composited,
        edited_frame,
        feather_px=arguments.feather,
        match=arguments.match,
        **models,
        device=device,
    )
    return evaluation, question, rate

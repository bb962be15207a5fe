"""The command line's `evaluate` arguments → an EvaluationJob: read, fitted and checked before anything is measured."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from ..edit import fit_like_clip
from ..editing.composite import keep_unedited
from ..evaluation.evaluator import Evaluator, Question
from ..evaluation.flow import dis_flow, load_raft
from ..evaluation.perceptual import Clip, find_lpips
from ..evaluation.v2vbench import check_entry
from ..files import check_sources
from ..video.io import describe, fit_frames, read_image, read_video
from .inputs import check_device, read_drawn, read_mask, read_trajectories


@dataclass(frozen=True)
class EvaluationJob:
    """Videos that can be measured."""

    evaluator: Evaluator
    videos: dict[str, Tensor]  # "raw" and "composited": (T, 3, H, W) in [0, 1]
    reference: Tensor  # (3, H, W): the edited frame, to be shown
    rate: Fraction  # frames per second of the result
    name: str  # of the clip, for V2VBench
    prompt: str  # the same
    notes: list[str]  # what will not be measured, and why


def prepare_evaluation(arguments: argparse.Namespace) -> EvaluationJob:
    """Reads and checks all that was given; ValueError or OSError names the culprit."""
    inputs = [arguments.result, arguments.source, arguments.composited, arguments.mask, arguments.document]
    check_sources([*inputs, arguments.tracks, arguments.edited_frame, arguments.flow])
    check_device(arguments.device)
    if not 0 <= arguments.feather < float("inf"):
        raise ValueError(f"--feather must be 0 or more pixels, not {arguments.feather:g}")
    if arguments.output.exists() and not arguments.output.is_dir():
        raise ValueError(f"--output {arguments.output} is not a folder")
    if arguments.prompt and not (arguments.clip or arguments.v2vbench):
        raise ValueError("--prompt needs a CLIP model to be measured: add --clip, or leave the prompt out")
    prompt = arguments.prompt or ""
    name = arguments.name or re.sub(r"[^A-Za-z0-9_-]+", "_", arguments.source.stem)
    if arguments.v2vbench:
        check_entry(arguments.v2vbench, name, prompt)
    drawn = read_drawn(arguments)

    raw, rate = read_video(arguments.result)
    frames, size = len(raw), (raw.shape[-2], raw.shape[-1])
    whole, _ = read_video(arguments.source, arguments.start, arguments.stride, frames)
    source_size = whole.shape[-2], whole.shape[-1]
    source = fit_frames(whole, *size, arguments.fit)
    trajectories = read_trajectories(arguments, drawn, frames, source_size, size)
    mask = read_mask(arguments, drawn, frames, source_size, size)
    question = Question(source, mask, trajectories, prompt if arguments.clip else "")
    if arguments.composited:
        composited, _ = read_video(arguments.composited)
        if composited.shape != raw.shape:
            raise ValueError(f"{arguments.composited} is {describe(composited)}, the result {describe(raw)}")
    else:
        composited = keep_unedited(source, raw, mask, arguments.feather, arguments.match)
    reference = raw[0]
    if arguments.edited_frame:
        picture = read_image(arguments.edited_frame)[None]
        reference = fit_like_clip(picture, "edited frame", source_size, size, arguments.fit)[0]

    device = arguments.device or ("cuda" if torch.cuda.is_available() else "cpu")
    lpips, notes = find_lpips(device)
    evaluator = Evaluator(
        question,
        clip=Clip(arguments.clip, device) if arguments.clip else None,
        lpips=lpips,
        flow=load_raft(arguments.flow, device) if arguments.flow else dis_flow,
    )
    return EvaluationJob(evaluator, {"raw": raw, "composited": composited}, reference, rate, name, prompt, notes)

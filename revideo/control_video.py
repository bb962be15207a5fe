"""A video and an Edit → what ComfyUI's nodes for Wan take: a control video for VACE, tracks for Wan-Move and ATI."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from .edit import Edit, check_video
from .tracks.trajectories import Trajectories

LengthFit = Literal["cut", "repeat last frame"]

WAN_MULTIPLE = 16  # of both sides: latents are an eighth of a frame, patches two of them
ATI_POINTS = 121  # of every track, whatever the clip's length: five seconds at 24 frames a second and the first


@dataclass(frozen=True)
class ControlVideo:
    """T = 4n + 1 frames, as Wan's autoencoder makes n + 1 of them."""

    source: Tensor  # (T, 3, H, W) in [0, 1]: the video's own
    mask: Tensor  # (T, 1, H, W) bool: where it may change
    control: Tensor  # (T, 3, H, W): the source, `fill` inside the mask; the edited frame as it is
    made: Tensor  # (T, 1, H, W) 0 or 1: 1 where the model makes the picture; 0 all over the edited frame
    trajectories: Trajectories  # over T frames; those that cannot be asked for are never visible
    left_out: tuple[int, ...]  # their numbers


def make_control_video(video: Tensor, edit: Edit, length_fit: LengthFit = "cut", fill: float = 0.5) -> ControlVideo:
    """`video` (T, 3, H, W) in [0, 1], and an edit of it.

    `length_fit` makes 4n + 1 frames of any number: up to three are cut off the end, or the last is repeated up to
    three times. `fill`: 0.5 is the grey that VACE knows (Jiang et al. 2025; its preprocessors have 127.5 of 255 where a
    frame is to be made, 128 where a part is). Wan-Move and ATI move what lies under a trajectory on the first frame, so
    that one which is hidden or outside there can ask for nothing.
    Raises ValueError, naming the culprit, for what fits no model of Wan's.
    """
    check_video(video)
    count, (height, width) = len(video), video.shape[-2:]
    edit.check(count, height, width)
    if height % WAN_MULTIPLE or width % WAN_MULTIPLE:
        raise ValueError(
            f"the frames are {width}×{height}; Wan's models take sides in multiples of {WAN_MULTIPLE}: "
            f"fit them with Prepare Video"
        )
    frames = _fitted_frames(count, length_fit)
    if edit.edited_index >= len(frames):
        raise ValueError(
            f"the edited frame, number {edit.edited_index}, is cut off: {len(frames)} of {count} frames remain, which "
            f'is 4n + 1; edit an earlier one, or choose "repeat last frame"'
        )
    if edit.edited_index and edit.trajectories.num_trajectories:
        raise ValueError(
            f"the edited frame is number {edit.edited_index}, but Wan-Move and ATI begin with it: edit frame 0, or "
            f"leave out the trajectories, which VACE does without"
        )
    source, mask = video[frames], edit.masks(0, count)[frames]
    control, made = torch.where(mask, fill, source), mask.to(source.dtype)
    control[edit.edited_index], made[edit.edited_index] = edit.edited_frame.to(source), 0
    trajectories = edit.trajectories
    trajectories = Trajectories(trajectories.points_px[:, frames], trajectories.visible[:, frames].bool())
    trajectories, left_out = _beginning_inside(trajectories, height, width)
    return ControlVideo(source, mask, control, made, trajectories, left_out)


def _fitted_frames(count: int, length_fit: LengthFit) -> list[int]:
    """Which frames of so many stand in each of the 4n + 1."""
    if length_fit not in get_args(LengthFit):
        raise ValueError(f'length_fit "{length_fit}" is not one of {", ".join(get_args(LengthFit))}')
    steps = (count - 1) // 4 if length_fit == "cut" else math.ceil((count - 1) / 4)
    if steps == 0:
        raise ValueError(
            f"the video has {count} frames; cut to 4n + 1 one would remain: give 5 or more, or choose "
            f'"repeat last frame"'
        )
    return [min(frame, count - 1) for frame in range(4 * steps + 1)]


def _beginning_inside(trajectories: Trajectories, height: int, width: int) -> tuple[Trajectories, tuple[int, ...]]:
    """Those not seen in the first frame are hidden throughout: Wan-Move would take a corner of the picture for them."""
    x, y = trajectories.points_px[:, 0].unbind(-1)
    begins = trajectories.visible[:, 0] & (x >= 0) & (x < width) & (y >= 0) & (y < height)
    if len(begins) and not begins.any():
        raise ValueError(
            "no trajectory is visible and inside the first frame, from which Wan-Move and ATI take what they move: "
            "let them begin there, or leave them out, which VACE does without"
        )
    left_out = tuple((~begins).nonzero().flatten().tolist())
    return replace(trajectories, visible=trajectories.visible & begins[:, None]), left_out


def ati_text(trajectories: Trajectories) -> str:
    """As ComfyUI's WanTrackToVideo reads them: [[{"x": …, "y": …}, … 121], …] in pixels, of those seen in frame 0.

    That node gives each frame one of the 121 points, whatever the clip's length (`ati_points`); here it finds the
    frame's own place there, exactly in clips of up to 117 frames. A track ends where it is last seen, which the node
    understands; a gap before that it does not, so that the way leads straight across it.
    """
    given = ati_points(trajectories.num_frames)
    numbers, frames = np.unique(given, return_index=True)
    tracks = []
    for points, seen in zip(trajectories.points_px.double().numpy(), trajectories.visible.bool().numpy()):
        if not seen[0]:
            continue
        known = np.flatnonzero(seen)
        last = int(known[-1])
        count = ATI_POINTS if last == len(seen) - 1 else int(given[last]) + 1
        at = np.interp(np.arange(count), numbers, frames)
        x, y = (np.interp(at, known, axis[known]) for axis in points.T)
        tracks.append([{"x": round(float(px), 4), "y": round(float(py), 4)} for px, py in zip(x, y)])
    return json.dumps(tracks)


def ati_points(num_frames: int) -> np.ndarray:
    """(T,) the number of the point, of 121, that WanTrackToVideo gives each of 4n + 1 frames (its `process_tracks`)."""
    moves = num_frames - 1
    common = math.gcd(ATI_POINTS - 1, moves)
    step, repeats = (ATI_POINTS - 1) // common, moves // common
    numbers = 1 + (1 + step * np.arange(moves)) // repeats
    return np.concatenate([[0], np.minimum(numbers, ATI_POINTS - 1)])


def describe_control(made: ControlVideo, given: int) -> str:
    """What became of so many given frames and of the trajectories, for people."""
    count = len(made.source)
    lines = [f"{count} frames."]
    if given > count:
        lines = [f"{count} of {given} frames: the last {given - count} cut off, as Wan's models make 4n + 1."]
    elif given < count:
        lines = [f"{count} frames: the last of {given} repeated {count - given} times, to make 4n + 1."]
    for number in made.left_out:
        lines.append(
            f"Path {number + 1} is hidden or outside in the first frame, from which Wan-Move and ATI take what they "
            f"move: left out of the tracks."
        )
    if made.trajectories.num_trajectories:
        lines += _ati_warnings(made.trajectories)
    return "\n".join(lines)


def _ati_warnings(trajectories: Trajectories) -> list[str]:
    lines = []
    moves = trajectories.num_frames - 1
    if moves % (ATI_POINTS - 1) == 0:
        lines.append(f"ATI: WanTrackToVideo fails at {moves + 1} frames, whatever the tracks: take {moves - 3}.")
    elif moves > ATI_POINTS - 1:
        lines.append(f"ATI: its {ATI_POINTS} points are fewer than the frames, so that some frames share one.")
    seen = trajectories.visible
    gaps = seen[:, 1:] & ~seen[:, :-1]
    for number in gaps.any(1).nonzero().flatten().tolist():
        lines.append(f"ATI: path {number + 1} is hidden for a while, which its text cannot say: it is led straight on.")
    return lines

"""`revideo demo`: a real edit of a real clip by a model of random weights, every part at work."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import torch
from torch import Tensor

from .cli import LICENCE, WEIGHTS, progress, refusing
from .composite import keep_unedited
from .conditions import make_conditions
from .edit import Edit
from .model import load
from .pictures import conditions_picture, draw_region, draw_tracks, sheet, write_image
from .random_weights import SMALL, write_random_checkpoint
from .sampling import SamplerOptions
from .trajectory import Trajectories
from .video import choose_size, fit_frames, read_video, write_video

START = 30  # in the clip that `nox -s demo` fetches, somebody rides into the picture here
AREA = (192, 448)  # height, width of what a CPU edits in seconds
OPTIONS = SamplerOptions(steps=8)
FEATHER_PX = 8.0


def demo(clip: Path, folder: Path) -> None:
    """Edits the clip and writes edit.mp4, conditions.mp4 and sheet.png into `folder`."""
    with refusing():
        window = SMALL.unet.num_frames
        folder.mkdir(parents=True, exist_ok=True)
        try:
            source, rate = read_video(clip, START, count=window)
        except ValueError:  # a short clip
            source, rate = read_video(clip, count=window)
        height, width = source.shape[-2:]
        video = fit_frames(source, *choose_size(height, width, "area", *AREA, SMALL.size_multiple))
        edit = roll_a_ball(video)
        conditions = make_conditions(video, edit)
        write_video(folder / "conditions.mp4", conditions_picture(conditions), rate)
        write_random_checkpoint(folder / "random.safetensors")

    model = load(folder / "random.safetensors", device="cpu")
    with progress(OPTIONS.steps, "sampling", "step") as report:
        latents = model.sample_conditions(conditions, OPTIONS, callback=report)
    with progress(window, "decoding", "frame") as report:
        painted = model.decode(latents, frames_per_chunk=7, callback=report)
    result = keep_unedited(video, painted, edit.region, FEATHER_PX)

    with refusing():
        write_video(folder / "edit.mp4", result, rate)
        asked = draw_region(torch.cat([edit.reference[None], video[1:]]), edit.region)
        rows = {
            "source": video,
            "edited\nfirst frame,\npaths, area": draw_tracks(asked, edit.trajectories),
            "result\n(random\nweights)": result,
        }
        write_image(folder / "sheet.png", sheet(rows))
        written, _ = read_video(folder / "edit.mp4")

    outside = (edit.region < 0.5).expand(window, 3, -1, -1)
    untouched = torch.equal(result[outside], video[outside])
    print(
        f"""
{folder / "edit.mp4"}, {folder / "conditions.mp4"}, {folder / "sheet.png"}: \
{window} frames of {video.shape[-1]}×{video.shape[-2]}

Outside the area every pixel {"equals" if untouched else "DIFFERS FROM"} the source's; read back from the \
compressed file they agree to {psnr(written[outside], video[outside]):.1f} dB.
Inside the area you see noise, because this model's weights are random: nobody has trained them.

For edits that mean something get the authors' weights from {WEIGHTS}
(licence: {LICENCE}), then:

  {Path(sys.executable).name} -m revideo edit --help"""
    )


def roll_a_ball(video: Tensor) -> Edit:
    """A ball painted into the first frame, paths for its upper and lower half, and the area it needs."""
    height, width = video.shape[-2:]
    radius = height / 9
    ramp = torch.linspace(0, 1, len(video))
    hop = height * 0.16 * (ramp * 2 * math.pi).sin().abs()
    ball = torch.stack([width * (0.14 + 0.42 * ramp), height * 0.7 - hop], -1)
    region = torch.zeros(1, 1, height, width)
    left, right = ball[0, 0] - 1.6 * radius, ball[-1, 0] + 1.6 * radius
    region[..., int(height * 0.38) : int(height * 0.86), int(left) : int(right)] = 1
    points_px = torch.stack([ball + torch.tensor([0.0, side * 0.55 * radius]) for side in (-1, 1)])
    trajectories = Trajectories(points_px, torch.ones(points_px.shape[:2], dtype=torch.bool))
    return Edit(paint_ball(video[0], ball[0], radius), trajectories, region)


def paint_ball(frame: Tensor, centre_px: Tensor, radius: float) -> Tensor:
    """`frame` (3, H, W) with a shaded ball at centre_px (x, y)."""
    y, x = torch.meshgrid(*(torch.arange(side) + 0.5 for side in frame.shape[-2:]), indexing="ij")
    dx, dy = (x - centre_px[0]) / radius, (y - centre_px[1]) / radius
    distance = torch.hypot(dx, dy)
    cover = ((1 - distance) * radius + 0.5).clamp(0, 1)
    light = (1 - 0.55 * torch.hypot(dx + 0.35, dy + 0.4)).clamp(0.12, 1)  # from the upper left
    colour = torch.tensor([1.0, 0.45, 0.1]).view(3, 1, 1) * light + 0.5 * (light - 0.85).clamp(min=0)
    return torch.lerp(frame, colour.clamp(0, 1), cover)


def psnr(one: Tensor, other: Tensor) -> float:
    """Decibels between pixels in [0, 1]."""
    return -10 * math.log10((one - other).square().mean().item() or 1e-12)

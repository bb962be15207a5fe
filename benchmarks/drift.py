"""How an edit of a long video decays: metrics for each segment of it, under several ways to follow window by window.

python -m benchmarks.drift MODEL --clips 4 --frames 280 --output drift

With --propagator also: PropDPM's appearance (MagicProp) in place of today's correction. Each window's first frames are
painted anew inside the mask, from the edited frame and the depth that the right answer has there, which no real edit of
motion would know.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor

from revideo.editing.handover import PAPER_CHAIN, HandoverOptions
from revideo.editing.long_video import HANDOVER
from revideo.editing.model import ReVideo
from revideo.editing.windows import plan_windows
from revideo.evaluation.metrics import psnr
from revideo.models.propagator import shrink_depth
from revideo.pipeline.pipeline import START, draw_noise
from revideo.propagation.propagator import GivenFrame, Propagator, load_propagator
from revideo.sampling.samplers import SamplerOptions
from revideo.synthetic.depth import depth_scene
from revideo.synthetic.edits import SyntheticEdit, make_edit
from revideo.synthetic.measures import HELD_OUT, centroids, sprite_weights
from revideo.synthetic.scenes import draw_scenes

from .common import chosen_options, load_model, model_parser, table_header, table_row

PAINTING_STEPS = 10  # of a propagator, a frame
COLUMNS = ("first, last, mean segment", "unedited PSNR, dB", "path error, px", "appearance, correlation")


@dataclass(frozen=True)
class DriftVariant:
    """A way to edit a long video."""

    handover: HandoverOptions = HANDOVER
    latent_lock: bool = True
    painted: bool = False  # by the propagator, where windows begin


# The default, the paper's chain, and the default without each of its parts.
DRIFT_VARIANTS: dict[str, DriftVariant] = {
    "default": DriftVariant(),
    "paper's chain": DriftVariant(PAPER_CHAIN, latent_lock=False),
    "no overlap": DriftVariant(HandoverOptions(overlap=1)),
    "model's pixels": DriftVariant(HandoverOptions(source_pixels=False)),
    "decoded and encoded": DriftVariant(HandoverOptions(latent_handover=False)),
    "embedding follows": DriftVariant(HandoverOptions(first_embedding=False)),
    "colours free": DriftVariant(HandoverOptions(colour_correction=False)),
    "paths as drawn": DriftVariant(HandoverOptions(path_correction=False)),
    "objects as painted": DriftVariant(HandoverOptions(appearance_correction=False)),
    "no latent lock": DriftVariant(latent_lock=False),
}
PAINTED_VARIANTS = {  # measured with --propagator
    "objects as painted": DRIFT_VARIANTS["objects as painted"],
    "PropDPM's appearance": DriftVariant(painted=True),
}


@dataclass(frozen=True)
class Segment:
    """Of some frames in a row, against the known truth; nothing composited."""

    outside_psnr: float  # dB, of all pixels outside the area
    path_error: float  # pixels between the sprite and its path
    appearance: float  # correlation of the sprite's pixels with what they should be, wherever it was found


def measure_segments(truth: SyntheticEdit, output: Tensor, length: int) -> list[Segment]:
    """`output` (T, 3, H, W) in [0, 1], cut into segments of `length` frames; the last may be shorter."""
    sprite, path, area = truth.appearances[0], truth.centres_px[0], truth.areas[0]
    hue = float(sprite.hue)  # NumPy's would make doubles of all that follows
    weights = sprite_weights(output, hue) * area
    found = weights.flatten(1).sum(1) >= truth.masks[0].flatten(1).sum(1) / 10
    # What is not found is as wrong as can be expected: half a frame away, and like nothing.
    centres = centroids(weights)
    errors = torch.where(found, (centres - path).norm(dim=-1), output.shape[-1] / 2)
    true_centres = centroids(sprite_weights(truth.target, hue) * area)
    reach = int(sprite.reach_px) + 2
    alike = torch.where(
        found, correlation(patches(output, centres, reach), patches(truth.target, true_centres, reach)), 0
    )
    outside = ~truth.edit.masks(0, 1).expand(1, 3, -1, -1)[0]
    segments = []
    for start in range(0, len(output), length):
        part = slice(start, start + length)
        segments.append(
            Segment(
                outside_psnr=psnr(output[part][:, outside], truth.source[part][:, outside]),
                path_error=errors[part].mean().item(),
                appearance=alike[part].mean().item(),
            )
        )
    return segments


def patches(frames: Tensor, centres_px: Tensor, reach: int) -> Tensor:
    """(T, 3, H, W) and (T, 2) x, y → (T, 3, P, P) with P = 2·reach + 1, between pixels where need be."""
    height, width = frames.shape[-2:]
    offsets = torch.arange(-reach, reach + 1.0)
    y, x = torch.meshgrid(offsets, offsets, indexing="ij")
    places = centres_px[:, None, None] + torch.stack([x, y], -1)
    grid = places * 2 / torch.tensor([width, height]) - 1
    return F.grid_sample(frames, grid, padding_mode="border", align_corners=False)


def correlation(one: Tensor, other: Tensor) -> Tensor:
    """Pearson's, over all values of each frame: (T, …) twice → (T,)."""
    one, other = (each.flatten(1) - each.flatten(1).mean(1, keepdim=True) for each in (one, other))
    return (one * other).sum(1) / (one.norm(dim=1) * other.norm(dim=1)).clamp(min=1e-8)


def held_out_long(count: int, frames: int, height: int, width: int) -> Iterable[SyntheticEdit]:
    """Long edits that no training has seen: one sprite becomes another, on another way through a part of the frame."""
    for number in range(count):
        yield make_edit(
            HELD_OUT + number,
            "both",
            frames=frames,
            height=height,
            width=width,
            speed_px=(2.0, 3.0),
            roam_px=40.0,
        )


def measure_drift(
    model: ReVideo,
    variant: DriftVariant,
    truths: Iterable[SyntheticEdit],
    options: SamplerOptions,
    propagator: Propagator | None = None,
) -> list[list[Segment]]:
    """For each clip, each segment of a window's length."""
    length, options = model.config.unet.num_frames, replace(options, latent_lock=variant.latent_lock)
    found = []
    for truth in truths:
        painted = variant.painted and propagator is not None
        with painted_starts(propagator, truth, length) if painted and propagator else nullcontext():
            video = model.edit(truth.source, truth.edit, options, composite=False, handover=variant.handover).frames
        found.append(measure_segments(truth, video, length))
    return found


@contextmanager
def painted_starts(propagator: Propagator, truth: SyntheticEdit, length: int) -> Iterator[None]:
    """Within it, what a window of `length` frames begins with looks as the propagator paints it."""
    plan = plan_windows(len(truth.source), length, HANDOVER.overlap, [0])
    numbers = iter([window.start + number for window in plan[1:] for number in range(window.shared)])
    edited = truth.edit.edited_frame
    latents = propagator.encode(edited).cpu()
    context = propagator.context(edited, latents)
    cells = latents.shape[-2], latents.shape[-1]
    assert truth.scene is not None
    depth = draw_scenes([depth_scene(truth.scene)], len(truth.source), edited.shape[-2], edited.shape[-1])[0][0, :, :1]
    first = shrink_depth(depth[:1], *cells)

    def paint(frame: Tensor, _objects: object, _points: Tensor, _found: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        number = next(numbers)
        noise = draw_noise(tuple(latents.shape[1:]), number, START)[None]
        given = GivenFrame(shrink_depth(depth[number][None], *cells), None, None)
        painted = propagator.decode(propagator.paint(noise, context, given, latents, first, PAINTING_STEPS))
        return torch.where(mask, painted, frame), mask

    with torch.inference_mode(), patch("revideo.editing.handover.correct_appearance", paint):
        yield


def mean_segments(clips: Sequence[Sequence[Segment]]) -> list[Segment]:
    """Over clips, segment by segment."""
    return [Segment(*map(fmean, zip(*(asdict(each).values() for each in row)))) for row in zip(*clips)]


def drift_table(variants: dict[str, list[Segment]]) -> str:
    """First and last segment, and the mean of all, as Markdown."""
    rows = [table_header(*COLUMNS)]
    for name, segments in variants.items():
        cells = [name]
        for metric, digits in (("outside_psnr", 1), ("path_error", 2), ("appearance", 3)):
            values = [getattr(segment, metric) for segment in segments]
            cells.append(", ".join(f"{value:.{digits}f}" for value in (values[0], values[-1], fmean(values))))
        rows.append(table_row(*cells))
    return "\n".join(rows)


def plot_drift(variants: dict[str, list[Segment]], path: Path, length: int) -> None:
    """A curve for each variant, a panel for each metric; needs matplotlib."""
    from matplotlib.figure import Figure  # nothing else here needs it

    figure = Figure(figsize=(12, 3.4), layout="constrained")
    titles = {"outside_psnr": "unedited PSNR, dB", "path_error": "path error, px", "appearance": "sprite's appearance"}
    for axes, (name, title) in zip(figure.subplots(1, 3), titles.items()):
        for variant, segments in variants.items():
            frames = [(number + 0.5) * length for number in range(len(segments))]
            axes.plot(frames, [getattr(segment, name) for segment in segments], marker=".", label=variant)
        axes.set(title=title, xlabel="frame")
        axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    figure.savefig(path, dpi=110)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints a table of drift for a model of synthetic scenes, and writes drift.json and drift.png."""
    parser = model_parser("drift", main.__doc__, clips=4, steps=10)
    parser.add_argument("--frames", type=int, default=280, help="of each clip (%(default)s)")
    parser.add_argument("--all", action="store_true", help="also the default without each of its parts")
    parser.add_argument("--output", type=Path, default=Path("drift"), help="folder (%(default)s)")
    parser.add_argument("--propagator", metavar="PATH", help="of synthetic scenes: measure its appearance, too")
    parser.add_argument("--no-plot", action="store_true", help="no picture, which needs matplotlib")
    given = parser.parse_args(arguments)
    given.output.mkdir(parents=True, exist_ok=True)
    model, options = load_model(given), chosen_options(given)
    found: dict[str, list[Segment]] = {}
    variants = DRIFT_VARIANTS if given.all else dict(list(DRIFT_VARIANTS.items())[:2])
    propagator = None
    if given.propagator:
        propagator, variants = load_propagator(given.propagator, device=model.device), variants | PAINTED_VARIANTS
    for name, variant in variants.items():
        truths = held_out_long(given.clips, given.frames, given.height, given.width)
        found[name] = mean_segments(measure_drift(model, variant, truths, options, propagator))
        print(drift_table({name: found[name]}).splitlines()[-1], flush=True)
        written = {each: [asdict(segment) for segment in segments] for each, segments in found.items()}
        (given.output / "drift.json").write_text(json.dumps(written, indent=1))
    print(drift_table(found))
    if not given.no_plot:
        plot_drift(found, given.output / "drift.png", model.config.unet.num_frames)


if __name__ == "__main__":
    main()

"""How well a model edits synthetic scenes, beside the same edits without motion map and the autoencoder alone.

python -m benchmarks.edits MODEL --clips 64 --steps 25
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict

import torch
from torch import Tensor

from revideo.editing.model import ReVideo
from revideo.models.vae import LATENT_SCALE, decode_latents
from revideo.sampling.samplers import SamplerOptions
from revideo.synthetic.clips import without_motion
from revideo.synthetic.measures import EditMetrics, all_cases, held_out, mean_metrics, measure_edit

from .common import chosen_options, load_model, model_parser, table_header, table_row

COLUMNS = (
    "edit",
    "",
    "path error, % of width",
    "PSNR outside, dB",
    "PSNR of the sprite, last frame, dB",
    "hue error, %",
    "seam",
)


def measure_model(
    model: ReVideo,
    kind: str,
    areas: int,
    count: int,
    options: SamplerOptions,
    size: tuple[int, int],  # height, width
    report: Callable[[], object] = lambda: None,
) -> dict[str, EditMetrics]:
    """Means over `count` held-out edits: of the "edit", with "no motion" map, of the "autoencoder" alone."""
    made: dict[str, list[EditMetrics]] = {"edit": [], "no motion": [], "autoencoder": []}
    for truth in held_out(kind, areas, count, model.config.unet.num_frames, *size):
        made["edit"].append(measure_edit(truth, model.edit(truth.source, truth.edit, options, composite=False).frames))
        report()
        still = model.edit(truth.source, without_motion(truth.edit), options, composite=False)
        made["no motion"].append(measure_edit(truth, still.frames))
        report()
        made["autoencoder"].append(measure_edit(truth, through_autoencoder(model, truth.target)))
    return {name: mean_metrics(metrics) for name, metrics in made.items()}


@torch.inference_mode()
def through_autoencoder(model: ReVideo, video: Tensor) -> Tensor:
    """(T, 3, H, W) in [0, 1] encoded and decoded: the best that any latents can give."""
    model.place(model.vae)
    frames = (video * 2 - 1).to(model.device, model.vae.dtype)
    latents = torch.cat([model.vae.encode(frame[None]).latent_dist.mode() for frame in frames])
    decoded = decode_latents(model.vae, latents * LATENT_SCALE, len(latents))
    return ((decoded + 1) / 2).clamp(0, 1)


def case_name(kind: str, areas: int) -> str:
    return kind if areas == 1 else f"{kind}, {areas} areas"


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the metrics of a model file as a Markdown table, row by row."""
    parser = model_parser("edits", main.__doc__, clips=64)
    names = [case_name(*case) for case in all_cases()]
    parser.add_argument("--cases", nargs="+", choices=names, default=names, help="edits to measure (all)")
    given = parser.parse_args(arguments)
    model, options = load_model(given), chosen_options(given)
    print(table_header(*COLUMNS), flush=True)
    for kind, areas in all_cases():
        case = case_name(kind, areas)
        if case not in given.cases:
            continue
        found = measure_model(model, kind, areas, given.clips, options, (given.height, given.width))
        for what, metrics in found.items():
            print(table_row(case, what, *(f"{value:.2f}" for value in asdict(metrics).values())), flush=True)


if __name__ == "__main__":
    main()

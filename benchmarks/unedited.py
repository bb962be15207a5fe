"""What keeps unedited content, and at what price: the model alone, the latent lock, the source's pixels put back.

python -m benchmarks.unedited MODEL --clips 16 --steps 25
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from torch import Tensor
from tqdm import tqdm

from revideo.editing.composite import Match, keep_unedited
from revideo.editing.model import ReVideo
from revideo.sampling.samplers import SamplerOptions
from revideo.synthetic.edits import SyntheticEdit
from revideo.synthetic.examples import FEATHER_PX
from revideo.synthetic.measures import EditMetrics, mean_metrics, measure_edit

from .common import chosen_options, edits_of_all_kinds, load_model, model_parser, table_header, table_row

COLUMNS = ("", "unedited PSNR, dB", "path error, % of width", "PSNR of the sprite, last frame, dB", "seam, × source")


def composites(model: ReVideo, truth: SyntheticEdit, options: SamplerOptions) -> Iterable[tuple[str, Tensor]]:
    """Names and videos (T, 3, H, W) in [0, 1], before any codec; two of them are sampled."""
    alone = model.edit(truth.source, truth.edit, options, composite=False).frames
    locked = model.edit(truth.source, truth.edit, replace(options, latent_lock=True), composite=False).frames

    def composited(painted: Tensor, match: Match) -> Tensor:
        return keep_unedited(truth.source, painted, truth.edit.masks(0, 1), FEATHER_PX, match)

    yield "model alone", alone
    yield "latent lock", locked
    for name, painted in (("pixel keep", alone), ("latent lock and pixel keep", locked)):
        yield name, composited(painted, "none")
        yield f"{name}, colours matched", composited(painted, "colours")
        yield f"{name}, gradients matched", composited(painted, "gradients")


def compare_composites(
    model: ReVideo, truths: Iterable[SyntheticEdit], options: SamplerOptions
) -> dict[str, EditMetrics]:
    """Means over the edits, for each way to keep."""
    found: dict[str, list[EditMetrics]] = {}
    for truth in truths:
        for name, video in composites(model, truth, options):
            found.setdefault(name, []).append(measure_edit(truth, video))
    return {name: mean_metrics(metrics) for name, metrics in found.items()}


def unedited_table(found: dict[str, EditMetrics]) -> str:
    """As Markdown."""
    rows = [table_header(*COLUMNS)]
    for name, metrics in found.items():
        values = metrics.outside_psnr, metrics.path_error, metrics.sprite_psnr_last, metrics.seam
        rows.append(table_row(name, *(f"{value:.2f}" for value in values)))
    return "\n".join(rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints a table for a model of synthetic scenes: held-out edits of every kind, as many of each."""
    parser = model_parser("unedited", main.__doc__, clips=4)
    parser.add_argument("--until", type=float, help="noise level at which the lock ends (the default of all edits)")
    given = parser.parse_args(arguments)
    model, options = load_model(given), chosen_options(given)
    if given.until is not None:
        options = replace(options, lock_until=given.until)
    truths = edits_of_all_kinds(given, model.config.unet.num_frames)
    print(unedited_table(compare_composites(model, tqdm(truths, unit="edit"), options)))


if __name__ == "__main__":
    main()

"""What SAFM does: its weight between motion and unedited content, over the picture and the steps (paper Figure 5)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..pipeline.pipeline import Pipeline
from ..sampling.samplers import SamplerOptions
from ..video.levels import to_uint8
from ..video.pixels import as_mask
from .sheets import BACKGROUND, draw_text, text_size

SHOWN_STEPS = 6
CELL_PX = 180  # width of a map, at least
CAPTION_PX = 11  # height of a capital letter


@dataclass(frozen=True)
class FusionWeights:
    """Γ, the weight of content (1 − w of SAFM), a mean over channels, at some steps of a run."""

    steps: list[int]  # counted from 1
    sigmas: list[float]
    maps: Tensor  # (S, h, w) of 0 to 1, for one frame
    mask: Tensor  # (H, W) of 0 and 1: that frame's

    def means(self) -> tuple[list[float], list[float]]:
        """Γ inside and outside the area, by step; NaN where there is no such part."""
        inside = F.adaptive_avg_pool2d(self.mask[None, None], (self.maps.shape[-2], self.maps.shape[-1]))[0, 0] >= 0.5
        return self.maps[:, inside].mean(1).tolist(), self.maps[:, ~inside].mean(1).tolist()


@torch.inference_mode()
def fusion_weights(
    model: Pipeline,
    mask: Tensor,  # (H, W), 1 where the model paints
    options: SamplerOptions,
    shown: int = SHOWN_STEPS,
    sigmas: Tensor | None = None,
) -> FusionWeights:
    """Γ = H(M, t) of paper equation 5 at `shown` of the run's steps, evenly from the first to the last.

    Raises ValueError where the model has none.
    """
    if sigmas is None:
        sigmas = options.sigmas()
    levels = sigmas[:-1].float()  # the last is where the run ends, no step
    chosen = torch.linspace(0, len(levels) - 1, min(max(shown, 1), len(levels))).round().long()
    model.place(model.controlnet)
    painted = as_mask(mask).to(model.device, model.controlnet.dtype)
    maps = []
    for sigma in levels[chosen]:
        c_noise = (sigma.log() / 4).reshape(1).to(model.device)
        weight = model.controlnet.safm.motion_weight(painted, c_noise)
        if weight is None:
            raise ValueError('this model adds motion and content (its fusion is "sum"): it has no weights to draw')
        maps.append(1 - weight[0].float().mean(0).cpu())
    return FusionWeights(
        [int(step) + 1 for step in chosen], levels[chosen].tolist(), torch.stack(maps), painted[0, 0].float().cpu()
    )


def fusion_picture(weights: FusionWeights) -> Tensor:  # (3, H', W') in [0, 1]
    """The area, a map for each step with its noise level and means, and what the colours stand for."""
    height, width = weights.mask.shape
    scale = max(CELL_PX / width, 1)
    size = round(height * scale), round(width * scale)
    cells = [to_uint8(_resized(weights.mask, size)).numpy()[..., None].repeat(3, 2)]
    cells += [_coloured(_resized(each, size)) for each in weights.maps]
    captions = [["area", "white: edited"]]
    for step, sigma, inside, outside in zip(weights.steps, weights.sigmas, *weights.means()):
        means = [f"{name} {value:.2f}" for name, value in (("in", inside), ("out", outside)) if not np.isnan(value)]
        captions.append([f"step {step}, σ {sigma:.3g}", "mean " + ", ".join(means)])
    return _sheet(cells, captions)


def _sheet(cells: list[np.ndarray], captions: list[list[str]]) -> Tensor:
    gap, line = CAPTION_PX, 2 * CAPTION_PX
    height = cells[0].shape[0]
    widest = max(max(text_size(text, CAPTION_PX)[0] for text in lines) for lines in captions)
    column = max(cells[0].shape[1], widest) + gap
    title = "Γ = 1 − w: how much SAFM weighs unedited content against motion (mean over channels)"
    total_width = max(gap + column * len(cells), 2 * gap + text_size(title, CAPTION_PX)[0])
    canvas = np.full((4 * line + height + 2 * gap, total_width, 3), BACKGROUND, np.uint8)
    draw_text(canvas, title, gap, gap + CAPTION_PX, CAPTION_PX)
    top = gap + line
    for number, (cell, lines) in enumerate(zip(cells, captions)):
        left = gap + number * column
        canvas[top : top + height, left : left + cell.shape[1]] = cell
        for row, text in enumerate(lines):
            draw_text(canvas, text, left, top + height + (row + 1) * line - CAPTION_PX // 2, CAPTION_PX)
    _draw_scale(canvas, gap, top + height + 2 * line + gap)
    return torch.from_numpy(canvas).permute(2, 0, 1).float() / 255


def _draw_scale(canvas: np.ndarray, left: int, top: int) -> None:
    """0, a strip of the colours, 1, and what they mean."""
    baseline = top + CAPTION_PX
    before, after = "0 (motion only)", "1 (content only)"
    draw_text(canvas, before, left, baseline, CAPTION_PX)
    start = left + text_size(before, CAPTION_PX)[0] + CAPTION_PX
    strip = _coloured(torch.from_numpy(np.linspace(0, 1, CELL_PX, dtype=np.float32)).expand(CAPTION_PX, -1))
    canvas[top : top + CAPTION_PX, start : start + CELL_PX] = strip
    draw_text(canvas, after, start + CELL_PX + CAPTION_PX, baseline, CAPTION_PX)


def _coloured(values: Tensor) -> np.ndarray:
    """(H, W) of 0 to 1 → (H, W, 3) uint8: dark blue, green, yellow."""
    return cv2.applyColorMap(to_uint8(values).numpy(), cv2.COLORMAP_VIRIDIS)[..., ::-1]


def _resized(plane: Tensor, size: tuple[int, int]) -> Tensor:
    """(h, w) → (H, W), in squares."""
    return torch.from_numpy(cv2.resize(plane.float().numpy(), size[::-1], interpolation=cv2.INTER_NEAREST))

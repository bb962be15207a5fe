"""Comparisons and charts show what they claim to, at a size that can be read."""

import math

import pytest
import torch

from revideo import Trajectories
from revideo.evaluation.charts import GAIN, LEAST_WIDTH_PX, chart, comparison, difference_picture
from revideo.evaluation.evaluator import METRICS, MetricsReport
from revideo.pictures.sheets import sheet, side_by_side

T, H, W = 4, 48, 64


@pytest.fixture
def mask():
    mask = torch.zeros(1, 1, H, W)
    mask[..., 10:30, 10:40] = 1
    return mask


def test_panels_are_the_four_in_their_order_and_large_enough(mask):
    source, result = torch.zeros(T, 3, H, W), torch.full((T, 3, H, W), 0.5)
    paths = Trajectories(torch.full((1, T, 2), 20.0), torch.ones(1, T, dtype=torch.bool))
    panels = comparison(source, source[0], result, mask, paths)
    assert list(panels) == ["source", "edited frame, area, paths", "result", f"difference × {GAIN}"]
    for clip in panels.values():
        assert clip.shape == (T, 3, 5 * H, 5 * W) and 5 * W >= LEAST_WIDTH_PX
    assert (panels["source"] == 0).all() and (panels["result"] - 0.5).abs().max() < 1e-6
    assert (panels["edited frame, area, paths"] > 0.5).any()
    assert list(comparison(source, source[0], result, mask))[1] == "edited frame, area"
    assert side_by_side(panels).shape[0] == T and sheet(panels).ndim == 3


def test_a_large_clip_is_not_enlarged(mask):
    source = torch.zeros(2, 3, 96, 400)
    panels = comparison(source, source[0], source, torch.nn.functional.interpolate(mask, (96, 400)))
    assert all(clip.shape[-2:] == (96, 400) for clip in panels.values())


def test_the_difference_is_black_where_nothing_differs_and_bright_where_all_does():
    source, result = torch.zeros(1, 3, 4, 6), torch.zeros(1, 3, 4, 6)
    result[..., 2:4] = 0.5 / GAIN
    result[..., 4:] = 1
    light = difference_picture(source, result).mean((0, 1, 2))
    assert light[0] < 0.02 < light[2] < 0.8 < light[4]
    assert torch.equal(difference_picture(result, source), difference_picture(source, result))


def report(offset: float) -> MetricsReport:
    steps = [math.nan, *[float(n + offset) for n in range(9)]]
    return MetricsReport(dict.fromkeys(METRICS, offset), dict.fromkeys(METRICS, steps))


def test_a_chart_has_a_panel_for_each_metric_with_frames():
    def height(*names: str) -> int:
        return chart({"raw": MetricsReport(frames={name: [0.0, 1.0] for name in names})}).shape[1]

    one, two, three = height("seam"), height("seam", "path_error"), height("seam", "path_error", "consistency")
    assert one == two and three == 2 * two
    picture = chart({"raw": report(0), "composited": report(5)})
    assert picture.shape[0] == 3 and 0 <= picture.min() < picture.max() <= 1


@pytest.mark.slow
def test_a_chart_changes_with_what_it_shows():
    assert not torch.equal(chart({"raw": report(0)}), chart({"raw": report(1)}))


def test_a_metric_without_a_best_value_has_a_panel_too():
    assert METRICS["aesthetic"].best is None
    one = chart({"raw": MetricsReport({"aesthetic": 5.0}, {"aesthetic": [4.5, 5.5]})})
    two = chart({"raw": MetricsReport({"aesthetic": 5.0, "seam": 1.0}, {"aesthetic": [4.5, 5.5], "seam": [1.0, 1.0]})})
    assert one.shape == two.shape and not torch.equal(one, two)

"""Reports: the best of all where nothing differs, the known value where something does, one line where none can be."""

import json
import math

import pytest
import torch
import torch.nn.functional as F

from revideo import Trajectories
from revideo.evaluation.evaluator import METRICS, Evaluator, MetricsReport, Question, report_json, report_table, retrack
from revideo.evaluation.learned import ClipMetrics
from revideo.evaluation.perceptual import Reading, consistency, pair_consistency, text_alignment

T, H, W = 5, 96, 128


class FakeClip:
    """Mean colours as embeddings: what CLIP is to the evaluation, without weights."""

    scale = 100.0

    def embed_frames(self, video):
        vectors = F.normalize(video.mean((2, 3)), dim=1)
        return vectors, vectors

    def embed_text(self, text):
        return F.normalize(torch.tensor([1.0, 1.0, 1.0]), dim=0)


class FakeLpips:
    def distances(self, video, other):
        return (video - other).abs().mean((1, 2, 3))


def others(video, prompt):
    """What the other networks tell, of a clip that is as good as can be."""
    names = ["dino_consistency", "dino_consistency_pairs", "viclip_alignment", "pickscore", "aesthetic", "dover"]
    return [Reading(name, torch.ones(len(video) if name in ("pickscore", "aesthetic") else ())) for name in names]


def texture(seed: int = 0) -> torch.Tensor:
    coarse = torch.rand(1, 3, 24, 32, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(coarse, (H, W), mode="bicubic").clamp(0, 1)[0]


def still(seed: int = 0) -> torch.Tensor:
    return texture(seed).expand(T, -1, -1, -1).clone()


def sliding(step_px: int) -> torch.Tensor:
    """To the right, around the frame's border."""
    return torch.stack([texture().roll(step_px * t, 2) for t in range(T)])


@pytest.fixture
def mask():
    mask = torch.zeros(1, 1, H, W)
    mask[..., 24:72, 32:96] = 1
    return mask


def paths(step_px: float, start=(60.0, 50.0)) -> Trajectories:
    times = torch.arange(T).float()
    points = torch.stack([start[0] + step_px * times, torch.full((T,), start[1])], 1)[None]
    return Trajectories(points, torch.ones(1, T, dtype=torch.bool))


def measure(result, source=None, mask=None, **question) -> MetricsReport:
    return Evaluator(Question(still() if source is None else source, mask, **question)).report(result)


# --- The best ----------------------------------------------------------------------------


def test_the_source_itself_has_the_best_of_every_metric(mask):
    source = texture().mean((1, 2), keepdim=True).mean(0, keepdim=True).expand(T, 3, H, W) + 0.1 * still()
    question = Question(source, mask, paths(0), "grey")
    learned = {"clip": ClipMetrics(FakeClip()), "others": others}
    report = Evaluator(question, learned=learned, lpips=FakeLpips()).report(source)
    assert set(report.metrics) == set(METRICS)
    assert report.notes == []
    for name, value in report.metrics.items():
        best = METRICS[name].best
        assert value == pytest.approx(1 if best is None else best, abs=0.02), name
    assert all(len(values) == T for values in report.frames.values())


# --- What was not edited -----------------------------------------------------------------


def test_what_happens_inside_the_area_is_no_error_outside(mask):
    source, result = still(), still()
    result[..., 25:71, 33:95] = 0
    evaluator = Evaluator(Question(source, mask), lpips=FakeLpips())
    same, changed = evaluator.report(source).metrics, evaluator.report(result).metrics
    for name in ("unedited_psnr", "unedited_ssim", "unedited_lpips", "seam"):
        assert changed[name] == same[name], name


def test_what_happens_outside_is_measured(mask):
    report = measure(still() + 0.1 * (mask < 1), mask=mask)
    assert report.metrics["unedited_psnr"] == pytest.approx(20, abs=0.1)
    assert report.frames["unedited_psnr"] == pytest.approx([20] * T, abs=0.1)
    assert report.metrics["seam"] > 1.1


def test_a_strip_too_narrow_for_ssim_is_told(mask):
    nearly_all = torch.ones(1, 1, H, W)
    nearly_all[..., :5] = 0
    report = measure(still(), mask=nearly_all)
    assert "unedited_ssim" not in report.metrics
    assert report.notes == ["unedited SSIM: what was not edited is narrower than its window of 11 pixels"]


# --- Paths -------------------------------------------------------------------------------


@pytest.mark.parametrize(("moved", "asked"), [(2, 2.0), (2, 0.0), (0, 3.0), (3, 1.0)])
def test_path_errors_are_those_of_the_motion(mask, moved, asked):
    report = measure(sliding(moved), sliding(0), mask, trajectories=paths(asked))
    off = [abs(moved - asked) * t for t in range(1, T)]
    assert report.metrics["path_error"] == pytest.approx(sum(off) / len(off), abs=0.1)
    assert report.metrics["path_end_error"] == pytest.approx(off[-1], abs=0.15)
    assert math.isnan(report.frames["path_error"][0])
    assert report.frames["path_error"][1:] == pytest.approx(off, abs=0.15)
    assert report.metrics["path_lost"] == 0


def test_a_path_counts_from_its_own_start_and_where_it_can_be_seen(mask):
    asked = paths(2.0)
    asked.visible[0, :2] = False  # starts on frame 2
    asked.visible[0, 4] = False
    found, counted = retrack(sliding(2), asked)
    assert counted.visible.tolist() == [[False, False, False, True, False]]
    report = measure(sliding(2), sliding(0), mask, trajectories=asked)
    assert report.metrics["path_error"] == pytest.approx(0, abs=0.1)
    assert (found.points_px[0, 2:] - asked.points_px[0, 2:]).norm(dim=1).max() < 0.2


def test_a_path_s_part_outside_the_picture_does_not_count(mask):
    leaving = paths(20.0, start=(70.0, 50.0))
    _, counted = retrack(still(), leaving)
    assert counted.visible.tolist() == [[False, True, True, False, False]]


def test_losing_a_point_never_helps(mask):
    """A point that is lost on its way counts where it was last seen."""
    result = sliding(2)
    result[3:] = 0
    report = measure(result, sliding(0), mask, trajectories=paths(2.0))
    assert report.metrics["path_lost"] == 50
    assert report.metrics["path_error"] == pytest.approx((0 + 0 + 2 + 4) / 4, abs=0.2)
    assert not any("path error" in note for note in report.notes)


def test_a_path_error_of_mostly_lost_points_is_told_to_say_little(mask):
    result = sliding(2)
    result[2:] = 0
    report = measure(result, sliding(0), mask, trajectories=paths(2.0))
    assert report.metrics["path_lost"] == 75
    assert any(note.startswith("path error: 75% of the points are lost") for note in report.notes)


def test_points_that_are_all_lost_are_told_in_one_line(mask):
    result = still()
    result[1:] = torch.rand(T - 1, 3, H, W, generator=torch.Generator().manual_seed(0))
    report = measure(result, still(), mask, trajectories=paths(2.0))
    assert "path_error" not in report.metrics
    assert report.metrics["path_lost"] == 100
    [note] = report.notes
    assert note.startswith("path error: all 1 points were lost on their first step") and "\n" not in note


def test_object_control_counts_every_frame_that_is_asked_for(mask):
    """ObjMC has the start in its mean and is one of paths' means; CTD has it not, and is one of points."""
    report = measure(sliding(2), sliding(0), mask, trajectories=paths(0.0))
    assert report.metrics["objmc"] == pytest.approx((0 + 2 + 4 + 6 + 8) / 5, abs=0.1)
    assert report.metrics["ctd"] == pytest.approx((2 + 4 + 6 + 8) / 4, abs=0.1)
    assert report.frames["objmc"] == pytest.approx([0, 2, 4, 6, 8], abs=0.15)
    assert math.isnan(report.frames["ctd"][0])


def test_object_control_counts_what_is_asked_for_outside_of_the_picture(mask):
    leaving = paths(20.0, start=(70.0, 50.0))  # at 70, 90, 110, 130 and 150 of 128
    report = measure(still(), mask=mask, trajectories=leaving)
    assert report.metrics["ctd"] == pytest.approx((20 + 40 + 60 + 80) / 4, abs=0.1)
    assert report.metrics["path_error"] == pytest.approx((20 + 40) / 2, abs=0.1)


def test_paths_of_several_lengths_count_as_their_papers_count_them(mask):
    late = paths(2.0, start=(40.0, 40.0))
    late.visible[0, :3] = False  # off by 0 and 2, then no more
    both = Trajectories(torch.cat([paths(1.0).points_px, late.points_px]), torch.ones(2, T, dtype=torch.bool))
    both.visible[1] = late.visible[0]
    report = measure(still(), mask=mask, trajectories=both)
    assert report.metrics["objmc"] == pytest.approx(((0 + 1 + 2 + 3 + 4) / 5 + (0 + 2) / 2) / 2, abs=0.1)
    assert report.metrics["ctd"] == pytest.approx((1 + 2 + 3 + 4 + 2) / 5, abs=0.1)


def test_a_tracker_is_given_the_block_of_points_that_mc_bench_gives_it(mask):
    given = []

    def tracker(video, points_px, frame):
        """Moves every point by as many pixels as it was given points."""
        given.append(points_px)
        moved = points_px[:, None].repeat(1, T, 1)
        moved[:, 1:, 0] += len(points_px)
        return Trajectories(moved, torch.ones(moved.shape[:2], dtype=torch.bool))

    report = Evaluator(Question(still(), mask, paths(0)), tracker=tracker).report(still())
    assert [len(points) for points in given] == [1, 64]
    assert given[1].amin(0).tolist() == [56, 46] and given[1].amax(0).tolist() == [63, 53]
    assert given[1].unique(dim=0).shape == (64, 2) and given[1][36].tolist() == [60, 50]
    assert report.metrics["path_error"] == 1 and report.metrics["ctd"] == 64


def test_without_paths_there_is_no_path_error(mask):
    for none in (None, Trajectories.none(T)):
        report = measure(still(), mask=mask, trajectories=none)
        assert not {"path_error", "path_lost", "objmc", "ctd"} & set(report.metrics)


# --- Motion and frames -------------------------------------------------------------------


def test_motion_alignment_is_minus_the_mean_difference_of_motion(mask):
    report = measure(sliding(3), sliding(1), mask)
    assert report.metrics["motion_alignment"] == pytest.approx(-2, abs=0.4)  # the frame's border comes in anew
    assert report.metrics["motion_alignment_edited"] == pytest.approx(-2, abs=0.15)
    assert math.isnan(report.frames["motion_alignment"][0])


def test_clip_metrics_are_raw_cosines():
    frames = F.normalize(torch.tensor([[1.0, 0], [1, 1], [-1, -1]]), dim=1)
    assert text_alignment(frames, torch.tensor([1.0, 0])).tolist() == pytest.approx([1, 0.5**0.5, -(0.5**0.5)])
    assert consistency(frames).tolist() == pytest.approx([0.5**0.5, -1])
    assert float(pair_consistency(frames)) == pytest.approx((0.5**0.5 - 0.5**0.5 - 1) / 3)


def test_v2vbench_s_way_stands_beside_the_raw_one():
    def learned(video, prompt):
        return [
            Reading("consistency", torch.tensor([0.2, -0.4, 0.2, 0.4]), 0.2),
            Reading("dover", torch.tensor(0.5), 0.6),
        ]

    everywhere = torch.ones(1, 1, H, W)
    everywhere[..., :20] = 0
    report = Evaluator(Question(still(), everywhere), learned={"some": learned}).report(sliding(1))
    assert report.metrics["consistency"] == pytest.approx(0.1)
    assert report.frames["consistency"][1:] == pytest.approx([0.2, -0.4, 0.2, 0.4]) and "dover" not in report.frames
    motion = report.metrics["motion_alignment"]
    assert report.v2vbench == {"clip_consistency": 0.2, "dover_score": 0.6, "motion_alignment": motion}
    lines = [line.split() for line in report_table({"raw": report}).splitlines()]
    at = lines.index(["in", "V2VBench's", "way", "and", "scale:"])
    assert lines[at + 1 :] == [
        ["motion_alignment", f"{motion:.4f}"],
        ["clip_consistency", "0.2000"],
        ["dover_score", "0.6000"],
    ]
    assert json.loads(report_json({"raw": report}))["raw"]["v2vbench"] == report.v2vbench


# --- What cannot be asked ----------------------------------------------------------------


def test_a_prompt_needs_a_clip_model(mask):
    with pytest.raises(ValueError, match='the prompt "a cat" needs a CLIP model to be measured: name one, or leave'):
        Evaluator(Question(still(), mask, prompt="a cat"))


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (still()[:3], "the source is 5 frames of 128×96, the result 3 frames of 128×96; they must agree"),
        (still()[..., :64], "the source is 5 frames of 128×96, the result 5 frames of 64×96; they must agree"),
        (still() * 255, "frame 0 of the result holds values from"),
    ],
)
def test_a_result_that_does_not_fit_is_named(mask, result, message):
    with pytest.raises(ValueError, match=message):
        measure(result, mask=mask)


def test_questions_that_do_not_fit_are_refused(mask):
    with pytest.raises(ValueError, match="the mask is empty"):
        Question(still(), torch.zeros(1, 1, H, W))
    with pytest.raises(ValueError, match="there are masks for 2 frames; the video has 5"):
        Question(still(), mask.repeat(2, 1, 1, 1))
    with pytest.raises(ValueError, match="the trajectories cover 5 frames; the video has 4"):
        Question(still()[:4], mask, paths(0))


# --- The table ---------------------------------------------------------------------------


def test_the_table_has_a_line_for_each_metric_and_each_note_once():
    reports = {
        name: MetricsReport({"seam": 1.25, "path_error": 2}, {}, ["path: why"]) for name in ("raw", "composited")
    }
    head, *lines = report_table(reports).splitlines()
    assert head.split() == ["raw", "composited"]
    assert [line.split() for line in lines] == [
        ["seam", "energy,", "×", "source", "1.25", "1.25"],
        ["path", "error,", "px", "2.00", "2.00"],
        ["path:", "why"],
    ]

"""An evaluation is that of both videos, whoever asks for it."""

import pytest
import torch

from revideo.editing.composite import keep_unedited
from revideo.evaluation.charts import chart, comparison
from revideo.evaluation.evaluate import KEEP_FEATHER_PX, evaluate_edit
from revideo.evaluation.evaluator import Evaluator, Question, report_json, report_table
from revideo.pictures.sheets import side_by_side
from revideo.synthetic.edits import make_edit


@pytest.fixture(scope="module")
def truth():
    return make_edit(3, "both", frames=5, height=64, width=96)


@pytest.fixture(scope="module")
def question(truth):
    return Question(truth.source, truth.edit.mask, truth.edit.trajectories)


@pytest.fixture(autouse=True)
def without_lpips(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))


@pytest.mark.slow
def test_the_finished_video_is_made_from_the_model_s_unless_it_is_given(truth, question):
    raw = (truth.target + 0.03).clamp(0, 1)
    made = evaluate_edit(question, raw)
    assert torch.equal(made.composited, keep_unedited(truth.source, raw, question.mask, KEEP_FEATHER_PX))
    given = evaluate_edit(question, raw, made.composited)
    assert given.json == made.json and torch.equal(given.sheet, made.sheet)
    assert torch.equal(evaluate_edit(question, raw, truth.target).composited, truth.target)


def test_numbers_and_pictures_are_those_of_their_parts(truth, question):
    heard = []
    found = evaluate_edit(question, truth.target, callback=lambda *counts: heard.append(counts))
    assert heard == [(1, 2), (2, 2)]
    assert list(found.reports) == ["raw", "composited"]
    evaluator = Evaluator(question)
    known = {"raw": evaluator.report(truth.target), "composited": evaluator.report(found.composited)}
    assert found.json == report_json(known) and found.table.startswith(report_table(known))
    assert torch.equal(found.chart, chart(found.reports))
    panels = comparison(truth.source, truth.target[0], found.composited, question.mask, question.trajectories)
    assert torch.equal(found.comparison, side_by_side(panels))
    assert "unedited LPIPS: not measured" in found.table.splitlines()[-1]


def test_a_callback_that_raises_ends_it(truth, question):
    class Stopped(Exception):
        pass

    def stop(done: int, total: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        evaluate_edit(question, truth.target, callback=stop)


def test_a_result_of_another_length_is_named(truth, question):
    with pytest.raises(ValueError, match="the original is 5 frames of 96×64, the edited video 3 frames of 96×64"):
        evaluate_edit(question, truth.target[:3])

"""What was made is found again as long as it is whole and made of the same; an edit's peak is its own."""

import shutil
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from hypothesis import given

from revideo.benchmark import results
from revideo.benchmark.results import Costs, MeasuredResult, ResultsFolder, measure_result, metering
from revideo.evaluation.evaluator import Evaluator, Question
from revideo.video.io import read_video
from tests.fuzzing import damaged, damages, fuzz

COSTS = Costs(0.25, 1.5, 10**9, "card")
MEASURED = MeasuredResult({"seam": 1.5}, {}, ["a note"])
FRAMES = torch.rand(3, 3, 32, 48, generator=torch.Generator().manual_seed(0))


def made_in(folder: Path) -> ResultsFolder:
    made = ResultsFolder(folder)
    made.add_edit("ours", "clip", "made of this", FRAMES, Fraction(8), COSTS)
    made.add_measured("ours", "clip", "measured of this", MEASURED)
    return made


@pytest.fixture
def folder(tmp_path):
    return made_in(tmp_path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return made_in(tmp_path_factory.mktemp("whole")).folder


def test_what_was_made_of_the_same_is_there_to_the_bit(folder):
    assert folder.costs("ours", "clip", "made of this") == COSTS
    assert folder.measured("ours", "clip", "measured of this") == MEASURED
    frames, rate = read_video(folder.video("ours", "clip"))
    assert torch.equal(frames, (FRAMES * 255).round() / 255) and rate == 8


def test_what_was_made_of_another_is_not_there(folder):
    assert folder.costs("ours", "clip", "other") is None and folder.costs("ours", "none", "made of this") is None
    assert folder.measured("ours", "clip", "other") is None


def test_what_was_measured_of_a_video_goes_with_it(folder):
    folder.add_edit("ours", "clip", "made of this", 1 - FRAMES, Fraction(8), COSTS)
    assert folder.measured("ours", "clip", "measured of this") is None


@pytest.mark.parametrize("text", ["", "[]", "{}", "[" * 100_000, '{"made_of": "made of this"}', "\x00"])
def test_a_damaged_record_is_none_and_that_is_said(folder, caplog, text):
    for file in folder.folder.rglob("*.json"):
        file.write_text(text)
    assert folder.costs("ours", "clip", "made of this") is None
    assert folder.measured("ours", "clip", "measured of this") is None
    assert caplog.text.count("clip.json is damaged and is made anew") == 2


def test_another_number_in_a_record_is_damage(folder):
    for file in folder.folder.rglob("*.json"):
        file.write_text(file.read_text().replace("1.5", "2.5"))
    assert folder.costs("ours", "clip", "made of this") is None
    assert folder.measured("ours", "clip", "measured of this") is None


@fuzz(60)
@given(damage=damages())
def test_whatever_happened_to_its_files_a_result_is_the_one_that_was_made_or_none(whole, tmp_path_factory, damage):
    folder = ResultsFolder(Path(shutil.copytree(whole, tmp_path_factory.mktemp("damaged") / "copy")))
    for file in [file for file in folder.folder.rglob("*") if file.is_file()]:
        before = file.read_bytes()
        file.write_bytes(damaged(before, damage))
        assert folder.costs("ours", "clip", "made of this") in (COSTS, None)
        assert folder.measured("ours", "clip", "measured of this") in (MEASURED, None)
        file.write_bytes(before)


def test_a_video_that_is_not_the_one_that_was_written_is_made_again(folder, caplog):
    video = folder.video("ours", "clip")
    content = video.read_bytes()
    for other in (content[:-1], bytes([*content[:-1], content[-1] ^ 1])):
        video.write_bytes(other)
        assert folder.costs("ours", "clip", "made of this") is None
    assert caplog.text.count("clip.mkv is damaged and is made anew") == 1, "said once"
    video.unlink()
    assert folder.costs("ours", "clip", "made of this") is None


def test_what_is_edited_everywhere_has_one_column_and_nothing_unedited():
    question = Question(FRAMES, torch.ones(1, 1, 32, 48), whole_frame=True)
    measured = measure_result(Evaluator(question), 1 - FRAMES, 4.0, "none")
    assert measured.raw == measured.composited and set(measured.raw) == {"motion_alignment", "motion_alignment_edited"}
    mask = torch.zeros(1, 1, 32, 48)
    mask[..., 8:24, 8:40] = 1
    measured = measure_result(Evaluator(Question(FRAMES, mask)), 1 - FRAMES, 4.0, "none")
    assert measured.raw["unedited_psnr"] < 10 and measured.composited["unedited_psnr"] == 100


def test_a_peak_is_of_its_own_edit_and_not_of_one_before(monkeypatch):
    """Of a process whose peak can be forgotten: what another program on the machine takes is no matter here."""
    peak = [7]
    monkeypatch.setattr(results, "_forget_peak", lambda: not peak.__setitem__(0, 3))
    monkeypatch.setattr(results, "_process_peak", lambda: peak[0])
    with metering(torch.device("cpu")) as large:
        peak[0] = 9
    with metering(torch.device("cpu")) as small:
        peak[0] = 4
    assert [(each.peak_bytes, each.memory_of) for each in (large, small)] == [(9, "process"), (4, "process")]


def test_the_process_has_a_peak_and_some_time_passes():
    with metering(torch.device("cpu")) as meter:
        torch.ones(1000)
    assert results._process_peak() > 0 and meter.seconds > 0


def test_where_a_peak_cannot_be_forgotten_only_a_new_one_is_known(monkeypatch):
    monkeypatch.setattr(results, "_forget_peak", lambda: False)
    peaks = iter((5, 5, 5, 7))
    monkeypatch.setattr(results, "_process_peak", lambda: next(peaks))
    with metering(torch.device("cpu")) as hidden:
        pass
    with metering(torch.device("cpu")) as highest:
        pass
    assert (hidden.peak_bytes, highest.peak_bytes) == (None, 7)

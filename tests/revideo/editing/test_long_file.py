"""Long edits at the source's own size, from file to file and in memory."""

import tracemalloc
from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from revideo import Edit, Trajectories, read_video, write_video
from revideo.editing.composite import keep_unedited
from revideo.editing.handover import PAPER
from revideo.editing.long_file import edit_file, edit_tensor, put_back
from revideo.editing.long_video import edit_long
from revideo.editing.window_cache import WindowStore
from revideo.editing.windows import LongEdit
from revideo.video.file import VideoFile
from revideo.video.io import fit_frames

SIZE = (64, 64)
FRAMES = 9


@pytest.fixture(scope="module")
def model(golden_b):
    return golden_b.model


@pytest.fixture(scope="module")
def options(golden_b):
    return replace(golden_b.options, steps=1)


def edit_of(frames: int) -> Edit:
    region = torch.zeros(1, 1, *SIZE)
    region[..., 16:48, 16:48] = 1
    return Edit(torch.rand(3, *SIZE, generator=torch.Generator().manual_seed(3)), Trajectories.none(frames), region)


@pytest.fixture(scope="module")
def clip(tmp_path_factory, bikes):
    """Nine frames of 160×112: not the model's size, nor its shape."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    write_video(path, fit_frames(read_video(bikes, 30, count=FRAMES)[0], 112, 160), 25)
    return path


# --- Putting back ------------------------------------------------------------------------


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("size", [(112, 160), (160, 112), (64, 64), (33, 129)])
def test_what_was_fitted_goes_back_to_where_it_was(fit, size):
    y, x = torch.meshgrid(torch.linspace(0, 1, size[0]), torch.linspace(0, 1, size[1]), indexing="ij")
    source = torch.stack([x, y, x * y])
    fitted = fit_frames(source[None], *SIZE, fit)[0]
    region = torch.zeros(1, *SIZE)
    region[:, 20:44, 20:44] = 1
    back = put_back(source, fitted, region, fit, 4.0)
    assert_close(back, source, atol=0.03, rtol=0)  # it was resampled twice
    painted = put_back(source, torch.full_like(fitted, 9.0).clamp(max=1), region, fit, 0.0)
    assert painted[:, size[0] // 2, size[1] // 2].min() > 0.99  # the area's middle is the frame's
    changed = (painted != source).any(0)
    assert 0 < changed.float().mean() < 0.6
    assert torch.equal(painted[:, ~changed], source[:, ~changed])


def test_at_the_same_size_it_is_keep_unedited():
    source, painted = torch.rand(2, 3, *SIZE)
    region = edit_of(1).region
    expected = keep_unedited(source[None], painted[None], region, 5.0)[0]
    assert torch.equal(put_back(source, painted, region[0], "stretch", 5.0), expected)
    assert torch.equal(put_back(source, painted, region[0], "stretch", None), painted)


# --- From file to file -------------------------------------------------------------------


def test_a_file_is_edited_inside_the_area_alone(model, options, clip, tmp_path):
    with VideoFile(clip) as source:
        edit_file(model, source, tmp_path / "out.mp4", LongEdit.of(edit_of(FRAMES)), SIZE, options, PAPER)
    found, rate = read_video(tmp_path / "out.mp4")
    original, _ = read_video(clip)
    assert found.shape == original.shape == (FRAMES, 3, 112, 160) and rate == 25
    assert (found[..., :24, :] - original[..., :24, :]).abs().mean() < 0.02  # but for compression
    assert (found[..., 40:72, 60:100] - original[..., 40:72, 60:100]).abs().mean() > 0.05


def test_files_and_tensors_agree(model, options, clip, tmp_path):
    edit = LongEdit.of(edit_of(FRAMES))
    video, _ = read_video(clip)
    edited = edit_tensor(model, video, edit, SIZE, options, PAPER)
    with VideoFile(clip) as source:
        edit_file(model, source, tmp_path / "out.mp4", edit, SIZE, options, PAPER)
    assert_close(read_video(tmp_path / "out.mp4")[0].mean((2, 3)), edited.mean((2, 3)), atol=0.02, rtol=0)
    assert edited.shape == video.shape


def test_at_the_models_size_nothing_is_resampled(model, options):
    video = torch.rand(FRAMES, 3, *SIZE)
    edit = edit_of(FRAMES)
    raw = edit_long(model, video, edit, options, PAPER)
    assert torch.equal(edit_tensor(model, video, LongEdit.of(edit), SIZE, options, PAPER, feather_px=None), raw)
    kept = edit_tensor(model, video, LongEdit.of(edit), SIZE, options, PAPER, feather_px=3.0)
    assert torch.equal(kept, keep_unedited(video, raw, edit.region, 3.0))


def test_an_interrupted_file_leaves_windows_and_no_video(model, options, clip, tmp_path):
    class Stop(BaseException):
        pass

    def stop(progress):
        if progress.done > 5:
            raise Stop

    with VideoFile(clip) as source:
        arguments = (model, source, tmp_path / "out.mp4", LongEdit.of(edit_of(FRAMES)), SIZE, options, PAPER)
        store = WindowStore(tmp_path / "windows")
        with pytest.raises(Stop):
            edit_file(*arguments, store=store, report=stop)
        assert [file.name for file in tmp_path.iterdir()] == ["windows"]
        assert any((tmp_path / "windows").iterdir())
        edit_file(*arguments, store=store)
    assert len(read_video(tmp_path / "out.mp4")[0]) == FRAMES


def test_an_edit_of_another_length_is_refused_and_leaves_nothing(model, options, clip, tmp_path):
    with VideoFile(clip) as source, pytest.raises(ValueError, match="cover 4 frames; the video has 9"):
        edit_file(model, source, tmp_path / "out.mp4", LongEdit.of(edit_of(4)), SIZE, options, PAPER)
    assert not list(tmp_path.iterdir())


def test_memory_does_not_grow_with_length(model, options, tmp_path, monkeypatch):
    """Of everything that Python and NumPy hold; frames of the networks are the same for each window."""
    monkeypatch.setattr(type(model), "run", lambda self, denoise, noise, options, **_: noise)
    monkeypatch.setattr(type(model), "decode", lambda self, latents, *_: torch.full((len(latents), 3, *SIZE), 0.5))
    peaks = []
    for frames in (40, 160):
        path = tmp_path / f"{frames}.mp4"
        write_video(path, (torch.full((3, 512, 512), number % 9 / 9) for number in range(frames)), 25)
        tracemalloc.start()
        with VideoFile(path) as source:
            edit_file(model, source, tmp_path / "out.mp4", LongEdit.of(edit_of(frames)), SIZE, options, PAPER)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[0] > 3 * 512 * 512  # the frames that the file holds are counted
    assert peaks[1] < peaks[0] * 1.1

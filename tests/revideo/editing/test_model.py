"""The one verb: any video, of any length and size, from file to file and in memory."""

import json
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch.testing import assert_close

from revideo import Edit, Trajectories, WindowCache, make_conditions, read_video, write_video
from revideo.editing.composite import keep_unedited
from revideo.editing.handover import PAPER_CHAIN
from revideo.editing.model import put_back
from revideo.video.fitting import fit_frames

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
    source = torch.stack([x, y, x * y])[None]
    fitted = fit_frames(source, *SIZE, fit)
    mask = torch.zeros(1, 1, *SIZE, dtype=torch.bool)
    mask[..., 20:44, 20:44] = True
    back = put_back(source, fitted, mask, fit, 4.0)
    assert_close(back, source, atol=0.03, rtol=0)  # it was resampled twice
    painted = put_back(source, torch.ones_like(fitted), mask, fit, 0.0)[0]
    assert painted[:, size[0] // 2, size[1] // 2].min() > 0.99  # the mask's middle is the frame's
    changed = (painted != source[0]).any(0)
    assert 0 < changed.float().mean() < 0.6
    assert torch.equal(painted[:, ~changed], source[0][:, ~changed])


def test_at_the_same_size_it_is_keep_unedited():
    source, painted = torch.rand(2, 1, 3, *SIZE)
    mask = edit_of(1).mask
    assert torch.equal(put_back(source, painted, mask, "stretch", 5.0), keep_unedited(source, painted, mask, 5.0))
    assert torch.equal(put_back(source, painted, mask, "stretch", None), painted)


# --- Whatever comes in -------------------------------------------------------------------


@pytest.mark.device
def test_one_window_is_sampled_decoded_and_put_back(model, options):
    video, edit = torch.rand(4, 3, *SIZE), edit_of(4)
    heard = []
    result = model.edit(video, edit, options, heard.append, feather_px=3.0)
    assert torch.equal(result.latents, model.sample(make_conditions(video, edit), options))
    painted = model.decode(result.latents, 4)
    assert torch.equal(result.frames, keep_unedited(video, painted, edit.mask, 3.0))
    assert torch.equal(model.edit(video, edit, options, composite=False).frames, painted)
    assert torch.equal(result.frames[~edit.mask.expand_as(video)], video[~edit.mask.expand_as(video)])
    assert [(each.stage, each.done, each.total) for each in heard] == [("sampling", 1, 1), ("decoding", 4, 4)]
    assert (result.report.num_frames, result.report.size, result.report.source_size) == (4, SIZE, SIZE)


@pytest.mark.slow
def test_files_arrays_pictures_and_text_are_the_same_edit(model, options, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (4, *SIZE, 3), np.uint8)
    mask = np.zeros(SIZE, np.uint8)
    mask[16:48, 16:48] = 255
    Image.fromarray(255 - pixels[0]).save(tmp_path / "edited.png")
    Image.fromarray(mask).save(tmp_path / "mask.png")
    tracks = json.dumps([[{"x": 20, "y": 20}, {"x": 35, "y": 20}]])  # two points for four frames
    points_px = torch.tensor([[[20.0, 20], [25, 20], [30, 20], [35, 20]]])
    video = torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255
    plain = Edit(1 - video[0], Trajectories(points_px, torch.ones(1, 4, dtype=torch.bool)), torch.from_numpy(mask > 0))
    expected = model.edit(video, plain, options).frames
    edits = [
        Edit(tmp_path / "edited.png", tracks, tmp_path / "mask.png"),
        Edit(255 - pixels[0], tracks, mask),
        Edit(Image.fromarray(255 - pixels[0]), tracks, Image.fromarray(mask)),
        Edit(str(tmp_path / "edited.png"), tracks, mask > 0),
    ]
    for clip, edit in zip((pixels, video, [Image.fromarray(frame) for frame in pixels], pixels / 255), edits):
        assert_close(model.edit(clip, edit, options).frames, expected, atol=2e-3, rtol=0)


@pytest.mark.parametrize(
    ("video", "message"),
    [
        (torch.rand(1, 3, *SIZE), "the video has 1 frame; an edit needs at least 2"),
        (torch.rand(4, 1, *SIZE), r"the video must have shape \(T, 3, H, W\), not \(4, 1, 64, 64\)"),
        (torch.full((4, 3, *SIZE), 255.0), "frame 0 of the video holds values from 255 to 255"),
        (torch.rand(4, 3, 128, 64), "the edited frame is 64×64, the clip 64×128: give it the clip's size"),
        ("no such clip.mp4", "there is no video file no such clip.mp4"),
    ],
)
def test_a_video_that_cannot_be_edited_is_named_before_any_work(model, monkeypatch, video, message):
    monkeypatch.setattr(type(model), "embed", lambda *_: pytest.fail("the model was run"))
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        model.edit(video, edit_of(4))


# --- From file to file -------------------------------------------------------------------


def write_edit(model, options, source, path, frames=FRAMES, callback=None, cache=None):
    chain = {"handover": PAPER_CHAIN, "cache": cache}
    return model.edit(source, edit_of(frames), options, callback, output=path, size=SIZE, **chain)


def test_a_file_is_edited_inside_the_mask_alone(model, options, clip, tmp_path):
    result = write_edit(model, options, clip, tmp_path / "out.mp4")
    assert len(result.frames) == 0 and result.fps == 25
    found, rate = read_video(tmp_path / "out.mp4")
    original, _ = read_video(clip)
    assert found.shape == original.shape == (FRAMES, 3, 112, 160) and rate == 25
    assert (found[..., :24, :] - original[..., :24, :]).abs().mean() < 0.02  # but for compression
    assert (found[..., 40:72, 60:100] - original[..., 40:72, 60:100]).abs().mean() > 0.05


@pytest.mark.slow
def test_files_and_tensors_agree(model, options, clip, tmp_path):
    video, _ = read_video(clip)
    edited = model.edit(video, edit_of(FRAMES), options, size=SIZE, handover=PAPER_CHAIN).frames
    write_edit(model, options, clip, tmp_path / "out.mp4")
    assert_close(read_video(tmp_path / "out.mp4")[0].mean((2, 3)), edited.mean((2, 3)), atol=0.02, rtol=0)
    assert edited.shape == video.shape
    assert torch.equal(model.edit(clip, edit_of(FRAMES), options, size=SIZE, handover=PAPER_CHAIN).frames, edited)


@pytest.mark.device
@pytest.mark.slow
def test_a_long_video_is_put_back_window_after_window(model, options):
    video, edit = torch.rand(FRAMES, 3, *SIZE), edit_of(FRAMES)
    painted = model.edit(video, edit, options, composite=False, handover=PAPER_CHAIN).frames
    for match in ("none", "colours", "gradients"):
        found = model.edit(video, edit, options, feather_px=3.0, match=match, handover=PAPER_CHAIN).frames
        assert_close(found, keep_unedited(video, painted, edit.mask, 3.0, match))


@pytest.mark.slow
def test_an_interrupted_file_leaves_windows_and_no_video(model, options, clip, tmp_path):
    class Stop(BaseException):
        pass

    def stop(progress):
        if progress.done > 5:
            raise Stop

    cache = WindowCache(tmp_path / "windows")
    with pytest.raises(Stop):
        write_edit(model, options, clip, tmp_path / "out.mp4", callback=stop, cache=cache)
    assert [file.name for file in tmp_path.iterdir()] == ["windows"]
    assert any((tmp_path / "windows").iterdir())
    write_edit(model, options, clip, tmp_path / "out.mp4", cache=cache)
    assert len(read_video(tmp_path / "out.mp4")[0]) == FRAMES


def test_an_edit_that_does_not_fit_leaves_nothing(model, options, clip, tmp_path):
    edit = replace(edit_of(FRAMES), mask=torch.ones(4, 1, *SIZE, dtype=torch.bool))
    with pytest.raises(ValueError, match="masks for 4 frames; the video has 9"):
        model.edit(clip, edit, options, output=tmp_path / "out.mp4", size=SIZE)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_memory_does_not_grow_with_length(model, options, tmp_path, monkeypatch):
    """Of everything that Python and NumPy hold; frames of the networks are the same for each window."""
    monkeypatch.setattr(type(model), "run", lambda self, denoise, noise, *_: noise)
    monkeypatch.setattr(type(model), "decode", lambda self, latents, *_: torch.full((len(latents), 3, *SIZE), 0.5))
    peaks = []
    for frames in (20, 50):
        path = tmp_path / f"{frames}.mp4"
        write_video(path, (torch.full((3, 512, 512), number % 9 / 9) for number in range(frames)), 25)
        tracemalloc.start()
        write_edit(model, options, path, tmp_path / "out.mp4", frames)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[0] > 3 * 512 * 512  # the frames that the file holds are counted
    assert peaks[1] < peaks[0] * 1.1

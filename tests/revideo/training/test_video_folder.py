"""Clips from folders of video files: what is skipped, what is cached, what is drawn again."""

import os
import shutil
from contextlib import suppress

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from revideo.training import video_folder
from revideo.training.config import DECOUPLE, TrajectoryConfig
from revideo.training.config_file import parse_training_config
from revideo.training.examples import ExampleMaker, batch_examples, prefetch
from revideo.training.video_folder import FolderClips, TrackCache, probe, read_tracks, read_window
from revideo.video.fitting import fit_frames
from revideo.video.io import read_video, write_video
from tests.fuzzing import fuzz

SIZE = {"width": 96, "height": 64, "frames": 6}


@pytest.fixture
def phase(training_values, tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    values = training_values(
        SIZE | {"stage": "motion"},
        data={"kind": "folder", "folder": str(folder), "stride": 2, "still_px": 0.5},
        trajectories={"grid_px": 16},
    )
    return parse_training_config(values).phases[0]


@pytest.fixture
def folder(phase, tmp_path):
    """Three moving clips of 30 frames, in two folders."""
    videos = tmp_path / "videos"
    (videos / "below").mkdir()
    for seed, name in enumerate(("a.mp4", "b.mkv", "below/c.MOV")):
        write_video(videos / name, panning(30, seed), 12)
    return videos


def panning(frames: int, seed: int = 0) -> torch.Tensor:
    """A texture that slides by two pixels a frame, (T, 3, 72, 120)."""
    coarse = torch.rand(1, 3, 20, 60, generator=torch.Generator().manual_seed(seed))
    wide = torch.nn.functional.interpolate(coarse, scale_factor=4, mode="bicubic").clamp(0, 1)[0]
    return torch.stack([wide[:, :72, 2 * frame : 2 * frame + 120] for frame in range(frames)])


@pytest.fixture
def source(folder, phase, tmp_path):
    return FolderClips(phase, 0, tmp_path / "tracks")


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    monkeypatch.setattr(video_folder, "_warned", set())


def test_a_clip_has_the_phases_size_and_the_tracks_of_its_motion(source):
    clip = source.clip(0)
    assert clip.video.shape == (6, 3, 64, 96)
    assert 0 <= clip.video.min() < 0.2 < 0.8 < clip.video.max() <= 1
    assert clip.fps == 6  # 12 of the file, every second
    steps = clip.trajectories.points_px.diff(dim=1)[clip.trajectories.visible[:, 1:]]
    expected = torch.tensor([-2 * 2 * 96 / 120 * 64 * 120 / 72 / 96, 0.0])  # 2 px, stride 2, scaled to the height
    torch.testing.assert_close(steps.median(0).values, expected, atol=0.15, rtol=0.05)


def test_an_epoch_shows_each_file_once_in_an_order_of_its_own(source, monkeypatch):
    monkeypatch.setattr(FolderClips, "_window", lambda self, file, generator: file)
    epochs = [[source.clip(3 * epoch + place).name for place in range(3)] for epoch in range(8)]
    assert all(sorted(epoch) == ["a.mp4", "b.mkv", "c.MOV"] for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 2


def test_the_other_clip_is_of_another_file(source, monkeypatch):
    monkeypatch.setattr(FolderClips, "_window", lambda self, file, generator: file)
    for number in range(30):
        assert source.clip(number) != source.clip(number, other=True)


@pytest.mark.slow
def test_the_same_number_gives_the_same_clip_whoever_asks(source, folder, phase, tmp_path):
    again = FolderClips(phase, 0, tmp_path / "elsewhere")
    for number in (4, 1):
        for other in (False, True):
            one, two = source.clip(number, other), again.clip(number, other)
            assert torch.equal(one.video, two.video)
            assert torch.equal(one.trajectories.points_px, two.trajectories.points_px)
    there = phase.data.model_copy(update={"folder": str(shutil.copytree(folder, tmp_path / "moved"))})
    moved = phase.model_copy(update={"data": there})
    assert torch.equal(FolderClips(moved, 0, tmp_path / "tracks").clip(4).video, again.clip(4).video)
    changed = FolderClips(phase, 1, tmp_path / "tracks")
    assert any(not torch.equal(changed.clip(n).video, source.clip(n).video) for n in range(3))


def test_windows_are_the_frames_that_reading_from_the_start_gives(bikes):
    known = probe(bikes)
    assert (known.frames, known.height, known.width) == (250, 272, 640)
    for start, stride in ((0, 1), (97, 2), (200, 3)):
        expected, _ = read_video(bikes, start, stride, 5)
        assert torch.equal(read_window(known, start, stride, 5, 136, 320), fit_frames(expected, 136, 320))


# --- What cannot be used -------------------------------------------------------------------


@pytest.fixture
def useless(folder):
    """Files that give no clip, and what is said of each."""
    (folder / "empty.mp4").touch()
    (folder / "noise.mp4").write_bytes(bytes(range(256)) * 40)
    shutil.copy(folder / "a.mp4", folder / "half.mp4")
    os.truncate(folder / "half.mp4", (folder / "a.mp4").stat().st_size // 2)
    write_video(folder / "short.mp4", panning(8), 12)
    write_video(folder / "still.mp4", panning(1).expand(20, -1, -1, -1), 12)
    darkening = panning(20)
    darkening[8:12] *= 0.4
    write_video(folder / "cuts.mp4", darkening, 12)
    (folder / "notes.txt").write_text("no video: not even looked at")
    return {
        "empty.mp4": "it is empty",
        "noise.mp4": "it cannot be read as a video",
        "half.mp4": "it cannot be read as a video",
        "short.mp4": "too short: 8 frames, 11 needed for 6 with stride 2",
        "still.mp4": "it stands still",
        "cuts.mp4": "its scene changes",
    }


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
def test_a_file_with_tags_of_another_encoding_is_read(tmp_path, name):
    write_video(tmp_path / name, panning(8), 12)
    content = (tmp_path / name).read_bytes()
    assert b"Lavf" in content  # the writer's name, in a tag
    (tmp_path / name).write_bytes(content.replace(b"Lavf", "Müäö".encode("latin-1")))
    known = probe(tmp_path / name)
    assert (known.frames, known.height, known.width) == (8, 72, 120)
    assert read_window(known, 0, 1, 3, 72, 120).shape == (3, 3, 72, 120)


def test_files_that_claim_too_much_or_are_gone_are_skipped(phase, folder, tmp_path, capsys, monkeypatch):
    """A link to nothing; a header that counts more frames than a day has; a strip that would be scaled without end."""
    (folder / "gone.mp4").symlink_to(folder / "absent.mp4")
    write_video(folder / "strip.mp4", panning(30)[:, :, :4], 12)
    monkeypatch.setattr(video_folder, "MOST_FRAMES", 40)
    write_video(folder / "long.mp4", panning(41), 12)
    source = FolderClips(phase, 0, tmp_path / "tracks")
    for number in range(6):
        assert source.clip(number).video.shape == (6, 3, 64, 96)
    lines = capsys.readouterr().err
    assert "gone.mp4: it cannot be read as a video (No such file" in lines
    assert "long.mp4: its header counts 41 frames: 40 at most" in lines
    assert "strip.mp4: none of 4 windows serves: 120×4 is of another shape than 96×64" in lines


@pytest.mark.slow
def test_each_useless_file_is_skipped_with_one_line_that_names_it(useless, phase, folder, tmp_path, capsys):
    for epoch in range(2):
        for each in (
            FolderClips(phase, 0, tmp_path / "tracks"),
            FolderClips(phase, 0, tmp_path / "tracks", "sample"),
        ):
            for number in range(9 * epoch, 9 * epoch + 9):
                assert each.clip(number).video.shape == (6, 3, 64, 96)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(useless)
    for name, why in useless.items():
        (line,) = (line for line in lines if str(folder / name) in line)
        assert line.startswith("revideo: skipping") and why in line


def test_a_folder_without_a_usable_file_says_so(phase, tmp_path):
    with pytest.raises(ValueError, match=r'"data\.folder": there is no video file in'):
        FolderClips(phase, 0, tmp_path)
    (tmp_path / "videos" / "empty.mp4").touch()
    with pytest.raises(ValueError, match=r"none of the 1 videos in .* can be used"):
        FolderClips(phase, 0, tmp_path).clip(0)


# --- The cache of tracks -------------------------------------------------------------------


def test_a_window_is_tracked_once(source, folder, monkeypatch):
    asked = []

    def counting(video, points, tracker=None):
        asked.append(1)
        return track(video, points, tracker=tracker)

    track = video_folder.track_points
    monkeypatch.setattr(video_folder, "track_points", counting)
    first = source.clip(0)
    assert len(asked) == 1
    assert torch.equal(source.clip(0).trajectories.points_px, first.trajectories.points_px)
    assert len(asked) == 1
    (cached,) = source.cache.folder.rglob("*.safetensors")
    cached.write_bytes(b"cut off")
    assert torch.equal(source.clip(0).trajectories.points_px, first.trajectories.points_px)
    assert len(asked) == 2
    for file in source.files:
        os.utime(file, (1, 1))  # another file, as far as anyone can tell
    source.clip(0)
    assert len(asked) == 3
    finer = source.phase.model_copy(update={"trajectories": TrajectoryConfig(grid_px=9)})
    FolderClips(finer, 0, source.cache.folder).clip(0)
    assert len(asked) == 4


POINTS, SEEN = torch.zeros(24, 6, 2), torch.ones(24, 6, dtype=torch.bool)
DAMAGES = {
    "empty": b"",
    "cut off": b"cut off",
    "zeros": bytes(4000),
    "no points": {"visible": SEEN},
    "no visibility": {"points_px": POINTS},
    "of another grid": {"points_px": POINTS[1:], "visible": SEEN[1:]},
    "of more frames": {"points_px": POINTS.repeat(1, 2, 1), "visible": SEEN.repeat(1, 2)},
    "in half precision": {"points_px": POINTS.half(), "visible": SEEN},
    "not finite": {"points_px": POINTS / 0, "visible": SEEN},
    "visibility in numbers": {"points_px": POINTS, "visible": SEEN.float()},
    "visibility of others": {"points_px": POINTS, "visible": SEEN.mT},
    "another file's": {"points_px": POINTS, "visible": SEEN, "checksum": "0" * 64},
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_tracks_are_made_anew_and_said(tmp_path, capsys, damage):
    video, clip = torch.nn.functional.interpolate(panning(6), (64, 96)), tmp_path / "clip.mp4"
    clip.touch()
    cache = TrackCache(tmp_path / "tracks", 16)
    made = cache.tracks(clip, video, 0, 1)
    assert made.points_px.shape == POINTS.shape
    (file,) = cache.folder.rglob("*.safetensors")
    whole = file.read_bytes()
    if isinstance(damage, bytes):
        file.write_bytes(damage)
    else:
        tensors = {name: tensor.contiguous() for name, tensor in damage.items() if name != "checksum"}
        save_file(tensors, file, {"sha256": damage["checksum"]} if "checksum" in damage else None)
    again = cache.tracks(clip, video, 0, 1)
    assert torch.equal(again.points_px, made.points_px) and torch.equal(again.visible, made.visible)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"revideo: {file} is damaged (") and line.endswith("): tracking its window again")
    assert file.read_bytes() == whole
    place = len(whole) - 400  # a bit of a point
    file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    assert torch.equal(cache.tracks(clip, video, 0, 1).points_px, made.points_px)
    assert "its numbers are not those that were saved" in capsys.readouterr().err


def test_tracks_of_an_earlier_version_have_no_checksum_and_are_read(tmp_path):
    save_file({"points_px": POINTS, "visible": SEEN}, tmp_path / "tracks.safetensors")
    assert torch.equal(read_tracks(tmp_path / "tracks.safetensors", 24, 6).points_px, POINTS)


def test_a_folder_in_the_place_of_tracks_is_named(tmp_path):
    (tmp_path / "tracks.safetensors").mkdir()
    with pytest.raises(OSError, match=r"tracks\.safetensors cannot be read"):
        read_tracks(tmp_path / "tracks.safetensors", 24, 6)


@fuzz(60)
@given(st.data())
def test_any_cached_tracks_are_those_that_were_saved_or_refused(tmp_path_factory, data):
    file = tmp_path_factory.getbasetemp() / "any.safetensors"
    tensors = {"points_px": POINTS[:2], "visible": SEEN[:2]}
    save_file(tensors, file, {video_folder.CHECKSUM: video_folder._checksum(tensors)})
    content = file.read_bytes()
    place, piece = data.draw(st.integers(0, len(content))), data.draw(st.binary(max_size=8))
    file.write_bytes(content[:place] + piece + content[place + data.draw(st.sampled_from([len(piece), 0, 5])) :])
    with suppress(ValueError):
        found = read_tracks(file, 2, 6)
        assert found.points_px.isfinite().all() and found.visible.shape == (2, 6)
        if file.read_bytes()[:8] == content[:8] and b"sha256" in file.read_bytes():
            assert torch.equal(found.points_px, POINTS[:2])


# --- Examples ------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 3])
def test_threads_make_the_same_batches_in_the_same_order(source, phase, golden_b, threads):
    make = ExampleMaker(source, DECOUPLE, phase, golden_b.config, 0)
    indices = [[2 * batch, 2 * batch + 1] for batch in range(4)]
    expected = [batch_examples([make(number) for number in batch]) for batch in indices]
    for one, two in zip(prefetch(make, indices, threads), expected, strict=True):
        assert one.keys() == two.keys()
        assert all(torch.equal(one[name], two[name]) for name in one)


def test_what_a_thread_raises_is_raised(phase, golden_b, folder, tmp_path):
    source = FolderClips(phase, 0, tmp_path / "tracks")
    for file in source.files:
        file.write_bytes(b"")
    make = ExampleMaker(source, DECOUPLE, phase, golden_b.config, 0)
    with pytest.raises(ValueError, match="none of the 3 videos"):
        list(prefetch(make, [[0], [1]], 2))

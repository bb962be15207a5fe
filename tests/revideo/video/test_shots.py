"""Cuts are found where they are, and motion is none."""

import torch
import torch.nn.functional as F

from revideo.video.io import write_video
from revideo.video.shots import find_shots, has_cut


def panning(frames: int, seed: int = 0) -> torch.Tensor:
    """Smooth ground that moves two pixels to the left with each frame."""
    coarse = torch.rand(1, 3, 9, 24, generator=torch.Generator().manual_seed(seed))
    ground = F.interpolate(coarse, size=(72, 192), mode="bicubic").clamp(0, 1)[0]
    return torch.stack([ground[..., 2 * frame : 2 * frame + 96] for frame in range(frames)])


def test_a_scene_change_is_a_cut_and_motion_is_none():
    clip = panning(10)
    assert not has_cut(clip, 0.1)
    cut = torch.cat([clip[:5], 0.4 * panning(5, seed=1)])
    assert has_cut(cut, 0.1)
    assert not has_cut(cut, 1.0)


def test_shots_are_all_frames_parted_at_the_cuts(tmp_path):
    film = torch.cat([panning(20), 0.4 * panning(7, seed=1), panning(30, seed=2)])
    write_video(tmp_path / "film.mp4", film, 12)
    assert find_shots(tmp_path / "film.mp4") == [range(20), range(20, 27), range(27, 57)]
    assert find_shots(tmp_path / "film.mp4", change=1.0) == [range(57)]
    write_video(tmp_path / "one.mp4", film[:1], 12)
    assert find_shots(tmp_path / "one.mp4") == [range(1)]

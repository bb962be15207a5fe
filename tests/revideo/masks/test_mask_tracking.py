"""A mask is followed: its outline where every pixel is known, what is lost and found again, what is refused."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from revideo.masks.mask_tracking import TrackedMask, track_mask
from revideo.masks.poses import brought_back, then, turn_about, warped_mask
from revideo.synthetic.clips import SyntheticClip, make_clip, make_crossing
from revideo.synthetic.measures import HELD_OUT
from revideo.tracks.tracking import Tracker
from revideo.tracks.trajectories import Trajectories

SIZE: dict[str, Any] = {"frames": 14, "height": 128, "width": 128}
SMALL: dict[str, Any] = {"diameter_px": (24.0, 34.0), "speed_px": (0.5, 5.0), "shortest_wave_px": 28.0}


def iou(found: Tensor, truth: Tensor) -> Tensor:
    """(T,) of masks (T, H, W)."""
    return (found & truth).sum((1, 2)) / (found | truth).sum((1, 2)).clamp(min=1)


def followed(clip: SyntheticClip, sprite: int = 0, frame: int = 0) -> TrackedMask:
    return track_mask(clip.video, clip.masks[sprite, frame][None, None].float(), frame)


def translated(clip: SyntheticClip, sprite: int) -> Tensor:
    """(T, H, W): the first mask, moved as the sprite's centre is."""
    path = clip.trajectories.points_px[sprite * (len(clip.trajectories.points_px) // len(clip.masks))]
    shifts = (path - path[0]).round().int().tolist()
    return torch.stack([clip.masks[sprite, 0].roll((y, x), (0, 1)) for x, y in shifts])


@pytest.mark.parametrize("seed", range(3))
def test_a_thing_that_turns_and_grows_is_outlined_better_than_by_moving_its_mask(seed: int):
    clip = make_clip(HELD_OUT + seed, changing=1.0, **SMALL, **SIZE)
    for sprite, truth in enumerate(clip.masks):
        found = followed(clip, sprite)
        assert found.mask.shape == (14, 1, 128, 128) and found.mask.dtype == torch.bool
        agreement = iou(found.mask[:, 0], truth)
        assert agreement.mean() >= 0.9 and agreement.min() >= 0.7
        assert agreement.mean() > iou(translated(clip, sprite), truth).mean()
        assert found.lost_stretches() == []


@pytest.mark.parametrize("seed", range(3))
def test_what_passes_in_front_is_left_out(seed: int):
    clip = make_crossing(HELD_OUT + seed, **SIZE)
    for sprite, truth in enumerate(clip.masks):
        agreement = iou(followed(clip, sprite).mask[:, 0], truth)
        shows = truth.sum((1, 2)) >= 0.5 * truth[0].sum()
        assert agreement[shows].mean() >= 0.85 and agreement[shows].min() >= 0.6


def test_it_goes_both_ways_from_any_frame_and_the_same_each_time():
    clip = make_clip(HELD_OUT + 1, changing=1.0, **SMALL, **SIZE)
    found = followed(clip, frame=7)
    assert torch.equal(found.mask[7, 0], clip.masks[0, 7])
    assert iou(found.mask[:, 0], clip.masks[0]).min() >= 0.7
    assert torch.equal(found.mask, followed(clip, frame=7).mask)


def test_what_is_covered_for_a_while_is_said_and_found_again():
    clip = make_clip(HELD_OUT + 1, sprites=(1, 1), pans=0.0, **SMALL, **SIZE)
    video = clip.video.clone()
    video[5:8] = torch.tensor([0.1, 0.9, 0.1])[:, None, None]  # a wall
    found = track_mask(video, clip.masks[0, :1, None].float())
    assert found.lost_stretches() == [(5, 7)]
    assert found.mask[5:8].flatten(1).any(1).all()  # carried over, lest the edit flickers
    assert iou(found.mask[8:, 0], clip.masks[0, 8:]).min() >= 0.7
    video[5:] = video[5]
    found = track_mask(video, clip.masks[0, :1, None].float())
    assert found.lost_stretches() == [(5, 13)]
    assert not found.mask[5:].any()


def spotted_oval(poses: list[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Frames (T, 3, 128, 192) and masks (T, H, W) of an oval that has those poses, on a ground of other spots."""
    random = np.random.default_rng(3)
    ground, spots = (
        np.kron(random.uniform(low, high, (32, 48, 3)), np.ones((4, 4, 1))) for low, high in ((0.3, 0.5), (0, 1))
    )
    rows, columns = np.mgrid[:128, :192]
    oval = ((columns - 40) / 16) ** 2 + ((rows - 60) / 10) ** 2 < 1
    masks = [warped_mask(oval, pose) for pose in poses]
    shown = [brought_back(spots, cv2.invertAffineTransform(pose)) for pose in poses]
    frames = [np.where(mask[..., None], each, ground) for mask, each in zip(masks, shown)]
    return torch.from_numpy(np.stack(frames)).float().permute(0, 3, 1, 2), torch.from_numpy(np.stack(masks))


def misled(growth: float) -> Tracker:
    """Points that slip to the ground and stay there, or go apart by that much a frame."""

    def track(video: Tensor, points_px: Tensor, frame: int) -> Trajectories:
        sizes = growth ** torch.arange(len(video))[:, None]
        places = points_px.mean(0) + sizes * (points_px - points_px.mean(0))[:, None]
        return Trajectories(places.float(), torch.ones(places.shape[:2], dtype=torch.bool))

    return track


@pytest.mark.parametrize("growth", [1.0, 1.15])
@pytest.mark.parametrize("turn", [0.0, 0.25, -0.35])
def test_a_thing_whose_points_slip_is_found_turned_and_moved_in_its_own_size(turn: float, growth: float):
    centre = np.array([40.5, 60.5])
    ways = [np.array([[1, 0, 16.0 * time], [0, 1, 4.0 * time]]) for time in range(6)]
    video, truth = spotted_oval([then(turn_about(turn * time, centre), way) for time, way in enumerate(ways)])
    found = track_mask(video, truth[:1, None].float(), tracker=misled(growth))
    assert found.lost_stretches() == []
    assert iou(found.mask[:, 0], truth).min() >= 0.8


def test_where_it_is_covered_a_turning_thing_keeps_its_size():
    centre, times = np.array([40.5, 60.5]), range(9)
    ways = [np.array([[1, 0, 4.0 * time], [0, 1, 0]]) for time in times]
    video, truth = spotted_oval([then(turn_about(0.1 * time, centre), way) for time, way in zip(times, ways)])
    video[3:6] = torch.tensor([0.1, 0.9, 0.1])[:, None, None]  # a wall
    found = track_mask(video, truth[:1, None].float(), tracker=misled(1.0))
    assert found.lost_stretches() == [(3, 5)]
    assert iou(found.mask[:, 0], truth).min() >= 0.8


@pytest.mark.parametrize("side", [1, 2, 128])
def test_a_mask_of_any_size_is_followed(side: int):
    clip = make_clip(HELD_OUT + 1, sprites=(1, 1), pans=0.0, **SMALL, **SIZE)
    y, x = (int(value) for value in clip.masks[0, 0].nonzero().float().mean(0))
    mask = torch.zeros(1, 1, 128, 128)
    mask[..., y : y + side, x : x + side] = 1
    if side == 128:
        mask[:] = 1
    found = track_mask(clip.video[:4], mask)
    assert found.found.all() and found.mask.flatten(1).any(1).all()


def test_a_mask_alone_is_one_of_a_single_frame():
    video = torch.rand(1, 3, 32, 48)
    mask = torch.zeros(1, 1, 32, 48)
    mask[..., 9:20, 12:31] = 1
    for given in (mask, mask[0], mask[0, 0]):
        assert torch.equal(track_mask(video, given).mask, mask.bool())


def test_what_cannot_be_followed_is_refused():
    video = torch.rand(3, 3, 32, 48)
    for given, mask, frame, says in (
        (video[0], torch.ones(32, 48), 0, r"the video must have shape \(T, 3, H, W\), not \(3, 32, 48\)"),
        (video, torch.ones(3, 32, 48), 0, r"must have shape \(1, 1, H, W\) or \(H, W\), not \(3, 32, 48\)"),
        (video, torch.ones(1, 3, 32, 48), 0, r"must have shape \(1, 1, H, W\) or \(H, W\), not \(1, 3, 32, 48\)"),
        (video, torch.ones(32, 48), 1.0, r"frame must be the number of a frame, a whole number from 0 on, not 1\.0"),
        (video, torch.ones(32, 48), True, r"frame must be the number of a frame, a whole number from 0 on, not True"),
    ):
        with pytest.raises(ValueError, match=says):
            track_mask(given, mask, frame)
    for mask, frame, says in (
        (torch.ones(1, 1, 16, 16), 0, r"16×16 for 1 frames: give one of a single frame, of the video's size 48×32"),
        (torch.ones(3, 1, 32, 48), 0, r"48×32 for 3 frames"),
        (torch.ones(1, 1, 32, 48), 3, r"no frame 3: the video has frames 0 to 2"),
        (torch.zeros(1, 1, 32, 48), 1, r"empty on frame 1: paint"),
    ):
        with pytest.raises(ValueError, match=says):
            track_mask(video, mask, frame)

"""Synthetic scenes: what is said about its clips is true."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from revideo.synthetic.clips import make_clip, write_clips
from revideo.synthetic.edits import EDIT_KINDS, make_edit, without_motion
from revideo.synthetic.scenes import Scene, draw_scenes
from revideo.video.io import read_video

SIZE = {"frames": 8, "height": 96, "width": 128}
HALF = {"frames": 14, "height": 72, "width": 128}  # of the frames of the examples, and all in them
EDITS = list(product(EDIT_KINDS, (1, 2)))


def centroid(mask):
    y, x = mask.nonzero().float().mean(0) + 0.5
    return torch.stack([x, y])


def test_same_seed_same_clip_another_seed_another():
    first, again, other = make_clip(5, **SIZE), make_clip(5, **SIZE), make_clip(6, **SIZE)
    assert torch.equal(first.video, again.video)
    assert torch.equal(first.trajectories.points_px, again.trajectories.points_px)
    assert not torch.equal(first.video, other.video)


@pytest.mark.parametrize("seed", range(8))
def test_first_track_of_each_sprite_is_where_its_mask_is(seed):
    clip = make_clip(seed, **SIZE, points=3)
    centres = clip.trajectories.points_px[::3]
    assert len(centres) == len(clip.masks) >= 1
    for path, masks in zip(centres, clip.masks):
        found = torch.stack([centroid(mask) for mask in masks])
        assert_close(found, path, atol=0.35, rtol=0)


def test_points_of_a_sprite_move_with_it():
    clip = make_clip(3, **SIZE, points=4)
    tracks = clip.trajectories.points_px.unflatten(0, (-1, 4))
    assert_close(tracks.diff(dim=2), tracks[:, :1].diff(dim=2).expand(-1, 4, -1, -1), atol=1e-3, rtol=0)
    assert clip.trajectories.visible.all()


def test_sprites_keep_clear_of_each_other_and_inside():
    for seed in range(20):
        clip = make_clip(seed, **SIZE)
        assert not (clip.masks.sum(0) > 1).any()
        areas = clip.masks.flatten(2).sum(2)
        assert (areas.amax(1) - areas.amin(1) <= 0.12 * areas.amax(1)).all()  # nothing is cut off


def test_a_panning_background_repeats_itself_moved():
    ground = make_clip(0, **SIZE, sprites=(0, 0), pans=1.0).background
    ground = replace(ground, velocity_px=np.float32([3, -2]))
    video, masks = draw_scenes([Scene(ground, [])], 3, 96, 128)
    assert masks.shape == (1, 0, 3, 96, 128)
    moved = video[0, 0].roll((-2, 3), (1, 2))
    assert_close(video[0, 1][:, 8:-8, 8:-8], moved[:, 8:-8, 8:-8], atol=1e-4, rtol=0)


@pytest.mark.parametrize(("kind", "areas"), EDITS)
def test_an_edit_changes_nothing_outside_its_areas(kind, areas):
    for seed in range(5):
        truth = make_edit(seed, kind, **HALF, areas=areas)
        truth.edit.check(len(truth.source), *truth.source.shape[-2:])
        outside = (truth.edit.mask < 0.5).expand_as(truth.source)
        assert torch.equal(truth.source[outside], truth.target[outside])
        assert len(truth.areas) == len(truth.appearances) == len(truth.masks) == areas
        assert truth.edit.trajectories.num_trajectories == (0 if kind == "removed" else areas)
        assert torch.equal(truth.areas.sum(0), truth.edit.mask[0, 0])  # areas do not overlap
        for area, masks, path in zip(truth.areas, truth.masks, truth.centres_px):
            assert (area > 0)[None].expand_as(masks)[masks].all()
            assert_close(torch.stack([centroid(mask) for mask in masks]), path, atol=0.5, rtol=0)


def test_kinds_change_what_they_say():
    content, motion, both, inserted, removed = (make_edit(2, kind, **HALF, bystanders=0) for kind in EDIT_KINDS)
    assert_close(motion.source[0], motion.target[0])
    assert (motion.source[-1] - motion.target[-1]).abs().max() > 0.3
    for truth in (content, both):
        assert (truth.source[0] - truth.target[0]).abs().max() > 0.3

    changed = (content.source - content.target).abs().amax(1) > 0.1  # the new sprite hides the old on every frame
    old_and_new = torch.stack([centroid(frame) for frame in changed])
    assert_close(old_and_new, content.centres_px[0], atol=2.0, rtol=0)
    changed = (both.source[-1] - both.target[-1]).abs().amax(0) > 0.1  # two places: the old way's end, the new way's
    assert changed.sum() > 1.5 * both.masks[0, -1].sum()
    for with_it, without in ((inserted.target, inserted.source), (removed.source, removed.target)):
        there = torch.cat([(inserted if with_it is inserted.target else removed).masks])[0]
        changed = (with_it - without).abs().amax(1)
        assert changed[~there].max() < 0.9 * changed[there].max()  # half a pixel at its edge
        assert (changed[there] > 0.05).float().mean() > 0.9


def test_without_motion_is_the_same_edit_with_no_path():
    edit = make_edit(0, "motion", **HALF).edit
    still = without_motion(edit)
    assert still.trajectories.num_trajectories == 0
    assert torch.equal(still.edited_frame, edit.edited_frame)


def test_no_room_is_said():
    with pytest.raises(ValueError, match="no room for 2 areas in 32×64"):
        make_edit(0, "both", frames=14, height=64, width=32, areas=2)
    with pytest.raises(ValueError, match='kind "colour"'):
        make_edit(0, "colour", **HALF)


def test_written_clips_are_read_back(tmp_path):
    files = write_clips(tmp_path / "clips", [3, 4], **SIZE)
    assert [file.name for file in files] == ["00000003.mp4", "00000004.mp4"]
    video, fps = read_video(files[1])
    truth = make_clip(4, **SIZE).video
    assert fps == 6
    assert video.shape == truth.shape
    assert (video - truth).square().mean() < 1e-3


# --- Coupled -----------------------------------------------------------------------------


def ground_velocity(first, second, edge=6):
    """x, y of the whole-pixel shift that makes one frame the next, but for what comes in at the border."""
    found = {}
    for x, y in product(range(-edge, edge + 1), repeat=2):
        error = (torch.roll(first, (y, x), (-2, -1)) - second).square()
        found[x, y] = float(error[:, edge:-edge, edge:-edge].sum())
    return min(found, key=found.get)


@pytest.mark.parametrize("way", ["straight", "wavy"])
@pytest.mark.parametrize("kind", ["motion", "both", "inserted"])
def test_what_is_coupled_goes_with_its_ground_and_what_is_edited_against_it(kind, way):
    for seed in range(6):
        truth = make_edit(seed, kind, **SIZE, way=way, coupled=True, bystanders=2)
        asked = truth.centres_px[0]
        outside = ~truth.edit.masks(0, 8)
        assert torch.equal(truth.source[outside.expand_as(truth.source)], truth.target[outside.expand_as(truth.target)])
        shift = asked[-1] - asked[0]
        steps = truth.source.diff(dim=0).abs().flatten(1).sum(1)
        assert (steps > 0).all()  # the ground pans
        velocity = np.array(ground_velocity(truth.source[0], truth.source[1]))
        assert -shift.numpy() @ velocity > 0.9 * np.linalg.norm(shift) * np.linalg.norm(velocity) - 4
        straight = asked[:1] + torch.linspace(0, 1, 8)[:, None] * shift
        bent = (asked - straight).norm(dim=1).max()
        assert (bent < 0.02) if way == "straight" else (bent > 0.5)


def test_another_content_stays_on_the_way_of_its_surroundings():
    for seed in range(6):
        truth = make_edit(seed, "content", **SIZE, coupled=True)
        way = (truth.centres_px[0, -1] - truth.centres_px[0, 0]).numpy()
        velocity = np.array(ground_velocity(truth.source[0], truth.source[1]))
        assert way @ velocity > 0.9 * np.linalg.norm(way) * np.linalg.norm(velocity) - 4


def test_in_a_column_each_tells_where_the_others_are():
    for seed in range(6):
        clip = make_clip(seed, **SIZE, sprites=(2, 3), coupled=1.0, columns=1.0, points=1)
        paths = clip.trajectories.points_px
        assert_close(paths[:, :, 0], paths[:1, :, 0].expand(len(paths), -1), atol=1e-4, rtol=0)
        assert (paths[..., 1].diff(dim=1) == 0).all() and (paths[..., 0].diff(dim=1).abs() > 0.1).all()


@pytest.mark.parametrize("way", ["straight", "wavy"])
def test_an_edit_in_a_column_keeps_who_tells_of_the_source_outside(way):
    for seed in range(6):
        truth = make_edit(seed, "motion", frames=8, height=64, width=64, diameter_px=(18.0, 24.0), speed_px=(1.5, 2.5),
            way=way, coupled=True, column=True)  # fmt: skip
        outside = ~truth.edit.mask[0, 0]
        strong = (truth.source - truth.source.mean(1, keepdim=True)).norm(dim=1) > 0.15
        others = strong & outside
        assert others.flatten(1).any(1).all()
        at = [centroid(frame)[0] for frame in others]
        moved = float(at[-1] - at[0])
        asked = float(truth.centres_px[0, -1, 0] - truth.centres_px[0, 0, 0])
        assert abs(moved + asked) < 2 and abs(float(at[0] - truth.centres_px[0, 0, 0])) < 2


@pytest.mark.parametrize("others", [{"way": "to and fro"}, {"still": True}, {"roam_px": 40.0}])
def test_what_is_coupled_takes_no_other_way(others):
    with pytest.raises(ValueError, match="goes as its ground pans"):
        make_edit(0, "motion", **SIZE, coupled=True, **others)
    with pytest.raises(ValueError, match="sprites that go together"):
        make_edit(0, "motion", **SIZE, column=True)

"""Things of the first frame are cut out, found again, and put back as they were."""

import torch
from torch.testing import assert_close

from revideo import Trajectories
from revideo.editing.drift_correction import MARGIN_PX, correct_appearance, find_objects, locate_objects
from revideo.synthetic.clips import make_clip
from revideo.synthetic.scenes import Scene, draw_scenes

SIDE = 128
SMALL_THINGS = {"diameter_px": (28.0, 38.0), "speed_px": (2.0, 3.0), "shortest_wave_px": 28.0, "textured": 1.0}
CLIP = make_clip(1, frames=8, height=SIDE, width=SIDE, sprites=(2, 2), points=1, pans=0.0, **SMALL_THINGS)
PATHS = CLIP.trajectories
EVERYWHERE = torch.ones(SIDE, SIDE, dtype=torch.bool)


def objects_of(clip=CLIP, paths: Trajectories = PATHS, area: torch.Tensor = EVERYWHERE):
    return find_objects(clip.video[0], paths, area)


def on_frame(at: int, paths: Trajectories = PATHS) -> Trajectories:
    return Trajectories(paths.points_px[:, at : at + 1], paths.visible[:, at : at + 1])


def corrected(frame: torch.Tensor, at: int = 7, objects=None, area: torch.Tensor = EVERYWHERE):
    """What is found is put back on its path."""
    objects, paths = objects or objects_of(), on_frame(at)
    _, found = locate_objects(frame[None], objects, paths)
    return correct_appearance(frame, objects, paths.points_px[:, 0], found[:, 0], area)


def faded(frame: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Sprites that have lost contrast, as after a window or two."""
    blurred = torch.nn.functional.avg_pool2d(frame[None], 9, 1, 4, count_include_pad=False)[0]
    return torch.where(mask, 0.5 * (frame + blurred) * 0.8 + 0.1, frame)


def test_a_thing_is_what_stands_out_around_its_path():
    for thing, mask, point in zip(objects_of(), CLIP.masks[:, 0], PATHS.points_px[:, 0]):
        left, top = (point - thing.anchor).int().tolist()
        height, width = thing.alpha.shape
        found = torch.zeros(SIDE, SIDE, dtype=torch.bool)
        found[top : top + height, left : left + width] = thing.alpha == 1
        assert (found & mask).sum() / (found | mask).sum() > 0.9
        assert torch.equal(thing.picture, CLIP.video[0][:, top : top + height, left : left + width])


def test_what_has_faded_looks_as_at_first():
    truth, masks = CLIP.video[7], CLIP.masks[:, 7].any(0)
    frame = faded(truth, masks)
    found, changed = corrected(frame)
    assert (found - truth)[:, masks].abs().mean() < 0.3 * (frame - truth)[:, masks].abs().mean()
    assert torch.equal(found[:, ~changed], frame[:, ~changed])
    assert changed[masks].float().mean() > 0.9
    around = torch.nn.functional.max_pool2d(masks[None].float(), 2 * MARGIN_PX + 7, 1, MARGIN_PX + 3)[0] > 0
    assert not (changed & ~around).any()
    assert (found - truth)[:, changed & ~masks].abs().mean() < 0.08


def test_things_are_found_where_they_are():
    """Faded, and away from their paths."""
    frames = torch.stack([faded(CLIP.video[at], CLIP.masks[:, at].any(0)) for at in range(8)])
    offsets = torch.tensor([[4.0, -3.0], [-2.0, 5.0]])[:, None]
    away, found = locate_objects(frames, objects_of(), Trajectories(PATHS.points_px - offsets, PATHS.visible))
    assert found.all()
    assert_close(away, offsets.expand_as(away), atol=0.4, rtol=0)


def test_what_strayed_a_pixel_is_put_back_on_its_path():
    """As it would look there, but for what its old place has left beyond the margin."""
    truth, masks = CLIP.video[7], CLIP.masks[:, 7].any(0)
    for away in ((1, 0), (0, -1), (1, 1)):
        offsets = faded(truth, masks).roll(away[::-1], (1, 2))
        found, _ = corrected(offsets)
        assert (found - truth)[:, masks].abs().mean() < 0.3 * (offsets - truth)[:, masks].abs().mean()
        again, _ = locate_objects(found[None], objects_of(), on_frame(7))
        assert again.norm(dim=-1).max() < 0.25


def test_what_is_not_found_or_not_asked_for_stays_as_painted():
    noise = torch.rand(3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    gone = draw_scenes([Scene(CLIP.background, [])], 1, SIDE, SIDE)[0][0, 0]
    for frame in (noise, gone):
        found, changed = corrected(frame)
        assert torch.equal(found, frame) and not changed.any()
    frame, area = CLIP.video[7], CLIP.masks[0, 7]
    _, changed = corrected(frame, area=area)
    assert changed.any() and not (changed & ~area).any()
    hidden = Trajectories(PATHS.points_px[:, 7:], torch.zeros_like(PATHS.visible[:, 7:]))
    away, found = locate_objects(frame[None], objects_of(), hidden)
    assert not away.any() and not found.any()
    assert not correct_appearance(frame, objects_of(), PATHS.points_px[:, 7], found[:, 0], EVERYWHERE)[1].any()


def test_nothing_is_cut_out_where_no_path_begins():
    outside = Trajectories(
        torch.tensor([[[-20.0, 3.0]], [[64.0, 500.0]]]).expand(-1, 8, -1), torch.ones(2, 8, dtype=torch.bool)
    )
    assert objects_of(paths=outside) == [None, None]
    later = Trajectories(PATHS.points_px, torch.zeros_like(PATHS.visible))
    assert objects_of(paths=later) == [None, None]
    assert objects_of(area=~EVERYWHERE) == [None, None]
    assert objects_of(paths=Trajectories.none(8)) == []


def test_a_point_on_flat_ground_restores_nothing():
    paths = Trajectories(torch.full((1, 8, 2), 40.0), torch.ones(1, 8, dtype=torch.bool))
    flat = torch.full((3, SIDE, SIDE), 0.5)
    objects = find_objects(flat, paths, EVERYWHERE)
    assert not locate_objects(flat[None], objects, on_frame(7, paths))[1].any()


def test_two_paths_on_one_thing_move_one_thing():
    twice = Trajectories(PATHS.points_px[:1].repeat(2, 1, 1), PATHS.visible[:1].repeat(2, 1))
    first, second = objects_of(paths=twice)
    assert first is not None and second is None


def test_a_frame_with_nothing_to_restore_is_the_same():
    found, changed = corrected(CLIP.video[0], at=0)
    assert_close(found, CLIP.video[0], atol=0.02, rtol=0)
    assert changed.any()

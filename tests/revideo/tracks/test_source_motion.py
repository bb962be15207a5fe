"""The source's motion taken over: what is tracked, what is chosen, and what is said when nothing is."""

import pytest
import torch

from revideo import Trajectories, parse_tracks
from revideo.synthetic.clips import make_clip, make_crossing
from revideo.tracks.selection import path_lengths
from revideo.tracks.source_motion import describe_visibility, points_of_text, track_drawn, track_masked

FRAMES, SIDE = 8, 128


@pytest.fixture(scope="module")
def clip():
    """One sprite on still ground."""
    return make_clip(3, frames=FRAMES, height=SIDE, width=SIDE, sprites=(1, 1), pans=0.0, speed_px=(3.0, 4.0))


def around(clip):
    """The box (1, 1, H, W) of all that the sprite covers, and as much again beside it."""
    rows, columns = clip.masks.any(1)[0].nonzero(as_tuple=True)
    mask = torch.zeros(1, 1, SIDE, SIDE)
    mask[..., rows.min() - 8 : rows.max() + 8, columns.min() - 8 : columns.max() + 8] = 1
    return mask


def still(points, frames=FRAMES):
    """Anchors as the editor gives them: in one place on all frames."""
    points_px = torch.tensor(points)[:, None].expand(-1, frames, -1)
    return Trajectories(points_px, torch.ones(points_px.shape[:2], dtype=torch.bool))


@pytest.mark.parametrize("frame", [0, 4, FRAMES - 1])
def test_an_anchor_on_an_object_becomes_its_trajectory(clip, frame):
    truth = clip.trajectories.points_px[0]
    found = track_drawn(clip.video, still([truth[frame].tolist()]), frame)
    assert found.visible.all()
    assert (found.points_px[0] - truth).norm(dim=-1).max() < 1.5
    assert torch.equal(found.points_px[0, frame], truth[frame])


def test_how_a_point_was_drawn_on_other_frames_does_not_matter(clip):
    anchor = still([clip.trajectories.points_px[0, 2].tolist()])
    elsewhere = Trajectories(anchor.points_px.clone(), anchor.visible)
    elsewhere.points_px[:, 3:] = 5
    assert torch.equal(track_drawn(clip.video, anchor, 2).points_px, track_drawn(clip.video, elsewhere, 2).points_px)


def test_only_points_that_are_there_are_tracked(clip):
    points = still([[40.0, 40.0], [60.0, 60.0]])
    points.visible[0, 0] = False
    assert track_drawn(clip.video, points).num_trajectories == 1


def test_a_hidden_point_moves_on_unless_it_shall_not():
    crossing = make_crossing(0, frames=14, height=SIDE, width=SIDE, points=1)
    points = still(crossing.trajectories.points_px[:1, 0].tolist(), 14)
    moving, hidden = (track_drawn(crossing.video, points, hidden_moves=moves) for moves in (True, False))
    assert moving.visible.all() and hidden.visible[0, 0] and not hidden.visible.all()
    assert torch.equal(moving.points_px, hidden.points_px)
    assert track_drawn(crossing.video, points).visible.all()  # what measures best, in docs/benchmarks.md
    whole = torch.ones(1, 1, SIDE, SIDE)
    grids = [track_masked(crossing.video, whole, spacing_px=24, most=9, hidden_moves=moves) for moves in (True, False)]
    assert grids[0].visible.all() and torch.equal(grids[0].points_px, grids[1].points_px)


@pytest.mark.slow
def test_of_a_grid_what_moves_is_chosen(clip):
    found = track_masked(clip.video, around(clip), spacing_px=6, most=4)
    assert 1 <= found.num_trajectories <= 4
    inside = clip.masks[0, 0]
    x, y = found.points_px[:, 0].long().unbind(1)
    assert inside[y, x].float().mean() >= 0.75  # even ground right beside the object may be taken for a part of it
    assert torch.equal(found.points_px, track_masked(clip.video, around(clip), spacing_px=6, most=4).points_px)


@pytest.mark.slow
def test_all_of_a_grid_are_evenly_chosen(clip):
    everything = track_masked(clip.video, around(clip), spacing_px=6, most=1000, moving=False)
    some = track_masked(clip.video, around(clip), spacing_px=6, most=5, moving=False)
    assert some.num_trajectories == 5 < everything.num_trajectories
    assert path_lengths(everything).min() < 0.5 < path_lengths(everything).max()
    assert torch.equal(some.points_px[[0, -1]], everything.points_px[[0, -1]])


def test_the_area_counts_where_it_is_on_that_frame(clip):
    mask = torch.zeros(FRAMES, 1, SIDE, SIDE)
    mask[5, :, 20:40, 20:40] = 1
    found = track_masked(clip.video, mask, frame=5, spacing_px=8, moving=False)
    assert ((found.points_px[:, 5] >= 20) & (found.points_px[:, 5] < 40)).all()


def noise():
    return torch.rand(FRAMES, 3, 64, 64, generator=torch.Generator().manual_seed(0))


LOST = still([[30.0, 30.0], [40.0, 30.0]])


@pytest.mark.parametrize(
    "track, message",
    [
        (lambda clip: track_drawn(noise(), LOST), "^all 2 points are lost right beside frame 0: follow something"),
        (
            lambda clip: track_drawn(clip.video, LOST.for_clip(5, "as drawn")),
            "the points cover 5 frames; the video has 8",
        ),
        (lambda clip: track_drawn(clip.video, LOST, 8), "there is no frame 8: the video has frames 0 to 7"),
        (
            lambda clip: track_drawn(clip.video, Trajectories.none(FRAMES)),
            "there is no point to follow on frame 0: draw one",
        ),
        (lambda clip: track_masked(clip.video, torch.zeros(1, 1, SIDE, SIDE)), "no point of the grid lies inside"),
        (lambda clip: track_masked(clip.video, torch.ones(3, 1, SIDE, SIDE)), "the mask is 128×128 for 3 frames"),
        (lambda clip: track_masked(clip.video, torch.ones(1, 1, 64, SIDE)), "the mask is 128×64 for 1 frames"),
        (
            lambda clip: track_masked(clip.video[:1].expand(FRAMES, -1, -1, -1), torch.ones(1, 1, SIDE, SIDE)),
            "nothing moves inside the area: the longest way of 64 points is 0.0 pixels",
        ),
    ],
)
def test_what_cannot_be_tracked_is_named(clip, track, message):
    with pytest.raises(ValueError, match=message):
        track(clip)


def test_what_was_lost_is_named_by_point_and_frame():
    visible = torch.ones(5, 10, dtype=torch.bool)
    visible[1, 6:] = False
    visible[2, 3:5] = False
    visible[3, :4] = False
    visible[4] = False
    assert describe_visibility(Trajectories(torch.zeros(5, 10, 2), visible)).splitlines() == [
        "1 of 5 points are seen on all 10 frames",
        "point 1: lost from frame 6",
        "point 2: hidden on 2 frames from 3",
        "point 3: not seen before frame 4",
        "point 4: never seen",
    ]


def test_a_text_of_tracks_is_as_long_as_the_clip():
    points = torch.arange(2.0).view(2, 1, 1).expand(-1, 10, 2)
    visible = torch.ones(2, 10, dtype=torch.bool)
    visible[0, 4:] = visible[1, 7:] = False
    found = parse_tracks(Trajectories(points, visible).to_json(whole=True)).for_clip(10)
    assert torch.equal(found.visible, visible)


def test_each_point_of_a_points_editors_list_is_followed():
    text = '[{"x": 30, "y": 40}, {"x": 90, "y": 100}, {"x": 20, "y": 100}]'
    found = points_of_text(text, 2, 5)
    assert found.points_px[:, 2].tolist() == [[30, 40], [90, 100], [20, 100]] and found.visible.all()
    assert points_of_text(text, 2, 5, found).num_trajectories == 6
    with pytest.raises(ValueError, match="there is no frame 5"):
        points_of_text(text, 5, 5)


# --- With the built-in model ---------------------------------------------------------------

"""Windows: what holds for every length, and what each window sees of the whole video's edit."""

from itertools import pairwise

import pytest
import torch
from torch.testing import assert_close

from revideo import Edit, Trajectories
from revideo.conditions import motion_map
from revideo.editing.windows import blend_weights, moving, plan_windows

PLANS = [(window, overlap) for window in (2, 3, 4, 14) for overlap in range(1, window)]


def lengths(window: int) -> list[int]:
    return [*range(window, 4 * window + 2), 90, 280, 1400]


# --- The plan ----------------------------------------------------------------------------


@pytest.mark.parametrize(("window", "overlap"), PLANS)
def test_every_frame_is_given_once_by_a_window_that_holds_it(window, overlap):
    for frames in lengths(window):
        plan = plan_windows(frames, window, overlap)
        assert plan[0].start == plan[0].first == plan[0].shared == 0
        assert plan[-1].stop == frames
        assert all(each.stop - each.start == window for each in plan)  # shifted, not padded
        ends = [later.first for later in plan[1:]] + [frames]
        given = [frame for each, end in zip(plan, ends) for frame in range(each.first, end)]
        assert given == list(range(frames))
        assert all(each.start <= each.first and end <= each.stop for each, end in zip(plan, ends))


@pytest.mark.parametrize(("window", "overlap"), PLANS)
def test_neighbours_share_what_was_asked_for_and_only_the_last_shares_more(window, overlap):
    for frames in lengths(window):
        plan = plan_windows(frames, window, overlap)
        for before, after in pairwise(plan):
            assert before.start < after.start
            assert after.shared == before.stop - after.start
            # A window's frame 0 is its reference: what it gives begins behind it.
            assert after.first > after.start
            assert after.shared == overlap or (after is plan[-1] and after.shared > overlap)


@pytest.mark.parametrize(("window", "overlap"), PLANS)
def test_no_plan_has_a_window_to_spare(window, overlap):
    for frames in lengths(window):
        step = window - overlap
        assert len(plan_windows(frames, window, overlap)) == 1 + -(-(frames - window) // step)


@pytest.mark.parametrize("edited", [[0], [0, 13], [0, 1], [0, 5, 30, 83], [4, 60], [83], [0, 20, 22, 82]])
@pytest.mark.parametrize("overlap", [1, 4])
def test_windows_begin_with_each_edited_frame_and_the_ones_before_end_with_it(edited, overlap):
    plan = plan_windows(84, 14, overlap, edited)
    given = [
        number
        for each, later in zip(plan, [*plan[1:], None])
        for number in range(each.first, later.first if later else 84)
    ]
    assert given == list(range(edited[0], 84)) or edited == [83]
    assert [each.start for each in plan if not each.shared] == [index for index in edited if index < 83]
    assert [each.stop - 1 for each in plan if each.ends] == edited[1:]
    for each in plan:
        assert each.stop - each.start <= 14
        assert not set(edited) & set(range(each.start + 1, each.stop - 1))


@pytest.mark.parametrize("overlap", [-1, 0, 14, 15])
def test_an_overlap_that_leaves_nothing_new_is_refused(overlap):
    with pytest.raises(ValueError, match=f"the overlap must be from 1 to 13 frames .*, not {overlap}"):
        plan_windows(100, 14, overlap)


@pytest.mark.slow
@pytest.mark.parametrize(("window", "overlap"), PLANS)
def test_shared_frames_pass_evenly_from_one_window_to_the_next(window, overlap):
    for frames in lengths(window):
        for later in plan_windows(frames, window, overlap)[1:]:
            weights = blend_weights(later.shared, overlap)
            assert len(weights) == later.shared
            assert weights[0] == 1  # the carried frame
            mine = later.first - later.start  # the first frame that the later window gives
            assert (weights[:mine] == 1).all() and (weights[mine:] < 1).all() and (weights > 0).all()
            assert_close(weights[later.shared - overlap :].diff(), torch.full((overlap - 1,), -1 / overlap))


# --- The edit's slices -------------------------------------------------------------------

FRAMES, HEIGHT, WIDTH = 23, 32, 48


def paths(count: int = 3, seed: int = 0) -> Trajectories:
    generator = torch.Generator().manual_seed(seed)
    points_px = torch.rand(count, FRAMES, 2, generator=generator) * torch.tensor([WIDTH, HEIGHT])
    return Trajectories(points_px, torch.rand(count, FRAMES, generator=generator) < 0.7)


def long_edit(trajectories: Trajectories | None = None, mask: object = None) -> Edit:
    still = torch.zeros(1, 1, HEIGHT, WIDTH)
    still[..., 8:20, 8:30] = 1
    return Edit(torch.zeros(3, HEIGHT, WIDTH), trajectories or paths(), still if mask is None else mask)


@pytest.mark.parametrize("overlap", [1, 2, 3])
def test_every_given_frame_has_the_whole_videos_motion(overlap):
    edit = long_edit()
    whole = motion_map(edit.trajectories.points_px, edit.trajectories.visible, HEIGHT, WIDTH)
    plan = plan_windows(FRAMES, 4, overlap)
    for window in plan:
        part = moving(edit.trajectories_between(window.start, window.stop))
        motion = motion_map(part.points_px, part.visible, HEIGHT, WIDTH)
        # Frame 0 is the reference, of which the trained weights expect no motion; no window gives it but the first.
        assert not motion[0].any()
        assert torch.equal(motion[1:], whole[window.start + 1 : window.stop])


def test_a_path_that_rests_in_a_window_is_not_in_it():
    edit = long_edit(Trajectories(torch.rand(2, FRAMES, 2), torch.arange(FRAMES).expand(2, -1) >= 10))
    for stop, count in ((10, 0), (11, 0), (12, 2)):  # one point alone moves nothing
        assert moving(edit.trajectories_between(0, stop)).num_trajectories == count
    assert moving(edit.trajectories_between(0, 11)).num_frames == 11


def test_where_a_hidden_point_is_changes_no_slice():
    edit = long_edit()
    moved = torch.where(edit.trajectories.visible[..., None], edit.trajectories.points_px, torch.nan)
    other = long_edit(Trajectories(moved, edit.trajectories.visible))
    assert torch.equal(
        moving(edit.trajectories_between(3, 9)).points_px, moving(other.trajectories_between(3, 9)).points_px
    )


def test_one_mask_is_every_frames():
    edit = long_edit()
    assert torch.equal(edit.masks(5, 9), edit.mask.expand(4, -1, -1, -1))


def test_a_mask_for_each_frame_is_sliced():
    mask = torch.rand(FRAMES, 1, HEIGHT, WIDTH) > 0.9
    mask[7] = False  # missing in one frame: nothing is edited there
    edit = long_edit(mask=mask)
    edit.check(FRAMES, HEIGHT, WIDTH)
    assert torch.equal(edit.masks(5, 9), mask[5:9])


def test_masks_can_be_read_when_they_are_needed():
    class Moving:
        def read(self, start, stop):
            return (torch.arange(start, stop) > 4).view(-1, 1, 1, 1).expand(-1, 1, HEIGHT, WIDTH)

    edit = long_edit(mask=Moving())
    edit.check(FRAMES, HEIGHT, WIDTH)
    assert edit.masks(3, 7)[:, 0, 0, 0].tolist() == [False, False, True, True]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trajectories": Trajectories.none(FRAMES - 1)}, "the trajectories cover 22 frames; the video has 23"),
        ({"mask": torch.zeros(1, 1, HEIGHT, WIDTH)}, "the mask is empty"),
        ({"mask": torch.eye(HEIGHT, WIDTH).expand(4, 1, -1, -1)}, "masks for 4 frames; the video has 23"),
        ({"mask": torch.ones(FRAMES, 1, HEIGHT, WIDTH)}, "covers every frame whole"),
    ],
)
def test_an_edit_that_does_not_fit_the_video_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        long_edit(**changes).check(FRAMES, HEIGHT, WIDTH)

"""What Wan's models are asked for: the control video, its length, its tracks."""

import json

import pytest
import torch

from revideo.control_video import ati_text, describe_control, make_control_video
from revideo.edit import Edit
from revideo.tracks.trajectories import Trajectories

HEIGHT, WIDTH = 32, 48


def clip(count: int) -> torch.Tensor:
    return torch.rand(count, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(count))


def content(picture: torch.Tensor, mask: torch.Tensor, count: int, edited_index: int = 0) -> Edit:
    """An edit that moves nothing."""
    return Edit(picture, Trajectories.none(count), mask, edited_index)


def moving_mask(count: int) -> torch.Tensor:
    mask = torch.zeros(count, 1, HEIGHT, WIDTH)
    for frame in range(count):
        mask[frame, :, 4:12, frame : frame + 8] = 1
    return mask


def paths(*beginnings: tuple[float, float], count: int) -> Trajectories:
    """Each goes a pixel to the right and two down per frame."""
    steps = torch.arange(count)[:, None] * torch.tensor([1.0, 2.0])
    points = torch.stack([torch.tensor(beginning) + steps for beginning in beginnings])
    return Trajectories(points, torch.ones(points.shape[:2], dtype=torch.bool))


@pytest.mark.parametrize("edited_index", [0, 5])
@pytest.mark.parametrize("fill", [0.5, 0.0])
def test_outside_the_mask_stands_the_source_inside_the_fill_and_the_edited_frame_whole(edited_index: int, fill: float):
    video, mask, edited = clip(9), moving_mask(9), torch.rand(3, HEIGHT, WIDTH)
    made = make_control_video(video, content(edited, mask, 9, edited_index), fill=fill)
    for frame in range(9):
        inside = mask[frame, 0] > 0.5
        if frame == edited_index:
            assert torch.equal(made.control[frame], edited)
            assert not made.made[frame].any()
        else:
            assert torch.equal(made.control[frame][:, ~inside], video[frame][:, ~inside])
            assert (made.control[frame][:, inside] == fill).all()
            assert torch.equal(made.made[frame, 0] == 1, inside)
    assert torch.equal(made.source, video)
    assert torch.equal(made.mask, mask > 0.5)


@pytest.mark.parametrize(("given", "cut", "repeated"), [(5, 5, 5), (6, 5, 9), (8, 5, 9), (9, 9, 9), (14, 13, 17)])
def test_any_number_of_frames_becomes_4n_plus_1(given: int, cut: int, repeated: int):
    video, mask = clip(given), moving_mask(given)
    edit = Edit(video[0], paths((3, 4), count=given), mask)
    short, long = make_control_video(video, edit), make_control_video(video, edit, "repeat last frame")
    assert torch.equal(short.source, video[:cut])
    assert torch.equal(short.trajectories.points_px, edit.trajectories.points_px[:, :cut])
    assert torch.equal(long.source, torch.cat([video, *[video[-1:]] * (repeated - given)]))
    assert torch.equal(long.mask[given:], (mask[-1:] > 0.5).expand(repeated - given, -1, -1, -1))
    last = edit.trajectories.points_px[:, -1:]
    assert torch.equal(long.trajectories.points_px[:, given:], last.expand(-1, repeated - given, -1))
    assert (f"the last {given - cut} cut off" in describe_control(short, given)) == (given > cut)
    assert (f"repeated {repeated - given} times" in describe_control(long, given)) == (given < repeated)


def test_one_mask_serves_all_frames():
    video, mask = clip(5), moving_mask(5)[:1]
    one, each = (make_control_video(video, content(video[0], m, 5)) for m in (mask, mask.expand(5, -1, -1, -1)))
    assert torch.equal(one.control, each.control)
    assert torch.equal(one.made, each.made)


def test_a_path_that_does_not_begin_in_the_first_frame_is_left_out_and_named():
    """Wan-Move would fetch what moves from the picture's last pixel."""
    drawn = paths((3, 4), (5, 5), (-4, 4), count=9)
    drawn.visible[1, 0] = False
    made = make_control_video(clip(9), Edit(clip(9)[0], drawn, moving_mask(9)))
    assert made.left_out == (1, 2)
    assert made.trajectories.visible.all(1).tolist() == [True, False, False]
    assert not made.trajectories.visible[1:].any()
    report = describe_control(made, 9)
    assert "Path 2 is hidden or outside" in report
    assert "Path 3" in report
    assert len(json.loads(ati_text(made.trajectories))) == 1


def test_text_for_ati_ends_where_a_path_is_last_seen():
    drawn = paths((3, 4), (5, 5), count=9)
    drawn.visible[1, 4:] = False
    whole, ended = json.loads(ati_text(drawn))
    assert len(whole) == 121
    assert ended[-1] == {"x": 8, "y": 11}  # of frame 3
    assert whole[0] == {"x": 3, "y": 4}
    assert whole[-1] == {"x": 11, "y": 20}
    assert json.loads(ati_text(Trajectories.none(9))) == []


def test_what_the_text_for_ati_cannot_say_is_reported():
    drawn = paths((3, 4), count=9)
    drawn.visible[0, 3:5] = False
    made = make_control_video(clip(9), Edit(clip(9)[0], drawn, moving_mask(9)))
    assert "path 1 is hidden for a while" in describe_control(made, 9)
    straight = json.loads(ati_text(paths((3, 4), count=9)))
    assert json.loads(ati_text(made.trajectories)) == straight


REFUSED = {
    "a size": (lambda: (clip(5)[..., :40], content(clip(5)[0][..., :40], moving_mask(5)[..., :40], 5)), "40×32.*16"),
    "too few frames": (lambda: (clip(4), content(clip(4)[0], moving_mask(4), 4)), "4 frames.*5 or more"),
    "an edited frame cut off": (lambda: (clip(8), content(clip(8)[0], moving_mask(8), 8, 6)), "number 6, is cut off"),
    "paths from another frame": (
        lambda: (clip(9), Edit(clip(9)[0], paths((3, 4), count=9), moving_mask(9), 2)),
        "begin with it: edit frame 0",
    ),
    "no path that begins inside": (
        lambda: (clip(9), Edit(clip(9)[0], paths((-4, 4), count=9), moving_mask(9))),
        "no trajectory is visible and inside the first frame",
    ),
    "an empty mask": (lambda: (clip(5), content(clip(5)[0], torch.zeros(1, 1, HEIGHT, WIDTH), 5)), "the mask is empty"),
}


@pytest.mark.parametrize("wrong", REFUSED)
def test_what_fits_no_model_of_wans_is_refused(wrong: str):
    given, message = REFUSED[wrong]
    with pytest.raises(ValueError, match=message):
        make_control_video(*given())


def test_another_length_fit_is_refused():
    with pytest.raises(ValueError, match='length_fit "loop" is not one of cut, repeat last frame'):
        make_control_video(clip(5), content(clip(5)[0], moving_mask(5), 5), "loop")  # type: ignore[arg-type]

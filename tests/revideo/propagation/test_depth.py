"""Depth of a clip: maps that were given, maps of a model on one scale and without flicker, models from files."""

import pickle
from itertools import pairwise

import pytest
import torch
from tiny_inpainting import write_depth_model
from torch import Tensor
from torch.testing import assert_close

from revideo import CheckpointError
from revideo.propagation.depth import EstimatedDepth, GivenDepth, SmoothDepth, load_disparity
from revideo.video.file import VideoFile
from revideo.video.io import write_video

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")

SIZE = 24, 40  # height, width
FRAME = torch.zeros(3, *SIZE)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


# --- Given maps ------------------------------------------------------------------------------


def test_maps_of_the_working_size_are_read_as_they_are():
    maps = random(3, 1, *SIZE)
    depth = GivenDepth(maps, 3, SIZE, SIZE)
    assert all(torch.equal(depth.next(number, FRAME), maps[number][None]) for number in range(3))
    inverted = GivenDepth(maps, 3, SIZE, SIZE, inverted=True)
    assert_close(inverted.next(1, FRAME), 1 - maps[1][None])


def test_grey_pictures_are_their_brightness():
    maps = random(2, 1, *SIZE)
    assert_close(GivenDepth(maps.expand(-1, 3, -1, -1), 2, SIZE, SIZE).next(1, FRAME), maps[1][None])


def test_maps_of_another_size_are_fitted_as_frames_are():
    """A ramp stays a ramp, whichever of both sizes it has."""
    ramp = torch.linspace(0, 1, 160).expand(1, 1, 96, 160)
    expected = torch.linspace(0, 1, 40).expand(1, 1, 24, 40)
    assert_close(GivenDepth(ramp, 1, (96, 160), SIZE).next(0, FRAME), expected, atol=0.02, rtol=0)
    cut = GivenDepth(ramp, 1, (96, 160), (24, 24), fit="crop").next(0, FRAME)
    assert_close(cut, expected[..., 8:32], atol=0.02, rtol=0)


def test_values_overshoot_a_little_and_no_more():
    depth = GivenDepth(torch.tensor([-0.2, 1.2]).repeat(SIZE[0] * SIZE[1] // 2).view(1, 1, *SIZE), 1, SIZE, SIZE)
    assert depth.next(0, FRAME).unique().tolist() == [0, 1]
    for wrong, message in (
        (random(1, 1, *SIZE) * 255, "must lie in"),
        (torch.full((1, 1, *SIZE), torch.nan), "finite"),
    ):
        with pytest.raises(ValueError, match=message):
            GivenDepth(wrong, 1, SIZE, SIZE).next(0, FRAME)


def test_maps_of_another_length_or_shape_are_refused():
    with pytest.raises(ValueError, match=r"^the depth has 3 frames, the video 4: give one depth map for each frame$"):
        GivenDepth(random(3, 1, *SIZE), 4, SIZE, SIZE)
    with pytest.raises(ValueError, match=r"^the depth is 40×40, the video 40×24: give maps of its shape$"):
        GivenDepth(random(3, 1, 40, 40), 3, SIZE, SIZE)
    GivenDepth(random(3, 1, 40, 40), 3, SIZE, (40, 40))  # of the size that is worked at
    GivenDepth(random(3, 1, 13, 22), 3, SIZE, SIZE)  # a cell more or less, as depth models round


def test_maps_come_out_of_a_file_as_they_are_needed(tmp_path):
    maps = torch.linspace(0, 1, 5).view(5, 1, 1, 1).expand(5, 3, *SIZE)
    write_video(tmp_path / "depth.mp4", maps, 24)
    with VideoFile(tmp_path / "depth.mp4") as file:
        depth = GivenDepth(file, 5, SIZE, SIZE)
        for number in range(5):
            assert_close(depth.next(number, FRAME), maps[number, :1][None], atol=0.02, rtol=0)
        with pytest.raises(ValueError, match="the depth has 5 frames, the video 6"):
            GivenDepth(file, 6, SIZE, SIZE)


# --- Against flicker -------------------------------------------------------------------------


def box_at(left: int) -> Tensor:  # (1, 24, 40)
    """A near box on a far ground."""
    depth = torch.full((1, *SIZE), 0.2)
    depth[:, 8:18, left : left + 12] = 0.9
    return depth


def test_what_stays_passes_on_a_scale_from_zero_to_one():
    smooth, ramp = SmoothDepth(), torch.linspace(5, 9, 960).view(1, *SIZE)
    first = smooth.next(ramp)
    assert first.min() == 0 and first.max() == 1
    assert (first.flatten().diff() >= 0).all()
    for _ in range(3):
        assert_close(smooth.next(ramp), first, atol=2e-3, rtol=0)


def test_an_estimate_of_another_scale_and_offset_makes_the_same_map():
    ramp = torch.linspace(0, 1, 960).view(1, *SIZE)
    assert_close(SmoothDepth().next(ramp * 40 - 7), SmoothDepth().next(ramp), atol=1e-5, rtol=0)


def test_flicker_of_scale_and_offset_goes():
    """Each frame's estimate has its own, as a relative depth model's has."""
    numbers, smooth, still = torch.Generator().manual_seed(2), SmoothDepth(), box_at(14)
    first = smooth.next(still)
    for _ in range(10):
        scale, offset = torch.rand(2, generator=numbers) + 0.5
        assert_close(smooth.next(still * scale + offset), first, atol=1e-4, rtol=0)


def test_flicker_in_places_is_less_than_it_was():
    numbers, smooth, ramp = torch.Generator().manual_seed(2), SmoothDepth(), torch.linspace(0, 1, 960).view(1, *SIZE)
    noisy = [ramp + 0.01 * torch.randn(ramp.shape, generator=numbers) for _ in range(20)]
    maps = [smooth.next(each) for each in noisy]
    before, after = (torch.stack(each)[5:].diff(dim=0).abs().mean() for each in (noisy, maps))
    assert after < before / 2


def test_what_comes_nearer_than_all_else_does_not_push_the_rest_away_at_once():
    """By its own range the ground of the frame in which it comes would be half as near as before."""
    smooth, ground = SmoothDepth(), torch.linspace(0, 1, 960).view(1, *SIZE)
    before = smooth.next(ground)
    near = ground.clone()
    near[:, 4:10, 10:26] = 2
    maps = [smooth.next(near) for _ in range(60)]
    rest = near[0] < 2
    assert (maps[0] - before)[0, rest].abs().max() < 0.1
    for one, other in pairwise(maps):
        assert (one - other).abs().max() < 0.1
    assert maps[0][0, ~rest].min() == 1
    assert_close(maps[-1][0, rest], before[0, rest] / 2, atol=0.02, rtol=0)  # in the end it has its own range


def test_a_map_after_a_cut_is_its_own():
    smooth = SmoothDepth()
    for left in (4, 5):
        smooth.next(box_at(left))
    other = random(1, *SIZE, seed=3)
    assert_close(smooth.next(other), SmoothDepth().next(other), atol=0.02, rtol=0)


def test_an_edge_that_moves_is_where_it_is_and_sharp():
    smooth = SmoothDepth()
    for left in range(2, 26, 3):
        truth = box_at(left) > 0.5
        depth = smooth.next(box_at(left))
        assert torch.equal(depth > 0.5, truth)
        assert depth[truth].min() > 0.99 and depth[~truth].max() < 0.01


def test_a_long_pan_with_flicker_neither_fades_nor_drifts():
    """Each map is close to what its own range says, at the end of the clip as at its beginning."""
    numbers, smooth = torch.Generator().manual_seed(4), SmoothDepth()
    wide = torch.nn.functional.interpolate(random(1, 1, 8, 60, seed=5), (24, 240), mode="bicubic")[0]
    errors = []
    for left in range(0, 200, 2):
        truth = wide[..., left : left + 40]
        scale, offset = torch.rand(2, generator=numbers) + 0.5
        found, own = smooth.next(truth * scale + offset), SmoothDepth().next(truth)
        assert torch.corrcoef(torch.stack([found.flatten(), own.flatten()]))[0, 1] > 0.97
        errors.append((found - own).abs().mean().item())
    assert max(errors) < 0.2 and sum(errors[50:]) < 50 * 0.1


def test_estimates_of_other_sizes_begin_anew():
    smooth = SmoothDepth()
    smooth.next(random(1, 8, 8))
    assert smooth.next(random(1, 6, 6)).shape == (1, 6, 6)


@pytest.mark.parametrize("value", [0.5, float("nan"), float("inf")])
def test_what_shows_no_depth_is_refused(value):
    smooth = SmoothDepth()
    smooth.next(box_at(4))
    with pytest.raises(ValueError, match=r"^the depth model sees no depth in a frame: give depth maps instead$"):
        smooth.next(torch.full((1, *SIZE), value))


def test_one_value_that_is_no_number_is_refused():
    depth = box_at(4)
    depth[0, 3, 3] = torch.nan
    with pytest.raises(ValueError, match="sees no depth"):
        SmoothDepth().next(depth)


def test_estimates_are_fitted_to_the_working_size():
    frames = random(2, 3, 48, 80)
    depth = EstimatedDepth(lambda frame: frame.mean(0, keepdim=True), SIZE)
    for number, frame in enumerate(frames):
        found = depth.next(number, frame)
        assert found.shape == (1, 1, *SIZE) and found.min() >= 0 and found.max() <= 1


# --- Models from files -----------------------------------------------------------------------


class Brightness(torch.nn.Module):
    """Stands for TCMonoDepth: a map of the picture's own size."""

    def __init__(self, channels: bool = True, smaller: bool = False) -> None:
        super().__init__()
        self.channels, self.smaller = channels, smaller

    def forward(self, x: Tensor) -> Tensor:
        x = x.mean(1, keepdim=self.channels) * 3 + 2
        return x[..., 1:] if self.smaller else x


@pytest.mark.parametrize("channels", [True, False])
@pytest.mark.parametrize("make", [torch.jit.script, lambda net: torch.jit.trace(net, torch.rand(1, 3, 8, 8))])
def test_a_program_gives_its_map(tmp_path, channels, make):
    make(Brightness(channels)).save(str(tmp_path / "depth.pt"))
    disparity = load_disparity(tmp_path / "depth.pt")
    frame = random(3, *SIZE)
    assert_close(disparity(frame), frame.mean(0, keepdim=True) * 3 + 2)
    assert torch.equal(load_disparity(str(tmp_path / "depth.pt"))(frame), disparity(frame))


class Pair(torch.nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, x


class Wide(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = torch.nn.Conv2d(6, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (
            Brightness(smaller=True),
            r"^depth\.pt gives \(1, 1, 24, 39\) for a picture \(3, 24, 40\), not a map of its size$",
        ),
        (Pair(), r"^depth\.pt gives tuple for a picture \(3, 24, 40\), not a map of its size$"),
        (Wide(), r"^depth\.pt cannot work on a picture: .*channels"),
    ],
    ids=["smaller", "pair", "other channels"],
)
def test_a_program_that_gives_no_map_is_refused(tmp_path, network, message):
    torch.jit.script(network).save(str(tmp_path / "depth.pt"))
    disparity = load_disparity(tmp_path / "depth.pt")
    with pytest.raises(CheckpointError, match=message):
        disparity(random(3, *SIZE))


class Danger:
    """A pickle that would leave a file behind if it were ever opened as one."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_pickles_and_what_is_no_program_are_refused_unread(tmp_path):
    danger = Danger(str(tmp_path / "ran"))
    (tmp_path / "pickle.pt").write_bytes(pickle.dumps(danger))
    torch.save(danger, tmp_path / "torch.pt")
    torch.save(torch.nn.Linear(2, 2).state_dict(), tmp_path / "weights.pth")
    (tmp_path / "text.pt").write_text("no program")
    (tmp_path / "empty.pt").write_bytes(b"")
    for path in sorted(tmp_path.glob("*.pt*")):
        with pytest.raises(CheckpointError, match=rf"^{path.name} is no TorchScript program") as caught:
            load_disparity(path)
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()


def test_a_folder_of_transformers_gives_a_map_of_the_frames_size(tmp_path):
    write_depth_model(tmp_path / "depth")
    disparity = load_disparity(tmp_path / "depth")
    frame = random(3, 45, 71)
    found = disparity(frame)
    assert found.shape == (1, 45, 71) and found.isfinite().all()
    assert torch.equal(disparity(frame), found)


def test_a_path_where_nothing_is_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="depth"):
        load_disparity(tmp_path / "depth")

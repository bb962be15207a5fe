"""Points tracked through clips whose motion is known."""

import sys
import types

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from revideo.evaluation.flow import dis_flow
from revideo.synthetic.clips import make_clip
from revideo.tracks import point_tracker
from revideo.tracks.tracking import flow_tracker, grid_points, load_cotracker, track_points
from revideo.tracks.trajectories import Trajectories

HEIGHT, WIDTH = 96, 128


def texture(seed: int, height: int, width: int) -> torch.Tensor:
    """(3, H, W) of blobs a few pixels wide."""
    coarse = torch.rand(1, 3, height // 4 + 1, width // 4 + 1, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(coarse, scale_factor=4, mode="bicubic")[0, :, :height, :width].clamp(0, 1)


def moved(picture: torch.Tensor, matrix: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """(3, HEIGHT, WIDTH) whose content at matrix·p + shift is the picture's at p, pixels counted from the middle."""
    y, x = torch.meshgrid(torch.arange(HEIGHT) + 0.5, torch.arange(WIDTH) + 0.5, indexing="ij")
    source = (torch.stack([x, y], -1) - shift) @ torch.linalg.inv(matrix).T + 40  # the picture has a margin of 40
    size = torch.tensor([picture.shape[2], picture.shape[1]])
    return F.grid_sample(picture[None], (source / size * 2 - 1)[None], align_corners=False)[0]


def scene(matrices: torch.Tensor, shifts: torch.Tensor) -> tuple[torch.Tensor, Trajectories]:
    """A textured plane under affine motion, and where its grid points truly go."""
    picture = texture(0, HEIGHT + 80, WIDTH + 80)
    video = torch.stack([moved(picture, *each) for each in zip(matrices, shifts)])
    points = grid_points(HEIGHT, WIDTH, 12)
    places = torch.einsum("tij,nj->nti", matrices, points) + shifts
    inside = ((places >= 0) & (places < torch.tensor([WIDTH, HEIGHT]))).all(-1)
    return video, Trajectories(places, inside)


def errors(found: Trajectories, truth: Trajectories) -> torch.Tensor:
    return (found.points_px - truth.points_px).norm(dim=-1)[found.visible & truth.visible]


ZOOM = torch.stack([torch.eye(2) * (1 + 0.01 * frame) for frame in range(8)])
TURN = torch.stack(
    [torch.tensor([[angle.cos(), -angle.sin()], [angle.sin(), angle.cos()]]) for angle in torch.arange(8) * 0.02]
)


@pytest.mark.slow
@pytest.mark.parametrize(
    "matrices, step",
    [
        (torch.eye(2).expand(8, 2, 2), (2.3, -1.1)),
        (torch.eye(2).expand(8, 2, 2), (9.0, 4.0)),
        (ZOOM, (0, 0)),
        (TURN, (1, 1)),
    ],
    ids=["slow", "fast", "zoom", "turn"],
)
def test_points_of_a_plane_go_where_it_goes(matrices, step):
    video, truth = scene(matrices, torch.arange(8)[:, None] * torch.tensor(step))
    found = track_points(video, truth.points_px[:, 0])
    assert found.points_px.shape == truth.points_px.shape
    assert errors(found, truth).median() < 0.15
    assert errors(found, truth).quantile(0.99) < 1  # at the picture's border half a window is all there is
    assert found.visible[truth.visible].float().mean() > 0.95
    edge = torch.tensor([WIDTH, HEIGHT])
    far_out = ((truth.points_px < -2) | (truth.points_px > edge + 2)).any(-1)
    assert not found.visible[far_out].any()


def test_points_are_tracked_forward_and_backward():
    video, truth = scene(torch.eye(2).expand(8, 2, 2), torch.arange(8)[:, None] * torch.tensor([2.0, 1.0]))
    seen = truth.visible[:, 5]
    found = track_points(video, truth.points_px[seen, 5], frame=5)
    assert errors(found, Trajectories(truth.points_px[seen], truth.visible[seen])).max() < 1
    assert found.visible[:, 0].float().mean() > 0.9


def test_where_lucas_kanade_fails_dense_flow_follows(monkeypatch):
    video, truth = scene(torch.eye(2).expand(4, 2, 2), torch.arange(4)[:, None] * torch.tensor([2.0, 1.0]))
    monkeypatch.setattr(point_tracker._Flows, "lucas_kanade", lambda flows, places: (places, places[:, 0] < 0))
    found = track_points(video, truth.points_px[:, 0])
    assert errors(found, truth).mean() < 0.5
    assert found.visible[truth.visible].float().mean() > 0.9


def slid_over(step: int) -> torch.Tensor:
    """A textured cover, 40 pixels wide, slides over a still textured plane, `step` pixels a frame."""
    video = texture(1, HEIGHT, WIDTH).repeat(8, 1, 1, 1)
    cover = texture(2, 40, 40)
    for frame in range(8):
        left = step * frame - 40
        x = slice(max(left, 0), min(left + 40, WIDTH))
        video[frame, :, 28:68, x] = cover[:, :, x.start - left : x.stop - left] if x.stop > x.start else 0
    return video


def test_a_covered_point_is_hidden_while_it_is_and_found_again():
    found = track_points(slid_over(16), torch.tensor([[64.5, 48.5], [64.5, 10.5]]))
    assert found.visible.tolist() == [[True] * 5 + [False] * 2 + [True], [True] * 8]  # covered while 40 < left < 64
    assert (found.points_px - found.points_px[:, :1]).norm(dim=-1).max() < 0.5


def test_a_point_that_stays_covered_stays_hidden_where_it_was():
    found = track_points(slid_over(12), torch.tensor([[64.5, 48.5]]))
    assert found.visible[0].tolist() == [True] * 6 + [False] * 2
    assert (found.points_px[0] - found.points_px[0, 0]).norm(dim=-1).max() < 0.5


def test_sprites_are_tracked_over_their_background():
    misses = []
    for seed in range(6):
        clip = make_clip(seed, frames=8, height=128, width=128, sprites=(1, 1))
        starts = clip.trajectories.visible[:, 0]
        found = track_points(clip.video, clip.trajectories.points_px[starts, 0])
        both = found.visible & clip.trajectories.visible[starts]
        misses.append((found.points_px - clip.trajectories.points_px[starts]).norm(dim=-1)[both])
    assert torch.cat(misses).median() < 0.5
    assert len(torch.cat(misses)) > 100


def test_a_still_video_has_still_points():
    found = track_points(texture(3, 64, 64).repeat(4, 1, 1, 1), grid_points(64, 64, 16))
    assert found.visible.all()
    assert found.points_px.diff(dim=1).abs().max() < 0.05


@pytest.mark.parametrize("offset", [-0.5, -0.3, 0.0, 0.2, 0.5])
@pytest.mark.parametrize("bend", [2.0, -0.7])
def test_a_parabolas_vertex_is_found_between_its_samples(offset, bend):
    at = np.arange(9)
    assert point_tracker.parabola_vertex(bend * (at - 4 - offset) ** 2 + 3, 4) == pytest.approx(offset)


def test_without_two_neighbours_or_a_bend_there_is_no_vertex():
    assert point_tracker.parabola_vertex(np.array([0.0, 1.0, 2.0]), 0) == 0
    assert point_tracker.parabola_vertex(np.array([2.0, 1.0, 0.0]), 2) == 0
    assert point_tracker.parabola_vertex(np.ones(3), 1) == 0


def test_dense_flow_is_how_far_each_pixel_moves():
    before = (texture(4, HEIGHT, WIDTH).mean(0) * 255).byte().numpy()
    flow = point_tracker.dense_flow(before, np.roll(before, (2, 5), (0, 1)))
    assert np.median(flow, (0, 1)) == pytest.approx([5, 2], abs=0.2)


def test_a_grid_covers_the_picture():
    assert grid_points(32, 64, 16).tolist() == [[x, y] for y in (8.0, 24.0) for x in (8.0, 24.0, 40.0, 56.0)]


@pytest.mark.parametrize(
    "points, frame, message",
    [
        (torch.zeros(2, 3), 0, r"shape \(N, 2\), not \(2, 3\)"),
        (torch.tensor([[5.0, 5.0], [5.0, 64.0]]), 0, r"point 1 \(x 5, y 64\) is not in the picture, which is 64×64"),
        (torch.tensor([[float("nan"), 5.0]]), 0, "point 0"),
        (torch.tensor([[5.0, 5.0]]), 4, "frame 4 is not in the video, which has 4 frames"),
    ],
)
def test_what_cannot_be_tracked_is_named(points, frame, message):
    with pytest.raises(ValueError, match=message):
        track_points(torch.zeros(4, 3, 64, 64), points, frame)


# --- CoTracker from a local file -----------------------------------------------------------


class Drift(torch.nn.Module):
    """Stands in for CoTracker: every point moves a pixel a frame to the right and is seen."""

    def forward(self, video: torch.Tensor, queries: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        steps = torch.arange(video.shape[1]).float()[None, :, None] - queries[:, None, :, 0]
        tracks = queries[:, None, :, 1:] + torch.stack([steps, torch.zeros_like(steps)], -1)
        return tracks, torch.ones(tracks.shape[:3])


def test_a_scripted_cotracker_does_it_instead(tmp_path):
    torch.jit.script(Drift()).save(tmp_path / "cotracker.pt")
    tracker = load_cotracker(tmp_path / "cotracker.pt")
    found = track_points(torch.zeros(5, 3, 32, 32), torch.tensor([[10.5, 4.0], [29.5, 4.0]]), frame=1, tracker=tracker)
    assert found.points_px[0].tolist() == [[9.5 + frame, 4.0] for frame in range(5)]
    assert found.visible.tolist() == [[True] * 5, [True, True, True, True, False]]


def test_a_file_that_is_no_cotracker_is_named(tmp_path):
    (tmp_path / "notes.txt").write_text("not a network")
    with pytest.raises(ValueError, match=r"notes\.txt is neither a TorchScript program nor"):
        load_cotracker(tmp_path / "notes.txt")
    with pytest.raises(FileNotFoundError, match=r"no CoTracker file .*absent\.pth"):
        load_cotracker(tmp_path / "absent.pth")


def test_weights_of_cotracker_need_its_package(tmp_path):
    torch.save({}, tmp_path / "scaled_offline.pth")
    with pytest.raises(ValueError, match=r"scaled_offline\.pth.*not installed"):
        load_cotracker(tmp_path / "scaled_offline.pth")


class Predictor(torch.nn.Module):
    """The part of the package's interface that is used."""

    def __init__(self, checkpoint, offline, window_len):
        super().__init__()
        assert checkpoint is None
        self.model = torch.nn.Linear(1, 1)

    def forward(self, video, queries, backward_tracking):
        return Drift()(video, queries)


@pytest.fixture
def package(monkeypatch):
    module = types.ModuleType("cotracker.predictor")
    module.CoTrackerPredictor = Predictor
    monkeypatch.setitem(sys.modules, "cotracker", types.ModuleType("cotracker"))
    monkeypatch.setitem(sys.modules, "cotracker.predictor", module)


def test_weights_of_cotracker_are_read_as_plain_tensors(tmp_path, package):
    torch.save({"model": torch.nn.Linear(1, 1).state_dict()}, tmp_path / "scaled_offline.pth")
    tracker = load_cotracker(tmp_path / "scaled_offline.pth")
    assert track_points(torch.zeros(3, 3, 32, 32), torch.tensor([[1.0, 1.0]]), tracker=tracker).visible.all()


class Trap:
    def __reduce__(self):
        return print, ("code ran",)


def test_code_in_weights_of_cotracker_is_refused(tmp_path, package, capsys):
    torch.save({"model": Trap()}, tmp_path / "trap.pth")
    with pytest.raises(ValueError, match=r"trap\.pth holds more than tensors"):
        load_cotracker(tmp_path / "trap.pth")
    assert "code ran" not in capsys.readouterr().out


@pytest.mark.parametrize("matrices", [torch.eye(2).expand(8, 2, 2), ZOOM], ids=["slow", "zoom"])
@pytest.mark.parametrize("frame", [0, 5])
def test_flow_leads_points_of_a_plane_where_it_goes(matrices, frame):
    """Ever faster, so that no two frames have the same flow."""
    video, truth = scene(matrices, torch.arange(8)[:, None] ** 2 * torch.tensor([0.4, -0.2]))
    seen = truth.visible[:, frame]
    truth = Trajectories(truth.points_px[seen], truth.visible[seen])
    found = track_points(video, truth.points_px[:, frame].float(), frame, flow_tracker(dis_flow))
    assert found.points_px.shape == truth.points_px.shape
    assert errors(found, truth).median() < 0.5
    assert found.visible[:, frame].all()
    assert found.visible[truth.visible].float().mean() > 0.85
    edge = torch.tensor([WIDTH, HEIGHT])
    assert not found.visible[((truth.points_px < -2) | (truth.points_px > edge + 2)).any(-1)].any()


def uniform(onwards: float, backwards: float):
    """A flow of so many pixels to the right in a clip that is played on, and in one that is played back."""

    def flow(video: torch.Tensor) -> torch.Tensor:
        step = onwards if video[0, 0, 0, 0] < video[-1, 0, 0, 0] else backwards
        return torch.tensor([step, 0.0])[None, :, None, None].expand(len(video) - 1, -1, *video.shape[-2:])

    return flow


BRIGHTENING = torch.linspace(0, 1, 5)[:, None, None, None].expand(-1, 3, 16, 32)


def test_a_point_goes_by_the_flow_until_it_leaves_the_picture():
    point = torch.tensor([[20.5, 4.0]])
    found = track_points(BRIGHTENING, point, 1, flow_tracker(uniform(5, -5)))
    assert found.points_px[0, :4].tolist() == [[15.5, 4], [20.5, 4], [25.5, 4], [30.5, 4]]
    assert found.visible[0].tolist() == [True, True, True, True, False]


def test_where_the_ways_on_and_back_disagree_a_point_is_lost():
    point = torch.tensor([[20.5, 4.0]])
    found = track_points(BRIGHTENING, point, 1, flow_tracker(uniform(2, 2)))
    assert found.visible[0].tolist() == [False, True, False, False, False]
    near = track_points(BRIGHTENING, point, 1, flow_tracker(uniform(2, -1.5)))
    assert near.visible.all()


def test_flow_is_read_where_the_point_is_and_not_at_a_pixel_beside_it():
    def stretching(video: torch.Tensor) -> torch.Tensor:
        """By a tenth from the left edge, or back."""
        x = torch.arange(video.shape[3]) + 0.5
        step = 0.1 * x if video[0, 0, 0, 0] < video[-1, 0, 0, 0] else -x / 11
        steps = torch.stack([step, 0 * step])[:, None].expand(-1, video.shape[2], -1)
        return steps.expand(len(video) - 1, -1, -1, -1)

    found = track_points(BRIGHTENING, torch.tensor([[20.25, 4.0]]), 1, flow_tracker(stretching))
    torch.testing.assert_close(found.points_px[0, :, 0], 20.25 * 1.1 ** torch.arange(-1.0, 4.0), atol=1e-3, rtol=0)
    assert found.visible.all()

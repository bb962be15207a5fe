"""Flow finds translations that are known."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing import assert_close

from revideo.evaluation.flow import dis_flow, load_flow, load_program, load_raft


def sliding(dx: int, dy: int, frames: int = 3) -> torch.Tensor:
    """Texture that moves by (dx, dy) pixels a frame."""
    coarse = torch.rand(1, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    texture = F.interpolate(coarse, (192, 192), mode="bicubic").clamp(0, 1)[0]
    return torch.stack([texture.roll((dy * t, dx * t), (1, 2))[:, 32:128, 32:160] for t in range(frames)])


@pytest.mark.parametrize(("dx", "dy"), [(0, 0), (3, 0), (0, -4), (-2, 5)])
def test_a_translation_is_found(dx, dy):
    flow = dis_flow(sliding(dx, dy))
    assert flow.shape == (2, 2, 96, 128)
    inner = flow[..., 12:-12, 12:-12]
    assert (inner - torch.tensor([dx, dy]).view(2, 1, 1)).norm(dim=1).mean() < 0.15


def test_a_file_that_is_no_raft_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no RAFT file"):
        load_raft(tmp_path / "raft.pth")
    for content in ({"weight": torch.zeros(1)}, [1, 2]):
        torch.save(content, tmp_path / "raft.pth")
        with pytest.raises(ValueError, match=r"raft\.pth does not hold torchvision's weights of raft_large"):
            load_raft(tmp_path / "raft.pth")


def test_raft_takes_any_size_and_gives_flow_of_it(tmp_path):
    from torchvision.models.optical_flow import raft_large

    torch.manual_seed(0)
    torch.save(raft_large(weights=None).state_dict(), tmp_path / "raft.pth")
    flow = load_raft(tmp_path / "raft.pth")(sliding(1, 0, frames=2)[..., :70, :99])
    assert flow.shape == (1, 2, 70, 99)
    assert torch.isfinite(flow).all()


class Brightness(nn.Module):
    """Flow that says what it was given: dx the first frame's mean, dy the second's, of 0 to 255, over sides of 16."""

    def forward(self, before: Tensor, after: Tensor) -> Tensor:
        assert before.size(2) % 16 == 0 and before.size(3) % 16 == 0
        return torch.cat([before.mean(1, keepdim=True), after.mean(1, keepdim=True)], 1)


class Flat(nn.Module):
    def forward(self, before: Tensor, after: Tensor) -> Tensor:
        return before.mean(1)


def test_a_program_gives_the_flow_of_any_size(tmp_path):
    torch.jit.script(Brightness()).save(str(tmp_path / "gmflow.pt"))
    video = torch.rand(3, 3, 35, 50, generator=torch.Generator().manual_seed(0))
    flow = load_flow(tmp_path / "gmflow.pt")(video)
    bright = 255 * video.mean(1)
    assert_close(flow, torch.stack([bright[:-1], bright[1:]], 1), atol=1e-3, rtol=0)


def test_a_program_that_gives_no_flow_is_named(tmp_path):
    torch.jit.script(Flat()).save(str(tmp_path / "flat.pt"))
    with pytest.raises(ValueError, match=r"the flow program must give \(1, 2, H, W\) for a pair, not \(1, 32, 32\)"):
        load_flow(tmp_path / "flat.pt")(torch.zeros(2, 3, 32, 32))
    torch.jit.script(nn.Conv2d(3, 2, 1)).save(str(tmp_path / "one.pt"))
    with pytest.raises(ValueError, match="the flow program refuses frames of 32×32") as error:
        load_flow(tmp_path / "one.pt")(torch.zeros(2, 3, 32, 32))
    assert "\n" not in str(error.value)


def test_weights_and_programs_are_told_apart_by_what_they_hold(tmp_path):
    torch.save({"weight": torch.zeros(1)}, tmp_path / "weights.pt")
    with pytest.raises(ValueError, match=r"weights\.pt does not hold torchvision's weights of raft_large"):
        load_flow(tmp_path / "weights.pt")
    with pytest.raises(ValueError, match=r"weights\.pt is no TorchScript program"):
        load_program(tmp_path / "weights.pt")
    with pytest.raises(FileNotFoundError, match="there is no RAFT file"):
        load_flow(tmp_path / "none.pt")

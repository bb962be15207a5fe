"""Flow finds translations that are known."""

import pytest
import torch
import torch.nn.functional as F

from revideo.evaluation.flow import dis_flow, load_raft


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

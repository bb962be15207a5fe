"""CLIP and LPIPS say what their own libraries say, from local weights only; what is missing is named."""

import pytest
import torch
from torch.testing import assert_close

from revideo.evaluation.perceptual import ALEXNET, ClipModel, Lpips, consistency, text_alignment

PROMPT = "a red ball"


@pytest.fixture
def video():
    return torch.rand(3, 3, 40, 56, generator=torch.Generator().manual_seed(0))


def test_clip_s_cosines_are_those_of_transformers_whole_forward_pass(clip_folder, video):
    from PIL import Image
    from transformers import CLIPModel, CLIPProcessor, CLIPVisionModel

    clip = ClipModel(clip_folder)
    pictures = [Image.fromarray((frame * 255).round().byte().permute(1, 2, 0).numpy()) for frame in video]
    processor = CLIPProcessor.from_pretrained(clip_folder)
    with torch.inference_mode():
        inputs = processor(text=[PROMPT], images=pictures, return_tensors="pt", padding=True)
        out = CLIPModel.from_pretrained(clip_folder).eval()(**inputs)
        pooled = CLIPVisionModel.from_pretrained(clip_folder).eval()(inputs["pixel_values"]).pooler_output
    frames, before = clip.embed_frames(video)
    assert_close(frames, out.image_embeds, atol=1e-5, rtol=0)
    assert_close(before, torch.nn.functional.normalize(pooled, dim=1), atol=1e-5, rtol=0)
    assert_close(
        text_alignment(frames, clip.embed_text(PROMPT)), out.image_embeds @ out.text_embeds[0], atol=1e-5, rtol=0
    )
    assert consistency(frames).shape == (2,)


def test_a_long_text_is_cut_where_clip_ends(clip_folder):
    clip = ClipModel(clip_folder)
    assert_close(clip.embed_text("a " * 100), clip.embed_text("a " * 200))


def test_what_is_no_clip_is_named_and_nothing_is_fetched(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "empty", tmp_path / "none", "openai/never-there"):
        with pytest.raises(
            ValueError, match="is neither a folder with a CLIP model of transformers nor one in"
        ) as error:
            ClipModel(path)
        assert "\n" not in str(error.value)


@pytest.mark.slow
def test_lpips_is_torchmetrics_frame_by_frame(tmp_path, monkeypatch, video):
    from torchmetrics.functional.image.lpips import learned_perceptual_image_patch_similarity
    from torchvision.models import alexnet

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    torch.manual_seed(0)
    torch.save(alexnet(weights=None).state_dict(), tmp_path / "checkpoints" / ALEXNET)
    video = torch.nn.functional.interpolate(video, (64, 64))
    other = video.flip(0)
    distances = Lpips().distances(video, other)
    oracle = learned_perceptual_image_patch_similarity(video, other, "alex", "none", normalize=True)
    assert_close(distances, oracle, atol=1e-6, rtol=1e-4)
    assert distances[1] == 0


def test_lpips_without_weights_says_where_they_belong(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(ValueError, match=f"LPIPS needs AlexNet's weights of torchvision; there is no .*{ALEXNET}"):
        Lpips()
    monkeypatch.setattr("revideo.evaluation.perceptual.find_spec", lambda name: None)
    with pytest.raises(ValueError, match="LPIPS needs torchmetrics"):
        Lpips()

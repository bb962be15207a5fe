"""Learned metrics are their own libraries' numbers, written out here; what is missing or wrong is one line."""

import sys
from itertools import combinations

import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn
from torch.testing import assert_close

from revideo.evaluation.evaluator import METRICS
from revideo.evaluation.learned import ClipMetrics, DoverMetrics, dover_frames, fused_dover, load_learned

PROMPT = "a red ball"
T = 4


@pytest.fixture
def video():
    coarse = torch.rand(T, 3, 5, 7, generator=torch.Generator().manual_seed(0))
    return F.interpolate(coarse, (40, 56), mode="bicubic").clamp(0, 1)


@pytest.fixture
def pictures(video):
    return [Image.fromarray((frame * 255).round().byte().permute(1, 2, 0).numpy()) for frame in video]


def read(measure, video, prompt="") -> dict:
    readings = measure(video, prompt)
    assert {reading.name for reading in readings} <= set(METRICS)
    assert all(METRICS[reading.name].v2vbench for reading in readings if reading.v2vbench is not None)
    return {reading.name: reading for reading in readings}


def cosine(one, other) -> float:
    return float(one.double() @ other.double() / one.double().norm() / other.double().norm())


# --- DINO --------------------------------------------------------------------------------


def dino_folder(folder, kind):
    from transformers import BitImageProcessor, Dinov2Config, Dinov2Model, ViTConfig, ViTImageProcessor, ViTModel

    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 28, "patch_size": 14}
    torch.manual_seed(0)
    if kind == "dinov2":
        Dinov2Model(Dinov2Config(**sizes)).save_pretrained(folder)
        BitImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 28, "width": 28}).save_pretrained(folder)
    else:
        ViTModel(ViTConfig(**sizes, intermediate_size=32)).save_pretrained(folder)
        ViTImageProcessor(size={"height": 28, "width": 28}).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", ["dinov2", "vit"])
def test_dino_compares_the_class_tokens_of_transformers_own_model(tmp_path, video, pictures, kind):
    from transformers import AutoImageProcessor, AutoModel

    folder = dino_folder(tmp_path, kind)
    model = AutoModel.from_pretrained(folder).eval()
    inputs = AutoImageProcessor.from_pretrained(folder)(images=pictures, return_tensors="pt")
    with torch.inference_mode():
        out = model(**inputs)
    tokens = (
        out.pooler_output if kind == "dinov2" else out.last_hidden_state[:, 0]
    )  # V2VBench's; ViT's has a layer more
    readings = read(load_learned({"dino": folder})["dino"], video)
    steps = [cosine(tokens[t], tokens[t + 1]) for t in range(T - 1)]
    assert readings["dino_consistency"].values.tolist() == pytest.approx(steps, abs=1e-5)
    assert readings["dino_consistency"].v2vbench == pytest.approx(sum(max(0, step) for step in steps) / 3, abs=1e-5)
    pairs = [cosine(tokens[i], tokens[j]) for i, j in combinations(range(T), 2)]
    assert float(readings["dino_consistency_pairs"].values) == pytest.approx(sum(pairs) / 6, abs=1e-5)


def test_a_still_clip_is_consistent_in_every_way(tmp_path, clip_folder, video):
    still = video[:1].expand(T, -1, -1, -1)
    learned = load_learned({"dino": dino_folder(tmp_path, "dinov2"), "clip": clip_folder})
    for name in learned:
        for reading in learned[name](still, ""):
            assert_close(reading.values, torch.ones_like(reading.values), atol=1e-5, rtol=0)
            assert reading.v2vbench is None or reading.v2vbench == pytest.approx(1, abs=1e-5)


# --- CLIP: alignment, consistency, aesthetic, PickScore ----------------------------------


@pytest.fixture
def clip_out(clip_folder, pictures):
    """All that transformers' own forward pass gives, and the vision tower's vectors before their projection."""
    from transformers import CLIPModel, CLIPProcessor, CLIPVisionModel

    inputs = CLIPProcessor.from_pretrained(clip_folder)(
        text=[PROMPT], images=pictures, return_tensors="pt", padding=True
    )
    with torch.inference_mode():
        out = CLIPModel.from_pretrained(clip_folder).eval()(**inputs)
        return out, CLIPVisionModel.from_pretrained(clip_folder).eval()(inputs["pixel_values"]).pooler_output


def test_clip_s_metrics_raw_and_as_v2vbench_has_them(clip_folder, clip_out, video):
    out, pooled = clip_out
    readings = read(load_learned({"clip": clip_folder})["clip"], video, PROMPT)
    cosines = [cosine(image, out.text_embeds[0]) for image in out.image_embeds]
    assert readings["text_alignment"].values.tolist() == pytest.approx(cosines, abs=1e-5)
    assert readings["text_alignment"].v2vbench == pytest.approx(float(out.logits_per_image.mean()), abs=1e-4)
    steps = [cosine(out.image_embeds[t], out.image_embeds[t + 1]) for t in range(T - 1)]
    assert readings["consistency"].values.tolist() == pytest.approx(steps, abs=1e-5)
    known = [max(0, cosine(pooled[t], pooled[t + 1])) for t in range(T - 1)]
    assert readings["consistency"].v2vbench == pytest.approx(sum(known) / 3, abs=1e-5)
    pairs = [cosine(out.image_embeds[i], out.image_embeds[j]) for i, j in combinations(range(T), 2)]
    assert float(readings["consistency_pairs"].values) == pytest.approx(sum(pairs) / 6, abs=1e-5)
    assert set(read(load_learned({"clip": clip_folder})["clip"], video)) == {"consistency", "consistency_pairs"}


def test_v2vbench_cuts_opposite_frames_at_0_and_the_raw_value_does_not(video):
    class Opposite:
        """Embeds every second frame the other way round."""

        def embed_frames(self, video):
            vectors = torch.tensor([[1.0, 0.0], [-1.0, 0.0]]).repeat(len(video) // 2, 1)
            return vectors, vectors

    readings = read(ClipMetrics(Opposite()), video)
    assert readings["consistency"].values.tolist() == [-1, -1, -1] and readings["consistency"].v2vbench == 0
    assert float(readings["consistency_pairs"].values) == pytest.approx((2 * 1 + 4 * -1) / 6)


def test_pickscore_is_the_model_s_own_logit(clip_folder, clip_out, video):
    measure = load_learned({"pickscore": clip_folder})["pickscore"]
    reading = read(measure, video, PROMPT)["pickscore"]
    assert_close(reading.values, clip_out[0].logits_per_image[:, 0], atol=1e-4, rtol=1e-5)
    assert reading.v2vbench == pytest.approx(float(reading.values.mean()))
    assert measure(video, "") == []


def linear_head(width: int = 8) -> nn.Module:
    """As its authors build it, whose dropout does nothing when it measures."""
    torch.manual_seed(1)
    layers = [nn.Linear(width, 1024), nn.Dropout(0.2), nn.Linear(1024, 128), nn.Dropout(0.2), nn.Linear(128, 64)]
    layers += [nn.Dropout(0.1), nn.Linear(64, 16), nn.Linear(16, 1)]
    return nn.ModuleDict({"layers": nn.Sequential(*layers)}).eval()


@pytest.mark.parametrize("form", ["five layers", "one layer", "safetensors"])
def test_the_aesthetic_score_is_the_head_over_unit_vectors(tmp_path, clip_folder, clip_out, video, form):
    from safetensors.torch import save_file

    torch.manual_seed(2)
    head = nn.Linear(8, 1) if form == "one layer" else linear_head()
    path = tmp_path / ("head.safetensors" if form == "safetensors" else "head.pth")
    (save_file if form == "safetensors" else torch.save)(head.state_dict(), path)
    apply = head if form == "one layer" else head["layers"]
    with torch.inference_mode():
        known = apply(F.normalize(clip_out[0].image_embeds, dim=1))[:, 0]
    reading = read(load_learned({"clip": clip_folder, "aesthetic": path})["clip"], video)["aesthetic"]
    assert_close(reading.values, known, atol=1e-5, rtol=0)
    assert reading.v2vbench == pytest.approx(float(known.mean()), abs=1e-5)


# --- DOVER -------------------------------------------------------------------------------

STAND_IN = {
    "__init__.py": "",
    "datasets/__init__.py": """
import torch.nn.functional as F
def get_single_view(video, sample_type, **options):
    assert set(options) >= {"technical": {"fragments_h", "aligned"}, "aesthetic": {"size_h", "size_w"}}[sample_type]
    return F.interpolate(video, (224, 224))
""",
    "models/__init__.py": "",
    "models/conv_backbone.py": """
from torch import nn
class Pooled(nn.Conv3d):
    def forward(self, x):
        return super().forward(x.mean((-3, -2, -1), keepdim=True))
def convnext_3d_tiny(pretrained=True):
    assert not pretrained, "which would fetch weights"
    return Pooled(3, 768, 1)
""",
    "models/head.py": """
from torch import nn
class VQAHead(nn.Module):
    def __init__(self, in_channels, hidden_channels):
        super().__init__()
        self.last = nn.Conv3d(in_channels, 1, 1)
    def forward(self, x):
        return self.last(x)
""",
    "models/evaluator.py": """
from torch import nn
from .conv_backbone import Pooled
from .head import VQAHead
class DOVER(nn.Module):
    def __init__(self, backbone, backbone_preserve_keys, divide_head, vqa_head):
        super().__init__()
        assert list(backbone) == ["technical"] == [backbone_preserve_keys] and divide_head
        print("Setting backbone")
        self.technical_backbone = Pooled(3, 768, 1)
        self.technical_head = VQAHead(**vqa_head)
    def forward(self, views):
        return [getattr(self, f"{k}_head")(getattr(self, f"{k}_backbone")(view)) for k, view in views.items()]
""",
}


@pytest.fixture
def dover(tmp_path, monkeypatch):
    """The names of the authors' package, over networks of one layer: it cannot be installed here."""
    for name, text in STAND_IN.items():
        (tmp_path / "dover" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "dover" / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "dover"]:
        del sys.modules[name]


def dover_weights() -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    weights = {}
    for kind in ("technical", "aesthetic"):
        weights |= {f"{kind}_backbone.{name}": 0.02 * torch.randn(*shape) for name, shape in CONV.items()}
        weights |= {f"{kind}_head.last.{name}": 0.02 * torch.randn(*shape) for name, shape in LAST.items()}
    return weights


CONV = {"weight": (768, 3, 1, 1, 1), "bias": (768,)}
LAST = {"weight": (1, 768, 1, 1, 1), "bias": (1,)}


def test_dover_fuses_two_views_of_normalised_pixels(dover, tmp_path, video, capsys):
    weights = dover_weights()
    torch.save(weights, tmp_path / "DOVER.pth")
    reading = read(load_learned({"dover": tmp_path / "DOVER.pth"})["dover"], video)["dover"]
    assert capsys.readouterr().out == ""
    mean, std = torch.tensor([123.675, 116.28, 103.53]), torch.tensor([58.395, 57.12, 57.375])
    scores = {}
    for kind, count in (("technical", 3), ("aesthetic", 1)):
        which = technical_frames(T) if kind == "technical" else aesthetic_frames(T)
        pixels = F.interpolate((video * 255).round()[which].transpose(0, 1), (224, 224)).mean((1, 2, 3))
        inner = weights[f"{kind}_backbone.weight"][:, :, 0, 0, 0] @ ((pixels - mean) / std)
        inner = inner + weights[f"{kind}_backbone.bias"]
        last = weights[f"{kind}_head.last.weight"].flatten()
        scores[kind] = float(last @ inner + weights[f"{kind}_head.last.bias"])
        assert len(which) == 32 * count
    assert float(reading.values) == pytest.approx(fused_dover(**scores), abs=1e-5)
    assert reading.v2vbench == pytest.approx(fused_dover(**scores, sign=1), abs=1e-5)


def technical_frames(count: int) -> list[int]:
    return [(part * (count // 3) + 2 * number) % count for part in range(3) for number in range(32)]


def aesthetic_frames(count: int) -> list[int]:
    return [part * (count // 32) % count for part in range(32)]


@pytest.mark.parametrize("count", [2, 14, 49, 81])
def test_dover_s_frames_are_those_of_its_sampler_on_short_clips(count):
    assert dover_frames(count, 3, runs=True).tolist() == technical_frames(count)
    assert dover_frames(count, 32, runs=False).tolist() == aesthetic_frames(count)


def test_a_video_of_dover_s_means_has_half():
    assert fused_dover(0.1107, 0.08285) == 0.5
    assert fused_dover(0.1107, -0.08285, sign=1) == 0.5
    assert fused_dover(0.2, 0.1) > 0.5


def test_without_its_package_dover_says_where_it_is(tmp_path):
    torch.save(dover_weights(), tmp_path / "DOVER.pth")
    with pytest.raises(ValueError, match=r"DOVER needs its authors' package, which is not installed: .*VQAssessment"):
        DoverMetrics(tmp_path / "DOVER.pth")


def test_another_file_is_not_dover(dover, tmp_path):
    torch.save({"weight": torch.zeros(1)}, tmp_path / "DOVER.pth")
    with pytest.raises(ValueError, match=r"DOVER\.pth does not hold DOVER's weights"):
        DoverMetrics(tmp_path / "DOVER.pth")


# --- What is missing ---------------------------------------------------------------------


class Code:
    def __reduce__(self):
        return print, ("run",)


def test_what_is_wrong_is_one_line(tmp_path, clip_folder, monkeypatch, capsys):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    torch.save(nn.Linear(5, 1).state_dict(), tmp_path / "narrow.pth")
    torch.save({"other": torch.zeros(1)}, tmp_path / "other.pth")
    torch.save({"weight": Code()}, tmp_path / "code.pth")
    (tmp_path / "text.pth").write_text("no weights")
    torch.save([1, 2], tmp_path / "list.pth")
    mistakes = [
        (
            {"dino": "facebook/never-there"},
            "never-there is neither a folder with a DINO model of transformers nor one in",
        ),
        ({"dino": clip_folder}, r"is neither a folder with a DINO model .* \(it is a model of the kind clip\)"),
        ({"pickscore": tmp_path}, "is neither a folder with a CLIP model of transformers nor one in"),
        ({"aesthetic": tmp_path / "narrow.pth"}, "needs the CLIP model that embeds the frames: name it too"),
        ({"viclip": tmp_path / "other.pth"}, "needs the CLIP model that splits the prompt into tokens: name it too"),
        ({"clip": clip_folder, "aesthetic": tmp_path / "none.pth"}, "there is no file .*none.pth of an aesthetic head"),
        (
            {"clip": clip_folder, "aesthetic": tmp_path / "narrow.pth"},
            "is for CLIP embeddings of 5 numbers, the CLIP mod",
        ),
        ({"clip": clip_folder, "aesthetic": tmp_path / "other.pth"}, "does not hold the weights of a linear aesthetic"),
        ({"clip": clip_folder, "aesthetic": tmp_path / "list.pth"}, "list.pth holds no state_dict of tensors"),
        ({"clip": clip_folder, "aesthetic": tmp_path / "code.pth"}, "code.pth holds more than tensors"),
        ({"clip": clip_folder, "aesthetic": tmp_path / "text.pth"}, r"text\.pth"),
        ({"clip": clip_folder, "viclip": tmp_path / "other.pth"}, "other.pth does not hold ViCLIP's weights"),
    ]
    for files, message in mistakes:
        with pytest.raises((ValueError, FileNotFoundError), match=message) as error:
            load_learned(files)
        assert "\n" not in str(error.value)
    assert "run" not in capsys.readouterr().out
    assert load_learned({"dino": None, "clip": ""}) == {}

"""What networks make of a clip, each from weights of the user's: CLIP, DINO, LAION's aesthetics, PickScore, DOVER.

V2VBench's own figures (github.com/wenhao728/awesome-diffusion-v2v, `v2vbench/`) come beside each where it computes
one: its scales, its clamping at 0, its mistakes. Nothing is downloaded, and no file's code is run but DOVER's package.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ..video.levels import to_uint8
from .perceptual import (
    ClipModel,
    Learned,
    Reading,
    consistency,
    naming_model,
    pair_consistency,
    picture_input,
    read_plain_weights,
    text_alignment,
    unit,
)
from .viclip import ViclipMetrics

DINO_KINDS = ("dinov2", "dinov2_with_registers", "dinov3_vit", "vit")  # whose first token is [CLS]
AESTHETIC_LAYERS = (0, 2, 4, 6, 7)  # of the linear head; between them was dropout

# DOVER's dover.yml: how its two views are sampled, and its mean and deviation of pixels of 0 to 255.
DOVER_MODEL = {"type": "swin_tiny_grpb", "checkpoint": True, "pretrained": None}
DOVER_HEAD = {"in_channels": 768, "hidden_channels": 64}
DOVER_VIEWS: dict[str, dict[str, int]] = {
    "technical": {"fragments_h": 7, "fragments_w": 7, "fsize_h": 32, "fsize_w": 32, "aligned": 32, "num_clips": 3},
    "aesthetic": {"size_h": 224, "size_w": 224, "num_clips": 1},
}
DOVER_FRAMES, DOVER_INTERVAL = 32, 2  # of a view, taken every second
DOVER_MEAN, DOVER_STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
NEEDS_DOVER = (
    "DOVER needs its authors' package, which is not installed: pip install from github.com/VQAssessment/DOVER "
    "(the dover of PyPI is another program)"
)


class ClipMetrics:
    """Of CLIP's embeddings: text alignment, consistency, and LAION's aesthetic score where its head is given."""

    def __init__(self, clip: ClipModel, head: Callable[[Tensor], Tensor] | None = None) -> None:
        self.clip, self.head = clip, head

    def __call__(self, video: Tensor, prompt: str) -> list[Reading]:
        vectors, pooled = self.clip.embed_frames(video)
        alike = consistency(pooled).clamp(min=0)  # V2VBench's: before the projection
        readings = [
            Reading("consistency", consistency(vectors), float(alike.mean())),
            Reading("consistency_pairs", pair_consistency(vectors)),
        ]
        if prompt:
            aligned = text_alignment(vectors, self.clip.embed_text(prompt))
            readings.insert(0, Reading("text_alignment", aligned, self.clip.scale * float(aligned.mean())))
        if self.head is not None:
            scores = self.head(vectors)
            readings.append(Reading("aesthetic", scores, float(scores.mean())))
        return readings


def load_aesthetic(path: str | Path, width: int) -> Callable[[Tensor], Tensor]:  # (T, width) → (T,)
    """LAION's aesthetic head over CLIP embeddings of length 1, from a local file of its weights.

    Two kinds: the single layer of LAION-AI/aesthetic-predictor (`sa_0_4_vit_l_14_linear.pth`), and the five linear
    ones of christophschuhmann/improved-aesthetic-predictor (`sac+logos+ava1-l14-linearMSE.pth`, V2VBench's choice).
    Raises ValueError where the file holds neither, or is for embeddings of another width.
    """
    weights = read_plain_weights(path, "an aesthetic head")
    names = [""] if "weight" in weights else [f"layers.{number}." for number in AESTHETIC_LAYERS]
    if set(weights) != {f"{name}{kind}" for name in names for kind in ("weight", "bias")}:
        raise ValueError(f"{path} does not hold the weights of a linear aesthetic head of LAION")
    layers = [(weights[f"{name}weight"].float(), weights[f"{name}bias"].float()) for name in names]
    if layers[0][0].shape[-1] != width:
        raise ValueError(
            f"{path} is for CLIP embeddings of {layers[0][0].shape[-1]} numbers, the CLIP model makes {width}: "
            f"give the one it was trained on, mostly openai/clip-vit-large-patch14"
        )

    def head(vectors: Tensor) -> Tensor:
        for weight, bias in layers:
            vectors = F.linear(vectors, weight, bias)
        return vectors[:, 0]

    return head


class DinoMetrics:
    """How alike frames are to DINO (Caron et al. 2021; Oquab et al. 2023): cosines between their [CLS] tokens."""

    def __init__(self, path: str | Path, device: str | torch.device = "cpu") -> None:
        """`path`: a folder, or a name in the user's Hugging Face cache. Raises ValueError where it is neither."""
        from transformers import AutoConfig, AutoImageProcessor, AutoModel

        with naming_model(path, "DINO"):
            kind = AutoConfig.from_pretrained(path, local_files_only=True).model_type
            if kind not in DINO_KINDS:
                raise ValueError(f"it is a model of the kind {kind}")
            self.model = AutoModel.from_pretrained(path, local_files_only=True).to(device).eval()
            self.processor = AutoImageProcessor.from_pretrained(path, local_files_only=True)

    @torch.inference_mode()
    def __call__(self, video: Tensor, prompt: str) -> list[Reading]:
        tokens = [
            self.model(pixel_values=picture_input(self.processor, frame).to(self.model.device)).last_hidden_state[0, 0]
            for frame in video
        ]
        vectors = unit(torch.stack(tokens))
        alike = consistency(vectors)
        return [
            Reading("dino_consistency", alike, float(alike.clamp(min=0).mean())),
            Reading("dino_consistency_pairs", pair_consistency(vectors)),
        ]


class PickMetrics:
    """PickScore (Kirstain et al. 2023): a CLIP trained on what people picked; its logits of frames and prompt."""

    def __init__(self, clip: ClipModel) -> None:
        self.clip = clip

    def __call__(self, video: Tensor, prompt: str) -> list[Reading]:
        """Empty without a prompt."""
        if not prompt:
            return []
        aligned = text_alignment(self.clip.embed_frames(video)[0], self.clip.embed_text(prompt))
        scores = self.clip.scale * aligned
        return [Reading("pickscore", scores, float(scores.mean()))]


class DoverMetrics:
    """DOVER (Wu et al. 2023): technical and aesthetic quality of a clip in one number of 0 to 1."""

    def __init__(self, path: str | Path, device: str | torch.device = "cpu") -> None:
        """`path`: its weights, DOVER.pth. Raises ValueError without the authors' package, or for another file."""
        try:
            from dover.datasets import get_single_view
            from dover.models.conv_backbone import convnext_3d_tiny
            from dover.models.evaluator import DOVER
            from dover.models.head import VQAHead
        except ImportError as error:
            raise ValueError(f"{NEEDS_DOVER} ({error})") from None
        weights = read_plain_weights(path, "DOVER's weights")
        self.device, self.view = device, get_single_view
        with contextlib.redirect_stdout(io.StringIO()):  # it tells of its parts
            self.model = DOVER(
                backbone={"technical": DOVER_MODEL},
                backbone_preserve_keys="technical",
                divide_head=True,
                vqa_head=DOVER_HEAD,
            )
            # Made here, because made by DOVER it would fetch ConvNeXt's weights, which the file's replace.
            self.model.aesthetic_backbone = convnext_3d_tiny(pretrained=False)
        self.model.aesthetic_head = VQAHead(**DOVER_HEAD)
        try:
            self.model.load_state_dict(weights)
        except RuntimeError:
            raise ValueError(f"{path} does not hold DOVER's weights") from None
        self.model.to(device).eval()

    @torch.inference_mode()
    def __call__(self, video: Tensor, prompt: str) -> list[Reading]:
        technical, aesthetic = (float(scores.mean()) for scores in self.model(self._views(video)))
        score = fused_dover(technical, aesthetic)
        return [Reading("dover", torch.tensor(score), fused_dover(technical, aesthetic, sign=1))]

    def _views(self, video: Tensor) -> dict[str, Tensor]:  # (clips, 3, 32, 224, 224) each
        pixels = to_uint8(video).cpu().float()
        mean, std = (torch.tensor(values).view(3, 1, 1, 1) for values in (DOVER_MEAN, DOVER_STD))
        views = {}
        for kind, options in DOVER_VIEWS.items():
            fragments = options["num_clips"] if kind == "technical" else DOVER_FRAMES
            frames = pixels[dover_frames(len(video), fragments, kind == "technical")].transpose(0, 1)
            with torch.random.fork_rng(devices=[]):  # fragments lie at random places, the same each time
                torch.default_generator.manual_seed(0)
                view = (self.view(frames, kind, **options) - mean) / std
            views[kind] = view.unflatten(1, (options["num_clips"], -1)).transpose(0, 1).to(self.device)
        return views


def dover_frames(count: int, fragments: int, runs: bool) -> Tensor:
    """Which of `count` frames DOVER looks at: of each of `fragments` equal parts its first, or a run of 32.

    As its UnifiedFrameSampler, but that a run begins where its part does and not at a random place in it. What lies
    behind the end is taken from the beginning.
    """
    starts = torch.arange(fragments) * (count // fragments)
    run = torch.arange(DOVER_FRAMES if runs else 1) * DOVER_INTERVAL
    return (starts[:, None] + run).flatten() % count


def fused_dover(technical: float, aesthetic: float, sign: int = -1) -> float:
    """Both scores in one, as in DOVER's evaluate_one_video.py; V2VBench adds (sign 1) where it subtracts."""
    fused = (technical - 0.1107) / 0.07355 * 0.6104 + (aesthetic + sign * 0.08285) / 0.03774 * 0.3896
    return float(torch.tensor(fused, dtype=torch.float64).sigmoid())


def load_learned(files: Mapping[str, str | Path | None], device: str | torch.device = "cpu") -> dict[str, Learned]:
    """What is named in `files`: clip, aesthetic, dino, pickscore, viclip, dover. Raises ValueError that says what else
    one needs or what a file holds instead."""
    named = {name: path for name, path in files.items() if path}
    for name, what in (("aesthetic", "embeds the frames"), ("viclip", "splits the prompt into tokens")):
        if name in named and "clip" not in named:
            raise ValueError(f"{named[name]} needs the CLIP model that {what}: name it too (--clip)")
    learned: dict[str, Learned] = {}
    if "clip" in named:
        clip = ClipModel(named["clip"], device)
        width = clip.model.config.projection_dim
        learned["clip"] = ClipMetrics(clip, load_aesthetic(named["aesthetic"], width) if "aesthetic" in named else None)
    if "viclip" in named:
        learned["viclip"] = ViclipMetrics(named["viclip"], clip.processor, device)
    if "dino" in named:
        learned["dino"] = DinoMetrics(named["dino"], device)
    if "pickscore" in named:
        learned["pickscore"] = PickMetrics(ClipModel(named["pickscore"], device))
    if "dover" in named:
        learned["dover"] = DoverMetrics(named["dover"], device)
    return learned

"""What networks see: CLIP's embeddings of frames and texts, LPIPS's distances. Weights are local, and never fetched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..checkpoints.file_formats import read_tensors
from ..checkpoints.names import Weights
from ..video.levels import to_uint8

CLIP = "openai/clip-vit-large-patch14"  # of V2VBench, and of most published results
ALEXNET = "alexnet-owt-7be5be79.pth"  # as torchvision calls the file in the hub's cache
NEEDS_TORCHMETRICS = 'LPIPS needs torchmetrics: pip install "revideo[metrics]"'


class Reading(NamedTuple):
    """One metric of one clip."""

    name: str  # of evaluator.METRICS
    values: Tensor  # (T,) of frames, (T − 1,) of steps between them, or () of the clip
    v2vbench: float | None = None  # as V2VBench computes it


Learned = Callable[[Tensor, str], list[Reading]]  # (T, 3, H, W) in [0, 1] and a prompt, which may be empty


@contextmanager
def naming_model(path: str | Path, kind: str) -> Iterator[None]:
    """Around the loading of a model of transformers: ValueError that says what `path` must be, where it is not."""
    try:
        yield
    except (OSError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        raise ValueError(
            f"{path} is neither a folder with a {kind} model of transformers nor one in the Hugging Face cache; "
            f"nothing is downloaded ({str(error).splitlines()[0]})"
        ) from None


class ClipModel:
    """A CLIP model (Radford et al. 2021) of transformers: unit vectors of frames and texts in one space."""

    def __init__(self, path: str | Path, device: str | torch.device = "cpu") -> None:
        """`path`: a folder, or a name in the user's Hugging Face cache. Raises ValueError where it is neither."""
        from transformers import CLIPModel, CLIPProcessor

        with naming_model(path, "CLIP"):
            self.model = CLIPModel.from_pretrained(path, local_files_only=True).to(device).eval()
            self.processor = CLIPProcessor.from_pretrained(path, local_files_only=True)

    @property
    def scale(self) -> float:
        """What cosines are multiplied by in the model's own scores: 100 for OpenAI's."""
        return self.model.logit_scale.exp().item()

    @torch.inference_mode()
    def embed_frames(self, video: Tensor) -> tuple[Tensor, Tensor]:
        """(T, 3, H, W) in [0, 1] → (T, D) in the space of the texts and (T, W) before it, both of length 1."""
        vectors = []
        for frame in video:  # one at a time: a clip of large frames would not fit
            pixels = picture_input(self.processor.image_processor, frame).to(self.model.device)
            vectors.append(self.model.vision_model(pixels).pooler_output[0])
        pooled = torch.stack(vectors)
        return unit(self.model.visual_projection(pooled)), unit(pooled)

    @torch.inference_mode()
    def embed_text(self, text: str) -> Tensor:
        """→ (D,), of length 1; what is longer than CLIP reads is cut off."""
        limit = self.model.config.text_config.max_position_embeddings
        inputs = self.processor.tokenizer([text], truncation=True, max_length=limit, return_tensors="pt")
        pooled = self.model.text_model(**inputs.to(self.model.device)).pooler_output
        return unit(self.model.text_projection(pooled))[0]


def text_alignment(frames: Tensor, text: Tensor) -> Tensor:
    """Cosines (T,) between embedded frames (T, D) and a text (D,): raw, not times 100, not cut at 0."""
    return frames @ text


def consistency(frames: Tensor) -> Tensor:
    """Cosines (T − 1,) between the embeddings (T, D) of consecutive frames."""
    return (frames[1:] * frames[:-1]).sum(1)


def pair_consistency(frames: Tensor) -> Tensor:
    """The mean cosine () between the embeddings (T, D) of all pairs of two frames."""
    rows, columns = torch.triu_indices(len(frames), len(frames), 1)
    return (frames @ frames.T)[rows, columns].mean()


class Lpips:
    """LPIPS (Zhang et al. 2018) over AlexNet, as torchmetrics has it."""

    def __init__(self, device: str | torch.device = "cpu") -> None:
        """Raises ValueError that says what is missing: torchmetrics, or AlexNet's weights in torch's hub cache."""
        if find_spec("torchmetrics") is None:
            raise ValueError(NEEDS_TORCHMETRICS)
        weights = Path(torch.hub.get_dir()) / "checkpoints" / ALEXNET
        if not weights.is_file():
            raise ValueError(f"LPIPS needs AlexNet's weights of torchvision; there is no {weights}")
        from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

        self.device = device
        self.metric = LearnedPerceptualImagePatchSimilarity(net_type="alex", normalize=True).to(device)

    @torch.inference_mode()
    def distances(self, video: Tensor, other: Tensor) -> Tensor:
        """(T, 3, H, W) in [0, 1] twice → (T,); 0 where frames are equal."""
        pairs = zip(video.float().clamp(0, 1).to(self.device), other.float().clamp(0, 1).to(self.device))
        return torch.stack([self.metric(one[None], two[None]).cpu() for one, two in pairs])


def find_lpips(device: str | torch.device = "cpu") -> tuple[Lpips | None, list[str]]:
    """LPIPS where it is at hand, else the line that says what is missing."""
    try:
        return Lpips(device), []
    except ValueError as missing:
        return None, [f"unedited LPIPS: not measured. {missing}"]


def picture_input(processor: Any, frame: Tensor, **options: Any) -> Tensor:
    """(3, H, W) in [0, 1] → (1, 3, h, w), resized, cut and normalised by an image processor of transformers."""
    pixels = to_uint8(frame).cpu().numpy()
    return processor(images=pixels, return_tensors="pt", input_data_format="channels_first", **options)["pixel_values"]


def unit(vectors: Tensor) -> Tensor:
    return torch.nn.functional.normalize(vectors.float(), dim=-1).cpu()


def read_plain_weights(path: str | Path, what: str) -> Weights:
    """The tensors of a file of `what` by name; code inside is refused, never run.

    Raises FileNotFoundError where there is none, ValueError where it holds something else.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {path} of {what}")
    return read_tensors(Path(path))[0]

"""ViCLIP (Wang et al. 2023, "InternVid"): how well a prompt describes a clip as a whole.

Its towers are CLIP's with frames side by side in the vision one. They are built here, because transformers has no such
model and its authors' files come with code; the names are those of their weights (OpenGVLab/InternVideo,
`ViClip-InternVid-10M-FLT.pth`), so that a file either fits in all of them or is refused. Widths are the file's.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .perceptual import Reading, picture_input, read_plain_weights, unit

HEAD_WIDTH = 64  # of the attention, in both towers of ViT-L/14


class _QuickGelu(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(width, max(1, width // HEAD_WIDTH), batch_first=True)
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        wide, narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.mlp = nn.Sequential(OrderedDict(c_fc=wide, gelu=_QuickGelu(), c_proj=narrow))

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:  # (B, N, C); mask (N, N), True: not looked at
        normed = self.ln_1(x)
        x = x + self.attn(normed, normed, normed, need_weights=False, attn_mask=mask)[0]
        return x + self.mlp(self.ln_2(x))


class _Blocks(nn.Module):
    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList(_Block(width) for _ in range(layers))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        for block in self.resblocks:
            x = block(x, mask)
        return x


class _VisionTower(nn.Module):
    def __init__(self, width: int, layers: int, patch: int, places: int, frames: int, embedding: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(3, width, (1, patch, patch), (1, patch, patch), bias=False)
        self.class_embedding = nn.Parameter(torch.empty(width))
        self.positional_embedding = nn.Parameter(torch.empty(places, width))
        self.temporal_positional_embedding = nn.Parameter(torch.empty(1, frames, width))
        self.ln_pre, self.ln_post = nn.LayerNorm(width), nn.LayerNorm(width)
        self.transformer = _Blocks(width, layers)
        self.proj = nn.Parameter(torch.empty(width, embedding))

    def forward(self, clip: Tensor) -> Tensor:  # (3, T, H, W) → (embedding,)
        patches = self.conv1(clip[None])[0].flatten(2).permute(1, 2, 0) + self.positional_embedding[1:]  # (T, N, C)
        patches = patches + self.temporal_positional_embedding[0][:, None]
        first = (self.class_embedding + self.positional_embedding[0])[None]
        tokens = torch.cat([first, patches.flatten(0, 1)])[None]
        return self.ln_post(self.transformer(self.ln_pre(tokens)))[0, 0] @ self.proj


class _TextTower(nn.Module):
    def __init__(self, width: int, layers: int, words: int, length: int, embedding: int) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(words, width)
        self.positional_embedding = nn.Parameter(torch.empty(length, width))
        self.transformer = _Blocks(width, layers)
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.empty(width, embedding))

    def forward(self, tokens: Tensor) -> Tensor:  # (length,) → (embedding,)
        x = (self.token_embedding(tokens) + self.positional_embedding)[None]
        later = torch.ones(len(tokens), len(tokens), dtype=torch.bool, device=tokens.device).triu(1)
        return self.ln_final(self.transformer(x, later))[0, tokens.argmax()] @ self.text_projection  # the end's number


class ViclipModel(nn.Module):
    """Both towers, of the sizes that weights have. Raises KeyError or RuntimeError where they are not ViCLIP's."""

    def __init__(self, weights: dict[str, Tensor]) -> None:
        super().__init__()
        sizes = {name: tensor.shape for name, tensor in weights.items()}
        width, _, _, patch, _ = sizes["vision_encoder.conv1.weight"]
        places, frames = (
            sizes["vision_encoder.positional_embedding"][0],
            sizes["vision_encoder.temporal_positional_embedding"][1],
        )
        embedding = sizes["vision_encoder.proj"][1]
        words, text_width = sizes["text_encoder.token_embedding.weight"]
        length = sizes["text_encoder.positional_embedding"][0]
        with torch.device("meta"):
            self.vision_encoder = _VisionTower(width, _layers(weights, "vision"), patch, places, frames, embedding)
            self.text_encoder = _TextTower(text_width, _layers(weights, "text"), words, length, embedding)
            self.temp = nn.Parameter(torch.empty(()))  # of its training alone
        self.load_state_dict({name: tensor.float() for name, tensor in weights.items()}, assign=True)
        self.frames, self.length = frames, length
        self.side_px = patch * round((places - 1) ** 0.5)


class ViclipMetrics:
    """The cosine between a clip and its prompt."""

    def __init__(self, path: str | Path, processor: Any, device: str | torch.device = "cpu") -> None:
        """`processor`: of OpenAI's CLIP, whose words and pixels are ViCLIP's too. Raises ValueError where the file
        holds something else, or the words are others."""
        weights = read_plain_weights(path, "ViCLIP's weights")
        try:
            self.model = ViclipModel(weights).to(device).eval().requires_grad_(False)
        except (KeyError, RuntimeError, ValueError, IndexError):
            raise ValueError(f"{path} does not hold ViCLIP's weights") from None
        self.processor, self.device = processor, device
        words = self.model.text_encoder.token_embedding.num_embeddings
        if len(processor.tokenizer) != words:
            raise ValueError(
                f"{path} knows {words} tokens, the CLIP model {len(processor.tokenizer)}: "
                f"give OpenAI's, such as openai/clip-vit-large-patch14"
            )

    @torch.inference_mode()
    def __call__(self, video: Tensor, prompt: str) -> list[Reading]:
        """Empty without a prompt."""
        if not prompt:
            return []
        aligned = unit(self.embed_video(video)) @ unit(self.embed_text(prompt))
        return [Reading("viclip_alignment", aligned, float(aligned))]

    def embed_video(self, video: Tensor) -> Tensor:
        """(T, 3, H, W) in [0, 1] → (D,), of as many frames as the model takes, evenly through the clip."""
        side = self.model.side_px
        sizes = {"size": {"shortest_edge": side}, "crop_size": {"height": side, "width": side}}
        chosen = video[torch.arange(self.model.frames) * len(video) // self.model.frames]
        frames = [picture_input(self.processor.image_processor, frame, **sizes)[0] for frame in chosen]
        return self.model.vision_encoder(torch.stack(frames, 1).to(self.device))

    def embed_text(self, text: str) -> Tensor:
        """→ (D,); what is longer than the model reads is cut off."""
        length = self.model.length
        numbers = self.processor.tokenizer(text, truncation=True, max_length=length)["input_ids"]
        tokens = torch.zeros(length, dtype=torch.long)
        tokens[: len(numbers)] = torch.tensor(numbers)
        return self.model.text_encoder(tokens.to(self.device))


def _layers(weights: dict[str, Tensor], tower: str) -> int:
    start = f"{tower}_encoder.transformer.resblocks."
    return len({name.removeprefix(start).split(".")[0] for name in weights if name.startswith(start)})

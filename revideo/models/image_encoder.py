"""The edited first frame → CLIP image embedding, preprocessed as the released model was."""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from .config import ImageEncoderConfig

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


def build_image_encoder(config: ImageEncoderConfig, activation: str = "gelu") -> CLIPVisionModelWithProjection:
    """CLIP's visual tower in transformers' form; on the meta device without weights.

    `activation`: OpenCLIP's towers, SVD's among them, were trained with "gelu", OpenAI's with "quick_gelu".
    """
    encoder = CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=config.width,
            intermediate_size=config.width * 4,
            num_hidden_layers=config.layers,
            num_attention_heads=config.width // config.head_width,
            patch_size=config.patch_size,
            image_size=config.image_size,
            projection_dim=config.embed_dim,
            hidden_act=activation,
            layer_norm_eps=1e-5,
        )
    )
    # The one buffer that no checkpoint holds: it must be real even where the weights are on meta.
    embeddings = encoder.vision_model.embeddings
    positions = torch.arange(embeddings.num_positions, device="cpu").expand(1, -1)
    embeddings.register_buffer("position_ids", positions, persistent=False)
    return encoder.eval()


def clip_pixels(reference: Tensor, size: int = 224) -> Tensor:
    """(3, H, W) in [-1, 1] → (1, 3, size, size) as CLIP saw pictures in training.

    Resized while still in [-1, 1]: bicubic with aligned corners, behind a Gaussian of sigma
    (factor − 1)/2 per axis when shrinking, which is kornia's antialiasing.
    """
    from kornia.geometry.transform import resize  # half a second that nothing else needs

    picture = resize(reference[None].float(), (size, size), interpolation="bicubic", align_corners=True, antialias=True)
    mean = torch.tensor(CLIP_MEAN, device=picture.device).view(1, 3, 1, 1)
    std = torch.tensor(CLIP_STD, device=picture.device).view(1, 3, 1, 1)
    return ((picture + 1) / 2 - mean) / std


def embed_image(encoder: CLIPVisionModelWithProjection, reference: Tensor) -> Tensor:
    """(3, H, W) in [-1, 1] → (1, 1, D): the one token that cross-attention reads."""
    pixels = clip_pixels(reference, encoder.config.image_size)
    return encoder(pixels.to(encoder.device, encoder.dtype)).image_embeds[:, None]

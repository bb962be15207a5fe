"""Image models in diffusers' and transformers' form, made in a second: random, and of some thousand numbers."""

import json
from pathlib import Path
from string import ascii_lowercase

import torch
from diffusers import (
    AutoencoderKL,
    ControlNetModel,
    DDIMScheduler,
    StableDiffusionInpaintPipeline,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    DPTConfig,
    DPTForDepthEstimation,
)

WIDTH = 32


def write_tokenizer(folder: Path) -> CLIPTokenizer:
    """CLIP's, of letters alone."""
    folder.mkdir(parents=True, exist_ok=True)
    letters = list(ascii_lowercase)
    words = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}), "utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", "utf-8")
    return CLIPTokenizer.from_pretrained(str(folder), model_max_length=77)


def make_unet(in_channels: int) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=8,
        in_channels=in_channels,
        block_out_channels=(WIDTH, WIDTH),
        layers_per_block=1,
        norm_num_groups=8,
        cross_attention_dim=WIDTH,
        attention_head_dim=8,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    )


def make_text_config(tokenizer: CLIPTokenizer) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=WIDTH,
        projection_dim=WIDTH,
        num_hidden_layers=1,
        num_attention_heads=4,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )


def make_vae() -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        norm_num_groups=4,
        sample_size=64,
    )


def make_scheduler() -> DDIMScheduler:
    return DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")


def write_model(folder: Path, in_channels: int = 9) -> Path:
    """A model for inpainting (9 channels), or one that was not made for it (4)."""
    torch.manual_seed(0)
    tokenizer = write_tokenizer(folder / "tokenizer")
    kind = StableDiffusionInpaintPipeline if in_channels == 9 else StableDiffusionPipeline
    kind(
        vae=make_vae(),
        text_encoder=CLIPTextModel(make_text_config(tokenizer)),
        tokenizer=tokenizer,
        unet=make_unet(in_channels),
        scheduler=make_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)
    return folder


def write_xl(folder: Path) -> Path:
    """Stable Diffusion XL: two text encoders, and sizes that are told to the UNet."""
    torch.manual_seed(3)
    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(WIDTH, WIDTH),
        layers_per_block=1,
        norm_num_groups=8,
        cross_attention_dim=2 * WIDTH,
        attention_head_dim=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=6 * 8 + WIDTH,
        use_linear_projection=True,
    )
    tokenizers = [write_tokenizer(folder / name) for name in ("tokenizer", "tokenizer_2")]
    text = make_text_config(tokenizers[0])
    StableDiffusionXLPipeline(
        vae=make_vae(),
        text_encoder=CLIPTextModel(text),
        text_encoder_2=CLIPTextModelWithProjection(text),
        tokenizer=tokenizers[0],
        tokenizer_2=tokenizers[1],
        unet=unet,
        scheduler=make_scheduler(),
    ).save_pretrained(folder)
    return folder


def write_controlnet(folder: Path, unet: UNet2DConditionModel | None = None) -> Path:
    """One that is not fresh: a fresh one gives zeros."""
    torch.manual_seed(1)
    network = ControlNetModel.from_unet(unet or make_unet(4))
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.2)
    network.save_pretrained(folder)
    return folder


def write_depth_model(folder: Path) -> Path:
    from transformers import DPTImageProcessor

    torch.manual_seed(2)
    config = DPTConfig(
        hidden_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=16,
        backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8,
        image_size=32,
        patch_size=8,
        is_hybrid=False,
    )
    network = DPTForDepthEstimation(config)
    torch.nn.init.constant_(network.head.head[4].bias, 1.0)  # behind it numbers below 0 are cut off
    network.save_pretrained(folder)
    DPTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder

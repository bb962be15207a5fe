"""PropagatorConfig: the sizes of PropDPM (MagicProp); the defaults are Stable Diffusion 1.5's and CLIP ViT-L/14's."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from .config import WEIGHTS_MAX, ImageEncoderConfig, VAEConfig, check_block, parse_sizes, read_block

RELEASED_CLIP = ImageEncoderConfig(layers=24, width=1024, head_width=64, patch_size=14, image_size=224, embed_dim=768)
DEPTH_CHANNELS = 1


@dataclass(frozen=True)
class PropagatorUNetConfig:
    """The UNet of an image model; all levels but the coarsest read the reference."""

    model_channels: int = 320
    channel_mult: tuple[int, ...] = (1, 2, 4, 4)  # width of each level, in model_channels
    num_res_blocks: int = 2
    num_heads: int = 8
    context_dim: int = 768  # l of the paper, the width of a token
    norm_groups: int = 32

    @property
    def block_channels(self) -> tuple[int, ...]:
        """The width of each level, finest first."""
        return tuple(self.model_channels * mult for mult in self.channel_mult)


@dataclass(frozen=True)
class RemedyConfig:
    """The paper's two remedies against drift (section 3.3); without them for measuring what they do."""

    adaptor: bool = True  # the reference's latent and patches are read too, not CLIP's class token alone
    zero_terminal_snr: bool = True  # and v; else Stable Diffusion 1.5's own schedule, whose network gives the noise


@dataclass(frozen=True)
class PropagatorConfig:
    """All of it; checked on construction, so that a wrong width fails before any weight is read."""

    unet: PropagatorUNetConfig = field(default_factory=PropagatorUNetConfig)
    vae: VAEConfig = field(default_factory=VAEConfig)
    image_encoder: ImageEncoderConfig = RELEASED_CLIP
    remedies: RemedyConfig = field(default_factory=RemedyConfig)

    def __post_init__(self) -> None:
        for name in ("unet", "vae", "image_encoder"):
            check_block(name, getattr(self, name))
        for name, value in asdict(self.remedies).items():
            if not isinstance(value, bool):
                raise ValueError(f'model config: "remedies.{name}" must be true or false, not {value!r}')
        unet, encoder = self.unet, self.image_encoder
        for channels in unet.block_channels:
            if channels % unet.num_heads or channels % unet.norm_groups:
                raise ValueError(
                    f"model config: {channels} UNet channels are not a multiple of num_heads {unet.num_heads} and "
                    f"norm_groups {unet.norm_groups}"
                )
        if len(unet.channel_mult) < 2:
            raise ValueError("model config: the UNet needs two levels at least: the coarsest reads no reference")
        if any(channels % self.vae.norm_groups for channels in self.vae.block_channels):
            raise ValueError(f"model config: vae widths are not multiples of norm_groups {self.vae.norm_groups}")
        if encoder.width % encoder.head_width:
            raise ValueError("model config: image encoder width is not a multiple of head_width")
        if encoder.image_size < encoder.patch_size:
            raise ValueError("model config: image_size is smaller than patch_size: there would be no patch")
        if unet.context_dim != encoder.embed_dim or unet.context_dim % 2:
            raise ValueError(
                f"model config: the UNet reads tokens of {unet.context_dim} (context_dim, an even number), the image "
                f"encoder makes ones of {encoder.embed_dim} (embed_dim)"
            )
        if self.estimated_weights > WEIGHTS_MAX:
            raise ValueError(f"model config: its widths make more than {WEIGHTS_MAX / 1e9:.0f} billion weights")

    @property
    def estimated_weights(self) -> float:
        """About how many numbers it holds, without building it."""
        unet, vae, encoder = self.unet, self.vae, self.image_encoder
        return (
            60 * (2 * unet.num_res_blocks + 3) * sum(width**2 for width in unet.block_channels)
            + 40 * (vae.num_res_blocks + 3) * sum(width**2 for width in vae.block_channels)
            + 12 * encoder.layers * encoder.width**2
            + 25 * unet.context_dim**2
        )

    @property
    def in_channels(self) -> int:
        """4 + 1 + 4 + 1: noisy latent, depth, previous latent, previous depth (section 3.2)."""
        return 2 * (self.vae.latent_channels + DEPTH_CHANNELS)

    @property
    def size_multiple(self) -> int:
        """Frame sides must be multiples of this many pixels (8 in Stable Diffusion)."""
        return self.vae.stride

    def check_size(self, height: int, width: int) -> None:
        """Raises ValueError unless the sides are the model's multiples, two at least."""
        multiple = self.size_multiple
        if min(height, width) < 2 * multiple:  # the adaptor halves them
            raise ValueError(f"the video is {width}×{height}; this propagator needs sides of {2 * multiple} at least")
        if height % multiple or width % multiple:
            raise ValueError(
                f"the video is {width}×{height}; this propagator needs sides that are multiples of {multiple}: "
                f"name a size of such sides"
            )

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> PropagatorConfig:
        """Reads the blocks "unet", "vae", "image_encoder" and "remedies"; what is absent is the default.

        Raises ValueError on a name that no block has, and as every construction on a value that cannot work.
        """
        encoder = values.get("image_encoder", {})
        if isinstance(encoder, dict):
            encoder = asdict(RELEASED_CLIP) | encoder
        return cls(
            read_block(PropagatorUNetConfig, "unet", values),
            read_block(VAEConfig, "vae", values),
            read_block(ImageEncoderConfig, "image_encoder", {"image_encoder": encoder}),
            read_block(RemedyConfig, "remedies", values),
        )

    @classmethod
    def from_json(cls, text: str) -> PropagatorConfig:
        """Reads what `to_json` writes; raises ValueError as `from_dict`, or where it is no such JSON object."""
        values = parse_sizes(text, "propagator config")
        known = [each.name for each in fields(cls)]
        if not values.keys() <= set(known):
            raise ValueError(f"propagator config must be a JSON object of {', '.join(known)}")
        return cls.from_dict(values)

    def to_json(self) -> str:
        """All blocks as one JSON object."""
        return json.dumps(asdict(self))

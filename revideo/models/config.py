"""ModelConfig: the widths that make a ReVideo network; the defaults are the released model's."""

from __future__ import annotations

import json
import reprlib
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, TypeVar, get_args

Block = TypeVar("Block")

Fusion = Literal["safm", "safm_no_time", "sum"]

# Limits for what a file may ask for: several times the released model, and still built in two seconds without weights.
LEVELS_MAX = 6
CHANNELS_MAX = 8192
VALUE_MAX = {  # of what is no width
    "channel_mult": 16,
    "num_res_blocks": 4,
    "num_frames": 1024,
    "latent_channels": 128,
    "condition_channels": 2048,
    "branches": 2,
    "layers": 64,
    "patch_size": 256,
    "image_size": 2048,
}
PATCHES_MAX = 2**16  # of CLIP's picture; 256 in the released model
WEIGHTS_MAX = 30e9  # ten times the released model's
JSON_LETTERS_MAX = 2**16  # all four blocks take less than a thousand


@dataclass(frozen=True)
class UNetConfig:
    """The SVD UNet; the ControlNet copies its encoder and middle."""

    model_channels: int = 320
    channel_mult: tuple[int, ...] = (1, 2, 4, 4)  # width of each level, in model_channels
    num_res_blocks: int = 2
    num_head_channels: int = 64
    context_dim: int = 1024  # of the image embedding
    time_id_dim: int = 256  # sinusoidal width of each of fps, motion bucket, noise augmentation
    num_frames: int = 14  # of one window
    norm_groups: int = 32  # of every GroupNorm; narrow levels need fewer, or each channel loses its brightness

    @property
    def block_channels(self) -> tuple[int, ...]:
        """The width of each level, finest first."""
        return tuple(self.model_channels * mult for mult in self.channel_mult)

    @property
    def num_heads(self) -> tuple[int, ...]:
        """The attention heads of each level."""
        return tuple(channels // self.num_head_channels for channels in self.block_channels)


@dataclass(frozen=True)
class ControlConfig:
    """The ControlNet's condition encoders, how what they make is joined, and what reads it.

    The paper's ablations: `fusion` "safm" weighs motion w = H(M, t) and content 1 − w (equation 5), "safm_no_time"
    w = H(M, 0) at every step, "sum" adds them. `branches` 2 is structure B of Figure 2: a copy of SVD's encoder for
    motion and one for content, whose residuals are added.
    """

    condition_channels: tuple[int, ...] = (16, 32, 96, 256)
    fusion: Fusion = "safm"
    branches: int = 1


@dataclass(frozen=True)
class VAEConfig:
    """Both autoencoders: the reference frame's encoder and the video's temporal decoder."""

    channels: int = 128
    channel_mult: tuple[int, ...] = (1, 2, 4, 4)
    num_res_blocks: int = 2
    latent_channels: int = 4
    norm_groups: int = 32  # of every GroupNorm, as in the UNet

    @property
    def block_channels(self) -> tuple[int, ...]:
        """The width of each level, finest first."""
        return tuple(self.channels * mult for mult in self.channel_mult)

    @property
    def stride(self) -> int:
        """Frame pixels per latent cell."""
        return 2 ** (len(self.channel_mult) - 1)


@dataclass(frozen=True)
class ImageEncoderConfig:
    """The visual tower of CLIP (OpenCLIP ViT-H/14 in the released model)."""

    layers: int = 32
    width: int = 1280
    head_width: int = 80
    patch_size: int = 14
    image_size: int = 224
    embed_dim: int = 1024


@dataclass(frozen=True)
class ModelConfig:
    """All four; checked on construction, so that a wrong width fails before any weight is read."""

    unet: UNetConfig = field(default_factory=UNetConfig)
    control: ControlConfig = field(default_factory=ControlConfig)
    vae: VAEConfig = field(default_factory=VAEConfig)
    image_encoder: ImageEncoderConfig = field(default_factory=ImageEncoderConfig)

    def __post_init__(self) -> None:
        unet, encoder = self.unet, self.image_encoder
        for each in fields(self):
            check_block(each.name, getattr(self, each.name))
        for channels in unet.block_channels:
            if channels % unet.num_head_channels or channels % 32:
                raise ValueError(
                    f"model config: {channels} UNet channels are not a multiple of "
                    f"num_head_channels {unet.num_head_channels} and of the 32 groups of GroupNorm"
                )
        if any(channels % 32 for channels in self.vae.block_channels):
            raise ValueError(f"model config: vae widths {self.vae.block_channels} are not multiples of 32")
        for name, block in (("unet", unet), ("vae", self.vae)):
            if any(channels % block.norm_groups for channels in block.block_channels):
                raise ValueError(
                    f"model config: {name} widths {block.block_channels} are not multiples of norm_groups "
                    f"{block.norm_groups}"
                )
        if encoder.width % encoder.head_width:
            raise ValueError(
                f"model config: image encoder width {encoder.width} is not a multiple of "
                f"head_width {encoder.head_width}"
            )
        if not 1 <= (encoder.image_size // encoder.patch_size) ** 2 <= PATCHES_MAX:
            raise ValueError(
                f"model config: image_size {encoder.image_size} in patches of patch_size {encoder.patch_size} gives "
                f"{(encoder.image_size // encoder.patch_size) ** 2} patches, not 1 to {PATCHES_MAX}"
            )
        if unet.context_dim != encoder.embed_dim:
            raise ValueError(
                f"model config: the UNet reads an image embedding of {unet.context_dim} (context_dim), "
                f"the image encoder makes one of {encoder.embed_dim} (embed_dim)"
            )
        control_stride = 2 ** (len(self.control.condition_channels) - 1)
        if control_stride != self.vae.stride:
            raise ValueError(
                f"model config: the condition encoders shrink by {control_stride}, the autoencoder by "
                f"{self.vae.stride}; condition_channels and vae channel_mult need equal lengths"
            )
        if self.estimated_weights > WEIGHTS_MAX:
            raise ValueError(
                f"model config: its widths, num_res_blocks and layers make about {self.estimated_weights / 1e9:,.0f} "
                f"billion weights, more than {WEIGHTS_MAX / 1e9:.0f} billion"
            )

    @property
    def estimated_weights(self) -> float:
        """About how many numbers the four networks hold, without building them."""
        unet, vae, encoder = self.unet, self.vae, self.image_encoder
        return (
            60
            * ((2 + self.control.branches) * (unet.num_res_blocks + 1) + 1)
            * sum(width**2 for width in unet.block_channels)
            + 40 * (vae.num_res_blocks + 3) * sum(width**2 for width in vae.block_channels)
            + 12 * encoder.layers * encoder.width**2
        )

    @property
    def size_multiple(self) -> int:
        """Frame sides must be multiples of this many pixels (64 in the released model)."""
        return self.vae.stride * 2 ** (len(self.unet.channel_mult) - 1)

    def check_size(self, height: int, width: int) -> None:
        """Raises ValueError unless the sides are the model's multiples."""
        multiple = self.size_multiple
        if height % multiple or width % multiple:
            raise ValueError(
                f"the video is {width}×{height}; this model needs sides that are multiples of {multiple}: "
                f"fit it first (choose_size and fit_frames, or the Prepare Video node)"
            )

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ModelConfig:
        """Reads the blocks "unet", "control", "vae", "image_encoder"; other blocks are left alone.

        A block or value that is absent is the released model's. Raises ValueError on a name
        that no block has, and as every construction on a value that cannot work.
        """
        return cls(
            read_block(UNetConfig, "unet", values),
            read_block(ControlConfig, "control", values),
            read_block(VAEConfig, "vae", values),
            read_block(ImageEncoderConfig, "image_encoder", values),
        )

    @classmethod
    def from_json(cls, text: str) -> ModelConfig:
        """Reads what `to_json` writes; raises ValueError as `from_dict`, or where it is no JSON object."""
        return cls.from_dict(parse_sizes(text, "model config"))

    def to_json(self) -> str:
        """All four blocks as one JSON object."""
        return json.dumps(asdict(self))


def parse_sizes(text: str, what: str) -> dict[str, Any]:
    """A JSON object of blocks; ValueError that begins with `what` for any other text."""
    if len(text) > JSON_LETTERS_MAX:
        raise ValueError(f"{what} is a text of {len(text):,} letters, more than {JSON_LETTERS_MAX:,}")
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{what} is not JSON: {error}") from None
    if not isinstance(values, dict):
        raise ValueError(f"{what} must be a JSON object, not {type(values).__name__}")
    return values


def read_block(kind: type[Block], name: str, values: dict[str, Any]) -> Block:
    """One block of sizes out of all; ValueError for a name that it does not have."""
    given = values.get(name, {})
    if not isinstance(given, dict):
        raise ValueError(f'model config: "{name}" must be an object, not {type(given).__name__}')
    known = [each.name for each in fields(kind)]  # type: ignore[arg-type]
    for key in given:
        if key not in known:
            raise ValueError(f'model config: "{name}" has no "{key}"; it has {", ".join(known)}')
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in given.items()})


def check_block(name: str, block: Any) -> None:
    """That each value of a block is a positive integer, or a list of them, within its limit."""
    for each in fields(block):
        key, value = f'model config: "{name}.{each.name}"', getattr(block, each.name)
        if each.name == "fusion":
            if value not in get_args(Fusion):
                raise ValueError(f"{key} must be one of {', '.join(get_args(Fusion))}, not {reprlib.repr(value)}")
            continue
        listed = isinstance(value, (list, tuple))
        numbers = list(value) if listed else [value]
        fits = listed == isinstance(each.default, tuple)
        if not fits or not numbers or not all(type(n) is int and n > 0 for n in numbers):
            wanted = "a list of positive integers" if isinstance(each.default, tuple) else "a positive integer"
            raise ValueError(f"{key} must be {wanted}, not {reprlib.repr(numbers if listed else value)}")
        if len(numbers) > LEVELS_MAX:
            raise ValueError(f"{key} has {len(numbers)} levels; at most {LEVELS_MAX}")
        asked, most = max(numbers), VALUE_MAX.get(each.name, CHANNELS_MAX)
        if asked > most:
            raise ValueError(f"{key} asks for {asked if asked < 2**64 else 'a number beyond 2⁶⁴'}; at most {most}")

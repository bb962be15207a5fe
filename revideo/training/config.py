"""What a training can be told: every key with its default, the reason for it, and the values it may take.

The file that tells it is read by config_file.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import MISSING, dataclass, field
from typing import Any

from torch import nn

from ..models.config import ModelConfig

# --- Stages: what trains, what the control net is shown, how clips are made ----------------

# Of our own names, `<part>.<name in diffusers>`. Temporal self-attention is attn1 of the temporal blocks;
# H(M, t) of the paper, which weighs motion against content, is SAFM's weight encoder.
TEMPORAL_KEYS_AND_VALUES = r"temporal_transformer_blocks\.\d+\.attn1\.to_[kv]\.weight"
WEIGHING = r"controlnet\.safm\.weight_encoder\..*"


@dataclass(frozen=True)
class Stage:
    """One way to train; shares are of the clips, from 0 to 1."""

    name: str
    trains: tuple[str, ...]  # patterns that a whole parameter name must match
    control: bool = True  # the control net takes part
    content: float = 1.0  # share that sees the clip outside an area; the rest is area everywhere, motion alone
    composite: float = 0.0  # share joined of two clips: another one outside the area

    def parameters(
        self, parts: dict[str, nn.Module], also: Iterable[str] = (), only: Iterable[str] = ()
    ) -> dict[str, nn.Parameter]:
        """The weights that this stage trains, by name; `also`: more patterns, `only`: what all must match too."""
        pattern, limit = re.compile("|".join((*self.trains, *also))), re.compile("|".join(only) or ".*")
        named = ((f"{part}.{name}", weight) for part, net in parts.items() for name, weight in net.named_parameters())
        return {name: weight for name, weight in named if pattern.fullmatch(name) and limit.fullmatch(name)}


# From scratch, before ReVideo begins. The users of the released model start from SVD instead.
AUTOENCODER = Stage("autoencoder", (r"vae\..*",), control=False, content=0.0)
BASE = Stage("base", (r"unet\..*",), control=False, content=0.0)
JOINT = Stage("joint", (r"unet\..*", r"controlnet\..*"))  # UNet and control net at once: for small models

# The paper's three, section 3.3.
MOTION = Stage("motion", (r"controlnet\..*",), content=0.0)
DECOUPLE = Stage("decouple", (r"controlnet\..*",), composite=1.0)
DEBLOCK = Stage(
    "deblock", (rf"unet\..*{TEMPORAL_KEYS_AND_VALUES}", rf"controlnet\..*{TEMPORAL_KEYS_AND_VALUES}", WEIGHING)
)

STAGES = {stage.name: stage for stage in (AUTOENCODER, BASE, JOINT, MOTION, DECOUPLE, DEBLOCK)}


# --- Keys ----------------------------------------------------------------------------------

NEEDED: Any = MISSING


def key(default: Any, why: str, low: float | None = None, high: float | None = None, one_of: tuple = ()) -> Any:
    """A key with its default, what it is good for, and the values it may take."""
    rules = {"why": why, "low": low, "high": high, "one_of": one_of}
    return field(metadata=rules) if default is NEEDED else field(default=default, metadata=rules)


@dataclass(frozen=True)
class ModelSource:
    """Where the weights come from: a checkpoint, plain SVD, or (tables of sizes) nothing at all."""

    path: str = key("", "ReVideo checkpoint to go on from; a control file needs svd beside it")
    svd: str = key("", "without path: plain SVD, whose encoder the new control net copies")
    control_gain: float = key(0.0, "Xavier gain of a new control net's 1×1 convolutions; 0 as for SVD", 0, 10)
    sizes: ModelConfig | None = None  # [model.unet], [model.control], …: from scratch


@dataclass(frozen=True)
class DataConfig:
    kind: str = key("folder", "folder: video files; synthetic: made on the fly", one_of=("folder", "synthetic"))
    folder: str = key("", "of video files, searched with all folders below it")
    tracks: str = key("", "folder where tracks are kept; empty: tracks/ in the output folder")
    stride: int = key(2, "every N-th frame: SVD saw about 6 to 12 frames a second, films have 24", 1, 100)
    cut: float = key(0.1, "least mean change of brightness between frames, of 1, that can be a shot cut", 0, 1)
    still_px: float = key(1.0, "a window whose points move less than this in the mean is skipped", 0)
    cotracker: str = key("", "local CoTracker file instead of the built-in tracker; its weights are CC-BY-NC")
    options: dict = field(default_factory=dict, metadata={"why": "synthetic: passed to revideo.synthetic.make_clip"})


@dataclass(frozen=True)
class TrajectoryConfig:
    grid_px: int = key(16, "distance of the points that are tracked: 640 of them at 512×320", 2, 1024)
    least: int = key(1, "paths per clip, at least (paper, section 4.1)", 0, 1000)
    most: int = key(10, "paths per clip, at most (paper, section 4.1)", 0, 1000)
    all: bool = key(False, "show every track that starts in the area instead: for worlds of few, meant tracks")


@dataclass(frozen=True)
class AreaConfig:
    min_px: int = key(64, "shortest side of the random rectangle (paper, section 4.1)", 1)
    max_share: float = key(1.0, "longest side, of the frame's side", 0.05, 1)
    most: int = key(1, "rectangles at most, joined: the paper trains with one and finds that several work", 1, 10)
    around_sprites: float = key(0.0, "synthetic: share of clips whose area holds one sprite's whole way", 0, 1)
    margin: float = key(
        0.25, "around such a way, at most, of the frame's side: wide ones leave no content to learn from", 0, 1
    )


@dataclass(frozen=True)
class NoiseConfig:
    mean: float = key(0.7, "of ln σ: SVD's image-to-video training, shifted to more noise than EDM's", -10, 10)
    std: float = key(1.6, "of ln σ: the same", 0, 10)
    uniform: float = key(
        0.0, "share of clips with ln σ uniform instead: reaches the σ of 700 that sampling starts at", 0, 1
    )
    uniform_low: float = key(-6.2, "ln of 0.002, where sampling ends", -20, 20)
    uniform_high: float = key(6.5, "ln of 700, where sampling starts", -20, 20)


@dataclass(frozen=True)
class ConditioningConfig:
    drop_reference: float = key(0.1, "share of clips without reference, which guidance needs", 0, 1)
    fps: int = key(0, "frame rate told to the model; 0: the clip's own, by its stride", 0, 1000)
    motion_bucket: int = key(127, "SVD's amount of motion: what users sample with", 0, 10_000)
    augmentation: float = key(0.02, "median noise on the reference: what users sample with", 0, 10)
    augmentation_spread: float = key(0.5, "deviation of its logarithm: SVD's", 0, 10)


@dataclass(frozen=True)
class OptimizerConfig:
    lr: float = key(1e-5, "Adam's step: common for fine-tuning SVD; the paper names none", 0, 1)
    beta1: float = key(0.9, "Adam's", 0, 0.9999)
    beta2: float = key(0.999, "Adam's", 0, 0.99999)
    eps: float = key(1e-8, "Adam's", 0, 1)
    weight_decay: float = key(0.0, "0 is the paper's Adam, more is AdamW", 0, 1)
    eight_bit: bool = key(False, "Adam's state in 8 bits, by bitsandbytes: a quarter of the memory")
    warmup: int = key(500, "steps over which the rate rises: Adam's first estimates are poor", 0)
    decay: float = key(0.0, "last share of the steps, over which the rate falls to 0; the paper names none", 0, 1)
    clip_norm: float = key(1.0, "longest gradient, against rare bad batches; 0: no limit", 0)
    ema: float = key(0.9999, "averaged weights are what is sampled and saved; 0: none", 0, 0.999999)


@dataclass(frozen=True)
class LossConfig:
    sprite_weight: float = key(1.0, "synthetic: how much more cells, and pixels, of sprites count", 0.01, 1000)


@dataclass(frozen=True)
class AutoencoderConfig:
    fixed_latents: bool = key(False, "all stages use latents by formula, which this stage teaches: for small models")
    mse: float = key(2.0, "weight of the squared error beside the absolute one", 0)
    kl: float = key(1e-6, "pull of the latents towards deviation 1: as in latent diffusion", 0)
    latent_noise: float = key(0.05, "noise on latents before decoding, of their deviation: smooths the space", 0, 1)


@dataclass(frozen=True)
class RunConfig:
    mixed_precision: str = key("no", "no, bf16 or fp16", one_of=("no", "bf16", "fp16"))
    frozen: str = key("fp32", "precision that untrained networks are kept in", one_of=("fp32", "bf16", "fp16"))
    device: str = key("", "cpu: even where there is a GPU; empty: what accelerate finds", one_of=("", "cpu"))
    clips_at_once: int = key(0, "per process and pass; gradients add up to the batch. 0: the batch's share", 0)
    gradient_checkpointing: bool = key(False, "a third slower, activations much smaller")
    threads: int = key(0, "that make clips beside the training; 0: none", 0, 256)
    torch_threads: int = key(0, "of each operation on a CPU; 0: torch's choice", 0, 1024)
    log_every: int = key(10, "steps", 1)
    checkpoint_every: int = key(500, "steps: what a crash may cost", 1)
    sample_every: int = key(0, "steps between sheets of samples; 0: none", 0)
    sample_clips: int = key(4, "clips on a sheet", 1, 64)
    sample_steps: int = key(15, "Euler steps: enough to judge", 1, 1000)
    tensorboard: bool = key(False, "write TensorBoard's files beside log.jsonl")


@dataclass(frozen=True)
class Phase:
    """A stage for so many steps at one size."""

    stage: str = key(NEEDED, "autoencoder, base, joint, motion, decouple or deblock", one_of=tuple(STAGES))
    steps: int = key(NEEDED, "of the optimizer", 1)
    width: int = key(NEEDED, "of the clips, pixels", 8, 8192)
    height: int = key(NEEDED, "of the clips, pixels", 8, 8192)
    frames: int = key(14, "of a clip: the model's window", 1, 1000)
    batch: int = key(16, "clips per step, all processes together: the paper's 4 GPUs with 4 each", 1)
    name: str = key("", "of its files; empty: number and stage")
    content: float = key(-1.0, "another share of clips with content than the stage's; -1: the stage's", -1, 1)
    composite: float = key(-1.0, "another share of joined clips than the stage's; -1: the stage's", -1, 1)
    also_train: list = field(
        default_factory=list, metadata={"why": "patterns of more weights, as 'unet.*' or 'image_encoder.*'"}
    )
    train_only: list = field(
        default_factory=list,
        metadata={"why": "patterns that a trained weight must match as well, for parts of a stage"},
    )
    data: DataConfig = field(default_factory=DataConfig)
    trajectories: TrajectoryConfig = field(default_factory=TrajectoryConfig)
    area: AreaConfig = field(default_factory=AreaConfig)
    noise: NoiseConfig = field(default_factory=NoiseConfig)
    conditioning: ConditioningConfig = field(default_factory=ConditioningConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    autoencoder: AutoencoderConfig = field(default_factory=AutoencoderConfig)
    run: RunConfig = field(default_factory=RunConfig)

    def parameters(self, parts: dict[str, Any]) -> dict[str, Any]:
        """The weights that this phase trains, by name."""
        return self.as_stage.parameters(parts, self.also_train, self.train_only)

    @property
    def as_stage(self) -> Stage:
        """The stage with this phase's own shares."""
        stage = STAGES[self.stage]
        shares = {name: share for name in ("content", "composite") if (share := getattr(self, name)) >= 0}
        return Stage(**{**vars(stage), **shares})


@dataclass(frozen=True)
class TrainingConfig:
    output: str = key(NEEDED, "folder for models, checkpoints, log and samples")
    seed: int = key(0, "of everything drawn: the same seed, the same training", 0, 2**31)
    model: ModelSource = field(default_factory=ModelSource)
    phases: tuple[Phase, ...] = ()


# Tables that hold for all phases at the top level, and for one where a phase repeats them.
TABLES: dict[str, type] = {
    "data": DataConfig,
    "trajectories": TrajectoryConfig,
    "area": AreaConfig,
    "noise": NoiseConfig,
    "conditioning": ConditioningConfig,
    "optimizer": OptimizerConfig,
    "loss": LossConfig,
    "autoencoder": AutoencoderConfig,
    "run": RunConfig,
}

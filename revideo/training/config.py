"""What a training is made of: its stages, and every key with its default, the reason for it and its limits.

config_file.py reads the file that holds the keys.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator
from torch import nn

from ..models.config import ModelConfig
from ..models.propagator_config import PropagatorConfig
from .keys import MOST_CLIPS, MOST_STEPS, START_NAME, ClipOptions, File, FileName, Pattern, Table, key
from .propagator.config import TripletConfig

# --- Stages: what trains, what the ControlNet is shown, how clips are made ------------------

# Of our own names, `<part>.<name in diffusers>`. Temporal self-attention is attn1 of the temporal blocks;
# H(M, t) of the paper, which weighs motion against content, is SAFM's weight encoder.
TEMPORAL_KEYS_AND_VALUES = r"temporal_transformer_blocks\.\d+\.attn1\.to_[kv]\.weight"

StageName = Literal["autoencoder", "base", "joint", "motion", "decouple", "deblock", "propagate"]
FamilyName = Literal["revideo", "propagator"]


@dataclass(frozen=True)
class Stage:
    """One way to train; fractions are of the clips, from 0 to 1."""

    name: StageName
    trains: tuple[str, ...]  # patterns that a whole parameter name must match
    control: bool = True  # the ControlNet takes part
    content: float = 1.0  # fraction that sees the clip outside an area; the rest is area everywhere, motion alone
    composite: float = 0.0  # fraction joined of two clips: another one outside the area

    def parameters(
        self, parts: dict[str, nn.Module], also: Iterable[str] = (), only: Iterable[str] = ()
    ) -> dict[str, nn.Parameter]:
        """The weights that this stage trains, by name; `also`: more patterns, `only`: what all must match too."""
        patterns, limits = ([re.compile(each) for each in some] for some in ((*self.trains, *also), only))
        named = ((f"{part}.{name}", weight) for part, net in parts.items() for name, weight in net.named_parameters())
        return {
            name: weight
            for name, weight in named
            if any(pattern.fullmatch(name) for pattern in patterns)
            and (not limits or any(limit.fullmatch(name) for limit in limits))
        }


# From scratch, before ReVideo begins. The users of the released model start from SVD instead.
AUTOENCODER = Stage("autoencoder", (r"vae\..*",), control=False, content=0.0)
BASE = Stage("base", (r"unet\..*",), control=False, content=0.0)
JOINT = Stage("joint", (r"unet\..*", r"controlnet\..*"))  # UNet and ControlNet at once: for small models

# The paper's three, section 3.3.
MOTION = Stage("motion", (r"controlnet\..*",), content=0.0)
DECOUPLE = Stage("decouple", (r"controlnet\..*",), composite=1.0)
DEBLOCK = Stage(
    "deblock",
    (
        rf"unet\..*{TEMPORAL_KEYS_AND_VALUES}",
        rf"controlnet\..*{TEMPORAL_KEYS_AND_VALUES}",
        r"controlnet\.safm\.weight_encoder\..*",
    ),
)

STAGES: dict[str, Stage] = {stage.name: stage for stage in (AUTOENCODER, BASE, JOINT, MOTION, DECOUPLE, DEBLOCK)}

# MagicProp's, section 3.3.3.
PROPAGATE = Stage("propagate", (r"unet\..*", r"adaptor\..*"), control=False, content=0.0)

PROPAGATOR_STAGES: dict[str, Stage] = {stage.name: stage for stage in (AUTOENCODER, PROPAGATE)}


# --- Keys ----------------------------------------------------------------------------------

MODEL_TABLES = ("unet", "control", "vae", "image_encoder", "remedies")


class ModelSource(Table):
    """Where the weights come from: a checkpoint, what it begins as, or (tables of sizes) nothing at all."""

    kind: FamilyName = key("revideo", "revideo, or propagator: MagicProp's PropDPM")
    path: File = key("", "checkpoint of that kind to go on from; a ReVideo control file needs svd beside it")
    svd: File = key("", "without path: plain SVD, whose encoder the new ControlNet copies")
    sd: File = key("", "propagator, without path: Stable Diffusion 1.5, one file or a folder as diffusers saves one")
    clip: File = key("", "beside sd: its image encoder, CLIP ViT-L/14, a folder as transformers saves one or one file")
    control_gain: float = key(
        0.0,
        "Xavier gain of a new ControlNet's 1×1 convolutions; 0: as the paper's, and conditions too begin at zero",
        0,
        10,
    )
    unet: dict[str, Any] = key({}, "sizes of a new UNet with random weights; what is left out is as released")
    control: dict[str, Any] = key({}, "condition encoders, fusion and branches of a new ControlNet, beside svd too")
    vae: dict[str, Any] = key({}, "sizes of its autoencoders")
    image_encoder: dict[str, Any] = key({}, "sizes of its image encoder")
    remedies: dict[str, Any] = key({}, "propagator: adaptor and zero_terminal_snr, false to leave one out")

    @property
    def tables(self) -> dict[str, Any]:
        """Those of sizes that are given."""
        return {name: getattr(self, name) for name in MODEL_TABLES if name in self.model_fields_set}

    @property
    def sizes(self) -> ModelConfig | PropagatorConfig | None:
        """Of a new model; None where a file brings them."""
        if self._file or not self.tables:
            return None
        return (PropagatorConfig if self.kind == "propagator" else ModelConfig).from_dict(self.tables)

    @property
    def _file(self) -> str:
        """The key of the file that brings the sizes."""
        return next(
            (name for name in ("path", "sd" if self.kind == "propagator" else "svd") if getattr(self, name)), ""
        )

    @model_validator(mode="after")
    def _has_one_source(self) -> ModelSource:
        joins = "control" if self.kind == "revideo" else "remedies"  # what is new beside plain SVD, or Stable Diffusion
        foreign = ("svd", "control") if self.kind == "propagator" else ("sd", "clip", "remedies")
        wrong = [name for name in foreign if getattr(self, name)]
        if wrong:
            raise ValueError(f"a model of kind {self.kind} has no {wrong[0]}")
        known = [name for name in self.tables if self.path or name != joins]
        if self._file and known:
            raise ValueError(f"its sizes come from {self._file}: leave out [model.{known[0]}]")
        if not (self._file or self.sizes):
            begin = "sd and clip" if self.kind == "propagator" else "svd"
            raise ValueError(f"name path, {begin}, or tables of sizes such as [model.unet] to start from nothing")
        if self._file == "sd" and not self.clip:
            raise ValueError("sd holds no image encoder: name clip too, a CLIP ViT-L/14")
        return self


class DataConfig(Table):
    """Where clips come from."""

    kind: Literal["folder", "synthetic"] = key("folder", "folder: video files; synthetic: made on the fly")
    folder: File = key("", "of video files, searched with all folders below it")
    tracks: File = key("", "folder where tracks are cached; empty: tracks/ in the output folder")
    stride: int = key(2, "every N-th frame: SVD saw about 6 to 12 frames a second, films have 24", 1, 100)
    cut: float = key(0.1, "least mean change of brightness between frames, of 1, that can be a shot cut", 0, 1)
    still_px: float = key(1.0, "a window whose points move less than this in the mean is skipped", 0, 10_000)
    depth: File = key("", "propagator: depth model for folder, as transformers saves one, or a TorchScript file")
    cotracker: File = key("", "local CoTracker file instead of the built-in tracker; its weights are CC-BY-NC")
    options: ClipOptions = key({}, "synthetic: passed to revideo.synthetic.clips.plan_clip")


class TrajectoryConfig(Table):
    """The paths that a clip is shown with."""

    grid_px: int = key(16, "distance of the points that are tracked: 640 of them at 512×320", 2, 1024)
    least: int = key(1, "paths per clip, at least (paper, section 4.1)", 0, 1000)
    most: int = key(10, "paths per clip, at most (paper, section 4.1)", 0, 1000)
    all: bool = key(False, "show every track that starts in the area instead: for scenes of few, meant tracks")


class AreaConfig(Table):
    """The random mask of a clip."""

    min_px: int = key(64, "shortest side of the random rectangle (paper, section 4.1)", 1, 8192)
    max_share: float = key(1.0, "longest side, of the frame's side", 0.05, 1)
    most: int = key(1, "rectangles at most, joined: the paper trains with one and finds that several work", 1, 10)
    around_sprites: float = key(0.0, "synthetic: fraction of clips whose area holds one sprite's whole way", 0, 1)
    irregular: float = key(0.0, "synthetic: of those, the fraction painted with a round brush", 0, 1)
    moving: float = key(0.0, "synthetic: of the rest, the fraction that goes with its sprite", 0, 1)
    empty: float = key(
        0.0, "synthetic: fraction of clips whose area holds no sprite: what was removed leaves ground", 0, 1
    )
    margin: float = key(
        0.25, "around such a way, at most, of the frame's side: wide ones leave no content to learn from", 0, 1
    )


class NoiseConfig(Table):
    """How the noise level σ is drawn."""

    mean: float = key(0.7, "of ln σ: SVD's image-to-video training, shifted to more noise than EDM's", -10, 10)
    std: float = key(1.6, "of ln σ: the same", 0, 10)
    uniform: float = key(
        0.0, "fraction of clips with ln σ uniform instead: reaches the σ of 700 that sampling starts at", 0, 1
    )
    uniform_low: float = key(-6.2, "ln of 0.002, where sampling ends", -20, 20)
    uniform_high: float = key(6.5, "ln of 700, where sampling starts", -20, 20)
    own_errors: float = key(
        0.0,
        "fraction of clips whose noisy latents are one sampling step of the networks' own: they learn to mend it",
        0,
        1,
    )


class ConditioningConfig(Table):
    """What the denoiser is given beside motion and content."""

    drop_reference: float = key(0.1, "fraction of clips without reference, which guidance needs", 0, 1)
    drop_apart: bool = key(False, "its image embedding and its latent each by itself, as SVD's configuration has it")
    fps: int = key(0, "frame rate that the model is given; 0: the clip's own, by its stride", 0, 1000)
    motion_bucket: int = key(127, "SVD's amount of motion: what users sample with", 0, 10_000)
    augmentation: float = key(0.02, "median noise on the reference: what users sample with", 0, 10)
    noise_where_empty: float = key(
        0.0,
        "on motion outside the mask and content inside, in deviations of their embeddings: SAFM learns to tell places",
        0,
        1000,
    )
    augmentation_spread: float = key(0.5, "standard deviation of its logarithm: SVD's", 0, 10)


class OptimizerConfig(Table):
    """Adam, its rate, and the average of weights."""

    lr: float = key(1e-5, "Adam's step: common for fine-tuning SVD; the released configuration names 3e-5", 0, 1)
    beta1: float = key(0.9, "Adam's", 0, 0.9999)
    beta2: float = key(0.999, "Adam's", 0, 0.99999)
    eps: float = key(1e-8, "Adam's", 0, 1)
    weight_decay: float = key(0.0, "of AdamW, which the paper cites for its Adam; 0: plain Adam", 0, 1)
    eight_bit: bool = key(False, "Adam's state in 8 bits, by bitsandbytes: a quarter of the memory")
    warmup: int = key(500, "steps over which the rate rises: Adam's first estimates are poor", 0, MOST_STEPS)
    decay: float = key(0.0, "last fraction of the steps, over which the rate falls to 0; the paper names none", 0, 1)
    clip_norm: float = key(1.0, "longest gradient, against rare bad batches; 0: no limit", 0, 1e9)
    ema: float = key(0.9999, "averaged weights are what is sampled and saved; 0: none", 0, 0.999999)


class LossConfig(Table):
    """What counts how much."""

    sprite_weight: float = key(1.0, "synthetic: how much more cells, and pixels, of sprites count", 0.01, 1000)


class AutoencoderConfig(Table):
    """The autoencoder's own stage."""

    fixed_latents: bool = key(False, "all stages use latents by formula, which this stage teaches: for small models")
    mse: float = key(2.0, "weight of the squared error beside the absolute one", 0, 1e6)
    kl: float = key(1e-6, "pull of the latents towards unit variance: as in latent diffusion", 0, 1e6)
    latent_noise: float = key(0.05, "noise on latents before decoding, in their standard deviations: smooths", 0, 1)


class RunConfig(Table):
    """How it is run: what may change between the runs of one training."""

    mixed_precision: Literal["no", "bf16", "fp16"] = key("no", "no, bf16 or fp16")
    frozen: Literal["fp32", "bf16", "fp16"] = key("fp32", "precision of untrained networks")
    device: Literal["", "cpu"] = key("", "cpu: even where there is a GPU; empty: what accelerate finds")
    compile: bool = key(False, "torch.compile of the loss: minutes before the first step, then less time a step")
    clips_at_once: int = key(
        0, "per process and pass; gradients add up to the batch. 0: the batch's part", 0, MOST_CLIPS
    )
    gradient_checkpointing: bool = key(False, "a third slower, activations much smaller")
    threads: int = key(0, "that make clips beside the training; 0: none", 0, 256)
    torch_threads: int = key(0, "of each operation on a CPU; 0: torch's choice", 0, 1024)
    log_every: int = key(10, "steps", 1, MOST_STEPS)
    checkpoint_every: int = key(500, "steps: what a crash may cost", 1, MOST_STEPS)
    sample_every: int = key(0, "steps between sheets of samples; 0: none", 0, MOST_STEPS)
    sample_clips: int = key(4, "clips on a sheet", 1, 64)
    sample_steps: int = key(15, "Euler steps: enough to judge", 1, 1000)
    tensorboard: bool = key(False, "write TensorBoard's files beside log.jsonl")


class Tables(Table):
    """What holds for all phases at the top level, and for one where a phase repeats it."""

    data: DataConfig = DataConfig()
    trajectories: TrajectoryConfig = TrajectoryConfig()
    area: AreaConfig = AreaConfig()
    noise: NoiseConfig = NoiseConfig()
    conditioning: ConditioningConfig = ConditioningConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    triplets: TripletConfig = TripletConfig()
    loss: LossConfig = LossConfig()
    autoencoder: AutoencoderConfig = AutoencoderConfig()
    run: RunConfig = RunConfig()

    def over(self, shared: dict[str, Any]) -> dict[str, Table]:
        """These tables, with those of the same names in `shared` for every key that is not given here."""
        whole = {}
        for name in Tables.model_fields:
            own = getattr(self, name)
            whole[name] = shared[name].model_copy(update={key: getattr(own, key) for key in own.model_fields_set})
        return whole


class Phase(Tables):
    """A stage for so many steps at one size."""

    stage: StageName = key(
        ..., "autoencoder, base, joint, motion, decouple or deblock; of a propagator autoencoder or propagate"
    )
    steps: int = key(..., "of the optimizer", 1, MOST_STEPS)
    width: int = key(..., "of the clips, pixels", 8, 8192)
    height: int = key(..., "of the clips, pixels", 8, 8192)
    frames: int = key(14, "of a clip: the model's window", 1, 1000)
    batch: int = key(16, "clips per step, all processes together: the paper's 4 GPUs with 4 each", 1, MOST_CLIPS)
    name: FileName = key("", "of its files; empty: number and stage")
    content: float = key(-1.0, "another fraction of clips with content than the stage's; -1: the stage's", -1, 1)
    composite: float = key(-1.0, "another fraction of joined clips than the stage's; -1: the stage's", -1, 1)
    also_train: list[Pattern] = key([], "patterns of more weights, as 'unet.*' or 'image_encoder.*'")
    train_only: list[Pattern] = key([], "patterns that a trained weight must match as well, for parts of a stage")

    def parameters(self, parts: dict[str, Any]) -> dict[str, Any]:
        """The weights that this phase trains, by name."""
        return self.as_stage.parameters(parts, self.also_train, self.train_only)

    @property
    def as_stage(self) -> Stage:
        """The stage with this phase's own fractions."""
        fractions = {name: value for name in ("content", "composite") if (value := getattr(self, name)) >= 0}
        return replace((STAGES | PROPAGATOR_STAGES)[self.stage], **fractions)


class TrainingConfig(Tables):
    """A whole training; the tables of its phases are complete."""

    output: File = key(..., "folder for models, checkpoints, log and samples")
    seed: int = key(0, "of everything drawn: the same seed, the same training", 0, 2**31)
    model: ModelSource = key(..., "path, svd, or tables of sizes such as [model.unet] to start from nothing")
    phases: list[Phase] = Field(
        min_length=1, max_length=1000, description="write at least one [[phases]] table with stage and steps"
    )

    @property
    def files(self) -> list[str]:
        """Of models: the one that the first phase begins from, and each phase's result."""
        return [f"{name}.safetensors" for name in (START_NAME, *(phase.name for phase in self.phases))]

    @field_validator("phases")
    @classmethod
    def _complete(cls, phases: list[Phase], info: ValidationInfo) -> list[Phase]:
        if not Tables.model_fields.keys() <= info.data.keys():  # one of them has an error of its own
            return phases
        complete = []
        for number, phase in enumerate(phases, 1):
            named = {"name": phase.name or f"{number}-{phase.stage}"}
            complete.append(phase.model_copy(update=named | phase.over(info.data)))
        for name, count in Counter(phase.name.lower() for phase in complete).items():
            if count > 1:
                raise ValueError(f"{count} have the name {name!r}")
        return complete

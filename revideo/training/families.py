"""What the loop asks of the models that it trains: ReVideo's four networks, or MagicProp's propagator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..checkpoints.propagator import load_propagator_parts
from ..checkpoints.reading import build_parts, load_parts, open_checkpoint
from ..checkpoints.writing import save_checkpoint
from ..models.config import ModelConfig
from ..models.propagator import build_propagator
from ..models.propagator_config import PropagatorConfig
from .config import PROPAGATOR_STAGES, STAGES, FamilyName, Phase, Stage, TrainingConfig
from .examples import ClipSource, ExampleMaker, SyntheticClips
from .initial_weights import model_config, write_start
from .networks import NetworksInTraining, TrainedNetworks
from .propagator.networks import TrainedPropagator
from .propagator.samples import write_triplet_sheet
from .propagator.start import (
    propagator_config,
    read_propagator_config,
    save_trained_propagator,
    write_propagator_start,
)
from .propagator.triplets import TripletMaker
from .samples import write_sheet

Sizes = ModelConfig | PropagatorConfig


@dataclass(frozen=True)
class Family:
    """One kind of model, from its sizes to its file."""

    stages: Mapping[str, Stage]
    sizes: Callable[..., Any]  # of a [model] table
    build: Callable[..., dict[str, Any]]  # networks of these sizes, on the meta device
    write_start: Callable[..., None]  # the file that the first phase begins from
    read_sizes: Callable[[Path], Any]  # of a whole file; CheckpointError where it is none
    load: Callable[..., tuple[dict[str, Any], Any]]
    save: Callable[[Mapping[str, Tensor], Path, Path], None]  # trained weights over those of a file, into another
    networks: Callable[[dict[str, Any], Any, Phase], NetworksInTraining]
    examples: Callable[..., Any]
    write_sheet: Callable[..., None]


def _read_sizes(file: Path) -> ModelConfig:
    return open_checkpoint(file).config


def _save(trained: Mapping[str, Tensor], before: Path, result: Path) -> None:
    """The model that a phase began from with what it trained; the rest is bit-identical."""
    checkpoint = open_checkpoint(before)
    checkpoint.weights |= {name: weight.detach().float().cpu() for name, weight in trained.items()}
    save_checkpoint(checkpoint, result)


MODEL_FAMILIES: dict[FamilyName, Family] = {
    "revideo": Family(
        STAGES,
        model_config,
        build_parts,
        write_start,
        _read_sizes,
        load_parts,
        _save,
        TrainedNetworks,
        ExampleMaker,
        write_sheet,
    ),
    "propagator": Family(
        PROPAGATOR_STAGES,
        propagator_config,
        build_propagator,
        write_propagator_start,
        read_propagator_config,
        load_propagator_parts,
        save_trained_propagator,
        TrainedPropagator,
        TripletMaker,
        write_triplet_sheet,
    ),
}


def family_of(config: TrainingConfig) -> Family:
    """Of the model that a training file describes."""
    return MODEL_FAMILIES[config.model.kind]


def family_of_sizes(sizes: Sizes) -> Family:
    """Of a model of these sizes."""
    return MODEL_FAMILIES["propagator" if isinstance(sizes, PropagatorConfig) else "revideo"]


def make_source(
    config: TrainingConfig, phase: Phase, purpose: str = "train", device: torch.device | str = "cpu"
) -> ClipSource:
    """The clips of a phase, synthetic ones drawn on `device`; `purpose` parts those trained on from the sheets'."""
    if phase.data.kind == "synthetic":
        return SyntheticClips(phase, config.seed, purpose, device)
    tracks = Path(phase.data.tracks or Path(config.output) / "tracks")
    if config.model.kind == "propagator":
        from .propagator.video_folder import FolderDepthClips

        return FolderDepthClips(phase, config.seed, tracks, purpose)
    from .video_folder import FolderClips

    return FolderClips(phase, config.seed, tracks, purpose)

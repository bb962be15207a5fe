"""The memory that is computed without a GPU, against what a CPU really keeps."""

from pathlib import Path

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks

from revideo.cli.main import main
from revideo.training.config import OptimizerConfig, RunConfig
from revideo.training.config_file import parse_training_config
from revideo.training.examples import ExampleMaker, batch_examples
from revideo.training.families import make_source
from revideo.training.initial_weights import from_nothing
from revideo.training.memory import activations, memory
from revideo.training.networks import TrainedNetworks

ROOT = Path(__file__).parents[3]


def really_kept(config, phase) -> int:
    """Bytes that the loss of one clip leaves behind for its gradient, weights aside."""
    sizes = config.model.sizes
    networks = TrainedNetworks(from_nothing(sizes, 0, 0.3), sizes, phase)
    batch = batch_examples([ExampleMaker(make_source(config, phase), networks.stage, phase, sizes, 0)(0)])
    weights = {weight.untyped_storage().data_ptr() for weight in networks.parameters()}
    saved = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            saved[storage.data_ptr()] = (storage.nbytes(), tensor)
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        networks(batch).sum()
    return sum(size for size, _ in saved.values())


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["motion", "deblock", "base"])
def test_activations_are_those_that_a_real_pass_keeps(training_values, stage):
    config = parse_training_config(training_values({"stage": stage, "width": 64, "height": 64, "frames": 4}))
    (phase,) = config.phases
    computed = activations(phase, config.model.sizes)
    assert computed == pytest.approx(really_kept(config, phase), rel=0.1)
    spared = phase.model_copy(update={"run": RunConfig(gradient_checkpointing=True)})
    assert activations(spared, config.model.sizes) < 0.5 * computed
    half = phase.model_copy(update={"run": RunConfig(mixed_precision="bf16")})
    assert activations(half, config.model.sizes) == pytest.approx(computed / 2, rel=0.1)


@pytest.mark.slow
def test_each_setting_saves_what_it_should(training_values):
    config = parse_training_config(training_values({"stage": "motion", "batch": 8}))
    phase, sizes = config.phases[0], config.model.sizes

    def of(**run):
        return memory(phase.model_copy(update={"run": RunConfig(**run)}), sizes, processes=2)

    full, half = of(), of(mixed_precision="bf16", frozen="bf16")
    assert full.gradients == full.averages == full.optimizer / 2
    assert of(clips_at_once=1).activations == full.activations / 4  # 8 clips on 2 processes
    assert half.gradients == full.gradients
    trained = full.gradients // 4
    everything = full.weights // 4
    assert half.weights == (4 + 2) * trained + 2 * (everything - trained)
    eight = memory(phase.model_copy(update={"optimizer": OptimizerConfig(eight_bit=True, ema=0.0)}), sizes, 2)
    assert (eight.optimizer, eight.averages) == (full.optimizer / 4, 0)
    assert full.total == sum((full.weights, full.gradients, full.optimizer, full.averages, full.activations))


@pytest.mark.slow
def test_the_recipe_of_the_paper_fits_its_gpus_and_the_guide_says_so(capsys):
    assert main(["train", str(ROOT / "training/released.toml"), "--memory"]) == 0
    printed = capsys.readouterr()
    assert "svd.safetensors is not there: computed for the released size" in printed.err
    assert printed.out in (ROOT / "docs/training.md").read_text("utf-8")
    totals = [float(line.split("|")[-2]) for line in printed.out.splitlines()[2:]]
    assert len(totals) == 3
    assert max(totals) < 70


def test_memory_is_computed_on_the_meta_device(training_values):
    config = parse_training_config(training_values({"stage": "autoencoder"}))
    before = torch.get_default_device()
    assert activations(config.phases[0], config.model.sizes) > 0
    assert torch.get_default_device() == before

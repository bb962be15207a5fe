"""What the tests of the programs share."""

from pathlib import Path

import pytest
import torch

from revideo.checkpoints.random_weights import write_random_checkpoint

torch.set_num_threads(1)  # threads that wait for each other on a busy machine make small models 20 times slower


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a small model with random weights."""
    path = tmp_path_factory.mktemp("model") / "random.safetensors"
    write_random_checkpoint(path)
    return path

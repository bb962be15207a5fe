"""Compiled blocks give the same latents, at every size, from the graphs of the first."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch._dynamo.testing import CompileCounterWithBackend

import revideo
from revideo import Edit
from revideo.pipeline.loading import compile_blocks


@pytest.fixture
def fresh():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def sampled(model, golden, height, width):
    def resized(pictures):
        return F.interpolate(pictures, (height, width))

    edit = Edit(resized(golden.edit.edited_frame[None])[0], golden.edit.trajectories, resized(golden.edit.mask.float()))
    conditions = revideo.make_conditions(resized(golden.video), edit)
    return model.sample(conditions, replace(golden.options, steps=1, cfg_last=1.0))


@pytest.mark.device
@pytest.mark.slow
@pytest.mark.usefixtures("fresh")
def test_compiled_blocks_sample_the_same_at_each_size(golden_b, device):
    model = revideo.load(golden_b.checkpoint, golden_b.config, torch.float32, device)
    counter = CompileCounterWithBackend("eager")
    compile_blocks(model.unet, model.controlnet, backend=counter)
    graphs = []
    for size in ((128, 192), (192, 128)):
        found, expected = sampled(model, golden_b, *size), sampled(golden_b.model, golden_b, *size)
        assert (found - expected).norm() < 3e-5 * expected.norm()  # layers are not fused by oneDNN, norms are torch's
        graphs.append(counter.frame_count)
    assert 0 < graphs[0] == graphs[1]


def test_compiled_blocks_have_no_weights_in_fp8(golden_b):
    with pytest.raises(ValueError, match="compiled blocks work on weights as they are: leave out fp8 or compiling"):
        revideo.load(golden_b.checkpoint, device="cpu", fp8=True, compiled=True)

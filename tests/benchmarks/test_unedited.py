"""Ways to keep: each row is what its name says."""

import pytest
import torch

from benchmarks import unedited
from benchmarks.unedited import composites, main, unedited_table
from revideo import load
from revideo.sampling.samplers import SamplerOptions
from revideo.synthetic.edits import make_edit
from revideo.synthetic.measures import measure_edit

NAMES = ["model alone", "latent lock"] + [
    name + match
    for name in ("pixel keep", "latent lock and pixel keep")
    for match in ("", ", colours matched", ", gradients matched")
]


@pytest.mark.slow
def test_every_way_but_the_model_s_own_keeps_the_source(checkpoint):
    truth = make_edit(1, "both", frames=14, height=64, width=128)
    made = dict(composites(load(checkpoint, device="cpu"), truth, SamplerOptions(steps=1, cfg_last=1.0)))
    assert list(made) == NAMES
    outside = (truth.edit.mask < 0.5).expand_as(truth.source)
    for name in NAMES:
        assert torch.equal(made[name][outside], truth.source[outside]) == ("pixel keep" in name), name
    assert not torch.equal(made["model alone"], made["latent lock"])


@pytest.mark.slow
def test_the_command_prints_a_row_for_each_way(checkpoint, capsys, monkeypatch):
    truth = make_edit(1, "both", frames=14, height=64, width=128)
    monkeypatch.setattr(unedited, "composites", lambda *_: [(name, truth.target) for name in NAMES])
    main([str(checkpoint), "--clips", "1", "--height", "64", "--width", "128"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == NAMES
    assert len({line.count("|") for line in lines}) == 1
    metrics = measure_edit(truth, truth.target)
    assert unedited_table({"truth": metrics}).splitlines()[-1].split("|")[2].strip() == f"{metrics.outside_psnr:.2f}"

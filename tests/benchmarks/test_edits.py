"""The table of a model's edits: a row for the edit, one without motion, one of the autoencoder."""

from dataclasses import replace

import pytest

from benchmarks.edits import main
from revideo.checkpoints.random_weights import SMALL, write_random_checkpoint


@pytest.mark.slow
def test_a_random_model_is_measured_end_to_end(tmp_path, capsys):
    path = tmp_path / "random.safetensors"
    write_random_checkpoint(path, replace(SMALL, unet=replace(SMALL.unet, num_frames=3)))
    main([str(path), "--clips", "1", "--steps", "1", "--height", "64", "--width", "128", "--cases", "both"])
    header, _, *rows = capsys.readouterr().out.splitlines()
    assert [row.split("|")[2].strip() for row in rows] == ["edit", "no motion", "autoencoder"]
    assert all(row.count("|") == header.count("|") for row in rows)

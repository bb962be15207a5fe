"""A gate in another model: its own Γ, and conditions that reach the fusion as strongly as before."""

import re
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from revideo.checkpoints.random_weights import SMALL, write_random_checkpoint
from revideo.checkpoints.reading import open_checkpoint, read_config
from training.graft_gate import main, motion_and_content_weights

ENCODER = "controlnet.safm.{}_encoder.conv_out.weight"


def test_what_reaches_the_fusion_stays(tmp_path):
    body, donor, out = (tmp_path / f"{name}.safetensors" for name in ("body", "donor", "out"))
    write_random_checkpoint(body, SMALL, seed=1)
    write_random_checkpoint(donor, SMALL, seed=2)
    main([str(body), str(donor), str(out)])
    before, after = motion_and_content_weights(body), motion_and_content_weights(out)
    assert torch.equal(after, motion_and_content_weights(donor)) and not torch.allclose(after, before)
    old, new, other = (open_checkpoint(file).weights for file in (body, out, donor))
    for number, encoder in enumerate(("motion", "content")):
        old_layer, new_layer = (weights[ENCODER.format(encoder)].flatten(1) for weights in (old, new))
        torch.testing.assert_close(after[number, :, None] * new_layer, before[number, :, None] * old_layer)
    from_donor = {name for name in new if not name.startswith("vae.") and torch.equal(new[name], other[name])}
    assert {name for name in from_donor if not torch.equal(new[name], old[name])} == {
        name for name in new if ".weight_encoder." in name and not torch.equal(other[name], old[name])
    }


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A model; what is none; one of other sizes; and a donor whose gate is no number."""
    folder = tmp_path_factory.mktemp("models")
    files = {
        name: folder / f"{name}.safetensors" for name in ("absent", "text", "cut", "wider", "body", "donor", "out")
    }
    write_random_checkpoint(files["body"], SMALL, seed=1)
    files["text"].write_text("no model")
    files["cut"].write_bytes(files["body"].read_bytes()[:-9])
    encoder = replace(SMALL.image_encoder, embed_dim=2 * SMALL.image_encoder.embed_dim)
    unet = replace(SMALL.unet, context_dim=encoder.embed_dim)
    write_random_checkpoint(files["wider"], replace(SMALL, unet=unet, image_encoder=encoder))
    weights = load_file(files["body"])
    gate = next(name for name in weights if "weight" in name and name.endswith("conv_out.bias"))
    weights[gate] = torch.full_like(weights[gate], -1e4)
    save_file(weights, files["donor"], {"revideo_config": read_config(files["body"]).to_json()})
    return folder


@pytest.mark.parametrize(
    "body, out, message",
    [
        ("absent", "out", "there is no checkpoint .*absent"),
        ("text", "out", "text.safetensors is a text"),
        ("cut", "out", "cut.safetensors is cut off"),
        ("wider", "out", "are of different sizes: a graft needs two of one architecture"),
        ("body", "donor", "donor.safetensors is an input too and would be overwritten"),
        ("body", "absent/out", "there is no folder"),
        ("body", "out.pt", r"the name must end in one of \.safetensors"),
        ("body", "out", "the gate of .*donor.safetensors is shut in a channel, or no number"),
    ],
)
def test_what_cannot_be_grafted_is_said_in_a_line_and_nothing_is_written(models, capsys, body, out, message):
    before = {file: file.read_bytes() for file in models.iterdir()}
    with pytest.raises(SystemExit) as ended:
        main(
            [
                str(models / f"{body}.safetensors"),
                str(models / "donor.safetensors"),
                str(models / (out if "." in out else f"{out}.safetensors")),
            ]
        )
    assert ended.value.code == 2
    assert re.search(message, capsys.readouterr().err.splitlines()[-1])
    assert {file: file.read_bytes() for file in models.iterdir()} == before

"""A gate in another model: its own Γ, and conditions that reach the fusion as strongly as before."""

import torch

from revideo.checkpoints.random_weights import SMALL, write_random_checkpoint
from revideo.checkpoints.reading import open_checkpoint
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

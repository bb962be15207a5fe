"""SAFM's weight of one model in another, whose other weights go on to stand for what they stood for.

python -m training.graft_gate BODY DONOR OUT

Opening SAFM's gate late (phases 8 to 11 of tiny.toml) cost the model some of its paths. This puts the opened weight
encoder of DONOR, and its autoencoder, into BODY, as it was before, and scales the last layers of BODY's condition
encoders, channel by channel, so that motion inside an area and content outside reach the fusion as strongly as before:
w·m = w'·(w/w'·m), for weights averaged over noise levels. What varies with the noise level is new to BODY, no more.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from revideo.checkpoints.reading import load_parts, open_checkpoint, read_config
from revideo.checkpoints.writing import save_checkpoint
from revideo.files import check_target

SIZE, CELLS = 128, 16  # of a picture with an area in its middle, half as wide and high
INSIDE, BORDER = slice(5, 11), (0, 1, 2, 13, 14, 15)  # cells that the area's rim does not reach
SIGMAS = (80.0, 20.0, 10.0, 5.0, 2.0, 1.0, 0.5, 0.1)


def graft(body: Path, donor: Path, out: Path) -> None:
    """Reads two checkpoints of one architecture, writes a third. Raises ValueError or OSError, nothing written."""
    check_target(out, (".safetensors",), (body, donor))
    if read_config(body) != read_config(donor):
        raise ValueError(f"{body} and {donor} are of different sizes: a graft needs two of one architecture")
    if read_config(body).control.fusion == "sum":
        raise ValueError(f"{body} and {donor} add motion and content as they are: they have no gate")
    before, after = motion_and_content_weights(body), motion_and_content_weights(donor)
    if not (before / after).isfinite().all():
        raise ValueError(f"the gate of {donor} is shut in a channel, or no number: what comes through cannot be scaled")
    scales = dict(zip(("motion_encoder", "content_encoder"), before / after))
    grafted, weights = open_checkpoint(donor), open_checkpoint(body).weights
    for name, weight in weights.items():
        if name.startswith("vae.") or ".weight_encoder." in name:
            continue
        for encoder, scale in scales.items():
            if f".safm.{encoder}.conv_out." in name:
                weight = weight.float() * scale.view(-1, *[1] * (weight.dim() - 1))
        grafted.weights[name] = weight
    save_checkpoint(grafted, out)


@torch.inference_mode()
def motion_and_content_weights(checkpoint: Path) -> Tensor:
    """(2, C): SAFM's weight of motion inside an area and of content outside, means over cells and noise levels."""
    safm = load_parts(checkpoint, dtype=torch.float32)[0]["controlnet"].safm
    mask = torch.zeros(len(SIGMAS), 1, SIZE, SIZE)
    mask[..., SIZE // 4 : -SIZE // 4, SIZE // 4 : -SIZE // 4] = 1
    weight = safm.motion_weight(mask, torch.tensor(SIGMAS).log() / 4)  # (S, C, CELLS, CELLS)
    return torch.stack([weight[..., INSIDE, INSIDE].mean((0, 2, 3)), 1 - weight[:, :, BORDER].mean((0, 2, 3))])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("body", "donor", "out"):
        parser.add_argument(name, type=Path)
    try:
        graft(**vars(parser.parse_args(arguments)))
    except (ValueError, OSError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()

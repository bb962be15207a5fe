"""The stages of training as values: what trains, what the control net is shown, how clips are made."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from torch import nn

# Of our own names, `<part>.<name in diffusers>`. Temporal self-attention is attn1 of the temporal blocks;
# H(M, t) of the paper, which weighs motion against content, is SAFM's weight encoder.
TEMPORAL_KEYS_AND_VALUES = r"temporal_transformer_blocks\.\d+\.attn1\.to_[kv]\.weight"
WEIGHING = r"controlnet\.safm\.weight_encoder\..*"


@dataclass(frozen=True)
class Stage:
    """One way to train; shares are of the clips, from 0 to 1."""

    name: str
    trains: tuple[str, ...]  # patterns that a whole parameter name must match
    control: bool = True  # the control net takes part
    content: float = 1.0  # share that sees the clip outside an area; the rest is area everywhere, motion alone
    composite: float = 0.0  # share joined of two clips: another one outside the area

    def parameters(
        self, parts: dict[str, nn.Module], also: Iterable[str] = (), only: Iterable[str] = ()
    ) -> dict[str, nn.Parameter]:
        """The weights that this stage trains, by name; `also`: more patterns, `only`: what all must match too."""
        pattern, limit = re.compile("|".join((*self.trains, *also))), re.compile("|".join(only) or ".*")
        named = ((f"{part}.{name}", weight) for part, net in parts.items() for name, weight in net.named_parameters())
        return {name: weight for name, weight in named if pattern.fullmatch(name) and limit.fullmatch(name)}


# From scratch, before ReVideo begins. The users of the released model start from SVD instead.
AUTOENCODER = Stage("autoencoder", (r"vae\..*",), control=False, content=0.0)
BASE = Stage("base", (r"unet\..*",), control=False, content=0.0)
JOINT = Stage("joint", (r"unet\..*", r"controlnet\..*"))  # UNet and control net at once: for small models

# The paper's three, section 3.3.
MOTION = Stage("motion", (r"controlnet\..*",), content=0.0)
DECOUPLE = Stage("decouple", (r"controlnet\..*",), composite=1.0)
DEBLOCK = Stage(
    "deblock", (rf"unet\..*{TEMPORAL_KEYS_AND_VALUES}", rf"controlnet\..*{TEMPORAL_KEYS_AND_VALUES}", WEIGHING)
)

STAGES = {stage.name: stage for stage in (AUTOENCODER, BASE, JOINT, MOTION, DECOUPLE, DEBLOCK)}

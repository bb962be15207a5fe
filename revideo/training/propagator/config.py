"""The keys of a training file that only a propagator has."""

from __future__ import annotations

from ..keys import Table, key


class TripletConfig(Table):
    """Propagator: the three frames of a clip that an example is made of, reference, previous and target."""

    neighbours: float = key(
        0.0, "fraction whose previous frame is the target's neighbour, as at work; the paper draws all three", 0, 1
    )
    drop_previous: float = key(
        0.0, "fraction without previous frame; 1: a model that paints each frame by itself", 0, 1
    )
    previous_noise: float = key(
        0.0, "most noise on the previous latent, in its deviations: what was painted is never as clean", 0, 10
    )

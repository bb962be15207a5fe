"""A pose between two others goes evenly from the one to the other."""

from __future__ import annotations

import numpy as np
import pytest

from revideo.masks.poses import pose_between, then, turn_about

CENTRE = np.array([30.0, 20.0])
WAY = np.array([[1, 0, 12.0], [0, 1, -8.0]])


def turned(angle: float, scale: float, fraction: float) -> np.ndarray:
    """The turn and growth about the centre, then that much of the way."""
    turn = turn_about(angle * fraction, CENTRE)
    turn[:, :2] *= scale**fraction
    turn[:, 2] = CENTRE - turn[:, :2] @ CENTRE
    return then(turn, np.concatenate([np.eye(2), fraction * WAY[:, 2:]], 1))


@pytest.mark.parametrize("fraction", [0.0, 0.25, 0.5, 1.0])
@pytest.mark.parametrize(("angle", "scale"), [(0.0, 1.0), (0.0, 2.0), (2.4, 1.0), (-1.5, 0.7), (3.0, 1.3)])
def test_turn_size_and_place_go_evenly(angle: float, scale: float, fraction: float):
    first = turned(0.4, 1.1, 1.0)  # it need not begin where the object did
    centre = first[:, :2] @ CENTRE + first[:, 2]
    way = np.concatenate([np.eye(2), (centre - CENTRE)[:, None]], 1)
    back = np.concatenate([np.eye(2), (CENTRE - centre)[:, None]], 1)
    last, expected = (then(first, back, turned(angle, scale, part), way) for part in (1.0, fraction))
    np.testing.assert_allclose(pose_between(first, last, fraction, CENTRE), expected, atol=1e-9)

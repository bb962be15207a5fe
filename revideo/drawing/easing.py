"""How much of the way from one key to the next is done after a part of the time. js/geometry/easing.js gives the same.

"Time" of docs/edit_document.md. Every sum stands in the same order in both languages, so that they agree to the bit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Easing = str | tuple[float, float, float, float]  # of KEY_EASINGS, or x1, y1, x2, y2 of a Bézier curve

EASINGS = {
    "linear": lambda tau: tau,
    "in": lambda tau: tau * tau,
    "out": lambda tau: tau * (2 - tau),
    "in-out": lambda tau: tau * tau * (3 - 2 * tau),
}
KEY_EASINGS = EASINGS | {"hold": lambda tau: 0 * tau}  # of one stretch between keys
HALVINGS = 53  # bits of a double between 0 and 1


def eased(easings: Sequence[Easing], which: np.ndarray, tau: np.ndarray) -> np.ndarray:
    """The fraction done (n,) of stretches with the easings `which` (n,) after the fractions `tau` of their time."""
    done = np.empty_like(tau)
    kinds = np.array([easing if isinstance(easing, str) else "" for easing in easings])[which]
    for kind in np.unique(kinds):
        at = kinds == kind
        if kind:
            done[at] = KEY_EASINGS[kind](tau[at])
        else:
            done[at] = _along_bezier(np.array([easings[index] for index in which[at]]).T, tau[at])
    return done


def _along_bezier(controls: np.ndarray, tau: np.ndarray) -> np.ndarray:
    """The height (n,) at which Bézier curves from (0, 0) to (1, 1) with controls x1, y1, x2, y2 (4, n) pass `tau`."""
    x1, y1, x2, y2 = controls
    low, high = np.zeros_like(tau), np.ones_like(tau)
    for _ in range(HALVINGS):  # x never falls
        middle = (low + high) / 2
        before = _bezier(x1, x2, middle) <= tau
        low, high = np.where(before, middle, low), np.where(before, high, middle)
    return _bezier(y1, y2, low)


def _bezier(first: np.ndarray, second: np.ndarray, u: np.ndarray) -> np.ndarray:
    return ((1 - 3 * second + 3 * first) * u + (3 * second - 6 * first)) * u * u + 3 * first * u

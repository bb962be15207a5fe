"""Writes what Python and JavaScript must agree on: tests/data/documents.json.

Run by hand after a change of docs/edit_document.md, and look at the difference:

    python -m tests.revideo.drawing.write_documents
"""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from revideo import EditDocument

ROOT = Path(__file__).parents[3]
FILE = ROOT / "tests" / "data" / "documents.json"
WIDTH, HEIGHT, FRAMES = 64, 40, 9

# --- Documents and what they come to -----------------------------------------------------------

ZIGZAG = [[8, 30], [20, 6.5], [33, 34], [58, 9]]
SQUARE = [[20, 10], [44, 10], [44, 30], [20, 30], [20, 10]]
STAR = [
    [round(32 + 18 * math.sin(4 * math.pi * i / 5), 3), round(20 - 18 * math.cos(4 * math.pi * i / 5), 3)]
    for i in range(5)
]
SCRIBBLE = [[6, 6], [52.25, 9.5], [11, 27.75], [50, 35], [50, 35], [30, 2]]
EASE, STEEP, BACK_AND_OVER = [0.25, 0.1, 0.25, 1], [1, 0, 0, 1], [0.6, -1.5, 0.3, 2.75]
EVERYTHING = {"move": [6.5, -3], "scale": [0.7, 1.6], "rotate": 130}
EASINGS = ("linear", "in", "out", "in-out")
STEPS = [0, 1, 0.25, 0.75, 0, 0.5, 1, 1]  # of the columns of a mask, as many of each


def points(places: list[list[Any]]) -> list[dict[str, Any]]:
    """[x, y] or [x, y, frame] or [x, y, frame or None, easing]."""
    given = [dict(zip(("x", "y", "frame", "easing"), place)) for place in places]
    return [{name: value for name, value in point.items() if value is not None} for point in given]


def path(number: int, kind: str, places: list[list[Any]], **more: Any) -> dict[str, Any]:
    return {"id": f"p{number}", "kind": kind, "points": points(places), **more}


def region(number: int, kind: str, places: list[list[float]], **more: Any) -> dict[str, Any]:
    return {"id": f"r{number}", "kind": kind, "points": places, **more}


def key(frame: float, **more: Any) -> dict[str, Any]:
    return {"frame": frame, **more}


def document(
    *items: dict[str, Any], width: int = WIDTH, height: int = HEIGHT, frames: int = FRAMES, version: int = 1
) -> dict[str, Any]:
    return {
        "version": version,
        "width": width,
        "height": height,
        "frames": frames,
        "paths": [item for item in items if item["id"].startswith("p")],
        "regions": [item for item in items if item["id"].startswith("r")],
    }


DOCUMENTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nothing": (document(), {}),
    "one point, of every kind": (
        document(*(path(i, kind, [[10.5, 20 + i]]) for i, kind in enumerate(("anchor", "line", "spline", "freehand")))),
        {},
    ),
    "one timed point": (document(path(1, "anchor", [[10, 20, 4]], start=2, end=6)), {}),
    "two equal points": (document(path(1, "spline", [[7, 7], [7, 7]]), path(2, "line", [[9, 9, 2], [9, 9]])), {}),
    "every kind through the same points": (
        document(*(path(i, kind, ZIGZAG) for i, kind in enumerate(("line", "spline", "freehand")))),
        {},
    ),
    "points of very different spacing": (
        document(path(1, "spline", [[5, 5], [5.001, 5.002], [60, 8], [60, 8.5], [8, 38], [8.4, 38]])),
        {},
    ),
    "there and back, which are corners": (document(path(1, "freehand", [[5, 20], [50, 20], [5, 20], [50, 30]])), {}),
    "a pause": (
        document(
            path(1, "spline", [[5, 5], [30, 20, 2], [30, 20, 6], [60, 10]]),
            path(2, "line", [[5, 5, 0], [5, 5, 3], [40, 5, 8]]),
            path(3, "spline", [[5, 30], [30, 30], [30, 30], [60, 35]]),  # untimed, it is a corner and no pause
        ),
        {},
    ),
    "closed loops": (
        document(path(1, "spline", SQUARE), path(2, "freehand", [*ZIGZAG, ZIGZAG[0]]), path(3, "line", SQUARE)),
        {},
    ),
    "too few points to close": (document(path(1, "spline", [[10, 10], [50, 12], [10, 10]])), {}),
    "timed points": (
        document(
            path(1, "spline", [[8, 30, 1], [20, 6], [33, 34, 5], [58, 9, 7.5]]),
            path(2, "spline", [[8, 30, 0.25], [20, 6], [33, 34, 5], [58, 9]]),
            path(3, "line", [[8, 30], [20, 6, 2.125], [33, 34], [58, 9, 8]]),
            path(4, "freehand", [[8, 30], [20, 6, 3], [33, 34, 3.5], [58, 9]], easing="in-out"),
        ),
        {},
    ),
    "every easing": (document(*(path(i, "line", ZIGZAG, easing=easing) for i, easing in enumerate(EASINGS))), {}),
    "every easing over a part of the clip": (
        document(*(path(i, "spline", ZIGZAG, start=1.5, end=6.75, easing=easing) for i, easing in enumerate(EASINGS))),
        {},
    ),
    "start is end": (
        document(path(1, "line", ZIGZAG, start=4, end=4), path(2, "spline", ZIGZAG, start=0, end=0)),
        {},
    ),
    "more frames than drawn over, and another size": (
        document(path(1, "spline", [[8, 30], [20, 6, 2], [58, 9]], start=1, end=7), path(2, "line", ZIGZAG)),
        {"frames": 23, "width": 200, "height": 30},
    ),
    "fewer frames than drawn over": (
        document(path(1, "spline", ZIGZAG, start=1, end=7), path(2, "line", [[1, 2], [3, 4]], start=3.9, end=4.1)),
        {"frames": 5},
    ),
    "one frame asked for": (document(path(1, "line", ZIGZAG), path(2, "line", ZIGZAG, start=1)), {"frames": 1}),
    "drawn on one frame": (document(path(1, "line", ZIGZAG), frames=1), {"frames": 4}),
    "an invisible path and an invisible region": (
        document(
            path(1, "line", ZIGZAG, visible=False),
            path(2, "line", ZIGZAG, visible=True),
            region(1, "rect", [[2, 2], [20, 20]], visible=False),
            region(2, "rect", [[10, 10], [30, 30]], visible=True),
        ),
        {},
    ),
    "rectangles": (
        document(
            region(1, "rect", [[30.5, 20.5], [4.5, 3.5]]),  # on the middles of pixels, corners the other way round
            region(2, "rect", [[30.5, 3.5], [40, 20.5]]),
            region(3, "rect", [[50, 30], [50, 39]]),
        ),
        {},
    ),
    "areas taken away and added again": (
        document(
            region(0, "ellipse", [[0, 0], [30, 30]], mode="subtract"),
            region(1, "rect", [[4, 4], [60, 36]], mode="add"),
            region(2, "ellipse", [[12, 8], [52, 32]], mode="subtract"),
            region(3, "polygon", [[32, 12], [42, 28], [22, 28]]),
            region(4, "brush", [[0, 20], [64, 20]], radius=1.2, mode="subtract"),
        ),
        {},
    ),
    "polygons that cross themselves": (
        document(region(1, "polygon", STAR), region(2, "polygon", [[2, 2], [14, 38], [14, 2], [2, 38]])),
        {"width": 128, "height": 80},
    ),
    "ellipses": (
        document(region(1, "ellipse", [[3.3, 4.4], [25.5, 36.6]]), region(2, "ellipse", [[60, 22], [28, 12.5]])),
        {},
    ),
    "brushes": (
        document(
            region(1, "brush", SCRIBBLE, radius=2.4),
            region(2, "brush", [[8, 32]], radius=5),
            region(3, "brush", [[58, 22], [58, 22]], radius=3.5),
        ),
        {},
    ),
    "soft rectangles": (
        document(
            region(1, "rect", [[10, 8], [30, 32]], feather=7),
            region(2, "rect", [[38, 5], [56, 35]], feather=0.4),
            region(3, "rect", [[44, 10], [62, 30]], feather=9.5, mode="subtract"),
        ),
        {},
    ),
    "soft ellipses": (
        document(
            region(1, "ellipse", [[4, 4], [36, 20]], feather=12),
            region(2, "ellipse", [[38, 8], [60, 38]], feather=3.3),
            region(3, "ellipse", [[2, 38], [30, 38.4]], feather=5),
        ),
        {},
    ),
    "soft polygons": (
        document(region(1, "polygon", STAR, feather=6), region(2, "polygon", [[2, 2], [12, 38], [4, 30]], feather=1)),
        {},
    ),
    "soft brushes": (
        document(region(1, "brush", SCRIBBLE, radius=3, feather=5), region(2, "brush", [[8, 34]], radius=1, feather=9)),
        {},
    ),
    "soft areas on another size": (
        document(
            region(1, "ellipse", [[4, 4], [36, 20]], feather=12),
            region(2, "brush", SCRIBBLE, radius=3, feather=5),
            region(3, "polygon", STAR, feather=4, mode="subtract"),
            region(4, "rect", [[2, 30], [12, 39]], feather=4),
        ),
        {"width": 48, "height": 70},
    ),
    "outside the frame, and over all of it": (
        document(
            region(1, "rect", [[-50, -50], [-2, 90]], feather=2),
            region(2, "ellipse", [[-20, -20], [6, 12]]),
            region(3, "brush", [[70, 44], [300, 50]], radius=9),
            region(4, "polygon", [[900, 900], [1000, 900], [900, 1000]], feather=30),
            region(5, "polygon", [[-9000, -9000], [9000, -9000], [0, 20000]], mode="subtract", feather=3),
            region(6, "brush", [[-400, 20]], radius=415.3, feather=2),
        ),
        {},
    ),
    "no extent": (
        document(
            region(1, "rect", [[10, 10], [10, 30]], feather=8),
            region(2, "ellipse", [[20, 10], [40, 10]], feather=8),
            region(3, "polygon", [[10, 35], [50, 35], [30, 35]], feather=8),
        ),
        {},
    ),
    "areas that follow a path": (
        document(
            path(1, "spline", [[8, 30], [20, 6], [58, 9]], easing="out", start=1, end=6),
            path(2, "anchor", [[4, 4]]),
            region(1, "rect", [[2, 24], [14, 36]], follow="p1"),
            region(2, "brush", [[20, 30], [40, 30]], radius=3),
            region(3, "ellipse", [[6, 26], [16, 36]], follow="p1", mode="subtract"),
            region(4, "polygon", [[50, 20], [60, 20], [55, 30]], follow="p2"),
        ),
        {"frames": 6},
    ),
    "a soft area that follows, on another size": (
        document(
            path(1, "line", [[10, 10], [50, 30]]),
            region(1, "polygon", [[4, 4], [16, 6], [8, 16]], feather=5, follow="p1"),
        ),
        {"frames": 4, "width": 32, "height": 50},
    ),
    "an area that follows an invisible path": (
        document(
            path(1, "line", [[8, 8], [40, 8]], visible=False, start=2, end=6),
            region(1, "rect", [[4, 4], [12, 12]], follow="p1"),
        ),
        {},
    ),
    "an area that follows an anchor": (
        document(path(1, "anchor", [[30, 30]]), region(1, "rect", [[4, 4], [12, 12]], follow="p1")),
        {},
    ),
    "easing of stretches between keys": (
        document(
            path(1, "line", [[4, 4, None, "hold"], [20, 4, 3, "in"], [30, 4, None, "out"], [44, 9, 6], [60, 4]]),
            path(2, "spline", [[8, 30, 1, BACK_AND_OVER], [20, 6], [33, 34, 5, "hold"], [58, 9, 7.5, "hold"]]),
            path(3, "spline", [[8, 30, None, EASE], [20, 6, 4, STEEP], [33, 34], [58, 9]], easing="in-out"),
            path(4, "line", [[5, 20, None, "in-out"], [50, 20, None, "hold"]], start=2, easing="in"),
            path(5, "line", [[5, 36, 0, "hold"], [50, 36, 8]]),
            version=2,
        ),
        {},
    ),
    "a hold on more frames and on one": (
        document(
            path(1, "line", [[4, 4, 0, "hold"], [20, 4, 3, BACK_AND_OVER], [60, 9, 8, "hold"]]),
            path(2, "anchor", [[4, 4, None, "hold"]]),
            version=2,
        ),
        {"frames": 25},
    ),
    "areas that turn": (
        document(
            region(1, "rect", [[4, 4], [24, 14]], keys=[key(0), key(8, rotate=90)]),
            region(2, "ellipse", [[36, 3], [60, 17]], keys=[key(0, rotate=-30), key(6, rotate=400)]),
            region(3, "polygon", [[6, 24], [20, 22], [14, 36]], keys=[key(2, rotate=170), key(7, rotate=-33.3)]),
            region(4, "brush", [[34, 30], [58, 28], [44, 36]], radius=2.4, keys=[key(0), key(4, rotate=77), key(8)]),
            version=2,
        ),
        {},
    ),
    "areas that grow and shrink": (
        document(
            region(1, "rect", [[4, 4], [24, 14]], keys=[key(0), key(8, scale=[0.3, 1.7])]),
            region(2, "ellipse", [[36, 3], [60, 17]], keys=[key(1, scale=[0.001, 0.001]), key(6, scale=[1.2, 0.6])]),
            region(3, "polygon", [[6, 24], [20, 22], [14, 36]], keys=[key(2, scale=[2, 0.5], rotate=20), key(7)]),
            region(4, "brush", [[34, 30], [58, 28], [44, 36]], radius=2.4, keys=[key(0), key(8, scale=[0.5, 3])]),
            version=2,
        ),
        {"width": 128, "height": 80},
    ),
    "areas that change their shape": (
        document(
            region(1, "rect", [[4, 4], [24, 14]], keys=[key(0), key(8, points=[[2, 12], [30, 6]])]),
            region(2, "ellipse", [[36, 3], [60, 17]], keys=[key(1, points=[[40, 4], [50, 18]]), key(6)]),
            region(
                3,
                "polygon",
                STAR,
                keys=[key(0, points=[[y, x] for x, y in STAR]), key(4), key(8, points=STAR[::-1], rotate=45)],
            ),
            region(4, "brush", SCRIBBLE, radius=2.4, mode="subtract", keys=[key(2, points=SCRIBBLE[::-1]), key(5)]),
            version=2,
        ),
        {},
    ),
    "areas that move from key to key, by every easing": (
        document(
            *(
                region(
                    number,
                    "rect",
                    [[2, 4 * number], [8, 4 * number + 3]],
                    keys=[
                        key(0, easing=easing),
                        key(5, move=[40, 0], easing=easing),
                        key(7.5, move=[20, 1.5], easing="hold"),
                    ],
                )
                for number, easing in enumerate([*EASINGS, "hold", EASE, STEEP, BACK_AND_OVER])
            ),
            version=2,
        ),
        {},
    ),
    "soft areas that do all of it, and follow, on another size and length": (
        document(
            path(1, "line", [[10, 10, None, STEEP], [50, 30]]),
            region(1, "polygon", STAR, feather=5, follow="p1", keys=[key(1, easing="hold"), key(5, **EVERYTHING)]),
            region(2, "rect", [[4, 4], [24, 14]], feather=3, keys=[key(1, easing=EASE), key(7, **EVERYTHING)]),
            region(3, "ellipse", [[36, 3], [60, 17]], mode="subtract", feather=6, keys=[key(0), key(8, **EVERYTHING)]),
            region(4, "brush", SCRIBBLE, radius=1.5, feather=2, follow="p1", keys=[key(0, **EVERYTHING), key(8)]),
            version=2,
        ),
        {"frames": 6, "width": 48, "height": 70},
    ),
    "speed curves that take a scale past nothing": (
        document(
            *(
                region(number, kind, places, radius=2, keys=[key(0, scale=[0.2, 1], easing=BACK_AND_OVER), key(8)])
                for number, (kind, places) in enumerate(
                    [
                        ("rect", [[4.2, 4], [24, 14]]),
                        ("ellipse", [[36, 3], [60, 17]]),
                        ("polygon", [[6, 24], [20, 22], [14, 36]]),
                        ("brush", [[34, 30], [58, 28], [44, 36]]),
                    ]
                )
            ),
            version=2,
        ),
        {},
    ),
    "areas that follow two paths and three": (
        document(
            path(1, "line", [[10, 10], [22, 6]]),
            path(2, "spline", [[30, 12], [40, 20, 4], [30, 36]], easing="in-out"),
            path(3, "line", [[14, 30, None, "hold"], [50, 30, 6], [20, 20]], visible=False, start=2),
            region(1, "rect", [[6, 4], [20, 14]], follow=["p1", "p2"]),
            region(2, "ellipse", [[28, 6], [44, 14]], follow=["p3", "p1", "p2"], feather=3),
            region(3, "polygon", [[10, 24], [24, 22], [20, 36]], follow=["p2", "p3"], mode="subtract"),
            region(4, "brush", [[40, 30], [58, 34]], radius=3, follow=["p1", "p2", "p3"]),
            region(5, "rect", [[50, 2], [56, 8]], follow=["p3"]),
            version=2,
        ),
        {},
    ),
    "areas with keys that follow two paths, on another size and length": (
        document(
            path(1, "line", [[10, 10, None, STEEP], [30, 12]]),
            path(2, "spline", [[30, 12], [50, 20], [30, 36]]),
            region(1, "rect", [[6.2, 4.3], [20.1, 14.2]], follow=["p1", "p2"], keys=[key(0), key(8, **EVERYTHING)]),
            region(2, "ellipse", [[28, 6], [44, 14]], feather=4, follow=["p2", "p1"], keys=[key(4, **EVERYTHING)]),
            region(3, "brush", SCRIBBLE, radius=1.5, follow=["p1", "p2"], keys=[key(0, **EVERYTHING), key(8)]),
            version=2,
        ),
        {"frames": 6, "width": 48, "height": 70},
    ),
    "areas that follow paths from one spot, to one spot, and that only move": (
        document(
            path(1, "line", [[20, 20], [40, 10]]),
            path(2, "line", [[20, 20], [30, 30]]),
            path(3, "line", [[30, 10], [40, 10]]),
            path(4, "line", [[20, 10], [30, 10]]),
            region(1, "rect", [[6, 4], [20, 14]], follow=["p1", "p2"]),
            region(2, "brush", [[24, 26], [40, 36]], radius=2.5, follow=["p1", "p3"]),
            region(3, "ellipse", [[40, 26], [60, 36]], follow=["p3", "p4"]),
            version=2,
        ),
        {},
    ),
    "keys by which an area rests": (
        document(
            region(1, "rect", [[4, 4], [24, 14]], keys=[key(3, **EVERYTHING)]),
            region(2, "ellipse", [[36, 3], [60, 17]], keys=[key(0), key(4, move=[0, 0]), key(8, rotate=0)]),
            region(3, "polygon", STAR, keys=[key(5, points=[[y, x] for x, y in STAR])]),
            version=2,
        ),
        {},
    ),
    "narrow boxes, which cover nothing however they are turned": (
        document(
            region(1, "rect", [[10, 10], [10, 30]], feather=8, keys=[key(0), key(8, rotate=100)]),
            region(2, "ellipse", [[20, 10], [40, 10]], feather=8, keys=[key(0, rotate=10), key(8, scale=[3, 3])]),
            version=2,
        ),
        {},
    ),
    "version 1, in which points have no easing and areas no keys": (
        document(
            path(1, "line", [[4, 4, 0, "hold"], [20, 4, 3, "bounce"], [60, 9]]),
            region(1, "rect", [[4, 4], [24, 14]], keys=[key(0), key(8, rotate="far")]),
        ),
        {},
    ),
    "areas added to a mask and taken from it": (
        document(
            region(1, "ellipse", [[4, 4], [30, 20]], feather=5),
            region(2, "rect", [[10, 10], [50, 30]], mode="subtract", feather=3),
            region(3, "polygon", STAR, mode="subtract"),
            region(4, "brush", [[5, 35], [40, 30]], radius=4),
        ),
        {"base": [STEPS]},
    ),
    "areas that move, on a mask of each frame": (
        document(
            path(1, "line", [[8, 8], [40, 24]]),
            region(1, "rect", [[4, 4], [20, 14]], mode="subtract", follow="p1"),
            region(2, "ellipse", [[36, 3], [60, 17]], feather=6, keys=[key(0), key(8, **EVERYTHING)]),
            version=2,
        ),
        {"frames": 3, "base": [STEPS, STEPS[::-1], [level for level in STEPS for _ in range(2)]]},
    ),
}


def runs(mask: np.ndarray) -> list[float]:
    """Values of a mask, row after row: a value, how often, the next value, how often, …"""
    flat = np.round(mask.astype(np.float64).ravel(), 8)
    starts = np.concatenate([[0], np.flatnonzero(np.diff(flat)) + 1, [len(flat)]])
    return [number for start, end in pairwise(starts) for number in (short(flat[start]), int(end - start))]


def short(value: float) -> float:
    """Whole numbers without a point."""
    return int(value) if value == int(value) else round(float(value), 9)


def expected(name: str, drawn: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    asked = {"frames": drawn["frames"], "width": WIDTH, "height": HEIGHT} | asked
    base = None
    if "base" in asked:
        columns = [np.repeat(levels, asked["width"] // len(levels)) for levels in asked["base"]]
        base = np.stack([np.tile(row, (asked["height"], 1)) for row in columns]).astype(np.float32)
        asked["base"] = [runs(mask) for mask in base]
        base = torch.from_numpy(base)[:, None]
    read = EditDocument.from_json(json.dumps(drawn))
    points_px, visible = read.dense_points(asked["frames"], asked["height"], asked["width"])
    masks = read.mask(asked["frames"], asked["height"], asked["width"], base=base).numpy()
    return {
        "name": name,
        "document": drawn,
        **asked,
        "points": [[[short(x), short(y)] for x, y in track] for track in points_px.tolist()],
        "visible": [[int(seen) for seen in track] for track in visible.tolist()],
        "masks": [runs(mask) for mask in masks],
    }


def main() -> None:
    about = (
        "Drawings and what they come to, written by tests/revideo/write_documents.py. points: per path and frame, "
        "x and y in pixels of the clip. masks: one, or one per frame; value, count, value, count, … row after row. "
        "base: the mask that areas are added to and taken from, likewise."
    )
    entries = [json.dumps(expected(name, *given), separators=(",", ":")) for name, given in DOCUMENTS.items()]
    lines = ",\n    ".join(entries)  # one a line, so that a difference can be read
    FILE.write_text(f'{{\n"about": {json.dumps(about)},\n"documents": [\n    {lines}\n]\n}}\n', "utf-8")


if __name__ == "__main__":
    main()

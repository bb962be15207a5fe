"""Areas that turn, grow and change their shape over time: the canvas shows what the model gets."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from drawing import FRAME, Drawing, build
from playwright.sync_api import Page

from revideo import EditDocument

PASTE = """(keys, text) => {
    const data = new DataTransfer();
    data.setData("text/plain", text);
    keys.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
}"""

TURN = [{"frame": 0}, {"frame": 13, "rotate": 120, "scale": [1.5, 0.6], "move": [-40, 20]}]


def region(name: str, kind: str, points: list[list[float]], **more: Any) -> dict[str, Any]:
    return {"id": name, "kind": kind, "points": points, **more}


def line(name: str, *places: tuple[float, float]) -> dict[str, Any]:
    return {"id": name, "kind": "line", "points": [{"x": x, "y": y} for x, y in places]}


MOVED = {
    "version": 2,
    "width": FRAME[0],
    "height": FRAME[1],
    "frames": 14,
    "paths": [line("p1", (420, 60), (480, 40)), line("p2", (500, 60), (520, 150))],
    "regions": [
        region("r1", "rect", [[90, 60], [250, 140]], keys=TURN),
        region("r2", "ellipse", [[400, 30], [540, 110]], follow=["p1", "p2"]),
        region("r3", "brush", [[250, 200], [380, 220]], radius=18, keys=TURN),
        region(
            "r4",
            "polygon",
            [[560, 150], [620, 150], [600, 240]],
            keys=[{"frame": 0}, {"frame": 13, "points": [[560, 150], [630, 200], [520, 245]]}],
        ),
    ],
}


def paste(drawing: Drawing, document: dict[str, Any]) -> None:
    """In place of what is there; nothing is selected then."""
    keys = drawing.element.locator(".rve-keys")
    keys.focus()
    drawing.press("Control+a", "Delete")
    keys.evaluate(PASTE, json.dumps(document))
    drawing.press("Escape")


def tinted(drawing: Drawing) -> np.ndarray:
    """(H, W) of the frame: where the canvas tints it."""
    return drawing.frame_of("areas")[..., 3] > 30


def test_areas_are_drawn_as_they_lie_at_the_frame_shown(page: Page):
    drawing = build(page).wait_for_frames()
    for feather in (0, 3):
        document = {**MOVED, "regions": [each | ({"feather": feather} if feather else {}) for each in MOVED["regions"]]}
        paste(drawing, document)
        assert len(drawing.regions) == 4
        masks = EditDocument.from_json(drawing.text).mask(14, FRAME[1], FRAME[0]).numpy()[:, 0] >= 0.5
        for key, frame in (("Home", 0), ("End", 13)):
            drawing.press(key)
            assert drawing.time == frame
            shown, wanted = tinted(drawing), masks[frame]
            # Outlines are a little wider than the area.
            assert (shown & wanted).sum() / (shown | wanted).sum() > 0.9
            assert (wanted & ~shown).sum() < 0.01 * wanted.sum()


def test_an_area_is_taken_by_the_corner_where_it_is_seen(page: Page):
    drawing = build(page).wait_for_frames()
    quarter = [{"frame": 0}, {"frame": 13, "rotate": 90}]
    document = MOVED | {"regions": [region("r1", "rect", [[200, 60], [300, 120]], keys=quarter)]}
    paste(drawing, document)
    drawing.tool("select")
    drawing.press("End")
    drawing.click(250, 45)  # inside of it now, above what it was
    assert drawing.chosen == ["Rectangle 1"]
    (left, _), (right, _) = drawing.place(0, 0), drawing.place(100, 0)
    ring = (280 + 29 * 100 / (right - left), 90)  # beside its upper side, seen at the right
    drawing.drag([ring, (250, 10)])
    assert abs(drawing.regions[0]["keys"][1].get("rotate", 0)) < 2
    drawing.press("Control+z")
    drawing.drag([(280, 40), (300, 20)])  # its upper left corner, seen at the upper right
    [_, last] = drawing.regions[0]["keys"]
    np.testing.assert_allclose(last["points"], [[180, 40], [300, 120]], atol=1)
    assert drawing.regions[0]["points"] == [[200, 60], [300, 120]]

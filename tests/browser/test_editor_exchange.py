"""Tracks of other programs in the editor: files dropped, opened and saved, texts pasted, each reread in Python."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from drawing import FRAME, Drawing, build
from playwright.sync_api import Locator, Page

from revideo import EditDocument, Trajectories, parse_tracks, read_npy

WIDTH, HEIGHT = FRAME
FRAMES = 14
TIMES = np.arange(FRAMES)
PATHS = np.stack(
    [
        np.stack([60 + 20.5 * TIMES, 100 + 40 * np.sin(TIMES / 3)], -1),
        np.stack([500 - 12 * TIMES, 30 + TIMES**2], -1),
    ]
)  # (paths, frames, 2) in frame pixels


def csv() -> bytes:
    rows = [f"p{number};{1001 + t};{x};{y}" for number, path in enumerate(PATHS) for t, (x, y) in enumerate(path)]
    return "\r\n".join(["id;frame;x;y", *rows]).replace(".", ",").encode("utf-16")


def after_effects() -> bytes:
    """On a picture of twice the size, as a footage of it is."""
    text = f"Adobe After Effects 8.0 Keyframe Data\n\n\tSource Width\t{2 * WIDTH}\n\tSource Height\t{2 * HEIGHT}\n\n"
    for number, path in enumerate(PATHS):
        text += f"Motion Trackers\tTracker #1\tTrack Point #{number}\tFeature Center\n\tFrame\tX pixels\tY pixels\n"
        text += "".join(f"\t{t}\t{2 * x}\t{2 * y}\n" for t, (x, y) in enumerate(path)) + "\n"
    return f"{text}End of Keyframe Data\n".encode()


def nuke() -> bytes:
    knobs = [f"to{n}" + " {{curve x1 " + " ".join(map(str, path[:, 0])) for n, path in enumerate(PATHS, 1)]
    knobs = [f"{knob}}} {{curve x1 {' '.join(map(str, HEIGHT - path[:, 1]))}}}}}" for knob, path in zip(knobs, PATHS)]
    return ("CornerPin2D {\n inputs 0\n " + "\n ".join(knobs) + "\n}\n").encode()


def array() -> bytes:
    file = BytesIO()
    np.save(file, PATHS.transpose(1, 0, 2))
    return file.getvalue()


FILES = {"tracks.csv": csv, "keyframes.txt": after_effects, "pin.nk": nuke, "tracks.npy": array}
SVG = '<svg viewBox="0 0 1280 512"><path d="M120 100L520 100 520 300"/><path d="M200 400C400 0 800 0 1000 400"/></svg>'

DROP = """(stage, [name, content]) => {
    const data = new DataTransfer();
    data.items.add(new File([Uint8Array.from(atob(content), letter => letter.charCodeAt(0))], name));
    stage.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
}"""

PASTE = """(keys, text) => {
    const data = new DataTransfer();
    data.setData("text/plain", text);
    keys.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
}"""


def drop(drawing: Drawing, name: str, content: bytes) -> None:
    drawing.stage.evaluate(DROP, [name, base64.b64encode(content).decode()])


def places(drawing: Drawing) -> np.ndarray:
    """Where Python finds the stored drawing's paths."""
    return np.asarray(EditDocument.from_json(drawing.text).dense_points(FRAMES, HEIGHT, WIDTH)[0])


def dialog_of(drawing: Drawing) -> Locator:
    drawing.element.get_by_title("Import and export").click()
    return drawing.element.get_by_role("dialog", name="Import and export")


def test_files_dropped_are_known_by_what_is_in_them(page: Page):
    drawing = build(page).wait_for_frames()
    for name, content in FILES.items():
        drop(drawing, name, content())
        drawing.wait_for(lambda d: len(d.paths) == 2, name)
        assert np.abs(places(drawing) - PATHS).max() <= 0.5
        assert drawing.status == "2 items added."
        assert drawing.message.startswith("Read as ")
        drawing.element.locator(".rve-message button").click()
        drawing.element.locator(".rve-keys").focus()
        drawing.press("Control+z")
        assert drawing.paths == []
    drop(drawing, "shape.svg", SVG.encode())
    drawing.wait_for(lambda d: len(d.paths) == 2, "the shapes")
    wanted = parse_tracks(SVG).scaled(0.5, 0.5).for_clip(FRAMES).points_px.numpy()
    assert np.abs(places(drawing) - wanted).max() <= 0.5
    assert drawing.points(0) == [(60, 50), (260, 50), (260, 150)]


def test_what_is_pasted_and_opened_is_known_and_said(page: Page, tmp_path: Path):
    drawing = build(page).wait_for_frames()
    drawing.element.locator(".rve-keys").evaluate(PASTE, nuke().decode())
    assert np.abs(places(drawing) - PATHS).max() <= 0.5
    assert f"y upward on a picture of {WIDTH}×{HEIGHT}; frame 1 is the clip's first." in drawing.message
    kept = drawing.text

    square = BytesIO()
    np.save(square, np.zeros((FRAMES, FRAMES, 2)))
    drop(drawing, "square.npy", square.getvalue())
    drawing.wait_for(lambda d: "both may be its frames" in d.message, "a message")
    assert drawing.message.startswith("Nothing was added: the array has shape (14, 14, 2)")
    drawing.element.locator(".rve-message button").click()
    assert drawing.text == kept

    dialog = dialog_of(drawing)
    (tmp_path / "tracks.npy").write_bytes(array())
    dialog.locator("input[type=file]").set_input_files(tmp_path / "tracks.npy")
    note = dialog.locator(".rve-note")
    note.get_by_text("Press Add or Replace").wait_for()
    read = "read as an array of shape (14, 2, 2): 2 paths over 14 frames"
    assert note.inner_text() == f"tracks.npy: {read}. Press Add or Replace."
    dialog.get_by_role("button", name="Replace").click()
    assert np.abs(places(drawing) - PATHS).max() <= 0.5


def reread(name: str, content: bytes) -> Trajectories:
    if name.endswith("npy"):
        return read_npy(content).tracks(FRAMES)
    return parse_tracks(content.decode(), (WIDTH, HEIGHT))


@pytest.mark.parametrize(
    ("form", "name"),
    [("csv", "csv"), ("afterEffects", "txt"), ("nuke", "nk"), ("svg", "svg"), ("array", "npy")],
)
def test_files_that_are_saved_are_where_the_drawing_is(page: Page, form: str, name: str):
    drawing = build(page).wait_for_frames()
    drawing.tool("spline")
    for place in [(100, 200), (220, 150), (350, 230), (500, 200)]:
        drawing.click(*place)
    drawing.press("Enter")
    drawing.tool("line")
    drawing.drag([(400, 30), (600, 120)])
    if form != "svg":
        drawing.enter("Start", 3)
    dialog = dialog_of(drawing)
    dialog.locator("select").select_option(form)
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Save").click()
    assert download.value.suggested_filename == f"revideo-drawing.{name}"
    read = reread(name, Path(download.value.path()).read_bytes()).for_clip(FRAMES)
    wanted, visible = EditDocument.from_json(drawing.text).dense_points(FRAMES, HEIGHT, WIDTH)
    assert np.abs(read.points_px.numpy() - np.asarray(wanted))[np.asarray(visible)].max() <= 0.5
    assert form in ("afterEffects", "svg") or (read.visible.numpy() == np.asarray(visible)).all()

"""The editor's part of `nox -s bench`: what a pointer move costs, in a real browser, as one JSON line.

50 paths of 100 points over 14 frames of 1920×1080, in an editor without ComfyUI around it, at two sizes on
the screen; then with 20 areas besides that keys move and turn, and the onion skin on. Medians over the moves,
in milliseconds: `painted`, from the start of the event's handlers to a task behind the frame that shows it
(requestAnimationFrame, then a MessageChannel's turn), the wait for the screen's next frame included; `busy`,
the same without that wait; `from_dispatch`, as `painted`, from the event's own time stamp.
"""

from __future__ import annotations

import functools
import json
import os
import statistics
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from playwright.sync_api import Page, sync_playwright

from .common import ROOT

FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
FRAME_WIDTH, FRAME_HEIGHT = 1920, 1080  # of the frame
PATHS, PATH_POINTS, CLIP_FRAMES = 50, 100, 14
MASKS = 20
VIEW_SIZES = ((800, 560), (1280, 860))  # of the editor on the screen: in a new node, and in a large one
MOVES = 200

START_EDITOR = """async ([width, height, frames, paths, points]) => {
    const [{ Editor }, { Clip }, { prepare }] = await Promise.all(
        ["editor.js", "clip/frames.js", "clip/frame_mapping.js"].map(file => import("/js/" + file)));
    document.body.style.margin = 0;
    const style = Object.assign(document.createElement("link"), { rel: "stylesheet", href: "/js/editor.css" });
    const styled = new Promise(done => (style.onload = done));
    document.head.append(style);
    await styled;

    const editor = new Editor({ changed() {}, opened() {}, resized() {}, openResult() {} });
    document.body.append(editor.element);
    window.resize = (width, height) => {
        Object.assign(editor.element.style, { width: `${width}px`, height: `${height}px` });
        return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
    };

    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d");
    for (let y = 0; y < height; y += 40)
        for (let x = 0; x < width; x += 40) {
            context.fillStyle = `hsl(${(x * 7 + y * 3) % 360} 40% 50%)`;
            context.fillRect(x, y, 40, 40);
        }
    const source = { width, height, frames, fps: 24 };
    const clip = new Clip({ source, grab: () => createImageBitmap(canvas), close() {} }, prepare(source, []));
    clip.watchers.add(() => editor.redraw());

    const wave = (path, point) => ({
        x: 20 + (point / points) * (width - 40),
        y: 20 + ((path + 0.5) / paths) * (height - 40) + 60 * Math.sin(point / 7 + path),
    });
    const doc = {
        version: 1, width, height, frames, regions: [],
        paths: Array.from({ length: paths }, (_, path) => ({
            id: `p${path}`, kind: "spline", color: "#ffb000",
            points: Array.from({ length: points }, (_, point) => wave(path, point)),
        })),
    };
    editor.value = JSON.stringify(doc);
    editor.conform({ width, height, frames });
    editor.show(clip);
    window.editor = editor;

    // The place of a frame pixel on the page.
    window.placeOf = (x, y) => {
        const box = editor.stage.element.getBoundingClientRect(), { scale, x: left, y: top } = editor.viewport;
        return [box.x + left + x * scale, box.y + top + y * scale];
    };
    window.pointPlace = (path, point) => placeOf(wave(path, point).x, wave(path, point).y);

    window.moves = [];
    const { port1, port2 } = new MessageChannel();
    let move = null;
    port2.onmessage = () => {
        if (!move) return;
        const end = performance.now();
        moves.push({ painted: end - move.start, busy: move.handled - move.start + end - move.frame,
            from_dispatch: end - move.stamp });
        move = null;
        wake();
    };
    // Without polling, which would take time of the frames it waits for.
    let wake = () => {};
    window.moved = count => new Promise(done => {
        wake = () => moves.length >= count && done();
        wake();
    });
    window.addEventListener("pointermove", event => {
        if (move) return; // the frame of the one before has not been shown
        move = { start: performance.now(), stamp: event.timeStamp };
        const current = move;
        requestAnimationFrame(() => {
            current.frame = performance.now();
            port1.postMessage(0);
        });
    }, true);
    window.addEventListener("pointermove", () => { if (move && !move.handled) move.handled = performance.now(); });
    return navigator.userAgent;
}"""


# Areas that move and turn, and an edited frame whose marked parts go along: the onion skin.
ADD_MASKS = """async count => {
    const { editor } = window;
    const doc = JSON.parse(editor.value);
    doc.version = 2;
    doc.regions = Array.from({ length: count }, (_, index) => {
        const [x, y] = [60 + 80 * index, 80 + 40 * index];
        return { id: `r${index}`, kind: index % 2 ? "ellipse" : "rect", points: [[x, y], [x + 200, y + 120]],
            keys: [{ frame: 0 }, { frame: doc.frames - 1, move: [200, 40], rotate: 60 }] };
    });
    editor.value = JSON.stringify(doc);
    const canvas = new OffscreenCanvas(doc.width, doc.height);
    canvas.getContext("2d").fillRect(0, 0, doc.width / 2, doc.height);
    editor.showEdited(await createImageBitmap(canvas));
    editor.session.onionSkin = true;
    editor.player.seek(5);
}"""


def measure_editor() -> dict[str, Any]:
    handler = functools.partial(QuietHandler, directory=str(ROOT))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, sync_playwright() as playwright:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        if found := os.environ.get("REVIDEO_BROWSER"):
            options: dict[str, Any] = {"executable_path": found, "ignore_default_args": ["--headless"]}
            browser = playwright.chromium.launch(args=list(FLAGS), **options)
        else:  # Playwright's own
            browser = playwright.chromium.launch(args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.goto(f"http://127.0.0.1:{server.server_port}/js/docs/")
        page.evaluate(START_EDITOR, [FRAME_WIDTH, FRAME_HEIGHT, CLIP_FRAMES, PATHS, PATH_POINTS])
        page.evaluate("size => window.resize(...size)", VIEW_SIZES[0])  # without one nothing is drawn
        page.wait_for_function("window.editor.element.dataset.framesReady === '14'")
        moves = moves_of(page)
        page.evaluate(ADD_MASKS, MASKS)
        with_masks = moves_of(page)
        version = browser.version
        browser.close()
        server.shutdown()
    return {
        "move_ms": moves,
        "move_ms_with_masks": with_masks,
        "masks": MASKS,
        "paths": PATHS,
        "points_per_path": PATH_POINTS,
        "frame": f"{FRAME_WIDTH}x{FRAME_HEIGHT}",
        "moves": MOVES,
        "browser": version,
        "load_average": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
    }


def moves_of(page: Page) -> dict[str, dict[str, dict[str, float]]]:
    """By the size of the editor on the screen."""
    moves = {}
    for width, height in VIEW_SIZES:
        page.evaluate("size => window.resize(...size)", [width, height])
        moves[f"{width}x{height}"] = {"hover": hover(page), "drag_point": drag(page)}
    return moves


def hover(page: Page) -> dict[str, float]:
    """Over path after path, so that one lights up and another goes out."""
    page.evaluate("window.editor.use('select')")
    return _moves(page, [page.evaluate("i => pointPlace((i * 7) % 50, (i * 13) % 100)", i) for i in range(MOVES)])


def drag(page: Page) -> dict[str, float]:
    """One point of a selected path, to and fro."""
    page.evaluate("window.editor.select({ paths: ['p25'], regions: [], points: [{ path: 'p25', index: 50 }] })")
    x, y = page.evaluate("pointPlace(25, 50)")
    page.mouse.move(x, y)
    page.mouse.down()
    before = page.evaluate("window.editor.value")
    metrics = _moves(page, [(x + 40 + i % 50, y + (i * 3) % 80) for i in range(MOVES)])
    page.mouse.up()
    if page.evaluate("window.editor.value") == before:
        raise RuntimeError("no point was dragged")
    return metrics


def _moves(page: Page, places: list[tuple[float, float]]) -> dict[str, float]:
    """Medians over all moves but the first ten, which warm up; each waits for the frame of the one before."""
    page.evaluate("window.moves.length = 0")
    for count, (x, y) in enumerate(places, 1):
        page.mouse.move(x, y)
        page.evaluate("count => window.moved(count)", count)
    moves = page.evaluate("window.moves")[10:]
    return {name: round(statistics.median(move[name] for move in moves), 2) for name in moves[0]}


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves the modules; an empty page stands for every folder."""

    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".js": "text/javascript"}

    def list_directory(self, path: Any) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>bench</title>")

    def log_message(self, *arguments: Any) -> None:
        pass


if __name__ == "__main__":
    print(json.dumps(measure_editor()))

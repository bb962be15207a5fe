"""What the editor adds to a browser's memory when it opens a long clip in 4K: one JSON line.

    python -m benchmarks.editor_memory

A clip of 20 seconds in 3840×2160 (H.264, 24 frames a second) is opened as the node opens it, from a server that gives
ranges, in an editor without ComfyUI around it, until as many pictures are read as its budget holds. `peak_mb` is the
most, `held_mb` the last of what all of the browser's processes own (their proportional set size, PSS), less what they
owned before the clip was opened. Linux only: it reads the PSS of processes.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import re
import tempfile
import threading
import time
from fractions import Fraction
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import psutil
from playwright.sync_api import sync_playwright

from .common import ROOT
from .editor import FLAGS, QuietHandler

CLIP_WIDTH, CLIP_HEIGHT, CLIP_FPS, CLIP_SECONDS = 3840, 2160, 24, 20

START_PAGE = """async ([url, width, height, frames]) => {
    const [{ Editor }, { openFile }] = await Promise.all(
        ["editor.js", "clip/open_clips.js"].map(file => import("/js/" + file)));
    const style = Object.assign(document.createElement("link"), { rel: "stylesheet", href: "/js/editor.css" });
    const styled = new Promise(done => (style.onload = done));
    document.head.append(style);
    await styled;
    const editor = new Editor({ changed() {}, opened() {}, resized() {}, openResult() {} });
    document.body.append(editor.element);
    Object.assign(editor.element.style, { width: "820px", height: "700px" });
    window.open4K = async () => {
        const clip = await openFile(url, { kind: "video", steps: [] }, new AbortController().signal);
        clip.watchers.add(() => editor.redraw());
        editor.conform({ width, height, frames });
        editor.show(clip);
        Object.assign(window, { clip, editor });
    };
}"""


class RangeHandler(QuietHandler):
    """Gives parts of files too, without which no browser seeks in a video."""

    def send_head(self) -> Any:
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        path = Path(self.translate_path(self.path))
        if not asked or not path.is_file():
            return super().send_head()
        size = path.stat().st_size
        first = int(asked[1])
        last = min(int(asked[2] or size - 1), size - 1)
        self.send_response(206)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.send_header("Content-Length", str(last + 1 - first))
        self.end_headers()
        with path.open("rb") as file:
            file.seek(first)
            return io.BytesIO(file.read(last + 1 - first))

    def copyfile(self, source: Any, outputfile: Any) -> None:
        with contextlib.suppress(ConnectionError):  # the browser has enough of it
            super().copyfile(source, outputfile)


def _write_clip(path: Path) -> None:
    """Blurred noise that drifts: the codec has something to do."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (CLIP_HEIGHT // 40, CLIP_WIDTH // 40, 3), np.uint8)
    ground = cv2.resize(coarse, (CLIP_WIDTH, CLIP_HEIGHT), interpolation=cv2.INTER_CUBIC)
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(CLIP_FPS), options={"preset": "ultrafast", "crf": "23"})
        stream.width, stream.height, stream.pix_fmt = CLIP_WIDTH, CLIP_HEIGHT, "yuv420p"
        for frame in range(CLIP_FPS * CLIP_SECONDS):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.roll(ground, 8 * frame, 1), format="rgb24")))
        container.mux(stream.encode())


def _browser_mb() -> float:
    """PSS of this program's children: the browser's processes."""
    total = 0
    for process in psutil.Process().children(recursive=True):
        try:
            if "chrom" in process.name():
                total += process.memory_full_info().pss
        except psutil.Error:  # it has just ended
            continue
    return total / 1e6


class _Highest:
    """The highest `_browser_mb` while it is open."""

    def __enter__(self) -> _Highest:
        self.mb = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._done.wait(0.2):
            self.mb = max(self.mb, _browser_mb())

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


def measure_memory() -> dict[str, Any]:
    with tempfile.TemporaryDirectory(dir=ROOT) as folder, sync_playwright() as playwright:
        _write_clip(Path(folder) / "clip.mp4")
        server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(RangeHandler, directory=str(ROOT)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(
            args=[*FLAGS], executable_path=os.environ["REVIDEO_BROWSER"], ignore_default_args=["--headless"]
        )
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.set_default_timeout(600_000)
        page.goto(f"http://127.0.0.1:{server.server_port}/js/docs/")
        url = f"/{Path(folder).name}/clip.mp4"
        page.evaluate(START_PAGE, [url, CLIP_WIDTH, CLIP_HEIGHT, CLIP_FPS * CLIP_SECONDS])
        before = _browser_mb()
        began = time.monotonic()
        with _Highest() as opening:
            page.evaluate("open4K()")
            page.wait_for_function("clip.ready >= Math.min(clip.capacity, clip.prepared.picked.length)")
        seconds = time.monotonic() - began
        held = _browser_mb()
        pictures = page.evaluate("[clip.ready, Math.round(clip.maxSide)]")
        browser.close()
        server.shutdown()
    return {
        "clip": f"{CLIP_WIDTH}x{CLIP_HEIGHT}, {CLIP_SECONDS} s",
        "pictures": pictures[0],
        "picture_side": pictures[1],
        "before_mb": round(before),
        "peak_mb": round(max(opening.mb, held) - before),
        "held_mb": round(held - before),
        "seconds": round(seconds),
    }


if __name__ == "__main__":
    print(json.dumps(measure_memory()))

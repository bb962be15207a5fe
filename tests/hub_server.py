"""A hub on this machine's loopback: what its client asks for one file, answered as the hub does, and written down."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PATH = "/Adapter/ReVideo/resolve/{revision}/model.ckpt"
COMMIT = "0" * 40


@dataclass
class Hub:
    """One file, and how to hand it out badly."""

    content: bytes
    checksum: str = ""  # that it claims; its own where not given
    size: int = 0  # that it claims; its own where not given
    is_hub: bool = True  # else a server like any other, which names no checksum
    refusal: tuple[int, str] | None = None  # status, and the hub's word for it
    refuses: tuple[str, ...] = ("HEAD", "GET")
    stops: list[int] = field(default_factory=list)  # after so many bytes, once each: the line breaks
    hold: threading.Event | None = None  # where the line would break, it falls silent instead, until this is set
    silent: threading.Event = field(default_factory=threading.Event)  # it is
    asked: list[tuple[str, str, str]] = field(default_factory=list)  # method, revision, range
    endpoint: str = ""

    @property
    def fetched(self) -> list[str]:
        """The ranges asked for, in order; "" is the whole."""
        return [part for method, _, part in self.asked if method == "GET"]


@contextmanager
def serve(content: bytes, **settings: object) -> Iterator[Hub]:
    """The hub, until the block ends."""
    hub = Hub(content, **settings)  # type: ignore[arg-type]
    hub.checksum = hub.checksum or hashlib.sha256(content).hexdigest()
    hub.size = hub.size or len(content)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def answer(self, body: bool) -> None:
            revision = self.path.split("/")[4] if self.path.count("/") == 5 else ""
            part = self.headers.get("Range", "")
            if self.path != PATH.format(revision=revision):  # the client has questions of its own
                return self.refuse(404, "EntryNotFound")
            hub.asked.append((self.command, revision, part))
            if hub.refusal and self.command in hub.refuses:
                return self.refuse(*hub.refusal)
            start = int(part.removeprefix("bytes=").partition("-")[0]) if part else 0
            self.send_response(206 if part else 200)
            if hub.is_hub:
                self.send_header("ETag", f'"{hub.checksum}"')
                self.send_header("X-Linked-ETag", f'"{hub.checksum}"')
                self.send_header("X-Linked-Size", str(hub.size))
                self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", str(hub.size - start))
            if part:
                self.send_header("Content-Range", f"bytes {start}-{hub.size - 1}/{hub.size}")
            self.end_headers()
            if body:
                self.send(start)

        def send(self, start: int) -> None:
            stop = hub.stops.pop(0) if hub.stops else len(hub.content)
            try:
                self.wfile.write(hub.content[start:stop])
            except ConnectionError:  # the client has gone
                self.close_connection = True
                return
            if stop < len(hub.content):
                self.wfile.flush()
                if hub.hold is not None:
                    hub.silent.set()
                    hub.hold.wait()
                self.close_connection = True

        def refuse(self, status: int, word: str) -> None:
            self.send_response(status)
            self.send_header("X-Error-Code", word)
            self.send_header("X-Error-Message", word)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        if hub.hold is not None:
            hub.hold.set()
        server.shutdown()
        server.server_close()
        thread.join()

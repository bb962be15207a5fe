"""A real ComfyUI with the pack in it, and a client that follows its runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
import torch
import websocket
from safetensors import safe_open

ROOT = Path(__file__).parents[2]
PACK = "ComfyUI-ReVideo"
CHECKPOINT = "revideo.safetensors"  # as the example workflows call it
WINDOW = 14  # frames that a model edits at once
DEADLINE_S = 1000  # for what takes seconds where nothing else is at work

# Runs main.py as it is, and ends it when our end of the pipe closes: also when pytest is killed.
LAUNCHER = """
import os, runpy, sys, threading
threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(1)), daemon=True).start()
sys.argv = sys.argv[1:]
sys.path.insert(0, os.path.dirname(sys.argv[0]))
runpy.run_path(sys.argv[0], run_name="__main__")
"""

# Threads that spin while they wait starve pytest and the browser on two cores.
SETTINGS = {"OMP_WAIT_POLICY": "PASSIVE"}

# glibc keeps freed blocks for itself, in a heap for each thread; so they go back to the system, where we can see them.
FREED_IS_RETURNED = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(2**16),
    "MALLOC_TRIM_THRESHOLD_": str(2**16),
}

Graph = dict[str, dict[str, Any]]  # ComfyUI's API format: node id -> {"class_type", "inputs"}


def needed(variable: str) -> str:
    """An environment variable that `nox -s tests` sets."""
    value = os.environ.get(variable, "")
    if not value:
        pytest.fail(f"{variable} is not set: run `nox -s tests`, which fetches what these tests run against")
    return value


class Refused(Exception):
    """ComfyUI did not accept a graph; `node_errors` says per node what is wrong."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(json.dumps(answer, indent=1, ensure_ascii=False))
        self.node_errors = answer.get("node_errors", {})


@dataclass
class Run:
    """What the server told about one queued graph."""

    id: str
    graph: Graph
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    previews: list[bytes] = field(default_factory=list)  # encoded pictures
    outputs: dict[str, Any] = field(default_factory=dict)  # node id -> its ui output
    error: dict[str, Any] | None = None
    interrupted: bool = False

    @property
    def succeeded(self) -> bool:
        return any(kind == "execution_success" for kind, _ in self.events)

    @property
    def message(self) -> str:
        """Of the one error that ended the run."""
        assert self.error is not None, "the run did not fail"
        return self.error["exception_message"].strip()

    def steps(self, node: str) -> list[int]:
        """Progress that the node reported, in order."""
        return [data["value"] for kind, data in self.events if kind == "progress" and data["node"] == node]

    def executed(self) -> set[str]:
        """Nodes that ran, rather than answering from the cache."""
        return {data["node"] for kind, data in self.events if kind == "executing" and data["node"]}


Watch = Callable[[str, dict[str, Any], Run], None]  # called with every message of a run


# As spline editors have it: a STRING that is a list of texts.
TEXTS_ON_A_WIRE = """
import json

class TextsOnAWire:
    CATEGORY, FUNCTION, RETURN_TYPES = "tests", "give", ("STRING",)
    INPUT_TYPES = classmethod(lambda cls: {"required": {"text": ("STRING", {})}})

    def give(self, text):
        return (json.loads(text),)

NODE_CLASS_MAPPINGS = {"TextsOnAWire": TextsOnAWire}
"""


class ComfyUI:
    """One server process; its folders lie under `base`."""

    def __init__(self, base: Path, *options: str, **settings: str) -> None:
        """`options`: more of main.py's command line; `settings`: environment variables of the process."""
        self.base = base
        self.options = options
        self.settings = SETTINGS | settings
        self.input, self.output = base / "input", base / "output"
        self.checkpoints = base / "models" / "checkpoints"
        for folder in (self.input, self.output, self.checkpoints, base / "custom_nodes", base / "models" / "revideo"):
            folder.mkdir(parents=True, exist_ok=True)
        link = base / "custom_nodes" / PACK
        if not link.exists():
            link.symlink_to(ROOT, target_is_directory=True)
        (base / "custom_nodes/texts_on_a_wire.py").write_text(TEXTS_ON_A_WIRE)
        for clip in Path(needed("REVIDEO_CLIPS")).glob("*.mp4"):
            shutil.copy(clip, self.input)
        self.log_file = base / "server.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.url = ""

    # --- The process -------------------------------------------------------------------

    def start(self, deadline_s: float = 300) -> None:
        main = Path(needed("REVIDEO_COMFYUI")) / "main.py"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        # The manager, telemetry and paid API nodes have no part in these tests and look for a network.
        options = ["--cpu", "--listen", "127.0.0.1", "--port", str(port), "--base-directory", str(self.base)]
        options += ["--database-url", "sqlite:///:memory:", "--disable-api-nodes", "--disable-auto-launch"]
        options += self.options
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", LAUNCHER, str(main), *options],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.base,
                env=os.environ | self.settings,
            )
        self.wait_until(self._answers, deadline_s, "ComfyUI to answer")

    def _answers(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            raise RuntimeError(f"ComfyUI ended while starting:\n{self.log()[-4000:]}")
        try:
            self.get("/system_stats")
        except OSError:
            return False
        return True

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process = None

    def log(self) -> str:
        return self.log_file.read_text("utf-8", "replace")

    def resident_bytes(self) -> int:
        assert self.process is not None
        return psutil.Process(self.process.pid).memory_info().rss

    def resident_peak_bytes(self) -> int:
        """Since its start; Linux alone tells."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text("ascii")
        return int(re.search(r"VmHWM:\s*(\d+)", status)[1]) * 1024

    @staticmethod
    def wait_until(condition: Callable[[], bool], deadline_s: float, what: str) -> None:
        end = time.monotonic() + deadline_s
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"waited {deadline_s:g} s for {what}")
            time.sleep(0.1)

    # --- HTTP --------------------------------------------------------------------------

    def get(self, path: str, **query: str) -> Any:
        """JSON where the answer is JSON, else bytes."""
        answer = requests.get(self.url + path, query, timeout=300)
        answer.raise_for_status()
        return answer.json() if "json" in answer.headers.get("Content-Type", "") else answer.content

    def post(self, path: str, body: Any) -> None:
        requests.post(self.url + path, json=body, timeout=300).raise_for_status()

    def upload(self, name: str, content: bytes) -> None:
        """Through /upload/image, as the frontend does for pictures and videos alike."""
        answer = requests.post(
            self.url + "/upload/image", {"overwrite": "true"}, files={"image": (name, content)}, timeout=300
        )
        answer.raise_for_status()

    def view(self, saved: dict[str, str]) -> bytes:
        """The bytes of a file that a node's ui output names."""
        return self.get("/view", filename=saved["filename"], subfolder=saved["subfolder"], type=saved["type"])

    def saved_path(self, saved: dict[str, str]) -> Path:
        return self.base / saved["type"] / saved["subfolder"] / saved["filename"]

    def interrupt(self) -> None:
        self.post("/interrupt", {})

    def free(self) -> None:
        """Unloads models and empties the output cache."""
        self.post("/free", {"unload_models": True, "free_memory": True})
        # The server's worker looks for such requests after each run: after the first of these at the latest.
        for _ in range(2):
            self.succeed(NOTHING)

    # --- Runs --------------------------------------------------------------------------

    def run(self, graph: Graph, watch: Watch | None = None, deadline_s: float = DEADLINE_S, **extra_data: Any) -> Run:
        """Queues a graph and follows it over /ws to its end, whatever that is."""
        client = uuid.uuid4().hex
        address = self.url.replace("http", "ws") + f"/ws?clientId={client}"
        channel = websocket.create_connection(address, timeout=300)
        try:
            run = Run(self._queue(graph, client, extra_data), graph)
            end = time.monotonic() + deadline_s
            while True:
                if time.monotonic() > end:
                    self.interrupt()
                    raise TimeoutError(f"the run took longer than {deadline_s:g} s; last: {run.events[-3:]}")
                kind, data = self._next_event(channel, run)
                if data.get("prompt_id", run.id) != run.id:
                    continue
                run.events.append((kind, data))
                if kind == "executed":
                    run.outputs[data["node"]] = data["output"]
                elif kind == "execution_error":
                    run.error = data
                elif kind == "execution_interrupted":
                    run.interrupted = True
                if watch is not None:
                    watch(kind, data, run)
                if kind == "executing" and data["node"] is None:
                    return run
        finally:
            channel.close()

    def succeed(self, graph: Graph, watch: Watch | None = None, **options: Any) -> Run:
        """`run`, where anything but success is this test's failure."""
        run = self.run(graph, watch, **options)
        assert run.succeeded, f"the run failed: {run.error}\n{self.log()[-3000:]}"
        return run

    def _queue(self, graph: Graph, client: str, extra_data: dict[str, Any]) -> str:
        body = {"prompt": graph, "client_id": client, "extra_data": extra_data}
        answer = requests.post(self.url + "/prompt", json=body, timeout=300)
        if not answer.ok or answer.json()["node_errors"]:  # else: a part of the graph was dropped
            raise Refused(answer.json())
        return answer.json()["prompt_id"]

    @staticmethod
    def _next_event(channel: websocket.WebSocket, run: Run) -> tuple[str, dict[str, Any]]:
        try:
            message = channel.recv()
        except websocket.WebSocketTimeoutException:
            return "silence", {}
        if isinstance(message, str):
            event = json.loads(message)
            return event["type"], event["data"]
        kind = struct.unpack(">I", message[:4])[0]
        if kind == 1:  # PREVIEW_IMAGE: a format word, then the encoded picture
            run.previews.append(message[8:])
            return "preview", {}
        return f"binary {kind}", {}


# --- Graphs in the API format ----------------------------------------------------------


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


NOTHING: Graph = {
    "pixel": node("EmptyImage", width=1, height=1, batch_size=1, color=0),
    "shown": node("PreviewImage", images=["pixel", 0]),
}


def load_latent(server: ComfyUI, run: Run, node_id: str) -> torch.Tensor:
    """The tensor that a SaveLatent node wrote: (T, C, h, w) in ComfyUI's convention."""
    saved = run.outputs[node_id]["latents"][0]
    with safe_open(server.saved_path(saved), framework="pt") as file:
        return file.get_tensor("latent_tensor")


def relative_rms(value: torch.Tensor, expected: torch.Tensor) -> float:
    return float((value - expected).square().mean().sqrt() / expected.square().mean().sqrt())


def png(pixels: torch.Tensor) -> bytes:
    """(H, W, 3 or 4) in [0, 1] → the bytes of a PNG file."""
    from PIL import Image

    buffer = BytesIO()
    Image.fromarray((pixels * 255).round().byte().numpy()).save(buffer, "PNG")
    return buffer.getvalue()

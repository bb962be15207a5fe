"""What a real server holds after many runs, by both routes."""

from __future__ import annotations

from pathlib import Path

import pytest
from comfyui_server import CHECKPOINT, FREED_IS_RETURNED, ComfyUI, Run
from native_graph import native_graph, own_graph

from revideo.checkpoints.random_weights import write_random_checkpoint

ROUTES = own_graph, native_graph
SIZES = [(64, 64), (192, 64), (64, 128), (128, 128), (256, 64)]


@pytest.mark.slow
def test_memory_returns_after_interrupts_and_many_sizes(tmp_path: Path):
    """Torch keeps some MB for each shape it meets, once and for good; runs leave nothing else."""
    server = ComfyUI(tmp_path, **FREED_IS_RETURNED)

    def interrupt(kind: str, data: dict, run: Run) -> None:
        if kind == "progress" and data["node"] == "sample" and data["value"] == 1:
            server.interrupt()

    def level_after_runs() -> int:
        for route in ROUTES:
            stopped = server.run(route(1000, 320, 192), interrupt)
            assert stopped.interrupted
            assert not stopped.succeeded
            for width, height in SIZES:
                server.succeed(route(1, width, height))
                server.free()  # each time: else what happens to lie beside what in memory decides
        return server.resident_bytes()

    write_random_checkpoint(server.checkpoints / CHECKPOINT)
    server.start()
    try:
        first = level_after_runs()
        assert level_after_runs() < 1.02 * first
    finally:
        server.stop()

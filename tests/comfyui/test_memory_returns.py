"""What a real server holds after many runs, by both routes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from comfyui_server import CHECKPOINT, FREED_IS_RETURNED, ComfyUI, Graph, Run
from native_graph import native_graph, own_graph

from revideo.checkpoints.random_weights import write_random_checkpoint

SIZES = [(64 * (1 + number % 4), 64 * (1 + number // 4)) for number in range(10)]


@pytest.fixture
def counted(tmp_path: Path) -> Iterator[ComfyUI]:
    server = ComfyUI(tmp_path, **FREED_IS_RETURNED)
    write_random_checkpoint(server.checkpoints / CHECKPOINT)
    server.start()
    yield server
    server.stop()


@pytest.mark.parametrize("route", [own_graph, native_graph], ids=["own", "native"])
def test_memory_returns_after_an_interrupt_and_ten_sizes(counted: ComfyUI, route: Callable[..., Graph]):
    """Torch keeps some MB for each shape it meets, once and for good; runs leave nothing else."""

    def interrupt(kind: str, data: dict, run: Run) -> None:
        if kind == "progress" and data["node"] == "sample" and data["value"] == 1:
            counted.interrupt()

    def level_after_runs() -> int:
        stopped = counted.run(route(1000, 320, 192), interrupt)
        assert stopped.interrupted
        assert not stopped.succeeded
        for width, height in SIZES:
            counted.succeed(route(1, width, height))
            counted.free()  # each time: else what happens to lie beside what in memory decides
        return counted.resident_bytes()

    first = level_after_runs()
    assert level_after_runs() < 1.02 * first

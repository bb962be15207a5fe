"""What a real server holds after interrupts and many runs, by both routes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from comfyui_server import CHECKPOINT, FREED_IS_RETURNED, ComfyUI, Graph, Run
from native_graph import native_graph, own_graph

from revideo.checkpoints.random_weights import SMALL, write_random_checkpoint
from revideo.models.config import ImageEncoderConfig

ROUTES = own_graph, native_graph
SIZES = [(64, 64), (192, 128)]

# Weights that are heavy to hold and quick to run: what an interrupt leaves behind shows.
HEAVY = replace(SMALL, image_encoder=ImageEncoderConfig(2, 2048, 64, 56, 224, SMALL.unet.context_dim))
HEAVY_BYTES = 4 * 2 * 12 * 2048**2  # of its linear layers in float32


def resident_at_interrupt(server: ComfyUI, graph: Graph) -> int:
    """What the server held when a run of very many steps was stopped after its first."""
    resident = []

    def interrupt(kind: str, data: dict, run: Run) -> None:
        if kind == "progress" and data["node"] == "sample" and not resident:
            resident.append(server.resident_bytes())
            server.interrupt()

    stopped = server.run(graph, interrupt)
    assert stopped.interrupted
    assert not stopped.succeeded
    return resident[0]


@pytest.mark.slow
def test_memory_returns_after_interrupts_and_many_sizes(tmp_path: Path):
    """Torch keeps some MB for each shape it meets, once and for good; runs leave nothing else."""
    server = ComfyUI(tmp_path, **FREED_IS_RETURNED)

    def levels() -> tuple[int, int]:
        """With heavy weights at an interrupt, and after all is freed."""
        heavy = resident_at_interrupt(server, own_graph(1000, *SIZES[0], checkpoint="heavy.safetensors"))
        resident_at_interrupt(server, native_graph(1000, *SIZES[0], checkpoint="heavy.safetensors"))
        for route in ROUTES:
            for width, height in SIZES:
                server.succeed(route(1, width, height))
                server.free()  # each time: else what happens to lie beside what in memory decides
        return heavy, server.resident_bytes()

    write_random_checkpoint(server.checkpoints / CHECKPOINT)
    write_random_checkpoint(server.checkpoints / "heavy.safetensors", HEAVY)
    server.start()
    try:
        _, first = levels()
        heavy, second = levels()
        assert heavy > first + HEAVY_BYTES
        assert second < first + HEAVY_BYTES / 10
    finally:
        server.stop()

"""Order and fixtures that several test folders share."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ORDER = ("comfyui", "browser")  # last, and in this order: what fails fast comes first
sys.path[:0] = [str(HERE), *(str(HERE / folder) for folder in ORDER)]  # what tests share lies beside them


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        folder = item.path.relative_to(HERE).parts[0] if item.path.is_relative_to(HERE) else ""
        return ORDER.index(folder) if folder in ORDER else -1

    items.sort(key=place)  # stable: within a folder the order stays


@pytest.fixture(scope="session")
def comfyui(tmp_path_factory: pytest.TempPathFactory):
    """A running ComfyUI with the pack, a small checkpoint and the clips; one for the whole session."""
    from comfyui_server import CHECKPOINT, ComfyUI

    from revideo.checkpoints.random_weights import SMALL, write_random_checkpoint

    server = ComfyUI(tmp_path_factory.mktemp("ComfyUI"))
    write_random_checkpoint(server.checkpoints / CHECKPOINT, SMALL)
    server.start()
    yield server
    server.stop()

"""Order, markers and fixtures that several test folders share, and where the time went."""

import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# Read when torch is imported, here and in every process started from here: threads that wait for each other on a busy
# machine make small models 20 times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # or the hub's client asks for more than it is told to

HERE = Path(__file__).parent
REAL = ("comfyui", "browser")  # folders whose tests need a real ComfyUI, and a real browser with it
sys.path[:0] = [str(HERE), *(str(HERE / folder) for folder in REAL)]  # what tests share lies beside them


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    def folder(item: pytest.Item) -> str:
        return item.path.relative_to(HERE).parts[0] if item.path.is_relative_to(HERE) else ""

    for item in items:
        if folder(item) in REAL:
            item.add_marker(folder(item))
    # In turn, what fails fast comes first; side by side, what takes longest. Stable: within a folder the order stays.
    side_by_side = hasattr(config, "workerinput")
    items.sort(key=lambda item: REAL.index(folder(item)) if folder(item) in REAL else -1, reverse=side_by_side)


class ByFile(LoadScopeScheduling):
    """A file's tests go to one worker, for the sake of what they share; so do all that share a page."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "browser" if file.startswith("tests/browser/") else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    config.option.loadscopereorder = False  # or files of many tests went first
    return ByFile(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Seconds by folder, as docs/testing.md lists them."""
    seconds: Counter[str] = Counter()
    tests: Counter[str] = Counter()
    for report in (report for reports in terminalreporter.stats.values() for report in reports):
        if isinstance(report, pytest.TestReport):
            folder = report.nodeid.partition("::")[0].rpartition("/")[0]
            seconds[folder] += report.duration
            tests[folder] += report.when == "call"
    if len(seconds) > 1:
        terminalreporter.section("seconds by folder")
        for folder, total in sorted(seconds.items()):
            terminalreporter.write_line(f"{total:8.1f} s {tests[folder]:5} tests  {folder}")


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

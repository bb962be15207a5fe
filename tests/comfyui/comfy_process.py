"""ComfyUI's own modules inside the tests' process: for numbers that no graph lets out."""

from __future__ import annotations

import importlib.util
import logging
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

from comfyui_server import ROOT, needed


@cache
def load_pack() -> ModuleType:
    """The pack's `nodes`, imported as ComfyUI does: a package named by its folder."""
    comfyui = Path(needed("REVIDEO_COMFYUI"))
    sys.path.append(str(comfyui))  # last, so that no module of its own hides one of ours
    from comfy.cli_args import args

    args.cpu = True  # read when the next modules are imported
    logging.getLogger().setLevel(logging.INFO)  # as main.py does: the tests read what is logged
    import_file("nodes", comfyui / "nodes.py")  # ComfyUI's, where `python -m pytest` would find the pack's
    import_file("pack", ROOT / "__init__.py", [str(ROOT)])
    return importlib.import_module("pack.nodes")


def import_file(name: str, file: Path, folders: list[str] | None = None) -> None:
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=folders)
    assert spec is not None and spec.loader is not None
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])

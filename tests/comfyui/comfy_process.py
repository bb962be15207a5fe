"""ComfyUI's own modules inside the tests' process: for numbers that no graph lets out."""

from __future__ import annotations

import importlib.util
import logging
import sys
from functools import cache
from types import ModuleType

from comfyui_server import ROOT, needed


@cache
def load_pack() -> ModuleType:
    """The pack's `nodes`, imported as ComfyUI does: a package named by its folder."""
    sys.path.append(needed("REVIDEO_COMFYUI"))  # last, so that no module of its own hides one of ours
    from comfy.cli_args import args

    args.cpu = True  # read when the next modules are imported
    logging.getLogger().setLevel(logging.INFO)  # as main.py does: the tests read what is logged
    spec = importlib.util.spec_from_file_location("pack", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)])
    assert spec is not None and spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules["pack"] = package
    spec.loader.exec_module(package)
    return importlib.import_module("pack.nodes")

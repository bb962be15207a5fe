"""The pack as ComfyUI finds it: quick to import, every field explained."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from comfy_process import load_pack
from comfyui_server import PACK, ROOT, ComfyUI, needed

NODES = (
    "ReVideoLoadModel",
    "ReVideoExampleClip",
    "ReVideoPrepareVideo",
    "ReVideoEditor",
    "ReVideoTracksIn",
    "ReVideoTrackPoints",
    "ReVideoTransformTracks",
    "ReVideoMergeTracks",
    "ReVideoKeyframes",
    "ReVideoFollowMask",
    "ReVideoConditions",
    "ReVideoSampler",
    "ReVideoDecode",
    "ReVideoKeepUnedited",
    "ReVideoCrop",
    "ReVideoStitch",
    "ReVideoLongVideo",
    "ReVideoDrawTracks",
    "ReVideoShowFusion",
    "ReVideoEvaluate",
    "ReVideoLoadSVD",
    "ReVideoLoadControlNet",
    "ReVideoNativeConditioning",
    "ReVideoControlVideo",
    "ReVideoLoadPropagator",
    "ReVideoPropagate",
)


def test_comfyui_imports_the_pack(comfyui: ComfyUI):
    """Quickly, because of what the next test holds; how quickly depends on the machine."""
    lines = re.findall(rf"^.*?[\d.]+ seconds(.*): \S*{PACK}\s*$", comfyui.log(), re.MULTILINE)
    assert lines, f"no import of {PACK} in:\n{comfyui.log()}"
    [failed] = lines
    assert not failed


# ComfyUI itself imports transformers, so looking at sys.modules would blame or clear the wrong one:
# every import statement that runs while ComfyUI loads the pack is written down instead.
WATCH_IMPORTS = """
import asyncio, builtins, json, sys
comfyui, pack, base = sys.argv[1:]
sys.path.insert(0, comfyui)
sys.argv = ["main.py", "--cpu", "--base-directory", base]
import comfy.options
comfy.options.enable_args_parsing()
import nodes
before = set(sys.modules)
asked, real_import = set(), builtins.__import__
def note(name, *rest, **options):
    asked.add(name)
    return real_import(name, *rest, **options)
builtins.__import__ = note
loaded = asyncio.run(nodes.load_custom_node(pack, module_parent="custom_nodes"))
builtins.__import__ = real_import
print(json.dumps({"loaded": loaded, "asked": sorted(asked), "new": sorted(set(sys.modules) - before)}))
"""


def test_nothing_heavy_is_imported_before_a_node_runs(tmp_path: Path):
    (tmp_path / PACK).symlink_to(ROOT, target_is_directory=True)
    ran = subprocess.run(
        [sys.executable, "-c", WATCH_IMPORTS, needed("REVIDEO_COMFYUI"), str(tmp_path / PACK), str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout.splitlines()[-1])
    assert told["loaded"] is True
    heavy = {"diffusers", "transformers", "kornia", "accelerate", "cv2", "matplotlib", "torchmetrics"}
    assert not heavy & {name.split(".")[0] for name in told["asked"] + told["new"]}
    assert not [name for name in told["new"] if "ReVideo.revideo" in name], "the library is for nodes that run"


@pytest.mark.parametrize("name", NODES)
def test_every_node_and_field_is_explained(comfyui: ComfyUI, name: str):
    info = comfyui.get(f"/object_info/{name}")[name]
    assert info["category"] == "ReVideo"
    assert len(info["description"]) > 40
    assert info["search_aliases"]
    fields = {**info["input"].get("required", {}), **info["input"].get("optional", {})}
    unexplained = [field for field, (_, *options) in fields.items() if not (options and options[0].get("tooltip"))]
    if name == "ReVideoEditor":
        unexplained.remove("document")  # the editor itself, which a tooltip would cover
    assert not unexplained
    assert all(info["output_tooltips"])


@pytest.mark.parametrize("name", NODES)
def test_every_node_has_a_help_page_that_explains_its_fields(comfyui: ComfyUI, name: str):
    page = comfyui.get(f"/extensions/{PACK}/docs/{name}.md").decode()
    info = comfyui.get(f"/object_info/{name}")[name]
    fields = [field for kind in ("required", "optional") for field in info["input"].get(kind, {})]
    assert not [field for field in fields if field not in page]


def test_every_node_refuses_what_does_not_belong_into_its_sockets():
    for each in asyncio.run(load_pack().ReVideoExtension().get_node_list()):
        assert each.execute.__func__.__code__.co_name == "check_and_execute", each


def test_no_other_node_is_brought(comfyui: ComfyUI):
    ours = {name for name, info in comfyui.get("/object_info").items() if info["python_module"].endswith(PACK)}
    assert ours == set(NODES)


def test_the_checkpoint_list_shows_both_folders(comfyui: ComfyUI):
    (comfyui.base / "models" / "revideo" / "mine.safetensors").write_bytes(b"")
    (comfyui.base / "models" / "revideo" / "notes.txt").write_bytes(b"")
    fields = comfyui.get("/object_info/ReVideoLoadModel")["ReVideoLoadModel"]["input"]["required"]
    options = fields["checkpoint"][1]["options"]
    assert {"mine.safetensors", "revideo.safetensors"} <= set(options)
    assert "notes.txt" not in options
    assert options[0] == "tiny (built in)"  # what a new node shows, so that it can run at once
    assert fields["svd_checkpoint"][1]["options"][0] == "(in the same file)"

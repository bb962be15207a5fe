"""What tests/soak.py queues: an edit by each route, small and with the built-in model, and mistakes."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

from comfyui_server import ROOT, Graph, node
from edit_graph import edit_graph, with_video
from native_graph import native_graph, own_graph
from test_long_video import long_graph
from test_mistakes import MISTAKES

BUILT_IN = "tiny (built in)"
WIDTH, HEIGHT = 128, 64
CLIP = "clip.mp4"
NUMBERS = count()  # for what ComfyUI's cache shall not answer
NODE_IDS = ("../../x", "../../../../x", "/", "..\\..\\x", "a/b", "C:\\x", "x" * 300, "ä\n\0\u202e")


def finish(graph: Graph, frames: str, small: bool = True) -> Graph:
    """What leads to these frames by the built-in model, saved without loss, and nothing else that is saved."""
    graph = {name: one for name, one in graph.items() if one["class_type"] not in ("SaveLatent", "SaveVideo")}
    if small:
        for name in ("prepare", "keep area"):
            graph[name]["inputs"] |= {"width": WIDTH, "height": HEIGHT}
    if "model" in graph:
        graph["model"]["inputs"]["checkpoint"] = BUILT_IN
    return graph | {"frames": node("SaveImage", images=[frames, 0], filename_prefix=f"soak_{next(NUMBERS)}")}


def own(seed: int, steps: int, small: bool = True) -> Graph:
    return finish(with_video(own_graph(steps, 192, 128, seed)), "keep", small)


def native(seed: int, steps: int) -> Graph:
    graph = with_video(native_graph(steps, seed=seed, checkpoint=BUILT_IN))
    graph["decode"] = node("VAEDecode", samples=["sample", 0], vae=["svd", 2])
    return finish(graph, "keep")


def long_video(seed: int, steps: int) -> Graph:
    graph = long_graph(CLIP, steps, seed)
    graph["long"]["inputs"]["finished_windows"] = "remove when done"
    graph["parts"] = node("GetVideoComponents", video=["long", 0])
    return finish(graph, "parts")


def long_images(seed: int, steps: int) -> Graph:
    graph = long_graph("bikes.mp4", steps, seed, images=True)
    graph["prepare"]["inputs"]["count"] = 20
    return finish(graph, "long")


ROUTES = {"own": own, "native": native, "long video": long_video, "long images": long_images}


def changed(node_id: str, **inputs: Any) -> Graph:
    graph = own(0, 1)
    graph[node_id]["inputs"] |= inputs
    return graph


def drawn(document: Any) -> Graph:
    whole = edit_graph()
    graph = {name: whole[name] for name in ("clip", "prepare")}
    graph["editor"] = node("ReVideoEditor", frames=["prepare", 0], document=document)
    return graph | {"text": node("PreviewAny", source=["editor", 2])}


def mistakes() -> dict[str, tuple[Graph, str]]:
    """Prompts that must be refused, each with what the answer must say."""
    texts = json.loads((ROOT / "tests/data/refused_documents.json").read_text("utf-8"))["refused"]
    found = {one["name"]: (drawn(one["text"]), one["message"]) for one in texts if "text" in one}
    for name, (make, _, message) in MISTAKES.items():
        found[name] = own(0, 1, small=False), message
        make(found[name][0])
    return found | {
        "an unknown checkpoint": (changed("model", checkpoint="../../x"), "there is no checkpoint ../../x in"),
        "an unknown node": (own(0, 1) | {"odd": node("ReVideoNothing")}, "'ReVideoNothing' not found"),
        "an unknown choice": (changed("prepare", fit="../../x"), "fit: '../../x' not in"),
        "a linked document": (
            drawn(["text of", 0]) | {"text of": node("PrimitiveString", value="left to right")},
            "the document is not JSON",
        ),
        "a picture for a document": (drawn(["prepare", 0]), "document, received_type(IMAGE)"),
        "a picture for a model": (changed("sample", model=["prepare", 0]), "model, received_type(IMAGE)"),
        "a word for steps": (changed("sample", steps="many"), "steps, many"),
        "a list of steps": (changed("sample", steps=[1, 2, 3]), "Bad linked input"),
        "a huge seed": (changed("sample", seed=2**70), f"Value {2**70} bigger than max"),
        "a huge width": (changed("prepare", width=10**12), f"Value {10**12} bigger than max"),
        "a huge count": (changed("prepare", count=10**6), "it gives 250, 1000000 asked for"),
        "a point at infinity": (changed("tracks", tracks="[[[1e999, 0], [1, 1]]]"), "is not finite"),
        "a point far away": (changed("tracks", tracks="[[[1e300, 0], [1, 1]]]"), "trajectory 0 "),
    }

"""Follow Mask in a real graph: from a click or a painted mask, to the model and to ComfyUI's own SAM3 nodes."""

from __future__ import annotations

import json
import sys
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from comfy_process import import_file, load_pack
from comfyui_server import WINDOW, ComfyUI, Graph, Run, needed, node, png
from edit_graph import HEIGHT, WIDTH, edit_graph
from PIL import Image
from torch import Tensor
from torchvision.transforms.functional import pil_to_tensor

HATCH = (100, 28)  # x, y on the lorry's roof, on the prepared frames


def follow_graph(**inputs: object) -> Graph:
    """bikes.mp4 → an anchor on the hatch → its masks, as pictures."""
    graph = edit_graph()
    kept = {name: graph[name] for name in ("clip", "prepare", "keep area", "edit area", "mask", "tracks")}
    kept["tracks"]["inputs"]["tracks"] = json.dumps([[HATCH]])
    given = {"frames": ["prepare", 0], "frame": 0, "grow": 0, "feather": 0, "invert": False, "points": ["tracks", 0]}
    given |= inputs
    kept["follow"] = node("ReVideoFollowMask", **{name: value for name, value in given.items() if value is not None})
    for name, index in (("report", 2), ("coords", 3), ("boxes", 4)):
        kept[name] = node("PreviewAny", source=["follow", index])
    show(kept, "follow")
    return kept


def show(graph: Graph, source: str) -> None:
    graph[f"{source} pictures"] = node("MaskToImage", mask=[source, 0])
    graph[f"{source} shown"] = node("PreviewImage", images=[f"{source} pictures", 0])


def text(run: Run, name: str) -> str:
    return run.outputs[name]["text"][0]


def masks(comfyui: ComfyUI, run: Run, source: str = "follow") -> Tensor:  # (T, H, W) in [0, 1]
    pictures = [Image.open(BytesIO(comfyui.view(each))) for each in run.outputs[f"{source} shown"]["images"]]
    return torch.stack([pil_to_tensor(each.convert("RGB"))[0] / 255 for each in pictures])


@pytest.fixture(scope="module")
def clicked(comfyui: ComfyUI) -> Run:
    return comfyui.succeed(follow_graph())


def test_a_click_gives_a_mask_for_each_frame(comfyui: ComfyUI, clicked: Run):
    found = masks(comfyui, clicked) > 0.5
    assert found.shape == (WINDOW, HEIGHT, WIDTH)
    assert text(clicked, "report") == f"found on {WINDOW} of {WINDOW} frames"
    heights = [each.nonzero().float().mean(0)[0].item() for each in found]
    assert heights == sorted(heights) and heights[-1] - heights[0] > 60  # the lorry drives down the picture
    sizes = found[:10].sum((1, 2))
    assert sizes.max() <= 1.5 * sizes.min()  # until it leaves at the bottom
    assert clicked.steps("follow")[-1] == 2 * (WINDOW - 1)  # its points, then its outline
    assert clicked.outputs["follow"]["images"][0]["filename"].endswith(".webp")  # on the node itself


def test_what_is_painted_on_a_later_frame_is_followed_to_both_ends(comfyui: ComfyUI, clicked: Run):
    """The click's mask of frame 6, as if painted there, and given with a points editor's point beside it."""
    graph = follow_graph(points=None)
    graph["click"] = {**graph["follow"], "inputs": graph["follow"]["inputs"] | {"points": ["tracks", 0]}}
    graph["click pictures"] = node("MaskToImage", mask=["click", 0])
    graph["sixth"] = node("ImageFromBatch", image=["click pictures", 0], batch_index=6, length=1)
    graph["painted"] = node("ImageToMask", image=["sixth", 0], channel="red")
    graph["point"] = node("PrimitiveString", value="[[5, 5]]")
    graph["follow"]["inputs"] |= {"mask": ["painted", 0], "frame": 6, "point_list": ["point", 0]}
    run = comfyui.succeed(graph)
    found, before = masks(comfyui, run) > 0.5, masks(comfyui, clicked) > 0.5
    assert torch.equal(found[6], before[6])
    assert min((found & before).sum((1, 2)) / (found | before).sum((1, 2))) >= 0.6
    notice, count = text(run, "report").splitlines()
    assert notice == "the points are not used: the mask goes before them"
    assert count == f"found on {WINDOW} of {WINDOW} frames"
    [point] = json.loads(text(run, "coords"))
    assert before[6, point["y"], point["x"]]


def test_masks_of_every_frame_are_taken_as_they_are(comfyui: ComfyUI, clicked: Run):
    graph = follow_graph(points=None, mask=["soft", 0])
    graph["soft"] = node("ReVideoFollowMask", **follow_graph(feather=9)["follow"]["inputs"])
    graph["changed"] = {**graph["follow"], "inputs": graph["follow"]["inputs"] | {"grow": 3, "invert": True}}
    for name in ("soft", "changed"):
        show(graph, name)
    run = comfyui.succeed(graph)
    soft = masks(comfyui, run, "soft")
    assert ((soft > 0.1) & (soft < 0.9)).any()
    assert torch.equal(masks(comfyui, run), soft)
    hard, changed = masks(comfyui, clicked) > 0.5, masks(comfyui, run, "changed") > 0.5
    assert torch.equal(soft >= 0.5, hard)
    assert not (hard & changed).any() and (~hard & ~changed).any()


def lone(graph: Graph) -> None:
    """A clip of one frame, and an anchor on it."""
    graph["first"] = node("ImageFromBatch", image=["prepare", 0], batch_index=0, length=1)
    for name in ("tracks", "follow"):
        graph[name]["inputs"]["frames"] = ["first", 0]


def test_a_clip_of_one_frame_has_one_mask(comfyui: ComfyUI, clicked: Run):
    graph = follow_graph()
    lone(graph)
    run = comfyui.succeed(graph)
    assert text(run, "report") == "found on 1 of 1 frames"
    assert torch.equal(masks(comfyui, run), masks(comfyui, clicked)[:1])


def test_it_ends_where_the_user_stops_it(comfyui: ComfyUI):
    stopped = []

    def stop_at_once(kind: str, data: dict[str, Any], run: Run) -> None:
        if kind == "progress" and data["node"] == "follow" and not stopped:
            stopped.append(data["value"])
            comfyui.interrupt()

    graph = follow_graph(frame=1)
    graph["prepare"]["inputs"]["count"] = 40
    run = comfyui.run(graph, stop_at_once)
    assert stopped and run.interrupted and run.error is None


# --- Mistakes ------------------------------------------------------------------------------------


def several(graph: Graph) -> None:
    graph["pictures"] = node("MaskToImage", mask=["mask", 0])
    graph["repeated"] = node("RepeatImageBatch", image=["pictures", 0], amount=3)
    graph["masks"] = node("ImageToMask", image=["repeated", 0], channel="red")
    graph["follow"]["inputs"]["mask"] = ["masks", 0]


def loaded(graph: Graph) -> None:
    """A picture without transparency: Load Image gives a mask of 64×64 zeros with it."""
    graph["picture"] = node("LoadImage", image="opaque.png")
    graph["follow"]["inputs"]["mask"] = ["picture", 1]


def small(graph: Graph) -> None:
    graph["keep area"]["inputs"] |= {"width": WIDTH // 2, "height": HEIGHT // 2}
    graph["follow"]["inputs"]["mask"] = ["mask", 0]


def listed(graph: Graph) -> None:
    graph["point"] = node("PrimitiveString", value="[[500, 5]]")
    graph["follow"]["inputs"]["point_list"] = ["point", 0]


PAINT = "paint the thing on frame 0, or connect the editor's paths with an anchor on it"
MISTAKES = {
    "nothing": ({"points": None}, lambda graph: None, f"there is nothing to follow: {PAINT}"),
    "an empty mask": (
        {"points": None},
        loaded,
        f"the mask is empty, as Load Image gives it for a picture that is nowhere transparent: {PAINT}",
    ),
    "another size": (
        {},
        small,
        "the mask is 96×64, the frames are 192×128: paint it on a prepared frame, or scale it to that size",
    ),
    "three masks": ({}, several, "there are 3 masks for 14 frames: give one, painted on frame 0, or one for each"),
    "no such frame": ({"frame": 14}, lambda graph: None, "there is no frame 14: the video has frames 0 to 13"),
    "a point outside": (
        {"points": None},
        listed,
        "the point (x 500, y 5) is not in the picture, which is 192×128",
    ),
    "one frame, another asked for": ({"frame": 1}, lone, "there is no frame 1: the video has frames 0 to 0"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_on_the_node(comfyui: ComfyUI, mistake: str):
    inputs, make, message = MISTAKES[mistake]
    comfyui.upload("opaque.png", png(torch.rand(8, 8, 3)))
    graph = follow_graph(**inputs)
    make(graph)
    run = comfyui.run(graph)
    assert run.error is not None
    assert (run.error["node_id"], run.message) == ("follow", message)
    assert run.steps("follow") == []


# --- ComfyUI's SAM3 nodes ------------------------------------------------------------------------


def test_its_outputs_go_into_comfyui_s_sam3_nodes_and_theirs_into_it(comfyui: ComfyUI):
    info = {
        name: comfyui.get(f"/object_info/{name}")[name]
        for name in ("ReVideoFollowMask", "SAM3_Detect", "SAM3_VideoTrack", "SAM3_TrackToMask")
    }
    ours = dict(zip(info["ReVideoFollowMask"]["output_name"], info["ReVideoFollowMask"]["output"]))
    taken = {
        (node_id, field): kind
        for node_id in info
        for part in info[node_id]["input"].values()
        for field, (kind, *_) in part.items()
    }
    assert ours["positive_coords"] == taken["SAM3_Detect", "positive_coords"] == "STRING"
    assert ours["bounding_box"] == taken["SAM3_Detect", "bboxes"] == "BOUNDING_BOX"
    assert ours["mask"] == taken["SAM3_VideoTrack", "initial_mask"] == "MASK"
    assert info["SAM3_TrackToMask"]["output"] == [taken["ReVideoFollowMask", "mask"]] == ["MASK"]


class Drawer(torch.nn.Module):
    """In place of SAM3's network, whose weights we have not: draws what it is asked for, on its 1008×1008 pixels."""

    def forward_segment(
        self,
        frame: Tensor,
        point_inputs: dict[str, Tensor] | None = None,
        box_inputs: Tensor | None = None,
        mask_inputs: Tensor | None = None,
    ) -> Tensor:
        if mask_inputs is not None:
            return mask_inputs
        y, x = torch.meshgrid(torch.arange(1008) + 0.5, torch.arange(1008) + 0.5, indexing="ij")
        if point_inputs is not None:
            assert point_inputs["point_labels"].tolist() == [[1] * point_inputs["point_coords"].shape[1]]
            (px, py) = point_inputs["point_coords"][0, 0].tolist()
            inside = ((x - px).abs() < 12) & ((y - py).abs() < 12)
        else:
            (left, top), (right, bottom) = box_inputs[0].tolist()
            inside = (x > left) & (x < right) & (y > top) & (y < bottom)
        return torch.where(inside, 10.0, -10.0)[None, None]


class DrawerModel(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.diffusion_model = Drawer()

    def get_dtype(self) -> torch.dtype:
        return torch.float32


@pytest.fixture(scope="module")
def sam3() -> ModuleType:
    load_pack()
    import_file("sam3_nodes", Path(needed("REVIDEO_COMFYUI")) / "comfy_extras/nodes_sam3.py")
    return sys.modules["sam3_nodes"]


def test_sam3_reads_our_boxes_and_points_as_they_were_meant(sam3: ModuleType):
    from comfy.model_patcher import CoreModelPatcher

    frames = torch.rand(4, 96, 160, 3)
    given = torch.zeros(4, 96, 160)
    for number in (0, 1, 3):  # nothing on frame 2
        given[number, 20 + 4 * number : 50 + 4 * number, 30:80] = 1
    outputs = load_pack().ReVideoFollowMask.execute(frames, 1, 0, 0, False, mask=given).args
    cpu = torch.device("cpu")
    model = CoreModelPatcher(DrawerModel(), load_device=cpu, offload_device=cpu)
    boxed = sam3.SAM3_Detect.execute(model, frames, bboxes=outputs[4], refine_iterations=0).args[0]
    assert torch.equal(boxed, given)
    pointed = sam3.SAM3_Detect.execute(model, frames[1:2], positive_coords=outputs[3], refine_iterations=0).args[0]
    assert pointed.any() and (given[1:2][pointed > 0] == 1).all()
    assert outputs[2] == "found on 3 of 4 frames\nnot found on frame 2: there the mask is empty"


def test_a_click_that_lies_apart_is_reported_before_the_frames():
    noise = torch.randn(128, 192, 3, generator=torch.Generator().manual_seed(0))
    frames = (0.3 + 0.02 * noise).clamp(0, 1).repeat(2, 1, 1, 1)
    frames[:, 40:80, 40:90] = torch.tensor([0.9, 0.2, 0.1])
    outputs = load_pack().ReVideoFollowMask.execute(frames, 0, 0, 0, False, point_list="[[60, 60], [20, 110]]").args
    notice, count = outputs[2].splitlines()
    assert notice.startswith("point 2 at 20, 110 is on a part of the mask by itself")
    assert count == "found on 2 of 2 frames"


@pytest.mark.parametrize("invert", [False, True])
def test_a_mask_that_shrinks_to_nothing_is_said(invert: bool):
    given = torch.zeros(3, 64, 64)
    given[:2, 20:40, 20:40] = 1  # nothing on the last
    outputs = load_pack().ReVideoFollowMask.execute(torch.zeros(3, 64, 64, 3), 0, -30, 0, invert, mask=given).args
    assert outputs[2].splitlines()[0] == "grow -30 leaves nothing of the mask on 2 of 3 frames: shrink it less"
    outputs = load_pack().ReVideoFollowMask.execute(torch.zeros(3, 64, 64, 3), 0, -5, 0, invert, mask=given).args
    assert "grow" not in outputs[2]

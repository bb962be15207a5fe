"""Bad inputs, as ComfyUI shows them: one error, on the right node, that names the culprit."""

from __future__ import annotations

import os
import pickle
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from comfyui_server import CHECKPOINT, ComfyUI, Graph, Refused, node
from edit_graph import edit_graph, until_tracks, with_video
from safetensors import safe_open
from safetensors.torch import save_file

import revideo
from revideo.checkpoints.released import ADDRESS
from revideo.cli.main import build_parser


def give(graph: Graph, node_id: str, **inputs: object) -> None:
    graph[node_id]["inputs"] |= inputs


def set_mask(graph: Graph, value: float, width: int = 192, height: int = 128) -> None:
    graph["mask"] = node("SolidMask", value=value, width=width, height=height)


def set_sampler(graph: Graph, name: str) -> None:
    graph["sampler"] = node("KSamplerSelect", sampler_name=name)
    give(graph, "sample", sampler=["sampler", 0])


def set_sigmas(graph: Graph, text: str) -> None:
    graph["sigmas"] = node("ManualSigmas", sigmas=text)
    give(graph, "sample", sigmas=["sigmas", 0])


def repeat_mask(graph: Graph, times: int) -> None:
    graph["masks"] = node("MaskToImage", mask=["mask", 0])
    graph["repeated"] = node("RepeatImageBatch", image=["masks", 0], amount=times)
    graph["all masks"] = node("ImageToMask", image=["repeated", 0], channel="red")
    give(graph, "conditions", mask=["all masks", 0])


MISTAKES: dict[str, tuple[Callable[[Graph], None], str, str]] = {
    "too few frames": (
        lambda graph: give(graph, "prepare", start=245),
        "prepare",
        "bikes.mp4: the clip has 250 frames: from frame 245 with stride 1 it gives 5, 14 asked for; "
        "lower the start, the stride or the count",
    ),
    "no frames": (
        lambda graph: give(graph, "prepare", start=250, count=0),
        "prepare",
        "bikes.mp4: the clip has 250 frames: from frame 250 with stride 1 it gives 0, 1 asked for; "
        "lower the start, the stride or the count",
    ),
    "a width that is no multiple of 64": (
        lambda graph: give(graph, "prepare", width=200),
        "prepare",
        'width 200 is not a multiple of 64: take 192 or 256, or let the size policy "area" choose',
    ),
    "more frames than the model's window": (
        lambda graph: give(graph, "prepare", count=20),
        "sample",
        "the video has 20 frames; this model edits windows of 14: prepare 14 of its frames",
    ),
    "a mask of another size": (
        lambda graph: set_mask(graph, 1.0, 96, 64),
        "conditions",
        "the mask is 96×64; the video is 192×128: paint it on a prepared frame, or scale it to that size",
    ),
    "an empty mask": (
        lambda graph: set_mask(graph, 0.0),
        "conditions",
        "the mask is empty, so nothing could change: mask the area to edit",
    ),
    "a mask of everything": (
        lambda graph: set_mask(graph, 1.0),
        "conditions",
        "the mask covers every frame whole, so nothing of the video would be kept: "
        "leave the parts to keep unmasked (is the mask inverted?), or say that the whole frame is edited",
    ),
    "masks for another number of frames": (
        lambda graph: repeat_mask(graph, 5),
        "conditions",
        "there are masks for 5 frames; the video has 14: give one mask for all frames or one for each",
    ),
    "an edited frame of another size": (
        lambda graph: graph.update(edited=node("EmptyImage", width=64, height=64, batch_size=1, color=0)),
        "conditions",
        "the edited frame is 64×64; the video is 192×128: "
        "edit the first frame of the prepared video, or prepare both alike",
    ),
    "tracks that are no JSON": (
        lambda graph: give(graph, "tracks", tracks='[[{"x": 1, "y": 2}'),
        "tracks",
        "the tracks are not JSON: Expecting ',' delimiter: line 1 column 19 (char 18)",
    ),
    "no tracks at all": (
        lambda graph: give(graph, "tracks", tracks=" "),
        "tracks",
        'the tracks are empty; write "[]" to edit without trajectories',
    ),
    "a point without y": (
        lambda graph: give(graph, "tracks", tracks='[[{"x": 1, "y": 2}], [{"x": 1, "y": 2}, {"x": 3}]]'),
        "tracks",
        "track 1, point 1: x and y must be numbers, found {'x': 3}",
    ),
    "a track outside the frame": (
        lambda graph: give(graph, "tracks", tracks="[[[500, 60], [510, 70]]]"),
        "tracks",
        "trajectory 0 never enters the frame: it starts at x 500, y 60; the frame is 192×128 "
        "(were the tracks drawn on another size?)",
    ),
    "tracks of another clip": (
        lambda graph: (
            graph.update(longer=graph["prepare"] | {"inputs": graph["prepare"]["inputs"] | {"count": 20}}),
            give(graph, "tracks", frames=["longer", 0]),
        ),
        "conditions",
        "the trajectories cover 20 frames; the video has 14: stretch or fit them to the video",
    ),
    "a text in the place of frames": (
        lambda graph: give(graph, "conditions", frames="x"),
        "conditions",
        "frames must be IMAGE from another node, not 'x'",
    ),
    "a text in the place of a clip": (
        lambda graph: give(graph, "prepare", video="x" * 1000),
        "prepare",
        f"video must be IMAGE,VIDEO from another node, not '{'x' * 59}",
    ),
    "a number in the place of a model": (
        lambda graph: give(graph, "sample", model=5),
        "sample",
        "model must be REVIDEO_MODEL from another node, not 5",
    ),
    "a yes in the place of an edited frame": (
        lambda graph: give(graph, "conditions", edited_frame=True),
        "conditions",
        "edited_frame must be IMAGE from another node, not True",
    ),
    "nothing in the place of a mask": (
        lambda graph: give(graph, "conditions", mask=None),
        "conditions",
        "mask must be MASK from another node, not None",
    ),
    "a dictionary in the place of trajectories": (
        lambda graph: give(graph, "conditions", trajectories={"points": 1}),
        "conditions",
        "trajectories must be REVIDEO_TRAJECTORIES from another node, not {'points': 1}",
    ),
    "too few sigmas": (
        lambda graph: set_sigmas(graph, "700"),
        "sample",
        "sigmas must hold at least 2 noise levels, not 1: check the scheduler's steps",
    ),
    "a sampler that needs the guidance's inside": (
        lambda graph: set_sampler(graph, "euler_cfg_pp"),
        "sample",
        "this sampler (a cfg_pp one) needs to see inside the guidance, which ReVideo does per frame: "
        "choose another sampler",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_on_its_node(comfyui: ComfyUI, mistake: str):
    make, culprit, message = MISTAKES[mistake]
    graph = edit_graph(steps=1)
    make(graph)
    run = comfyui.run(graph)
    assert run.error is not None
    assert (run.error["node_id"], run.error["exception_type"]) == (culprit, "ValueError")
    assert run.message.replace(str(comfyui.input) + os.sep, "") == message
    assert [kind for kind, _ in run.events].count("execution_error") == 1


def test_the_original_must_be_the_edited_video_s_source(comfyui: ComfyUI):
    graph = with_video(edit_graph(steps=1))
    graph = {name: graph[name] for name in ("clip", "prepare", "keep area", "edit area", "mask", "keep")}
    graph["other"] = node("EmptyImage", width=192, height=128, batch_size=9, color=0)
    graph["keep"]["inputs"]["edited"] = ["other", 0]
    graph["show"] = node("PreviewImage", images=["keep", 0])
    run = comfyui.run(graph)
    assert run.error is not None
    assert run.error["node_id"] == "keep"
    assert run.message == "the original is 14 frames of 192×128, the edited video 9 frames of 192×128; they must agree"


# --- Checkpoints that are none ---------------------------------------------------------


class Bomb:
    """A pickle of it would make a folder when opened."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def load_message(comfyui: ComfyUI, checkpoint: str) -> str:
    """What Load ReVideo Model says about a file."""
    graph = edit_graph(steps=1)
    give(graph, "model", checkpoint=checkpoint)
    run = comfyui.run(graph)
    assert run.error is not None
    assert run.error["node_id"] == "model"
    return run.message


def tensors(comfyui: ComfyUI, *prefixes: str) -> dict[str, torch.Tensor]:
    with safe_open(comfyui.checkpoints / CHECKPOINT, framework="pt") as file:
        names = file.keys()
        return {name: file.get_tensor(name) for name in names if name.startswith(prefixes)}


def test_a_stock_svd_file_is_told_apart(comfyui: ComfyUI):
    svd = tensors(comfyui, "model.diffusion_model.", "conditioner.", "first_stage_model.")
    save_file(svd, comfyui.checkpoints / "svd.safetensors")
    assert load_message(comfyui, "svd.safetensors") == (
        "svd.safetensors is a plain Stable Video Diffusion checkpoint without ReVideo's ControlNet: "
        "use a ReVideo checkpoint, or this file as the svd beside a ReVideo control file"
    )


def test_a_control_file_alone_asks_for_the_rest_and_works_with_it(comfyui: ComfyUI):
    folder = comfyui.checkpoints
    revideo.convert(folder / CHECKPOINT, folder / "control.safetensors", target_svd=folder / "rest.safetensors")
    assert load_message(comfyui, "control.safetensors") == (
        "control.safetensors is a ReVideo control file without the rest of the model: "
        "name a Stable Video Diffusion checkpoint beside it (svd)"
    )
    graph = edit_graph(steps=1)
    give(graph, "model", checkpoint="control.safetensors", svd_checkpoint="rest.safetensors")
    comfyui.succeed(graph)


def test_a_truncated_download_is_named(comfyui: ComfyUI):
    content = (comfyui.checkpoints / CHECKPOINT).read_bytes()
    (comfyui.checkpoints / "cut.safetensors").write_bytes(content[: len(content) // 2])
    message = load_message(comfyui, "cut.safetensors")
    assert message.startswith("cut.safetensors is cut off or not a .safetensors file (")
    assert message.endswith("): download it again")


def test_a_pickle_with_code_is_refused_and_not_run(comfyui: ComfyUI, tmp_path: Path):
    trace = tmp_path / "the code ran"
    torch.save({"state_dict": Bomb(trace)}, comfyui.checkpoints / "bomb.ckpt", pickle_module=pickle)
    assert load_message(comfyui, "bomb.ckpt") == (
        "bomb.ckpt holds more than tensors (code may hide there), so it was not opened: "
        "use a .safetensors file of the same weights"
    )
    assert not trace.exists()


@pytest.mark.parametrize("name", ["../x", "../../outside.safetensors", "/etc/passwd", "C:\\x.safetensors", ""])
@pytest.mark.parametrize("which", ["checkpoint", "svd_checkpoint"])
def test_a_path_for_a_checkpoint_is_refused(comfyui: ComfyUI, which: str, name: str):
    (comfyui.base / "outside.safetensors").write_bytes(b"")  # there, but none of ComfyUI's business
    graph = edit_graph(steps=1)
    give(graph, "model", **{which: name})
    with pytest.raises(Refused) as refusal:
        comfyui.run(graph)
    [error] = refusal.value.node_errors["model"]["errors"]
    kind = {"checkpoint": "custom_validation_failed", "svd_checkpoint": "value_not_in_list"}[which]
    assert (error["type"], error["extra_info"]["input_name"]) == (kind, which)


@pytest.mark.parametrize("loader", ["ReVideoLoadModel", "ReVideoLoadSVD", "ReVideoLoadControlNet"])
def test_a_missing_checkpoint_is_told_with_the_two_ways_to_it(comfyui: ComfyUI, loader: str):
    """As a saved workflow opens where the weights are not there yet; the command it prints is one."""
    inputs = {"checkpoint": "not there.safetensors", "svd_checkpoint": "(in the same file)", "weight_dtype": "auto"}
    if loader == "ReVideoLoadControlNet":
        del inputs["svd_checkpoint"]
    with pytest.raises(Refused) as refusal:
        comfyui.run({"model": node(loader, **inputs), "shown": node("PreviewAny", source=["model", 0])})
    [error] = refusal.value.node_errors["model"]["errors"]
    said = error["details"]
    assert said.startswith("checkpoint - there is no checkpoint not there.safetensors in models/revideo or models/")
    assert f"save {ADDRESS} from a browser into {comfyui.checkpoints}." in said
    [found] = re.findall(r"run `(.*)` in the folder (\S+),", said)
    python, *words = shlex.split(found[0])
    assert (python, words[:2]) == (sys.executable, ["-m", "revideo"])
    assert build_parser().parse_args(words[2:]).target == comfyui.checkpoints / "revideo.safetensors"
    ran = subprocess.run([python, *words[:3], "--help"], cwd=found[1], capture_output=True, text=True)
    assert ran.returncode == 0 and "--accept-licence" in ran.stdout


def test_a_missing_socket_is_refused_before_anything_runs(comfyui: ComfyUI):
    graph = until_tracks(edit_graph())
    del graph["tracks"]["inputs"]["frames"]
    with pytest.raises(Refused) as refusal:
        comfyui.run(graph)
    [error] = refusal.value.node_errors["tracks"]["errors"]
    assert error["type"] == "required_input_missing"

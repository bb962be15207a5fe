"""ReVideoPropagate under a real ComfyUI: images and a video with sound, a mask, and what does not fit each other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from comfyui_server import ComfyUI, Graph, Run, needed, node
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from revideo.models.propagator_config import PropagatorConfig
from revideo.synthetic.examples import HEIGHT_PX, WIDTH_PX, WITH_DEPTH, restyled_example
from revideo.video.file import VideoFile, write_like

FRAMES = 4
BOX = (40, 24, 48, 72)  # x, y, width, height of what may change, in pixels


def graph_of(steps: int = 2, **inputs: object) -> Graph:
    """The example's first frames, painted and saved without loss beside the frames themselves."""
    graph = {"clip": node("ReVideoExampleClip", example=WITH_DEPTH)}
    for name, slot in (("frames", 0), ("depth", 4)):
        graph[name] = node("ImageFromBatch", image=["clip", slot], batch_index=0, length=FRAMES)
    graph["model"] = node("ReVideoLoadPropagator", propagator="tiny (built in)", weight_dtype="auto")
    given = {
        "propagator": ["model", 0],
        "video": ["frames", 0],
        "edited_frame": ["clip", 1],
        "depth": ["depth", 0],
        "edited_index": 0,
        "seed": 23,
        "steps": steps,
        "feather": 4,
        "inverted_depth": False,
        "fit": "stretch",
        "finished_frames": "remove when done",
    }
    graph["paint"] = node("ReVideoPropagate", **given | inputs)
    for name, origin in (("source", ["frames", 0]), ("restyled", ["paint", 0])):
        graph[name] = node("SaveImage", images=origin, filename_prefix=f"propagate/{name}")
    return graph


def frames(comfyui: ComfyUI, run: Run, name: str) -> Tensor:
    """(T, 3, H, W) of 8 bits."""
    pictures = [np.asarray(Image.open(comfyui.saved_path(saved))) for saved in run.outputs[name]["images"]]
    return torch.from_numpy(np.stack(pictures)).movedim(-1, 1)


def finished_parts(comfyui: ComfyUI) -> set[Path]:
    """Frames and windows that lie in the output folder, of other tests too."""
    return {*(comfyui.output / "revideo_windows").rglob("window-*")}


def test_images_become_what_the_edited_frame_is(comfyui: ComfyUI):
    before = finished_parts(comfyui)
    run = comfyui.succeed(graph_of(), preview_method="auto")
    painted, source = frames(comfyui, run, "restyled"), frames(comfyui, run, "source")
    assert painted.shape == (FRAMES, 3, HEIGHT_PX, WIDTH_PX)
    assert (painted[0] / 255 - restyled_example().target[0]).abs().max() < 0.01  # the edited frame itself
    assert (painted[1:].float() - source[1:]).abs().mean() > 10
    assert run.steps("paint") == [*range(1, FRAMES + 1)] and run.previews
    assert finished_parts(comfyui) == before


def test_outside_the_mask_every_pixel_stays_and_the_edited_frame_may_be_a_later_one(comfyui: ComfyUI):
    x, y, width, height = BOX
    graph = graph_of(edited_index=2, mask=["mask", 0], depth=["depth as mask", 0], finished_frames="keep")
    graph["depth as mask"] = node("ImageToMask", image=["depth", 0], channel="red")
    graph["none"] = node("SolidMask", value=0.0, width=WIDTH_PX, height=HEIGHT_PX)
    graph["box"] = node("SolidMask", value=1.0, width=width, height=height)
    graph["mask"] = node("MaskComposite", destination=["none", 0], source=["box", 0], x=x, y=y, operation="add")
    run = comfyui.succeed(graph)
    painted, source = frames(comfyui, run, "restyled"), frames(comfyui, run, "source")
    inside = torch.zeros(HEIGHT_PX, WIDTH_PX, dtype=torch.bool)
    inside[y : y + height, x : x + width] = True
    assert torch.equal(painted[..., ~inside], source[..., ~inside])
    assert (painted[..., inside].float() - source[..., inside]).abs().mean((1, 2)).min() > 3
    folders = {file.parent.name for file in (comfyui.output / "revideo_windows").rglob("window-*")}
    assert "backwards" in folders  # two of them; they stay


def test_a_video_with_its_sound_by_depth_from_a_file(comfyui: ComfyUI):
    with VideoFile(Path(needed("REVIDEO_CLIPS")) / "bigbuckbunny.mp4", count=FRAMES) as source:
        write_like(comfyui.input / "few.mp4", (source.read(n, n + 1)[0] for n in range(FRAMES)), source)
    graph = {
        "clip": node("LoadVideo", file="few.mp4"),
        "frames": node("GetVideoComponents", video=["clip", 0]),
        "first": node("ImageFromBatch", image=["frames", 0], batch_index=0, length=1),
        "small": node("ImageScale", image=["first", 0], upscale_method="area", width=128, height=72, crop="disabled"),
    }
    paint = graph_of(1, video=["clip", 0], edited_frame=["small", 0], depth=["clip", 0])
    graph |= {name: paint[name] for name in ("model", "paint")}
    saved = {"filename_prefix": "video/propagated", "format": "auto", "codec": "auto"}
    graph["result"] = node("SaveVideo", video=["paint", 0], **saved)
    run = comfyui.succeed(graph)
    with (
        VideoFile(comfyui.saved_path(run.outputs["result"]["images"][0])) as found,
        VideoFile(comfyui.input / "few.mp4") as source,
    ):
        assert (found.size, len(found), found.rate) == (source.size, FRAMES, source.rate)  # of the video's own size
        assert found.sounds == source.sounds != []


def test_an_interrupt_ends_within_one_frame(comfyui: ComfyUI):
    def watch(kind: str, data: dict, run: Run) -> None:
        if kind == "progress" and data["node"] == "paint":
            comfyui.interrupt()

    run = comfyui.run(graph_of(1000, seed=5), watch)
    assert run.interrupted and run.error is None
    assert run.steps("paint") == [1]  # the edited frame, which takes no step


def write_sd(models: Path) -> None:
    save_file({"model.diffusion_model.input_blocks.0.0.weight": torch.zeros(4, 4, 3, 3)}, models / "sd.safetensors")


def write_empty_folder(models: Path) -> None:
    (models / "mine").mkdir(exist_ok=True)
    (models / "mine/propagator_config.json").write_text(PropagatorConfig().to_json(), "utf-8")


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("sd.safetensors", write_sd, "sd.safetensors is a Stable Diffusion checkpoint, not a propagator: train one"),
        ("mine", write_empty_folder, "mine lacks its UNet: there is no unet/diffusion_pytorch_model.safetensors"),
        ("revideo.safetensors", lambda models: None, "revideo.safetensors is "),
    ],
)
def test_a_model_that_is_no_propagator_is_named(
    comfyui: ComfyUI, name: str, write: Callable[[Path], None], message: str
):
    write(comfyui.base / "models/revideo")
    graph = graph_of()
    graph["model"]["inputs"]["propagator"] = name
    run = comfyui.run(graph)
    assert run.error is not None and run.error["node_id"] == "model"
    assert message in run.message and "\n" not in run.message


def test_what_does_not_fit_the_video_is_named(comfyui: ComfyUI):
    graph = graph_of()
    graph["depth"]["inputs"]["length"] = FRAMES - 1
    expected = f"the depth has {FRAMES - 1} frames, the video {FRAMES}: give one depth map for each frame"
    assert comfyui.run(graph).message == expected
    run = comfyui.run(graph_of(edited_index=FRAMES))
    assert run.message.endswith(
        f"the edited frame is said to be frame {FRAMES}; the video has frames 0 to {FRAMES - 1}"
    )


def test_an_example_without_depth_says_so_to_whoever_takes_it(comfyui: ComfyUI):
    graph = graph_of()
    graph["clip"]["inputs"]["example"] = "both"
    assert "only the example restyled comes with its depth" in comfyui.run(graph).message
    without = {name: graph[name] for name in ("clip", "frames", "source")}
    assert len(comfyui.succeed(without).outputs["source"]["images"]) == FRAMES


def test_the_example_gives_its_depth(comfyui: ComfyUI):
    graph = {"clip": node("ReVideoExampleClip", example=WITH_DEPTH)}
    for name, slot in (("source", 0), ("depth", 4)):
        graph[name] = node("SaveImage", images=["clip", slot], filename_prefix=f"propagate/example_{name}")
    run, truth = comfyui.succeed(graph), restyled_example()
    for name, expected in (("source", truth.source), ("depth", truth.depth.expand(-1, 3, -1, -1))):
        assert (frames(comfyui, run, name) / 255 - expected).abs().mean() < 0.02

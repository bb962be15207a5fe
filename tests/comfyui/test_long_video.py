"""ReVideoLongVideo under a real ComfyUI: from VIDEO to VIDEO with sound, killed and gone on, interrupted."""

from __future__ import annotations

import importlib
import re
import shutil
from fractions import Fraction
from pathlib import Path

import av
import pytest
import torch
from comfy_process import load_pack
from comfyui_server import CHECKPOINT, ComfyUI, Graph, Run, needed, node
from edit_graph import AREA, HEIGHT, WIDTH, edit_graph
from footage import write
from fuzzing import fuzz
from hypothesis import given
from hypothesis import strategies as st

from revideo import read_video

FRAMES = 34
WINDOWS = 3  # of 14 frames that share 4


@pytest.fixture(scope="module")
def clip(comfyui: ComfyUI) -> str:
    """The first frames of a clip with sound, in the server's input folder."""
    from revideo.video.file import VideoFile, write_like

    with VideoFile(Path(needed("REVIDEO_CLIPS")) / "bigbuckbunny.mp4", count=FRAMES) as source:
        frames = (source.read(number, number + 1)[0] for number in range(FRAMES))
        write_like(comfyui.input / "sounding.mp4", frames, source)
    return "sounding.mp4"


def long_graph(clip: str, steps: int = 1, seed: int = 23, images: bool = False, tracks: str = "[]") -> Graph:
    """VIDEO → edited VIDEO, saved; `images`: IMAGE → IMAGE, saved as a video too."""
    graph = edit_graph(steps)
    kept = {name: graph[name] for name in ("clip", "prepare", "first", "edited", "keep area", "edit area", "mask")}
    kept["clip"]["inputs"]["file"] = clip
    kept["prepare"]["inputs"]["count"] = 0 if images else 1
    kept["tracks"] = graph["tracks"] | {"inputs": graph["tracks"]["inputs"] | {"tracks": tracks, "timing": "as drawn"}}
    kept["model"] = graph["model"]
    kept["long"] = node(
        "ReVideoLongVideo",
        model=["model", 0],
        video=["prepare" if images else "clip", 0],
        edited_frame=["edited", 0],
        mask=["mask", 0],
        timing="as drawn",
        fit="stretch",
        seed=seed,
        steps=steps,
        cfg_first=1.0,
        cfg_last=1.0,
        overlap=4,
        feather=4,
        finished_windows="keep",
        fps=6,
        motion_bucket=127,
        noise_augmentation=0.02,
        source_pixels=True,
        carried_latent=True,
        first_embedding=True,
        hold_colours=True,
        steered_paths=True,
    )
    result = ["long", 0]
    if images:
        kept["as video"] = node("CreateVideo", images=result, fps=25.0)
        result = ["as video", 0]
    else:
        kept.pop("tracks")
    kept["result"] = node("SaveVideo", video=result, filename_prefix="video/long", format="auto", codec="auto")
    return kept


def saved(comfyui: ComfyUI, run: Run) -> Path:
    return comfyui.saved_path(run.outputs["result"]["images"][0])


def told(path: Path) -> tuple[int, Fraction, float, int]:
    """Frames, rate, duration of the pictures in seconds, packets of sound."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        sound = sum(packet.size > 0 for packet in container.demux(container.streams.audio[0]))
        return video.frames, video.average_rate, float(video.duration * video.time_base), sound


@pytest.fixture(scope="module")
def finished(comfyui: ComfyUI, clip: str) -> Run:
    return comfyui.succeed(long_graph(clip), preview_method="auto")


def test_a_video_with_its_sound(comfyui: ComfyUI, clip: str, finished: Run):
    assert told(saved(comfyui, finished)) == told(comfyui.input / clip)
    found, source = read_video(saved(comfyui, finished))[0], read_video(comfyui.input / clip)[0]
    assert found.shape == source.shape  # its own size, not the model's
    rows, columns = (
        (AREA[1] + AREA[3]) * source.shape[-2] // HEIGHT + 8,
        (AREA[0] + AREA[2]) * source.shape[-1] // WIDTH,
    )
    assert (found[..., rows:, :] - source[..., rows:, :]).abs().mean() < 0.02  # but for compression
    middle = (..., rows - 60, columns - 120)
    assert (found[middle] - source[middle]).abs().mean() > 0.02
    steps = finished.steps("long")
    assert steps == sorted(steps) and steps[-1] == FRAMES  # it counts frames
    assert finished.previews


def test_a_trimmed_video_is_edited_as_far_as_it_is_shown(comfyui: ComfyUI, clip: str):
    graph = long_graph(clip)
    inputs = {"video": ["clip", 0], "start_time": 0.5, "duration": 0.58, "strict_duration": False}
    graph["trimmed"] = node("Video Slice", **inputs)
    graph["long"]["inputs"]["video"] = ["trimmed", 0]
    run = comfyui.succeed(graph)
    frames, rate, seconds, sound = told(saved(comfyui, run))
    assert (frames, rate) == (14, 25)  # numbers 13 to 26
    assert seconds == pytest.approx(14 / 25, abs=0.01) and sound == pytest.approx(0.58 * 48000 / 1024, abs=3)
    found, source = read_video(saved(comfyui, run))[0], read_video(comfyui.input / clip, start=13, count=14)[0]
    assert (found - source)[..., -200:, :].abs().mean() < 0.02  # below the area nothing changed


@pytest.mark.parametrize("count", [24, 9], ids=["two windows", "less than a window"])
def test_images_to_images(comfyui: ComfyUI, clip: str, count: int):
    graph = long_graph(clip, images=True)
    graph["prepare"]["inputs"]["count"] = count
    # An id is whatever text a prompt gives a node.
    graph["../../../../x"] = graph.pop("long")
    graph["as video"]["inputs"]["images"] = ["../../../../x", 0]
    around = comfyui.base.parent
    before = {*around.iterdir(), *comfyui.base.iterdir()}
    run = comfyui.succeed(graph)
    assert read_video(saved(comfyui, run))[0].shape == (count, 3, HEIGHT, WIDTH)
    assert {*around.iterdir(), *comfyui.base.iterdir()} == before
    for folder in (comfyui.output / "revideo_windows").iterdir():
        assert re.fullmatch("[0-9a-f]{32}", folder.name)


@fuzz(100)
@given(
    node_id=st.text() | st.sampled_from(["../../x", "/etc/x", "C:\\x", "a:b:c", "\0", "x" * 5000, "..", "", "\ud800"])
)
def test_no_id_of_a_node_names_a_place(node_id: str):
    whole_video = importlib.import_module(f"{load_pack().__name__}.whole_video")
    picture = torch.zeros(3, 8, 8)
    folder = whole_video.windows_folder(node_id, picture)
    assert folder.parent == whole_video.windows_folder("1", picture).parent
    assert re.fullmatch("[0-9a-f]{32}", folder.name)
    assert (folder == whole_video.windows_folder("1", picture)) == (node_id == "1")
    assert folder != whole_video.windows_folder(node_id, picture + 1)


def test_killed_and_started_again_it_goes_on(tmp_path: Path, comfyui: ComfyUI, clip: str, finished: Run):
    server = ComfyUI(tmp_path)
    for file in (comfyui.checkpoints / CHECKPOINT, comfyui.input / clip):
        shutil.copy(file, server.base / file.relative_to(comfyui.base))
    windows = server.output / "revideo_windows"

    def done() -> dict[str, int]:
        return {file.name: file.stat().st_mtime_ns for file in windows.rglob("window-*")}

    graph = long_graph(clip)

    def kill(kind: str, data: dict, run) -> None:
        if done():
            assert server.process is not None
            server.process.kill()
            raise ConnectionAbortedError

    server.start()
    try:
        with pytest.raises((ConnectionAbortedError, OSError)):
            server.run(graph, kill, preview_method="auto")
        server.stop()
        before = done()
        assert 1 <= len(before) < WINDOWS
        server.start()
        run = server.succeed(graph)
        after = done()
        assert len(after) == WINDOWS
        assert {name: after[name] for name in before} == before  # they were not made again
        # Frame by frame: what a saved file says of itself beside them may differ from run to run.
        found, expected = (read_video(saved(*each))[0] for each in ((server, run), (comfyui, finished)))
        assert torch.equal(found, expected)
    finally:
        server.stop()


def test_an_interrupt_ends_within_one_step(comfyui: ComfyUI, clip: str):
    def watch(kind: str, data: dict, run) -> None:
        if kind == "progress" and data["node"] == "long":
            comfyui.interrupt()

    run = comfyui.run(long_graph(clip, steps=500, seed=5), watch, preview_method="auto")
    assert run.interrupted and run.error is None


def test_a_small_edit_of_large_frames_is_of_a_part(comfyui: ComfyUI, clip: str):
    graph = long_graph(clip)
    graph["prepare"]["inputs"]["size_policy"] = "source"
    size = read_video(comfyui.input / clip, 0, 1, 1)[0].shape[-2:]
    graph["keep area"]["inputs"] |= {"height": size[0], "width": size[1]}
    graph["long"]["inputs"]["crop"] = "always"
    run = comfyui.succeed(graph)
    result, source = read_video(saved(comfyui, run))[0], read_video(comfyui.input / clip)[0]
    assert result.shape == source.shape
    x, y, width, height = AREA
    assert (result - source)[..., y + height + 8 :, :].abs().mean() < 0.02
    assert (result - source)[..., y + 16 : y + height - 16, x + 16 : x + width - 16].abs().mean() > 0.02


def test_from_a_later_frame_back_and_on_to_a_keyframe(comfyui: ComfyUI, clip: str):
    graph = long_graph(clip)
    graph["keyframes"] = node("ReVideoKeyframes", frames="30", **{"edited_frames.image0": ["edited", 0]})
    graph["long"]["inputs"] |= {"reference_frame": 5, "keyframes": ["keyframes", 0]}
    run = comfyui.succeed(graph)
    assert told(saved(comfyui, run)) == told(comfyui.input / clip)
    steps = run.steps("long")
    assert steps == sorted(steps) and steps[-1] == FRAMES


@pytest.mark.parametrize(
    ("frames", "count", "message"),
    [
        ("4, 9", 1, "frames names 2 (4, 9), but there are 1 edited pictures"),
        ("4, 4", 2, "frames names one frame twice: 4, 4"),
        ("4, last", 2, "as in \"40, 83\", not '4, last'"),
        ("", 1, "not ''"),
    ],
)
def test_keyframes_that_do_not_fit_their_numbers_are_named(frames: str, count: int, message: str):
    load_pack()
    from pack.nodes.conditions import ReVideoKeyframes

    pictures = {"image0": torch.zeros(count, 64, 64, 3)}
    with pytest.raises(ValueError, match=re.escape(message)):
        ReVideoKeyframes.execute(pictures, frames)


def test_keyframes_are_pictures_by_number():
    load_pack()
    from pack.nodes.conditions import ReVideoKeyframes

    pictures = {"image0": torch.zeros(2, 64, 64, 3), "image1": torch.ones(1, 64, 64, 4)}
    (found,) = ReVideoKeyframes.execute(pictures, " 7; 40,83 ").result
    assert [*found] == [7, 40, 83]
    assert all(picture.shape == (3, 64, 64) for picture in found.values())
    assert found[83].all() and not found[40].any()


def test_an_edit_drawn_on_a_video_whose_sides_the_model_does_not_take(comfyui: ComfyUI):
    write(comfyui.input / "odd.mp4", {"size": (120, 200)})
    graph = long_graph("odd.mp4")
    graph["prepare"]["inputs"]["size_policy"] = "source"
    graph["keep area"]["inputs"] |= {"height": 120, "width": 200}
    graph["result"]["inputs"]["filename_prefix"] = "video/odd"
    result, _ = read_video(saved(comfyui, comfyui.succeed(graph)))
    assert result.shape == read_video(comfyui.input / "odd.mp4")[0].shape


def test_no_part_is_taken_of_frames_that_the_edit_is_not_drawn_on(comfyui: ComfyUI, clip: str):
    graph = long_graph(clip)
    graph["long"]["inputs"]["crop"] = "always"
    assert "edit a frame of its size, or set crop to auto" in comfyui.run(graph).message

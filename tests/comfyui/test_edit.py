"""A clip edited inside a real ComfyUI, and what comes out of it."""

from __future__ import annotations

from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from comfyui_server import CHECKPOINT, WINDOW, ComfyUI, Run, load_latent, needed, node, relative_rms
from edit_graph import AREA, HEIGHT, TRACKS, WIDTH, cropped, edit_graph, with_video
from PIL import Image

import revideo
from revideo.models.vae import LATENT_SCALE
from revideo.tracks.tracks_text import parse_tracks
from revideo.video.fitting import fit_frames
from revideo.video.io import read_video


def read_back(content: bytes) -> tuple[np.ndarray, Fraction]:
    """(T, H, W, 3) 0 to 255, frames per second: by PyAV alone, none of our code."""
    with av.open(BytesIO(content)) as container:
        stream = container.streams.video[0]
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]), stream.average_rate


def psnr_db(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / ((a.astype(float) - b.astype(float)) ** 2).mean()))


def prepared_source() -> np.ndarray:
    """What ReVideoPrepareVideo should make of the clip, (T, H, W, 3) 0 to 255, by another library's hand."""
    with av.open(str(Path(needed("REVIDEO_CLIPS")) / "bikes.mp4")) as container:
        frames = [frame.to_image() for _, frame in zip(range(WINDOW), container.decode(video=0))]
    return np.stack([np.asarray(frame.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)) for frame in frames])


def outside(frames: np.ndarray, margin: int = 0) -> np.ndarray:
    """The pixels that the edit must not touch, `margin` pixels away from its area."""
    x, y, width, height = AREA
    kept = np.ones(frames.shape[1:3], bool)
    kept[max(y - margin, 0) : y + height + margin, max(x - margin, 0) : x + width + margin] = False
    return frames[:, kept]


@pytest.fixture(scope="module")
def finished(comfyui: ComfyUI) -> Run:
    """The whole chain, from LoadVideo to SaveVideo; its frames also saved without loss."""
    graph = with_video(edit_graph(steps=3))
    for name, frames in (("result", "keep"), ("source", "prepare")):
        graph[f"{name} pictures"] = node("SaveImage", images=[frames, 0], filename_prefix=f"pictures/{name}")
    return comfyui.succeed(graph, preview_method="auto")


def pictures(comfyui: ComfyUI, run: Run, name: str) -> np.ndarray:
    return np.stack([np.asarray(Image.open(comfyui.saved_path(saved))) for saved in run.outputs[name]["images"]])


def test_saved_video_has_the_right_frames_size_and_rate(comfyui: ComfyUI, finished: Run):
    frames, rate = read_back(comfyui.view(finished.outputs["result"]["images"][0]))
    assert frames.shape == (WINDOW, HEIGHT, WIDTH, 3)
    assert rate == 25  # that of bikes.mp4


def test_prepared_frames_are_the_clip_s(comfyui: ComfyUI, finished: Run):
    # Two bicubic filters differ in the last digits; a frame or a pixel further would cost far more.
    assert psnr_db(pictures(comfyui, finished, "source pictures"), prepared_source()) > 38


def test_pixels_outside_the_area_are_the_source_s_to_the_bit(comfyui: ComfyUI, finished: Run):
    source, result = (pictures(comfyui, finished, f"{name} pictures") for name in ("source", "result"))
    np.testing.assert_array_equal(outside(result), outside(source))


def test_saved_video_outside_the_area_equals_the_source_within_the_codec_s_loss(comfyui: ComfyUI, finished: Run):
    prepared = pictures(comfyui, finished, "source pictures")
    result, _ = read_back(comfyui.view(finished.outputs["result"]["images"][0]))
    source, _ = read_back(comfyui.view(finished.outputs["source"]["images"][0]))
    # The same encoder at the same quality on the untouched source is the codec's loss. H.264 works in blocks of
    # 16 pixels and smooths across their edges, so 16 pixels around the area carry some of the edit's bits; the
    # edit also shifts the encoder's choices elsewhere, for which 1.5 dB are allowed.
    loss = psnr_db(outside(source, 16), outside(prepared, 16))
    assert loss > 28
    assert psnr_db(outside(result, 16), outside(prepared, 16)) > loss - 1.5


def test_pixels_inside_the_area_are_remade(comfyui: ComfyUI, finished: Run):
    source, result = (pictures(comfyui, finished, f"{name} pictures") for name in ("source", "result"))
    x, y, width, height = AREA
    middle = np.s_[:, y + 16 : y + height - 16, x + 16 : x + width - 16]
    assert psnr_db(result[middle], source[middle]) < 25


def test_progress_arrives_with_every_step_and_frame(finished: Run):
    assert finished.steps("sample") == [1, 2, 3]
    assert finished.steps("decode")[-1] == WINDOW


def test_live_preview_arrives_with_every_step(finished: Run):
    assert len(finished.previews) == 3
    for preview in finished.previews:
        picture = Image.open(BytesIO(preview))
        assert picture.width / picture.height == pytest.approx(WIDTH / HEIGHT, rel=0.1)
        assert np.asarray(picture).std() > 1  # a picture of something


def test_conditions_show_what_the_model_sees(comfyui: ComfyUI, finished: Run):
    shown = Image.open(BytesIO(comfyui.view(finished.outputs["conditions"]["images"][0])))
    assert shown.n_frames == WINDOW


def test_latents_are_the_library_s_in_comfyui_s_convention(comfyui: ComfyUI):
    """The node's LATENT is the autoencoder's own space: the model's latents / 0.18215."""
    run = comfyui.succeed(edit_graph(steps=2, seed=5))

    frames, _ = read_video(comfyui.input / "bikes.mp4", count=WINDOW)
    video = fit_frames(frames, HEIGHT, WIDTH, "stretch")
    x, y, width, height = AREA
    region = torch.zeros(1, 1, HEIGHT, WIDTH)
    region[..., y : y + height, x : x + width] = 1
    edit = revideo.Edit(1 - video[0], parse_tracks(TRACKS).for_clip(WINDOW), region)
    model = revideo.load(comfyui.checkpoints / CHECKPOINT, device="cpu")
    latents = model.sample(revideo.make_conditions(video, edit), revideo.SamplerOptions(steps=2, seed=5))

    assert LATENT_SCALE == 0.18215
    assert relative_rms(load_latent(comfyui, run, "latent") * LATENT_SCALE, latents) < 1e-4


def test_an_image_batch_can_be_edited_as_a_video_can(comfyui: ComfyUI):
    graph = {
        "clip": node("LoadVideo", file="bikes.mp4"),
        "parts": node("GetVideoComponents", video=["clip", 0]),
        **{
            name: node(
                "ReVideoPrepareVideo",
                video=source,
                size_policy="longest side",
                width=192,
                height=192,
                fit="pad",
                start=3,
                stride=2,
                count=5,
                source_fps=50.0,
            )
            for name, source in (("video", ["clip", 0]), ("images", ["parts", 0]))
        },
    }
    for name in ("video", "images"):
        graph[f"{name} pictures"] = node("SaveImage", images=[name, 0], filename_prefix=name)
        for number, what in ((1, "fps"), (2, "width"), (3, "height")):
            graph[f"{name} {what}"] = node("PreviewAny", source=[name, number])
    run = comfyui.succeed(graph)
    texts = {name: output["text"][0] for name, output in run.outputs.items() if "text" in output}
    assert texts == {
        "video fps": "12.5",
        "images fps": "25.0",
        "video width": "192",
        "images width": "192",
        "video height": "64",
        "images height": "64",
    }
    as_video, as_images = (pictures(comfyui, run, f"{name} pictures") for name in ("video", "images"))
    assert as_video.shape == (5, 64, 192, 3)
    assert psnr_db(as_video, as_images) > 40  # ComfyUI's decoder and ours round colours in other places


def test_a_part_of_larger_frames_is_edited_and_put_back(comfyui: ComfyUI):
    graph = cropped(with_video(edit_graph(steps=1)))
    for name, frames in (("result", "keep"), ("source", "prepare"), ("part", "decode")):
        graph[f"{name} pictures"] = node("SaveImage", images=[frames, 0], filename_prefix=f"pictures/{name}")
    run = comfyui.succeed(graph)
    source, result = (pictures(comfyui, run, f"{name} pictures") for name in ("source", "result"))
    assert source.shape == result.shape == (WINDOW, 272, 640, 3)
    assert pictures(comfyui, run, "part pictures").shape == (WINDOW, 256, 256, 3)
    assert np.array_equal(outside(result), outside(source))
    x, y, width, height = AREA
    inside = np.s_[:, y : y + height, x : x + width]
    assert np.abs(result[inside].astype(int) - source[inside]).mean() > 5


def test_a_crop_is_put_back_into_its_own_frames_only(comfyui: ComfyUI):
    graph = cropped(with_video(edit_graph(steps=1)))
    graph["other"] = graph["prepare"] | {"inputs": graph["prepare"]["inputs"] | {"size_policy": "exact"}}
    graph["keep"]["inputs"]["original"] = ["other", 0]
    assert "give the frames that it was planned for" in comfyui.run(graph).message

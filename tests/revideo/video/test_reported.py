"""Files that people reported to other projects, each with its right outcome here."""

import os
from pathlib import Path

import av
import numpy as np
import PIL.Image
import pytest
from footage import FRAMES, pixels, write

import revideo
from revideo.video.file import VideoFile, write_like
from revideo.video.io import read_image
from revideo.video.masks import MaskFile, read_masks

INSIDE = 0.25  # of the masks made here


def levels(highest: int, dtype: type, height: int = 32, width: int = 48) -> np.ndarray:
    made = np.zeros((height, width), dtype)
    made[height // 4 : 3 * height // 4, width // 6 : 4 * width // 6] = highest
    return made


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p"])
def test_full_range_stays_full_range(tmp_path, pixel_format):
    """PyAV-Org/PyAV#1430 and #2149: scaled twice."""
    ramp = np.tile(np.linspace(0, 255, 96).astype(np.uint8), (64, 1))
    with av.open(str(tmp_path / "full.mkv"), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "1"})
        stream.height, stream.width, stream.pix_fmt = 64, 96, pixel_format
        codec = stream.codec_context
        codec.colorspace, codec.color_primaries, codec.color_trc, codec.color_range = 1, 1, 1, 2
        for number in range(3):
            grey = np.stack([ramp, np.full_like(ramp, 128), np.full_like(ramp, 128)])
            picture = av.VideoFrame.from_ndarray(grey, format="yuv444p").reformat(format=pixel_format)
            picture.pts, picture.color_range = number, 2
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    with VideoFile(tmp_path / "full.mkv") as source:
        frames = source.read(0, 3)
        write_like(tmp_path / "out.mkv", frames, source)
    assert np.abs(frames[0, :, 32].numpy() * 255 - ramp[0]).max() <= 2
    again, _ = revideo.read_video(tmp_path / "out.mkv")
    assert (again - frames).abs().mean() < 0.01


@pytest.mark.parametrize("highest", [65535, 40000, 1, 300])
def test_a_mask_of_sixteen_bits(tmp_path, highest):
    """python-pillow/Pillow#2574 and #5991, wkentaro/labelme#13: all white, all black, labels lost."""
    PIL.Image.fromarray(levels(highest, np.uint16)).save(tmp_path / "mask.png")
    assert (read_masks(tmp_path / "mask.png") >= 0.5).float().mean() * 4 == pytest.approx(4 * INSIDE)


@pytest.mark.parametrize(
    "codec, suffix, pixel_format",
    [("libvpx-vp9", "webm", "yuva420p"), ("libvpx", "webm", "yuva420p"), ("prores_ks", "mov", "yuva444p10le")],
)
def test_transparency_of_a_video_is_its_mask(tmp_path, codec, suffix, pixel_format):
    """mpv-player/mpv#10304, bilibili/web-demuxer#16: FFmpeg's own decoders leave WebM's transparency out."""
    path = tmp_path / f"mask.{suffix}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options={"auto-alt-ref": "0"} if suffix == "webm" else {})
        stream.height, stream.width, stream.pix_fmt = 64, 96, pixel_format
        if suffix == "webm":
            stream.metadata["alpha_mode"] = "1"
        for number in range(4):
            white = np.full((64, 96, 4), 255, np.uint8)
            white[..., 3] = levels(255, np.uint8, 64, 96)
            picture = av.VideoFrame.from_ndarray(white, format="rgba").reformat(format=pixel_format)
            picture.pts = number
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    masks = read_masks(path, 0, 1, 4)
    assert (masks >= 0.5).float().mean() == pytest.approx(INSIDE, abs=0.01)
    with MaskFile(path) as file:
        assert len(file) == 4 and (file.read(2, 4) - masks[2:4]).abs().max() == 0
    assert len(revideo.read_video(path)[0]) == 4


def test_a_percent_sign_is_part_of_a_name(tmp_path):
    """catchpoint/WebPageTest.visual-metrics#27, opentoonz/opentoonz#826: taken for a pattern of numbers."""
    folder = tmp_path / "100%d done"
    folder.mkdir()
    write(folder / "take 100%d.mp4", {})
    write(folder / "img.0001.mp4", {}, frames=7)
    for number in range(3):
        PIL.Image.fromarray(pixels(number)).save(folder / f"shot_{number:03d}.png")
    lengths = [
        len(revideo.read_video(folder / name)[0]) for name in ("take 100%d.mp4", "img.0001.mp4", "shot_%03d.png")
    ]
    assert lengths == [FRAMES, 7, 3]


def test_a_stream_without_times(tmp_path):
    """PyAV-Org/PyAV#1105: a recorder's bare stream."""
    write(tmp_path / "boxed.mp4", {})
    with av.open(str(tmp_path / "boxed.mp4")) as boxed, av.open(str(tmp_path / "bare.h264"), "w") as bare:
        stream = bare.add_stream_from_template(boxed.streams.video[0])
        for packet in boxed.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                bare.mux(packet)
    with VideoFile(tmp_path / "bare.h264") as source:
        assert (len(source), source.rate) == (FRAMES, 25)
        write_like(tmp_path / "out.mp4", source.read(0, FRAMES), source)
    assert revideo.read_video(tmp_path / "out.mp4")[1] == 25


@pytest.mark.parametrize("suffix, offset", [("ts", 0), ("mkv", 1000), ("mp4", 1000)])
def test_a_clip_that_does_not_begin_at_zero(tmp_path, suffix, offset):
    """TypesettingTools/Aegisub#21, localdevices/pyorc#109: frames lost at the end, or times shifted."""
    path = write(tmp_path / f"late.{suffix}", {"times": range(offset, 10_000, 40)})
    with VideoFile(path) as source:
        assert (len(source), source.rate) == (FRAMES, 25)
        write_like(tmp_path / "out.mp4", source.read(0, FRAMES), source)
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert [round(picture.time * 25) for picture in container.decode(video=0)] == list(range(FRAMES))


def test_an_edited_frame_of_cmyk(tmp_path):
    """What print programs save: inverted or green elsewhere."""
    colour = np.full((32, 48, 3), (200, 40, 90), np.uint8)
    PIL.Image.fromarray(colour).convert("CMYK").save(tmp_path / "frame.jpg", quality=98)
    assert np.abs(read_image(tmp_path / "frame.jpg").permute(1, 2, 0).numpy() * 255 - colour).max() <= 3


def test_a_clip_in_grey(tmp_path):
    """Cameras of science and security."""
    video, _ = revideo.read_video(write(tmp_path / "grey.mkv", {"codec": "ffv1", "pix_fmt": "gray"}))
    assert len(video) == FRAMES and video[:, 0].equal(video[:, 1]) and video.std() > 0.05


@pytest.mark.skipif(os.name == "nt", reason="no such names there")
@pytest.mark.parametrize("name", ["line\nbreak.mp4", "Füße 🎬.mp4", "-i.mp4", "a;b|c.mp4", "CLIP.MP4"])
def test_names_that_programs_stumble_over(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / name, {})
    assert len(revideo.read_video(Path(name))[0]) == FRAMES

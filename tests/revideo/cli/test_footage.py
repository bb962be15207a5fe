"""`revideo edit` on all kinds of footage, by the built-in model: one window and long, one result."""

import argparse
from pathlib import Path

import av
import numpy as np
import PIL.Image
import pytest
from footage import FRAMES, pixels, write

import revideo
from revideo.cli.edit import add_edit
from revideo.cli.edit_long import read_long_inputs
from revideo.cli.inputs import read_inputs
from revideo.cli.main import main

LONG = ("--long", "--frames", "18")


def edit(video: Path, mask: Path, output: Path, *more: str) -> int:
    """Two steps at a small size; nothing is put where the clip was."""
    options = ("--model", "tiny", "--mask", str(mask), "--size", "64x64", "--steps", "2", "-o", str(output))
    return main(["edit", str(video), *options, *more])


def square_mask(path: Path, height: int = 32, width: int = 48, shift: int = 0) -> Path:
    levels = np.zeros((height, width), np.uint8)
    levels[8:24, 8 + shift : 32 + shift] = 1  # labels
    PIL.Image.fromarray(levels).save(path)
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "clip"
    folder.mkdir()
    for number in range(FRAMES):
        PIL.Image.fromarray(pixels(number)).save(folder / f"frame_{number:04d}.png")
    return folder


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    (tmp_path / "masks").mkdir()
    for number in range(FRAMES):
        square_mask(tmp_path / f"masks/m_{number}.png", shift=number // 2)
    return tmp_path / "masks/m_%d.png"


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), LONG])
@pytest.mark.parametrize("form", ["folder", "numbers", "webp"])
def test_pictures_in_place_of_a_clip_and_its_masks(tmp_path, pictures, masks, form, more):
    clip = {"folder": pictures, "numbers": pictures / "frame_%04d.png"}.get(form, tmp_path / "clip.webp")
    if form == "webp":
        frames = [PIL.Image.fromarray(pixels(number)) for number in range(FRAMES)]
        frames[0].save(clip, save_all=True, append_images=frames[1:], duration=100, lossless=True)
    assert edit(clip, masks, tmp_path / "out.mp4", *more) == 0
    result, rate = revideo.read_video(tmp_path / "out.mp4")
    assert len(result) == (18 if more else 14) and rate == (10 if form == "webp" else 24)


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), LONG])
def test_a_small_edit_of_a_large_clip_changes_nothing_around_it(tmp_path, more):
    clip = write(tmp_path / "large.mkv", {"size": (240, 320), "codec": "ffv1", "pix_fmt": "bgr0"})
    mask = square_mask(tmp_path / "mask.png", 240, 320)
    assert edit(clip, mask, tmp_path / "out.mkv", "--crop", "always", *more) == 0
    source, result = (revideo.read_video(path)[0] for path in (clip, tmp_path / "out.mkv"))
    assert result.shape[-2:] == (240, 320)
    assert (result - source[: len(result)])[..., 40:, :].abs().mean() < 0.01  # what H.264 takes


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), ("--long", "--frames", "15")])
def test_a_clip_of_more_than_a_megapixel_is_cropped_of_itself(tmp_path, capsys, more):
    clip = write(tmp_path / "large.mkv", {"size": (1080, 1920), "codec": "ffv1", "pix_fmt": "bgr0"})
    mask, output = square_mask(tmp_path / "mask.png", 1080, 1920), tmp_path / "out.mkv"
    words = ["edit", str(clip), "--model", "tiny", "--mask", str(mask), "--steps", "1", "-o", str(output), *more]
    assert main(words) == 0
    assert "at 128×128" in capsys.readouterr().out
    assert revideo.read_video(output, 0, 1, 1)[0].shape[-2:] == (1080, 1920)


@pytest.mark.parametrize("more", [(), ("--long", "--frames", "15")])
def test_a_mask_of_the_fitted_size_is_of_the_whole_frame(tmp_path, more):
    """Of a clip that is else cropped."""
    clip = write(tmp_path / "large.mkv", {"size": (1080, 1920), "codec": "ffv1", "pix_fmt": "bgr0"}, frames=15)
    words = ["edit", str(clip), "--model", "tiny", "--steps", "1", "-o", str(tmp_path / "out.mkv"), *more]
    parser = argparse.ArgumentParser()
    add_edit(parser.add_subparsers())
    for size, cropped in ((1080, 1920), True), ((768, 1360), False):
        mask = square_mask(tmp_path / "mask.png", *size)
        inputs = (read_long_inputs if more else read_inputs)(parser.parse_args([*words, "--mask", str(mask)]))
        assert (inputs.crop is not None) == cropped
        assert inputs.edit.size == size
        assert inputs.size == ((128, 128) if cropped else size)
    asked = [*words, "--mask", str(square_mask(mask, 1080, 1920)), "--crop", "always", "--size", "256x256"]
    assert (read_long_inputs if more else read_inputs)(parser.parse_args(asked)).size == (256, 256)


@pytest.mark.slow
@pytest.mark.parametrize("mask_width", [48, 96])  # as the file holds its frames, or as they are shown
@pytest.mark.parametrize("more", [(), LONG])
def test_a_clip_of_oblong_pixels_is_edited_as_it_is_shown(tmp_path, more, mask_width):
    clip = write(tmp_path / "oblong.mp4", {"aspect": 2})
    mask = square_mask(tmp_path / "mask.png", width=mask_width)
    assert edit(clip, mask, tmp_path / "out.mp4", *more) == 0
    result, _ = revideo.read_video(tmp_path / "out.mp4")
    height, width = result.shape[-2:]
    assert width / height == pytest.approx(96 / 32, rel=0.35 if not more else 0)  # a window has the model's size


def test_tracks_and_drawings_in_each_others_place_are_told_apart(tmp_path, capsys):
    clip, mask = write(tmp_path / "clip.mp4", {}), square_mask(tmp_path / "mask.png")
    drawing, tracks = tmp_path / "drawing.json", tmp_path / "tracks.json"
    drawing.write_text(revideo.EditDocument(width=48, height=32, frames=14).to_json())
    tracks.write_text("[[[1, 2], [3, 4]]]", "utf-16")
    assert edit(clip, mask, tmp_path / "out.mp4", "--tracks", str(drawing)) == 2
    assert "this is a drawing, not tracks: give it as the drawing (--document" in capsys.readouterr().err
    assert main(["edit", str(clip), "--model", "tiny", "--document", str(tracks), "-o", str(tmp_path / "o.mp4")]) == 2
    assert "holds tracks, no drawing: give it as --tracks" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), LONG])
def test_timing_and_every_sound_track_come_along(tmp_path, more):
    """Frames of their own times, two tracks of sound with their languages; equal packets while they sound."""
    clip = tmp_path / "clip.mkv"
    times = [0, 40, 80, 120, 120, 200, 240, 300, *range(340, 340 + 40 * 12, 40)]  # one twice
    with av.open(str(write(tmp_path / "silent.mkv", {"times": sorted({*times, 160})}))) as silent:
        copy_with_sound(silent, clip, ("aac", "eng", 2), ("libopus", "fra", 1))
    assert edit(clip, square_mask(tmp_path / "mask.png"), tmp_path / "out.mkv", *more) == 0
    with av.open(str(clip)) as source, av.open(str(tmp_path / "out.mkv")) as result:
        found = [
            (each.codec_context.name, each.metadata.get("language"), each.layout.name) for each in result.streams.audio
        ]
        assert found == [("aac", "eng", "stereo"), ("opus", "fra", "mono")]
        shown = [float(each.pts * each.time_base) for each in result.decode(result.streams.video[0])]
        expected = [float(each.pts * each.time_base) for each in source.decode(source.streams.video[0])]
        assert shown == pytest.approx(expected[: len(shown)], abs=0.002)
    for number in (0, 1):
        whole, part = sound_packets(clip, number), sound_packets(tmp_path / "out.mkv", number)
        assert part == whole[: len(part)] and len(part) > 5


def copy_with_sound(silent, path: Path, *tracks: tuple[str, str, int]) -> None:
    with av.open(str(path), "w") as container:
        [video] = silent.streams.video
        stream = container.add_stream_from_template(video)
        sounds = []
        for codec, language, channels in tracks:
            layout = "stereo" if channels == 2 else "mono"
            sound = container.add_stream(codec, rate=48000, layout=layout)
            sound.metadata["language"] = language
            sounds.append((sound, layout))
        for packet in silent.demux(video):
            if packet.dts is not None:
                packet.stream = stream
                container.mux(packet)
        for sound, layout in sounds:
            wave = np.sin(np.arange(48000) / 20).astype(np.float32)
            for start in range(0, 48000, 960):
                planes = np.stack([wave[start : start + 960]] * (2 if layout == "stereo" else 1))
                samples = av.AudioFrame.from_ndarray(planes, format="fltp", layout=layout)
                samples.sample_rate, samples.pts = 48000, start
                container.mux(sound.encode(samples))
            container.mux(sound.encode())


def sound_packets(path: Path, number: int) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=number) if packet.size]


@pytest.mark.parametrize("more", [(), LONG])
def test_what_cannot_be_read_is_named_before_the_model(tmp_path, more, capsys, monkeypatch):
    monkeypatch.setattr("revideo.editing.model.load", lambda *_, **__: pytest.fail("a model was loaded"))
    mask = square_mask(tmp_path / "mask.png")
    for video, message in ((tmp_path / "none_%04d.png", "there are no pictures"), (tmp_path, "there are no pictures")):
        folder = tmp_path / "empty"
        folder.mkdir(exist_ok=True)
        assert edit(folder if video == tmp_path else video, mask, tmp_path / "out.mp4", *more) == 2
        assert message in capsys.readouterr().err

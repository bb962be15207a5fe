"""Frames by range, equal to reading whole; results with their source's timing, colours and sound."""

from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from footage import write
from torch.testing import assert_close

from revideo import read_video, write_video
from revideo.editing.model import _FittedFrames
from revideo.video.file import VideoFile, check_like, rising_times, write_like
from revideo.video.fitting import fit_frames

FRAMES = 12


def make_video(
    path: Path, times=range(0, 512 * FRAMES, 512), size=(48, 64), colours=(2, 2, 2, 0), sound=None, noise=1
) -> Path:
    """Frames of one colour each, brighter with time, shown at `times` in units of 1/12800 s."""
    random = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "4"})
        stream.height, stream.width = size
        stream.pix_fmt = "yuv420p"
        codec = stream.codec_context
        codec.time_base = Fraction(1, 12800)
        codec.colorspace, codec.color_primaries, codec.color_trc, codec.color_range = colours
        track = container.add_stream(sound, rate=48000) if sound else None
        for number, time in enumerate(times):
            planes = random.integers(0, noise, (size[0] * 3 // 2, size[1]), np.uint8) + np.uint8(80 + 8 * number)
            planes[size[0] : size[0] * 5 // 4] = 110  # blue against yellow, then red against green
            planes[size[0] * 5 // 4 :] = 150
            picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            picture.pts, picture.time_base = time, Fraction(1, 12800)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
        if track is not None:
            wave = np.sin(np.arange(24000) / 20).astype(np.float32)[None]
            for start in range(0, 24000, 1000):
                samples = av.AudioFrame.from_ndarray(wave[:, start : start + 1000], format="fltp", layout="mono")
                samples.sample_rate, samples.pts = 48000, start
                container.mux(track.encode(samples))
            container.mux(track.encode())
    return path


def packets(path: Path) -> list[tuple[float, bytes]]:
    """Of the sound: when, and what."""
    with av.open(str(path)) as container:
        track = container.streams.audio[0]
        return [
            (float(packet.pts * packet.time_base), bytes(packet)) for packet in container.demux(track) if packet.size
        ]


def frame_times(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [picture.time for picture in container.decode(video=0)]


# --- Reading -----------------------------------------------------------------------------


def test_between_takes_the_frames_that_are_shown_then(tmp_path):
    """Frames at 0, 0.04, … 0.44 s, one of them shown late."""
    times = [512 * number + (200 if number == 6 else 0) for number in range(FRAMES)]
    path = make_video(tmp_path / "clip.mp4", times=times, sound="aac")
    whole = read_video(path)[0]
    for begin_s, duration_s, start, stop in ((0.2, 0, 5, 12), (0.0, 0.2, 0, 5), (0.21, 0.08, 6, 8), (0.24, 0.01, 6, 6)):
        if start == stop:
            with pytest.raises(ValueError, match=r"clip.mp4 shows no frame between 0.24 s and 0.25 s"):
                VideoFile.between(path, begin_s, duration_s)
            continue
        with VideoFile.between(path, begin_s, duration_s) as part:
            assert_close(part.read(0, len(part)), whole[start:stop])
            write_like(tmp_path / "part.mp4", part.read(0, len(part)), part)
        sounding = sum(1024 / 48000 for _ in packets(tmp_path / "part.mp4"))
        assert sounding == pytest.approx((stop - start) / 25 if duration_s else 0.5 - begin_s, abs=0.045)
    with pytest.raises(ValueError, match=r"clip.mp4 shows no frame between 9 s and its end"):
        VideoFile.between(path, 9.0)


@pytest.mark.parametrize(("start", "stride", "count"), [(0, 1, None), (3, 1, 20), (5, 3, 9)])
def test_ranges_are_parts_of_the_whole(bikes, start, stride, count):
    whole, rate = read_video(bikes, start, stride, count or 40)
    with VideoFile(bikes, start, stride, count, held=4) as file:
        assert file.rate == rate and file.size == (272, 640)
        assert len(file) == (count or 250)
        for first in range(0, min(len(whole), len(file)) - 4, 3):  # as windows that share a frame
            assert torch.equal(file.read(first, first + 4), whole[first : first + 4])
        assert torch.equal(file.read(0, 2), whole[:2])  # back to the start works too


def test_bytes_are_read_like_files(bikes):
    with VideoFile(BytesIO(bikes.read_bytes()), count=4) as one, VideoFile(bikes, count=4) as other:
        assert torch.equal(one.read(0, 4), other.read(0, 4))


def test_no_more_frames_are_held_than_asked_for(bikes):
    with VideoFile(bikes, count=20, held=3) as file:
        for first in range(17):
            file.read(first, first + 3)
            assert len(file._newest) == 3
    assert not file._newest


def test_fitted_frames_are_frames_fitted(bikes):
    with VideoFile(bikes, count=3) as file:
        fitted = _FittedFrames(file, (64, 128), "crop")
        assert len(fitted) == 3
        assert torch.equal(fitted.read(1, 3), fit_frames(read_video(bikes, 1, count=2)[0], 64, 128, "crop"))


def test_a_file_cut_off_counts_as_far_as_it_goes(tmp_path):
    whole = make_video(tmp_path / "whole.mkv", noise=60)
    (tmp_path / "cut.mkv").write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    with VideoFile(tmp_path / "cut.mkv") as file:
        assert 0 < len(file) < FRAMES
        assert file.read(0, len(file)).shape[0] == len(file)


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        ("not there.mp4", {}, FileNotFoundError, "there is no video file"),
        ("text.mp4", {}, ValueError, "text.mp4 is not a video that can be read"),
        ("clip.mp4", {"start": FRAMES}, ValueError, "the clip has 12 frames: from frame 12 with stride 1 it gives 0"),
        ("clip.mp4", {"count": 13}, ValueError, "it gives 12, 13 asked for"),
    ],
)
def test_what_cannot_be_read_is_told_at_once(tmp_path, name, options, error, message):
    make_video(tmp_path / "clip.mp4")
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(error, match=message):
        VideoFile(tmp_path / name, **options)


def test_a_file_that_shrank_meanwhile_is_told(tmp_path):
    path = make_video(tmp_path / "clip.mkv")
    with VideoFile(path) as file:
        make_video(path, times=range(0, 512 * 3, 512))
        with pytest.raises(ValueError, match="has changed: frame 3 cannot be read any more"):
            file.read(0, FRAMES)


# --- Writing -----------------------------------------------------------------------------


def copy(source: Path, target: Path, crf: int = 1, **options) -> None:
    with VideoFile(source, **options) as file:
        write_like(target, (file.read(at, at + 1)[0] for at in range(len(file))), file, crf)


VARIABLE = [0, 500, 1800, 1900, 4000, 6000, 6100, 6200, 9000, 9500, 9600, 12000]


@pytest.mark.parametrize("times", [range(0, 512 * FRAMES, 512), VARIABLE], ids=["even", "variable"])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_every_frame_keeps_its_time(tmp_path, times, suffix):
    source = make_video(tmp_path / f"source{suffix}", times)
    copy(source, tmp_path / f"copy{suffix}")
    assert frame_times(tmp_path / f"copy{suffix}") == pytest.approx(frame_times(source), abs=1e-3)  # mkv's unit
    read = [read_video(file)[0] for file in (source, tmp_path / f"copy{suffix}")]
    assert_close(*read, atol=0.02, rtol=0)


@pytest.mark.slow
def test_rate_and_duration_are_the_sources(clips, tmp_path):
    source = clips / "bigbuckbunny.mp4"
    copy(source, tmp_path / "copy.mp4", crf=40)
    with av.open(str(source)) as one, av.open(str(tmp_path / "copy.mp4")) as other:
        streams = one.streams.video[0], other.streams.video[0]
        assert streams[0].average_rate == streams[1].average_rate
        assert streams[0].frames == streams[1].frames
        durations = [float(stream.duration * stream.time_base) for stream in streams]
        assert durations[0] == pytest.approx(durations[1], abs=1e-3)
    assert packets(source) == packets(tmp_path / "copy.mp4")  # of its sound


def test_a_part_starts_at_zero_with_the_sound_that_belongs_to_it(clips, tmp_path):
    source = clips / "bigbuckbunny.mp4"
    copy(source, tmp_path / "copy.mp4", crf=40, start=50, count=25)
    assert frame_times(tmp_path / "copy.mp4") == pytest.approx([number / 25 for number in range(25)])
    found, all_of_it = packets(tmp_path / "copy.mp4"), packets(source)
    expected = [(time - 2, content) for time, content in all_of_it if 2 - 1024 / 48000 < time < 3]
    assert [content for _, content in found] == [content for _, content in expected]
    assert [time for time, _ in found] == pytest.approx([time for time, _ in expected], abs=1e-3)


def test_every_second_frame_is_shown_twice_as_long(tmp_path):
    copy(make_video(tmp_path / "source.mp4"), tmp_path / "copy.mp4", stride=2)
    assert frame_times(tmp_path / "copy.mp4") == pytest.approx([number / 12.5 for number in range(6)])


@pytest.mark.parametrize(
    "colours", [(1, 1, 1, 1), (5, 5, 6, 1), (2, 2, 2, 0), (6, 6, 6, 1), (9, 9, 14, 1), (1, 1, 1, 2)]
)
def test_colours_and_what_is_said_of_them_stay(tmp_path, colours):
    source = make_video(tmp_path / "source.mp4", colours=colours)
    copy(source, tmp_path / "copy.mp4")
    planes = []
    for file in (source, tmp_path / "copy.mp4"):
        with av.open(str(file)) as container:
            codec = container.streams.video[0].codec_context
            assert (codec.colorspace, codec.color_primaries, codec.color_trc, codec.color_range) == colours
            planes.append([next(container.decode(video=0)).to_ndarray().astype(int)])
    assert np.abs(np.subtract(*planes)).max() <= 2  # of 255, through RGB and back


@pytest.mark.parametrize("codec, pixel_format", [("ffv1", "bgr0"), ("libx264rgb", "rgb24")])
def test_a_source_of_rgb_gives_planes_that_say_their_matrix(tmp_path, codec, pixel_format):
    source = write(tmp_path / "source.mkv", {"codec": codec, "pix_fmt": pixel_format, "size": (64, 96)})
    copy(source, tmp_path / "copy.mp4")
    with av.open(str(tmp_path / "copy.mp4")) as container:
        found = container.streams.video[0].codec_context
        assert (found.colorspace, found.color_primaries, found.color_trc, found.color_range) == (1, 1, 1, 1)
    frames, copied = (read_video(file)[0] for file in (source, tmp_path / "copy.mp4"))
    assert (frames - copied).abs().mean() < 0.02  # what 4:2:0 and the codec take


def test_what_no_result_has_is_named(tmp_path):
    texts, path = tmp_path / "lines.srt", tmp_path / "source.mkv"
    texts.write_text("1\n00:00:00,000 --> 00:00:00,200\nhello\n", "utf-8")
    write(tmp_path / "plain.mkv", {})
    with av.open(str(tmp_path / "plain.mkv")) as video, av.open(str(texts)) as lines, av.open(str(path), "w") as result:
        result.set_chapters([{"id": 1, "start": 0, "end": 100, "time_base": Fraction(1, 1000), "metadata": {}}])
        tracks = [video.streams.video[0], lines.streams.subtitles[0]]
        streams = {track: result.add_stream_from_template(track) for track in tracks}
        for container, track in zip((video, lines), tracks):
            for packet in container.demux(track):
                if packet.dts is not None:
                    packet.stream = streams[track]
                    result.mux(packet)
    with VideoFile(path) as source:
        assert source.left_out == ("1 subtitle", "1 chapter")
    with VideoFile(tmp_path / "plain.mkv") as source:
        assert source.left_out == ()


def test_a_container_that_cannot_hold_the_sound_is_told_before_any_work(tmp_path):
    source = make_video(tmp_path / "source.mkv", sound="wavpack")

    def frames():
        pytest.fail("a frame was asked for")
        yield

    with VideoFile(source) as file, pytest.raises(ValueError, match=r"a .mp4 file cannot hold the source's sound"):
        write_like(tmp_path / "copy.mp4", frames(), file)
    assert [file.name for file in tmp_path.iterdir()] == ["source.mkv"]
    copy(source, tmp_path / "copy.mkv")
    assert packets(tmp_path / "copy.mkv")


def test_damaged_sound_is_found_before_any_frame_is_made(tmp_path):
    """Two films behind each other in one file: time begins anew, for the sound too."""
    path = make_video(tmp_path / "film.ts", sound="aac")
    path.write_bytes(path.read_bytes() * 2)
    with (
        VideoFile(path) as file,
        pytest.raises(ValueError, match=r"the source's sound is damaged after \d\.\d\d s .*: mend it, or give a file"),
    ):
        check_like(tmp_path / "copy.mp4", file)
    assert [*tmp_path.iterdir()] == [path]


def test_a_suffix_that_is_no_video_s_is_named_before_any_frame_is_made(tmp_path):
    def frames():
        pytest.fail("a frame was asked for")
        yield

    for name in ("copy.txt", "copy", "copy.wav", "copy.webm"):
        with pytest.raises(ValueError):
            write_video(tmp_path / name, frames(), 25)
    assert not [*tmp_path.iterdir()]


def test_odd_sizes_lose_their_last_row_and_column(tmp_path):
    with VideoFile(make_video(tmp_path / "source.mp4")) as file:
        file.size = (47, 63)
        write_like(tmp_path / "copy.mp4", torch.rand(FRAMES, 3, 47, 63), file)
    assert read_video(tmp_path / "copy.mp4")[0].shape[-2:] == (46, 62)


def test_fewer_frames_than_the_source_has_leave_no_file(tmp_path):
    with VideoFile(make_video(tmp_path / "source.mp4")) as file, pytest.raises(ValueError, match="shorter"):
        write_like(tmp_path / "copy.mp4", torch.rand(3, 3, 48, 64), file)
    assert not (tmp_path / "copy.mp4").exists()


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ([0, 40, 80, 120], [0, 40, 80, 120]),
        ([0, 40, 40, 120], [0, 40, 80, 120]),  # twice
        ([0, None, 80, None], [0, 40, 80, 120]),  # missing
        ([0, 40, 37, 120], [0, 40, 80, 120]),  # back by less than a frame
        ([0, 40, 80, 0, 40, 80], [0, 40, 80, 120, 160, 200]),  # two recordings joined: the next plays on
        ([None, None, None], [0, 40, 80]),
        ([0, 1, 1, 2], [0, 1, 2, 3]),  # no room between
    ],
)
def test_times_that_do_not_rise_are_mended_one_by_one(stated, expected):
    assert rising_times(stated, 40 if stated[-1] != 2 else 1) == expected


def deep_video(path: Path, transfer: int) -> Path:
    """Ten bits deep: a ramp in steps that eight bits do not tell apart."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = 64, 128, "yuv420p10le"
        codec = stream.codec_context
        codec.colorspace, codec.color_primaries, codec.color_trc, codec.color_range = 9, 9, transfer, 1
        for number in range(6):
            picture = av.VideoFrame(128, 64, "yuv420p10le")
            for plane, level in zip(picture.planes, (np.arange(128) + 400 + number, 512, 512)):
                row = np.broadcast_to(level, (plane.width,)).astype("<u2")
                line = row.tobytes() + bytes(plane.line_size - 2 * plane.width)
                plane.update(line * plane.height)
            picture.pts = number
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("transfer", [18, 16, 1])  # HLG, PQ, neither
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_deep_source_gives_a_deep_result_with_its_tags(tmp_path, transfer, suffix):
    path = deep_video(tmp_path / "deep.mkv", transfer)
    with VideoFile(path) as source:
        frames = source.read(0, 6)
        assert len(frames[0, 1, 0].unique()) > 120  # of 128 steps; eight bits tell 33
        write_like(tmp_path / f"out{suffix}", frames, source, crf=4)
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        codec = container.streams.video[0].codec_context
        assert (codec.name, codec.pix_fmt) == ("hevc", "yuv420p10le")
        assert (codec.colorspace, codec.color_primaries, codec.color_trc) == (9, 9, transfer)
        [luma] = [picture.to_ndarray()[:64] for picture in container.decode(video=0)][:1]
    assert np.abs(luma.astype(int) - (np.arange(128) + 400)).mean() < 1  # of 1023


def test_a_deep_source_too_small_for_hevc_gives_eight_bits(tmp_path):
    with VideoFile(deep_video(tmp_path / "deep.mkv", 1)) as source:
        write_like(tmp_path / "small.mp4", torch.rand(6, 3, 32, 32), source, size=(32, 32))
    with av.open(str(tmp_path / "small.mp4")) as container:
        assert container.streams.video[0].codec_context.pix_fmt == "yuv420p"

import struct
import zlib
from fractions import Fraction
from io import BytesIO

import av
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from footage import turn
from fuzzing import damaged, damages, fuzz
from hypothesis import example, given
from hypothesis import strategies as st
from torch.testing import assert_close

from revideo import read_image, read_video, write_video
from revideo.pictures.sheets import write_image
from revideo.video.file import VideoFile
from revideo.video.io import pick_frames, write_lossless
from revideo.video.levels import to_uint8


def psnr(found, expected):
    return -10 * (found - expected).square().mean().log10().item()


@pytest.fixture(scope="module")
def clip(bikes):
    return read_video(bikes, count=12)[0]


# --- Reading -----------------------------------------------------------------------------


@pytest.mark.slow
def test_reads_a_real_clip(bikes):
    frames, fps = read_video(bikes)
    assert frames.shape == (250, 3, 272, 640)
    assert frames.dtype == torch.float32
    assert fps == 25
    assert 0 <= frames.min() < 0.1 and 0.9 < frames.max() <= 1
    assert (frames[1:] - frames[:-1]).abs().mean() > 0.001  # they move


def test_colours_are_those_of_the_standard(bikes, clip):
    """BT.601 by hand: what an untagged clip of this size means. swscale's default is 1 to 2 of 255 darker."""
    with av.open(str(bikes)) as container:
        picture = next(container.decode(video=0))
    planes = torch.from_numpy(picture.to_ndarray()).float()  # rows of Y, then U, then V at half size
    luma = (planes[: picture.height] - 16) * 255 / 219
    half = (2, 1, picture.height // 2, picture.width // 2)
    blue, red = F.interpolate((planes[picture.height :].reshape(half) - 128) * 255 / 224, scale_factor=2)[:, 0]
    expected = torch.stack([luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue])
    error = clip[0] * 255 - expected.clamp(0, 255)
    assert error.mean((1, 2)).abs().max() < 0.1
    assert error.abs().mean() < 0.5  # chroma between its samples may be interpolated


def test_edits_of_edits_do_not_drift(tmp_path, clip):
    frames = clip[:2]
    for _ in range(3):
        write_video(tmp_path / "clip.mp4", frames, 25, crf=1)
        frames, _ = read_video(tmp_path / "clip.mp4")
    assert (frames - clip[:2]).mean((0, 2, 3)).abs().max() * 255 < 0.3


def test_start_stride_and_count_pick_the_frames(bikes, clip):
    frames, fps = read_video(bikes, start=2, stride=3, count=3)
    assert torch.equal(frames, clip[[2, 5, 8]])
    assert fps == Fraction(25, 3)


def test_without_count_all_to_the_end_are_read(bikes):
    assert len(read_video(bikes, start=5, stride=50)[0]) == 5  # 5, 55, 105, 155, 205


def test_rates_stay_exact(clips):
    assert read_video(clips / "carphone_pristine.mp4", count=1)[1] == Fraction(30000, 1001)


def test_reads_from_memory(bikes, clip):
    assert torch.equal(read_video(BytesIO(bikes.read_bytes()), count=2)[0], clip[:2])


@pytest.mark.parametrize(
    ("matrix", "turns"),  # x' = a·x + c·y, y' = b·x + d·y: where the file wants a pixel shown
    [((0, 1, -1, 0), -1), ((-1, 0, 0, -1), 2), ((0, -1, 1, 0), 1), ((1, 0, 0, 1), 0)],
    ids=["clockwise", "upside down", "counterclockwise", "upright"],
)
def test_a_phones_rotation_is_undone(tmp_path, clip, matrix, turns):
    path = tmp_path / "phone.mp4"
    write_video(path, clip[:2, :, :, :320], 25)
    upright, _ = read_video(path)
    turn(path, matrix)
    assert torch.equal(read_video(path)[0], upright.rot90(turns, (2, 3)))
    a, b, c, d = matrix
    turn(path, (-a, b, -c, d))  # then to the left and right swapped
    assert torch.equal(read_video(path)[0], upright.rot90(turns, (2, 3)).flip(3))


def test_a_clip_cut_off_in_the_middle_gives_what_is_there(tmp_path, clip):
    path = tmp_path / "whole.mkv"
    write_video(path, clip, 25)
    (tmp_path / "cut.mkv").write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    whole, _ = read_video(path)
    cut, _ = read_video(tmp_path / "cut.mkv")
    assert 0 < len(cut) < len(whole)
    assert torch.equal(cut[:-1], whole[: len(cut) - 1])  # the last may be torn


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 251}, "the clip has 250 frames: from frame 0 with stride 1 it gives 250, 251 asked for"),
        ({"start": 240, "stride": 5, "count": 14}, "from frame 240 with stride 5 it gives 2, 14 asked for"),
        ({"start": 250}, "from frame 250 with stride 1 it gives 0, 1 asked for"),
        ({"start": -1}, "start -1 must be at least 0"),
        ({"stride": 0}, "stride 0 and frame count None at least 1"),
        ({"count": 0}, "frame count 0 at least 1"),
    ],
)
def test_frames_that_are_not_there_are_refused(bikes, options, message):
    with pytest.raises(ValueError, match=message):
        read_video(bikes, **options)


def test_a_missing_video_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no video file .*nowhere\.mp4"):
        read_video(tmp_path / "nowhere.mp4")


@pytest.mark.parametrize("content", [b"", b"no video at all\n" * 100, None])
def test_a_file_that_is_no_video_is_named(tmp_path, bikes, content):
    path = tmp_path / "clip.mp4"
    path.write_bytes(bikes.read_bytes()[:5000] if content is None else content)
    with pytest.raises(ValueError, match=r"clip\.mp4 is not a video that can be read"):
        read_video(path)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "ts"])
def test_tags_of_another_encoding_are_no_hindrance(tmp_path, suffix):
    path = tmp_path / f"clip.{suffix}"
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "tagged"
        stream = container.add_stream("mpeg4", rate=25)
        stream.height, stream.width, stream.pix_fmt = 32, 48, "yuv420p"
        container.mux(stream.encode(av.VideoFrame(48, 32, "yuv420p")))
        container.mux(stream.encode())
    path.write_bytes(path.read_bytes().replace(b"tagged", "Ääßöüé".encode("latin-1")))
    assert len(read_video(path)[0]) == len(VideoFile(path)) == 1


def test_an_unknown_codec_is_named(tmp_path, clip):
    for suffix, known, unknown in (("mp4", b"avc1", b"zzzz"), ("mkv", b"V_MPEG4/ISO/AVC", b"V_MPEG9/ISO/XYZ")):
        path = tmp_path / f"clip.{suffix}"
        write_video(path, clip, 25)
        path.write_bytes(path.read_bytes().replace(known, unknown))
        for read in (read_video, VideoFile):
            with pytest.raises(ValueError, match=r"clip\..* is coded in a way that is not known here: convert it"):
                read(path)


def test_frames_that_change_size_are_named(tmp_path, clip):
    for name, frames in (("wide.ts", clip), ("narrow.ts", clip[..., :32])):
        write_video(tmp_path / name, frames, 25)
    path = tmp_path / "both.ts"
    path.write_bytes((tmp_path / "wide.ts").read_bytes() + (tmp_path / "narrow.ts").read_bytes())
    for read in (read_video, VideoFile):
        with pytest.raises(ValueError, match=rf"both.ts: frame {len(clip)} is 32×\d+, those before it \d+×\d+: cut"):
            read(path)
    assert len(read_video(path, count=len(clip))[0]) == len(clip)


def huge_png(path, width, height):
    """A picture of one colour, of which a few bytes claim any size."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((width + 7) // 8 + 1) * min(height, 1000))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))


@pytest.mark.parametrize("size", [(30_000, 30_000), (10**5, 10**5), (2**26, 2), (2**31 - 1, 1), (0, 0), (0, 7)])
def test_a_picture_that_claims_any_size_is_refused(tmp_path, size):
    huge_png(tmp_path / "picture.png", *size)
    with pytest.raises(
        ValueError, match=r"picture.png is not a picture that can be read, or one of more than 67108864"
    ):
        read_image(tmp_path / "picture.png")


@pytest.mark.parametrize(
    "content",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/clip.ts\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n/etc/passwd\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile /etc/passwd\n",
        "ffconcat version 1.0\nfile http://127.0.0.1:9/clip.ts\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9999 RTP/AVP 96\n"
        "a=rtpmap:96 H264/90000\n",
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet '
        'mimeType="video/mp4"><Representation id="0" bandwidth="1"><BaseURL>http://127.0.0.1:9/clip.mp4</BaseURL>'
        "</Representation></AdaptationSet></Period></MPD>",
    ],
    ids=["list of addresses", "list of paths", "joined paths", "joined addresses", "session", "manifest"],
)
@pytest.mark.parametrize("suffix", ["mp4", "m3u8", "ffconcat", "sdp", "mpd"])
def test_a_text_that_names_other_places_is_no_video(tmp_path, content, suffix):
    path = tmp_path / f"clip.{suffix}"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"clip\.\w+ (is not a video that can be read|holds no video)"):
        read_video(path)


@pytest.fixture(scope="module")
def small_videos(tmp_path_factory):
    """The bytes of small files, by suffix: what a fuzz test damages."""
    folder, frames = tmp_path_factory.mktemp("small"), torch.rand(6, 3, 32, 48, generator=torch.Generator())
    for suffix in ("mp4", "mkv", "ts", "mov"):
        write_video(folder / f"clip.{suffix}", frames, 8)
    for suffix in ("png", "jpg", "webp"):
        write_image(folder / f"picture.{suffix}", frames[0])
    return {file.suffix: file.read_bytes() for file in folder.iterdir()}


@fuzz(150)
@given(suffix=st.sampled_from([".mp4", ".mkv", ".ts", ".mov", ".png", ".jpg", ".webp"]), damage=damages())
@example(suffix=".mp4", damage=[("set", 0.999, b"\xdb\xff")])
def test_a_damaged_file_is_read_as_far_as_it_goes_or_named(small_videos, tmp_path_factory, suffix, damage):
    path = tmp_path_factory.getbasetemp() / f"damaged{suffix}"
    path.write_bytes(damaged(small_videos[suffix], damage))
    for read in (read_video, VideoFile, read_image):
        try:
            read(path)
        except ValueError as error:
            assert str(path) in str(error), "not in the reader's words"


def test_a_file_of_sound_alone_is_named(tmp_path):
    path = tmp_path / "sound.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
    with pytest.raises(ValueError, match=r"sound\.wav holds no video"):
        read_video(path)


@pytest.mark.parametrize(("total", "start", "stride", "count"), [(20, 0, 1, 14), (20, 3, 2, 8), (9, 8, 5, 1)])
def test_picked_frames_lie_in_the_clip(total, start, stride, count):
    picked = pick_frames(total, start, stride, count)
    assert list(picked) == [start + i * stride for i in range(count)]
    assert picked[-1] < total
    assert list(pick_frames(None, start, stride, count)) == list(picked)


# --- Writing -----------------------------------------------------------------------------


@pytest.mark.parametrize("fps", [6, 12.5, Fraction(30000, 1001)])
@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv"])
def test_what_is_written_reads_back(tmp_path, clip, name, fps):
    write_video(tmp_path / name, clip, fps)
    frames, read_fps = read_video(tmp_path / name)
    assert frames.shape == clip.shape
    assert read_fps == fps
    assert min(psnr(found, expected) for found, expected in zip(frames, clip)) > 38
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_lower_crf_keeps_more(tmp_path, clip):
    quality = []
    for crf in (5, 20, 35):
        write_video(tmp_path / "clip.mp4", clip[:4], 25, crf)
        quality.append(psnr(read_video(tmp_path / "clip.mp4")[0], clip[:4]))
    assert quality == sorted(quality, reverse=True)


def test_frames_may_come_one_by_one(tmp_path, clip):
    write_video(tmp_path / "clip.mp4", (frame for frame in clip), 25)
    assert len(read_video(tmp_path / "clip.mp4")[0]) == len(clip)


def test_without_loss_every_level_of_every_pixel_comes_back(tmp_path):
    frames = torch.randint(0, 256, (4, 3, 65, 51), generator=torch.Generator().manual_seed(0)).float() / 255
    write_lossless(tmp_path / "a.mkv", frames, 10)
    again, fps = read_video(tmp_path / "a.mkv")
    assert torch.equal(again, frames) and fps == 10
    assert [file.name for file in tmp_path.iterdir()] == ["a.mkv"]


def test_odd_sides_lose_their_last_row_and_column(tmp_path, clip):
    write_video(tmp_path / "clip.mp4", clip[:2, :, :65, :99], 25)
    frames, _ = read_video(tmp_path / "clip.mp4")
    assert frames.shape == (2, 3, 64, 98)
    assert psnr(frames, clip[:2, :, :64, :98]) > 35


def test_colours_survive_a_file_that_says_how_to_read_them(tmp_path):
    colours = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0.5, 0.5, 0.5]])
    frame = colours.T.repeat_interleave(32, 1)[:, None].expand(3, 64, -1)
    write_video(tmp_path / "colours.mp4", [frame], 10, crf=4)
    with av.open(str(tmp_path / "colours.mp4")) as container:
        codec = container.streams.video[0].codec_context
        assert (codec.colorspace, codec.color_primaries, codec.color_trc, codec.color_range) == (1, 1, 1, 1)
    frames, _ = read_video(tmp_path / "colours.mp4")
    assert_close(frames[0, :, 32, 16::32], colours.T, atol=0.02, rtol=0)


def test_values_outside_the_range_are_clamped(tmp_path):
    write_video(tmp_path / "clip.mp4", torch.tensor([-1.0, 2.0]).view(2, 1, 1, 1).expand(2, 3, 32, 32), 25)
    frames, _ = read_video(tmp_path / "clip.mp4")
    assert frames[0].max() < 0.02 and frames[1].min() > 0.98


@pytest.mark.parametrize("before", [None, b"an older file"])
def test_a_video_appears_whole_or_not_at_all(tmp_path, clip, before):
    def interrupted():
        yield from clip[:3]
        raise KeyboardInterrupt

    if before:
        (tmp_path / "clip.mp4").write_bytes(before)
    with pytest.raises(KeyboardInterrupt):
        write_video(tmp_path / "clip.mp4", interrupted(), 25)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == ([before] if before else [])


def test_no_frames_are_no_video(tmp_path):
    with pytest.raises(ValueError, match="there are no frames to write"):
        write_video(tmp_path / "clip.mp4", [], 25)
    assert list(tmp_path.iterdir()) == []


def test_a_target_folder_must_exist(tmp_path, clip):
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere to write clip\.mp4 into"):
        write_video(tmp_path / "nowhere" / "clip.mp4", clip, 25)


# --- Values ------------------------------------------------------------------------------


def test_every_byte_comes_back_from_its_float():
    levels = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_uint8(levels.float() / 255), levels)
    assert to_uint8(torch.tensor([[-0.3, 1.7], [0.4 / 255, 0.6 / 255]])).tolist() == [[0, 255], [0, 1]]


# --- Pictures ----------------------------------------------------------------------------


def write_png(path, pixels, pixel_format="rgb24"):
    with av.open(str(path), "w", format="image2") as container:
        stream = container.add_stream("png", rate=1)
        stream.height, stream.width = pixels.shape[:2]
        stream.pix_fmt = pixel_format
        container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format=pixel_format)))
        container.mux(stream.encode())


def test_a_png_reads_to_the_bit(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (30, 50, 3), dtype=np.uint8)
    write_png(tmp_path / "picture.png", pixels)
    assert torch.equal(
        (read_image(tmp_path / "picture.png") * 255).round().byte().permute(1, 2, 0), torch.tensor(pixels)
    )


def test_a_grey_picture_reads_as_rgb(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (30, 50), dtype=np.uint8)
    write_png(tmp_path / "mask.png", pixels, "gray")
    expected = torch.tensor(pixels).expand(3, -1, -1)
    assert torch.equal((read_image(tmp_path / "mask.png") * 255).round().byte(), expected)


def test_a_missing_picture_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no picture .*nowhere\.png"):
        read_image(tmp_path / "nowhere.png")


def test_a_file_that_is_no_picture_is_named(tmp_path):
    (tmp_path / "picture.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"picture\.png is not a picture that can be read"):
        read_image(tmp_path / "picture.png")

"""Frames painted one from the other: what each depends on, what stays the source's, what a resumed run paints."""

import weakref
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from revideo.editing.long_video import nth_seed
from revideo.editing.window_cache import WindowCache
from revideo.models.config import ImageEncoderConfig, VAEConfig
from revideo.models.propagator import build_propagator, noise_schedule, shrink_depth
from revideo.models.propagator_config import PropagatorConfig, PropagatorUNetConfig, RemedyConfig
from revideo.pipeline.pipeline import START, draw_noise
from revideo.propagation import propagator as module
from revideo.propagation.propagator import PropagationOptions, Propagator
from revideo.video.file import VideoFile
from revideo.video.io import read_video, write_video

CONFIG = PropagatorConfig(
    PropagatorUNetConfig(
        model_channels=16, channel_mult=(1, 2), num_res_blocks=1, num_heads=2, context_dim=16, norm_groups=4
    ),
    VAEConfig(channels=8, channel_mult=(1, 1, 1), num_res_blocks=1, norm_groups=2),
    ImageEncoderConfig(layers=1, width=16, head_width=8, patch_size=16, image_size=32, embed_dim=16),
)
FRAMES, SIZE = 6, 32
OPTIONS = PropagationOptions(steps=3, seed=5)


def make(config: PropagatorConfig) -> Propagator:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Propagator(build_propagator(config, "cpu"), config, "cpu")


@pytest.fixture(scope="module")
def model():
    return make(CONFIG)


def random(*shape: int, seed: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def video():
    return random(FRAMES, 3, SIZE, SIZE, seed=0)


@pytest.fixture(scope="module")
def depth():
    return random(FRAMES, 1, SIZE, SIZE, seed=1)


@pytest.fixture(scope="module")
def edited():
    return random(3, SIZE, SIZE, seed=2)


@pytest.fixture
def painted(monkeypatch):
    """Counts the frames that are painted."""
    calls, paint = [], Propagator.paint

    def counted(*args):
        calls.append(1)
        return paint(*args)

    monkeypatch.setattr(Propagator, "paint", counted)
    return calls


def changed(depth: Tensor, number: int) -> Tensor:
    """Another map of one frame."""
    other = depth.clone()
    other[number] = 1 - other[number]
    return other


def differing(one: Tensor, other: Tensor) -> list[int]:
    """The numbers of the frames that are not equal to the bit."""
    return [number for number, (a, b) in enumerate(zip(one, other, strict=True)) if not torch.equal(a, b)]


# --- What a frame is painted from ------------------------------------------------------------


@pytest.mark.parametrize("index", [0, 2, 5])
def test_the_edited_frame_is_shown_as_it_was_given(model, video, depth, edited, index):
    result = model.propagate(video, edited, depth, OPTIONS, edited_index=index)
    assert torch.equal(result.frames[index], edited)
    assert result.frames.shape == video.shape and result.fps == 24 and result.size == (SIZE, SIZE)
    assert differing(result.frames, video) == list(range(FRAMES))
    assert result.frames.min() >= 0 and result.frames.max() <= 1


@pytest.mark.parametrize("zero_terminal_snr", [True, False])
def test_frames_are_painted_as_the_paper_says(video, depth, edited, zero_terminal_snr):
    """Equation 6 by hand: diffusers' DDIM over UNet(noisy, depth, previous, previous depth; reference)."""
    model = make(replace(CONFIG, remedies=RemedyConfig(zero_terminal_snr=zero_terminal_snr)))
    options = replace(OPTIONS, steps=4)
    found = model.propagate(video[:3], edited, depth[:3], options).frames
    with torch.no_grad():
        previous = model.encode(edited)
        context = model.context(edited, previous)
        depths = shrink_depth(depth[:3], SIZE // 4, SIZE // 4)[:, None]
        schedule = noise_schedule(zero_terminal_snr)
        schedule.set_timesteps(4)
        for number in (1, 2):
            x = draw_noise((4, SIZE // 4, SIZE // 4), nth_seed(options.seed, number), START)[None]
            for time in schedule.timesteps:
                joined = torch.cat([x, depths[number], previous, depths[number - 1]], 1)
                x = schedule.step(model.parts["unet"](joined, time, context).sample, time, x).prev_sample
            assert_close(found[number], model.decode(x), atol=1e-4, rtol=0)
            previous = x


@pytest.mark.parametrize("index", [0, 2, 5])
def test_frames_depend_on_what_lies_between_them_and_the_edited_one(model, video, depth, edited, index):
    """Depth of frame 1, or of 4: seen by that frame and by all further from the edited one, on its side alone."""
    whole = model.propagate(video, edited, depth, OPTIONS, edited_index=index).frames
    for number in (1, 4):
        other = model.propagate(video, edited, changed(depth, number), OPTIONS, edited_index=index).frames
        expected = range(number, FRAMES) if number > index else range(number + 1)
        assert differing(whole, other) == list(expected)


def test_both_ways_begin_with_the_depth_of_the_edited_frame(model, video, depth, edited):
    whole, other = (
        model.propagate(video, edited, each, OPTIONS, edited_index=2).frames for each in (depth, changed(depth, 2))
    )
    assert differing(whole, other) == [0, 1, 3, 4, 5]


def test_the_source_is_not_seen_but_by_its_depth(model, video, depth, edited):
    one, other = (model.propagate(each, edited, depth, OPTIONS, edited_index=2).frames for each in (video, 1 - video))
    assert torch.equal(one, other)


def test_how_many_frames_follow_changes_none_before(model, video, depth, edited):
    whole = model.propagate(video, edited, depth, OPTIONS, edited_index=1).frames
    shorter = model.propagate(video[:4], edited, depth[:4], OPTIONS, edited_index=1).frames
    assert torch.equal(shorter, whole[:4])


def test_the_seed_says_the_frames(model, video, depth, edited):
    clip, maps = video[:4], depth[:4]
    one, same, other = (
        model.propagate(clip, edited, maps, replace(OPTIONS, seed=seed), edited_index=1).frames for seed in (5, 5, 6)
    )
    assert torch.equal(one, same)
    assert differing(one, other) == [0, 2, 3]


def test_each_frame_has_noise_of_its_own(model, video, edited):
    """Equal depths do not make equal frames, and noise does not stand still in a clip."""
    alone = replace(OPTIONS, previous=False)
    frames = model.propagate(video[:3], edited, torch.full((3, 1, SIZE, SIZE), 0.5), alone).frames
    assert not torch.equal(frames[1], frames[2])


def test_without_the_frame_before_each_is_painted_by_itself(model, video, depth, edited):
    alone = replace(OPTIONS, previous=False)
    whole = model.propagate(video, edited, depth, alone).frames
    assert differing(whole, model.propagate(video, edited, changed(depth, 2), alone).frames) == [2]


def test_a_reference_that_moves_on_changes_the_frames(model, video, depth, edited):
    fixed, moving = (
        model.propagate(video[:3], edited, depth[:3], replace(OPTIONS, fixed_reference=each)).frames
        for each in (True, False)
    )
    assert torch.equal(fixed[0], moving[0]) and not torch.equal(fixed[2], moving[2])


def test_inverted_depth_is_the_other_way_round(model, video, depth, edited):
    one = model.propagate(video[:3], edited, 1 - depth[:3], OPTIONS).frames
    other = model.propagate(video[:3], edited, depth[:3], OPTIONS, inverted_depth=True).frames
    assert_close(one, other, atol=1e-5, rtol=0)


def test_a_depth_model_sees_each_frame_once_and_in_order(model, video, edited):
    seen = []

    def disparity(frame: Tensor) -> Tensor:
        seen.append(next(number for number in range(FRAMES) if torch.equal(frame, video[number])))
        return frame.mean(0, keepdim=True)

    result = model.propagate(video, edited, disparity, OPTIONS, edited_index=3)
    assert seen == list(range(FRAMES)) and result.frames.shape == video.shape


def test_arrays_and_pictures_are_tensors(model, video, depth, edited):
    expected = model.propagate(video[:2], edited, depth[:2].expand(-1, 3, -1, -1), OPTIONS).frames
    array = np.moveaxis(video[:2].numpy(), 1, -1)
    found = model.propagate(array, np.moveaxis(edited.numpy(), 0, -1), [*depth[:2].expand(-1, 3, -1, -1)], OPTIONS)
    assert torch.equal(found.frames, expected)


def test_depth_of_one_channel_may_be_bytes_or_an_array(model, video, depth, edited):
    levels = (depth[:2] * 255).round().byte()
    expected = model.propagate(video[:2], edited, levels.float() / 255, OPTIONS).frames
    for maps in (levels, levels.movedim(1, -1).numpy(), (levels.movedim(1, -1).numpy() / 255).astype(np.float32)):
        assert_close(model.propagate(video[:2], edited, maps, OPTIONS).frames, expected, atol=1e-5, rtol=0)


def test_without_adaptor_it_paints_too(video, depth, edited):
    model = make(replace(CONFIG, remedies=RemedyConfig(adaptor=False)))
    assert model.propagate(video[:2], edited, depth[:2], OPTIONS).frames.isfinite().all()


def test_progress_counts_frames_to_the_last(model, video, depth, edited):
    heard = []
    model.propagate(video, edited, depth, OPTIONS, heard.append, edited_index=2)
    assert [progress.done for progress in heard] == list(range(1, FRAMES + 1))
    assert {progress.total for progress in heard} == {FRAMES}
    assert all(progress.latents.shape == (1, 4, 8, 8) for progress in heard)


def test_values_that_are_no_numbers_end_the_run(video, depth, edited):
    broken = make(CONFIG)
    broken.parts["unet"].conv_out.bias.data.fill_(torch.nan)
    with pytest.raises(FloatingPointError, match=r"^a frame came out as values that are not finite$"):
        broken.propagate(video, edited, depth, OPTIONS)


# --- Sizes -----------------------------------------------------------------------------------


def test_a_clip_of_any_size_is_worked_at_the_nearest_that_fits(model, edited):
    clip, maps = random(3, 3, 30, 45, seed=3), random(3, 1, 16, 24, seed=4)
    frame = random(3, 30, 45, seed=5)
    result = model.propagate(clip, frame, maps, OPTIONS)
    assert result.frames.shape == clip.shape and result.size == (32, 44)
    other = model.propagate(clip, frame, maps, OPTIONS, size=(16, 24))
    assert other.frames.shape == clip.shape and other.size == (16, 24)
    tiny = model.propagate(clip[..., :3, :5], frame[..., :3, :5], clip[..., :3, :5], OPTIONS)
    assert tiny.frames.shape == (3, 3, 3, 5) and tiny.size == (8, 8)


def test_what_crop_cuts_off_comes_back_as_the_source(model):
    clip, maps = random(3, 3, 32, 48, seed=3), random(3, 1, 32, 48, seed=4)
    frame = random(3, 32, 48, seed=5)
    result = model.propagate(clip, frame, maps, OPTIONS, size=(32, 32), fit="crop")
    assert torch.equal(result.frames[..., :8], clip[..., :8])
    assert torch.equal(result.frames[..., 40:], clip[..., 40:])
    assert not torch.equal(result.frames[1, ..., 12:36], clip[1, ..., 12:36])


# --- Masks -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mask():
    """A box that moves, is nowhere in frame 3, and lies across cells."""
    mask = torch.zeros(FRAMES, 1, SIZE, SIZE, dtype=torch.bool)
    for number in range(FRAMES):
        mask[number, :, 5:22, 3 + 2 * number : 19 + 2 * number] = number != 3
    return mask


@pytest.mark.parametrize("index", [0, 4])
def test_outside_the_mask_every_pixel_is_the_sources(model, video, depth, edited, mask, painted, index):
    frames = model.propagate(video, edited, depth, OPTIONS, edited_index=index, mask=mask, feather_px=4).frames
    outside = ~mask.expand_as(video)
    assert torch.equal(frames[outside], video[outside])
    assert differing(frames, video) == [0, 1, 2, 4, 5]
    assert len(painted) == FRAMES - 2  # neither the edited frame nor the one without mask


def test_what_is_outside_the_mask_is_seen(model, video, depth, edited, mask):
    """The source around it is known to the network, so that what is painted fits in."""
    one, other = (
        model.propagate(each, edited, depth, OPTIONS, mask=mask[:1], feather_px=0).frames[1]
        for each in (video, 1 - video)
    )
    assert not torch.equal(one[:, 12:15, 10:13], other[:, 12:15, 10:13])


def test_one_mask_for_all_frames_is_a_mask_for_each(model, video, depth, edited, mask):
    one = model.propagate(video[:3], edited, depth[:3], OPTIONS, mask=mask[:1]).frames
    each = model.propagate(video[:3], edited, depth[:3], OPTIONS, mask=mask[:1].expand(3, -1, -1, -1)).frames
    assert torch.equal(one, each)


def test_masks_may_be_read_as_they_are_needed(model, video, depth, edited, mask):
    class Reader:
        def read(self, start, stop):
            return mask[start:stop]

    one = model.propagate(video, edited, depth, OPTIONS, mask=Reader(), edited_index=2).frames
    assert torch.equal(one, model.propagate(video, edited, depth, OPTIONS, mask=mask, edited_index=2).frames)


# --- Interrupted -----------------------------------------------------------------------------


class Interrupted(Exception):
    pass


def interrupt_after(frames: int):
    def callback(progress):
        if progress.done == frames:
            raise Interrupted

    return callback


@pytest.mark.slow
@pytest.mark.parametrize("index", [0, 3])
@pytest.mark.parametrize("masked", [False, True])
def test_a_resumed_run_paints_the_rest_and_no_frame_differs(
    model, video, depth, edited, mask, painted, tmp_path, index, masked
):
    given = {"edited_index": index, "mask": mask if masked else None}
    whole = model.propagate(video, edited, depth, OPTIONS, **given).frames
    needed = len(painted)
    painted.clear()
    cache = WindowCache(tmp_path / "cache")
    for frames in (1, 3, 5):
        with pytest.raises(Interrupted):
            model.propagate(video, edited, depth, OPTIONS, interrupt_after(frames), cache=cache, **given)
    assert torch.equal(model.propagate(video, edited, depth, OPTIONS, cache=cache, **given).frames, whole)
    assert len(painted) == needed  # each once
    model.propagate(video, edited, depth, OPTIONS, cache=cache, **given)
    assert len(painted) == needed


def test_a_changed_depth_paints_its_frame_and_those_behind_it_anew(model, video, depth, edited, painted, tmp_path):
    cache = WindowCache(tmp_path / "cache")
    model.propagate(video, edited, depth, OPTIONS, edited_index=1, cache=cache)
    for other, anew in ((changed(depth, 4), 2), (changed(changed(depth, 4), 0), 1), (changed(depth, 1), 5)):
        painted.clear()
        found = model.propagate(video, edited, other, OPTIONS, edited_index=1, cache=cache).frames
        assert len(painted) == anew
        assert torch.equal(found, model.propagate(video, edited, other, OPTIONS, edited_index=1).frames)


@pytest.mark.parametrize("changes", [{"seed": 6}, {"steps": 2}, {"fixed_reference": False}, {"previous": False}])
def test_other_options_paint_all_anew(model, video, depth, edited, painted, tmp_path, changes):
    cache, other = WindowCache(tmp_path / "cache"), replace(OPTIONS, **changes)
    model.propagate(video[:3], edited, depth[:3], OPTIONS, cache=cache)
    painted.clear()
    found = model.propagate(video[:3], edited, depth[:3], other, cache=cache).frames
    assert len(painted) == 2
    assert torch.equal(found, model.propagate(video[:3], edited, depth[:3], other).frames)


def test_another_edited_frame_or_model_paints_all_anew(model, video, depth, edited, painted, tmp_path):
    cache = WindowCache(tmp_path / "cache")
    other = make(CONFIG)
    other.parts["adaptor"].merge[2].bias.data += 0.1
    for network, frame in ((model, edited), (model, 1 - edited), (other, 1 - edited)):
        painted.clear()
        network.propagate(video[:3], frame, depth[:3], OPTIONS, cache=cache)
        assert len(painted) == 2


@pytest.mark.parametrize("content", [b"", b"\x08\0\0\0\0\0\0\0{}", None], ids=["empty", "no file of ours", "flipped"])
def test_a_damaged_frame_is_painted_anew(model, video, depth, edited, painted, tmp_path, content):
    cache = WindowCache(tmp_path / "cache")
    whole = model.propagate(video, edited, depth, OPTIONS, cache=cache).frames
    file = sorted((tmp_path / "cache").glob("*.safetensors"))[2]
    damaged = bytearray(file.read_bytes())
    damaged[-3] ^= 64
    file.write_bytes(bytes(damaged) if content is None else content)
    painted.clear()
    assert torch.equal(model.propagate(video, edited, depth, OPTIONS, cache=cache).frames, whole)
    assert len(painted) == 1


# --- Files -----------------------------------------------------------------------------------


@pytest.mark.parametrize("index", [0, 2])
def test_a_result_goes_into_a_file_with_the_sources_timing(model, video, depth, edited, tmp_path, index):
    write_video(tmp_path / "source.mp4", video, 12.5)
    write_video(tmp_path / "depth.mp4", depth.expand(-1, 3, -1, -1), 25)
    result = model.propagate(
        tmp_path / "source.mp4",
        edited,
        tmp_path / "depth.mp4",
        OPTIONS,
        edited_index=index,
        output=tmp_path / "result.mp4",
    )
    assert len(result.frames) == 0 and result.fps == Fraction(25, 2)
    frames, rate = read_video(tmp_path / "result.mp4")
    assert frames.shape == video.shape and rate == Fraction(25, 2)
    held = model.propagate(tmp_path / "source.mp4", edited, tmp_path / "depth.mp4", OPTIONS, edited_index=index)
    assert (frames - held.frames).abs().mean() < 0.1  # as lossy as 4:2:0 of noise is


def test_frames_of_the_graph_go_into_a_file_too(model, video, depth, edited, tmp_path):
    model.propagate(video, edited, depth, OPTIONS, output=tmp_path / "result.mp4")
    frames, rate = read_video(tmp_path / "result.mp4")
    assert frames.shape == video.shape and rate == 24


def test_files_that_cannot_be_are_refused_before_any_is_painted(model, video, depth, edited, painted, tmp_path):
    write_video(tmp_path / "source.mp4", video, 24)
    for source in (video, tmp_path / "source.mp4"):
        with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere"):
            model.propagate(source, edited, depth, OPTIONS, output=tmp_path / "nowhere/result.mp4")
        with pytest.raises(FileNotFoundError, match=r"none\.mp4"):
            model.propagate(source, edited, tmp_path / "none.mp4", OPTIONS)
        with pytest.raises(ValueError, match=r"\S"):
            model.propagate(source, edited, depth, OPTIONS, output=tmp_path / "result.txt")
    assert not painted and [path.name for path in tmp_path.iterdir()] == ["source.mp4"]


def test_files_are_closed_when_all_is_done_and_when_it_fails(model, video, depth, edited, tmp_path, monkeypatch):
    opened, closed = [], []
    begin, close = VideoFile.__init__, VideoFile.close
    monkeypatch.setattr(
        VideoFile, "__init__", lambda self, *args, **keys: (opened.append(self), begin(self, *args, **keys))[1]
    )
    monkeypatch.setattr(VideoFile, "__exit__", lambda self, *_: (closed.append(self), close(self))[1])
    write_video(tmp_path / "source.mp4", video, 24)
    model.propagate(tmp_path / "source.mp4", edited, tmp_path / "source.mp4", OPTIONS)
    with pytest.raises(Interrupted):
        model.propagate(tmp_path / "source.mp4", edited, tmp_path / "source.mp4", OPTIONS, interrupt_after(2))
    assert len(opened) == 4 and {id(each) for each in closed} == {id(each) for each in opened}


def test_an_interrupted_run_leaves_no_file(model, video, depth, edited, tmp_path):
    with pytest.raises(Interrupted):
        model.propagate(video, edited, depth, OPTIONS, interrupt_after(4), output=tmp_path / "result.mp4")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_long_clip_holds_no_more_frames(model, edited, tmp_path, monkeypatch):
    """Of what is read, painted and shown only the newest lives."""
    frames = 80
    write_video(tmp_path / "source.mp4", torch.linspace(0, 1, frames).view(-1, 1, 1, 1).expand(-1, 3, 16, 16), 24)
    living, most = weakref.WeakSet(), []

    def watched(tensor: Tensor) -> Tensor:
        living.add(tensor)
        most.append(len(living))
        return tensor

    read, finish, paint = VideoFile.read, module._Run._finish, Propagator.paint
    monkeypatch.setattr(VideoFile, "read", lambda *args: watched(read(*args)))
    monkeypatch.setattr(module._Run, "_finish", lambda *args: watched(finish(*args)))
    monkeypatch.setattr(Propagator, "paint", lambda *args: watched(paint(*args)))
    model.propagate(
        tmp_path / "source.mp4",
        edited[:, :16, :16],
        tmp_path / "source.mp4",
        replace(OPTIONS, steps=1),
        output=tmp_path / "result.mp4",
    )
    assert len(most) > 3 * frames
    assert max(most) <= 12 and max(most[len(most) // 2 :]) <= max(most[: len(most) // 4])


# --- What does not fit -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"depth": 5}, r"^the depth has 5 frames, the video 6: give one depth map for each frame$"),
        ({"depth_size": (16, 32)}, r"^the depth is 32×16, the video 32×32: give maps of its shape$"),
        ({"size": (30, 32)}, r"^the video is 32×30; this propagator needs sides that are multiples of 4: name a size"),
        ({"edited_index": 6}, r"^the edited frame is said to be frame 6; the video has frames 0 to 5$"),
        ({"edited_index": -1}, r"^the edited frame is said to be frame -1; the video has frames 0 to 5$"),
        ({"edited_size": (16, 16)}, r"^the edited frame is 16×16, the clip 32×32: give it the clip's size$"),
        ({"mask": torch.zeros(1, 1, 32, 32)}, r"^the mask is empty, so nothing could change"),
        ({"mask": torch.eye(32).expand(2, 1, 32, 32)}, r"^there are masks for 2 frames; the video has 6"),
        ({"mask": torch.ones(1, 1, 32, 32)}, r"^the mask covers every frame whole"),
        ({"mask": torch.ones(1, 1, 16, 16)}, r"^the mask is 16×16, the clip 32×32"),
        ({"frames": 1, "depth": 1}, r"^the video has 1 frame; an edit needs at least 2$"),
        ({"edited_fill": float("nan")}, r"^the edited frame holds values that are not finite"),
        ({"size": (0, 32)}, r"^the video is 32×0; this propagator needs sides of 8 at least$"),
        ({"size": (32, 4)}, r"^the video is 4×32; this propagator needs sides of 8 at least$"),
        ({"fit": "zoom", "size": (32, 40)}, r'^fit "zoom" is not one of'),
    ],
    ids=lambda value: ", ".join(value) if isinstance(value, dict) else "",
)
def test_what_does_not_fit_is_refused_before_any_is_painted(model, video, painted, changes, message):
    changes = dict(changes)
    clip = video[: changes.pop("frames", FRAMES)]
    maps = torch.rand(changes.pop("depth", FRAMES), 1, *changes.pop("depth_size", (SIZE, SIZE)))
    frame = torch.full((3, *changes.pop("edited_size", (SIZE, SIZE))), changes.pop("edited_fill", 0.5))
    with pytest.raises(ValueError, match=message):
        model.propagate(clip, frame, maps, OPTIONS, **changes)
    assert not painted


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, r"^steps must be 1 to 1000, not 0$"),
        ({"steps": 1001}, r"^steps must be 1 to 1000, not 1001$"),
        ({"steps": 2.0}, r"^steps must be 1 to 1000, not 2\.0$"),
        ({"steps": True}, r"^steps must be 1 to 1000, not True$"),
        ({"seed": -1}, r"^seed must be a number from 0 to 2\*\*64 - 1, not -1$"),
        ({"seed": 2**64}, r"^seed must be a number from 0 to 2\*\*64 - 1, not 18446744073709551616$"),
    ],
)
def test_options_that_cannot_work_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        PropagationOptions(**changes)


def test_the_largest_seed_paints(model, video, depth, edited):
    """Also the frame whose seed is the user's own."""
    options = replace(OPTIONS, seed=2**64 - 1, steps=1)
    assert model.propagate(video[:2], edited, depth[:2], options, edited_index=1).frames.isfinite().all()


def test_depth_that_is_no_number_ends_the_run_by_name(model, video, depth, edited):
    maps = depth.clone()
    maps[2, 0, 3, 3] = torch.nan
    with pytest.raises(ValueError, match=r"depth holds values that are not finite"):
        model.propagate(video, edited, maps, OPTIONS)

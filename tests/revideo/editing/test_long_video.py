"""Long edits: windows in turn over one model, what they hand on, and what a resumed run computes."""

import errno
import shutil
from dataclasses import replace

import pytest
import torch
from fuzzing import damaged, damages, fuzz
from hypothesis import given as drawn
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch.testing import assert_close

import revideo
from revideo import Edit, Trajectories, make_conditions
from revideo.conditions import signed
from revideo.editing.composite import RING_PX, ring_shift
from revideo.editing.handover import PAPER_CHAIN, HandoverOptions, PreviousWindow, start_window
from revideo.editing.long_video import TensorFrames, edit_windows, frame_noise
from revideo.editing.window_cache import WindowCache, fingerprint, identify
from revideo.editing.windows import plan_windows
from revideo.models.vae import LATENT_SCALE
from revideo.pipeline.pipeline import DEFAULTS, START, draw_noise
from revideo.sampling.constraints import clamp_estimates, unedited_weights

WINDOW = 4  # of the smaller golden model
FRAMES = 9  # three windows with an overlap of 1, four with 2
SIZE = 64


@pytest.fixture(scope="module")
def model(golden_b):
    return golden_b.model


@pytest.fixture(scope="module")
def options(golden_b):
    return replace(golden_b.options, steps=2)


@pytest.fixture(scope="module")
def video():
    return torch.rand(FRAMES, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))


def an_edit(video: torch.Tensor, tail: float = 0.0) -> Edit:
    """An area, a path through all frames, and one that begins at frame 6; `tail` moves the latter's end."""
    frames = len(video)
    points_px = torch.stack([torch.linspace(20, 40, frames), torch.full((frames,), 30.0)], -1).repeat(2, 1, 1)
    points_px[1, -1] += tail
    visible = torch.ones(2, frames, dtype=torch.bool)
    visible[1, :6] = False
    mask = torch.zeros(1, 1, SIZE, SIZE, dtype=torch.bool)
    mask[..., 16:48, 16:48] = True
    return Edit(1 - video[0], Trajectories(points_px, visible), mask)


def edit_long(model, video, edit, options=None, handover=PAPER_CHAIN, callback=None) -> torch.Tensor:
    """Window after window, as the model painted it; also where one window would do."""
    frames = TensorFrames(video)
    windows = edit_windows(model, frames, edit, options or DEFAULTS, callback, handover=handover)
    return torch.cat([done.frames for done in windows])


@pytest.fixture
def computed(model):
    """Counts the steps that are done, of a resumed run only those of unfinished windows, by their guided branch."""
    steps = []
    hook = model.unet.register_forward_pre_hook(lambda _, inputs: steps.append(1) if inputs[2].any() else None)
    yield steps
    hook.remove()


CHAINS = {
    "default": HandoverOptions(overlap=2),
    "paper": PAPER_CHAIN,
    "pixels": replace(PAPER_CHAIN, source_pixels=True),
    "latent": replace(PAPER_CHAIN, latent_handover=True),
    "embedding": replace(PAPER_CHAIN, first_embedding=True),
    "colours": replace(PAPER_CHAIN, colour_correction=True),
    "blended": replace(PAPER_CHAIN, overlap=2),
}


# --- The loop ----------------------------------------------------------------------------


@pytest.mark.device
@pytest.mark.slow
@pytest.mark.parametrize(
    ("handover", "lock"),
    [(HandoverOptions(overlap=2), False), (PAPER_CHAIN, False), (HandoverOptions(overlap=2), True)],
    ids=["default", "paper", "locked"],
)
def test_a_video_of_one_window_is_an_ordinary_edit(model, options, video, handover, lock):
    clip, options = video[:WINDOW], replace(options, latent_lock=lock)
    edit = an_edit(clip)
    assert torch.equal(
        edit_long(model, clip, edit, options, handover), model.edit(clip, edit, options, composite=False).frames
    )


@pytest.mark.device
@pytest.mark.slow
def test_the_lock_holds_what_is_unedited_in_every_window(model, options, video, tmp_path):
    edit, locked = an_edit(video), replace(options, latent_lock=True, lock_until=0.0)
    windows = edit_windows(
        model, TensorFrames(video), edit, locked, handover=HandoverOptions(overlap=2), cache=WindowCache(tmp_path)
    )
    assert sum(len(finished.frames) for finished in windows) == FRAMES
    cells = unedited_weights(edit.mask.float(), 8)[0, 0] == 1
    plan = plan_windows(FRAMES, WINDOW, 2)
    for window, file in zip(plan, sorted(tmp_path.glob("window-*")), strict=True):
        source = (
            torch.cat([model.encode(signed(frame)) for frame in video[window.start : window.stop]]).cpu() * LATENT_SCALE
        )
        assert_close(load_file(file)["latents"][..., cells], source[..., cells], atol=1e-5, rtol=0)


@pytest.mark.device
@pytest.mark.slow
def test_every_choice_changes_later_windows_and_none_the_first(model, options, video):
    video = video[:6]
    results = {name: edit_long(model, video, an_edit(video), options, chain) for name, chain in CHAINS.items()}
    for name, result in results.items():
        assert result.shape == video.shape and result.isfinite().all()
        assert torch.equal(result[:2], results["paper"][:2])
        assert name == "paper" or (result[WINDOW:] - results["paper"][WINDOW:]).abs().max() > 1e-4


@pytest.mark.device
@pytest.mark.slow
def test_the_papers_chain_is_windows_edited_one_after_the_other(model, options, video):
    """The last edited frame is the next reference: done here by hand."""
    edit = an_edit(video)
    found = edit_long(model, video, edit, options, PAPER_CHAIN)
    reference = edit.edited_frame
    # What each window gives ends where the next begins to; the last is shifted to end with the video.
    for start, given, previous in ((0, range(0, 4), 3), (3, range(4, 7), 5), (5, range(7, 9), 8)):
        window = Edit(reference, edit.trajectories_between(start, start + WINDOW), edit.mask)
        noise = frame_noise((WINDOW, 4, 8, 8), options.seed, start)
        latents = model.sample(make_conditions(video[start : start + WINDOW], window), options, noise=noise)
        frames = model.decode(latents, WINDOW)
        assert torch.equal(found[given], frames[given.start - start : given.stop - start])
        reference = frames[previous - start]
    assert options.noise_augmentation == 0  # else each reference had noise of its own


def test_a_frames_noise_is_the_same_in_every_window():
    shape = (4, 2, 3, 3)
    assert torch.equal(frame_noise(shape, 7, 0), draw_noise(shape, 7, START))
    for start in range(11):
        for later in range(start + 1, start + 4):
            one, other = frame_noise(shape, 7, start), frame_noise(shape, 7, later)
            assert torch.equal(one[later - start :], other[: start - later])
    assert not torch.equal(frame_noise(shape, 7, 0), frame_noise(shape, 7, 4))


@pytest.mark.device
def test_windows_without_area_pass_the_source_and_are_not_computed(model, options, video, computed):
    mask = an_edit(video).mask.repeat(FRAMES, 1, 1, 1)
    mask[WINDOW - 1 :] = False
    edit = replace(an_edit(video), mask=mask)
    result = edit_long(model, video, edit, options, PAPER_CHAIN)
    assert len(computed) == options.steps  # one window of three
    assert torch.equal(result[WINDOW:], video[WINDOW:])
    assert not torch.equal(result[:WINDOW], video[:WINDOW])


@pytest.mark.slow
def test_whole_frames_are_edited_window_after_window(model, options, video):
    """No source pixel is seen or comes back: another source makes the same video."""
    edit = replace(an_edit(video), mask=None, whole_frame=True)
    ours, other = (model.edit(each, edit, options, handover=HandoverOptions(overlap=2)) for each in (video, 1 - video))
    assert ours.frames.shape == video.shape
    assert torch.equal(ours.frames, other.frames)


def test_an_area_that_never_comes_is_an_error(model, options, video):
    class Nothing:
        def read(self, start, stop):
            return torch.zeros(1, 1, SIZE, SIZE, dtype=torch.bool)

    edit = replace(an_edit(video), mask=Nothing())
    with pytest.raises(ValueError, match="the mask is empty in every frame"):
        model.edit(video, edit, options, handover=PAPER_CHAIN)


@pytest.mark.parametrize(
    ("frames", "changes", "message"),
    [
        (FRAMES, {"edited_frame": torch.zeros(3, 32, 64)}, "the edited frame is 64×32; the video is 64×64"),
        (FRAMES, {"trajectories": Trajectories.none(4)}, "the trajectories cover 4 frames; the video has 9"),
        (FRAMES, {"mask": torch.zeros(1, 1, SIZE, SIZE)}, "the mask is empty"),
        (FRAMES, {"mask": torch.ones(2, 1, SIZE, SIZE)}, "masks for 2 frames; the video has 9"),
    ],
)
def test_what_does_not_fit_is_refused_before_any_work(model, video, computed, frames, changes, message):
    with pytest.raises(ValueError, match=message):
        edit_long(model, video[:frames], replace(an_edit(video), **changes), handover=PAPER_CHAIN)
    assert not computed


def test_a_size_that_the_model_cannot_work_at_is_refused(model, video):
    with pytest.raises(ValueError, match="the video is 60×64; this model needs sides that are multiples of 64"):
        edit_long(model, video[..., :60], an_edit(video), handover=PAPER_CHAIN)


@pytest.mark.slow
def test_progress_counts_frames_to_the_last_and_tells_the_time(model, options, video):
    heard = []
    edit_long(model, video, an_edit(video), options, callback=heard.append, handover=PAPER_CHAIN)
    done = [progress.done for progress in heard]
    assert done == sorted(done) and done[-1] == FRAMES == heard[0].total
    assert len(heard) == 3 * (options.steps + 1)  # each step of each window, and its end
    assert all(progress.seconds_left > 0 for progress in heard[:-1]) and heard[-1].seconds_left == 0
    assert all(progress.latents.shape == (WINDOW, 4, 8, 8) for progress in heard)


# --- What is handed on -------------------------------------------------------------------


@pytest.fixture(scope="module")
def handed(model):
    """A previous frame that is brighter than the source, and the source."""
    source = torch.rand(3, SIZE, SIZE, generator=torch.Generator().manual_seed(1)) * 0.5
    mask = an_edit(source[None]).mask.repeat(2, 1, 1, 1)
    latents = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(2))
    return PreviousWindow((source + 0.25).expand(2, -1, -1, -1), latents), source, mask


def start(model, handed, **choices):
    previous, source, mask = handed
    return start_window(model, previous, source, mask, replace(PAPER_CHAIN, **choices), torch.zeros(3, SIZE, SIZE))


def test_the_chain_hands_on_the_frame_and_nothing_else(model, handed):
    begun = start(model, handed)
    assert torch.equal(begun.reference, handed[0].frames[0]) and begun.latent is None and begun.known is None


def test_unedited_pixels_come_from_the_source(model, handed):
    previous, source, mask = handed
    reference = start(model, handed, source_pixels=True).reference
    inside = mask[0].expand(3, -1, -1)
    assert torch.equal(reference[~inside], source[~inside])
    assert torch.equal(reference[inside], previous.frames[0][inside])


def test_of_the_area_too_what_shows_the_same_comes_from_the_source(model, handed):
    """The right half is painted nearly as the source has it."""
    previous, source, mask = handed
    previous = replace(previous, frames=torch.where(torch.arange(SIZE) < SIZE // 2, previous.frames, source + 0.01))
    begun = start(model, (previous, source, mask), source_pixels=True, latent_handover=True)
    assert torch.equal(begun.reference[..., SIZE // 2 + 8 :], source[..., SIZE // 2 + 8 :])
    known = model.encode(signed(begun.reference))
    assert_close(begun.latent[..., 5:], known[..., 5:])
    assert_close(begun.latent[..., 2:4, 2:4], previous.latents[:1, :, 2:4, 2:4] / LATENT_SCALE)
    assert torch.equal(start(model, (previous, source, mask)).reference, previous.frames[0])


def test_what_was_restored_is_carried_as_it_looks_and_not_as_it_was_sampled(model, handed):
    previous, source, mask = handed
    corrected = torch.zeros(2, SIZE, SIZE, dtype=torch.bool)
    corrected[:, 24:32, 24:32] = True
    previous = replace(previous, corrected=corrected)
    begun = start(model, (previous, source, mask), latent_handover=True, overlap=2)
    known = model.encode(signed(torch.where(mask[0], previous.frames[0], source)))
    assert_close(begun.latent[..., 3, 3], known[..., 3, 3])
    shown = torch.cat([model.encode(signed(frame)) for frame in previous.frames])
    assert_close(begun.known[..., 3, 3], shown[..., 3, 3] * LATENT_SCALE)
    elsewhere = torch.ones(8, 8, dtype=torch.bool)
    elsewhere[3, 3] = False
    assert_close(begun.latent[..., elsewhere], previous.latents[:1, :, elsewhere] / LATENT_SCALE)
    assert torch.equal(begun.known[..., elsewhere], previous.latents[..., elsewhere])
    decoded = start(model, (previous, source, mask), overlap=2)
    assert torch.equal(decoded.known, begun.known)
    assert torch.equal(
        start(model, (replace(previous, corrected=corrected & False), source, mask), overlap=2).known, previous.latents
    )


def test_a_stray_of_the_ring_is_taken_from_the_area(model, handed):
    _, source, _ = handed
    reference = start(model, handed, source_pixels=True, colour_correction=True).reference
    assert_close(reference, source)  # all of it was 0.25 too bright


def test_a_carried_latent_is_the_sampled_one(model, handed):
    begun = start(model, handed, latent_handover=True)
    assert_close(begun.latent, handed[0].latents[:1] / LATENT_SCALE)


def test_outside_the_area_the_latent_is_the_sources(model, handed):
    previous = handed[0]
    begun = start(model, handed, latent_handover=True, source_pixels=True)
    assert_close(begun.latent[..., 2:6, 2:6], previous.latents[:1, :, 2:6, 2:6] / LATENT_SCALE)
    known = model.encode(signed(begun.reference))
    assert_close(begun.latent[..., :2], known[..., :2])


def test_a_latents_stray_is_that_of_its_ring(model, handed):
    previous = handed[0]
    known = model.encode(signed(start(model, handed, source_pixels=True).reference))
    drifted = replace(previous, latents=((known + 0.5) * LATENT_SCALE).repeat(2, 1, 1, 1))
    begun = start(
        model, (drifted, *handed[1:]), latent_handover=True, source_pixels=True, colour_correction=True, overlap=2
    )
    assert_close(begun.latent, known, atol=1e-5, rtol=1e-5)
    assert_close(begun.known[:, :, 2:6, 2:6], (known * LATENT_SCALE).repeat(2, 1, 1, 1)[:, :, 2:6, 2:6])


def test_frames_that_passed_unedited_are_handed_on_as_pixels(model, handed):
    begun = start(model, (replace(handed[0], latents=None), *handed[1:]), latent_handover=True, overlap=2)
    assert begun.latent is None and begun.known is None


def test_an_area_without_surroundings_keeps_its_colours():
    everywhere = torch.ones(8, 8, dtype=torch.bool)
    assert torch.equal(ring_shift(torch.ones(3, 8, 8), torch.zeros(3, 8, 8), everywhere, 2), torch.zeros(3, 1, 1))


def test_only_the_ring_counts():
    area = torch.zeros(64, 64, dtype=torch.bool)
    area[24:40, 24:40] = True
    known = torch.zeros(3, 64, 64)
    found = torch.rand(3, 64, 64)
    found[:, 24 - RING_PX : 40 + RING_PX, 24 - RING_PX : 40 + RING_PX] = torch.where(area, 9.0, 0.5)[8:56, 8:56]
    assert_close(ring_shift(known, found, area, RING_PX), torch.full((3, 1, 1), -0.5))


def test_held_frames_are_drawn_by_their_weights():
    estimate, held = torch.rand(4, 2, 3, 3), torch.rand(2, 2, 3, 3)
    found = clamp_estimates(lambda x, sigma: estimate, held, torch.tensor([1.0, 0.25]).view(2, 1, 1, 1))(
        estimate, torch.tensor(1.0)
    )
    assert torch.equal(found[0], held[0]) and torch.equal(found[2:], estimate[2:])
    assert_close(found[1], 0.25 * held[1] + 0.75 * estimate[1])


# --- Nothing is lost ---------------------------------------------------------------------

HANDOVER = HandoverOptions(overlap=1)  # three windows: frames 0–3, 3–6, 5–8


def run(model, video, options, folder, edit=None, handover=HANDOVER, callback=None) -> torch.Tensor:
    windows = edit_windows(
        model,
        TensorFrames(video),
        edit or an_edit(video),
        options,
        callback,
        handover=handover,
        cache=WindowCache(folder),
    )
    return torch.cat([done.frames for done in windows])


@pytest.fixture(scope="module")
def whole(model, options, video):
    return edit_long(model, video, an_edit(video), options, HANDOVER)


@pytest.fixture(scope="module")
def finished_run(model, options, video, tmp_path_factory):
    folder = tmp_path_factory.mktemp("windows")
    run(model, video, options, folder)
    return folder


@pytest.fixture
def finished(finished_run, tmp_path):
    """A copy of the folder that a whole run leaves."""
    return shutil.copytree(finished_run, tmp_path / "windows")


class Killed(BaseException):
    """Like ComfyUI's interrupt: no Exception."""


@pytest.mark.device
@pytest.mark.slow
@pytest.mark.parametrize("last", [0, 1, 3, 4])
def test_a_run_broken_off_at_any_step_goes_on_where_it_was(
    model, options, video, whole, computed, tmp_path, last, monkeypatch
):
    def kill(progress):
        if progress.latents is not None and len(computed) == last + 1:
            raise Killed

    with pytest.raises(Killed):
        run(model, video, options, tmp_path, callback=kill)
    computed.clear()
    assert torch.equal(run(model, video, options, tmp_path), whole)
    finished = last // options.steps  # windows
    assert len(computed) == (3 - finished) * options.steps


@pytest.mark.slow
def test_a_second_run_computes_nothing(model, options, video, whole, finished, computed):
    assert torch.equal(run(model, video, options, finished), whole)
    assert not computed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "windows"),
    [
        (lambda o, d, v, e: (replace(o, seed=24), d, v, e), 3),
        (lambda o, d, v, e: (replace(o, cfg_last=2.0), d, v, e), 3),
        (lambda o, d, v, e: (replace(o, added_noise=0.5), d, v, e), 3),
        (lambda o, d, v, e: (o, replace(d, colour_correction=False), v, e), 3),
        (lambda o, d, v, e: (o, d, v, replace(e, edited_frame=e.edited_frame * 0.9)), 3),
        (lambda o, d, v, e: (o, d, v, replace(e, mask=e.mask.roll(1, -1))), 3),
        (lambda o, d, v, e: (o, d, torch.cat([v[:4], 1 - v[4:]]), e), 2),
        (lambda o, d, v, e: (o, d, v, an_edit(v, tail=5.0)), 1),  # a path that begins at frame 6
    ],
    ids=["seed", "guidance", "added noise", "handover", "edited frame", "mask", "later frames", "last path"],
)
def test_what_changed_is_computed_again_from_the_first_window_that_sees_it(
    model, options, video, finished, computed, change, windows
):
    new_options, handover, new_video, edit = change(options, HANDOVER, video, an_edit(video))
    found = run(model, new_video, new_options, finished, edit, handover)
    assert len(computed) == windows * new_options.steps
    assert torch.equal(found, edit_long(model, new_video, edit, new_options, handover))


@pytest.mark.slow
def test_a_longer_video_keeps_the_windows_that_stay(model, options, video, computed, tmp_path):
    run(model, video[:7], options, tmp_path)  # frames 0–3, 3–6
    computed.clear()
    longer = an_edit(video)
    shorter = replace(longer, trajectories=longer.trajectories.for_clip(7, "as drawn"))
    run(model, video[:7], options, tmp_path, shorter)
    assert len(computed) == 2 * options.steps  # its paths are others
    computed.clear()
    run(model, video, options, tmp_path, longer)
    assert len(computed) == options.steps


def stored(file):
    """Latents of a window, and what is said of them."""
    with safe_open(file, "pt") as window:
        return window.get_tensor("latents"), window.metadata()


def flip_a_bit(file):
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)


def store(file, change, name="latents"):
    """A window that is well signed, though no edit made it."""
    latents, metadata = stored(file)
    changed = change(latents)
    save_file({name: changed}, file, metadata | {"digest": fingerprint(changed)})


DAMAGES = {
    "cut off": lambda file: file.write_bytes(file.read_bytes()[:100]),
    "empty": lambda file: file.write_bytes(b""),
    "a text": lambda file: file.write_text("not a window"),
    "a bit flipped": flip_a_bit,
    "no metadata": lambda file: save_file({"latents": stored(file)[0]}, file),
    "no digest": lambda file: save_file({"latents": stored(file)[0]}, file, {"key": stored(file)[1]["key"]}),
    "int8": lambda file: store(file, lambda latents: latents.to(torch.int8)),
    "bf16": lambda file: store(file, lambda latents: latents.to(torch.bfloat16)[:1].clone()),
    "fp8": lambda file: store(file, lambda latents: latents.to(torch.float8_e4m3fn)),
    "complex": lambda file: store(file, lambda latents: latents.to(torch.complex64)),
    "bool": lambda file: store(file, lambda latents: latents > 0),
    "NaN": lambda file: store(file, lambda latents: latents * torch.nan),
    "infinite": lambda file: store(file, lambda latents: latents / 0),
    "one frame less": lambda file: store(file, lambda latents: latents[1:].clone()),
    "a number": lambda file: store(file, lambda latents: latents.sum()),
    "nothing": lambda file: store(file, lambda latents: latents[:0].clone()),
    "under another name": lambda file: store(file, lambda latents: latents, name="latent"),
    "a link to nothing": lambda file: (file.unlink(), file.symlink_to(file.with_name("gone"))),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_window_is_none_and_that_is_said(finished, damage, caplog):
    cache, file = WindowCache(finished), finished / "window-000001.safetensors"
    latents, metadata = stored(file)
    assert torch.equal(cache.load(1, metadata["key"], latents.shape), latents) and not caplog.text
    DAMAGES[damage](file)
    assert cache.load(1, metadata["key"], latents.shape) is None
    unsaid = ("no metadata", "a link to nothing")  # made from something else, or not at all
    assert (str(file) in caplog.text) == (damage not in unsaid)


@fuzz(100)
@drawn(damage=damages())
def test_no_damage_gives_other_latents(tmp_path_factory, damage):
    cache, latents = WindowCache(tmp_path_factory.getbasetemp() / "damaged"), torch.arange(240.0).view(3, 4, 4, 5)
    cache.folder.mkdir(exist_ok=True)
    cache.save(0, "key", latents)
    file = cache.folder / "window-000000.safetensors"
    file.write_bytes(damaged(file.read_bytes(), damage))
    found = cache.load(0, "key", latents.shape)
    assert found is None or torch.equal(found, latents)


def test_a_damaged_window_is_computed_again(model, options, video, whole, finished, computed):
    flip_a_bit(finished / "window-000001.safetensors")
    assert torch.equal(run(model, video, options, finished), whole)
    assert len(computed) == options.steps  # what follows it was made from the same


def test_what_a_killed_edit_left_goes_with_the_next(model, options, video, whole, finished, computed):
    for name in (".window-000001-abcdefgh.safetensors", ".window-000001-abcdefgh.safetensors.writing"):
        (finished / name).write_bytes(b"half of")
    assert torch.equal(run(model, video, options, finished), whole) and not computed
    assert [file.name for file in finished.glob(".*")] == [".lock"]


def test_a_folder_in_the_place_of_a_window_is_named_before_any_work(model, options, video, computed, tmp_path):
    (tmp_path / "window-000002.safetensors").mkdir()
    with pytest.raises(OSError, match=r"window-000002.safetensors is a folder in the place of a window: move it away"):
        run(model, video, options, tmp_path)
    assert not computed


def test_two_edits_at_once_do_not_share_their_windows(model, options, video, computed, tmp_path):
    windows = edit_windows(
        model, TensorFrames(video), an_edit(video), options, handover=HANDOVER, cache=WindowCache(tmp_path)
    )
    next(windows)
    steps = len(computed)
    with pytest.raises(OSError, match=r"the folder of windows .* is in use by another run: wait for its end"):
        run(model, video, options, tmp_path)
    WindowCache(tmp_path).clear()  # does nothing: they are another's
    assert len(computed) == steps and [*tmp_path.glob("window-*")]
    windows.close()
    WindowCache(tmp_path).clear()
    assert not tmp_path.exists()


@pytest.mark.slow
def test_a_full_disk_ends_the_run_and_keeps_what_is_finished(
    model, options, video, whole, computed, tmp_path, monkeypatch
):
    def full(tensors, path, metadata):
        if any(tmp_path.glob("window-000001*")):
            path.write_bytes(b"half of it")
            raise OSError(errno.ENOSPC, "No space left on device")
        save(tensors, path, metadata)

    from revideo.editing import window_cache

    save = window_cache.save_file
    monkeypatch.setattr(window_cache, "save_file", full)
    with pytest.raises(OSError, match=r"the disk is full, so this file was not written: .*window-000002"):
        run(model, video, options, tmp_path)
    assert sorted(file.name for file in tmp_path.glob("*")) == [
        ".lock",
        "window-000000.safetensors",
        "window-000001.safetensors",
    ]
    monkeypatch.undo()
    computed.clear()
    assert torch.equal(run(model, video, options, tmp_path), whole)
    assert len(computed) == options.steps


def test_windows_are_small_and_go_when_told(model, options, video, tmp_path):
    folder = tmp_path / "windows"
    run(model, video, options, folder)
    assert load_file(folder / "window-000000.safetensors").keys() == {"latents"}
    (folder / "note.txt").write_text("of the user's")
    WindowCache(folder).clear()
    assert [file.name for file in folder.iterdir()] == ["note.txt"]
    (folder / "note.txt").unlink()
    WindowCache(folder).clear()
    assert not folder.exists()


def test_a_model_is_known_by_its_weights(golden_a, golden_b):
    again = revideo.load(golden_b.checkpoint, golden_b.config, device="cpu")
    assert identify(again) == identify(golden_b.model) != identify(golden_a.model)
    again.controlnet.mid_projection.weight.data += 0.01
    assert identify(again) != identify(golden_b.model)


def test_fingerprints_tell_values_shapes_and_order_apart():
    values = [torch.zeros(4), torch.zeros(2, 2), torch.zeros(4, dtype=torch.float64), torch.ones(4), torch.zeros(0)]
    told = [fingerprint(value) for value in values] + [fingerprint(1, 23), fingerprint(12, 3), fingerprint("12", 3)]
    assert len(set(told)) == len(told)
    assert fingerprint(torch.zeros(4)) == told[0]

"""The authors' examples against what their scripts compute, worked out here plainly from the scripts' own numbers.

tests/data/authors_scripts.json holds these, in the scripts' words: `_h` is x, `_w` is y.
"""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from revideo import EditDocument, Trajectories, fit_frames, make_conditions
from revideo.authors import FRAMES_PER_CHUNK, SAVED_FPS, authors_example, authors_examples
from revideo.conditions import motion_map

SCRIPTS = json.loads((Path(__file__).parent.parent / "data" / "authors_scripts.json").read_text("utf-8"))
DRAWN = [name for name, script in SCRIPTS.items() if script["kind"] != "constant_motion"]
TRACKED = [name for name in SCRIPTS if name not in DRAWN]
PROGRAMS = {"single_region": "one area", "multi_region": "many areas", "constant_motion": "kept motion"}
MARGINS = ((40, 25), (333, 90), (2, 700))  # right of and below all that a script names: clips of several shapes
PLACES_PX = 1e-5

Sparse = dict[tuple[int, int, int], tuple[float, float]]  # frame, y, x → dy, dx


# --- What the scripts compute ------------------------------------------------------------------


def clip_size(script, margin=MARGINS[0]) -> tuple[int, int]:  # width, height
    """Of a clip that holds all that a script names."""
    return tuple(
        max(script[f"e_{axis}"] + script[f"ps_{axis}"] + script.get(f"pe_{axis}", [])) + beside
        for axis, beside in zip("hw", margin)
    )


def scaled_size(width: int, height: int) -> tuple[int, int]:  # width, height
    k = math.sqrt(1024 * 1024 / (width * height))
    return int(np.round(width * k / 64)) * 64, int(np.round(height * k / 64)) * 64


def script_motion(script, width: int, height: int) -> Sparse:
    """The maps of the programs for one area and for many, before the Gaussian."""
    wide, high = scaled_size(width, height)
    scale_x, scale_y, frames = wide / width, high / height, script["frames"]
    sparse = {}
    for k in range(len(script["ps_h"])):
        start_x, start_y = script["ps_h"][k] * scale_x, script["ps_w"][k] * scale_y
        step_x = (script["pe_h"][k] * scale_x - start_x) / (frames - 2)
        step_y = (script["pe_w"][k] * scale_y - start_y) / (frames - 2)
        bias_x = script["x_bias_all"][k] if "x_bias_all" in script else script["x_bias"]
        bias_y = script["y_bias_all"][k] if "y_bias_all" in script else script["y_bias"]
        before_x, before_y = start_x, start_y
        for i in range(frames - 1):
            x = int(start_x + i * step_x + bias_x[i % len(bias_x)])
            y = int(start_y + i * step_y + bias_y[i % len(bias_y)])
            sparse[i + 1, y, x] = y - before_y, x - before_x  # a later path overwrites
            before_x, before_y = x, y
    return sparse


def assert_softened(motion: torch.Tensor, sparse: Sparse, within_px: float = PLACES_PX) -> None:
    """Each displacement is a bump of 51×51 pixels, sigma 10, peak 1, cut off at the border; there is nothing else."""
    _, _, height, width = motion.shape
    for frame, found in enumerate(motion.numpy()):
        soft = np.zeros(found.shape)
        for (at, y, x), (dy, dx) in sparse.items():
            if at == frame:
                rows, columns = (
                    np.arange(max(middle - 25, 0), min(middle + 26, side)) for middle, side in ((y, height), (x, width))
                )
                bump = np.exp(-((rows[:, None] - y) ** 2 + (columns - x) ** 2) / (2 * 10**2))
                soft[0, rows[:, None], columns] += dy * bump
                soft[1, rows[:, None], columns] += dx * bump
        assert np.abs(found - soft).max() < within_px


def script_region(script, width: int, height: int) -> np.ndarray:  # (H, W)
    wide, high = scaled_size(width, height)
    region = np.zeros((high, wide), bool)
    for left, right, top, bottom in zip(*(script[key] for key in ("s_h", "e_h", "s_w", "e_w"))):
        rows = slice(int(top * (high / height)), int(bottom * (high / height)))
        region[rows, int(left * (wide / width)) : int(right * (wide / width))] = True
    return region


# --- Settings ----------------------------------------------------------------------------------


def test_there_are_twenty_and_no_other():
    assert sorted(authors_examples()) == sorted(SCRIPTS) and len(SCRIPTS) == 20


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_setting_of_a_script_is_one_of_ours(name):
    script, example = SCRIPTS[name], authors_example(name)
    options = example.options
    assert example.program == PROGRAMS[script["kind"]]
    assert f"testset/{example.clip}" == script["input"] and f"testset/{example.edited_frame}" == script["path_ref"]
    assert (options.steps, options.fps, options.seed) == (script["ddim_steps"], script["fps"], script["seed"])
    assert (options.motion_bucket, options.noise_augmentation) == (script["motion"], script["cond_aug"])
    assert options.encoder_noise == (0 if script["kind"] == "multi_region" else script["cond_aug"])
    assert (options.cfg_first, options.cfg_last, options.sigma_max) == (1, 4, 700)
    assert (script["decoding_t"], script["savefps"]) == (FRAMES_PER_CHUNK, SAVED_FPS)


def test_an_unknown_name_is_answered_by_those_near_it():
    with pytest.raises(ValueError, match=r"no example lawn3: did you mean .*lawn2"):
        authors_example("lawn3")
    with pytest.raises(ValueError, match="no example zzz: there are desert, dog, "):
        authors_example("zzz")


# --- Paths and areas ---------------------------------------------------------------------------


def documents(name, tracked=None):
    """The example's document, written and read again, on clips of several shapes."""
    for margin in MARGINS:
        width, height = clip_size(SCRIPTS[name], margin)
        wide, high = scaled_size(width, height)
        document = authors_example(name).document((height, width), (high, wide), tracked)
        again = EditDocument.from_json(document.to_json(exact=True))
        assert again == document
        yield again, width, height


def written(points_px: np.ndarray, height: int, width: int) -> Sparse:
    """Where points (N, T, 2) stand, and what they moved by since the frame before."""
    sparse = {}
    for points in points_px:
        for frame in range(1, len(points)):
            x, y = (min(max(int(at), 0), side - 1) for at, side in zip(points[frame], (width, height)))
            sparse[frame, y, x] = tuple((points[frame] - points[frame - 1])[::-1].tolist())
    return sparse


@pytest.mark.parametrize("name", DRAWN)
def test_paths_move_as_the_script_s_do(name):
    for document, width, height in documents(name):
        wide, high = scaled_size(width, height)
        found = written(document.trajectories(14, high, wide).points_px.numpy(), high, wide)
        sparse = script_motion(SCRIPTS[name], width, height)
        assert list(found) == list(sparse)
        assert np.abs(np.array(list(found.values())) - np.array(list(sparse.values()))).max() < 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dog", "lawn", "woman"])
def test_motion_maps_are_the_script_s(name):
    document, width, height = next(documents(name))
    wide, high = scaled_size(width, height)
    paths = document.trajectories(14, high, wide)
    motion = motion_map(paths.points_px, paths.visible, high, wide)
    assert_softened(motion, script_motion(SCRIPTS[name], width, height))


@pytest.mark.parametrize("name", SCRIPTS)
def test_areas_are_the_script_s_to_the_pixel(name):
    tracked = [[(9.0, 9.0)] * 14] if name in TRACKED else None
    for document, width, height in documents(name, tracked):
        wide, high = scaled_size(width, height)
        mask = document.mask(14, high, wide)
        assert mask.shape == (1, 1, high, wide)
        assert np.array_equal(mask[0, 0].numpy(), script_region(SCRIPTS[name], width, height))


def test_hand_drawn_motion_rests_at_first_and_then_moves():
    """Frame 1 moves by a rounding and a bias at most; the path ends on the last frame."""
    document, *_ = next(documents("football"))
    places = document.trajectories(14, document.height, document.width).points_px[0]
    steps = places.diff(dim=0).abs().amax(1)
    assert steps[0] < 1 < steps[1:].min()


def test_reciprocating_motion_goes_and_comes_back():
    document, *_ = next(documents("forest"))
    x = document.trajectories(14, document.height, document.width).points_px[0, 1:, 0]
    assert (x - x[3]).tolist() == [10, 20, 10, 0] * 3 + [10]


# --- Whole conditions, from folders of pictures --------------------------------------------------


def write_clip(folder: Path, name: str, frames: int = 15, pictures: int = 3) -> Path:
    """A test set with one clip that pans over so many pictures and again, and another picture as its edited frame."""
    script = SCRIPTS[name]
    width, height = clip_size(script)
    colours = np.random.default_rng(1).integers(0, 256, (6, 9, 3), np.uint8)
    wide = Image.fromarray(colours).resize((width + 4 * pictures, height), Image.Resampling.BILINEAR)
    clip, edited = folder / script["input"], folder / script["path_ref"]
    clip.mkdir(parents=True)
    edited.parent.mkdir(parents=True)
    for frame in range(frames):
        if frame < pictures:
            wide.crop((4 * frame, 0, 4 * frame + width, height)).save(clip / f"{frame:05d}.png", compress_level=1)
        else:
            shutil.copy(clip / f"{frame % pictures:05d}.png", clip / f"{frame:05d}.png")
    Image.fromarray(255 - np.asarray(wide)[:, :width]).save(edited, compress_level=1)
    return folder / "testset"


def resized(file: Path, size) -> np.ndarray:  # (3, H, W) in [-1, 1]
    with Image.open(file) as picture:
        return np.asarray(picture.resize(size), np.float32).transpose(2, 0, 1) / 255 * 2 - 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lawn2", "sea"])
def test_a_script_s_clip_becomes_its_conditions(name, tmp_path):
    script = SCRIPTS[name]
    testset = write_clip(tmp_path, name)
    conditions = make_conditions(*authors_example(name).read(testset).fitted())
    width, height = clip_size(script)
    size, region = scaled_size(width, height), script_region(script, width, height)
    assert conditions.size == size[::-1] and conditions.num_frames == 14
    assert_softened(conditions.motion, script_motion(script, width, height))
    assert np.array_equal(conditions.mask.numpy(), np.broadcast_to(region, (14, 1, *region.shape)))
    for frame in (0, 1, 2, 13):
        content = np.where(region, -1, resized(tmp_path / script["input"] / f"{frame:05d}.png", size))
        assert np.abs(conditions.content[frame].numpy() - content).max() < 1e-6
    assert np.abs(conditions.reference.numpy() - resized(tmp_path / script["path_ref"], size)).max() < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("name", TRACKED)
def test_kept_motion_is_what_the_tracker_found_seen_or_not(name, tmp_path):
    script = SCRIPTS[name]
    testset = write_clip(tmp_path, name, pictures=1)
    width, height = clip_size(script)
    wide, high = scaled_size(width, height)
    found, asked = [], []

    def tracker(video, points_px, frame):
        """Points that stray, out of the picture too, of which most are hidden."""
        asked.append((video.shape, points_px, frame))
        random = torch.Generator().manual_seed(0)
        steps = 4 * torch.randn(len(points_px), 14, 2, generator=random)
        steps[:, 0] = 0
        steps[0, 5:] += 150
        found.append(points_px[:, None] + steps.cumsum(1))
        return Trajectories(found[0], torch.rand(len(points_px), 14, generator=random) < 0.3)

    _, edit = authors_example(name).read(testset, tracker).fitted()
    [(shape, points_px, frame)] = asked
    assert shape == (14, 3, high, wide) and frame == 0
    starts = [(x * (wide / width), y * (high / height)) for x, y in zip(script["ps_h"], script["ps_w"])]
    assert np.abs(points_px.numpy() - np.array(starts)).max() < 1e-4
    sparse = written(found[0].numpy(), high, wide)
    paths = edit.trajectories
    assert paths.visible.all() and written(paths.points_px.float().numpy(), high, wide) == sparse
    if name == "head6":
        # Their steps are rounded once, to float32: 8e-6 of 150 pixels.
        assert_softened(motion_map(paths.points_px, paths.visible, high, wide), sparse, 2e-5)
    assert np.array_equal(edit.masks(0, 1)[0, 0].numpy(), script_region(script, width, height))


@pytest.mark.slow
def test_without_another_tracker_the_built_in_one_follows(tmp_path):
    testset = write_clip(tmp_path, "head6", pictures=14)
    prepared = authors_example("head6").read(testset)
    _, edit = prepared.fitted()
    assert edit.trajectories.visible.all()
    moved = edit.trajectories.points_px[:, -1] - edit.trajectories.points_px[:, 0]
    pan = -4 * 13 * prepared.size[1] / prepared.source_size[1]
    assert (moved - torch.tensor([pan, 0])).abs().max() < 2


def test_pil_s_filter_is_ours_but_for_its_rounding():
    """So that a clip fitted by any other door of ours is the scripts' to a level of 255."""
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 16, 3), np.uint8))
    picture = np.array(noise.resize((160, 90)))
    for size in ((320, 192), (64, 64)):
        theirs = np.asarray(Image.fromarray(picture).resize(size)) / 255
        ours = fit_frames(torch.from_numpy(picture).permute(2, 0, 1)[None] / 255, *size[::-1])[0]
        assert np.abs(ours.permute(1, 2, 0).numpy() - theirs).max() < 1.5 / 255


# --- What is missing ---------------------------------------------------------------------------


def empty_files(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_what_a_test_set_lacks_is_named(tmp_path):
    example = authors_example("dog")
    with pytest.raises(FileNotFoundError, match=r"no folder .*dog, which dog reads: give the folder testset/ of https"):
        example.find(tmp_path)
    empty_files(tmp_path, *(f"dog/{frame:05d}.png" for frame in range(13)), "dog/notes.txt", "dog/._00000.png")
    with pytest.raises(ValueError, match=r"dog holds 13 pictures; dog takes 14"):
        example.find(tmp_path)
    empty_files(tmp_path, "dog/00013.png", "dog/00014.png")
    with pytest.raises(FileNotFoundError, match=r"no file .*dog.png, the edited frame of dog"):
        example.find(tmp_path)
    empty_files(tmp_path, "reference/dog.png")
    pictures, edited = example.find(tmp_path)
    assert [file.stem for file in pictures] == [f"{frame:05d}" for frame in range(14)]
    assert edited == tmp_path / "reference" / "dog.png"
    with pytest.raises(ValueError, match=r"00000\.png is no picture that can be read"):
        example.read(tmp_path)


@pytest.mark.slow
def test_pictures_of_several_sizes_are_refused(tmp_path):
    testset = write_clip(tmp_path, "woman4")
    Image.new("RGB", (640, 480)).save(testset / "woman4" / "00003.png")
    with pytest.raises(ValueError, match=r"00003.png is 640×480, the pictures before it"):
        authors_example("woman4").read(testset)

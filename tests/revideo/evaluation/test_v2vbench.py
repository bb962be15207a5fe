"""What is written can be read by V2VBench's evaluator, whose way of reading is written out here."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import yaml

from revideo.evaluation.v2vbench import add_result

T, H, W = 3, 16, 24
SUFFIXES = (".jpg", ".jpeg", ".png")


def video(seed: int) -> torch.Tensor:
    return torch.rand(T, 3, H, W, generator=torch.Generator().manual_seed(seed))


def load_frames(folder: Path) -> np.ndarray:
    """As its load_video does with a folder: pictures in the order of their names, RGB."""
    files = [file for file in sorted(folder.iterdir()) if file.suffix in SUFFIXES]
    assert files
    return np.stack([cv2.imread(str(file))[..., ::-1] for file in files])


def evaluator_reads(folder: Path) -> list[tuple[str, int, str, np.ndarray, np.ndarray]]:
    """As its BaseEvaluator walks through index_file, reference_video and edit_video."""
    samples = []
    for sample in yaml.safe_load((folder / "config.yaml").read_text("utf-8"))["data"]:
        reference = load_frames(folder / "source_videos" / sample["video_id"])
        for number, edit in enumerate(sample["edit"]):
            edited = load_frames(folder / "edited_videos" / sample["video_id"] / str(number))
            samples.append((sample["video_id"], number, edit["prompt"], reference, edited))
    return samples


def as_pixels(frames: torch.Tensor) -> np.ndarray:
    return (frames * 255).round().byte().permute(0, 2, 3, 1).numpy()


def test_every_edit_is_found_with_its_source_and_prompt(tmp_path):
    given = [("hike", "a superman: hikes", 0, 1), ("hike", "ein Bär, 50 %", 0, 2), ("007", "yes", 3, 4)]
    for name, prompt, source, result in given:
        add_result(tmp_path, name, prompt, video(source), video(result))
    found = evaluator_reads(tmp_path)
    assert [sample[:3] for sample in found] == [
        ("hike", 0, "a superman: hikes"),
        ("hike", 1, "ein Bär, 50 %"),
        ("007", 0, "yes"),
    ]
    for (_, _, source, result), sample in zip(given, found):
        np.testing.assert_array_equal(sample[3], as_pixels(video(source)))
        np.testing.assert_array_equal(sample[4], as_pixels(video(result)))


def test_the_same_prompt_again_replaces_its_result(tmp_path):
    add_result(tmp_path, "hike", "snow", video(0), torch.cat([video(1), video(2)]))
    add_result(tmp_path, "hike", "snow", video(0), video(3))
    [(_, _, _, _, edited)] = evaluator_reads(tmp_path)
    np.testing.assert_array_equal(edited, as_pixels(video(3)))


def test_another_clip_under_the_same_name_is_refused(tmp_path):
    add_result(tmp_path, "hike", "snow", video(0), video(1))
    for other in (video(5), video(0)[:2], video(0)[..., :20]):
        with pytest.raises(ValueError, match="hike holds another clip than the source, which is"):
            add_result(tmp_path, "hike", "rain", other, other)
    assert len(evaluator_reads(tmp_path)) == 1


@pytest.mark.parametrize("name", ["a.b", "../x", "", "two words"])
def test_a_name_that_the_evaluator_would_not_find_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match="cannot name a clip of V2VBench: use 1 to 100 letters, digits, - and _"):
        add_result(tmp_path, name, "snow", video(0), video(1))
    assert not list(tmp_path.iterdir())


def test_an_edit_without_a_prompt_is_refused(tmp_path):
    with pytest.raises(ValueError, match="V2VBench measures an edit against its prompt: give one"):
        add_result(tmp_path, "hike", " ", video(0), video(1))


OTHERS = [
    "data: 3",
    "[]",
    "data: [{video_id: x}]",
    "a: [",
    "",
    "data: 2020-13-41",
    "[" * 5000,
    "x",
    "data: {a: b}",
    "\xff",
]
OTHERS += [
    "data: !!python/object/apply:os.getcwd []",
    "&a [*a]",
    "data: [1]",
    "? [a]\n: b",
    "data: [{video_id: x, edit: 5}]",
    "data: [{video_id: x, edit: [&a {prompt: y}, *a]}]",
    "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 12)),
]


@pytest.mark.parametrize("text", OTHERS, ids=range(len(OTHERS)))
def test_another_yaml_is_left_alone(tmp_path, text):
    (tmp_path / "config.yaml").write_text(text, "latin-1")
    with pytest.raises(ValueError, match=r"config\.yaml is no index of V2VBench"):
        add_result(tmp_path, "hike", "snow", video(0), video(1))
    assert (tmp_path / "config.yaml").read_text("latin-1") == text

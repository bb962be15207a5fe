"""`revideo edit --long`: whole videos, interruptions, and one plain line for every mistake."""

import json
from pathlib import Path

import pytest
import torch

import revideo
from revideo.checkpoints.random_weights import SMALL, write_random_checkpoint
from revideo.cli.edit_long import LongInputs, read_long_inputs
from revideo.cli.main import build_parser, main
from revideo.drawing.schema import DrawnPath, Point, Region
from revideo.pictures.sheets import write_image
from revideo.video.fitting import fit_frames

FRAMES, HEIGHT, WIDTH = 20, 112, 160
WINDOW = SMALL.unet.num_frames


@pytest.fixture(scope="module")
def given(tmp_path_factory, bikes) -> Path:
    """A folder with a clip of 20 frames, a model, and what edits of the clip need."""
    folder = tmp_path_factory.mktemp("given")
    write_random_checkpoint(folder / "random.safetensors")
    revideo.write_video(
        folder / "clip.mp4", fit_frames(revideo.read_video(bikes, 10, count=FRAMES)[0], HEIGHT, WIDTH), 25
    )
    mask = torch.zeros(3, HEIGHT, WIDTH)
    mask[:, 28:84, 40:120] = 1
    write_image(folder / "mask.png", mask)
    revideo.write_video(folder / "masks.mp4", (mask.roll(number, -1) for number in range(FRAMES)), 25)
    revideo.write_video(folder / "short.mp4", mask.expand(FRAMES - 1, -1, -1, -1), 25)
    (folder / "tracks.json").write_text(json.dumps([[[60, 50], [100, 60]]]))
    path = DrawnPath("p1", "line", (Point(60, 50), Point(100, 60)))
    area = Region("r1", "rect", ((40, 28), (90, 84)), follow="p1")
    document = revideo.EditDocument(width=WIDTH, height=HEIGHT, frames=FRAMES, paths=(path,), regions=(area,))
    (folder / "drawing.json").write_text(document.to_json())
    return folder


@pytest.fixture
def command(given, tmp_path):
    def words(**changes: object) -> list[str]:
        options = {
            "model": given / "random.safetensors",
            "tracks": given / "tracks.json",
            "region": given / "mask.png",
            "output": tmp_path / "out.mp4",
            "size": "64x64",
            "size_policy": "exact",
            "steps": 1,
            "device": "cpu",
            "long": "",
        } | changes
        flags = {f"--{name.replace('_', '-')}": value for name, value in options.items() if value is not None}
        return ["edit", str(given / "clip.mp4")] + [str(word) for flag in flags.items() for word in flag if word != ""]

    return words


def inputs(words: list[str]) -> LongInputs:
    return read_long_inputs(build_parser().parse_args(words))


@pytest.mark.slow
def test_a_whole_clip_end_to_end(command, tmp_path, capsys):
    assert main(command()) == 0
    frames, rate = revideo.read_video(tmp_path / "out.mp4")
    assert frames.shape == (FRAMES, 3, HEIGHT, WIDTH) and rate == 25
    assert [file.name for file in tmp_path.iterdir()] == ["out.mp4"]  # its windows are gone
    told = capsys.readouterr()
    assert told.out == f"{tmp_path / 'out.mp4'}: 20 frames of 160×112 at 25 frames per second, edited at 64×64\n"
    assert "editing: 100%" in told.err and "20/20" in told.err


@pytest.mark.slow
def test_an_interrupted_run_goes_on(command, tmp_path, capsys, monkeypatch):
    from revideo.editing.window_cache import WindowCache

    save = WindowCache.save

    def stop_behind_the_first(self, number, key, latents):
        save(self, number, key, latents)
        raise KeyboardInterrupt

    monkeypatch.setattr(WindowCache, "save", stop_behind_the_first)
    assert main(command()) == 130
    assert [file.name for file in tmp_path.iterdir()] == ["out.mp4.windows"]
    assert "the same command goes on from there" in capsys.readouterr().err
    monkeypatch.undo()

    computed = []
    monkeypatch.setattr(WindowCache, "save", lambda self, number, *_: computed.append(number))
    assert main(command(keep_windows="")) == 0
    assert computed == [1]
    assert (tmp_path / "out.mp4.windows" / "window-000000.safetensors").exists()


@pytest.mark.slow
def test_a_whole_clip_from_two_of_its_later_frames(command, given, tmp_path):
    picture = revideo.read_video(given / "clip.mp4", 3, count=1)[0][0].flip(0)
    write_image(tmp_path / "edited.png", picture)
    words = command(edited_frame=tmp_path / "edited.png", edited_index=3, keyframe=f"17={tmp_path / 'edited.png'}")
    assert [*inputs(words).edit.edited_frames] == [3, 17]
    assert main(words) == 0
    frames, _ = revideo.read_video(tmp_path / "out.mp4")
    assert frames.shape == (FRAMES, 3, HEIGHT, WIDTH)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["edited.png", "out.mp4"]


def test_what_is_drawn_is_scaled_to_the_whole_clip(command, given):
    tracks, drawing = inputs(command()), inputs(command(document=given / "drawing.json", tracks=None, region=None))
    for found in (tracks, drawing):
        assert len(found.source) == FRAMES == found.edit.trajectories.num_frames
        ends = found.edit.trajectories.points_px[0, [0, -1]].float()
        assert torch.allclose(ends, torch.tensor([[60.0, 50], [100, 60]]) * torch.tensor([64 / WIDTH, 64 / HEIGHT]))
    whole = revideo.EditDocument.from_json((given / "drawing.json").read_text()).mask(FRAMES, 64, 64)
    assert torch.equal(drawing.edit.masks(5, 9), whole[5:9] >= 0.5)
    assert not torch.equal(whole[5], whole[9])  # the area follows its path


def test_a_video_of_masks_is_read_by_parts(command, given):
    masks = inputs(command(region=given / "masks.mp4")).edit.masks(3, 7)
    assert masks.shape == (4, 1, 64, 64)
    assert 0.2 < masks.float().mean() < 0.3 and not torch.equal(masks[0], masks[3])


def test_choices_against_drift_reach_the_loop(command):
    assert inputs(command(overlap=1, no_source_pixels="", no_carried_latent="")).handover == revideo.HandoverOptions(
        1, source_pixels=False, latent_handover=False
    )
    assert inputs(command()).handover == revideo.HandoverOptions()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frames": 1}, "the video has 1 frame; an edit needs at least 2"),
        ({"frames": FRAMES + 1}, "it gives 20, 21 asked for"),
        ({"edited_index": FRAMES}, f"--edited-index {FRAMES}: these are {FRAMES} frames, numbered from 0"),
        ({"overlap": WINDOW}, "the overlap must be from 1 to 13 frames"),
        ({"region": "short.mp4"}, "it gives 19, 20 asked for"),
        ({"preview": "preview.mp4"}, "--preview shows one window"),
        ({"windows": "clip.mp4"}, "clip.mp4 is not a folder"),
        ({"size": "60x64"}, "width 60 is not a multiple of 64"),
    ],
)
def test_mistakes_are_told_before_a_model_loads(command, given, capsys, monkeypatch, changes, message):
    monkeypatch.setattr("revideo.editing.model.load", lambda *_, **__: pytest.fail("a model was loaded"))
    files = {name: given / value if str(value).endswith(".mp4") else value for name, value in changes.items()}
    assert main(command(**files)) == 2
    told = capsys.readouterr().err
    assert message in told and len(told.splitlines()) == 1

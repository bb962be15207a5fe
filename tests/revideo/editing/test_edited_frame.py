"""A frame repainted by an image model: the source's own outside the mask, whatever the model, the size, the seed."""

import json

import pytest
import torch
from diffusers import UNet2DConditionModel
from tiny_inpainting import write_controlnet, write_depth_model, write_model, write_xl
from torch import Tensor

from revideo.checkpoints.file_formats import CheckpointError
from revideo.cli.main import main
from revideo.drawing.document import EditDocument
from revideo.editing.edited_frame import FrameEditOptions, edit_frame
from revideo.editing.image_models import estimate_depth, load_inpainting
from revideo.pictures.sheets import write_image
from revideo.video.io import read_image, read_video, write_video
from revideo.video.levels import to_uint8

OPTIONS = FrameEditOptions("a red car", steps=2, seed=5)
SIZE = 45, 71  # height, width: no multiples of anything


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder of them."""
    folder = tmp_path_factory.mktemp("models")
    write_model(folder / "inpainting")
    write_model(folder / "plain", in_channels=4)
    write_xl(folder / "xl")
    write_controlnet(folder / "controlnet")
    write_controlnet(folder / "xl_controlnet", UNet2DConditionModel.from_pretrained(folder / "xl/unet"))
    write_depth_model(folder / "depth")
    return folder


@pytest.fixture(scope="module")
def frame() -> Tensor:
    return torch.rand(3, *SIZE, generator=torch.Generator().manual_seed(3))


def mask_of(top: int, bottom: int, left: int, right: int) -> Tensor:
    mask = torch.zeros(SIZE, dtype=torch.bool)
    mask[top:bottom, left:right] = True
    return mask


@pytest.mark.parametrize("model", ["inpainting", "plain", "xl"])
@pytest.mark.parametrize("controlled", [False, True], ids=["alone", "with depth"])
def test_outside_the_mask_every_pixel_is_the_frames(models, frame, model, controlled):
    control = models / ("xl_controlnet" if model == "xl" else "controlnet")
    pipeline = load_inpainting(models / model, control if controlled else None)
    depth = torch.linspace(0, 1, SIZE[1]).expand(3, *SIZE) if controlled else None
    mask = mask_of(20, SIZE[0], 30, SIZE[1])  # up to the border that is padded
    seen = []
    edited = edit_frame(pipeline, frame, mask, OPTIONS, depth, lambda progress: seen.append(progress.done))
    assert torch.equal(to_uint8(edited)[:, ~mask], to_uint8(frame)[:, ~mask])
    assert torch.equal(to_uint8(edited).float() / 255, edited)  # a picture file holds it to the bit
    changed = (edited - frame).abs().amax(0)
    assert (changed[mask] > 0.02).float().mean() > 0.5
    assert seen == [1, 2]
    assert torch.equal(edit_frame(pipeline, frame, mask, OPTIONS, depth), edited)
    other = FrameEditOptions("a red car", steps=2, seed=6)
    assert not torch.equal(edit_frame(pipeline, frame, mask, other, depth), edited)


def test_half_precision_keeps_what_is_outside_too(models, frame):
    pipeline = load_inpainting(models / "inpainting", models / "controlnet", dtype=torch.bfloat16)
    mask, depth = mask_of(5, 40, 10, 50), torch.linspace(0, 1, SIZE[1]).expand(3, *SIZE)
    edited = edit_frame(pipeline, frame, mask, OPTIONS, depth)
    assert pipeline.unet.dtype == pipeline.controlnet.dtype == torch.bfloat16
    assert torch.equal(to_uint8(edited)[:, ~mask], to_uint8(frame)[:, ~mask])
    assert (edited - frame).abs().amax(0)[mask].mean() > 0.02


def test_numbers_that_overflow_are_an_error_and_no_picture(models, frame):
    pipeline = load_inpainting(models / "inpainting")
    pipeline.vae.decoder.conv_out.weight.data.fill_(torch.nan)
    with pytest.raises(FloatingPointError, match="not finite"):
        edit_frame(pipeline, frame, mask_of(5, 40, 10, 50), OPTIONS)


def test_what_pads_a_frame_is_neither_stretched_nor_seen(models, frame):
    """A frame that holds its own padding is painted alike."""
    pipeline = load_inpainting(models / "inpainting")
    mask = mask_of(5, 40, 10, 50)
    sides = (0, 1, 0, 3)  # to 72 × 48
    padded = torch.nn.functional.pad(frame[None], sides, mode="replicate")[0]
    whole = edit_frame(pipeline, padded, torch.nn.functional.pad(mask, sides), OPTIONS)
    assert torch.equal(whole[:, : SIZE[0], : SIZE[1]], edit_frame(pipeline, frame, mask, OPTIONS))


def test_all_of_a_frame_may_be_painted_and_nothing_of_it_may_not(models, frame):
    pipeline = load_inpainting(models / "inpainting")
    everything = torch.ones(SIZE, dtype=torch.bool)
    assert not torch.equal(edit_frame(pipeline, frame, everything, OPTIONS), frame)
    with pytest.raises(ValueError, match="empty"):
        edit_frame(pipeline, frame, ~everything, OPTIONS)


def test_the_depth_is_heard(models, frame):
    pipeline = load_inpainting(models / "inpainting", models / "controlnet")
    ramp, mask = torch.linspace(0, 1, SIZE[1]).expand(3, *SIZE), mask_of(5, 40, 10, 50)
    one, other = (edit_frame(pipeline, frame, mask, OPTIONS, depth) for depth in (ramp, ramp.flip(-1)))
    assert not torch.equal(one, other)
    for depth in (None, ramp[..., 1:]):
        with pytest.raises(ValueError, match="depth"):
            edit_frame(pipeline, frame, mask, OPTIONS, depth)
    with pytest.raises(ValueError, match="for a ControlNet alone"):
        edit_frame(load_inpainting(models / "inpainting"), frame, mask, OPTIONS, ramp)


def test_a_controlnet_in_one_file_is_the_one_of_its_folder(models, frame):
    file = models / "controlnet/diffusion_pytorch_model.safetensors"
    depth, mask = torch.linspace(0, 1, SIZE[1]).expand(3, *SIZE), mask_of(5, 40, 10, 50)
    edited = [
        edit_frame(load_inpainting(models / "inpainting", path), frame, mask, OPTIONS, depth)
        for path in (file, file.parent)
    ]
    assert torch.equal(*edited)


def test_depth_is_a_grey_picture_of_the_whole_range(models, frame):
    depth = estimate_depth(models / "depth", frame)
    assert depth.shape == frame.shape
    assert torch.equal(depth[0], depth[2])
    assert (depth.min(), depth.max()) == (0, 1)


def copied(source, target):
    """A folder of links to the files of another, which can be changed."""
    for file in source.rglob("*"):
        if file.is_file():
            (target / file.relative_to(source)).parent.mkdir(parents=True, exist_ok=True)
            (target / file.relative_to(source)).write_bytes(file.read_bytes())
    return target


def test_what_is_no_model_is_refused_by_name_and_unread(models, tmp_path):
    with pytest.raises(CheckpointError, match="nothing is downloaded"):
        load_inpainting("stable-diffusion-v1-5/stable-diffusion-inpainting")
    with pytest.raises(CheckpointError, match=r"model_index\.json"):
        load_inpainting(models / "controlnet")
    with pytest.raises(CheckpointError, match="holds a UNet2DConditionModel, not a ControlNetModel"):
        load_inpainting(models / "inpainting", models / "inpainting/unet")
    with pytest.raises(CheckpointError, match="no ControlNet"):
        load_inpainting(models / "inpainting", models / "inpainting/vae/diffusion_pytorch_model.safetensors")
    for path in (models / "xl_controlnet", models / "xl_controlnet/diffusion_pytorch_model.safetensors"):
        with pytest.raises(CheckpointError, match="made for it"):
            load_inpainting(models / "inpainting", path)
    with pytest.raises(CheckpointError, match='type "clip_text_model"'):
        estimate_depth(models / "inpainting/text_encoder", torch.rand(3, 32, 32))
    with pytest.raises(CheckpointError, match="holds no tokenizer"):
        file = tmp_path / "single.safetensors"
        from safetensors.torch import save_file

        save_file({"cond_stage_model.weight": torch.zeros(1)}, file)
        load_inpainting(file)


@pytest.mark.parametrize(
    "file, content, said",
    [
        ("unet/diffusion_pytorch_model.bin", b"\x80\x02.", "may hold code"),
        ("pipeline.py", b"raise SystemExit", "brings code"),
        ("model_index.json", b'{"_class_name": ["pipeline", "Own"]}', "of its own code"),
        ("model_index.json", b'{"_class_name": "StableDiffusionPipeline", "unet": ["own", "UNet"]}', "code of its own"),
        ("model_index.json", b'{"_class_name": "FluxPipeline"}', "is a FluxPipeline"),
        ("unet/config.json", b"{}", "cannot be loaded"),
    ],
)
def test_pickles_and_code_are_not_run(models, tmp_path, file, content, said):
    folder = copied(models / "inpainting", tmp_path / "model")
    if file.endswith(".bin"):
        (folder / file).with_suffix(".safetensors").unlink()
    (folder / file).write_bytes(content)
    with pytest.raises(CheckpointError, match=said):
        load_inpainting(folder)


# --- The command ------------------------------------------------------------------------------------


@pytest.fixture
def clip(tmp_path):
    write_video(tmp_path / "clip.mp4", torch.rand(4, 3, 46, 70, generator=torch.Generator().manual_seed(4)), 8)
    mask = torch.zeros(3, 46, 70)
    mask[:, 10:40, 20:60] = 1
    write_image(tmp_path / "mask.png", mask)
    return tmp_path / "clip.mp4"


def words(models, clip, *more: str) -> list[str]:
    target = str(clip.with_name("edited.png"))
    model = ["--model", str(models / "inpainting"), "--steps", "1", "--device", "cpu"]
    return ["edit-frame", str(clip), "--prompt", "a car", *model, "-o", target, *more]


def test_the_command_writes_a_frame_that_edit_takes(models, clip):
    depth = ["--controlnet", str(models / "controlnet"), "--depth-model", str(models / "depth")]
    mask = ["--mask", str(clip.with_name("mask.png"))]
    assert main(words(models, clip, *mask, *depth, "--start", "1", "--edited-index", "2")) == 0
    edited, frames = read_image(clip.with_name("edited.png")), read_video(clip)[0]
    inside = read_image(clip.with_name("mask.png"))[0] > 0.5
    assert torch.equal(edited[:, ~inside], frames[3][:, ~inside])
    assert not torch.equal(edited[:, inside], frames[3][:, inside])
    again = clip.with_name("again.png")
    assert main(words(models, clip, *mask, *depth, "--start", "3", "-o", str(again))) == 0
    assert torch.equal(read_image(again), edited)
    # The same words of clip and size go to `edit`: its picture is taken as it is.
    fitted = ["--size", "128x128", "--size-policy", "exact"]
    assert main(words(models, clip, *mask, *fitted)) == 0
    assert read_image(clip.with_name("edited.png")).shape == (3, 128, 128)
    picture = ["--edited-frame", str(clip.with_name("edited.png")), "-o", str(clip.with_name("edited.mp4"))]
    sampled = ["--model", "tiny", "--frames", "2", "--steps", "1", "--device", "cpu"]
    assert main(["edit", str(clip), *mask, *fitted, *picture, *sampled]) == 0


def test_the_command_takes_a_drawing_whose_area_moves_and_a_picture(models, clip):
    path = {"id": "p1", "kind": "line", "points": [{"x": 15, "y": 20}, {"x": 55, "y": 20}]}
    area = {"id": "r1", "kind": "rect", "points": [[5, 10], [25, 30]], "follow": "p1"}
    document = {"version": 1, "width": 70, "height": 46, "frames": 4, "paths": [path], "regions": [area]}
    drawing = clip.with_name("drawing.json")
    drawing.write_text(json.dumps(document), "utf-8")
    still = clip.with_name("still.png")
    frames = read_video(clip)[0]
    write_image(still, frames[3])
    masks = EditDocument.from_json(json.dumps(document)).mask(4, 46, 70)[:, 0] >= 0.5
    for source, more, index in ((clip, ["--edited-index", "3"], 3), (still, [], 0)):
        assert main(words(models, source, "--document", str(drawing), *more)) == 0
        changed = (read_image(clip.with_name("edited.png")) != frames[3]).any(0)
        assert not (changed & ~masks[index]).any()
        assert changed[masks[index]].float().mean() > 0.5


@pytest.mark.parametrize(
    "more, said",
    [
        (["--depth-model", "depth"], "for a ControlNet alone"),
        (["--controlnet", "controlnet"], "needs a depth picture"),
        (["--strength", "0"], "strength must be more than 0"),
        (["--edited-index", "-1"], "--edited-index -1"),
        (["--edited-index", "9"], "lower the start"),
        (["--size", "100x100", "--size-policy", "exact"], "not a multiple of 64"),
        (["--feather", "-1"], "--feather must be"),
        (["-o", "edited.jpg"], "must end in one of .png"),
        (["--mask", "black.png"], "the mask is empty on this frame"),
        (["--device", "meta"], "cannot be used"),
        (["--model", "nowhere"], "nothing is downloaded"),
    ],
)
def test_what_cannot_work_is_said_in_a_line(models, clip, monkeypatch, capsys, more, said):
    monkeypatch.chdir(clip.parent)
    write_image("black.png", torch.zeros(3, 46, 70))
    for name in ("controlnet", "depth"):
        (clip.parent / name).symlink_to(models / name)
    assert main(words(models, clip, "--mask", "mask.png", *more)) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert not clip.with_name("edited.png").exists()

"""A propagator in training: its examples, its loss, what a run leaves, and what its synthetic world looks like."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch.testing import assert_close

from revideo.checkpoints.file_formats import CheckpointError
from revideo.checkpoints.propagator import load_propagator_parts, open_propagator
from revideo.models.propagator import build_propagator, encode_pictures, noise_schedule, reference_context
from revideo.models.propagator_config import PropagatorConfig, RemedyConfig
from revideo.propagation.propagator import PropagationOptions, Propagator
from revideo.synthetic.clips import draw_clips, plan_clip
from revideo.synthetic.depth import draw_depths, make_restyled
from revideo.synthetic.scenes import draw_scenes
from revideo.training.config import PROPAGATE
from revideo.training.config_file import TrainingConfigError, parse_training_config
from revideo.training.examples import batch_examples
from revideo.training.families import make_source
from revideo.training.initial_weights import latent_std
from revideo.training.loop import samples, train
from revideo.training.pieces import Paused, Piece
from revideo.training.preflight import check_training
from revideo.training.propagator.networks import TrainedPropagator
from revideo.training.propagator.triplets import TripletMaker, draw_triplet
from revideo.video.io import write_video

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")

TABLES = {
    "unet": {
        "model_channels": 16,
        "channel_mult": [1, 2],
        "num_res_blocks": 1,
        "num_heads": 2,
        "context_dim": 16,
        "norm_groups": 4,
    },
    "vae": {"channels": 8, "channel_mult": [1, 1, 1], "num_res_blocks": 1, "norm_groups": 2},
    "image_encoder": {"layers": 1, "width": 16, "head_width": 8, "patch_size": 16, "image_size": 32, "embed_dim": 16},
}
SIZES = PropagatorConfig.from_dict(TABLES)
AUTOENCODER, PROPAGATION = {"stage": "autoencoder"}, {"stage": "propagate"}


def values(output: Path | str, *phases: dict, model: dict | None = None, **run) -> dict:
    """A training file of a tiny propagator."""
    size = {"steps": 2, "width": 32, "height": 32, "frames": 5, "batch": 2}
    settings = {"log_every": 1, "checkpoint_every": 1, "torch_threads": 1, "device": "cpu"}
    return {
        "output": str(output),
        "model": {"kind": "propagator"} | (TABLES if model is None else model),
        "data": {"kind": "synthetic", "options": {"diameter_px": [10.0, 14.0], "points": 1}},
        "optimizer": {"lr": 1e-3, "warmup": 2, "ema": 0.5},
        "run": settings | run,
        "phases": [size | phase for phase in phases or (PROPAGATION,)],
    }


def parts_of(config: PropagatorConfig = SIZES) -> dict:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build_propagator(config, "cpu")


def curve(output: Path) -> list[dict]:
    """The log without its times."""
    lines = (output / "log.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "seconds_per_step"} for line in lines]


# --- A run -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Both stages from nothing, with sheets; the folder."""
    output = tmp_path_factory.mktemp("trained") / "out"
    run = {"sample_every": 2, "sample_clips": 1, "sample_steps": 2}
    result = train(parse_training_config(values(output, AUTOENCODER, PROPAGATION | {"steps": 4}, **run)))
    assert result == output / "2-propagate.safetensors"
    return output


def test_a_run_leaves_models_a_log_and_sheets(trained):
    names = ["0-start", "1-autoencoder", "2-propagate"]
    assert [path.stem for path in sorted(trained.glob("*.safetensors"))] == names
    assert [(line["phase"], line["step"]) for line in curve(trained)] == [
        ("1-autoencoder", 1),
        ("1-autoencoder", 2),
        *(("2-propagate", step) for step in (1, 2, 3, 4)),
    ]
    assert all(line["loss"] > 0 and line["gradient_norm"] > 0 for line in curve(trained))
    assert {path.name for path in (trained / "samples").iterdir()} == {
        "1-autoencoder-000002.png",
        "2-propagate-000002.png",
        "2-propagate-000004.png",
    }
    assert not (trained / "state.pt").exists()
    for name in names:
        assert open_propagator(trained / f"{name}.safetensors")[1] == SIZES


def test_a_stage_changes_its_own_networks_and_nothing_else(trained):
    """The image encoder's weights, and in the first stage the UNet's, are bit-identical before and after."""
    files = [load_file(trained / f"{name}.safetensors") for name in ("0-start", "1-autoencoder", "2-propagate")]
    for before, after, expected in zip(files, files[1:], ({"vae"}, {"unet", "adaptor"}), strict=False):
        changed = {name for name in after if not torch.equal(after[name], before[name])}
        assert {name.split(".")[0] for name in changed} == expected
        own = {name for name in after if name.startswith(tuple(f"{part}." for part in expected))}
        assert len(own - changed) <= len(own) // 20  # a bias that a norm takes away again has no gradient


def test_a_new_autoencoders_latents_have_unit_variance(trained):
    config = parse_training_config(values(trained, AUTOENCODER))
    parts, sizes = load_propagator_parts(trained / "1-autoencoder.safetensors")
    make = samples(config, config.phases[0], sizes)
    frames = torch.cat([make(number)["video"] for number in range(8)])
    assert latent_std(parts["vae"], frames) == pytest.approx(1, abs=0.02)


def test_what_was_trained_paints(trained):
    parts, sizes = load_propagator_parts(trained / "2-propagate.safetensors")
    clip = make_restyled(3, frames=3, height=32, width=32)
    model = Propagator(parts, sizes, "cpu")
    found = model.propagate(clip.source, clip.target[0], clip.depth, PropagationOptions(steps=2)).frames
    assert found.shape == clip.source.shape and found.isfinite().all()


class CutAfter(Piece):
    """Over when it has been asked so often: before that step."""

    def __init__(self, asked: int) -> None:
        super().__init__()
        self.left = asked

    def over(self, checkpoint_bytes: int = 0) -> bool:
        self.left -= 1
        return self.left < 0


@pytest.mark.slow
def test_a_run_cut_into_pieces_equals_a_whole_one(tmp_path):
    phases = AUTOENCODER | {"steps": 3}, PROPAGATION | {"steps": 3}
    result = train(parse_training_config(values(tmp_path / "whole", *phases)))
    pieces = parse_training_config(values(tmp_path / "pieces", *phases))
    for steps, reached in ((0, "1-autoencoder after step 0"), (1, "1-autoencoder after step 1"), (3, "2-propagate")):
        with pytest.raises(Paused, match=f"phase {reached}"):
            train(pieces, resume=True, piece=CutAfter(steps))
    assert train(pieces, resume=True).name == result.name
    assert curve(tmp_path / "pieces") == curve(tmp_path / "whole")
    one, other = load_file(result), load_file(tmp_path / "pieces" / result.name)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_run_goes_on_from_a_propagator(trained, tmp_path):
    start = trained / "2-propagate.safetensors"
    config = parse_training_config(values(tmp_path / "on", PROPAGATION, model={"path": str(start)}))
    result = train(config)
    before, begun, after = (load_file(path) for path in (start, tmp_path / "on/0-start.safetensors", result))
    assert all(torch.equal(begun[name], before[name]) for name in before)
    assert open_propagator(result)[1] == SIZES
    assert {name.split(".")[0] for name in after if not torch.equal(after[name], before[name])} == {"unet", "adaptor"}


def test_half_precision_gives_nearly_the_same_loss():
    make, full = maker(run={"device": "cpu"})
    _, half = maker(run={"device": "cpu", "mixed_precision": "bf16", "frozen": "bf16"})
    batch, losses = batch_examples(make.several([0, 1])), []
    for phase in (full, half):
        networks = TrainedPropagator(parts_of(), SIZES, phase)
        with torch.autocast("cpu", torch.bfloat16, enabled=phase is half):
            losses.append(networks(batch))
        losses[-1].sum().backward()
        assert (
            networks.vae.dtype == networks.image_encoder.dtype == (torch.bfloat16 if phase is half else torch.float32)
        )
        assert all(weight.grad.isfinite().all() for weight in networks.trained.values())
    assert_close(losses[1].float(), losses[0], rtol=0.02, atol=0)


@pytest.mark.slow
@pytest.mark.parametrize("remedies", [{"adaptor": False}, {"zero_terminal_snr": False}])
def test_a_run_without_a_remedy_trains_what_is_there(tmp_path, remedies):
    config = parse_training_config(values(tmp_path / "out", PROPAGATION, model=TABLES | {"remedies": remedies}))
    weights, found = open_propagator(train(config))
    assert found.remedies == RemedyConfig(**remedies)
    assert any(name.startswith("adaptor.") for name in weights) == found.remedies.adaptor


# --- What is refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "phase", "message"),
    [
        (None, {"stage": "motion"}, r'^"phases\[0\]\.stage": a propagator has autoencoder, propagate, not motion$'),
        ({"sd": "sd.safetensors"}, PROPAGATION, "sd holds no image encoder: name clip too, a CLIP ViT-L/14"),
        ({"svd": "svd.safetensors"}, PROPAGATION, "a model of kind propagator has no svd"),
        (TABLES | {"control": {"branches": 1}}, PROPAGATION, "a model of kind propagator has no control"),
        ({}, PROPAGATION, r"name path, sd and clip, or tables of sizes such as \[model\.unet\] to start from nothing"),
        ({"path": "none", "unet": {}}, PROPAGATION, r"its sizes come from path: leave out \[model\.unet\]"),
        ({"path": "none.safetensors"}, PROPAGATION, r'^"model\.path": there is no file .*none\.safetensors$'),
        (
            {"sd": "none", "clip": "none", "remedies": {"adaptor": False}},
            PROPAGATION,
            r'^"model\.sd": there is no file .*none$',
        ),
        (TABLES | {"unet": {"num_frames": 3}}, PROPAGATION, "num_frames"),
        (None, PROPAGATION | {"width": 34}, "34"),
        (None, PROPAGATION | {"also_train": ["controlnet.*"]}, r"also_train\" matches no weight"),
    ],
)
def test_what_cannot_train_is_refused_by_its_key(tmp_path, model, phase, message):
    with pytest.raises(TrainingConfigError, match=message):
        check_training(parse_training_config(values(tmp_path / "out", phase, model=model)))
    assert not (tmp_path / "out").exists()


def test_a_revideo_model_neither_propagates_nor_has_a_propagators_keys(training_values):
    with pytest.raises(TrainingConfigError, match=r'"phases\[0\]\.stage": a revideo has .*motion.*, not propagate$'):
        check_training(parse_training_config(training_values({"stage": "propagate"})))
    tables = training_values()["model"]
    for key, value in (("sd", "sd"), ("clip", "clip"), ("remedies", {"adaptor": False})):
        with pytest.raises(TrainingConfigError, match=f"a model of kind revideo has no {key}"):
            parse_training_config(training_values(model=tables | {key: value}))


def test_another_kind_of_model_is_not_gone_on_from(golden_b, tmp_path):
    config = parse_training_config(values(tmp_path / "out", model={"path": str(golden_b.checkpoint)}))
    with pytest.raises(TrainingConfigError, match=r'^"model": .*propagator'):
        check_training(config)


# --- Examples --------------------------------------------------------------------------------


def maker(phase: dict = PROPAGATION, **keys) -> tuple[TripletMaker, object]:
    config = parse_training_config(values("out", phase | keys))
    phase = config.phases[0]
    source = make_source(config, phase)
    return TripletMaker(source, phase.as_stage, phase, SIZES, config.seed), phase


def seeded(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def test_a_triplet_is_three_frames_of_a_clip():
    """All orders of all frames come about equally often."""
    drawn = torch.stack([draw_triplet(4, 0.0, seeded(number)) for number in range(600)])
    assert all(len(set(each)) == 3 for each in drawn.tolist())
    counts = torch.bincount((drawn * torch.tensor([16, 4, 1])).sum(1), minlength=64)
    assert (counts > 0).sum() == 4 * 3 * 2 and counts.max() < 60


@pytest.mark.parametrize("frames", [3, 4, 9])
def test_neighbours_are_side_by_side_on_either_side(frames):
    """The previous frame may be the reference itself, as that of the first frame that is painted is."""
    drawn = torch.stack([draw_triplet(frames, 1.0, seeded(number)) for number in range(200)])
    assert drawn.min() == 0 and drawn.max() == frames - 1
    assert (drawn[:, 0] != drawn[:, 2]).all()
    assert set((drawn[:, 2] - drawn[:, 1]).tolist()) == {-1, 1}


def test_a_fraction_are_neighbours():
    drawn = torch.stack([draw_triplet(100, 0.5, seeded(number)) for number in range(400)])
    assert 140 < ((drawn[:, 2] - drawn[:, 1]).abs() == 1).sum() < 260


def test_an_example_is_three_frames_of_its_clip_and_the_depth_of_two():
    make, _ = maker(triplets={"previous_noise": 0.5}, loss={"sprite_weight": 3.0})
    example = make(4)
    shapes = {name: tuple(tensor.shape) for name, tensor in example.items()}
    assert shapes == {
        "video": (3, 3, 32, 32),
        "depth": (2, 1, 32, 32),
        "noise": (3, 4, 8, 8),
        "timestep": (),
        "previous_given": (),
        "previous_noise": (),
        "weight": (3, 1, 8, 8),
    }
    (clip,) = make.source.clips([4])
    frames = [int((((clip.video * 2 - 1) - each).abs().amax((1, 2, 3)) == 0).nonzero()[0]) for each in example["video"]]
    assert len(set(frames)) == 3
    assert torch.equal(example["depth"], clip.depth[frames[1:]])
    touched = torch.nn.functional.max_pool2d(clip.masks.any(0)[frames][:, None].float(), 4)
    assert torch.equal(example["weight"], 1 + 2 * touched)
    assert 0 <= example["previous_noise"] <= 0.5 and example["previous_given"] == 1


def test_an_example_is_its_number():
    make, _ = maker()
    alone, together = make(7), make.several([6, 7])[1]
    assert all(torch.equal(alone[name], together[name]) for name in alone)
    assert not torch.equal(make(8)["noise"], alone["noise"])


@pytest.mark.parametrize("fraction", [0.0, 1.0])
def test_the_previous_frame_is_dropped_as_often_as_asked(fraction):
    make, _ = maker(triplets={"drop_previous": fraction})
    assert all(make(number)["previous_given"] == 1 - fraction for number in range(4))


def test_an_autoencoder_needs_no_depth():
    make, _ = maker(AUTOENCODER)
    assert "depth" not in make(0)


# --- Videos ----------------------------------------------------------------------------------


class Brightness(torch.nn.Module):
    """Stands for a depth model: bright is near, on a scale of its own."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(1, keepdim=True) * 7 - 3


class Halved(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, :1, ::2, ::2]


@pytest.fixture
def filmed(tmp_path):
    """A training file over a folder with one video of 14 frames that stand still."""
    (tmp_path / "videos").mkdir()
    frame = torch.rand(3, 5, 8, generator=seeded(0))[None]
    frame = torch.nn.functional.interpolate(frame, (40, 64), mode="bicubic").clamp(0, 1)
    write_video(tmp_path / "videos/still.mp4", frame.expand(14, -1, -1, -1), 12)
    torch.jit.script(Brightness()).save(str(tmp_path / "depth.pt"))
    data = {"kind": "folder", "folder": str(tmp_path / "videos"), "depth": str(tmp_path / "depth.pt"), "stride": 2}
    return values(tmp_path / "out", PROPAGATION) | {"data": data}


def filmed_clips(given: dict):
    config = parse_training_config(given)
    return make_source(config, config.phases[0])


def test_a_videos_clip_is_a_square_of_its_middle_with_its_depth(filmed):
    """Frames that stand still serve too: a propagator follows no motion."""
    (clip,) = filmed_clips(filmed).clips([0])
    assert clip.video.shape == (5, 3, 32, 32) and clip.depth.shape == (5, 1, 32, 32)
    assert clip.depth.min() == 0 and clip.depth.max() == 1 and clip.masks is None
    brightness = clip.video.mean(1, keepdim=True)
    assert torch.corrcoef(torch.stack([brightness.flatten(), clip.depth.flatten()]))[0, 1] > 0.99


def test_depth_is_made_once_and_the_same_when_it_is_read(filmed, monkeypatch):
    first = filmed_clips(filmed).clips([0])[0].depth
    (cached,) = Path(filmed["output"]).rglob("*.depth.safetensors")
    with monkeypatch.context() as patch:
        patch.setattr("revideo.training.propagator.video_folder.load_disparity", lambda *_: pytest.fail("made again"))
        assert torch.equal(filmed_clips(filmed).clips([0])[0].depth, first)
    damaged = bytearray(cached.read_bytes())
    damaged[-1] ^= 1
    for content in (bytes(damaged), b"", cached.read_bytes()[:-7]):
        cached.write_bytes(content)
        assert torch.equal(filmed_clips(filmed).clips([0])[0].depth, first)


def test_a_run_over_videos_trains(filmed):
    weights, _ = open_propagator(train(parse_training_config(filmed)))
    assert all(tensor.isfinite().all() for tensor in weights.values())


def test_videos_need_a_depth_model_that_works(filmed, tmp_path):
    lacking = {name: value for name, value in filmed["data"].items() if name != "depth"}
    with pytest.raises(TrainingConfigError, match=r'"phases\[0\]\.data\.depth" is missing: name the depth model'):
        check_training(parse_training_config(filmed | {"data": lacking}))
    check_training(parse_training_config(filmed | {"data": lacking, "phases": [filmed["phases"][0] | AUTOENCODER]}))
    (tmp_path / "text.pt").write_text("no program")
    with pytest.raises(
        TrainingConfigError, match=r'"phases\[0\]\.data\.depth" cannot be used: text\.pt is no TorchScript'
    ):
        check_training(parse_training_config(filmed | {"data": lacking | {"depth": str(tmp_path / "text.pt")}}))
    torch.jit.script(Halved()).save(str(tmp_path / "halved.pt"))
    source = filmed_clips(filmed | {"data": lacking | {"depth": str(tmp_path / "halved.pt")}})
    with pytest.raises(CheckpointError, match=r"^halved\.pt gives \(1, 1, 16, 16\) for a picture"):
        source.clips([0])


# --- The loss --------------------------------------------------------------------------------


@pytest.mark.parametrize("zero_terminal_snr", [True, False])
@pytest.mark.parametrize("dropped", [0.0, 1.0])
def test_the_loss_is_the_error_of_v_where_the_paper_says(zero_terminal_snr, dropped):
    """Written out: latents scaled, noise at each clip's own step, the input in its order, weights of mean 1."""
    config = PropagatorConfig.from_dict(TABLES | {"remedies": {"zero_terminal_snr": zero_terminal_snr}})
    parts = parts_of(config)
    make, phase = maker(triplets={"drop_previous": dropped, "previous_noise": 0.4}, loss={"sprite_weight": 3.0})
    batch = batch_examples(make.several([0, 1, 2]))
    with torch.no_grad():
        found = TrainedPropagator(parts, config, phase)(batch)
        for number, loss in enumerate(found):
            reference, previous, target = encode_pictures(parts["vae"], batch["video"][number])[:, None]
            alpha_bar = noise_schedule(zero_terminal_snr).alphas_cumprod[batch["timestep"][number]]
            noise = batch["noise"][number, 2][None]
            noisy = alpha_bar.sqrt() * target + (1 - alpha_bar).sqrt() * noise
            goal = alpha_bar.sqrt() * noise - (1 - alpha_bar).sqrt() * target if zero_terminal_snr else noise
            before, depth = (torch.nn.functional.avg_pool2d(each[None], 4) * 2 - 1 for each in batch["depth"][number])
            previous = previous + batch["previous_noise"][number] * batch["noise"][number, 1]
            seen = [previous, before] if dropped == 0 else [previous * 0, before * 0]
            context = reference_context(parts, batch["video"][number, :1], reference)
            joined = torch.cat([noisy, depth, *seen], 1)
            error = (parts["unet"](joined, batch["timestep"][number], context).sample - goal) ** 2
            weight = batch["weight"][:, 2] / batch["weight"][:, 2].mean()
            assert_close(loss, (error * weight[number]).mean(), atol=1e-4, rtol=1e-4)


def test_gradient_checkpointing_changes_no_gradient():
    gradients = []
    for checkpointing in (False, True):
        make, phase = maker(run={"gradient_checkpointing": checkpointing, "device": "cpu"})
        networks = TrainedPropagator(parts_of(), SIZES, phase)
        networks(batch_examples(make.several([0, 1]))).sum().backward()
        gradients.append({name: weight.grad for name, weight in networks.trained.items()})
    assert all(gradient is not None for gradient in gradients[0].values())
    for name, gradient in gradients[0].items():
        assert_close(gradients[1][name], gradient, atol=1e-6, rtol=1e-5)


def test_the_stage_trains_unet_and_adaptor():
    parts = parts_of()
    names = PROPAGATE.parameters(parts)
    assert {name.split(".")[0] for name in names} == {"unet", "adaptor"}
    assert len(names) == sum(len(list(parts[part].parameters())) for part in ("unet", "adaptor"))


# --- The synthetic world ---------------------------------------------------------------------


def test_depth_has_one_value_for_each_sprite_and_the_edges_of_its_mask():
    """The ground is behind all of them, and what lies on top is nearest."""
    size = {"frames": 4, "height": 48, "width": 64}
    plans = [plan_clip(seed, sprites=(3, 3), diameter_px=(14.0, 20.0), **size) for seed in range(4)]
    depths = draw_depths(plans, 48, 64)
    assert depths.shape == (4, 4, 1, 48, 64) and depths.min() >= 0 and depths.max() <= 1
    for depth, clip, plan in zip(depths, draw_clips(plans, 48, 64), plans, strict=True):
        count = len(plan.scene.sprites)
        assert clip.masks.shape[0] == count
        near = []
        for mask in clip.masks:
            eroded = -torch.nn.functional.max_pool2d(-mask[:, None].float(), 3, 1, 1) > 0
            found = depth[eroded].unique()
            assert found.max() - found.min() < 1e-5
            near.append(found[0].item())
        assert near == sorted(near) and near[-1] == pytest.approx(1)
        anything = clip.masks.any(0)[:, None].float()
        ground = torch.nn.functional.max_pool2d(anything, 3, 1, 1) == 0
        assert depth[ground].max() < near[0] - 0.1
        middle = (near[0] + depth[ground].max()) / 2
        shown = (depth > middle).sum().item()
        assert shown == pytest.approx(anything.sum().item(), rel=0.05)  # less and more by what an edge is blended


def test_a_restyled_clip_has_the_same_silhouettes_and_other_colours(monkeypatch):
    drawn = []

    def draw(*args):
        drawn.append(draw_scenes(*args))
        return drawn[-1]

    monkeypatch.setattr("revideo.synthetic.depth.draw_scenes", draw)
    asked = {"frames": 4, "height": 48, "width": 64, "sprites": (2, 2), "coloured": 1.0, "textured": 0.5}
    for seed in range(3):
        plan = plan_clip(seed, **asked)
        (source,), (depth,) = draw_clips([plan], 48, 64), draw_depths([plan], 48, 64)
        clip = make_restyled(seed, **asked)
        assert torch.equal(clip.source, source.video) and torch.equal(clip.masks, source.masks)
        assert torch.equal(clip.depth, depth)
        masks = drawn[-1][1]
        assert torch.equal(masks[1], masks[0]) and torch.equal(masks[2], masks[0])
        assert clip.target.shape == clip.source.shape and clip.target.min() >= 0 and clip.target.max() <= 1
        for mask in (*clip.masks, ~clip.masks.any(0)):
            hues = [
                each.mean(0) - each.mean()
                for each in (clip.source.movedim(1, -1)[mask], clip.target.movedim(1, -1)[mask])
            ]
            assert (hues[0] - hues[1]).abs().max() > 0.03
        assert len(clip.appearances) == len(clip.masks)


def test_a_restyled_clip_is_its_seed():
    one, same, other = (make_restyled(seed, frames=2, height=32, width=32).target for seed in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)

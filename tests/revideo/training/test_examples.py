"""What a training example holds: conditions, composites, noise; and the loss that it gives."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from revideo.conditions import motion_map, show_conditions
from revideo.models.controlnet import EmbeddedConditions
from revideo.sampling.denoiser import Conditioning, denoise, loss, noise_after_step
from revideo.tracks.trajectories import Trajectories
from revideo.training.config import (
    DEBLOCK,
    DECOUPLE,
    MOTION,
    AreaConfig,
    ConditioningConfig,
    LossConfig,
    NoiseConfig,
    TrajectoryConfig,
)
from revideo.training.config_file import parse_training_config
from revideo.training.examples import (
    ExampleMaker,
    SyntheticClips,
    TrainingClip,
    batch_examples,
    draw_sigma,
    generator_for,
)
from revideo.training.initial_weights import from_nothing
from revideo.training.networks import TrainedNetworks

SIZE = {"width": 96, "height": 64, "frames": 5}


@pytest.fixture
def phase(training_values):
    data = {"kind": "synthetic", "options": {"sprites": [2, 3], "diameter_px": [14.0, 18.0], "points": 5}}
    return parse_training_config(training_values(SIZE | {"stage": "motion"}, data=data)).phases[0]


@pytest.fixture
def maker(phase, golden_b):
    return lambda stage, **changes: ExampleMaker(
        SyntheticClips(phase, 0), stage, phase.model_copy(update=changes), golden_b.config, 0
    )


def test_an_example_has_the_shapes_that_the_networks_take(maker):
    shapes = {name: tuple(tensor.shape) for name, tensor in maker(MOTION)(0).items()}
    pixels, cells = (64, 96), (8, 12)
    assert shapes == {
        "video": (5, 3, *pixels),
        "reference": (3, *pixels),
        "content": (5, 3, *pixels),
        "motion": (5, 2, *pixels),
        "mask": (1, 1, *pixels),  # it stays
        "weight": (5, 1, *cells),
        "noise": (5, 4, *cells),
        "augmentation_noise": (3, *pixels),
        "sigma": (),
        "augmentation": (),
        "conditioning_mask": (2,),
        "fps": (),
    }


def test_the_motion_prior_sees_no_content_anywhere(maker):
    for number in range(5):
        example = maker(MOTION)(number)
        assert example["mask"].all()
        assert (example["content"] == -1).all()
        assert example["motion"].any()
        assert torch.equal(example["reference"], example["video"][0])


def test_deblocking_sees_the_clip_around_a_rectangle(maker):
    make = maker(DEBLOCK)
    for number in range(5):
        example, clip = make(number), make.source.clips([number])[0]
        mask = example["mask"].expand(5, 3, -1, -1) > 0
        assert torch.equal(example["video"], clip.video * 2 - 1)
        assert_close(example["content"][~mask], example["video"][~mask])
        assert (example["content"][mask] == -1).all()
        rows, columns = mask[0, 0].any(1).sum(), mask[0, 0].any(0).sum()
        assert min(rows, columns) >= 16 and rows * columns == mask[0, 0].sum() < 64 * 96


def test_decoupling_joins_two_clips_at_the_areas_border(maker):
    """V = V₁·M + V₂·(1 − M), its paths V₁'s, the reference its own first frame (paper section 3.3)."""
    make = maker(DECOUPLE)
    for number in range(5):
        example, inner, outer = make(number), make.source.clips([number])[0], make.source.clips([number], other=True)[0]
        mask = example["mask"].expand(5, 3, -1, -1) > 0
        assert torch.equal(example["video"][mask], (inner.video * 2 - 1)[mask])
        assert torch.equal(example["video"][~mask], (outer.video * 2 - 1)[~mask])
        assert torch.equal(example["reference"], example["video"][0])
        assert not torch.equal(inner.video, outer.video)


def test_fractions_of_content_and_composites_are_of_the_clips(maker):
    make = maker(replace(DECOUPLE, content=0.5, composite=0.5))
    counts = {"everywhere": 0, "joined": 0}
    for number in range(120):
        example = make(number)
        counts["everywhere"] += bool(example["mask"].all())
        counts["joined"] += not torch.equal(example["video"], make.source.clips([number])[0].video * 2 - 1)
    assert 42 < counts["everywhere"] < 78
    assert 15 < counts["joined"] < 45


def test_as_many_paths_as_the_config_says_each_of_the_area(maker, phase, monkeypatch):
    shown = []
    monkeypatch.setattr(
        "revideo.training.examples.show_conditions",
        lambda video, reference, paths, mask: (
            shown.append((paths, mask)) or show_conditions(video, reference, paths, mask)
        ),
    )
    make = maker(DEBLOCK, trajectories=TrajectoryConfig(most=3))
    for number in range(40):
        make(number)
    assert {paths.num_trajectories for paths, _ in shown} == {1, 2, 3}
    for paths, mask in shown:
        x, y = paths.points_px[paths.visible].floor().long().unbind(-1)
        assert mask[0, 0, y, x].all()
        # The same map as an edit's: channel 0 dy, channel 1 dx.
        motion = motion_map(paths.points_px, paths.visible, 64, 96)
        assert motion.any()
    shown.clear()
    every = maker(MOTION, trajectories=TrajectoryConfig(all=True))
    every(0)
    assert shown[0][0].num_trajectories == every.source.clips([0])[0].trajectories.visible[:, 0].sum()


def test_areas_may_hold_a_whole_sprite_or_be_several(maker, phase):
    make = maker(DEBLOCK, area=AreaConfig(min_px=16, max_share=0.8, around_sprites=1.0))
    for number in range(10):
        mask = make(number)["mask"][0, 0] > 0
        assert any(mask[sprite.any(0)].all() for sprite in make.source.clips([number])[0].masks if sprite.any())
    several = maker(DEBLOCK, area=AreaConfig(min_px=16, most=2, max_share=0.4))
    areas = [several(number)["mask"][0, 0] for number in range(20)]
    assert any(area.sum() < area.any(0).sum() * area.any(1).sum() for area in areas)  # not one rectangle


def test_cells_of_sprites_count_more(maker, phase):
    make = maker(MOTION, loss=LossConfig(sprite_weight=3.0))
    masks = make.source.clips([1])[0].masks.any(0)
    touched = F.max_pool2d(masks[:, None].float(), 8) > 0
    assert torch.equal(make(1)["weight"], 1.0 + 2 * touched)


def test_an_example_depends_on_its_number_alone(maker):
    one, two = maker(DECOUPLE), maker(DECOUPLE)
    two(7)
    for name, tensor in one(3).items():
        assert torch.equal(tensor, two(3)[name])
    assert not torch.equal(one(3)["noise"], one(4)["noise"])
    sample = replace(one, purpose="sample")
    assert not torch.equal(one(3)["noise"], sample(3)["noise"])


# --- Noise ---------------------------------------------------------------------------------


def test_noise_levels_are_log_normal_as_svds():
    generator = generator_for("noise")
    logs = torch.stack([draw_sigma(NoiseConfig(), generator) for _ in range(20_000)]).log()
    assert logs.mean() == pytest.approx(0.7, abs=0.04)
    assert logs.std() == pytest.approx(1.6, abs=0.03)
    assert logs.sub(0.7).div(1.6).pow(3).mean() == pytest.approx(0, abs=0.08)


def test_a_fraction_of_noise_levels_is_uniform():
    generator, settings = generator_for("noise"), NoiseConfig(mean=0.0, std=0.0, uniform=0.25)
    logs = torch.stack([draw_sigma(settings, generator) for _ in range(8000)]).log()
    spread = logs[logs != 0]
    assert len(spread) / 8000 == pytest.approx(0.25, abs=0.02)
    assert -6.2 <= spread.min() < -6 and 6.3 < spread.max() <= 6.5
    assert spread.mean() == pytest.approx(0.15, abs=0.35)


def test_references_are_dropped_and_augmented_as_told(maker, phase):
    make = maker(MOTION, conditioning=ConditioningConfig(drop_reference=0.3))
    examples = [make(number) for number in range(150)]
    assert sum(float(example["conditioning_mask"][0]) for example in examples) / 150 == pytest.approx(0.7, abs=0.1)
    assert all(len(example["conditioning_mask"].unique()) == 1 for example in examples)
    apart = maker(MOTION, conditioning=ConditioningConfig(drop_reference=0.3, drop_apart=True))
    given = torch.stack([apart(number)["conditioning_mask"] for number in range(150)])
    assert given.mean(0).tolist() == pytest.approx([0.7, 0.7], abs=0.1)
    assert given.prod(1).mean() == pytest.approx(0.49, abs=0.1)
    logs = torch.stack([example["augmentation"] for example in examples]).log()
    assert logs.median() == pytest.approx(math.log(0.02), abs=0.15)
    assert logs.std() == pytest.approx(0.5, abs=0.1)
    still = maker(MOTION, conditioning=ConditioningConfig(augmentation=0.0))
    assert still(0)["augmentation"] == 0


# --- The loss ------------------------------------------------------------------------------


@pytest.fixture
def batch(golden_b):
    """Two clips with noise levels and conditions of their own."""
    model, generator = golden_b.model, generator_for("batch")
    conditioning = model.condition(golden_b.conditions, golden_b.options, golden_b.reference["cond_aug_noise"])
    control = conditioning.control
    mask = control.mask.expand(len(control.motion), -1, -1, -1)
    doubled = Conditioning(
        context=torch.cat([conditioning.context, -conditioning.context]),
        reference=torch.cat([conditioning.reference, 0.5 * conditioning.reference]),
        time_ids=torch.cat([conditioning.time_ids, conditioning.time_ids + 3]),
        control=EmbeddedConditions(
            torch.cat([control.motion, -control.motion]),
            torch.cat([control.content, 2 * control.content]),
            torch.cat([mask, 1 - mask]),
        ),
    )
    clean = torch.stack([golden_b.reference["latents"], golden_b.reference["latents"].flip(-1)])
    return clean, torch.randn(clean.shape, generator=generator), torch.tensor([0.4, 9.0]), doubled


def single(conditioning: Conditioning, clip: int, frames: int) -> Conditioning:
    """One clip of a batch."""
    own = slice(clip * frames, (clip + 1) * frames)
    control = conditioning.control
    return Conditioning(
        conditioning.context[clip, None],
        conditioning.reference[clip, None],
        conditioning.time_ids[clip, None],
        EmbeddedConditions(control.motion[own], control.content[own], control.mask[own]),
    )


@torch.inference_mode()
def test_the_loss_is_svds_weighting_of_what_sampling_computes(golden_b, batch):
    """λ·|D(z + n; σ) − z|² with λ = (σ² + 1)/σ², D the denoiser that sampling calls, for each clip of a batch."""
    clean, noise, sigma, conditioning = batch
    model, frames = golden_b.model, clean.shape[1]
    losses = loss(model.unet, model.controlnet, clean, noise, sigma, conditioning)
    for clip, level in enumerate(sigma):
        x, alone = clean[clip] + level * noise[clip], single(conditioning, clip, frames)
        denoised = denoise(model.unet, model.controlnet, x, level, alone)[0]
        weighted = (level**2 + 1) / level**2 * (denoised - clean[clip]).square().mean()
        assert_close(losses[clip], weighted, rtol=1e-4, atol=1e-6)
        one = loss(model.unet, model.controlnet, clean[clip, None], noise[clip, None], level[None], alone)
        assert_close(losses[clip], one[0], rtol=1e-4, atol=1e-6)


@torch.inference_mode()
def test_weighted_cells_alone_make_the_loss_where_the_others_weigh_nothing(golden_b, batch):
    clean, noise, sigma, conditioning = batch
    model, weight = golden_b.model, torch.zeros_like(clean[:, :, :1])
    weight[..., :4, :] = 2
    total = loss(model.unet, model.controlnet, clean, noise, sigma, conditioning)
    upper = loss(model.unet, model.controlnet, clean, noise, sigma, conditioning, weight)
    lower = loss(model.unet, model.controlnet, clean, noise, sigma, conditioning, (weight == 0).float())
    fraction = weight.ne(0).float().mean()
    assert_close(fraction * upper + (1 - fraction) * lower, total, rtol=1e-4, atol=1e-6)
    assert (upper - lower).abs().min() > 1e-3


@torch.inference_mode()
def test_without_reference_training_gives_the_networks_the_unconditional_branch(phase, training_values, maker):
    """The zeros that guidance samples with: image embedding and latent, but not content, motion and mask."""
    config = parse_training_config(training_values())
    networks = TrainedNetworks(from_nothing(config.model.sizes, 0, 0.3), config.model.sizes, phase)
    batch = batch_examples([maker(DEBLOCK)(number) for number in (0, 1)])
    whole = networks.condition(batch | {"conditioning_mask": torch.ones(2, 2)})
    dropped = networks.condition(batch | {"conditioning_mask": torch.tensor([[0.0, 0.0], [1.0, 1.0]])})
    assert not dropped.context[0].any() and not dropped.reference[0].any()
    assert torch.equal(dropped.context[1], whole.context[1]) and torch.equal(dropped.reference[1], whole.reference[1])
    assert whole.context[0].any() and whole.reference[0].any()
    apart = networks.condition(batch | {"conditioning_mask": torch.tensor([[0.0, 1.0], [1.0, 0.0]])})
    assert not apart.context[0].any() and torch.equal(apart.reference[0], whole.reference[0])
    assert torch.equal(apart.context[1], whole.context[1]) and not apart.reference[1].any()
    assert torch.equal(dropped.time_ids, whole.time_ids)
    assert torch.equal(dropped.control.content, whole.control.content)


@torch.inference_mode()
def test_embeddings_are_noisy_only_where_they_say_nothing(training_values, maker):
    config = parse_training_config(training_values({"stage": "deblock"}, conditioning={"noise_where_empty": 0.5}))
    networks = TrainedNetworks(from_nothing(config.model.sizes, 0, 0.3), config.model.sizes, config.phases[0])
    make = maker(DEBLOCK, conditioning=ConditioningConfig(noise_where_empty=0.5))
    batch = batch_examples([replace(make, model=config.model.sizes)(number) for number in (0, 1)])
    noisy = networks.condition(batch).control
    clean = networks.condition({name: value for name, value in batch.items() if name != "noise_where_empty"}).control
    shape, stride = clean.motion.unflatten(0, (2, -1)).shape, config.model.sizes.vae.stride
    masks = F.avg_pool2d(batch["mask"].flatten(0, 1), stride).unflatten(0, (2, -1)).expand(*shape[:2], -1, -1, -1)
    for clip in (0, 1):
        one, other = (
            torch.stack([part.unflatten(0, (2, -1))[clip] for part in (each.motion, each.content)])
            for each in (noisy, clean)
        )
        level, inside = 0.5 * other.std(), masks[clip].expand(shape[1:])
        motion, content = (one - other) / level
        assert motion[inside == 1].eq(0).all()
        assert content[inside == 0].eq(0).all()
        assert_close(motion[inside == 0].std(), torch.tensor(1.0), atol=0.03, rtol=0)
        assert_close(content[inside == 1].std(), torch.tensor(1.0), atol=0.03, rtol=0)


@torch.inference_mode()
def test_training_and_editing_condition_the_networks_alike(golden_b, training_values):
    """`TrainedNetworks.condition` on a clip equals `ReVideo.condition` on the same edit."""
    size = {"height": 128, "width": 64, "frames": 4}
    bucket = {"motion_bucket": golden_b.options.motion_bucket}
    values = training_values({"stage": "deblock", **size}, conditioning=bucket)
    phase = parse_training_config(values).phases[0]
    model, reference, conditions = golden_b.model, golden_b.reference, golden_b.conditions
    networks = TrainedNetworks(
        {part: getattr(model, part) for part in ("unet", "controlnet", "vae", "image_encoder")}, golden_b.config, phase
    )
    networks.eval().requires_grad_(False)
    options = replace(golden_b.options, noise_augmentation=0.1)
    expected = model.condition(conditions, options, reference["cond_aug_noise"])
    example = {
        "reference": conditions.reference,
        "content": conditions.content,
        "motion": conditions.motion,
        "mask": conditions.mask,
        "augmentation": torch.tensor(0.1),
        "augmentation_noise": reference["cond_aug_noise"],
        "conditioning_mask": torch.ones(2),
        "fps": torch.tensor(float(options.fps)),
    }
    found = networks.condition(batch_examples([example]))
    for name in ("context", "reference", "time_ids"):
        assert_close(getattr(found, name), getattr(expected, name), rtol=1e-4, atol=1e-5)
    for name in ("motion", "content"):
        assert_close(getattr(found.control, name), getattr(expected.control, name), rtol=1e-4, atol=1e-5)
    assert torch.equal(found.control.mask, expected.control.mask.expand(4, -1, -1, -1))


@torch.inference_mode()
def test_masks_that_stay_and_masks_that_move_go_into_one_batch(phase, training_values, maker):
    """One that stays is weighed once a clip, which gives what each frame would; one that moves, frame by frame."""
    config = parse_training_config(training_values())
    networks = TrainedNetworks(from_nothing(config.model.sizes, 0, 0.3), config.model.sizes, phase)
    still, moving = (maker(DEBLOCK)(number) for number in (0, 1))
    moving = moving | {"mask": torch.stack([moving["mask"][0].roll(8 * frame, -1) for frame in range(5)])}
    once, each = batch_examples([still, still]), batch_examples([still, moving])
    assert (once["mask"].shape[1], each["mask"].shape[1]) == (1, 5)
    level = torch.tensor([-0.5, 1.5])
    fuse = networks.controlnet.fuse
    fused_once, fused_each = (
        fuse(networks.embed_conditions(batch), level).unflatten(0, (2, 5)) for batch in (once, each)
    )
    assert_close(fused_each[0], fused_once[0])
    frames = {name: each[name][1:].transpose(0, 1) for name in ("motion", "content", "mask")}  # a clip for each
    apart = fuse(networks.embed_conditions(frames), level[1:].expand(5))
    assert_close(fused_each[1], apart)
    assert (apart[0] - apart[4]).abs().max() > 1e-4


def test_what_is_hidden_moves_on_as_in_an_edit(maker, golden_b):
    x = 20.0 + 4 * torch.arange(5)
    points = torch.stack([torch.stack([x, torch.full((5,), y)], 1) for y in (20.0, 40.0)])
    visible = torch.tensor([[True, True, False, False, True], [False, True, True, True, True]])

    class Passing:
        def clips(self, numbers, other=False):
            return [TrainingClip(torch.zeros(5, 3, 64, 96), Trajectories(points, visible), 6.0) for _ in numbers]

    motion = replace(maker(MOTION, trajectories=TrajectoryConfig(all=True)), source=Passing())(0)["motion"]
    expected = motion_map(points[:1], torch.ones(1, 5, dtype=torch.bool), 64, 96)
    assert_close(motion, expected)


def test_a_clip_without_motion_gives_an_example_without_paths(maker, golden_b):
    class Still:
        def clips(self, numbers, other=False):
            points = torch.full((3, 5, 2), 20.0)
            paths = Trajectories(points, torch.ones(3, 5, dtype=torch.bool))
            return [TrainingClip(torch.zeros(5, 3, 64, 96), paths, 6.0) for _ in numbers]

    example = replace(maker(DEBLOCK), source=Still())(0)
    assert not example["motion"].any()


# --- Inputs that hold the sampler's errors --------------------------------------------------


@torch.inference_mode()
def test_the_noise_after_a_step_is_that_of_eulers_latents(golden_b, batch):
    clean, noise, sigma, conditioning = batch
    model, frames, ratio = golden_b.model, clean.shape[1], torch.tensor([1.5, 4.0])
    found = noise_after_step(model.unet, model.controlnet, clean, noise, sigma, ratio, conditioning)
    for clip, (level, times) in enumerate(zip(sigma, ratio)):
        x, alone = clean[clip] + level * times * noise[clip], single(conditioning, clip, frames)
        denoised = denoise(model.unet, model.controlnet, x, level * times, alone)[0]
        stepped = denoised + (x - denoised) / times
        assert_close(clean[clip] + level * found[clip], stepped, rtol=1e-4, atol=1e-4)
    none = noise_after_step(model.unet, model.controlnet, clean, noise, sigma, torch.ones(2), conditioning)
    assert torch.equal(none, noise)


def test_a_fraction_of_clips_begins_with_a_step(maker):
    always, never = maker(MOTION, noise=NoiseConfig(own_errors=1)), maker(MOTION)
    ratios = torch.stack([always(number)["step_ratio"] for number in range(40)])
    assert 1 <= ratios.min() < 1.5 and 2.7 < ratios.max() <= 4
    assert "step_ratio" not in never(0)
    assert torch.equal(always(0)["noise"], never(0)["noise"])


def test_looking_ahead_takes_no_gradient_away(training_values, maker):
    """Weights that autocast holds in half precision know no gradient where they were first used without one."""
    config = parse_training_config(training_values(SIZE | {"stage": "joint"}))
    networks = TrainedNetworks(from_nothing(config.model.sizes, 0, 1.0), config.model.sizes, config.phases[0])
    plain = batch_examples([maker(DEBLOCK)(0)])

    def gradients(batch):
        networks.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            networks(batch).sum().backward()
        return {name: weight.grad for name, weight in networks.trained.items() if weight.grad is not None}

    expected, found = gradients(plain), gradients(plain | {"step_ratio": torch.ones(1)})
    assert len(expected) > 100 and expected.keys() == found.keys()
    for name, gradient in expected.items():
        assert torch.equal(gradient, found[name]), name

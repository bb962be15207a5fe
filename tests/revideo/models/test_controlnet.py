from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from revideo.checkpoints.random_weights import SMALL, random_parts
from revideo.conditions import Conditions
from revideo.models.config import ControlConfig
from revideo.models.controlnet import ReVideoControlNet


@pytest.fixture(scope="module")
def conditioning(golden_b):
    return golden_b.model.condition(golden_b.conditions, golden_b.options, golden_b.reference["cond_aug_noise"])


@pytest.fixture(scope="module")
def inputs(golden_b, conditioning):
    """What both networks take: latents, noise level, image embedding, time ids."""
    latents = golden_b.reference["noise"]
    reference = conditioning.reference.expand_as(latents)
    return torch.cat([latents, reference], 1)[None], torch.tensor([0.3]), conditioning.context, conditioning.time_ids


def residuals_of(controlnet, inputs, control):
    """What one noise level makes of embedded conditions."""
    return controlnet(*inputs, controlnet.fuse(control, inputs[1]))


@pytest.fixture(scope="module")
def fresh(golden_b):
    """A ControlNet before any training."""
    torch.manual_seed(0)
    config = golden_b.config
    return ReVideoControlNet.from_model_config(config)


@torch.inference_mode()
def test_a_fresh_controlnet_changes_nothing(golden_b, fresh, inputs, conditioning):
    residuals = residuals_of(fresh, inputs, fresh.embed_conditions(golden_b.conditions))
    assert not any(down.any() for down in residuals.down)
    assert not residuals.mid.any()
    assert torch.equal(golden_b.model.unet(*inputs, residuals), golden_b.model.unet(*inputs))


@torch.inference_mode()
def test_a_trained_one_changes_every_skip(golden_b, inputs, conditioning):
    model = golden_b.model
    residuals = residuals_of(model.controlnet, inputs, conditioning.control)
    assert all(down.abs().max() > 1e-3 for down in (*residuals.down, residuals.mid))
    assert (model.unet(*inputs, residuals) - model.unet(*inputs)).abs().max() > 1e-3


@torch.inference_mode()
def test_one_residual_for_each_skip_of_the_unet(golden_b, inputs, conditioning):
    model = golden_b.model
    skips, mid = model.unet.encode(
        inputs[0],
        model.unet.embed_time(inputs[1], model.unet.embed_vector(inputs[3]), len(golden_b.video)),
        inputs[2].expand(len(golden_b.video), -1, -1),
        torch.zeros(1, len(golden_b.video)),
    )
    residuals = residuals_of(model.controlnet, inputs, conditioning.control)
    assert [down.shape for down in residuals.down] == [skip.shape for skip in skips]
    assert residuals.mid.shape == mid.shape


@torch.inference_mode()
def test_without_residuals_the_unet_is_that_of_diffusers(golden_b, inputs):
    from diffusers import UNetSpatioTemporalConditionModel

    ours = golden_b.model.unet
    theirs = UNetSpatioTemporalConditionModel(**{k: v for k, v in ours.config.items() if not k.startswith("_")})
    theirs.load_state_dict(ours.state_dict())
    latents, c_noise, context, time_ids = inputs
    expected = theirs(latents, c_noise, context, time_ids).sample
    # Not to the last digit: diffusers' eps of GroupNorm are not those of the released model.
    assert (ours(*inputs) - expected).square().mean().sqrt() < 1e-3 * expected.square().mean().sqrt()


@torch.inference_mode()
def test_each_condition_reaches_the_residuals(golden_b, inputs):
    controlnet, conditions = golden_b.model.controlnet, golden_b.conditions
    usual = residuals_of(controlnet, inputs, controlnet.embed_conditions(conditions)).mid
    for name in ("content", "motion", "mask"):
        emptied = replace(conditions, **{name: torch.zeros_like(getattr(conditions, name))})
        other = residuals_of(controlnet, inputs, controlnet.embed_conditions(emptied)).mid
        assert not torch.allclose(other, usual, atol=1e-4)


def test_norms_carry_the_eps_of_the_released_model(golden_b):
    def epsilons(network, *kinds):
        return {
            module.eps
            for name, module in network.named_modules()
            if isinstance(module, torch.nn.GroupNorm) and any(kind in name for kind in kinds)
        }

    model = golden_b.model
    for network in (model.unet, model.controlnet):
        assert epsilons(network, "resnets", "conv_norm_out") == {1e-5}
        assert epsilons(network, "attentions") == {1e-6}
    assert epsilons(model.vae, "encoder.", "spatial_res_block", "conv_norm_out", "attentions") == {1e-6}
    assert epsilons(model.vae, "temporal_res_block") == {1e-5}


# --- SAFM --------------------------------------------------------------------------------


@torch.inference_mode()
def test_the_weight_lies_between_content_and_motion(golden_b, conditioning):
    weight = golden_b.model.controlnet.safm.motion_weight(conditioning.control.mask, torch.zeros(1))
    assert 0 < weight.min() < weight.max() < 1


@torch.inference_mode()
def test_a_weight_of_one_is_motion_alone_and_of_zero_content_alone(golden_b, conditioning):
    safm, control = golden_b.model.controlnet.safm, conditioning.control
    assert_close(safm(control.motion, control.content, torch.ones_like(control.motion)), safm.fuse(control.motion))
    assert_close(safm(control.motion, control.content, torch.zeros_like(control.motion)), safm.fuse(control.content))


@torch.inference_mode()
def test_the_weight_follows_noise_level_and_place(golden_b, conditioning):
    safm, mask = golden_b.model.controlnet.safm, conditioning.control.mask
    low, high = (safm.motion_weight(mask, torch.full((1,), level)) for level in (-1.0, 1.6))
    assert (low - high).abs().max() > 1e-3
    assert (low - safm.motion_weight(1 - mask, torch.full((1,), -1.0))).abs().max() > 1e-3


@torch.inference_mode()
def test_conditions_are_embedded_at_the_latents_size(golden_b, conditioning):
    frames, _, height, width = golden_b.reference["noise"].shape
    channels = golden_b.config.unet.model_channels
    assert conditioning.control.motion.shape == conditioning.control.content.shape == (frames, channels, height, width)


@torch.inference_mode()
def test_an_area_that_stays_is_weighed_once_for_all_frames(golden_b):
    controlnet, conditions = golden_b.model.controlnet, golden_b.conditions
    still = controlnet.embed_conditions(conditions)
    assert len(still.mask) == 1
    each = replace(still, mask=still.mask.expand(len(golden_b.video), -1, -1, -1))
    level = torch.tensor(0.3)
    assert_close(controlnet.fuse(still, level), controlnet.fuse(each, level))
    moving = conditions.mask.clone()
    moving[-1] = 1 - moving[-1]
    moved = controlnet.embed_conditions(replace(conditions, mask=moving))
    assert torch.equal(moved.mask, moving)
    assert not torch.allclose(controlnet.fuse(moved, level)[-1], controlnet.fuse(still, level)[-1], atol=1e-3)


# --- Ablations ---------------------------------------------------------------------------

VARIANTS = [(fusion, branches) for fusion in ("safm", "safm_no_time", "sum") for branches in (1, 2)]


def variant(fusion, branches):
    """A ControlNet with random weights, and conditions that it reads."""
    config = replace(SMALL, control=replace(SMALL.control, fusion=fusion, branches=branches))
    torch.manual_seed(1)
    conditions = Conditions(torch.rand(3, 64, 64), torch.rand(14, 3, 64, 64), torch.randn(14, 2, 64, 64), SQUARE)
    return random_parts(config, torch.float32, "cpu")["controlnet"], conditions


SQUARE = torch.zeros(14, 1, 64, 64)
SQUARE[..., 16:48, 16:48] = 1


def small_inputs(c_noise=0.3):
    torch.manual_seed(2)
    latents, context = torch.randn(1, 14, 8, 8, 8), torch.randn(1, 1, SMALL.unet.context_dim)
    return latents, torch.tensor([c_noise]), context, torch.tensor([[6.0, 127.0, 0.02]])


@torch.inference_mode()
def fused_at(controlnet, conditions, c_noise):
    return controlnet.fuse(controlnet.embed_conditions(conditions), torch.tensor(c_noise))


@torch.inference_mode()
@pytest.mark.parametrize("branches", [1, 2])
def test_a_sum_adds_both_embeddings_as_they_are(branches):
    controlnet, conditions = variant("sum", branches)
    safm, embedded = controlnet.safm, controlnet.embed_conditions(conditions)
    assert not any("weight_encoder" in name for name in controlnet.state_dict())
    if branches == 1:
        expected = safm.fuse(embedded.motion + embedded.content)
    else:
        expected = torch.cat([safm.fuse(embedded.motion), safm.fuse_content(embedded.content)], 1)
    for c_noise in (-1.0, 1.6):
        assert_close(fused_at(controlnet, conditions, c_noise), expected)


def test_without_time_the_weight_is_that_of_level_nought_at_every_step():
    timeless, conditions = variant("safm_no_time", 1)
    whole, _ = variant("safm", 1)
    assert whole.state_dict().keys() == timeless.state_dict().keys()
    expected = fused_at(whole, conditions, 0.0)
    assert (fused_at(whole, conditions, 1.6) - expected).abs().max() > 1e-4
    for c_noise in (-1.0, 1.6):
        assert_close(fused_at(timeless, conditions, c_noise), expected)


@torch.inference_mode()
@pytest.mark.parametrize("fusion", ["safm", "sum"])
def test_two_branches_read_a_condition_each_and_their_residuals_add_up(fusion):
    controlnet, conditions = variant(fusion, 2)
    whole = residuals_of(controlnet, small_inputs(), controlnet.embed_conditions(conditions))

    def silenced(branch):
        """What is left when a branch's projections are zero, for two kinds of the other branch's condition."""
        projections = [*branch.down_projections, branch.mid_projection]
        saved = [{name: value.clone() for name, value in each.state_dict().items()} for each in projections]
        for each in projections:
            each.weight.zero_(), each.bias.zero_()
        other = "content" if branch is controlnet.content_branch else "motion"
        changed = replace(conditions, **{other: 1 - getattr(conditions, other)})
        left = [
            residuals_of(controlnet, small_inputs(), controlnet.embed_conditions(each))
            for each in (conditions, changed)
        ]
        for each, values in zip(projections, saved):
            each.load_state_dict(values)
        return left

    motion, motion_other_content = silenced(controlnet.content_branch)
    content, content_other_motion = silenced(controlnet)
    assert torch.equal(motion.mid, motion_other_content.mid) and torch.equal(content.mid, content_other_motion.mid)
    for one, two, both in zip([*motion.down, motion.mid], [*content.down, content.mid], [*whole.down, whole.mid]):
        assert_close(one + two, both)
        assert one.abs().max() > 1e-3 and two.abs().max() > 1e-3


@torch.inference_mode()
@pytest.mark.parametrize(("fusion", "branches"), VARIANTS)
def test_a_fresh_variant_changes_nothing_and_guidance_shares_its_fusion(fusion, branches):
    config = replace(SMALL, control=replace(SMALL.control, fusion=fusion, branches=branches))
    fresh = ReVideoControlNet.from_model_config(config)
    _, conditions = variant(fusion, branches)
    residuals = residuals_of(fresh, small_inputs(), fresh.embed_conditions(conditions))
    assert not any(each.any() for each in (*residuals.down, residuals.mid))
    controlnet, _ = variant(fusion, branches)
    one = residuals_of(controlnet, small_inputs(), controlnet.embed_conditions(conditions))
    twice = [torch.cat([each, each]) for each in small_inputs()]
    fused = controlnet.fuse(controlnet.embed_conditions(conditions), small_inputs()[1])
    both = controlnet(*twice, fused)
    assert (both.mid - torch.cat([one.mid, one.mid])).abs().max() < 1e-3 * one.mid.abs().max()


def test_the_released_model_has_one_branch_and_safm():
    assert (ControlConfig().fusion, ControlConfig().branches) == ("safm", 1)

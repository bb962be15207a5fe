from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

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
    return ReVideoControlNet.from_model_config(config, condition_channels=config.control.condition_channels)


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

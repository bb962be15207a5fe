"""PropDPM's networks: shapes as in the paper, what a fresh one computes, the schedule, sizes that are refused."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from revideo.models.config import ImageEncoderConfig, VAEConfig
from revideo.models.image_encoder import clip_pixels
from revideo.models.propagator import (
    TRAIN_STEPS,
    AppearanceAdaptor,
    build_propagator,
    build_unet,
    ddim_step,
    decode_latent_pictures,
    encode_pictures,
    image_tokens,
    noise_schedule,
    reference_context,
    shrink_depth,
    unet_input,
    widen_input,
)
from revideo.models.propagator_config import PropagatorConfig, PropagatorUNetConfig, RemedyConfig

SMALL = PropagatorConfig(
    PropagatorUNetConfig(
        model_channels=16, channel_mult=(1, 2), num_res_blocks=1, num_heads=2, context_dim=16, norm_groups=4
    ),
    VAEConfig(channels=8, channel_mult=(1, 1, 1), num_res_blocks=1, norm_groups=2),
    ImageEncoderConfig(layers=1, width=16, head_width=8, patch_size=8, image_size=32, embed_dim=16),
)


def seeded(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


@pytest.fixture(scope="module")
def parts():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build_propagator(SMALL, "cpu")


# --- At Stable Diffusion 1.5's size ----------------------------------------------------------


@pytest.fixture(scope="module")
def released():
    return build_propagator(PropagatorConfig())


def test_it_has_the_weights_of_stable_diffusion_and_of_clip(released):
    """859,520,964 and 83,653,863 are what everyone counts in Stable Diffusion 1.5; six channels more are read."""
    count = {name: sum(weight.numel() for weight in part.parameters()) for name, part in released.items()}
    more = 6 * 3 * 3 * 320
    assert count["unet"] == 859_520_964 + more
    assert count["vae"] == 83_653_863
    assert count["image_encoder"] == 303_179_776 + 1024 * 768  # CLIP ViT-L/14's tower, and its projection
    assert released["unet"].conv_in.weight.shape == (320, 10, 3, 3)
    assert sum(weight.numel() for weight in build_unet(PropagatorConfig(), 4).parameters()) == 859_520_964


def test_shapes_at_256_pixels_are_the_papers(released):
    """z is 4×h×w; the adaptor's halves l/2×h/2×w/2; cross-attention reads hw/4 + 1 tokens of l (section 3.3.1)."""
    latents = torch.empty(2, 4, 32, 32, device="meta")
    tokens = torch.empty(2, 1 + 16 * 16, 768, device="meta")
    adaptor: AppearanceAdaptor = released["adaptor"]
    assert adaptor.latents(latents).shape == adaptor.patches(tokens[:, 1:].mT.unflatten(2, (16, 16))).shape
    assert adaptor.latents(latents).shape == (2, 768 // 2, 16, 16)
    context = adaptor(tokens, latents)
    assert context.shape == (2, 32 * 32 // 4 + 1, 768)
    depth = torch.empty(2, 1, 32, 32, device="meta")
    joined = unet_input(latents, depth, latents, depth)
    assert joined.shape == (2, 10, 32, 32)
    assert released["unet"](joined, 999, context).sample.shape == latents.shape
    assert encode_pictures(released["vae"], torch.empty(2, 3, 256, 256, device="meta")).shape == latents.shape
    assert decode_latent_pictures(released["vae"], latents).shape == (2, 3, 256, 256)
    assert PropagatorConfig().size_multiple == 8


def test_every_level_but_the_coarsest_reads_the_reference(released):
    unet = released["unet"]
    assert [hasattr(block, "attentions") for block in unet.down_blocks] == [True, True, True, False]
    assert [hasattr(block, "attentions") for block in unet.up_blocks] == [False, True, True, True]
    assert unet.mid_block.attentions[0].transformer_blocks[0].attn2.to_k.in_features == 768
    assert unet.down_blocks[0].attentions[0].transformer_blocks[0].attn1.heads == 8


# --- What is read ----------------------------------------------------------------------------


def test_the_input_is_noisy_latent_depth_previous_latent_previous_depth():
    noisy, depth, previous, before = (torch.full((1, c, 2, 3), float(n)) for n, c in enumerate((4, 1, 4, 1)))
    assert unet_input(noisy, depth, previous, before)[0, :, 0, 0].tolist() == [0, 0, 0, 0, 1, 2, 2, 2, 2, 3]


def test_depth_is_the_mean_of_a_cells_pixels_between_minus_one_and_one():
    depth = torch.rand(2, 1, 12, 8, generator=seeded(0))
    expected = depth.unflatten(2, (3, 4)).unflatten(4, (2, 4)).mean((3, 5)) * 2 - 1
    assert_close(shrink_depth(depth, 3, 2), expected)
    assert shrink_depth(torch.zeros(1, 1, 8, 8), 2, 2).unique().tolist() == [-1]
    assert shrink_depth(torch.ones(1, 1, 8, 8), 2, 2).unique().tolist() == [1]


def test_the_class_token_is_the_image_embedding_and_passes_the_adaptor_untouched(parts):
    references = torch.rand(2, 3, 24, 40, generator=seeded(1)) * 2 - 1
    latents = encode_pictures(parts["vae"], references)
    context = reference_context(parts, references, latents)
    assert context.shape == (2, 1 + (24 // 4 // 2) * (40 // 4 // 2), 16)
    encoder = parts["image_encoder"]
    pixels = torch.cat([clip_pixels(each, 32) for each in references])
    assert torch.equal(context[:, 0], image_tokens(encoder, pixels)[:, 0])
    assert_close(context[:, 0], encoder(pixels).image_embeds)
    alone = {name: part for name, part in parts.items() if name != "adaptor"}
    assert torch.equal(reference_context(alone, references, latents), context[:, :1])


def test_the_adaptor_computes_listing_1(parts):
    """Each convolution written out, on picture and latent of different shapes."""
    adaptor = parts["adaptor"]
    tokens = torch.randn(1, 1 + 16, 16, generator=seeded(2))
    latents = torch.randn(1, 4, 6, 10, generator=seeded(3))
    weights = dict(adaptor.named_parameters())

    def convolved(x, name, padding=0):
        return F.conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], padding=padding)

    patches = tokens[:, 1:].mT.reshape(1, 16, 4, 4)
    patches = F.interpolate(patches, (3, 5), mode="bilinear")
    patches = F.silu(convolved(F.silu(convolved(patches, "patches.0")), "patches.2"))
    places = F.max_pool2d(F.silu(convolved(latents, "latents.0", 1)), 2)
    places = F.silu(convolved(places, "latents.3"))
    merged = convolved(torch.cat([patches, places], 1), "merge.0", 1)
    merged = convolved(F.silu(merged), "merge.2", 1)
    expected = torch.cat([tokens[:, :1], merged.flatten(2).mT], 1)
    assert_close(adaptor(tokens, latents), expected, atol=1e-5, rtol=1e-5)


def test_tokens_follow_the_places_of_the_reference(parts):
    """A change in one corner of the latent changes the tokens near that corner and no others."""
    tokens = torch.randn(1, 17, 16, generator=seeded(4))
    latents = torch.randn(1, 4, 24, 24, generator=seeded(5))
    changed = latents.clone()
    changed[..., 0, 0] += 9
    moved = (parts["adaptor"](tokens, changed) != parts["adaptor"](tokens, latents)).any(-1)[0, 1:].view(12, 12)
    assert moved.any() and not moved[4:].any() and not moved[:, 4:].any()


@pytest.mark.parametrize(("height", "width"), [(5, 7), (3, 4), (2, 9)])
def test_odd_latent_sides_work(parts, height, width):
    latents = torch.randn(1, 4, height, width, generator=seeded(6))
    depth = torch.zeros(1, 1, height, width)
    references = torch.rand(1, 3, height * 4, width * 4, generator=seeded(7))
    context = reference_context(parts, references, latents)
    assert context.shape[1] == 1 + (height // 2) * (width // 2)
    found = parts["unet"](unet_input(latents, depth, latents, depth), 500, context).sample
    assert found.shape == latents.shape and found.isfinite().all()


def test_without_adaptor_there_is_none():
    bare = replace(SMALL, remedies=RemedyConfig(adaptor=False))
    assert set(build_propagator(bare)) == {"unet", "vae", "image_encoder"}
    assert set(build_propagator(SMALL)) == {"unet", "vae", "image_encoder", "adaptor"}


# --- What a fresh one computes ---------------------------------------------------------------


def test_a_widened_unet_is_the_image_model_whatever_the_new_channels_hold(parts):
    """Section 3.3.3: training starts from Stable Diffusion, not from what it gives for depth it has never seen."""
    image, wide = (build_unet(SMALL, channels).to_empty(device="cpu") for channels in (4, 10))
    weights = {
        name: torch.randn(weight.shape, generator=seeded(8)) * 0.1 for name, weight in image.state_dict().items()
    }
    image.load_state_dict(weights)
    wide.load_state_dict(weights | {"conv_in.weight": widen_input(weights["conv_in.weight"], 10)})
    noisy = torch.randn(2, 4, 8, 8, generator=seeded(9))
    context = torch.randn(2, 5, 16, generator=seeded(10))
    expected = image(noisy, 300, context).sample
    for scale in (0, 1, 100):
        others = torch.randn(2, 6, 8, 8, generator=seeded(11)) * scale
        assert_close(wide(torch.cat([noisy, others], 1), 300, context).sample, expected, atol=1e-6, rtol=1e-6)


# --- The schedule ----------------------------------------------------------------------------


def stable_diffusion_alpha_bar() -> torch.Tensor:
    """Its ᾱ in float64."""
    steps = torch.arange(TRAIN_STEPS, dtype=torch.float64) / (TRAIN_STEPS - 1)
    betas = (0.00085**0.5 + steps * (0.012**0.5 - 0.00085**0.5)) ** 2
    return (1 - betas).cumprod(0)


def test_the_schedule_ends_in_pure_noise_and_begins_as_stable_diffusions():
    """√ᾱ shifted so that the last is 0, scaled so that the first stays (Lin et al. 2023, algorithm 1)."""
    roots = stable_diffusion_alpha_bar().sqrt()
    expected = (roots - roots[-1]) * roots[0] / (roots[0] - roots[-1])
    found = noise_schedule().alphas_cumprod
    assert found[-1] == 0
    assert_close(found[0].double().sqrt(), roots[0], atol=1e-6, rtol=0)
    assert_close(found.double().sqrt(), expected, atol=2e-5, rtol=0)


def test_otherwise_the_schedule_is_stable_diffusions_own():
    schedule = noise_schedule(False)
    assert_close(schedule.alphas_cumprod.double(), stable_diffusion_alpha_bar(), atol=1e-6, rtol=1e-4)
    assert schedule.alphas_cumprod[-1] == pytest.approx(0.00466, abs=1e-5)
    assert schedule.config.prediction_type == "epsilon"
    schedule.set_timesteps(20)
    assert schedule.timesteps.tolist() == list(range(951, 0, -50))


@pytest.mark.parametrize("steps", [1, 3, 20, 1000])
def test_sampling_begins_at_the_last_step_of_training(steps):
    schedule = noise_schedule()
    schedule.set_timesteps(steps)
    assert schedule.timesteps[0] == 999 and len(schedule.timesteps) == steps


def test_v_is_the_papers_and_at_the_last_step_the_picture_alone():
    """v = √ᾱ·ε − √(1 − ᾱ)·x0, section 3.3.2."""
    schedule = noise_schedule()
    clean, noise = (torch.randn(4, 4, 3, 3, generator=seeded(n)) for n in (12, 13))
    times = torch.tensor([0, 250, 700, 999])
    alpha_bar = schedule.alphas_cumprod[times].view(-1, 1, 1, 1)
    found = schedule.get_velocity(clean, noise, times)
    assert_close(found, alpha_bar.sqrt() * noise - (1 - alpha_bar).sqrt() * clean)
    assert torch.equal(found[3], -clean[3])
    assert torch.equal(schedule.add_noise(clean, noise, times)[3], noise[3])


@pytest.mark.parametrize("zero_terminal_snr", [True, False])
@pytest.mark.parametrize("steps", [1, 2, 7, 15])
def test_steps_along_the_exact_answer_lead_to_the_picture(steps, zero_terminal_snr):
    """Also where 1000 is no multiple of them. Stable Diffusion's own schedule ends at the noise of its first step."""
    schedule = noise_schedule(zero_terminal_snr)
    schedule.set_timesteps(steps)
    clean, noise = (torch.randn(1, 4, 3, 3, generator=seeded(n)) for n in (14, 15))
    times = schedule.timesteps.tolist()
    x = schedule.add_noise(clean, noise, torch.tensor(times[:1]))
    for time, following in zip(times, [*times[1:], None]):
        answer = schedule.get_velocity(clean, noise, torch.tensor([time])) if zero_terminal_snr else noise
        x = ddim_step(schedule, answer, x, time, following)
    end = clean if zero_terminal_snr else schedule.add_noise(clean, noise, torch.tensor([0]))
    assert_close(x, end, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("zero_terminal_snr", [True, False])
def test_where_steps_divide_the_schedule_they_are_diffusers_own(zero_terminal_snr):
    schedule = noise_schedule(zero_terminal_snr)
    schedule.set_timesteps(4)
    times = schedule.timesteps.tolist()
    for number, (time, following) in enumerate(zip(times, [*times[1:], None])):
        x, found = (torch.randn(1, 4, 3, 3, generator=seeded(16 + number + n)) for n in (0, 10))
        expected = schedule.step(found, time, x).prev_sample
        assert_close(ddim_step(schedule, found, x, time, following), expected, atol=1e-5, rtol=1e-5)


# --- Sizes -----------------------------------------------------------------------------------


def small(**blocks):
    """SMALL as a dict with changed values."""
    values = {
        "unet": {
            "model_channels": 16,
            "channel_mult": [1, 2],
            "num_res_blocks": 1,
            "num_heads": 2,
            "context_dim": 16,
            "norm_groups": 4,
        },
        "vae": {"channels": 8, "channel_mult": [1, 1, 1], "num_res_blocks": 1, "norm_groups": 2},
        "image_encoder": {
            "layers": 1,
            "width": 16,
            "head_width": 8,
            "patch_size": 8,
            "image_size": 32,
            "embed_dim": 16,
        },
    }
    return values | {
        name: values.get(name, {}) | block if isinstance(block, dict) else block for name, block in blocks.items()
    }


WRONG = {  # what is changed: what is said
    "heads": ({"unet": {"num_heads": 3}}, "16 UNet channels are not a multiple of num_heads 3 and norm_groups 4"),
    "groups": ({"unet": {"norm_groups": 5}}, "16 UNet channels are not a multiple of num_heads 2 and norm_groups 5"),
    "one level": ({"unet": {"channel_mult": [1]}}, "the UNet needs two levels at least"),
    "vae groups": ({"vae": {"norm_groups": 3}}, "vae widths are not multiples of norm_groups 3"),
    "head width": ({"image_encoder": {"head_width": 7}}, "image encoder width is not a multiple of head_width"),
    "patch": ({"image_encoder": {"patch_size": 64}}, "image_size is smaller than patch_size"),
    "tokens": ({"unet": {"context_dim": 32}}, r"reads tokens of 32 .* the image encoder makes ones of 16"),
    "odd tokens": ({"unet": {"context_dim": 15}, "image_encoder": {"embed_dim": 15}}, "an even number"),
    "zero": ({"unet": {"model_channels": 0}}, '"unet.model_channels" must be a positive integer, not 0'),
    "text": ({"vae": {"channels": "8"}}, "\"vae.channels\" must be a positive integer, not '8'"),
    "true": ({"unet": {"num_heads": True}}, '"unet.num_heads" must be a positive integer, not True'),
    "scalar": ({"unet": {"channel_mult": 2}}, '"unet.channel_mult" must be a list of positive integers'),
    "levels": ({"unet": {"channel_mult": [1] * 7}}, '"unet.channel_mult" has 7 levels; at most 6'),
    "wide": ({"unet": {"context_dim": 9000}}, '"unet.context_dim" asks for 9000; at most 8192'),
    "remedy": ({"remedies": {"adaptor": 1}}, '"remedies.adaptor" must be true or false, not 1'),
    "no remedy": ({"remedies": {"dropout": True}}, "dropout"),
    "no key": ({"unet": {"num_frames": 14}}, "num_frames"),
    "no object": ({"unet": [1]}, '"unet" must be an object, not list'),
    "no encoder": ({"image_encoder": 3}, '"image_encoder" must be an object, not int'),
    "too much": (
        {"unet": {"model_channels": 8192, "channel_mult": [4, 8]}},
        "its widths make more than 30 billion weights",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_sizes_that_cannot_work_are_refused_by_name(wrong):
    changes, message = WRONG[wrong]
    with pytest.raises(ValueError, match=message):
        PropagatorConfig.from_dict(small(**changes))


@pytest.mark.parametrize(
    "config",
    [PropagatorConfig(), SMALL, replace(SMALL, remedies=RemedyConfig(False, False))],
    ids=["released", "small", "bare"],
)
def test_sizes_come_back_from_json(config):
    assert PropagatorConfig.from_json(config.to_json()) == config


def test_what_a_file_leaves_out_is_stable_diffusions():
    assert PropagatorConfig.from_json("{}") == PropagatorConfig()
    assert PropagatorConfig.from_dict(small()) == SMALL
    encoder = PropagatorConfig.from_dict({"image_encoder": {"layers": 2}}).image_encoder
    assert encoder == replace(PropagatorConfig().image_encoder, layers=2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "propagator config is not JSON"),
        ("[]", "propagator config must be a JSON object, not list"),
        ('{"control": {}}', "propagator config must be a JSON object of unet, vae, image_encoder, remedies"),
        ("[" * 10_000, "propagator config is not JSON"),
        ('{"unet": "' + "x" * 2**16 + '"}', "propagator config is a text of 65,548 letters, more than 65,536"),
    ],
    ids=["cut", "list", "ReVideo's", "deep", "long"],
)
def test_a_text_that_is_no_config_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        PropagatorConfig.from_json(text)


def test_sides_must_be_multiples_of_a_cell():
    SMALL.check_size(20, 44)
    message = "the video is 30×20; this propagator needs sides that are multiples of 4: name a size of such sides"
    with pytest.raises(ValueError, match=f"^{message}$"):
        SMALL.check_size(20, 30)
    for sides in ((4, 32), (0, 8), (-8, 8)):
        with pytest.raises(ValueError, match=r"^the video is .*; this propagator needs sides of 8 at least$"):
            SMALL.check_size(*sides)

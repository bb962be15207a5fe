import json

import pytest
from fuzzing import fuzz
from hypothesis import example, given
from hypothesis import strategies as st

from revideo import ModelConfig
from revideo.checkpoints.names import name_table
from revideo.checkpoints.random_weights import SMALL
from revideo.checkpoints.reading import build_parts
from revideo.models.config import ControlConfig, ImageEncoderConfig, UNetConfig, VAEConfig


def test_the_default_is_the_released_model():
    config = ModelConfig()
    assert config.unet.block_channels == (320, 640, 1280, 1280)
    assert config.unet.num_heads == (5, 10, 20, 20)
    assert config.unet.num_frames == 14
    assert config.vae.stride == 8
    assert config.size_multiple == 64
    assert ModelConfig.from_dict({}) == config


@pytest.mark.parametrize(
    "config",
    [
        ModelConfig(),
        ModelConfig(UNetConfig(num_frames=25), vae=VAEConfig(channels=32)),
        ModelConfig(control=ControlConfig(fusion="sum", branches=2)),
    ],
)
def test_json_reads_back(config):
    assert ModelConfig.from_json(config.to_json()) == config


def test_golden_configs_read_their_own_widths(golden):
    for block in ("unet", "control", "vae", "image_encoder"):
        read = getattr(golden.config, block)
        for name, value in golden.settings[block].items():
            assert getattr(read, name) == (tuple(value) if isinstance(value, list) else value)


def test_other_blocks_are_left_alone():
    assert ModelConfig.from_dict({"inputs": {"seed": 3}, "unet": {"num_frames": 5}}).unet.num_frames == 5


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"unet": {"chanels": 64}}, 'model config: "unet" has no "chanels"; it has model_channels, '),
        ({"unet": {"model_channels": "64"}}, "\"unet.model_channels\" must be a positive integer, not '64'"),
        ({"unet": {"model_channels": 0}}, '"unet.model_channels" must be a positive integer, not 0'),
        ({"unet": {"model_channels": True}}, '"unet.model_channels" must be a positive integer, not True'),
        ({"unet": {"model_channels": [64]}}, r'"unet.model_channels" must be a positive integer, not \[64\]'),
        ({"unet": {"channel_mult": 2}}, '"unet.channel_mult" must be a list of positive integers, not 2'),
        ({"unet": {"channel_mult": []}}, r'"unet.channel_mult" must be a list of positive integers, not \[\]'),
        ({"vae": {"channel_mult": [1, -2]}}, r'"vae.channel_mult" must be a list of positive integers, not \[1, -2\]'),
        ({"unet": {"model_channels": 48}}, "48 UNet channels are not a multiple of num_head_channels 64"),
        ({"unet": {"model_channels": 48, "num_head_channels": 16}}, "and of the 32 groups of GroupNorm"),
        ({"vae": {"channels": 48}}, r"vae widths \(48, 96, 192, 192\) are not multiples of 32"),
        ({"image_encoder": {"head_width": 50}}, "image encoder width 1280 is not a multiple of head_width 50"),
        ({"unet": {"context_dim": 768}}, r"an image embedding of 768 \(context_dim\), .* one of 1024 \(embed_dim\)"),
        ({"control": {"condition_channels": [16, 32]}}, "the condition encoders shrink by 2, the autoencoder by 8"),
        ({"control": {"fusion": "add"}}, '"control.fusion" must be one of safm, safm_no_time, sum, not .add.'),
        ({"control": {"fusion": ["sum"]}}, r'"control.fusion" must be one of safm, safm_no_time, sum, not \(.sum.,\)'),
        ({"control": {"branches": 3}}, '"control.branches" asks for 3; at most 2'),
        ({"unet": [320]}, '"unet" must be an object, not list'),
        ({"vae": None}, '"vae" must be an object, not NoneType'),
        ({"unet": {"num_res_blocks": 5}}, '"unet.num_res_blocks" asks for 5; at most 4'),
        ({"unet": {"channel_mult": [1] * 7}}, '"unet.channel_mult" has 7 levels; at most 6'),
        ({"unet": {"channel_mult": [1, 17]}}, '"unet.channel_mult" asks for 17; at most 16'),
        ({"unet": {"model_channels": 32 * 10**9}}, '"unet.model_channels" asks for 32000000000; at most 8192'),
        ({"unet": {"num_frames": 10**6}}, '"unet.num_frames" asks for 1000000; at most 1024'),
        ({"unet": {"time_id_dim": 10**30}}, '"unet.time_id_dim" asks for a number beyond 2⁶⁴; at most 8192'),
        ({"unet": {"context_dim": 16**5000}}, '"unet.context_dim" asks for a number beyond 2⁶⁴; at most 8192'),
        ({"control": {"condition_channels": [16, 32, 96, 4096]}}, '"control.condition_channels" asks for 4096; at mo'),
        ({"vae": {"channels": 32768}}, '"vae.channels" asks for 32768; at most 8192'),
        ({"vae": {"latent_channels": 4096}}, '"vae.latent_channels" asks for 4096; at most 128'),
        ({"image_encoder": {"layers": 1000}}, '"image_encoder.layers" asks for 1000; at most 64'),
        ({"image_encoder": {"image_size": 10**7}}, '"image_encoder.image_size" asks for 10000000; at most 2048'),
        ({"image_encoder": {"image_size": 2048, "patch_size": 4}}, "patch_size 4 gives 262144 patches, not 1 to 65536"),
        ({"image_encoder": {"image_size": 8}}, "image_size 8 in patches of patch_size 14 gives 0 patches, not 1 to"),
        (
            {"unet": {"model_channels": 2048, "channel_mult": [1, 2, 4, 8]}},
            "make about 215 billion weights, more than 30",
        ),
        ({"unet": {"model_channels": float("nan")}}, '"unet.model_channels" must be a positive integer, not nan'),
        ({"unet": {"model_channels": 320.0}}, '"unet.model_channels" must be a positive integer, not 320.0'),
        (
            {"unet": {"channel_mult": [1, [2]]}},
            r'"unet.channel_mult" must be a list of positive integers, not \[1, \[2',
        ),
    ],
)
def test_values_that_cannot_work_are_named(values, message):
    with pytest.raises(ValueError, match=message):
        ModelConfig.from_dict(values)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "model config is not JSON"),
        ("3", "model config must be a JSON object, not int"),
        ("[" * 60_000, "model config is not JSON"),
        ('{"unet": ' * 7_000, "model config is not JSON"),
        ('{"unet": {"model_channels": ' + "9" * 5000 + "}}", "model config is not JSON"),
        ("\ufeff{}", "model config is not JSON"),
        (" " * 10**6, "model config is a text of 1,000,000 letters, more than 65,536"),
    ],
    ids=["nothing", "a number", "deep list", "deep object", "many digits", "byte order mark", "long"],
)
def test_text_that_is_no_config_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        ModelConfig.from_json(text)


@pytest.mark.parametrize(
    "blocks",
    [
        (UNetConfig(model_channels=-320),),
        (UNetConfig(num_head_channels=0),),
        (UNetConfig(channel_mult=()),),
        (UNetConfig(num_res_blocks=10**4),),
        (UNetConfig(model_channels="320"),),
        (UNetConfig(), ModelConfig().control, VAEConfig(norm_groups=0)),
        (UNetConfig(), ModelConfig().control, VAEConfig(), ImageEncoderConfig(image_size=10**7)),
    ],
)
def test_a_config_made_in_python_is_checked_too(blocks):
    with pytest.raises(ValueError, match=r"^model config: "):
        ModelConfig(*blocks)


@pytest.mark.parametrize("config", [ModelConfig(), SMALL], ids=["released", "small"])
def test_weights_are_estimated_to_a_quarter(config):
    held = sum(t.numel() for part in build_parts(config).values() for t in part.state_dict().values())
    assert config.estimated_weights == pytest.approx(held, rel=0.25)


LARGEST = {
    "unet": {"channel_mult": [1, 2, 4, 4, 4, 4], "num_res_blocks": 4},
    "control": {"condition_channels": [2048] * 6},
    "vae": {"channel_mult": [1, 2, 4, 4, 4, 4], "num_res_blocks": 4},
    "image_encoder": {"layers": 64, "image_size": 512, "patch_size": 2},
}
SIZES = st.sampled_from([1, 2, 3, 4, 5, 8, 14, 32, 33, 48, 64, 96, 320, 1024, 2048, 8192])
ODD = st.sampled_from([0, -1, True, None, 1.0, "1", [], [1], 10**30, float("nan"), {}])


def values_of(block, odd):
    lists = st.lists(st.sampled_from([1, 2, 3, 4, 5, 16]), min_size=1, max_size=6 + odd)
    own = {name: lists if isinstance(value, tuple) else SIZES for name, value in vars(block).items()}
    return st.fixed_dictionaries({}, optional={name: each | ODD if odd else each for name, each in own.items()})


@st.composite
def any_sizes(draw):
    """Odd values, or such as fit each other more often."""
    odd, released = draw(st.booleans()), ModelConfig()
    given_sizes = {name: draw(values_of(block, odd)) for name, block in vars(released).items()}
    if odd:
        return given_sizes
    levels = draw(st.integers(1, 6))
    for block, key in (("control", "condition_channels"), ("vae", "channel_mult")):
        given_sizes[block][key] = draw(st.lists(st.integers(1, 5), min_size=levels, max_size=levels))
    for block, key in (("unet", "model_channels"), ("vae", "channels")):
        given_sizes[block][key] = 32 * draw(st.integers(1, 10))
        given_sizes[block]["norm_groups"] = draw(st.sampled_from([1, 2, 8, 32]))
    given_sizes["unet"]["num_head_channels"] = draw(st.sampled_from([1, 2, 4, 8, 16, 32]))
    given_sizes["image_encoder"]["head_width"] = 1
    given_sizes["image_encoder"]["embed_dim"] = given_sizes["unet"]["context_dim"] = draw(SIZES)
    given_sizes["unet"]["num_res_blocks"] = draw(st.integers(1, 4))
    given_sizes["vae"]["num_res_blocks"] = draw(st.integers(1, 4))
    given_sizes["image_encoder"]["layers"] = draw(st.integers(1, 64))
    return given_sizes


@pytest.mark.slow
@fuzz(12)
@given(any_sizes())
@example(LARGEST)
@example({"unet": {"num_res_blocks": 10**4}})
@example({"image_encoder": {"image_size": 10**7}})
def test_any_sizes_are_refused_or_build_networks_of_bounded_size(sizes):
    """Without weights: a bound on modules is one on seconds and memory. Every tensor has a name in a released file."""
    try:
        config = ModelConfig.from_json(json.dumps(sizes))
    except ValueError:
        return
    parts = build_parts(config)
    assert sum(1 for part in parts.values() for _ in part.modules()) < 10_000
    assert len(name_table(config, parts)) == sum(len(part.state_dict()) for part in parts.values())

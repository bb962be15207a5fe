import pytest

from revideo import ModelConfig
from revideo.models.config import UNetConfig, VAEConfig


def test_the_default_is_the_released_model():
    config = ModelConfig()
    assert config.unet.block_channels == (320, 640, 1280, 1280)
    assert config.unet.num_heads == (5, 10, 20, 20)
    assert config.unet.num_frames == 14
    assert config.vae.stride == 8
    assert config.size_multiple == 64
    assert ModelConfig.from_dict({}) == config


@pytest.mark.parametrize("config", [ModelConfig(), ModelConfig(UNetConfig(num_frames=25), vae=VAEConfig(channels=32))])
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
        ({"unet": [320]}, '"unet" must be an object, not list'),
        ({"vae": None}, '"vae" must be an object, not NoneType'),
    ],
)
def test_values_that_cannot_work_are_named(values, message):
    with pytest.raises(ValueError, match=message):
        ModelConfig.from_dict(values)


@pytest.mark.parametrize(
    ("text", "message"), [("", "model config is not JSON"), ("3", "model config must be a JSON object, not int")]
)
def test_text_that_is_no_config_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        ModelConfig.from_json(text)

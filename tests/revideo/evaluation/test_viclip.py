"""ViCLIP's towers are its authors', written out here in plain products, and its file fits by its names."""

from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from revideo.evaluation.learned import load_learned
from revideo.evaluation.perceptual import ClipModel
from revideo.evaluation.viclip import ViclipMetrics, ViclipModel

WIDTH, TEXT_WIDTH, EMBED, LAYERS, FRAMES, PATCH, SIDE, WORDS, LENGTH = 128, 64, 24, 2, 8, 14, 28, 54, 10
HEADS = {"vision": WIDTH // 64, "text": TEXT_WIDTH // 64}


def shapes() -> dict[str, tuple[int, ...]]:
    """The names and shapes of the authors' file, as their classes make them, at small widths."""
    named = {
        "temp": (),
        "vision_encoder.class_embedding": (WIDTH,),
        "vision_encoder.positional_embedding": ((SIDE // PATCH) ** 2 + 1, WIDTH),
        "vision_encoder.temporal_positional_embedding": (1, FRAMES, WIDTH),
        "vision_encoder.proj": (WIDTH, EMBED),
        "vision_encoder.conv1.weight": (WIDTH, 3, 1, PATCH, PATCH),
        "text_encoder.positional_embedding": (LENGTH, TEXT_WIDTH),
        "text_encoder.text_projection": (TEXT_WIDTH, EMBED),
        "text_encoder.token_embedding.weight": (WORDS, TEXT_WIDTH),
    }
    norms = {"vision_encoder.ln_pre": WIDTH, "vision_encoder.ln_post": WIDTH, "text_encoder.ln_final": TEXT_WIDTH}
    for tower, width in (("vision", WIDTH), ("text", TEXT_WIDTH)):
        for layer in range(LAYERS):
            block = f"{tower}_encoder.transformer.resblocks.{layer}"
            norms |= {f"{block}.ln_1": width, f"{block}.ln_2": width}
            named |= {f"{block}.attn.in_proj_weight": (3 * width, width), f"{block}.attn.in_proj_bias": (3 * width,)}
            for name, size in (("attn.out_proj", (width, width)), ("mlp.c_fc", (4 * width, width))):
                named |= {f"{block}.{name}.weight": size, f"{block}.{name}.bias": size[:1]}
            named |= {f"{block}.mlp.c_proj.weight": (width, 4 * width), f"{block}.mlp.c_proj.bias": (width,)}
    for name, width in norms.items():
        named |= {f"{name}.weight": (width,), f"{name}.bias": (width,)}
    return named


@pytest.fixture
def weights() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {name: 0.2 * torch.randn(shape, generator=generator) for name, shape in shapes().items()}


@pytest.fixture
def path(tmp_path, weights):
    torch.save({"model": weights}, tmp_path / "viclip.pth")
    return tmp_path / "viclip.pth"


def norm(x, weights, name):
    return F.layer_norm(x, x.shape[-1:], weights[f"{name}.weight"], weights[f"{name}.bias"])


def blocks(x, weights, tower, masked):
    """(N, C) through the transformer, each head by itself."""
    for layer in range(LAYERS):
        at = f"{tower}_encoder.transformer.resblocks.{layer}"
        queries, keys, values = (
            norm(x, weights, f"{at}.ln_1") @ weights[f"{at}.attn.in_proj_weight"].T + weights[f"{at}.attn.in_proj_bias"]
        ).chunk(3, 1)
        heads = []
        for q, k, v in zip(*(each.chunk(HEADS[tower], 1) for each in (queries, keys, values))):
            scores = q @ k.T / q.shape[1] ** 0.5
            if masked:
                scores = scores + torch.full(scores.shape, -torch.inf).triu(1)
            heads.append(scores.softmax(1) @ v)
        x = x + torch.cat(heads, 1) @ weights[f"{at}.attn.out_proj.weight"].T + weights[f"{at}.attn.out_proj.bias"]
        inner = norm(x, weights, f"{at}.ln_2") @ weights[f"{at}.mlp.c_fc.weight"].T + weights[f"{at}.mlp.c_fc.bias"]
        inner = inner * torch.sigmoid(1.702 * inner)
        x = x + inner @ weights[f"{at}.mlp.c_proj.weight"].T + weights[f"{at}.mlp.c_proj.bias"]
    return x


def known_vision(clip, weights):  # (T, 3, H, W)
    at = "vision_encoder"
    places = weights[f"{at}.positional_embedding"]
    tokens = [weights[f"{at}.class_embedding"] + places[0]]
    for time, frame in enumerate(clip):
        for row in range(SIDE // PATCH):
            for column in range(SIDE // PATCH):
                patch = frame[:, row * PATCH : (row + 1) * PATCH, column * PATCH : (column + 1) * PATCH]
                token = (weights[f"{at}.conv1.weight"][:, :, 0] * patch).sum((1, 2, 3))
                token = token + places[1 + row * (SIDE // PATCH) + column]
                tokens.append(token + weights[f"{at}.temporal_positional_embedding"][0, time])
    x = blocks(norm(torch.stack(tokens), weights, f"{at}.ln_pre"), weights, "vision", masked=False)
    return norm(x, weights, f"{at}.ln_post")[0] @ weights[f"{at}.proj"]


def known_text(tokens, weights):
    at = "text_encoder"
    x = weights[f"{at}.token_embedding.weight"][tokens] + weights[f"{at}.positional_embedding"]
    x = norm(blocks(x, weights, "text", masked=True), weights, f"{at}.ln_final")
    return x[tokens.argmax()] @ weights[f"{at}.text_projection"]


def test_both_towers_are_their_authors_in_plain_products(weights):
    model = ViclipModel(weights).requires_grad_(False)
    clip = torch.randn(FRAMES, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    assert_close(model.vision_encoder(clip.transpose(0, 1)), known_vision(clip, weights), atol=1e-5, rtol=1e-4)
    tokens = torch.tensor([52, 3, 1, 4, 53, 0, 0, 0, 0, 0])
    assert_close(model.text_encoder(tokens), known_text(tokens, weights), atol=1e-5, rtol=1e-4)


def test_a_clip_is_compared_with_its_prompt(path, weights, clip_folder):
    video = torch.rand(16, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(2))
    measure = load_learned({"clip": clip_folder, "viclip": path})["viclip"]
    [reading] = measure(video, "a cab")
    mean, std = torch.tensor([0.48145466, 0.4578275, 0.40821073]), torch.tensor([0.26862954, 0.26130258, 0.27577711])
    pixels = ((video[::2] * 255).round() / 255 - mean[:, None, None]) / std[:, None, None]  # V2VBench's stride: T / 8
    letters = {letter: number for number, letter in enumerate("abcdefghijklmnopqrstuvwxyz")}
    tokens = [52, letters["a"] + 26, letters["c"], letters["a"], letters["b"] + 26, 53, 0, 0, 0, 0]
    known = F.cosine_similarity(known_vision(pixels, weights), known_text(torch.tensor(tokens), weights), dim=0)
    assert float(reading.values) == pytest.approx(float(known), abs=1e-5)
    assert reading.v2vbench == float(reading.values)
    assert measure(video, "") == []


def test_a_long_prompt_is_cut_before_its_end(path, clip_folder):
    measure = ViclipMetrics(path, ClipModel(clip_folder).processor)
    assert_close(measure.embed_text("a " * 20), measure.embed_text("a " * 30))
    assert not torch.equal(measure.embed_text("a " * 7), measure.embed_text("a " * 8))


@pytest.mark.parametrize("count", [1, 5, 8, 14, 24, 49])
def test_frames_are_taken_evenly_from_clips_of_any_length(path, clip_folder, count):
    """Each is a grey of its own: the clip that the tower sees says which were taken."""
    measure = ViclipMetrics(path, ClipModel(clip_folder).processor)
    seen = []
    measure.model.vision_encoder.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0][0, :, 0, 0]))
    greys = torch.arange(count) / 255
    measure.embed_video(greys.view(-1, 1, 1, 1).expand(-1, 3, SIDE, SIDE))
    taken = ((seen[0] * 0.26862954 + 0.48145466) * 255).round().long().tolist()
    assert len(taken) == FRAMES and taken[0] == 0
    steps = [after - before for before, after in pairwise(taken)]
    assert max(steps) - min(steps) <= 1 and taken[-1] + max(1, count // FRAMES) >= count - 1
    if count == 24:
        assert taken == list(range(0, 24, 3))  # V2VBench's


def test_a_file_fits_in_all_of_its_names_or_is_refused(tmp_path, weights, clip_folder):
    processor = ClipModel(clip_folder).processor
    assert set(ViclipModel(weights).state_dict()) == set(shapes())
    for broken in (
        {name: tensor for name, tensor in weights.items() if name != "text_encoder.ln_final.bias"},
        weights | {"more": torch.zeros(1)},
        weights | {"vision_encoder.proj": torch.zeros(WIDTH)},
        weights | {"text_encoder.transformer.resblocks.1.mlp.c_fc.weight": torch.zeros(1, 1)},
    ):
        torch.save({"model": broken}, tmp_path / "broken.pth")
        with pytest.raises(ValueError, match=r"broken\.pth does not hold ViCLIP's weights"):
            ViclipMetrics(tmp_path / "broken.pth", processor)
    torch.save(weights | {"text_encoder.token_embedding.weight": torch.zeros(99, TEXT_WIDTH)}, tmp_path / "words.pth")
    with pytest.raises(ValueError, match=r"words\.pth knows 99 tokens, the CLIP model 54: give OpenAI's"):
        ViclipMetrics(tmp_path / "words.pth", processor)

"""Distances of two sets: closed forms of Gaussians, plain double loops, and networks called as the field's are."""

import math

import numpy as np
import pytest
import torch
from fuzzing import damaged, damages, fuzz
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from scipy.linalg import sqrtm
from torch import Tensor, nn

from revideo.evaluation.sets import (
    frechet_distance,
    inception_score,
    kernel_distance,
    measure_clips,
    measure_features,
    read_features,
)

SEEDS = st.integers(0, 2**32 - 1)


def drawn(count: int, width: int, seed: int) -> Tensor:
    return torch.randn(count, width, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def gaussian(mean: Tensor, root: Tensor, count: int, seed: int) -> Tensor:
    """Samples whose own mean and covariance are exactly these: covariance is rootᵀ root."""
    centred = drawn(count, len(mean), seed)
    centred = centred - centred.mean(0)
    white = torch.linalg.qr(centred).Q * math.sqrt(count - 1)
    return white @ root + mean


# --- Fréchet -----------------------------------------------------------------------------


@fuzz(40)
@given(seed=SEEDS, width=st.integers(1, 12), extra=st.integers(2, 40))
def test_gaussians_have_their_closed_form(seed, width, extra):
    means, roots = drawn(2, width, seed), [drawn(width, width, seed + 1), drawn(width, width, seed + 2)]
    sets = [gaussian(mean, root, width + extra, seed + 3) for mean, root in zip(means, roots)]
    first, second = (root.T @ root for root in roots)
    root = sqrtm(first.numpy())
    cross = np.trace(sqrtm(root @ second.numpy() @ root)).real
    known = float((means[0] - means[1]).square().sum() + first.trace() + second.trace()) - 2 * cross
    assert frechet_distance(*sets) == pytest.approx(known, abs=1e-6, rel=1e-6)


@fuzz(30)
@given(seed=SEEDS, width=st.integers(1, 30), scale=st.floats(0.1, 10))
def test_gaussians_that_share_their_axes_have_theirs(seed, width, scale):
    """|μ₁ − μ₂|² + Σ (σ₁ − σ₂)²."""
    one, other = drawn(2, width, seed).abs() * scale
    known = float(width * scale**2 + (one - other).square().sum())
    sets = gaussian(torch.zeros(width), one.diag(), 2 * width + 2, seed), None
    sets = sets[0], gaussian(torch.full((width,), scale), other.diag(), 3 * width + 2, seed + 1)
    assert frechet_distance(*sets) == pytest.approx(known, abs=1e-6, rel=1e-6)


@fuzz(40)
@given(seed=SEEDS, count=st.integers(2, 60), width=st.integers(1, 60))
def test_equal_sets_are_at_no_distance_however_few(seed, count, width):
    one = drawn(count, width, seed) * 10
    shuffled = one[torch.randperm(count, generator=torch.Generator().manual_seed(seed))]
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-9 * width)
    assert frechet_distance(one, shuffled) == pytest.approx(0, abs=1e-9 * width)


@fuzz(30)
@given(seed=SEEDS, counts=st.tuples(st.integers(2, 40), st.integers(2, 40)), width=st.integers(1, 40))
def test_the_distance_is_one(seed, counts, width):
    """The same both ways, never below 0, moved with by shifts alone, and of squared units."""
    one, other = drawn(counts[0], width, seed), drawn(counts[1], width, seed + 1)
    distance = frechet_distance(one, other)
    assert distance >= 0
    assert frechet_distance(other, one) == pytest.approx(distance, abs=1e-9)
    assert frechet_distance(one + 3, other + 3) == pytest.approx(distance, abs=1e-9)
    assert frechet_distance(3 * one, 3 * other) == pytest.approx(9 * distance, abs=1e-8)


def test_torchmetrics_fid_says_the_same():
    from torchmetrics.image.fid import FrechetInceptionDistance

    class Given(nn.Module):
        num_features = 16

        def forward(self, features):
            return features

    fid = FrechetInceptionDistance(Given()).set_dtype(torch.float64)
    one, other = drawn(80, 16, 0), drawn(60, 16, 1) * 1.5 + 0.3
    fid.update(one, real=True)
    fid.update(other, real=False)
    assert frechet_distance(one, other) == pytest.approx(float(fid.compute()), abs=1e-6)


# --- Kernel ------------------------------------------------------------------------------


@fuzz(40)
@given(seed=SEEDS, counts=st.tuples(st.integers(2, 9), st.integers(2, 9)), width=st.integers(1, 6))
def test_the_kernel_distance_is_the_unbiased_estimate_in_loops(seed, counts, width):
    one, other = drawn(counts[0], width, seed), drawn(counts[1], width, seed + 1) + 0.5

    def kernel(x, y):
        return (sum(float(a) * float(b) for a, b in zip(x, y)) / width + 1) ** 3

    within = 0.0
    for each in (one, other):
        total = sum(kernel(each[i], each[j]) for i in range(len(each)) for j in range(len(each)) if i != j)
        within += total / (len(each) * (len(each) - 1))
    across = sum(kernel(x, y) for x in one for y in other) / (len(one) * len(other))
    assert kernel_distance(one, other) == pytest.approx(within - 2 * across, rel=1e-9, abs=1e-9)


def test_torchmetrics_kid_says_the_same_of_sets_of_equal_size():
    from torchmetrics.image.kid import poly_mmd

    one, other = drawn(40, 12, 0), drawn(40, 12, 1) + 1
    assert kernel_distance(one, other) == pytest.approx(float(poly_mmd(one, other)), abs=1e-9)


def test_sets_of_one_distribution_have_0_in_the_mean():
    same = torch.tensor([kernel_distance(drawn(20, 5, 2 * n), drawn(20, 5, 2 * n + 1)) for n in range(300)])
    assert abs(float(same.mean())) < 3 * float(same.std()) / math.sqrt(300)
    assert same.min() < 0 < same.max()
    assert kernel_distance(drawn(20, 5, 0), drawn(20, 5, 1) + 3) > 10 * same.max()
    assert kernel_distance(torch.ones(4, 3), torch.ones(6, 3)) == 0  # one point twice


# --- Inception ---------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [2, 10, 1008])
def test_inception_scores_of_closed_forms(classes):
    assert inception_score(torch.full((50, classes), 1 / classes)) == pytest.approx((1, 0), abs=1e-9)
    every = torch.eye(classes).repeat(3, 1)
    assert inception_score(every, splits=1) == pytest.approx((classes, 0))
    assert inception_score(every, splits=3) == pytest.approx((classes, 0))
    one = torch.eye(classes)[:1].repeat(20, 1)
    assert inception_score(one) == pytest.approx((1, 0))


def test_splits_are_scored_each_by_itself():
    probabilities = torch.cat([torch.eye(4).repeat(5, 1), torch.full((20, 4), 0.25)])
    assert inception_score(probabilities, splits=2) == pytest.approx((2.5, 1.5))  # of 4 and 1
    assert inception_score(probabilities[:3], splits=10)[0] == pytest.approx(1)  # each of one frame


# --- Networks and clips ------------------------------------------------------------------


class TinyI3d(nn.Module):
    """Called as the field's i3d_torchscript.pt is; 3 features: mean, brightest and motion."""

    def forward(self, x: Tensor, rescale: bool = False, resize: bool = False, return_features: bool = False) -> Tensor:
        assert rescale and resize and return_features
        assert x.dim() == 5 and x.size(1) == 3
        motion = (x[:, :, 1:] - x[:, :, :-1]).abs()
        return torch.stack([x.mean((1, 2, 3, 4)), x.amax((1, 2, 3, 4)), motion.mean((1, 2, 3, 4))], 1)


class TinyInception(nn.Module):
    """Called as StyleGAN's inception-2015-12-05.pt is: features, or probabilities of 3 classes."""

    def forward(self, x: Tensor, return_features: bool = False, no_output_bias: bool = False) -> Tensor:
        assert x.dtype == torch.uint8
        features = x.float().mean((2, 3))
        if return_features:
            return features
        assert no_output_bias
        return (features / 255).softmax(1)


class Plain(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.float().flatten(1)[:, :2]


@pytest.fixture
def programs(tmp_path):
    networks = {"i3d": TinyI3d(), "inception": TinyInception(), "plain": Plain()}
    for name, network in networks.items():
        torch.jit.script(network).save(str(tmp_path / f"{name}.pt"))
    return {name: tmp_path / f"{name}.pt" for name in networks}


def clips(count: int, seed: int, frames: int = 5) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [(torch.rand(frames, 3, 8, 12, generator=generator) * 255).round() / 255 for _ in range(count)]


def test_clips_are_measured_by_the_networks_features(programs):
    real, made = clips(6, 0), [clip * 0.5 for clip in clips(7, 1)]
    found = measure_clips(iter(real), iter(made), i3d=programs["i3d"], inception=programs["inception"])

    def pixels(clip):
        return (clip * 255).round()

    def video(clip):
        x = pixels(clip)
        return torch.stack([x.mean(), x.max(), x.diff(dim=0).abs().mean()])

    features = [torch.stack([video(clip) for clip in each]).double() for each in (real, made)]
    frames = [torch.cat([pixels(clip).mean((2, 3)) for clip in each]).double() for each in (real, made)]
    assert found.metrics["fvd"] == pytest.approx(frechet_distance(*features), rel=1e-4)
    assert found.metrics["kvd"] == pytest.approx(kernel_distance(*features), rel=1e-3)
    assert found.metrics["fid"] == pytest.approx(frechet_distance(*frames), rel=1e-4)
    assert found.metrics["is"] == pytest.approx(inception_score((frames[1] / 255).softmax(1))[0], abs=1e-5)
    assert found.samples == {"fvd": (6, 7, 3), "kvd": (6, 7, 3), "fid": (30, 35, 3)}
    assert found.notes == []
    lines = found.table().splitlines()
    assert [line.split()[0] for line in lines] == ["FVD", "KVD", "FID", "IS"]
    assert lines[0].endswith("6 real, 7 made, 3 features")


def test_equal_sets_are_at_no_distance(programs):
    same = clips(6, 0)
    found = measure_clips(same, same, i3d=programs["i3d"], inception=programs["inception"])
    assert found.metrics["fvd"] == pytest.approx(0, abs=1e-6) and found.metrics["fid"] == pytest.approx(0, abs=1e-6)


def test_only_what_is_named_is_measured(programs):
    assert set(measure_clips(clips(5, 0), clips(5, 1), i3d=programs["i3d"]).metrics) == {"fvd", "kvd"}
    assert set(measure_clips(clips(5, 0), clips(5, 1), inception=programs["inception"]).metrics) == {
        "fid",
        "is",
        "is_deviation",
    }


def test_too_few_clips_are_told(programs):
    [note] = measure_clips(clips(3, 0), clips(9, 1), i3d=programs["i3d"]).notes
    assert note.startswith("FVD: 3 clips are too few for 3 features") and "\n" not in note


def test_a_network_without_classes_has_no_inception_score(programs):
    found = measure_clips(clips(2, 0), clips(2, 1), inception=programs["plain"])
    assert set(found.metrics) == {"fid"}
    assert any(note.startswith("IS: not measured, because") for note in found.notes)


def test_files_of_features_are_compared(tmp_path):
    one, other = drawn(20, 4, 0), drawn(30, 4, 1)
    np.save(tmp_path / "one.npy", one.float().numpy())
    save_file({"features": other}, tmp_path / "other.safetensors")
    found = measure_features(tmp_path / "one.npy", tmp_path / "other.safetensors")
    assert found.metrics == {
        "frechet": frechet_distance(one.float(), other),
        "kernel": kernel_distance(one.float(), other),
    }


@pytest.mark.parametrize("suffix", ["npy", "safetensors"])
@fuzz(60)
@given(damage=damages())
def test_damaged_features_are_read_right_or_refused(tmp_path_factory, suffix, damage):
    path = tmp_path_factory.mktemp("damaged") / f"features.{suffix}"
    if suffix == "npy":
        np.save(path, np.arange(12.0).reshape(3, 4))
    else:
        save_file({"features": torch.arange(12.0).view(3, 4)}, path)
    path.write_bytes(damaged(path.read_bytes(), damage))
    try:
        assert read_features(path).dtype == torch.float64
    except ValueError as refused:
        assert "\n" not in str(refused) and path.name in str(refused)


def test_what_cannot_be_compared_is_one_line(tmp_path, programs):
    arrays = {"good": np.zeros((3, 4)), "wide": np.zeros((3, 5)), "flat": np.zeros(3), "one": np.zeros((1, 4))}
    arrays |= {"endless": np.full((3, 4), np.inf), "words": np.array(["a", "b"])}
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array)
    np.save(tmp_path / "code.npy", np.array([print], dtype=object), allow_pickle=True)
    save_file({"a": torch.zeros(2, 4), "b": torch.zeros(2, 4)}, tmp_path / "two.safetensors")
    mistakes = [
        (("good.npy", "wide.npy"), "the real set has 4 features, the made one 5; they must agree"),
        (("flat.npy", "good.npy"), r"the real set must have features \(N, D\) of 2 samples or more, finite; it has 3"),
        (("good.npy", "one.npy"), r"the made set must have features .* it has 1×4"),
        (("good.npy", "endless.npy"), "the made set must have features .* finite"),
        (("good.npy", "words.npy"), r"words\.npy is neither \.npy nor \.safetensors of numbers"),
        (("good.npy", "code.npy"), r"code\.npy is neither"),
        (("good.npy", "two.safetensors"), "two.safetensors holds 2 tensors; features are one"),
        (("good.npy", "none.npy"), "there is no file .*none.npy of features"),
    ]
    for names, message in mistakes:
        with pytest.raises((ValueError, FileNotFoundError), match=message) as error:
            measure_features(*(tmp_path / name for name in names))
        assert "\n" not in str(error.value)

    never = (pytest.fail("a clip was read") for _ in range(1))
    (tmp_path / "text.pt").write_text("no program")
    with pytest.raises(ValueError, match="nothing to measure by: name an I3D file for FVD and KVD, an Inception file"):
        measure_clips(never, never)
    with pytest.raises(ValueError, match=r"text\.pt is no TorchScript program"):
        measure_clips(never, never, i3d=tmp_path / "text.pt")
    with pytest.raises(FileNotFoundError, match="there is no TorchScript file"):
        measure_clips(never, never, inception=tmp_path / "none.pt")
    with pytest.raises(ValueError, match="made clip 1 has 4 frames, the first 5: give --frames"):
        measure_clips(clips(2, 0), [*clips(1, 1), *clips(1, 1, frames=4)], i3d=programs["i3d"])
    with pytest.raises(ValueError, match=r"i3d\.pt refuses pictures of the shape 2×3×8×12"):
        measure_clips([torch.zeros(2, 3, 8, 12)] * 2, [], inception=programs["i3d"])
    with pytest.raises(ValueError, match="the made set must have features"):
        measure_clips(clips(2, 0), [], i3d=programs["i3d"])

"""Two sets of clips compared: FVD and KVD by I3D's features of clips, FID and IS by Inception's of their frames.

Networks are TorchScript files as the field hands them round; nothing is downloaded. All is computed in float64, and
without torchmetrics: its FID takes roots of eigenvalues that are 0 but for rounding wherever there are fewer samples
than features, and its KID wants sets of equal size and draws subsets of them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..checkpoints.file_formats import read_tensors
from ..video.levels import to_uint8
from .flow import load_program

IS_SPLITS = 10  # of the frames, one after the other (Salimans et al. 2016)
KERNEL_DEGREE = 3  # (x·y / D + 1)³, of KID (Bińkowski et al. 2018), which KVD takes over (Unterthiner et al. 2018)
I3D_FLAGS = {"rescale": True, "resize": True, "return_features": True}  # of i3d_torchscript.pt: 0…255, any size, logits
BATCH = 32  # pictures at a time


def frechet_distance(real: Tensor, made: Tensor) -> float:
    """Between the Gaussians of features (N, D) and (M, D): |μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2 (Σ₁ Σ₂)^½).

    The last trace is the sum of the singular values of A₁ A₂ᵀ, where Σ = AᵀA: no root is taken of what is 0 but for
    rounding, so that equal sets have 0 also where N < D. Covariances are divided by N − 1, as in FID's first program.
    """
    means, roots = [], []
    for features in (real.double(), made.double()):
        means.append(features.mean(0))
        centred = (features - means[-1]) / math.sqrt(len(features) - 1)
        roots.append(torch.linalg.qr(centred, mode="r").R)
    cross = torch.linalg.svdvals(roots[0] @ roots[1].T).sum()
    traces = sum(root.square().sum() for root in roots)
    return max(0.0, float((means[0] - means[1]).square().sum() + traces - 2 * cross))


def kernel_distance(real: Tensor, made: Tensor) -> float:
    """The unbiased squared maximum mean discrepancy of features (N, D) and (M, D); it may be below 0.

    Its sums within a set leave out each with itself, so sets that are equal have less than 0, all but for one point:
    0 is the mean over sets drawn from one distribution.
    """
    real, made = real.double(), made.double()

    def kernel(one: Tensor, other: Tensor) -> Tensor:
        return (one @ other.T / one.shape[1] + 1) ** KERNEL_DEGREE

    within = [(each.sum() - each.trace()) / (len(each) * (len(each) - 1)) for each in map(kernel, *2 * [(real, made)])]
    return float(sum(within) - 2 * kernel(real, made).mean())


def inception_score(probabilities: Tensor, splits: int = IS_SPLITS) -> tuple[float, float]:
    """exp of the mean KL divergence of rows (N, K) from their mean: its mean and deviation over `splits` of them."""
    scores = []
    for part in probabilities.double().chunk(min(splits, len(probabilities))):
        divergence = torch.xlogy(part, part) - torch.xlogy(part, part.mean(0))
        scores.append(divergence.sum(1).mean().exp())
    return float(torch.stack(scores).mean()), float(torch.stack(scores).std(correction=0))


@dataclass
class SetMetrics:
    """What two sets have, by name; `notes` says what it is worth."""

    metrics: dict[str, float] = field(default_factory=dict)  # fvd, kvd, fid, is, is_deviation; or frechet, kernel
    samples: dict[str, tuple[int, int, int]] = field(default_factory=dict)  # how many real, made, features each
    notes: list[str] = field(default_factory=list)

    def compare(self, real: Tensor, made: Tensor, frechet: str, kernel: str | None, what: str) -> None:
        """Adds the distances by these names, of (N, D) and (M, D) features of so many `what`.

        Raises ValueError where they cannot be compared.
        """
        for name, features in (("real", real), ("made", made)):
            if features.ndim != 2 or len(features) < 2 or not features.isfinite().all():
                shape = "×".join(map(str, features.shape))
                raise ValueError(
                    f"the {name} set must have features (N, D) of 2 {what} or more, finite; it has {shape}"
                )
        if real.shape[1] != made.shape[1]:
            raise ValueError(
                f"the real set has {real.shape[1]} features, the made one {made.shape[1]}; they must agree"
            )
        self.metrics[frechet] = frechet_distance(real, made)
        names = [frechet]
        if kernel is not None:
            self.metrics[kernel] = kernel_distance(real, made)
            names.append(kernel)
        self.samples |= {name: (len(real), len(made), real.shape[1]) for name in names}
        least = min(len(real), len(made))
        if least <= real.shape[1]:
            self.notes.append(
                f"{frechet.upper()}: {least} {what} are too few for {real.shape[1]} features, of which a covariance "
                f"takes more {what} than features: compare it with nothing but what was made of as many"
            )

    def table(self) -> str:
        """A line for each, and the notes."""
        lines = []
        for name, value in self.metrics.items():
            if name in self.samples:
                real, made, features = self.samples[name]
                lines.append(f"{name.upper():8}{value:14.4f}   {real} real, {made} made, {features} features")
            elif name == "is":
                lines.append(f"{'IS':8}{value:14.4f}   ± {self.metrics['is_deviation']:.4f}, of the made set alone")
        return "\n".join([*lines, *self.notes])

    def json(self) -> str:
        content = {"figures": self.metrics, "samples": self.samples, "notes": self.notes}
        return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)


def measure_features(real: str | Path, made: str | Path) -> SetMetrics:
    """Of two files of features (N, D), by whichever network: .npy, or .safetensors of one tensor."""
    found = SetMetrics()
    found.compare(read_features(real), read_features(made), "frechet", "kernel", "samples")
    return found


def measure_clips(
    real: Iterable[Tensor],  # clips (T, 3, H, W) in [0, 1], each read when its turn comes
    made: Iterable[Tensor],
    *,
    i3d: str | Path | None = None,  # for FVD and KVD
    inception: str | Path | None = None,  # for FID and IS
    device: str | torch.device = "cpu",
) -> SetMetrics:
    """Raises FileNotFoundError or ValueError, naming the culprit, before any clip is read where files are not right."""
    if i3d is None and inception is None:
        raise ValueError("nothing to measure by: name an I3D file for FVD and KVD, an Inception file for FID and IS")
    nets = {name: _Network(path, device) for name, path in (("i3d", i3d), ("inception", inception)) if path}
    rows: dict[tuple[str, bool], list[Tensor]] = {}
    frames = 0
    for clips, is_made in ((real, False), (made, True)):
        for number, clip in enumerate(clips):
            frames = frames or len(clip)
            if len(clip) != frames:
                which = "made" if is_made else "real"
                raise ValueError(f"{which} clip {number} has {len(clip)} frames, the first {frames}: give --frames")
            pixels = to_uint8(clip).to(device)
            if "i3d" in nets:
                rows.setdefault(("i3d", is_made), []).append(
                    nets["i3d"](pixels.transpose(0, 1)[None].float(), I3D_FLAGS)
                )
            if "inception" in nets:
                rows.setdefault(("inception", is_made), []).append(
                    _by_batch(nets["inception"], pixels, "return_features")
                )
                if is_made and "return_features" in nets["inception"].flags:
                    scores = _by_batch(nets["inception"], pixels, "no_output_bias")
                    rows.setdefault(("classes", True), []).append(scores)
    found = SetMetrics()
    if "i3d" in nets:
        found.compare(*_both(rows, "i3d"), "fvd", "kvd", "clips")
    if "inception" in nets:
        found.compare(*_both(rows, "inception"), "fid", None, "frames")
        if ("classes", True) in rows:
            mean, deviation = inception_score(_probabilities(torch.cat(rows["classes", True])))
            found.metrics |= {"is": mean, "is_deviation": deviation}
        else:
            found.notes.append(f"IS: not measured, because {inception} has no flag return_features: it gives one thing")
    return found


def read_features(path: str | Path) -> Tensor:  # (N, D)
    """Of a .npy file, or a .safetensors one of one tensor. Raises ValueError where it holds something else."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path} of features")
    if path.suffix == ".safetensors":
        tensors = list(read_tensors(path)[0].values())
        if len(tensors) != 1:
            raise ValueError(f"{path} holds {len(tensors)} tensors; features are one (N, D)")
        return tensors[0].double()
    try:
        stored = np.load(path, mmap_mode="r", allow_pickle=False)  # mapped: no room for what it only says it holds
        return torch.from_numpy(stored.astype(np.float64))
    except Exception:  # of damaged bytes NumPy raises many kinds
        raise ValueError(f"{path} is neither .npy nor .safetensors of numbers") from None


class _Network:
    """A TorchScript program, called with those flags alone that it has."""

    def __init__(self, path: str | Path, device: str | torch.device) -> None:
        self.path, self.program = path, load_program(path, device)
        self.flags = {argument.name for argument in self.program.forward.schema.arguments}

    @torch.inference_mode()
    def __call__(self, pixels: Tensor, flags: dict[str, bool]) -> Tensor:  # (N, D) float64
        try:
            out = self.program(pixels, **{name: value for name, value in flags.items() if name in self.flags})
        except (RuntimeError, TypeError, torch.jit.Error) as error:
            shape = "×".join(map(str, pixels.shape))
            reason = str(error).strip().splitlines()[-1]
            raise ValueError(f"{self.path} refuses pictures of the shape {shape} ({reason})") from None
        if not isinstance(out, Tensor) or len(out) != len(pixels):
            raise ValueError(f"{self.path} must give a row of features for each of its inputs")
        return out.flatten(1).double().cpu()


def _by_batch(network: _Network, pixels: Tensor, flag: str) -> Tensor:
    return torch.cat([network(part, {flag: True}) for part in pixels.split(BATCH)])


def _both(rows: dict[tuple[str, bool], list[Tensor]], name: str) -> tuple[Tensor, Tensor]:
    """Real and made, (0, 0) where there are no clips."""
    real, made = (
        torch.cat(rows[name, which]) if (name, which) in rows else torch.zeros(0, 0) for which in (False, True)
    )
    return real, made


def _probabilities(scores: Tensor) -> Tensor:
    """Of classes (N, K): as they are where they are probabilities already, which the field's Inception gives."""
    are = (scores >= 0).all() and torch.allclose(scores.sum(1), torch.ones(len(scores)).double(), atol=1e-3)
    return scores if are else scores.softmax(1)

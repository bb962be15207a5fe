"""Noise levels, guidance and steps: from noise to latents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral, Real
from typing import Any, Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

Denoise = Callable[[Tensor, Tensor], Tensor]  # (x, sigma) -> estimate of the clean x
Schedule = Literal["karras", "ays"]
Solver = Literal["euler", "euler_ancestral", "dpmpp_2m"]

# Align Your Steps (Sabour et al. 2024), the authors' published levels for Stable Video Diffusion, 10 steps.
AYS_SIGMAS = (700.0, 54.5, 15.886, 7.977, 4.248, 1.789, 0.981, 0.403, 0.173, 0.034, 0.002)


@dataclass(frozen=True)
class Progress:
    """How far a run has come, which every `callback` hears; whatever it raises ends the run, as an interrupt does."""

    stage: Literal["sampling", "decoding", "editing"]
    done: int  # steps while sampling; frames while decoding, or while a long video is edited
    total: int
    latents: Tensor | None = None  # (T, C, h, w) scaled: the newest window as estimated by now
    seconds_left: float | None = None  # of a long video, once something was computed


Callback: TypeAlias = Callable[[Progress], None]


# What numbers of SamplerOptions may be: beyond, a picture is noise, or a schedule takes all memory.
WHOLE_NUMBERS = ("steps", "fps", "motion_bucket", "seed", "control_every")
LIMITS: dict[str, tuple[float, float]] = {
    "steps": (1, 10_000),
    "cfg_first": (-100, 100),
    "cfg_last": (-100, 100),
    "fps": (1, 1000),
    "motion_bucket": (0, 10_000),
    "noise_augmentation": (0, 100),
    "seed": (0, 2**64 - 1),
    "sigma_min": (1e-6, 100_000),
    "sigma_max": (1e-6, 100_000),
    "rho": (1, 100),
    "lock_until": (0, float("inf")),
    "added_noise": (0, 100),
    "guide_from": (0, float("inf")),
    "guide_until": (0, float("inf")),
    "control_every": (1, 10_000),
}


@dataclass(frozen=True)
class SamplerOptions:
    """How one window is sampled; raises ValueError on values that cannot work."""

    steps: int = 25
    cfg_first: float = 1.0  # the edited frame needs no push
    cfg_last: float = 4.0  # later frames drift, so guide harder
    fps: int = 6  # the frame rate told to the model, itself and not minus one
    motion_bucket: int = 127  # SVD's amount of motion
    noise_augmentation: float = 0.02  # noise on the reference before it is encoded, as the model hears of it
    seed: int = 23  # of the released examples
    sigma_min: float = 0.002
    sigma_max: float = 700.0
    rho: float = 7.0  # of Karras et al. (2022), equation 5
    latent_lock: bool = False  # the released model samples without
    lock_until: float = 0.03  # below this noise level, for the last two or three steps, the model joins seams
    added_noise: float | None = None  # on the reference, if not what the model hears of; None: as much
    # From here on: what saves time and changes the picture. docs/benchmarks.md says by how much.
    schedule: Schedule = "karras"  # as the released model; "ays" needs fewer steps
    solver: Solver = "euler"  # as the released model; "euler_ancestral" adds noise, "dpmpp_2m" is of second order
    guide_from: float = float("inf")  # guidance acts at noise levels from here …
    guide_until: float = 0.0  # … down to here (Kynkäänniemi et al. 2024); elsewhere one branch is computed, not two
    control_every: int = 1  # steps from one run of the ControlNet to the next

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            kind: Any = Integral if name in WHOLE_NUMBERS else Real
            if value is None and name == "added_noise":
                continue
            if isinstance(value, bool) or not isinstance(value, kind) or not low <= value <= high:
                number = "a whole number" if name in WHOLE_NUMBERS else "a number"
                raise ValueError(f"{name} must be {number} from {low} to {high}, not {value!r}")
        if not self.sigma_min < self.sigma_max:
            raise ValueError(f"sigma_min {self.sigma_min:g} must lie between 0 and sigma_max {self.sigma_max:g}")
        if self.schedule not in SCHEDULES:
            raise ValueError(f"schedule must be one of {', '.join(SCHEDULES)}, not {self.schedule}")
        if self.solver not in SOLVERS:
            raise ValueError(f"solver must be one of {', '.join(SOLVERS)}, not {self.solver}")
        if not self.guide_until <= self.guide_from:
            raise ValueError(f"guide_until {self.guide_until:g} must lie between 0 and guide_from {self.guide_from:g}")

    @property
    def encoder_noise(self) -> float:
        """Deviation of the noise that is added to the reference, in [-1, 1], before it is encoded."""
        return self.noise_augmentation if self.added_noise is None else self.added_noise

    def sigmas(self) -> Tensor:
        """(steps + 1,) falling noise levels, the last of them 0."""
        if self.schedule == "ays":
            return ays_sigmas(self.steps)
        return karras_sigmas(self.steps, self.sigma_min, self.sigma_max, self.rho)

    def guides_at(self, sigma: float) -> bool:
        return self.guide_until <= sigma <= self.guide_from


def karras_sigmas(steps: int, sigma_min: float = 0.002, sigma_max: float = 700.0, rho: float = 7.0) -> Tensor:
    """`steps` falling noise levels and a closing 0 (Karras et al. 2022, equation 5)."""
    ramp = torch.linspace(0, 1, steps)
    high, low = sigma_max ** (1 / rho), sigma_min ** (1 / rho)
    return torch.cat([(high + ramp * (low - high)) ** rho, torch.zeros(1)])


def ays_sigmas(steps: int) -> Tensor:
    """`steps` falling noise levels and a closing 0, chosen for SVD; other counts than 10 log-linearly in between.

    Equal to ComfyUI's AlignYourStepsScheduler.
    """
    logarithms = torch.tensor(AYS_SIGMAS, dtype=torch.float64).log()
    levels = F.interpolate(logarithms.view(1, 1, -1), steps + 1, mode="linear", align_corners=True).flatten().exp()
    return torch.cat([levels[:-1], torch.zeros(1)]).float()


def guidance_scales(num_frames: int, first: float, last: float) -> Tensor:
    """(T,) rising linearly over the frames."""
    return torch.linspace(first, last, num_frames)


def guide(estimates: Tensor, scales: Tensor) -> Tensor:
    """Estimates (2, T, C, h, w), unconditional first; scales (T,) → (T, C, h, w)."""
    unconditional, conditional = estimates
    return unconditional + scales.view(-1, 1, 1, 1).to(estimates) * (conditional - unconditional)


def euler_step(x: Tensor, denoised: Tensor, sigma: Tensor, sigma_next: Tensor) -> Tensor:
    """Euler step of Algorithm 1, Karras et al. (2022), without churn."""
    return x + (sigma_next - sigma) * (x - denoised) / sigma


def sample_euler(denoise: Denoise, x: Tensor, sigmas: Tensor, callback: Callback | None = None) -> Tensor:
    """`x` at noise level sigmas[0] → the clean latents at the last one.

    `denoise(x, sigma)` has the signature of ComfyUI's and k-diffusion's models; whatever it
    or `callback` raises ends the run, which is how an interrupt works.
    """
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        x = euler_step(x, denoised, sigma, sigma_next)
        if callback is not None:
            callback(Progress("sampling", step + 1, len(sigmas) - 1, denoised))
    return x


def sample_euler_ancestral(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    callback: Callback | None = None,
    generator: torch.Generator | None = None,  # of the noise, on the CPU; None: torch's own
) -> Tensor:
    """As `sample_euler`, but each step goes below its noise level and comes back with fresh noise.

    That is DDPM's step (Ho et al. 2020, equations 6 and 7): x' is drawn from q(x' | x, clean) with the estimate for
    what is clean. The noise covers errors of earlier steps, which Euler carries to the end.
    """
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        up = (sigma_next / sigma) * (sigma**2 - sigma_next**2).sqrt()
        x = euler_step(x, denoised, sigma, sigma_next**2 / sigma)
        if sigma_next > 0:
            x = x + up * torch.randn(x.shape, generator=generator).to(x)
        if callback is not None:
            callback(Progress("sampling", step + 1, len(sigmas) - 1, denoised))
    return x


def sample_dpmpp_2m(denoise: Denoise, x: Tensor, sigmas: Tensor, callback: Callback | None = None) -> Tensor:
    """As `sample_euler`, by DPM-Solver++ (2M) of Lu et al. (2022): second order from two estimates, one a step.

    Algorithm 2 for data prediction with α = 1, in λ = −ln σ. The first step and the last are of first order.
    """
    before: Tensor | None = None  # the estimate one step earlier
    for step, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        target = denoised
        if before is not None and sigma_next > 0:
            ratio = (sigmas[step - 1] / sigma).log() / (sigma / sigma_next).log()
            target = denoised + (denoised - before) / (2 * ratio)
        x = target + sigma_next / sigma * (x - target)
        before = denoised
        if callback is not None:
            callback(Progress("sampling", step + 1, len(sigmas) - 1, denoised))
    return x


SCHEDULES: tuple[Schedule, ...] = ("karras", "ays")
SOLVERS: dict[Solver, Callable[..., Tensor]] = {
    "euler": sample_euler,
    "euler_ancestral": sample_euler_ancestral,
    "dpmpp_2m": sample_dpmpp_2m,
}

# By how much faster an edit is, at least, with the built-in model in fp32; docs/benchmarks.md has what each costs. Of
# the few noise levels of each the last is below `lock_until`, as some are of the exact ones.
PRESETS: dict[str, dict[str, Any]] = {
    "exact": {},  # as the released model samples
    "2x": {"steps": 10, "schedule": "ays", "lock_until": 0.2},
    "5x": {"steps": 5, "schedule": "ays", "guide_from": 100.0, "guide_until": 5.0, "lock_until": 0.2},
    "8x": {"steps": 3, "schedule": "ays", "cfg_first": 1.0, "cfg_last": 1.0, "lock_until": 0.6},
    # Of saved workflows: what measured best before guidance was tried at high noise levels alone.
    "fast": {
        "steps": 7,
        "schedule": "ays",
        "guide_from": 100.0,
        "guide_until": 0.5,
        "control_every": 2,
        "lock_until": 0.2,
    },
}


def sampler_options(preset: str = "exact", **overrides: Any) -> SamplerOptions:
    """A preset's options; `overrides` go before them. Raises ValueError on values that cannot work."""
    if preset not in PRESETS:
        raise ValueError(f"preset must be one of {', '.join(PRESETS)}, not {preset}")
    SamplerOptions(**overrides)  # what cannot work anyway is not the preset's fault
    try:
        return SamplerOptions(**PRESETS[preset] | overrides)
    except ValueError as error:
        raise ValueError(f"with preset {preset}, {error}") from None

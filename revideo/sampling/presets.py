"""Sampler options that go together."""

from __future__ import annotations

from typing import Any

from .samplers import SamplerOptions

PRESETS: dict[str, dict[str, Any]] = {
    "exact": {},  # as the released model samples
    # What measures best together; docs/benchmarks.md has the figures.
    "fast": {
        "steps": 7,
        "schedule": "ays",
        "guide_from": 100.0,
        "guide_until": 0.5,
        "control_every": 2,
        "lock_until": 0.2,  # the last of these few steps is below, as with the exact ones
    },
}


def sampler_options(preset: str = "exact", **told: Any) -> SamplerOptions:
    """A preset's options; what is `told` goes before them. Raises ValueError on values that cannot work."""
    if preset not in PRESETS:
        raise ValueError(f"preset must be one of {', '.join(PRESETS)}, not {preset}")
    return SamplerOptions(**PRESETS[preset] | told)

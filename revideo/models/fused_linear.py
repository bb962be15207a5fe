"""A linear layer together with what follows it: on an x86 processor in one pass over memory, by oneDNN."""

from __future__ import annotations

import platform
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class FusedLinear(nn.Linear):
    """`nn.Linear` that may be asked for what follows it; a call like any other, for whoever hooks or lends weights."""

    plain = False  # True: nn.Linear's own code

    def forward(self, input: Tensor, plus: Tensor | None = None, gated: bool = False) -> Tensor:
        """(…, C) → (…, C') + `plus`; `gated`: its first half times GELU of its second, (…, C'/2)."""
        if self.plain or torch.is_grad_enabled() or torch.compiler.is_compiling():
            return followed(super().forward(input), plus, gated)
        fused = fuses(input)
        if gated:
            # Half by half, in two thirds of the memory.
            values, gates = zip(self.weight.chunk(2), (None, None) if self.bias is None else self.bias.chunk(2))
            if fused:
                return linear_by_onednn(input, *values, "mul", linear_by_onednn(input, *gates, "gelu"))
            return F.gelu(F.linear(input, *gates)).mul_(F.linear(input, *values))
        if fused:
            return linear_by_onednn(input, self.weight, self.bias, "none" if plus is None else "add", plus)
        return followed(super().forward(input), plus)


def followed(made: Tensor, plus: Tensor | None = None, gated: bool = False) -> Tensor:
    """What a linear layer `made`, and what is asked to follow it."""
    if gated:
        values, gates = made.chunk(2, -1)
        made = F.gelu(gates) * values
    return made if plus is None else made + plus


def fuses(tokens: Tensor) -> bool:
    """Whether what follows a layer costs no pass of its own here."""
    if tokens.device.type != "cpu" or torch.is_grad_enabled() or torch.compiler.is_compiling():
        return False
    return not torch.is_autocast_enabled("cpu") and has_fused_linear(tokens.dtype)


def linear_by_onednn(
    tokens: Tensor,  # (…, C)
    weight: Tensor,  # (C', C)
    bias: Tensor | None = None,
    what: str = "none",
    other: Tensor | None = None,
) -> Tensor:  # (…, C')
    """The layer and "none" or "gelu" of it, or "add" or "mul" with `other`; where `fuses` says so."""
    pointwise = torch.ops.mkldnn._linear_pointwise
    if other is None:
        return pointwise.default(tokens, weight, bias, what, [], "none")
    return pointwise.binary(tokens, other, weight, bias, what)


@lru_cache
def has_fused_linear(dtype: torch.dtype) -> bool:
    """Whether torch has oneDNN's linear layers here, in this precision, and they are right.

    By what the processor can do, not by a stopwatch: an edit that is resumed must go on with the same numbers.
    """
    if platform.machine() not in ("x86_64", "AMD64") or not torch.backends.mkldnn.is_available():
        return False
    if dtype != torch.float32 and not (dtype == torch.bfloat16 and has_fast_bf16()):
        return False
    tokens, weight, plus = (torch.linspace(-1, 1, 256, dtype=dtype).view(16, 16).roll(n) for n in range(3))
    try:
        added = linear_by_onednn(tokens, weight, plus[0], "add", plus)
        gates = linear_by_onednn(tokens, weight, None, "gelu")
    except (RuntimeError, AttributeError, TypeError):
        return False
    tolerance = 8 * torch.finfo(dtype).eps
    expected = F.linear(tokens, weight, plus[0]) + plus, F.gelu(F.linear(tokens, weight))
    return all(torch.allclose(*pair, tolerance, tolerance) for pair in zip((added, gates), expected))


@lru_cache
def has_fast_bf16() -> bool:
    """Whether this processor multiplies in bfloat16 itself, which takes less time than float32."""
    if hasattr(torch.cpu, "get_capabilities"):
        found = torch.cpu.get_capabilities()
        return any(found.get(name, False) for name in ("amx_bf16", "avx512_bf16"))
    older = ("_is_amx_tile_supported", "_is_avx512_bf16_supported", "_is_cpu_support_amx_tile")  # by version of torch
    return any(getattr(torch._C._cpu, name)() for name in older if hasattr(torch._C._cpu, name))

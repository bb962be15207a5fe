"""Attention the quickest way that a device has.

On a CPU torch's own kernel multiplies by MKL, which gives AMD's processors its code for older ones, and in bfloat16 no
faster than in float32. There products by oneDNN, with the scores of some queries at a time between them, take half to
two thirds of the time from some hundred tokens on, in bfloat16 a third to a half, and fewer tokens are quicker in
float32 both ways. The numbers are the same to rounding, which bfloat16's scores go through once more.
"""

from __future__ import annotations

import platform
from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from .fused_linear import fuses, linear_by_onednn

MANY_TOKENS = 384
SCORES = 2**21  # at a time, such that a processor's cache holds most of them


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """softmax(Q·Kᵀ/√C)·V of (N, heads, L, C) each."""
    if not fuses(query) or not mkl_is_slow():
        return F.scaled_dot_product_attention(query, key, value)
    if query.shape[-2] >= MANY_TOKENS:
        return _attend_by_products(query, key, value)
    return F.scaled_dot_product_attention(query.float(), key.float(), value.float()).to(query.dtype)


def _attend_by_products(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    rows, heads, tokens, channels = query.shape
    attended = query.new_empty(rows, tokens, heads, channels).transpose(1, 2)
    at_once = -(-tokens // -(-(tokens**2) // SCORES))  # parts alike
    for row in range(rows):
        for head in range(heads):
            keys, values = key[row, head].contiguous(), value[row, head].T.contiguous()
            queries = query[row, head] * channels**-0.5
            for some, place in zip(queries.split(at_once), attended[row, head].split(at_once)):
                place.copy_(linear_by_onednn(linear_by_onednn(some, keys).softmax(-1), values))
    return attended


@lru_cache
def mkl_is_slow() -> bool:
    """Whether this processor is AMD's: by its name, not a stopwatch, so that an edit that resumes has its numbers."""
    described = Path("/proc/cpuinfo")
    processor = described.read_text(errors="replace") if described.exists() else platform.processor()
    return torch.backends.mkl.is_available() and "AuthenticAMD" in processor

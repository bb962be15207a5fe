"""The device that computes: which there is, how much memory it has, and what tells that this has ended."""

from __future__ import annotations

import re
from typing import Any

import torch

# How a device says it where torch has no class for it: CUDA and ROCm outside of torch's allocator, their libraries,
# MPS, DirectML, and XPU's drivers, level zero and the one before.
_DEVICE_ENDED = re.compile(
    r"out of memory|STATUS_ALLOC_FAILED|Invalid buffer size|not enough GPU video memory"
    r"|ERROR_OUT_OF_(DEVICE_MEMORY|RESOURCES)",
    re.IGNORECASE,
)
_MAIN_MEMORY_ENDED = "DefaultCPUAllocator"


def default_device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def available_memory(device: torch.device) -> int | None:
    """Bytes that this process can get or holds already; None where torch cannot say, or where it is main memory."""
    if device.type == "mps" and hasattr(torch.mps, "recommended_max_memory"):  # from torch 2.5 on
        return torch.mps.recommended_max_memory()  # Metal's working set, beyond which macOS slows down or refuses
    backend: Any = getattr(torch, device.type, None)
    if not hasattr(backend, "mem_get_info"):  # XPU's before torch 2.6, too
        return None
    try:
        free, total = backend.mem_get_info(device)
    except RuntimeError:  # integrated graphics of Intel's do not know
        return None
    return min(free + backend.memory_reserved(device), total)


def is_device_shortage(error: BaseException) -> bool:
    """Whether the device had no memory left, so that a tighter plan can help; main memory has none."""
    if isinstance(error, torch.cuda.OutOfMemoryError):  # XPU's too; its name in torch 2.4
        return True
    return isinstance(error, RuntimeError) and _DEVICE_ENDED.search(str(error)) is not None


def is_memory_shortage(error: BaseException) -> bool:
    """Whether the device or main memory had none left."""
    in_main_memory = isinstance(error, RuntimeError) and _MAIN_MEMORY_ENDED in str(error)
    return in_main_memory or isinstance(error, MemoryError) or is_device_shortage(error)


def free_cached_memory(device: torch.device) -> None:
    """Gives back what torch's allocator holds of the device and no tensor needs; nothing where there is no such."""
    backend: Any = getattr(torch, device.type, None)  # torch.cuda, torch.xpu, torch.mps, and what others register
    if hasattr(backend, "empty_cache"):
        backend.empty_cache()

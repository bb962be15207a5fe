"""The plan that fits what ComfyUI can make free."""

from __future__ import annotations

import logging
from typing import Any

import comfy.model_management as management


def plan_memory(model: Any, size: tuple[int, int], options: Any) -> str:
    """Lays out the model's work at this height and width, and says how; "" on a CPU, where nothing is to be planned."""
    if management.is_device_cpu(model.device):
        return ""
    from ..revideo.pipeline.memory_fit import fit

    models = [loaded for loaded in management.current_loaded_models if loaded.device == model.device]
    freeable = sum(loaded.model_loaded_memory() for loaded in models)
    told = fit(model, size, options, management.get_free_memory(model.device) + freeable)
    logging.info("ReVideo: %s", told)
    return told

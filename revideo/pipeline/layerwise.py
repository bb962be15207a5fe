"""Weights that lie in main memory and come to the device layer by layer, as each works: by diffusers' hooks."""

from __future__ import annotations

import logging
from typing import Any

import diffusers
import torch
from diffusers.hooks import apply_group_offloading
from torch import nn

_GROUP = "group_offloading"  # diffusers' names of its hooks, from 0.33 on
# Before 0.37 a layer whose forerunner is not the one of the first run would find its weights in main memory still.
_COMES_AHEAD = tuple(map(int, diffusers.__version__.split(".")[:2])) >= (0, 37)
_HOOKS = (_GROUP, "layer_execution_tracker", "lazy_prefetch_group_offloading")


def can_offload_layers(device: torch.device) -> bool:
    """Whether torch has a module for this kind of device, which the hooks want; it has none for DirectML."""
    return hasattr(torch, device.type)


def offload_layers(network: nn.Module, device: torch.device) -> None:
    """From now on its weights come to `device` and go by themselves, until `keep_layers`."""
    log = logging.getLogger("diffusers.hooks.group_offloading")
    log.addFilter(_is_no_list_of_layers)  # a filter that is there already is not added again
    apply_group_offloading(
        network.to("cpu"),
        onload_device=device,
        offload_type="leaf_level",
        # The next layer comes while one works. Not in fp8: casting frees a layer's weights before they
        # are read, and the next layer's, which come on a stream of their own, could lie upon them.
        use_stream=device.type == "cuda" and _COMES_AHEAD and all(each.itemsize > 1 for each in network.parameters()),
    )


def keep_layers(network: nn.Module) -> None:
    """Takes `offload_layers` back; all weights lie in main memory then, wherever a run was broken off."""
    for module in network.modules():
        registry: Any = getattr(module, "_diffusers_hook", None)
        if registry is None:
            continue
        hook = registry.get_hook(_GROUP)
        if hook is not None:
            if hook.group.stream is not None:
                hook.group.stream.synchronize()  # what comes ahead of its time
            hook.group.offload_()
        for name in _HOOKS:
            registry.remove_hook(name, recurse=False)
        if not registry.hooks:  # diffusers 0.33 takes an empty one for a sign of hooks
            del module._diffusers_hook


def _is_no_list_of_layers(record: logging.LogRecord) -> bool:
    """diffusers lists a page of layers that did not run as they were called: our blocks leave out the idle ones."""
    return "layers were not executed" not in record.getMessage()

"""A card whose memory ends in the middle of a run, and what it takes to bring weights to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from revideo.pipeline.memory_estimate import weight_bytes
from revideo.pipeline.memory_fit import Peaks, WeightBytes, predict_peaks
from revideo.pipeline.memory_plan import Plan
from revideo.sampling.samplers import SamplerOptions

from .card import GB
from .released import ReleasedSize, measure_window

LOOSE = Plan(branches=2)


def run_short_of_memory(released: ReleasedSize, size: tuple[int, int], stage: str) -> dict[str, Any]:
    """Another process takes memory, as it were, during the second step or before decoding: the run goes on."""
    expected, model, card = released.exact_frames(size), released.shared(), released.card
    released.lay_out(model, LOOSE)
    weights, work = WeightBytes.of(model), released.work(model, size)

    def peaks(plan: Plan) -> Peaks:
        return predict_peaks(plan, work, weights)

    offloaded = LOOSE.for_sampling()[1]
    if stage == "sampling":  # two branches with all weights do not fit, networks in turn do
        lid = (max(peaks(offloaded).sampling, peaks(offloaded).decoding) + peaks(LOOSE).sampling) // 2
        network: nn.Module = model.unet
    else:  # all frames at once do not fit, frames that wait in main memory do
        last = offloaded.for_decoding()[-1]
        lid = (peaks(last).decoding + peaks(offloaded).decoding) // 2
        network = model.vae.decoder.conv_in

    def after_step(done: int) -> None:
        if stage == "sampling" and done == 1:
            card.limit(lid)

    def before_decoding() -> None:
        if stage == "decoding":
            card.limit(lid)

    try:
        options = SamplerOptions(steps=released.steps)
        with failing(network, () if card.cuda else (1, 2) if stage == "sampling" else (0, 1)):
            measured = measure_window(model, card, size, options, False, after_step, before_decoding)
    finally:
        card.unlimit()
    row = released.row(model, size, measured, None, expected)
    row["checks"]["went on by a tighter plan"] = model.plan != LOOSE
    return row | {"plan": str(LOOSE), "plan_in_the_end": str(model.plan), "lid_gb": round(lid / GB, 2)}


@contextmanager
def failing(network: nn.Module, calls: tuple[int, ...]) -> Iterator[None]:
    """These calls of it find no memory left: where there is no card that could run out of it."""
    made = 0

    def fail(*_: Any) -> None:
        nonlocal made
        made += 1
        if made - 1 in calls:
            raise torch.cuda.OutOfMemoryError("out of memory, as was asked for")

    hook = network.register_forward_pre_hook(fail)
    try:
        yield
    finally:
        hook.remove()


def measure_transfers(released: ReleasedSize) -> dict[str, Any]:
    """Seconds that each network's weights take to the device and back, and from pinned memory."""
    model, card = released.shared(), released.card
    released.leave()
    found = {}
    for name in ("unet", "controlnet", "vae", "image_encoder"):
        network: nn.Module = getattr(model, name)
        with card.stage() as there:
            network.to(card.device)
        with card.stage() as back:
            network.to("cpu")
        seconds = {"to_device": there.seconds, "to_main_memory": back.seconds}
        if card.cuda:
            with card.stage() as pinning:
                pinned = [weight.data.pin_memory() for weight in network.parameters()]
            with card.stage() as there:
                moved = [weight.to(card.device, non_blocking=True) for weight in pinned]
            seconds |= {"pinning": pinning.seconds, "pinned_to_device": there.seconds}
            del pinned, moved
            card.empty()
        gigabytes = weight_bytes(network) / GB
        found[name] = {"gb": round(gigabytes, 3)} | {key: round(value, 3) for key, value in seconds.items()}
    return {"networks": found, "checks": {}}

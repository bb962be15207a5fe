"""How a run is laid out in memory: what is done at once, and where weights and frames wait."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Plan:
    """All plans give the same picture, up to rounding."""

    branches: int = 1  # guidance branches computed at once; two are no quicker on a CPU
    frame_offload: bool = False  # frames wait in main memory while others are decoded
    model_offload: bool = False  # networks leave the device when others work
    layerwise_offload: bool = False  # UNet and ControlNet come layer by layer; implies `model_offload`

    def __str__(self) -> str:
        guidance = "both guidance branches at once" if self.branches == 2 else "guidance branch by branch"
        frames = "with frames waiting in main memory" if self.frame_offload else "all frames at once"
        weights = "weights stay on the device"
        if self.model_offload:
            weights = "networks on the device in turn"
        if self.layerwise_offload:
            weights = "weights on the device layer by layer"
        return f"{guidance}, decoding {frames}, {weights}"

    def for_sampling(self) -> list[Plan]:
        """Tighter ones, each slower and smaller than the one before, for sampling."""
        offloads = (False, False), (True, False), (True, True)
        steps = [
            replace(self, branches=1, model_offload=model, layerwise_offload=layerwise) for model, layerwise in offloads
        ]
        return steps[steps.index(self) + 1 :] if self in steps else steps

    def for_decoding(self) -> list[Plan]:
        """As `for_sampling`, for decoding."""
        steps = replace(self, model_offload=True), replace(self, model_offload=True, frame_offload=True)
        return [step for step in steps if step != self and step.frame_offload >= self.frame_offload]

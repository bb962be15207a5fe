"""How a run is laid out in memory: what is done at once, and where weights wait."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Plan:
    """All plans give the same picture, up to rounding."""

    branches: int = 1  # guidance branches computed at once; two are no quicker on a CPU
    park: bool = False  # frames wait in main memory while others are decoded
    in_turn: bool = False  # networks leave the device when others work
    offload: bool = False  # UNet and ControlNet come layer by layer; implies `in_turn`

    def __str__(self) -> str:
        frames = "frames parked in main memory" if self.park else "all frames at once"
        where = "weights stay on the device"
        if self.in_turn:
            where = "networks on the device in turn"
        if self.offload:
            where = "weights on the device layer by layer"
        guidance = "both guidance branches at once" if self.branches == 2 else "guidance branch by branch"
        return f"{guidance}, decoding {frames}, {where}"

    def for_sampling(self) -> list[Plan]:
        """Tighter ones, each slower and smaller than the one before, for sampling."""
        places = (False, False), (True, False), (True, True)
        steps = [replace(self, branches=1, in_turn=in_turn, offload=offload) for in_turn, offload in places]
        return steps[steps.index(self) + 1 :] if self in steps else steps

    def for_decoding(self) -> list[Plan]:
        """As `for_sampling`, for decoding."""
        steps = replace(self, in_turn=True), replace(self, in_turn=True, park=True)
        return [step for step in steps if step != self and step.park >= self.park]

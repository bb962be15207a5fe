"""How a run is laid out in memory: what is done at once, and where weights wait."""

from __future__ import annotations

from dataclasses import dataclass, replace

WHOLE = 1000  # more frames than any window has


@dataclass(frozen=True)
class Plan:
    """Plans with equal chunks give the same picture, up to rounding.

    Chunks of frames do not see each other while they are decoded: the smaller, the further from the whole.
    """

    branches: int = 1  # guidance branches computed at once; two are no quicker on a CPU
    frames_per_chunk: int = WHOLE  # decoded at once, at most
    in_turn: bool = False  # networks leave the device when others work
    offload: bool = False  # UNet and control net come layer by layer; implies `in_turn`

    def __str__(self) -> str:
        chunk = "all frames at once" if self.frames_per_chunk == WHOLE else f"{self.frames_per_chunk} at a time"
        where = "weights stay on the device"
        if self.in_turn:
            where = "networks on the device in turn"
        if self.offload:
            where = "weights on the device layer by layer"
        guidance = "both guidance branches at once" if self.branches == 2 else "guidance branch by branch"
        return f"{guidance}, decoding {chunk}, {where}"

    def for_sampling(self) -> list[Plan]:
        """Tighter ones, each slower and smaller than the one before, for sampling."""
        places = (False, False), (True, False), (True, True)
        steps = [replace(self, branches=1, in_turn=in_turn, offload=offload) for in_turn, offload in places]
        return steps[steps.index(self) + 1 :] if self in steps else steps

    def for_decoding(self, frames: int) -> list[Plan]:
        """As `for_sampling`, for decoding so many frames."""
        chunk = min(self.frames_per_chunk, frames)
        tighter = []
        while chunk > 1:
            chunk = (chunk + 1) // 2
            tighter.append(replace(self, frames_per_chunk=chunk))
        return tighter

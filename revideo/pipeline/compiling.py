"""The repeated blocks compiled, each kind once, for frames of any size."""

from __future__ import annotations

from typing import Any

from torch import nn

from ..models.blocks import ResidualBlock, Transformer

KINDS = 64  # of blocks: by widths and layout in memory; torch gives up after 8


def compile_blocks(*networks: nn.Module, **options: Any) -> None:
    """Compiles at the first use, which takes minutes; `options` as for `torch.compile`, such as `backend`.

    A size compiles anew only what it changes the course of: where feed-forwards run in another number of parts.
    """
    from torch._dynamo import config  # takes seconds

    config.cache_size_limit = max(KINDS, config.cache_size_limit)  # its name in torch 2.4 too
    for network in networks:
        for block in network.modules():
            if isinstance(block, (ResidualBlock, Transformer)):
                block.compile(dynamic=True, **options)

"""GroupNorm of pictures whose channels come last in memory, without torch's slow kernel for some of them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

SMALL_PICTURE = 1024  # places; of more, torch's kernel takes all channels of a place together


class PictureNorm(nn.GroupNorm):
    """`nn.GroupNorm`; on a CPU by sums over pictures where torch's kernel takes numbers one by one.

    It does where pictures are small and the channels of a group fill no vector. Sums of squares around the mean are
    the more exact ones, too: that kernel subtracts the mean's square from the mean square.
    """

    plain = False  # True: nn.GroupNorm's own code

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, h, w), channels last → the same."""
        vector = 8 if input.dtype == torch.float32 else 16
        slow = self.num_channels // self.num_groups % vector and input[0, 0].numel() < SMALL_PICTURE
        elsewhere = input.device.type != "cpu" or torch.is_grad_enabled() or torch.compiler.is_compiling()
        if not slow or elsewhere or self.plain or torch.is_autocast_enabled("cpu"):
            return super().forward(input)
        pixels = input.permute(0, 2, 3, 1).flatten(1, 2).float()  # (N, places, C)
        pixels = pixels - self._of_groups(pixels)
        scale = self.weight * (self._of_groups(pixels.square()) + self.eps).rsqrt_()
        normed = torch.addcmul(self.bias.float(), pixels, scale).to(input.dtype)
        return normed.unflatten(1, input.shape[2:]).permute(0, 3, 1, 2)

    def _of_groups(self, pixels: Tensor) -> Tensor:
        """The mean of each group, for each of its channels: (N, 1, C)."""
        groups = pixels.mean(1).unflatten(1, (self.num_groups, -1))
        return groups.mean(2, keepdim=True).expand_as(groups).flatten(1)[:, None]

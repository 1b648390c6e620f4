"""Causal convolutions with explicit left context, the same code for whole crops and for chunks.

Each layer takes ``(x, cache)`` and returns ``(y, new cache)``. A whole crop with a cache of zeros
and the same crop fed in chunks with the cache carried over give the same numbers.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class CausalConv2d(nn.Module):
    """Convolution over (frequency, time), causal in time, followed by batch norm and ReLU.

    Args:
        inputs: input channels.
        outputs: output channels.
        kernel: (frequency, time) taps; the frequency size must be odd.
        stride: (frequency, time) stride.
        freq_bins: bins of the input along frequency.
        activate: apply ReLU.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: tuple[int, int],
        stride: tuple[int, int],
        freq_bins: int,
        activate: bool = True,
    ) -> None:
        super().__init__()
        if kernel[0] % 2 == 0:
            raise ValueError(f"frequency kernel: expected an odd size, got {kernel[0]}")
        if kernel[1] < stride[1]:
            raise ValueError(f"expected time kernel >= time stride, got {kernel[1]}, {stride[1]}")
        self.context = kernel[1] - stride[1]
        self.cache_shape = (inputs, freq_bins, self.context)
        pad = kernel[0] // 2
        self.out_bins = (freq_bins + 2 * pad - kernel[0]) // stride[0] + 1
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=(pad, 0), bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.activate = activate

    def forward(self, x: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        """x [batch, inputs, bins, frames], cache [batch, inputs, bins, context]."""
        if self.context:
            x = torch.cat([cache, x], dim=3)
            cache = x[:, :, :, -self.context :]
        y = self.norm(self.conv(x))
        return (torch.relu(y) if self.activate else y), cache


class CausalBlock1d(nn.Module):
    """Residual block of a causal temporal convolution network (Bai et al., arXiv 1803.01271).

    A dilated convolution through a bottleneck: 1x1 down, dilated, 1x1 up, added to the input.
    """

    def __init__(self, channels: int, hidden: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.context = (kernel - 1) * dilation
        self.cache_shape = (hidden, self.context)
        self.down = nn.Sequential(
            nn.Conv1d(channels, hidden, 1, bias=False), nn.BatchNorm1d(hidden), nn.ReLU()
        )
        self.conv = nn.Conv1d(hidden, hidden, kernel, dilation=dilation, bias=False)
        self.norm = nn.BatchNorm1d(hidden)
        self.up = nn.Sequential(
            nn.Conv1d(hidden, channels, 1, bias=False), nn.BatchNorm1d(channels)
        )

    def forward(self, x: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        """x [batch, channels, frames], cache [batch, hidden, context]."""
        inner = torch.cat([cache, self.down(x)], dim=2)
        cache = inner[:, :, -self.context :]
        y = self.up(torch.relu(self.norm(self.conv(inner))))
        return torch.relu(x + y), cache

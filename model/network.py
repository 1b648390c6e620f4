"""The causal network: a small 2-D stem over (frequency, time), then a temporal network.

The 2-D stem shares its weights over frequency, so that an artefact is recognised wherever a
channel's bandwidth or equalisation puts it. Each stage halves the frequency axis; the first also
halves time, to 50 frames per second. A temporal convolution network follows.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ringtrue.model.layers import CausalBlock1d, CausalConv2d


@dataclass(frozen=True)
class NetworkConfig:
    """Sizes of the network.

    Attributes:
        stem: output channels of the 2-D stages; each stage halves the frequency axis.
        first_kernel: (frequency, time) taps of the first convolution.
        embedding: channels of the temporal network.
        hidden: bottleneck channels of its blocks.
        dilations: one temporal block each, in frames of 20 ms.
        kernel: taps of the temporal blocks.
    """

    stem: tuple[int, ...] = (16, 32, 32)
    first_kernel: tuple[int, int] = (5, 5)
    embedding: int = 96
    hidden: int = 64
    dilations: tuple[int, ...] = (1, 2, 4, 8)
    kernel: int = 3

    def __post_init__(self) -> None:
        if len(self.stem) < 2 or not self.dilations:
            raise ValueError(
                "expected at least two stem stages and one dilation, "
                f"got {self.stem} and {self.dilations}"
            )


TIME_STRIDE = 2
"""Feature frames per output frame."""


class Network(nn.Module):
    """Features to embeddings and a speech logit per 20 ms frame."""

    def __init__(self, config: NetworkConfig, bands: int) -> None:
        super().__init__()
        self.config = config
        self.input_norm = nn.BatchNorm1d(bands)
        layers: list[CausalConv2d] = []
        channels, bins = 1, bands
        for index, width in enumerate(config.stem):
            kernel = config.first_kernel if index == 0 else (3, 3)
            # Time is halved at once: full-rate maps would be most of the cost.
            stride = (2, TIME_STRIDE if index == 0 else 1)
            layers.append(CausalConv2d(channels, width, kernel, stride, bins))
            channels, bins = width, layers[-1].out_bins
            if index > 0:
                layers.append(CausalConv2d(channels, width, (3, 3), (1, 1), bins))
        self.stem = nn.ModuleList(layers)
        self.flat = channels * bins
        self.project = nn.Sequential(
            nn.Conv1d(self.flat, config.embedding, 1, bias=False),
            nn.BatchNorm1d(config.embedding),
            nn.ReLU(),
        )
        self.blocks = nn.ModuleList(
            CausalBlock1d(config.embedding, config.hidden, config.kernel, d)
            for d in config.dilations
        )
        self.speech = nn.Conv1d(config.embedding, 1, 1)

    def cache_shapes(self) -> list[tuple[int, ...]]:
        """Shapes (without batch) of the caches, in the order that :meth:`forward` takes them."""
        shapes: list[tuple[int, ...]] = [layer.cache_shape for layer in self._stem_layers()]
        shapes += [block.cache_shape for block in self._temporal_blocks()]
        return shapes

    def _stem_layers(self) -> list[CausalConv2d]:
        return [layer for layer in self.stem if isinstance(layer, CausalConv2d)]

    def _temporal_blocks(self) -> list[CausalBlock1d]:
        return [block for block in self.blocks if isinstance(block, CausalBlock1d)]

    def forward(
        self, features: Tensor, caches: list[Tensor]
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Embeddings [batch, embedding, frames / 2], speech logits [batch, frames / 2], caches.

        Args:
            features: [batch, bands, frames], an even number of frames.
            caches: one tensor per :meth:`cache_shapes`.
        """
        new_caches: list[Tensor] = []
        x = self.input_norm(features)[:, None]
        stem = self._stem_layers()
        for index, layer in enumerate(stem):
            y, cache = layer(x, caches[index])
            # The second convolution of a stage keeps the shape: make it residual.
            x = x + y if y.shape == x.shape else y
            new_caches.append(cache)
        x = self.project(x.flatten(1, 2))
        speech_source = x
        for index, block in enumerate(self._temporal_blocks()):
            x, cache = block(x, caches[len(stem) + index])
            new_caches.append(cache)
            if index == 0:
                speech_source = x
        return x, torch.squeeze(self.speech(speech_source), 1), new_caches

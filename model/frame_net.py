"""Frame evidence of a small network over single frames of cepstra.

It sees what the frame mixtures see (:mod:`ringtrue.model.mixture`), one frame with its differences,
so that it can learn the texture of a voice and nothing of its words, pauses or length; but it is
trained to tell the classes apart, on the mean over many frames, as the verdict is a mean.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ringtrue.model.cepstra import Cepstra, late_flags


@dataclass(frozen=True)
class FrameNetConfig:
    """Parameters of the frame network.

    Attributes:
        hidden: units of each hidden layer; none leaves the frame network out.
        cepstra: coefficients per frame, before differences.
        differences: up to which order differences follow the cepstra, 1 or 2.
    """

    hidden: tuple[int, ...] = ()
    cepstra: int = 20
    differences: int = 2

    def __post_init__(self) -> None:
        if any(units < 1 for units in self.hidden):
            raise ValueError(f"expected hidden layers of 1 unit or more, got {self.hidden}")


class FrameNet(nn.Module):
    """Normalised log bands to a logit robot : human per frame.

    Frames that are not loud (as the mean normalisation counts them) say nothing. Differences look
    ahead, so the logits come 20 ms (two frames) late per order; the state bridges chunks.
    """

    def __init__(self, config: FrameNetConfig, bands: int) -> None:
        super().__init__()
        self.config = config
        self.cepstra = Cepstra(bands, config.cepstra, config.differences)
        widths = (self.cepstra.values, *config.hidden)
        self.layers = nn.ModuleList(
            nn.Conv1d(before, after, 1) for before, after in itertools.pairwise(widths)
        )
        self.last = nn.Conv1d(widths[-1], 1, 1)
        self.dropout = 0.0

    @property
    def cache_shape(self) -> tuple[int, int]:
        """Cepstra of the frames before a chunk, and which of these were loud."""
        count, frames = self.cepstra.cache_shape
        return (count + 1, frames)

    def logits(self, values: Tensor) -> Tensor:
        """Logits [batch, frames] of cepstra with differences [batch, values, frames]."""
        for layer in self.layers:
            values = F.dropout(F.relu(layer(values)), self.dropout, self.training)
        return torch.squeeze(self.last(values), 1)

    def standardise(self, mean: Tensor, deviation: Tensor) -> None:
        """Make layers that were trained on (values - mean) / deviation take plain values.

        Args:
            mean, deviation: [values] of the frames that it was trained on.
        """
        first = self.layers[0] if len(self.layers) else self.last
        assert isinstance(first, nn.Conv1d)
        assert first.bias is not None
        with torch.no_grad():
            first.weight /= deviation[None, :, None]
            first.bias -= first.weight[:, :, 0] @ mean

    def forward(self, bands: Tensor, loud: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [batch, frames], 0 for frames that are not loud, and the new cache.

        Args:
            bands: [batch, bands, frames] normalised log bands.
            loud: [batch, 1, frames] 1 where a frame is loud, else 0.
            cache: [batch, *cache_shape] of the previous chunk; zeros at the start of a call.
        """
        values, kept = self.cepstra(bands, cache[:, :-1])
        flags, loud_kept = late_flags(loud, cache[:, -1:], self.cepstra.late)
        return self.logits(values) * flags, torch.cat([kept, loud_kept], dim=1)

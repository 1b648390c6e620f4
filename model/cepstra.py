"""Cepstra of single frames with their differences, streaming: what frame evidence is judged by."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ringtrue.model.frontend import dct_matrix

_REACH = 2
"""Frames on either side that a difference of either order looks at."""


class Cepstra(nn.Module):
    """Normalised log bands to cepstra with their differences.

    Differences look ahead, so all comes 20 ms (two frames) late per order; a cache bridges chunks.

    Args:
        bands: of the features.
        count: coefficients per frame, before differences.
        differences: up to which order differences follow, 1 or 2.
    """

    dct: Tensor
    difference: Tensor

    def __init__(self, bands: int, count: int, differences: int) -> None:
        super().__init__()
        if not 1 <= count <= bands or differences not in (1, 2):
            raise ValueError(
                f"expected 1 to {bands} cepstra and differences of 1 or 2, "
                f"got {count} and {differences}"
            )
        self.count = count
        self.differences = differences
        # The usual regression over five frames.
        slope = torch.arange(-_REACH, _REACH + 1, dtype=torch.float32) / 10.0
        constants = {
            "dct": torch.from_numpy(dct_matrix(bands)[:count])[:, :, None],
            "difference": slope.expand(count, 1, -1).clone(),
        }
        for name, value in constants.items():
            self.register_buffer(name, value, persistent=False)

    @property
    def values(self) -> int:
        """Values per frame: cepstra and their differences."""
        return (1 + self.differences) * self.count

    @property
    def late(self) -> int:
        """Frames that the differences look ahead, so that all comes late."""
        return _REACH * self.differences

    @property
    def cache_shape(self) -> tuple[int, int]:
        """Cepstra of the frames before a chunk."""
        return (self.count, 2 * self.late)

    def forward(self, bands: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        """Cepstra with differences [batch, values, frames], some frames late; the new cache.

        Args:
            bands: [batch, bands, frames] normalised log bands.
            cache: [batch, *cache_shape] of the previous chunk; zeros at the start of a call.
        """
        late = self.late
        joined = torch.cat([cache, F.conv1d(bands, self.dct)], dim=2)
        values = [joined[:, :, late:-late]]
        slopes = joined
        for order in range(1, self.differences + 1):
            slopes = F.conv1d(slopes, self.difference, groups=self.count)
            ahead = late - _REACH * order
            values.append(slopes[:, :, ahead:-ahead] if ahead else slopes)
        return torch.cat(values, dim=1), joined[:, :, -2 * late :]


def late_flags(loud: Tensor, before: Tensor, late: int) -> tuple[Tensor, Tensor]:
    """Flags of frames as late as their cepstra, [batch, frames], and those to keep.

    Args:
        loud: [batch, 1, frames].
        before: [batch, 1, 2 * late] of the previous chunk.
        late: frames.
    """
    flags = torch.cat([before, loud], dim=2)
    return flags[:, 0, late:-late], flags[:, :, -2 * late :]

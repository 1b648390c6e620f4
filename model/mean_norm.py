"""Cepstral mean normalisation with memory: the line's response is taken out of the features.

A telephone line, a handset and a codec act on log features mostly as an offset per band that does
not change during a call. Subtracting the mean of the loud frames (Atal, JASA 1974; Furui, IEEE
TASSP 1981; for logarithmic bands the same as for their cepstra) removes it, and with it what would
tell recording chains rather than voices apart. The mean is running, causal by chunks and forgets
with loud frames, not with time; at the start of a call a learnt mean stands in.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ringtrue.model.frame_sum import sum_frames
from ringtrue.model.frontend import NEPERS_PER_DB, FrontendConfig


@dataclass(frozen=True)
class MeanNormConfig:
    """Parameters of the normalisation.

    Attributes:
        enabled: subtract the mean; off, features pass unchanged.
        memory_frames: time constant in loud frames.
        prior_frames: loud frames that the learnt mean counts for.
        active_db: a frame is loud if its strongest band is less than this below the reference
            level, in dB.
    """

    enabled: bool = False
    memory_frames: float = 800.0
    prior_frames: float = 40.0
    active_db: float = 30.0

    def __post_init__(self) -> None:
        if min(self.memory_frames, self.prior_frames, self.active_db) <= 0:
            raise ValueError(
                "expected memory_frames, prior_frames and active_db above 0, "
                f"got {self.memory_frames}, {self.prior_frames}, {self.active_db}"
            )


class MeanNorm(nn.Module):
    """Features minus their running mean per band, streaming with explicit state."""

    def __init__(self, config: MeanNormConfig, frontend: FrontendConfig) -> None:
        super().__init__()
        self.config = config
        self.bands = frontend.bands
        self.frames_per_chunk = frontend.frames_per_chunk
        # The frontend puts the reference level at floor / 8 nepers and a neper at a quarter.
        self.threshold = (frontend.floor_db / 8 - config.active_db / 4) * NEPERS_PER_DB
        if config.enabled:
            self.prior = nn.Parameter(torch.zeros(self.bands))

    @property
    def state_size(self) -> int:
        """Sum per band and loud frames in memory; nothing when not enabled."""
        return self.bands + 1 if self.config.enabled else 0

    def loud(self, features: Tensor) -> Tensor:
        """[batch, 1, frames] 1 where a frame of log features is loud, else 0."""
        return (features.amax(dim=1, keepdim=True) > self.threshold).to(features.dtype)

    def forward(self, features: Tensor, sums: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised features and new sums.

        Args:
            features: [batch, bands, frames] log features, whole chunks.
            sums: [batch, state_size] of the previous chunk; zeros at the start of a call.
        """
        if not self.config.enabled:
            return features, sums
        per_chunk = self.frames_per_chunk
        loud = self.loud(features)
        weighted = torch.cat([features * loud, loud], dim=1)
        memory = self.config.memory_frames
        # One chunk is what hosts run: written apart, for a graph without shape arithmetic.
        if features.shape[2] == per_chunk:
            added = sum_frames(weighted)
            history = sums[:, :, None] * torch.exp(-added[:, -1:] / memory) + added
        else:
            added = weighted.reshape(*weighted.shape[:2], -1, per_chunk).sum(dim=3)
            age = torch.cumsum(added[:, -1:], dim=2) / memory
            history = (sums[:, :, None] + torch.cumsum(added * torch.exp(age), dim=2)) * torch.exp(
                -age
            )
        prior = self.config.prior_frames
        mean = (history[:, :-1] + prior * self.prior[:, None]) / (history[:, -1:] + prior)
        if features.shape[2] != per_chunk:
            mean = torch.repeat_interleave(mean, per_chunk, dim=2)
        return features - mean, history[:, :, -1]

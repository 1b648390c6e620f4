"""The leaky evidence pool: what the speech heard so far says, forgetting with speech, not time.

Per-channel attentive statistics (Desplanques et al., ECAPA-TDNN, 2020) kept as running sums that
decay with a time constant measured in seconds of *speech*. Frames that the speech gate closes
neither add evidence nor age it, so music, ring tones and pauses leave the score where it was.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ringtrue.model.frame_sum import sum_frames

FRAME_SECONDS = 0.02
"""Seconds per frame of the network's output."""


@dataclass(frozen=True)
class PoolConfig:
    """Parameters of the pool and its score head.

    Attributes:
        memory_seconds: time constant in seconds of speech.
        ramp_seconds: the score is scaled by n / (n + ramp_seconds) for n seconds of speech.
        gate_threshold: speech probability below which a frame is no evidence at all.
        hidden: units of the score head.
        dropout: on the pooled statistics, training only.
    """

    memory_seconds: float = 10.0
    ramp_seconds: float = 0.3
    gate_threshold: float = 0.5
    hidden: int = 48
    dropout: float = 0.2

    def __post_init__(self) -> None:
        if self.memory_seconds <= 0 or not 0 <= self.gate_threshold < 1:
            raise ValueError(
                "expected memory_seconds > 0 and 0 <= gate_threshold < 1, "
                f"got {self.memory_seconds} and {self.gate_threshold}"
            )


class EvidencePool(nn.Module):
    """Embeddings and speech gates to a score per chunk."""

    def __init__(self, config: PoolConfig, channels: int, frame_evidence: bool = False) -> None:
        super().__init__()
        self.config = config
        self.channels = channels
        self.frame_evidence = frame_evidence
        if frame_evidence:
            # What the mean of the frame evidence counts for beside the head.
            self.gain = nn.Parameter(torch.zeros(()))
        self.attention = nn.Conv1d(channels, channels, 1)
        self.head = nn.Sequential(
            nn.Dropout(config.dropout),
            nn.Linear(2 * channels + 1, config.hidden),
            nn.ReLU(),
            nn.Linear(config.hidden, 1),
        )

    @property
    def state_size(self) -> int:
        """Weights, first and second moments per channel, frame evidence, seconds of speech."""
        return 3 * self.channels + int(self.frame_evidence) + 1

    def gate(self, speech: Tensor) -> Tensor:
        """Evidence weight 0..1 of frames with speech probability ``speech``; hard zero below."""
        threshold = self.config.gate_threshold
        return torch.clamp((speech - threshold) / (1.0 - threshold), 0.0, 1.0)

    def forward(
        self,
        embeddings: Tensor,
        gate: Tensor,
        sums: Tensor,
        frames_per_chunk: int,
        evidence: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Score after each chunk.

        Args:
            embeddings: [batch, channels, frames].
            gate: [batch, frames] evidence weights 0..1.
            sums: [batch, state_size] from the previous chunk; zeros at the start of a call.
            frames_per_chunk: frames of the network per chunk.
            evidence: [batch, frames] log-likelihood ratios, if the pool takes frame evidence; their
                mean over the speech in memory is added to the score, times the learnt gain.

        Returns:
            uncalibrated score [batch, chunks], seconds of speech in memory [batch, chunks], sums.
        """
        channels = self.channels
        weight = torch.exp(2.0 * torch.tanh(self.attention(embeddings))) * gate[:, None, :]
        weighted = weight * embeddings
        moments = torch.cat([weight, weighted, weighted * embeddings], dim=1)
        heard = gate[:, None, :] * FRAME_SECONDS
        if evidence is not None:
            moments = torch.cat([moments, heard * evidence[:, None, :]], dim=1)
        if embeddings.shape[2] == frames_per_chunk:
            # One chunk is what hosts run: written apart, for a graph without shape arithmetic.
            seconds = sum_frames(heard)
            added = torch.cat([sum_frames(moments), seconds], dim=1)
            decay = torch.exp(-seconds / self.config.memory_seconds)
            history = sums[:, :, None] * decay + added
        else:
            batch = len(embeddings)
            seconds = heard.reshape(batch, 1, -1, frames_per_chunk).sum(dim=3)
            moments = moments.reshape(batch, self.state_size - 1, -1, frames_per_chunk).sum(dim=3)
            added = torch.cat([moments, seconds], dim=1)
            age = torch.cumsum(seconds, dim=2) / self.config.memory_seconds
            history = (sums[:, :, None] + torch.cumsum(added * torch.exp(age), dim=2)) * torch.exp(
                -age
            )
        frame_evidence = [1] if self.frame_evidence else []
        total, first, second, *ratios, in_memory = torch.split(
            history, [channels, channels, channels, *frame_evidence, 1], dim=1
        )
        total = total + 1e-3
        mean = first / total
        deviation = torch.sqrt(torch.clamp(second / total - mean * mean, min=0.0) + 1e-4)
        statistics = torch.cat([mean, deviation, torch.log1p(in_memory)], dim=1)
        score = self.head(statistics.transpose(1, 2)).transpose(1, 2)
        for ratio in ratios:
            score = score + self.gain * ratio / (in_memory + FRAME_SECONDS)
        ramp = in_memory / (in_memory + self.config.ramp_seconds)
        last = history.flatten(1) if history.shape[2] == 1 else history[:, :, -1]
        return (score * ramp).flatten(1), in_memory.flatten(1), last

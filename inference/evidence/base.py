"""What every stream of evidence looks like to the decision."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Evidence:
    """What one stream says after one chunk.

    Attributes:
        name: ``voice``, ``replay``, ``timing`` or ``floor``.
        llr: calibrated natural-log likelihood ratio robot : human, or None when abstaining.
        cap: the decision uses at most ±cap of ``llr``, so that soft evidence cannot decide alone.
        reason: one line in words with numbers; empty when there is nothing to say.
    """

    name: str
    llr: float | None
    cap: float = math.inf
    reason: str = ""

    @property
    def capped(self) -> float:
        """The part of ``llr`` that counts; 0 when abstaining."""
        if self.llr is None:
            return 0.0
        return min(max(self.llr, -self.cap), self.cap)


class EvidenceStream(Protocol):
    """Something that listens to the far end chunk by chunk."""

    @property
    def name(self) -> str:
        """The name that its :class:`Evidence` carries."""

    def push(self, chunk: Samples) -> Evidence:
        """Hear the next chunk, float32 [chunk_samples] at the model's rate."""

    def reset(self) -> None:
        """Forget the call."""

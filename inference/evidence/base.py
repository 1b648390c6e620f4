"""What every stream of evidence looks like to the decision."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
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


@dataclass(frozen=True)
class Chunk:
    """100 ms of a call, as evidence streams hear them.

    Attributes:
        far: [chunk_samples] float32 of the far end, −1…1, at the model's rate.
        speech: probability 0…1 that ``far`` holds speech, from the network.
        at: s of the call at the end of the chunk.
        near: the near end's samples of the same 100 ms, or None where only the far end is heard.
        near_speech: probability 0…1 that ``near`` holds speech, or None without ``near``.
    """

    far: Samples
    speech: float
    at: float
    near: Samples | None = None
    near_speech: float | None = None


class EvidenceStream(Protocol):
    """Something that listens to a call chunk by chunk."""

    @property
    def name(self) -> str:
        """The name that its :class:`Evidence` carries."""

    def push(self, chunk: Chunk) -> Evidence:
        """Hear the next chunk; the evidence of the call so far."""

    def reset(self) -> None:
        """Forget the call."""


StreamFactory = Callable[[], Sequence[EvidenceStream]]
"""Makes the further evidence streams of one call. Where worker processes make them it is sent
there, so it is a function or an instance of a class at module level."""

"""The near end heard in the far end: an echo that comes back must not pass for the other party.

A near end that plays a greeting twice, or a person whose words come back from the other telephone,
would otherwise be found as a repeat of the far end.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np

from ringtrue.inference.evidence.base import Chunk

SPEAKING: Final = 0.5
"""Probability of speech from which the near end speaks."""
DELAY_CHUNKS: Final = 4
"""Chunks that an echo may come late: 0.3 s and the chunk itself."""
WEAKER_DB: Final = 6.0
"""An echo is at least this much weaker; who talks over the near end mostly is not."""
_WEAKER: Final = 10 ** (-WEAKER_DB / 10)


class EchoGate:
    """Tells chunks of the far end that may be nothing but an echo of the near end."""

    def __init__(self) -> None:
        self._near: deque[float] = deque(maxlen=DELAY_CHUNKS)

    def may_be_echo(self, chunk: Chunk) -> bool:
        """Whether the near end spoke within 0.4 s, and the far end is 6 dB weaker than it was.

        Always False where the near end is not heard. Chunks come in the order of the call.
        """
        if chunk.near is None or chunk.near_speech is None:
            return False
        speaks = chunk.near_speech >= SPEAKING
        self._near.append(float(np.dot(chunk.near, chunk.near)) if speaks else 0.0)
        loudest = max(self._near)
        return loudest > 0.0 and float(np.dot(chunk.far, chunk.far)) < loudest * _WEAKER

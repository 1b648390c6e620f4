"""The second stage: is one place of a recording the same audio as another?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ringtrue.inference.replay.shape import Shape

Floats = npt.NDArray[np.float32]

SMOOTH: Final = 32
"""Frames (0.4 s) over which the local similarity is taken."""
LOCAL: Final = 0.3
"""Local similarity from which frames belong to a repeated stretch."""
BRIDGE: Final = 32
"""Frames of lower similarity that may lie inside a stretch."""
LAG: Final = 1
"""Frames by which the landmarks' alignment may be off."""
ACTIVE: Final = 150.0
"""Squared length of a frame's shape from which it says something (steps²); below is silence."""


@dataclass(frozen=True)
class Stretch:
    """Frames of a recording that agree with frames of another.

    Attributes:
        start: first frame.
        stop: frame after the last.
        lag: frames to subtract, in addition to the alignment given.
        similarity: correlation −1…1 of the shapes over the stretch.
        frames: number of frames of it with content on both sides.
    """

    start: int
    stop: int
    lag: int
    similarity: float
    frames: int


class Alignment:
    """Products of two aligned shapes, [n, DIMENSIONS] each."""

    def __init__(self, now: Shape, then: Shape) -> None:
        a, b = now.astype(np.float32), then.astype(np.float32)
        self.dot: Floats = np.einsum("ij,ij->i", a, b)
        self.now: Floats = np.einsum("ij,ij->i", a, a)
        self.then: Floats = np.einsum("ij,ij->i", b, b)

    def similarity(self, start: int, stop: int) -> float:
        """Correlation over frames ``start … stop - 1``; 0 without content."""
        power = float(self.now[start:stop].sum()) * float(self.then[start:stop].sum())
        return float(self.dot[start:stop].sum()) / power**0.5 if power > 0 else 0.0

    def local(self) -> Floats:
        """Similarity around each frame."""
        dot, now, then = (_smooth(x) for x in (self.dot, self.now, self.then))
        out: Floats = dot / np.sqrt(now * then + np.float32(1.0))
        return out


def _smooth(values: Floats) -> Floats:
    total = np.concatenate((np.zeros(1, np.float64), np.cumsum(values, dtype=np.float64)))
    index = np.arange(len(values))
    low = np.maximum(index - SMOOTH // 2, 0)
    high = np.minimum(index + SMOOTH // 2, len(values))
    out: Floats = (total[high] - total[low]).astype(np.float32)
    return out


def find_stretch(now: Shape, then: Shape, speech: npt.NDArray[np.bool_]) -> Stretch | None:
    """The longest stretch in which ``now`` repeats ``then``.

    Args:
        now: [n, D].
        then: [n + 2 * LAG, D], so that frame i + LAG is expected to agree with frame i of ``now``.
        speech: [n], frames of ``now`` that count.
    """
    count = len(now)
    best = max(
        ((Alignment(now, then[LAG - lag :][:count]), lag) for lag in range(-LAG, LAG + 1)),
        key=lambda pair: float(pair[0].dot.sum()),
    )
    alignment, lag = best
    start, stop = _longest(alignment.local() >= LOCAL)
    if stop <= start:
        return None
    content = (alignment.now > ACTIVE) & (alignment.then > ACTIVE) & speech
    inside = np.flatnonzero(content[start:stop])
    if not len(inside):
        return None
    start, stop = start + int(inside[0]), start + int(inside[-1]) + 1
    return Stretch(start, stop, lag, alignment.similarity(start, stop), len(inside))


def _longest(good: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """The longest run of True with gaps up to BRIDGE."""
    index = np.flatnonzero(good)
    if not len(index):
        return 0, 0
    breaks = np.flatnonzero(np.diff(index) > BRIDGE)
    starts = index[np.concatenate(([0], breaks + 1))]
    stops = index[np.concatenate((breaks, [len(index) - 1]))] + 1
    longest = int(np.argmax(stops - starts))
    return int(starts[longest]), int(stops[longest])

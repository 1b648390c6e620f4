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
APART: Final = 4
"""Frames either way within which the alignment of parts of a stretch is looked for."""
PARTS: Final = 4
"""Parts of a stretch whose alignments are compared."""
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
        frames: effective number of frames behind it: silence counts little, one loud sound too.
    """

    start: int
    stop: int
    lag: int
    similarity: float
    frames: float


def _products(a: Floats, b: Floats) -> Floats:
    out: Floats = np.einsum("ij,ij->i", a, b)
    return out


def _smooth(values: Floats) -> Floats:
    """Sums over the SMOOTH frames around each, along the last axis."""
    before, count = SMOOTH // 2 + 1, values.shape[-1]
    total = np.zeros((*values.shape[:-1], count + SMOOTH), np.float64)
    np.cumsum(values, axis=-1, dtype=np.float64, out=total[..., before : before + count])
    total[..., before + count :] = total[..., before + count - 1 : before + count]
    out: Floats = (total[..., SMOOTH:] - total[..., :-SMOOTH]).astype(np.float32)
    return out


def find_stretch(now: Shape, then: Shape, speech: npt.NDArray[np.bool_]) -> Stretch | None:
    """The longest stretch in which ``now`` repeats ``then``.

    Args:
        now: [n, D].
        then: [n + 2 * LAG, D], so that frame i + LAG is expected to agree with frame i of ``now``.
        speech: [n], frames of ``now`` that count.
    """
    count = len(now)
    a, b = now.astype(np.float32), then.astype(np.float32)
    dots = [_products(a, b[LAG - lag :][:count]) for lag in range(-LAG, LAG + 1)]
    best = max(range(len(dots)), key=lambda i: float(dots[i].sum()))
    lag = best - LAG
    dot, power = dots[best], _products(a, a)
    other = _products(b, b)[LAG - lag :][:count]
    dot_near, power_near, other_near = _smooth(np.stack((dot, power, other)))
    near = dot_near / np.sqrt(power_near * other_near + np.float32(1.0))
    start, stop = _longest(near >= LOCAL)
    if stop <= start:
        return None
    content = (power > ACTIVE) & (other > ACTIVE) & speech
    inside = np.flatnonzero(content[start:stop])
    if not len(inside):
        return None
    start, stop = start + int(inside[0]), start + int(inside[-1]) + 1
    weight = np.sqrt(power[start:stop] * other[start:stop], dtype=np.float64)
    scale = float(power[start:stop].sum()) * float(other[start:stop].sum())
    similarity = float(dot[start:stop].sum()) / scale**0.5
    effective = float(weight.sum()) ** 2 / float(np.square(weight).sum())
    return Stretch(start, stop, lag, similarity, effective)


def drift(now: Shape, then: Shape) -> float:
    """How far the parts of ``now`` lie from where ``then`` has them, in frames, 0…APART.

    A recording keeps its timing; whoever says a sentence again does not. Parts weigh by how much
    they agree at their best, so that silence does not count.

    Args:
        now: [n, D].
        then: [n + 2 * APART, D], so that frame i + APART is expected to agree with frame i of
            ``now``.
    """
    count = len(now)
    if count < PARTS:
        return float(APART)
    a, b = now.astype(np.float32), then.astype(np.float32)
    dots = np.array([_products(a, b[shift:][:count]) for shift in range(2 * APART + 1)])
    parts = np.add.reduceat(dots, [i * count // PARTS for i in range(PARTS)], axis=1)
    weight = np.maximum(parts.max(axis=0), 0.0).astype(np.float64)
    away = np.abs(parts.argmax(axis=0) - APART)
    total = float(weight.sum())
    return float((weight * away).sum()) / total if total > 0.0 else float(APART)


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

"""Stretches of speech of a call: what a bank keeps of it and what campaigns compare."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from ringtrue.inference.replay.fingerprint import Fingerprint
from ringtrue.inference.replay.frames import BLOCK_FRAMES, FRAME_RATE

BRIDGE: Final = 3
"""Blocks of 100 ms without speech that a stretch goes on over."""
MARGIN: Final = 1
"""Blocks kept before and after."""
MOST: Final = 120
"""Blocks (12 s) after which a stretch is cut."""


def speech_stretches(
    speech: Sequence[bool] | npt.NDArray[np.bool_], least_seconds: float
) -> list[tuple[int, int]]:
    """First block, and block after the last, of each stretch of at least ``least_seconds``.

    Args:
        speech: whether each block of 100 ms holds speech.
        least_seconds: shorter stretches are left out.
    """
    index = np.flatnonzero(np.asarray(speech, np.bool_))
    if not len(index):
        return []
    breaks = np.flatnonzero(np.diff(index) > BRIDGE + 1)
    starts = index[np.concatenate(([0], breaks + 1))]
    stops = index[np.concatenate((breaks, [len(index) - 1]))] + 1
    out: list[tuple[int, int]] = []
    for first, last in zip(starts.tolist(), stops.tolist(), strict=True):
        begin, end = max(0, first - MARGIN), min(len(speech), last + MARGIN)
        # Equal parts, so that no short rest is lost.
        parts = -(-(end - begin) // MOST)
        edges = np.linspace(begin, end, parts + 1).astype(int)
        out.extend(
            (a, b)
            for a, b in pairwise(edges.tolist())
            if (b - a) * BLOCK_FRAMES >= least_seconds * FRAME_RATE
        )
    return out


def segments(
    heard: Fingerprint, speech: Sequence[bool] | npt.NDArray[np.bool_], least_seconds: float = 1.5
) -> list[tuple[float, Fingerprint]]:
    """Start in s, and fingerprint, of each stretch of speech."""
    return [
        (a * BLOCK_FRAMES / FRAME_RATE, heard.cut(a * BLOCK_FRAMES, b * BLOCK_FRAMES))
        for a, b in speech_stretches(speech, least_seconds)
    ]


def blocks_segments(heard: Fingerprint) -> list[tuple[float, Fingerprint]]:
    """Start in s, and fingerprint, of equal parts of all of it, for material that is not speech."""
    blocks = len(heard.shape) // BLOCK_FRAMES
    return segments(heard, np.ones(blocks, np.bool_))

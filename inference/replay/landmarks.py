"""Landmarks: pairs of peaks packed into a number (Wang, "An industrial-strength audio search
algorithm", ISMIR 2003).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

FAN: Final = 8
"""Pairs that start at one peak."""
MIN_GAP: Final = 2
MAX_GAP: Final = 50
"""Frames between the peaks of a pair: 25…625 ms."""
MAX_STEP: Final = 64
"""Bins between them: 1 kHz."""
CODES: Final = 1 << 19
"""Codes are below this: 7 bits per frequency (31 Hz), 5 bits of time (25 ms)."""


class LandmarkStream:
    """Pairs peaks; a pair is out as soon as no nearer partner can come."""

    def __init__(self) -> None:
        self._frames: list[int] = []
        self._bins: list[int] = []

    def push(
        self, frames: Sequence[int], bins: Sequence[int], known_until: int
    ) -> tuple[list[int], list[int]]:
        """Frames of the first peak, and codes, of the new pairs in time order.

        Args:
            frames: of the new peaks, in time order.
            bins: of the new peaks.
            known_until: peaks before this frame are complete.
        """
        times, lows = self._frames, self._bins
        times.extend(frames)
        lows.extend(bins)
        out_frames: list[int] = []
        codes: list[int] = []
        count = len(times)
        done = 0
        while done < count and times[done] + MAX_GAP < known_until:
            start, low = times[done], lows[done]
            left = FAN
            for i in range(done + 1, count):
                gap = times[i] - start
                if gap > MAX_GAP:
                    break
                if gap >= MIN_GAP and -MAX_STEP <= lows[i] - low <= MAX_STEP:
                    codes.append((low >> 1) << 12 | (lows[i] >> 1) << 5 | gap >> 1)
                    out_frames.append(start)
                    left -= 1
                    if not left:
                        break
            done += 1
        del times[:done], lows[:done]
        return out_frames, codes

"""The noise of the far end beside and between what is said: does it change at the borders?

A clip brings the noise of its room along, which begins shortly before the speech and ends shortly
after it; the noise around a person goes on. Everything is relative to the pauses of the same call,
since lines add comfort noise and telephones suppress noise (DESIGN, section 7).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

FRAME_SECONDS = 0.02
EDGES = (250.0, 700.0, 1300.0, 2200.0, 3300.0)
"""Bands in Hz; their levels are in dB."""
BANDS = len(EDGES) - 1
FLOOR_DB = -85.0
"""Levels below count as this: differences of inaudible noise say nothing."""
SPEECH = 0.5
TAIL = (1, 3)
"""Chunks after the end of speech that may still hold the clip's noise."""
DEEP = (6, 20)
"""Chunks after it that hold the line's noise only."""
REMEMBERED = 6
"""Newest pauses that count."""


@dataclass(frozen=True)
class Pause:
    """Levels around one pause of the far end, [BANDS] dB each.

    Attributes:
        inner: quiet moments of the speech before it (10 % quantile of its frames).
        tail: 0.1 to 0.3 s after the speech.
        deep: 0.6 to 2 s after it.
    """

    inner: Array
    tail: Array
    deep: Array


FEATURES = (
    "tail_step",
    "tail_spread",
    "inner_step",
    "inner_spread",
    "deep_spread",
    "tail_colour",
    "inner_colour",
)
"""Names and order of :meth:`NoiseFloor.feature_vector`."""


class NoiseFloor:
    """Follows the noise of the far end chunk by chunk.

    Attributes:
        pauses: the newest pauses that were long enough to compare, by time.
    """

    def __init__(self, sample_rate: int = 8000) -> None:
        self._rate = sample_rate
        self._frame = round(FRAME_SECONDS * sample_rate)
        window = np.hanning(self._frame + 2)[1:-1].astype(np.float32)
        self._window = window / np.float32(np.sqrt(np.mean(np.square(window))) * self._frame)
        hertz = np.fft.rfftfreq(self._frame, 1 / sample_rate)
        self._bands = np.array(
            [(hertz >= a) & (hertz < b) for a, b in pairwise(EDGES)],
            np.float32,
        ).T
        self.reset()

    def reset(self) -> None:
        """Forget the call."""
        self.pauses: deque[Pause] = deque(maxlen=REMEMBERED)
        self._inside: list[Array] = []
        self._quiet: list[Array] = []

    def push(self, far: npt.NDArray[np.float32], speech: float) -> bool:
        """Hear a chunk of the far end; True when a further pause was found."""
        levels = self.levels(far)
        if speech >= SPEECH:
            found = self._close()
            self._inside.append(levels)
            del self._inside[:-80]
            return found
        if self._inside and len(self._quiet) <= DEEP[1]:
            self._quiet.append(levels)
            # A long pause is compared before it ends, so that the newest turn counts at once.
            if len(self._quiet) == DEEP[1]:
                return self._close()
        return False

    def levels(self, chunk: npt.NDArray[np.float32]) -> Array:
        """Levels of the frames of a chunk, [frames, BANDS] dB, not below :data:`FLOOR_DB`."""
        whole = len(chunk) // self._frame * self._frame
        frames = chunk[:whole].reshape(-1, self._frame) * self._window
        spectra = np.fft.rfft(frames, axis=1)
        power = np.square(np.abs(spectra)).astype(np.float32) @ self._bands
        levels: Array = 10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10))).astype(np.float64)
        return levels

    def feature_vector(self) -> npt.NDArray[np.float32]:
        """Steps in dB at the borders, their spread and colour, [len(FEATURES)] float32."""
        inner, tail, deep = (
            np.stack([getattr(p, name) for p in self.pauses]) for name in ("inner", "tail", "deep")
        )
        line = np.median(deep, axis=0)
        tail_step = (tail - deep).mean(axis=1)
        inner_step = (inner - line).mean(axis=1)
        return np.array(
            [
                np.median(tail_step),
                _iqr(tail_step),
                np.median(inner_step),
                _iqr(inner_step),
                _iqr(deep.mean(axis=1)),
                np.median(_colour(tail - deep)),
                np.median(_colour(inner - np.median(inner, axis=0))),
            ],
            np.float32,
        )

    def _close(self) -> bool:
        quiet, inside = self._quiet, self._inside
        if not quiet:
            return False
        long_enough = len(quiet) >= DEEP[0] + 2 and len(inside) >= 4
        if long_enough:
            spoken = np.concatenate(inside)
            # The last chunk before the speech comes back may hold the noise of the next clip.
            last = min(len(quiet) - 1, DEEP[1])
            self.pauses.append(
                Pause(
                    np.quantile(spoken, 0.1, axis=0),
                    np.median(np.concatenate(quiet[TAIL[0] : TAIL[1]]), axis=0),
                    np.median(np.concatenate(quiet[DEEP[0] : last]), axis=0),
                )
            )
            self._inside = []
        # A short pause belongs to the speech around it.
        self._quiet = []
        return long_enough


def _colour(difference: Array) -> Array:
    """How unevenly the bands differ, dB per row."""
    spread: Array = np.std(difference, axis=1)
    return spread


def _iqr(values: Array) -> float:
    low, high = np.quantile(values, (0.25, 0.75))
    return float(high - low)

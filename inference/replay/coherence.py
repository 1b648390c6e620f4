"""Whether two places hold one waveform: phases agree in a recording, never in words said again.

The cross-spectra of the two places are summed over time before their size is taken, so that only a
phase that stays the same adds up. They are whitened in part (PHAT-β of Donohue, Hannemann and
Dietz, Signal Processing 2007, with β = 0.7), and the best lag of a frame or less is taken, because
places are known to a frame. Speech codecs follow the waveform up to 2 kHz well enough, those of
5 kbit/s too.
"""

from __future__ import annotations

import functools
from typing import Final

import numpy as np
import numpy.typing as npt

from ringtrue.inference.replay.frames import FIRST_BIN, HOP, WINDOW, Samples, windows

Spectra = npt.NDArray[np.complex64]

STEP: Final = 4 * HOP
"""Samples between two windows: 50 ms."""
_LAST_BIN: Final = 128
"""2 kHz; above it cheap codecs make their own phase."""
_WHITENING: Final = 0.7
_LAGS: Final = HOP + 10
"""Largest lag either way, samples."""
_PART: Final = 15
"""Windows (0.75 s) that must share one lag; a jitter buffer may shift what comes later."""
_TINY: Final = 1e-12
STEADY: Final = 0.25
"""Coherence with oneself from which a place is a tone. Of 373 prompts of dev and train, through
codecs and at 15 dB and more, the highest is 0.13; of 42 ring tones of dev calls 41 lie above."""
_LATER: Final = 3
"""Windows from a place to itself later."""


def spectra(samples: Samples) -> Spectra:
    """What places are compared by: [windows, bins] complex64, a window of 64 ms every 50 ms.

    Args:
        samples: [n] float32 at 8 kHz; below one window there are none.
    """
    if len(samples) < WINDOW:
        return np.zeros((0, _LAST_BIN - FIRST_BIN), np.complex64)
    all_bins = np.fft.rfft(windows(samples, STEP) * _window(), axis=1)
    return all_bins[:, FIRST_BIN:_LAST_BIN].astype(np.complex64, copy=False)


def coherence(now: Spectra, then: Spectra) -> float:
    """Share of the cross-spectrum of two places that is in phase, 0…1.

    It is the root mean square of parts of about 0.75 s, each with its own lag. Below that, the
    longer the places are, the less comes about by chance: about 1 / sqrt(windows).

    Args:
        now: :func:`spectra` of the one; without any the answer is 0.
        then: as many of what is thought to be the same.

    Raises:
        ValueError: the lengths differ.
    """
    if len(now) != len(then):
        raise ValueError(
            f"expected two places of one length, got {len(now)} and {len(then)} spectra"
        )
    if not len(now):
        return 0.0
    cross = now * np.conj(then)
    size = np.abs(cross) + np.float32(_TINY)
    weight = size ** np.float32(-_WHITENING)
    cross *= weight
    parts = max(1, round(len(cross) / _PART))
    edges = [i * len(cross) // parts for i in range(parts + 1)]
    total = np.add.reduceat(size * weight, edges[:-1], axis=0).sum(axis=1)
    summed = np.zeros((len(total), WINDOW), np.complex64)
    summed[:, FIRST_BIN:_LAST_BIN] = np.add.reduceat(cross, edges[:-1], axis=0)
    by_lag = np.abs(np.fft.fft(summed, axis=1))
    best = np.maximum(by_lag[:, :_LAGS].max(axis=1), by_lag[:, -_LAGS:].max(axis=1))
    return float(np.sqrt(np.square(best / total) @ np.diff(edges) / len(cross)))


def is_steady(place: Spectra) -> bool:
    """Whether a place is a tone or several: in phase with itself 0.15 s later.

    A tone has the phases of any other place of itself, so that coherence says nothing about it.

    Args:
        place: its :func:`spectra`.
    """
    return coherence(place[:-_LATER], place[_LATER:]) >= STEADY


@functools.cache
def _window() -> Samples:
    window: Samples = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
    return window

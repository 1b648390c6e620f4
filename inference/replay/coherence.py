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

from ringtrue.inference.replay.frames import FIRST_BIN, HOP, WINDOW, Samples

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
_LATER: Final = 12 * HOP


def coherence(now: Samples, then: Samples) -> float:
    """Share of the cross-spectrum of two places that is in phase, 0…1.

    It is the root mean square of parts of about 0.75 s, each with its own lag. Below that, the
    longer the places are, the less comes about by chance: about 1 / sqrt(windows).

    Args:
        now: [n] at 8 kHz; below one window (64 ms) the answer is 0.
        then: [n], what is thought to be the same.

    Raises:
        ValueError: the lengths differ.
    """
    if len(now) != len(then):
        raise ValueError(f"expected two places of one length, got {len(now)} and {len(then)}")
    if len(now) < WINDOW:
        return 0.0
    cross = _spectra(now) * np.conj(_spectra(then))
    size = np.abs(cross) + np.float32(_TINY)
    weight = size ** np.float32(-_WHITENING)
    cross *= weight
    edges = np.linspace(0, len(cross), max(1, round(len(cross) / _PART)) + 1).astype(int)
    total = np.add.reduceat(size * weight, edges[:-1], axis=0).sum(axis=1)
    summed = np.zeros((len(total), WINDOW), np.complex64)
    summed[:, FIRST_BIN:_LAST_BIN] = np.add.reduceat(cross, edges[:-1], axis=0)
    by_lag = np.abs(np.fft.fft(summed, axis=1))
    best = np.maximum(by_lag[:, :_LAGS].max(axis=1), by_lag[:, -_LAGS:].max(axis=1))
    return float(np.sqrt(np.average(np.square(best / total), weights=np.diff(edges))))


def is_steady(samples: Samples) -> bool:
    """Whether a place is a tone or several: in phase with itself 0.15 s later.

    A tone has the phases of any other place of itself, so that coherence says nothing about it.

    Args:
        samples: [n] at 8 kHz.
    """
    return coherence(samples[:-_LATER], samples[_LATER:]) >= STEADY


@functools.cache
def _window() -> Samples:
    window: Samples = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
    return window


def _spectra(samples: Samples) -> npt.NDArray[np.complex64]:
    views = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::STEP]
    spectra = np.fft.rfft(views * _window(), axis=1)[:, FIRST_BIN:_LAST_BIN]
    return spectra.astype(np.complex64, copy=False)

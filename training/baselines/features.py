"""Features of the classical baselines; both see only frames that are not pauses."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ringtrue.model.contract import SAMPLE_RATE

Array = NDArray[np.float32]

N_FFT = 256
HOP = 80
"""Samples between frames (10 ms)."""
ACTIVE_DB = 30.0
"""Frames this far below the loud ones (95 % quantile) count as pauses."""


NORMALISATIONS = ("none", "mean", "mean-variance")
"""What :func:`lfcc` takes out of the cepstra of a signal."""


def lfcc(samples: Array, n_filter: int, n_lfcc: int, normalise: str = "mean") -> Array:
    """Linear-frequency cepstra with deltas and double deltas of the active frames.

    Computed by torchaudio. Without its mean over the signal, a cepstrum no longer shows the line's
    response; without its deviation, nor how strongly noise flattens the spectrum.

    Args:
        samples: [n] float32, mono 8 kHz.
        n_filter, n_lfcc: linear filters and coefficients.
        normalise: one of :data:`NORMALISATIONS`.

    Returns:
        [frames, 3 · n_lfcc]; no frames where the signal is too short or silent.
    """
    import torch
    import torchaudio

    if len(samples) < N_FFT:
        return np.zeros((0, 3 * n_lfcc), np.float32)
    with torch.inference_mode():
        static = _transform(n_filter, n_lfcc)(torch.from_numpy(np.ascontiguousarray(samples)))
        delta = torchaudio.functional.compute_deltas(static)
        double = torchaudio.functional.compute_deltas(delta)
        features: Array = torch.cat([static, delta, double]).T.numpy()
    active = features[_active(samples, len(features))]
    if normalise == "none" or not len(active):
        return active
    centred: Array = active - active.mean(axis=0)
    return centred / (centred.std(axis=0) + 1e-3) if normalise == "mean-variance" else centred


def log_spectrum(samples: Array) -> Array:
    """Mean and standard deviation over the active frames of the log power spectrum.

    The mean is taken relative to its average over frequency, so that level says nothing.

    Returns:
        [2 · (N_FFT / 2 + 1)] float32; zeros where nothing is active.
    """
    bins = N_FFT // 2 + 1
    if len(samples) < N_FFT:
        return np.zeros(2 * bins, np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(samples, N_FFT)[::HOP]
    power = np.square(np.abs(np.fft.rfft(windows * np.hanning(N_FFT), axis=1)))
    # Relative to the signal, so that the floor of the logarithm does not tell the level either.
    active = power[_loud(power.sum(axis=1))]
    if not len(active):
        return np.zeros(2 * bins, np.float32)
    log = np.log(active / max(float(active.mean()), 1e-20) + 1e-6)
    mean = log.mean(axis=0)
    return np.concatenate([mean - mean.mean(), log.std(axis=0)]).astype(np.float32)


def _active(samples: Array, frames: int) -> NDArray[np.bool_]:
    """Which of ``frames`` centred frames are active."""
    padded = np.pad(samples, N_FFT // 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP][:frames]
    loud = _loud(np.square(windows, dtype=np.float64).sum(axis=1))
    return np.pad(loud, (0, frames - len(loud)))


def _loud(energy: NDArray[np.float64]) -> NDArray[np.bool_]:
    loud: NDArray[np.bool_] = energy > max(
        float(np.quantile(energy, 0.95)) * 10 ** (-ACTIVE_DB / 10), 1e-12
    )
    return loud


@functools.cache
def _transform(n_filter: int, n_lfcc: int) -> Any:
    import torchaudio

    return torchaudio.transforms.LFCC(
        sample_rate=SAMPLE_RATE,
        n_filter=n_filter,
        n_lfcc=n_lfcc,
        f_max=SAMPLE_RATE / 2,
        log_lf=True,
        speckwargs={"n_fft": N_FFT, "win_length": 200, "hop_length": HOP},
    )

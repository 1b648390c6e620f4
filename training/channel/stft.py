"""Short-time Fourier transform with exact reconstruction (square-root Hann, half overlap)."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ringtrue.training.channel.base import Samples

WINDOW: Final = 256
HOP: Final = WINDOW // 2


def _window() -> Samples:
    return np.sqrt(np.hanning(WINDOW + 1)[:-1]).astype(np.float32)


def analyse(samples: Samples) -> NDArray[np.complex64]:
    """Spectra of shape [frames, 129]; one frame per 16 ms, edges padded with silence."""
    frames = -(-len(samples) // HOP) + 1
    padded = np.zeros((frames + 1) * HOP, dtype=np.float32)
    padded[HOP : HOP + len(samples)] = samples
    blocks = padded.reshape(-1, HOP)
    windowed = np.concatenate([blocks[:-1], blocks[1:]], axis=1) * _window()
    return np.fft.rfft(windowed, axis=1).astype(np.complex64)


def synthesise(spectra: NDArray[np.complex64], length: int) -> Samples:
    """The signal of ``length`` samples whose ``analyse`` gave ``spectra``."""
    frames = np.fft.irfft(spectra, WINDOW, axis=1).astype(np.float32) * _window()
    blocks = np.zeros((len(frames) + 1, HOP), dtype=np.float32)
    blocks[:-1] += frames[:, :HOP]
    blocks[1:] += frames[:, HOP:]
    return blocks.reshape(-1)[HOP : HOP + length]

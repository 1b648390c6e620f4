"""Power spectra of a stream, in blocks of eight frames that do not depend on how it was cut."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
Power = npt.NDArray[np.float32]

SAMPLE_RATE: Final = 8000
HOP: Final = 100
"""Samples from frame to frame: 12.5 ms, so that a block is one chunk of 100 ms."""
WINDOW: Final = 512
"""Samples of a frame: 64 ms resolves the harmonics of a voice (bins of 15.6 Hz)."""
BLOCK_FRAMES: Final = 8
BLOCK: Final = HOP * BLOCK_FRAMES
FRAME_RATE: Final = SAMPLE_RATE / HOP
FIRST_BIN: Final = 19
BINS: Final = 200
"""Bins that are used: 297…3,406 Hz, what every telephone line carries."""


def seconds_of(frame: float) -> float:
    """s from the start of the stream to the middle of a frame."""
    return (frame * HOP + WINDOW / 2) / SAMPLE_RATE


def windows(samples: Samples, step: int) -> npt.NDArray[np.float32]:
    """View [windows, WINDOW] of at least WINDOW samples, a window every ``step``."""
    # sliding_window_view takes longer than what is done with some of them.
    shape = ((len(samples) - WINDOW) // step + 1, WINDOW)
    (stride,) = samples.strides
    return np.lib.stride_tricks.as_strided(samples, shape, (step * stride, stride), writeable=False)


class FrameStream:
    """Cuts a stream into blocks of frames and gives their power spectra.

    Frame t covers the samples ``HOP * t … HOP * t + WINDOW - 1``.
    """

    def __init__(self) -> None:
        self._window: npt.NDArray[np.float32] = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
        self._rest: Samples = np.zeros(0, np.float32)

    def push(self, pcm: Samples) -> Power:
        """Power [frames, BINS] of the blocks that became complete; frames is a multiple of 8."""
        data = np.concatenate((self._rest, pcm)) if self._rest.size else pcm
        needed = WINDOW - HOP
        blocks = max(0, (data.size - needed) // BLOCK)
        if not blocks:
            # A copy, lest the caller's array changes under it.
            self._rest = data.copy()
            return np.zeros((0, BINS), np.float32)
        used = blocks * BLOCK
        views = windows(data[: used + needed], HOP)
        spectra = np.fft.rfft(views * self._window, axis=1)[:, FIRST_BIN : FIRST_BIN + BINS]
        self._rest = data[used:].copy()
        power: Power = (spectra.real**2 + spectra.imag**2).astype(np.float32)
        return power

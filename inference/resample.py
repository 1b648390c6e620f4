"""Streaming resampler: the same output however the input was cut."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import soxr

LOWEST_RATE = 4000
HIGHEST_RATE = 768_000

Samples = npt.NDArray[np.float32]


def check_rate(rate: object) -> int:
    """``rate`` as an int in Hz.

    Raises:
        ValueError: not a whole number of Hz between 4,000 and 768,000.
    """
    if isinstance(rate, bool) or not isinstance(rate, int | float | np.integer | np.floating):
        raise ValueError(f"expected a sample rate in Hz, got {rate!r}")
    if rate != rate or int(rate) != rate or not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise ValueError(
            f"expected a whole sample rate from {LOWEST_RATE} to {HIGHEST_RATE} Hz, got {rate}"
        )
    return int(rate)


class StreamResampler:
    """Mono float32 from one rate to another with bounded memory (libsoxr, quality HQ).

    The output comes with up to 0.17 s of delay, is time-aligned with the input and is the same
    for every way of cutting the input. Equal rates pass through untouched and without delay.

    Raises:
        ValueError: a rate that :func:`check_rate` refuses.
    """

    def __init__(self, rate_in: int, rate_out: int) -> None:
        self.rate_in = check_rate(rate_in)
        self.rate_out = check_rate(rate_out)
        self._stream = (
            None
            if self.rate_in == self.rate_out
            else soxr.ResampleStream(self.rate_in, self.rate_out, 1, dtype="float32", quality="HQ")
        )

    def push(self, samples: Samples) -> Samples:
        """The output samples [m] that ``samples`` [n] completes; may be empty."""
        if self._stream is None or samples.size == 0:
            return samples
        out: Samples = self._stream.resample_chunk(np.ascontiguousarray(samples))
        return out

    def finish(self) -> Samples:
        """The samples still held back. Nothing may be pushed afterwards."""
        nothing = np.zeros(0, np.float32)
        if self._stream is None:
            return nothing
        out: Samples = self._stream.resample_chunk(nothing, last=True)
        return out

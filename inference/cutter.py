"""Samples of any length and rate, cut into the model's chunks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ringtrue.inference.resample import StreamResampler, check_rate

Samples = npt.NDArray[np.float32]


class Cutter:
    """One side of one call on its way to chunks of the model's length and rate.

    Args:
        sample_rate: Hz of the chunks.
        chunk_samples: samples of a chunk.
    """

    def __init__(self, sample_rate: int, chunk_samples: int) -> None:
        self._rate, self._size = sample_rate, chunk_samples
        self._resampler: StreamResampler | None = None
        self._rest = np.zeros(0, np.float32)

    @property
    def rate_in(self) -> int | None:
        """Hz of what was pushed so far, or None."""
        return None if self._resampler is None else self._resampler.rate_in

    def check(self, sample_rate: int) -> int:
        """``sample_rate`` if it may be pushed.

        Raises:
            ValueError: an impossible rate, or another than before.
        """
        rate = check_rate(sample_rate)
        if self.rate_in is not None and rate != self.rate_in:
            raise ValueError(f"expected {self.rate_in} Hz as before in this call, got {rate} Hz")
        return rate

    def push(self, pcm: Samples, sample_rate: int) -> list[Samples]:
        """The whole chunks that ``pcm`` [n] completes."""
        rate = self.check(sample_rate)
        if self._resampler is None:
            self._resampler = StreamResampler(rate, self._rate)
        return self._chunks(self._resampler.push(pcm))

    def finish(self) -> list[Samples]:
        """The last chunks; one that is at least half complete is filled with silence."""
        chunks = self._chunks(self._resampler.finish()) if self._resampler is not None else []
        missing = self._size - self._rest.size
        if self._rest.size >= missing:
            chunks += self._chunks(np.zeros(missing, np.float32))
        self._rest = np.zeros(0, np.float32)
        return chunks

    def _chunks(self, pcm: Samples) -> list[Samples]:
        data = np.concatenate((self._rest, pcm)) if self._rest.size else pcm
        whole = data.size - data.size % self._size
        # A copy, lest the caller's array changes under it or a long block is kept alive.
        self._rest = data[whole:].copy()
        return list(data[:whole].reshape(-1, self._size))

"""The newest rows of an array that grows at its end, addressed by their number from the start."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


class Rolling:
    """Keeps at least the ``capacity`` newest rows; twice as many are allocated over time.

    Args:
        capacity: rows.
        row: shape of one row.
        dtype: of the numbers.

    Attributes:
        first: oldest row held.
        stop: row after the newest.
    """

    def __init__(self, capacity: int, row: tuple[int, ...], dtype: npt.DTypeLike) -> None:
        self.first = 0
        self.stop = 0
        self._capacity = capacity
        self._rows: npt.NDArray[Any] = np.empty((min(2048, capacity), *row), dtype)

    def add(self, rows: npt.NDArray[Any]) -> None:
        """Append rows."""
        count = len(rows)
        held = self.stop - self.first
        if held + count > len(self._rows):
            if held > self._capacity:
                drop = held - self._capacity
                self._rows[: self._capacity] = self._rows[drop:held].copy()
                self.first += drop
                held = self._capacity
            if held + count > len(self._rows):
                grown = np.empty((2 * (held + count), *self._rows.shape[1:]), self._rows.dtype)
                grown[:held] = self._rows[:held]
                self._rows = grown
        self._rows[held : held + count] = rows
        self.stop += count

    def get(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Rows ``start`` to ``stop``, a view where all are held; those that are not are zeros."""
        low, high = max(start, self.first), min(stop, self.stop)
        if low == start and high == stop:
            return self._rows[start - self.first : stop - self.first]
        out = np.zeros((stop - start, *self._rows.shape[1:]), self._rows.dtype)
        if high > low:
            out[low - start : high - start] = self._rows[low - self.first : high - self.first]
        return out

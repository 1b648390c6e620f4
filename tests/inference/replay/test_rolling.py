from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrue.inference.replay.rolling import Rolling


@given(
    sizes=st.lists(st.integers(0, 300), max_size=40),
    capacity=st.integers(1, 200),
    start=st.integers(-20, 4000),
    count=st.integers(0, 60),
)
def test_rows_are_those_that_were_added_or_zeros(
    sizes: list[int], capacity: int, start: int, count: int
) -> None:
    rolling = Rolling(capacity, (2,), np.int32)
    total = sum(sizes)
    everything = 1 + np.arange(2 * total, dtype=np.int32).reshape(total, 2)
    at = 0
    for size in sizes:
        rolling.add(everything[at : at + size])
        at += size
    assert rolling.stop == total
    assert rolling.first <= max(0, total - capacity)
    expected = np.zeros((count, 2), np.int32)
    for row in range(start, start + count):
        if rolling.first <= row < total:
            expected[row - start] = everything[row]
    np.testing.assert_array_equal(rolling.get(start, start + count), expected)


@pytest.mark.parametrize("dtype", [np.int8, np.float16])
def test_memory_is_bounded(dtype: type) -> None:
    rolling = Rolling(1000, (), dtype)
    for _ in range(500):
        rolling.add(np.ones(100, dtype))
    assert rolling.stop - rolling.first <= 4000
    got = rolling.get(49_000, 50_000)
    assert got.dtype == dtype
    assert got.all()

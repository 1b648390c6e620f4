from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringtrue.inference.resample import StreamResampler, check_rate

from .toy_model import tone


def resample(x: np.ndarray, rate: int, sizes: list[int]) -> np.ndarray:
    stream = StreamResampler(rate, 8000)
    out, start, turn = [], 0, 0
    while start < len(x):
        size = sizes[turn % len(sizes)]
        out.append(stream.push(x[start : start + size]))
        start, turn = start + size, turn + 1
    return np.concatenate([*out, stream.finish()])


@settings(deadline=None, max_examples=25)
@given(
    rate=st.sampled_from([8000, 11025, 16000, 44100, 48000, 96000]),
    sizes=st.lists(st.integers(1, 5000), min_size=1, max_size=5),
)
def test_output_does_not_depend_on_the_cutting(rate: int, sizes: list[int]) -> None:
    x = np.random.default_rng(0).standard_normal(rate // 2).astype(np.float32)
    np.testing.assert_array_equal(resample(x, rate, sizes), resample(x, rate, [len(x)]))


@pytest.mark.parametrize("rate", [6000, 11025, 16000, 22050, 44100, 48000, 96000])
def test_length_and_alignment(rate: int) -> None:
    out = resample(tone(440, 2, rate), rate, [rate // 10])
    assert out.dtype == np.float32
    assert abs(len(out) - 16_000) <= 1
    middle = slice(4000, 12_000)
    np.testing.assert_allclose(out[middle], tone(440, 2)[middle], atol=2e-4)


def test_no_aliases() -> None:
    out = resample(tone(7000, 1, 48000), 48000, [4800])
    assert np.abs(out[1000:-1000]).max() < 1e-4


@pytest.mark.parametrize(
    "rate", [0, -8000, 3999, 800_000, 8000.5, float("nan"), "8000", None, True]
)
def test_impossible_rates(rate: object) -> None:
    with pytest.raises(ValueError, match="sample rate"):
        check_rate(rate)


def test_whole_floats_and_numpy_integers_are_rates() -> None:
    assert check_rate(16000.0) == check_rate(np.int64(16000)) == 16000

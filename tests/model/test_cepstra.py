"""Cepstra with differences: exact values, delays, streaming."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ringtrue.model.cepstra import Cepstra, late_flags

BANDS = 12


def _zeros(cepstra: Cepstra, batch: int = 1) -> torch.Tensor:
    return torch.zeros(batch, *cepstra.cache_shape)


def test_differences_of_a_slope() -> None:
    cepstra = Cepstra(BANDS, BANDS, 2)
    slope = torch.arange(30, dtype=torch.float32).expand(1, BANDS, 30)
    values, cache = cepstra(slope, _zeros(cepstra))
    assert values.shape == (1, 3 * BANDS, 30)
    assert cepstra.values == 3 * BANDS
    assert cache.shape == (1, BANDS, 8)
    static, first, second = values[0].split(BANDS)
    # The first cepstrum of equal bands is sqrt(bands) times their value, four frames late.
    assert static[0, 20].item() == pytest.approx(16 * BANDS**0.5, rel=1e-5)
    assert first[0, 20].item() == pytest.approx(BANDS**0.5, rel=1e-5)
    assert second[0, 20].item() == pytest.approx(0, abs=1e-4)


def test_without_second_differences_all_comes_two_frames_earlier() -> None:
    bands = torch.randn(1, BANDS, 30, generator=torch.Generator().manual_seed(1))
    both, one = Cepstra(BANDS, 4, 2), Cepstra(BANDS, 4, 1)
    values, _ = both(bands, _zeros(both))
    fewer, cache = one(bands, _zeros(one))
    assert fewer.shape == (1, 8, 30)
    assert cache.shape == (1, 4, 4)
    torch.testing.assert_close(fewer[:, :, :-2], values[:, :8, 2:])


@pytest.mark.parametrize(("count", "differences"), [(0, 2), (13, 2), (4, 0), (4, 3)])
def test_bad_settings(count: int, differences: int) -> None:
    with pytest.raises(ValueError, match=f"1 to 12 cepstra .* got {count} and {differences}"):
        Cepstra(BANDS, count, differences)


def test_flags_come_as_late_as_the_cepstra() -> None:
    loud = torch.tensor([[[1.0, 0.0, 1.0, 1.0, 0.0, 1.0]]])
    flags, kept = late_flags(loud, torch.zeros(1, 1, 4), 2)
    assert flags.tolist() == [[0, 0, 1, 0, 1, 1]]
    assert kept.tolist() == [[[1, 1, 0, 1]]]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=6), st.integers(1, 2))
def test_any_chunking_gives_the_same(sizes: list[int], differences: int) -> None:
    cepstra = Cepstra(BANDS, 5, differences)
    bands = torch.randn(2, BANDS, sum(sizes), generator=torch.Generator().manual_seed(len(sizes)))
    whole, end = cepstra(bands, _zeros(cepstra, 2))
    cache, parts = _zeros(cepstra, 2), []
    for part in bands.split(sizes, dim=2):
        values, cache = cepstra(part, cache)
        parts.append(values)
    torch.testing.assert_close(torch.cat(parts, dim=2), whole)
    torch.testing.assert_close(cache, end)

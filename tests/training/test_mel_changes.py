from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringtrue.training.mel_changes import (
    Codebooks,
    Patches,
    averaged,
    blurred,
    fit_codebooks,
    fit_patches,
    reduced,
    stretched,
    tokenised,
)

pytest.importorskip("sklearn")

RNG = np.random.default_rng(0)
MEL = RNG.standard_normal((5, 101)).astype(np.float32)


def test_tokens_add_up_stage_by_stage() -> None:
    # Two bands, two frames a token: [band 0 at both frames, band 1 at both].
    first = np.array([[0, 0, 0, 0], [4, 4, 8, 8]], np.float32)
    second = np.array([[0, 0, 0, 0], [1, 0, 0, -1]], np.float32)
    mel = np.array([[0.1, 0.0, 5.0, 4.1, 9.0], [0.0, 0.2, 8.1, 7.0, 9.0]], np.float32)
    books = Codebooks((first, second))
    one = tokenised(mel, books, 1, 0.0, np.random.default_rng(0))
    np.testing.assert_array_equal(one, [[0, 0, 4, 4], [0, 0, 8, 8]])
    both = tokenised(mel, books, 2, 0.0, np.random.default_rng(0))
    np.testing.assert_array_equal(both, [[0, 0, 5, 4], [0, 0, 8, 7]])
    assert both.dtype == np.float32


def test_more_stages_are_nearer_and_slips_further() -> None:
    books = fit_codebooks([MEL], (8, 8, 8), seed=1)
    assert [book.shape for book in books.stages] == [(8, 10)] * 3

    def error(stages: int, slips: float) -> float:
        told = tokenised(MEL, books, stages, slips, np.random.default_rng(3))
        return float(np.mean((told - MEL[:, :100]) ** 2))

    assert error(3, 0.0) < error(2, 0.0) < error(1, 0.0) < error(1, 1.0)


def test_each_frame_is_the_mean_of_those_most_alike() -> None:
    np.testing.assert_allclose(averaged(MEL, [MEL[:, :40], MEL], 1), MEL, atol=1e-6)
    flat = np.zeros((5, 30), np.float32)
    low, high = flat - 1, flat + 1
    np.testing.assert_array_equal(averaged(low + 0.1, [low, high, high], 30), low)
    np.testing.assert_allclose(averaged(low, [low, high], 60), flat, atol=1e-6)
    with pytest.raises(ValueError, match="expected at least 31 frames to choose from, got 30"):
        averaged(MEL, [flat], 31)


def test_all_components_give_a_patch_back_and_few_its_mean() -> None:
    wide = RNG.standard_normal((5, 16 * 100)).astype(np.float32)
    patches = fit_patches([wide], 80)
    assert patches.mean.shape == (80,)
    assert patches.components.shape == (80, 80)
    full = reduced(wide, patches, 80)
    np.testing.assert_allclose(full, blurred(wide, 0.0, 0.6), atol=1e-4)
    even = Patches(np.full(80, 2.0, np.float32), patches.components)
    np.testing.assert_allclose(reduced(wide, even, 0), 2.0, atol=1e-6)


def test_too_little_audio_is_told() -> None:
    with pytest.raises(ValueError, match="expected at least 102 frames for 51 tokens, got 100"):
        fit_codebooks([MEL], (51,), seed=1)
    with pytest.raises(ValueError, match=r"expected at least 7 patches of 0\.19 s, got 6"):
        fit_patches([MEL], 7)


@settings(deadline=None, max_examples=50)
@given(
    bands=st.integers(1, 6),
    frames=st.integers(1, 60),
    factor=st.floats(0.5, 2.0),
    seed=st.integers(0, 99),
)
def test_any_length_keeps_its_bands_and_range(
    bands: int, frames: int, factor: float, seed: int
) -> None:
    mel = np.random.default_rng(seed).standard_normal((bands, frames)).astype(np.float32)
    longer = stretched(mel, factor)
    assert longer.shape == (bands, max(1, int(frames * factor)))
    soft = blurred(mel, 1.0, 2.0)
    assert soft.shape == mel.shape
    books = Codebooks((np.zeros((1, 2 * bands), np.float32),))
    told = tokenised(mel, books, 1, 0.5, np.random.default_rng(seed))
    assert told.shape == (bands, frames // 2 * 2)
    for changed in (longer, soft, averaged(mel, [mel], 1)):
        assert changed.dtype == np.float32
        assert changed.min() >= mel.min() - 1e-5
        assert changed.max() <= mel.max() + 1e-5

"""Batched streaming gives what one call at a time gives."""

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from ringtrue.inference.session import Session, Step
from ringtrue.training.scoring import BATCH, OnnxDetector, batches_by_length


class SumSession:
    """A model whose llr is the sum of all samples so far; the state holds it."""

    info = SimpleNamespace(sample_rate=8000, chunk_samples=800, model_name="sum")

    def zero_state(self, batch: int = 1) -> NDArray[np.float32]:
        return np.zeros((batch, 1), np.float32)

    def run(self, pcm: NDArray[np.float32], state: NDArray[np.float32]) -> Step:
        assert pcm.flags.c_contiguous
        after = state + pcm.sum(axis=1, keepdims=True)
        ones = np.ones(len(pcm), np.float32)
        return Step(ones, after[:, 0], ones * 2, after)


def _detector() -> OnnxDetector:
    return OnnxDetector(cast(Session, SumSession()))


def test_scores_are_those_at_the_end_in_the_order_given() -> None:
    lengths = [1, 4000, 0, 800, 801, 1600, *([2400] * BATCH)]
    audio = [np.ones(n, np.float32) for n in lengths]
    scores = _detector().scores(audio)
    assert scores.dtype == np.float32
    np.testing.assert_array_equal(scores, np.array(lengths, np.float32))


def test_trajectories_have_one_value_per_chunk() -> None:
    first, second = _detector().trajectories([np.ones(2000, np.float32), np.zeros(800, np.float32)])
    np.testing.assert_array_equal(first.voice_llr, [800, 1600, 2000])
    np.testing.assert_array_equal(first.speech_seconds, [2, 2, 2])
    np.testing.assert_array_equal(second.voice_llr, [0])


def test_batches_hold_every_index_once() -> None:
    audio = [np.zeros(n % 7, np.float32) for n in range(3 * BATCH + 1)]
    batches = list(batches_by_length(audio))
    assert sorted(i for batch in batches for i in batch) == list(range(len(audio)))
    assert max(map(len, batches)) == BATCH
    assert list(batches_by_length([])) == []


def test_refuses_another_rate_and_nan() -> None:
    session = SumSession()
    session.info = SimpleNamespace(sample_rate=16000, chunk_samples=1600, model_name="wide")
    with pytest.raises(ValueError, match="expected a model at 8000 Hz, got 16000"):
        OnnxDetector(cast(Session, session))
    with pytest.raises(ValueError, match="expected finite outputs"):
        _detector().scores([np.full(800, np.nan, np.float32)])

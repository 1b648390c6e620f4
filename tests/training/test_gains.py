"""What frame evidence counts for: an equal opinion, or the best of what is tried."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ringtrue.training import gains
from ringtrue.training.gains import choose_gain
from ringtrue.training.validation import DevSet


class _Pool:
    gain = torch.zeros(())


class _Detector:
    """Its score is 0, 1, 2, 3 plus ``gain`` times 0, 0, 4, 4."""

    pool = _Pool()


def _sets() -> list[DevSet]:
    robot = np.array([False, True, False, True])
    return [DevSet(name, (np.zeros(1, np.float32),) * 4, robot, ()) for name in ("a", "b")]


@pytest.fixture(autouse=True)
def scored(monkeypatch: pytest.MonkeyPatch) -> None:
    network, frames = np.arange(4, dtype=np.float32), np.array([0, 0, 4, 4], np.float32)

    def score(detector: _Detector, audio: object) -> np.ndarray:
        return network + float(detector.pool.gain) * frames

    monkeypatch.setattr(gains, "score_audio", score)


def test_no_gains_mean_an_equal_opinion() -> None:
    chosen = choose_gain(_Detector(), _sets(), ())  # type: ignore[arg-type]
    # Standard deviations: 1.118 of the network, 2 of the frames.
    assert chosen.gain == 0.559
    (tried,) = chosen.tried
    assert tried.by_set == {"a": 0.25, "b": 0.25}
    assert (tried.objective, tried.error) == (0.25, 0.0)


def test_the_best_of_what_is_tried() -> None:
    detector = _Detector()
    # Scores of humans and robots in turn, for the best weight 0, 1, 0.8, 1.8.
    chosen = choose_gain(detector, _sets(), (0.0, -0.3, 1.0))  # type: ignore[arg-type]
    assert [t.objective for t in chosen.tried] == [0.25, 0.0, 0.25]
    assert chosen.gain == -0.3
    assert detector.pool.gain.item() == pytest.approx(-0.3)


def test_evidence_that_says_nothing_has_no_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gains, "score_audio", lambda detector, audio: np.zeros(4, np.float32))
    with pytest.raises(ValueError, match="differs between trials"):
        choose_gain(_Detector(), _sets(), ())  # type: ignore[arg-type]

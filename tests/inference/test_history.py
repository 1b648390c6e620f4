from __future__ import annotations

import numpy as np
import pytest

from ringtrue.inference.decision import Label, Verdict
from ringtrue.inference.history import ENVELOPE_POINTS, CallHistory


def verdict(at: float, label: Label = "unsure", llr: float = 0.0, speech: float = 0.0) -> Verdict:
    return Verdict(label, 0.5, llr, llr, speech, 0.0, at, 0.0, ())


def test_bounded_and_still_true() -> None:
    history = CallHistory(max_points=8)
    for i in range(1000):
        chunk = np.full(800, -0.5 if i == 500 else 0.1, np.float32)
        history.add(verdict((i + 1) / 10, llr=float(i), speech=float(i == 500)), chunk, 0.1)
    assert 4 <= len(history.llr) <= 8
    assert len(history.speech) == len(history.voice_llr) == len(history.llr)
    assert len(history.low) == len(history.high) == ENVELOPE_POINTS * len(history.llr)
    assert history.seconds == 100.0
    assert history.step * len(history.llr) == pytest.approx(100.0, abs=history.step)
    assert history.llr[-1] == 999.0
    assert max(history.speech) == 1.0
    assert min(history.low) == -0.5


def test_points_keep_the_last_value_of_their_step() -> None:
    history = CallHistory(max_points=4)
    for i in range(8):
        history.add(verdict(i / 10, llr=float(i)), np.zeros(800, np.float32), 0.1)
    assert history.chunks_per_point == 2
    assert history.llr == [1.0, 3.0, 5.0, 7.0]


def test_changes_and_spans() -> None:
    history = CallHistory()
    labels: list[Label] = ["unsure", "robot", "robot", "human", "robot"]
    for i, label in enumerate(labels):
        history.add(verdict(i + 1.0, label), np.zeros(800, np.float32), 1.0)
    assert history.changes == [(2.0, "robot"), (4.0, "human"), (5.0, "robot")]
    assert history.flagged_at == 2.0
    assert history.spans("robot") == [(2.0, 4.0), (5.0, 5.0)]
    assert history.spans("human") == [(4.0, 5.0)]
    assert history.spans("unsure") == [(0.0, 2.0)]


@pytest.mark.parametrize("points", [0, 1, 7])
def test_odd_bounds(points: int) -> None:
    with pytest.raises(ValueError, match="even max_points"):
        CallHistory(max_points=points)

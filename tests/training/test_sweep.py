"""Settings that need no training: parsed strictly, measured with unchanged weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ringtrue.model.detector import Detector, DetectorConfig
from ringtrue.training.sweep import Setting, parse_setting, sweep
from ringtrue.training.validation import DevSet, objective_of, score_audio


def test_setting_is_parsed() -> None:
    wanted = Setting("pool", "memory_seconds", (5.0, 10.0, 2.5))
    assert parse_setting("pool.memory_seconds=5,10,2.5") == wanted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("memory_seconds=5", "PART.FIELD"),
        ("pool.unknown=5", "PART.FIELD"),
        ("nothing.memory_seconds=5", "PART.FIELD"),
        ("network.embedding=5", "real number"),
        ("pool.memory_seconds=five", "expected numbers"),
        ("pool.memory_seconds", "expected numbers"),
    ],
)
def test_other_settings_are_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_setting(text)


def test_only_the_setting_changes() -> None:
    rng = np.random.default_rng(3)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        detector = Detector(DetectorConfig()).eval()
    audio = tuple(rng.normal(0, 0.1, 8000).astype(np.float32) for _ in range(4))
    sets = [DevSet("noise@1", audio, np.array([True, False, True, False]))]
    low, same = sweep(detector, Setting("pool", "ramp_seconds", (5.0, 0.3)), sets)
    assert (low.value, same.value) == (5.0, 0.3)
    assert same.objective == objective_of([score_audio(detector, audio)], sets)
    assert 0.0 <= low.eers["noise@1"] <= 1.0
    assert detector.config.pool.ramp_seconds == 0.3

"""Flags of whole calls follow the decision of the call monitor."""

import math

import numpy as np
import pytest

from ringtrue.inference.decision import HOLD_CHUNKS
from ringtrue.model.contract import ModelInfo, OperatingPoint
from ringtrue.training.calls import calls_of, first_flag, peak_llr, trough_llr
from ringtrue.training.heard import Heard
from ringtrue.training.manifest import Clip
from ringtrue.training.scoring import Trajectory

POINT = OperatingPoint("cautious", 3.0, 2.0, -1.0, 1.0)
INFO = ModelInfo(
    "m", "0", 8000, 800, 1, 1.0, 10.0, (POINT,), (), "linear", "", "Apache-2.0"
)  # fmt: skip


def _told(*llr: float, speech: float = 5.0) -> Trajectory:
    values = np.array(llr, np.float32)
    return Trajectory(values, np.ones_like(values), np.full_like(values, speech))


def test_a_flag_needs_several_chunks_in_a_row() -> None:
    assert HOLD_CHUNKS == 3
    assert first_flag(_told(0, 4, 4, 4, 0), POINT, INFO) == 3
    assert first_flag(_told(4, 4, 0, 4, 4), POINT, INFO) is None
    assert first_flag(_told(4, 4, 4, speech=0.5), POINT, INFO) is None


def test_the_peak_is_the_highest_threshold_that_flags() -> None:
    told = _told(9, 1, 3, 4, 5, 2, 2, -7)
    assert peak_llr(told, 1.0) == 3
    at = OperatingPoint("x", peak_llr(told, 1.0), 0, -1, 1)
    above = OperatingPoint("x", peak_llr(told, 1.0) + 0.01, 0, -1, 1)
    assert first_flag(told, at, INFO) == 4
    assert first_flag(told, above, INFO) is None
    assert trough_llr(told, 1.0) == 2
    assert peak_llr(_told(1, 1), 1.0) == -math.inf
    assert trough_llr(_told(1, 1, 1, speech=0.5), 1.0) == math.inf


@pytest.mark.parametrize(("condition", "calls"), [("phone", [12]), ("studio", [5, 5, 2])])
def test_recordings_stay_whole_and_voices_are_cut_into_calls(
    condition: str, calls: list[int]
) -> None:
    heard = {}
    for index in range(12):
        clip = Clip(str(index), "p", "human", "dev", 1, "s", speaker="s:1", condition=condition)
        heard[clip.id] = Heard(clip, np.zeros(8000, np.int16), np.ones(50, np.bool_))
    found = calls_of("v", heard, longest=5.0)
    assert [len(call.pieces) for call in found] == calls
    assert [call.seconds for call in found] == [float(n) for n in calls]

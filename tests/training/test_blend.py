"""Averages of weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ringtrue.model.detector import Detector, DetectorConfig
from ringtrue.training.blend import blend, try_blends
from ringtrue.training.validation import DevSet

SMALL = {"network": {"stem": [4, 4], "embedding": 8, "hidden": 4, "dilations": [1]}}


def _detector(seed: int) -> Detector:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Detector(DetectorConfig.from_dict(SMALL)).eval()


def test_the_ends_are_the_two_detectors_and_the_middle_is_their_mean() -> None:
    first, second = _detector(1), _detector(2)
    first.calibrate(0.7, 0.2)
    for share, expected in ((0.0, first), (1.0, second)):
        for name, value in blend(first, second, share).state_dict().items():
            if name not in ("scale", "offset"):
                torch.testing.assert_close(value, expected.state_dict()[name])
    middle = blend(first, second, 0.5)
    assert not middle.training
    assert (middle.scale.item(), middle.offset.item()) == (1.0, 0.0)
    for name, value in middle.named_parameters():
        mean = (first.state_dict()[name] + second.state_dict()[name]) / 2
        torch.testing.assert_close(value, mean)


def test_what_does_not_fit_is_refused() -> None:
    other = Detector(DetectorConfig.from_dict({"network": {**SMALL["network"], "hidden": 6}}))
    with pytest.raises(ValueError, match="two checkpoints of one network; the first lacks, or has"):
        blend(_detector(1), other, 0.5)
    with pytest.raises(ValueError, match=r"a share of 0 to 1, got 1\.5"):
        blend(_detector(1), _detector(2), 1.5)


def test_every_share_is_measured_in_order() -> None:
    rng = np.random.default_rng(0)
    audio = tuple(0.1 * rng.standard_normal(8000).astype(np.float32) for _ in range(4))
    sets = [DevSet("noise@1", audio, np.array([True, False, True, False]))]
    found = list(try_blends(_detector(1), _detector(2), (0.0, 0.5, 1.0), sets))
    assert [tried.share for tried in found] == [0.0, 0.5, 1.0]
    assert all(0.0 <= tried.objective <= 1.0 for tried in found)

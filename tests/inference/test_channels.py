from __future__ import annotations

import numpy as np
import pytest

from ringtrue.inference.channels import pick_channels

BLOCK = np.array([[1.0, 0.0, 0.5], [0.0, 0.5, 0.25]], np.float32)


@pytest.mark.parametrize(
    ("choice", "names", "first"),
    [
        ("left", ["left"], [1.0, 0.0]),
        ("right", ["right"], [0.0, 0.5]),
        ("mix", ["mix"], [0.5, 0.25]),
        ("both", ["left", "right"], [1.0, 0.0]),
    ],
)
def test_stereo_and_more(choice: str, names: list[str], first: list[float]) -> None:
    picks = pick_channels(3, choice)
    assert [p.name for p in picks] == names
    taken = picks[0].take(BLOCK)
    assert taken.dtype == np.float32
    np.testing.assert_allclose(taken, first)


@pytest.mark.parametrize("choice", ["left", "mix", "both"])
def test_mono(choice: str) -> None:
    (pick,) = pick_channels(1, choice)
    assert pick.name == "mono"
    np.testing.assert_array_equal(pick.take(BLOCK[:, :1]), [1.0, 0.0])


def test_right_of_mono() -> None:
    with pytest.raises(ValueError, match="only one channel"):
        pick_channels(1, "right")


def test_unknown_choice() -> None:
    with pytest.raises(ValueError, match="expected channel left, right, mix or both, got 'front'"):
        pick_channels(2, "front")

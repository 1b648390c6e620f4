from __future__ import annotations

import numpy as np
import pytest

from ringtrue.inference.channels import ChannelPick
from ringtrue.inference.follow import Line, check_speed, follow
from ringtrue.inference.monitor import CallMonitor
from ringtrue.inference.session import Session

from .toy_model import human, robot


class Clock:
    def __init__(self) -> None:
        self.now, self.slept = 100.0, 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds


def lines(toy: Session) -> list[Line]:
    return [
        Line(ChannelPick("left", 0), CallMonitor(toy)),
        Line(ChannelPick("right", 1), CallMonitor(toy)),
    ]


BLOCKS = np.split(np.stack([robot(3), human(3)], 1), 30)


def test_each_channel_goes_to_its_monitor(toy: Session) -> None:
    followed = lines(toy)
    heard = list(follow(BLOCKS, 8000, followed))
    assert heard[:2] == [0.1, 0.2]
    assert heard[-2:] == [3.0, 3.0]
    assert [line.monitor.verdict.verdict for line in followed] == ["robot", "human"]


@pytest.mark.parametrize(("speed", "seconds"), [(1.0, 3.0), (2.0, 1.5), (0.0, 0.0)])
def test_pace(toy: Session, speed: float, seconds: float) -> None:
    clock = Clock()
    list(follow(BLOCKS, 8000, lines(toy), speed, clock, clock.sleep))
    assert clock.slept == pytest.approx(seconds)


def test_slow_work_is_caught_up(toy: Session) -> None:
    clock = Clock()
    for _ in follow(BLOCKS, 8000, lines(toy), 1.0, clock, clock.sleep):
        clock.now += 0.09
    assert clock.now == pytest.approx(103.0, abs=0.2)


@pytest.mark.parametrize("speed", [-1.0, float("nan"), float("inf")])
def test_impossible_speeds(speed: float) -> None:
    with pytest.raises(ValueError, match="expected a speed of 0"):
        check_speed(speed)

"""Feeds audio to monitors at the pace of a call."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ringtrue.inference.channels import ChannelPick
from ringtrue.inference.monitor import CallMonitor

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Line:
    """One followed channel and its monitor; ``near`` is the other party's where it is heard too."""

    pick: ChannelPick
    monitor: CallMonitor
    near: ChannelPick | None = None


def check_speed(speed: float) -> float:
    """``speed`` if it is 0 or more and finite; ValueError otherwise."""
    if not math.isfinite(speed) or speed < 0:
        raise ValueError(f"expected a speed of 0 (as fast as possible) or more, got {speed}")
    return speed


def follow(
    blocks: Iterable[Samples],
    sample_rate: int,
    lines: Sequence[Line],
    speed: float = 0.0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[float]:
    """Push blocks [frames, channels] to the monitors and yield the seconds heard so far.

    Args:
        blocks: audio; blocks of 100 ms look live.
        sample_rate: Hz.
        lines: channels and their monitors; they are finished at the end.
        speed: 1 is the pace of the call, 2 twice as fast, 0 no waiting (also right for sources
            that are live themselves).
        clock, sleep: for tests.
    """
    check_speed(speed)
    start = clock()
    frames = 0
    for block in blocks:
        frames += len(block)
        seconds = frames / sample_rate
        if speed > 0:
            # The block has been spoken only when its end is due.
            sleep(max(0.0, start + seconds / speed - clock()))
        for line in lines:
            near = None if line.near is None else line.near.take(block)
            line.monitor.push(line.pick.take(block), sample_rate, near)
        yield seconds
    for line in lines:
        line.monitor.finish()
    yield frames / sample_rate

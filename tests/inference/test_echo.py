from __future__ import annotations

import numpy as np
import pytest

from ringtrue.inference.evidence.base import Chunk
from ringtrue.inference.evidence.echo import DELAY_CHUNKS, EchoGate
from ringtrue.inference.evidence.replay import ReplayStream

from .replay.voices import Samples, silence, voice


def chunk(far: float, near: float | None, near_speech: float | None) -> Chunk:
    ones = np.ones(800, np.float32)
    return Chunk(far * ones, 0.9, 0.1, None if near is None else near * ones, near_speech)


def test_weaker_than_a_near_end_that_speaks() -> None:
    assert EchoGate().may_be_echo(chunk(0.049, 0.1, 0.9))
    assert not EchoGate().may_be_echo(chunk(0.051, 0.1, 0.9))
    assert not EchoGate().may_be_echo(chunk(0.001, 0.1, 0.4))
    assert not EchoGate().may_be_echo(chunk(0.001, None, None))
    assert not EchoGate().may_be_echo(chunk(0.0, 0.0, 0.9))


def test_an_echo_may_come_late() -> None:
    gate = EchoGate()
    assert gate.may_be_echo(chunk(0.01, 0.1, 0.9))
    late = [gate.may_be_echo(chunk(0.01, 0.0, 0.1)) for _ in range(DELAY_CHUNKS)]
    assert late == [True] * (DELAY_CHUNKS - 1) + [False]


@pytest.mark.parametrize("heard", [True, False])
def test_the_echo_of_a_greeting_that_comes_twice_is_no_repeat(heard: bool) -> None:
    greeting = voice(7, 3.0)
    near = np.concatenate([greeting, silence(2.0), greeting, silence(2.0)])
    far: Samples = 0.1 * np.concatenate([silence(0.15), near])[: len(near)]
    stream = ReplayStream()
    for at in range(0, len(near) - 799, 800):
        part = slice(at, at + 800)
        pair = (near[part], 0.9) if heard and np.any(near[part]) else (near[part], 0.1)
        stream.push(Chunk(far[part], 0.9, at / 8000, *(pair if heard else (None, None))))
    assert bool(stream.matches) is not heard

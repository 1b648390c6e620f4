from __future__ import annotations

import numpy as np

from ringtrue.inference.evidence.base import Chunk, Evidence
from ringtrue.inference.history import CallHistory
from ringtrue.inference.marks import MAX_MARKS, MarkKeeper
from ringtrue.inference.monitor import CallMonitor
from ringtrue.inference.session import Session

from .toy_model import silence


def said(name: str, llr: float | None, reason: str) -> list[Evidence]:
    return [Evidence(name, llr, 2.0, reason)]


def test_marks_what_is_new() -> None:
    keeper = MarkKeeper()
    story = [
        said("voice", 3.0, "voice: 20:1 for synthetic"),
        said("timing", None, "timing: too few answers"),
        said("timing", 0.2, "timing: 1 answer after 0.31 s"),
        said("timing", 0.2, "timing: 1 answer after 0.31 s"),
        said("timing", 0.9, "timing: 2 answers after 0.32 s"),  # other words
        said("timing", 1.3, "timing: 3 answers after 0.30 s"),
        said("timing", 1.95, "timing: 4 answers after 0.30 s"),  # moved by 1.0
        said("timing", None, ""),
        said("timing", 1.95, "timing: 4 answers after 0.30 s"),  # back again
        said("replay", 9.0, "replay: heard 41 s ago"),  # capped
    ]
    for i, evidence in enumerate(story):
        keeper.add(float(i), evidence)
    assert [(m.at, m.stream, m.llr) for m in keeper.marks] == [
        (2.0, "timing", 0.2), (4.0, "timing", 0.9), (6.0, "timing", 1.95), (8.0, "timing", 1.95),
        (9.0, "replay", 2.0),
    ]  # fmt: skip
    assert keeper.marks[-1].text == "replay: heard 41 s ago"


def test_bounded() -> None:
    keeper = MarkKeeper()
    for i in range(1000):
        keeper.add(float(i), said("replay", float(i % 2) * 2, f"replay: {i}"))
    assert len(keeper.marks) == MAX_MARKS


class Clock:
    """Evidence from 0.5 s on."""

    name = "clock"

    def push(self, chunk: Chunk) -> Evidence:
        late = chunk.at > 0.45
        return Evidence("clock", 1.0 if late else None, reason="clock: late" if late else "")

    def reset(self) -> None: ...


def test_the_monitor_fills_them(toy: Session) -> None:
    monitor = CallMonitor(toy, history=CallHistory(), streams=[Clock()])
    monitor.push(silence(2), 8000)
    assert monitor.history is not None
    assert [(m.at, m.text) for m in monitor.history.marks] == [(0.5, "clock: late")]
    monitor.reset()
    assert monitor.history.marks == []
    monitor.push(np.zeros(800, np.float32), 8000)
    assert monitor.history.marks == []

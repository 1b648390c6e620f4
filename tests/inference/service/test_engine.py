"""The engine without sockets: batches, evidence streams, the near end, pace, failures."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ringtrue.inference.evidence.base import Chunk, Evidence
from ringtrue.inference.monitor import CallMonitor
from ringtrue.inference.raw_pcm import RawFormat
from ringtrue.inference.service.call import CallFormat, LiveCall
from ringtrue.inference.service.ends import End
from ringtrue.inference.service.engine import BatchEngine, BatchReport
from ringtrue.inference.service.events import verdict_values
from ringtrue.inference.service.settings import ServiceSettings
from ringtrue.inference.session import Session, Step

from ..toy_model import human, robot, silence

FLOAT = RawFormat(8000, "f32le")
STEREO = RawFormat(8000, "f32le", 2)


@dataclass
class Ear:
    """An evidence stream that remembers what it heard."""

    llr: float = 0.75
    heard: list[Chunk] = field(default_factory=list)
    name = "ear"

    def push(self, chunk: Chunk) -> Evidence:
        self.heard.append(chunk)
        return Evidence("ear", self.llr, 1.0, f"ear: {len(self.heard)} chunks")

    def reset(self) -> None:
        self.heard.clear()


def pcm(samples: npt.NDArray[np.float32]) -> bytes:
    return samples.astype("<f4").tobytes()


def run(
    session: Any,
    feeds: list[tuple[LiveCall, bytes, bytes]],
    *,
    max_batch: int = 64,
    cut: int = 3200,
) -> tuple[dict[str, list[dict[str, Any]]], list[BatchReport]]:
    """Feed calls in turn, end them, and gather what the engine says."""
    reports: list[BatchReport] = []

    async def work() -> None:
        engine = BatchEngine(session, reports.append, gather_seconds=0.002, max_batch=max_batch)
        engine.start()
        longest = max(len(far) for _, far, _ in feeds)
        for start in range(0, longest, cut):
            for call, far, near in feeds:
                call.feed_near(near[start : start + cut])
                engine.feed(call, far[start : start + cut])
            await asyncio.sleep(0)
        for call, _, _ in feeds:
            engine.end(call, End.STOPPED)
        async with asyncio.timeout(20):
            while sum(len(report.closed) for report in reports) < len(feeds):
                await asyncio.sleep(0.005)
        await asyncio.to_thread(engine.stop)
        assert not engine.alive

    asyncio.run(work())
    told: dict[str, list[dict[str, Any]]] = {call.name: [] for call, _, _ in feeds}
    for report in reports:
        for call, text, _ in report.told:
            told[call.name].append(json.loads(text))
    return told, reports


def live(session: Any, name: str, form: CallFormat, **settings: Any) -> LiveCall:
    chosen = {"max_speed": 0.0, "buffer_seconds": 600.0, "interval_ms": 100, **settings}
    return LiveCall(name, "test", form, session, ServiceSettings(**chosen))


def test_batches_judge_as_call_monitor_does(toy: Session) -> None:
    sounds = [np.concatenate((robot(0.3 * i + 0.1), human(2.0))) for i in range(7)]
    calls = [live(toy, str(i), CallFormat(FLOAT)) for i in range(7)]
    told, reports = run(
        toy, [(c, pcm(s), b"") for c, s in zip(calls, sounds, strict=True)], max_batch=4
    )
    for i, sound in enumerate(sounds):
        monitor = CallMonitor(toy)
        wanted = [verdict_values(v) for v in monitor.push(sound, 8000) + monitor.finish()]
        *verdicts, final = told[str(i)]
        assert [{k: e[k] for k in wanted[0]} for e in verdicts] == wanted
        assert final["type"] == "final"
    rows = [report.rows for report in reports]
    assert max(rows) <= 4
    assert max(rows) > 1


def test_evidence_streams_count_as_in_call_monitor(toy: Session) -> None:
    ear = Ear()
    call = live(toy, "a", CallFormat(FLOAT), streams=lambda: [ear])
    sound = np.concatenate((robot(1.5), silence(0.5)))
    told, _ = run(toy, [(call, pcm(sound), b"")])
    other = Ear()
    monitor = CallMonitor(toy, streams=[other])
    wanted = [verdict_values(v) for v in monitor.push(sound, 8000)]
    assert [{k: e[k] for k in wanted[0]} for e in told["a"][:-1]] == wanted
    assert wanted[-1]["reasons"][1] == "ear: 20 chunks"
    assert all(np.array_equal(x.far, y.far) for x, y in zip(ear.heard, other.heard, strict=True))
    assert ear.heard[0].near is None


@pytest.mark.parametrize("apart", [False, True])
def test_streams_hear_the_near_end_in_step(toy: Session, apart: bool) -> None:
    ear = Ear()
    far, near = robot(2.0), np.concatenate((silence(1.0), human(1.0)))
    form = CallFormat(FLOAT, near_apart=True) if apart else CallFormat(STEREO, far=1, near=0)
    call = live(toy, "a", form, streams=lambda: [ear])
    data = pcm(far) if apart else pcm(np.stack((near, far), axis=1))
    told, _ = run(toy, [(call, data, pcm(near) if apart else b"")])
    assert len(ear.heard) == 20
    for k, chunk in enumerate(ear.heard):
        assert chunk.near is not None
        assert np.array_equal(chunk.far, far[800 * k : 800 * (k + 1)])
        assert np.array_equal(chunk.near, near[800 * k : 800 * (k + 1)])
        assert chunk.near_speech is not None
        assert (chunk.near_speech > 0.5) == (k >= 10)
    assert told["a"][-1]["verdict"] == "robot"


def test_without_streams_the_near_end_is_not_kept(toy: Session) -> None:
    call = live(toy, "a", CallFormat(FLOAT, near_apart=True))
    call.feed_near(bytes(1000))
    assert call.near is None
    assert len(call._near_data) == 0


def test_events_come_at_changes_and_at_intervals(toy: Session) -> None:
    call = live(toy, "a", CallFormat(FLOAT), interval_ms=1000)
    told, _ = run(toy, [(call, pcm(robot(3.0)), b"")])
    shown = [(e["at"], e.get("changed")) for e in told["a"]]
    assert shown == [(0.1, False), (1.1, False), (1.3, True), (2.3, False), (3.0, None)]


def test_a_call_is_heard_no_faster_than_its_pace(toy: Session) -> None:
    """The engine leaves a call alone until its time; others are heard meanwhile."""
    slow = live(toy, "slow", CallFormat(FLOAT), max_speed=10.0, burst_seconds=0.01)
    quick = live(toy, "quick", CallFormat(FLOAT))
    reports: list[BatchReport] = []

    async def work() -> float:
        engine = BatchEngine(toy, reports.append, gather_seconds=0.0)
        engine.start()
        engine.feed(slow, pcm(robot(60.0)))
        engine.feed(quick, pcm(robot(60.0)))
        engine.end(quick, End.STOPPED)
        async with asyncio.timeout(20):
            while not quick.closed:
                await asyncio.sleep(0.001)
        heard = slow.verdict.at
        engine.end(slow, End.HUNG_UP)
        async with asyncio.timeout(20):
            while not slow.closed:
                await asyncio.sleep(0.001)
        await asyncio.to_thread(engine.stop)
        return heard

    heard = asyncio.run(work())
    assert heard < 60.0
    assert slow.verdict.at == quick.verdict.at == 60.0


class Moody:
    """A session that fails, or answers NaN to one row."""

    def __init__(self, session: Session, break_it: Callable[[Step], Step]) -> None:
        self._session, self._break = session, break_it
        self.info = session.info

    def zero_state(self, batch: int = 1) -> npt.NDArray[np.float32]:
        return self._session.zero_state(batch)

    def run(self, pcm: npt.NDArray[np.float32], state: npt.NDArray[np.float32]) -> Step:
        return self._break(self._session.run(pcm, state))


def test_a_model_that_cannot_be_run_ends_the_calls_of_the_batch(toy: Session) -> None:
    def fail(step: Step) -> Step:
        raise RuntimeError("no memory")

    moody = Moody(toy, fail)
    call = live(moody, "a", CallFormat(FLOAT))
    told, _ = run(moody, [(call, pcm(robot(0.5)), b"")])
    (final,) = told["a"]
    assert (final["end"], final["at"]) == ("failed", 0.0)
    assert "no memory" in final["detail"]


def test_an_answer_of_nan_ends_one_call_only(toy: Session) -> None:
    def spoil(step: Step) -> Step:
        llr = step.voice_llr.copy()
        llr[llr < -0.1] = np.nan
        return Step(step.speech, llr, step.speech_seconds, step.state)

    moody = Moody(toy, spoil)
    calls = [live(moody, name, CallFormat(FLOAT)) for name in "ab"]
    told, _ = run(moody, [(calls[0], pcm(robot(2.0)), b""), (calls[1], pcm(human(2.0)), b"")])
    assert (told["a"][-1]["end"], told["a"][-1]["at"]) == ("stopped", 2.0)
    assert told["b"][-1]["end"] == "failed"
    assert "expected a finite voice_llr" in told["b"][-1]["detail"]


def test_audio_after_the_end_is_not_kept(toy: Session) -> None:
    call = live(toy, "a", CallFormat(FLOAT))
    run(toy, [(call, pcm(robot(0.3)), b"")])
    assert not call.feed(bytes(100_000))
    assert call.waiting_seconds == 0.0
    assert not call.full


def test_an_unexpected_error_ends_a_call_and_not_the_engine(
    toy: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = live(toy, "bad", CallFormat(FLOAT)), live(toy, "good", CallFormat(FLOAT))

    def fail() -> None:
        raise MemoryError

    monkeypatch.setattr(bad, "fill", fail)
    told, _ = run(toy, [(bad, pcm(robot(0.2)), b"")])
    assert [(e["type"], e["end"], e["detail"]) for e in told["bad"]] == [
        ("final", "failed", "MemoryError")
    ]
    told, _ = run(toy, [(good, pcm(robot(0.2)), b"")])
    assert told["good"][-1]["end"] == "stopped"

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringtrue.inference.decision import Verdict
from ringtrue.inference.evidence.base import Chunk, Evidence
from ringtrue.inference.fusion import fused_voice
from ringtrue.inference.history import CallHistory
from ringtrue.inference.monitor import CallMonitor, to_float
from ringtrue.inference.session import Session

from .toy_model import human, robot, silence, toy_info, write_toy

MODEL: dict[str, Session] = {}


@pytest.fixture(autouse=True, scope="module")
def _model(toy: Session) -> None:
    MODEL["toy"] = toy


def call(rate: int) -> np.ndarray:
    parts = [silence(0.33, rate), robot(2.0, rate), silence(0.5, rate), human(1.07, rate)]
    return np.concatenate(parts)


def listen(x: np.ndarray, rate: int, sizes: list[int]) -> list[Verdict]:
    monitor = CallMonitor(MODEL["toy"])
    verdicts, start, turn = [], 0, 0
    while start < len(x):
        size = sizes[turn % len(sizes)]
        verdicts += monitor.push(x[start : start + size], rate)
        start, turn = start + size, turn + 1
    return verdicts + monitor.finish()


@settings(deadline=None, max_examples=40)
@given(
    rate=st.sampled_from([8000, 11025, 16000, 48000]),
    sizes=st.lists(st.integers(1, 9000), min_size=1, max_size=6),
)
def test_any_chunking_gives_the_same_verdicts(rate: int, sizes: list[int]) -> None:
    x = call(rate)
    # The long last size keeps a list of ones from pushing every sample alone.
    assert listen(x, rate, [*sizes, 3001]) == listen(x, rate, [len(x)])


def test_empty_pushes_change_nothing(toy: Session) -> None:
    monitor = CallMonitor(toy)
    assert monitor.push([], 8000) == []
    assert monitor.push(np.zeros(0, np.int16), 8000) == []
    assert len(monitor.push(robot(0.1), 8000)) == 1


def test_one_verdict_per_100_ms(toy: Session) -> None:
    monitor = CallMonitor(toy)
    assert monitor.push(np.zeros(799), 8000) == []
    assert [v.at for v in monitor.push(np.zeros(1601), 8000)] == [0.1, 0.2, 0.3]
    assert monitor.verdict.at == 0.3


def test_robot_is_flagged_and_handed_over(toy: Session) -> None:
    monitor = CallMonitor(toy)
    verdicts = monitor.push(np.concatenate([silence(1), robot(3), human(6)]), 8000)
    changes = [v for a, v in pairwise(verdicts) if a.verdict != v.verdict]
    assert [v.verdict for v in changes] == ["robot", "unsure", "human"]
    assert monitor.flagged_at == changes[0].at == changes[0].since
    assert 2.0 < changes[0].at < 2.6
    assert monitor.verdict.verdict == "human"
    assert monitor.verdict.since == changes[-1].at
    assert changes[0].reasons[0].startswith("voice: ")
    assert changes[0].p_robot > 0.98
    assert monitor.heard_speech_seconds == pytest.approx(9.0)


def test_balanced_flags_no_later_than_cautious(toy: Session) -> None:
    found = []
    for name in ("balanced", "cautious"):
        monitor = CallMonitor(toy, name)
        monitor.push(0.5 * robot(3) + 0.4 * human(3), 8000)
        found.append(monitor.flagged_at or 99.0)
    assert found[0] <= found[1]


def test_silence_is_unsure(toy: Session) -> None:
    monitor = CallMonitor(toy)
    assert {v.verdict for v in monitor.push(silence(10), 8000)} == {"unsure"}
    assert monitor.verdict.p_robot == pytest.approx(0.5, abs=1e-3)
    assert monitor.heard_speech_seconds == 0.0


def test_before_the_first_chunk(toy: Session) -> None:
    verdict = CallMonitor(toy).verdict
    assert (verdict.verdict, verdict.at, verdict.p_robot) == ("unsure", 0.0, 0.5)


@pytest.mark.parametrize(
    "dtype", [np.int8, np.uint8, np.int16, np.int32, np.float16, np.float32, np.float64]
)
def test_types_mean_the_same(toy: Session, dtype: type) -> None:
    x = 0.5 * np.sin(2 * np.pi * 300 * np.arange(800) / 8000)
    scale = {"i": 2.0 ** (8 * np.dtype(dtype).itemsize - 1), "u": 128.0, "f": 1.0}
    kind = np.dtype(dtype).kind
    y = (x * scale[kind] + (128 if kind == "u" else 0)).astype(dtype)
    got = to_float(y)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, x, atol=0.01 if np.dtype(dtype).itemsize == 1 else 1e-3)
    assert len(CallMonitor(toy).push(y, 8000)) == 1


@pytest.mark.parametrize(
    ("samples", "rate", "words"),
    [
        (np.zeros((2, 800)), 8000, r"one channel \[n\], got shape \[2, 800\]"),
        (np.zeros(800, np.int64), 8000, "got int64"),
        (np.zeros(800, complex), 8000, "got complex128"),
        (np.full(800, np.nan), 8000, "finite samples"),
        (np.full(800, np.inf), 8000, "finite samples"),
        (np.zeros(800), 0, "sample rate"),
        (np.zeros(800), 44100.5, "sample rate"),
        (np.zeros(800), 16000, "expected 8000 Hz as before in this call, got 16000 Hz"),
    ],
)
def test_refused_samples_leave_no_trace(
    toy: Session, samples: np.ndarray, rate: int, words: str
) -> None:
    monitor, other = CallMonitor(toy), CallMonitor(toy)
    x = call(8000)
    for one in (monitor, other):
        one.push(x[:1234], 8000)
    with pytest.raises(ValueError, match=words):
        monitor.push(samples, rate)
    assert monitor.push(x[1234:], 8000) == other.push(x[1234:], 8000)


def test_refused_first_samples_do_not_fix_the_rate(toy: Session) -> None:
    monitor = CallMonitor(toy)
    with pytest.raises(ValueError, match="finite"):
        monitor.push([np.nan], 16000)
    monitor.push(np.zeros(10), 8000)


@pytest.mark.parametrize(("extra", "chunks"), [(0, 1), (399, 1), (400, 2), (799, 2)])
def test_finish_completes_at_least_half_a_chunk(toy: Session, extra: int, chunks: int) -> None:
    monitor = CallMonitor(toy)
    got = monitor.push(np.zeros(800 + extra), 8000)
    assert len(got + monitor.finish()) == chunks
    assert monitor.finish() == []


def test_push_after_finish(toy: Session) -> None:
    monitor = CallMonitor(toy)
    monitor.finish()
    with pytest.raises(ValueError, match=r"reset\(\) starts the next one"):
        monitor.push(np.zeros(1), 8000)


def test_reset_forgets_everything(toy: Session) -> None:
    history = CallHistory()
    monitor = CallMonitor(toy, history=history)
    first = monitor.push(call(8000), 8000)
    assert history.flagged_at is not None
    monitor.finish()
    monitor.reset()
    assert (monitor.flagged_at, monitor.heard_speech_seconds) == (None, 0.0)
    assert monitor.history is not None
    assert monitor.history.seconds == 0.0
    monitor.push(np.zeros(1600), 16000)
    monitor.reset()
    assert monitor.push(call(8000), 8000) == first


def test_the_callers_array_is_not_kept(toy: Session) -> None:
    monitor, other = CallMonitor(toy), CallMonitor(toy)
    x = call(8000)[:4000].copy()
    other.push(x.copy(), 8000)
    monitor.push(x, 8000)
    x[:] = 1.0
    assert monitor.push(np.zeros(800), 8000) == other.push(np.zeros(800), 8000)


def test_many_calls_share_a_session(toy: Session) -> None:
    alone = CallMonitor(toy)
    expected = alone.push(robot(2), 8000)
    a, b = CallMonitor(toy), CallMonitor(toy)
    got = []
    for i in range(20):
        got += a.push(robot(2)[i * 800 : (i + 1) * 800], 8000)
        b.push(human(2)[i * 800 : (i + 1) * 800], 8000)
    assert got == expected


def test_further_evidence_is_added_up(toy: Session) -> None:
    class Replay:
        name = "replay"
        resets = 0

        def push(self, chunk: Chunk) -> Evidence:
            return Evidence("replay", 20.0, cap=9.0, reason="this clip was heard 41 s ago")

        def reset(self) -> None:
            self.resets += 1

    replay = Replay()
    monitor = CallMonitor(toy, streams=[replay])
    verdict = monitor.push(np.concatenate([human(0.5), robot(0.7)]), 8000)[-1]
    assert verdict.llr == pytest.approx(fused_voice(verdict.voice_llr) + 9.0)
    assert verdict.reasons[0] == "this clip was heard 41 s ago"
    monitor.reset()
    assert replay.resets == 1


def test_unknown_operating_point(toy: Session) -> None:
    with pytest.raises(ValueError, match=r"unknown operating point 'brave'.*cautious, balanced"):
        CallMonitor(toy, "brave")


def test_model_path_and_its_chunk(tmp_path: Path) -> None:
    path = write_toy(tmp_path / "m.onnx", info=toy_info(min_speech_seconds=2.0))
    monitor = CallMonitor(str(path))
    assert {v.verdict for v in monitor.push(robot(1.9), 8000)} == {"unsure"}

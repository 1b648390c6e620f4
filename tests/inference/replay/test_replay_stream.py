from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from ringtrue.inference.evidence.base import Chunk, Evidence
from ringtrue.inference.evidence.replay import CAP, ReplayStream
from ringtrue.inference.monitor import CallMonitor
from ringtrue.inference.replay.bank import PromptBank
from ringtrue.inference.replay.fingerprint import fingerprint
from ringtrue.inference.replay.likelihood import (
    BANK_BAR,
    MOST,
    REPEAT_BAR,
    bank_llr,
    bank_score,
    repeat_llr,
    repeat_score,
)
from ringtrue.inference.session import Session

from .voices import Samples, silence, through_mu_law, voice

CLIP = voice(31, 3.0)


def hear(stream: ReplayStream, call: Samples, speech: float = 0.9) -> list[Evidence]:
    return [
        stream.push(Chunk(call[at : at + 800], speech, (at + 800) / 8000))
        for at in range(0, len(call) - 799, 800)
    ]


def quiet_after(call: Samples) -> Samples:
    return np.concatenate([call, silence(1.5)])


def test_it_abstains_until_something_repeats() -> None:
    first = np.concatenate([voice(32, 4.0), CLIP, voice(33, 2.0)])
    again = through_mu_law(CLIP, 0.3, 4)
    stream = ReplayStream()
    evidence = hear(stream, quiet_after(np.concatenate([first, again])))
    before = evidence[: len(first) // 800]
    assert {(e.name, e.llr, e.reason) for e in before} == {("replay", None, "")}
    llrs = [e.llr for e in evidence if e.llr is not None]
    assert max(llrs) > 4
    assert "replay: the clip at 0:09 is the one of 0:04" in evidence[-1].reason
    assert evidence[-1].cap == CAP
    (match,) = stream.matches
    assert match.start == pytest.approx(9.0, abs=0.4)
    assert match.stop == pytest.approx(12.0, abs=0.6)
    assert match.earlier == pytest.approx(4.0, abs=0.4)


def test_the_evidence_fades_when_others_speak_and_not_in_silence() -> None:
    call = np.concatenate([CLIP, silence(1.0), CLIP])
    stream = ReplayStream()
    peak = hear(stream, quiet_after(call))[-1].llr
    assert peak is not None
    still = hear(stream, silence(8.0), speech=0.0)[-1].llr
    assert still == pytest.approx(peak)
    faded = hear(stream, voice(34, 8.0))[-1].llr
    assert faded is not None
    assert faded < 0.4 * peak


def test_reset_forgets_the_call() -> None:
    stream = ReplayStream()
    hear(stream, CLIP)
    stream.reset()
    assert all(e.llr is None for e in hear(stream, quiet_after(CLIP)))
    assert stream.matches == ()


def test_the_caller_may_use_his_array_again() -> None:
    call = quiet_after(np.concatenate([CLIP, silence(1.0), CLIP]))
    expected = hear(ReplayStream(), call)
    stream, block = ReplayStream(), np.empty(800, np.float32)
    for number, evidence in enumerate(expected):
        block[:] = call[800 * number : 800 * (number + 1)]
        assert stream.push(Chunk(block, 0.9, (number + 1) / 10)) == evidence
        block[:] = 1.0  # the caller may use his array again
    assert stream.matches


def test_music_that_is_no_speech_does_not_count() -> None:
    call = quiet_after(np.concatenate([CLIP, silence(1.0), CLIP]))
    assert all(e.llr is None for e in hear(ReplayStream(), call, speech=0.2))


@pytest.fixture
def bank(tmp_path: Path) -> PromptBank:
    bank = PromptBank(tmp_path / "b.bank", create=True)
    for number, day in enumerate((2, 5, 9)):
        heard = fingerprint(through_mu_law(CLIP, 0.5, number))
        bank.add_call([(0.0, heard)], f"call {number}", date(2026, 11, day))
    return bank


def test_a_prompt_of_the_bank(bank: PromptBank) -> None:
    stream = ReplayStream(bank)
    call = np.concatenate([voice(35, 2.0), through_mu_law(CLIP, 0.2, 9)])
    last = hear(stream, quiet_after(call))[-1]
    assert last.llr is not None
    assert last.llr > 4
    (info,) = bank.list()
    assert last.reason == (
        f"replay: prompt {info.name[:4]}… at 0:02 was heard in 3 earlier calls since 2026-11-02"
    )
    (match,) = stream.matches
    assert (match.prompt, match.earlier) == (info.name, None)


def test_a_prompt_listed_as_no_evidence_never_counts(bank: PromptBank) -> None:
    bank.add_call([(0.0, fingerprint(CLIP))], "carrier", date(2026, 11, 9), is_evidence=False)
    stream = ReplayStream(bank)
    call = np.concatenate([CLIP, silence(1.0), CLIP])  # it also repeats inside the call
    assert hear(stream, quiet_after(call))[-1].llr is None
    assert stream.matches == ()


def test_what_others_add_is_seen_in_the_next_call(bank: PromptBank) -> None:
    stream = ReplayStream(bank)
    new = voice(36, 3.0)
    with PromptBank(bank.path) as other:
        other.add_call([(0.0, fingerprint(new))], "elsewhere", date(2026, 11, 10))
    stream.reset()
    assert hear(stream, quiet_after(new))[-1].llr is not None


def test_in_a_monitor(toy: Session) -> None:
    monitor = CallMonitor(toy, streams=[ReplayStream()])
    call = quiet_after(np.concatenate([CLIP, silence(1.0), CLIP]))
    verdicts = monitor.push(call, 8000)
    assert any("is the one of 0:00" in reason for reason in verdicts[-1].reasons)
    assert verdicts[-1].llr > verdicts[30].llr


def unmoved(similarity: float, votes: int, frames: float) -> float:
    length = round(2 * frames)
    return repeat_score(similarity, votes, frames, 40.0, drift=0.5, length=length, coherence=0.5)


@pytest.mark.parametrize(
    ("score", "llr", "bar"),
    [(unmoved, repeat_llr, REPEAT_BAR), (bank_score, bank_llr, BANK_BAR)],
)
def test_more_is_never_less(score: object, llr: object, bar: float) -> None:
    points = [(a, v, f) for a in (0.5, 0.7, 0.9) for v in (6, 20, 80) for f in (40, 80, 300)]
    values = {p: score(*p) for p in points}  # type: ignore[operator]
    for low in points:
        for high in points:
            if all(h >= x for h, x in zip(high, low, strict=True)):
                assert values[high] >= values[low]
    figures = [llr(x) for x in np.linspace(-20, 40, 100)]  # type: ignore[operator]
    assert figures == sorted(figures)
    assert (figures[0], figures[-1]) == (0.0, MOST)
    assert llr(bar) > 0  # type: ignore[operator]


def test_span_density_and_coherence_are_more_and_drift_is_less() -> None:
    def score(
        span: float = 40.0, drift: float = 0.5, length: int = 100, coherence: float = 0.0
    ) -> float:
        return repeat_score(0.8, 20, 50.0, span, drift, length, coherence)

    spans = [score(span=span) for span in (0, 10, 50, 100)]
    assert spans == sorted(set(spans))
    assert score(span=300) == spans[-1]
    drifts = [score(drift=drift) for drift in (0.0, 0.5, 2.0, 4.0)]
    assert drifts == sorted(set(drifts), reverse=True)
    dense = [score(length=length) for length in (500, 250, 167)]
    assert dense == sorted(set(dense))
    assert score(length=60) == pytest.approx(dense[-1], abs=0.02)
    in_phase = [score(coherence=coherence) for coherence in (0.0, 0.2, 0.4)]
    assert in_phase == sorted(set(in_phase))
    assert in_phase[-1] - in_phase[0] == pytest.approx(28.0)
    assert score(coherence=1.0) - in_phase[0] == pytest.approx(32.5)
    # The same coherence over a longer stretch is less likely to be chance, up to 2.5 s.
    longer = [score(length=length, coherence=0.2) for length in (100, 150, 200)]
    assert longer == sorted(set(longer))
    assert score(length=400, coherence=0.2) < longer[-1]

from __future__ import annotations

import numpy as np

from ringtrue.inference.evidence.voice import VoiceStream
from ringtrue.inference.history import CallHistory
from ringtrue.inference.judge import CallJudge
from ringtrue.inference.monitor import CallMonitor
from ringtrue.inference.session import Session

from .toy_model import human, robot


def test_judges_as_the_monitor_that_runs_the_network_itself(toy: Session) -> None:
    call = np.concatenate([robot(3.0), human(2.0)])
    expected = CallMonitor(toy).push(call, 8000)
    judge, voice = CallJudge(toy.info, "cautious"), VoiceStream(toy)
    got = [judge.judge(chunk, voice.push(chunk)) for chunk in call.reshape(-1, 800)]
    assert got == expected
    assert judge.verdict == expected[-1]
    assert judge.flagged_at == next(v.at for v in expected if v.verdict == "robot")


def test_reset_forgets_the_call(toy: Session) -> None:
    judge, voice = CallJudge(toy.info, "cautious", history=CallHistory()), VoiceStream(toy)
    start = judge.verdict
    for chunk in robot(2.0).reshape(-1, 800):
        judge.judge(chunk, voice.push(chunk))
    assert judge.flagged_at is not None
    judge.reset()
    assert (judge.verdict, judge.flagged_at, judge.heard_speech_seconds) == (start, None, 0.0)
    assert judge.history == CallHistory()

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ringtrue.inference.evidence.voice import VoiceStream, odds, too_little, voice_reason
from ringtrue.inference.session import Session, Step
from ringtrue.model.contract import ModelInfo

from .toy_model import robot, silence, toy_info


def test_abstains_until_enough_speech(toy: Session) -> None:
    stream = VoiceStream(toy)
    said = [stream.push(chunk) for chunk in robot(1.5).reshape(-1, 800)]
    for evidence in said:
        assert (evidence.llr is not None) == (evidence.speech_seconds >= 1.0)
    assert said[0].llr is None
    assert said[0].voice_llr > 0
    assert said[0].reason == "voice: only 0.1 s of speech, at least 1.0 s needed"
    assert said[-1].llr == said[-1].voice_llr
    assert said[-1].reason.endswith("for synthetic after 1.4 s of speech")


def test_reset_starts_a_new_call(toy: Session) -> None:
    stream = VoiceStream(toy)
    first = stream.push(robot(0.1))
    stream.push(robot(0.1))
    stream.reset()
    assert stream.push(robot(0.1)) == first


def test_silence_moves_nothing(toy: Session) -> None:
    evidence = VoiceStream(toy).push(silence(0.1))
    assert evidence.voice_llr == pytest.approx(0.0, abs=1e-4)
    assert evidence.reason == "voice: no speech yet"


def test_model_that_answers_nan() -> None:
    class Broken:
        info: ModelInfo = replace(toy_info(), state_size=1)

        def zero_state(self, batch: int = 1) -> np.ndarray:
            return np.zeros((batch, 1), np.float32)

        def run(self, pcm: np.ndarray, state: np.ndarray) -> Step:
            nan = np.full(1, np.nan, np.float32)
            return Step(nan, nan, nan, state)

    with pytest.raises(ValueError, match="expected a finite voice_llr from the model, got nan"):
        VoiceStream(Broken()).push(silence(0.1))


@pytest.mark.parametrize(
    ("llr", "words"),
    [
        (0.0, "1.0:1"),
        (3.6109, "37:1"),
        (-3.6109, "37:1"),
        (1.0, "2.7:1"),
        (2.297, "9.9:1"),
        (2.2981, "10:1"),
        (50.0, "more than 1000:1"),
    ],
)
def test_odds(llr: float, words: str) -> None:
    assert odds(llr) == words


def test_words() -> None:
    assert voice_reason(3.6109, 3.2) == "voice: 37:1 for synthetic after 3.2 s of speech"
    assert voice_reason(-3.6109, 3.2) == "voice: 37:1 for human after 3.2 s of speech"
    assert too_little(0.0, 1.0) == "voice: no speech yet"

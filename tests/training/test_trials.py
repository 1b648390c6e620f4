"""Trials are planned by seconds of speech, within a recording or voice."""

import numpy as np
import pytest

from ringtrue.training.heard import Heard
from ringtrue.training.manifest import Clip
from ringtrue.training.trials import audio_of, plan_trials, speech_of


def _heard(name: str, speech: str, speaker: str = "s:1", label: str = "human") -> Heard:
    """One 20 ms frame per letter: ``x`` is speech."""
    clip = Clip(name, name, label, "dev", 1, "s", speaker=speaker, condition="phone", language="en")
    mask = np.array([letter == "x" for letter in speech])
    samples = np.arange(len(speech) * 160, dtype=np.int16)
    return Heard(clip, samples, mask, ("G711",))


def _view(*items: Heard) -> dict[str, Heard]:
    return {item.clip.id: item for item in items}


def test_cut_at_the_frame_that_completes_the_speech() -> None:
    heard = _view(_heard("a", ".xx.xx"))
    (trial,) = plan_trials("v", heard, 0.06)
    assert [(p.clip, p.samples) for p in trial.pieces] == [("a", 5 * 160)]
    audio = audio_of(trial, heard)
    assert audio.dtype == np.float32
    np.testing.assert_array_equal(audio, np.arange(800) / np.float32(32768))
    np.testing.assert_array_equal(
        speech_of(trial, heard), np.repeat([False, True, True, False, True], 160)
    )


def test_clips_join_in_order_and_the_next_trial_starts_with_the_next_clip() -> None:
    heard = _view(
        _heard("a", "x."), _heard("other", "xxx", "s:2"), _heard("b", "..xxx"), _heard("c", "xxx")
    )
    trials = plan_trials("v", heard, 0.06)
    assert [[(p.clip, p.samples // 160) for p in t.pieces] for t in trials] == [
        [("a", 2), ("b", 4)],
        [("c", 3)],
        [("other", 3)],
    ]
    assert [t.group for t in trials] == ["s:1", "s:1", "s:2"]
    assert trials[0].id == "a+1@0.06"
    assert trials[0].seconds == 0.06


def test_too_little_speech_gives_no_trial() -> None:
    assert plan_trials("v", _view(_heard("a", "xx....")), 0.06) == []
    with pytest.raises(ValueError, match="above 0, got 0"):
        plan_trials("v", {}, 0)


def test_classes_of_one_recording_are_never_joined() -> None:
    heard = _view(_heard("a", "x"), _heard("b", "x", label="tts"))
    assert plan_trials("v", heard, 0.04) == []
    assert [t.robot for t in plan_trials("v", heard, 0.02)] == [False, True]


def test_what_the_pieces_share_is_named() -> None:
    clip = Clip("c", "c", "tts", "dev", 1, "s", "sys", "v", "s:1", "de", condition="phone")
    heard = _view(
        _heard("a", "x", label="tts"),
        Heard(clip, np.zeros(160, np.int16), np.array([True]), ("Gsm",)),
    )
    (trial,) = plan_trials("v", heard, 0.04)
    assert (trial.codec, trial.language, trial.system, trial.robot) == ("mixed", "", "s", True)

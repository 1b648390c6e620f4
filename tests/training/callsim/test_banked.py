"""The bank of a set: bots of earlier calls are known, people's calls leave nothing behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from listened_calls import far, heard, truth

from ringtrue.training.callsim.banked import bot_chunks, through_bank
from ringtrue.training.callsim.calls_on_disk import StoredCall
from ringtrue.training.callsim.listening import Listened
from tests.inference.replay.voices import voice

SECONDS = 8.0


def stored(
    folder: Path, name: str, kind: str, samples: np.ndarray, **fields: object
) -> tuple[StoredCall, Listened]:
    (folder / "calls").mkdir(parents=True, exist_ok=True)
    call = StoredCall(folder, truth(kind, call=name, **fields))
    soundfile.write(call.path, np.stack([samples, np.zeros_like(samples)], 1), 8000)
    return call, heard([0.0] * round(10 * len(samples) / 8000), replay=[0.0] * 80)


def test_bots_are_known_from_their_second_call_on(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    bot, person = voice(1, SECONDS), voice(2, SECONDS)
    quieter = 0.5 * bot + 0.001 * rng.standard_normal(len(bot)).astype(np.float32)
    calls = [
        stored(tmp_path / "a", "0", "human", person),
        stored(tmp_path / "a", "1", "scripted", bot, bot="b"),
        stored(tmp_path / "a", "2", "scripted", quieter, bot="b"),
        stored(tmp_path / "a", "3", "human", person),
        # Another set, another bank.
        stored(tmp_path / "b", "1", "scripted", bot, bot="b"),
    ]
    found = list(through_bank(calls))
    assert [call for call, _ in found] == [call for call, _ in calls]
    peaks = [float(listened.evidence["replay"].max()) for _, listened in found]
    assert peaks[2] > 5.0
    assert [peak for i, peak in enumerate(peaks) if i != 2] == [0.0] * 4
    assert found[2][1].voice_llr is calls[2][1].voice_llr


def test_only_the_bot_s_part_of_a_call_is_kept() -> None:
    assert bot_chunks(truth("human"), 100) == 0
    assert bot_chunks(truth("tts", bot="b"), 100) == 100
    handover = truth("handover", (far("bot", 0.0, 3.0), far("person", 4.25, 9.0)), bot="b")
    assert bot_chunks(handover, 100) == 42
    assert bot_chunks(handover, 30) == 30

"""Tests of the maker of the demo call, and of the shipped file."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from ringtrue.training.demo_call import ANSWERED, PEAK, SCRIPT, Turn, compose_call

ASSETS = Path(__file__).resolve().parents[2] / "inference" / "assets"


def _tone(_: str) -> npt.NDArray[np.float32]:
    t = np.arange(24000) / 24000
    return (0.2 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)


def test_a_turn_is_followed_by_its_pause() -> None:
    script = [Turn("one", 0.5), Turn("two", 0.25)]
    call = compose_call(_tone, 24000, script)
    assert call.dtype == np.float32
    assert call.size == round((ANSWERED + 1 + 0.5 + 1 + 0.25) * 8000)
    assert np.abs(call).max() == pytest.approx(PEAK)
    pause = round((ANSWERED + 1) * 8000)
    assert not call[pause : pause + 4000].any()


def test_a_silent_engine_is_refused() -> None:
    with pytest.raises(ValueError, match="expected speech for 5 turns, got silence"):
        compose_call(lambda _: np.zeros(2400, np.float32), 24000)


def test_the_shipped_call_is_the_described_one() -> None:
    path = ASSETS / "demo_call.flac"
    text = (ASSETS / "README.md").read_text(encoding="utf-8")
    digest = re.search(r"`([0-9a-f]{64})`", text)
    assert digest is not None
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest.group(1)
    about = soundfile.info(path)
    assert (about.samplerate, about.channels, about.subtype) == (8000, 1, "PCM_16")
    assert path.stat().st_size < 400_000
    said = " ".join(text.replace(">", " ").replace("…", " ").split())
    for turn in SCRIPT:
        assert turn.text in said

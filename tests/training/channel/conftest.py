"""Real speech of the training split and synthetic signals for the channel's tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from ringtrue.training.channel.base import Samples
from ringtrue.training.manifest import read_manifest


@pytest.fixture(scope="session")
def speech(corpus: Path) -> tuple[Samples, ...]:
    """Three seconds of three people of the training split."""
    manifest = read_manifest(corpus / "manifest.jsonl").select(split="train", labels=["human"])
    clips = [clip for clip in manifest if clip.seconds > 4]
    chosen = clips[:: len(clips) // 3][:3]
    read = (soundfile.read(manifest.audio_path(clip), dtype="float32")[0] for clip in chosen)
    return tuple(np.ascontiguousarray(audio[4000:28000]) for audio in read)


@pytest.fixture(scope="session")
def voice() -> Samples:
    """Two seconds like a voice, with pauses: a harmonic tone in syllables over faint noise."""
    rng = np.random.default_rng(7)
    time = np.arange(16000) / 8000
    phase = 2 * np.pi * np.cumsum(140 + 30 * np.sin(2 * np.pi * 0.9 * time)) / 8000
    tone = sum(np.sin(k * phase) / k for k in range(1, 20))
    syllables = np.clip(np.sin(2 * np.pi * 1.5 * time), 0, None)
    signal = 0.1 * syllables * tone + 1e-4 * rng.standard_normal(16000)
    return signal.astype(np.float32)

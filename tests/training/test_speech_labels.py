"""Reference speech activity."""

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

pytest.importorskip("silero_vad")

from ringtrue.training.manifest import read_manifest
from ringtrue.training.speech_labels import (
    mask_of,
    speech_frames,
    speech_frames_batch,
    speech_seconds,
)


def test_silence_and_noise_hold_no_speech() -> None:
    noise = np.random.default_rng(0).normal(0, 0.05, 24_000).astype(np.float32)
    for samples in (np.zeros(24_000, np.float32), noise):
        frames = speech_frames(samples)
        assert frames.shape == (150,)
        assert frames.dtype == np.float32
        assert speech_seconds(mask_of(frames)) == 0


@pytest.mark.parametrize("samples", [0, 1, 159, 160, 255, 256, 257, 1000])
def test_every_length_gives_whole_frames(samples: int) -> None:
    assert speech_frames(np.zeros(samples, np.float32)).shape == (samples // 160,)


def test_rejects_stereo() -> None:
    with pytest.raises(ValueError, match=r"expected samples of shape \[n\], got \(2, 800\)"):
        speech_frames(np.zeros((2, 800), np.float32))


def test_hysteresis_and_short_pauses() -> None:
    probability = np.array([0.4, 0.6, 0.4, 0.4, 0.2, 0.6, 0.1, 0.4], np.float32)
    held = mask_of(probability, on=0.5, off=0.35, min_pause_seconds=0)
    assert held.tolist() == [False, True, True, True, False, True, False, False]
    closed = mask_of(probability, on=0.5, off=0.35, min_pause_seconds=0.04)
    assert closed.tolist() == [False, True, True, True, True, True, False, False]
    assert mask_of(np.zeros(0, np.float32)).shape == (0,)
    with pytest.raises(ValueError, match="off <= on"):
        mask_of(probability, on=0.2, off=0.5)


def test_a_batch_gives_the_same_as_one_by_one(corpus: Path) -> None:
    manifest = read_manifest(corpus / "manifest.jsonl")
    clips = manifest.select("dev", ["human"], "phone").clips[:3]
    audio = [sf.read(manifest.audio_path(c), dtype="float32")[0] for c in clips]
    audio[1] = audio[1][:20_001]
    for one, many in zip(map(speech_frames, audio), speech_frames_batch(audio), strict=True):
        np.testing.assert_allclose(one, many, atol=1e-5)
        assert 0.3 * len(one) < np.count_nonzero(mask_of(one))

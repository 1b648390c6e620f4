from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from ringtrue.training.channel.materials import load_noises, load_rirs
from ringtrue.training.manifest import Clip, Manifest, read_manifest


def clip(name: str, label: str = "nonspeech", seconds: float = 2.0) -> Clip:
    return Clip(id=name, path=name, label=label, split="train", seconds=seconds)


def test_noises_are_resampled_mixed_and_filtered(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stereo = np.random.default_rng(0).uniform(-0.5, 0.5, (32000, 2))
    soundfile.write(tmp_path / "a.wav", stereo, 16000)
    soundfile.write(tmp_path / "short.wav", stereo[:800], 8000)
    soundfile.write(tmp_path / "silent.wav", np.zeros(16000), 8000)
    (tmp_path / "broken.flac").write_bytes(b"not audio")
    soundfile.write(tmp_path / "voice.wav", stereo[:, 0], 8000)
    clips = (
        clip("a.wav"),
        clip("short.wav", seconds=0.1),
        clip("silent.wav"),
        clip("broken.flac"),
        clip("missing.flac"),
        clip("voice.wav", label="human"),
    )
    noises = load_noises(Manifest(clips, tmp_path))
    assert [len(noise) for noise in noises] == [16000]
    assert noises[0].dtype == np.float32
    assert caplog.text.count("skipped") == 3


def test_rirs_come_in_the_order_of_names(tmp_path: Path) -> None:
    for index, name in enumerate(("b.flac", "a.wav")):
        rir = np.zeros(50)
        rir[index] = 0.5
        soundfile.write(tmp_path / name, rir, 8000)
    (tmp_path / "notes.txt").write_text("not audio")
    assert [int(np.argmax(rir)) for rir in load_rirs(tmp_path)] == [1, 0]
    with pytest.raises(ValueError, match="expected a folder"):
        load_rirs(tmp_path / "nowhere")


def test_corpus_materials(corpus: Path) -> None:
    assert len(load_rirs(corpus / "audio" / "rir")) == 85
    train = read_manifest(corpus / "manifest.jsonl").select(split="train", labels=["nonspeech"])
    few = Manifest(train.clips[:20], train.root)
    assert all(np.isfinite(noise).all() and len(noise) >= 8000 for noise in load_noises(few))

"""The views of the evaluation are reproducible and independent of other clips."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("silero_vad")

from ringtrue.training.channel.base import Applied
from ringtrue.training.heard import HARMONISED, RECORDED, SIMULATED, clip_rng, codec_names, hear
from ringtrue.training.manifest import Clip, Manifest


def _manifest(folder: Path, *names: str) -> Manifest:
    clips = []
    for name in names:
        condition = name.split("-")[0]
        label = "nonspeech" if condition == "noise" else "human"
        samples = np.random.default_rng(len(name)).normal(0, 0.05, 12_000).astype(np.float32)
        soundfile.write(folder / f"{name}.wav", samples, 8000)
        clips.append(Clip(name, f"{name}.wav", label, "dev", 1.5, condition=condition))
    return Manifest(tuple(clips), folder)


def test_views_of_a_small_manifest(tmp_path: Path) -> None:
    manifest = _manifest(tmp_path, "studio-a", "phone-b", "noise-c")
    views = hear(manifest, "dev", tmp_path / "cache", seed=3)
    assert {name: list(view) for name, view in views.items()} == {
        HARMONISED: ["phone-b"],
        RECORDED: ["phone-b"],
        SIMULATED: ["studio-a"],
    }
    heard = views[SIMULATED]["studio-a"]
    assert heard.samples.dtype == np.int16
    assert heard.samples.shape == (12_000,)
    assert heard.speech.shape == (75,)
    assert heard.codecs


def test_cached_damaged_and_fresh_audio_agree(tmp_path: Path) -> None:
    manifest = _manifest(tmp_path, "studio-a", "studio-b")
    first = hear(manifest, "dev", tmp_path / "cache")[SIMULATED]
    again = hear(manifest, "dev", tmp_path / "cache")[SIMULATED]
    for path in (tmp_path / "cache").rglob("*.npz"):
        path.write_bytes(path.read_bytes()[:100])
    repaired = hear(manifest, "dev", tmp_path / "cache")[SIMULATED]
    alone = hear(Manifest(manifest.clips[1:], tmp_path), "dev", tmp_path / "other")[SIMULATED]
    for other in (again, repaired):
        np.testing.assert_array_equal(other["studio-a"].samples, first["studio-a"].samples)
    np.testing.assert_array_equal(alone["studio-b"].samples, first["studio-b"].samples)


def test_unreadable_audio_is_named(tmp_path: Path) -> None:
    manifest = _manifest(tmp_path, "phone-a")
    (tmp_path / "phone-a.wav").write_bytes(b"RIFF")
    with pytest.raises(ValueError, match=r"phone-a\.wav: cannot be decoded"):
        hear(manifest, "dev", tmp_path / "cache")
    soundfile.write(tmp_path / "phone-a.wav", np.zeros(16_000), 16_000)
    with pytest.raises(ValueError, match="expected mono at 8000 Hz"):
        hear(manifest, "dev", tmp_path / "cache")
    with pytest.raises(ValueError, match="expected speech clips of split eval"):
        hear(manifest, "eval", tmp_path / "cache")


def test_the_generator_depends_on_id_and_seed() -> None:
    a, b = Clip("a", "a", "human", "dev", 1), Clip("b", "a", "human", "dev", 1)
    draws = [clip_rng(*key).random() for key in ((a, 1), (a, 1), (a, 2), (b, 1))]
    assert draws[0] == draws[1]
    assert len(set(draws)) == 3


def test_codecs_are_named_with_their_rate() -> None:
    steps = (
        Applied("Gain", {"level_dbfs": -20}),
        Applied("AmrNb", {"bit_rate": 4750}),
        Applied("G711", {"law": "mulaw"}),
    )
    assert codec_names(steps) == ("AmrNb 4.75k", "G711")

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ringtrue.training.channel.base import Samples
from ringtrue.training.copysynth import COPY_SYNTHESIZERS, copy_synthesise, synthesise_copy
from ringtrue.training.manifest import Clip, Manifest, read_manifest

pytest.importorskip("librosa")
pytest.importorskip("scipy")


@pytest.fixture(scope="module")
def person(corpus: Path) -> Samples:
    """Two seconds of a person of the training split."""
    manifest = read_manifest(corpus / "manifest.jsonl").select(split="train", labels=["human"])
    clip = next(clip for clip in manifest if clip.seconds > 4)
    audio, _ = soundfile.read(manifest.audio_path(clip), dtype="float32")
    return np.ascontiguousarray(audio[4000:20000])


def envelope(samples: Samples) -> Samples:
    return np.asarray(np.sqrt((samples.reshape(-1, 160) ** 2).mean(axis=1)), dtype=np.float32)


@pytest.mark.parametrize("name", COPY_SYNTHESIZERS)
def test_copy_keeps_length_level_and_words_but_not_the_waveform(name: str, person: Samples) -> None:
    for seed in range(4):
        copy = synthesise_copy(name, person, np.random.default_rng(seed))
        assert copy.dtype == np.float32
        assert copy.shape == person.shape
        assert np.isfinite(copy).all()
        assert np.std(copy) == pytest.approx(np.std(person), rel=0.05)
        assert np.corrcoef(envelope(copy), envelope(person))[0, 1] > 0.8
        assert np.mean((copy - person) ** 2) > 1e-3 * np.mean(person**2)


@pytest.mark.parametrize("name", COPY_SYNTHESIZERS)
def test_same_seed_same_copy(name: str, person: Samples) -> None:
    first, again, other = (
        synthesise_copy(name, person, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("name", COPY_SYNTHESIZERS)
@pytest.mark.parametrize("length", [1, 80, 800, 1111, 8000])
def test_odd_inputs(name: str, length: int) -> None:
    noise = np.random.default_rng(3).standard_normal(length).astype(np.float32)
    for samples in (np.zeros(length, np.float32), np.sign(noise), 1e-6 * noise):
        copy = synthesise_copy(name, samples, np.random.default_rng(0))
        assert copy.shape == samples.shape
        assert copy.dtype == np.float32
        assert np.isfinite(copy).all()
    np.testing.assert_array_equal(
        synthesise_copy(name, np.zeros(length, np.float32), np.random.default_rng(0)), 0.0
    )


def test_unknown_name() -> None:
    with pytest.raises(ValueError, match=r"expected a copy-synthesizer of world, .*got 'wavenet'"):
        synthesise_copy("wavenet", np.zeros(8000, np.float32), np.random.default_rng(0))


@pytest.fixture
def humans(tmp_path: Path) -> Manifest:
    rng = np.random.default_rng(4)
    clips = []
    for index in range(3):
        name = f"h{index}"
        soundfile.write(tmp_path / f"{name}.wav", 0.1 * rng.standard_normal(4000), 8000)
        clips.append(
            Clip(
                id=name,
                path=f"{name}.wav",
                label="human",
                split="train",
                seconds=0.5,
                source="here",
                speaker=f"here:{index}",
                commercial_ok=True,
                recorded_prompt=True,
            )
        )
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    clips.append(replace(clips[0], id="broken", path="broken.wav"))
    clips.append(replace(clips[0], id="robot", label="tts"))
    return Manifest(tuple(clips), tmp_path)


def test_batch_writes_rows_resumes_and_survives_a_bad_file(
    humans: Manifest, tmp_path: Path
) -> None:
    out = tmp_path / "copies"
    result = copy_synthesise(humans, out, names=("phase", "lpc"), seed=5)
    assert (result.written, result.skipped, len(result.failed)) == (6, 0, 2)
    assert result.failed[0].startswith("broken (phase): ")
    manifest = read_manifest(out / "manifest.jsonl", check_files=True)
    row = manifest.clips[0]
    assert (row.id, row.label, row.system, row.path) == (
        "h0-phase",
        "vocoded",
        "phase",
        "phase/h0.flac",
    )
    assert (row.speaker, row.source, row.split) == ("here:0", "here", "train")
    assert (row.commercial_ok, row.recorded_prompt, row.seconds) == (True, False, 0.5)
    assert row.extra["origin"] == "h0"
    assert soundfile.info(out / row.path).samplerate == 8000
    before = (out / row.path).read_bytes()

    (out / "lpc" / "h1.flac").unlink()
    (out / "phase" / "h1.flac").write_bytes(b"half a file")
    again = copy_synthesise(humans, out, names=("phase", "lpc"), seed=5)
    assert (again.written, again.skipped) == (2, 4)
    assert again.manifest.digest() == result.manifest.digest()
    assert (out / row.path).read_bytes() == before
    assert not list(out.rglob("*.partial"))


def test_batch_limit_and_errors(humans: Manifest, tmp_path: Path) -> None:
    good = Manifest(humans.clips[:3], humans.root)
    assert len(copy_synthesise(good, tmp_path / "a", names=("phase",), limit=2).manifest) == 2
    with pytest.raises(ValueError, match="got wavenet"):
        copy_synthesise(good, tmp_path / "b", names=("wavenet",))
    with pytest.raises(ValueError, match="limit"):
        copy_synthesise(good, tmp_path / "b", limit=0)
    with pytest.raises(ValueError, match="got none in 1 clips"):
        copy_synthesise(Manifest(humans.clips[-1:], humans.root), tmp_path / "b")
    measured = Manifest((replace(humans.clips[0], split="eval"),), humans.root)
    with pytest.raises(ValueError, match="got 'h0' of eval"):
        copy_synthesise(measured, tmp_path / "b")

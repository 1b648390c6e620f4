"""Classical baselines: features against reference implementations, and a whole small training."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torchaudio")

from ringtrue.training.baselines import train_baseline
from ringtrue.training.baselines.detector import load_baseline
from ringtrue.training.baselines.features import lfcc, log_spectrum
from ringtrue.training.baselines.models import LfccGmm, LogspecLr, baseline_config
from ringtrue.training.cache import SHARD_CROPS
from ringtrue.training.metrics import auc
from ringtrue.training.recipe import parse_recipe, read_recipe


def _noise(seed: int, samples: int = 8000, level: float = 0.05) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, level, samples).astype(np.float32)


def _tone(seed: int, samples: int = 8000) -> np.ndarray:
    time = np.arange(samples) / 8000
    clean = 0.1 * np.sin(2 * np.pi * (300 + 50 * (seed % 20)) * time)
    return (clean + _noise(seed, samples, 1e-3)).astype(np.float32)


def test_features_ignore_level_and_pauses() -> None:
    samples = _noise(1)
    quiet = samples * np.float32(0.03)
    paused = np.concatenate([samples, np.zeros(8000, np.float32)])
    np.testing.assert_allclose(log_spectrum(quiet), log_spectrum(samples), atol=1e-3)
    assert log_spectrum(samples).shape == (258,)
    assert lfcc(samples, 40, 20).shape == (101, 60)
    np.testing.assert_allclose(lfcc(samples, 40, 20).mean(axis=0), 0, atol=1e-4)
    assert len(lfcc(paused, 40, 20)) < 110


def test_cepstra_are_normalised_as_asked() -> None:
    samples = _noise(2)
    plain = lfcc(samples, 40, 20, "none")
    np.testing.assert_allclose(lfcc(samples, 40, 20), plain - plain.mean(axis=0), atol=1e-4)
    np.testing.assert_allclose(lfcc(samples, 40, 20, "mean-variance").std(axis=0), 1, atol=0.02)
    with pytest.raises(ValueError, match="expected one of none, mean, mean-variance, got 'cmvn'"):
        LfccGmm(normalise="cmvn")


def test_log_spectrum_has_its_peak_at_the_tone() -> None:
    spectrum = log_spectrum(_tone(14))  # 1000 Hz: bin 32 of 31.25 Hz each
    assert int(np.argmax(spectrum[:129])) == 32


@pytest.mark.parametrize("samples", [0, 1, 255])
def test_too_short_is_no_evidence(samples: int) -> None:
    assert lfcc(np.zeros(samples, np.float32), 40, 20).shape == (0, 60)
    assert not log_spectrum(np.zeros(samples, np.float32)).any()


def test_configuration_is_checked() -> None:
    assert baseline_config("lfcc-gmm", {"components": 8}) == LfccGmm(components=8)
    assert baseline_config("logspec-lr", {}) == LogspecLr()
    with pytest.raises(ValueError, match="expected a baseline of lfcc-gmm, logspec-lr, got 'svm'"):
        baseline_config("svm", {})
    with pytest.raises(ValueError, match="unknown component; expected components"):
        baseline_config("lfcc-gmm", {"component": 8})
    with pytest.raises(ValueError, match="both classes"):
        LogspecLr().fit([(_noise(1), True)])
    with pytest.raises(ValueError, match="at least 64 frames of each class, got 0"):
        LfccGmm().fit([(_noise(1), True)])


@pytest.mark.parametrize("name", ["baseline-lfcc-gmm", "baseline-logspec-lr"])
def test_shipped_recipes_are_valid(name: str) -> None:
    recipe = read_recipe(name)
    baseline_config(recipe.kind, recipe.baseline)


@pytest.mark.parametrize("kind", ["lfcc-gmm", "logspec-lr"])
def test_training_scoring_and_file(kind: str, tmp_path: Path) -> None:
    crops = tmp_path / "crops"
    crops.mkdir()
    targets = np.arange(SHARD_CROPS) % 3 - 1
    pieces = [(_tone if target == 1 else _noise)(i, 16_000) for i, target in enumerate(targets)]
    np.save(crops / "0000.audio.npy", np.rint(np.array(pieces) * 32767).astype(np.int16))
    np.save(crops / "0000.speech.npy", np.full((SHARD_CROPS, 100), 255, np.uint8))
    rows = [
        f'{{"target": {t}, "source": "s{i % 4}", "system": "", "paired": false, "clips": []}}'
        for i, t in enumerate(targets)
    ]
    (crops / "0000.jsonl").write_text("\n".join(rows))
    values = {"kind": kind, "crops": {"count": SHARD_CROPS, "seconds": 2.0}}
    if kind == "lfcc-gmm":
        values["baseline"] = {"components": 4, "frames_per_signal": 20}
    path = train_baseline(parse_recipe(values, "small"), crops, tmp_path / "run")
    detector = load_baseline(path)
    assert detector.name == "small"
    audio = [*map(_noise, range(300, 310)), *map(_tone, range(300, 310)), np.zeros(0, np.float32)]
    scores = detector.scores(audio)
    assert scores.dtype == np.float32
    assert auc(scores[:20], [0] * 10 + [1] * 10) == 1
    assert scores[20] == 0


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.joblib"
    path.write_bytes(b"not a pickle")
    with pytest.raises(ValueError, match=r"x\.joblib: expected a trained baseline"):
        load_baseline(path)
    with pytest.raises(FileNotFoundError):
        load_baseline(tmp_path / "none.joblib")

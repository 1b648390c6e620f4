"""Features against librosa and torchaudio, gain invariance, streaming."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch
import torchaudio
from hypothesis import given, settings
from hypothesis import strategies as st

from ringtrue.model.frontend import (
    NEPERS_PER_DB,
    Frontend,
    FrontendConfig,
    dct_matrix,
    filterbank,
    folded_dft,
)


def _noise(samples: int, seed: int = 0, level: float = 0.05) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    return torch.from_numpy((rng.standard_normal((1, samples)) * level).astype(np.float32))


def _zeros(config: FrontendConfig) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.zeros(1, config.history), torch.zeros(1, 1)


def _power(config: FrontendConfig, frames: np.ndarray) -> np.ndarray:
    """Squared magnitudes of frames [frames, window] as the frontend computes them."""
    half = config.window // 2
    after, before = frames[:, half:], frames[:, half:0:-1]
    cosines, sines = folded_dft(config)
    return np.square((after + before) @ cosines.T) + np.square((after - before) @ sines.T)


@pytest.mark.parametrize(("window", "fft"), [(200, 200), (160, 200), (160, 256)])
def test_folded_dft_matches_numpy(window: int, fft: int) -> None:
    config = FrontendConfig(window=window, fft=fft)
    pcm = _noise(1600)[0].numpy()
    frames = np.stack([pcm[i : i + window] for i in range(0, 1401, 80)])
    hann = librosa.filters.get_window("hann", window)
    expected = np.abs(np.fft.rfft(frames * hann, fft)) ** 2 / (np.sum(hann**2) * fft / 2)
    np.testing.assert_allclose(_power(config, frames), expected, rtol=3e-4, atol=1e-9)


def test_band_power_sums_to_signal_power() -> None:
    config = FrontendConfig()
    frame = _noise(200, level=0.1)[0].numpy()
    power = _power(config, frame[None]).sum()
    window = librosa.filters.get_window("hann", 200)
    assert power == pytest.approx(np.sum((frame * window) ** 2) / np.sum(window**2), rel=0.02)


@pytest.mark.parametrize(("window", "hop"), [(200, 80), (160, 80), (256, 100), (80, 80)])
def test_log_energies_match_librosa_frames(window: int, hop: int) -> None:
    config = FrontendConfig(window=window, hop=hop, fft=256)
    pcm = _noise(1600 + config.history)
    frames = librosa.util.frame(pcm[0].numpy(), frame_length=window, hop_length=hop).T
    hann = librosa.filters.get_window("hann", window)
    power = np.abs(np.fft.rfft(frames * hann, 256)) ** 2 / (np.sum(hann**2) * 128)
    expected = np.log(filterbank(config) @ power.T)
    found = Frontend(config).log_energies(pcm)[0].numpy()
    assert found.shape == (80, 1600 // hop)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_linear_filterbank_matches_torchaudio() -> None:
    config = FrontendConfig(f_max=4000.0, fft=256)
    expected = torchaudio.functional.linear_fbanks(129, 0.0, 4000.0, config.bands, 8000).numpy().T
    np.testing.assert_allclose(filterbank(config), expected, atol=1e-5)


def test_mel_filterbank_matches_librosa() -> None:
    config = FrontendConfig(kind="mel", bands=40, f_max=4000.0, fft=256)
    expected = librosa.filters.mel(sr=8000, n_fft=256, n_mels=40, fmax=4000, htk=True, norm=None)
    np.testing.assert_allclose(filterbank(config), expected, atol=1e-5)


def test_dct_matches_torchaudio() -> None:
    expected = torchaudio.functional.create_dct(20, 20, "ortho").numpy().T
    np.testing.assert_allclose(dct_matrix(20), expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["linear", "lfcc", "mel"])
def test_shapes_and_dtype(kind: str) -> None:
    config = FrontendConfig(kind=kind)
    frontend = Frontend(config)
    features, history, level = frontend(_noise(2400), *_zeros(config))
    assert frontend.coefficients(features).shape == (1, 80, 30)
    assert history.shape == (1, 120)
    assert level.shape == (1, 1)
    assert features.dtype == torch.float32


def test_windows_without_overlap_keep_no_history() -> None:
    config = FrontendConfig(window=80, hop=80)
    frontend = Frontend(config)
    pcm = _noise(1600)
    whole, _, _ = frontend(pcm, *_zeros(config))
    first, history, level = frontend(pcm[:, :800], *_zeros(config))
    assert history.shape == (1, 0)
    second, _, _ = frontend(pcm[:, 800:], history, level)
    torch.testing.assert_close(torch.cat([first, second], dim=2), whole)


@pytest.mark.parametrize("gain_db", [-30.0, -10.0, 10.0, 20.0])
def test_features_do_not_depend_on_gain(gain_db: float) -> None:
    config = FrontendConfig()
    frontend = Frontend(config)
    pcm = _noise(4000, level=0.03)
    quiet, _, _ = frontend(pcm, *_zeros(config))
    loud, _, _ = frontend(pcm * 10 ** (gain_db / 20), *_zeros(config))
    torch.testing.assert_close(quiet, loud, atol=2e-4, rtol=0)


def test_digital_silence_is_the_floor() -> None:
    config = FrontendConfig()
    frontend = Frontend(config)
    pcm = torch.cat([_noise(800), torch.zeros(1, 800)], dim=1)
    features, _, _ = frontend(pcm, *_zeros(config))
    floor = -config.floor_db * NEPERS_PER_DB / 8
    torch.testing.assert_close(features[0, :, 13:], torch.full((80, 7), floor))
    silent, _, level = frontend(torch.zeros(1, 800), *_zeros(config))
    torch.testing.assert_close(silent, torch.full((1, 80, 10), floor))
    assert level.item() == 0.0


def test_reference_level_decays_as_configured() -> None:
    config = FrontendConfig(decay_db_per_second=20.0)
    frontend = Frontend(config)
    _, history, first = frontend(_noise(800), *_zeros(config))
    _, _, second = frontend(torch.zeros(1, 800), torch.zeros_like(history), first)
    assert (first - second).item() == pytest.approx(2.0 * NEPERS_PER_DB, rel=1e-5)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=6),
    st.integers(0, 100),
    st.floats(0.0, 20.0),
)
def test_any_chunking_gives_the_same_features(sizes: list[int], seed: int, decay: float) -> None:
    config = FrontendConfig(decay_db_per_second=decay)
    frontend = Frontend(config)
    rng = np.random.default_rng(seed)
    # A level that jumps from chunk to chunk exercises the running reference.
    levels = np.repeat(10 ** rng.uniform(-4, -0.5, sum(sizes)), 800).astype(np.float32)
    pcm = _noise(sum(sizes) * 800, seed, 1.0) * torch.from_numpy(levels)
    whole, _, whole_level = frontend(pcm, *_zeros(config))
    history, level = _zeros(config)
    parts, start = [], 0
    for size in sizes:
        part, history, level = frontend(pcm[:, start : start + size * 800], history, level)
        parts.append(part)
        start += size * 800
    torch.testing.assert_close(torch.cat(parts, dim=2), whole, atol=1e-5, rtol=0)
    torch.testing.assert_close(level, whole_level, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "cqt"}, "expected one of linear, lfcc, mel, got 'cqt'"),
        ({"hop": 90}, "expected a divisor of 800 samples, got 90"),
        ({"window": 60}, "expected hop <= window <= fft, got 80, 60, 200"),
        ({"f_max": 5000.0}, "f_max <= 4000.0 Hz, got 0.0, 5000.0"),
    ],
)
def test_bad_configurations_say_what_was_expected(
    arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        FrontendConfig(**arguments)  # type: ignore[arg-type]

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ringtrue.inference.phone_line import phone_line

from .toy_model import tone


def level(x: np.ndarray) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(np.square(x))) + 1e-12))


def line(x: np.ndarray, **changes: Any) -> np.ndarray:
    return phone_line(x, np.random.default_rng(1), **changes)


def test_same_length_type_and_seed() -> None:
    x = tone(500, 1.234)
    out = line(x)
    assert (out.shape, out.dtype) == (x.shape, np.float32)
    np.testing.assert_array_equal(out, line(x))


@pytest.mark.parametrize("mobile", [True, False])
def test_level_and_alignment(mobile: bool) -> None:
    rng = np.random.default_rng(3)
    bursts = np.repeat(rng.random(20) > 0.5, 1600)
    x = (tone(500, 4) + tone(1200, 4)) * bursts[:32000]
    out = line(x.astype(np.float32), mobile=mobile)
    assert level(out) == pytest.approx(-26, abs=1.5)
    lag = np.argmax(np.correlate(np.abs(out[:16000]), np.abs(x[:16000]), "full")) - 15999
    assert abs(int(lag)) <= (40 if mobile else 8)


def test_band() -> None:
    for hz in (100, 3800):
        mixed = tone(1000, 2) + tone(hz, 2)
        out = line(mixed, mobile=False)
        spectrum = np.abs(np.fft.rfft(out * np.hanning(out.size)))
        assert spectrum[2 * hz] < 0.05 * spectrum[2000]


def test_noise_only_in_silence() -> None:
    out = line(np.zeros(8000, np.float32), mobile=False, noise_dbfs=-50.0)
    assert level(out) == pytest.approx(-50, abs=2)


def test_without_an_amr_encoder(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import av

    def refuse(*_: object, **__: object) -> None:
        raise ValueError("no such encoder")

    monkeypatch.setattr(av, "open", refuse)
    x = tone(500, 0.5)
    np.testing.assert_array_equal(line(x), line(x, mobile=False))
    assert "no AMR encoder" in caplog.text


@pytest.mark.parametrize("shape", [(0,), (2, 800)])
def test_refused_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected samples"):
        line(np.zeros(shape, np.float32))

"""A small simulated phone line for the demo: band, level, line noise, mobile codec, G.711.

The training and evaluation channel is another, richer one; this one needs only the libraries of
the plain installation.
"""

from __future__ import annotations

import io
import logging
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

Samples = npt.NDArray[np.float32]
log = logging.getLogger(__name__)

RATE = 8000
BAND = (300.0, 3400.0)
"""Pass band of a telephone line in Hz (ITU-T G.712)."""
LEVEL_DBFS = -26.0
_TAPS = 257


def phone_line(
    samples: Samples, rng: np.random.Generator, noise_dbfs: float = -62.0, mobile: bool = True
) -> Samples:
    """``samples`` as the far end of a phone call, same length, aligned within 5 ms.

    Args:
        samples: [n] float32 at 8,000 Hz.
        rng: source of the line noise.
        noise_dbfs: RMS level of the noise.
        mobile: pass through AMR-NB 12.2 kbit/s first (3GPP TS 26.071), where FFmpeg has its
            encoder; G.711 mu-law always follows.

    Raises:
        ValueError: not one-dimensional or empty.
    """
    if samples.ndim != 1 or samples.size == 0:
        raise ValueError(f"expected samples [n] with n > 0, got shape {list(samples.shape)}")
    out = _band_pass(samples)
    rms = float(np.sqrt(np.mean(np.square(out, dtype=np.float64))))
    if rms > 0:
        out = out * np.float32(10 ** (LEVEL_DBFS / 20) / rms)
    noise = rng.standard_normal(out.size).astype(np.float32)
    out = np.clip(out + noise * np.float32(10 ** (noise_dbfs / 20)), -1.0, 1.0)
    if mobile:
        out = _amr(out)
    return _mulaw(out)


def _band_pass(samples: Samples) -> Samples:
    """Linear-phase windowed-sinc filter, its delay removed."""
    n = np.arange(_TAPS) - _TAPS // 2
    low, high = (2 * hz / RATE for hz in BAND)
    taps = (high * np.sinc(high * n) - low * np.sinc(low * n)) * np.hamming(_TAPS)
    padded = np.pad(samples, _TAPS // 2)
    out: Samples = np.convolve(padded, taps, "valid").astype(np.float32)
    return out


def _mulaw(samples: Samples) -> Samples:
    """Through G.711 mu-law, by libsndfile."""
    coded = io.BytesIO()
    form: dict[str, Any] = {"format": "RAW", "subtype": "ULAW"}
    soundfile.write(coded, samples, RATE, **form)
    coded.seek(0)
    out, _ = soundfile.read(coded, dtype="float32", samplerate=RATE, channels=1, **form)
    decoded: Samples = out
    return decoded


def _amr(samples: Samples) -> Samples:
    """Through AMR-NB 12.2 kbit/s, by FFmpeg; unchanged where it has no encoder for it."""
    import av
    import av.error

    coded = io.BytesIO()
    try:
        with av.open(coded, "w", format="amr") as out:
            stream: Any = out.add_stream("libopencore_amrnb", rate=RATE, layout="mono")
            stream.bit_rate = 12_200
            pcm = np.round(samples * 32767).astype(np.int16)
            size = 160
            pcm = np.pad(pcm, (0, -len(pcm) % size + 2 * size))
            for start in range(0, len(pcm), size):
                block = pcm[np.newaxis, start : start + size]
                frame = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
                frame.sample_rate, frame.pts = RATE, start
                frame.time_base = Fraction(1, RATE)
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
    except (av.error.FFmpegError, ValueError) as error:
        log.warning("no AMR encoder here (%s); the line is G.711 only", error)
        return samples
    coded.seek(0)
    source: Any
    with av.open(coded, format="amr") as source:
        frames = [f.to_ndarray().reshape(-1) for f in source.decode(audio=0)]
    decoded = np.concatenate(frames)
    if decoded.dtype != np.float32:
        decoded = (decoded / 32768.0).astype(np.float32)
    return _aligned(decoded, samples)


def _aligned(decoded: Samples, original: Samples, longest: int = 400) -> Samples:
    """``decoded`` without the codec's delay, found by cross-correlation, at the same length."""
    n = min(len(original), 30 * RATE)
    size = 1 << (n + longest).bit_length()
    product = np.fft.rfft(decoded[: n + longest], size) * np.conj(np.fft.rfft(original[:n], size))
    delay = int(np.argmax(np.fft.irfft(product, size)[: longest + 1]))
    out = decoded[delay : delay + len(original)]
    return np.pad(out, (0, len(original) - len(out)))

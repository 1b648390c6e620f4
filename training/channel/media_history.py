"""File formats a recording went through before or after the call."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Final

import numpy as np
import soundfile
import soxr

from ringtrue.training.channel.av_codec import CodecSpec, round_trip
from ringtrue.training.channel.base import SAMPLE_RATE, Params, Samples, Transform, fit_length

BIT_RATES: Final[dict[str, dict[int, tuple[int, ...]]]] = {
    "mp3": {
        8000: (8000, 16000, 24000, 32000),
        16000: (16000, 24000, 32000, 64000),
        22050: (24000, 32000, 48000, 64000),
        24000: (24000, 32000, 48000, 64000),
        44100: (48000, 64000, 128000),
    },
    "aac": {
        8000: (12000, 16000, 24000),
        16000: (16000, 24000, 48000),
        22050: (24000, 32000, 64000),
        44100: (48000, 96000),
    },
    "opus": {16000: (12000, 16000, 24000, 32000), 24000: (16000, 24000, 48000)},
    "vorbis": {8000: (0,), 16000: (0,), 22050: (0,), 44100: (0,)},
}
"""Bit rates in bit/s by format and sample rate (Hz); Vorbis is set by quality instead."""


@dataclass(frozen=True, eq=False, kw_only=True)
class MediaHistory(Transform):
    """Resample, encode as MP3, AAC, Opus or Vorbis, decode, and come back to 8 kHz.

    Attributes:
        formats: formats to choose from, keys of ``BIT_RATES``.
        rates: sample rates in Hz and their relative weights.
    """

    formats: tuple[str, ...] = ("mp3", "mp3", "mp3", "aac", "aac", "opus", "vorbis", "vorbis")
    rates: tuple[tuple[int, float], ...] = (
        (8000, 5.0),
        (16000, 3.0),
        (22050, 2.0),
        (24000, 1.0),
        (44100, 0.3),
    )

    def randomize(self, samples: Samples, rng: np.random.Generator) -> Params:
        """Draw format, sample rate (Hz), bit rate (bit/s) and, for Vorbis, quality (0...1)."""
        kind = self.formats[int(rng.integers(len(self.formats)))]
        allowed = [(rate, weight) for rate, weight in self.rates if rate in BIT_RATES[kind]]
        # A format without any of the wanted rates falls back to its own ones.
        allowed = allowed or [(rate, 1.0) for rate in BIT_RATES[kind]]
        weights = np.asarray([weight for _, weight in allowed])
        rate = allowed[int(rng.choice(len(allowed), p=weights / weights.sum()))][0]
        bit_rates = BIT_RATES[kind][rate]
        return {
            "format": kind,
            "sample_rate": rate,
            "bit_rate": int(bit_rates[int(rng.integers(len(bit_rates)))]),
            "quality": round(float(rng.uniform(0.0, 0.8)), 2),
        }

    def apply(self, samples: Samples, params: Params) -> Samples:
        """Encode and decode; ValueError names a codec that failed."""
        rate = params["sample_rate"]
        source = samples if rate == SAMPLE_RATE else soxr.resample(samples, SAMPLE_RATE, rate, "LQ")
        if params["format"] == "vorbis":
            decoded = _vorbis(source, rate, params["quality"])
        else:
            decoded = round_trip(source, _spec(params["format"], rate, params["bit_rate"]))
        if rate != SAMPLE_RATE:
            decoded = soxr.resample(decoded, rate, SAMPLE_RATE, "LQ")
        return fit_length(decoded, len(samples))


def _spec(kind: str, rate: int, bit_rate: int) -> CodecSpec:
    name = f"{kind.upper()} {rate} Hz {bit_rate}"
    if kind == "mp3":
        # Compression level 9 is LAME's fastest search; the bit stream is otherwise the same.
        return CodecSpec(
            name, "libmp3lame", "mp3float", rate, "fltp", bit_rate, (("compression_level", "9"),)
        )
    if kind == "aac":
        return CodecSpec(name, "aac", "aac", rate, "fltp", bit_rate, (("aac_coder", "fast"),))
    if kind == "opus":
        options = (("application", "audio"), ("compression_level", "2"))
        return CodecSpec(
            name, "libopus", "libopus", rate, "s16", bit_rate, options, decimate=48000 // rate
        )
    raise ValueError(f"expected a format of {', '.join(BIT_RATES)}, got {kind!r}")


def _vorbis(samples: Samples, rate: int, quality: float) -> Samples:
    stream = BytesIO()
    try:
        soundfile.write(
            stream, samples, rate, format="OGG", subtype="VORBIS", compression_level=1 - quality
        )
        stream.seek(0)
        decoded, _ = soundfile.read(stream, dtype="float32")
    except soundfile.SoundFileError as error:
        raise ValueError(f"codec Vorbis {rate} Hz failed: {error}") from error
    return fit_length(decoded, len(samples))

"""Encode and decode in memory with the codecs of PyAV (FFmpeg), aligned with the input."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import Any

import av
import numpy as np
import soxr
from av.error import FFmpegError
from numpy.typing import NDArray
from scipy.signal import lfilter

from ringtrue.training.channel.base import SAMPLE_RATE, Samples, fit_length


@dataclass(frozen=True)
class CodecSpec:
    """One setting of one codec.

    Attributes:
        name: name used in errors.
        encoder, decoder: FFmpeg names.
        sample_rate: Hz of the signal that goes in and comes out.
        sample_format: ``s16``, ``fltp`` ... as the encoder takes it.
        bit_rate: bit/s.
        options: encoder options.
        frame: samples per call of the encoder, where it does not prescribe any.
        decimate: factor by which the decoder's sample rate exceeds ``sample_rate``.
        demuxer: raw format to demux from, for decoders that need a container's parameters.
        demuxer_options: options of that demuxer.
    """

    name: str
    encoder: str
    decoder: str
    sample_rate: int = SAMPLE_RATE
    sample_format: str = "s16"
    bit_rate: int = 0
    options: tuple[tuple[str, str], ...] = ()
    frame: int = 1600
    decimate: int = 1
    demuxer: str = ""
    demuxer_options: tuple[tuple[str, str], ...] = ()


def round_trip(samples: Samples, spec: CodecSpec) -> Samples:
    """``samples`` at ``spec.sample_rate`` after the codec: same length, delay removed.

    Raises:
        ValueError: the codec is missing or failed; the message names it.
    """
    delay = codec_delay(spec)
    decoded = _decode(np.append(samples, np.zeros(max(delay, 0), dtype=np.float32)), spec)
    if delay < 0:
        decoded = np.append(np.zeros(-delay, dtype=np.float32), decoded)
    return fit_length(decoded[max(delay, 0) :], len(samples))


@lru_cache(maxsize=1024)
def codec_delay(spec: CodecSpec) -> int:
    """Samples by which the decoded signal lags the input, measured once per setting.

    Raises:
        ValueError: the codec is missing or failed; the message names it.
    """
    probe = _probe(spec.sample_rate)
    return lag(probe, _decode(probe, spec))


def lag(reference: NDArray[Any], delayed: NDArray[Any]) -> int:
    """Samples by which ``delayed`` lags ``reference``: peak of the cross-correlation."""
    size = 1 << (len(reference) + len(delayed) - 1).bit_length()
    spectrum = np.fft.rfft(delayed, size) * np.conj(np.fft.rfft(reference, size))
    peak = int(np.argmax(np.fft.irfft(spectrum, size)))
    return peak if peak < size // 2 else peak - size


@lru_cache(maxsize=8)
def _probe(sample_rate: int) -> Samples:
    """One second of a pulse train with gliding pitch through two resonances, as voiced speech.

    Speech codecs (CELP) keep the waveform of voiced speech but not of noise.
    """
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    phase = np.cumsum(110 + 60 * np.sin(2 * np.pi * 1.7 * time)) / SAMPLE_RATE
    signal = np.diff(np.floor(phase), prepend=0.0)
    for frequency, bandwidth in ((600.0, 90.0), (1500.0, 120.0)):
        radius = np.exp(-np.pi * bandwidth / SAMPLE_RATE)
        angle = 2 * np.pi * frequency / SAMPLE_RATE
        signal = lfilter([1.0, -0.6], [1.0, -2 * radius * np.cos(angle), radius**2], signal)
    signal = signal * (0.6 + 0.4 * np.sin(2 * np.pi * 3.1 * time)) * 0.25 / np.max(np.abs(signal))
    resampled = soxr.resample(signal, SAMPLE_RATE, sample_rate) if sample_rate != 8000 else signal
    return np.asarray(resampled, dtype=np.float32)


def _decode(samples: Samples, spec: CodecSpec) -> Samples:
    try:
        encoder = _open(spec)
        packets = _encode(samples, spec, encoder)
        blocks = list(_demuxed(packets, spec) if spec.demuxer else _direct(packets, spec, encoder))
    except (FFmpegError, ValueError, OSError, RuntimeError) as error:
        raise ValueError(f"codec {spec.name} failed ({spec.encoder}): {error}") from error
    if not blocks:
        return np.zeros(len(samples), dtype=np.float32)
    decoded = np.concatenate(blocks)[:: spec.decimate]
    if decoded.dtype == np.int16:
        return decoded.astype(np.float32) / np.float32(32768)
    result = decoded.astype(np.float32)
    return result if np.isfinite(result).all() else np.nan_to_num(result)


def _open(spec: CodecSpec) -> Any:
    encoder: Any = av.CodecContext.create(spec.encoder, "w")
    encoder.sample_rate = spec.sample_rate
    encoder.layout = "mono"
    encoder.format = spec.sample_format
    if spec.bit_rate:
        encoder.bit_rate = spec.bit_rate
    encoder.options = dict(spec.options)
    encoder.open()
    return encoder


def _encode(samples: Samples, spec: CodecSpec, encoder: Any) -> Iterator[Any]:
    if spec.sample_format.startswith("s16"):
        pcm: NDArray[Any] = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16)
    else:
        pcm = np.clip(samples, -1.0, 1.0)
    size = encoder.frame_size or spec.frame
    for start in range(0, len(pcm), size):
        block = pcm[start : start + size]
        if len(block) < size:
            block = np.append(block, np.zeros(size - len(block), dtype=block.dtype))
        frame = av.AudioFrame.from_ndarray(
            block.reshape(1, -1), format=spec.sample_format, layout="mono"
        )
        frame.sample_rate = spec.sample_rate
        frame.pts = start
        yield from encoder.encode(frame)
    yield from encoder.encode(None)


def _direct(packets: Iterator[Any], spec: CodecSpec, encoder: Any) -> Iterator[NDArray[Any]]:
    """Packets straight from the encoder into the decoder."""
    decoder: Any = av.CodecContext.create(spec.decoder, "r")
    decoder.sample_rate = spec.sample_rate
    decoder.layout = "mono"
    if encoder.extradata:
        decoder.extradata = encoder.extradata
    for packet in packets:
        for frame in decoder.decode(packet):
            yield _mono(frame)
    for frame in decoder.decode(None):
        yield _mono(frame)


def _demuxed(packets: Iterator[Any], spec: CodecSpec) -> Iterator[NDArray[Any]]:
    """Packets through a raw container held in memory."""
    stream = BytesIO(b"".join(bytes(packet) for packet in packets))
    options = dict(spec.demuxer_options)
    with av.open(stream, "r", format=spec.demuxer, options=options) as container:
        for frame in container.decode(audio=0):
            yield _mono(frame)


def _mono(frame: Any) -> NDArray[Any]:
    # Reading the plane costs a third of to_ndarray(), which counts at 250 frames per clip.
    kind = np.int16 if frame.format.name.startswith("s16") else np.float32
    return np.frombuffer(frame.planes[0], dtype=kind, count=frame.samples).copy()

"""Writes recordings of every format for the tests."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import soundfile


def write_av(
    path: Path, samples: npt.NDArray[np.float32], rate: int, codec: str, layout: str = "mono"
) -> Path:
    """Encode ``samples`` [n] or [n, channels of the layout] with a codec of FFmpeg."""
    container = av.open(str(path), "w")
    stream = container.add_stream(codec, rate=rate, layout=layout)
    if codec == "libopencore_amrnb":
        stream.bit_rate = 12_200
    kind = stream.codec_context.codec.audio_formats[0].name
    pcm = np.clip(samples * 32767, -32768, 32767).astype(np.int16).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout=layout)
    frame.sample_rate = rate
    frame.time_base = Fraction(1, rate)
    frame.pts = 0
    size = stream.codec_context.frame_size or 1024
    convert = av.AudioResampler(format=kind, layout=layout, rate=rate, frame_size=size)
    for part in [*convert.resample(frame), *convert.resample(None)]:
        container.mux(stream.encode(part))
    container.mux(stream.encode(None))
    container.close()
    return path


def write_video(path: Path) -> Path:
    """A file with a picture and no sound."""
    container = av.open(str(path), "w")
    stream = container.add_stream("mpeg4", rate=10)
    stream.width = stream.height = 32
    stream.pix_fmt = "yuv420p"
    for _ in range(5):
        frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
    container.close()
    return path


def write_wav(
    path: Path, samples: npt.NDArray[np.float32], rate: int = 8000, subtype: str = "PCM_16"
) -> Path:
    """A WAV file of ``samples`` [n] or [n, channels]."""
    soundfile.write(path, samples, rate, subtype=subtype, format="WAV")
    return path

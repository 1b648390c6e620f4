"""Decoding through PyAV (FFmpeg): AMR, M4A, 3GP, WebM, GSM, G.722 and what libsndfile refuses."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
log = logging.getLogger(__name__)

# Only containers that hold audio themselves: a play list (HLS, concat) with the name of a
# recording must not make the reader open other files or addresses.
_CONTAINERS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,flac,flv,g722,g723_1,g729,gsm,"
    "matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,mp3,mpeg,mpegts,ogg,tta,voc,w64,wav,wv"
)
_SHORT_BY = 0.5
"""Seconds that a file may fall short of its announced length before it counts as cut."""


class NoAudioStreamError(ValueError):
    """The file is a container without audio."""


class AvDecoder:
    """An open file, its first audio stream. Attributes as in ``SoundfileDecoder``.

    Raises:
        NoAudioStreamError: a container without audio.
        av.error.FFmpegError: not decodable, or no frame could be decoded.
    """

    def __init__(self, path: Path) -> None:
        self.warnings: list[str] = []
        self._damaged = 0
        self._container: Any = av.open(
            f"file:{path}",
            metadata_errors="replace",
            options={"format_whitelist": _CONTAINERS, "protocol_whitelist": "file"},
        )
        try:
            streams = self._container.streams.audio
            if not streams:
                raise NoAudioStreamError("has no audio stream")
            if len(streams) > 1:
                self.warnings.append(f"{len(streams)} audio streams; the first was used")
            self._stream: Any = streams[0]
            # PyAV opens streams that it has no decoder for, without saying so.
            if getattr(self._stream, "codec_context", None) is None:
                raise NoAudioStreamError("has an audio stream of an unknown kind")
            frames = self._decode()
            # The first frame, not the header, knows the rate: HE-AAC doubles it on decoding.
            first = next(frames, None)
            if first is None:
                self.sample_rate, self.channels = int(self._stream.rate or 8000), 1
                self._frames: Iterator[Any] = iter(())
            else:
                self.sample_rate = int(first.sample_rate)
                self.channels = int(first.layout.nb_channels)
                self._frames = itertools.chain([first], frames)
                # Interleaved: PyAV reads past the end of the list of planes that a frame of one
                # plane per channel has from 8 channels on, and the process dies.
                self._convert: Any = av.AudioResampler(
                    format="flt", layout=first.layout, rate=first.sample_rate
                )
        except BaseException:
            self._container.close()
            raise

    @property
    def announced_seconds(self) -> float | None:
        """Length in s according to the container, or None when it does not say."""
        if self._stream.duration is not None and self._stream.time_base is not None:
            return float(self._stream.duration * self._stream.time_base)
        return None

    def _decode(self) -> Iterator[Any]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except av.error.FFmpegError as error:
                log.debug("demuxer stopped: %s", error)
                self._damaged += 1
                return
            if packet is None:
                return
            try:
                yield from packet.decode()
            except av.error.EOFError:
                return
            except av.error.FFmpegError as error:
                log.debug("packet skipped: %s", error)
                self._damaged += 1

    def _arrays(self) -> Iterator[Samples]:
        for frame in self._frames:
            if frame.sample_rate != self.sample_rate or frame.layout.nb_channels != self.channels:
                self.warnings.append("the format changes within the file; the rest was not used")
                return
            frame.pts = None
            try:
                parts = self._convert.resample(frame)
            # Damaged headers announce layouts and formats that FFmpeg itself cannot convert.
            except (av.error.FFmpegError, ValueError) as error:
                log.debug("frame not converted: %s", error)
                self._damaged += 1
                return
            for part in parts:
                yield part.to_ndarray().reshape(-1, self.channels)

    def blocks(self, frames: int) -> Iterator[Samples]:
        """Blocks [n, channels] with n about ``frames``; damaged packets are left out."""
        held: list[Samples] = []
        count = done = 0
        for array in self._arrays():
            held.append(array)
            count += len(array)
            if count >= frames:
                yield np.ascontiguousarray(np.concatenate(held), np.float32)
                held, done, count = [], done + count, 0
        if held:
            yield np.ascontiguousarray(np.concatenate(held), np.float32)
        seconds = (done + count) / self.sample_rate
        announced = self.announced_seconds
        if self._damaged:
            self.warnings.append(
                f"the file is truncated or damaged ({self._damaged} packets could not be "
                "decoded); the rest was used"
            )
        elif announced is not None and seconds < announced - _SHORT_BY:
            self.warnings.append(
                f"the file is truncated: it holds {seconds:.1f} s of the {announced:.1f} s that "
                "it announces; what is there was used"
            )

    def close(self) -> None:
        """Close the file."""
        self._container.close()

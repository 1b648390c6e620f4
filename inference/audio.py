"""Reading any recording as a stream of float32 blocks, with bounded memory.

libsndfile reads what it can, FFmpeg (through PyAV, imported only when needed) the rest. A file
that is damaged or cut is used as far as it can be decoded, with an entry in ``warnings``; a file
of which nothing can be decoded is an :class:`AudioError`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol

import numpy as np
import numpy.typing as npt
import soundfile

from ringtrue.inference.audio_error import AudioError
from ringtrue.inference.decode_soundfile import SoundfileDecoder
from ringtrue.inference.raw_pcm import HEADERLESS, RawFormat, read_raw
from ringtrue.inference.resample import check_rate

__all__ = ["AUDIO_SUFFIXES", "AudioError", "RawFormat", "Recording", "open_raw", "open_recording"]

Samples = npt.NDArray[np.float32]
log = logging.getLogger(__name__)

BLOCK_SECONDS = 1.0
AUDIO_SUFFIXES = frozenset(
    {
        ".3gp",
        ".aac",
        ".aif",
        ".aifc",
        ".aiff",
        ".amr",
        ".au",
        ".awb",
        ".caf",
        ".flac",
        ".g722",
        ".gsm",
        ".m4a",
        ".m4b",
        ".mka",
        ".mp3",
        ".mp4",
        ".oga",
        ".ogg",
        ".opus",
        ".rf64",
        ".snd",
        ".w64",
        ".wav",
        ".wave",
        ".webm",
        ".wma",
    }
)
"""File endings that a folder is searched for."""
_LOUD = 4.0


class _Decoder(Protocol):
    sample_rate: int
    channels: int
    warnings: list[str]

    @property
    def announced_seconds(self) -> float | None: ...

    def blocks(self, frames: int) -> Iterator[Samples]: ...

    def close(self) -> None: ...


class _RawDecoder:
    """Headerless bytes behind the same face as the file decoders."""

    def __init__(self, name: str, stream: BinaryIO, raw: RawFormat, size: int | None) -> None:
        self._name, self._stream, self._raw = name, stream, raw
        self.sample_rate, self.channels = raw.rate, raw.channels
        self.announced_seconds = None if size is None else size / raw.frame_bytes / raw.rate
        self.warnings: list[str] = []

    def blocks(self, frames: int) -> Iterator[Samples]:
        try:
            yield from read_raw(self._stream, self._raw, frames / self._raw.rate, self.warnings)
        except ValueError as error:
            raise AudioError(self._name, str(error)) from error

    def close(self) -> None:
        self._stream.close()


class Recording:
    """An open recording; use it in a ``with`` statement. :func:`open_recording` makes one.

    Attributes:
        name: the recording as the caller named it.
        sample_rate: Hz.
        channels: number of channels.
        announced_seconds: length in s that the file announces, or None.
        warnings: grows while reading; complete when :meth:`blocks` has ended.
    """

    def __init__(self, name: str, decoder: _Decoder) -> None:
        self.name = name
        self._decoder = decoder
        self.sample_rate = decoder.sample_rate
        self.channels = decoder.channels
        self.announced_seconds = decoder.announced_seconds
        self.warnings = decoder.warnings

    def blocks(self, block_seconds: float = BLOCK_SECONDS) -> Iterator[Samples]:
        """Float32 blocks [frames, channels] in −1…1, about ``block_seconds`` each.

        Raises:
            AudioError: NaN or infinite samples, or no samples at all.
        """
        done = 0
        peak = 0.0
        for block in self._decoder.blocks(max(1, int(block_seconds * self.sample_rate))):
            highest = float(np.abs(block).max(initial=0.0))
            if not np.isfinite(highest):
                bad = int(np.argmin(np.isfinite(block).all(axis=1)))
                at = (done + bad) / self.sample_rate
                raise AudioError(
                    self.name, f"contains NaN or infinite samples (first at {at:.3f} s)"
                )
            peak = max(peak, highest)
            done += len(block)
            yield block
        if not done:
            raise AudioError(self.name, "holds no samples (0 s of audio)")
        if peak > _LOUD:
            self.warnings.append(f"samples reach {peak:.3g}; expected −1…1")

    def close(self) -> None:
        """Close the file."""
        self._decoder.close()

    def __enter__(self) -> Recording:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_raw(stream: BinaryIO, raw: RawFormat, name: str = "-") -> Recording:
    """A recording from an open binary stream of headerless audio, such as standard input."""
    return Recording(name, _RawDecoder(name, stream, raw, None))


def open_recording(path: str | Path, raw: RawFormat | None = None) -> Recording:
    """Open a recording of any supported format.

    Args:
        path: the file.
        raw: how to read it when its ending (``HEADERLESS``) says that it has no header; other
            files are recognised by their content.

    Raises:
        AudioError: missing, unreadable, empty, not audio, without audio stream, headerless
            without ``raw``, or at a rate outside 4…768 kHz.
    """
    path = Path(path)
    name = str(path)
    try:
        with path.open("rb") as stream:
            head = stream.read(4096)
        size = path.stat().st_size
    except OSError as error:
        raise AudioError(name, _os_problem(error)) from error
    if not head:
        raise AudioError(name, "is empty (0 bytes)")
    if path.suffix.lower() in HEADERLESS:
        if raw is None:
            raise AudioError(
                name,
                "has no header that tells its rate and encoding; "
                "give them, for example --raw-rate 8000 --raw-format mulaw",
            )
        return Recording(name, _RawDecoder(name, path.open("rb"), raw, size))
    # Before the decoders: FFmpeg finds audio in some texts.
    if _is_text(head):
        raise AudioError(name, "is text, not audio")
    decoder = _open_decoder(path, name, head)
    try:
        check_rate(decoder.sample_rate)
    except ValueError as error:
        decoder.close()
        raise AudioError(name, str(error)) from error
    return Recording(name, decoder)


def _open_decoder(path: Path, name: str, head: bytes) -> _Decoder:
    try:
        decoder = SoundfileDecoder(path)
        if not decoder.announces_nothing:
            return decoder
        # FFmpeg reads on to the end of a file whose header was never completed.
        decoder.close()
    except (soundfile.SoundFileError, TypeError) as error:
        log.debug("%s: libsndfile: %s", name, error)
    # Loaded late: 30 MB of libraries that most recordings do not need.
    import av.error

    from ringtrue.inference.decode_av import AvDecoder, NoAudioStreamError

    try:
        return AvDecoder(path)
    except NoAudioStreamError as error:
        raise AudioError(name, str(error)) from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
        log.debug("%s: FFmpeg: %s", name, error)
        raise AudioError(name, _content_problem(head)) from error


def _os_problem(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, PermissionError):
        return "permission denied"
    if isinstance(error, IsADirectoryError):
        return "is a folder, expected a recording"
    return f"cannot be read ({error.strerror or error})"


def _content_problem(head: bytes) -> str:
    if head[:4] == b"RIFF":
        return "is a WAV file that cannot be decoded (broken header or unknown codec)"
    if head[4:8] == b"ftyp":
        return "is an MP4/M4A file that cannot be decoded (truncated or broken)"
    return "is not a recording in a known format, or is damaged from its beginning"


def _is_text(head: bytes) -> bool:
    if b"\0" in head:
        return False
    try:
        # The last character may be cut by the 4096-byte limit.
        text = head.decode("utf-8-sig", errors="strict" if len(head) < 4096 else "ignore")
    except UnicodeDecodeError:
        return False
    printable = sum(c.isprintable() or c.isspace() for c in text)
    return len(text) > len(head) // 4 and printable > 0.95 * len(text)

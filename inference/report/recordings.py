"""The recordings behind the rows: where they are, a link to them, or a small copy."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

import soundfile

from ringtrue.inference.audio import AudioError, RawFormat, open_recording
from ringtrue.inference.resample import StreamResampler
from ringtrue.inference.score import channels_of

RATE = 8000
"""Hz of the copies: all that the detector hears."""
_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def locate(path: str, bases: Iterable[Path]) -> Path | None:
    """The recording's file: as it is named, else relative to one of ``bases``, else None."""
    if _REMOTE.match(path) or "\0" in path:
        return None
    for candidate in (Path(path), *(base / path for base in bases)):
        try:
            if candidate.is_file():
                return candidate
        except OSError:
            return None
    return None


def link(file: Path, folder: Path) -> str:
    """A URL of ``file`` for a page in ``folder``: relative, so that both can move together."""
    try:
        relative = os.path.relpath(file.resolve(), folder.resolve())
    except ValueError:
        # Another drive.
        return file.resolve().as_uri()
    # "./" keeps a name such as "javascript:x" from being a scheme of its own.
    return "./" + quote(relative.replace(os.sep, "/").encode("utf-8", "surrogateescape"))


def copy_suffix() -> str:
    """``.mp3``, which every browser plays, or ``.opus`` where libsndfile cannot write it."""
    return ".mp3" if "MP3" in soundfile.available_formats() else ".opus"


def copy_channel(file: Path, channel: str, target: Path, raw: RawFormat | None = None) -> None:
    """Write one channel of a recording as 8 kHz mono, about 2 kB per second, in bounded memory.

    Args:
        file: the recording.
        channel: ``mono``, ``left``, ``right`` or ``mix``, as in its row.
        target: ends in :func:`copy_suffix`.
        raw: how to read a headerless file.

    Raises:
        AudioError: the recording cannot be read.
        OSError: the copy cannot be written.
    """
    choice = "left" if channel == "mono" else channel
    form, subtype = ("MP3", None) if target.suffix == ".mp3" else ("OGG", "OPUS")
    part = target.with_name(f".{target.name}.part")
    try:
        with open_recording(file, raw) as recording:
            pick = channels_of(recording, choice)[0]
            resampler = StreamResampler(recording.sample_rate, RATE)
            with soundfile.SoundFile(part, "w", RATE, 1, subtype, format=form) as copy:
                for block in recording.blocks():
                    copy.write(resampler.push(pick.take(block)).clip(-1.0, 1.0))
                copy.write(resampler.finish().clip(-1.0, 1.0))
        os.replace(part, target)
    except soundfile.SoundFileError as error:
        raise AudioError(str(file), f"cannot be copied as {form} ({error})") from error
    finally:
        part.unlink(missing_ok=True)

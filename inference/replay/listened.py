"""Fingerprints of a folder of recordings, kept on disk so that work can be taken up again."""

from __future__ import annotations

import functools
import hashlib
import os
import zipfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from ringtrue.inference.audio import AudioError, RawFormat
from ringtrue.inference.channels import ChannelChoice
from ringtrue.inference.replay.campaigns import Stretch
from ringtrue.inference.replay.fingerprint import Fingerprint
from ringtrue.inference.replay.recorded import hear_recording
from ringtrue.inference.replay.segments import segments
from ringtrue.inference.session import Session

VERSION: Final = 2
"""Part of the files' names: other fingerprints need other files."""


@dataclass(frozen=True)
class Listened:
    """One recording.

    Attributes:
        path: as it was named.
        file: its fingerprints; empty after an error.
        seconds: its length.
        error: what was wrong with it, or empty.
        warnings: what was odd about it, such as an end that is cut off.
    """

    path: str
    file: str = ""
    seconds: float = 0.0
    error: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Listener:
    """How recordings are heard.

    Attributes:
        folder: where fingerprints are kept.
        model: ONNX file, or None for the released model.
        channel: which channels.
        raw: how headerless files are read.
    """

    folder: Path
    model: Path | None = None
    channel: ChannelChoice = ChannelChoice.BOTH
    raw: RawFormat | None = None

    def listen(self, paths: list[str], jobs: int = 1) -> Iterator[Listened]:
        """Hear recordings in the order given, with ``jobs`` processes; never fails for one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if jobs <= 1 or len(paths) < 2:
            yield from map(partial(_hear, self), paths)
            return
        left = list(paths)
        while left:
            done = 0
            with ProcessPoolExecutor(max_workers=jobs) as pool:
                try:
                    for heard in pool.map(partial(_hear, self), left, chunksize=4):
                        done += 1
                        yield heard
                    return
                except BrokenProcessPool:
                    left = left[done:]
            # A decoder crashed at one of the next recordings. What others have heard is kept.
            yield _hear_apart(self, left.pop(0))

    def file_of(self, path: str, model: str) -> Path:
        """Where the fingerprints of a recording are kept; changes with its size and time, and with
        the digest of the model."""
        about = os.stat(path)
        parts = (
            VERSION,
            os.path.abspath(path),
            about.st_size,
            about.st_mtime_ns,
            self.channel,
            self.raw,
            model,
        )
        text = "|".join(map(str, parts)).encode("utf-8", "surrogateescape")
        return self.folder / f"{hashlib.sha256(text).hexdigest()[:32]}.npz"


@functools.lru_cache(maxsize=1)
def _session(model: Path | None) -> Session:
    return Session(model)


def _hear_apart(how: Listener, path: str) -> Listened:
    """Hear one recording in a process of its own, which may crash."""
    with ProcessPoolExecutor(max_workers=1) as pool:
        try:
            return pool.submit(_hear, how, path).result()
        except BrokenProcessPool:
            return Listened(path, error="the decoder crashed")


def _hear(how: Listener, path: str) -> Listened:
    try:
        session = _session(how.model)
        file = how.file_of(path, session.digest)
        if file.exists():
            try:
                with np.load(file) as stored:
                    if stored.zip.testzip() is None:
                        told = tuple(map(str, stored["warnings"]))
                        return Listened(path, str(file), float(stored["seconds"]), warnings=told)
            except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error):
                pass
            file.unlink()
        arrays: dict[str, Any] = {}
        seconds = 0.0
        warnings: tuple[str, ...] = ()
        for one in hear_recording(path, session, how.channel, how.raw):
            seconds, warnings = one.seconds, one.warnings
            for number, (start, heard) in enumerate(segments(one.heard, one.speech)):
                name = f"{one.channel}-{number}"
                arrays[f"{name}-start"] = np.array(start)
                arrays[f"{name}-frames"] = heard.frames
                arrays[f"{name}-codes"] = heard.codes
                arrays[f"{name}-shape"] = heard.shape
        part = file.with_suffix(f".{os.getpid()}.part.npz")
        arrays["seconds"] = np.array(seconds)
        arrays["warnings"] = np.array(warnings, np.str_)
        np.savez(part, **arrays)
        os.replace(part, file)
        return Listened(path, str(file), seconds, warnings=warnings)
    except AudioError as error:
        return Listened(path, error=error.problem)
    # Whatever a decoder does to one odd file, the others are still to be heard.
    except Exception as error:
        return Listened(path, error=f"{type(error).__name__}: {error}")


def stretches(recordings: list[Listened]) -> Iterator[Stretch]:
    """The stretches of speech of all recordings that could be heard."""
    for recording in recordings:
        if recording.error:
            continue
        with np.load(recording.file) as stored:
            for name in stored.files:
                if not name.endswith("-start"):
                    continue
                base = name.removesuffix("-start")
                yield Stretch(
                    recording.path,
                    base.rpartition("-")[0],
                    float(stored[name]),
                    Fingerprint(
                        stored[f"{base}-frames"], stored[f"{base}-codes"], stored[f"{base}-shape"]
                    ),
                )

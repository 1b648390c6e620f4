"""Robot clips from synthesizers that are installed beside this project.

A synthesizer is a program that reads a text file and writes an audio file. Each line of text
becomes a clip as training wants it: 8 kHz mono FLAC, edges trimmed, active part at -26 dBFS, with
a row in a manifest.
"""

from __future__ import annotations

import logging
import re
import shlex
import shutil
import subprocess
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
import soundfile
import soxr

from ringtrue.training.channel.base import SAMPLE_RATE, Samples
from ringtrue.training.channel.levels import active_power, frame_powers, scale_to_active
from ringtrue.training.clip_file import write_clip
from ringtrue.training.import_recordings import LEVEL_DBFS, MARGIN_SECONDS
from ringtrue.training.manifest import Clip, Manifest, write_manifest

_log = logging.getLogger(__name__)

_QUIETEST: Final = 10**-3.5
"""Frames over this part of the active power count as speech when the edges are trimmed."""
_SHORTEST: Final = 1.0
_TIMEOUT: Final = 300


@dataclass(frozen=True)
class Engine:
    """A synthesizer.

    Attributes:
        command: program and arguments; ``{file}`` stands for the text file, ``{wav}`` for the audio
            file to write, ``{voice}`` for the voice.
        install: what to install when the program is not found.
        voice: used when none is chosen.
    """

    command: tuple[str, ...]
    install: str = ""
    voice: str = ""


ENGINES: Final[Mapping[str, Engine]] = MappingProxyType(
    {
        "espeak-ng": Engine(
            ("espeak-ng", "-v", "{voice}", "-f", "{file}", "-w", "{wav}"),
            "apt-get install espeak-ng",
            "en-us",
        ),
        "festival": Engine(
            ("text2wave", "-eval", "(voice_{voice})", "-o", "{wav}", "{file}"),
            "apt-get install festival and the package of the voice, such as festvox-kallpc16k",
            "kal_diphone",
        ),
        "flite": Engine(
            ("flite", "-voice", "{voice}", "-f", "{file}", "-o", "{wav}"),
            "apt-get install flite",
            "slt",
        ),
    }
)


@dataclass(frozen=True)
class Synthesis:
    """Outcome of a run.

    Attributes:
        manifest: rows of every clip in the folder that belongs to this run.
        written: clips made now.
        failed: one sentence per clip that could not be made.
    """

    manifest: Manifest
    written: int
    failed: tuple[str, ...]


def find_engine(name: str) -> Engine:
    """A known engine, or a command that holds ``{file}`` and ``{wav}``.

    Raises:
        ValueError: neither, or its program is not installed; the message says what to install.
    """
    engine = ENGINES.get(name) or Engine(tuple(shlex.split(name)))
    if not all(any(mark in part for part in engine.command) for mark in ("{file}", "{wav}")):
        known = ", ".join(ENGINES)
        raise ValueError(f"expected {known} or a command with {{file}} and {{wav}}, got {name!r}")
    if shutil.which(engine.command[0]) is None:
        hint = f": {engine.install}" if engine.install else ""
        raise ValueError(f"the program {engine.command[0]!r} is not installed{hint}")
    return engine


def synthesise(
    engine: Engine,
    texts: Sequence[str],
    out_dir: Path,
    row: Clip,
    voices: Sequence[str] = (),
    encoding: str = "utf-8",
) -> Synthesis:
    """Write ``<source>/<source>-<voice>-<hash of the text>.flac`` of all, and a manifest.

    Clips that exist are kept, so that a stopped run goes on where it was.

    Args:
        engine: see :func:`find_engine`.
        texts: one clip each.
        out_dir: made if needed.
        row: what all rows say (source, system, language, split, licence ...).
        voices: names of the engine; its default if empty.
        encoding: that the program expects.

    Raises:
        ValueError: no text.
        OSError: the folder or its manifest cannot be written.
    """
    if not texts:
        raise ValueError("expected at least one line of text")
    rows: list[Clip] = []
    failed: list[str] = []
    written = 0
    for voice in voices or (engine.voice,):
        for text in dict.fromkeys(texts):
            name = f"{row.source}-{_plain(voice)}-{zlib.crc32(text.encode()):08x}"
            path = out_dir / row.source / f"{name}.flac"
            try:
                if not path.is_file():
                    write_clip(path, _speak(engine, voice, text, encoding))
                    written += 1
                seconds = round(soundfile.info(path).duration, 3)
            except (ValueError, OSError, RuntimeError, subprocess.SubprocessError) as error:
                failed.append(f"{name}: {error}")
                _log.warning("no clip %s", failed[-1])
                continue
            place = path.relative_to(out_dir).as_posix()
            rows.append(replace(row, id=name, path=place, voice=voice, text=text, seconds=seconds))
    manifest = Manifest(tuple(rows), out_dir)
    if rows:
        write_manifest(manifest, out_dir / "manifest.jsonl")
    return Synthesis(manifest, written, tuple(failed))


def _plain(voice: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", voice) or "voice"


def _speak(engine: Engine, voice: str, text: str, encoding: str) -> Samples:
    with tempfile.TemporaryDirectory() as folder:
        marks = {"{file}": f"{folder}/text.txt", "{wav}": f"{folder}/out.wav", "{voice}": voice}
        Path(marks["{file}"]).write_bytes(text.encode(encoding) + b"\n")
        command = []
        for part in engine.command:
            for mark, value in marks.items():
                part = part.replace(mark, value)
            command.append(part)
        done = subprocess.run(command, capture_output=True, timeout=_TIMEOUT, check=False)
        if done.returncode or not Path(marks["{wav}"]).is_file():
            last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
            raise ValueError(f"{command[0]} wrote no audio {last}")
        audio, rate = soundfile.read(marks["{wav}"], dtype="float32", always_2d=True)
    return as_clip(audio.mean(axis=1), rate)


def as_clip(audio: Samples, rate: int) -> Samples:
    """8 kHz, edges trimmed to 150 ms, active part at -26 dBFS.

    Raises:
        ValueError: silence, or less than 1 s of it left.
    """
    narrow = np.asarray(soxr.resample(audio - np.mean(audio), rate, SAMPLE_RATE), dtype=np.float32)
    frame = SAMPLE_RATE // 50
    speech = np.flatnonzero(frame_powers(narrow, frame) > _QUIETEST * active_power(narrow))
    if not len(speech) or not np.any(narrow):
        raise ValueError("expected speech, got silence")
    margin = int(MARGIN_SECONDS * SAMPLE_RATE)
    clip = narrow[max(0, speech[0] * frame - margin) : (speech[-1] + 1) * frame + margin]
    if len(clip) < _SHORTEST * SAMPLE_RATE:
        raise ValueError(f"expected at least 1 s of speech, got {len(clip) / SAMPLE_RATE:.2f} s")
    return scale_to_active(clip, LEVEL_DBFS)

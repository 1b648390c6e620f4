"""Clips and manifest rows from recordings of one source, cut at pauses.

A source is one recording campaign, package or page. Its recordings, of any format and rate, become
clips as training wants them: 8 kHz mono FLAC of 12 s at most, cut where nobody speaks, edges
trimmed to 150 ms, the active part at -26 dBFS. Recordings without speech give none.
"""

from __future__ import annotations

import logging
import os
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import numpy as np
import soundfile
import soxr
from rich.progress import track

from ringtrue.inference.audio import open_recording
from ringtrue.inference.audio_error import AudioError
from ringtrue.training.channel.base import SAMPLE_RATE, Samples
from ringtrue.training.channel.levels import scale_to_active
from ringtrue.training.clip_file import write_clip
from ringtrue.training.manifest import (
    CONDITIONS,
    LABELS,
    SPLITS,
    Clip,
    Manifest,
    write_manifest,
)
from ringtrue.training.speech_labels import FRAME_SAMPLES, FRAMES_PER_SECOND, Mask, speech_mask

_log = logging.getLogger(__name__)

Speakers = Literal["unknown", "one", "folder", "file"]
"""Who speaks: nobody knows, one person, one per folder of the recordings, one per recording."""
SPEAKERS: Final[tuple[Speakers, ...]] = ("unknown", "one", "folder", "file")

LEVEL_DBFS: Final = -26.0
"""Active level of a clip."""
MARGIN_SECONDS: Final = 0.15
"""What stays before and after its speech."""
_PAUSE: Final = 0.3
"""Seconds; recordings are only cut in pauses that are longer."""
_LONG_PAUSE: Final = 1.0
"""Seconds; a longer pause always ends a clip."""


@dataclass(frozen=True)
class Imported:
    """Outcome of a run.

    Attributes:
        manifest: rows of all clips.
        written: clips made now.
        silent: recordings in which no speech was found.
        failed: one sentence per recording that could not be read.
    """

    manifest: Manifest
    written: int
    silent: int
    failed: tuple[str, ...]


def import_recordings(
    recordings: Sequence[Path],
    out_dir: Path,
    row: Clip,
    speakers: Speakers = "unknown",
    longest: float = 12.0,
    shortest: float = 0.5,
    most_seconds: float | None = None,
) -> Imported:
    """Write ``<source>/<source>-<recording>-<number>.flac`` of all, and a manifest.

    Clips that exist with the same length are kept; the manifest is written at the end.

    Args:
        recordings: files of one source.
        out_dir: made if needed.
        row: what all rows say (source, label, language, split, licence ...).
        speakers: how rows name who speaks.
        longest, shortest: seconds of a clip.
        most_seconds: of clips per speaker, the first of the recordings; None takes all.

    Raises:
        ValueError: no recordings, ``shortest`` is not below ``longest``, or a label, split or
            condition that manifests do not know.
        OSError: a clip or the manifest cannot be written.
    """
    if not recordings:
        raise ValueError("expected recordings, got none")
    if not 0 < shortest < longest:
        raise ValueError(f"expected 0 < shortest < longest, got {shortest} and {longest}")
    for name, known in (("label", LABELS), ("split", SPLITS), ("condition", CONDITIONS)):
        if getattr(row, name) not in known:
            raise ValueError(f"{name}: expected {', '.join(known)}, got {getattr(row, name)!r}")
    root = os.path.commonpath([recording.parent.absolute() for recording in recordings])
    rows: list[Clip] = []
    failed: list[str] = []
    written = silent = 0
    taken: dict[str, float] = {}
    for recording in track(recordings, description="recordings"):
        speaker = _speaker(row.source, recording, speakers)
        if most_seconds is not None and taken.get(speaker, 0.0) >= most_seconds:
            continue
        try:
            audio = read_8k(recording)
        except AudioError as error:
            failed.append(str(error))
            _log.warning("no clips: %s", error)
            continue
        # The place keeps recordings of one name in different folders apart.
        place = zlib.crc32(os.path.relpath(recording, root).encode())
        name = f"{row.source}-{_plain(recording.stem)}-{place:08x}"
        before = len(rows)
        for number, clip in enumerate(cut(audio, longest, shortest)):
            identity = f"{name}-{number:03d}"
            path = out_dir / row.source / f"{identity}.flac"
            # Cut otherwise, or damaged: made again, so that rows tell what files hold.
            if _samples_of(path) != len(clip):
                write_clip(path, clip)
                written += 1
            seconds = round(len(clip) / SAMPLE_RATE, 3)
            taken[speaker] = taken.get(speaker, 0.0) + seconds
            shown = path.relative_to(out_dir).as_posix()
            rows.append(replace(row, id=identity, path=shown, speaker=speaker, seconds=seconds))
        silent += len(rows) == before
    manifest = Manifest(tuple(rows), out_dir)
    if rows:
        write_manifest(manifest, out_dir / "manifest.jsonl")
    return Imported(manifest, written, silent, tuple(failed))


def _samples_of(path: Path) -> int:
    """Length of a clip that is there; 0 for none and for what cannot be read."""
    try:
        return int(soundfile.info(path).frames)
    except (OSError, RuntimeError):
        return 0


def read_8k(path: Path) -> Samples:
    """A whole recording as 8 kHz mono; channels are averaged.

    Raises:
        AudioError: it cannot be read; the message names it.
    """
    with open_recording(path) as recording:
        mixed = np.concatenate([block.mean(axis=1) for block in recording.blocks()])
        rate = recording.sample_rate
    narrow = soxr.resample(mixed - mixed.mean(), rate, SAMPLE_RATE)
    return np.asarray(narrow, dtype=np.float32)


def cut(audio: Samples, longest: float = 12.0, shortest: float = 0.5) -> Iterator[Samples]:
    """Clips of ``audio``, in order: speech with the pauses between, at -26 dBFS.

    Args:
        audio: [n] float32, mono 8 kHz.
        longest: seconds; a clip ends at the last pause before. Speech without a pause is cut there.
        shortest: seconds of speech and margins; shorter rests are dropped.
    """
    margin = round(MARGIN_SECONDS * SAMPLE_RATE)
    room = round((longest - 2 * MARGIN_SECONDS) * FRAMES_PER_SECOND)
    for first, last in _spans(speech_mask(audio, min_pause_seconds=_PAUSE), room):
        start = max(0, first * FRAME_SAMPLES - margin)
        clip = audio[start : last * FRAME_SAMPLES + margin]
        if len(clip) >= shortest * SAMPLE_RATE:
            yield scale_to_active(clip, LEVEL_DBFS)


def _spans(speech: Mask, room: int) -> Iterator[tuple[int, int]]:
    """First frame and frame after the last of each clip of at most ``room`` frames."""
    edges = np.flatnonzero(np.diff(np.r_[False, speech, False].astype(np.int8)))
    first: int | None = None
    last = 0
    for start, stop in edges.reshape(-1, 2).tolist():
        ends = stop - (first or 0) > room or start - last > _LONG_PAUSE * FRAMES_PER_SECOND
        if first is not None and ends:
            yield first, last
            first = None
        first = start if first is None else first
        while stop - first > room:
            yield first, first + room
            first += room
        last = stop
    if first is not None:
        yield first, last


def _speaker(source: str, recording: Path, speakers: Speakers) -> str:
    if speakers == "unknown":
        return f"{source}:"
    names = {"one": "one", "folder": recording.parent.name, "file": recording.stem}
    return f"{source}:{_plain(names[speakers])}"


def _plain(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name) or "recording"

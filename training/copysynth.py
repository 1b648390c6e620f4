"""Copy-synthesis of the human clips of a manifest: robots with a person's voice, words and room.

Pairs of a recording and its copy take the shortcut of speaker and content away from training. The
methods, with their sources, are in :mod:`ringtrue.training.copysynth_methods`.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile
import soxr
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ringtrue.training.channel.base import SAMPLE_RATE, Samples
from ringtrue.training.clip_file import write_clip
from ringtrue.training.copysynth_methods import (
    ALL_SYNTHESIZERS,
    COPY_SYNTHESIZERS,
    synthesise_copy,
)
from ringtrue.training.manifest import Clip, Manifest, write_manifest

__all__ = [
    "ALL_SYNTHESIZERS",
    "COPY_SYNTHESIZERS",
    "CopySynthesis",
    "copy_synthesise",
    "synthesise_copy",
]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CopySynthesis:
    """Outcome of a run.

    Attributes:
        manifest: rows of every copy in the folder that belongs to this run.
        written: copies made now.
        skipped: copies that were there already.
        failed: one sentence per copy that could not be made.
    """

    manifest: Manifest
    written: int
    skipped: int
    failed: tuple[str, ...]


def copy_synthesise(
    manifest: Manifest,
    out_dir: Path,
    names: Sequence[str] = tuple(COPY_SYNTHESIZERS),
    seed: int = 0,
    limit: int | None = None,
    shortest: float = 0.0,
) -> CopySynthesis:
    """Write copies of the human clips as ``<name>/<id>.flac`` and a ``manifest.jsonl`` of them.

    Rows are labelled ``vocoded`` with ``system`` the name of the method; split, source, speaker,
    language, licence, condition and text are the origin's, whose id is in ``extra["origin"]``.
    A copy depends on the seed, the id and the name only, so that runs can be stopped, resumed and
    extended. A clip that cannot be read or copied is logged and left out.

    Args:
        manifest: its human clips are copied; choose split and licences before.
        out_dir: made if needed.
        names: methods, keys of ``ALL_SYNTHESIZERS``.
        seed: of the random choices.
        limit: at most this many human clips, drawn at random with ``seed``.
        shortest: s; shorter clips are left out.

    Raises:
        ValueError: unknown name, no human clip, a clip of split ``eval``, or ``limit`` below 1.
        OSError: the folder or its manifest cannot be written.
    """
    long = Manifest(tuple(c for c in manifest if c.seconds >= shortest), manifest.root)
    unknown = [name for name in names if name not in ALL_SYNTHESIZERS]
    if unknown or not names:
        known = ", ".join(ALL_SYNTHESIZERS)
        raise ValueError(f"expected copy-synthesizers of {known}, got {', '.join(names) or 'none'}")
    origins = people_of(long, seed, limit)
    rows: list[Clip] = []
    failed: list[str] = []
    written = 0
    progress = Progress(
        TextColumn("copy-synthesis"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    )
    try:
        with progress:
            for origin in progress.track(origins):
                audio: Samples | None = None
                for name in names:
                    path = out_dir / name / f"{origin.id}.flac"
                    try:
                        seconds = clip_seconds(path)
                        if seconds is None:
                            if audio is None:
                                audio = read_samples(manifest.audio_path(origin))
                            rng = np.random.default_rng([seed, _hash(origin.id), _hash(name)])
                            seconds = write_clip(path, synthesise_copy(name, audio, rng))
                            written += 1
                    except (ValueError, OSError, RuntimeError, np.linalg.LinAlgError) as error:
                        failed.append(f"{origin.id} ({name}): {error}")
                        _log.warning("no copy of %s", failed[-1])
                        continue
                    rows.append(copied_row(origin, name, seconds))
    finally:
        result = Manifest(tuple(rows), out_dir)
        if rows:
            write_manifest(result, out_dir / "manifest.jsonl")
    return CopySynthesis(result, written, len(rows) - written, tuple(failed))


def people_of(manifest: Manifest, seed: int, limit: int | None) -> list[Clip]:
    """Human clips, at most ``limit`` of them, drawn at random with ``seed``, in their order.

    Raises:
        ValueError: there is none, one is of split ``eval``, or ``limit`` is below 1.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"expected a limit of at least 1, got {limit}")
    origins = [clip for clip in manifest if clip.is_human]
    if not origins:
        raise ValueError(f"expected human clips in the manifest, got none in {len(manifest)} clips")
    measured = next((clip for clip in origins if clip.split == "eval"), None)
    if measured is not None:
        raise ValueError(f"expected clips of train or dev, got {measured.id!r} of eval")
    if limit is not None and limit < len(origins):
        chosen = np.random.default_rng(seed).permutation(len(origins))[:limit]
        origins = [origins[index] for index in sorted(chosen)]
    return origins


def copied_row(origin: Clip, name: str, seconds: float) -> Clip:
    """The row of the copy of ``origin`` by the system ``name``, ``<name>/<id>.flac``."""
    return replace(
        origin,
        id=f"{origin.id}-{name}",
        path=f"{name}/{origin.id}.flac",
        label="vocoded",
        system=name,
        voice="",
        recorded_prompt=False,
        seconds=seconds,
        extra={"origin": origin.id},
    )


def _hash(text: str) -> int:
    return zlib.crc32(text.encode())


def clip_seconds(path: Path) -> float | None:
    """Length of an audio file; None where there is none or it is damaged."""
    try:
        return float(soundfile.info(path).duration) or None
    except (OSError, soundfile.SoundFileError):
        return None


def read_samples(path: Path) -> Samples:
    """A clip as mono float32 at 8 kHz; ValueError if it is empty."""
    audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = audio.mean(axis=1)
    if not len(mono):
        raise ValueError("expected audio, got an empty file")
    if rate != SAMPLE_RATE:
        mono = soxr.resample(mono, rate, SAMPLE_RATE)
    return np.ascontiguousarray(mono, dtype=np.float32)

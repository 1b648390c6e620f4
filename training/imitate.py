"""Imitations: people's clips as a text-to-speech system might have said them.

A vocoder's copy differs from its original by the traces of the vocoder, and a detector learns these
by heart. An imitation loses what an acoustic model loses, too, in one of many ways
(:mod:`ringtrue.training.mel_changes`), and is voiced by one of several vocoders: what all have in
common is that detail is missing. Speaker, words, room and microphone stay, so that a source of
people becomes one of both classes.
"""

from __future__ import annotations

import logging
import multiprocessing
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ringtrue.training import mel_changes
from ringtrue.training.channel.base import Samples
from ringtrue.training.clip_file import write_clip
from ringtrue.training.copysynth import CopySynthesis, clip_seconds, people_of, read_samples
from ringtrue.training.copysynth_methods import at_level
from ringtrue.training.hifigan import hifigan_voice
from ringtrue.training.manifest import Clip, Manifest, write_manifest
from ringtrue.training.mel import griffin_lim_voice, mel_of
from ringtrue.training.mel_changes import Codebooks, Mel, Patches
from ringtrue.training.melgan import melgan_voice

log = logging.getLogger(__name__)

FOLDER = "imitation"
"""Of the clips, and what their ids end with."""
CHANGES: Final = MappingProxyType(
    {"tokens": 0.3, "averaged": 0.25, "blurred": 0.2, "patches": 0.1, "plain": 0.15}
)
"""How often the spectrogram is changed in which way; plain: only the vocoder's traces."""
VOCODERS: Final = MappingProxyType({"hifigan": 0.5, "melgan": 0.3, "griffin_lim": 0.2})
"""How often each vocoder is drawn, relative to the others that are used."""

_TOKENS = (512, 512, 512, 512, 256, 256)
_COMPONENTS = (24, 48, 96)
_FITTED_CLIPS = 350
_POOL_CLIPS = 8
_POOL_FRAMES = 1500
_LONGEST = 12 * 8000
_SHORTEST = 0.5


@dataclass(frozen=True)
class Fitted:
    """What the changes are fitted to: spectrograms of the people of a manifest."""

    books: Codebooks
    patches: Patches


@dataclass(frozen=True)
class _Job:
    manifest: Manifest
    fitted: Fitted | None
    vocoders: tuple[str, ...]
    seed: int
    out_dir: Path
    others: dict[str, tuple[Clip, ...]]


def imitate(
    manifest: Manifest,
    out_dir: Path,
    seed: int = 0,
    limit: int | None = None,
    shortest: float = 2.2,
    vocoders: Sequence[str] = tuple(VOCODERS),
    workers: int = 1,
) -> CopySynthesis:
    """Write an imitation of each human clip as ``imitation/<id>.flac``, and a ``manifest.jsonl``.

    Rows are labelled ``vocoded`` with ``system`` the change and the vocoder, as in
    ``tokens+hifigan``; split, source, speaker, language, licence, condition and text are the
    origin's, whose id is in ``extra["origin"]``. Runs can be stopped, resumed and extended as those
    of :func:`ringtrue.training.copysynth.copy_synthesise` with the same seed and manifest; without
    one of them, what is drawn stays, but not what the changes are fitted to.

    Args:
        manifest: its human clips are imitated, and changes are fitted to them; choose split and
            licences before.
        out_dir: made if needed.
        seed: of the random choices.
        limit: at most this many human clips, drawn at random with ``seed``.
        shortest: s; shorter clips are left out.
        vocoders: keys of :data:`VOCODERS`; two of them are packages that must be installed.
        workers: processes.

    Raises:
        ValueError: ``shortest`` below 0.5, no human clip, one of split ``eval``, an unknown vocoder
            or one that is not installed, or too little audio to fit the changes to.
        OSError: the folder or its manifest cannot be written.
    """
    if shortest < _SHORTEST:
        raise ValueError(f"expected shortest of at least {_SHORTEST} s, got {shortest}")
    unknown = sorted(set(vocoders) - set(VOCODERS))
    if unknown or not vocoders:
        raise ValueError(f"expected vocoders of {', '.join(VOCODERS)}, got {', '.join(unknown)}")
    people = [c for c in people_of(manifest, seed, None) if c.seconds >= shortest]
    long = Manifest(tuple(people), manifest.root)
    chosen = people_of(long, seed, limit)
    silence = mel_of(np.zeros(8000, np.float32))
    for name in vocoders:  # a package that is missing is told before the work
        _voice(silence, name, np.random.default_rng(0))
    done = all(clip_seconds(_path(out_dir, clip)) is not None for clip in chosen)
    fitted = None if done else _fit(long, seed)
    job = _Job(manifest, fitted, tuple(vocoders), seed, out_dir, _others(people))
    rows: list[Clip] = []
    failed: list[str] = []
    written = 0
    columns = (
        TextColumn("imitations"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    )  # fmt: skip
    try:
        with Progress(*columns) as progress:
            for row, error, new in progress.track(_outcomes(job, chosen, workers), len(chosen)):
                written += new
                if error:
                    failed.append(error)
                    log.warning("no imitation of %s", error)
                elif row is not None:
                    rows.append(row)
    finally:
        result = Manifest(tuple(rows), out_dir)
        if rows:
            write_manifest(result, out_dir / "manifest.jsonl")
    return CopySynthesis(result, written, len(rows) - written, tuple(failed))


_Outcome = tuple[Clip | None, str, bool]
_job: _Job | None = None


def _outcomes(job: _Job, chosen: Sequence[Clip], workers: int) -> Iterator[_Outcome]:
    """Row, error and whether it was written now, of each clip in order."""
    if workers == 1:
        _start(job)
        yield from map(_make, chosen)
        return
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers, _start, (job,)) as pool:
        yield from pool.imap(_make, chosen, chunksize=4)


def _start(job: _Job) -> None:
    global _job
    _job = job


def _make(origin: Clip) -> _Outcome:
    assert _job is not None
    rng = np.random.default_rng([_job.seed, zlib.crc32(origin.id.encode())])
    change = str(rng.choice(list(CHANGES), p=list(CHANGES.values())))
    share = np.array([VOCODERS[name] for name in _job.vocoders])
    vocoder = str(rng.choice(_job.vocoders, p=share / share.sum()))
    path = _path(_job.out_dir, origin)
    try:
        others = [c for c in _job.others.get(_voice_of(origin), ()) if c.id != origin.id]
        if change == "averaged" and sum(c.seconds for c in others) * 86 < _POOL_FRAMES:
            change = "tokens"  # too little of that voice to choose from
        seconds = clip_seconds(path)
        new = seconds is None
        if seconds is None:
            samples = read_samples(_job.manifest.audio_path(origin))
            mel = mel_of(samples)
            changed = _changed(mel, change, others, rng)
            if rng.random() < 0.4:
                changed = mel_changes.stretched(changed, float(rng.uniform(0.85, 1.2)))
            voiced = _voice(changed, vocoder, rng)[:_LONGEST]
            seconds = write_clip(path, at_level(voiced, samples))
    except (ValueError, OSError, RuntimeError, np.linalg.LinAlgError) as error:
        return None, f"{origin.id}: {error}", False
    row = replace(
        origin,
        id=f"{origin.id}-{FOLDER}",
        path=f"{FOLDER}/{origin.id}.flac",
        label="vocoded",
        system=f"{change}+{vocoder}",
        voice="",
        recorded_prompt=False,
        seconds=seconds,
        extra={"origin": origin.id},
    )
    return row, "", new


def _changed(mel: Mel, change: str, others: Sequence[Clip], rng: np.random.Generator) -> Mel:
    assert _job is not None
    assert _job.fitted is not None
    if change == "tokens":
        stages, slips = int(rng.integers(2, 7)), float(rng.choice([0.0, 0.1, 0.3]))
        told = mel_changes.tokenised(mel, _job.fitted.books, stages, slips, rng)
        return mel_changes.blurred(told, 0.0, float(rng.uniform(0.4, 1.0)))
    if change == "averaged":
        pool = _spectra(_job.manifest, others)
        mean = mel_changes.averaged(mel, pool, int(rng.choice([2, 4, 8, 16])))
        return mel_changes.blurred(mean, 0.0, float(rng.uniform(0.3, 1.0)))
    if change == "blurred":
        return mel_changes.blurred(mel, float(rng.uniform(0, 1.5)), float(rng.uniform(0.5, 2.2)))
    if change == "patches":
        return mel_changes.reduced(mel, _job.fitted.patches, int(rng.choice(_COMPONENTS)))
    return mel


def _voice(mel: Mel, vocoder: str, rng: np.random.Generator) -> Samples:
    if vocoder == "hifigan":
        return hifigan_voice(mel)
    if vocoder == "melgan":
        return melgan_voice(mel)
    iterations, momentum = int(rng.choice([6, 16, 32, 60])), float(rng.choice([0.0, 0.99]))
    return griffin_lim_voice(mel, iterations, momentum, rng)


def _fit(long: Manifest, seed: int) -> Fitted:
    """Codebooks and patches of up to :data:`_FITTED_CLIPS` clips."""
    spectra = _spectra(long, people_of(long, seed, _FITTED_CLIPS))
    if not spectra:
        raise ValueError("expected clips to fit the changes to, none can be read")
    books = mel_changes.fit_codebooks(spectra, _TOKENS, seed)
    return Fitted(books, mel_changes.fit_patches(spectra, max(_COMPONENTS)))


def _spectra(manifest: Manifest, clips: Sequence[Clip]) -> list[Mel]:
    """Spectrograms of the clips that can be read; the others are told of when it is their turn."""
    found = []
    for clip in clips:
        try:
            found.append(mel_of(read_samples(manifest.audio_path(clip))))
        except (ValueError, OSError, RuntimeError) as error:
            log.debug("%s is left out of what changes are fitted to: %s", clip.id, error)
    return found


def _others(people: Sequence[Clip]) -> dict[str, tuple[Clip, ...]]:
    """The first clips of each voice."""
    found: dict[str, list[Clip]] = defaultdict(list)
    for clip in people:
        if len(found[_voice_of(clip)]) <= _POOL_CLIPS:
            found[_voice_of(clip)].append(clip)
    return {voice: tuple(clips) for voice, clips in found.items()}


def _path(out_dir: Path, origin: Clip) -> Path:
    return out_dir / FOLDER / f"{origin.id}.flac"


def _voice_of(clip: Clip) -> str:
    return clip.speaker or clip.source

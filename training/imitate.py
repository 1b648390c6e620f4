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
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ringtrue.training import mel_changes
from ringtrue.training.channel.base import SAMPLE_RATE, Samples, as_samples
from ringtrue.training.clip_file import write_clip
from ringtrue.training.copysynth import (
    CopySynthesis,
    clip_seconds,
    copied_row,
    people_of,
    read_samples,
)
from ringtrue.training.copysynth_methods import at_level
from ringtrue.training.hifigan import hifigan_voice
from ringtrue.training.manifest import Clip, Manifest, write_manifest
from ringtrue.training.mel import griffin_lim_voice, mel_of
from ringtrue.training.mel_changes import Codebooks, Mel, Patches
from ringtrue.training.melgan import melgan_voice

log = logging.getLogger(__name__)

CHANGES: Final = MappingProxyType(
    {"tokens": 0.3, "averaged": 0.25, "blurred": 0.2, "patches": 0.1, "plain": 0.15}
)
"""How often the spectrogram is changed in which way; plain: only the vocoder's traces."""
VOCODERS: Final = MappingProxyType({"hifigan": 0.5, "melgan": 0.3, "griffin_lim": 0.2})
"""How often each vocoder is drawn, relative to the others that are used."""
SHORTEST: Final = 0.5
"""s; there is too little to change in clips below."""

_TOKENS = (512, 512, 512, 512, 256, 256)
_COMPONENTS = 96
_FITTED_CLIPS = 350
_POOL_CLIPS = 8
"""Clips of the same voice, at most, that means are taken of."""
_POOL_SECONDS = 17.0
"""Of these clips; with less there is too little to choose from."""
_LONGEST = 12 * SAMPLE_RATE


@dataclass(frozen=True)
class _Fitted:
    """What the changes are fitted to: spectrograms of the people of a manifest."""

    books: Codebooks
    patches: Patches


@dataclass(frozen=True)
class _Job:
    """What every clip needs, sent to each process once."""

    root: Path
    out_dir: Path
    seed: int
    vocoders: tuple[str, ...]
    fitted: _Fitted
    others: Mapping[str, tuple[Clip, ...]]


def imitate(
    manifest: Manifest,
    out_dir: Path,
    seed: int = 0,
    limit: int | None = None,
    shortest: float = 2.2,
    vocoders: Sequence[str] = tuple(VOCODERS),
    workers: int = 1,
) -> CopySynthesis:
    """Write an imitation of each human clip, ``<system>/<id>.flac``, and a ``manifest.jsonl``.

    ``system`` is the change and the vocoder, as in ``tokens+hifigan``, and depends on the seed, the
    id and the vocoders; rows are as those of :func:`ringtrue.training.copysynth.copy_synthesise`,
    and runs can be stopped, resumed and extended like its. The first 12 s of a clip are used. A
    clip that cannot be read or imitated is logged and left out.

    Args:
        manifest: its human clips are imitated, and the changes are fitted to them, anew in each
            run; choose split and licences before.
        out_dir: made if needed.
        seed: of the random choices.
        limit: at most this many human clips, drawn at random with ``seed``.
        shortest: s, at least :data:`SHORTEST`; shorter clips are left out.
        vocoders: keys of :data:`VOCODERS`; two of them are packages that must be installed.
        workers: processes.

    Raises:
        ValueError: ``shortest`` is too low, no human clip is long enough, one is of split ``eval``,
            a vocoder is unknown or not installed, or there is too little audio to fit to.
        OSError: the folder or its manifest cannot be written, or a process was killed.
    """
    if shortest < SHORTEST:
        raise ValueError(f"expected shortest of at least {SHORTEST} s, got {shortest}")
    unknown = sorted(set(vocoders) - set(VOCODERS))
    if unknown or not vocoders:
        known, got = ", ".join(VOCODERS), ", ".join(unknown) or "none"
        raise ValueError(f"expected vocoders of {known}, got {got}")
    people = [clip for clip in people_of(manifest, seed, None) if clip.seconds >= shortest]
    if not people:
        raise ValueError(f"expected human clips of at least {shortest} s, got none")
    long = Manifest(tuple(people), manifest.root)
    chosen = people_of(long, seed, limit)
    used = tuple(name for name in VOCODERS if name in vocoders)
    for name in used:  # a package that is missing is told before the work
        _voice(mel_of(np.zeros(SAMPLE_RATE, np.float32)), name, np.random.default_rng(0))
    job = _Job(manifest.root, out_dir, seed, used, _fit(long, seed), _by_voice(people))
    rows: list[Clip] = []
    failed: list[str] = []
    written = judged = 0
    columns = (
        TextColumn("imitations"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    )  # fmt: skip
    try:
        with Progress(*columns) as progress:
            for outcome in progress.track(_outcomes(job, chosen, workers), len(chosen)):
                judged += 1
                if isinstance(outcome, str):
                    failed.append(outcome)
                    log.warning("no imitation of %s", outcome)
                    continue
                rows.append(outcome.row)
                written += outcome.new
    except BrokenProcessPool as error:
        raise OSError(
            f"a process was killed after {len(rows)} of {len(chosen)} clips, perhaps for lack of "
            "memory; run again with fewer --workers to go on"
        ) from error
    finally:
        # A run that is stopped early keeps the rows of what an earlier one, or a process, has made.
        rows += [row for clip in chosen[judged:] if (row := _row_of(job, clip)) is not None]
        result = Manifest(tuple(rows), out_dir)
        if rows:
            write_manifest(result, out_dir / "manifest.jsonl")
    return CopySynthesis(result, written, len(rows) - written, tuple(failed))


@dataclass(frozen=True)
class _Made:
    row: Clip
    new: bool


_job: _Job | None = None


def _outcomes(job: _Job, chosen: Sequence[Clip], workers: int) -> Iterator[_Made | str]:
    """What was made of each clip in order, or one sentence why not."""
    if workers == 1:
        for clip in chosen:
            yield _make(job, clip)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, _start, (job,))
    try:
        yield from pool.map(_make_here, chosen, chunksize=4)
    finally:
        pool.shutdown(cancel_futures=True)


def _start(job: _Job) -> None:
    global _job
    import torch

    # The processes share the cores.
    torch.set_num_threads(1)
    _job = job


def _make_here(origin: Clip) -> _Made | str:
    assert _job is not None
    return _make(_job, origin)


@dataclass(frozen=True)
class _Plan:
    """What is drawn for a clip, and the generator of what is drawn next."""

    change: str
    vocoder: str
    others: tuple[Clip, ...]
    path: Path
    rng: np.random.Generator

    @property
    def system(self) -> str:
        return f"{self.change}+{self.vocoder}"


def _plan(job: _Job, origin: Clip) -> _Plan:
    rng = np.random.default_rng([job.seed, zlib.crc32(origin.id.encode())])
    change = str(rng.choice(list(CHANGES), p=list(CHANGES.values())))
    share = np.array([VOCODERS[name] for name in job.vocoders])
    vocoder = str(rng.choice(job.vocoders, p=share / share.sum()))
    others = tuple(clip for clip in job.others.get(origin.speaker, ()) if clip.id != origin.id)
    if change == "averaged" and sum(clip.seconds for clip in others) < _POOL_SECONDS:
        change = "tokens"
    path = job.out_dir / f"{change}+{vocoder}" / f"{origin.id}.flac"
    return _Plan(change, vocoder, others, path, rng)


def _row_of(job: _Job, origin: Clip) -> Clip | None:
    """The row of an imitation that is there already."""
    plan = _plan(job, origin)
    seconds = clip_seconds(plan.path)
    return None if seconds is None else copied_row(origin, plan.system, seconds)


def _make(job: _Job, origin: Clip) -> _Made | str:
    """What was made of a clip, or one sentence why not; OSError if it cannot be written."""
    row = _row_of(job, origin)
    if row is not None:
        return _Made(row, new=False)
    plan = _plan(job, origin)
    rng = plan.rng
    try:
        samples = _speech(job.root, origin)
        changed = _changed(job, mel_of(samples), plan.change, plan.others, rng)
        if rng.random() < 0.4:
            changed = mel_changes.stretched(changed, float(rng.uniform(0.85, 1.2)))
        voiced = _voice(changed, plan.vocoder, rng)[:_LONGEST]
        if np.any(samples) and not np.any(voiced):
            raise ValueError(f"expected a voice, got silence of {plan.vocoder}")
    except (ValueError, OSError, RuntimeError, np.linalg.LinAlgError) as error:
        return f"{origin.id}: {error}"
    # A full disk would fail for every clip: it ends the run.
    seconds = write_clip(plan.path, at_level(voiced, samples))
    return _Made(copied_row(origin, plan.system, seconds), new=True)


def _changed(
    job: _Job, mel: Mel, change: str, others: Sequence[Clip], rng: np.random.Generator
) -> Mel:
    if change == "tokens":
        stages, slips = int(rng.integers(2, 7)), float(rng.choice([0.0, 0.1, 0.3]))
        told = mel_changes.tokenised(mel, job.fitted.books, stages, slips, rng)
        return mel_changes.blurred(told, 0.0, float(rng.uniform(0.4, 1.0)))
    if change == "averaged":
        mean = mel_changes.averaged(mel, _spectra(job.root, others), int(rng.choice([2, 4, 8, 16])))
        return mel_changes.blurred(mean, 0.0, float(rng.uniform(0.3, 1.0)))
    if change == "blurred":
        return mel_changes.blurred(mel, float(rng.uniform(0, 1.5)), float(rng.uniform(0.5, 2.2)))
    if change == "patches":
        patches = job.fitted.patches
        return mel_changes.reduced(
            mel, patches, len(patches.components) // int(rng.choice([1, 2, 4]))
        )
    return mel


def _voice(mel: Mel, vocoder: str, rng: np.random.Generator) -> Samples:
    if vocoder == "hifigan":
        return hifigan_voice(mel)
    if vocoder == "melgan":
        return melgan_voice(mel)
    iterations, momentum = int(rng.choice([6, 16, 32, 60])), float(rng.choice([0.0, 0.99]))
    return griffin_lim_voice(mel, iterations, momentum, rng)


def _speech(root: Path, clip: Clip) -> Samples:
    """At most the first 12 s of a clip; ValueError if it is damaged or hardly there."""
    samples = as_samples(read_samples(root / clip.path)[:_LONGEST])
    if len(samples) < SHORTEST * SAMPLE_RATE:
        raise ValueError(f"expected at least {SHORTEST} s, got {len(samples) / SAMPLE_RATE:.2f} s")
    return samples


def _fit(long: Manifest, seed: int) -> _Fitted:
    """Codebooks and patches of up to :data:`_FITTED_CLIPS` clips."""
    spectra = _spectra(long.root, people_of(long, seed, _FITTED_CLIPS))
    if not spectra:
        raise ValueError("expected clips to fit the changes to, none can be read")
    books = mel_changes.fit_codebooks(spectra, _TOKENS, seed)
    return _Fitted(books, mel_changes.fit_patches(spectra, _COMPONENTS))


def _spectra(root: Path, clips: Sequence[Clip]) -> list[Mel]:
    """Spectrograms of the clips that can be read; the others are told of when it is their turn."""
    found = []
    for clip in clips:
        try:
            found.append(mel_of(_speech(root, clip)))
        except (ValueError, OSError, RuntimeError) as error:
            log.debug("%s is left out of what changes are fitted to: %s", clip.id, error)
    return found


def _by_voice(people: Sequence[Clip]) -> dict[str, tuple[Clip, ...]]:
    """The first clips of each speaker who is known, one more than a clip needs beside itself."""
    found: dict[str, list[Clip]] = defaultdict(list)
    for clip in people:
        if clip.has_known_speaker and len(found[clip.speaker]) < _POOL_CLIPS + 1:
            found[clip.speaker].append(clip)
    return {speaker: tuple(clips) for speaker, clips in found.items()}

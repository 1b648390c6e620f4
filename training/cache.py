"""The crop cache: composed crops after the telephone channel, made once, in resumable shards.

A shard holds 200 crops: ``NNNN.audio.npy`` int16 [crops, samples], ``NNNN.speech.npy`` uint8
[crops, frames] (speech probability of the *clean* crop times 255, 50 per second) and
``NNNN.jsonl`` (class, source, system, clips and what the channel did). The two crops of a pair
follow each other, the bona fide one first, in one shard. The content of a shard
depends only on the recipe, the manifest, the channel's code and the shard's number, so an
interrupted run goes on where it stopped and a larger count only adds shards.
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ringtrue.training.channel.base import Chain
from ringtrue.training.channel.materials import load_noises, load_rirs
from ringtrue.training.channel.presets import training_channel
from ringtrue.training.clip_store import ClipStore
from ringtrue.training.compose import ROBOT, Composer
from ringtrue.training.heard import channel_digest
from ringtrue.training.manifest import Manifest, read_manifest
from ringtrue.training.recipe import Recipe
from ringtrue.training.speech_labels import FRAME_SAMPLES

log = logging.getLogger(__name__)

SHARD_CROPS = 200
_SEVERITIES = 5


def training_manifest(manifest: Manifest, recipe: Recipe) -> Manifest:
    """The clips that the recipe trains on: split ``train``, filtered by licence and source."""
    chosen = manifest.select(split="train", commercial_only=recipe.data.commercial_only)
    excluded = set(recipe.data.exclude_sources)
    if excluded:
        clips = tuple(c for c in chosen.clips if c.source not in excluded)
        chosen = Manifest(clips, chosen.root)
    if not len(chosen):
        raise ValueError("no training clips are left after filtering by licence and source")
    return chosen


def cache_folder(root: Path, manifest: Manifest, recipe: Recipe) -> Path:
    """Folder of the crops of this recipe, manifest and channel: crops are never mixed."""
    digest = training_manifest(manifest, recipe).digest()[:12]
    return root / f"crops-{recipe.crop_digest()}-{digest}-{channel_digest()[:8]}"


@dataclass(frozen=True)
class _Job:
    """What a worker process needs; loaded once per process."""

    manifest_path: Path
    root: Path
    recipe: Recipe
    rirs: Path | None


class _Worker:
    def __init__(self, job: _Job) -> None:
        manifest = read_manifest(job.manifest_path)
        train = training_manifest(manifest, job.recipe)
        self.store = ClipStore(train, job.root)
        self.composer = Composer(self.store, job.recipe.crops)
        noises = load_noises(train)
        rirs = load_rirs(job.rirs) if job.rirs else []
        crops = job.recipe.crops
        # A few steps between the mildest and the harshest channel stand for all.
        self.channels: list[Chain] = [
            training_channel(noises, rirs, severity, speed=0.0, webrtc=crops.webrtc)
            for severity in np.linspace(crops.mildest, crops.severity, _SEVERITIES)
        ]
        self.seed = job.recipe.crops.seed
        self.pair_share = job.recipe.crops.pair_share
        self.folder = cache_folder(job.root, manifest, job.recipe)

    def make(self, shard: int) -> int:
        rng = np.random.default_rng([self.seed, shard])
        length = self.composer.length
        audio = np.zeros((SHARD_CROPS, length), np.int16)
        speech = np.zeros((SHARD_CROPS, length // FRAME_SAMPLES), np.uint8)
        rows: list[str] = []
        while len(rows) < SHARD_CROPS:
            paired = len(rows) + 2 <= SHARD_CROPS and rng.random() < self.pair_share
            crops = self.composer.draw_pair(rng) if paired else (self.composer.draw(rng),)
            channel = self.channels[rng.integers(len(self.channels))]
            seed = int(rng.integers(2**63))
            for crop in crops:
                index = len(rows)
                speech[index] = np.rint(crop.speech * 255).astype(np.uint8)
                # Draws never look at the samples: both of a pair pass the same line.
                line, applied = channel.traced(crop.samples, np.random.default_rng(seed))
                audio[index] = np.rint(np.clip(line, -1, 1) * 32767).astype(np.int16)
                row = {
                    "target": crop.target,
                    "source": crop.source,
                    "system": crop.system,
                    "clips": crop.clips,
                    "channel": [step.name for step in applied],
                    "paired": paired,
                }
                rows.append(json.dumps(row))
        stem = self.folder / f"{shard:04d}"
        np.save(stem.with_suffix(".audio.npy"), audio)
        np.save(stem.with_suffix(".speech.npy"), speech)
        # The rows come last: a shard without them is unfinished and made again.
        temporary = stem.with_suffix(".tmp")
        temporary.write_text("\n".join(rows) + "\n", encoding="utf-8")
        os.replace(temporary, stem.with_suffix(".jsonl"))
        return shard


_worker: _Worker | None = None


def _start(job: _Job) -> None:
    global _worker
    _worker = _Worker(job)


def _make(shard: int) -> int:
    assert _worker is not None
    return _worker.make(shard)


def build_cache(
    manifest_path: Path, recipe: Recipe, root: Path, rirs: Path | None = None, workers: int = 2
) -> Path:
    """Make all missing shards; returns the folder.

    Args:
        manifest_path: manifest with the ``train`` split.
        recipe: what to compose.
        root: folder for caches.
        rirs: folder of room impulse responses; none: no rooms.
        workers: processes.

    Raises:
        ValueError: the manifest or a clip cannot be used.
    """
    manifest = read_manifest(manifest_path)
    folder = cache_folder(root, manifest, recipe)
    folder.mkdir(parents=True, exist_ok=True)
    wanted = -(-recipe.crops.count // SHARD_CROPS)
    missing = [s for s in range(wanted) if not (folder / f"{s:04d}.jsonl").exists()]
    if not missing:
        return folder
    # Decode once, before the workers start.
    ClipStore(training_manifest(manifest, recipe), root)
    job = _Job(manifest_path, root, recipe, rirs)
    columns = (
        TextColumn("caching crops"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("shards of 200,"),
        TimeRemainingColumn(),
    )
    context = multiprocessing.get_context("spawn")
    with Progress(*columns) as progress, context.Pool(workers, _start, (job,)) as pool:
        task = progress.add_task("", total=wanted, completed=wanted - len(missing))
        for _ in pool.imap_unordered(_make, missing):
            progress.advance(task)
    return folder


@dataclass(frozen=True)
class CropCache:
    """All finished shards of a folder, memory-mapped.

    Attributes:
        audio: one int16 array [crops, samples] per shard.
        speech: one uint8 array [crops, frames] per shard.
        targets: [crops in all] int8: 1 robot, 0 human, -1 non-speech.
        sources: source of each crop.
        systems: system of each crop, empty for humans.
        pairs: [pairs, 2] indices of the bona fide and the synthetic crop of each pair.
        clips: ids of the clips in each crop.
    """

    audio: tuple[NDArray[np.int16], ...]
    speech: tuple[NDArray[np.uint8], ...]
    targets: NDArray[np.int8]
    sources: tuple[str, ...]
    systems: tuple[str, ...]
    pairs: NDArray[np.int64]
    clips: tuple[tuple[str, ...], ...]

    def __len__(self) -> int:
        return len(self.targets)

    def crop(self, index: int, start: int, length: int) -> NDArray[np.float32]:
        """Samples start..start+length of crop ``index`` in -1..1."""
        shard, row = divmod(index, SHARD_CROPS)
        cut = self.audio[shard][row, start : start + length]
        return np.asarray(cut, dtype=np.float32) / np.float32(32768)

    def speech_of(self, index: int, start: int, length: int) -> NDArray[np.float32]:
        """Speech probability 0..1 of frames start..start+length (20 ms each)."""
        shard, row = divmod(index, SHARD_CROPS)
        cut = self.speech[shard][row, start : start + length]
        return np.asarray(cut, dtype=np.float32) / np.float32(255)

    def weights_of(
        self, indices: NDArray[np.integer[Any]], target: int, weights: Mapping[str, float]
    ) -> NDArray[np.float64]:
        """What each of the crops ``indices`` of class ``target`` counts; 1 if no weight is named.

        Sources that no crop comes from are only warned of: recipes are used on other samples, too.
        """
        unknown = sorted(set(weights) - set(self.sources))
        if unknown:
            log.warning(
                "weights of %s: no crop comes from %s",
                "robots" if target == ROBOT else "people",
                ", ".join(unknown),
            )
        return np.array([weights.get(self.sources[i], 1.0) for i in indices])


def open_cache(folder: Path, count: int | None = None) -> CropCache:
    """Map the first ``count`` crops (all by default) of a cache folder.

    Raises:
        ValueError: the folder has no finished shards, or fewer crops than asked.
    """
    rows: list[dict[str, Any]] = []
    audio: list[NDArray[np.int16]] = []
    speech: list[NDArray[np.uint8]] = []
    shard = 0
    while (count is None or len(rows) < count) and (folder / f"{shard:04d}.jsonl").exists():
        text = (folder / f"{shard:04d}.jsonl").read_text(encoding="utf-8")
        rows.extend(json.loads(line) for line in text.splitlines())
        audio.append(np.load(folder / f"{shard:04d}.audio.npy", mmap_mode="r"))
        speech.append(np.load(folder / f"{shard:04d}.speech.npy", mmap_mode="r"))
        shard += 1
    if not rows or (count is not None and len(rows) < count):
        raise ValueError(
            f"{folder}: expected {count or 'some'} cached crops, got {len(rows)}; "
            "run: ringtrue cache"
        )
    paired = np.flatnonzero([bool(r["paired"]) for r in rows])
    return CropCache(
        audio=tuple(audio),
        speech=tuple(speech),
        targets=np.array([r["target"] for r in rows], np.int8),
        sources=tuple(str(r["source"]) for r in rows),
        systems=tuple(str(r["system"]) for r in rows),
        pairs=paired.reshape(-1, 2),
        clips=tuple(tuple(map(str, r["clips"])) for r in rows),
    )

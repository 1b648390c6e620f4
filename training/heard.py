"""Clips as the detector hears them in the evaluation: through a line, harmonised, as recorded.

Studio clips go once through the simulated phone line, with a generator seeded by the clip's id, so
that neither the order nor the choice of clips changes what a clip sounds like. Real phone
recordings are harmonised, and kept as recorded beside it (DESIGN, section 6).
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray
from rich.progress import track

import ringtrue.training.channel
from ringtrue.model.contract import SAMPLE_RATE
from ringtrue.training.channel.base import Applied, Transform
from ringtrue.training.channel.materials import load_noises, load_rirs
from ringtrue.training.channel.presets import harmonise, phone_line
from ringtrue.training.manifest import Clip, Manifest
from ringtrue.training.speech_labels import mask_of, speech_frames_batch, speech_seconds

log = logging.getLogger(__name__)

SIMULATED, HARMONISED, RECORDED = "simulated", "phone-harmonised", "phone-as-recorded"
VIEWS = (HARMONISED, RECORDED, SIMULATED)
CODEC_STEPS = ("G711", "AmrNb", "OpusNb", "Gsm", "G726", "G722", "G7231")
_BATCH = 32


@dataclass(frozen=True)
class Heard:
    """One clip after its line.

    Attributes:
        clip: its manifest row.
        samples: [n] int16, mono 8 kHz.
        speech: [n // 160] bool, reference speech activity of the clip *before* the line.
        codecs: codecs of the simulated line, in order.
    """

    clip: Clip
    samples: NDArray[np.int16]
    speech: NDArray[np.bool_]
    codecs: tuple[str, ...] = ()

    @property
    def speech_seconds(self) -> float:
        """Reference speech in s."""
        return speech_seconds(self.speech)


View = Mapping[str, Heard]
"""Heard clips by clip id, in manifest order."""


def read_clip(manifest: Manifest, clip: Clip) -> NDArray[np.float32]:
    """Samples of a clip, [n] float32 −1…1.

    Raises:
        ValueError: it cannot be decoded, or is not mono at 8 kHz.
    """
    path = manifest.audio_path(clip)
    try:
        samples, rate = soundfile.read(path, dtype="float32")
    except (soundfile.SoundFileError, OSError) as error:
        raise ValueError(f"{clip.path}: cannot be decoded: {error}") from error
    if rate != SAMPLE_RATE or samples.ndim != 1:
        raise ValueError(
            f"{clip.path}: expected mono at {SAMPLE_RATE} Hz, got {samples.shape} at {rate} Hz"
        )
    return np.asarray(samples, np.float32)


def hear(
    manifest: Manifest, split: str, cache: Path, seed: int = 1, rirs: Path | None = None
) -> dict[str, View]:
    """Every view of the speech clips of one split, by name; made once and kept in ``cache``.

    Args:
        manifest: all splits; noises come from the same split, or from ``train`` if it has none.
        split: the split to hear.
        cache: folder for the processed audio.
        seed: of the simulated line, together with each clip's id.
        rirs: folder of room impulse responses; by default ``audio/rir`` beside the manifest,
            and none if that does not exist.

    Raises:
        ValueError: a clip cannot be read, or the split holds no speech.
    """
    chosen = manifest.select(split, ("human", "tts", "vocoded", "vc"))
    if not len(chosen):
        raise ValueError(f"expected speech clips of split {split}, got none")
    phone = [c for c in chosen if c.condition == "phone"]
    studio = [c for c in chosen if c.condition == "studio"]
    masks = _masks(chosen, cache / "speech")
    views: dict[str, View] = {
        HARMONISED: _through(chosen, phone, masks, harmonise(), "", seed, cache, HARMONISED),
        RECORDED: {c.id: Heard(c, _int16(read_clip(chosen, c)), masks[c.id]) for c in phone},
    }
    noise = manifest.select(split, ("nonspeech",))
    noise = noise if len(noise) else manifest.select("train", ("nonspeech",))
    folder = manifest.root / "audio" / "rir" if rirs is None else rirs
    responses = load_rirs(folder) if rirs is not None or folder.is_dir() else ()
    noises = load_noises(noise)
    material = hashlib.sha256()
    for sound in (*noises, *responses):
        material.update(sound.tobytes())
    line = phone_line(noises, responses)
    views[SIMULATED] = _through(
        chosen, studio, masks, line, material.hexdigest(), seed, cache, SIMULATED
    )
    return views


def clip_rng(clip: Clip, seed: int) -> np.random.Generator:
    """The generator of one clip: depends on its id and the seed alone."""
    digest = hashlib.sha256(clip.id.encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])


def codec_names(applied: Sequence[Applied]) -> tuple[str, ...]:
    """Codecs among the steps of a line, with their bit rate where they have several."""
    names = []
    for step in applied:
        if step.name in CODEC_STEPS:
            rate = step.params.get("bit_rate")
            kilobits = f" {rate / 1000:g}k" if isinstance(rate, int | float) else ""
            names.append(f"{step.name}{kilobits}")
    return tuple(names)


def _through(
    manifest: Manifest,
    clips: Sequence[Clip],
    masks: Mapping[str, NDArray[np.bool_]],
    line: Transform,
    material: str,
    seed: int,
    cache: Path,
    view: str,
) -> View:
    """Each clip through ``line``, from the cache where it was done before."""
    version = f"{channel_digest()}|{material}|{seed}|{view}"
    folder = cache / view
    folder.mkdir(parents=True, exist_ok=True)
    heard: dict[str, Heard] = {}
    for clip in track(clips, description=f"{view}: the line", disable=not clips):
        path = folder / f"{_key(manifest, clip, version)}.npz"
        stored = load_arrays(path)
        if stored is None:
            samples, applied = line.traced(read_clip(manifest, clip), clip_rng(clip, seed))
            stored = {"samples": _int16(samples), "codecs": np.array(codec_names(applied), str)}
            save_arrays(path, stored)
        codecs = tuple(str(name) for name in stored["codecs"])
        heard[clip.id] = Heard(clip, stored["samples"], masks[clip.id], codecs)
    return heard


def _masks(manifest: Manifest, folder: Path) -> dict[str, NDArray[np.bool_]]:
    """Reference speech activity of every clip."""
    folder.mkdir(parents=True, exist_ok=True)
    masks: dict[str, NDArray[np.bool_]] = {}
    missing: list[Clip] = []
    paths = {clip.id: folder / f"{_key(manifest, clip, 'silero')}.npz" for clip in manifest}
    for clip in manifest:
        stored = load_arrays(paths[clip.id])
        if stored is None:
            missing.append(clip)
        else:
            masks[clip.id] = mask_of(stored["probability"])
    missing.sort(key=lambda clip: clip.seconds)
    batches = [missing[i : i + _BATCH] for i in range(0, len(missing), _BATCH)]
    for batch in track(batches, description="speech activity", disable=not batches):
        audio = [read_clip(manifest, clip) for clip in batch]
        for clip, probability in zip(batch, speech_frames_batch(audio), strict=True):
            save_arrays(paths[clip.id], {"probability": probability})
            masks[clip.id] = mask_of(probability)
    return masks


def _key(manifest: Manifest, clip: Clip, version: str) -> str:
    # Size and time stand for the audio's content: hashing every file would double the reading.
    stat = manifest.audio_path(clip).stat() if manifest.audio_path(clip).exists() else None
    state = (stat.st_size, stat.st_mtime_ns) if stat else None
    text = json.dumps([clip.to_row(), state, version], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def channel_digest() -> str:
    """SHA-256 of the channel's source: a changed line is never mixed with old audio."""
    digest = hashlib.sha256()
    for path in sorted(Path(ringtrue.training.channel.__path__[0]).glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def load_arrays(path: Path) -> dict[str, NDArray[Any]] | None:
    """Arrays of a cache file; None if it is missing or damaged (then it is made again)."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except FileNotFoundError:
        return None
    except (ValueError, OSError, zipfile.BadZipFile, EOFError):
        log.warning("%s: damaged cache file is made again", path.name)
        return None


def save_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a cache file whole or not at all."""
    partial = path.with_suffix(f".{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _int16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    return np.clip(np.rint(samples * 32768), -32768, 32767).astype(np.int16)

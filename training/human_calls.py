"""Simulated calls of ``dev`` humans and robots, on which thresholds are chosen."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from ringtrue.model.contract import SAMPLE_RATE
from ringtrue.training.channel.base import Transform
from ringtrue.training.channel.materials import load_noises, load_rirs
from ringtrue.training.channel.presets import harmonise, phone_line
from ringtrue.training.heard import channel_digest, load_arrays, read_clip, save_arrays
from ringtrue.training.manifest import Clip, Manifest

SECONDS = 60.0
GAPS = (0.2, 1.5)
"""Shortest and longest pause between two clips of a call, in s."""


@dataclass(frozen=True)
class SimulatedCall:
    """One call of one voice.

    Attributes:
        voice: speaker, recording, or voice of a system, which the clips share.
        source: of the clips.
        samples: [n] int16, mono 8 kHz, after the line.
    """

    voice: str
    source: str
    robot: bool
    samples: NDArray[np.int16]


def simulate_calls(
    manifest: Manifest,
    robots: bool,
    count: int,
    seed: int,
    split: str = "dev",
    cache: Path | None = None,
) -> list[SimulatedCall]:
    """Calls of one class, each 60 s of one voice, joined with pauses and sent through a line.

    A source is drawn with the square root of its number of voices, then a voice, then its clips in
    random order, again from the start where they do not last. Telephone recordings are harmonised,
    all others go through the simulated phone line once per call.

    Args:
        manifest: all splits; ``train`` lends noises where ``split`` has none.
        robots: the class.
        count: number of calls.
        seed: of everything random; call i does not depend on ``count``.
        split: where the clips come from.
        cache: folder that keeps the calls between runs.

    Raises:
        ValueError: the split has no clips of the class, or a clip cannot be read.
    """
    chosen = manifest.select(split, ("tts", "vocoded", "vc") if robots else ("human",))
    if not len(chosen):
        raise ValueError(
            f"expected clips of {'robots' if robots else 'humans'} in {split}, got none"
        )
    sources: dict[str, dict[str, list[Clip]]] = {}
    for clip in chosen:
        sources.setdefault(clip.source, {}).setdefault(clip.group, []).append(clip)
    names = sorted(sources)
    weights = np.sqrt([len(sources[name]) for name in names])
    line = _line(manifest, split)
    made_of = f"{manifest.digest()}|{channel_digest()}|{SECONDS}|{GAPS}|{split}|{seed}|{robots}"
    calls = []
    for index in track(range(count), description="simulated calls"):
        rng = np.random.default_rng([seed, int(robots), index])
        source = names[rng.choice(len(names), p=weights / weights.sum())]
        voice = sorted(sources[source])[rng.integers(len(sources[source]))]
        clips = sources[source][voice]
        stored = _stored(cache, f"{made_of}|{index}")
        heard = load_arrays(stored) if stored else None
        if heard is None:
            channel = harmonise() if clips[0].condition == "phone" else line
            samples = channel(_join(manifest, clips, rng), rng)
            whole = np.clip(np.rint(samples * 32768), -32768, 32767)
            heard = {"samples": whole.astype(np.int16)}
            if stored:
                save_arrays(stored, heard)
        calls.append(SimulatedCall(voice, source, robots, heard["samples"]))
    return calls


def _stored(cache: Path | None, made_of: str) -> Path | None:
    if cache is None:
        return None
    cache.mkdir(parents=True, exist_ok=True)
    return cache / f"{hashlib.sha256(made_of.encode()).hexdigest()[:32]}.npz"


def _line(manifest: Manifest, split: str) -> Transform:
    noise = manifest.select(split, ("nonspeech",))
    noise = noise if len(noise) else manifest.select("train", ("nonspeech",))
    rooms = manifest.root / "audio" / "rir"
    return phone_line(load_noises(noise), load_rirs(rooms) if rooms.is_dir() else ())


def _join(
    manifest: Manifest, clips: Sequence[Clip], rng: np.random.Generator
) -> NDArray[np.float32]:
    length = round(SECONDS * SAMPLE_RATE)
    call = np.zeros(length, np.float32)
    position = int(rng.uniform(*GAPS) * SAMPLE_RATE)
    while position < length:
        for index in rng.permutation(len(clips)):
            samples = read_clip(manifest, clips[index])[: max(0, length - position)]
            call[position : position + len(samples)] = samples
            position += len(samples) + int(rng.uniform(*GAPS) * SAMPLE_RATE)
    return call

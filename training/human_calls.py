"""Simulated calls of ``dev`` humans and robots, on which thresholds are chosen."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from ringtrue.model.contract import SAMPLE_RATE
from ringtrue.training.channel.base import Transform
from ringtrue.training.channel.materials import load_noises, load_rirs
from ringtrue.training.channel.presets import harmonise, phone_line
from ringtrue.training.heard import read_clip
from ringtrue.training.manifest import Clip, Manifest

log = logging.getLogger(__name__)

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
    manifest: Manifest, robots: bool, count: int, seed: int, split: str = "dev"
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
    calls = []
    for index in track(range(count), description="simulated calls"):
        rng = np.random.default_rng([seed, int(robots), index])
        source = names[rng.choice(len(names), p=weights / weights.sum())]
        voice = sorted(sources[source])[rng.integers(len(sources[source]))]
        clips = sources[source][voice]
        clean = _join(manifest, clips, rng)
        channel = harmonise() if clips[0].condition == "phone" else line
        heard = np.clip(np.rint(channel(clean, rng) * 32768), -32768, 32767).astype(np.int16)
        calls.append(SimulatedCall(voice, source, robots, heard))
    return calls


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

"""What is heard besides the parties: backgrounds, room tone, ring tone, hold music, beeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ringtrue.training.callsim.endless import endless, without_loops
from ringtrue.training.callsim.parties import Line
from ringtrue.training.channel.base import SAMPLE_RATE, Chain, Transform
from ringtrue.training.channel.generated_noise import generate_noise
from ringtrue.training.channel.levels import frame_powers, scale_to_active
from ringtrue.training.channel.materials import load_noises, load_rirs
from ringtrue.training.channel.noise_gate import NoiseGate
from ringtrue.training.channel.noise_suppression import NoiseSuppression
from ringtrue.training.channel.one_of import OneOf
from ringtrue.training.channel.presets import phone_line
from ringtrue.training.manifest import Manifest

Samples = NDArray[np.float32]

SPEECH_POWER = 10 ** (-26 / 10)
"""Mean square of the active part of the clips (-26 dBFS)."""
SNR = (15.0, 28.0, 42.0)
"""Speech to background, lowest, likeliest and highest, in dB; for people and prompts alike."""
STEADY_DB = 3.0
"""Recorded noises whose level varies less (standard deviation over 100 ms) serve as background."""
_RINGS = (
    ((425.0,), ((1.0, 4.0),)),  # China, most of Europe
    ((440.0, 480.0), ((2.0, 4.0),)),  # North America
    ((400.0, 450.0), ((0.4, 0.2), (0.4, 2.0))),  # United Kingdom
)


@dataclass(frozen=True)
class Materials:
    """Sounds that the calls of a split share, loaded once.

    Attributes:
        steady: recorded noises fit for a background.
        music: hold music.
        device: noise suppression or a gate, as many telephones have; on every kind of caller.
        line: the telephone line.
    """

    steady: Sequence[Samples]
    music: Sequence[Samples]
    device: Transform
    line: Chain


def load_materials(manifest: Manifest, split: str) -> Materials:
    """Noises of the split, of ``train`` where it has none, and the rooms beside the manifest."""
    noise = manifest.select(split, ("nonspeech",))
    noise = noise if len(noise) else manifest.select("train", ("nonspeech",))
    is_music = [("music" in str(clip.extra.get("category", ""))) for clip in noise]
    music = Manifest(tuple(c for c, m in zip(noise, is_music, strict=True) if m), noise.root)
    other = Manifest(tuple(c for c, m in zip(noise, is_music, strict=True) if not m), noise.root)
    noises, rooms = load_noises(other), manifest.root / "audio" / "rir"
    return Materials(
        steady=[n for n in noises if _is_steady(n)],
        music=load_noises(music),
        device=OneOf(p=0.4, options=(NoiseSuppression(), NoiseGate()), weights=(2, 1)),
        line=without_loops(phone_line(noises, load_rirs(rooms) if rooms.is_dir() else ())),
    )


def background(
    materials: Materials, samples: int, power: float, rng: np.random.Generator
) -> Samples:
    """A steady background of mean square ``power``, recorded or generated."""
    if materials.steady and rng.random() < 0.5:
        source = materials.steady[int(rng.integers(len(materials.steady)))]
        noise = endless(source, samples, rng)
    else:
        noise = generate_noise(str(rng.choice(["white", "pink", "brown"])), samples, rng)
    actual = float(np.mean(np.square(noise, dtype=np.float64))) if samples else 0.0
    if actual > 0:
        noise *= np.float32(np.sqrt(power / actual))
    return noise


def background_power(rng: np.random.Generator) -> float:
    """Mean square of a background at a ratio drawn from :data:`SNR`."""
    return float(SPEECH_POWER / 10 ** (float(rng.triangular(*SNR)) / 10))


def with_room_tone(
    line: Line, materials: Materials, power: float, rng: np.random.Generator
) -> Line:
    """A prompt as it was recorded: with the noise of its room, which begins and ends with it."""
    lead, tail = (int(rng.uniform(*span) * SAMPLE_RATE) for span in ((0.05, 0.3), (0.1, 0.5)))
    samples = np.concatenate([np.zeros(lead, np.float32), line.samples, np.zeros(tail, np.float32)])
    tone = background(materials, len(samples), power, rng)
    return replace(line, samples=samples + tone, lead=lead)


def ring_tone(seconds: float, rng: np.random.Generator) -> Samples:
    """Ringing tone of a country at -20 dBFS (ITU-T E.180 lists the cadences)."""
    tones, cadence = _RINGS[int(rng.integers(len(_RINGS)))]
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    sound = np.sum([np.sin(2 * np.pi * hz * time) for hz in tones], axis=0)
    where = time % sum(on + off for on, off in cadence)
    audible, begin = np.zeros(len(time), bool), 0.0
    for on, off in cadence:
        audible |= (where >= begin) & (where < begin + on)
        begin += on + off
    ring: Samples = (0.14 / np.sqrt(len(tones)) * sound * audible).astype(np.float32)
    return ring


def hold_music(materials: Materials, seconds: float, rng: np.random.Generator) -> Samples:
    """Hold music at -26 dBFS; a ring tone where the corpus has none."""
    if not materials.music:
        return ring_tone(seconds, rng)
    track = materials.music[int(rng.integers(len(materials.music)))]
    start = int(rng.integers(len(track)))
    piece = np.resize(np.roll(track, -start), int(seconds * SAMPLE_RATE)).astype(np.float32)
    return scale_to_active(piece, -26.0)


def beep() -> Samples:
    """The tone of an answering machine: 1 kHz, 0.5 s."""
    time = np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE
    return (0.12 * np.sin(2 * np.pi * 1000 * time)).astype(np.float32)


def _is_steady(noise: Samples) -> bool:
    powers = frame_powers(noise, SAMPLE_RATE // 10)
    return bool(powers.min() > 1e-10 and np.std(10 * np.log10(powers)) < STEADY_DB)

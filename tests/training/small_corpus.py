"""A tiny corpus of generated sounds, enough to train a few steps on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from ringtrue.training.manifest import Clip, Manifest, read_manifest, write_manifest


def _voice(rng: np.random.Generator, seconds: float, buzz: bool) -> np.ndarray:
    """Bursts of a harmonic tone; the robot's pitch is exact, the human's wanders."""
    time = np.arange(round(seconds * 8000)) / 8000
    wander = 0 if buzz else np.cumsum(rng.standard_normal(len(time))) * 0.02
    phase = 2 * np.pi * rng.uniform(90, 220) * time + wander
    tone = sum(np.sin(k * phase) / k for k in range(1, 12))
    envelope = np.clip(np.sin(2 * np.pi * 2.5 * time) + 0.6, 0, 1)
    noise = rng.standard_normal(len(time)) * 0.003
    return (0.1 * tone * envelope + noise).astype(np.float32)


def small_corpus(folder: Path) -> Manifest:
    """Write a manifest of 24 speech clips and 2 noises in ``train`` and read it back."""
    rng = np.random.default_rng(0)
    clips: list[Clip] = []
    for index in range(24):
        robot = index % 2 == 1
        seconds = 0.8 + 0.3 * (index % 5)
        name = f"c{index:02d}"
        soundfile.write(folder / f"{name}.flac", _voice(rng, seconds, robot), 8000)
        clips.append(
            Clip(
                id=name,
                path=f"{name}.flac",
                label="tts" if robot else "human",
                split="train",
                seconds=seconds,
                source="robots" if robot else "people",
                system="buzz" if robot else "",
                speaker=f"s{index % 4}",
                commercial_ok=True,
            )
        )
    for index in range(2):
        name = f"n{index}"
        soundfile.write(folder / f"{name}.flac", rng.standard_normal(16000) * 0.05, 8000)
        clips.append(
            Clip(
                id=name,
                path=f"{name}.flac",
                label="nonspeech",
                split="train",
                seconds=2.0,
                source="noises",
                condition="noise",
                commercial_ok=True,
            )
        )
    write_manifest(Manifest(tuple(clips), folder), folder / "manifest.jsonl")
    return read_manifest(folder / "manifest.jsonl")

"""A small manifest of generated voices, enough for calls of every kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from ringtrue.training.manifest import Clip, Manifest, read_manifest, write_manifest

SECONDS = 4.0
CLIPS = 6


def speech(rng: np.random.Generator, pitch: float, seconds: float = SECONDS) -> np.ndarray:
    """Syllables of a harmonic tone with a pause of 0.4 s in the middle, at about -26 dBFS."""
    time = np.arange(round(seconds * 8000)) / 8000
    wander = np.cumsum(rng.standard_normal(len(time))) * 0.01
    phase = 2 * np.pi * pitch * time + wander
    tone = sum(np.sin(k * phase) / k for k in range(1, 10))
    envelope = np.clip(np.sin(2 * np.pi * 3 * time) + 0.7, 0, 1)
    envelope[(time > seconds / 2 - 0.2) & (time < seconds / 2 + 0.2)] = 0
    noise = rng.standard_normal(len(time)) * 0.0005
    return (0.06 * tone * envelope + noise).astype(np.float32)


def call_corpus(folder: Path) -> Manifest:
    """Eight people, two recorded prompt voices, two synthesizers and noises, in ``dev``."""
    rng = np.random.default_rng(0)
    clips: list[Clip] = []

    def add(name: str, samples: np.ndarray, **fields: object) -> None:
        soundfile.write(folder / f"{name}.flac", samples, 8000)
        values: dict[str, object] = {
            "id": name, "path": f"{name}.flac", "split": "dev", "seconds": len(samples) / 8000,
        }  # fmt: skip
        clips.append(Clip(**{**values, **fields}))  # type: ignore[arg-type]

    for person in range(8):
        for index in range(CLIPS):
            voice = speech(rng, 90 + 15 * person)
            add(f"p{person}-{index}", voice, label="human", source="people",
                speaker=f"people:{person}")  # fmt: skip
    for prompt in range(2):
        for index in range(CLIPS):
            voice = speech(rng, 150 + 40 * prompt)
            add(f"r{prompt}-{index}", voice, label="human", source="prompts",
                speaker=f"prompts:{prompt}", recorded_prompt=True)  # fmt: skip
    for system in range(2):
        for index in range(CLIPS):
            voice = speech(rng, 120 + 50 * system)
            add(f"s{system}-{index}", voice, label="tts", source="robots",
                system=f"buzz{system}")  # fmt: skip
    add("noise", rng.standard_normal(40000).astype(np.float32) * 0.05, label="nonspeech",
        source="noises", condition="noise")  # fmt: skip
    write_manifest(Manifest(tuple(clips), folder), folder / "manifest.jsonl")
    return read_manifest(folder / "manifest.jsonl")

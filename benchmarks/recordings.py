"""Recordings to measure with: calls of some minutes in several formats, made from real clips."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr
from common import RATE, demo_audio

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Kind:
    """A format of the set.

    Attributes:
        name: for tables and file names.
        suffix, rate, options: what soundfile needs to write it.
    """

    name: str
    suffix: str
    rate: int
    options: tuple[tuple[str, str], ...]


KINDS = (
    Kind("wav16", ".wav", 8000, (("subtype", "PCM_16"),)),
    Kind("mulaw", ".wav", 8000, (("subtype", "ULAW"),)),
    Kind("mp3-16k", ".mp3", 16000, (("subtype", "MPEG_LAYER_III"),)),
    Kind("mp3-44k", ".mp3", 44100, (("subtype", "MPEG_LAYER_III"),)),
    Kind("opus", ".opus", 48000, (("format", "OGG"), ("subtype", "OPUS"))),
)


def make_set(folder: Path, hours: float, call_seconds: float = 240.0) -> list[Path]:
    """Fill ``folder`` with ``hours`` of calls, formats in turn, and return the files.

    Calls are joined clips of the corpus (``RINGTRUE_CORPUS`` or ../shared/corpus), or the shipped
    demo call where there is none. Their lengths vary from half to one and a half ``call_seconds``.
    A folder that is filled already is used as it is.
    """
    there = sorted(path for path in folder.glob("*") if path.suffix in (".wav", ".mp3", ".opus"))
    if there:
        return there
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    clips = _clips(rng)
    done = 0.0
    files = []
    while done < 3600 * hours:
        seconds = call_seconds * rng.uniform(0.5, 1.5)
        seconds = min(seconds, 3600 * hours - done + 1)
        call = _joined(clips, round(seconds * RATE))
        kind = KINDS[len(files) % len(KINDS)]
        path = folder / f"{len(files):04}-{kind.name}{kind.suffix}"
        write(path, call, kind)
        files.append(path)
        done += call.size / RATE
    return files


def write(path: Path, call: Samples, kind: Kind) -> None:
    """Write ``call`` [n] at 8 kHz as ``kind``, in blocks: some encoders overflow on long arrays."""
    audio = call if kind.rate == RATE else soxr.resample(call, RATE, kind.rate)
    options = dict(kind.options)
    with soundfile.SoundFile(path, "w", kind.rate, 1, **options) as target:
        for start in range(0, len(audio), kind.rate):
            target.write(audio[start : start + kind.rate])


def _joined(clips: Iterator[Samples], samples: int) -> Samples:
    parts: list[Samples] = []
    count = 0
    while count < samples:
        parts.append(next(clips))
        parts.append(np.zeros(RATE // 2, np.float32))
        count += parts[-1].size + parts[-2].size
    out: Samples = np.concatenate(parts)[:samples]
    return out


def _clips(rng: np.random.Generator) -> Iterator[Samples]:
    root = Path(__file__).resolve().parents[1]
    corpus = (root / os.environ.get("RINGTRUE_CORPUS", "../shared/corpus")).resolve()
    rows = []
    if (corpus / "manifest.jsonl").is_file():
        with (corpus / "manifest.jsonl").open(encoding="utf-8") as lines:
            rows = [r for r in map(json.loads, lines) if r["split"] == "dev" and r["seconds"] > 3]
    while True:
        if not rows:
            yield demo_audio(20.0 + 30.0 * rng.random())
            continue
        clip, rate = soundfile.read(corpus / rows[rng.integers(len(rows))]["path"], dtype="float32")
        yield np.asarray(clip if rate == RATE else soxr.resample(clip, rate, RATE), np.float32)

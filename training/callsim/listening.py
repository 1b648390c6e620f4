"""What the network and the evidence streams say of simulated calls, chunk by chunk.

The network runs many calls as one batch; the streams then hear the same chunks as in a monitor.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from ringtrue.inference.evidence.base import Chunk, EvidenceStream
from ringtrue.inference.session import Session, released_model
from ringtrue.training.callsim.calls_on_disk import StoredCall
from ringtrue.training.heard import load_arrays, save_arrays
from ringtrue.training.scoring import OnnxDetector

Array = NDArray[np.float32]
StreamMaker = Callable[[], Sequence[EvidenceStream]]
"""Makes the streams of a call; a top-level function, since processes are sent it."""

BATCH = 16
"""Calls that go through the network together, both ends of each."""


@dataclass(frozen=True)
class Listened:
    """One call after the network and the streams; all arrays [chunks].

    Attributes:
        voice_llr, speech, speech_seconds: outputs for the far end.
        near_speech: speech probability of the near end.
        evidence: capped likelihood ratio of each stream by name, 0 where it abstains.
        reasons: by stream, what it said when its evidence was highest; empty without evidence.
    """

    voice_llr: Array
    speech: Array
    speech_seconds: Array
    near_speech: Array
    evidence: Mapping[str, Array]
    reasons: Mapping[str, str]


def no_streams() -> Sequence[EvidenceStream]:
    """For the network alone."""
    return ()


def listen(
    calls: Sequence[StoredCall],
    model: Path | None,
    streams: StreamMaker = no_streams,
    workers: int = 1,
    cache: Path | None = None,
) -> Iterator[tuple[StoredCall, Listened]]:
    """All calls, in order.

    Args:
        calls: of one or several sets.
        model: the network, or None for the released one.
        streams: makes the further evidence of one call.
        workers: processes, each with its own session.
        cache: folder that keeps the network's outputs (not the streams') between runs.

    Raises:
        ValueError: audio or model cannot be read.
    """
    digest = model_digest(model)
    batches = [calls[i : i + BATCH] for i in range(0, len(calls), BATCH)]
    jobs = zip(batches, repeat(model), repeat(digest), repeat(streams), repeat(cache))
    if workers > 1 and len(batches) > 1:
        with ProcessPoolExecutor(workers) as pool:
            results = pool.map(_listen_batch, jobs)
            for batch, found in zip(
                batches, track(results, total=len(batches), description="listening"), strict=True
            ):
                yield from zip(batch, found, strict=True)
        return
    for batch, job in zip(track(batches, description="listening"), jobs, strict=True):
        yield from zip(batch, _listen_batch(job), strict=True)


def model_digest(model: Path | None) -> str:
    """SHA-256 of a model's file, hexadecimal."""
    entry = released_model() if model is None else model
    return hashlib.sha256(entry.read_bytes()).hexdigest()


def chunks_of(audio: Array, speech: Array, near_speech: Array, size: int) -> Iterator[Chunk]:
    """The chunks of a call [n, 2] as streams hear them in a monitor."""
    count = len(speech)
    padded = np.zeros((count * size, 2), np.float32)
    padded[: len(audio)] = audio[: count * size]
    far, near = (np.ascontiguousarray(padded[:, side]).reshape(count, size) for side in (0, 1))
    for index in range(count):
        # From the count, as the monitor does.
        at = (index + 1) * size / 8000
        yield Chunk(far[index], float(speech[index]), at, near[index], float(near_speech[index]))


_sessions: dict[str, Session] = {}


def _listen_batch(
    job: tuple[Sequence[StoredCall], Path | None, str, StreamMaker, Path | None],
) -> list[Listened]:
    calls, model, digest, make, cache = job
    if digest not in _sessions:
        _sessions[digest] = Session(model)
    session = _sessions[digest]
    audio = [call.audio() for call in calls]
    outputs = _network(calls, audio, session, digest, cache)
    found = []
    for samples, heard in zip(audio, outputs, strict=True):
        streams = make()
        tracks = {s.name: np.zeros(len(heard["speech"]), np.float32) for s in streams}
        best: dict[str, tuple[float, str]] = {}
        if streams:
            size = session.info.chunk_samples
            chunks = chunks_of(samples, heard["speech"], heard["near_speech"], size)
            for index, chunk in enumerate(chunks):
                for stream in streams:
                    evidence = stream.push(chunk)
                    tracks[stream.name][index] = value = evidence.capped
                    if value > best.get(stream.name, (0.0, ""))[0]:
                        best[stream.name] = (value, evidence.reason)
        reasons = {name: reason for name, (_, reason) in best.items()}
        found.append(Listened(**heard, evidence=tracks, reasons=reasons))
    return found


def _network(
    calls: Sequence[StoredCall],
    audio: Sequence[Array],
    session: Session,
    digest: str,
    cache: Path | None,
) -> list[dict[str, Array]]:
    paths: list[Path | None] = [None] * len(calls)
    if cache is not None:
        cache.mkdir(parents=True, exist_ok=True)
        paths = [
            cache / f"{hashlib.sha256(f'{digest}|{_state(c.path)}'.encode()).hexdigest()[:32]}.npz"
            for c in calls
        ]
    outputs = [load_arrays(path) if path else None for path in paths]
    missing = [i for i, stored in enumerate(outputs) if stored is None]
    if missing:
        sides = [np.ascontiguousarray(audio[i][:, side]) for i in missing for side in (0, 1)]
        heard = OnnxDetector(session).trajectories(sides)
        for number, i in enumerate(missing):
            far, near = heard[2 * number], heard[2 * number + 1]
            outputs[i] = {
                "voice_llr": far.voice_llr,
                "speech": far.speech,
                "speech_seconds": far.speech_seconds,
                "near_speech": near.speech,
            }
            path = paths[i]
            if path is not None:
                save_arrays(path, outputs[i] or {})
    return [out for out in outputs if out is not None]


def _state(path: Path) -> str:
    stat = path.stat()
    return f"{path.name}|{stat.st_size}|{stat.st_mtime_ns}"

"""Scores of any detector on any audio; streaming models run many trials as rows of one batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from ringtrue.inference.session import Session
from ringtrue.model.contract import SAMPLE_RATE

Samples = NDArray[np.float32]

BATCH = 64
"""Trials that run side by side."""


class Detector(Protocol):
    """Anything that says how strongly audio sounds like a robot."""

    @property
    def name(self) -> str:
        """Name in reports."""

    def scores(self, audio: Sequence[Samples]) -> Samples:
        """Natural-log likelihood ratio robot : human at the end of each signal, [len(audio)].

        Signals are float32 −1…1, mono 8 kHz, each [n] of its own length.
        """


@dataclass(frozen=True)
class Trajectory:
    """What a streaming model said after each chunk of one signal; all [chunks] float32.

    Attributes:
        voice_llr: natural-log likelihood ratio robot : human.
        speech: probability that the chunk holds speech.
        speech_seconds: s of speech in the model's memory.
    """

    voice_llr: Samples
    speech: Samples
    speech_seconds: Samples


class OnnxDetector:
    """A model of contract v1, streamed as a host would: 100 ms at a time with its state.

    The last chunk is completed with zeros.

    Args:
        session: the model.
        name: name in reports; the model's own by default.
        progress: show a progress bar.

    Raises:
        ValueError: the model runs at another rate than 8 kHz.
    """

    def __init__(self, session: Session, name: str = "", progress: bool = False) -> None:
        if session.info.sample_rate != SAMPLE_RATE:
            raise ValueError(
                f"expected a model at {SAMPLE_RATE} Hz, got {session.info.sample_rate}"
            )
        self.session = session
        self._name = name or session.info.model_name
        self._progress = progress

    @property
    def name(self) -> str:
        """Name in reports."""
        return self._name

    def scores(self, audio: Sequence[Samples]) -> Samples:
        """``voice_llr`` at the end of each signal; see :class:`Detector`."""
        ends = [t.voice_llr[-1] if len(t.voice_llr) else 0.0 for t in self.trajectories(audio)]
        return np.array(ends, np.float32)

    def trajectories(self, audio: Sequence[Samples]) -> list[Trajectory]:
        """All outputs after each chunk of each signal, in the order given.

        Raises:
            ValueError: the model answered with NaN.
        """
        results: list[Trajectory | None] = [None] * len(audio)
        total = sum(len(samples) for samples in audio) / SAMPLE_RATE
        with Progress(disable=not self._progress or total < 60, transient=True) as progress:
            task = progress.add_task(f"{self.name}: listening", total=total)
            for rows in batches_by_length(audio):
                for row, trajectory in zip(
                    rows, self._stream([audio[i] for i in rows]), strict=True
                ):
                    results[row] = trajectory
                progress.advance(task, sum(len(audio[i]) for i in rows) / SAMPLE_RATE)
        return [result for result in results if result is not None]

    def _stream(self, audio: Sequence[Samples]) -> list[Trajectory]:
        size = self.session.info.chunk_samples
        chunks = [-(-len(samples) // size) for samples in audio]
        steps = max(chunks)
        pcm = np.zeros((len(audio), steps * size), np.float32)
        for row, samples in zip(pcm, audio, strict=True):
            row[: len(samples)] = samples
        out = np.zeros((3, len(audio), steps), np.float32)
        state = self.session.zero_state(len(audio))
        for step in range(steps):
            chunk = np.ascontiguousarray(pcm[:, step * size : (step + 1) * size])
            result = self.session.run(chunk, state)
            state = result.state
            out[:, :, step] = result.voice_llr, result.speech, result.speech_seconds
        if np.isnan(out).any():
            raise ValueError(f"{self.name}: expected finite outputs of the model, got NaN")
        return [Trajectory(*out[:, row, :count]) for row, count in enumerate(chunks)]


def batches_by_length(audio: Sequence[Samples]) -> Iterator[list[int]]:
    """Indices in batches of similar length, the longest batch last."""
    order = sorted(range(len(audio)), key=lambda i: len(audio[i]))
    for start in range(0, len(order), BATCH):
        yield order[start : start + BATCH]

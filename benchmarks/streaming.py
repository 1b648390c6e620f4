"""Latency of one stream on one thread, side by side with silero-vad.

python benchmarks/streaming.py [MODEL] [--seconds 120] [--json FILE]

The engines take turns, second by second, so that whatever else the machine does meets all of them
alike. ``ms per s`` is the time spent per second of audio (median step times steps per second), the
real-time factor (RTF) is that divided by 1,000. ``bytes`` and ``floats`` are the size of the model
file and the numbers in it, fixed kernels (such as a Fourier transform) included.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from common import RATE, Samples, Spread, arguments, demo_audio, show
from graph_size import stored_floats
from silero import Silero

from ringtrue.inference.monitor import CallMonitor
from ringtrue.inference.session import Session, released_model


@dataclass
class Engine:
    """Something that is fed ``chunk`` samples at a time."""

    name: str
    chunk: int
    step: Callable[[Samples], object]
    file: Path | None = None
    times: list[float] = field(default_factory=list)
    at: int = 0

    def hear(self, audio: Samples, until: int, measured: bool) -> None:
        """Go on in ``audio`` up to the sample ``until``."""
        while self.at + self.chunk <= until:
            pcm = audio[self.at : self.at + self.chunk]
            start = time.perf_counter()
            self.step(pcm)
            if measured:
                self.times.append(1000 * (time.perf_counter() - start))
            self.at += self.chunk

    def row(self) -> dict[str, Any]:
        """Line of the table."""
        spread = Spread.of(self.times)
        per_second = spread.median * RATE / self.chunk
        return {
            "engine": self.name,
            "step (ms)": 1000 * self.chunk // RATE,
            "median (ms)": spread.median,
            "95 % (ms)": spread.p95,
            "99 % (ms)": spread.p99,
            "ms per s": per_second,
            "RTF": per_second / 1000,
            "bytes": self.file.stat().st_size if self.file else None,
            "floats": stored_floats(self.file) if self.file else None,
        }


class Network:
    """The bare session with its state."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._state: npt.NDArray[np.float32] = session.zero_state()

    def step(self, pcm: Samples) -> None:
        """One chunk."""
        self._state = self._session.run(pcm[np.newaxis], self._state).state


def main() -> None:
    """Measure and print."""
    parser = arguments("Latency of one stream, side by side with silero-vad.")
    parser.add_argument("--seconds", type=int, default=120, help="audio to measure")
    chosen = parser.parse_args()
    session = Session(chosen.model)
    file = Path(str(released_model())) if chosen.model is None else chosen.model
    monitor = CallMonitor(session)
    size = session.info.chunk_samples
    network = Network(session)
    silero = Silero()
    engines = [
        Engine(f"{session.info.model_name}, network", size, network.step, file),
        Engine("the same in CallMonitor", size, lambda pcm: monitor.push(pcm, RATE)),
        Engine(silero.name, silero.chunk, silero.step, silero.path),
    ]
    warm_up = 5
    audio = demo_audio(chosen.seconds + warm_up)
    for second in range(1, chosen.seconds + warm_up + 1):
        for engine in engines:
            engine.hear(audio, second * RATE, measured=second > warm_up)
    show("one stream, one thread", [engine.row() for engine in engines], chosen.json)


if __name__ == "__main__":
    main()

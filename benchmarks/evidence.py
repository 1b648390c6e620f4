"""Time per 100 ms that each stream of evidence adds to a monitor, on one thread.

python benchmarks/evidence.py [MODEL] [--seconds 120] [--json FILE]

The far end is the demo call, whose prompts come again every time it is repeated; the near end is
the same call half a minute later and goes through the network as well, in a batch of two. The
monitors take turns, second by second. Monitors are given in time on the clock, streams in processor
time of their thread.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from common import RATE, Spread, arguments, demo_audio, show

from ringtrue.inference.evidence.base import EvidenceStream
from ringtrue.inference.evidence.default import default_streams
from ringtrue.inference.monitor import CallMonitor
from ringtrue.inference.session import Session


class Timed:
    """A stream and the processor time spent in it, ms per chunk: other work does not count."""

    def __init__(self, stream: EvidenceStream) -> None:
        self.stream, self.times = stream, list[float]()
        self.name = stream.name

    def push(self, chunk: Any) -> Any:
        """The stream's answer."""
        start = time.thread_time()
        evidence = self.stream.push(chunk)
        self.times.append(1000 * (time.thread_time() - start))
        return evidence

    def reset(self) -> None:
        """Forget the call."""
        self.stream.reset()


def main() -> None:
    """Measure and show."""
    parser = arguments("Time per 100 ms of every stream of evidence.")
    parser.add_argument("--seconds", type=float, default=120.0, help="length of the call")
    options = parser.parse_args()
    session = Session(options.model)
    far = demo_audio(options.seconds)
    near = np.roll(far, 30 * RATE)
    streams = [Timed(stream) for stream in default_streams()]
    monitors = {
        "voice": CallMonitor(session),
        "voice, near end": CallMonitor(session),
        "voice, near end, all evidence": CallMonitor(session, streams=streams),
    }
    times: dict[str, list[float]] = {name: [] for name in monitors}
    for at in range(0, len(far) - RATE + 1, RATE):
        for name, monitor in monitors.items():
            for start in range(at, at + RATE, RATE // 10):
                block = slice(start, start + RATE // 10)
                other = None if name == "voice" else near[block]
                begin = time.perf_counter()
                monitor.push(far[block], RATE, other)
                times[name].append(1000 * (time.perf_counter() - begin))
    rows = [_row(f"monitor: {name}", values) for name, values in times.items()]
    rows += [_row(f"stream: {stream.name}", stream.times) for stream in streams]
    total = [sum(parts) for parts in zip(*(s.times for s in streams), strict=True)]
    rows.append(_row("streams together", total))
    show("Evidence, time per 100 ms", rows, options.json)


def _row(what: str, values: list[float]) -> dict[str, Any]:
    spread = Spread.of(values)
    return {
        "what": what,
        "mean (ms)": float(np.mean(values)),
        "median (ms)": spread.median,
        "95 % (ms)": spread.p95,
        "99 % (ms)": spread.p99,
    }


if __name__ == "__main__":
    main()

"""Many calls in one batch: how many one thread can follow.

python benchmarks/batch_streams.py [MODEL] [--batches 1 8 64 256] [--threads 1] [--json FILE]

``calls in real time`` is the batch divided by the share of each 100 ms that a step takes.
"""

from __future__ import annotations

import time

import numpy as np
from common import Spread, arguments, demo_audio, show

from ringtrue.inference.session import Session


def main() -> None:
    """Measure and print."""
    parser = arguments("Many streams batched.")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8, 64, 256])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=15, help="audio per call")
    chosen = parser.parse_args()
    session = Session(chosen.model, chosen.threads)
    size = session.info.chunk_samples
    rows = []
    for batch in chosen.batches:
        audio = demo_audio(chosen.seconds)
        # Each call hears another part of the recording.
        calls = np.stack([np.roll(audio, 1711 * i) for i in range(batch)])
        state = session.zero_state(batch)
        times = []
        for start in range(0, calls.shape[1] - size + 1, size):
            pcm = np.ascontiguousarray(calls[:, start : start + size])
            before = time.perf_counter()
            state = session.run(pcm, state).state
            times.append(1000 * (time.perf_counter() - before))
        spread = Spread.of(times[3:])
        chunk = 1000 * session.info.chunk_seconds
        rows.append(
            {
                "calls": batch,
                "median (ms)": spread.median,
                "95 % (ms)": spread.p95,
                "ms per call": spread.median / batch,
                "calls in real time": int(batch * chunk / spread.median),
            }
        )
    show(f"batched streams, {chosen.threads} thread(s)", rows, chosen.json)


if __name__ == "__main__":
    main()

"""Time and size of ``ringtrue report``: rows with and without stored timelines.

python benchmarks/report.py [MODEL] [--rows 10000] [--timelines 1000] [--json FILE]

Rows are made up; every timeline is that of the demo call. Nothing is scored again.
"""

from __future__ import annotations

import dataclasses
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
from common import RATE, arguments, demo_audio, show

from ringtrue.inference.report.build import ReportOptions, build_report
from ringtrue.inference.report.detail import Scorer
from ringtrue.inference.report.results import Results
from ringtrue.inference.rows import output_file, row_writer
from ringtrue.inference.score import ScoreRow
from ringtrue.inference.session import Session
from ringtrue.inference.timeline import Timeline
from ringtrue.inference.timeline_file import write_timeline
from ringtrue.inference.trace import trace_file


def main() -> None:
    """Measure and print."""
    parser = arguments("Time and size of a report.")
    parser.add_argument("--rows", type=int, default=10_000, help="rows of the results")
    parser.add_argument("--timelines", type=int, default=1000, help="rows with a timeline")
    chosen = parser.parse_args()
    session = Session(chosen.model)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        soundfile.write(folder / "call.wav", demo_audio(60), RATE)
        ((_, timeline),) = trace_file(folder / "call.wav", session)
        results = _results(folder / "scores.csv", chosen.rows)
        _store(folder / "timelines", timeline, chosen.timelines)
        for stored in (0, chosen.timelines):
            out = folder / f"report-{stored}"
            options = ReportOptions(
                out, folder / "timelines" if stored else None, detail=0, rows=chosen.rows
            )
            start = time.perf_counter()
            build_report(Results(results), Scorer(lambda: session), options)
            took = time.perf_counter() - start
            size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
            rows.append(
                {
                    "rows": chosen.rows,
                    "timelines": stored,
                    "took (s)": took,
                    "folder (MB)": size / 1e6,
                    "peak memory (MB)": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
                }
            )
    show("report", rows, chosen.json)


def _path(number: int) -> str:
    return f"calls/2026-01-{1 + number % 28:02d}/{number:06d}.wav"


def _results(file: Path, count: int) -> Path:
    rng = np.random.default_rng(0)
    with output_file(file) as stream:
        writer = row_writer("csv", stream)
        for number, llr in enumerate(rng.normal(-0.5, 1.6, count)):
            verdict = "robot" if llr > 2.3 else "human" if llr < -1.3 else "unsure"
            writer.write(
                ScoreRow(
                    path=_path(number),
                    channel="mono",
                    seconds=60.0,
                    speech_seconds=40.0,
                    p_robot=float(1 / (1 + np.exp(-llr))),
                    voice_llr=float(llr),
                    verdict=verdict,
                    flagged_at=12.0 if verdict == "robot" else None,
                    reasons=("voice: 7.1:1 for synthetic after 1.3 s of speech",),
                )
            )
        writer.close()
    return file


def _store(folder: Path, timeline: Timeline, count: int) -> None:
    for number in range(count):
        write_timeline(dataclasses.replace(timeline, path=_path(number)), folder)


if __name__ == "__main__":
    main()

"""Throughput, memory and scaling of ``ringtrue score``, beside silero-vad on the same files.

python benchmarks/bulk.py [MODEL] [--hours 2] [--workers 1 2] [--folder DIR] [--formats]

The set is mixed WAV, mu-law WAV, MP3 and Opus. ``ringtrue score`` runs as a user runs it, in a
process of its own, from its start to the finished results. ``x real time`` is hours of audio by
hours on the clock; ``x per core`` by processor time, which other work on the machine moves less.
``RSS MB`` is the largest sum of resident memory over the main process and its workers; ``PSS MB``
counts pages that they share once. silero-vad reads the same files through the same decoder and
resampler, in as many processes. ``--formats`` measures each format alone with one worker.
"""

from __future__ import annotations

import csv
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import RATE, arguments, show
from recordings import KINDS, make_set
from silero import Silero

from ringtrue.inference.audio import open_recording
from ringtrue.inference.resample import StreamResampler


def main() -> None:
    """Measure and print."""
    parser = arguments("Throughput of ringtrue score.")
    parser.add_argument("--hours", type=float, default=2.0, help="audio of the set")
    parser.add_argument("--call-seconds", type=float, default=240.0, help="mean length of a call")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--folder", type=Path, help="keep the set here, and use it if it is there")
    parser.add_argument("--formats", action="store_true", help="each format alone, too")
    parser.add_argument("--options", default="", help="further options of ringtrue score")
    parser.add_argument("--no-silero", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = chosen.folder or Path(scratch) / "set"
        files = make_set(folder, chosen.hours, chosen.call_seconds)
        rows = []
        for workers in chosen.workers:
            rows.append(score("all", files, workers, Path(scratch), chosen))
            if not chosen.no_silero:
                rows.append(silero("all", files, workers))
        if chosen.formats:
            for kind in KINDS:
                some = [file for file in files if f"-{kind.name}" in file.name]
                rows.append(score(kind.name, some, 1, Path(scratch), chosen))
        show("score in bulk", rows, chosen.json)


def score(name: str, files: list[Path], workers: int, scratch: Path, chosen: Any) -> dict[str, Any]:
    """One run of the command line."""
    out = scratch / "scores.csv"
    command = [sys.executable, "-m", "ringtrue.inference.cli", "score", *map(str, files)]
    command += ["--out", str(out), "--workers", str(workers), "--quiet", *chosen.options.split()]
    if chosen.model is not None:
        command += ["--model", str(chosen.model)]
    before = _processor_seconds()
    start = time.perf_counter()
    process = subprocess.Popen(command)
    memory = _Memory(process.pid)
    if process.wait():
        raise RuntimeError(f"ringtrue score ended with code {process.returncode}")
    took = time.perf_counter() - start
    peak, shared_once = memory.stop()
    with out.open(encoding="utf-8") as stream:
        seconds = sum(float(row["seconds"]) for row in csv.DictReader(stream))
    used = _processor_seconds() - before
    return _row("ringtrue score", name, workers, seconds, took, used, peak, shared_once)


def silero(name: str, files: list[Path], workers: int) -> dict[str, Any]:
    """silero-vad over the same files."""
    before = _processor_seconds()
    start = time.perf_counter()
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        seconds = sum(pool.imap_unordered(_listen, files))
        pool.close()
        pool.join()
    took = time.perf_counter() - start
    used = _processor_seconds() - before
    return _row("silero-vad", name, workers, seconds, took, used, None, None)


def _listen(path: Path) -> float:
    vad = Silero()
    rest = np.zeros(0, np.float32)
    frames = 0
    with open_recording(path) as recording:
        resampler = StreamResampler(recording.sample_rate, RATE)
        for block in recording.blocks():
            frames += len(block)
            rest = np.concatenate((rest, resampler.push(block[:, 0])))
            whole = rest.size - rest.size % vad.chunk
            for chunk in rest[:whole].reshape(-1, vad.chunk):
                vad.step(chunk)
            rest = rest[whole:]
        return frames / recording.sample_rate


def _row(
    what: str,
    name: str,
    workers: int,
    seconds: float,
    took: float,
    used: float,
    peak: float | None,
    shared_once: float | None,
) -> dict[str, Any]:
    return {
        "what": what,
        "files": name,
        "workers": workers,
        "hours": seconds / 3600,
        "took s": took,
        "x real time": seconds / took,
        "x per core": seconds / used,
        "h per min": seconds / took / 60,
        "RSS MB": peak,
        "PSS MB": shared_once,
    }


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class _Memory(threading.Thread):
    """Watches a process and its children; needs Linux."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._ended = threading.Event()
        self._peak = self._shared_once = 0.0
        self.start()

    def run(self) -> None:
        while not self._ended.wait(0.2):
            sizes = [_sizes(pid) for pid in _tree(self._pid)]
            self._peak = max(self._peak, sum(s[0] for s in sizes))
            self._shared_once = max(self._shared_once, sum(s[1] for s in sizes))

    def stop(self) -> tuple[float, float]:
        """The largest sums, MB."""
        self._ended.set()
        self.join()
        return self._peak, self._shared_once


def _tree(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            below = [int(child) for child in task.read_text().split()]
        except OSError:
            continue
        for child in below:
            found += _tree(child)
    return found


def _sizes(pid: int) -> tuple[float, float]:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0, 0.0
    values = {line.split(":")[0]: line.split()[1] for line in text.splitlines() if "kB" in line}
    return int(values.get("Rss", 0)) * 1024 / 1e6, int(values.get("Pss", 0)) * 1024 / 1e6


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()

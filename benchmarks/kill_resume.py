"""Kills ``ringtrue score`` again and again and compares the results with an uninterrupted run.

python benchmarks/kill_resume.py [MODEL] [--kills 20] [--calls 150] [--workers 2] [--seed 0]

At random moments the main process, its whole group or one worker gets SIGKILL; the job is started
again with ``--resume``. When it is through, its sorted lines must be those of the run that nobody
disturbed, byte for byte, and no worker may be left. Ends with code 1 where they differ. Jobs are
repeated until there were enough kills.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from common import arguments, show
from recordings import make_set

KINDS = ("main process", "whole group", "one worker")


def main() -> None:
    """Kill, resume, compare."""
    parser = arguments("Kill and resume ringtrue score.")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--calls", type=int, default=150, help="recordings of about 20 s")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    rng = random.Random(chosen.seed)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "set"
        make_set(folder, chosen.calls * 20 / 3600, 20.0)
        # Errors are results, too.
        (folder / "text.wav").write_text("not audio")
        (folder / "empty.wav").touch()
        out = Path(scratch) / "out.csv"
        start = time.perf_counter()
        finish(chosen, folder, out)
        whole = time.perf_counter() - start
        expected = sorted(out.read_bytes().splitlines())
        counts = dict.fromkeys(KINDS, 0)
        jobs = differing = 0
        while sum(counts.values()) < chosen.kills:
            out.unlink(missing_ok=True)
            Path(f"{out}.journal").unlink(missing_ok=True)
            while sum(counts.values()) < chosen.kills:
                kind = rng.choice(KINDS)
                struck = strike(chosen, folder, out, kind, rng.uniform(0.3, 0.7 * whole), rng)
                if not struck:
                    break
                counts[kind] += 1
            finish(chosen, folder, out)
            jobs += 1
            if sorted(out.read_bytes().splitlines()) != expected:
                differing += 1
        rows: list[dict[str, Any]] = [
            {"killed": kind, "times": count, "jobs": jobs, "jobs that differ": differing}
            for kind, count in counts.items()
        ]
        show(f"kill -9 and --resume, {len(expected) - 1} rows", rows, chosen.json)
        sys.exit(1 if differing else 0)


def command(chosen: Any, folder: Path, out: Path) -> list[str]:
    """The job."""
    model = [] if chosen.model is None else ["--model", str(chosen.model)]
    line = [sys.executable, "-m", "ringtrue.inference.cli", "score", str(folder), *model]
    return [*line, "--out", str(out), "--resume", "--workers", str(chosen.workers), "--quiet"]


def finish(chosen: Any, folder: Path, out: Path) -> None:
    """Run the job to its end; two recordings are bad, so its code is 1."""
    done = subprocess.run(command(chosen, folder, out), check=False, capture_output=True, text=True)
    if done.returncode != 1:
        raise RuntimeError(f"expected code 1, got {done.returncode}: {done.stderr}")


def strike(
    chosen: Any, folder: Path, out: Path, kind: str, after: float, rng: random.Random
) -> bool:
    """Start the job and kill what ``kind`` says; False when it ended before."""
    process = subprocess.Popen(
        command(chosen, folder, out),
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )
    try:
        process.wait(after)
        return False
    except subprocess.TimeoutExpired:
        pass
    workers = _children(process.pid)
    if kind == "one worker" and workers:
        _kill(rng.choice(workers))
        process.wait()
        return True
    if kind == "whole group":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
    until = time.monotonic() + 10
    while any(Path(f"/proc/{pid}/task").exists() and _lives(pid) for pid in workers):
        if time.monotonic() > until:
            raise RuntimeError(f"workers {workers} outlive their parent")
        time.sleep(0.05)
    return True


def _children(pid: int) -> list[int]:
    """Worker processes; the first child is the resource tracker of multiprocessing."""
    try:
        found = [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return [p for p in found if b"spawn_main" in _command_line(p)]


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()

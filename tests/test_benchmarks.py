"""The benchmarks run and write their figures; what they measure is not judged here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.inference.toy_model import write_toy

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
RUNS = {
    "streaming": (["--seconds", "2"], ["median (ms)", "RTF", "bytes", "floats"], 3),
    "memory": (["--seconds", "2"], ["resident (MB)", "peak (MB)"], 5),
    "batch_streams": (["--seconds", "1", "--batches", "1", "3"], ["calls in real time"], 2),
    "evidence": (["--seconds", "3"], ["mean (ms)", "99 % (ms)"], 7),
    "offline": (["--minutes", "0.05"], ["hours per minute"], 4),
    "report": (["--rows", "20", "--timelines", "3"], ["took (s)", "folder (MB)"], 2),
    "serve": (
        ["--calls", "2", "--seconds", "1.5", "--hostile", "2"],
        ["behind p99 (ms)", "calls finished"],
        2,
    ),
    "fuzz_service": (["--seconds", "4"], ["what", "count"], 13),
    "bulk": (
        ["--hours", "0.01", "--call-seconds", "9", "--workers", "1"],
        ["x real time", "x per core", "h per min", "RSS MB"],
        2,
    ),
    "damaged": (["--files", "40", "--workers", "1"], ["scored", "errors", "wrong"], 9),
    "kill_resume": (
        ["--kills", "1", "--calls", "4", "--workers", "1"],
        ["times", "jobs that differ"],
        3,
    ),
}
SLOW = {"kill_resume"}


def test_fuzzing_finds_nothing_in_a_second(tmp_path: Path) -> None:
    command = [sys.executable, str(BENCHMARKS / "fuzz_readers.py"), "--seconds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in RUNS]
)
def test_benchmark_runs(name: str, tmp_path: Path) -> None:
    options, columns, rows = RUNS[name]
    model = write_toy(tmp_path / "toy.onnx")
    out = tmp_path / "figures.json"
    command = [sys.executable, str(BENCHMARKS / f"{name}.py"), str(model), "--json", str(out)]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    document = json.loads(out.read_text(encoding="utf-8"))
    assert len(document["rows"]) == rows
    for row in document["rows"]:
        assert set(columns) <= set(row)
    assert document["machine"]["cores"] >= 1
    assert document["title"] in done.stdout

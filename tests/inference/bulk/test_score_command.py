"""``ringtrue score`` as a user runs it: processes, signals, resuming."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ringtrue.inference.bulk.engines import make_engine
from ringtrue.inference.bulk.places import place_period
from ringtrue.inference.bulk.pool import WorkerError
from ringtrue.inference.bulk.ray_engine import BlockScorer
from ringtrue.inference.bulk.scorer import LaneScorer
from ringtrue.inference.bulk.settings import Settings
from ringtrue.inference.score import Origin
from ringtrue.inference.session import Session
from tests.inference.test_cli import run

from .helpers import make_calls, outcomes, tasks_of


@pytest.fixture
def calls(tmp_path: Path) -> list[Path]:
    return make_calls(tmp_path / "calls", 6)


def command(*args: object) -> list[str]:
    return [sys.executable, "-m", "ringtrue.inference.cli", "score", *map(str, args)]


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines()


def test_worker_processes_give_the_same_file(
    calls: list[Path], toy_path: Path, tmp_path: Path
) -> None:
    folder = calls[0].parent
    (folder / "text.wav").write_text("text")
    model = ("--model", toy_path)
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    done = run("score", folder, *model, "--out", one)
    assert done.exit_code == 1
    assert "1 of 7 recordings could not be scored" in done.stderr
    args = command(folder, *model, "--out", two, "--workers", 2)
    other = subprocess.run(args, capture_output=True, text=True, check=False)
    assert (other.returncode, other.stdout) == (1, "")
    assert "7 recordings" in other.stderr
    assert "1 × is text, not audio" in other.stderr
    assert one.read_bytes() == two.read_bytes()


def test_end_on_request_and_resume(calls: list[Path], toy_path: Path, tmp_path: Path) -> None:
    """SIGTERM in the middle: a day of silence keeps the job from ending by itself."""
    folder = calls[0].parent
    out = tmp_path / "o.csv"
    long = folder / "zz.sln"
    with long.open("wb") as stream:
        stream.truncate(2 * 8000 * 3600 * 24)
    args = command(folder, "--model", toy_path, "--out", out, "--workers", 1, "--raw-rate", 8000)
    process = subprocess.Popen(args, stderr=subprocess.PIPE, text=True)
    journal = Path(f"{out}.journal")
    until = time.monotonic() + 60
    while not journal.exists() or len(lines(journal)) < 7:
        assert time.monotonic() < until
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted: 6 of 7 recordings were scored; go on with --resume" in err
    first = lines(out)
    assert len(first) == 1 + 8
    long.unlink()
    # Another raw format would be another setting.
    again = run("score", folder, "--model", toy_path, "--out", out, "--resume", "--raw-rate", 8000)
    assert again.exit_code == 0
    assert "6 recordings were scored before" in again.stderr
    assert lines(out) == first


def test_resume_retries_failures_and_takes_new_recordings(
    calls: list[Path], toy_path: Path, tmp_path: Path
) -> None:
    folder, out = calls[0].parent, tmp_path / "o.csv"
    hidden = calls[2].read_bytes()
    calls[2].write_text("text")
    args = ("score", folder, "--model", toy_path, "--out", out)
    assert run(*args).exit_code == 1
    calls[2].write_bytes(hidden)
    (folder / "new.wav").write_bytes(hidden)
    result = run(*args, "--resume")
    assert result.exit_code == 0
    assert "5 recordings were scored before" in result.stderr
    expected = tmp_path / "expected.csv"
    run("score", folder, "--model", toy_path, "--out", expected)
    assert out.read_bytes() == expected.read_bytes()
    # Another operating point is other work.
    result = run(*args, "--resume", "--operating-point", "balanced")
    assert "scored before" not in result.stderr


def test_resume_by_content(calls: list[Path], toy_path: Path, tmp_path: Path) -> None:
    folder, out = calls[0].parent, tmp_path / "o.csv"
    args = ("score", folder, "--model", toy_path, "--out", out, "--by-content")
    run(*args)
    for path in calls:
        os.utime(path, (1, 1))
    assert "6 recordings were scored before" in run(*args, "--resume").stderr


def test_manifest_rows_have_ids(calls: list[Path], toy_path: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "m.csv"
    manifest.write_text(
        "id,path\n" + "".join(f"call {i},calls/{p.name}\n" for i, p in enumerate(calls[:2]))
    )
    args = ("score", "--manifest", manifest, "--model", toy_path, "--far", "right")
    rows = [json.loads(line) for line in run(*args, "--format", "jsonl").stdout.splitlines()]
    assert [(row["id"], row["channel"]) for row in rows] == [
        ("call 0", "right"),
        ("call 1", "mono"),
    ]
    parquet = pytest.importorskip("pyarrow.parquet")
    out = tmp_path / "o.parquet"
    assert run(*args, "--out", out).exit_code == 0
    assert parquet.read_table(out).to_pylist() == rows


def test_timeline_folder(calls: list[Path], toy_path: Path, tmp_path: Path) -> None:
    result = run("score", calls[0], "--model", toy_path, "--timeline", tmp_path / "t")
    assert result.exit_code == 0
    assert len(list((tmp_path / "t").rglob("*.json"))) == 2


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([], "expected recordings to score: PATHS or --manifest FILE"),
        (["x.wav", "--resume"], "need --out"),
        (["x.wav", "--format", "parquet"], "expected --out FILE for the format parquet"),
        (["x.wav", "--engine", "spark"], "expected --engine local or ray, got 'spark'"),
        (["x.wav", "--far", "mix"], "expected the far end on left or right"),
        (["--manifest", "none.txt"], "expected a manifest ending in"),
    ],
)
def test_wrong_options(args: list[str], words: str, toy_path: Path) -> None:
    result = run("score", *args, "--model", toy_path)
    assert result.exit_code == 2
    assert words in result.stderr


def test_quiet(calls: list[Path], toy_path: Path, tmp_path: Path) -> None:
    result = run("score", *calls, "--model", toy_path, "--out", tmp_path / "o.csv", "--quiet")
    assert (result.exit_code, result.output) == (0, "")


def test_results_that_cannot_be_written_stay_in_the_journal(
    calls: list[Path], toy_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "o.csv"
    out.write_text("older results")
    args = ("score", *calls, "--model", toy_path, "--out", out)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", str(out))

    with monkeypatch.context() as patch:
        patch.setattr("ringtrue.inference.rows.os.replace", full)
        result = run(*args)
    assert result.exit_code == 1
    assert "No space left on device" in result.stderr
    assert "6 recordings are in" in result.stderr
    assert out.read_text() == "older results"
    result = run(*args, "--resume")
    assert "6 recordings were scored before" in result.stderr
    assert len(lines(out)) == 1 + 8


@pytest.mark.slow
def test_ray_gives_the_same_rows(calls: list[Path], toy: Session, toy_path: Path) -> None:
    pytest.importorskip("ray")
    settings = Settings(model=str(toy_path), lanes=2)
    local = outcomes(make_engine("local", toy, settings, 2, 6).run(tasks_of(calls), 6))
    try:
        ray = outcomes(make_engine("ray", toy, settings, 2, 6).run(tasks_of(calls), 6))
    except WorkerError as error:
        if "cannot be started" in str(error):  # it gives itself 30 s, too little on a busy machine
            pytest.skip(str(error))
        raise
    assert ray == local


def test_the_actor_of_ray_without_ray(calls: list[Path], toy: Session, toy_path: Path) -> None:
    settings = Settings(model=str(toy_path), lanes=2)
    actor = BlockScorer(settings, Origin.of(toy, "cautious"), place_period(toy, 2), 60.0)
    packed = actor({"task": [pickle.dumps(task) for task in tasks_of(calls)]})["outcome"]
    local = outcomes(LaneScorer(toy, settings).run(tasks_of(calls)))
    assert sorted(map(pickle.loads, packed), key=lambda outcome: outcome.index) == local


def test_ray_is_an_extra(
    calls: list[Path], toy_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setitem(sys.modules, "ray.data", None)
    result = run("score", *calls, "--model", toy_path, "--engine", "ray", "--workers", 2)
    assert result.exit_code == 1
    assert 'pip install "ringtrue[ray]"' in result.stderr

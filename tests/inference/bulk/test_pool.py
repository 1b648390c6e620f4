from __future__ import annotations

from pathlib import Path

import pytest

from ringtrue.inference.bulk.places import place_period
from ringtrue.inference.bulk.pool import LocalPool
from ringtrue.inference.bulk.scorer import LaneScorer
from ringtrue.inference.bulk.settings import Settings
from ringtrue.inference.bulk.task import Task
from ringtrue.inference.score import Origin
from ringtrue.inference.session import Session

from .helpers import Trap, listeners, make_calls, outcomes, tasks_of


def pool(toy: Session, toy_path: Path, workers: int, patience: float = 60.0) -> LocalPool:
    settings = Settings(model=str(toy_path), lanes=4, streams=listeners)
    origin = Origin.of(toy, "cautious")
    return LocalPool(settings, origin, place_period(toy, 4), workers, patience)


def test_traps_cost_only_themselves(toy: Session, toy_path: Path, tmp_path: Path) -> None:
    """Crashes, hangs, and a crash that does not happen again, among good recordings."""
    paths = make_calls(tmp_path / "calls", 12)
    tasks = tasks_of(paths)
    good = str(paths[1])
    tasks[2] = Task(2, "crashes", Trap(good, "crash"), "call 2")
    tasks[5] = Task(5, "crashed once", Trap(good, "crash", str(tmp_path / "flag")))
    tasks[8] = Task(8, "hangs", Trap(good, "hang"))
    running = pool(toy, toy_path, workers=2, patience=3.0)
    got = outcomes(running.run(iter(tasks), len(tasks)))
    settings = Settings(lanes=4, streams=listeners)
    expected = outcomes(LaneScorer(toy, settings).run(tasks_of(paths)))
    assert [outcome.index for outcome in got] == list(range(12))
    crashed, once, hung = got[2].rows[0], got[5].rows[0], got[8].rows[0]
    assert (crashed.path, crashed.id) == ("crashes", "call 2")
    assert crashed.error == "reading it failed twice: the worker process was ended by SIGSEGV"
    assert crashed.model_digest == toy.digest
    assert hung.error == "nothing came of it for 3 s, twice; given up"
    assert (once.error, once.verdict) == ("", expected[1].rows[0].verdict)
    for index in {*range(12)} - {2, 5, 8}:
        assert got[index] == expected[index]
    assert not running._workers


def test_one_worker_and_an_unknown_number_of_tasks(
    toy: Session, toy_path: Path, tmp_path: Path
) -> None:
    tasks = tasks_of(make_calls(tmp_path, 3))
    got = outcomes(pool(toy, toy_path, workers=1).run(iter(tasks)))
    assert [outcome.failed for outcome in got] == [False] * 3


def test_workers_that_cannot_start(toy: Session, tmp_path: Path) -> None:
    settings = Settings(model=str(tmp_path / "none.onnx"))
    running = LocalPool(settings, Origin.of(toy, "cautious"), 1, 1)
    with pytest.raises(ValueError, match=r"none\.onnx: no such model file"):
        list(running.run(tasks_of(make_calls(tmp_path, 1)), 1))


@pytest.mark.parametrize(("workers", "patience"), [(0, 1.0), (1, 0.0)])
def test_impossible_numbers(toy: Session, toy_path: Path, workers: int, patience: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        pool(toy, toy_path, workers, patience)

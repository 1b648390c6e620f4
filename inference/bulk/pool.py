"""Worker processes: started, fed, watched, and replaced when a recording brings one down.

A crash costs nothing but the recording that was being read: the worker tells before every read
which one it is. That recording is tried once more, alone in a fresh worker, and is given up when
it happens again; the others that the worker had in hand are scored again. When nobody was reading
(the system's out-of-memory killer, say), all that were in hand are tried alone.
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from ringtrue.inference.bulk.scorer import NOTHING_AT_HAND
from ringtrue.inference.bulk.settings import Settings
from ringtrue.inference.bulk.task import Beat, News, Outcome, Task
from ringtrue.inference.bulk.worker import FAILED, READY, STEPS, TASK_AT_HAND, work
from ringtrue.inference.score import Origin, ScoreRow

log = logging.getLogger(__name__)

_AHEAD = 8
"""Tasks that a worker has waiting beyond its lanes, so that it never stands idle."""
_TRIES = 2
_START_TRIES = 3
_START_PATIENCE = 300.0


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    marks: Any
    ready: bool = False
    alone: bool = False
    tasks: dict[int, Task] = field(default_factory=dict)
    steps: int = -1
    seen: float = 0.0
    hung: bool = False
    gone: bool = False


class WorkerError(ChildProcessError):
    """Workers cannot be started."""


class LocalPool:
    """Scores tasks in worker processes of this machine.

    Args:
        settings: how to score.
        origin: marks the rows of recordings that brought a worker down.
        period: of the places in a batch.
        workers: number of processes.
        patience: s that a worker may give no sign of life before it is replaced.

    Raises:
        ValueError: no worker, or no patience.
    """

    def __init__(
        self,
        settings: Settings,
        origin: Origin,
        period: int,
        workers: int,
        patience: float = 60.0,
    ) -> None:
        if workers < 1:
            raise ValueError(f"expected at least 1 worker, got {workers}")
        if not patience > 0:
            raise ValueError(f"expected a time limit above 0 s, got {patience}")
        self._settings = settings
        self._origin = origin
        self._period = period
        self._count = workers
        self._patience = patience
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []
        self._again: deque[Task] = deque()
        self._suspects: deque[Task] = deque()
        self._tries: dict[int, int] = {}
        self._failed_starts = 0

    def run(self, tasks: Iterable[Task], total: int | None = None) -> News:
        """Score ``tasks``; outcomes come as recordings end.

        Args:
            tasks: drawn as workers become free.
            total: how many there will be, if known; the last ones are then dealt out evenly.

        Raises:
            WorkerError: workers end before they are ready.
        """
        self._more = iter(tasks)
        self._exhausted = False
        self._left = total
        self._opening = True
        try:
            for _ in range(self._count if total is None else max(1, min(self._count, total))):
                self._workers.append(self._start())
            yield from self._loop()
        finally:
            self.stop()

    def stop(self) -> None:
        """End all workers at once; what they had in hand is lost."""
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join(5)
            worker.pipe.close()
        self._workers = []

    def _start(self) -> _Worker:
        here, there = self._context.Pipe()
        marks = self._context.RawArray("q", 2)
        marks[TASK_AT_HAND] = NOTHING_AT_HAND
        process = self._context.Process(
            target=work,
            args=(there, marks, self._settings, self._period, log.isEnabledFor(logging.DEBUG)),
            daemon=True,
        )
        process.start()
        there.close()
        return _Worker(process, here, marks, seen=time.monotonic())

    def _loop(self) -> Iterator[Outcome | Beat]:
        while True:
            self._deal()
            if not any(w.tasks for w in self._workers) and not self._waiting():
                return
            pipes: list[Any] = [worker.pipe for worker in self._workers]
            wait([*pipes, *(w.process.sentinel for w in self._workers)], timeout=0.5)
            for worker in list(self._workers):
                yield from self._listen(worker)
                if not worker.process.is_alive():
                    yield from self._listen(worker)
                    yield from self._bury(worker)
                else:
                    self._check(worker)

    def _waiting(self) -> bool:
        if self._again or self._suspects:
            return True
        if not self._exhausted:
            task = next(self._more, None)
            if task is None:
                self._exhausted = True
            else:
                self._again.append(task)
        return bool(self._again)

    def _deal(self) -> None:
        """Give workers what they can take, the idlest first."""
        # Whoever is ready first must not take everything.
        self._opening = self._opening and not all(worker.ready for worker in self._workers)
        if self._opening:
            return
        for worker in self._workers:
            if self._suspects and worker.ready and not worker.tasks and not worker.gone:
                worker.alone = self._send(worker, self._suspects.popleft())
        while free := [worker for worker in self._workers if self._takes_more(worker)]:
            if not self._waiting() or not self._again:
                return
            self._send(min(free, key=lambda w: len(w.tasks)), self._again.popleft())

    def _takes_more(self, worker: _Worker) -> bool:
        if not worker.ready or worker.alone or worker.hung or worker.gone:
            return False
        # One worker runs dry, so that it can take the suspects; the others go on.
        if self._suspects and worker is min(self._workers, key=lambda w: len(w.tasks)):
            return False
        return len(worker.tasks) < self._share()

    def _share(self) -> int:
        """Tasks that a worker may have in hand: fewer towards the end, so that all end together."""
        most = self._settings.lanes + _AHEAD
        if self._left is None:
            return most
        held = sum(len(w.tasks) for w in self._workers)
        left = max(self._left, held)
        return max(1, min(most, -(-left // len(self._workers))))

    def _send(self, worker: _Worker, task: Task) -> bool:
        if not worker.tasks:
            worker.seen = time.monotonic()
        worker.tasks[task.index] = task
        try:
            worker.pipe.send(task)
        except (BrokenPipeError, ConnectionResetError):
            worker.gone = True  # the loop buries it, with this task
        return not worker.gone

    def _listen(self, worker: _Worker) -> Iterator[Outcome | Beat]:
        while True:
            try:
                if not worker.pipe.poll():
                    return
                message = worker.pipe.recv()
            # A worker that is killed leaves half a message.
            except Exception:
                return
            worker.seen = time.monotonic()
            if message == READY:
                worker.ready = True
                self._failed_starts = 0
            elif message[0] == FAILED:
                raise message[1]
            elif isinstance(message[1], Outcome):
                outcome: Outcome = message[1]
                worker.tasks.pop(outcome.index, None)
                worker.alone = worker.alone and bool(worker.tasks)
                self._tries.pop(outcome.index, None)
                if self._left is not None:
                    self._left -= 1
                yield outcome
            else:
                yield message[1]

    def _check(self, worker: _Worker) -> None:
        """Kill a worker that has tasks and has given no sign of life for too long."""
        steps = worker.marks[STEPS]
        now = time.monotonic()
        if steps != worker.steps or (worker.ready and not worker.tasks):
            worker.steps, worker.seen = steps, now
        elif now - worker.seen > self._limit(worker) and not worker.hung:
            log.debug("worker %s hangs", worker.process.pid)
            worker.hung = True
            worker.process.kill()

    def _limit(self, worker: _Worker) -> float:
        return self._patience if worker.ready else max(self._patience, _START_PATIENCE)

    def _bury(self, worker: _Worker) -> Iterator[Outcome]:
        """Replace a dead worker and decide what becomes of its tasks."""
        self._workers.remove(worker)
        worker.process.join()
        worker.pipe.close()
        code = worker.process.exitcode
        if not worker.ready:
            self._failed_starts += 1
            if self._failed_starts >= _START_TRIES:
                raise WorkerError(
                    f"worker processes end before they are ready ({_how(code, worker.hung)}); "
                    "see --debug, or score without them: --workers 0"
                )
        at_hand = int(worker.marks[TASK_AT_HAND])
        blamed = [at_hand] if at_hand in worker.tasks else list(worker.tasks)
        log.debug("worker %s: %s at %s", worker.process.pid, _how(code, worker.hung), blamed)
        for index, task in worker.tasks.items():
            if index not in blamed:
                self._again.append(task)
                continue
            self._tries[index] = self._tries.get(index, 0) + 1
            if self._tries[index] < _TRIES:
                self._suspects.append(task)
                continue
            if self._left is not None:
                self._left -= 1
            problem = f"reading it failed twice: {_how(code, worker.hung)}"
            if worker.hung:
                problem = f"nothing came of it for {self._patience:g} s, twice; given up"
            row = replace(ScoreRow(task.name, error=problem), id=task.id)
            yield Outcome(index, (self._origin.mark(row),))
        worker.tasks.clear()
        self._workers.append(self._start())


def _how(code: int | None, hung: bool) -> str:
    if hung:
        return "the worker process hung"
    if code is not None and code < 0:
        try:
            return f"the worker process was ended by {signal.Signals(-code).name}"
        except ValueError:
            return f"the worker process was ended by signal {-code}"
    return f"the worker process ended with code {code}"

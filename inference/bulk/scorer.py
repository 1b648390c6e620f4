"""Many recordings through one ONNX session: a batch of lanes, one chunk of 100 ms per step."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ringtrue.inference.audio import AudioError
from ringtrue.inference.bulk.job import Lane, OpenJob
from ringtrue.inference.bulk.places import arrange, padded, place_period
from ringtrue.inference.bulk.settings import Settings
from ringtrue.inference.bulk.task import Beat, News, Outcome, Task
from ringtrue.inference.evidence.voice import Runner
from ringtrue.inference.extras import MissingExtraError
from ringtrue.inference.score import Origin, ScoreRow
from ringtrue.inference.timeline import make_timeline
from ringtrue.inference.timeline_file import write_timeline

Samples = npt.NDArray[np.float32]
log = logging.getLogger(__name__)

_LOW_WATER = 10
"""Lanes with fewer chunks than this are filled up, so that steps come in runs."""
_FULL = 20
"""Chunks that a lane is filled up to."""

NOTHING_AT_HAND = -1
Watch = Callable[[int], None]
"""Told the index of the task whose bytes are read next, and ``NOTHING_AT_HAND`` afterwards."""


def _unwatched(_: int) -> None:
    """Nobody wants to know."""


class LaneScorer:
    """Scores the tasks given to it, many at a time.

    Args:
        session: the model.
        settings: how to score.
        watch: told which recording is being read, so that a crash can be laid to it.
        period: of the places in a batch, see :mod:`ringtrue.inference.bulk.places`; found by
            trial when it is not given.

    Raises:
        ValueError: an unknown operating point.
    """

    def __init__(
        self,
        session: Runner,
        settings: Settings,
        watch: Watch = _unwatched,
        period: int | None = None,
    ) -> None:
        self._session = session
        self._settings = settings
        self._watch = watch
        self._origin = Origin.of(session, settings.operating_point, settings.streams is not None)
        self._waiting: deque[Task] = deque()
        self._jobs: list[OpenJob] = []
        self._lanes: list[Lane] = []
        self._rows: list[tuple[Lane, int]] = []
        self._state = session.zero_state(0)
        self._period = place_period(session, settings.lanes) if period is None else period
        self.heard_seconds = 0.0

    def add(self, task: Task) -> None:
        """Queue a task."""
        self._waiting.append(task)

    @property
    def busy(self) -> bool:
        """Whether tasks are under way or queued."""
        return bool(self._jobs or self._waiting)

    def round(self) -> list[Outcome]:
        """Read what lanes lack, run the network until one runs dry; the tasks that ended."""
        outcomes = self._read()
        outcomes += self._open()
        if self._lanes:
            outcomes += self._step()
        return outcomes

    def run(self, tasks: Iterable[Task]) -> News:
        """Score ``tasks`` in this process; outcomes come as recordings end, not in order."""
        more = iter(tasks)
        exhausted = False
        while True:
            while not exhausted and len(self._lanes) + len(self._waiting) < self._settings.lanes:
                task = next(more, None)
                exhausted = task is None
                if task is not None:
                    self.add(task)
            if not self.busy:
                return
            yield from self.round()
            yield self.beat()

    def beat(self) -> Beat:
        """Seconds heard since the last one."""
        seconds, self.heard_seconds = self.heard_seconds, 0.0
        return Beat(seconds)

    def _open(self) -> list[Outcome]:
        """Fill free lanes with the next tasks. A stereo recording may take one lane too many."""
        outcomes = []
        opened = False
        while (task := self._next()) is not None:
            self._watch(task.index)
            try:
                job = OpenJob(task, self._settings, self._session.info)
            except MissingExtraError:
                raise
            except Exception as error:
                outcomes.append(self._failure(task, error))
                continue
            finally:
                self._watch(NOTHING_AT_HAND)
            outcome = self._fill(job)
            if outcome is not None:
                outcomes.append(outcome)
                continue
            self._jobs.append(job)
            self._lanes += job.lanes
            opened = True
        if opened:
            self._arrange()
        return outcomes

    def _next(self) -> Task | None:
        """The first waiting task whose class has a free place."""
        if len(self._lanes) >= self._settings.lanes:
            return None
        taken = Counter(lane.number % self._period for lane in self._lanes)
        room = -(-self._settings.lanes // self._period)
        for position, task in enumerate(self._waiting):
            if taken[task.index % self._period] < room:
                del self._waiting[position]
                return task
        return None

    def _arrange(self) -> None:
        """Give every lane its place and its state a row there."""
        before = {id(lane): place for lane, place in self._rows}
        self._lanes = [lane for job in self._jobs for lane in job.lanes]
        places = arrange([lane.number for lane in self._lanes], self._period)
        self._rows = list(zip(self._lanes, places, strict=True))
        state = self._session.zero_state(padded(max(places, default=-1) + 1))
        for lane, place in self._rows:
            if id(lane) in before:
                state[place] = self._state[before[id(lane)]]
        self._state = state

    def _read(self) -> list[Outcome]:
        outcomes = []
        for job in self._jobs:
            if job.lanes[0].queue.chunks < _LOW_WATER:
                outcome = self._fill(job)
                if outcome is not None:
                    outcomes.append(outcome)
        if outcomes:
            self._drop({outcome.index for outcome in outcomes})
        return outcomes

    def _fill(self, job: OpenJob) -> Outcome | None:
        """Read on; the outcome when the recording is over or cannot be read."""
        if not job.ended:
            self._watch(job.task.index)
            try:
                self.heard_seconds += job.read(_FULL)
            except Exception as error:
                return self._failure(job.task, error, job)
            finally:
                self._watch(NOTHING_AT_HAND)
        return self._finished(job) if job.done else None

    def _step(self) -> list[Outcome]:
        """As many steps of the network as every lane has chunks for."""
        size = self._session.info.chunk_samples
        count = min(lane.queue.chunks for lane in self._lanes)
        width = len(self._state)
        # Places without a lane hear silence; calls do not influence each other.
        pcm = np.zeros((count, width, size), np.float32)
        for lane, place in self._rows:
            pcm[:, place] = lane.queue.take(count)
        speech, llr, seconds = (np.empty((count, width), np.float32) for _ in range(3))
        state = self._state
        for k in range(count):
            step = self._session.run(pcm[k], state)
            speech[k], llr[k], seconds[k] = step.speech, step.voice_llr, step.speech_seconds
            state = step.state
        self._state = state
        self._watch(NOTHING_AT_HAND)
        return self._hear(pcm, speech, llr, seconds)

    def _hear(self, pcm: Samples, speech: Samples, llr: Samples, seconds: Samples) -> list[Outcome]:
        place = {id(lane): at for lane, at in self._rows}
        outcomes = []
        for job in self._jobs:
            try:
                for lane in job.lanes:
                    if lane.call is None:
                        continue
                    i = place[id(lane)]
                    near = near_speech = None
                    if lane.near is not None:
                        n = place[id(lane.near)]
                        near, near_speech = pcm[:, n], speech[:, n]
                    lane.call.hear(
                        speech[:, i], llr[:, i], seconds[:, i], pcm[:, i], near, near_speech
                    )
            except Exception as error:
                outcomes.append(self._failure(job.task, error, job))
                continue
            if job.done:
                outcomes.append(self._finished(job))
        if outcomes:
            self._drop({outcome.index for outcome in outcomes})
        return outcomes

    def _drop(self, indices: set[int]) -> None:
        self._jobs = [job for job in self._jobs if job.task.index not in indices]
        self._arrange()

    def _finished(self, job: OpenJob) -> Outcome:
        try:
            rows = []
            for row, call in job.rows():
                marked = self._origin.mark(row)
                rows.append(marked)
                if call.history is not None and self._settings.timeline is not None:
                    version = self._session.info.model_version
                    timeline = make_timeline(call.history, marked, call.point, version)
                    write_timeline(timeline, self._settings.timeline)
        except Exception as error:
            return self._failure(job.task, error, job)
        self._close(job)
        return Outcome(job.task.index, tuple(rows))

    def _failure(self, task: Task, error: Exception, job: OpenJob | None = None) -> Outcome:
        if job is not None:
            self._close(job)
        return Outcome(task.index, (self._origin.mark(error_row(task, error)),))

    @staticmethod
    def _close(job: OpenJob) -> None:
        # A decoder that fails on closing has given everything it had.
        with suppress(Exception):
            job.close()


def error_row(task: Task, error: Exception) -> ScoreRow:
    """The row of a recording that could not be scored."""
    if isinstance(error, AudioError):
        problem = error.problem
    else:
        # Whatever a decoder does to one odd file, the others are still to be scored.
        log.debug("%s", task.name, exc_info=error)
        problem = f"{type(error).__name__}: {error}"
    return replace(ScoreRow(task.name, error=problem), id=task.id)

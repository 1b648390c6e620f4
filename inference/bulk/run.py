"""A bulk job from its inputs to its results."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Protocol

from ringtrue.inference.bulk.inputs import Inputs
from ringtrue.inference.bulk.journal import Journal, task_key
from ringtrue.inference.bulk.progress import View
from ringtrue.inference.bulk.tally import Tally
from ringtrue.inference.bulk.task import Beat, News, Outcome, Task
from ringtrue.inference.rows import BINARY, RowWriter, output_file, row_writer
from ringtrue.inference.score import ScoreRow

_NOWHERE = -1


class Engine(Protocol):
    """Scores tasks: ``LocalPool``, ``InProcess`` or ``RayEngine``."""

    def run(self, tasks: Iterable[Task], total: int | None = None) -> News:
        """One outcome per task, in any order; closing it ends the work."""


class Sink(Protocol):
    """Takes outcomes and makes the results of them."""

    def known(self, task: Task) -> list[ScoreRow] | None:
        """The rows of a task that an earlier job scored; it is then not given to the engine."""

    def take(self, task: Task, outcome: Outcome) -> None:
        """Keep the rows of a task."""

    def finish(self) -> None:
        """Write what is there in the order of the inputs."""


class StreamSink:
    """Rows go to a writer in the order of the inputs, as early as that allows."""

    def __init__(self, writer: RowWriter) -> None:
        self._writer = writer
        self._held: dict[int, tuple[ScoreRow, ...]] = {}
        self._next = 0

    def known(self, task: Task) -> None:
        """Nothing is known from earlier jobs."""

    def take(self, task: Task, outcome: Outcome) -> None:
        """Write all rows whose turn it is."""
        self._held[outcome.index] = outcome.rows
        while self._next in self._held:
            self._write(self._held.pop(self._next))
            self._next += 1

    def _write(self, rows: Iterable[ScoreRow]) -> None:
        for row in rows:
            self._writer.write(row)

    def finish(self) -> None:
        """Write what waited for recordings that will not come."""
        for index in sorted(self._held):
            self._write(self._held.pop(index))
        self._writer.close()


class JournalSink:
    """Rows go to a journal at once and from there to the results at the end.

    Args:
        journal: an open journal.
        settings_digest: of the job's settings.
        out: the file of the results.
        format_name: its format.
        with_id: whether the rows have ids.
        content: whether recordings are known by their content.
    """

    def __init__(
        self,
        journal: Journal,
        settings_digest: str,
        out: Path,
        format_name: str,
        with_id: bool = False,
        content: bool = False,
    ) -> None:
        self._journal = journal
        self._digest = settings_digest
        self._out = out
        self._format = format_name
        self._with_id = with_id
        self._content = content
        # 8 bytes per recording: where in the journal its rows are.
        self._places = array("q")
        self._keys: dict[int, str] = {}

    def known(self, task: Task) -> list[ScoreRow] | None:
        """The rows that an earlier job noted under the same key."""
        key = task_key(task, self._digest, self._content)
        where = self._journal.done.get(key)
        if where is None:
            self._keys[task.index] = key
            return None
        self._place(task.index, where)
        return self._journal.rows(where)

    def take(self, task: Task, outcome: Outcome) -> None:
        """Note the rows."""
        self._place(task.index, self._journal.add(self._keys.pop(task.index), outcome.rows))

    def _place(self, index: int, where: int) -> None:
        missing = index + 1 - len(self._places)
        if missing > 0:
            self._places.extend([_NOWHERE] * missing)
        self._places[index] = where

    def finish(self) -> None:
        """Write the results; an older file is replaced when they are whole.

        Raises:
            OSError: they cannot be written; the journal still holds them.
        """
        with output_file(self._out, self._format in BINARY) as stream:
            writer = row_writer(self._format, stream, self._with_id)
            for where in self._places:
                if where != _NOWHERE:
                    for row in self._journal.rows(where):
                        writer.write(row)
            writer.close()


def run_job(inputs: Inputs, engine: Engine, sink: Sink, view: View, tally: Tally) -> None:
    """Score the inputs; what is done is in ``tally``, and in the results even after Ctrl-C.

    Raises:
        OSError: results cannot be written.
        KeyboardInterrupt: after what was done has been written.
    """
    under_way: dict[int, Task] = {}
    tally.total = inputs.total

    def fresh() -> Iterator[Task]:
        for task in inputs:
            rows = sink.known(task)
            if rows is None:
                under_way[task.index] = task
                yield task
                continue
            task.source.release()
            tally.add(rows, skipped=True)
            view.show(tally)

    try:
        with closing(engine.run(fresh(), inputs.total)) as stream:
            for news in stream:
                if isinstance(news, Beat):
                    tally.heard += news.seconds
                else:
                    task = under_way.pop(news.index)
                    sink.take(task, news)
                    task.source.release()
                    tally.add(news.rows)
                view.show(tally)
    except KeyboardInterrupt:
        sink.finish()
        raise
    finally:
        view.close()
    sink.finish()


class InProcess:
    """Scores in this process, without protection against decoders that crash or hang.

    Args:
        run: that of a ``LaneScorer``.
    """

    def __init__(self, run: Callable[[Iterable[Task]], News]) -> None:
        self._run = run

    def run(self, tasks: Iterable[Task], total: int | None = None) -> News:
        """One outcome per task."""
        return self._run(tasks)

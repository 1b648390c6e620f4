"""The same job on Ray Data: a local Ray, or a cluster that ``RAY_ADDRESS`` names.

Tasks are dealt out in blocks to a pool of actors, each with a model of its own; Ray starts, places
and restarts them. Recordings must be readable at the same path or address on every node.
"""

from __future__ import annotations

import logging
import pickle
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np

from ringtrue.inference.bulk.pool import LocalPool, WorkerError
from ringtrue.inference.bulk.settings import Settings
from ringtrue.inference.bulk.source import SpooledFile
from ringtrue.inference.bulk.task import Beat, News, Outcome, Task
from ringtrue.inference.extras import MissingExtraError
from ringtrue.inference.score import Origin

_BLOCKS_OF_LANES = 4
"""Tasks per block, in fillings of the lanes: the lanes run empty only at a block's end."""
_TASKS_PER_JOB = 20_000
"""Tasks that are handed to Ray at a time, so that endless inputs stay bounded."""


class BlockScorer:
    """The actor: scores blocks of pickled tasks.

    It does so in a child process, as the local engine does: a decoder that crashes or hangs then
    costs one recording, not the block.
    """

    def __init__(self, settings: Settings, origin: Origin, period: int, patience: float) -> None:
        self._pool = LocalPool(settings, origin, period, 1, patience)

    def __call__(self, block: dict[str, Any]) -> dict[str, Any]:
        """Column ``task`` of pickled tasks in, column ``outcome`` of pickled outcomes out."""
        tasks = [pickle.loads(data) for data in block["task"]]
        news = self._pool.run(tasks, len(tasks))
        packed = [pickle.dumps(item) for item in news if isinstance(item, Outcome)]
        column = np.empty(len(packed), dtype=object)
        column[:] = packed
        return {"outcome": column}


class RayEngine:
    """Scores tasks on Ray.

    Args:
        settings: how to score.
        origin: marks the rows of recordings that brought a process down.
        period: of the places in a batch.
        workers: actors; None takes one per core of the cluster.
        patience: s without a sign of life after which a recording is given up.

    Raises:
        MissingExtraError: ray is not installed.
        ValueError: no worker.

    ``run`` raises ``WorkerError`` when Ray cannot be started or reached, or gives up.
    """

    def __init__(
        self,
        settings: Settings,
        origin: Origin,
        period: int,
        workers: int | None,
        patience: float,
    ) -> None:
        if workers is not None and workers < 1:
            raise ValueError(f"expected at least 1 worker for --engine ray, got {workers}")
        try:
            import ray.data
        except ImportError as error:
            raise MissingExtraError("--engine ray", "ray") from error
        self._ray: Any = ray
        self._settings = settings
        self._arguments = (settings, origin, period, patience)
        self._workers = workers

    def run(self, tasks: Iterable[Task], total: int | None = None) -> News:
        """One outcome per task; a local Ray is started where none runs and stopped at the end."""
        ray = self._ray
        began = not ray.is_initialized()
        if began:
            try:
                ray.init(log_to_driver=False, logging_level="error", include_dashboard=False)
            except Exception as error:
                raise WorkerError(f"Ray cannot be started or reached: {_first(error)}") from error
        try:
            ray.data.DataContext.get_current().enable_progress_bars = False
            logging.getLogger("ray.data").setLevel(logging.WARNING)
            workers = self._workers or int(ray.cluster_resources().get("CPU", 1))
            more = map(_readable_everywhere, tasks)
            while part := list(islice(more, _TASKS_PER_JOB)):
                yield from self._job(part, workers)
        except ray.exceptions.RayError as error:
            raise WorkerError(f"Ray gave up: {_first(error)}") from error
        finally:
            if began:
                ray.shutdown()

    def _job(self, tasks: list[Task], workers: int) -> Iterator[Outcome | Beat]:
        size = max(1, min(_BLOCKS_OF_LANES * self._settings.lanes, -(-len(tasks) // workers)))
        rows = [{"task": pickle.dumps(task)} for task in tasks]
        blocks = -(-len(rows) // size)
        data = self._ray.data.from_items(rows, override_num_blocks=blocks).map_batches(
            BlockScorer,
            fn_constructor_args=self._arguments,
            batch_size=size,
            batch_format="numpy",
            num_cpus=self._settings.threads,
            compute=self._ray.data.ActorPoolStrategy(size=workers),
        )
        for batch in data.iter_batches(batch_size=None, batch_format="numpy"):
            for packed in batch["outcome"]:
                outcome: Outcome = pickle.loads(packed)
                yield outcome
                yield Beat(max((row.seconds or 0.0 for row in outcome.rows), default=0.0))


def _readable_everywhere(task: Task) -> Task:
    """``task``; ValueError when its bytes are on this machine only."""
    if isinstance(task.source, SpooledFile):
        raise ValueError(
            "expected recordings that every node can read; compressed and remote shards are "
            f"unpacked on this machine only, got {task.name}"
        )
    return task


def _first(error: Exception) -> str:
    """The first line of an error; Ray's go on for pages."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]

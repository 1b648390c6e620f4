"""The inside of a worker process."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from typing import Any

from ringtrue.inference.bulk.scorer import LaneScorer
from ringtrue.inference.bulk.settings import Settings
from ringtrue.inference.bulk.task import Task
from ringtrue.inference.extras import MissingExtraError
from ringtrue.inference.session import Session

READY = ("ready",)
FAILED = "failed"
DONE = "done"
TASK_AT_HAND, STEPS = 0, 1
"""Places in the array that is shared with the parent: the index of the task that is being read,
and a number that changes as long as the worker lives."""
_BEAT_SECONDS = 0.5


def work(
    pipe: Connection, marks: Any, settings: Settings, period: int, debug: bool = False
) -> None:
    """Score tasks that come through ``pipe`` until it closes; ``debug`` shows its messages.

    Sent back are ``READY``, then (``DONE``, an ``Outcome`` or a ``Beat``), or (``FAILED``, an
    exception) when no recording can be scored.
    """
    # Ctrl-C reaches the whole group; the parent decides what happens.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if debug:
        logging.basicConfig(level=logging.DEBUG)
    else:
        _silence_libraries()
    threading.Thread(target=_leave_with_parent, daemon=True).start()

    def watch(index: int) -> None:
        marks[TASK_AT_HAND] = index
        marks[STEPS] += 1

    try:
        scorer = LaneScorer(Session(settings.model, settings.threads), settings, watch, period)
        pipe.send(READY)
        _serve(pipe, scorer)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the parent is gone
    except MissingExtraError as error:
        # Its constructor does not survive pickling.
        pipe.send((FAILED, ImportError(str(error))))
    except Exception as error:
        pipe.send((FAILED, error))


def _serve(pipe: Connection, scorer: LaneScorer) -> None:
    beat = time.monotonic()
    while True:
        while not scorer.busy or pipe.poll():
            message = pipe.recv()
            if isinstance(message, Task):
                scorer.add(message)
        for outcome in scorer.round():
            pipe.send((DONE, outcome))
        now = time.monotonic()
        if now - beat >= _BEAT_SECONDS or not scorer.busy:
            beat = now
            pipe.send((DONE, scorer.beat()))


def _silence_libraries() -> None:
    """C libraries write what they think of damaged files to standard error; rows say it better."""
    logging.basicConfig(level=logging.ERROR)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def _leave_with_parent() -> None:
    """A killed parent must not leave workers behind, whatever they are doing."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)

"""The batching engine: one thread runs the network for all live calls.

A call with 100 ms of audio is due. The thread waits a moment for others, takes one chunk of each
call that is due into one ``Session.run``, and judges each row as :class:`CallMonitor` does. A call
with more audio waiting queues up again behind the others, no faster than its pace, so one that
sends too much only holds up itself.

The network's figures differ by about 1e-6 with the place of a row in a batch, as matrix products
do.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ringtrue.inference.evidence.voice import Runner, VoiceEvidence, VoiceStream
from ringtrue.inference.service.call import LiveCall
from ringtrue.inference.service.ends import End
from ringtrue.inference.service.events import final_event, verdict_event

Samples = npt.NDArray[np.float32]
log = logging.getLogger(__name__)


@dataclass
class BatchReport:
    """What one turn of the engine did, for the event loop.

    Attributes:
        rows: chunks in the batch.
        seconds: time that the batch took.
        lags: s from when a chunk was complete to its verdict, of calls in real time.
        told: calls with an event: text, and whether it must arrive.
        room: calls whose buffer has room again.
        closed: calls that are over.
    """

    rows: int = 0
    seconds: float = 0.0
    lags: list[float] = field(default_factory=list)
    told: list[tuple[LiveCall, str, bool]] = field(default_factory=list)
    room: list[LiveCall] = field(default_factory=list)
    closed: list[LiveCall] = field(default_factory=list)


class BatchEngine:
    """Runs in a thread of its own between :meth:`start` and :meth:`stop`.

    Args:
        session: the model.
        report: called in the event loop after every turn.
        gather_seconds: how long to wait for more calls.
        max_batch: largest batch.
    """

    def __init__(
        self,
        session: Runner,
        report: Callable[[BatchReport], None],
        *,
        gather_seconds: float = 0.01,
        max_batch: int = 64,
    ) -> None:
        self._session = session
        self._report = report
        self._gather = gather_seconds
        self._max_batch = max_batch
        self._due: deque[LiveCall] = deque()
        self._paced: list[LiveCall] = []
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Start the thread; call it in the event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="ringtrue-engine", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop after the turn in hand."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def feed(self, call: LiveCall, data: bytes) -> None:
        """Audio of a call; call it in the event loop."""
        if call.feed(data):
            self._queue(call)

    def end(self, call: LiveCall, end: End, detail: str = "") -> None:
        """End a call when its audio is heard; the first reason counts."""
        if call.ending is not None or call.closed:
            return
        call.detail = detail
        call.ending = end
        self._queue(call)

    def _queue(self, call: LiveCall) -> None:
        self._due.append(call)
        self._wake.set()

    # The thread.

    def _run(self) -> None:
        while not self._stopping:
            if not self._due:
                self._wake.wait(self._until_paced())
            self._wake.clear()
            # Waiting costs each call little and makes batches large enough to pay.
            if self._gather and len(self._due) < self._max_batch and not self._stopping:
                time.sleep(self._gather)
            if calls := self._take():
                self._tell(self._safe_turn(calls))

    def _until_paced(self) -> float | None:
        now = time.monotonic()
        return min((call.pace.wait(now) for call in self._paced), default=None)

    def _take(self) -> list[LiveCall]:
        """The calls of the next batch, each once."""
        now = time.monotonic()
        if self._paced:
            waiting, self._paced = self._paced, []
            for call in waiting:
                self._again(call, now)
        taken: dict[int, LiveCall] = {}
        for _ in range(len(self._due)):
            if len(taken) >= self._max_batch:
                break
            call = self._due.popleft()
            if not call.closed:
                taken[id(call)] = call
        return list(taken.values())

    def _again(self, call: LiveCall, now: float) -> None:
        # An ending call may hurry: what is left is bounded by its buffer.
        if call.ending is None and call.pace.wait(now) > 0:
            self._paced.append(call)
        else:
            self._due.append(call)

    def _safe_turn(self, calls: Sequence[LiveCall]) -> BatchReport:
        """A turn; whatever goes wrong in it, the engine goes on."""
        try:
            return self._turn(calls)
        except Exception as error:
            log.exception("a turn of the engine failed")
            report = BatchReport()
            for call in calls:
                if not call.closed:
                    self._fail(call, End.FAILED, type(error).__name__, report)
            return report

    def _turn(self, calls: Sequence[LiveCall]) -> BatchReport:
        started = time.monotonic()
        report = BatchReport()
        heard: list[LiveCall] = []
        for call in calls:
            try:
                call.fill()
            except ValueError as error:
                self._fail(call, End.MALFORMED, str(error), report)
                continue
            if call.ready:
                heard.append(call)
        if heard:
            self._hear(heard, report)
        now = time.monotonic()
        for call in calls:
            if call.closed:
                continue
            if call.done:
                self._close(call, report)
                continue
            report.room.append(call)
            if call.more:
                call.due_since = now
                self._again(call, now)
            else:
                self._rest(call)
        report.seconds = now - started
        return report

    def _rest(self, call: LiveCall) -> None:
        """Wait for more audio, without missing what came in this very moment."""
        call.queued = False
        if call.more and not call.queued:
            call.queued = True
            self._due.append(call)

    def _hear(self, calls: list[LiveCall], report: BatchReport) -> None:
        chunks = [call.ready.popleft() for call in calls]
        nears = [call.near.chunk() if call.near is not None else None for call in calls]
        pcm = [*chunks, *(near for near in nears if near is not None)]
        voices: list[VoiceStream] = [call.monitor.voice for call in calls]
        voices += [call.near.voice for call in calls if call.near is not None]
        try:
            step = self._session.run(np.stack(pcm), np.concatenate([v.state for v in voices]))
        except Exception as error:
            log.exception("the model could not be run")
            for call in calls:
                self._fail(call, End.FAILED, f"the model could not be run: {error}", report)
            return
        report.rows = len(pcm)
        near_row = len(calls)
        done = time.monotonic()
        for row, (call, chunk, near) in enumerate(zip(calls, chunks, nears, strict=True)):
            call.pace.take(done)
            try:
                voice: VoiceEvidence = call.monitor.voice.hear(step, row)
                near_speech = None
                if call.near is not None:
                    near_speech = call.near.voice.hear(step, near_row).speech
                verdict = call.monitor.judge(chunk, voice, near, near_speech)
            # Whatever one call's evidence does, the other calls of the batch go on.
            except Exception as error:
                log.exception("call %s: evidence failed", call.name)
                self._fail(call, End.FAILED, f"{type(error).__name__}: {error}", report)
                continue
            finally:
                near_row += call.near is not None
            if not call.more:
                report.lags.append(done - call.due_since)
            changed, tell = call.judge(verdict)
            if tell:
                report.told.append((call, verdict_event(call.name, verdict, changed), changed))

    def _fail(self, call: LiveCall, end: End, detail: str, report: BatchReport) -> None:
        call.ending, call.detail = end, detail
        self._close(call, report)

    def _close(self, call: LiveCall, report: BatchReport) -> None:
        call.closed = True
        assert call.ending is not None
        text = final_event(
            call.name,
            call.verdict,
            end=call.ending,
            detail=call.detail,
            flagged_at=call.monitor.flagged_at,
            heard_speech_seconds=call.monitor.heard_speech_seconds,
        )
        report.told.append((call, text, True))
        report.closed.append(call)

    def _tell(self, report: BatchReport) -> None:
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(self._report, report)
        except RuntimeError:
            log.debug("the event loop is closed")
            self._stopping = True

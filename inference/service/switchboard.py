"""Takes calls, lets the engine hear them, tells clients what it says, and ends them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ringtrue.inference.decision import Verdict
from ringtrue.inference.evidence.voice import Runner
from ringtrue.inference.service.call import CallFormat, LiveCall
from ringtrue.inference.service.call_list import EndedCall, call_name
from ringtrue.inference.service.ends import DUPLICATE, FULL, End, MalformedError, RefusedError
from ringtrue.inference.service.engine import BatchEngine, BatchReport
from ringtrue.inference.service.events import event
from ringtrue.inference.service.metrics import Metrics
from ringtrue.inference.service.outbox import Outbox
from ringtrue.inference.service.settings import ServiceSettings

log = logging.getLogger(__name__)

REMEMBERED = 200
"""Ended calls that ``GET /v1/calls`` still lists."""


class Switchboard:
    """The live calls of the service; used within one event loop.

    Args:
        session: the model that all calls share.
        settings: limits and defaults.

    Raises:
        ValueError: the settings name an unknown operating point.
    """

    def __init__(self, session: Runner, settings: ServiceSettings) -> None:
        session.info.operating_point(settings.operating_point)
        self.session, self.settings = session, settings
        self.metrics = Metrics()
        self.calls: dict[str, LiveCall] = {}
        self.ended: deque[EndedCall] = deque(maxlen=REMEMBERED)
        self.draining = False
        self._slots = 0
        self._feeds: set[Outbox] = set()
        self._watch: asyncio.Task[None] | None = None
        self.engine = BatchEngine(
            session,
            self._report,
            gather_seconds=settings.gather_ms / 1000.0,
            max_batch=settings.max_batch,
        )

    def start(self) -> None:
        """Start the engine; call it in the event loop."""
        self.engine.start()
        self._watch = asyncio.create_task(self._look_after())

    async def stop(self) -> None:
        """End all calls, give their last events time to leave, and stop the engine."""
        self.draining = True
        for call in list(self.calls.values()):
            self.engine.end(call, End.SHUTDOWN, "the service stops")
        await self._until(lambda: not self.calls and not self._slots)
        for box in self._feeds:
            box.close()
        await self._until(lambda: not self._feeds)
        if self._watch is not None:
            self._watch.cancel()
        await asyncio.to_thread(self.engine.stop)

    async def _until(self, done: Callable[[], bool]) -> None:
        last = time.monotonic() + self.settings.grace_seconds
        while not done() and time.monotonic() < last:
            await asyncio.sleep(0.02)

    @property
    def ready(self) -> bool:
        """Whether new calls can be heard."""
        return self.engine.alive and not self.draining

    # Calls.

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Room for one call, from its connection on.

        Raises:
            RefusedError: the service is full or stops.
        """
        if self.draining:
            raise self._refuse(503, FULL, "shutdown", "the service stops")
        if self._slots >= self.settings.max_calls:
            text = f"all {self.settings.max_calls} lines are busy; try again later"
            raise self._refuse(503, FULL, "full", text)
        self._slots += 1
        try:
            yield
        finally:
            self._slots -= 1

    def _refuse(self, status: int, code: int, kind: str, text: str) -> RefusedError:
        self.metrics.refused.labels(kind).inc()
        return RefusedError(status, code, kind, text)

    def open(
        self,
        kind: str,
        form: CallFormat,
        *,
        name: object = None,
        operating_point: str | None = None,
        interval_ms: int | None = None,
    ) -> LiveCall:
        """Begin a call within a :meth:`slot`.

        Raises:
            MalformedError: a bad id or an unknown operating point.
            RefusedError: a live call has this id.
        """
        chosen = call_name(name)
        if chosen in self.calls:
            text = f"there is a live call {chosen} already"
            raise self._refuse(409, DUPLICATE, "duplicate", text)
        try:
            call = LiveCall(
                chosen,
                kind,
                form,
                self.session,
                self.settings,
                operating_point=operating_point,
                interval_ms=interval_ms,
            )
        except ValueError as error:
            raise MalformedError(str(error)) from error
        self.calls[chosen] = call
        self.metrics.live.labels(kind).inc()
        log.info("call %s: started (%s)", chosen, kind)
        self._tell_feeds(event("started", chosen, framing=kind), True)
        return call

    async def hear(self, call: LiveCall, data: bytes) -> None:
        """Audio of a call; waits while too much of it is waiting."""
        self.engine.feed(call, data)
        while call.full and not call.closed:
            await call_room(call)

    # What the engine says.

    def _report(self, report: BatchReport) -> None:
        self.metrics.turn(report)
        for call, text, must_arrive in report.told:
            if must_arrive and not call.closed:
                log.info("call %s: %s since %.1f s", call.name, *_state(call.verdict))
            call.on_event(text, must_arrive)
            self._tell_feeds(text, must_arrive)
        for call in report.room:
            call.on_room()
        for call in report.closed:
            self._closed(call)

    def _closed(self, call: LiveCall) -> None:
        assert call.ending is not None
        del self.calls[call.name]
        flagged = call.monitor.flagged_at
        self.ended.append(EndedCall.of(call, time.time()))
        self.metrics.live.labels(call.kind).dec()
        self.metrics.calls.labels(call.kind, call.verdict.verdict, call.ending).inc()
        if flagged is not None:
            self.metrics.flagged.inc()
        if call.ending in (End.MALFORMED, End.FAILED, End.SLOW):
            self.metrics.errors.labels(call.ending).inc()
        log.info(
            "call %s: ended (%s)%s; %s since %.1f s, first flagged: %s",
            call.name,
            call.ending,
            call.detail and f" {call.detail}",
            *_state(call.verdict),
            "never" if flagged is None else f"{flagged:.1f} s",
        )
        call.on_room()
        call.on_closed()

    async def _look_after(self) -> None:
        settings = self.settings
        while True:
            await asyncio.sleep(min(1.0, settings.idle_seconds / 4, settings.max_call_seconds / 4))
            now = time.monotonic()
            for call in list(self.calls.values()):
                # A call whose socket is not read because of its pace is not idle.
                if now - call.heard > settings.idle_seconds and not call.full:
                    text = f"no audio for {settings.idle_seconds:g} s"
                    self.engine.end(call, End.IDLE, text)
                elif now - call.started > settings.max_call_seconds:
                    text = f"longer than {settings.max_call_seconds:g} s"
                    self.engine.end(call, End.TOO_LONG, text)

    # Feeds of all events.

    @contextmanager
    def feed(self) -> Iterator[Outbox]:
        """The events of all calls from now on.

        Raises:
            RefusedError: too many follow already, or the service stops.
        """
        if self.draining:
            raise self._refuse(503, FULL, "shutdown", "the service stops")
        if len(self._feeds) >= self.settings.max_feeds:
            text = f"{self.settings.max_feeds} clients follow the events already"
            raise self._refuse(503, FULL, "feeds", text)
        # A feed carries all calls: room for what a full house says at once.
        box = Outbox(self.settings.waiting_events + 4 * self.settings.max_calls)
        self._feeds.add(box)
        self.metrics.feeds.set(len(self._feeds))
        try:
            yield box
        finally:
            self._feeds.discard(box)
            self.metrics.feeds.set(len(self._feeds))
            self.metrics.dropped.inc(box.dropped)

    def _tell_feeds(self, text: str, must_arrive: bool) -> None:
        for box in self._feeds:
            box.put(text, must_arrive=must_arrive)


def _state(verdict: Verdict) -> tuple[str, float]:
    return verdict.verdict, verdict.since


async def call_room(call: LiveCall) -> None:
    """Wait until the engine has taken some of a call's audio, or the call is over."""
    room = asyncio.Event()
    call.on_room = room.set
    try:
        await room.wait()
    finally:
        call.on_room = lambda: None

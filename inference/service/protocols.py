"""uvicorn's connections with bounds that it lacks.

* A connection must send its request's head in time.
* WebSocket frames are read in small slices and only while few messages wait, so that a client
  with thousands of tiny frames neither holds up the event loop nor fills the memory.
* Clients that ping without end are closed.
* Endpoints can cut a connection whose client takes nothing: ``scope["state"]["abort"]``.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from ringtrue.inference.service.pace import Pace

log = logging.getLogger(__name__)

HEAD_SECONDS = 10.0
"""Time for the head of a request."""
SLICE = 2048
"""Bytes of WebSocket frames that are read in one turn of the event loop."""
WAITING = 16
"""WebSocket messages of one connection that may wait for the application."""
WAITING_BYTES = 262_144
PIECES = 1000
"""Fragments of one message."""
WRITE_BUFFER = 16_384
PINGS_PER_SECOND = 5.0
BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\n"
    b"connection: close\r\nretry-after: 5\r\n\r\n"
    b'{"type":"urn:ringtrue:problem:connections","title":"Service Unavailable","status":503,'
    b'"detail":"too many connections"}'
)


class BoundedHttp(H11Protocol):
    """HTTP. :attr:`most` connections are open at once, WebSockets included."""

    most = 1000
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client connects."""
        self.app_state = {**self.app_state, "abort": transport.abort}
        transport.set_write_buffer_limits(WRITE_BUFFER)
        super().connection_made(transport)
        if len(self.connections) > self.most:
            transport.write(BUSY)
            transport.close()
            return
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Bytes of a client."""
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            self._watch()
        else:
            self._unwatch()

    def handle_websocket_upgrade(self, event: Any) -> None:
        """The connection becomes a WebSocket."""
        self._unwatch()
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._unwatch()
        super().connection_lost(exc)

    def _watch(self) -> None:
        if self._deadline is None and self in self.connections:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _unwatch(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """WebSocket with flow control of its own in place of a pause per message."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._held = bytearray()
        self._reading = True
        self._scheduled = False
        self._waiting_bytes = 0
        self._pings = Pace(PINGS_PER_SECOND, 20.0)
        # uvicorn stops reading after every message unless it believes that it did already.
        self.read_paused = True

    @property
    def _room(self) -> bool:
        # Behind our close frame messages are thrown away, so that the client's is found.
        return self.close_sent or (
            self.queue.qsize() < WAITING and self._waiting_bytes < WAITING_BYTES
        )

    def data_received(self, data: bytes) -> None:
        """Bytes of a client."""
        self._reading = True
        if not self._held and len(data) <= SLICE and self._room:
            super().data_received(data)
            return
        self._held += data
        self._reading = False
        self.transport.pause_reading()
        self._go_on()

    def _go_on(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self.loop.call_soon(self._read_slice)

    def _read_slice(self) -> None:
        self._scheduled = False
        if self.disconnected or self.transport.is_closing():
            self._held.clear()
            return
        if self._held and self._room:
            data = bytes(self._held[:SLICE])
            del self._held[:SLICE]
            super().data_received(data)
        if self._held:
            if self._room:
                self._go_on()
        elif not self._reading and not self.transport.is_closing():
            self._reading = True
            self.transport.resume_reading()

    async def receive(self) -> Any:
        """The application takes a message."""
        message = await self.queue.get()
        if self.queue.empty():
            self._waiting_bytes = 0
        if not self._reading and self._room:
            self._go_on()
        return message

    def send_receive_event_to_app(self) -> None:
        """A message is complete."""
        self._waiting_bytes += sum(len(frame) for frame in self.frames)
        super().send_receive_event_to_app()

    def handle_cont(self, event: Frame) -> None:
        """A message goes on; empty pieces without end would escape its size limit."""
        if len(self.frames) >= PIECES:
            self._fail("too many fragments")
            return
        super().handle_cont(event)

    def handle_ping(self) -> None:
        """Answer, but not without end."""
        if self._pings.take(time.monotonic()) > 0:
            self._fail("too many pings")
            return
        super().handle_ping()

    def _fail(self, reason: str) -> None:
        if self.close_sent:
            return
        self.conn.fail(1008, reason)
        self.handle_parser_exception()

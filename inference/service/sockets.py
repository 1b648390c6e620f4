"""What the WebSocket endpoints share: reading at a bounded rate, sending with a time limit."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from ringtrue.inference.service.call import LiveCall
from ringtrue.inference.service.ends import CLOSE_CODES, End, MalformedError, RefusedError
from ringtrue.inference.service.outbox import Outbox, OverflowedError
from ringtrue.inference.service.pace import Pace
from ringtrue.inference.service.problems import problem
from ringtrue.inference.service.switchboard import Switchboard

log = logging.getLogger(__name__)

LONGEST_REASON = 120
"""A close frame holds 123 bytes of reason."""


class HungUpError(Exception):
    """The client closed the connection."""


class Socket:
    """One WebSocket of the service.

    Args:
        websocket: not yet accepted.
        board: the switchboard, for its limits.
    """

    def __init__(self, websocket: WebSocket, board: Switchboard) -> None:
        self.websocket, self.board = websocket, board
        self._pace = Pace(board.settings.messages_per_second, 2.0)

    async def refuse(self, refused: RefusedError) -> None:
        """Answer the handshake with an HTTP error, or close what is open already."""
        if self.websocket.client_state is WebSocketState.CONNECTING:
            await self.websocket.receive()
        if self.websocket.application_state is WebSocketState.CONNECTING:
            await self.websocket.send_denial_response(
                problem(refused.status, refused.kind, str(refused))
            )
            return
        await self.close(refused.code, str(refused))

    async def receive(self) -> str | bytes:
        """The next message.

        Raises:
            HungUpError: there is none.
        """
        wait = self._pace.take(time.monotonic())
        if wait:
            # Meanwhile the socket is not read, so the client has to wait too.
            await asyncio.sleep(wait)
        message = await self.websocket.receive()
        if message["type"] != "websocket.receive":
            raise HungUpError
        data: bytes | None = message.get("bytes")
        if data is not None:
            return data
        text: str = message["text"]
        return text

    async def first(self) -> str | bytes:
        """The first message, within the time for it.

        Raises:
            HungUpError: there is none.
            TimeoutError: it did not come in time.
        """
        async with asyncio.timeout(self.board.settings.start_seconds):
            return await self.receive()

    async def send(self, text: str) -> None:
        """Send within the time for it.

        Raises:
            HungUpError: the connection is gone.
            TimeoutError: the client takes nothing.
        """
        try:
            async with asyncio.timeout(self.board.settings.send_seconds):
                await self.websocket.send_text(text)
        except TimeoutError:
            raise
        except (WebSocketDisconnect, RuntimeError, OSError) as error:
            raise HungUpError from error

    async def close(self, code: int, reason: str) -> None:
        """Close politely, if the client is still there."""
        short = reason.encode()[:LONGEST_REASON].decode(errors="ignore")
        with contextlib.suppress(TimeoutError, WebSocketDisconnect, RuntimeError, OSError):
            async with asyncio.timeout(self.board.settings.send_seconds):
                await self.websocket.close(code, short)

    def abort(self) -> None:
        """Cut the connection to a client that takes nothing, not even a close."""
        abort = getattr(self.websocket.state, "abort", None)
        if abort is not None:
            abort()

    async def post(self, box: Outbox) -> None:
        """Send what is put into ``box`` until it is closed.

        Raises:
            HungUpError: the connection is gone.
            TimeoutError: the client takes nothing.
            OverflowedError: it takes too little.
        """
        while (text := await box.next()) is not None:
            await self.send(text)


async def carry(
    socket: Socket,
    call: LiveCall,
    read: Callable[[], Awaitable[End]],
    *,
    tell: bool,
    hello: str | None = None,
) -> None:
    """Run a call on its socket until it is over, whatever ends it.

    Args:
        socket: an accepted connection.
        call: a call that was just opened.
        read: hears the client until it ends the call and says how; MalformedError and
            HungUpError count as ends too.
        tell: whether events are sent back.
        hello: sent before them.
    """
    board = socket.board
    box = Outbox(board.settings.waiting_events)
    over = asyncio.Event()
    if hello is not None:
        box.put(hello, must_arrive=True)

    def closed() -> None:
        box.close()
        over.set()

    call.on_closed = closed
    if tell:
        call.on_event = lambda text, must_arrive: box.put(text, must_arrive=must_arrive)
    reader = asyncio.create_task(_read(board, call, read))
    sender = asyncio.create_task(_send(socket, board, call, box))
    try:
        await over.wait()
        reader.cancel()
        dropped = await sender
    finally:
        # Also when this task is cancelled: the call must not stay behind.
        board.engine.end(call, End.HUNG_UP)
        reader.cancel()
        sender.cancel()
        board.metrics.dropped.inc(box.dropped)
    assert call.ending is not None
    if dropped:
        socket.abort()
        return
    await socket.close(CLOSE_CODES[call.ending], call.detail or call.ending)


async def _read(board: Switchboard, call: LiveCall, read: Callable[[], Awaitable[End]]) -> None:
    try:
        board.engine.end(call, await read())
    except HungUpError:
        board.engine.end(call, End.HUNG_UP)
    except MalformedError as error:
        board.engine.end(call, End.MALFORMED, str(error))
    except asyncio.CancelledError:
        raise
    except Exception as error:
        log.exception("call %s: reading failed", call.name)
        board.engine.end(call, End.FAILED, type(error).__name__)


async def _send(socket: Socket, board: Switchboard, call: LiveCall, box: Outbox) -> bool:
    """Send the call's events; whether the client had to be given up."""
    try:
        await socket.post(box)
    except HungUpError:
        board.engine.end(call, End.HUNG_UP)
    except (TimeoutError, OverflowedError):
        board.engine.end(call, End.SLOW, "the client does not take its events")
        return True
    return False

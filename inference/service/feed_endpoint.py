"""``/v1/events``: the events of all calls, as server-sent events or over WebSocket.

Server-sent events: HTML standard, section 9.2.
"""

from __future__ import annotations

import asyncio
import contextlib

from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from ringtrue.inference.service.ends import CLOSE_CODES, End, RefusedError
from ringtrue.inference.service.outbox import Outbox, OverflowedError
from ringtrue.inference.service.problems import problem
from ringtrue.inference.service.sockets import HungUpError, Socket
from ringtrue.inference.service.switchboard import Switchboard

KEEP_ALIVE = 15.0
"""s between comments that keep proxies from closing a quiet feed."""


class EventsEndpoint:
    """ASGI endpoint of ``GET /v1/events``."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the client goes or the service stops."""
        board: Switchboard = scope["app"].state.board
        try:
            with board.feed() as box:
                await _stream(scope, receive, send, box, board)
        except RefusedError as refused:
            response = problem(refused.status, refused.kind, str(refused))
            await response(scope, receive, send)


async def _stream(
    scope: Scope, receive: Receive, send: Send, box: Outbox, board: Switchboard
) -> None:
    headers = [
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"x-accel-buffering", b"no"),
    ]

    async def write() -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        # At once, so that clients see the stream open.
        text: str | None = ": ringtrue\n\n"
        while text is not None:
            body = {"type": "http.response.body", "body": text.encode(), "more_body": True}
            async with asyncio.timeout(board.settings.send_seconds):
                await send(body)
            try:
                async with asyncio.timeout(KEEP_ALIVE):
                    event = await box.next()
            except TimeoutError:
                text = ":\n\n"
                continue
            text = None if event is None else f"data: {event}\n\n"
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    writer, watcher = asyncio.create_task(write()), asyncio.create_task(gone())
    try:
        await asyncio.wait({writer, watcher}, return_when=asyncio.FIRST_COMPLETED)
        if writer.done() and isinstance(writer.exception(), TimeoutError | OverflowedError):
            board.metrics.errors.labels(End.SLOW).inc()
            abort = scope.get("state", {}).get("abort")
            if abort is not None:
                abort()
    finally:
        for task in (writer, watcher):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task


async def events_socket(websocket: WebSocket) -> None:
    """The same feed over WebSocket; what the client says is ignored."""
    board: Switchboard = websocket.app.state.board
    socket = Socket(websocket, board)
    try:
        with board.feed() as box:
            await websocket.accept()
            await _follow(socket, box)
    except RefusedError as refused:
        await socket.refuse(refused)


async def _follow(socket: Socket, box: Outbox) -> None:
    board = socket.board

    async def gone() -> None:
        with contextlib.suppress(HungUpError):
            while True:
                await socket.receive()

    writer, watcher = asyncio.create_task(socket.post(box)), asyncio.create_task(gone())
    try:
        await asyncio.wait({writer, watcher}, return_when=asyncio.FIRST_COMPLETED)
        if not writer.done():
            return
        error = writer.exception()
        if isinstance(error, TimeoutError | OverflowedError):
            board.metrics.errors.labels(End.SLOW).inc()
            socket.abort()
        elif error is None:
            await socket.close(CLOSE_CODES[End.SHUTDOWN], "the service stops")
    finally:
        for task in (writer, watcher):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task

"""``/v1/calls`` and ``/v1/twilio``: live calls over WebSocket."""

from __future__ import annotations

import asyncio

from starlette.websockets import WebSocket

from ringtrue.inference.service.ends import (
    CLOSE_CODES,
    UNAUTHORISED,
    End,
    MalformedError,
    RefusedError,
)
from ringtrue.inference.service.events import event
from ringtrue.inference.service.gate import same_token
from ringtrue.inference.service.sockets import HungUpError, Socket, carry
from ringtrue.inference.service.start import is_stop, parse_start
from ringtrue.inference.service.switchboard import Switchboard
from ringtrue.inference.service.twilio import TwilioMedia, TwilioParser, TwilioStart


async def calls_socket(websocket: WebSocket) -> None:
    """Raw audio after a start message."""
    board: Switchboard = websocket.app.state.board
    socket = Socket(websocket, board)
    try:
        with board.slot():
            await websocket.accept()
            await _raw_call(socket)
    except RefusedError as refused:
        await socket.refuse(refused)
    except HungUpError:
        return
    except TimeoutError:
        await _end(socket, End.IDLE, "expected a start message in time")
    except MalformedError as error:
        await _end(socket, End.MALFORMED, str(error))


async def _end(socket: Socket, end: End, text: str) -> None:
    """Close a connection that never became a call."""
    socket.board.metrics.errors.labels(end).inc()
    await socket.close(CLOSE_CODES[end], text)


async def _raw_call(socket: Socket) -> None:
    board = socket.board
    first = await socket.first()
    if isinstance(first, bytes):
        raise MalformedError("expected a start message in JSON first, got binary data")
    start = parse_start(first)
    call = board.open(
        "websocket",
        start.form,
        name=start.name,
        operating_point=start.operating_point,
        interval_ms=start.interval_ms,
    )

    async def read() -> End:
        while True:
            message = await socket.receive()
            if isinstance(message, bytes):
                await board.hear(call, message)
            elif is_stop(message):
                return End.STOPPED

    info = board.session.info
    hello = event(
        "started",
        call.name,
        operating_point=call.operating_point,
        model=info.model_name,
        model_version=info.model_version,
    )
    await carry(socket, call, read, tell=True, hello=hello)


async def twilio_socket(websocket: WebSocket) -> None:
    """Twilio Media Streams."""
    board: Switchboard = websocket.app.state.board
    socket = Socket(websocket, board)
    try:
        with board.slot():
            await websocket.accept()
            await _twilio_call(socket, websocket.app.state.token)
    except RefusedError as refused:
        await socket.refuse(refused)
    except HungUpError:
        return
    except TimeoutError:
        await _end(socket, End.IDLE, "expected a start message in time")
    except MalformedError as error:
        await _end(socket, End.MALFORMED, str(error))


async def _twilio_call(socket: Socket, token: str | None) -> None:
    board = socket.board
    parser = TwilioParser(board.settings.twilio_far)

    async def message() -> TwilioStart | TwilioMedia | str | None:
        received = await socket.receive()
        if isinstance(received, bytes):
            raise MalformedError("expected messages in JSON, got binary data")
        return parser.parse(received)

    start = await _twilio_start(socket, parser)
    if start is None:
        await socket.close(1000, "the stream stopped before it started")
        return
    # A token in the path, the query or a header was checked before; see Gate.
    if token is not None and not _proven(socket) and not same_token(start.token, token):
        board.metrics.refused.labels("token").inc()
        raise RefusedError(401, UNAUTHORISED, "token", "expected a valid token as custom parameter")
    call = board.open(
        "twilio",
        start.form,
        name=start.name,
        operating_point=start.operating_point,
        interval_ms=start.interval_ms,
    )

    async def read() -> End:
        while True:
            said = await message()
            if isinstance(said, TwilioMedia):
                if said.track == start.far:
                    await board.hear(call, said.data)
                else:
                    call.feed_near(said.data)
            elif said == "stop":
                return End.STOPPED

    await carry(socket, call, read, tell=start.events)


def _proven(socket: Socket) -> bool:
    return bool(getattr(socket.websocket.state, "proven", False))


async def _twilio_start(socket: Socket, parser: TwilioParser) -> TwilioStart | None:
    """Messages until the start; None when the stream stops first."""
    async with asyncio.timeout(socket.board.settings.start_seconds):
        while True:
            received = await socket.receive()
            if isinstance(received, bytes):
                raise MalformedError("expected messages in JSON, got binary data")
            said = parser.parse(received)
            if isinstance(said, TwilioStart):
                return said
            if said == "stop":
                return None

"""The TCP port for Asterisk's AudioSocket.

Nothing but a hangup is ever sent: Asterisk would play audio to the caller and knows no other
messages. Verdicts are seen in the log, ``GET /v1/calls`` and ``/v1/events``.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time

from ringtrue.inference.raw_pcm import RawFormat
from ringtrue.inference.service.audiosocket import (
    HANGUP_MESSAGE,
    Audio,
    AudioSocketParser,
    Hangup,
    Message,
)
from ringtrue.inference.service.call import CallFormat, LiveCall
from ringtrue.inference.service.ends import End, MalformedError, RefusedError
from ringtrue.inference.service.pace import Pace
from ringtrue.inference.service.switchboard import Switchboard

log = logging.getLogger(__name__)

READ = 4096
"""Bytes in one turn of the event loop."""


class AudioSocketServer:
    """Listens for Asterisk.

    Args:
        board: a started switchboard.
    """

    def __init__(self, board: Switchboard) -> None:
        self._board = board
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, sock: socket.socket) -> None:
        """Listen on a bound socket."""
        self._server = await asyncio.start_server(self._connected, sock=sock, limit=READ)

    async def stop(self) -> None:
        """Stop listening and cut what is still open; end the calls before."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        board = self._board
        try:
            with board.slot():
                await self._serve(reader)
        except RefusedError as refused:
            log.warning("AudioSocket: refused: %s", refused)
        except MalformedError as error:
            board.metrics.errors.labels(End.MALFORMED).inc()
            log.warning("AudioSocket: %s", error)
        except TimeoutError:
            board.metrics.errors.labels(End.IDLE).inc()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            with contextlib.suppress(OSError, RuntimeError):
                writer.write(HANGUP_MESSAGE)
                writer.close()
            self._tasks.discard(task)

    async def _serve(self, reader: asyncio.StreamReader) -> None:
        parser = AudioSocketParser()
        board = self._board
        async with asyncio.timeout(board.settings.start_seconds):
            name, messages = await _first(reader, parser)
        if not messages:
            return
        first = messages[0]
        assert isinstance(first, Audio)
        form = CallFormat(RawFormat(first.rate, "s16le"))
        call = board.open("audiosocket", form, name=name)
        over = asyncio.Event()
        call.on_closed = over.set
        reading = asyncio.create_task(self._read(reader, parser, call, messages))
        try:
            await over.wait()
        finally:
            board.engine.end(call, End.HUNG_UP)
            reading.cancel()

    async def _read(
        self,
        reader: asyncio.StreamReader,
        parser: AudioSocketParser,
        call: LiveCall,
        messages: list[Message],
    ) -> None:
        board = self._board
        pace = Pace(board.settings.messages_per_second, 2.0)
        try:
            while True:
                for message in messages:
                    if isinstance(message, Audio):
                        await board.hear(call, message.data)
                    elif isinstance(message, Hangup):
                        end = End.HUNG_UP if message.error is None else End.FAILED
                        detail = "" if message.error is None else f"Asterisk: {message.error}"
                        board.engine.end(call, end, detail)
                        return
                # A turn of the loop per read at least, however much waits.
                wait = pace.take(time.monotonic(), max(1, len(messages)))
                await asyncio.sleep(wait)
                data = await reader.read(READ)
                if not data:
                    board.engine.end(call, End.HUNG_UP)
                    return
                messages = parser.feed(data)
        except OSError:
            board.engine.end(call, End.HUNG_UP)
        except MalformedError as error:
            board.engine.end(call, End.MALFORMED, str(error))


async def _first(
    reader: asyncio.StreamReader, parser: AudioSocketParser
) -> tuple[str | None, list[Message]]:
    """The call's UUID, and the messages from the first audio on; none when there is no call."""
    name = None
    while data := await reader.read(READ):
        messages = parser.feed(data)
        for index, message in enumerate(messages):
            if isinstance(message, Audio):
                return name, messages[index:]
            if isinstance(message, Hangup):
                return name, []
            name = message.name
    return name, []

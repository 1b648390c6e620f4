"""Events on their way to one client: bounded, and the newest verdict is never lost."""

from __future__ import annotations

import asyncio
from collections import deque


class OverflowedError(Exception):
    """A client is so slow that events which must arrive do not fit any more."""


class Outbox:
    """Waiting texts of one client; used within one event loop.

    While more than ``limit`` wait, the oldest periodic one makes room, so that a slow client gets
    the changes of the verdict and the latest state. When only events that must arrive are left,
    the client is given up: :meth:`next` raises :class:`OverflowedError`.
    """

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise ValueError(f"expected room for at least one event, got {limit}")
        self._limit = limit
        self._waiting: deque[tuple[str, bool]] = deque()
        self._ready = asyncio.Event()
        self._closed = False
        self._overflown = False
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, text: str, *, must_arrive: bool = False) -> None:
        """Add an event; nothing happens after :meth:`close`."""
        if self._closed or self._overflown:
            return
        self._waiting.append((text, must_arrive))
        if len(self._waiting) > self._limit:
            self._make_room()
        self._ready.set()

    def _make_room(self) -> None:
        self.dropped += 1
        for index, (_, must_arrive) in enumerate(self._waiting):
            if not must_arrive:
                del self._waiting[index]
                return
        self._overflown = True
        self._waiting.clear()

    def close(self) -> None:
        """Nothing more will come; what waits can still be taken."""
        self._closed = True
        self._ready.set()

    async def next(self) -> str | None:
        """The next event, waiting for it; None when closed and empty.

        Raises:
            OverflowedError: the client was too slow.
        """
        while not self._waiting:
            if self._overflown:
                raise OverflowedError
            if self._closed:
                return None
            self._ready.clear()
            await self._ready.wait()
        return self._waiting.popleft()[0]

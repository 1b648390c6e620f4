"""Clients that a service must bear, for ``serve.py``; loopback only, for a limited time.

python benchmarks/hostile_clients.py PORT AUDIOSOCKET_PORT COUNT SECONDS
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import sys
import time

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

HOST = "127.0.0.1"
START = {"type": "start", "encoding": "mulaw", "sample_rate": 8000, "interval_ms": 100}


class Hostile:
    """One service to trouble until a time."""

    def __init__(self, port: int, tcp: int, end: float) -> None:
        self.port, self.tcp, self.end = port, tcp, end
        self.url = f"ws://{HOST}:{port}/v1/calls"

    @property
    def going(self) -> bool:
        return time.monotonic() < self.end

    async def silent(self) -> None:
        """Starts a call and says nothing."""
        async with connect(self.url, compression=None) as ws:
            await ws.send(json.dumps(START))
            while self.going:
                await asyncio.sleep(0.5)

    async def flood(self) -> None:
        """Sends audio as fast as it is taken."""
        noise = os.urandom(16_000)
        async with connect(self.url, compression=None) as ws:
            await ws.send(json.dumps(START))
            while self.going:
                await ws.send(noise)

    async def crumbs(self) -> None:
        """Sends one byte per message, up to 2,000 a second."""
        async with connect(self.url, compression=None) as ws:
            await ws.send(json.dumps(START))
            while self.going:
                await ws.send(b"\x7f")
                await asyncio.sleep(0.0005)

    async def deaf(self) -> None:
        """Sends a call and never reads."""
        reader, writer = await asyncio.open_connection(HOST, self.port, limit=1024)
        writer.write(
            b"GET /v1/calls HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        await reader.readline()
        writer.write(frame(1, json.dumps(START).encode()))
        while self.going:
            writer.write(frame(2, os.urandom(160)))
            await asyncio.sleep(0.02)

    async def pings(self) -> None:
        """Pings without end, comes back when thrown out."""
        async with connect(self.url, compression=None) as ws:
            while self.going:
                await ws.ping()
                await asyncio.sleep(0.001)

    async def garbage(self) -> None:
        """Sends random messages."""
        async with connect(self.url, compression=None) as ws:
            await ws.send(random.choice([os.urandom(40), "{" * 40, json.dumps(START)]))
            while self.going:
                await ws.send(random.choice([os.urandom(99), '{"type": 1}', "[" * 500]))
                await asyncio.sleep(0.01)

    async def half(self) -> None:
        """Never finishes the head of its request."""
        _, writer = await asyncio.open_connection(HOST, self.port)
        while self.going:
            writer.write(b"X: y\r\n" if random.random() < 0.5 else b"GET / HTTP/1.1\r\n")
            await writer.drain()
            await asyncio.sleep(0.5)

    async def big(self) -> None:
        """Sends messages above the limit."""
        async with connect(self.url, compression=None) as ws:
            await ws.send(json.dumps(START))
            while self.going:
                await ws.send(bytes(2_000_000))

    async def asterisk(self) -> None:
        """Sends noise to the AudioSocket port."""
        _, writer = await asyncio.open_connection(HOST, self.tcp)
        while self.going:
            writer.write(os.urandom(5000))
            await writer.drain()
            await asyncio.sleep(0.01)

    async def upload(self) -> None:
        """Uploads noise, slowly."""
        _, writer = await asyncio.open_connection(HOST, self.port)
        writer.write(
            b"POST /v1/score HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000000\r\n\r\n"
        )
        while self.going:
            writer.write(os.urandom(1000))
            await writer.drain()
            await asyncio.sleep(0.1)


KINDS = (
    "flood",
    "crumbs",
    "deaf",
    "silent",
    "garbage",
    "pings",
    "half",
    "big",
    "asterisk",
    "upload",
)


def frame(opcode: int, data: bytes) -> bytes:
    """A WebSocket frame of a client, masked with zeros."""
    size = bytes((0x80 | len(data),)) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2, "big")
    return bytes((0x80 | opcode,)) + size + bytes(4) + data


async def again_and_again(hostile: Hostile, kind: str) -> None:
    """Connects again when thrown out, ten times a second at most."""
    while hostile.going:
        with contextlib.suppress(OSError, WebSocketException, asyncio.IncompleteReadError):
            await getattr(hostile, kind)()
        await asyncio.sleep(0.1)


async def main() -> None:
    """Trouble a service with COUNT clients for SECONDS."""
    port, tcp, count = (int(text) for text in sys.argv[1:4])
    hostile = Hostile(port, tcp, time.monotonic() + float(sys.argv[4]))
    tasks = [again_and_again(hostile, KINDS[i % len(KINDS)]) for i in range(count)]
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(float(sys.argv[4]) + 5):
            await asyncio.gather(*tasks)


if __name__ == "__main__":
    asyncio.run(main())

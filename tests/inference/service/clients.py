"""Real clients for the tests: WebSocket, AudioSocket, HTTP."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.resources import as_file, files
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from ringtrue.inference.monitor import CallMonitor
from ringtrue.inference.raw_pcm import RawFormat, decode_raw
from ringtrue.inference.service import audiosocket
from ringtrue.inference.service.events import verdict_values
from ringtrue.inference.service.server import Service

Event = dict[str, Any]
UUID = bytes(range(16))
UUID_TEXT = "00010203-0405-0607-0809-0a0b0c0d0e0f"


@dataclass
class Running:
    """A service in a thread."""

    service: Service
    thread: threading.Thread

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.service.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.service.port}"

    @property
    def audiosocket(self) -> int:
        assert self.service.audiosocket_port is not None
        return self.service.audiosocket_port

    def metric(self, name: str, **labels: str) -> float:
        value = self.service.board.metrics.registry.get_sample_value(name, labels)
        return 0.0 if value is None else value

    def stop(self) -> None:
        self.service.stop()
        self.thread.join(20)
        assert not self.thread.is_alive()


@dataclass
class Told:
    """What a WebSocket client was told."""

    events: list[Event] = field(default_factory=list)
    code: int | None = None
    reason: str = ""

    def of(self, kind: str) -> list[Event]:
        return [event for event in self.events if event["type"] == kind]

    @property
    def final(self) -> Event:
        (last,) = self.of("final")
        return last


def start_message(**values: object) -> str:
    message = {"type": "start", "encoding": "pcm_s16le", "sample_rate": 8000, **values}
    return json.dumps(message)


async def hear(ws: ClientConnection, told: Told) -> None:
    """Take events until the connection is closed."""
    try:
        async for text in ws:
            told.events.append(json.loads(text))
    except ConnectionClosed:
        pass
    told.code, told.reason = ws.close_code, ws.close_reason or ""


async def talk(url: str, messages: Iterable[str | bytes]) -> Told:
    """Send messages and take what comes until the service closes the connection."""
    told = Told()
    async with connect(url, open_timeout=10, close_timeout=5, compression=None) as ws:
        hearing = asyncio.create_task(hear(ws, told))
        try:
            for message in messages:
                await ws.send(message)
        except ConnectionClosed:
            pass
        await asyncio.wait_for(hearing, 30)
    return told


def call(running: Running, data: bytes, cut: int = 1600, **start: object) -> Told:
    """A whole call on ``/v1/calls``."""
    pieces = [data[i : i + cut] for i in range(0, len(data), cut)]
    messages = [start_message(interval_ms=100, **start), *pieces, '{"type": "stop"}']
    return asyncio.run(talk(f"{running.ws}/v1/calls", messages))


def twilio_messages(
    inbound: bytes, outbound: bytes | None = None, cut: int = 160, **custom: str
) -> list[str]:
    """A stream as Twilio sends it."""
    tracks = ["inbound"] if outbound is None else ["inbound", "outbound"]
    begin = {
        "streamSid": "MZ1",
        "callSid": "CA1",
        "tracks": tracks,
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"events": "true", "interval_ms": "100", **custom},
    }
    messages: list[dict[str, Any]] = [
        {"event": "connected", "protocol": "Call", "version": "1.0.0"},
        {"event": "start", "sequenceNumber": "1", "start": begin, "streamSid": "MZ1"},
    ]
    for start in range(0, len(inbound), cut):
        for track, data in (("inbound", inbound), ("outbound", outbound)):
            if data is not None and data[start : start + cut]:
                payload = base64.b64encode(data[start : start + cut]).decode()
                messages.append({"event": "media", "media": {"track": track, "payload": payload}})
    messages.append({"event": "mark", "mark": {"name": "here"}})
    messages.append({"event": "stop", "stop": {"callSid": "CA1"}})
    return [json.dumps(message) for message in messages]


def audiosocket_bytes(data: bytes, kind: int = 0x10, cut: int = 320, uuid: bytes = UUID) -> bytes:
    """A call as Asterisk sends it."""
    parts = [audiosocket.encode(audiosocket.UUID, uuid)]
    parts += [audiosocket.encode(kind, data[i : i + cut]) for i in range(0, len(data), cut)]
    return b"".join([*parts, audiosocket.encode(audiosocket.HANGUP)])


async def send_tcp(port: int, data: bytes, cut: int = 1000) -> bytes:
    """Send bytes to the AudioSocket port; what came back until it was closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for start in range(0, len(data), cut):
            writer.write(data[start : start + cut])
            await writer.drain()
        return await asyncio.wait_for(reader.read(), 30)
    except ConnectionError:
        return b""
    finally:
        writer.close()


def demo_call() -> npt.NDArray[np.int16]:
    """The shipped demo call at 8 kHz."""
    with as_file(files("ringtrue.inference.assets") / "demo_call.flac") as path:
        samples, rate = soundfile.read(path, dtype="int16")
    assert rate == 8000
    return samples  # type: ignore[no-any-return]


def expected(session: object, data: bytes, raw: RawFormat, channel: int = 0) -> list[Event]:
    """What CallMonitor says of the same bytes, as events show it."""
    monitor = CallMonitor(session)  # type: ignore[arg-type]
    block = decode_raw(data[: len(data) - len(data) % raw.frame_bytes], raw)
    verdicts = monitor.push(block[:, channel], raw.rate) + monitor.finish()
    return [verdict_values(verdict) for verdict in verdicts]


def figures(events: list[Event]) -> list[Event]:
    """Verdict events without what is not a figure."""
    names = set(events[0]) - {"type", "call", "changed"} if events else set()
    return [{name: event[name] for name in names} for event in events]


def alike(got: Event, wanted: Event) -> bool:
    """Equal but for the last digit: the rows of a batch differ by about 1e-6 with their place."""
    numbers = ("p_robot", "voice_llr", "llr", "speech", "speech_seconds")
    near = all(abs(got[name] - wanted[name]) <= 2e-3 for name in numbers)
    return near and all(got[name] == wanted[name] for name in ("at", "verdict", "since"))


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until something happens that the test has to see."""
    last = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < last, "it did not happen in time"
        time.sleep(0.01)

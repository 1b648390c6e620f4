"""Broken frames against the parsers of ``ringtrue serve`` and against a live server.

python benchmarks/fuzz_service.py [MODEL] [--seconds 600] [--seed 0] [--json FILE]

Good messages of every framing are flipped, cut, repeated and mixed. The parsers may refuse what
they get with ``MalformedError`` and nothing else. The server, in this process and on the loopback
address, must log no error, answer a good call in between with the verdicts of ``CallMonitor``, and
be empty at the end. Exit code 0 when all of that held, else 1.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import random
import struct
import sys
import threading
import time
import uuid
from collections import Counter

import numpy as np
from common import arguments, demo_audio, show
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from ringtrue.inference.monitor import CallMonitor
from ringtrue.inference.service import audiosocket
from ringtrue.inference.service.ends import MalformedError
from ringtrue.inference.service.events import verdict_values
from ringtrue.inference.service.server import Address, Service
from ringtrue.inference.service.settings import ServiceSettings
from ringtrue.inference.service.start import is_stop, parse_start
from ringtrue.inference.service.twilio import TwilioParser
from ringtrue.inference.session import Session

HOST = "127.0.0.1"
AT_ONCE = 4
CHECK_EVERY = 5.0
COUNTED = (
    "start messages",
    "start messages read",
    "twilio messages",
    "audiosocket pieces",
    "connections: websocket",
    "connections: twilio",
    "connections: tcp",
    "connections: http",
    "connections: raw",
    "good calls",
    "good calls right",
)


class Mutator:
    """Makes bad bytes and texts out of good ones."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def data(self, good: bytes) -> bytes:
        """``good`` with one to four changes, or now and then as it is."""
        data = bytearray(good)
        for _ in range(self.random.choice((0, 1, 1, 2, 4))):
            at = self.random.randrange(len(data) + 1)
            match self.random.randrange(6):
                case 0 if data:
                    data[at % len(data)] ^= 1 << self.random.randrange(8)
                case 1:
                    del data[at:]
                case 2:
                    del data[at : at + self.random.randrange(1, 50)]
                case 3:
                    data[at:at] = self.random.randbytes(self.random.randrange(1, 50))
                case 4:
                    data[at:at] = data[: self.random.randrange(1, 200)]
                case _:
                    data[at : at + 2] = struct.pack(">H", self.random.randrange(65_536))
        return bytes(data)

    def text(self, good: str) -> str:
        """``good`` with changes in its bytes or its values."""
        if self.random.random() < 0.5:
            return self.data(good.encode()).decode("utf-8", "replace")
        with contextlib.suppress(ValueError):
            return json.dumps(self._value(json.loads(good)))
        return good

    def _value(self, value: object) -> object:
        if self.random.random() < 0.1:
            odd = (None, True, -1, 1e400, "", "\ud800", "x" * 300, [], {}, [[]], 10**30, "NaN")
            return self.random.choice(odd)
        if isinstance(value, dict):
            return {key: self._value(inner) for key, inner in value.items()}
        return value


def starts(rng: random.Random) -> str:
    """A good start message."""
    message = {
        "type": "start",
        "encoding": rng.choice(("pcm_s16le", "mulaw", "alaw", "float32")),
        "sample_rate": rng.choice((8000, 16_000, 44_100, 48_000)),
        "channels": rng.choice((1, 2)),
        "interval_ms": rng.choice((100, 1000)),
    }
    return json.dumps(message)


def twilio(rng: random.Random) -> list[str]:
    """A good stream."""
    payload = base64.b64encode(rng.randbytes(160)).decode()
    form = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
    start = {
        "callSid": uuid.UUID(int=rng.getrandbits(128)).hex,
        "tracks": ["inbound", "outbound"],
        "mediaFormat": form,
        "customParameters": {"events": "true", "interval_ms": "100"},
    }
    media = [
        {
            "event": "media",
            "media": {"track": rng.choice(("inbound", "outbound")), "payload": payload},
        }
        for _ in range(rng.randrange(30))
    ]
    parts = [{"event": "connected"}, {"event": "start", "start": start}, *media]
    return [json.dumps(part) for part in [*parts, {"event": "stop", "stop": {}}]]


def asterisk(rng: random.Random) -> bytes:
    """A good AudioSocket call."""
    kind = rng.choice(list(audiosocket.RATES))
    parts = [audiosocket.encode(audiosocket.UUID, rng.randbytes(16))]
    parts += [audiosocket.encode(kind, rng.randbytes(320)) for _ in range(rng.randrange(30))]
    parts.insert(rng.randrange(1, len(parts) + 1), audiosocket.encode(audiosocket.DTMF, b"1"))
    return b"".join([*parts, audiosocket.HANGUP_MESSAGE])


def requests(rng: random.Random) -> bytes:
    """A good HTTP request: an upload, a form, a handshake or a list."""
    body = rng.randbytes(rng.randrange(500))
    form = b'--b\r\nContent-Disposition: form-data; name="f"; filename="a.wav"\r\n\r\n' + body
    form += b"\r\n--b--\r\n"
    return rng.choice(
        (
            b"POST /v1/score HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n%s"
            % (len(body), body),
            b"POST /v1/score HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; "
            b"boundary=b\r\nContent-Length: %d\r\n\r\n%s" % (len(form), form),
            b"GET /v1/calls HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: "
            b"Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
            b"AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
            b"GET /v1/calls?ended=true HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        )
    )


def parsers(mutator: Mutator, count: Counter[str]) -> None:
    """One turn of every parser; any exception but MalformedError goes up."""
    rng = mutator.random
    with contextlib.suppress(MalformedError):
        count["start messages"] += 1
        parse_start(mutator.text(starts(rng)))
        count["start messages read"] += 1
    with contextlib.suppress(MalformedError):
        is_stop(mutator.text('{"type": "stop"}'))
    parser = TwilioParser(rng.choice(("inbound", "outbound")))
    with contextlib.suppress(MalformedError):
        for text in twilio(rng):
            count["twilio messages"] += 1
            parser.parse(mutator.text(text) if rng.random() < 0.2 else text)
    stream = audiosocket.AudioSocketParser()
    data = mutator.data(asterisk(rng))
    with contextlib.suppress(MalformedError):
        while data:
            count["audiosocket pieces"] += 1
            size = rng.randrange(1, 400)
            stream.feed(data[:size])
            data = data[size:]


class Client:
    """Sends bad streams to a server."""

    def __init__(self, service: Service, mutator: Mutator, count: Counter[str]) -> None:
        self.service, self.mutator, self.count = service, mutator, count

    async def once(self) -> None:
        """One connection of a random kind."""
        kind = self.mutator.random.choice(
            (self.websocket, self.twilio, self.tcp, self.http, self.raw)
        )
        self.count[f"connections: {kind.__name__}"] += 1
        with contextlib.suppress(OSError, WebSocketException, TimeoutError, EOFError):
            async with asyncio.timeout(10):
                await kind()

    async def websocket(self) -> None:
        """``/v1/calls`` with odd messages."""
        rng, url = self.mutator.random, f"ws://{HOST}:{self.service.port}/v1/calls"
        async with connect(url, compression=None, close_timeout=1) as ws:
            start = starts(rng)
            await ws.send(self.mutator.text(start) if rng.random() < 0.3 else start)
            for _ in range(rng.randrange(40)):
                odd = rng.random()
                if odd < 0.9:
                    await ws.send(rng.randbytes(rng.randrange(3000)))
                else:
                    await ws.send(self.mutator.text('{"type": "stop"}'))

    async def twilio(self) -> None:
        """``/v1/twilio`` with odd messages."""
        rng, url = self.mutator.random, f"ws://{HOST}:{self.service.port}/v1/twilio"
        async with connect(url, compression=None, close_timeout=1) as ws:
            for text in twilio(rng):
                await ws.send(self.mutator.text(text) if rng.random() < 0.05 else text)

    async def tcp(self) -> None:
        """AudioSocket with odd bytes."""
        assert self.service.audiosocket_port is not None
        await self._send(
            self.service.audiosocket_port, self.mutator.data(asterisk(self.mutator.random))
        )

    async def http(self) -> None:
        """HTTP with odd requests."""
        await self._send(self.service.port, self.mutator.data(requests(self.mutator.random)))

    async def raw(self) -> None:
        """A good handshake and odd WebSocket frames."""
        rng = self.mutator.random
        reader, writer = await asyncio.open_connection(HOST, self.service.port)
        writer.write(
            b"GET /v1/calls HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: "
            b"Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
            b"AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        await reader.readuntil(b"\r\n\r\n")
        start = starts(rng).encode()
        good = b"\x81\xfe" + struct.pack(">H", len(start)) + bytes(4) + start
        for _ in range(rng.randrange(20)):
            body = rng.randbytes(rng.randrange(120))
            opcode = rng.choice((0x82, 0x02, 0x80, 0x89, 0x8A))
            good += bytes((opcode, 0x80 | len(body))) + bytes(4) + body
        writer.write(self.mutator.data(good))
        await self._rest(reader, writer)

    async def _send(self, port: int, data: bytes) -> None:
        reader, writer = await asyncio.open_connection(HOST, port)
        size = self.mutator.random.randrange(1, 2000)
        for start in range(0, len(data), size):
            writer.write(data[start : start + size])
            await writer.drain()
        await self._rest(reader, writer)

    async def _rest(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.mutator.random.choice((0.0, 0.05, 0.3))):
                await reader.read()
        writer.close()


async def good_call(service: Service, session: Session) -> bool:
    """Whether a good call gets its verdicts."""
    data = (demo_audio(6) * 32767).astype("<i2")
    start = {"type": "start", "encoding": "pcm_s16le", "sample_rate": 8000, "interval_ms": 100}
    events = []
    async with asyncio.timeout(60), connect(f"ws://{HOST}:{service.port}/v1/calls") as ws:
        await ws.send(json.dumps(start))
        await ws.send(data.tobytes())
        await ws.send('{"type": "stop"}')
        async for text in ws:
            events.append(json.loads(text))
    monitor = CallMonitor(session)
    wanted = [verdict_values(v) for v in monitor.push(data, 8000) + monitor.finish()]
    got = [event for event in events if event["type"] == "verdict"]
    pairs = list(zip(got, wanted, strict=False))
    # The rows of a batch differ by about 1e-6 with their place in it, which rounding may show.
    odd = [
        (event["at"], name, event[name], right[name])
        for event, right in pairs
        for name in ("at", "verdict", "since", "voice_llr", "speech_seconds")
        if event[name] != right[name]
        and (name in ("at", "verdict", "since") or abs(event[name] - right[name]) > 1.5e-3)
    ]
    if odd or len(got) != len(wanted):
        print(f"{len(got)} verdicts, not {len(wanted)}; {odd[:3]}", file=sys.stderr)
        return False
    return True


class Errors(logging.Handler):
    """Keeps what was logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        self.seen.append(logging.Formatter().format(record))


async def attack(
    service: Service, session: Session, mutator: Mutator, seconds: float, count: Counter[str]
) -> None:
    """Bad connections, a few at a time, and good calls between them."""
    end = time.monotonic() + seconds
    client = Client(service, mutator, count)

    async def bad() -> None:
        while time.monotonic() < end:
            await client.once()

    async def good() -> None:
        while time.monotonic() < end:
            count["good calls"] += 1
            count["good calls right"] += await good_call(service, session)
            await asyncio.sleep(min(CHECK_EVERY, max(0.0, end - time.monotonic())))

    await asyncio.gather(good(), *(bad() for _ in range(AT_ONCE)))


def main() -> int:
    """Fuzz and print."""
    parser = arguments("Broken frames against the service.")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    errors = Errors()
    logging.getLogger().addHandler(errors)
    # uvicorn reports text that is not UTF-8 as an error of its own.
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    mutator, count = Mutator(chosen.seed), Counter(dict.fromkeys(COUNTED, 0))
    end = time.monotonic() + chosen.seconds / 4
    while time.monotonic() < end:
        parsers(mutator, count)
    session = Session(chosen.model)
    limits = ServiceSettings(
        max_speed=0.0, idle_seconds=2.0, start_seconds=2.0, upload_seconds=2.0, score_seconds=20.0
    )
    service = Service(session, limits, Address(port=0, audiosocket=0), chosen.model)
    thread = threading.Thread(target=service.run)
    thread.start()
    service.ready.wait(30)
    asyncio.run(attack(service, session, mutator, chosen.seconds * 3 / 4, count))
    board = service.board
    last = time.monotonic() + 20
    while (board.calls or board._slots) and time.monotonic() < last:
        time.sleep(0.1)
    left = len(board.calls) + board._slots
    alive = board.engine.alive
    service.stop()
    thread.join(30)
    rows = [{"what": what, "count": number} for what, number in sorted(count.items())]
    rows += [
        {"what": "errors logged", "count": len(errors.seen)},
        {"what": "calls left over", "count": left},
    ]
    show(f"fuzzing the service, {chosen.seconds:g} s, seed {chosen.seed}", rows, chosen.json)
    for text in errors.seen[:5]:
        print(text, file=sys.stderr)
    wrong = count["good calls"] - count["good calls right"]
    return int(bool(errors.seen) or bool(left) or bool(wrong) or not alive or thread.is_alive())


if __name__ == "__main__":
    np.seterr(all="raise")
    sys.exit(main())

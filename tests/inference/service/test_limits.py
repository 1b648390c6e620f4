"""What bounds a client, and that bad clients disturb nobody else."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import time

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from ringtrue.inference.raw_pcm import RawFormat
from ringtrue.inference.service import protocols
from ringtrue.inference.session import Session

from ..toy_model import human, robot
from .clients import (
    Running,
    Told,
    audiosocket_bytes,
    call,
    expected,
    figures,
    hear,
    send_tcp,
    start_message,
    talk,
    until,
)
from .conftest import Serve

ROBOT = (robot(3.0) * 32767).astype("<i2").tobytes()


def calls(running: Running) -> str:
    return f"{running.ws}/v1/calls"


def well(running: Running, toy: Session) -> None:
    """A good call is heard to its end."""
    told = call(running, ROBOT)
    assert figures(told.of("verdict")) == expected(toy, ROBOT, RawFormat(8000))
    assert told.final["end"] == "stopped"


MALFORMED = [
    ([b"audio"], "expected a start message in JSON first, got binary data"),
    (["nonsense"], "expected a JSON object, got 'nonsense'"),
    ([start_message(encoding="mp3")], "expected an encoding of"),
    ([start_message(operating_point="bold")], "bold"),
    ([start_message(call_id="")], "expected a call id of 1 to 128 printable characters"),
    ([start_message(), "{}"], "expected audio or a message of type 'stop', got None"),
    ([start_message(encoding="float32"), b"\xff\xff\xff\xff" * 900], "from −1 to 1, got nan"),
    ([start_message(encoding="float32"), b"\0\0\0\x7f" * 900], "from −1 to 1, got 1.70141e+38"),
]


@pytest.mark.parametrize(("messages", "reason"), MALFORMED)
def test_malformed_messages_close_with_a_reason(
    serve: Serve, toy: Session, messages: list[str | bytes], reason: str
) -> None:
    running = serve()
    told = asyncio.run(talk(calls(running), messages))
    assert told.code == 4400
    assert reason in told.reason
    assert running.metric("ringtrue_errors_total", kind="malformed") == 1.0
    well(running, toy)


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([b"\x00"], "expected messages in JSON, got binary data"),
        (['{"event": "media", "media": {"payload": "AA=="}}'], "'start' message before 'media'"),
        (['{"event": "start", "start": {}}', "x"], "expected a JSON object"),
    ],
)
def test_malformed_twilio_messages(serve: Serve, messages: list[str | bytes], reason: str) -> None:
    told = asyncio.run(talk(f"{serve().ws}/v1/twilio", messages))
    assert told.code == 4400
    assert reason in told.reason


def test_text_that_is_not_utf8_is_refused_by_the_framing(serve: Serve, toy: Session) -> None:
    running = serve()

    async def run() -> int | None:
        async with connect(calls(running), compression=None) as ws:
            await ws.send(b"\xff\xfe", text=True)
            await asyncio.wait_for(ws.wait_closed(), 10)
            return ws.close_code

    assert asyncio.run(run()) == 1007
    well(running, toy)


def test_a_message_above_the_limit_is_refused(serve: Serve, toy: Session) -> None:
    running = serve(max_message_bytes=5000)

    async def run() -> int | None:
        async with connect(calls(running), compression=None) as ws:
            await ws.send(start_message())
            await ws.recv()
            await ws.send(bytes(5001))
            await asyncio.wait_for(ws.wait_closed(), 10)
            return ws.close_code

    assert asyncio.run(run()) == 1009
    until(lambda: len(running.service.board.ended) == 1)
    assert running.service.board.ended[0].end == "hung-up"
    well(running, toy)


def test_a_full_house_refuses_and_takes_calls_again(serve: Serve, toy: Session) -> None:
    running = serve(max_calls=1)

    async def run() -> tuple[int, str, bytes]:
        async with connect(calls(running), compression=None):
            until(lambda: running.service.board._slots == 1)
            with pytest.raises(InvalidStatus) as refused:
                await connect(calls(running))
            # AudioSocket has no words: it hangs up.
            assert await send_tcp(running.audiosocket, audiosocket_bytes(ROBOT)) in (b"", b"\0\0\0")
            response = refused.value.response
            return response.status_code, response.headers["content-type"], response.body or b""

    status, kind, body = asyncio.run(run())
    assert (status, kind) == (503, "application/problem+json")
    assert "all 1 lines are busy" in json.loads(body)["detail"]
    assert running.metric("ringtrue_refused_total", reason="full") == 2.0
    until(lambda: running.service.board._slots == 0)
    well(running, toy)


def test_a_second_call_of_the_same_id_is_refused(serve: Serve) -> None:
    running = serve()

    async def run() -> Told:
        async with connect(calls(running), compression=None) as ws:
            await ws.send(start_message(call_id="x"))
            await ws.recv()
            return await talk(calls(running), [start_message(call_id="x")])

    told = asyncio.run(run())
    assert (told.code, told.reason) == (4409, "there is a live call x already")


def test_who_does_not_start_in_time_is_let_go(serve: Serve) -> None:
    running = serve(start_seconds=0.2)
    for path in ("calls", "twilio"):
        told = asyncio.run(talk(f"{running.ws}/v1/{path}", []))
        assert told.code == 4408
        assert "start message in time" in told.reason
    assert asyncio.run(send_tcp(running.audiosocket, b"")) == b"\0\0\0"
    until(lambda: running.service.board._slots == 0)


def test_silent_calls_end_with_a_final_event(serve: Serve) -> None:
    running = serve(idle_seconds=0.3)
    told = asyncio.run(talk(calls(running), [start_message(), ROBOT[:4000]]))
    assert told.code == 4408
    assert told.final["end"] == "idle"
    # 4000 bytes are 250 ms: two chunks, and the half of a third counts.
    assert told.final["at"] == 0.3


def test_calls_have_a_longest_length(serve: Serve) -> None:
    running = serve(max_call_seconds=0.4)

    async def run() -> Told:
        told = Told()
        async with connect(calls(running), compression=None) as ws:
            await ws.send(start_message())
            hearing = asyncio.create_task(hear(ws, told))
            with contextlib.suppress(ConnectionClosed):
                while not hearing.done():
                    await ws.send(ROBOT[:320])
                    await asyncio.sleep(0.02)
            await hearing
        return told

    told = asyncio.run(run())
    assert (told.code, told.final["end"]) == (4413, "too-long")


def test_a_client_that_hangs_up_leaves_a_result(serve: Serve) -> None:
    running = serve()

    async def run() -> None:
        async with connect(calls(running), compression=None) as ws:
            await ws.send(start_message(call_id="gone"))
            await ws.send(ROBOT)

    asyncio.run(run())
    until(lambda: len(running.service.board.ended) == 1)
    (ended,) = running.service.board.ended
    assert (ended.name, ended.end, ended.verdict.at) == ("gone", "hung-up", 3.0)


def test_too_much_audio_waits_in_the_client(serve: Serve, toy: Session) -> None:
    """Backpressure: of minutes of audio only what the buffers hold is taken."""
    running = serve(buffer_seconds=0.5, max_speed=2.0, burst_seconds=0.1)
    wide = start_message(call_id="flood", encoding="float32", sample_rate=48_000, channels=2)
    second = 2 * 4 * 48_000

    async def run() -> tuple[int, float]:
        sent = 0
        async with connect(calls(running), compression=None, close_timeout=1) as ws:
            await ws.send(wide)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    while True:
                        await ws.send(bytes(second // 10))
                        sent += 1
            flood = running.service.board.calls["flood"]
            return sent, flood.waiting_seconds

    sent, waiting = asyncio.run(run())
    # The limit of 0.5 s, and the message that went over it.
    assert waiting <= 0.61
    # The sockets of both sides hold some 10 MB; without a limit it would be gigabytes.
    assert sent * second // 10 < 40_000_000
    well(running, toy)


def test_a_flooding_call_does_not_hold_up_another(serve: Serve, toy: Session) -> None:
    running = serve(max_speed=4.0, buffer_seconds=2.0)
    wanted = expected(toy, ROBOT, RawFormat(8000))

    async def flood() -> None:
        async with connect(calls(running), compression=None, close_timeout=0.2) as ws:
            await ws.send(start_message(encoding="mulaw"))
            while True:
                await ws.send(os.urandom(8000))

    async def run() -> Told:
        floods = [asyncio.create_task(flood()) for _ in range(3)]
        await asyncio.sleep(0.3)
        pieces = [ROBOT[i : i + 320] for i in range(0, len(ROBOT), 320)]
        messages = [start_message(interval_ms=100), *pieces, '{"type": "stop"}']
        told = await asyncio.wait_for(talk(calls(running), messages), 20)
        for task in floods:
            task.cancel()
        await asyncio.gather(*floods, return_exceptions=True)
        return told

    told = asyncio.run(run())
    assert figures(told.of("verdict")) == wanted


def deaf_socket(port: int) -> socket.socket:
    """A WebSocket client that reads no more, with the smallest receive buffer."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    sock.connect(("127.0.0.1", port))
    sock.sendall(
        b"GET /v1/calls HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += sock.recv(1)
    assert head.startswith(b"HTTP/1.1 101")
    return sock


def frame(opcode: int, data: bytes) -> bytes:
    """A client's frame, masked with zeros."""
    size = bytes((0x80 | len(data),)) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2, "big")
    return bytes((0x80 | opcode,)) + size + bytes(4) + data


def test_a_client_that_takes_nothing_is_dropped_and_disturbs_nobody(
    serve: Serve, toy: Session
) -> None:
    running = serve(send_seconds=0.5, waiting_events=40)
    sock = deaf_socket(running.service.port)
    sock.sendall(frame(1, start_message(call_id="deaf", interval_ms=100).encode()))
    until(lambda: "deaf" in running.service.board.calls)
    deaf = running.service.board.calls["deaf"]
    audio = frame(2, bytes(16_000))
    last = time.monotonic() + 20
    try:
        while deaf.ending is None and time.monotonic() < last:
            sock.sendall(audio)
    except ConnectionError:
        pass
    until(lambda: deaf.closed)
    sock.close()
    assert deaf.ending == "slow"
    assert running.metric("ringtrue_errors_total", kind="slow") == 1.0
    until(lambda: running.service.board._slots == 0)
    assert running.metric("ringtrue_dropped_events_total") > 0
    well(running, toy)


def test_pings_without_end_are_refused(serve: Serve, toy: Session) -> None:
    running = serve()

    async def run() -> int | None:
        async with connect(calls(running), compression=None) as ws:
            for _ in range(500):
                try:
                    await ws.ping()
                except Exception:
                    break
            await asyncio.wait_for(ws.wait_closed(), 10)
            return ws.close_code

    # The close frame is lost where the kernel still holds pings.
    assert asyncio.run(run()) in (1006, 1008)
    well(running, toy)


def test_fragments_without_end_are_refused(serve: Serve, toy: Session) -> None:
    running = serve()
    with deaf_socket(running.service.port) as sock:
        sock.settimeout(10)
        # A text message that never ends, in empty pieces.
        sock.sendall(b"\x01\x80" + bytes(4) + (b"\x00\x80" + bytes(4)) * 3000)
        answer = sock.recv(100)
    assert answer[2:4] == (1008).to_bytes(2, "big")
    well(running, toy)


def test_crumbs_are_taken_at_a_bounded_rate(serve: Serve) -> None:
    """Thousands of one-byte messages neither fill the queue nor stop the event loop."""
    running = serve(messages_per_second=50.0)
    with deaf_socket(running.service.port) as sock:
        sock.sendall(frame(1, start_message(call_id="crumbs").encode()))
        sock.sendall(frame(2, b"\x7f") * 4000)
        until(lambda: "crumbs" in running.service.board.calls)
        crumbs = running.service.board.calls["crumbs"]
        time.sleep(0.3)
        # The burst of 2 s at 50 per second, and a little.
        assert crumbs.waiting_seconds * 16_000 < 150
        connections = running.service.server_state.connections
        queues = [c.queue.qsize() for c in connections if hasattr(c, "queue")]
        assert max(queues) <= protocols.WAITING + protocols.SLICE // 7 + 1


def test_a_request_without_end_is_cut(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocols, "HEAD_SECONDS", 0.3)
    running = serve()
    with socket.create_connection(("127.0.0.1", running.service.port), 5) as sock:
        sock.sendall(b"GET /healthz HTTP/1.1\r\n")
        assert sock.recv(100) == b""


def test_too_many_connections_are_refused(serve: Serve) -> None:
    running = serve(max_calls=1, max_feeds=1)
    most = running.service.config.http.most  # type: ignore[union-attr]
    socks = [
        socket.create_connection(("127.0.0.1", running.service.port), 5) for _ in range(most + 1)
    ]
    try:
        assert socks[-1].recv(100).startswith(b"HTTP/1.1 503")
    finally:
        for sock in socks:
            sock.close()


def test_shutdown_gives_live_calls_a_final_event(serve: Serve) -> None:
    running = serve()

    async def run() -> list[Told]:
        told = [Told(), Told()]
        async with connect(calls(running), compression=None) as one:
            await one.send(start_message())
            await one.send(ROBOT)
            async with connect(f"{running.ws}/v1/events", compression=None) as feed:
                hearing = [
                    asyncio.create_task(hear(ws, t))
                    for ws, t in zip((one, feed), told, strict=True)
                ]
                await asyncio.sleep(0.3)
                running.service.stop()
                await asyncio.wait_for(asyncio.gather(*hearing), 20)
        return told

    one, feed = asyncio.run(run())
    assert (one.code, one.final["end"], one.final["at"]) == (1001, "shutdown", 3.0)
    assert feed.final == one.final
    assert feed.code == 1001


def test_evidence_that_fails_ends_one_call_only(serve: Serve, toy: Session) -> None:
    class Failing:
        name = "failing"

        def push(self, chunk: object) -> None:
            raise RuntimeError("broken")

        def reset(self) -> None: ...

    made = iter([[Failing()], []])
    running = serve(streams=lambda: next(made))
    told = asyncio.run(talk(calls(running), [start_message(), ROBOT]))
    assert (told.code, told.final["end"]) == (1011, "failed")
    assert told.final["detail"] == "RuntimeError: broken"
    told = call(running, (human(1.0) * 32767).astype("<i2").tobytes())
    assert told.final["at"] == 1.0

"""Uploads, the gate, the lists and feeds, the documents: with a real HTTP client."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from ringtrue.inference.raw_pcm import RawFormat
from ringtrue.inference.rows import row_values
from ringtrue.inference.score import score_file
from ringtrue.inference.service.gate import is_loopback
from ringtrue.inference.service.openapi import docs_page, openapi
from ringtrue.inference.service.server import Address, listen
from ringtrue.inference.service.settings import ServiceSettings
from ringtrue.inference.service.upload import safe_name
from ringtrue.inference.session import Session

from ..toy_model import human, robot
from .clients import Event, Running, Told, call, hear, start_message, talk, twilio_messages, until
from .conftest import Serve

ROBOT = (robot(3.0) * 32767).astype("<i2").tobytes()


@pytest.fixture
def stereo(tmp_path: Path) -> Path:
    path = tmp_path / "stereo.wav"
    soundfile.write(path, np.stack((robot(3.0), human(3.0)), axis=1), 8000)
    return path


def rows(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return answer.json()["rows"]  # type: ignore[no-any-return]


def plain(rows: list[Any], name: str) -> list[dict[str, Any]]:
    """Rows of score_file as JSON gives them back."""
    return [json.loads(json.dumps(row_values(row))) | {"path": name} for row in rows]


def test_the_rows_are_those_of_score(serve: Serve, toy: Session, stereo: Path) -> None:
    running = serve()
    data = stereo.read_bytes()
    raw = RawFormat(16_000, "mulaw")
    noise = np.random.default_rng(1).integers(0, 256, 40_000, np.uint8).tobytes()
    headerless = stereo.with_name("noise.ulaw")
    headerless.write_bytes(noise)
    with httpx.Client(base_url=running.http, timeout=30) as client:
        wav = {"content-type": "audio/wav"}
        answer = client.post("/v1/score", content=data, headers=wav)
        assert rows(answer) == plain(score_file(stereo, toy), "recording")
        assert answer.json()["operating_point"] == "cautious"
        answer = client.post(
            "/v1/score?channel=right&operating_point=balanced", files={"file": ("a/b.wav", data)}
        )
        wanted = score_file(stereo, toy, channel="right", operating_point="balanced")
        assert rows(answer) == plain(wanted, "b.wav")
        query = {"raw_rate": "16000", "raw_format": "mulaw", "name": "x.ulaw"}
        answer = client.post("/v1/score", params=query, content=noise)
        assert rows(answer) == plain(score_file(headerless, toy, raw=raw), "x.ulaw")
    assert running.metric("ringtrue_uploads_total", status="200") == 3.0
    assert list(running.service.config.app.state.uploads.folder.iterdir()) == []  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("request_", "status", "detail"),
    [
        ({"content": b""}, 422, "is empty"),
        ({"content": b"some text, not a recording"}, 422, "is text, not audio"),
        ({"content": bytes(200)}, 422, "not a recording in a known format"),
        ({"content": b"{}", "headers": {"content-type": "application/json"}}, 415, "audio/"),
        ({"content": bytes(20_001)}, 413, "at most 20000 bytes"),
        ({"files": {"file": ("a.wav", bytes(20_001))}}, 413, "at most 20000 bytes"),
        ({"content": bytes(1_000_000)}, 413, "at most 20000 bytes"),
        ({"data": {"file": "x"}, "files": {}}, 422, "is text, not audio"),
        ({"files": {"a": ("a", b"x"), "b": ("b", b"y")}}, 422, "expected one file, got a second"),
        (
            {"content": b"--x\r\nnonsense", "headers": {"content-type": "multipart/form-data"}},
            422,
            "expected multipart/form-data",
        ),
        ({"params": {"channel": "up"}, "content": b"x"}, 422, "left, right, mix or both, got 'up'"),
        ({"params": {"operating_point": "bold"}, "content": b"x"}, 422, "bold"),
        ({"params": {"raw_rate": "fast"}, "content": b"x"}, 422, "whole number as raw_rate"),
        ({"params": {"raw_rate": "100"}, "content": b"x"}, 422, "4000 to 768000 Hz"),
        ({"params": {"raw_format": "mulaw"}, "content": b"x"}, 422, "expected raw_rate"),
        ({"params": {"speed": "2"}, "content": b"x"}, 422, "expected only channel"),
    ],
)
def test_problems_say_what_was_expected(
    one_small: Running, request_: dict[str, Any], status: int, detail: str
) -> None:
    answer = httpx.post(f"{one_small.http}/v1/score", timeout=30, **request_)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    values = answer.json()
    assert detail in values["detail"]
    assert values["status"] == status
    assert values["type"].startswith("urn:ringtrue:problem:")


@pytest.fixture(scope="module")
def one_small(toy: Session, toy_path: Path) -> Any:
    """One service for all small requests."""
    from ringtrue.inference.service.server import Service

    chosen = ServiceSettings(upload_bytes=20_000, max_calls=5)
    service = Service(toy, chosen, Address(port=0), toy_path)
    thread = threading.Thread(target=service.run, daemon=True)
    thread.start()
    assert service.ready.wait(20)
    running = Running(service, thread)
    yield running
    running.stop()


def test_slow_uploads_end(serve: Serve) -> None:
    running = serve(upload_seconds=0.3)

    async def run() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.service.port)
        head = b"POST /v1/score HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99\r\n\r\nRIFF"
        writer.write(head)
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        return answer

    assert asyncio.run(run()).startswith(b"HTTP/1.1 408 ")


def test_scoring_that_takes_too_long_is_stopped(serve: Serve, toy: Session, tmp_path: Path) -> None:
    running = serve(score_seconds=0.01)
    soundfile.write(tmp_path / "long.flac", np.tile(robot(10.0), 60), 8000)
    data = (tmp_path / "long.flac").read_bytes()
    answer = httpx.post(f"{running.http}/v1/score", content=data, timeout=30)
    assert answer.status_code == 503
    assert "scoring took longer than 0.01 s" in answer.json()["detail"]
    assert running.metric("ringtrue_errors_total", kind="timeout") == 1.0


def test_uploads_beyond_the_limit_are_refused(serve: Serve) -> None:
    running = serve(waiting_uploads=1)

    async def run() -> httpx.Response:
        _, writer = await asyncio.open_connection("127.0.0.1", running.service.port)
        head = b"POST /v1/score HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99\r\n\r\nRIFF"
        writer.write(head)
        await writer.drain()
        uploads = running.service.config.app.state.uploads  # type: ignore[union-attr]
        await asyncio.to_thread(until, lambda: uploads._count == 1)
        async with httpx.AsyncClient() as client:
            answer = await client.post(f"{running.http}/v1/score", content=b"x")
        writer.close()
        await asyncio.to_thread(until, lambda: uploads._count == 0)
        return answer

    answer = asyncio.run(run())
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"


def test_a_live_call_goes_on_while_a_recording_is_scored(serve: Serve, stereo: Path) -> None:
    running = serve()
    threads = [
        threading.Thread(
            target=httpx.post,
            args=(f"{running.http}/v1/score",),
            kwargs={"content": stereo.read_bytes(), "timeout": 30},
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    told = call(running, ROBOT)
    for thread in threads:
        thread.join()
    assert told.final["at"] == 3.0


# The gate.


def test_a_token_is_needed(serve: Serve) -> None:
    running = serve(token="secret")
    with httpx.Client(base_url=running.http) as client:
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 200
        for path in ("/v1/calls", "/metrics", "/v1/model", "/openapi.json", "/v1/events"):
            answer = client.get(path)
            assert answer.status_code == 401, path
            assert "expected a valid token" in answer.json()["detail"]
            assert answer.headers["www-authenticate"].startswith("Bearer")
        assert client.post("/v1/score", content=b"x").status_code == 401
        for wrong in ("Bearer secre", "Bearer secret2", "Basic secret", "Bearer sécret"):
            headers = {"authorization": wrong.encode("latin-1")}
            assert client.get("/v1/calls", headers=headers).status_code == 401  # type: ignore[arg-type]
        right = {"authorization": "Bearer secret"}
        assert client.get("/v1/calls", headers=right).status_code == 200
        assert client.get("/v1/calls?token=secret").status_code == 200
        assert client.get("/v1/calls?token=x").status_code == 401
    assert running.metric("ringtrue_refused_total", reason="token") == 11.0


def test_a_token_for_websockets(serve: Serve) -> None:
    running = serve(token="secret")
    messages = [start_message(), ROBOT, '{"type": "stop"}']

    async def refused(path: str) -> int:
        with pytest.raises(InvalidStatus) as error:
            await connect(f"{running.ws}{path}")
        return error.value.response.status_code

    for path in ("/v1/calls", "/v1/calls?token=x", "/v1/twilio/wrong", "/v1/events"):
        assert asyncio.run(refused(path)) == 401
    told = asyncio.run(talk(f"{running.ws}/v1/calls?token=secret", messages))
    assert told.final["end"] == "stopped"
    sound = bytes(8000)
    told = asyncio.run(talk(f"{running.ws}/v1/twilio/secret", twilio_messages(sound)))
    assert told.final["at"] == 1.0
    told = asyncio.run(talk(f"{running.ws}/v1/twilio", twilio_messages(sound, token="secret")))
    assert told.final["at"] == 1.0
    told = asyncio.run(talk(f"{running.ws}/v1/twilio", twilio_messages(sound, token="no")))
    assert (told.code, told.events) == (4401, [])
    told = asyncio.run(talk(f"{running.ws}/v1/twilio", twilio_messages(sound)))
    assert (told.code, told.events) == (4401, [])


def test_foreign_pages_are_refused(serve: Serve) -> None:
    running = serve(origins=("https://desk.example",))
    with httpx.Client(base_url=running.http) as client:
        for headers, status in (
            ({}, 200),
            ({"origin": "https://evil.example"}, 403),
            ({"origin": "https://desk.example"}, 200),
            ({"origin": running.http}, 200),
            ({"origin": "null"}, 403),
            ({"origin": "http://["}, 403),
            ({"host": "evil.example"}, 403),
            ({"host": f"localhost:{running.service.port}"}, 200),
        ):
            assert client.get("/v1/calls", headers=headers).status_code == status, headers

    async def run() -> int:
        with pytest.raises(InvalidStatus) as error:
            await connect(f"{running.ws}/v1/events", origin="https://evil.example")  # type: ignore[arg-type]
        return error.value.response.status_code

    assert asyncio.run(run()) == 403


def test_loopback_names() -> None:
    assert all(is_loopback(h) for h in ("127.0.0.1", "localhost", "::1", "[::1]", "127.9.9.9"))
    assert not any(is_loopback(h) for h in ("0.0.0.0", "example.com", "10.0.0.1", "", "::"))


def test_open_addresses_are_warned_about() -> None:
    assert Address().warnings() == []
    (warning,) = Address("0.0.0.0", 8000).warnings()
    assert "0.0.0.0:8000" in warning
    assert "--token" in warning
    assert "secret" not in repr(Address(token="secret"))
    (warning,) = Address("0.0.0.0", 8000, audiosocket=9092, token="x").warnings()
    assert "AudioSocket port 9092" in warning


def test_addresses_that_cannot_be_used() -> None:
    with listen("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}"):
            listen("127.0.0.1", port)
    with pytest.raises(OSError, match=r"cannot listen on 203\.0\.113\.1:0"):
        listen("203.0.113.1", 0)


# Lists and feeds.


def test_calls_are_listed_live_and_afterwards(serve: Serve) -> None:
    running = serve()

    async def run() -> tuple[Any, Any, int]:
        async with connect(f"{running.ws}/v1/calls", compression=None) as ws:
            await ws.send(start_message(call_id="a b", interval_ms=100))
            await ws.send(ROBOT)
            while json.loads(await ws.recv()).get("at") != 3.0:
                pass
            async with httpx.AsyncClient(base_url=running.http) as client:
                listed = (await client.get("/v1/calls")).json()
                one = (await client.get("/v1/calls/a b")).json()
                missing = (await client.get("/v1/calls/none")).status_code
        return listed, one, missing

    listed, one, missing = asyncio.run(run())
    assert (listed["live"], listed["max_calls"], missing) == (1, 200, 404)
    assert listed["calls"] == [one]
    assert (one["call"], one["live"], one["at"], one["verdict"]) == ("a b", True, 3.0, "robot")
    until(lambda: len(running.service.board.ended) == 1)
    with httpx.Client(base_url=running.http) as client:
        assert client.get("/v1/calls").json()["calls"] == []
        (ended,) = client.get("/v1/calls?ended=true").json()["calls"]
        assert client.get("/v1/calls/a b").json() == ended
    assert (ended["live"], ended["end"], ended["flagged_at"]) == (False, "hung-up", 1.3)
    labels = {"framing": "websocket", "verdict": "robot", "end": "hung-up"}
    assert running.metric("ringtrue_calls_total", **labels) == 1.0
    assert running.metric("ringtrue_flagged_calls_total") == 1.0


def test_both_feeds_tell_what_the_call_is_told(serve: Serve) -> None:
    running = serve()

    async def sse(ready: asyncio.Event, events: list[Event]) -> None:
        async with (
            httpx.AsyncClient(base_url=running.http, timeout=20) as client,
            client.stream("GET", "/v1/events") as answer,
        ):
            assert answer.headers["content-type"].startswith("text/event-stream")
            async for line in answer.aiter_lines():
                ready.set()
                if line.startswith("data: "):
                    events.append(json.loads(line[6:]))
                    if events[-1]["type"] == "final":
                        return

    async def run() -> tuple[Told, list[Event], Told]:
        ready, events, feed = asyncio.Event(), [], Told()
        reading = asyncio.create_task(sse(ready, events))
        await asyncio.wait_for(ready.wait(), 10)
        async with connect(f"{running.ws}/v1/events", compression=None) as ws:
            hearing = asyncio.create_task(hear(ws, feed))
            await asyncio.to_thread(until, lambda: len(running.service.board._feeds) == 2)
            pieces = [ROBOT[i : i + 1600] for i in range(0, len(ROBOT), 1600)]
            messages = [start_message(interval_ms=100), *pieces, '{"type": "stop"}']
            told = await talk(f"{running.ws}/v1/calls", messages)
            await asyncio.wait_for(reading, 10)
        await hearing
        return told, events, feed

    told, events, feed = asyncio.run(run())
    assert events[0]["type"] == "started"
    assert events[1:] == told.events[1:]
    assert feed.events == events
    until(lambda: not running.service.board._feeds)


def test_feeds_are_bounded(serve: Serve) -> None:
    running = serve(max_feeds=1)

    async def run() -> tuple[int, int]:
        async with connect(f"{running.ws}/v1/events", compression=None):
            await asyncio.to_thread(until, lambda: len(running.service.board._feeds) == 1)
            with pytest.raises(InvalidStatus) as error:
                await connect(f"{running.ws}/v1/events")
            async with httpx.AsyncClient() as client:
                http = (await client.get(f"{running.http}/v1/events")).status_code
            return error.value.response.status_code, http

    assert asyncio.run(run()) == (503, 503)


def test_audiosocket_calls_reach_the_feed(serve: Serve) -> None:
    from .clients import UUID_TEXT, audiosocket_bytes, send_tcp

    running = serve(interval_ms=100)

    async def run() -> Told:
        feed = Told()
        async with connect(f"{running.ws}/v1/events", compression=None) as ws:
            hearing = asyncio.create_task(hear(ws, feed))
            await asyncio.to_thread(until, lambda: len(running.service.board._feeds) == 1)
            await send_tcp(running.audiosocket, audiosocket_bytes(ROBOT))
            await asyncio.to_thread(until, lambda: bool(feed.of("final")))
        await hearing
        return feed

    feed = asyncio.run(run())
    assert {event["call"] for event in feed.events} == {UUID_TEXT}
    assert len(feed.of("verdict")) == 30
    assert feed.final["verdict"] == "robot"


# The small endpoints and the documents.


def test_the_small_endpoints(one_small: Running) -> None:
    with httpx.Client(base_url=one_small.http) as client:
        assert client.get("/healthz").text == "ok\n"
        assert client.get("/readyz").text == "ready\n"
        model = client.get("/v1/model").json()
        assert (model["model_name"], model["sample_rate"]) == ("toy-fp32", 8000)
        text = client.get("/metrics").text
        for name in (
            "live_calls",
            "chunks_total",
            "batch_rows_bucket",
            "verdict_lag_seconds_count",
        ):
            assert f"ringtrue_{name}" in text
        assert client.get("/nothing").json()["status"] == 404
        assert client.put("/v1/score").status_code == 405
        page = client.get("/docs")
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert client.get("/openapi.json").json() == openapi(one_small.service.board.settings)


def test_not_ready_while_it_stops(one_small: Running) -> None:
    board = one_small.service.board
    board.draining = True
    try:
        assert httpx.get(f"{one_small.http}/readyz").status_code == 503
        answer = httpx.post(f"{one_small.http}/v1/score", content=b"x")
        assert (answer.status_code, answer.json()["detail"]) == (503, "the service stops")
    finally:
        board.draining = False


def test_openapi_names_every_route(one_small: Running) -> None:
    document = openapi(ServiceSettings())
    routes = one_small.service.config.app.routes  # type: ignore[union-attr]
    paths = {route.path for route in routes} - {"/v1/twilio/{token}"}
    assert paths == set(document["paths"])
    schemas = document["components"]["schemas"]
    used = set()

    def walk(value: object) -> None:
        if isinstance(value, dict):
            if "$ref" in value:
                used.add(value["$ref"].removeprefix("#/components/schemas/"))
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(document)
    assert used <= set(schemas)
    page = docs_page(document)
    for path in document["paths"]:
        assert path in page
    assert "http://" not in page
    assert "https://" not in page
    assert "<script" not in page


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=200))
def test_file_names_of_clients_are_harmless(name: str) -> None:
    safe = safe_name(name)
    assert 1 <= len(safe) <= 128
    assert safe.isprintable()
    assert not set("/\\") & set(safe)
    assert safe_name("../../etc/passwd") == "passwd"


def test_noise_over_http_disturbs_nobody(one_small: Running) -> None:
    async def run() -> None:
        for _ in range(20):
            reader, writer = await asyncio.open_connection("127.0.0.1", one_small.service.port)
            writer.write(os.urandom(300) + b"\r\n\r\n")
            await asyncio.wait_for(reader.read(), 10)
            writer.close()

    asyncio.run(run())
    assert httpx.get(f"{one_small.http}/healthz").status_code == 200


def test_the_demo_call_is_scored_as_by_score(serve: Serve, released: Session) -> None:
    path = Path(str(files("ringtrue.inference.assets") / "demo_call.flac"))
    running = serve(released)
    answer = httpx.post(f"{running.http}/v1/score", content=path.read_bytes(), timeout=30)
    assert rows(answer) == plain(score_file(path, released), "recording")

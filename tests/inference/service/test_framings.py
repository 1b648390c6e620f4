"""Every framing gives the verdicts of CallMonitor on the same audio."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
import soxr

from ringtrue.inference.raw_pcm import RawFormat, decode_raw
from ringtrue.inference.service.call_list import ended_values
from ringtrue.inference.session import Session

from ..toy_model import human, robot, silence
from .clients import (
    UUID_TEXT,
    Event,
    Told,
    alike,
    audiosocket_bytes,
    call,
    demo_call,
    expected,
    figures,
    send_tcp,
    start_message,
    talk,
    twilio_messages,
    until,
)
from .conftest import Serve

DEMO = demo_call()


def mulaw(samples: np.ndarray) -> bytes:
    """mu-law of int16, by the nearest of the 256 values."""
    table = decode_raw(bytes(range(256)), RawFormat(8000, "mulaw"))[:, 0]
    order = np.argsort(table, kind="stable")
    ordered = table[order]
    middle = (ordered[1:] + ordered[:-1]) / 2
    found = np.searchsorted(middle, samples.astype(np.float32) / 32768)
    return order[found].astype(np.uint8).tobytes()


def same(told: Told, wanted: list[Event]) -> None:
    verdicts = told.of("verdict")
    by_time = {event["at"]: event for event in wanted}
    assert len(verdicts) == len(wanted)
    for event in figures(verdicts):
        assert event == by_time[event["at"]]
    final = told.final
    assert {name: final[name] for name in wanted[-1]} == wanted[-1]
    flagged = [event["at"] for event in wanted if event["verdict"] == "robot"]
    assert final["flagged_at"] == (flagged[0] if flagged else None)
    changes = [e["at"] for e in verdicts if e["changed"]]
    states = ["unsure", *(event["verdict"] for event in wanted)]
    assert changes == [
        e["at"] for e, old in zip(wanted, states, strict=False) if e["verdict"] != old
    ]


BIG = {"waiting_events": 10_000, "buffer_seconds": 60.0}


def test_pcm_over_websocket_with_the_released_model(serve: Serve, released: Session) -> None:
    data = DEMO.tobytes()
    told = call(serve(released, **BIG), data, cut=1234)
    same(told, expected(released, data, RawFormat(8000)))
    assert told.final["verdict"] == "robot"
    assert (told.code, told.final["end"]) == (1000, "stopped")


def test_twilio_with_the_released_model(serve: Serve, released: Session) -> None:
    data = mulaw(DEMO)
    running = serve(released, **BIG)
    told = asyncio.run(talk(f"{running.ws}/v1/twilio", twilio_messages(data)))
    same(told, expected(released, data, RawFormat(8000, "mulaw")))
    assert told.final["call"] == "CA1"


def test_audiosocket_with_the_released_model(serve: Serve, released: Session) -> None:
    running = serve(released, **BIG)
    data = DEMO.tobytes()
    answer = asyncio.run(send_tcp(running.audiosocket, audiosocket_bytes(data)))
    assert answer == b"\0\0\0"
    until(lambda: len(running.service.board.ended) == 1)
    (ended,) = running.service.board.ended
    wanted = expected(released, data, RawFormat(8000))
    values = ended_values(ended)
    assert ended.name == UUID_TEXT
    assert {name: values[name] for name in wanted[-1]} == wanted[-1]
    assert ended.flagged_at == next(e["at"] for e in wanted if e["verdict"] == "robot")


@pytest.mark.parametrize(
    ("encoding", "raw"),
    [
        ("pcm_s16le", RawFormat(16_000)),
        ("float32", RawFormat(48_000, "f32le")),
        ("mulaw", RawFormat(8000, "mulaw")),
        ("alaw", RawFormat(8000, "alaw")),
    ],
)
@pytest.mark.parametrize("cut", [1, 37, 100_000])
def test_every_encoding_and_fragmentation(
    serve: Serve, toy: Session, encoding: str, raw: RawFormat, cut: int
) -> None:
    if cut == 1 and raw.rate > 8000:
        cut = 11
    samples = np.concatenate((silence(0.3), robot(1.2), human(0.25)))
    if raw.encoding == "f32le":
        data = soxr.resample(samples, 8000, raw.rate).astype("<f4").tobytes()
    elif raw.encoding == "s16le":
        data = (soxr.resample(samples, 8000, raw.rate) * 32767).astype("<i2").tobytes()
    else:
        data = np.random.default_rng(1).integers(0, 256, 12_345, np.uint8).tobytes()
    running = serve(**BIG)
    told = call(running, data, cut, encoding=encoding, sample_rate=raw.rate)
    same(told, expected(toy, data, raw))


@pytest.mark.parametrize(("far", "channel"), [("left", 0), ("right", 1)])
def test_the_far_channel_of_stereo_is_judged(
    serve: Serve, toy: Session, far: str, channel: int
) -> None:
    both = np.stack((robot(2.05), human(2.05)), axis=1)
    data = (both * 32767).astype("<i2").tobytes()
    told = call(serve(**BIG), data, 999, channels=2, far=far)
    same(told, expected(toy, data, RawFormat(8000, channels=2), channel))
    assert (told.final["voice_llr"] > 0) == (far == "left")


@pytest.mark.parametrize("far", ["inbound", "outbound"])
def test_the_far_track_of_twilio_is_judged(serve: Serve, toy: Session, far: str) -> None:
    inbound, outbound = (mulaw((x * 32767).astype(np.int16)) for x in (robot(2.0), human(2.0)))
    running = serve(**BIG)
    messages = twilio_messages(inbound, outbound, far=far)
    told = asyncio.run(talk(f"{running.ws}/v1/twilio", messages))
    data = inbound if far == "inbound" else outbound
    same(told, expected(toy, data, RawFormat(8000, "mulaw")))


@pytest.mark.parametrize(("kind", "rate"), [(0x10, 8000), (0x12, 16_000), (0x15, 44_100)])
def test_audiosocket_rates(serve: Serve, toy: Session, kind: int, rate: int) -> None:
    running = serve(**BIG)
    data = (robot(2.2, rate) * 32767).astype("<i2").tobytes()
    asyncio.run(send_tcp(running.audiosocket, audiosocket_bytes(data, kind), cut=77))
    until(lambda: len(running.service.board.ended) == 1)
    (ended,) = running.service.board.ended
    wanted = expected(toy, data, RawFormat(rate))[-1]
    values = ended_values(ended)
    assert {name: values[name] for name in wanted} == wanted


def test_many_calls_at_once_do_not_mix(serve: Serve, released: Session) -> None:
    running = serve(released, **BIG, gather_ms=5.0)
    calls = [np.roll(DEMO, 3001 * i)[: 8000 * 6].tobytes() for i in range(8)]

    async def one(data: bytes) -> Told:
        pieces = [data[i : i + 3200] for i in range(0, len(data), 3200)]
        messages = [start_message(interval_ms=100), *pieces, '{"type": "stop"}']
        return await talk(f"{running.ws}/v1/calls", messages)

    async def run() -> list[Told]:
        return await asyncio.gather(*(one(data) for data in calls))

    for told, data in zip(asyncio.run(run()), calls, strict=True):
        wanted = expected(released, data, RawFormat(8000))
        assert all(alike(*pair) for pair in zip(told.of("verdict"), wanted, strict=True))
    batches = running.metric("ringtrue_batch_rows_count")
    assert running.metric("ringtrue_chunks_total") == 8 * 60
    assert batches < 8 * 60

"""The parsers of the framings: exact values, any fragmentation, and never another exception."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringtrue.inference.raw_pcm import RawFormat
from ringtrue.inference.service import audiosocket as a
from ringtrue.inference.service.call import CallFormat
from ringtrue.inference.service.ends import MalformedError
from ringtrue.inference.service.start import Start, is_stop, parse_start
from ringtrue.inference.service.twilio import TwilioMedia, TwilioParser, TwilioStart

from .clients import UUID, UUID_TEXT

calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60)


def read_or_refused(read: Callable[[str], object], text: str) -> object:
    """What a parser reads; None when it refuses in a few words."""
    try:
        return read(text)
    except MalformedError as error:
        if len(str(error)) > 500:
            raise
        return None


# AudioSocket.

payloads = st.binary(max_size=400).map(lambda b: b[: len(b) // 2 * 2])
audio = st.tuples(st.just(0x10), payloads)
other = st.sampled_from([(a.DTMF, b"5"), (a.SILENCE, b"")])


@calm
@given(
    st.lists(audio | other, max_size=20),
    st.lists(st.integers(1, 50), min_size=1, max_size=30),
)
def test_audiosocket_messages_survive_any_fragmentation(
    sent: list[tuple[int, bytes]], sizes: list[int]
) -> None:
    data = a.encode(a.UUID, UUID) + b"".join(a.encode(*m) for m in sent) + a.HANGUP_MESSAGE
    parser = a.AudioSocketParser()
    got: list[a.Message] = []
    start = turn = 0
    while start < len(data):
        size = sizes[turn % len(sizes)]
        got += parser.feed(data[start : start + size])
        start, turn = start + size, turn + 1
    wanted = [a.Audio(8000, payload) for kind, payload in sent if kind == 0x10]
    assert got == [a.Named(UUID_TEXT), *wanted, a.Hangup()]


@calm
@given(st.lists(st.binary(max_size=100), max_size=20))
def test_audiosocket_noise_is_refused_and_nothing_else(pieces: list[bytes]) -> None:
    parser = a.AudioSocketParser()
    with contextlib.suppress(MalformedError):
        for piece in pieces:
            for message in parser.feed(piece):
                assert isinstance(message, a.Named | a.Audio | a.Hangup)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (a.encode(0x10, b"ab"), "expected the UUID before audio"),
        (a.encode(a.UUID, b"short"), "expected a UUID of 16 bytes, got 5"),
        (a.encode(a.UUID, UUID) * 2, "expected one UUID, got a second"),
        (a.encode(a.UUID, UUID) + a.encode(0x10, b"abc"), "whole 16-bit samples, got 3 bytes"),
        (b"\x42\0\0", "expected a known type of message, got 0x42"),
        (b"\x03\xff\xff", "expected a short message of type 0x03, got 65535"),
        (
            a.encode(a.UUID, UUID) + a.encode(0x10, b"ab") + a.encode(0x12, b"ab"),
            "expected 8000 Hz as before, got 16000 Hz",
        ),
    ],
)
def test_audiosocket_errors_say_what_was_expected(data: bytes, text: str) -> None:
    with pytest.raises(MalformedError, match=text):
        a.AudioSocketParser().feed(data)


def test_audiosocket_error_messages_end_the_call() -> None:
    assert a.AudioSocketParser().feed(a.encode(a.ERROR, b"\x02")) == [a.Hangup(2)]
    assert a.AudioSocketParser().feed(a.encode(a.ERROR)) == [a.Hangup(0)]


def test_audiosocket_encoding() -> None:
    assert a.encode(0x10, b"ab") == b"\x10\x00\x02ab"
    assert a.encode(0x10, bytes(300))[:3] == b"\x10\x01\x2c"
    for kind, payload in ((256, b""), (1, bytes(65_536))):
        with pytest.raises(ValueError, match="expected a byte and at most 65,535 bytes"):
            a.encode(kind, payload)


# Start messages.


def start(**values: object) -> str:
    return json.dumps({"type": "start", "encoding": "mulaw", "sample_rate": 8000} | values)


def test_a_start_message() -> None:
    said = parse_start(
        start(channels=2, far="right", operating_point="balanced", call_id="x", interval_ms=200)
    )
    form = CallFormat(RawFormat(8000, "mulaw", 2), far=1, near=0)
    assert said == Start(form, "x", "balanced", 200)
    assert parse_start(start()) == Start(CallFormat(RawFormat(8000, "mulaw")), None, None, None)
    assert parse_start(start(encoding="float32")).form.raw.encoding == "f32le"


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("no", "expected a JSON object, got 'no'"),
        ("[1]", "expected a JSON object"),
        ("[" * 100_000, "expected a JSON object"),
        ("1" * 5000, "expected a JSON object"),
        ('{"type": "stop"}', "expected a message of type 'start' first, got 'stop'"),
        (start(speed=2), "expected only .*, got 'speed'"),
        (start(encoding="mp3"), "expected an encoding of pcm_s16le, mulaw, alaw, float32, got"),
        (start(encoding=[1]), "expected an encoding"),
        (start(sample_rate="8000"), "expected a sample rate in Hz, got '8000'"),
        (start(sample_rate=1000), "sample rate from 4000 to 768000 Hz, got 1000"),
        (start(sample_rate=200_000), "sample rate up to 192000 Hz, got 200000"),
        (start(channels=3), "expected 1 or 2 channels, got 3"),
        (start(channels=True), "expected 1 or 2 channels, got True"),
        (start(far="middle", channels=2), "expected far left or right, got 'middle'"),
        (start(far="right"), "there is only one channel"),
        (start(interval_ms=5), "expected interval_ms from 100 to 3600000, got 5"),
        (start(operating_point=7), "expected text as operating_point, got 7"),
    ],
)
def test_bad_start_messages_say_what_was_expected(text: str, match: str) -> None:
    with pytest.raises(MalformedError, match=match):
        parse_start(text)


json_values: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@calm
@given(
    st.dictionaries(
        st.sampled_from(
            ["encoding", "sample_rate", "channels", "far", "call_id", "interval_ms", "x"]
        ),
        json_values,
    )
)
def test_any_start_message_is_read_or_refused(values: dict[str, Any]) -> None:
    said = read_or_refused(parse_start, json.dumps({"type": "start", **values}))
    assert said is None or isinstance(said, Start)


def test_stop_messages() -> None:
    assert is_stop('{"type": "stop"}')
    with pytest.raises(MalformedError, match="expected audio or a message of type 'stop', got 's"):
        is_stop('{"type": "start"}')


# Twilio.


def begun(**values: object) -> TwilioParser:
    parser = TwilioParser("inbound")
    assert parser.parse('{"event": "connected", "protocol": "Call"}') is None
    assert parser.parse(json.dumps({"event": "start", "start": values})) is not None
    return parser


def test_a_twilio_stream() -> None:
    parser = TwilioParser("inbound")
    said = parser.parse(
        json.dumps(
            {
                "event": "start",
                "start": {
                    "callSid": "CA7",
                    "tracks": ["inbound", "outbound"],
                    "mediaFormat": {
                        "encoding": "audio/x-mulaw",
                        "sampleRate": 8000,
                        "channels": 1,
                    },
                    "customParameters": {
                        "far": "outbound",
                        "interval_ms": "300",
                        "token": "t",
                        "operating_point": "balanced",
                    },
                },
            }
        )
    )
    form = CallFormat(RawFormat(8000, "mulaw"), near_apart=True)
    assert said == TwilioStart(form, "CA7", "outbound", "balanced", 300, False, "t")
    media = {"event": "media", "media": {"track": "outbound", "payload": "AAH/"}}
    assert parser.parse(json.dumps(media)) == TwilioMedia("outbound", b"\x00\x01\xff")
    assert parser.parse('{"event": "dtmf", "dtmf": {"digit": "1"}}') is None
    assert parser.parse('{"event": "stop"}') == "stop"


def test_streams_of_other_providers_are_read() -> None:
    form = {"encoding": "PCMU", "sample_rate": 8000, "channels": 1}
    parser = begun(media_format=form, custom_parameters=None)
    assert parser.parse('{"event": "media", "media": {"payload": "AA=="}}') == TwilioMedia(
        "inbound", b"\x00"
    )
    other = '{"event": "media", "media": {"track": "x", "payload": "AA=="}}'
    assert parser.parse(other) is None


@pytest.mark.parametrize(
    ("message", "match"),
    [
        ({"event": 5}, "expected a message with an event"),
        ({"event": "media", "media": {}}, "expected a 'start' message before 'media'"),
        ({"event": "start"}, "expected an object as start, got None"),
        (
            {"event": "start", "start": {"mediaFormat": {"sampleRate": 16000}}},
            "expected audio/x-mulaw at 8000 Hz with 1 channel",
        ),
        ({"event": "start", "start": {"mediaFormat": {"encoding": []}}}, "expected audio/x-mulaw"),
        (
            {"event": "start", "start": {"customParameters": {"far": "both"}}},
            "expected far inbound or outbound, got 'both'",
        ),
        ({"event": "start", "start": {"tracks": 1}}, "expected a list as tracks"),
    ],
)
def test_bad_twilio_messages_say_what_was_expected(message: object, match: str) -> None:
    with pytest.raises(MalformedError, match=match):
        TwilioParser("inbound").parse(json.dumps(message))


@pytest.mark.parametrize("payload", ["A", "AA=A", "ä", "A A=", 5, None])
def test_bad_payloads_are_refused(payload: object) -> None:
    media = {"event": "media", "media": {"payload": payload}}
    with pytest.raises(MalformedError, match="expected base64"):
        begun().parse(json.dumps(media))


def test_one_start_only() -> None:
    with pytest.raises(MalformedError, match="expected one 'start' message, got a second"):
        begun().parse('{"event": "start", "start": {}}')


@calm
@given(st.lists(st.binary(max_size=60), max_size=10))
def test_twilio_audio_arrives_as_it_was_sent(pieces: list[bytes]) -> None:
    parser = begun()
    got = b""
    for piece in pieces:
        payload = base64.b64encode(piece).decode()
        said = parser.parse(json.dumps({"event": "media", "media": {"payload": payload}}))
        assert isinstance(said, TwilioMedia)
        got += said.data
    assert got == b"".join(pieces)


@calm
@given(
    st.sampled_from(["start", "media", "stop", "mark"]),
    st.dictionaries(
        st.sampled_from(["mediaFormat", "customParameters", "tracks", "payload", "track"]),
        json_values,
    ),
)
def test_any_twilio_message_is_read_or_refused(kind: str, values: dict[str, Any]) -> None:
    parser = TwilioParser("inbound")
    for text in (
        json.dumps({"event": kind, kind: values}),
        json.dumps({"event": "media", "media": values}),
    ):
        said = read_or_refused(parser.parse, text)
        assert said is None or said == "stop" or isinstance(said, TwilioStart | TwilioMedia)

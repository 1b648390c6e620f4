"""The messages of Twilio Media Streams, and of services that speak the same framing.

Text messages in JSON: ``connected``, ``start``, ``media`` (base64 of mu-law at 8 kHz, one track
each), ``mark``, ``dtmf``, ``stop`` (Twilio documentation, Media Streams, WebSocket messages).
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Literal

from ringtrue.inference.raw_pcm import RawFormat
from ringtrue.inference.service.call import CallFormat
from ringtrue.inference.service.ends import MalformedError
from ringtrue.inference.service.fields import interval, json_object, text_or_none
from ringtrue.inference.service.settings import Track

MULAW = ("audio/x-mulaw", "audio/basic", "PCMU", "mulaw")
"""Names of mu-law among services with this framing."""
TRACKS: tuple[Track, ...] = ("inbound", "outbound")


@dataclass(frozen=True)
class TwilioStart:
    """A stream begins.

    Attributes:
        form: mu-law at 8 kHz; the near end apart when both tracks are sent.
        name: the call's id at the provider, or None.
        far: the track to judge.
        operating_point: thresholds, or None for the service's.
        interval_ms: ms between periodic verdicts, or None for the service's.
        events: whether verdicts may be sent back on this socket. Twilio itself reports messages
            that it does not know as errors, so they are not unless asked for.
        token: a token among the custom parameters, or None.
    """

    form: CallFormat
    name: str | None
    far: Track
    operating_point: str | None
    interval_ms: int | None
    events: bool
    token: str | None


@dataclass(frozen=True)
class TwilioMedia:
    """Audio of one track."""

    track: Track
    data: bytes


Message = TwilioStart | TwilioMedia | Literal["stop"] | None


class TwilioParser:
    """Reads the messages of one connection in order.

    Args:
        far: the track to judge when the stream's parameters do not say.
    """

    def __init__(self, far: Track) -> None:
        self._far = far
        self._started = False

    def parse(self, text: str) -> Message:
        """What a message says; None for those without meaning here.

        Raises:
            MalformedError: not the framing, ``media`` before ``start`` or a second ``start``.
        """
        message = json_object(text)
        kind = message.get("event")
        if not isinstance(kind, str):
            raise MalformedError("expected a message with an event, such as 'start' or 'media'")
        if kind == "media":
            if not self._started:
                raise MalformedError("expected a 'start' message before 'media'")
            return _media(_part(message, "media"))
        if kind == "start":
            if self._started:
                raise MalformedError("expected one 'start' message, got a second")
            self._started = True
            return self._start(_part(message, "start"))
        return "stop" if kind == "stop" else None

    def _start(self, start: dict[str, Any]) -> TwilioStart:
        form = start.get("mediaFormat", start.get("media_format", {}))
        if not isinstance(form, dict):
            raise MalformedError("expected an object as mediaFormat")
        encoding = form.get("encoding", "audio/x-mulaw")
        rate = form.get("sampleRate", form.get("sample_rate", 8000))
        channels = form.get("channels", 1)
        if (rate, channels) != (8000, 1) or encoding not in MULAW:
            raise MalformedError(
                "expected audio/x-mulaw at 8000 Hz with 1 channel, got "
                f"{encoding!r:.40} at {rate!r:.20} Hz with {channels!r:.20}"
            )
        custom = start.get("customParameters", start.get("custom_parameters")) or {}
        if not isinstance(custom, dict):
            raise MalformedError("expected an object as customParameters")
        far = custom.get("far", self._far)
        if far not in TRACKS:
            raise MalformedError(f"expected far inbound or outbound, got {far!r:.40}")
        tracks = start.get("tracks", [])
        if not isinstance(tracks, list):
            raise MalformedError("expected a list as tracks")
        both = all(track in tracks for track in TRACKS)
        return TwilioStart(
            form=CallFormat(RawFormat(8000, "mulaw"), near_apart=both),
            name=text_or_none(custom, "call_id") or text_or_none(start, "callSid"),
            far=far,
            operating_point=text_or_none(custom, "operating_point"),
            interval_ms=interval(custom.get("interval_ms")),
            events=custom.get("events") in ("true", True),
            token=text_or_none(custom, "token"),
        )


def _part(message: dict[str, Any], name: str) -> dict[str, Any]:
    part = message.get(name)
    if not isinstance(part, dict):
        raise MalformedError(f"expected an object as {name}, got {part!r:.40}")
    return part


def _media(media: dict[str, Any]) -> TwilioMedia | None:
    track = media.get("track", "inbound")
    payload = media.get("payload")
    if not isinstance(payload, str):
        raise MalformedError(f"expected base64 text as payload, got {payload!r:.40}")
    if track not in TRACKS:
        return None
    try:
        return TwilioMedia(track, base64.b64decode(payload, validate=True))
    except (binascii.Error, ValueError) as error:
        raise MalformedError(f"expected base64 as payload: {error}") from error

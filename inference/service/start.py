"""The messages of ``/v1/calls``: a start in JSON, then audio in binary messages of any size."""

from __future__ import annotations

from dataclasses import dataclass

from ringtrue.inference.service.call import CallFormat
from ringtrue.inference.service.ends import MalformedError
from ringtrue.inference.service.fields import interval, json_object, raw_format, text_or_none

FIELDS = frozenset(
    {
        "type",
        "encoding",
        "sample_rate",
        "channels",
        "far",
        "operating_point",
        "call_id",
        "interval_ms",
    }
)
SIDES = {"left": 0, "right": 1}


@dataclass(frozen=True)
class Start:
    """A client's start message.

    Attributes:
        form: what will be sent.
        name: id of the call, or None.
        operating_point: thresholds, or None for the service's.
        interval_ms: ms between periodic verdicts, or None for the service's.
    """

    form: CallFormat
    name: str | None
    operating_point: str | None
    interval_ms: int | None


def parse_start(text: str) -> Start:
    """Read a start message.

    Raises:
        MalformedError: not JSON, another type, an unknown field or an impossible value.
    """
    message = json_object(text)
    if message.get("type") != "start":
        raise MalformedError(
            f"expected a message of type 'start' first, got {message.get('type')!r:.80}"
        )
    unknown = sorted(str(name)[:40] for name in set(message) - FIELDS)
    if unknown:
        raise MalformedError(f"expected only {', '.join(sorted(FIELDS))}, got {unknown[0]!r}")
    raw = raw_format(
        message.get("encoding"), message.get("sample_rate"), message.get("channels", 1)
    )
    far = message.get("far", "left")
    if not isinstance(far, str) or far not in SIDES:
        raise MalformedError(f"expected far left or right, got {far!r:.80}")
    if raw.channels == 1:
        if far == "right":
            raise MalformedError("far right was asked for, but there is only one channel")
        form = CallFormat(raw)
    else:
        form = CallFormat(raw, far=SIDES[far], near=1 - SIDES[far])
    return Start(
        form,
        text_or_none(message, "call_id"),
        text_or_none(message, "operating_point"),
        interval(message.get("interval_ms")),
    )


def is_stop(text: str) -> bool:
    """Whether a later text message ends the call.

    Raises:
        MalformedError: it is something else.
    """
    kind = json_object(text).get("type")
    if kind != "stop":
        raise MalformedError(f"expected audio or a message of type 'stop', got {kind!r:.80}")
    return True

"""Reads the fields of a client's JSON message, with errors that say what was expected."""

from __future__ import annotations

import json
from typing import Any

from ringtrue.inference.raw_pcm import RawFormat
from ringtrue.inference.service.ends import MalformedError

ENCODINGS = {"pcm_s16le": "s16le", "mulaw": "mulaw", "alaw": "alaw", "float32": "f32le"}
"""Names on the wire, and what the readers of raw audio call them."""
LONGEST_INTERVAL = 3_600_000
HIGHEST_RATE = 192_000
"""Hz of a live call; higher rates cost time that other calls need."""


def json_object(text: str) -> dict[str, Any]:
    """The JSON object that ``text`` holds.

    Raises:
        MalformedError: not JSON, or not an object.
    """
    try:
        value = json.loads(text)
    # Deeply nested lists exhaust the stack of the parser; digits without end its patience.
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"expected a JSON object, got {_short(text)}") from error
    if not isinstance(value, dict):
        raise MalformedError(f"expected a JSON object, got {_short(text)}")
    return value


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")


def raw_format(encoding: object, sample_rate: object, channels: object) -> RawFormat:
    """The format that three fields describe.

    Raises:
        MalformedError: an unknown encoding, an impossible rate or number of channels.
    """
    if not isinstance(encoding, str) or encoding not in ENCODINGS:
        raise MalformedError(
            f"expected an encoding of {', '.join(ENCODINGS)}, got {encoding!r:.80}"
        )
    if not isinstance(channels, int) or isinstance(channels, bool) or not 1 <= channels <= 2:
        raise MalformedError(f"expected 1 or 2 channels, got {channels!r:.80}")
    try:
        rate = sample_rate if isinstance(sample_rate, int) else None
        if rate is None:
            raise ValueError(f"expected a sample rate in Hz, got {sample_rate!r:.80}")
        if rate > HIGHEST_RATE:
            raise ValueError(f"expected a sample rate up to {HIGHEST_RATE} Hz, got {rate}")
        return RawFormat(rate, ENCODINGS[encoding], channels)
    except ValueError as error:
        raise MalformedError(str(error)) from error


def interval(value: object) -> int | None:
    """``interval_ms`` of a message: a whole number of ms, or None for the service's.

    Raises:
        MalformedError: not a number from 100 to an hour.
    """
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    if not isinstance(value, int) or not 100 <= value <= LONGEST_INTERVAL:
        raise MalformedError(
            f"expected interval_ms from 100 to {LONGEST_INTERVAL}, got {value!r:.80}"
        )
    return value


def text_or_none(message: dict[str, Any], name: str) -> str | None:
    """A field that holds text or is absent.

    Raises:
        MalformedError: another type, or longer than 256 characters.
    """
    value = message.get(name)
    if value is not None and (not isinstance(value, str) or len(value) > 256):
        raise MalformedError(f"expected text as {name}, got {value!r:.80}")
    return value

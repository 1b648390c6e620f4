"""The framing of Asterisk's AudioSocket, without sockets.

A message is one byte of type, two bytes of payload length (big-endian) and the payload (Asterisk
documentation, AudioSocket). Types: 0x00 hangup, 0x01 UUID of the call (16 bytes), 0x02 silence,
0x03 DTMF digit, 0x10 16-bit little-endian mono samples at 8 kHz, 0x11…0x18 the same at 12 to
192 kHz (newer releases of Asterisk), 0xff error.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from ringtrue.inference.service.ends import MalformedError

HEADER = 3
HANGUP, UUID, SILENCE, DTMF, ERROR = 0x00, 0x01, 0x02, 0x03, 0xFF
RATES = {
    0x10: 8000,
    0x11: 12_000,
    0x12: 16_000,
    0x13: 24_000,
    0x14: 32_000,
    0x15: 44_100,
    0x16: 48_000,
    0x17: 96_000,
    0x18: 192_000,
}
"""Hz of the types that carry audio."""
HANGUP_MESSAGE = b"\0\0\0"


@dataclass(frozen=True)
class Named:
    """The call's UUID."""

    name: str


@dataclass(frozen=True)
class Audio:
    """16-bit samples at ``rate`` Hz."""

    rate: int
    data: bytes


@dataclass(frozen=True)
class Hangup:
    """The call is over; ``error`` is Asterisk's code, or None for an ordinary hangup."""

    error: int | None = None


Message = Named | Audio | Hangup


class AudioSocketParser:
    """Cuts a byte stream into messages, however it was fragmented.

    At most one incomplete message is held, 65,538 bytes. After an error nothing more can be read:
    the length of what follows is unknown.
    """

    def __init__(self) -> None:
        self._held = bytearray()
        self._named = False
        self._rate: int | None = None

    def feed(self, data: bytes) -> list[Message]:
        """The messages that ``data`` completes; DTMF and silence are left out.

        Raises:
            MalformedError: an unknown type, a wrong length, audio before the UUID, or another
                rate than before. Messages before the bad one in ``data`` are lost with it.
        """
        self._held += data
        messages: list[Message] = []
        start = 0
        while len(self._held) - start >= HEADER:
            kind = self._held[start]
            length = self._held[start + 1] << 8 | self._held[start + 2]
            self._check(kind, length)
            end = start + HEADER + length
            if end > len(self._held):
                break
            message = self._message(kind, bytes(self._held[start + HEADER : end]))
            if message is not None:
                messages.append(message)
            start = end
        del self._held[:start]
        return messages

    def _check(self, kind: int, length: int) -> None:
        """Refuse by the header alone, before a payload is waited for."""
        if kind in RATES:
            if not self._named:
                raise MalformedError("expected the UUID before audio")
            if length % 2:
                raise MalformedError(f"expected audio of whole 16-bit samples, got {length} bytes")
        elif kind == UUID:
            if length != 16:
                raise MalformedError(f"expected a UUID of 16 bytes, got {length}")
            if self._named:
                raise MalformedError("expected one UUID, got a second")
        elif kind not in (HANGUP, SILENCE, DTMF, ERROR):
            raise MalformedError(f"expected a known type of message, got 0x{kind:02x}")
        elif length > 1024:
            raise MalformedError(f"expected a short message of type 0x{kind:02x}, got {length}")

    def _message(self, kind: int, payload: bytes) -> Message | None:
        if kind in RATES:
            rate = RATES[kind]
            if self._rate not in (None, rate):
                raise MalformedError(f"expected {self._rate} Hz as before, got {rate} Hz")
            self._rate = rate
            return Audio(rate, payload)
        if kind == UUID:
            self._named = True
            return Named(str(uuid.UUID(bytes=payload)))
        if kind == HANGUP:
            return Hangup()
        if kind == ERROR:
            return Hangup(payload[0] if payload else 0)
        return None


def encode(kind: int, payload: bytes = b"") -> bytes:
    """One message.

    Raises:
        ValueError: a type that is not a byte, or a payload above 65,535 bytes.
    """
    if not 0 <= kind <= 0xFF or len(payload) > 0xFFFF:
        raise ValueError(f"expected a byte and at most 65,535 bytes, got {kind}, {len(payload)}")
    return bytes((kind, len(payload) >> 8, len(payload) & 0xFF)) + payload

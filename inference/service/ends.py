"""Why a call ended, and how its client is told: WebSocket close codes (RFC 6455, section 7.4)."""

from __future__ import annotations

from enum import StrEnum


class End(StrEnum):
    """Reasons, as they stand in events and metrics."""

    STOPPED = "stopped"
    """The client said so."""
    HUNG_UP = "hung-up"
    """The client closed the connection."""
    IDLE = "idle"
    """No audio for too long, or no start."""
    TOO_LONG = "too-long"
    MALFORMED = "malformed"
    SLOW = "slow"
    """The client did not take its events."""
    SHUTDOWN = "shutdown"
    FAILED = "failed"
    """An error of the service itself."""


CLOSE_CODES = {
    End.STOPPED: 1000,
    End.HUNG_UP: 1000,
    End.SHUTDOWN: 1001,
    End.FAILED: 1011,
    End.MALFORMED: 4400,
    End.IDLE: 4408,
    End.TOO_LONG: 4413,
    End.SLOW: 4429,
}
UNAUTHORISED = 4401
DUPLICATE = 4409
FULL = 4503


class RefusedError(Exception):
    """A call or client is not taken.

    Attributes:
        status: HTTP status before the connection is open.
        code: WebSocket close code afterwards.
        kind: label in the metrics.
    """

    def __init__(self, status: int, code: int, kind: str, text: str) -> None:
        super().__init__(text)
        self.status, self.code, self.kind = status, code, kind


class MalformedError(ValueError):
    """A client's bytes do not follow the framing; the text says what was expected."""

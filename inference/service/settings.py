"""What can be chosen about the service, and its limits."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from ringtrue.inference.evidence.base import StreamFactory

Track = Literal["inbound", "outbound"]


@dataclass(frozen=True)
class ServiceSettings:
    """Limits and defaults of the service.

    Attributes:
        operating_point: thresholds of calls that do not name their own.
        max_calls: live calls; more are refused.
        max_call_seconds: longest call, s of wall clock.
        idle_seconds: a call without audio for so long is ended.
        start_seconds: a connection must have said what it sends by then.
        send_seconds: a client that takes nothing for so long is dropped.
        grace_seconds: time for the last verdicts when the service stops.
        buffer_seconds: audio of one call that may wait; then its socket is not read.
        max_speed: how much faster than real time one call may be heard, 0 for any speed.
        burst_seconds: wall-clock s a call may catch up at once, at ``max_speed``.
        interval_ms: ms of call between two verdict events while the verdict stays.
        waiting_events: events per client that may wait before the older periodic ones are dropped.
        max_message_bytes: largest WebSocket message.
        messages_per_second: messages per connection; then its socket is not read.
        max_feeds: clients that follow the events of all calls.
        twilio_far: the track that is judged.
        gather_ms: how long the engine waits for more calls before it runs a batch.
        max_batch: calls in one batch.
        upload_bytes: largest recording.
        upload_seconds: time for an upload.
        score_seconds: time for scoring one recording.
        scorers: processes that score recordings.
        waiting_uploads: recordings that may be uploaded or wait for a scorer.
        streams: makes the further evidence streams of a call.

    Raises:
        ValueError: a limit that is not above 0.
    """

    operating_point: str = "cautious"
    max_calls: int = 200
    max_call_seconds: float = 14_400.0
    idle_seconds: float = 30.0
    start_seconds: float = 10.0
    send_seconds: float = 10.0
    grace_seconds: float = 5.0
    buffer_seconds: float = 5.0
    max_speed: float = 4.0
    burst_seconds: float = 1.0
    interval_ms: int = 1000
    waiting_events: int = 64
    max_message_bytes: int = 262_144
    messages_per_second: float = 250.0
    max_feeds: int = 32
    twilio_far: Track = "inbound"
    gather_ms: float = 10.0
    max_batch: int = 64
    upload_bytes: int = 200_000_000
    upload_seconds: float = 120.0
    score_seconds: float = 300.0
    scorers: int = 1
    waiting_uploads: int = 8
    streams: StreamFactory | None = None

    def __post_init__(self) -> None:
        may_be_zero = {"max_speed", "gather_ms"}
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, int | float):
                continue
            # A comparison that NaN fails as well.
            if not (value > 0 or (value == 0 and field.name in may_be_zero)):
                raise ValueError(f"expected {field.name} above 0, got {value}")
        if self.twilio_far not in ("inbound", "outbound"):
            raise ValueError(f"expected the track inbound or outbound, got {self.twilio_far!r}")
        if self.interval_ms < 100:
            raise ValueError(f"expected an interval of at least 100 ms, got {self.interval_ms}")

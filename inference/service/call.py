"""One live call between its socket (an event loop) and the engine (a thread)."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ringtrue.inference.decision import Verdict
from ringtrue.inference.evidence.voice import Runner, VoiceStream
from ringtrue.inference.monitor import CallMonitor
from ringtrue.inference.raw_pcm import RawFormat, decode_raw
from ringtrue.inference.resample import StreamResampler
from ringtrue.inference.service.ends import End
from ringtrue.inference.service.pace import Pace
from ringtrue.inference.service.settings import ServiceSettings

Samples = npt.NDArray[np.float32]

NEAR_SLACK = 0.06
"""s that the far end waits for a near end that comes in messages of its own."""
LOUDEST = 100.0
"""Float samples above it are no overdriven audio but on the scale of integers, or garbage."""
NEAR_CHUNKS = 50
"""Chunks that the near end may run ahead; more is dropped."""


@dataclass(frozen=True)
class CallFormat:
    """What a call's client sends.

    Attributes:
        raw: rate, encoding and interleaved channels of :meth:`LiveCall.feed`.
        far: the channel that is judged.
        near: the channel of the near end, or None.
        near_apart: the near end comes by itself, one channel, through :meth:`LiveCall.feed_near`.
    """

    raw: RawFormat
    far: int = 0
    near: int | None = None
    near_apart: bool = False


def check_level(block: Samples) -> None:
    """Refuse float samples that are on another scale; the network would answer with NaN.

    Raises:
        ValueError: NaN, infinite or above :data:`LOUDEST`.
    """
    peak = float(np.abs(block).max(initial=0.0))
    if not peak <= LOUDEST:
        raise ValueError(f"expected samples from −1 to 1, got {peak:g}")


class NearEnd:
    """The near end in step with the far end's chunks.

    What is missing when a chunk is due counts as silence, and as much of what comes later is left
    out, so that both ends stay together.
    """

    def __init__(self, session: Runner, rate: int) -> None:
        self.voice = VoiceStream(session)
        self._resampler = StreamResampler(rate, session.info.sample_rate)
        self._size = session.info.chunk_samples
        self._data = np.zeros(0, np.float32)
        self._late = 0

    def push(self, samples: Samples) -> None:
        """The next samples, at the call's rate."""
        data = np.concatenate((self._data, self._resampler.push(samples)))
        skipped = min(self._late, data.size)
        self._late -= skipped
        self._data = data[skipped:][: NEAR_CHUNKS * self._size]

    def chunk(self) -> Samples:
        """The next chunk."""
        there = self._data[: self._size]
        self._data = self._data[self._size :].copy()
        missing = self._size - there.size
        self._late += missing
        return np.concatenate((there, np.zeros(missing, np.float32)))


class LiveCall:
    """The state of one call.

    The event loop calls :meth:`feed`, :meth:`feed_near` and :meth:`end`; the engine everything
    else. ``bytearray`` appends and deletions are single steps of the interpreter, so the two need
    no lock: the loop only appends at the end, the engine only deletes at the front.

    Args:
        name: id of the call.
        kind: framing it came through, a label.
        form: what is sent.
        session: the model.
        settings: limits.
        operating_point: thresholds, or None for those of the settings.
        interval_ms: ms of call between two periodic events, or None for that of the settings.

    Raises:
        ValueError: an unknown operating point.
    """

    def __init__(
        self,
        name: str,
        kind: str,
        form: CallFormat,
        session: Runner,
        settings: ServiceSettings,
        *,
        operating_point: str | None = None,
        interval_ms: int | None = None,
    ) -> None:
        streams = settings.streams() if settings.streams is not None else ()
        self.name, self.kind, self.form = name, kind, form
        self.operating_point = operating_point or settings.operating_point
        self.monitor = CallMonitor(session, self.operating_point, streams=streams)
        self.pace = Pace(settings.max_speed / session.info.chunk_seconds, settings.burst_seconds)
        self.started = self.heard = time.monotonic()
        self.started_at = time.time()
        self.due_since = self.started
        self.queued = False
        self.closed = False
        # Nobody listens to the near end without further streams, so it is not even kept.
        has_near = bool(streams) and (form.near is not None or form.near_apart)
        self.near = NearEnd(session, form.raw.rate) if has_near else None
        self.ready: deque[Samples] = deque()
        self.ending: End | None = None
        self.detail = ""
        rate, frame = form.raw.rate, form.raw.frame_bytes
        # The two ends take turns on one socket: the far end waits for the near end's last frames.
        apart = has_near and form.near_apart
        self.chunk_bytes = max(1, round(rate * session.info.chunk_seconds)) * frame
        self._due_bytes = self.chunk_bytes + (round(NEAR_SLACK * rate) * frame if apart else 0)
        self._limit = max(int(settings.buffer_seconds * rate) * frame, 2 * self._due_bytes)
        self._data = bytearray()
        self._near_data = bytearray()
        self._interval = (interval_ms or settings.interval_ms) / 1000.0
        self._next_event = 0.0
        self._flushed = False
        self.verdict = self.monitor.verdict
        self.on_event: Callable[[str, bool], None] = lambda text, must_arrive: None
        self.on_room: Callable[[], None] = lambda: None
        self.on_closed: Callable[[], None] = lambda: None

    # The event loop's side.

    def feed(self, data: bytes) -> bool:
        """The next bytes of any number; whether a chunk is due and the engine must be told."""
        if self.closed:
            return False
        self._data += data
        self.heard = time.monotonic()
        if len(self._data) < self._due_bytes or self.queued:
            return False
        self.queued = True
        self.due_since = self.heard
        return True

    def feed_near(self, data: bytes) -> None:
        """The next bytes of the near end; dropped when nobody hears it or it runs far ahead."""
        if self.near is not None and len(self._near_data) < self._limit:
            self._near_data += data

    @property
    def full(self) -> bool:
        """Whether so much waits that the socket should not be read."""
        return len(self._data) >= self._limit

    @property
    def waiting_seconds(self) -> float:
        """Audio that waits to be heard."""
        return len(self._data) / self.form.raw.frame_bytes / self.form.raw.rate

    # The engine's side.

    def fill(self) -> None:
        """Decode until a chunk is ready or the bytes are used up.

        Raises:
            ValueError: the samples are not finite.
        """
        while not self.ready and len(self._data) >= self._due_bytes:
            self._cut(self.chunk_bytes)
        if self.ready or self.ending is None or self._flushed:
            return
        # The last incomplete chunk; bytes that do not fill a sample are dropped.
        self._cut(len(self._data) - len(self._data) % self.form.raw.frame_bytes)
        self.ready.extend(self.monitor.cut_rest())
        self._flushed = True

    def _cut(self, size: int) -> None:
        data = bytes(self._data[:size])
        del self._data[:size]
        block = decode_raw(data, self.form.raw)
        if self.form.raw.encoding == "f32le":
            check_level(block)
        if self.near is not None:
            if self.form.near is not None:
                self.near.push(block[:, self.form.near])
            else:
                apart = bytes(self._near_data)
                apart = apart[: len(apart) - len(apart) % self.form.raw.frame_bytes]
                del self._near_data[: len(apart)]
                self.near.push(decode_raw(apart, self.form.raw)[:, 0])
        if len(block):
            self.ready.extend(self.monitor.cut(block[:, self.form.far], self.form.raw.rate))

    @property
    def more(self) -> bool:
        """Whether another turn has something to do."""
        return bool(self.ready) or len(self._data) >= self._due_bytes or self.ending is not None

    @property
    def done(self) -> bool:
        """Whether all was heard and the final event is due."""
        return self._flushed and not self.ready

    def judge(self, verdict: Verdict) -> tuple[bool, bool]:
        """Note a verdict; whether it changed and whether it is to be told."""
        changed = verdict.verdict != self.verdict.verdict
        self.verdict = verdict
        tell = changed or verdict.at >= self._next_event - 1e-6
        if tell:
            self._next_event = verdict.at + self._interval
        return changed, tell

"""A token bucket: so many per second, some at once."""

from __future__ import annotations


class Pace:
    """Says when the next one may go. Times are seconds of any one clock.

    Args:
        per_second: lasting rate; 0 for no limit.
        burst_seconds: how many seconds' worth may go at once.
    """

    def __init__(self, per_second: float, burst_seconds: float) -> None:
        self._step = 1.0 / per_second if per_second else 0.0
        self._burst = burst_seconds
        self._clock = float("-inf")

    def wait(self, now: float) -> float:
        """Seconds until one may go, 0 when at once."""
        return max(0.0, self._clock - now)

    def take(self, now: float, count: int = 1) -> float:
        """Let ``count`` go; seconds until the next may."""
        self._clock = max(self._clock, now - self._burst) + count * self._step
        return self.wait(now)

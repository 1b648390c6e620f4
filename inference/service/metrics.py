"""Figures for Prometheus, each service with a registry of its own."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ringtrue.inference.service.engine import BatchReport

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counters of one service. All labels take few values, none of them chosen by clients."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        r = self.registry
        self.live = Gauge("ringtrue_live_calls", "Calls now", ["framing"], registry=r)
        self.calls = Counter(
            "ringtrue_calls", "Ended calls", ["framing", "verdict", "end"], registry=r
        )
        self.flagged = Counter("ringtrue_flagged_calls", "Calls ever flagged robot", registry=r)
        self.chunks = Counter("ringtrue_chunks", "Chunks of 100 ms heard", registry=r)
        self.batch = Histogram(
            "ringtrue_batch_rows",
            "Chunks per run of the network",
            buckets=(1, 2, 4, 8, 16, 32, 64, 128),
            registry=r,
        )
        self.batch_seconds = Histogram(
            "ringtrue_batch_seconds",
            "Time of a turn of the engine",
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
            registry=r,
        )
        self.lag = Histogram(
            "ringtrue_verdict_lag_seconds",
            "From the last audio of a chunk to its verdict, calls in real time",
            buckets=(0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5),
            registry=r,
        )
        self.refused = Counter(
            "ringtrue_refused", "Calls and clients not taken", ["reason"], registry=r
        )
        self.errors = Counter("ringtrue_errors", "Errors by kind", ["kind"], registry=r)
        self.dropped = Counter("ringtrue_dropped_events", "Events slow clients missed", registry=r)
        self.feeds = Gauge("ringtrue_feeds", "Clients that follow all events", registry=r)
        self.uploads = Counter(
            "ringtrue_uploads", "Recordings received, by HTTP status", ["status"], registry=r
        )
        self.scoring = Histogram(
            "ringtrue_score_seconds",
            "Time for scoring an uploaded recording",
            buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300),
            registry=r,
        )

    def turn(self, report: BatchReport) -> None:
        """Count a turn of the engine."""
        if report.rows:
            self.chunks.inc(report.rows)
            self.batch.observe(report.rows)
            self.batch_seconds.observe(report.seconds)
        for lag in report.lags:
            self.lag.observe(lag)

    def text(self) -> bytes:
        """All figures in Prometheus' text format."""
        return generate_latest(self.registry)

"""Scores one recording and keeps what happened when."""

from __future__ import annotations

from pathlib import Path

from ringtrue.inference.audio import RawFormat
from ringtrue.inference.channels import ChannelChoice
from ringtrue.inference.evidence.voice import Runner
from ringtrue.inference.history import CallHistory
from ringtrue.inference.score import ScoreRow, score_file
from ringtrue.inference.timeline import Timeline, make_timeline


def trace_file(
    path: str | Path,
    session: Runner,
    *,
    channel: ChannelChoice | str = ChannelChoice.BOTH,
    operating_point: str = "cautious",
    raw: RawFormat | None = None,
) -> list[tuple[ScoreRow, Timeline]]:
    """Row and timeline of each channel; arguments and errors are those of ``score_file``."""
    histories: dict[str, CallHistory] = {}
    rows = score_file(
        path, session, channel=channel, operating_point=operating_point, raw=raw,
        histories=histories,
    )  # fmt: skip
    point, version = session.info.operating_point(operating_point), session.info.model_version
    return [(row, make_timeline(histories[row.channel], row, point, version)) for row in rows]

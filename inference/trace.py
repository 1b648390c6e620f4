"""Scores one recording and keeps what happened when."""

from __future__ import annotations

from pathlib import Path

from ringtrue.inference.audio import RawFormat
from ringtrue.inference.channels import ChannelChoice
from ringtrue.inference.evidence.base import StreamFactory
from ringtrue.inference.evidence.voice import Runner
from ringtrue.inference.fusion import fused_point
from ringtrue.inference.history import CallHistory
from ringtrue.inference.score import ScoreRow, score_file
from ringtrue.inference.timeline import Timeline, make_timeline
from ringtrue.model.contract import ModelInfo


def trace_file(
    path: str | Path,
    session: Runner,
    *,
    channel: ChannelChoice | str | None = None,
    far: ChannelChoice | str | None = None,
    operating_point: str = "cautious",
    streams: StreamFactory | None = None,
    raw: RawFormat | None = None,
) -> list[tuple[ScoreRow, Timeline]]:
    """Row and timeline of each channel; arguments and errors are those of ``score_file``."""
    histories: dict[str, CallHistory] = {}
    rows = score_file(
        path, session, channel=channel, far=far, operating_point=operating_point,
        streams=streams, raw=raw, histories=histories,
    )  # fmt: skip
    choose = ModelInfo.operating_point if streams is None else fused_point
    point, version = choose(session.info, operating_point), session.info.model_version
    return [(row, make_timeline(histories[row.channel], row, point, version)) for row in rows]

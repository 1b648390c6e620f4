"""The evidence streams that simulated calls are listened to with."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ringtrue.inference.evidence.base import EvidenceStream
from ringtrue.inference.evidence.default import default_streams
from ringtrue.inference.evidence.floor import FloorStream
from ringtrue.inference.evidence.timing import TimingStream
from ringtrue.training.callsim.listening import StreamMaker
from ringtrue.training.commands.call_options import newest

FUSED = ("replay", "timing", "floor")
"""Streams that are summed with the voice."""


def stream_maker(evidence: Path | None) -> StreamMaker:
    """Makes all streams of a call, with the models of a folder, else the released ones."""
    return partial(
        _streams,
        newest(evidence, "ringtrue-timing-*.onnx"),
        newest(evidence, "ringtrue-floor-*.onnx"),
    )


def _streams(timing: Path | None, floor: Path | None) -> Sequence[EvidenceStream]:
    return default_streams(timing=timing, floor=floor)


def stream_versions(evidence: Path | None) -> dict[str, str]:
    """Versions of the streams' models, by stream."""
    return {
        stream.name: stream.version
        for stream in stream_maker(evidence)()
        if isinstance(stream, TimingStream | FloorStream)
    }

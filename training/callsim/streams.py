"""The evidence streams that simulated calls are listened to with."""

from __future__ import annotations

from pathlib import Path

from ringtrue.inference.evidence.default import AllStreams
from ringtrue.inference.evidence.floor import FloorStream
from ringtrue.inference.evidence.timing import TimingStream
from ringtrue.training.commands.call_options import newest

FUSED = ("replay", "timing", "floor")
"""Streams that are summed with the voice."""


def stream_maker(evidence: Path | None) -> AllStreams:
    """Makes all streams of a call, with the models of a folder, else the released ones."""
    timing, floor = (newest(evidence, f"ringtrue-{n}-*.onnx") for n in ("timing", "floor"))
    return AllStreams(
        timing=None if timing is None else str(timing), floor=None if floor is None else str(floor)
    )


def stream_versions(evidence: Path | None) -> dict[str, str]:
    """Versions of the streams' models, by stream."""
    return {
        stream.name: stream.version
        for stream in stream_maker(evidence)()
        if isinstance(stream, TimingStream | FloorStream)
    }

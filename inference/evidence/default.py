"""The evidence streams that go with the voice when all evidence is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ringtrue.inference.evidence.base import EvidenceStream
from ringtrue.inference.evidence.floor import FloorStream
from ringtrue.inference.evidence.replay import ReplayStream
from ringtrue.inference.evidence.timing import TimingStream

if TYPE_CHECKING:
    from ringtrue.inference.replay.bank import PromptBank


def default_streams(
    *,
    near: bool = True,
    bank: PromptBank | None = None,
    timing: str | Path | None = None,
    floor: str | Path | None = None,
) -> tuple[EvidenceStream, ...]:
    """Fresh streams for one call at a time.

    >>> monitor = CallMonitor(streams=default_streams())    # doctest: +SKIP
    >>> monitor.push(far, 8000, near=near)                  # doctest: +SKIP

    Args:
        near: whether the near end will be heard too; timing needs it.
        bank: prompts of earlier calls, or None to look for repeats inside the call only.
        timing, floor: model files to use instead of the released ones.

    Raises:
        ModelError: a model is missing or unfit.
    """
    streams: list[EvidenceStream] = [ReplayStream(bank)]
    if near:
        streams.append(TimingStream(timing))
    streams.append(FloorStream(floor))
    return tuple(streams)

"""What is the same for all recordings of a bulk job."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from ringtrue.inference.channels import (
    ChannelChoice,
    ChannelPick,
    check_far,
    near_channel,
    pick_parties,
)
from ringtrue.inference.evidence.base import StreamFactory
from ringtrue.inference.raw_pcm import RawFormat

LANES = 24
"""Calls per batch. Larger ones gain little (``benchmarks/batch_streams.py``) and hold more."""


@dataclass(frozen=True)
class Settings:
    """How recordings are scored; pickled to every worker.

    Attributes:
        model: an ONNX file, or None for the released model.
        operating_point: name of the thresholds.
        channel: the channels to score; None means both, or the far end where ``far`` names it.
        far: ``left`` or ``right``: the channel of two-channel recordings that holds the far end.
        raw: how to read headerless recordings.
        streams: makes further evidence per scored channel.
        evidence: names the settings of ``streams`` in the key by which finished work is known.
        lanes: calls per batch of one worker.
        threads: threads of onnxruntime per worker.
        timeline: folder for one timeline file per scored channel.

    Raises:
        ValueError: ``far`` is neither left nor right, or contradicts ``channel``.
    """

    model: str | None = None
    operating_point: str = "cautious"
    channel: ChannelChoice | None = None
    far: ChannelChoice | None = None
    raw: RawFormat | None = None
    streams: StreamFactory | None = None
    evidence: str = ""
    lanes: int = LANES
    threads: int = 1
    timeline: str | None = None

    def __post_init__(self) -> None:
        if self.lanes < 1:
            raise ValueError(f"expected at least 1 lane, got {self.lanes}")
        check_far(self.far, self.channel)

    def picks(self, channels: int) -> tuple[ChannelPick, ...]:
        """The channels to score of a recording with ``channels`` channels.

        A one-channel recording is scored as it is, wherever the far end is in the others.

        Raises:
            ValueError: the recording lacks the channel.
        """
        return pick_parties(channels, self.channel, self.far)

    def near(self, channels: int) -> ChannelPick | None:
        """The near end's channel, where further evidence may listen to it."""
        return None if self.streams is None else near_channel(channels, self.far)

    def digest(self, model_digest: str) -> str:
        """Hex digest of everything that can change a row, the model's bytes included."""
        evidence = self.evidence
        if self.streams is not None and not evidence:
            evidence = getattr(self.streams, "__qualname__", repr(self.streams))
        document = {
            "model": model_digest,
            "operating_point": self.operating_point,
            "channel": self.channel,
            "far": self.far,
            "raw": None if self.raw is None else asdict(self.raw),
            "evidence": evidence,
            "timeline": self.timeline is not None,
        }
        return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:32]

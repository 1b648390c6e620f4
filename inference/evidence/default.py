"""The evidence streams that go with the voice when all evidence is asked for."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ringtrue.inference.evidence.base import EvidenceStream
from ringtrue.inference.evidence.floor import FloorStream
from ringtrue.inference.evidence.noise_floor import FEATURES as FLOOR_FEATURES
from ringtrue.inference.evidence.replay import ReplayStream
from ringtrue.inference.evidence.soft_model import SoftModel
from ringtrue.inference.evidence.timing import TimingStream
from ringtrue.inference.evidence.turns import FEATURES as TIMING_FEATURES
from ringtrue.inference.fusion import known_fusions

if TYPE_CHECKING:
    from ringtrue.inference.replay.bank import PromptBank


def default_streams(
    *,
    near: bool = True,
    bank: PromptBank | None = None,
    timing: str | Path | None = None,
    floor: str | Path | None = None,
) -> tuple[EvidenceStream, ...]:
    """Fresh streams for one call at a time: replay, timing, floor.

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
        streams.append(TimingStream(_loaded("timing", timing)))
    streams.append(FloorStream(_loaded("floor", floor)))
    return tuple(streams)


@dataclass(frozen=True)
class AllStreams:
    """Makes :func:`default_streams` per call; can be sent to other processes.

    Attributes:
        bank: file of a prompt bank, or None.
        timing, floor: model files to use instead of the released ones.
    """

    bank: str | None = None
    timing: str | None = None
    floor: str | None = None

    def __call__(self) -> Sequence[EvidenceStream]:
        """Fresh streams; timing abstains by itself where no near end is heard."""
        bank = None if self.bank is None else _bank(self.bank)
        return default_streams(bank=bank, timing=self.timing, floor=self.floor)

    @property
    def key(self) -> str:
        """Names what can change the verdict, for keys of finished work: the models, the thresholds
        and the bank, each by its content.

        Raises:
            BankError: the bank cannot be read.
        """
        models = [_loaded("timing", self.timing).digest, _loaded("floor", self.floor).digest]
        texts = "".join(fusion.to_json() for fusion in known_fusions())
        thresholds = hashlib.sha256(texts.encode()).hexdigest()[:16]
        bank = "" if self.bank is None else _bank_digest(self.bank)
        return "|".join(["all", *models, thresholds, bank])


@functools.lru_cache(maxsize=8)
def _loaded(name: str, source: str | Path | None) -> SoftModel:
    """One session per process and model: calls share it."""
    return SoftModel(source, name, TIMING_FEATURES if name == "timing" else FLOOR_FEATURES)


@functools.lru_cache(maxsize=4)
def _bank(path: str) -> PromptBank:
    from ringtrue.inference.replay.bank import PromptBank

    return PromptBank(path)


def _bank_digest(path: str) -> str:
    from ringtrue.inference.replay.bank import PromptBank

    # Not the bank of :func:`_bank`: an open SQLite file must not be taken into a forked worker.
    with PromptBank(path) as bank:
        return bank.digest

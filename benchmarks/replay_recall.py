"""Recall of ``replay.py``: a clip heard twice in a call, over codecs, noise and lengths."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from replay_calls import SECONDS, SNRS, Call, Calls
from replay_peer import Row, interval

from ringtrue.inference.evidence.replay import ReplayMatch


@dataclass(frozen=True)
class _Trial:
    codec: str
    snr: float
    seconds: float
    spoken: bool
    found: bool


def recall(
    calls: Calls,
    matches: Callable[[Call], tuple[ReplayMatch, ...]],
    count: int,
    codecs: Sequence[str],
) -> Iterator[Row]:
    """One row per codec, then per SNR and length, and per length, over all codecs.

    Args:
        calls: makes the calls.
        matches: everything that is found in a call.
        count: trials per codec, SNR and length.
        codecs: of the second time.
    """
    trials = []
    for codec, snr, seconds in product(codecs, SNRS, SECONDS):
        for number in range(count):
            call = calls.replayed(codec, snr, seconds, number)
            found = any(
                m.earlier is not None and abs(m.start - m.earlier - call.distance) < 0.06
                for m in matches(call)
            )
            spoken = calls.is_spoken(codec, snr, seconds, number)
            trials.append(_Trial(codec, snr, seconds, spoken, found))
    for codec in codecs:
        yield _row(f"second time through {codec}", [t for t in trials if t.codec == codec])
    for snr, seconds in product(SNRS, SECONDS):
        cell = [t for t in trials if t.snr == snr and t.seconds == seconds]
        yield _row(f"all codecs, {snr:.0f} dB, {seconds} s", cell)
    for seconds in SECONDS:
        cell = [t for t in trials if t.seconds == seconds]
        yield _row(f"all codecs and SNR, {seconds} s", cell)


def _row(name: str, trials: Sequence[_Trial]) -> Row:
    hits = [t.found for t in trials]
    spoken = [t.found for t in trials if t.spoken]
    return {
        "replay in a call": name,
        "trials": len(hits),
        "recall": float(np.mean(hits)),
        "interval": interval(sum(hits), len(hits)),
        "spoken": len(spoken),
        "of spoken": sum(spoken) / max(1, len(spoken)),
        "of spoken, interval": interval(sum(spoken), len(spoken)) if spoken else "",
    }

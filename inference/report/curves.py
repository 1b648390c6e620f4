"""A timeline packed for a page: about 2 kB of JSON per call."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ringtrue.inference.timeline import Timeline

POINTS = 400
"""Points of a curve and of the envelope, at most; a picture is about 1,100 pixels wide."""
SCALE = 100.0
"""Evidence is sent in hundredths."""
TEXTS = 100
"""Verdict changes and marks on a page, at most."""


def pack(timeline: Timeline) -> dict[str, Any]:
    """JSON values of a picture.

    ``s`` length in s; ``d`` s per point; ``l`` evidence (int16, hundredths) and ``v`` the same of
    the voice where it differs; ``p`` speech (uint8, percent); ``e`` s per point of the envelope,
    ``w`` its low and high values in turn (int8, −127…127 of the loudest ``a``); ``c`` changes
    [at, verdict, reasons], ``m`` marks [at, stream, text, llr]; ``f`` flag time; ``t`` the
    thresholds [flag, clear, human], ``o`` their name; ``x`` model version. Numbers are
    little-endian and in base64.
    """
    size = max(1, -(-len(timeline.llr) // POINTS))
    wide = max(1, -(-len(timeline.low) // POINTS))
    llr = _last(timeline.llr, size)
    voice = _last(timeline.voice_llr, size)
    low, high = _reduce(timeline.low, wide, np.minimum), _reduce(timeline.high, wide, np.maximum)
    peak = float(max(np.abs(low).max(initial=0.0), np.abs(high).max(initial=0.0)))
    envelope = np.stack((low, high), axis=1).ravel() * (127.0 / (peak or 1.0))
    speech = _reduce(timeline.speech, size, np.maximum) * 100.0
    point = timeline.point
    packed: dict[str, Any] = {
        "s": timeline.seconds,
        "d": round(timeline.step * size, 4),
        "l": _base64(llr * SCALE, "<i2"),
        "p": _base64(speech, "u1"),
        "e": round(timeline.envelope_step * wide, 5),
        "w": _base64(envelope, "i1"),
        "a": round(peak, 3),
        "c": [[c.at, c.verdict, list(c.reasons)] for c in timeline.changes[:TEXTS]],
        "m": [[m.at, m.stream, m.text, round(m.llr, 2)] for m in timeline.marks[:TEXTS]],
        "f": timeline.flagged_at,
        "t": [round(v, 3) for v in (point.flag_llr, point.clear_llr, point.human_llr)],
        "o": point.name,
        "x": timeline.model_version,
    }
    if not np.allclose(llr, voice, atol=0.02):
        packed["v"] = _base64(voice * SCALE, "<i2")
    return packed


def _last(values: Sequence[float], size: int) -> npt.NDArray[np.float64]:
    array = np.asarray(values, np.float64)
    ends = np.minimum(np.arange(0, array.size, size) + size, array.size) - 1
    picked: npt.NDArray[np.float64] = array[ends]
    return picked


def _reduce(values: Sequence[float], size: int, by: np.ufunc) -> npt.NDArray[np.float64]:
    array = np.asarray(values, np.float64)
    if not array.size:
        return array
    reduced: npt.NDArray[np.float64] = by.reduceat(array, np.arange(0, array.size, size))
    return reduced


def _base64(values: npt.NDArray[np.float64], kind: str) -> str:
    limits = np.iinfo(kind)
    whole = np.clip(np.rint(values), limits.min, limits.max).astype(kind)
    return base64.b64encode(whole.tobytes()).decode("ascii")

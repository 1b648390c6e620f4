"""The engine that a bulk job asks for."""

from __future__ import annotations

import os

from ringtrue.inference.bulk.places import place_period
from ringtrue.inference.bulk.pool import LocalPool
from ringtrue.inference.bulk.run import Engine, InProcess
from ringtrue.inference.bulk.scorer import LaneScorer
from ringtrue.inference.bulk.settings import Settings
from ringtrue.inference.score import Origin
from ringtrue.inference.session import Session

ENGINES = ("local", "ray")
PATIENCE = 120.0
"""Seconds after which a recording from which nothing comes is given up."""


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def make_engine(
    name: str,
    session: Session,
    settings: Settings,
    workers: int | None = None,
    total: int | None = None,
    patience: float = PATIENCE,
) -> Engine:
    """An engine of ``ENGINES``.

    Args:
        name: ``local`` or ``ray``.
        session: the model, for what has to be known before workers start.
        settings: how to score.
        workers: processes; 0 for none, None for one per core, or none for a single recording.
        total: recordings, if known.
        patience: s without a sign of life after which a recording is given up.

    Raises:
        ValueError: an unknown name, or impossible numbers.
        MissingExtraError: ray is not installed.
    """
    if name not in ENGINES:
        raise ValueError(f"expected --engine {' or '.join(ENGINES)}, got {name!r}")
    period = 1 if total == 1 else place_period(session, settings.lanes)
    origin = Origin.of(session, settings.operating_point, settings.streams is not None)
    if name == "ray":
        from ringtrue.inference.bulk.ray_engine import RayEngine

        return RayEngine(settings, origin, period, workers, patience)
    if workers is None:
        workers = 0 if total == 1 else cores()
    if workers == 0:
        return InProcess(LaneScorer(session, settings, period=period).run)
    return LocalPool(settings, origin, period, workers, patience)

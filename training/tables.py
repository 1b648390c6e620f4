"""Tables of an evaluation, computed from scored trials alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ringtrue.training.heard import HARMONISED, SIMULATED
from ringtrue.training.metrics import Estimate, bootstrap_groups, measure
from ringtrue.training.trials import Trial

POOLED = "pooled"
"""Harmonised phone recordings and the simulated line together."""
REPLICATES = 500
FEWEST_TRIALS = 5
FEWEST_TO_NAME = 10

KINDS: dict[str, Callable[[Trial], str]] = {
    "language": lambda trial: trial.language,
    "system": lambda trial: trial.system,
    "source": lambda trial: trial.source,
    "codec": lambda trial: trial.codec.split(" ")[0],
}
"""What the trials are sliced by."""


@dataclass(frozen=True)
class Scored:
    """A trial and a detector's natural-log likelihood ratio robot : human for it."""

    trial: Trial
    score: float


@dataclass(frozen=True)
class Cell:
    """One detector in one condition after so many seconds of speech.

    Attributes:
        metrics: see :data:`ringtrue.training.metrics.METRICS`.
        resampled: what the intervals are drawn over.
    """

    detector: str
    condition: str
    seconds: float
    humans: int
    robots: int
    metrics: dict[str, Estimate]
    resampled: str


@dataclass(frozen=True)
class Slice:
    """One language, system, source or codec within a condition.

    Attributes:
        kind: of :data:`KINDS`.
        against: what its trials are compared with: ``own humans``, ``all humans``, ``all robots``.
        humans, robots: trials compared.
        own: trials of the slice itself.
        mean_human, mean_robot: mean score of each class in the comparison.
    """

    detector: str
    condition: str
    seconds: float
    kind: str
    name: str
    against: str
    humans: int
    robots: int
    own: int
    eer: Estimate
    auc: Estimate
    mean_human: float
    mean_robot: float


def conditions(scored: Iterable[Scored]) -> dict[str, list[Scored]]:
    """Scored trials by view, with :data:`POOLED` last where both of its parts are there."""
    found: dict[str, list[Scored]] = {}
    for item in scored:
        found.setdefault(item.trial.view, []).append(item)
    if HARMONISED in found and SIMULATED in found:
        found[POOLED] = found[HARMONISED] + found[SIMULATED]
    return found


def durations(scored: Iterable[Scored]) -> dict[float, list[Scored]]:
    """Scored trials by seconds of speech, rising."""
    found: dict[float, list[Scored]] = {}
    for item in scored:
        found.setdefault(item.trial.seconds, []).append(item)
    return dict(sorted(found.items()))


def cells(detector: str, scored: Sequence[Scored], seed: int = 0) -> list[Cell]:
    """Every metric for each condition and duration in which both classes occur."""
    table = []
    for condition, of_condition in conditions(scored).items():
        for seconds, items in durations(of_condition).items():
            humans, robots = _count(items)
            if humans and robots:
                metrics, resampled = _measure(items, REPLICATES, seed)
                table.append(Cell(detector, condition, seconds, humans, robots, metrics, resampled))
    return table


def slices(detector: str, scored: Sequence[Scored], seconds: float, seed: int = 0) -> list[Slice]:
    """Per language, system, source and codec, at one duration.

    A slice with both classes is compared within itself; a slice of one class with all trials of
    the other class of its condition. Slices of fewer than 5 trials are left out.
    """
    table = []
    for condition, of_condition in conditions(scored).items():
        if condition == POOLED:
            continue
        items = durations(of_condition).get(seconds, [])
        for kind, key in KINDS.items():
            for name in sorted({key(item.trial) for item in items} - {""}):
                row = _slice(detector, condition, seconds, kind, name, items, key, seed)
                if row is not None:
                    table.append(row)
    return table


def worst(table: Sequence[Slice], condition: str, kind: str) -> Slice | None:
    """The slice of at least 10 trials with the highest EER."""
    rows = [
        row
        for row in table
        if row.condition == condition and row.kind == kind and row.own >= FEWEST_TO_NAME
    ]
    return max(rows, key=lambda row: row.eer.value, default=None)


def _slice(
    detector: str,
    condition: str,
    seconds: float,
    kind: str,
    name: str,
    items: Sequence[Scored],
    key: Callable[[Trial], str],
    seed: int,
) -> Slice | None:
    own = [item for item in items if key(item.trial) == name]
    own_humans, own_robots = _count(own)
    compared, against = own, "own humans"
    if own_humans < FEWEST_TRIALS or own_robots < FEWEST_TRIALS:
        robots = own_robots >= own_humans
        own = [item for item in own if item.trial.robot == robots]
        compared = own + [item for item in items if item.trial.robot != robots]
        against = "all humans" if robots else "all robots"
    humans, robots_count = _count(compared)
    if len(own) < FEWEST_TRIALS or not humans or not robots_count:
        return None
    metrics, _ = _measure(compared, REPLICATES // 2, seed)
    means = [
        float(np.mean([item.score for item in compared if item.trial.robot == robot]))
        for robot in (False, True)
    ]
    return Slice(
        detector, condition, seconds, kind, name, against, humans, robots_count, len(own),
        metrics["eer"], metrics["auc"], *means,
    )  # fmt: skip


def _measure(
    items: Sequence[Scored], replicates: int, seed: int
) -> tuple[dict[str, Estimate], str]:
    labels = [item.trial.robot for item in items]
    groups, resampled = bootstrap_groups(
        [item.trial.group for item in items], [item.trial.system for item in items], labels
    )
    rng = np.random.default_rng(seed)
    return measure([item.score for item in items], labels, groups, replicates, rng), resampled


def _count(items: Iterable[Scored]) -> tuple[int, int]:
    robots = [item.trial.robot for item in items]
    return len(robots) - sum(robots), sum(robots)

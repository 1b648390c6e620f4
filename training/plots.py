"""Pictures of an evaluation: DET curves, score histograms, bars per system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import norm

from ringtrue.training.metrics import curve
from ringtrue.training.report import Report
from ringtrue.training.tables import Scored, conditions, durations

SECONDS = 4.0
_TICKS = (0.001, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
_HUMAN, _ROBOT = "#2a6f97", "#c1440e"


def draw(report: Report, scores: Mapping[str, Sequence[Scored]], folder: Path) -> list[str]:
    """Write all pictures to ``folder``; returns their file names.

    Raises:
        OSError: a file cannot be written.
    """
    names = []
    of_model = conditions(scores[report.model])
    for condition, items in of_model.items():
        by_duration = {s: found for s, found in durations(items).items() if _both(found)}
        if by_duration:
            names.append(_save(folder, f"det-{condition}", _det(condition, by_duration)))
        if SECONDS in by_duration:
            figure = _histogram(condition, by_duration[SECONDS])
            names.append(_save(folder, f"scores-{condition}", figure))
        systems = _systems(report, condition)
        if systems is not None:
            names.append(_save(folder, f"systems-{condition}", systems))
    return names


def _figure(width: float = 6.0, height: float = 4.5) -> tuple[Any, Any]:
    # The object interface: no global state, no display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def _save(folder: Path, name: str, figure: Any) -> str:
    figure.savefig(folder / f"{name}.png", dpi=110)
    return f"{name}.png"


def _both(items: Sequence[Scored]) -> bool:
    return len({item.trial.robot for item in items}) == 2


def _det(condition: str, by_duration: Mapping[float, Sequence[Scored]]) -> Any:
    """Detection error tradeoff on normal-deviate axes (Martin et al., 1997)."""
    figure, axes = _figure()
    for seconds, items in by_duration.items():
        points = curve([i.score for i in items], [i.trial.robot for i in items])
        limits = (5e-4, 1 - 5e-4)
        axes.plot(
            norm.ppf(np.clip(points.false_flags, *limits)),
            norm.ppf(np.clip(points.misses, *limits)),
            label=f"{seconds:g} s of speech",
        )
    ticks = norm.ppf(_TICKS)
    labels = [f"{100 * tick:g}" for tick in _TICKS]
    axes.set_xticks(ticks, labels)
    axes.set_yticks(ticks, labels)
    axes.set_xlim(norm.ppf(0.0008), norm.ppf(0.85))
    axes.set_ylim(norm.ppf(0.0008), norm.ppf(0.85))
    axes.plot([-4, 4], [-4, 4], color="grey", linewidth=0.6)
    axes.set(xlabel="humans flagged, %", ylabel="robots missed, %", title=f"DET, {condition}")
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)
    return figure


def _histogram(condition: str, items: Sequence[Scored]) -> Any:
    figure, axes = _figure()
    scores = np.array([item.score for item in items])
    robot = np.array([item.trial.robot for item in items])
    bins = np.linspace(scores.min(), scores.max() + 1e-6, 40)
    for of_class, name, colour in ((~robot, "human", _HUMAN), (robot, "robot", _ROBOT)):
        axes.hist(scores[of_class], bins, density=True, alpha=0.55, label=name, color=colour)
    axes.axvline(0, color="grey", linewidth=0.8)
    axes.set(
        xlabel="voice_llr (natural log; positive is robot)",
        ylabel="density",
        title=f"Scores at {SECONDS:g} s of speech, {condition}",
    )
    axes.legend()
    return figure


def _systems(report: Report, condition: str) -> Any | None:
    rows = [
        row
        for row in report.slices
        if (row.condition, row.kind, row.seconds) == (condition, "system", SECONDS)
    ]
    if not rows:
        return None
    rows.sort(key=lambda row: row.eer.value)
    figure, axes = _figure(7, 1.2 + 0.28 * len(rows))
    values = np.array([100 * row.eer.value for row in rows])
    low = np.nan_to_num(values - 100 * np.array([row.eer.low for row in rows]))
    high = np.nan_to_num(100 * np.array([row.eer.high for row in rows]) - values)
    axes.barh(
        range(len(rows)),
        values,
        xerr=np.maximum([low, high], 0),
        color=_ROBOT,
        alpha=0.7,
        capsize=2,
    )
    axes.set_yticks(range(len(rows)), [f"{row.name} ({row.own})" for row in rows], fontsize=8)
    axes.margins(y=0.01)
    axes.axvline(50, color="grey", linewidth=0.8)
    axes.set(xlabel="EER, % (all humans of the condition)", title=f"Systems, {condition}")
    return figure

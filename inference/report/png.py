"""PNG files beside a page, drawn by matplotlib (extra ``plot``)."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ringtrue.inference.extras import MissingExtraError
from ringtrue.inference.picture import GREEN, GREY, RED, CallPicture, write_picture
from ringtrue.inference.report.results import KINDS
from ringtrue.inference.report.totals import BIN, OverTime, Totals
from ringtrue.inference.timeline import Timeline

COLOURS = {"robot": RED, "unsure": "#c08a1e", "human": GREEN, "no-speech": GREY, "error": "#7c3aed"}
_COURSES = {
    "names": "rows by the date in the file name, per {}",
    "files": "rows by the date of the file, per {}",
    "order": "rows in the order of the results",
}


def check_png() -> None:
    """Raises MissingExtraError without matplotlib, asked before the work begins."""
    if find_spec("matplotlib") is None:
        raise MissingExtraError("PNG pictures", "plot")


def draw_call(timeline: Timeline, file: Path) -> None:
    """Write the picture of one channel; OSError when it cannot be written."""
    title = Path(timeline.path).name.encode("utf-8", "replace").decode()
    # Dollar signs would start a formula.
    title = title.replace("$", r"\$")
    subtitle = f"model {timeline.model_version}, operating point {timeline.point.name}"
    write_picture(
        CallPicture(title, [(timeline.channel, timeline)], timeline.point, subtitle), file
    )


def draw_overview(totals: Totals, over_time: OverTime, title: str, file: Path) -> None:
    """Write totals, their course and the distribution of scores as one picture.

    Raises:
        OSError: the file cannot be written.
    """
    from matplotlib import rc_context

    from ringtrue.inference.picture_png import font_families

    with rc_context({"font.family": font_families()}):
        _draw(totals, over_time, title, file)


def _draw(totals: Totals, over_time: OverTime, title: str, file: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4.8), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    counts = " · ".join(f"{totals.kinds[kind]:,} {kind}" for kind in KINDS)
    figure.suptitle(f"{title}\n{counts}".replace("$", r"\$"), fontsize=12)
    course, scores = figure.subplots(1, 2)
    labels = list(over_time.labels)
    _stack(course, list(range(len(labels))), 0.9, list(over_time.counts))
    course.set_title(_COURSES[over_time.source].format(over_time.unit), fontsize=10)
    every = max(1, len(labels) // 8)
    course.set_xticks(range(0, len(labels), every), labels[::every], rotation=30, ha="right")
    first, bars = totals.histogram()
    places = [first + (i + 0.5) * BIN for i in range(len(bars))]
    _stack(scores, places, 0.95 * BIN, bars)
    scores.set_title("distribution of scores", fontsize=10)
    scores.set_xlabel("voice_llr (ln robot : human)")
    handles, names = course.get_legend_handles_labels()
    if handles:
        course.legend(handles, names, fontsize=8)
    figure.savefig(file)


def _stack(axes: Any, places: list[Any], width: float, counts: list[dict[str, int]]) -> None:
    under = [0] * len(counts)
    for kind in KINDS:
        heights = [part.get(kind, 0) for part in counts]
        if any(heights):
            axes.bar(places, heights, width, bottom=under, color=COLOURS[kind], label=kind)
        under = [a + b for a, b in zip(under, heights, strict=True)]
    axes.set_ylabel("rows")
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.margins(y=0.08)

"""The picture of a call as PNG, drawn by matplotlib."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from ringtrue.inference.picture import (
    BLUE,
    GREEN,
    GREY,
    RED,
    CallPicture,
    Curves,
    headline,
    llr_range,
)

_WIDE_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Source Han Sans SC",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "SimHei",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
)


def draw_png(picture: CallPicture, path: Path) -> None:
    """Write the picture, 1200 pixels wide; OSError when the file cannot be written."""
    from matplotlib import rc_context

    with rc_context({"font.family": font_families()}):
        _draw(picture, path)


@cache
def font_families() -> list[str]:
    """Matplotlib's font and, where installed, one that has Chinese, Japanese and Korean names."""
    from matplotlib import font_manager

    there = set(font_manager.get_font_names())
    return ["DejaVu Sans", *(name for name in _WIDE_FONTS if name in there)][:2]


def _draw(picture: CallPicture, path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # Without pyplot: no global state, no window system.
    calls = len(picture.calls)
    figure = Figure(figsize=(10, 1 + 4 * calls), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"{picture.title}\n{picture.subtitle}", fontsize=12)
    axes = figure.subplots(
        2 * calls, 1, sharex=False, squeeze=False, gridspec_kw={"height_ratios": [1, 2] * calls}
    )[:, 0]
    for number, (name, history) in enumerate(picture.calls):
        wave, evidence = axes[2 * number], axes[2 * number + 1]
        wave.set_title(f"{name} · {headline(history)}", loc="left", fontsize=10)
        _wave(wave, history)
        _evidence(evidence, history, picture)
        for one in (wave, evidence):
            one.set_xlim(0, max(history.seconds, 0.1))
            for start, end in history.spans("robot"):
                one.axvspan(start, end, color=RED, alpha=0.12, lw=0)
            for start, end in history.spans("human"):
                one.axvspan(start, end, color=GREEN, alpha=0.12, lw=0)
            if history.flagged_at is not None:
                one.axvline(history.flagged_at, color=RED, lw=1.5)
    figure.savefig(path)


def _wave(axes: Any, history: Curves) -> None:
    times = [(i + 0.5) * history.envelope_step for i in range(len(history.low))]
    axes.fill_between(times, history.low, history.high, color="#9fb3c8", lw=0.5)
    spoken = [(i * history.step, history.step) for i, p in enumerate(history.speech) if p >= 0.5]
    axes.broken_barh(
        spoken, (0.0, 0.06), color=BLUE, transform=axes.get_xaxis_transform(), label="speech"
    )
    axes.set_ylabel("far end")
    axes.tick_params(labelbottom=False)


def _evidence(axes: Any, history: Curves, picture: CallPicture) -> None:
    point = picture.point
    ends = [(i + 1) * history.step for i in range(len(history.llr))]
    times = [0.0, *(min(end, history.seconds) for end in ends)]
    axes.plot(times, [0.0, *history.llr], color=BLUE, lw=1.8, label="evidence so far")
    axes.axhline(0.0, color="#9aa5b1", lw=0.8)
    axes.axhline(point.flag_llr, color=RED, ls="--", lw=1, label="robot from here")
    axes.axhline(point.clear_llr, color=GREY, ls="--", lw=1, label="robot withdrawn")
    axes.axhline(point.human_llr, color=GREEN, ls="--", lw=1, label="human from here")
    axes.set_ylim(*llr_range(picture))
    for mark in history.marks:
        axes.axvline(mark.at, color=GREY, ls=":", lw=1)
        axes.annotate(mark.stream, (mark.at, 0.02), xycoords=("data", "axes fraction"), fontsize=8)
    axes.set_xlabel("time (s)")
    axes.set_ylabel("evidence (ln robot : human)")
    axes.legend(loc="best", fontsize=8)

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console

from ringtrue.inference.channels import ChannelPick
from ringtrue.inference.commands.view import LiveView, clock, make_view, score_bar
from ringtrue.inference.follow import Line, follow
from ringtrue.inference.monitor import CallMonitor
from ringtrue.inference.session import Session

from .toy_model import CAUTIOUS, robot


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.0, "0:00.0"), (59.96, "1:00.0"), (61.25, "1:01.2"), (3661.0, "1:01:01.0")],
)
def test_clock(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


@pytest.mark.parametrize("llr", [-100.0, -2.0, 0.0, 3.9, 4.0, 100.0])
def test_bar_has_one_mark_in_place(llr: float) -> None:
    bar = score_bar(llr, CAUTIOUS).plain
    assert bar.count("●") == 1
    assert len(bar) == len(score_bar(0.0, CAUTIOUS).plain)


def test_bar_moves_right_with_the_evidence() -> None:
    places = [score_bar(llr, CAUTIOUS).plain.index("●") for llr in (-50, -3, 0, 3, 50)]
    assert places == sorted(set(places))


def test_live_view_shows_the_flag(toy: Session) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    line = Line(ChannelPick("left", 0), CallMonitor(toy))
    blocks = np.split(robot(2)[:, None], 20)
    view = make_view(console, "[call].wav", [line], CAUTIOUS)
    assert isinstance(view, LiveView)
    with view:
        for _ in follow(blocks, 8000, [line]):
            view.update()
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    for words in ("[call].wav · left", "ROBOT", "flagged at", "for synthetic", "s of speech"):
        assert words in shown

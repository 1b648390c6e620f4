from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from ringtrue.inference.bulk.progress import BarView, LineView, NoView, make_view, progress_line
from ringtrue.inference.bulk.tally import Tally, clock, hours, kind_of
from ringtrue.inference.score import ScoreRow

ROBOT = ScoreRow("a", "left", 3600.0, 9.0, 0.9, 3.0, "robot", 2.0)
HUMAN = ScoreRow("a", "right", 3600.0, 9.0, 0.1, -3.0, "human")


@pytest.fixture
def tally() -> Tally:
    tally = Tally(total=10, heard=7200.0, started=time.monotonic() - 36.0)
    tally.add([ROBOT, HUMAN])
    tally.add([HUMAN], skipped=True)
    tally.add([ScoreRow("b", error="contains NaN or infinite samples (first at 0.100 s)")])
    tally.add([ScoreRow("c", error="contains NaN or infinite samples (first at 2.000 s)")])
    tally.add([ScoreRow("d", error="no such file")])
    return tally


def test_counts(tally: Tally) -> None:
    assert (tally.done, tally.failed, tally.skipped) == (5, 3, 1)
    assert tally.verdicts == {"robot": 1, "human": 2}
    assert tally.seconds == 7200.0
    assert tally.errors == {"contains NaN or infinite samples": 2, "no such file": 1}
    assert tally.speed == pytest.approx(200, rel=0.01)
    assert tally.seconds_left == pytest.approx(45, rel=0.01)


def test_summary(tally: Tally) -> None:
    first, second, *errors = tally.summary()
    assert first == (
        "5 recordings, 2.0 h: 1 robot, 2 human, 0 unsure, 0 without enough speech; "
        "3 could not be scored"
    )
    assert second == "took 0:36, 200 × real time; 1 recordings were scored before"
    assert [line.strip() for line in errors] == [
        "2 × contains NaN or infinite samples",
        "1 × no such file",
    ]


def test_nothing_known() -> None:
    assert Tally().seconds_left is None
    assert progress_line(Tally()).startswith("0 recordings, 0.0 min, 0 × real time, robots 0")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("is empty (0 bytes)", "is empty"),
        ("samples reach 17.5; expected −1…1", "samples reach N; expected −N…N"),
        ("(all)", "(all)"),
    ],
)
def test_kinds(error: str, kind: str) -> None:
    assert kind_of(error) == kind


def test_words_for_times() -> None:
    assert (hours(90.0), hours(5400.0)) == ("1.5 min", "1.5 h")
    assert (clock(59.6), clock(3723.0)) == ("1:00", "1:02:03")


def test_lines_now_and_then(tally: Tally) -> None:
    stream, now = io.StringIO(), [100.0]
    view = LineView(stream, lambda: now[0])
    for now[0] in (101.0, 109.9, 110.1, 112.0, 120.2):
        view.show(tally)
    view.close()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("5/10 recordings, 2.0 h, 200 × real time, 0:45 left, robots 1")
    assert lines[0].endswith("failed 3")


def test_bar_on_a_terminal(tally: Tally) -> None:
    stream = io.StringIO()
    view = BarView(Console(file=stream, force_terminal=True, width=120))
    view.show(tally)
    view.close()
    assert "5/10 recordings" in stream.getvalue()


def test_view_fits_the_stream() -> None:
    assert isinstance(make_view(io.StringIO(), quiet=False), LineView)
    assert isinstance(make_view(io.StringIO(), quiet=True), NoView)

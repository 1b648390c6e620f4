from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from ringtrue.inference.cli import main
from ringtrue.inference.commands.explain import explain, explanation
from ringtrue.inference.marks import EvidenceMark
from ringtrue.inference.score import ScoreRow
from ringtrue.inference.session import Session
from ringtrue.inference.term_plot import LEFT, ROWS, plot_timeline
from ringtrue.inference.timeline import Timeline, VerdictChange

from .toy_model import CAUTIOUS, human, robot, silence

SHORT = Timeline(
    "a.wav", "mono", 4.0, 1.0, (0.0, 2.0, 5.0, 5.0), (0.0, 2.0, 5.0, 5.0), (0.0, 0.5, 1.0, 1.0),
    (0.0, -0.5, -1.0, 0.0), (0.0, 0.5, 1.0, 0.0), (VerdictChange(2.0, "robot", ("voice",)),),
    (EvidenceMark(3.0, "replay", "heard before", 2.0),), 2.0, CAUTIOUS, "1", "robot",
)  # fmt: skip


def lines(timeline: Timeline, width: int, *, unicode: bool) -> list[str]:
    lanes = plot_timeline(timeline, width, unicode=unicode)
    return ["".join(words for words, _ in lane) for lane in lanes]


def test_plot_in_ascii() -> None:
    told = lines(SHORT, LEFT + 40, unicode=False)
    assert told[0] == f"{'verdict':>{LEFT - 2}}  " + "_" * 20 + "R" * 20
    assert told[1] == f"{'audio':>{LEFT - 2}}  " + " " * 10 + "=" * 10 + "#" * 10 + " " * 10
    assert told[2] == f"{'speech':>{LEFT - 2}}  " + " " * 10 + "=" * 10 + "#" * 20
    evidence = told[3 : 3 + ROWS]
    assert evidence[0][LEFT:] == " " * 20 + "*" * 20
    assert evidence[-1].startswith(" human -2.0 ---")
    assert any(line.startswith(" robot +4.0 ") for line in evidence)
    assert sum(line[LEFT + 20] in "*|" for line in evidence) >= ROWS - 1, "the flag"
    assert told[-2] == f"{'marks':>{LEFT - 2}}  " + " " * 30 + "^1" + " " * 8
    assert told[-1].split() == ["0:00", "0:01", "0:02", "0:03"]
    assert all(c.isascii() for line in told for c in line)


def test_plot_in_unicode() -> None:
    told = lines(SHORT, 80, unicode=True)
    assert "█" * 30 in told[0]
    assert "▲1" in told[-2]
    assert any("\u2800" < c < "\u28ff" for line in told for c in line)


numbers = st.floats(-50, 50)


@given(
    points=st.lists(st.tuples(numbers, st.floats(0, 1)), max_size=40),
    seconds=st.floats(0, 1e5),
    flagged=st.none() | st.floats(0, 1e5),
    width=st.integers(1, 200),
    unicode=st.booleans(),
)
def test_any_call_fits_its_width(
    points: list[tuple[float, float]],
    seconds: float,
    flagged: float | None,
    width: int,
    unicode: bool,
) -> None:
    llr = tuple(p[0] for p in points)
    speech = tuple(p[1] for p in points)
    timeline = dataclasses.replace(
        SHORT, seconds=seconds, step=max(seconds / max(len(points), 1), 0.1), llr=llr,
        voice_llr=llr, speech=speech, low=tuple(-s for s in speech), high=speech,
        flagged_at=flagged,
    )  # fmt: skip
    assert all(cell_len(line) <= max(width, 40) for line in lines(timeline, width, unicode=unicode))


def test_explain_tells_each_channel(toy: Session, tmp_path: Path) -> None:
    call = tmp_path / "call.wav"
    samples = np.stack([np.concatenate([silence(1), robot(5)]), human(6)], 1)
    soundfile.write(call, samples, 8000)
    stream = io.StringIO()
    rows = explain(call, toy, console=Console(file=stream, width=100))
    told = " ".join(stream.getvalue().split())
    assert [(r.channel, r.verdict) for r in rows] == [("left", "robot"), ("right", "human")]
    assert f"{call} (left) ROBOT" in told
    assert f"{call} (right) HUMAN" in told
    assert "flagged at 0:0" in told
    assert "not flagged" in told
    assert told.count("What happened") == 2
    assert "model 0.0.1, cautious: robot from +4.00, withdrawn below +1.00, human to -2.00" in told
    assert rows[0].reasons[0] in told


def test_names_cannot_steer_the_terminal() -> None:
    row = ScoreRow("\x1b[2Jx\ud800\r[red].wav", "mono", 4.0, 3.0, 0.9, 2.0, "robot", 2.0, ("\x1b",))
    stream = io.StringIO()
    console = Console(file=stream, width=100, force_terminal=False)
    console.print(explanation(row, SHORT, console), highlight=False)
    told = stream.getvalue()
    assert "\x1b" not in told
    assert "\r" not in told
    assert "?[2Jx??[red].wav  ROBOT" in told


def test_option(toy_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    soundfile.write(tmp_path / "a.wav", robot(3), 8000)
    model = ["--model", str(toy_path), "--explain"]
    assert main(["score", str(tmp_path / "a.wav"), *model]) == 0
    assert "What happened" in capsys.readouterr().out
    assert main(["score", str(tmp_path / "a.wav"), str(tmp_path / "b.wav"), *model]) == 2
    assert "expected one recording with --explain, got 2" in capsys.readouterr().err
    assert main(["score", str(tmp_path / "gone.wav"), *model]) == 1
    assert "no such file" in capsys.readouterr().err

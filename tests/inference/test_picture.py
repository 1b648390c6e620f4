from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from ringtrue.inference.extras import MissingExtraError
from ringtrue.inference.history import CallHistory
from ringtrue.inference.marks import EvidenceMark
from ringtrue.inference.monitor import CallMonitor
from ringtrue.inference.picture import CallPicture, llr_range, ticks, write_picture
from ringtrue.inference.score import ScoreRow
from ringtrue.inference.session import Session
from ringtrue.inference.timeline import make_timeline

from .toy_model import CAUTIOUS, human, robot, silence

SVG = "{http://www.w3.org/2000/svg}"


def history_of(session: Session, samples: np.ndarray) -> CallHistory:
    history = CallHistory()
    CallMonitor(session, history=history).push(samples, 8000)
    return history


@pytest.fixture(scope="module")
def flagged(toy: Session) -> CallHistory:
    return history_of(toy, np.concatenate([silence(1), robot(3), human(6)]))


def words_of(path: Path) -> list[str]:
    return [e.text or "" for e in ElementTree.parse(path).iter(f"{SVG}text")]


def test_svg_tells_the_call(flagged: CallHistory, tmp_path: Path) -> None:
    picture = CallPicture("call.wav", [("mono", flagged)], CAUTIOUS, "toy 1.0")
    path = write_picture(picture, tmp_path / "call.svg")
    words = words_of(path)
    at = f"{flagged.flagged_at:.1f} s"
    assert f"flagged at {at}" in words
    assert f"flagged as robot at {at} · at the end: human" in words
    for expected in ("call.wav", "toy 1.0", "time (s)", "robot from 55:1", "human from 7.4:1"):
        assert expected in words
    root = ElementTree.parse(path).getroot()
    background = root.find(f"{SVG}rect")
    assert background is not None
    assert background.get("fill") == "white"
    assert background.get("width") == root.get("width")


def test_svg_stays_inside(flagged: CallHistory, tmp_path: Path) -> None:
    picture = CallPicture("c", [("left", flagged), ("right", flagged)], CAUTIOUS)
    root = ElementTree.parse(write_picture(picture, tmp_path / "c.svg")).getroot()
    width, height = float(root.get("width", 0)), float(root.get("height", 0))
    for line in (*root.iter(f"{SVG}polyline"), *root.iter(f"{SVG}polygon")):
        for pair in line.get("points", "").split():
            x, y = map(float, pair.split(","))
            assert 0 <= x <= width
            assert 0 <= y <= height


def test_odd_names_are_escaped(flagged: CallHistory, tmp_path: Path) -> None:
    title = '<a> & "b" \x00\x1b\udcff 电话.wav'
    path = write_picture(CallPicture(title, [("mono", flagged)], CAUTIOUS), tmp_path / "e.svg")
    assert words_of(path)[0] == '<a> & "b" ��� 电话.wav'


def test_svg_of_a_stored_timeline_with_marks(flagged: CallHistory, tmp_path: Path) -> None:
    row = ScoreRow("c", "mono", 10.0, 9.0, 0.9, 3.0, "robot", flagged.flagged_at)
    timeline = make_timeline(flagged, row, CAUTIOUS, "1")
    marks = (EvidenceMark(2.5, "replay", "heard before", 3.0),)
    timeline = dataclasses.replace(timeline, marks=marks)
    pictures = [CallPicture("c", [("mono", call)], CAUTIOUS) for call in (flagged, timeline)]
    whole = words_of(write_picture(pictures[0], tmp_path / "a.svg"))
    assert words_of(write_picture(pictures[1], tmp_path / "b.svg")) == [
        *whole[:-2], "replay", *whole[-2:],
    ]  # fmt: skip


@pytest.mark.parametrize("seconds", [0.0, 0.1, 0.5])
def test_hardly_any_call(toy: Session, tmp_path: Path, seconds: float) -> None:
    history = history_of(toy, silence(seconds))
    path = write_picture(CallPicture("s", [("mono", history)], CAUTIOUS), tmp_path / "s.svg")
    assert words_of(path)
    assert "nan" not in path.read_text()


def test_size_is_bounded_for_long_calls(toy: Session, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    history = history_of(toy, rng.standard_normal(8000 * 400).astype(np.float32) * 0.1)
    path = write_picture(CallPicture("l", [("mono", history)], CAUTIOUS), tmp_path / "l.svg")
    assert path.stat().st_size < 100_000


def test_png(flagged: CallHistory, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture = CallPicture("call.wav", [("left", flagged), ("right", flagged)], CAUTIOUS)
    path = write_picture(picture, tmp_path / "call.PNG")
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_png_without_matplotlib(
    flagged: CallHistory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r'pip install "ringtrue\[plot\]"'):
        write_picture(CallPicture("c", [("mono", flagged)], CAUTIOUS), tmp_path / "c.png")


def test_svg_needs_no_matplotlib(flagged: CallHistory, tmp_path: Path) -> None:
    before = "matplotlib" in sys.modules
    write_picture(CallPicture("c", [("mono", flagged)], CAUTIOUS), tmp_path / "c.svg")
    assert ("matplotlib" in sys.modules) == before


@pytest.mark.parametrize(
    ("name", "words"), [("c.jpg", r"\.svg or \.png"), ("none/c.svg", "existing folder")]
)
def test_bad_picture_path(flagged: CallHistory, tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        write_picture(CallPicture("c", [("mono", flagged)], CAUTIOUS), tmp_path / name)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 11.0, list(map(float, range(12)))),
        (-3.0, 3.0, [-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0]),
        (0.0, 1.0, [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]),
        (0.0, 36000.0, [float(x) for x in range(0, 36001, 5000)]),
        (1.0, 1.0, [1.0]),
    ],
)
def test_ticks(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high, 7 if high == 3.0 else 12) == expected


def test_axis_holds_thresholds() -> None:
    low, high = llr_range(CallPicture("c", [("mono", CallHistory())], CAUTIOUS))
    assert low < CAUTIOUS.human_llr
    assert high > CAUTIOUS.flag_llr

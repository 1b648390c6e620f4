from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrue.inference.decision import UnionPoint
from ringtrue.inference.history import CallHistory
from ringtrue.inference.marks import EvidenceMark
from ringtrue.inference.monitor import CallMonitor
from ringtrue.inference.score import ScoreRow
from ringtrue.inference.session import Session
from ringtrue.inference.timeline import Timeline, VerdictChange, make_timeline
from ringtrue.inference.timeline_file import (
    TimelineError,
    find_timeline,
    from_json,
    read_timeline,
    timeline_path,
    to_json,
    write_timeline,
)

from .test_history import verdict
from .toy_model import CAUTIOUS, human, robot, silence

ROW = ScoreRow("calls/a b.wav", "mono", 10.0, 9.0, 0.9, 3.0, "robot", 3.6, ("voice: 9:1",))


def filled(chunks: int) -> CallHistory:
    history = CallHistory()
    for i in range(chunks):
        chunk = np.full(800, -0.5 if i == 7 else 0.25, np.float32)
        history.add(verdict((i + 1) / 10, llr=float(i), speech=float(i == 7)), chunk, 0.1)
    return history


@pytest.fixture(scope="module")
def timeline(toy: Session) -> Timeline:
    history = CallHistory()
    monitor = CallMonitor(toy, history=history)
    monitor.push(np.concatenate([silence(1), robot(5), human(8)]), 8000)
    row = dataclasses.replace(ROW, flagged_at=monitor.flagged_at)
    return make_timeline(history, row, CAUTIOUS, "0.0.1")


def test_tells_the_call(timeline: Timeline) -> None:
    assert timeline.seconds == 14.0
    assert timeline.step == 0.1
    assert len(timeline.llr) == 140
    assert [c.verdict for c in timeline.changes] == ["robot", "unsure", "human"]
    first = timeline.changes[0]
    assert first.at == timeline.flagged_at
    assert first.reasons[0].startswith("voice: ")
    assert timeline.spans("robot") == [(first.at, timeline.changes[1].at)]
    assert timeline.point == CAUTIOUS


@pytest.mark.parametrize(
    ("chunks", "points", "step", "envelope"),
    [(0, 0, 0.1, 0), (1, 1, 0.1, 10), (600, 600, 0.1, 1200), (601, 301, 0.2, 602),
     (1203, 301, 0.4, 602), (10_000, 1250, 0.8, 1250), (30_000, 1875, 1.6, 1875)],
)  # fmt: skip
def test_resolution(chunks: int, points: int, step: float, envelope: int) -> None:
    timeline = make_timeline(filled(chunks), ROW, CAUTIOUS, "1")
    assert (len(timeline.llr), timeline.step, len(timeline.low)) == (points, step, envelope)
    assert len(to_json(timeline)) < 60_000
    if chunks > 7:
        assert timeline.llr[-1] == chunks - 1
        assert max(timeline.speech) == 1.0
        assert min(timeline.low) == -0.5
        assert timeline.low.index(-0.5) * timeline.envelope_step <= 0.8
        assert timeline.seconds <= timeline.step * points < timeline.seconds + step


def test_error_rows_have_none() -> None:
    with pytest.raises(ValueError, match="error of x"):
        make_timeline(filled(1), ScoreRow("x", error="is empty"), CAUTIOUS, "1")


def test_file_round_trip(timeline: Timeline, tmp_path: Path) -> None:
    marks = (EvidenceMark(2.5, "replay", "this clip was heard 41 s ago", 3.5),)
    timeline = dataclasses.replace(timeline, marks=marks)
    file = write_timeline(timeline, tmp_path / "new" / "folder")
    assert file == timeline_path(tmp_path / "new" / "folder", timeline.path, timeline.channel)
    assert read_timeline(file) == timeline
    assert find_timeline(tmp_path / "new" / "folder", timeline.path, "mono") == timeline
    assert find_timeline(tmp_path / "new" / "folder", timeline.path, "left") is None
    assert [p.name for p in file.parent.iterdir()] == [file.name]


numbers = st.floats(allow_nan=False, allow_infinity=False)
curves = st.integers(0, 6).flatmap(
    lambda n: st.tuples(*[st.lists(numbers, min_size=n, max_size=n).map(tuple)] * 5)
)


@given(
    curves=curves,
    texts=st.lists(st.text(st.characters(codec=None)), min_size=6, max_size=6),
    seconds=st.floats(0, 1e6),
    flagged=st.none() | numbers,
)
def test_json_round_trip(
    curves: tuple[tuple[float, ...], ...], texts: list[str], seconds: float, flagged: float | None
) -> None:
    timeline = Timeline(
        texts[0], texts[1], seconds, 0.1, *curves,
        (VerdictChange(1.5, "human", (texts[2],)),), (EvidenceMark(0.5, "floor", texts[3], -1.0),),
        flagged, CAUTIOUS, texts[4], "human", (texts[5],),
    )  # fmt: skip
    assert from_json(to_json(timeline)) == timeline


@given(st.text(), st.text(), st.sampled_from(["mono", "left", "../x", "\0", "右"]))
def test_names_are_safe_and_distinct(path: str, other: str, channel: str) -> None:
    path, other = path.replace("\0", ""), other.replace("\0", "")
    here = timeline_path("folder", path, channel)
    assert here.parts[0] == "folder"
    assert len(here.parts) == 3
    assert set(here.name) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
    )
    assert len(here.name) < 128
    assert not here.name.startswith((".", "-"))
    if path != other:
        assert here != timeline_path("folder", other, channel)
    assert here != timeline_path("folder", path, channel + "x")


def test_thresholds_of_all_evidence_come_back_whole(timeline: Timeline, tmp_path: Path) -> None:
    point = UnionPoint("cautious", 8.0, 6.5, -2.0, 1.0, {"voice": 3.0, "replay": 7.5})
    union = dataclasses.replace(timeline, point=point)
    assert from_json(to_json(union)) == union
    text = to_json(union).replace('"voice":3.0', '"voice":"3"')
    with pytest.raises(ValueError, match=r"expected point\.alone\.voice as a number"):
        from_json(text)


def test_names_without_utf8(tmp_path: Path, timeline: Timeline) -> None:
    odd = dataclasses.replace(timeline, path=os.fsdecode(b"calls/\xff.wav"))
    write_timeline(odd, tmp_path)
    assert find_timeline(tmp_path, odd.path, "mono") == odd


def changed(timeline: Timeline, **fields: object) -> str:
    return json.dumps({**json.loads(to_json(timeline)), **fields})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no JSON"),
        ("[" * 100_000, "too deeply|no JSON"),
        ("[]", "schema 'ringtrue-timeline'"),
        ('{"schema": "other"}', "schema 'ringtrue-timeline'"),
        ({"version": 2}, "expected version 1, got 2"),
        ({"llr": None}, "expected llr as a list of numbers, got NoneType"),
        ({"llr": [1, "2"]}, "expected llr as a list of numbers"),
        ({"llr": [1.0]}, "curves of equal length"),
        ({"low": [0.0], "high": [0.0]}, "envelope"),
        ({"seconds": "10"}, "expected seconds as a number, got str"),
        ({"seconds": -1}, "seconds from 0"),
        ({"seconds": 10**400}, "expected seconds as a number"),
        ({"step": float("nan")}, "finite numbers, got NaN"),
        ({"step": 0}, "step above 0 s"),
        ({"flagged_at": True}, "expected flagged_at as a number"),
        ({"changes": [{"at": 1, "verdict": "dog", "reasons": []}]}, "verdict of .*'dog'"),
        ({"changes": [3]}, "list of objects"),
        ({"marks": [{"at": 1}]}, "expected marks.stream as text, got nothing"),
        ({"point": {}}, "expected point.name as text"),
        ({"reasons": [1]}, "list of texts"),
    ],
)
def test_damaged_files_say_what_is_wrong(
    timeline: Timeline, tmp_path: Path, text: str | dict[str, object], message: str
) -> None:
    file = tmp_path / "t.json"
    file.write_text(changed(timeline, **text) if isinstance(text, dict) else text)
    with pytest.raises(TimelineError, match=message) as caught:
        read_timeline(file)
    assert str(file) in str(caught.value)


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(TimelineError, match="no such timeline"):
        read_timeline(tmp_path / "none.json")
    with pytest.raises(TimelineError, match="cannot be read"):
        read_timeline(tmp_path)
    (tmp_path / "b.json").write_bytes(b"\xff\xfe")
    with pytest.raises(TimelineError, match="no UTF-8"):
        read_timeline(tmp_path / "b.json")


def test_somebody_elses_file(tmp_path: Path, timeline: Timeline) -> None:
    file = write_timeline(timeline, tmp_path)
    other = timeline_path(tmp_path, "other.wav", "mono")
    other.parent.mkdir(exist_ok=True)
    file.rename(other)
    with pytest.raises(TimelineError, match=r"expected the timeline of other\.wav"):
        find_timeline(tmp_path, "other.wav", "mono")


def test_a_failed_write_keeps_the_older_file(
    tmp_path: Path, timeline: Timeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_timeline(timeline, tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_timeline(dataclasses.replace(timeline, seconds=99.0), tmp_path)
    assert read_timeline(file) == timeline
    assert [p.name for p in file.parent.iterdir()] == [file.name]


def test_nan_is_refused(tmp_path: Path, timeline: Timeline) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        write_timeline(dataclasses.replace(timeline, flagged_at=float("nan")), tmp_path)
    assert not list(tmp_path.iterdir())

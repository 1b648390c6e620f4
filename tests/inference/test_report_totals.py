from __future__ import annotations

import os
import random
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrue.inference.report.dates import BUCKETS, bucket, date_in_name, date_of_file
from ringtrue.inference.report.select import Selection, common_folder, strongest
from ringtrue.inference.report.totals import ErrorKind, Totals, error_kind
from ringtrue.inference.score import ScoreRow


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("calls/2026-03-07_1405_x.wav", (datetime(2026, 3, 7, 14, 5), True)),
        ("20260307T140533Z.wav", (datetime(2026, 3, 7, 14, 5), True)),
        ("a-20260307-b.wav", (datetime(2026, 3, 7), False)),
        ("2026_03_07 14-05-33.wav", (datetime(2026, 3, 7, 14, 5), True)),
        ("2026/03/07/call7.wav", (datetime(2026, 3, 7), False)),
        ("D:\\2026\\03\\07\\call7.wav", (datetime(2026, 3, 7), False)),
        ("2025-01-01/2026-03-07.wav", (datetime(2026, 3, 7), False)),
        ("2026-02-30.wav", None),
        ("2026-13-01.wav", None),
        ("2026-0307.wav", None),
        ("12026030755.wav", None),
        ("+86 138 2026 0307.wav", None),
        ("call.wav", None),
        ("", None),
    ],
)
def test_date_in_name(path: str, expected: tuple[datetime, bool] | None) -> None:
    assert date_in_name(path) == expected


def test_asterisk_names() -> None:
    at = datetime(2026, 3, 7, 14, 5)
    found = date_in_name(f"x/in-100-{int(at.timestamp()) + 7}.4711.wav")
    assert found == (at, True)


@given(st.text())
def test_any_name_has_a_date_or_none(path: str) -> None:
    found = date_in_name(path)
    assert found is None or 1980 <= found[0].year <= 2286


@given(
    st.dictionaries(
        st.tuples(st.datetimes(datetime(1980, 1, 1), datetime(2099, 1, 1)), st.sampled_from("rh")),
        st.integers(1, 9),
        max_size=30,
    ),
    st.sampled_from(["minute", "day"]),
)
def test_buckets_lose_nothing(counts: dict[tuple[datetime, str], int], finest: str) -> None:
    steps = bucket(counts, finest)
    if steps is None:
        return
    assert 2 <= len(steps.starts) <= max(BUCKETS, 120)
    assert list(steps.starts) == sorted(set(steps.starts))
    assert sum(sum(c.values()) for c in steps.counts) == sum(counts.values())
    if finest == "day":
        assert steps.unit not in ("minute", "hour")


def test_buckets_without_gaps() -> None:
    steps = bucket({(datetime(2026, 1, 30, 9), "robot"): 2, (datetime(2026, 2, 2, 1), "human"): 1},
                   "day")  # fmt: skip
    assert steps is not None
    assert [s.day for s in steps.starts] == [30, 31, 1, 2]
    assert [dict(c) for c in steps.counts] == [{"robot": 2}, {}, {}, {"human": 1}]
    assert bucket({(datetime(2026, 1, 30), "robot"): 2}) is None
    assert bucket({}) is None


ROWS = [
    ScoreRow("c/2026-03-01 a.wav", "left", 10.0, 4.0, 0.95, 2.9, "robot", 3.0, model_version="1"),
    ScoreRow("c/2026-03-01 a.wav", "right", 10.0, 5.0, 0.2, -1.4, "human", model_version="1"),
    ScoreRow("c/2026-03-02 b.wav", "mono", 20.0, 6.0, 0.6, 0.4, "unsure"),
    ScoreRow("c/2026-03-03 c.wav", "mono", 20.0, 0.0, 0.5, 0.0, "no-speech"),
    ScoreRow("c/2026-03-04 d.wav", error="contains NaN (first at 1.25 s)"),
    ScoreRow("c/2026-03-05 e.wav", error="contains NaN (first at 7 s)"),
    ScoreRow("c/2026-03-05 f.wav", "mono", 1.0, 1.0, 0.99, 99.0, "robot", 5.0),
]


def counted(rows: list[ScoreRow]) -> Totals:
    totals = Totals()
    for row in rows:
        totals.add(row)
    return totals


def test_totals() -> None:
    totals = counted(ROWS)
    assert (totals.rows, totals.recordings, totals.seconds) == (7, 6, 61.0)
    assert totals.kinds == {"robot": 2, "human": 1, "unsure": 1, "no-speech": 1, "error": 2}
    assert totals.median_flag == 4.0
    assert totals.errors() == [ErrorKind("contains NaN (first at … s)", 2, "c/2026-03-04 d.wav")]
    first, bars = totals.histogram()
    assert first == -1.5
    assert {first + 0.5 * i: bar for i, bar in enumerate(bars) if bar} == {
        -1.5: {"human": 1}, 0.0: {"unsure": 1}, 2.5: {"robot": 1}, 11.5: {"robot": 1},
    }  # fmt: skip


def test_over_time_by_names() -> None:
    over = counted(ROWS).over_time(ROWS)
    assert (over.source, over.unit, over.undated) == ("names", "day", 0)
    assert over.labels[0] == "2026-03-01"
    assert over.counts[0] == {"robot": 1, "human": 1}
    assert over.counts[-1] == {"error": 1, "robot": 1}


def test_over_time_by_files(tmp_path: Path) -> None:
    rows = []
    for number in range(3):
        file = tmp_path / f"{number}.wav"
        file.touch()
        at = datetime(2026, 3, 7 + number, 12).timestamp()
        os.utime(file, (at, at))
        rows.append(ScoreRow(str(file), verdict="human"))
    assert date_of_file(rows[0].path) == datetime(2026, 3, 7, 12)
    over = counted(rows).over_time(rows)
    assert (over.source, over.undated) == ("files", 0)
    assert sum(c["human"] for c in over.counts if c) == 3
    # All copied at once: no dates of calls.
    for row in rows:
        os.utime(row.path, (at, at))
    assert counted(rows).over_time(rows).source == "order"


def test_over_time_by_order() -> None:
    rows = [ScoreRow(f"x{i}", verdict="human") for i in range(61)]
    over = counted(rows).over_time(rows)
    assert (over.source, over.unit, over.labels[:3]) == ("order", "rows", ("1", "4", "7"))
    assert [c["human"] for c in over.counts] == [3] * 20 + [1]
    empty = Totals().over_time([])
    assert (empty.source, empty.labels) == ("order", ())


def test_some_rows_without_a_date() -> None:
    rows = [*ROWS, ScoreRow("x", verdict="human")]
    assert counted(rows).over_time(rows).undated == 1
    rows += [ScoreRow("x", verdict="human")] * 3
    assert counted(rows).over_time(rows).source == "order"


def test_error_kinds() -> None:
    assert error_kind("is empty (0 bytes)") == "is empty (… bytes)"
    assert error_kind("an MP4/M4A file 'a b.wav' at\n12:30.5") == "an MP4/M4A file … at …"


def test_selection_keeps_the_strongest_in_order() -> None:
    rng = random.Random(1)
    rows = [ScoreRow(f"{i}", p_robot=rng.random(), verdict="unsure") for i in range(1000)]
    rows[500] = ScoreRow("robot", p_robot=0.1, verdict="robot")
    rows += [ScoreRow(f"e{i}", error="x") for i in range(100)]
    selection = Selection(40)
    for row in rows:
        selection.add(row)
    kept = selection.rows()
    assert len(kept) == 40
    assert Counter(r.kind for r in kept) == {"unsure": 29, "robot": 1, "error": 10}
    assert kept == sorted(kept, key=rows.index)
    bound = sorted((r.p_robot or 0.0 for r in rows), reverse=True)[28]
    assert all((r.p_robot or 0.0) >= bound for r in kept if r.kind == "unsure")
    assert kept[next(strongest(kept))].path == "robot"
    few = Selection(40)
    for row in rows[-100:]:
        few.add(row)
    assert len(few.rows()) == 40, "errors fill what others leave"


def test_common_folder() -> None:
    assert common_folder(["a/b/c.wav", "a/b/d/e.wav"]) == "a/b/"
    assert common_folder(["a/b.wav"]) == "a/"
    assert common_folder(["ab.wav", "ac.wav"]) == ""
    assert common_folder([]) == ""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringtrue.inference.extras import MissingExtraError
from ringtrue.inference.report.results import KINDS, Results, make_row
from ringtrue.inference.rows import row_writer
from ringtrue.inference.score import ScoreRow

SCORED = [
    ScoreRow("a, \"b\".wav", "left", 10.5, 3.2, 0.93, 2.6, "robot", 4.1, ("voice: 13:1", "x")),
    ScoreRow("电话\n.wav", "mono", 1.0, 0.0, 0.5, 0.0, "no-speech"),
    ScoreRow("\udcff.wav", error="is empty (0 bytes)"),
]  # fmt: skip


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_reads_what_score_writes(tmp_path: Path, kind: str) -> None:
    file = tmp_path / f"r.{kind}"
    with file.open("w", encoding="utf-8", errors="surrogateescape", newline="") as stream:
        writer = row_writer(kind, stream)
        for row in SCORED:
            writer.write(row)
        writer.close()
    results = Results(file)
    assert list(results) == SCORED
    assert list(results) == SCORED, "a second time too"
    assert (results.unreadable, results.notes) == (0, [])
    assert [r.kind for r in results] == ["robot", "no-speech", "error"]


def test_reads_parquet(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    values = {"path": "a.wav", "channel": "mono", "verdict": "human", "error": None}
    values |= {"p_robot": 0.25, "reasons": ["voice: 3:1"], "seconds": 3, "model_version": "0.2.0"}
    parquet.write_table(pyarrow.Table.from_pylist([values]), tmp_path / "r.parquet")
    assert list(Results(tmp_path / "r.parquet")) == [
        ScoreRow(
            "a.wav", "mono", 3.0, None, 0.25, None, "human", None, ("voice: 3:1",),
            model_version="0.2.0",
        )
    ]  # fmt: skip
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(ValueError, match=r"bad\.parquet: is not Parquet"):
        Results(tmp_path / "bad.parquet")


def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "r.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtraError, match="Parquet"):
        Results(tmp_path / "r.parquet")


def test_further_and_missing_columns(tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    file.write_text(
        "\ufeffid,path,verdict,error,model_version,flag_llr,nonsense\n"
        "7,a.wav,robot,,0.3.0,2.32,x\n",
        encoding="utf-8",
    )
    expected = ScoreRow("a.wav", verdict="robot", id="7", model_version="0.3.0", flag_llr=2.32)
    assert list(Results(file)) == [expected]


def test_bad_rows_are_left_out_and_noted(tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    file.write_text(
        "path,verdict,error,p_robot\n"
        "a,robot,,0.9\n"
        "b,robot,,abc\n"
        "c,dog,,0.1\n"
        "d,human,,inf\n"
        ",human,,0.1\n"
        "\n"
        "e,hum"
    )
    results = Results(file)
    assert [r.path for r in results] == ["a"]
    assert results.unreadable == 5
    assert results.notes == [
        "line 3: expected a number in p_robot, got 'abc'",
        "line 4: expected a verdict of robot, unsure, human, no-speech, got 'dog'",
        "line 5: expected a number in p_robot, got 'inf'",
        "line 6: expected a path",
        "line 8: expected 4 columns, got 2",
    ]


def test_bad_lines_of_json(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    good = {"path": "a", "verdict": "human", "error": ""}
    file.write_text(json.dumps(good) + "\n[1]\nnull\n\n" + "[" * 100_000 + '\n{"path": "b", "verd')
    results = Results(file)
    assert [r.path for r in results] == ["a"]
    assert results.notes == [
        "line 2: expected a JSON object",
        "line 3: expected a JSON object",
        "line 5: is not JSON",
        "line 6: is not JSON",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "got an empty file"),
        (b"name,label\nx,y\n", "of which path, verdict, error are missing; got name, label"),
        (b'{"path": "x"}\n', "of which verdict, error are missing"),
        (b"RIFF\0\0\0\0WAVE", "are missing"),
    ],
)
def test_something_else(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "r").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        Results(tmp_path / "r")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Results(tmp_path / "none.csv")


starts = st.sampled_from([b"path,verdict,error\n", b'{"path":', b""])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.binary(max_size=300), start=starts)
def test_any_bytes_are_rows_or_a_clear_error(tmp_path: Path, content: bytes, start: bytes) -> None:
    file = tmp_path / "r"
    file.write_bytes(start + content)
    words = ""
    rows: list[ScoreRow] = []
    try:
        rows = list(Results(file))
    except ValueError as error:
        words = str(error)
    assert not words or "expected" in words or "is not" in words
    assert all(row.path and row.kind in KINDS for row in rows)


names = st.sampled_from(["path", "verdict", "error", "p_robot", "reasons", "id"])
values = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text())


@given(st.dictionaries(names, values))
def test_any_values(columns: dict[str, object]) -> None:
    kind, words = "", ""
    try:
        kind = make_row(columns).kind
    except ValueError as error:
        words = str(error)
    assert kind in KINDS or "expected" in words

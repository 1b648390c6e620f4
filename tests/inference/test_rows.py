from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import pytest

from ringtrue.inference.extras import MissingExtraError
from ringtrue.inference.rows import output_file, row_writer
from ringtrue.inference.score import COLUMNS, ScoreRow

ROW = ScoreRow(
    "a,b.wav", "left", 10.00049, 3.2, 0.98765432, 4.38201, "robot", 2.3, ("one", "two; 2"), "",
    "0.2.0", "92a168fb390df335", "cautious", 2.317373, "call 7",
)  # fmt: skip
BAD = ScoreRow("bad.wav", error="is empty (0 bytes)")
NAMES = [
    "path", "channel", "seconds", "speech_seconds", "p_robot", "voice_llr", "verdict",
    "flagged_at", "reasons", "error", "model_version", "model_digest", "operating_point",
    "flag_llr",
]  # fmt: skip


def written(kind: str, *rows: ScoreRow) -> str:
    stream = io.StringIO()
    writer = row_writer(kind, stream)
    for row in rows:
        writer.write(row)
    writer.close()
    return stream.getvalue()


def test_columns_are_fixed() -> None:
    assert list(COLUMNS) == NAMES


def test_csv() -> None:
    rows = list(csv.reader(io.StringIO(written("csv", ROW, BAD))))
    assert rows[0] == NAMES
    assert rows[1] == [
        "a,b.wav", "left", "10.0", "3.2", "0.987654", "4.382", "robot", "2.3", "one; two; 2", "",
        "0.2.0", "92a168fb390df335", "cautious", "2.3174",
    ]  # fmt: skip
    assert rows[2] == ["bad.wav", *[""] * 8, "is empty (0 bytes)", *[""] * 4]


def test_id_follows_the_fixed_columns() -> None:
    stream = io.StringIO()
    row_writer("csv", stream, with_id=True).write(ROW)
    header, row = csv.reader(io.StringIO(stream.getvalue()))
    assert header == [*NAMES, "id"]
    assert row[-1] == "call 7"


def test_parquet() -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    stream = io.BytesIO()
    writer = row_writer("parquet", stream, with_id=True)
    for row in (ROW, BAD, ScoreRow("caf\udce9.wav")):
        writer.write(row)
    writer.close()
    table = parquet.read_table(io.BytesIO(stream.getvalue()))
    assert table.column_names == [*NAMES, "id"]
    good, bad, odd = table.to_pylist()
    assert good["reasons"] == ["one", "two; 2"]
    assert good["voice_llr"] == 4.382
    assert bad["seconds"] is None
    assert bad["error"] == "is empty (0 bytes)"
    assert odd["path"] == "caf\\udce9.wav"


def test_parquet_without_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r'pip install "ringtrue\[parquet\]"'):
        row_writer("parquet", io.BytesIO())


def test_csv_without_rows_has_its_header() -> None:
    assert written("csv") == ",".join(NAMES) + "\n"


def test_jsonl() -> None:
    good, bad = (json.loads(line) for line in written("jsonl", ROW, BAD).splitlines())
    assert list(good) == NAMES
    assert good["reasons"] == ["one", "two; 2"]
    assert good["p_robot"] == 0.987654
    assert bad["seconds"] is None
    assert bad["verdict"] == ""
    assert bad["error"] == "is empty (0 bytes)"


def test_table() -> None:
    text = written("table", ROW, BAD)
    for words in ("a,b.wav", "robot", "+4.38", "0.988", "one", "two; 2", "is empty (0 bytes)"):
        assert words in text


def test_table_does_not_read_markup() -> None:
    assert "[red]x.wav" in written("table", ScoreRow("[red]x.wav"))


def test_unknown_format() -> None:
    with pytest.raises(
        ValueError, match="expected a format of table, csv, jsonl, parquet, got 'xml'"
    ):
        row_writer("xml", io.StringIO())


def test_output_file_replaces_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")
    with output_file(path) as stream:
        stream.write("new")
        stream.flush()
        assert path.read_text() == "old"
        assert (tmp_path / "out.csv.part").read_text() == "new"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("reason", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_output_file_leaves_the_older_one_on_an_exception(
    tmp_path: Path, reason: BaseException
) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")

    def interrupted() -> None:
        with output_file(path) as stream:
            stream.write("half")
            raise reason

    with pytest.raises((KeyboardInterrupt, OSError)):
        interrupted()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_output_file_to_a_folder(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError), output_file(tmp_path):
        pass


def test_file_names_that_are_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "o.jsonl"
    with output_file(path) as stream:
        row_writer("jsonl", stream).write(ScoreRow("caf\udce9.wav"))
    assert b'"caf\xe9.wav"' in path.read_bytes()

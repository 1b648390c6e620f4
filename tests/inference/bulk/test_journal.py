from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringtrue.inference.bulk.journal import Journal, JournalError, journal_path, task_key
from ringtrue.inference.bulk.settings import Settings
from ringtrue.inference.bulk.source import LocalFile
from ringtrue.inference.bulk.task import Task
from ringtrue.inference.channels import ChannelChoice
from ringtrue.inference.raw_pcm import RawFormat
from ringtrue.inference.score import ScoreRow

ROWS = [
    ScoreRow("a.wav", "left", 10.0, 3.2, 0.987654, 4.38, "robot", 2.3, ("one", "two; 2"), id="7"),
    ScoreRow("a.wav", "right", 10.0, 0.0, 0.5, 0.0, "no-speech"),
]
BAD = ScoreRow("caf\udce9.wav", error="is empty (0 bytes)")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "o.csv.journal"


def fill(path: Path) -> None:
    with Journal(path, resume=False) as journal:
        journal.add("a", ROWS)
        journal.add("b", [BAD])
        journal.add("c", ROWS[1:])


def test_beside_the_results() -> None:
    assert journal_path(Path("x/o.csv")) == Path("x/o.csv.journal")


def test_rows_come_back(path: Path) -> None:
    with Journal(path, resume=False) as journal:
        places = [journal.add("a", ROWS), journal.add("b", [BAD])]
        assert [journal.rows(place) for place in places] == [ROWS, [BAD]]


def test_resume_knows_what_was_scored_and_not_what_failed(path: Path) -> None:
    fill(path)
    with Journal(path, resume=True) as journal:
        assert set(journal.done) == {"a", "c"}
        assert journal.rows(journal.done["a"]) == ROWS
        place = journal.add("b", ROWS)
        assert journal.rows(place) == ROWS
    with Journal(path, resume=True) as journal:
        assert set(journal.done) == {"a", "b", "c"}
        # What fails later counts.
        journal.add("a", [BAD])
    with Journal(path, resume=True) as journal:
        assert set(journal.done) == {"b", "c"}


def test_without_resume_the_old_one_is_set_aside(path: Path) -> None:
    fill(path)
    before = path.read_bytes()
    with Journal(path, resume=False) as journal:
        assert not journal.done
    assert Path(f"{path}.old").read_bytes() == before


@settings(deadline=None)
@given(st.data())
def test_torn_anywhere(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("torn") / "j"
    fill(path)
    whole = path.read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    lines = whole[:cut].split(b"\n")[:-1]
    with Journal(path, resume=True) as journal:
        expected = {"a"} if len(lines) > 1 else set()
        assert set(journal.done) == expected | ({"c"} if len(lines) > 3 else set())
        journal.add("d", ROWS)
    with Journal(path, resume=True) as journal:
        assert journal.rows(journal.done["d"]) == ROWS


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_odd_lines_are_passed_over(tmp_path_factory: pytest.TempPathFactory, noise: bytes) -> None:
    path = tmp_path_factory.mktemp("odd") / "j"
    fill(path)
    path.write_bytes(path.read_bytes() + noise.replace(b"\n", b"") + b"\n")
    with Journal(path, resume=True) as journal:
        assert {"a", "c"} <= set(journal.done)
        assert journal.rows(journal.add("d", ROWS)) == ROWS


def test_another_file(path: Path) -> None:
    path.write_text("path,channel\n")
    with pytest.raises(JournalError, match="expected a journal of version 1"):
        Journal(path, resume=True)
    assert path.read_text() == "path,channel\n"


def test_two_jobs_do_not_share_one(path: Path) -> None:
    with Journal(path, resume=False) as journal:
        journal.add("a", ROWS)
        for resume in (True, False):
            with pytest.raises(JournalError, match="another ringtrue is writing to it"):
                Journal(path, resume=resume)
        journal.add("b", ROWS)
    with Journal(path, resume=True) as journal:
        assert set(journal.done) == {"a", "b"}


def test_full_disk_keeps_what_was_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    with Journal(path, resume=False) as journal:
        journal.add("a", ROWS)
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", lambda file, data: real(file, data[:20]))
            with pytest.raises(OSError, match="No space left on device"):
                journal.add("b", ROWS)
        journal.add("c", ROWS)
    with Journal(path, resume=True) as journal:
        assert set(journal.done) == {"a", "c"}


def test_key_changes_with_what_matters(tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    file.write_bytes(b"1234")
    os.utime(file, ns=(0, 10**18))
    source = LocalFile(str(file))
    task = Task(0, "a.wav", source)

    def settings(model: str = "m", **options: object) -> str:
        return Settings(**options).digest(model)  # type: ignore[arg-type]

    digests = [
        settings(),
        settings("other"),
        settings(operating_point="balanced"),
        settings(channel=ChannelChoice.LEFT),
        settings(far=ChannelChoice.LEFT),
        settings(raw=RawFormat(8000)),
        settings(evidence="replay 1"),
        settings(timeline="t"),
    ]
    assert len(set(digests)) == len(digests)
    assert Settings(lanes=3).digest("m") == digests[0]
    keys = [task_key(task, digest) for digest in digests]
    assert len(set(keys)) == len(keys)
    assert task_key(Task(9, "a.wav", source), digests[0]) == keys[0]
    assert task_key(Task(0, "a.wav", source, "id"), digests[0]) != keys[0]
    content = task_key(task, digests[0], content=True)
    file.write_bytes(b"5678")
    os.utime(file, ns=(0, 10**18))
    assert task_key(task, digests[0]) == keys[0]  # same place, size and time
    assert task_key(task, digests[0], content=True) != content
    file.write_bytes(b"1234")
    assert task_key(task, digests[0]) != keys[0]
    assert task_key(task, digests[0], content=True) == content

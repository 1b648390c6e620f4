from __future__ import annotations

import io
import json
import os
import sys
import tarfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringtrue.inference.audio_error import AudioError
from ringtrue.inference.bulk.inputs import Inputs, find_inputs
from ringtrue.inference.bulk.manifest import Entry, read_manifest
from ringtrue.inference.bulk.scorer import LaneScorer
from ringtrue.inference.bulk.settings import Settings
from ringtrue.inference.bulk.source import LocalFile, RemoteFile, SpooledFile, TarMember
from ringtrue.inference.extras import MissingExtraError
from ringtrue.inference.session import Session

from .helpers import make_calls, outcomes, tasks_of

needs_fsspec = pytest.mark.skipif(find_spec("fsspec") is None, reason="needs fsspec")


@pytest.fixture
def calls(tmp_path: Path) -> list[Path]:
    return make_calls(tmp_path / "calls", 3)


def pack(file: Path, paths: list[Path], mode: str = "w") -> Path:
    """A shard with text beside the recordings."""
    with tarfile.open(file, mode) as tar:  # type: ignore[call-overload]
        note = tarfile.TarInfo("sub/notes.txt")
        note.size = 5
        tar.addfile(note, io.BytesIO(b"hello"))
        for path in paths:
            tar.add(path, f"sub/{path.name}")
    return file


def names(inputs: Inputs) -> list[str]:
    return [task.name for task in inputs]


def scored(inputs: Inputs, toy: Session) -> list[tuple[str, str]]:
    found = outcomes(LaneScorer(toy, Settings(lanes=4), period=1).run(inputs))
    return [(row.verdict, row.error) for outcome in found for row in outcome.rows]


def test_files_and_folders(calls: list[Path], tmp_path: Path) -> None:
    inputs = find_inputs([str(calls[1]), str(tmp_path / "calls"), "none.wav"], tmp_path / "s")
    assert names(inputs) == [str(calls[1]), str(calls[0]), str(calls[2]), "none.wav"]
    assert inputs.total == 4
    assert [task.index for task in inputs] == [0, 1, 2, 3]
    assert not inputs.has_ids


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tgz"])
def test_shards(calls: list[Path], tmp_path: Path, toy: Session, suffix: str) -> None:
    shard = pack(tmp_path / f"x{suffix}", calls, "w" if suffix == ".tar" else "w:gz")
    spool = tmp_path / "spool"
    inputs = find_inputs([str(shard), str(calls[0])], spool)
    assert inputs.total is None
    tasks = list(inputs)
    assert [t.name for t in tasks] == [f"{shard}::sub/{p.name}" for p in calls] + [str(calls[0])]
    kind = TarMember if suffix == ".tar" else SpooledFile
    assert all(isinstance(task.source, kind) for task in tasks[:3])
    found = outcomes(LaneScorer(toy, Settings(), period=1).run(tasks))
    plain = outcomes(LaneScorer(toy, Settings(), period=1).run(tasks_of(calls)))
    for outcome, expected in zip(found, plain, strict=False):
        got = [(r.channel, r.voice_llr, r.verdict) for r in outcome.rows]
        assert got == [(r.channel, r.voice_llr, r.verdict) for r in expected.rows]
    for task in tasks:
        task.source.release()
    assert not list(spool.glob("*"))
    assert calls[0].exists()


def test_member_identities(calls: list[Path], tmp_path: Path) -> None:
    for suffix, mode in ((".tar", "w"), (".tar.gz", "w:gz")):
        shard = pack(tmp_path / f"x{suffix}", calls, mode)
        first, again = (
            [task.source for task in find_inputs([str(shard)], tmp_path / "s")] for _ in range(2)
        )
        identities = [source.identity() for source in first]
        assert len(set(identities)) == 3
        assert [source.identity() for source in again] == identities
        content = LocalFile(str(calls[0])).identity(content=True)
        assert first[0].identity(content=True) == content


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
def test_damaged_shards_are_rows(
    calls: list[Path], tmp_path: Path, toy: Session, suffix: str
) -> None:
    good = pack(tmp_path / f"good{suffix}", calls, "w" if suffix == ".tar" else "w:gz")
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    text = tmp_path / f"text{suffix}"
    text.write_text("no shard")
    with tarfile.open(tmp_path / f"bare{suffix}", "w"):
        pass
    shards = [cut, text, tmp_path / f"none{suffix}", tmp_path / f"bare{suffix}", calls[1]]
    rows = scored(find_inputs(map(str, shards), tmp_path / "s"), toy)
    errors = [error for _, error in rows if error]
    assert sum("the shard cannot be read" in error for error in errors) >= 2
    assert any("No such file" in error for error in errors)
    assert "the shard holds no recordings" in errors[-1] or suffix == ".tar.gz"
    assert rows[-1][1] == ""


@settings(deadline=None)
@given(st.binary(max_size=2000))
def test_any_bytes_as_a_shard(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("any")
    for name in ("x.tar", "x.tgz"):
        (folder / name).write_bytes(data)
        for task in find_inputs([str(folder / name)], folder / "spool"):
            assert task.name.startswith(str(folder / name))


def test_manifests(calls: list[Path], tmp_path: Path) -> None:
    rows = [{"id": f"call {i}", "path": f"calls/{p.name}", "x": 1} for i, p in enumerate(calls)]
    (tmp_path / "m.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    lines = ["path,x,id", *(f'"{r["path"]}",1,{r["id"]}' for r in rows)]
    (tmp_path / "m.csv").write_text("\ufeff" + "\n".join(lines))
    expected = [Entry(f"call {i}", str(path)) for i, path in enumerate(calls)]
    manifests = ["m.jsonl", "m.csv"]
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "m.parquet")
    for name in [*manifests, "m.parquet"]:
        assert read_manifest(tmp_path / name) == expected
    inputs = find_inputs([], tmp_path / "s", manifest=tmp_path / "m.csv")
    assert [(t.id, t.name) for t in inputs] == [(e.id, e.path) for e in expected]
    assert (inputs.total, inputs.has_ids) == (3, True)


def test_manifest_names_addresses_and_absolute_paths(tmp_path: Path) -> None:
    file = tmp_path / "m.csv"
    file.write_text("id,path\n1,s3://b/x.wav\n2,/calls/y.wav\n")
    assert [e.path for e in read_manifest(file)] == ["s3://b/x.wav", "/calls/y.wav"]
    sources = [task.source for task in find_inputs([], tmp_path, manifest=file)]
    assert sources == [RemoteFile("s3://b/x.wav"), LocalFile("/calls/y.wav")]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("m.txt", "", r"expected a manifest ending in \.csv, \.jsonl or \.parquet"),
        ("m.csv", "id,file\n1,x.wav\n", "line 2: expected a value in the column 'path'"),
        ("m.csv", "id,path\n,x.wav\n", "line 2: expected a value in the column 'id'"),
        ("m.jsonl", '{"id": 1, "path": "a"}\nx', "line 2: is not JSON"),
        ("m.jsonl", "[1]", "line 1: expected an object"),
        ("m.parquet", "x", "is not a Parquet file"),
    ],
)
def test_bad_manifests(tmp_path: Path, name: str, text: str, words: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=words):
        read_manifest(tmp_path / name)


@settings(deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["m.csv", "m.jsonl", "m.parquet"]))
def test_any_bytes_as_a_manifest(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, name: str
) -> None:
    file = tmp_path_factory.mktemp("any") / name
    file.write_bytes(data)
    problem = ""
    entries: list[Entry] = []
    try:
        entries = read_manifest(file)
    except ValueError as error:
        problem = str(error)
    assert not problem or str(file) in problem
    assert all(entry.id and entry.path for entry in entries)


@needs_fsspec
def test_addresses(calls: list[Path], tmp_path: Path, toy: Session) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    for path in calls:
        memory.pipe(f"/bulk/{path.name}", path.read_bytes())
    memory.pipe("/bulk/notes.txt", b"x")
    memory.pipe("/shards/x.tar", pack(tmp_path / "x.tar", calls).read_bytes())
    expected = [f"memory:///bulk/{path.name}" for path in calls]
    assert [n.replace("memory://bulk", "memory:///bulk") for n in names(
        find_inputs(["memory://bulk"], tmp_path / "s")
    )] == expected  # fmt: skip
    assert len(names(find_inputs(["memory://bulk/*1.wav"], tmp_path / "s"))) == 1
    shard = find_inputs(["memory://shards/x.tar"], tmp_path / "s")
    assert names(shard) == [f"memory://shards/x.tar::sub/{p.name}" for p in calls]
    files = [f"file://{path}" for path in calls]
    mixed = ["memory://bulk", *files, "memory://shards/x.tar", "memory://bulk/none.wav"]
    rows = scored(find_inputs(mixed, tmp_path / "s"), toy)
    plain = scored(find_inputs(map(str, calls), tmp_path / "s"), toy)
    assert rows == [*plain * 3, ("", "no such file")]


@needs_fsspec
def test_remote_identities_follow_the_content(tmp_path: Path) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe("/i/a.wav", b"1234")
    source = RemoteFile("memory://i/a.wav")
    before = source.identity(), source.identity(content=True)
    memory.pipe("/i/a.wav", b"12345")
    assert source.identity() != before[0]
    assert source.identity(content=True) != before[1]
    assert RemoteFile("memory://i/none.wav").identity().endswith("missing")


def test_addresses_without_fsspec(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(MissingExtraError, match=r'pip install "ringtrue\[remote\]"'):
        find_inputs(["s3://bucket/calls/"], tmp_path)


def test_pipes_and_devices_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "f.wav")
    for path in (tmp_path / "f.wav", Path("/dev/zero")):
        with pytest.raises(AudioError, match="is not a regular file"), LocalFile(str(path)).local():
            pass

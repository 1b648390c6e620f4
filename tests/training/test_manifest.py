"""The manifest: what is read, what is refused, and with which message."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrue.training.manifest import (
    Clip,
    Manifest,
    ManifestError,
    read_manifest,
    write_manifest,
)

GOOD = {"id": "a", "path": "a.flac", "label": "human", "split": "dev", "seconds": 1.5}


def _write(folder: Path, *rows: object) -> Path:
    path = folder / "manifest.jsonl"
    path.write_text("\n".join(r if isinstance(r, str) else json.dumps(r) for r in rows))
    return path


def _problems(path: Path, **options: bool) -> tuple[str, ...]:
    with pytest.raises(ManifestError) as caught:
        read_manifest(path, **options)
    return caught.value.problems


def test_reads_known_and_keeps_unknown_fields(tmp_path: Path) -> None:
    path = _write(tmp_path, {**GOOD, "category": "x", "speaker": None, "commercial_ok": True})
    (clip,) = read_manifest(path)
    assert clip == Clip("a", "a.flac", "human", "dev", 1.5, commercial_ok=True, extra=clip.extra)
    assert clip.extra == {"category": "x"}
    assert read_manifest(path).audio_path(clip) == tmp_path / "a.flac"


def test_reports_all_problems_with_line_numbers(tmp_path: Path) -> None:
    path = _write(
        tmp_path,
        GOOD,
        "{broken",
        "",
        {**GOOD, "id": "b", "label": "robot"},
        {**GOOD, "id": "c", "split": "test", "condition": "car"},
        {**GOOD, "id": "d", "seconds": 0},
        {**GOOD, "id": "e", "path": "../x.wav"},
        GOOD,
        {"id": "f"},
        [1],
    )
    assert _problems(path) == (
        "line 2: expected one JSON object, got invalid JSON "
        "(Expecting property name enclosed in double quotes)",
        "line 4: label: expected one of human, tts, vocoded, vc, nonspeech, got 'robot'",
        "line 5: split: expected one of train, dev, eval, got 'test'",
        "line 5: condition: expected one of studio, phone, noise, got 'car'",
        "line 6: seconds: expected a number above 0, got 0",
        "line 7: path: expected no '..' (write an absolute path instead), got '../x.wav'",
        "line 8: duplicate id 'a', first on line 1",
        "line 9: missing field 'path'",
        "line 9: missing field 'label'",
        "line 9: missing field 'split'",
        "line 9: missing field 'seconds'",
        "line 10: expected one JSON object, got list",
    )


def test_message_shows_at_most_twenty(tmp_path: Path) -> None:
    path = _write(tmp_path, *[{**GOOD, "id": str(i), "seconds": -1} for i in range(25)])
    with pytest.raises(ManifestError, match=r"manifest.jsonl: 25 problems") as caught:
        read_manifest(path)
    assert len(caught.value.problems) == 25
    assert str(caught.value).splitlines()[-1].strip() == "... and 5 more"
    assert len(str(caught.value).splitlines()) == 22


@pytest.mark.parametrize("seconds", ["x", True, float("nan"), float("inf"), -1, []])
def test_refuses_bad_seconds(tmp_path: Path, seconds: object) -> None:
    (problem,) = _problems(_write(tmp_path, {**GOOD, "seconds": seconds}))
    assert problem == f"line 1: seconds: expected a number above 0, got {seconds!r}"


def test_missing_audio_is_found_on_request(tmp_path: Path) -> None:
    path = _write(tmp_path, GOOD)
    assert len(read_manifest(path)) == 1
    assert _problems(path, check_files=True) == ("line 1: no audio file at 'a.flac'",)
    (tmp_path / "a.flac").touch()
    assert len(read_manifest(path, check_files=True)) == 1


def test_empty_and_unknown_files(tmp_path: Path) -> None:
    assert _problems(_write(tmp_path, "")) == ("expected at least one row, got none",)
    other = tmp_path / "m.xlsx"
    other.touch()
    assert "expected a manifest ending in .jsonl, .csv, .parquet" in _problems(other)[0]
    binary = tmp_path / "m.parquet"
    binary.write_bytes(b"not parquet")
    assert "expected a Parquet file" in _problems(binary)[0]
    latin = tmp_path / "m.csv"
    latin.write_bytes(b"id,path\n\xff,x\n")
    assert "expected UTF-8 text" in _problems(latin)[0]
    with pytest.raises(FileNotFoundError):
        read_manifest(tmp_path / "none.jsonl")


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_formats_agree(tmp_path: Path, suffix: str) -> None:
    clips = (
        Clip("a", "x/a.flac", "human", "train", 1.25, "s", speaker="s:1", commercial_ok=True),
        Clip("b", "/else/b.wav", "tts", "dev", 2.0, "t", "sys", "v", text='say "hi", now\nplease'),
        Clip("c", "c.wav", "nonspeech", "eval", 3.0, extra={"category": "music"}),
    )
    manifest = Manifest(clips, tmp_path)
    write_manifest(manifest, tmp_path / f"m.{suffix}")
    again = read_manifest(tmp_path / f"m.{suffix}")
    assert again.clips == clips
    assert again.digest() == manifest.digest()


def test_paths_become_absolute_when_the_manifest_moves(tmp_path: Path) -> None:
    manifest = read_manifest(_write(tmp_path, GOOD))
    other = tmp_path / "other"
    other.mkdir()
    write_manifest(manifest, other / "m.csv")
    moved = read_manifest(other / "m.csv")
    assert moved.audio_path(moved.clips[0]) == tmp_path / "a.flac"


@given(st.text(max_size=60) | st.dictionaries(st.text(max_size=8), st.text(max_size=8)))
def test_any_line_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, row: object) -> None:
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    path.write_text(row if isinstance(row, str) else json.dumps(row), encoding="utf-8")
    with pytest.raises(ManifestError):
        read_manifest(path)


def test_select_digest_and_groups(tmp_path: Path) -> None:
    clips = (
        Clip("a", "a", "human", "train", 1, "s", speaker="s:1", condition="phone"),
        Clip("b", "b", "vc", "dev", 2, "t", "sys", "v", "t:2", commercial_ok=True),
        Clip("c", "c", "nonspeech", "eval", 3, condition="noise"),
    )
    manifest = Manifest(clips, tmp_path)
    assert [c.group for c in clips] == ["s:1", "vc|t|sys|v|t:2", "nonspeech||||"]
    assert [c.is_robot for c in clips] == [False, True, False]
    assert manifest.select("dev").clips == clips[1:2]
    assert manifest.select(labels=["human", "vc"]).clips == clips[:2]
    assert manifest.select(condition="noise").clips == clips[2:]
    assert manifest.select(commercial_only=True).clips == clips[1:2]
    assert manifest.digest() == Manifest(clips[::-1], tmp_path).digest()
    assert manifest.digest() != manifest.select("dev").digest()
    with pytest.raises(ValueError, match="expected a split of train, dev, eval, got 'test'"):
        manifest.select("test")


def test_leaks_name_what_crosses_splits(tmp_path: Path) -> None:
    clips = (
        Clip("a", "a", "human", "train", 1, "s", system="human", speaker="s:1"),
        Clip("b", "b", "human", "dev", 1, "t", system="human", speaker="s:1"),
        Clip("c", "c", "tts", "train", 1, "u", system="x"),
        Clip("d", "d", "tts", "eval", 1, "v", system="x"),
    )
    assert Manifest(clips, tmp_path).leaks() == [
        "speaker 's:1' occurs in several splits: dev, train",
        "system 'x' occurs in several splits: eval, train",
    ]


def test_the_corpus_is_valid(corpus: Path) -> None:
    manifest = read_manifest(corpus / "manifest.jsonl")
    assert all(leak.startswith("system") for leak in manifest.leaks())
    assert {c.split for c in manifest} == {"train", "dev", "eval"}


@pytest.mark.parametrize(
    ("speaker", "known"), [("page:anna", True), ("page:", False), ("", False), ("anna", True)]
)
def test_a_speaker_that_ends_in_a_colon_is_somebody_of_the_source(
    speaker: str, known: bool
) -> None:
    assert Clip("a", "a.flac", "human", "dev", 1.5, speaker=speaker).has_known_speaker is known

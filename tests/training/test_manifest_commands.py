"""``ringtrue manifest`` as a user runs it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

pytest.importorskip("torch")

from ringtrue.training.cli import app
from ringtrue.training.manifest import Clip, Manifest, merge_manifests, read_manifest
from ringtrue.training.manifest_summary import summary

ROW = {"id": "a", "path": "a.flac", "label": "human", "split": "dev", "seconds": 36.0}


def _run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["manifest", *arguments])
    return result.exit_code, result.output


def test_check_lists_problems_and_warnings(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    rows = [{**ROW, "speaker": "s"}, {**ROW, "id": "b", "split": "eval", "speaker": "s"}]
    path.write_text("\n".join(map(json.dumps, rows)))
    code, text = _run("check", str(path))
    assert code == 0
    assert "warning: speaker 's' occurs in several splits: dev, eval" in text
    assert "m.jsonl: 2 clips, 0.0 hours, no problem, 1 warnings" in text
    code, text = _run("check", str(path), "--files")
    assert code == 1
    assert "line 1: no audio file at 'a.flac'" in text
    path.write_text(json.dumps({**ROW, "label": "robot"}))
    code, text = _run("check", str(path))
    assert code == 1
    assert text.startswith("m.jsonl: 1 problem\n  line 1: label: expected one of human")


def test_merge_keeps_the_audio_where_it_is(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "m.jsonl").write_text(json.dumps({**ROW, "id": name}))
    paths = [str(tmp_path / name / "m.jsonl") for name in ("a", "b")]
    (tmp_path / "b" / "audio" / "rir").mkdir(parents=True)
    (tmp_path / "b" / "audio" / "rir" / "room.wav").write_bytes(b"room")
    out = tmp_path / "new" / "both.jsonl"
    code, text = _run("merge", *paths, "--out", str(out))
    assert code == 0
    assert "2 clips, 0.0 hours" in text
    assert (out.parent / "audio" / "rir" / "room.wav").read_bytes() == b"room"
    merged = read_manifest(out)
    assert [merged.audio_path(clip) for clip in merged] == [
        tmp_path / "a" / "a.flac",
        tmp_path / "b" / "a.flac",
    ]
    with pytest.raises(ValueError, match="expected every id once, got 'a' in two manifests"):
        merge_manifests([read_manifest(paths[0])] * 2)


def test_summary_counts(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text(json.dumps(ROW))
    code, text = _run("summary", str(path), "--by", "label")
    assert code == 0
    assert "by label" in text
    assert "by source" not in text
    assert "1 clips, 0.01 hours" in text
    code, _ = _run("summary", str(path), "--by", "x")
    assert code != 0


def test_summary_rows() -> None:
    clips = (
        Clip("a", "a", "human", "train", 3600, "s", system="human", commercial_ok=True),
        Clip("b", "b", "tts", "train", 1800, "s", system="x"),
        Clip("c", "c", "nonspeech", "eval", 900),
    )
    rows = {(r.split, r.kind, r.name): r for r in summary(Manifest(clips, Path()))}
    source = rows["train", "source", "s"]
    assert (source.clips, source.groups, source.hours) == (2, 2, 1.5)
    assert (source.human_hours, source.robot_hours, source.commercial_hours) == (1, 0.5, 1)
    assert [key for key in rows if key[1] == "system"] == [("train", "system", "x")]
    assert rows["eval", "label", "nonspeech"].hours == 0.25

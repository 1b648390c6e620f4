from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from ringtrue.inference.cli import main
from ringtrue.inference.history import CallHistory
from ringtrue.inference.marks import EvidenceMark
from ringtrue.inference.report import page as page_module
from ringtrue.inference.report.build import AudioMode, ReportOptions, build_report
from ringtrue.inference.report.curves import pack
from ringtrue.inference.report.detail import Scorer
from ringtrue.inference.report.page import to_json
from ringtrue.inference.report.recordings import copy_channel, copy_suffix, link, locate
from ringtrue.inference.report.results import Results
from ringtrue.inference.rows import row_writer
from ringtrue.inference.score import ScoreRow, score_files
from ringtrue.inference.session import Session
from ringtrue.inference.timeline import Timeline, make_timeline
from ringtrue.inference.timeline_file import timeline_path, write_timeline
from ringtrue.inference.trace import trace_file

from .toy_model import CAUTIOUS, human, robot, silence

EVIL = "<img src=x onerror=alert(1)>\"'&`${1}%%script%%.wav"


def write_calls(folder: Path) -> list[str]:
    """A robot, a human, a stereo call, an odd name, and two errors."""
    folder.mkdir()
    calls = {
        "2026-03-01 robot.wav": np.concatenate([silence(1), robot(5), human(8)]),
        "2026-03-02 human.wav": human(6),
        "2026-03-02 both.wav": np.stack([robot(6), human(6)], 1),
        f"2026-03-03 {EVIL}": robot(4),
    }
    for name, samples in calls.items():
        soundfile.write(folder / name, samples, 8000)
    (folder / "2026-03-04 empty.wav").write_bytes(b"")
    return [*(str(folder / name) for name in calls), str(folder / "2026-03-04 empty.wav"),
            str(folder / "2026-03-05 gone.wav")]  # fmt: skip


def write_results(file: Path, rows: list[ScoreRow]) -> Path:
    with file.open("w", encoding="utf-8", errors="surrogateescape", newline="") as stream:
        writer = row_writer("csv" if file.suffix == ".csv" else "jsonl", stream)
        for row in rows:
            writer.write(row)
        writer.close()
    return file


@pytest.fixture(scope="module")
def results(toy: Session, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of the calls of :func:`write_calls`."""
    folder = tmp_path_factory.mktemp("scored")
    rows = [row for rows in score_files(write_calls(folder / "calls"), toy) for row in rows]
    return write_results(folder / "scores.csv", rows)


def data_of(out: Path, which: str = "data") -> dict[str, Any]:
    html = (out / "index.html").read_text(encoding="utf-8")
    found = re.search(rf'<script type="application/json" id="{which}">(.*?)</script>', html)
    assert found
    values: dict[str, Any] = json.loads(found[1])
    return values


def build(results: Path, session: Session, out: Path, **options: Any) -> dict[str, Any]:
    build_report(Results(results), Scorer(lambda: session), ReportOptions(out, **options))
    return data_of(out)


def test_page_holds_the_rows(results: Path, toy: Session, tmp_path: Path) -> None:
    data = build(results, toy, tmp_path / "out")
    rows = data["rows"]
    kinds = [data["kinds"][kind] for kind in rows["kind"]]
    assert kinds == ["robot", "human", "robot", "human", "robot", "error", "error"]
    assert rows["channel"] == ["mono", "mono", "left", "right", "mono", "", ""]
    assert rows["path"][0] == "2026-03-01 robot.wav"
    assert data["root"] + rows["path"][0] == str(results.parent / "calls/2026-03-01 robot.wav")
    assert rows["path"][4] == f"2026-03-03 {EVIL}"
    assert data["totals"]["kinds"] == [3, 0, 2, 0, 2]
    assert data["time"]["labels"][0] == "2026-03-01"
    assert rows["drawn"] == ["rescored"] * 5 + [""] * 2
    assert data["thresholds"] == [CAUTIOUS.flag_llr, CAUTIOUS.human_llr]
    curves = data_of(tmp_path / "out", "curves")
    assert sorted(curves) == ["0", "1", "2", "3", "4"]
    assert curves["2"]["f"] == rows["flagged"][2]
    assert curves["3"]["f"] is None


def test_names_cannot_leave_their_place(results: Path, toy: Session, tmp_path: Path) -> None:
    build(results, toy, tmp_path / "out", audio=AudioMode.EMBED)
    html = (tmp_path / "out/index.html").read_text(encoding="utf-8")
    assert "<img" not in html
    assert html.count("</script>") == 3
    assert to_json("</script><!--&\udcff") == '"\\u003c/script\\u003e\\u003c!--\\u0026\\udcff"'
    assert "http" not in re.sub(r"http-equiv|http://www\.w3\.org/2000/svg", "", html)


def test_links_and_copies(results: Path, toy: Session, tmp_path: Path) -> None:
    out = tmp_path / "out"
    linked = build(results, toy, out)["rows"]["audio"]
    assert all(url.startswith("./../") and url.endswith(".wav") for url in linked[:5])
    assert "%3Cimg%20src%3Dx" in linked[4]
    assert "%22" in linked[4]
    assert linked[2] == linked[3]
    assert linked[5:] == [None, None]
    copied = build(results, toy, out, audio=AudioMode.EMBED)["rows"]["audio"]
    left, right = (soundfile.read(out / url) for url in copied[2:4])
    assert (left[1], right[1]) == (8000, 8000)
    assert len(left[0]) == pytest.approx(48000, rel=0.05)
    tones = [np.argmax(np.abs(np.fft.rfft(x[8000:16000]))) for x in (left[0], right[0])]
    assert tones[0] < 1500 < tones[1]
    assert sum(f.stat().st_size for f in (out / "audio").iterdir()) < 35 * 4000
    assert build(results, toy, out, audio=AudioMode.NONE)["rows"]["audio"] == [None] * 7
    assert not (out / "audio").exists(), "copies of an older report are removed"


def test_stored_timelines(results: Path, toy: Session, tmp_path: Path) -> None:
    path = str(results.parent / "calls/2026-03-01 robot.wav")
    for _, timeline in trace_file(path, toy):
        write_timeline(dataclasses.replace(timeline, flagged_at=1.25), tmp_path / "t")
    damaged = timeline_path(
        tmp_path / "t", path.replace("robot", "human").replace("01", "02"), "mono"
    )
    damaged.parent.mkdir(exist_ok=True)
    damaged.write_text("{")
    data = build(results, toy, tmp_path / "out", timelines=tmp_path / "t", detail=0)
    assert data["rows"]["drawn"] == ["stored", "limit", "limit", "limit", "limit", "", ""]
    assert data_of(tmp_path / "out", "curves")["0"]["f"] == 1.25


def test_the_strongest_are_drawn_first(results: Path, toy: Session, tmp_path: Path) -> None:
    rows = build(results, toy, tmp_path / "out", detail=2)["rows"]
    drawn = [i for i, source in enumerate(rows["drawn"]) if source == "rescored"]
    robots = sorted((0, 2, 4), key=lambda i: -rows["p"][i])
    assert drawn == sorted(robots[:2])


def test_recordings_that_are_gone_or_broken(toy: Session, tmp_path: Path) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_text("text, not audio\n" * 10)
    soundfile.write(tmp_path / "mono.wav", robot(2), 8000)
    rows = [
        ScoreRow(str(tmp_path / "gone.wav"), "mono", 1.0, 1.0, 0.9, 2.0, "robot"),
        ScoreRow("s3://bucket/x.wav", "mono", 1.0, 1.0, 0.9, 2.0, "robot"),
        ScoreRow(str(bad), "mono", 1.0, 1.0, 0.9, 2.0, "robot"),
        ScoreRow("mono.wav", "right", 1.0, 1.0, 0.9, 2.0, "robot"),
    ]
    out = tmp_path / "out"
    results = Results(write_results(tmp_path / "r.jsonl", rows))
    scorer = Scorer(lambda: toy, bases=[tmp_path])
    build_report(results, scorer, ReportOptions(out, audio=AudioMode.EMBED))
    data = data_of(out)["rows"]
    assert data["drawn"] == ["missing", "missing", "failed", "failed"]
    assert data["words"][2] == "is text, not audio"
    assert "no channel right" in data["words"][3]
    assert data["audio"] == [None] * 4


def test_many_pictures_lie_beside_the_page(
    results: Path, toy: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_module, "INLINE", 2)
    monkeypatch.setattr(page_module, "BLOCK", 3)
    out = tmp_path / "out"
    assert build(results, toy, out)["blocks"] == 3
    assert data_of(out, "curves") == {}
    assert sorted(f.name for f in (out / "data").iterdir()) == [
        "curves-0.js", "curves-1.js", "curves-2.js",
    ]  # fmt: skip
    text = (out / "data/curves-1.js").read_text()
    found = re.fullmatch(r"ringtrueCurves\(1,(.*)\);\n", text)
    assert found
    assert sorted(json.loads(found[1])) == ["3", "4"]


def test_other_pages_and_files_are_left_alone(results: Path, toy: Session, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "audio").mkdir(parents=True)
    (out / "audio/notes.txt").write_text("mine")
    build(results, toy, out, audio=AudioMode.EMBED, detail=1)
    build(results, toy, out, audio=AudioMode.NONE, detail=0)
    assert [f.name for f in (out / "audio").iterdir()] == ["notes.txt"]
    (out / "index.html").write_text("<p>my home page")
    with pytest.raises(ValueError, match="is not a report"):
        build(results, toy, out)
    assert (out / "index.html").read_text() == "<p>my home page"
    with pytest.raises(ValueError, match="got the file"):
        build(results, toy, results)


def test_ctrl_c_keeps_what_was_drawn(results: Path, toy: Session, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    options = ReportOptions(tmp_path / "out")
    built = build_report(Results(results), Scorer(lambda: toy), options, stop)
    assert built.interrupted
    assert built.drawn == 1
    assert sum(source == "rescored" for source in data_of(tmp_path / "out")["rows"]["drawn"]) == 1


def test_png(results: Path, toy: Session, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    data = build(results, toy, tmp_path / "out", png=True, detail=1)
    names = [name for name in data["rows"]["picture"] if name]
    files = [tmp_path / "out" / name for name in (*names, "png/overview.png")]
    assert len(names) == 1
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)


@pytest.mark.parametrize(("flags", "expected"), [("22", [2.0, None]), ("23", None), (",,", None)])
def test_thresholds_of_the_rows(
    toy: Session, tmp_path: Path, flags: str, expected: list[float | None] | None
) -> None:
    rows = "".join(f"{i}.wav,human,,{flag.strip(',')}\n" for i, flag in enumerate(flags))
    (tmp_path / "r.csv").write_text("path,verdict,error,flag_llr\n" + rows)
    assert build(tmp_path / "r.csv", toy, tmp_path / "out", detail=0)["thresholds"] == expected


def test_no_rows(toy: Session, tmp_path: Path) -> None:
    data = build(write_results(tmp_path / "r.csv", []), toy, tmp_path / "out")
    assert data["totals"]["rows"] == 0
    assert data["rows"]["path"] == []


def test_a_thousand_calls_take_a_few_megabytes(toy: Session, tmp_path: Path) -> None:
    history = CallHistory()
    rng = np.random.default_rng(0)
    from .test_history import verdict

    for i in range(1200):
        chunk = rng.standard_normal(800).astype(np.float32) * 0.1
        llr = float(rng.standard_normal())
        history.add(verdict((i + 1) / 10, llr=llr, speech=rng.random()), chunk, 0.1)
    row = ScoreRow("a.wav", "mono", 120.0, 60.0, 0.5, 0.1, "unsure", reasons=("voice: 1:1",))
    timeline = make_timeline(history, row, CAUTIOUS, "1")
    assert len(to_json(pack(timeline))) < 3500


def test_pack(toy: Session) -> None:
    import base64

    timeline = Timeline(
        "a", "mono", 0.25, 0.1, (0.5, 1.0, 400.0), (0.5, 1.0, -400.0), (0.0, 0.5, 1.0),
        (-0.5, 0.0, 0.0), (0.25, 0.5, 0.0), (), (EvidenceMark(0.1, "replay", "x", 2.0),), None,
        CAUTIOUS, "1",
    )  # fmt: skip
    packed = pack(timeline)
    assert np.frombuffer(base64.b64decode(packed["l"]), "<i2").tolist() == [50, 100, 32767]
    assert np.frombuffer(base64.b64decode(packed["v"]), "<i2").tolist() == [50, 100, -32768]
    assert np.frombuffer(base64.b64decode(packed["p"]), "u1").tolist() == [0, 50, 100]
    envelope = np.frombuffer(base64.b64decode(packed["w"]), "i1").tolist()
    assert envelope == [-127, 64, 0, 127, 0, 0]
    assert (packed["a"], packed["m"]) == (0.5, [[0.1, "replay", "x", 2.0]])
    empty = dataclasses.replace(
        timeline, llr=(), voice_llr=(), speech=(), low=(), high=(), seconds=0.0
    )
    assert pack(empty)["l"] == ""


def test_locate_and_link(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    file = tmp_path / "a/x #1?.wav"
    file.touch()
    assert locate("x #1?.wav", [tmp_path / "a"]) == file
    assert locate(str(file), []) == file
    for name in ("s3://b/x.wav", "none.wav", "a\0b", "x" * 5000, "."):
        assert locate(name, [tmp_path / "a"]) is None
    assert link(file, tmp_path / "out") == "./../a/x%20%231%3F.wav"
    assert link(tmp_path / "javascript:alert(1)", tmp_path) == "./javascript%3Aalert%281%29"


def test_a_failed_copy_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_bytes(b"RIFF")
    target = tmp_path / f"c{copy_suffix()}"
    with pytest.raises(Exception, match=r"bad\.wav"):
        copy_channel(tmp_path / "bad.wav", "mono", target)
    assert [f.name for f in tmp_path.iterdir()] == ["bad.wav"]


def test_command(
    results: Path, toy_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    code = main(["report", str(results), "--out", str(out), "--model", str(toy_path)])
    assert code == 0
    told = capsys.readouterr().out
    assert "7 scored channels: 3 robot, 2 human, 0 unsure, 0 without speech, 2 errors." in told
    assert "(5 calls with a picture)" in told
    assert (out / "index.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["none.csv"], 1, "none.csv: No such file"),
        (["RESULTS", "--timelines", "none"], 2, "expected a folder of timelines"),
        (["RESULTS", "--audio", "loud"], 2, "loud"),
        (["RESULTS", "--out", "RESULTS"], 2, "expected a folder to write the report to"),
        (["RESULTS", "--operating-point", "bold", "--detail", "1"], 2, "operating point"),
        (["RESULTS", "--model", "none.onnx"], 2, "no such model file"),
    ],
)
def test_command_errors(
    results: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = [str(results) if a == "RESULTS" else a for a in arguments]
    assert main(["report", "--detail", "0", *arguments]) == code
    error = capsys.readouterr().err
    assert words in " ".join(error.split())
    assert "Traceback" not in error

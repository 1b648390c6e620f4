from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from ringtrue.inference.cli import app
from ringtrue.inference.replay.campaign_report import clock, to_html, to_json
from ringtrue.inference.replay.campaigns import Stretch, _letters, find_campaigns
from ringtrue.inference.replay.fingerprint import fingerprint
from ringtrue.inference.replay.listened import Listened

from .voices import Samples, silence, through_mu_law, voice

CLIPS = [voice(200 + i, 2.5) for i in range(3)]


def stretch(path: str, start: float, *parts: Samples) -> Stretch:
    return Stretch(path, "mono", start, fingerprint(np.concatenate(parts)))


def test_recordings_that_share_clips() -> None:
    calls = [
        stretch("a", 0.0, through_mu_law(CLIPS[0], 1.0, 1)),
        stretch("b", 5.0, silence(0.27), through_mu_law(CLIPS[0], 0.2, 2)),
        stretch("b", 20.0, CLIPS[1]),
        stretch("c", 1.0, through_mu_law(CLIPS[1], 0.5, 3)),
        stretch("d", 0.0, voice(300, 4.0)),
        stretch("e", 0.0, CLIPS[2]),
        stretch("e", 9.0, CLIPS[2]),  # repeats inside one call: no campaign
        stretch("f", 0.0, silence(2.0)),
    ]
    (campaign,) = find_campaigns(calls)
    assert (campaign.name, campaign.paths) == ("A", ("a", "b", "c"))
    assert [clip.name for clip in campaign.clips] == ["A1", "A2"]
    first = campaign.clips[0].places
    assert [p.path for p in first] == ["a", "b"]
    assert first[1].start == pytest.approx(5.27, abs=0.3)
    assert first[1].stop == pytest.approx(7.77, abs=0.3)
    assert campaign.clips[0].seconds == pytest.approx(2.5, abs=0.4)


def test_two_campaigns_the_larger_first() -> None:
    calls = [stretch(f"x{i}", 0.0, CLIPS[0]) for i in range(2)]
    calls += [stretch(f"y{i}", 0.0, CLIPS[1]) for i in range(3)]
    found = find_campaigns(calls)
    assert [c.paths for c in found] == [("y0", "y1", "y2"), ("x0", "x1")]
    assert len(found[0].clips) == 1
    assert find_campaigns([]) == []


def test_letters_and_clock() -> None:
    assert [_letters(i) for i in (0, 25, 26, 51, 52, 701, 702)] == [
        "A", "Z", "AA", "AZ", "BA", "ZZ", "AAA",
    ]  # fmt: skip
    assert [clock(t) for t in (0, 67.44, 59.96)] == ["0:00.0", "1:07.4", "1:00.0"]


def test_report_escapes_names_and_lists_errors() -> None:
    evil = "<script>alert(1)</script>\udcff.wav"
    calls = [stretch(evil, 0.0, CLIPS[0]), stretch("b", 0.0, CLIPS[0])]
    recordings = [
        Listened(evil, "x", 3.0),
        Listened("b", "x", 3.0),
        Listened("alone", "x", 3.0),
        Listened("bad", error="is <empty>"),
    ]
    found = find_campaigns(calls)
    page = to_html(found, recordings, "Campaigns & more")
    page.encode("utf-8")
    assert "<script" not in page
    assert "is &lt;empty&gt;" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    rows = to_json(found, recordings)
    assert rows["alone"] == ["alone"]
    assert rows["errors"] == [{"path": "bad", "error": "is <empty>"}]
    assert len(rows["campaigns"][0]["clips"][0]["places"]) == 2


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    where = tmp_path / "calls"
    where.mkdir()
    for name, call in {
        "one": [voice(301, 2.0), silence(1), CLIPS[0]],
        "two": [silence(0.6), through_mu_law(CLIPS[0], 0.5, 5), silence(1), voice(302, 2.0)],
        "three": [voice(303, 5.0)],
    }.items():
        soundfile.write(where / f"{name}.wav", np.concatenate(call), 8000)
    (where / "bad.wav").write_text("not audio")
    (where / "empty.wav").write_bytes(b"")
    return where


def run(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(w) for w in words], env={"COLUMNS": "200"})
    return result.exit_code, result.output


def test_campaigns_command(folder: Path, toy_path: Path, tmp_path: Path) -> None:
    page, data, cache = tmp_path / "c.html", tmp_path / "c.json", tmp_path / "cache"
    words = ["campaigns", folder, "--model", toy_path, "--jobs", 1, "--cache", cache]
    code, text = run(*words, "--json", data, "--html", page)
    assert code == 1
    assert "1 campaigns, 2 of 5 recordings in them" in text
    assert "2 of 5 recordings could not be read" in text
    assert "is text, not audio" in text
    found = json.loads(data.read_text(encoding="utf-8"))
    assert [Path(p).name for p in found["campaigns"][0]["paths"]] == ["one.wav", "two.wav"]
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    # A second run takes the fingerprints from the cache, a damaged one is made anew.
    files = sorted(cache.glob("*.npz"))
    assert len(files) == 3
    files[0].write_bytes(b"PK damaged")
    stamps = [f.stat().st_mtime_ns for f in files[1:]]
    assert run(*words) == (code, text)
    assert [f.stat().st_mtime_ns for f in files[1:]] == stamps


def test_campaigns_command_refuses_wrong_use(folder: Path, tmp_path: Path) -> None:
    code, text = run("campaigns", folder, "--html", tmp_path / "none" / "c.html")
    assert code == 2
    assert "its folder does not exist" in text
    (tmp_path / "void").mkdir()
    assert run("campaigns", tmp_path / "void")[0] == 2


def test_bank_commands(folder: Path, toy_path: Path, tmp_path: Path) -> None:
    bank, model = ("--bank", tmp_path / "p.bank"), ("--model", toy_path)
    assert run("bank", "list", *bank)[0] == 2
    code, text = run("bank", "add", folder, *bank, *model, "--date", "2026-11-02")
    assert code == 1  # two bad files
    assert "2 of 5 recordings could not be used" in text
    assert "two.wav: " in text
    code, text = run("bank", "add", folder / "one.wav", *bank, *model)
    assert code == 0
    assert "0 new" in text
    code, text = run("bank", "lookup", folder / "two.wav", *bank, *model)
    assert code == 0
    assert "heard in 2 calls since 2026-11-02" in text
    code, text = run("bank", "lookup", folder / "two.wav", *bank, *model, "--json")
    assert {"path", "start", "stop", "score", "name", "calls"} <= set(
        json.loads(text.splitlines()[0])
    )
    code, text = run("bank", "list", *bank, "--json")
    prompts = [json.loads(line) for line in text.splitlines()]
    assert prompts[0]["calls"] == 2
    assert run("bank", "export", tmp_path / "x.jsonl", *bank)[0] == 0
    other = ("--bank", tmp_path / "q.bank")
    assert run("bank", "import", tmp_path / "x.jsonl", *other) == (
        0,
        f"{len(prompts)} new, 0 known\n",
    )
    assert run("bank", "check", *other)[0] == 0
    assert "forgotten" in run("bank", "limit", 1, *other)[1]
    assert run("bank", "forget", "--all", *other)[1] == "1 prompts forgotten, 0 left\n"
    assert run("bank", "forget", *other)[0] == 2
    assert run("bank", "forget", "--before", "soon", *other)[0] == 2


def test_bank_add_wants_to_know_the_far_end(tmp_path: Path, toy_path: Path) -> None:
    stereo = tmp_path / "s.wav"
    soundfile.write(stereo, np.stack([CLIPS[0], CLIPS[1]], axis=1), 8000)
    bank, model = ("--bank", tmp_path / "p.bank"), ("--model", toy_path)
    code, text = run("bank", "add", stereo, *bank, *model)
    assert code == 1
    assert "give --channel" in text
    code, text = run("bank", "add", stereo, *bank, *model, "--channel", "right", "--call", "x")
    assert code == 0
    assert "1 new" in text
    soundfile.write(tmp_path / "t.wav", CLIPS[2], 8000)
    code, text = run("bank", "add", tmp_path, *bank, "--call", "x")
    assert code == 2
    assert "expected one recording with --call, got 2" in text


def test_material_that_is_no_evidence(tmp_path: Path, toy_path: Path) -> None:
    quiet = tmp_path / "q.wav"
    soundfile.write(quiet, 0.005 * CLIPS[0], 8000, subtype="FLOAT")  # no speech to the toy
    bank, model = ("--bank", tmp_path / "p.bank"), ("--model", toy_path)
    assert "0 new" in run("bank", "add", quiet, *bank, *model)[1]
    words = ("bank", "add", quiet, *bank, *model, "--not-evidence", "--label", "carrier")
    assert "1 new" in run(*words)[1]
    assert '"is_evidence": false' in run("bank", "list", *bank, "--json")[1]

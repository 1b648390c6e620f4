"""Robot clips from an installed synthesizer; a small program takes its place here."""

from __future__ import annotations

import shutil
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from ringtrue.training.channel.levels import active_level
from ringtrue.training.cli import app
from ringtrue.training.manifest import Clip, read_manifest
from ringtrue.training.synthesise import ENGINES, as_clip, find_engine, synthesise

ROW = Clip("", "", "tts", "train", 0.0, source="fake", system="fake", language="cs")

PROGRAM = """
import sys
import numpy as np, soundfile
file, wav, voice = sys.argv[1:]
text = open(file, encoding="iso-8859-2").read().strip()
if text == "fail":
    sys.exit("no such word")
tone = 0.01 * np.sin(np.arange(int(16000 * 0.2 * len(text))) * 0.1 * (1 + len(voice)))
silence = np.zeros(16000)
soundfile.write(wav, np.concatenate([silence, tone, silence]), 16000)
"""


@pytest.fixture
def fake(tmp_path: Path) -> str:
    program = tmp_path / "fake engine.py"
    program.write_text(PROGRAM)
    return f"'{sys.executable}' '{program}' {{file}} {{wav}} {{voice}}"


def test_each_line_in_each_voice_becomes_a_clip_and_a_row(fake: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    engine = find_engine(fake)
    texts = ["Dobrý den, čekám.", "fail", "Ne"]
    done = synthesise(engine, texts, out, ROW, ["a", "b/c"], "iso-8859-2")
    assert done.written == 2
    spoken, wrong, short = (f"{zlib.crc32(text.encode()):08x}" for text in texts)
    assert [line.split(":")[0] for line in done.failed] == [
        f"fake-a-{wrong}",
        f"fake-a-{short}",
        f"fake-b_c-{wrong}",
        f"fake-b_c-{short}",
    ]
    assert "no such word" in done.failed[0]
    assert "at least 1 s" in done.failed[1]
    rows = read_manifest(out / "manifest.jsonl", check_files=True).clips
    assert [(c.id, c.voice, c.text, c.language) for c in rows] == [
        (f"fake-a-{spoken}", "a", "Dobrý den, čekám.", "cs"),
        (f"fake-b_c-{spoken}", "b/c", "Dobrý den, čekám.", "cs"),
    ]
    audio, rate = soundfile.read(out / rows[0].path, dtype="float32")
    assert rate == 8000
    # 17 letters: 3.4 s of tone, with 0.15 s before and after it.
    assert rows[0].seconds == pytest.approx(3.7, abs=0.05)
    assert active_level(audio) == pytest.approx(-26, abs=0.2)

    again = synthesise(engine, texts[:1], out, ROW, ["a", "b/c"], "iso-8859-2")
    assert again.written == 0
    assert len(again.manifest) == 2


def test_silence_is_no_clip() -> None:
    with pytest.raises(ValueError, match="got silence"):
        as_clip(np.zeros(16000, np.float32), 8000)


def test_a_missing_program_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ValueError, match="apt-get install festival"):
        find_engine("festival")
    with pytest.raises(ValueError, match="'nothing' is not installed"):
        find_engine("nothing {file} {wav}")
    with pytest.raises(ValueError, match="a command with"):
        find_engine("nothing")


@pytest.mark.parametrize("name", ENGINES)
def test_known_engines_speak_where_they_are_installed(name: str, tmp_path: Path) -> None:
    if shutil.which(ENGINES[name].command[0]) is None:
        pytest.skip(f"{name} is not installed")
    done = synthesise(find_engine(name), ["Your parcel arrives at noon."], tmp_path, ROW)
    if done.failed:
        pytest.skip(f"the default voice of {name} is not installed: {done.failed[0]}")
    assert 1.0 < done.manifest.clips[0].seconds < 6.0


def test_command(fake: str, tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("Dobrý den.\n\n", encoding="utf-8")
    out = tmp_path / "out"
    arguments = ["synthesise", fake, "--texts", str(texts), "--out", str(out), "--source", "fake"]
    result = CliRunner().invoke(app, [*arguments, "--commercial-ok", "--encoding", "iso-8859-2"])
    assert result.exit_code == 0, result.output
    assert "1 written, 0 failed" in result.output
    (row,) = read_manifest(out / "manifest.jsonl").clips
    assert (row.label, row.split, row.system, row.commercial_ok) == ("tts", "train", "fake", True)
    texts.write_text("fail\n", encoding="utf-8")
    assert CliRunner().invoke(app, arguments).exit_code == 1

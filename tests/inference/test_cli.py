from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import types
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile
import typer
from typer.testing import CliRunner

from ringtrue.inference import session as session_module
from ringtrue.inference.bulk.run import InProcess
from ringtrue.inference.bulk.task import Outcome
from ringtrue.inference.cli import app, main
from ringtrue.inference.commands import training
from ringtrue.inference.score import COLUMNS

from .recordings import write_wav
from .toy_model import human, robot, silence

# Bulk jobs in worker processes have tests of their own.
ENVIRONMENT = {"COLUMNS": "120", "RINGTRUE_WORKERS": "0"}


def run(*args: object, stdin: bytes | None = None) -> Any:
    result = CliRunner().invoke(app, [str(a) for a in args], input=stdin, env=ENVIRONMENT)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def call(tmp_path: Path) -> Path:
    return write_wav(tmp_path / "call.wav", np.concatenate([silence(0.5), robot(3), human(6)]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    where = tmp_path / "calls"
    (where / "deep").mkdir(parents=True)
    write_wav(where / "a_robot.wav", robot(3))
    soundfile.write(where / "deep" / "b_human.flac", human(3, 16000), 16000)
    write_wav(where / "c_stereo.wav", np.stack([robot(3), human(3)], 1))
    return where


# --- the whole ---------------------------------------------------------------------------------


def test_help_teaches() -> None:
    text = run("--help").output
    for words in ("ringtrue demo", "watch", "score", "info", "evaluate", "pip install ringtrue[tr"):
        assert words in text
    for command in ("watch", "score", "demo", "info"):
        text = run(command, "--help").output
        assert f"ringtrue {command}" in text
        assert "Examples:" in text
    assert "Exit code 0" in run("score", "-h").output


def test_version() -> None:
    result = run("--version")
    assert result.exit_code == 0
    assert result.output.startswith("ringtrue ")


@pytest.mark.parametrize(
    "args",
    [
        ["nothing"],
        ["score"],
        ["watch"],
        ["score", "x.wav", "--wrong"],
        ["watch", "x", "--speed", "a"],
    ],
)
def test_wrong_use_is_2(args: list[str]) -> None:
    assert run(*args).exit_code == 2


def test_main_returns_the_exit_code(toy_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert main(["nothing"]) == 2
    assert main(["watch", "none.wav", "--model", str(toy_path)]) == 1
    err = capsys.readouterr().err
    assert "ringtrue: error: none.wav: no such file" in err
    assert "Traceback" not in err


def test_debug_shows_the_error_itself(toy_path: Path) -> None:
    with pytest.raises(ValueError, match="no such file"):
        run("--debug", "watch", "none.wav", "--model", toy_path)


def test_no_released_model(call: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "files", lambda _: tmp_path)
    result = run("score", call)
    assert result.exit_code == 2
    assert "no released model; name one with --model FILE" in result.stderr


# --- training commands -------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(training.COMMANDS))
def test_training_commands_without_their_libraries(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: str) -> None:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr(training, "import_module", refuse)
    for args in ([name], [name, "--help"], [name, "--any", "thing"]):
        result = run(*args)
        assert result.exit_code == 1
        assert 'pip install "ringtrue[train]"' in result.stderr


def test_every_training_command_is_mounted() -> None:
    from ringtrue.training.cli import app as inner

    mounted = typer.main.get_command(inner).commands  # type: ignore[attr-defined]
    assert set(training.COMMANDS) == set(mounted)


def test_a_library_missing_while_a_command_runs_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "manifest.jsonl"
    empty.touch()
    # None in sys.modules makes the import fail as if the package were not installed.
    monkeypatch.setitem(sys.modules, "torch", None)
    result = run("train", "ringtrue", "--manifest", empty)
    assert result.exit_code == 1
    assert 'pip install "ringtrue[train]"' in result.stderr


def test_training_commands_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = typer.Typer()
    group = typer.Typer()

    @inner.command("train")
    def train(recipe: str, steps: int = 1) -> None:
        if steps < 0:
            raise ValueError(f"expected steps, got {steps}")
        typer.echo(f"training {recipe} {steps}")
        raise typer.Exit(3 if steps == 0 else 0)

    @group.command("check")
    def check(path: str) -> None:
        typer.echo(f"checking {path}")

    @group.command("summary")
    def summary() -> None: ...

    inner.add_typer(group, name="manifest")
    module = types.SimpleNamespace(app=inner)
    monkeypatch.setattr(training, "import_module", lambda _: module)
    assert "training a.yaml 7" in run("train", "a.yaml", "--steps", "7").output
    assert "checking m.jsonl" in run("manifest", "check", "m.jsonl").output
    assert run("train", "a.yaml", "--steps", "0").exit_code == 3
    assert run("train", "a.yaml", "--steps", "x").exit_code == 2
    assert "--steps" in run("train", "--help").output
    result = run("train", "a.yaml", "--steps", "-1")
    assert (result.exit_code, result.stderr) == (2, "ringtrue: error: expected steps, got -1\n")


# --- info --------------------------------------------------------------------------------------


def test_info(toy_path: Path) -> None:
    result = run("info", toy_path)
    assert result.exit_code == 0
    for words in ("toy-fp32 0.0.1", "cautious", "balanced", "state: 2 floats", "evidence [1]"):
        assert words in result.output


def test_info_json(toy_path: Path) -> None:
    values = json.loads(run("info", toy_path, "--json").output)
    assert values["operating_points"]["cautious"]["flag_llr"] == 4.0
    assert values["state_size"] == "2"


def test_info_of_something_else(call: Path) -> None:
    result = run("info", call)
    assert result.exit_code == 2
    assert "is not an ONNX model" in result.stderr


# --- score -------------------------------------------------------------------------------------


def test_score_folder_as_jsonl(folder: Path, toy_path: Path) -> None:
    result = run("score", folder, "--model", toy_path, "--format", "jsonl")
    assert result.exit_code == 0
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert all(list(row) == list(COLUMNS) for row in rows)
    assert [(Path(r["path"]).name, r["channel"], r["verdict"]) for r in rows] == [
        ("a_robot.wav", "mono", "robot"),
        ("c_stereo.wav", "left", "robot"),
        ("c_stereo.wav", "right", "human"),
        ("b_human.flac", "mono", "human"),
    ]


def test_score_as_csv_and_table(folder: Path, toy_path: Path) -> None:
    out = run("score", folder, "--model", toy_path, "--format", "csv").stdout
    assert next(csv.reader(io.StringIO(out))) == list(COLUMNS)
    table = run("score", folder, "--model", toy_path).stdout
    assert "a_robot.wav" in table
    assert "verdict" in table


@pytest.mark.parametrize("name", ["o.csv", "o.jsonl"])
def test_score_out_takes_the_format_of_its_ending(
    folder: Path, toy_path: Path, tmp_path: Path, name: str
) -> None:
    result = run("score", folder, "--model", toy_path, "--out", tmp_path / name)
    assert (result.exit_code, result.stdout) == (0, "")
    text = (tmp_path / name).read_text()
    assert text.startswith("path,channel" if name.endswith("csv") else '{"path"')
    assert len(text.splitlines()) == 4 + name.endswith("csv")
    assert not list(tmp_path.glob("*.part"))


def test_score_goes_on_after_bad_files(folder: Path, toy_path: Path, tmp_path: Path) -> None:
    (folder / "aa.wav").write_text("text")
    (folder / "ab.wav").touch()
    out = tmp_path / "o.csv"
    result = run("score", folder, tmp_path / "none.wav", "--model", toy_path, "--out", out)
    assert result.exit_code == 1
    assert "3 of 6 recordings could not be scored" in result.stderr
    rows = list(csv.DictReader(out.open()))
    assert sorted(r["error"] for r in rows if r["error"]) == [
        "is empty (0 bytes)",
        "is text, not audio",
        "no such file",
    ]
    assert sum(not r["error"] for r in rows) == 4


def test_score_channel_and_point(folder: Path, toy_path: Path) -> None:
    args = ("score", folder / "c_stereo.wav", "--model", toy_path, "--format", "jsonl")
    (row,) = run(*args, "--channel", "right").stdout.splitlines()
    assert json.loads(row)["channel"] == "right"
    flags = []
    for point in ("cautious", "balanced"):
        out = run(*args, "--channel", "left", "--operating-point", point).stdout
        flags.append(json.loads(out)["flagged_at"])
    assert flags[1] <= flags[0]


def test_score_raw(tmp_path: Path, toy_path: Path) -> None:
    (tmp_path / "r.ulaw").write_bytes(bytes(16000))
    args = ("score", tmp_path, "--model", toy_path, "--format", "jsonl")
    assert run(*args).exit_code == 2  # nothing but a headerless file
    result = run(*args, "--raw-rate", 8000, "--raw-format", "mulaw")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["seconds"] == 2.0
    result = run("score", tmp_path / "r.ulaw", "--model", toy_path, "--format", "jsonl")
    assert result.exit_code == 1
    assert "--raw-rate" in json.loads(result.stdout)["error"]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--format", "xml"], "expected --format table, csv, jsonl, parquet, got 'xml'"),
        (["--operating-point", "brave"], "unknown operating point 'brave'"),
        (["--model", "none.onnx"], "none.onnx: no such model file"),
        (["--raw-rate", "5"], "sample rate from 4000"),
        (["--raw-rate", "8000", "--raw-format", "x"], "expected a raw format of s16le"),
    ],
)
def test_score_wrong_options(call: Path, toy_path: Path, args: list[str], words: str) -> None:
    model = [] if "--model" in args else ["--model", str(toy_path)]
    result = run("score", call, *model, *args)
    assert result.exit_code == 2
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_score_nothing_found(tmp_path: Path, toy_path: Path) -> None:
    result = run("score", tmp_path, "--model", toy_path)
    assert result.exit_code == 2
    assert "no recordings found in" in result.stderr


def test_score_out_in_no_folder(call: Path, toy_path: Path, tmp_path: Path) -> None:
    result = run("score", call, "--model", toy_path, "--out", tmp_path / "no" / "o.csv")
    assert result.exit_code == 2
    assert "cannot write" in result.stderr


def test_score_interrupted_keeps_its_rows(
    folder: Path, toy_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = InProcess.run

    def stopped(self: InProcess, *args: Any) -> Any:
        for number, news in enumerate(n for n in real(self, *args) if isinstance(n, Outcome)):
            if number == 2:
                raise KeyboardInterrupt
            yield news

    out = tmp_path / "o.csv"
    args = ("score", folder, "--model", toy_path, "--out", out)
    assert run(*args).exit_code == 0
    expected = out.read_text()
    with monkeypatch.context() as patch:
        patch.setattr(InProcess, "run", stopped)
        result = run(*args)
    assert result.exit_code == 130
    assert "interrupted: 2 of 3 recordings were scored; go on with --resume" in result.stderr
    assert 2 <= len(list(csv.DictReader(out.open()))) < 4
    result = run(*args, "--resume")
    assert result.exit_code == 0
    assert "2 recordings were scored before" in result.stderr
    assert out.read_text() == expected


# --- watch -------------------------------------------------------------------------------------


def test_watch_follows_and_flags(call: Path, toy_path: Path, tmp_path: Path) -> None:
    picture = tmp_path / "call.svg"
    result = run("watch", call, "--speed", 0, "--model", toy_path, "--picture", picture)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    changes = [line.split()[2] for line in lines if line.startswith(">>")]
    assert changes == ["ROBOT:", "UNSURE:", "HUMAN:"]
    assert "for synthetic after" in next(line for line in lines if "ROBOT" in line)
    assert "call.wav: human at the end, flagged at 1.8 s" in result.stdout
    assert "flagged 1.8 s into the call, because of voice: " in result.stdout
    ElementTree.parse(picture)


def test_watch_stereo(folder: Path, toy_path: Path) -> None:
    result = run("watch", folder / "c_stereo.wav", "--speed", 0, "--model", toy_path)
    assert "c_stereo.wav (left): robot at the end" in result.stdout
    assert "c_stereo.wav (right): human at the end, not flagged" in result.stdout
    assert "left: flagged " in result.stdout


def test_watch_standard_input(toy_path: Path) -> None:
    pcm = (robot(3) * 32767).astype("<i2").tobytes()
    result = run("watch", "-", "--raw-rate", 8000, "--model", toy_path, stdin=pcm)
    assert result.exit_code == 0
    assert "standard input: robot at the end" in result.stdout


@pytest.mark.parametrize(
    ("stdin", "args", "code", "words"),
    [
        (b"", ["--raw-rate", "8000"], 1, "standard input: holds no samples"),
        (b"RIFF1234WAVE", ["--raw-rate", "8000"], 1, "expected headerless audio, got a WAV"),
        (b"\0\0", [], 2, "standard input has no header; expected --raw-rate"),
    ],
)
def test_watch_bad_standard_input(
    toy_path: Path, stdin: bytes, args: list[str], code: int, words: str
) -> None:
    result = run("watch", "-", "--model", toy_path, *args, stdin=stdin)
    assert result.exit_code == code
    assert words in result.stderr


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["none.wav"], 1, "none.wav: no such file"),
        (["none.wav", "--speed", "-1"], 2, "expected a speed of 0"),
        (["none.wav", "--picture", "x.jpg"], 2, "expected a picture ending in .svg or .png"),
        (["none.wav", "--operating-point", "brave"], 2, "unknown operating point"),
    ],
)
def test_watch_wrong_use(toy_path: Path, args: list[str], code: int, words: str) -> None:
    result = run("watch", "--model", toy_path, *args)
    assert result.exit_code == code
    assert words in result.stderr


def test_watch_bad_samples_after_a_good_start(tmp_path: Path, toy_path: Path) -> None:
    samples = robot(3)
    samples[20_000] = np.nan
    path = write_wav(tmp_path / "n.wav", samples, subtype="FLOAT")
    result = run("watch", path, "--speed", 0, "--model", toy_path)
    assert result.exit_code == 1
    assert "contains NaN or infinite samples (first at 2.500 s)" in result.stderr
    assert "n.wav: robot at the end" in result.stdout


def test_watch_truncated_file_warns(tmp_path: Path, toy_path: Path) -> None:
    path = write_wav(tmp_path / "t.wav", robot(3))
    path.write_bytes(path.read_bytes()[:30_000])
    result = run("watch", path, "--speed", 0, "--model", toy_path)
    assert result.exit_code == 0
    assert "warning: " in result.stderr
    assert "truncated" in result.stderr


def test_watch_interrupted(
    call: Path, toy_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ringtrue.inference.follow.time.sleep", stop)
    monkeypatch.setattr("ringtrue.inference.follow.follow.__defaults__", (0.0, lambda: 0.0, stop))
    result = run("watch", call, "--model", toy_path, "--picture", tmp_path / "p.svg")
    assert result.exit_code == 130
    assert "call.wav: unsure at the end" in result.stdout
    assert (tmp_path / "p.svg").exists()


def test_watch_microphone_without_the_extra(
    toy_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    result = run("watch", "mic", "--model", toy_path)
    assert result.exit_code == 1
    assert 'pip install "ringtrue[mic]"' in result.stderr


def test_watch_as_a_process_in_a_pipe(call: Path, toy_path: Path) -> None:
    program = "import sys; from ringtrue.inference.cli import main; sys.exit(main())"
    watching = [sys.executable, "-c", program, "watch", str(call), "--speed", "0"]
    done = subprocess.run(
        [*watching, "--model", str(toy_path)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "flagged at 1.8 s" in done.stdout


# --- demo --------------------------------------------------------------------------------------


def test_demo_end_to_end(
    call: Path, toy_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("demo", "--call", call, "--model", toy_path)
    assert result.exit_code == 0
    assert "ROBOT: voice: " in result.stdout
    assert "flagged at " in result.stdout
    assert "picture of the call: ringtrue-demo.svg" in result.stdout
    root = ElementTree.parse(tmp_path / "ringtrue-demo.svg").getroot()
    assert any((e.text or "").startswith("flagged at") for e in root.iter())


def test_demo_is_repeatable(call: Path, toy_path: Path, tmp_path: Path) -> None:
    outs = []
    for name in ("a.svg", "b.svg"):
        run("demo", "--call", call, "--model", toy_path, "--picture", tmp_path / name)
        outs.append((tmp_path / name).read_text())
    assert outs[0] == outs[1]


def test_demo_with_the_shipped_call(toy_path: Path, tmp_path: Path) -> None:
    result = run("demo", "--model", toy_path, "--picture", tmp_path / "p.svg")
    assert result.exit_code == 0
    assert "demo: a synthetic voice on a phone line: " in result.stdout


def test_demo_without_its_call(
    toy_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ringtrue.inference.commands.demo.files", lambda _: tmp_path)
    result = run("demo", "--model", toy_path, "--picture", tmp_path / "p.svg")
    assert result.exit_code == 2
    assert "lacks its demo call" in result.stderr

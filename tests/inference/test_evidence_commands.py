"""``--evidence all`` in watch, score and the streams that Python gets."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ringtrue.inference import CallMonitor, default_streams
from ringtrue.inference.cli import main
from ringtrue.inference.evidence.default import AllStreams
from ringtrue.inference.fusion import SOFT
from ringtrue.inference.session import Session

from .toy_model import CAUTIOUS, human, robot, silence


@pytest.fixture
def stereo(tmp_path: Path) -> Path:
    """Left a robot's tones, right a person's, in turns."""
    far = np.concatenate([silence(1.0), robot(1.5), silence(0.8), robot(1.5), silence(1.2)])
    near = np.concatenate([human(0.8), silence(1.7), human(0.7), silence(2.8)])
    path = tmp_path / "call.wav"
    soundfile.write(path, np.stack([far, near], axis=1), 8000)
    return path


def test_streams_for_a_call_with_and_without_a_near_end(toy: Session) -> None:
    assert [s.name for s in default_streams()] == ["replay", "timing", "floor"]
    assert [s.name for s in default_streams(near=False)] == ["replay", "floor"]
    monitor = CallMonitor(toy, streams=default_streams())
    verdicts = monitor.push(robot(2.0), 8000, near=silence(2.0))
    assert len(verdicts) == 20
    assert monitor.point.flag_llr == CAUTIOUS.flag_llr + SOFT


def test_makers_of_streams_can_be_sent_to_other_processes() -> None:
    maker = pickle.loads(pickle.dumps(AllStreams()))
    assert [s.name for s in maker()] == ["replay", "timing", "floor"]
    assert maker.key == AllStreams().key
    assert maker.key != AllStreams(bank="b.db").key


def test_score_takes_the_far_end_and_all_evidence(
    stereo: Path, toy_path: Path, tmp_path: Path
) -> None:
    flags = []
    for evidence in ("voice", "all"):
        out = tmp_path / f"{evidence}.jsonl"
        code = main(
            ["score", str(stereo), "--model", str(toy_path), "--far", "left", "--workers", "0",
             "--quiet", "--evidence", evidence, "--out", str(out)]
        )  # fmt: skip
        assert code == 0
        (row,) = [json.loads(line) for line in out.read_text().splitlines()]
        assert row["channel"] == "left"
        flags.append(row["flag_llr"])
    assert flags == [CAUTIOUS.flag_llr, CAUTIOUS.flag_llr + SOFT]


def test_watch_follows_one_party_with_the_other_beside(
    stereo: Path, toy_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--model", str(toy_path), "--speed", "0", "--evidence", "all"]
    assert main(["watch", str(stereo), "--far", "left", *options]) == 0
    told = capsys.readouterr().out
    assert "call.wav (left): " in told
    assert "(right)" not in told


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--bank", "b.db"], "--bank needs --evidence all"),
        (["--far", "mix"], "expected --far left or right"),
        (["--evidence", "some"], "some"),
    ],
)
def test_wrong_use_of_watch(
    stereo: Path,
    toy_path: Path,
    options: list[str],
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = main(["watch", str(stereo), "--model", str(toy_path), "--speed", "0", *options])
    assert code == 2
    assert words in capsys.readouterr().err

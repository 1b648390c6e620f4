"""``--evidence all`` in watch, score and the streams that Python gets."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ringtrue.inference import CallMonitor, default_streams
from ringtrue.inference.cli import main
from ringtrue.inference.evidence import default
from ringtrue.inference.evidence.base import Chunk, Evidence
from ringtrue.inference.evidence.default import AllStreams
from ringtrue.inference.fusion import SOFT, known_fusions
from ringtrue.inference.replay.bank import PromptBank
from ringtrue.inference.replay.bank_file import BankError
from ringtrue.inference.replay.fingerprint import fingerprint
from ringtrue.inference.score import score_file
from ringtrue.inference.session import Session

from .replay.voices import voice
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


def test_finished_work_is_known_by_the_content_of_thresholds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = AllStreams().key
    (fusion,) = known_fusions()
    # The same version, but chosen again.
    again = (replace(fusion, made_of="other calls"),)
    monkeypatch.setattr(default, "known_fusions", lambda: again)
    assert AllStreams().key != before


def test_finished_work_is_known_by_what_the_bank_holds(tmp_path: Path) -> None:
    first, copy = tmp_path / "first.bank", tmp_path / "copy.bank"
    with pytest.raises(BankError, match="no prompt bank"):
        _ = AllStreams(bank=str(first)).key
    with PromptBank(first, create=True) as bank:
        empty = AllStreams(bank=str(first)).key
        bank.add_call([(0.0, fingerprint(voice(100, 3.0)))], "monday", date(2026, 11, 2))
    copy.write_bytes(first.read_bytes())
    grown = AllStreams(bank=str(first)).key
    assert len({AllStreams().key, empty, grown}) == 3
    # Wherever it lies.
    assert AllStreams(bank=str(copy)).key == grown


def test_a_bank_that_changed_means_new_scoring(
    stereo: Path, toy_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "prompts.bank", tmp_path / "rows.jsonl"

    def done_before() -> bool:
        """Whether the resumed job found everything done."""
        code = main(
            ["score", str(stereo), "--model", str(toy_path), "--workers", "0", "--evidence", "all",
             "--bank", str(path), "--out", str(out), "--resume"]
        )  # fmt: skip
        assert code == 0
        return "scored before" in capsys.readouterr().err

    PromptBank(path, create=True).close()
    assert [done_before(), done_before()] == [False, True]
    with PromptBank(path) as bank:
        bank.add_call([(0.0, fingerprint(voice(100, 3.0)))], "monday", date(2026, 11, 2))
    assert [done_before(), done_before()] == [False, True]


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


@pytest.mark.parametrize("far", [None, "left", "right"])
@pytest.mark.parametrize("channel", [None, "both"])
def test_score_file_gives_the_rows_of_the_command(
    stereo: Path, toy: Session, toy_path: Path, tmp_path: Path, far: str | None, channel: str | None
) -> None:
    out = tmp_path / "all.jsonl"
    options = [v for n, v in (("--far", far), ("--channel", channel)) if v for v in (n, v)]
    code = main(
        ["score", str(stereo), "--model", str(toy_path), "--workers", "0", "--quiet",
         "--evidence", "all", "--out", str(out), *options]
    )  # fmt: skip
    assert code == 0
    told = [json.loads(line) for line in out.read_text().splitlines()]
    found = score_file(stereo, toy, channel=channel, far=far, streams=AllStreams())
    assert [row.channel for row in found] == [row["channel"] for row in told]
    for row, wanted in zip(found, told, strict=True):
        assert (row.verdict, row.flagged_at) == (wanted["verdict"], wanted["flagged_at"])
        assert row.voice_llr == pytest.approx(wanted["voice_llr"], abs=1e-4)
        assert (row.operating_point, row.flag_llr) == ("cautious", CAUTIOUS.flag_llr + SOFT)


class Ears:
    """A stream that remembers whether it heard a near end."""

    name = "ears"

    def __init__(self) -> None:
        self.near: list[bool] = []
        made.append(self)

    def push(self, chunk: Chunk) -> Evidence:
        self.near.append(chunk.near is not None)
        return Evidence(self.name, None)

    def reset(self) -> None:
        self.near = []


made: list[Ears] = []


def ears() -> list[Ears]:
    return [Ears()]


def test_only_the_far_end_of_score_file_hears_the_other_beside_it(
    stereo: Path, toy: Session, tmp_path: Path
) -> None:
    for far, channel, wanted in (
        ("left", None, [True]),
        ("right", "both", [False, True]),
        (None, None, [False, False]),
    ):
        made.clear()
        score_file(stereo, toy, far=far, channel=channel, streams=ears)
        assert [set(one.near) for one in made] == [{w} for w in wanted]
    made.clear()
    mono = tmp_path / "mono.wav"
    soundfile.write(mono, robot(2.0), 8000)
    assert [row.channel for row in score_file(mono, toy, far="right", streams=ears)] == ["mono"]
    assert set(made[0].near) == {False}


def test_score_file_refuses_a_far_end_that_is_none(stereo: Path, toy: Session) -> None:
    with pytest.raises(ValueError, match="expected the far end on left or right, got 'mix'"):
        score_file(stereo, toy, far="mix")
    with pytest.raises(ValueError, match="expected channel left or both with it, got 'right'"):
        score_file(stereo, toy, far="left", channel="right")


def test_explain_tells_all_evidence(
    stereo: Path, toy_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--model", str(toy_path), "--far", "left", "--evidence", "all", "--explain"]
    assert main(["score", str(stereo), *options]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "robot from +7.00" in told
    assert "voice alone from +4.00" in told


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

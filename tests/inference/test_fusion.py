"""Fused thresholds: read, refused, and only used with the voice model they belong to."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from ringtrue.inference.decision import UnionPoint
from ringtrue.inference.evidence.base import Chunk, Evidence
from ringtrue.inference.fusion import (
    SOFT,
    FusionInfo,
    fused_llr,
    fused_point,
    fused_voice,
    known_fusions,
    read_fusion,
    voice_model_digest,
    voice_model_name,
)
from ringtrue.inference.monitor import CallMonitor
from ringtrue.inference.session import ModelError, Session
from ringtrue.model.contract import OperatingPoint
from ringtrue.training.callsim.soft_fit import CAPS

from .toy_model import CAUTIOUS, human, robot, toy_info

POINT = UnionPoint("cautious", 9.0, 7.0, -3.0, 1.0, {"voice": 3.5, "replay": 7.5})
FUSION = FusionInfo(
    "0.1.0",
    "toy-fp32 0.0.1",
    voice_model_digest(toy_info()),
    ("voice", "replay"),
    (POINT,),
    "nothing",
)


def test_a_file_says_the_same_when_read(tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    path.write_text(FUSION.to_json(), encoding="utf-8")
    assert read_fusion(path) == FUSION


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": 3}',
        FUSION.to_json().replace("flag_llr", "flag"),
        FUSION.to_json().replace('"alone"', '"together"'),
        FUSION.to_json().replace("3.5", '"high"'),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "f.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=r"f\.json: is not a file of fused thresholds"):
        read_fusion(path)
    with pytest.raises(ModelError, match="cannot be read"):
        read_fusion(tmp_path / "none.json")


@pytest.mark.parametrize("number", [1, 2])
def test_files_of_earlier_formats_are_refused_with_what_to_do(tmp_path: Path, number: int) -> None:
    path = tmp_path / "f.json"
    path.write_text(
        FUSION.to_json().replace('"format": 3', f'"format": {number}'), encoding="utf-8"
    )
    with pytest.raises(ModelError, match=f"expected format 3, got {number}; .*ringtrue fit-fusion"):
        read_fusion(path)


def test_thresholds_belong_to_a_voice_model() -> None:
    info = toy_info()
    assert voice_model_name(info) == FUSION.voice_model
    assert fused_point(info, "cautious", FUSION) == POINT
    # The other point was not chosen, another model has other scores: the voice's, raised.
    own, raised = info.operating_point("balanced"), fused_point(info, "balanced", FUSION)
    assert (raised.flag_llr, raised.clear_llr) == (own.flag_llr + SOFT, own.clear_llr + SOFT)
    assert raised.human_llr == own.human_llr
    # More evidence does not make the detector blinder: the voice flags as it does alone.
    assert raised.alone == {"voice": own.flag_llr}
    other = toy_info(model_version="0.0.2")
    assert fused_point(other, "cautious", FUSION).flag_llr == CAUTIOUS.flag_llr + SOFT
    # Nor do they fit a model of the same name and version that was trained on something else.
    own_training = dataclasses.replace(info, training_data_digest="d" * 64)
    assert voice_model_name(own_training) == FUSION.voice_model
    assert fused_point(own_training, "cautious", FUSION).flag_llr == CAUTIOUS.flag_llr + SOFT
    # As much as the soft streams can say, so that they flag nobody whom the voice would not.
    assert sum(CAPS.values()) == SOFT
    with pytest.raises(ValueError, match="unknown operating point"):
        fused_point(info, "brave", FUSION)


def test_a_human_voice_is_no_evidence_against_recordings() -> None:
    assert fused_voice(0.0) == pytest.approx(0.0)
    assert fused_voice(-50.0) == pytest.approx(np.log(0.2))
    assert fused_voice(6.0) == pytest.approx(6.0 + np.log(0.8), abs=1e-3)
    assert fused_voice(1000.0) > 400
    told = [Evidence("voice", -9.0), Evidence("replay", 8.0), Evidence("timing", 9.0, cap=2.0)]
    assert fused_llr(told) == pytest.approx(np.log(0.2) + 10.0, abs=1e-3)
    assert fused_llr([Evidence("voice", None), Evidence("floor", None)]) == 0.0


def test_a_released_file_is_whole() -> None:
    (fusion,) = known_fusions()
    assert {p.name for p in fusion.operating_points} == {"cautious", "balanced"}
    assert fusion.streams[0] == "voice"
    info = Session().info
    assert fused_point(info, "cautious") in fusion.operating_points
    for point in fusion.operating_points:
        assert set(point.alone) == {"voice", "replay"}
        assert point.alone["voice"] < point.flag_llr


def test_thresholds_of_ones_own_come_first_where_they_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = known_fusions()
    newer = dataclasses.replace(FUSION, version="2.0.0", voice_digest="f" * 16)
    for fusion in (FUSION, newer):
        path = tmp_path / f"ringtrue-fusion-{fusion.version}.json"
        path.write_text(fusion.to_json(), encoding="utf-8")
    monkeypatch.setenv("RINGTRUE_EVIDENCE", str(tmp_path))
    assert known_fusions() == (newer, FUSION, *released)
    # The newest file is another model's.
    assert fused_point(toy_info(), "cautious") == POINT
    assert fused_point(Session().info, "cautious") in released[0].operating_points


class Listener:
    name = "listener"

    def __init__(self) -> None:
        self.chunks: list[Chunk] = []

    def push(self, chunk: Chunk) -> Evidence:
        self.chunks.append(chunk)
        return Evidence(self.name, None)

    def reset(self) -> None:
        self.chunks = []


@pytest.mark.parametrize("rate", [8000, 16000])
@pytest.mark.parametrize("sizes", [[100000], [799, 1, 2400, 3001]])
def test_streams_hear_both_ends_of_the_same_time(toy: Session, rate: int, sizes: list[int]) -> None:
    far = np.concatenate([robot(1.0, rate), np.zeros(rate, np.float32)])
    near = far[::-1].copy()
    listener = Listener()
    monitor = CallMonitor(toy, streams=[listener])
    start = turn = 0
    while start < len(far):
        size = sizes[turn % len(sizes)]
        monitor.push(far[start : start + size], rate, near[start : start + size])
        start, turn = start + size, turn + 1
    monitor.finish()
    assert len(listener.chunks) == 20
    speech = [(c.speech > 0.5, (c.near_speech or 0) > 0.5) for c in listener.chunks]
    assert speech[1:9] == [(True, False)] * 8
    assert speech[11:19] == [(False, True)] * 8
    assert all(c.near is not None and c.near.shape == (800,) for c in listener.chunks)


def test_the_near_end_does_not_change_the_voice(toy: Session) -> None:
    alone, both = CallMonitor(toy), CallMonitor(toy)
    far, near = np.concatenate([robot(1.5), human(1.5)]), human(3.0)
    a, b = alone.push(far, 8000), both.push(far, 8000, near=near)
    np.testing.assert_allclose([v.voice_llr for v in a], [v.voice_llr for v in b], atol=1e-5)
    assert [v.verdict for v in a] == [v.verdict for v in b]
    both.reset()
    assert [v.verdict for v in both.push(far, 8000)] == [v.verdict for v in a]


def test_the_near_end_comes_always_or_never(toy: Session) -> None:
    monitor = CallMonitor(toy)
    with pytest.raises(ValueError, match=r"expected 800 samples of the near end .* got 799"):
        monitor.push(np.zeros(800), 8000, np.zeros(799))
    monitor.push(np.zeros(800), 8000, np.zeros(800))
    with pytest.raises(ValueError, match="got a push without it"):
        monitor.push(np.zeros(800), 8000)
    monitor.reset()
    monitor.push(np.zeros(800), 8000)
    with pytest.raises(ValueError, match="with it after others without"):
        monitor.push(np.zeros(800), 8000, np.zeros(800))
    with pytest.raises(ValueError, match="finite"):
        CallMonitor(toy).push(np.zeros(2), 8000, [0.0, np.nan])


def test_thresholds_may_be_given_themselves(toy: Session) -> None:
    high = OperatingPoint("cautious", 9.0, 7.0, -3.0, 1.0)
    monitor = CallMonitor(toy, high)
    assert monitor.point == high
    monitor.push(robot(2.0), 8000)
    assert monitor.flagged_at is None


class Doubter:
    """Timing and floor at their worst: a stream that always speaks for a person."""

    name = "timing"

    def push(self, chunk: Chunk) -> Evidence:
        return Evidence(self.name, -2.0, 2.0)

    def reset(self) -> None:
        pass


@pytest.mark.parametrize("sizes", [[16000], [799, 1, 2400, 3001]])
def test_a_voice_flags_alone_whatever_the_other_streams_say(toy: Session, sizes: list[int]) -> None:
    samples = robot(4.0)
    voice = CallMonitor(toy, OperatingPoint("voice", 3.5, 1.5, -3.0, 1.0))
    point = UnionPoint("cautious", 20.0, 18.0, -3.0, 1.0, {"voice": 3.5})
    union = CallMonitor(toy, point, streams=[Doubter()])
    wanted = voice.push(samples, 8000)
    found = []
    start = turn = 0
    while start < len(samples):
        size = sizes[turn % len(sizes)]
        found += union.push(samples[start : start + size], 8000)
        start, turn = start + size, turn + 1
    assert voice.flagged_at is not None
    assert union.flagged_at == voice.flagged_at
    assert [v.verdict for v in found] == [v.verdict for v in wanted]
    assert max(v.llr for v in found) < point.flag_llr

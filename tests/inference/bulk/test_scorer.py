from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringtrue.inference.audio import RawFormat, open_recording
from ringtrue.inference.bulk.places import arrange, place_period
from ringtrue.inference.bulk.scorer import LaneScorer
from ringtrue.inference.bulk.settings import Settings
from ringtrue.inference.bulk.source import LocalFile
from ringtrue.inference.bulk.task import Beat, Task
from ringtrue.inference.channels import ChannelChoice
from ringtrue.inference.history import CallHistory
from ringtrue.inference.monitor import CallMonitor
from ringtrue.inference.score import CallSummary, ScoreRow, score_file, score_files
from ringtrue.inference.session import Session
from ringtrue.inference.timeline import make_timeline
from ringtrue.inference.timeline_file import find_timeline
from tests.inference.recordings import write_wav
from tests.inference.toy_model import human, robot

from .helpers import Listener, listeners, make_calls, outcomes, tasks_of


def close(got: ScoreRow, expected: ScoreRow) -> None:
    """Equal but for rounding."""
    assert got.voice_llr == pytest.approx(expected.voice_llr, abs=1e-4)
    assert got.p_robot == pytest.approx(expected.p_robot, abs=1e-4)
    same = {"voice_llr": expected.voice_llr, "p_robot": expected.p_robot}
    assert dataclasses.replace(got, **same) == expected


@pytest.mark.parametrize("lanes", [1, 3, 24])
def test_rows_are_those_of_score_files(toy: Session, tmp_path: Path, lanes: int) -> None:
    paths = make_calls(tmp_path, 13)
    (tmp_path / "text.wav").write_text("not audio")
    nan = robot(3)
    nan[20_000] = np.nan
    write_wav(tmp_path / "nan.wav", nan, subtype="FLOAT")
    paths[4:4] = [tmp_path / "text.wav", tmp_path / "nan.wav", tmp_path / "none.wav"]
    paths.append(write_wav(tmp_path / "short.wav", robot(0.03)))
    paths.append(write_wav(tmp_path / "half.wav", robot(0.06)))
    expected = list(score_files(paths, toy))
    got = outcomes(LaneScorer(toy, Settings(lanes=lanes)).run(tasks_of(paths)))
    assert [outcome.index for outcome in got] == list(range(len(paths)))
    for outcome, rows in zip(got, expected, strict=True):
        assert len(outcome.rows) == len(rows)
        for row, other in zip(outcome.rows, rows, strict=True):
            close(row, other)


def test_rows_are_those_of_score_file_on_real_audio(corpus: Path) -> None:
    rows = [json.loads(line) for line in (corpus / "manifest.jsonl").open(encoding="utf-8")]
    paths = [corpus / row["path"] for row in rows if row["split"] == "dev"][::331][:9]
    session = Session()
    got = outcomes(LaneScorer(session, Settings(lanes=5)).run(tasks_of(paths)))
    for outcome, path in zip(got, paths, strict=True):
        (row,), (expected,) = outcome.rows, score_file(path, session)
        assert row.voice_llr == pytest.approx(expected.voice_llr, abs=1e-4)
        assert (row.verdict, row.flagged_at) == (expected.verdict, expected.flagged_at)


def test_the_same_bits_beside_any_other_call(corpus: Path) -> None:
    rows = [json.loads(line) for line in (corpus / "manifest.jsonl").open(encoding="utf-8")]
    paths = [corpus / row["path"] for row in rows if row["split"] == "dev"][5::401][:8]
    session = Session()
    period = place_period(session, 8)
    tasks = tasks_of(paths)
    together = outcomes(LaneScorer(session, Settings(lanes=8), period=period).run(tasks))
    alone = [
        outcome
        for task in tasks
        for outcome in outcomes(LaneScorer(session, Settings(), period=period).run([task]))
    ]
    assert together == alone


def test_heard_seconds_add_up(toy: Session, tmp_path: Path) -> None:
    paths = make_calls(tmp_path, 5)
    news = list(LaneScorer(toy, Settings(lanes=2)).run(tasks_of(paths)))
    heard = sum(item.seconds for item in news if isinstance(item, Beat))
    rows = [outcome.rows[0] for outcome in outcomes(iter(news))]
    assert heard == pytest.approx(sum(row.seconds or 0 for row in rows))


def test_ids_and_names(toy: Session, tmp_path: Path) -> None:
    (path,) = make_calls(tmp_path, 1)
    task = Task(0, "shard.tar::a.wav", LocalFile(str(path)), "call 7")
    broken = Task(1, "shown", LocalFile(str(tmp_path / "none.wav")), "call 8")
    good, bad = outcomes(LaneScorer(toy, Settings()).run([task, broken]))
    assert {(row.path, row.id) for row in good.rows} == {("shard.tar::a.wav", "call 7")}
    assert bad.rows[0].error == "no such file"
    assert (bad.rows[0].path, bad.rows[0].id) == ("shown", "call 8")
    for row in (*good.rows, *bad.rows):
        assert (row.model_version, row.operating_point, row.flag_llr) == ("0.0.1", "cautious", 4.0)
        assert row.model_digest == toy.digest


def test_far_end_of_stereo(toy: Session, tmp_path: Path) -> None:
    stereo = write_wav(tmp_path / "st.wav", np.stack([robot(3), human(3)], 1))
    mono = write_wav(tmp_path / "m.wav", robot(3))
    paths = [stereo, mono]

    def scored(**options: ChannelChoice) -> list[list[str]]:
        found = outcomes(LaneScorer(toy, Settings(**options)).run(tasks_of(paths)))
        return [[f"{row.channel} {row.verdict}" for row in outcome.rows] for outcome in found]

    right = ChannelChoice.RIGHT
    assert scored(far=right) == [["right human"], ["mono robot"]]
    both = scored(far=right, channel=ChannelChoice.BOTH)
    assert both == [["left robot", "right human"], ["mono robot"]]
    assert scored() == both
    assert scored(channel=ChannelChoice.LEFT) == [["left robot"], ["mono robot"]]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"far": ChannelChoice.MIX}, "expected the far end on left or right, got 'mix'"),
        (
            {"far": ChannelChoice.LEFT, "channel": ChannelChoice.RIGHT},
            "expected channel left or both",
        ),
        ({"lanes": 0}, "expected at least 1 lane, got 0"),
    ],
)
def test_settings_that_contradict(options: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Settings(**options)  # type: ignore[arg-type]


def monitored(path: Path, session: Session) -> ScoreRow:
    """The row of a monitor with a listener."""
    monitor = CallMonitor(session, streams=[Listener()])
    summary = CallSummary(monitor)
    with open_recording(path) as recording:
        for block in recording.blocks():
            summary.add(monitor.push(block[:, 0], recording.sample_rate))
    summary.add(monitor.finish())
    return summary.row(str(path), "mono", 0.0, ())


def test_evidence_counts_as_in_the_monitor(toy: Session, tmp_path: Path) -> None:
    paths = [
        write_wav(tmp_path / f"{i}.wav", np.concatenate([robot(0.5 + i), human(2)]))
        for i in range(4)
    ]
    settings = Settings(streams=listeners, lanes=3)
    for outcome, path in zip(
        outcomes(LaneScorer(toy, settings).run(tasks_of(paths))), paths, strict=True
    ):
        (row,), expected = outcome.rows, monitored(path, toy)
        for name in ("verdict", "flagged_at", "reasons", "speech_seconds"):
            assert getattr(row, name) == getattr(expected, name)
        assert row.p_robot == pytest.approx(expected.p_robot, abs=1e-4)
        assert any(reason.startswith("alone for") for reason in row.reasons)


@pytest.mark.parametrize("channel", [None, ChannelChoice.BOTH])
def test_evidence_hears_the_near_end(
    toy: Session, tmp_path: Path, channel: ChannelChoice | None
) -> None:
    path = write_wav(tmp_path / "st.wav", np.stack([human(3), robot(3)], 1))
    settings = Settings(far=ChannelChoice.RIGHT, channel=channel, streams=listeners)
    (outcome,) = outcomes(LaneScorer(toy, settings).run(tasks_of([path])))
    far = outcome.rows[-1]
    assert far.channel == "right"
    assert any(reason.startswith("near end 0.2 and 1 after") for reason in far.reasons)
    if channel is not None:
        assert any(reason.startswith("alone") for reason in outcome.rows[0].reasons)


def test_timelines(toy: Session, tmp_path: Path) -> None:
    paths = make_calls(tmp_path / "calls", 4)
    folder = tmp_path / "timelines"
    settings = Settings(timeline=str(folder), lanes=2)
    for outcome in outcomes(LaneScorer(toy, settings).run(tasks_of(paths))):
        histories: dict[str, CallHistory] = {}
        expected = score_file(outcome.rows[0].path, toy, histories=histories)
        for row, other in zip(outcome.rows, expected, strict=True):
            close(row, other)
            timeline = find_timeline(folder, row.path, row.channel)
            assert timeline is not None
            point = toy.info.operating_point("cautious")
            wanted = make_timeline(histories[row.channel], other, point, "0.0.1")
            assert timeline.changes == wanted.changes
            assert timeline.llr == pytest.approx(wanted.llr, abs=0.011)


def test_a_model_that_answers_nan_costs_rows_only(toy: Session, tmp_path: Path) -> None:
    class Odd:
        info = toy.info
        zero_state = toy.zero_state

        @staticmethod
        def run(pcm: np.ndarray, state: np.ndarray) -> object:
            step = toy.run(pcm, state)
            step.voice_llr[np.abs(pcm).max(axis=1) > 0.5] = np.nan
            return step

    paths = [write_wav(tmp_path / "a.wav", robot(2)), write_wav(tmp_path / "b.wav", 4 * robot(2))]
    good, bad = outcomes(
        LaneScorer(Odd(), Settings(), period=1).run(tasks_of(paths))  # type: ignore[arg-type]
    )
    assert good.rows[0].error == ""
    assert bad.rows[0].error == "ValueError: expected a finite voice_llr from the model, got nan"


def test_unknown_operating_point(toy: Session) -> None:
    with pytest.raises(ValueError, match="unknown operating point 'brave'"):
        LaneScorer(toy, Settings(operating_point="brave"))


def test_many_channels_at_a_high_rate_are_read_in_small_blocks(
    toy: Session, tmp_path: Path
) -> None:
    path = tmp_path / "x.pcm"
    path.write_bytes(bytes(2 * 64 * 96_000))
    settings = Settings(raw=RawFormat(96_000, "s16le", 64))
    (outcome,) = outcomes(LaneScorer(toy, settings).run(tasks_of([path])))
    assert [row.seconds for row in outcome.rows] == [1.0, 1.0]


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 50), max_size=30),
    st.sampled_from([1, 2, 4, 8]),
)
def test_places_keep_their_class(classes: list[int], period: int) -> None:
    places = arrange(classes, period)
    assert len(set(places)) == len(places)
    assert all(p % period == c % period for p, c in zip(places, classes, strict=True))


def test_period_of_the_toy_model(toy: Session) -> None:
    assert place_period(toy, 8) in (1, 2, 4, 8)


@pytest.mark.slow
def test_ten_hours_stream(toy: Session, tmp_path: Path) -> None:
    import tracemalloc

    path = tmp_path / "long.sln"
    with path.open("wb") as stream:
        stream.truncate(10 * 3600 * 8000 * 2)  # a sparse file: silence
    tracemalloc.start()
    (outcome,) = outcomes(LaneScorer(toy, Settings(raw=RawFormat(8000))).run(tasks_of([path])))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert outcome.rows[0].seconds == 36_000.0
    assert outcome.rows[0].verdict == "no-speech"
    assert peak < 20e6

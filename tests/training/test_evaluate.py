"""An evaluation from manifest to report, with a model whose answers are known."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

pytest.importorskip("silero_vad")
pytest.importorskip("matplotlib")

from ringtrue.inference.session import Session, Step
from ringtrue.model.contract import OperatingPoint
from ringtrue.training import heard
from ringtrue.training.evaluate import Evaluation, evaluate, write_scores
from ringtrue.training.manifest import Clip, Manifest
from ringtrue.training.plots import draw
from ringtrue.training.report import AuditRow, read_report, write_report
from ringtrue.training.report_text import markdown, worst_of_audit
from ringtrue.training.scoring import OnnxDetector
from ringtrue.training.tables import Estimate, Slice, worst

POINT = OperatingPoint("cautious", 2.0, 1.0, -1.0, 1.0)


class ToneSession:
    """Robots are tones, humans are noise: the llr is a measure of tonality, whatever the level."""

    info = SimpleNamespace(
        sample_rate=8000,
        chunk_samples=800,
        chunk_seconds=0.1,
        min_speech_seconds=1.0,
        model_name="tone",
        model_version="1",
        operating_points=(POINT,),
    )

    def zero_state(self, batch: int = 1) -> NDArray[np.float32]:
        return np.zeros((batch, 1), np.float32)

    def run(self, pcm: NDArray[np.float32], state: NDArray[np.float32]) -> Step:
        power = np.square(np.abs(np.fft.rfft(pcm, axis=1)))
        share = power.max(axis=1) / np.maximum(power.sum(axis=1), 1e-20)
        seconds = state[:, 0] + np.float32(0.1)
        llr = (10 * share - 3).astype(np.float32)
        return Step(np.ones(len(pcm), np.float32), llr, seconds, seconds[:, None])


def _clip(folder: Path, index: int, label: str, condition: str) -> Clip:
    rng = np.random.default_rng(index)
    time = np.arange(28_000) / 8000
    tone = np.sin(2 * np.pi * (400 + 37 * index) * time)
    samples = rng.normal(0, 0.05, len(time)) if label != "tts" else 0.07 * tone
    name = f"{label}-{condition}-{index}"
    soundfile.write(folder / f"{name}.wav", samples.astype(np.float32), 8000)
    return Clip(
        name,
        f"{name}.wav",
        label,
        "dev",
        3.5,
        source=f"{label}-source",
        system=f"system{index % 2}" if label == "tts" else "",
        speaker=f"{label}:{index // 2}",
        language="en",
        condition=condition,
    )


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    folder = tmp_path_factory.mktemp("corpus")
    clips = [
        _clip(folder, index, label, condition)
        for condition in ("phone", "studio")
        for label in ("human", "tts")
        for index in range(8)
    ]
    clips += [_clip(folder, index, "nonspeech", "noise") for index in range(3)]
    with pytest.MonkeyPatch.context() as patch:
        # Everything counts as speech but every fifth frame, so that there are pauses.
        patch.setattr(
            heard,
            "speech_frames_batch",
            lambda batch: [(np.arange(len(a) // 160) % 50 >= 10) * np.float32(1) for a in batch],
        )
        detector = OnnxDetector(cast(Session, ToneSession()))
        manifest = Manifest(tuple(clips), folder)
        return evaluate(detector, manifest, "dev", folder / "cache", audit=True, command="made so")


def test_tones_are_told_from_noise(result: Evaluation) -> None:
    report = result.report
    assert report.conditions() == [heard.HARMONISED, heard.RECORDED, heard.SIMULATED, "pooled"]
    assert report.seconds() == [1.0, 2.0, 4.0]
    cell = report.cell(heard.RECORDED, 2.0)
    assert cell is not None
    assert (cell.humans, cell.robots) == (8, 8)
    assert cell.metrics["eer"] == Estimate(0, 0, 0)
    assert cell.metrics["auc"].value == 1
    assert report.cell(heard.RECORDED, 16.0) is None


def test_calls_nonspeech_and_gain(result: Evaluation) -> None:
    report = result.report
    humans, robots = (
        next(
            row
            for row in report.calls
            if row.condition == heard.RECORDED and row.robots is robot and not row.source
        )
        for robot in (False, True)
    )
    assert (humans.calls, humans.flagged) == (4, 0)
    assert (robots.calls, robots.flagged) == (4, 4)
    # 1 s in the model's memory and two chunks more; the first and the last 0.2 s are pauses.
    assert robots.speech_to_flag_median == pytest.approx(0.8)
    (noise,) = report.nonspeech
    assert (noise.clips, noise.flagged, noise.flagged_joined) == (3, 0, False)
    assert noise.top_llr < POINT.flag_llr
    assert report.gain is not None
    assert report.gain.largest_change < 1e-3


def test_the_audit_finds_a_model_that_hears_pauses(result: Evaluation) -> None:
    rows = [row for row in result.report.audit if row.condition == heard.HARMONISED]
    only = next(row for row in rows if row.test == "pauses only")
    # The tone sounds on through what counts as a pause here, so pauses give the class away.
    assert only.eer.value == 0
    assert "the pauses alone separate the classes" in worst_of_audit(rows)
    assert len(rows) == 10


def test_report_survives_json(result: Evaluation, tmp_path: Path) -> None:
    write_report(result.report, tmp_path / "report.json")
    again = read_report(tmp_path / "report.json")
    write_report(again, tmp_path / "again.json")
    assert (tmp_path / "again.json").read_text() == (tmp_path / "report.json").read_text()
    assert again.cells == result.report.cells
    assert markdown(again) == markdown(result.report)
    (tmp_path / "other.json").write_text('{"format": 1}')
    with pytest.raises(ValueError, match=r"other.json: expected a report of `ringtrue evaluate`"):
        read_report(tmp_path / "other.json")


def test_text_and_pictures_are_written(result: Evaluation, tmp_path: Path) -> None:
    names = draw(result.report, result.scores, tmp_path)
    assert {f"det-{heard.SIMULATED}.png", "scores-pooled.png"} <= set(names)
    for name in names:
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    text = markdown(result.report, names)
    assert "Produced by `made so`." in text
    assert "nan" not in text
    for title in ("## Whole calls", "## Music, tones and noise", "## Shortcut audit"):
        assert title in text
    write_scores(result.scores, tmp_path / "scores.csv")
    lines = (tmp_path / "scores.csv").read_text().splitlines()
    assert lines[0].startswith("detector,score,id,view,seconds,robot")
    assert len(lines) == 1 + len(result.scores["tone"])


def test_the_worst_group_is_named() -> None:
    def row(name: str, value: float, own: int) -> Slice:
        rate = Estimate(value)
        return Slice("d", "c", 4.0, "source", name, "all humans", 9, 9, own, rate, rate, 0, 0)

    rows = [row("good", 0.1, 50), row("bad", 0.9, 10), row("few", 1.0, 9)]
    found = worst(rows, "c", "source")
    assert found is not None
    assert found.name == "bad"
    assert worst(rows, "nowhere", "source") is None
    assert worst(rows, "c", "system") is None


def test_worst_of_the_audit_is_the_largest_change() -> None:
    def row(test: str, eer: float, high: float) -> AuditRow:
        return AuditRow("c", test, 4.0, 9, 9, Estimate(eer, 0.1, high), 0.2)

    text = worst_of_audit([row("pauses only", 0.45, 0.55), row("a", 0.3, 0.4), row("b", 0.05, 0.1)])
    assert "pauses only, c: EER 45.0 [10.0, 55.0] %, within chance" in text
    assert "Swaps, worst: b, c: EER 5.0 % from 20.0 %" in text

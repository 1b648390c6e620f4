"""The small evidence models: trained, calibrated, exported, run as streams."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from ringtrue.inference.evidence import noise_floor, turns
from ringtrue.inference.evidence.base import Chunk
from ringtrue.inference.evidence.floor import FloorStream
from ringtrue.inference.evidence.soft_model import SoftInfo, SoftModel
from ringtrue.inference.evidence.timing import TimingStream
from ringtrue.inference.session import ModelError
from ringtrue.training.callsim.snapshots import Examples
from ringtrue.training.callsim.soft_fit import SoftStudy, fit_soft


def examples(seed: int, width: int) -> Examples:
    """Bots have a first feature around 1.2, people around 0.2."""
    rng = np.random.default_rng(seed)
    robot = np.arange(400) % 2 == 1
    features = rng.normal(0, 0.3, (400, width)).astype(np.float32)
    features[:, 0] += np.where(robot, 1.2, 0.2)
    calls = np.array([f"c{i // 16}-{i % 4}" for i in range(400)])
    kinds = np.where(robot, np.where(np.arange(400) % 4 == 1, "tts", "scripted"), "human")
    return Examples(features, robot, calls, kinds)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def study(folder: Path) -> SoftStudy:
    width = len(turns.FEATURES)
    return fit_soft(
        "timing", "0.0.1", turns.FEATURES, examples(1, width), examples(2, width), 3, 2.0,
        folder / "timing.onnx",
    )  # fmt: skip


def test_the_model_tells_what_it_was_taught(folder: Path, study: SoftStudy) -> None:
    assert study.auc > 0.97
    assert study.capped_cllr < 0.6
    assert study.kinds["human"] < 0 < study.kinds["scripted"]
    model = SoftModel(folder / "timing.onnx", "timing", turns.FEATURES)
    assert model.info == study.info
    clock = np.zeros(len(turns.FEATURES), np.float32)
    clock[0] = 1.3
    person = np.zeros(len(turns.FEATURES), np.float32)
    assert model.llr(clock) > 1.5
    assert model.llr(person) < -1.5
    with pytest.raises(ValueError, match="expected 8 features"):
        model.llr(clock[:3])
    assert (folder / "timing.onnx").stat().st_size < 60_000


def test_weights_are_even(folder: Path) -> None:
    some = examples(1, 4)
    weight = some.weights()
    assert weight[some.robot].sum() == pytest.approx(weight[~some.robot].sum())
    by_kind = [weight[some.kind == k].sum() for k in ("tts", "scripted")]
    assert by_kind[0] == pytest.approx(by_kind[1])


def test_other_files_and_features_are_refused(folder: Path, study: SoftStudy) -> None:
    path = folder / "timing.onnx"
    with pytest.raises(ModelError, match="expected a floor model of"):
        SoftModel(path, "floor", noise_floor.FEATURES)
    with pytest.raises(ModelError, match="cannot be read"):
        SoftModel(folder / "none.onnx", "timing", turns.FEATURES)
    (folder / "text.onnx").write_text("hello")
    with pytest.raises(ModelError, match="not an ONNX model"):
        SoftModel(folder / "text.onnx", "timing", turns.FEATURES)
    model = onnx.load(path)
    del model.metadata_props[:]
    onnx.save(model, folder / "bare.onnx")
    with pytest.raises(ModelError, match="metadata entry"):
        SoftModel(folder / "bare.onnx", "timing", turns.FEATURES)


@pytest.mark.parametrize(
    "change", [{"least": 0}, {"cap": 0.0}, {"cap": float("nan")}, {"features": ()}]
)
def test_impossible_metadata(change: dict[str, object]) -> None:
    values = {"name": "t", "version": "1", "features": ("a",), "least": 3, "cap": 1.0,
              "scale": 1.0, "offset": 0.0}  # fmt: skip
    with pytest.raises(ValueError, match="expected"):
        SoftInfo(**{**values, **change})  # type: ignore[arg-type]


def converse(stream: TimingStream | FloorStream, gap: float, near: bool = True) -> list[float]:
    """Ten exchanges: 1 s of the near end, ``gap``, 1.5 s of the far end, 0.8 s of silence."""
    llrs, at = [], 0.0
    rng = np.random.default_rng(0)
    for _ in range(10):
        for seconds, who in ((1.0, "near"), (gap, ""), (1.5, "far"), (0.8, "")):
            for _ in range(round(seconds * 10)):
                at += 0.1
                level = 0.1 if who == "far" else 0.001
                noise = (level * rng.standard_normal(800)).astype(np.float32)
                other = noise if near else None
                talk = float(who == "near") if near else None
                evidence = stream.push(Chunk(noise, float(who == "far"), at, other, talk))
                llrs.append(np.nan if evidence.llr is None else evidence.capped)
                if evidence.llr is not None:
                    assert evidence.reason.startswith(f"{stream.name}: ")
    return llrs


def test_timing_speaks_from_the_third_response_on(folder: Path, study: SoftStudy) -> None:
    stream = TimingStream(folder / "timing.onnx")
    slow = converse(stream, 1.3)
    assert np.isnan(slow[:80]).all()
    assert slow[-1] == 2.0
    assert stream.version == "0.0.1"
    stream.reset()
    quick = converse(stream, 0.2)
    assert np.isnan(quick[:60]).all()
    assert quick[-1] < -1
    stream.reset()
    assert np.isnan(converse(stream, 1.3, near=False)).all()


def test_floor_speaks_from_its_least_pauses_on(folder: Path) -> None:
    width = len(noise_floor.FEATURES)
    path = folder / "floor.onnx"
    fit_soft("floor", "0.0.1", noise_floor.FEATURES, examples(1, width), examples(2, width), 3,
             1.0, path)  # fmt: skip
    told = converse(FloorStream(path), 1.0)
    assert np.isnan(told[:100]).all()
    assert abs(told[-1]) <= 1.0


def test_evidence_that_says_nothing_is_no_model(folder: Path) -> None:
    dev = examples(2, 4)
    upside_down = Examples(dev.features, ~dev.robot, dev.call, dev.kind)
    with pytest.raises(ValueError, match="higher for bots on dev"):
        fit_soft("floor", "1", list("abcd"), examples(1, 4), upside_down, 3, 1.0,
                 folder / "x.onnx")  # fmt: skip
    assert not (folder / "x.onnx").exists()

"""The card says what was measured, and is refused for another model or split."""

import dataclasses
import math
from pathlib import Path

import pytest
import torch

from ringtrue.model.contract import ModelInfo, OperatingPoint
from ringtrue.model.detector import Detector, DetectorConfig
from ringtrue.training.calibrate import Calibration
from ringtrue.training.calibration_file import read_calibration, write_calibration
from ringtrue.training.checkpoint import save_weights
from ringtrue.training.commands.model_card import _has_network
from ringtrue.training.manifest import Clip, Manifest
from ringtrue.training.metrics import METRICS, Estimate
from ringtrue.training.model_card import CardInput, model_card, read_licences
from ringtrue.training.recipe import parse_recipe
from ringtrue.training.report import CallRow, GainTest, NonspeechRow, Report
from ringtrue.training.tables import Cell, Slice
from ringtrue.training.thresholds import ThresholdStudy

POINT = OperatingPoint("cautious", 4.0, 2.5, -1.0, 1.0)


def _card() -> CardInput:
    rate = Estimate(0.2, 0.1, 0.3)
    training = Manifest(
        (Clip("a", "a", "human", "train", 3600, "src", language="en", commercial_ok=True),), Path()
    )
    info = ModelInfo(
        "ringtrue-fp32", "0.1.0", 8000, 800, 10, 1.0, 10.0, (POINT,), (), "linear",
        training.digest(), "Apache-2.0",
    )  # fmt: skip
    view = "phone-harmonised"
    report = Report(
        model="ringtrue-fp32",
        version="0.1.0",
        detectors=("ringtrue-fp32",),
        command="ringtrue evaluate x.onnx",
        split="eval",
        seed=1,
        manifest_digest="d" * 64,
        shared_systems=(),
        cells=(Cell("ringtrue-fp32", view, 4.0, 9, 99, dict.fromkeys(METRICS, rate), "r"),),
        slices=(
            Slice("ringtrue-fp32", view, 4.0, "system", "bad-tts", "all humans", 9, 20, 20,
                  Estimate(0.45), rate, 0, 0),
        ),
        calls=(
            CallRow(view, "cautious", False, "", 44, 1.0, 1, math.nan, math.nan),
            CallRow(view, "cautious", False, "talks", 4, 1.0, 1, math.nan, math.nan),
            CallRow(view, "cautious", True, "", 62, 1.0, 31, 3.2, 7.5),
        ),
        nonspeech=(NonspeechRow("cautious", 174, 23.0, 0, False, -math.inf, ""),),
        gain=GainTest(100, -40, -10, 0.0123),
    )  # fmt: skip
    return CardInput(
        info,
        "x.onnx",
        900_000,
        parse_recipe({"name": "ringtrue"}),
        training,
        {"src": "MIT"},
        report,
    )


def test_figures_and_failures_are_named() -> None:
    text = model_card(_card())
    for expected in (
        "# ringtrue-fp32 0.1.0",
        "never grounds",
        "voice_llr is the natural-log likelihood ratio robot : human",
        "1 of 44 (2.3 %)",
        "31 of 62 (50.0 %)",
        "3.2 s of",
        "20.0 [10.0, 30.0]",
        "bad-tts (phone-harmonised, EER 45.0 % against all humans)",
        "humans flagged at `cautious`: talks",
        "0 of 174 clips (23 minutes) flagged; highest voice_llr none",
        "at most 0.0123",
        "| src | 1.00 | 1 | MIT |",
        "ringtrue evaluate x.onnx",
    ):
        assert expected in text
    assert "nan" not in text


def test_refused_for_another_split_other_clips_or_another_model() -> None:
    card = _card()
    with pytest.raises(ValueError, match="expected a report of split eval, got dev"):
        model_card(dataclasses.replace(card, report=dataclasses.replace(card.report, split="dev")))
    other = dataclasses.replace(card.report, version="0.0.9")
    with pytest.raises(ValueError, match=r"report of ringtrue-fp32 0\.1\.0, got .*0\.0\.9"):
        model_card(dataclasses.replace(card, report=other))
    with pytest.raises(ValueError, match="expected the clips the model was trained on"):
        model_card(dataclasses.replace(card, training=Manifest((), Path())))


@pytest.mark.parametrize(
    ("values", "steps"),
    [
        ({}, "ringtrue train r --manifest MANIFEST\nringtrue export runs/r/best.ckpt "),
        (
            {"initial": "old.ckpt", "mixture": {"components": 4}},
            "ringtrue train r --manifest MANIFEST --initial old.ckpt\n"
            "ringtrue fit-mixture runs/r/best.ckpt --manifest MANIFEST --recipe r "
            "--out runs/r/final.ckpt\nringtrue export runs/r/final.ckpt ",
        ),
        (
            {"frame_net": {"hidden": [4]}},
            "ringtrue train r --manifest MANIFEST\n"
            "ringtrue fit-frames runs/r/best.ckpt --manifest MANIFEST --recipe r "
            "--out runs/r/final.ckpt\nringtrue export runs/r/final.ckpt ",
        ),
        (
            {"network": "old.ckpt", "mixture": {"components": 4}},
            "ringtrue cache r --manifest MANIFEST\n"
            "ringtrue fit-mixture old.ckpt --manifest MANIFEST --recipe r "
            "--out runs/r/final.ckpt\nringtrue export runs/r/final.ckpt ",
        ),
    ],
)
def test_commands_are_those_that_made_the_model(values: dict[str, object], steps: str) -> None:
    card = dataclasses.replace(_card(), recipe=parse_recipe({"name": "r", **values}))
    assert f"```\n{steps}" in model_card(dataclasses.replace(card, has_recipes_network=True))


def test_a_network_is_said_to_be_taken_over_only_where_it_was() -> None:
    recipe = parse_recipe({"name": "r", "network": "old.ckpt", "mixture": {"components": 4}})
    card = dataclasses.replace(_card(), recipe=recipe)
    trained = model_card(dataclasses.replace(card, has_recipes_network=False))
    assert "```\nringtrue train r --manifest MANIFEST\nringtrue fit-mixture runs/r/best" in trained
    unknown = model_card(card)
    assert "ringtrue fit-mixture NETWORK --manifest" in unknown
    assert "Its origin is not known" in unknown
    assert "old.ckpt" not in trained + unknown


def test_the_network_is_told_by_its_weights(tmp_path: Path) -> None:
    torch.manual_seed(0)
    small = {"network": {"stem": [4, 4], "embedding": 8, "hidden": 4, "dilations": [1]}}
    config = DetectorConfig.from_dict(small)
    old, fresh = Detector(config), Detector(config)
    save_weights(old, tmp_path / "old.ckpt")
    own = tmp_path / "own.ckpt"
    assert _has_network(own, "old.ckpt") is None
    save_weights(fresh, own)
    assert _has_network(own, "old.ckpt") is False
    # Another calibration and head are not another network.
    old.calibrate(2.0, 1.0)
    save_weights(old, own)
    assert _has_network(own, "old.ckpt") is True
    assert _has_network(own, "none.ckpt") is None
    assert _has_network(own, "") is None
    released = Path(__file__).parents[2] / "model" / "released"
    last = released / "ringtrue-0.4.0-fp32.ckpt"
    assert _has_network(last, "ringtrue-0.3.0-fp32.ckpt") is True
    assert _has_network(last, "ringtrue-0.2.0-fp32.ckpt") is False


def test_licences(tmp_path: Path) -> None:
    assert read_licences(tmp_path / "manifest.jsonl") == {}
    path = tmp_path / "sources.jsonl"
    path.write_text('{"source": "a", "licence": "MIT"}\n')
    assert read_licences(tmp_path / "manifest.jsonl") == {"a": "MIT"}
    path.write_text('{"source": "a"}\n')
    with pytest.raises(ValueError, match=r"sources\.jsonl: line 1: 'licence'"):
        read_licences(tmp_path / "manifest.jsonl")


def test_calibration_file_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    found = ThresholdStudy((POINT,), 400, 200, 30, {"cautious": 3.5}, {}, {}, (("s", -math.inf),))
    write_calibration(path, "m", Calibration(1.5, -0.25), [], found)
    assert read_calibration(path) == (Calibration(1.5, -0.25), (POINT,))
    path.write_text("{}")
    with pytest.raises(ValueError, match=r"calibration\.json: expected a file of `ringtrue calib"):
        read_calibration(path)

"""The contract: metadata round trip and its errors."""

from __future__ import annotations

import pytest

from ringtrue.model.contract import ModelInfo, OperatingPoint, StateField


def _info() -> ModelInfo:
    return ModelInfo(
        model_name="ringtrue-fp32",
        model_version="1.2.3",
        sample_rate=8000,
        chunk_samples=800,
        state_size=7,
        min_speech_seconds=1.0,
        memory_seconds=10.0,
        operating_points=(
            OperatingPoint("cautious", 4.25, 2.0, -1.0, 1.0),
            OperatingPoint("balanced", 2.5, 1.0, -1.0, 10.0),
        ),
        state_layout=(StateField("a", 0, (2, 3)), StateField("b", 6, (1,))),
        frontend="linear",
        training_data_digest="ab" * 32,
        licence="Apache-2.0",
    )


def test_metadata_round_trip() -> None:
    info = _info()
    metadata = info.to_metadata()
    assert all(isinstance(v, str) for v in metadata.values())
    assert ModelInfo.from_metadata(metadata) == info
    assert info.chunk_seconds == 0.1


def test_first_operating_point_is_found_by_name() -> None:
    assert _info().operating_point("balanced").flag_llr == 2.5
    with pytest.raises(ValueError, match=r"unknown operating point 'bold'; .* cautious, balanced"):
        _info().operating_point("bold")


def test_missing_and_malformed_metadata() -> None:
    metadata = _info().to_metadata()
    with pytest.raises(ValueError, match="expected a ringtrue model of contract version 1"):
        ModelInfo.from_metadata({})
    with pytest.raises(ValueError, match="lacks the key 'state_size'"):
        ModelInfo.from_metadata({k: v for k, v in metadata.items() if k != "state_size"})
    with pytest.raises(ValueError, match="malformed"):
        ModelInfo.from_metadata({**metadata, "operating_points": "{"})


def test_thresholds_must_be_ordered() -> None:
    with pytest.raises(ValueError, match="expected human_llr <= clear_llr <= flag_llr"):
        OperatingPoint("x", 1.0, 2.0, 0.0, 1.0)

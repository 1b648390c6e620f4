"""ONNX contract v1: tensor names, shapes and metadata keys that every host depends on.

This module owns the *names*; the *values* (sample rate, chunk, state size, thresholds ...) are
read from the ``metadata_props`` of the ONNX file, the one source of truth for hosts in any
language. It imports neither torch nor onnxruntime, so that training and inference can share it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

CONTRACT_VERSION = "1"

PCM = "pcm"
STATE = "state"
SPEECH = "speech"
VOICE_LLR = "voice_llr"
SPEECH_SECONDS = "speech_seconds"
STATE_OUT = "state_out"
INPUTS = (PCM, STATE)
OUTPUTS = (SPEECH, VOICE_LLR, SPEECH_SECONDS, STATE_OUT)

OPSET = 17
POLARITY = (
    "voice_llr is the natural-log likelihood ratio robot : human; "
    "positive means robot (synthetic voice), negative means human (bona fide)"
)

SAMPLE_RATE = 8000
"""Sample rate of contract v1 in Hz. Hosts read it from the metadata."""
CHUNK_SAMPLES = 800
"""Samples per call of contract v1 (100 ms). Hosts read it from the metadata."""


@dataclass(frozen=True)
class OperatingPoint:
    """Thresholds of the call decision for one stated false-flag rate.

    All thresholds are natural-log likelihood ratios robot : human.

    Attributes:
        name: ``cautious`` or ``balanced`` in released models.
        flag_llr: the verdict becomes ``robot`` at or above this value.
        clear_llr: a ``robot`` verdict is withdrawn below this value (hysteresis).
        human_llr: the verdict becomes ``human`` at or below this value.
        false_flags_per_1000_calls: rate of flagged human calls that the thresholds were chosen for.
    """

    name: str
    flag_llr: float
    clear_llr: float
    human_llr: float
    false_flags_per_1000_calls: float

    def __post_init__(self) -> None:
        if not self.human_llr <= self.clear_llr <= self.flag_llr:
            raise ValueError(
                f"operating point {self.name!r}: expected human_llr <= clear_llr <= flag_llr, "
                f"got {self.human_llr}, {self.clear_llr}, {self.flag_llr}"
            )


@dataclass(frozen=True)
class StateField:
    """Where one named part of the packed state vector lies."""

    name: str
    offset: int
    shape: tuple[int, ...]


@dataclass(frozen=True)
class ModelInfo:
    """Everything a host must know about a model file, as stored in its ``metadata_props``.

    Attributes:
        model_name: e.g. ``ringtrue-fp32``.
        model_version: semantic version of the weights.
        sample_rate: Hz of the input.
        chunk_samples: samples per call.
        state_size: length S of the packed state vector.
        min_speech_seconds: seconds of speech before any verdict.
        memory_seconds: time constant of the evidence pool, in seconds of speech.
        operating_points: thresholds by name; the first is the default.
        state_layout: named parts of the state vector, for debugging; hosts must not rely on it.
        frontend: kind of features computed inside the graph.
        training_data_digest: SHA-256 of the training manifest's rows.
        licence: SPDX identifier of the weights.
    """

    model_name: str
    model_version: str
    sample_rate: int
    chunk_samples: int
    state_size: int
    min_speech_seconds: float
    memory_seconds: float
    operating_points: tuple[OperatingPoint, ...]
    state_layout: tuple[StateField, ...]
    frontend: str
    training_data_digest: str
    licence: str
    contract_version: str = CONTRACT_VERSION
    polarity: str = POLARITY

    @property
    def chunk_seconds(self) -> float:
        """Seconds of audio per call."""
        return self.chunk_samples / self.sample_rate

    def operating_point(self, name: str) -> OperatingPoint:
        """The thresholds called ``name``; ValueError lists the known names."""
        for point in self.operating_points:
            if point.name == name:
                return point
        known = ", ".join(p.name for p in self.operating_points)
        raise ValueError(f"unknown operating point {name!r}; this model has: {known}")

    def to_metadata(self) -> dict[str, str]:
        """The string map written to ``metadata_props``."""
        points = {
            p.name: {
                "flag_llr": p.flag_llr,
                "clear_llr": p.clear_llr,
                "human_llr": p.human_llr,
                "false_flags_per_1000_calls": p.false_flags_per_1000_calls,
            }
            for p in self.operating_points
        }
        layout = [
            {"name": f.name, "offset": f.offset, "shape": list(f.shape)} for f in self.state_layout
        ]
        return {
            "contract_version": self.contract_version,
            "model_name": self.model_name,
            "model_version": self.model_version,
            "sample_rate": str(self.sample_rate),
            "chunk_samples": str(self.chunk_samples),
            "state_size": str(self.state_size),
            "polarity": self.polarity,
            "min_speech_seconds": repr(self.min_speech_seconds),
            "memory_seconds": repr(self.memory_seconds),
            "operating_points": json.dumps(points),
            "state_layout": json.dumps(layout),
            "frontend": self.frontend,
            "training_data_digest": self.training_data_digest,
            "licence": self.licence,
        }

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> ModelInfo:
        """Parse ``metadata_props``.

        Raises:
            ValueError: a key is missing or malformed, or the contract version is unknown.
        """
        version = metadata.get("contract_version")
        if version != CONTRACT_VERSION:
            raise ValueError(
                f"expected a ringtrue model of contract version {CONTRACT_VERSION}, "
                f"got contract_version={version!r}"
            )
        try:
            points = json.loads(metadata["operating_points"])
            layout = json.loads(metadata["state_layout"])
            return cls(
                model_name=metadata["model_name"],
                model_version=metadata["model_version"],
                sample_rate=int(metadata["sample_rate"]),
                chunk_samples=int(metadata["chunk_samples"]),
                state_size=int(metadata["state_size"]),
                min_speech_seconds=float(metadata["min_speech_seconds"]),
                memory_seconds=float(metadata["memory_seconds"]),
                operating_points=tuple(
                    OperatingPoint(name=name, **values) for name, values in points.items()
                ),
                state_layout=tuple(
                    StateField(f["name"], int(f["offset"]), tuple(f["shape"])) for f in layout
                ),
                frontend=metadata["frontend"],
                training_data_digest=metadata["training_data_digest"],
                licence=metadata["licence"],
                contract_version=version,
                polarity=metadata["polarity"],
            )
        except KeyError as error:
            raise ValueError(f"model metadata lacks the key {error}") from error
        except (TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"model metadata is malformed: {error}") from error

"""A tiny ONNX model that follows contract v1 and whose answers can be predicted.

Speech is a chunk louder than about −50 dBFS. Its evidence is the correlation of neighbouring
samples, +1 for low tones (they sound like a robot to it), negative for tones above 2 kHz (human).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from ringtrue.model.contract import (
    CHUNK_SAMPLES,
    OPSET,
    SAMPLE_RATE,
    ModelInfo,
    OperatingPoint,
    StateField,
)

STATE_SIZE = 2
MEMORY_SECONDS = 10.0
CAUTIOUS = OperatingPoint("cautious", 4.0, 1.0, -2.0, 1.0)
BALANCED = OperatingPoint("balanced", 2.0, 0.5, -1.5, 10.0)


def toy_info(**changes: object) -> ModelInfo:
    """Metadata of the toy model."""
    values: dict[str, object] = {
        "model_name": "toy-fp32",
        "model_version": "0.0.1",
        "sample_rate": SAMPLE_RATE,
        "chunk_samples": CHUNK_SAMPLES,
        "state_size": STATE_SIZE,
        "min_speech_seconds": 1.0,
        "memory_seconds": MEMORY_SECONDS,
        "operating_points": (CAUTIOUS, BALANCED),
        "state_layout": (StateField("speech_seconds", 0, (1,)), StateField("evidence", 1, (1,))),
        "frontend": "none",
        "training_data_digest": "0" * 64,
        "licence": "Apache-2.0",
    }
    return ModelInfo(**{**values, **changes})  # type: ignore[arg-type]


def write_toy(
    path: Path,
    *,
    info: ModelInfo | None = None,
    metadata: Mapping[str, str] | None = None,
    chunk: int = CHUNK_SAMPLES,
    llr_name: str = "voice_llr",
    batch: str | int = "batch",
) -> Path:
    """Write the model; the arguments bend one detail of the contract for tests of refusals."""
    f = TensorProto.FLOAT
    constants = {
        "floor": np.float32(1e-5),
        "steep": np.float32(1e6),
        "tiny": np.float32(1e-9),
        "tenth": np.float32(CHUNK_SAMPLES / SAMPLE_RATE),
        "leak": np.float32(-CHUNK_SAMPLES / SAMPLE_RATE / MEMORY_SECONDS),
        "one": np.float32(1.0),
        "half": np.float32(0.5),
        "axis": np.array([1], np.int64),
        "zero": np.array([0], np.int64),
        "first": np.array([1], np.int64),
        "last": np.array([CHUNK_SAMPLES], np.int64),
        "before_last": np.array([CHUNK_SAMPLES - 1], np.int64),
        "two": np.array([2], np.int64),
    }
    node = helper.make_node
    nodes = [
        node("Mul", ["pcm", "pcm"], ["squares"]),
        node("ReduceMean", ["squares"], ["energy"], axes=[1], keepdims=1),
        node("Sub", ["energy", "floor"], ["above"]),
        node("Mul", ["above", "steep"], ["drive"]),
        node("Sigmoid", ["drive"], ["gate"]),
        node("Slice", ["pcm", "zero", "before_last", "axis"], ["early"]),
        node("Slice", ["pcm", "first", "last", "axis"], ["late"]),
        node("Mul", ["early", "late"], ["products"]),
        node("ReduceMean", ["products"], ["correlation"], axes=[1], keepdims=1),
        node("Add", ["energy", "tiny"], ["safe"]),
        node("Div", ["correlation", "safe"], ["tone"]),
        node("Mul", ["tone", "half"], ["step"]),
        node("Mul", ["step", "gate"], ["gain"]),
        node("Mul", ["gate", "tenth"], ["more"]),
        node("Mul", ["gate", "leak"], ["leaking"]),
        node("Add", ["leaking", "one"], ["keep"]),
        node("Mul", ["state", "keep"], ["kept"]),
        node("Concat", ["more", "gain"], ["news"], axis=1),
        node("Add", ["kept", "news"], ["state_out"]),
        node("Squeeze", ["gate", "axis"], ["speech"]),
        node("Slice", ["state_out", "zero", "first", "axis"], ["seconds"]),
        node("Squeeze", ["seconds", "axis"], ["speech_seconds"]),
        node("Slice", ["state_out", "first", "two", "axis"], ["llr"]),
        node("Squeeze", ["llr", "axis"], [llr_name]),
    ]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "toy",
        [value("pcm", f, [batch, chunk]), value("state", f, [batch, STATE_SIZE])],
        [
            value("speech", f, [batch]),
            value(llr_name, f, [batch]),
            value("speech_seconds", f, [batch]),
            value("state_out", f, [batch, STATE_SIZE]),
        ],
        [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = 8
    entries = (info or toy_info()).to_metadata() if metadata is None else metadata
    helper.set_model_props(model, dict(entries))
    onnx.save(model, str(path))
    return path


def tone(
    hz: float, seconds: float, rate: int = SAMPLE_RATE, level: float = 0.2
) -> npt.NDArray[np.float32]:
    """A sine; 300 Hz is a robot to the toy model, 3000 Hz a human."""
    t = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * hz * t)).astype(np.float32)


def robot(seconds: float, rate: int = SAMPLE_RATE) -> npt.NDArray[np.float32]:
    """Audio that the toy model takes for a robot."""
    return tone(300.0, seconds, rate)


def human(seconds: float, rate: int = SAMPLE_RATE) -> npt.NDArray[np.float32]:
    """Audio that the toy model takes for a person."""
    return tone(3000.0, seconds, rate)


def silence(seconds: float, rate: int = SAMPLE_RATE) -> npt.NDArray[np.float32]:
    """Digital silence."""
    return np.zeros(round(seconds * rate), np.float32)

"""Export to one ONNX file per contract v1, with its metadata inside."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import onnx
import torch

from ringtrue.model.contract import (
    CHUNK_SAMPLES,
    INPUTS,
    OPSET,
    OUTPUTS,
    SAMPLE_RATE,
    STATE_OUT,
    ModelInfo,
    OperatingPoint,
)
from ringtrue.model.detector import Detector

log = logging.getLogger(__name__)

FORBIDDEN_OPERATORS = frozenset({"If", "Loop", "Scan", "TopK", "STFT", "DFT"})
"""Operators that reduced builds and other runtimes lack."""
MIN_SPEECH_SECONDS = 1.0
"""Seconds of speech before any verdict (DESIGN: a minimum of 1 s)."""


def model_info(
    detector: Detector,
    name: str,
    version: str,
    operating_points: tuple[OperatingPoint, ...],
    training_data_digest: str,
    licence: str = "Apache-2.0",
) -> ModelInfo:
    """The metadata of an export of ``detector``."""
    return ModelInfo(
        model_name=name,
        model_version=version,
        sample_rate=SAMPLE_RATE,
        chunk_samples=CHUNK_SAMPLES,
        state_size=detector.layout.size,
        min_speech_seconds=MIN_SPEECH_SECONDS,
        memory_seconds=detector.config.pool.memory_seconds,
        operating_points=operating_points,
        state_layout=detector.layout.fields,
        frontend=detector.config.frontend.kind,
        training_data_digest=training_data_digest,
        licence=licence,
    )


def export_onnx(detector: Detector, info: ModelInfo, path: Path) -> Path:
    """Write ``detector`` as one ONNX file, weights and metadata inside.

    Raises:
        ValueError: the graph holds an operator that the contract forbids, or fails the checker.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    detector = detector.eval()
    pcm = torch.zeros(2, info.chunk_samples)
    state = detector.zero_state(2)
    batch_axis = {0: "batch"}
    with warnings.catch_warnings():
        # The TorchScript exporter writes opset 17 with fewer, plainer operators than the newer
        # one, which starts at 18; its deprecation is no news to the person who exports.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            detector,
            (pcm, state),
            str(path),
            input_names=list(INPUTS),
            output_names=list(OUTPUTS),
            dynamic_axes=dict.fromkeys((*INPUTS, *OUTPUTS), batch_axis),
            opset_version=OPSET,
            do_constant_folding=True,
            dynamo=False,
        )
    model = onnx.load(path)
    found = {node.op_type for node in model.graph.node} & FORBIDDEN_OPERATORS
    if found:
        raise ValueError(
            f"the exported graph holds forbidden operators: {', '.join(sorted(found))}"
        )
    # The exporter loses the size of a concatenation; hosts allocate from it.
    outputs = {value.name: value for value in model.graph.output}
    outputs[STATE_OUT].type.tensor_type.shape.dim[1].dim_value = info.state_size
    onnx.helper.set_model_props(model, info.to_metadata())
    try:
        onnx.checker.check_model(model, full_check=True)
    except onnx.checker.ValidationError as error:
        raise ValueError(f"the exported graph is not valid ONNX: {error}") from error
    onnx.save(model, path)
    size = path.stat().st_size
    log.info("wrote %s: %.2f MB, %d nodes", path.name, size / 1e6, len(model.graph.node))
    return path

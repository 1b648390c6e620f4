"""One model file in onnxruntime, checked against contract v1."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from ringtrue.model.contract import (
    INPUTS,
    OUTPUTS,
    PCM,
    SPEECH,
    SPEECH_SECONDS,
    STATE,
    STATE_OUT,
    VOICE_LLR,
    ModelInfo,
)

Samples = npt.NDArray[np.float32]


class ModelError(ValueError):
    """A model file is missing, is not ONNX or does not follow contract v1."""


@dataclass(frozen=True)
class Step:
    """Outputs for one chunk of each call of a batch.

    Attributes:
        speech: [batch] probability that the chunk holds speech.
        voice_llr: [batch] natural-log likelihood ratio robot : human.
        speech_seconds: [batch] s of speech in memory.
        state: [batch, S] to feed back with the next chunk.
    """

    speech: Samples
    voice_llr: Samples
    speech_seconds: Samples
    state: Samples


def released_model() -> Traversable:
    """The newest ``ringtrue-*-fp32.onnx`` that this installation ships.

    Raises:
        ModelError: there is none.
    """
    found = [
        entry
        for entry in files("ringtrue.model.released").iterdir()
        if re.fullmatch(r"ringtrue-.+-fp32\.onnx", entry.name)
    ]
    if not found:
        raise ModelError("this installation holds no released model; name one with --model FILE")
    return max(found, key=lambda e: [int(n) for n in re.findall(r"\d+", e.name)])


class Session:
    """Runs a model on the CPU; calls share it, each with a state of its own.

    Args:
        model_path: an ONNX file following contract v1; None takes the released model.
        threads: threads of onnxruntime. One is fastest for a model of this size.

    Attributes:
        info: the model's metadata.
        source: the file's name.
        digest: the first 16 hex digits of the file's SHA-256.

    Raises:
        ModelError: missing file, not an ONNX model, or not contract v1.
        ValueError: ``threads`` below 1.
    """

    def __init__(self, model_path: str | Path | None = None, threads: int = 1) -> None:
        if threads < 1:
            raise ValueError(f"expected at least 1 thread, got {threads}")
        entry = released_model() if model_path is None else Path(model_path)
        self.source = entry.name if model_path is None else str(model_path)
        try:
            data = entry.read_bytes()
        except FileNotFoundError:
            raise ModelError(f"{self.source}: no such model file") from None
        except OSError as error:
            raise ModelError(f"{self.source}: cannot be read ({error.strerror})") from error
        self.digest = hashlib.sha256(data).hexdigest()[:16]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        # Idle workers must not burn a core between two chunks.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                data, options, providers=["CPUExecutionProvider"]
            )
        # onnxruntime's errors have no common public base class.
        except Exception as error:
            raise ModelError(f"{self.source}: is not an ONNX model that can be loaded") from error
        try:
            self.info = ModelInfo.from_metadata(self._session.get_modelmeta().custom_metadata_map)
            self._check_graph()
        except ValueError as error:
            raise ModelError(f"{self.source}: {error}") from error

    def _check_graph(self) -> None:
        expected: dict[str, list[int | None]] = {
            PCM: [None, self.info.chunk_samples],
            STATE: [None, self.info.state_size],
            SPEECH: [None],
            VOICE_LLR: [None],
            SPEECH_SECONDS: [None],
            STATE_OUT: [None, self.info.state_size],
        }
        for kind, names, nodes in (
            ("inputs", INPUTS, self._session.get_inputs()),
            ("outputs", OUTPUTS, self._session.get_outputs()),
        ):
            # Exporters leave sizes of outputs open that a trial run shows to be right.
            open_sizes = kind == "outputs"
            got = [node.name for node in nodes]
            if sorted(got) != sorted(names):
                raise ValueError(f"expected the {kind} {', '.join(names)}, got {', '.join(got)}")
            for node in nodes:
                shape = [size if isinstance(size, int) else None for size in node.shape]
                wanted = expected[node.name]
                fits = len(shape) == len(wanted) and all(
                    size == want or (size is None and open_sizes)
                    for size, want in zip(shape, wanted, strict=False)
                )
                if node.type != "tensor(float)" or not fits:
                    raise ValueError(
                        f"expected {node.name} as tensor(float) of shape {_shape(wanted)}, "
                        f"got {node.type} of shape {_shape(shape)}"
                    )
        self._trial()

    def _trial(self) -> None:
        """Run two silent calls; a graph may declare one shape and compute another."""
        size = self.info.state_size
        step = self.run(np.zeros((2, self.info.chunk_samples), np.float32), self.zero_state(2))
        for name, array, shape in (
            (SPEECH, step.speech, (2,)),
            (VOICE_LLR, step.voice_llr, (2,)),
            (SPEECH_SECONDS, step.speech_seconds, (2,)),
            (STATE_OUT, step.state, (2, size)),
        ):
            if array.shape != shape or array.dtype != np.float32:
                raise ValueError(
                    f"expected {name} as float32 {list(shape)} for two calls, "
                    f"got {array.dtype} {list(array.shape)}"
                )

    def zero_state(self, batch: int = 1) -> Samples:
        """States [batch, S] at the start of a call, float32."""
        return np.zeros((batch, self.info.state_size), np.float32)

    def run(self, pcm: Samples, state: Samples) -> Step:
        """One chunk of each call.

        Args:
            pcm: [batch, chunk_samples] float32, −1…1, at ``info.sample_rate``.
            state: [batch, S] float32: zeros at the start, then ``Step.state``.

        Raises:
            ValueError: another shape or type.
        """
        batch = pcm.shape[0] if pcm.ndim else 0
        for name, array, width in (
            (PCM, pcm, self.info.chunk_samples),
            (STATE, state, self.info.state_size),
        ):
            if array.dtype != np.float32 or array.shape != (batch, width):
                raise ValueError(
                    f"expected {name} as float32 [{batch or 'batch'}, {width}], "
                    f"got {array.dtype} {list(array.shape)}"
                )
        speech, llr, seconds, after = self._session.run(OUTPUTS, {PCM: pcm, STATE: state})
        return Step(speech, llr, seconds, after)


def _shape(sizes: list[int | None]) -> str:
    return "[" + ", ".join("batch" if size is None else str(size) for size in sizes) + "]"

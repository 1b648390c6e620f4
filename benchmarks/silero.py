"""silero-vad's ONNX model at 8 kHz, without torch: the yardstick of an on-device speech model."""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

Samples = npt.NDArray[np.float32]


class Silero:
    """One stream of silero-vad: 256 samples (32 ms) per step at 8 kHz, one thread.

    Raises:
        ModuleNotFoundError: silero-vad is not installed.
    """

    chunk = 256
    _context = 32

    def __init__(self) -> None:
        # The package imports torch; its data file can be found without importing it.
        spec = find_spec("silero_vad")
        if spec is None or not spec.submodule_search_locations:
            raise ModuleNotFoundError("silero-vad is missing; install it: pip install silero-vad")
        self.path = Path(spec.submodule_search_locations[0]) / "data" / "silero_vad.onnx"
        self.name = f"silero-vad {version('silero-vad')}"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(self.path), options, providers=["CPUExecutionProvider"]
        )
        self._rate = np.array(8000, np.int64)
        self._state = np.zeros((2, 1, 128), np.float32)
        self._before = np.zeros((1, self._context), np.float32)

    def step(self, pcm: Samples) -> float:
        """Probability of speech in the next 256 samples."""
        block = np.concatenate((self._before, pcm[np.newaxis]), axis=1)
        self._before = block[:, -self._context :]
        out, self._state = self._session.run(
            None, {"input": block, "state": self._state, "sr": self._rate}
        )
        return float(out[0, 0])

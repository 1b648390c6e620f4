"""Small models that turn a few numbers about a call into a capped likelihood ratio."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from ringtrue.inference.evidence.files import evidence_files
from ringtrue.inference.session import ModelError

FORMAT = "1"
_PREFIX = "ringtrue."


@dataclass(frozen=True)
class SoftInfo:
    """Metadata of such a model, kept in the ONNX file.

    Attributes:
        name: the stream, ``timing`` or ``floor``.
        version: of the model.
        features: names of the numbers that it hears, in order.
        least: events (responses, pauses) below which it abstains.
        cap: the decision uses at most ±cap of the likelihood ratio.
        scale, offset: natural-log likelihood ratio = scale · log odds + offset.
        made_of: what it was trained and calibrated on, in words.
    """

    name: str
    version: str
    features: tuple[str, ...]
    least: int
    cap: float
    scale: float
    offset: float
    made_of: str = ""

    def __post_init__(self) -> None:
        if self.least < 1 or not self.features:
            raise ValueError("expected features, and at least one event to judge")
        if not (math.isfinite(self.cap) and self.cap > 0 and math.isfinite(self.scale)
                and math.isfinite(self.offset)):  # fmt: skip
            raise ValueError("expected a finite cap above 0, a finite scale and offset")

    def to_metadata(self) -> dict[str, str]:
        """Entries for ``metadata_props``."""
        return {
            f"{_PREFIX}format": FORMAT,
            f"{_PREFIX}stream": self.name,
            f"{_PREFIX}version": self.version,
            f"{_PREFIX}features": json.dumps(self.features),
            f"{_PREFIX}least": str(self.least),
            f"{_PREFIX}cap": repr(self.cap),
            f"{_PREFIX}scale": repr(self.scale),
            f"{_PREFIX}offset": repr(self.offset),
            f"{_PREFIX}made_of": self.made_of,
        }

    @classmethod
    def from_metadata(cls, entries: Mapping[str, str]) -> SoftInfo:
        """Read it back.

        Raises:
            ValueError: an entry is missing or malformed, or of another format.
        """
        try:
            if entries[f"{_PREFIX}format"] != FORMAT:
                raise ValueError(f"expected format {FORMAT}, got {entries[f'{_PREFIX}format']!r}")
            return cls(
                name=entries[f"{_PREFIX}stream"],
                version=entries[f"{_PREFIX}version"],
                features=tuple(json.loads(entries[f"{_PREFIX}features"])),
                least=int(entries[f"{_PREFIX}least"]),
                cap=float(entries[f"{_PREFIX}cap"]),
                scale=float(entries[f"{_PREFIX}scale"]),
                offset=float(entries[f"{_PREFIX}offset"]),
                made_of=entries.get(f"{_PREFIX}made_of", ""),
            )
        except KeyError as error:
            raise ValueError(f"expected the metadata entry {error}, got none") from error


class SoftModel:
    """One such model in onnxruntime.

    Args:
        source: a file; None takes the first of :func:`evidence_files` for ``name``.
        name: the stream that it must be for.
        features: names that its features must have.

    Attributes:
        info: its metadata.
        digest: the first 16 hex digits of the file's SHA-256.

    Raises:
        ModelError: missing, not such a model, or for another stream or other features.
    """

    def __init__(self, source: str | Path | None, name: str, features: Sequence[str]) -> None:
        entry = released(name) if source is None else Path(source)
        try:
            data = entry.read_bytes()
        except OSError as error:
            raise ModelError(f"{entry.name}: cannot be read ({error.strerror})") from error
        self.digest = hashlib.sha256(data).hexdigest()[:16]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                data, options, providers=["CPUExecutionProvider"]
            )
        # onnxruntime's errors have no common public base class.
        except Exception as error:
            raise ModelError(f"{entry.name}: is not an ONNX model that can be loaded") from error
        try:
            self.info = SoftInfo.from_metadata(self._session.get_modelmeta().custom_metadata_map)
        except ValueError as error:
            raise ModelError(f"{entry.name}: {error}") from error
        if self.info.name != name or self.info.features != tuple(features):
            raise ModelError(
                f"{entry.name}: expected a {name} model of {', '.join(features)}; "
                f"got {self.info.name} of {', '.join(self.info.features)}"
            )

    def llr(self, features: npt.NDArray[np.float32]) -> float:
        """Natural-log likelihood ratio robot : human of one vector of features.

        Raises:
            ValueError: another number of features.
        """
        if features.shape != (len(self.info.features),):
            raise ValueError(
                f"expected {len(self.info.features)} features, got shape {list(features.shape)}"
            )
        (odds,) = self._session.run(["probabilities"], {"features": features[np.newaxis]})
        robot = min(max(float(odds[0, 1]), 1e-6), 1 - 1e-6)
        return self.info.scale * math.log(robot / (1 - robot)) + self.info.offset


def released(name: str) -> Traversable:
    """The model file of a stream that is used unless another is named.

    Raises:
        ModelError: there is none.
    """
    found = evidence_files(name)
    if not found:
        raise ModelError(f"this installation holds no released {name} model")
    return found[0]

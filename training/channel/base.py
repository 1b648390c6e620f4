"""Transforms of the telephone channel: one random, replayable step, and chains of steps.

All audio is mono float32 at 8000 Hz (``SAMPLE_RATE`` of the ONNX contract), nominally in -1...1.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ringtrue.model.contract import SAMPLE_RATE as _CONTRACT_RATE

Samples: TypeAlias = NDArray[np.float32]
Params: TypeAlias = Mapping[str, Any]

SAMPLE_RATE: Final = _CONTRACT_RATE
"""Hz of every signal inside the channel."""


def as_samples(samples: NDArray[Any]) -> Samples:
    """``samples`` as contiguous mono float32.

    Raises:
        ValueError: not one-dimensional, or not finite.
    """
    if samples.ndim != 1:
        raise ValueError(f"expected mono samples of shape [n], got shape {samples.shape}")
    result = np.ascontiguousarray(samples, dtype=np.float32)
    if not np.isfinite(result).all():
        raise ValueError("expected finite samples, got NaN or infinity")
    return result


def fit_length(samples: NDArray[Any], length: int) -> Samples:
    """``samples`` cut or zero-padded at the end to ``length``, as float32."""
    if len(samples) >= length:
        return np.ascontiguousarray(samples[:length], dtype=np.float32)
    result = np.zeros(length, dtype=np.float32)
    result[: len(samples)] = samples
    return result


@dataclass(frozen=True)
class Applied:
    """One transform that was applied, with the parameters drawn for it (JSON-serialisable)."""

    name: str
    params: Params


@dataclass(frozen=True, kw_only=True, eq=False)
class Transform(ABC):
    """One step of the channel.

    ``randomize`` draws parameters, ``apply`` is a pure function of samples and parameters. A draw
    may look at the *length* of the samples only, never at their content: what happens to a clip
    must not depend on who speaks in it.

    Attributes:
        p: probability of applying the transform when called, 0...1.
    """

    p: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.p <= 1.0:
            raise ValueError(f"{type(self).__name__}: expected 0 <= p <= 1, got {self.p}")

    @property
    def name(self) -> str:
        """Name written to traces."""
        return type(self).__name__

    @abstractmethod
    def randomize(self, samples: Samples, rng: np.random.Generator) -> Params:
        """JSON-serialisable parameters; may use ``len(samples)`` only."""

    @abstractmethod
    def apply(self, samples: Samples, params: Params) -> Samples:
        """Samples after the transform: float32, same length, aligned in time."""

    def flatten(self, params: Params) -> tuple[Applied, ...]:
        """The single steps behind ``params``, in order."""
        return (Applied(self.name, params),)

    def traced(
        self, samples: NDArray[Any], rng: np.random.Generator
    ) -> tuple[Samples, tuple[Applied, ...]]:
        """Samples after a random draw, and what was applied.

        Raises:
            ValueError: samples are not mono or not finite, or a codec failed.
        """
        audio = as_samples(samples)
        if rng.random() >= self.p or len(audio) == 0:
            return audio, ()
        params = self.randomize(audio, rng)
        return self.apply(audio, params), self.flatten(params)

    def __call__(self, samples: NDArray[Any], rng: np.random.Generator) -> Samples:
        """Samples after a random draw: float32, same length."""
        return self.traced(samples, rng)[0]


@dataclass(frozen=True, eq=False)
class Chain(Transform):
    """Transforms one after the other, each with its own probability."""

    transforms: Sequence[Transform] = field(default=())

    def randomize(self, samples: Samples, rng: np.random.Generator) -> Params:
        """Draw which steps apply, and their parameters."""
        steps = []
        for index, transform in enumerate(self.transforms):
            if rng.random() < transform.p:
                steps.append({"index": index, "params": transform.randomize(samples, rng)})
        return {"steps": steps}

    def apply(self, samples: Samples, params: Params) -> Samples:
        """Apply the drawn steps in order."""
        for step in params["steps"]:
            samples = self.transforms[step["index"]].apply(samples, step["params"])
        return samples

    def flatten(self, params: Params) -> tuple[Applied, ...]:
        """The drawn steps, nested choices and chains resolved."""
        applied: list[Applied] = []
        for step in params["steps"]:
            applied.extend(self.transforms[step["index"]].flatten(step["params"]))
        return tuple(applied)

"""The two classical baselines as raw scores; see :mod:`ringtrue.training.baselines.detector`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ringtrue.training.baselines.features import NORMALISATIONS, lfcc, log_spectrum

Samples = NDArray[np.float32]
Labelled = Iterable[tuple[Samples, bool]]
"""Signals, and whether each is a robot."""


class RawScorer(Protocol):
    """A trained baseline before calibration."""

    def score(self, samples: Samples) -> float:
        """Higher means robot; 0 where nothing was heard."""


@dataclass(frozen=True)
class LfccGmm:
    """Two Gaussian mixtures over LFCC frames (the LFCC-GMM baseline of ASVspoof 2019-2021).

    Attributes:
        components: of each mixture, with diagonal covariance.
        n_filter, n_lfcc: see :func:`~ringtrue.training.baselines.features.lfcc`.
        normalise: what is taken out of the cepstra of a signal, see
            :data:`~ringtrue.training.baselines.features.NORMALISATIONS`.
        frames_per_signal: frames drawn from each training signal.
        seed: of the draw and the mixtures' start.
    """

    components: int = 64
    n_filter: int = 40
    n_lfcc: int = 20
    normalise: str = "mean"
    frames_per_signal: int = 60
    seed: int = 1

    def __post_init__(self) -> None:
        if self.normalise not in NORMALISATIONS:
            raise ValueError(
                f"normalise: expected one of {', '.join(NORMALISATIONS)}, got {self.normalise!r}"
            )

    def frames(self, samples: Samples) -> Samples:
        """Features of one signal, [frames, 3 · n_lfcc]."""
        return lfcc(samples, self.n_filter, self.n_lfcc, self.normalise)

    def fit(self, data: Labelled) -> LfccGmmScorer:
        """Fit one mixture per class; ValueError if a class has fewer frames than components."""
        from sklearn.mixture import GaussianMixture

        rng = np.random.default_rng(self.seed)
        frames: dict[bool, list[Samples]] = {False: [], True: []}
        for samples, robot in data:
            found = self.frames(samples)
            count = min(self.frames_per_signal, len(found))
            frames[robot].append(found[rng.choice(len(found), count, replace=False)])
        mixtures = {}
        for robot, parts in frames.items():
            joined = np.concatenate(parts) if parts else np.zeros((0, 1))
            if len(joined) < self.components:
                raise ValueError(
                    f"expected at least {self.components} frames of each class, got {len(joined)}"
                )
            mixtures[robot] = GaussianMixture(
                self.components, covariance_type="diag", reg_covar=1e-3, max_iter=60,
                random_state=self.seed,
            ).fit(joined)  # fmt: skip
        return LfccGmmScorer(self, mixtures[True], mixtures[False])


@dataclass(frozen=True)
class LfccGmmScorer:
    """Mean log-likelihood ratio per frame."""

    config: LfccGmm
    robot: Any
    human: Any

    def score(self, samples: Samples) -> float:
        """See :class:`RawScorer`."""
        frames = self.config.frames(samples)
        return float(self.robot.score(frames) - self.human.score(frames)) if len(frames) else 0.0


@dataclass(frozen=True)
class LogspecLr:
    """Logistic regression on mean and spread of the log spectrum.

    Attributes:
        regularisation: inverse strength C of scikit-learn.
    """

    regularisation: float = 0.01

    def fit(self, data: Labelled) -> LogspecLrScorer:
        """Fit; ValueError if a class is missing."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        rows, labels = [], []
        for samples, robot in data:
            rows.append(log_spectrum(samples))
            labels.append(robot)
        if len(set(labels)) < 2:
            raise ValueError("expected signals of both classes to train on, got one class")
        regression = LogisticRegression(
            C=self.regularisation, class_weight="balanced", max_iter=2000
        )
        return LogspecLrScorer(make_pipeline(StandardScaler(), regression).fit(rows, labels))


@dataclass(frozen=True)
class LogspecLrScorer:
    """Log odds of the regression."""

    pipeline: Any

    def score(self, samples: Samples) -> float:
        """See :class:`RawScorer`."""
        row = log_spectrum(samples)
        return float(self.pipeline.decision_function(row[None])[0]) if row.any() else 0.0


KINDS: dict[str, type[LfccGmm] | type[LogspecLr]] = {"lfcc-gmm": LfccGmm, "logspec-lr": LogspecLr}
"""Baselines by the ``kind`` of a recipe."""


def baseline_config(kind: str, values: Mapping[str, Any]) -> LfccGmm | LogspecLr:
    """The configuration of a recipe's ``baseline`` section.

    Raises:
        ValueError: unknown kind or key.
    """
    if kind not in KINDS:
        raise ValueError(f"expected a baseline of {', '.join(KINDS)}, got {kind!r}")
    known = {field.name for field in fields(KINDS[kind])}
    unknown = set(values) - known
    if unknown:
        raise ValueError(
            f"baseline: unknown {', '.join(sorted(unknown))}; expected {', '.join(sorted(known))}"
        )
    return KINDS[kind](**values)

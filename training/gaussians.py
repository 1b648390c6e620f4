"""Gaussian mixtures of the frames of each class: of its own, or moved from a common background.

A mixture of its own learns all that is peculiar to the frames of a class, the noise and the coding
of its recordings included. With a background (GMM-UBM: Reynolds, Quatieri and Dunn, "Speaker
verification using adapted Gaussian mixture models", Digital Signal Processing 10, 2000) one mixture
describes both classes and each class only moves its means, or its means and variances, towards its
own frames: how often each kind of sound occurs says nothing about the class any more.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ringtrue.training.recipe import MixtureFitConfig

Floats = NDArray[np.floating[Any]]

_BLOCK = 100_000
_LEAST_VARIANCE = 1e-3


@dataclass(frozen=True)
class Frames:
    """Frames of one class.

    Attributes:
        values: [frames, features] float32.
        weights: [frames] what each counts for.
    """

    values: NDArray[np.float32]
    weights: NDArray[np.float64]


@dataclass(frozen=True)
class Densities:
    """One mixture with diagonal covariances.

    Attributes:
        weights: [components], sum 1.
        means, variances: [components, features].
    """

    weights: Floats
    means: Floats
    variances: Floats


def own_mixture(frames: Frames, config: MixtureFitConfig) -> Densities:
    """A mixture fitted to the frames alone, whatever they count for.

    Raises:
        ValueError: fewer than two frames per component.
    """
    mixture = _fit(frames.values, config)
    return Densities(mixture.weights_, mixture.means_, mixture.covariances_)


def moved_mixtures(classes: tuple[Frames, Frames], config: MixtureFitConfig) -> list[Densities]:
    """A mixture of each class with means of its own, the rest from a background of both.

    With ``config.move_variances`` the variances are its own, too. Features are scaled by their
    deviation for the fit, so that the start does not hang on the lowest cepstra alone, and scaled
    back.

    Raises:
        ValueError: fewer than two frames per component in both classes together.
    """
    joined = np.concatenate([frames.values for frames in classes])
    scale = joined.std(axis=0) + np.float32(1e-6)
    mixture = _fit(joined / scale, config)
    found = []
    for frames in classes:
        count = np.full(config.components, config.relevance)
        first = config.relevance * mixture.means_.astype(np.float64)
        second = config.relevance * (mixture.covariances_ + np.square(first / config.relevance))
        for start in range(0, len(frames.values), _BLOCK):
            values = frames.values[start : start + _BLOCK] / scale
            share = mixture.predict_proba(values)
            share = share * frames.weights[start : start + _BLOCK, None]
            count += share.sum(axis=0)
            first += share.T @ values
            second += share.T @ np.square(values)
        means = first / count[:, None]
        variances = mixture.covariances_
        if config.move_variances:
            variances = second / count[:, None] - np.square(means) + _LEAST_VARIANCE
        found.append(Densities(mixture.weights_, means * scale, variances * np.square(scale)))
    return found


def _fit(values: NDArray[np.float32], config: MixtureFitConfig) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    if len(values) < 2 * config.components:
        raise ValueError(
            f"expected at least {2 * config.components} speech frames, got {len(values)}"
        )
    mixture = GaussianMixture(
        config.components, covariance_type="diag", reg_covar=_LEAST_VARIANCE,
        max_iter=config.iterations, random_state=config.seed,
    )  # fmt: skip
    with warnings.catch_warnings():
        # Stopping early is the recipe's choice, not a fault.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return mixture.fit(values)

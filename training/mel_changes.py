"""What an acoustic model does to a spectrogram, done to that of a person.

A vocoder's copy keeps every detail that the person's voice had; a text-to-speech system does not.
Its acoustic model gives a mean of what it has heard (Ren et al., "Revisiting over-smoothness in
text to speech", ACL 2022), a row of tokens of a codec (VALL-E: Wang et al., 2023), or few
dimensions. These functions take the same away. All take and give log mel magnitudes
[bands, frames] float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, gaussian_filter1d

Mel = NDArray[np.float32]

FRAMES_PER_TOKEN = 2
"""Frames of 11.6 ms that one token stands for: 43 tokens per second."""
PATCH_FRAMES = 16
"""Frames of the patches that :class:`Patches` holds components of (0.19 s)."""
_NEAREST = 4
"""A wrong token is one of so many nearest, but not the nearest."""
_CONTEXT = 4
"""Frames on either side by which frames are found alike."""


@dataclass(frozen=True)
class Codebooks:
    """Codebooks of a residual vector quantiser, one [tokens, bands * FRAMES_PER_TOKEN] a stage."""

    stages: tuple[Mel, ...]


@dataclass(frozen=True)
class Patches:
    """Principal components of patches of spectrograms.

    Attributes:
        mean: [bands * PATCH_FRAMES].
        components: [components, bands * PATCH_FRAMES], the largest first.
    """

    mean: Mel
    components: Mel


def fit_codebooks(spectra: Sequence[Mel], tokens: Sequence[int], seed: int) -> Codebooks:
    """Codebooks of ``spectra`` by k-means, each for what those before it leave.

    Args:
        spectra: [bands, frames] each.
        tokens: size of each codebook.
        seed: of the start.

    Raises:
        ValueError: fewer frames than tokens.
    """
    from sklearn.cluster import MiniBatchKMeans

    left = np.concatenate([_cut(mel, FRAMES_PER_TOKEN) for mel in spectra])
    if len(left) < max(tokens):
        raise ValueError(
            f"expected at least {FRAMES_PER_TOKEN * max(tokens)} frames for {max(tokens)} tokens, "
            f"got {FRAMES_PER_TOKEN * len(left)}"
        )
    stages = []
    for count in tokens:
        means = MiniBatchKMeans(count, n_init=1, batch_size=4096, max_iter=40, random_state=seed)
        chosen = means.fit_predict(left)
        stages.append(means.cluster_centers_.astype(np.float32))
        left = left - stages[-1][chosen]
    return Codebooks(tuple(stages))


def fit_patches(spectra: Sequence[Mel], count: int) -> Patches:
    """The ``count`` largest principal components of the patches of ``spectra``.

    Raises:
        ValueError: fewer patches than components.
    """
    cut = np.concatenate([_cut(mel, PATCH_FRAMES) for mel in spectra])
    if len(cut) < count:
        raise ValueError(f"expected at least {count} patches of 0.19 s, got {len(cut)}")
    mean = cut.mean(axis=0)
    components = np.linalg.svd(cut - mean, full_matrices=False)[2][:count]
    return Patches(mean.astype(np.float32), components.astype(np.float32))


def tokenised(
    mel: Mel, books: Codebooks, stages: int, slips: float, rng: np.random.Generator
) -> Mel:
    """``mel`` from its tokens.

    Args:
        mel: a last frame that fills no token is left out.
        books: of :func:`fit_codebooks`.
        stages: how many of them.
        slips: share of tokens that are not the nearest, as a language model does not always take
            the likeliest.
        rng: of the slips.
    """
    left = _cut(mel, FRAMES_PER_TOKEN)
    total = np.zeros_like(left)
    for book in books.stages[:stages]:
        distance = np.sum(book * book, axis=1) - 2 * left @ book.T
        token = distance.argmin(axis=1)
        if slips:
            among = min(_NEAREST, len(book))
            near = np.argsort(distance, axis=1)[:, :among]
            other = near[np.arange(len(token)), rng.integers(min(1, among - 1), among, len(token))]
            token = np.where(rng.random(len(token)) < slips, other, token)
        total += book[token]
        left = left - book[token]
    return _join(total, len(mel))


def averaged(mel: Mel, pool: Sequence[Mel], count: int) -> Mel:
    """Each frame as the mean of the ``count`` most alike of ``pool``, as kNN-VC does.

    Frames are alike that sound alike with what is before and after them (46 ms). Baas, van Niekerk
    and Kamper, "Voice conversion with just nearest neighbors", Interspeech 2023.

    Raises:
        ValueError: ``pool`` has fewer frames than ``count``.
    """
    from sklearn.neighbors import NearestNeighbors

    frames = sum(other.shape[1] for other in pool)
    if frames < count:
        raise ValueError(f"expected at least {count} frames to choose from, got {frames}")
    search = NearestNeighbors(n_neighbors=count, algorithm="brute")
    search.fit(np.concatenate([_with_context(other) for other in pool]))
    nearest = search.kneighbors(_with_context(mel), return_distance=False)
    means = np.concatenate([other.T for other in pool])[nearest].mean(axis=1)
    return np.asarray(means.T, dtype=np.float32)


def blurred(mel: Mel, bands: float, frames: float) -> Mel:
    """Smoothed by a Gaussian with these standard deviations; 0: not along that axis."""
    return np.asarray(gaussian_filter(mel, (bands, frames)), dtype=np.float32)


def reduced(mel: Mel, patches: Patches, count: int) -> Mel:
    """Patches of ``mel`` from their ``count`` largest components; the rest of a patch is left out.

    Seams between patches are smoothed over (7 ms).
    """
    kept = patches.components[:count]
    cut = _cut(mel, PATCH_FRAMES) - patches.mean
    told = np.asarray(cut @ kept.T @ kept + patches.mean, dtype=np.float32)
    joined = _join(told, len(mel))
    return np.asarray(gaussian_filter1d(joined, 0.6, axis=1), dtype=np.float32)


def stretched(mel: Mel, factor: float) -> Mel:
    """``factor`` times as long, frames interpolated."""
    count = mel.shape[1]
    place = np.linspace(0, count - 1, max(1, int(count * factor)))
    rows = [np.interp(place, np.arange(count), band) for band in mel]
    return np.asarray(rows, dtype=np.float32)


def _cut(mel: Mel, size: int) -> Mel:
    """Whole pieces of ``size`` frames, [pieces, bands * size]."""
    pieces = mel.shape[1] // size
    whole = mel[:, : pieces * size].reshape(len(mel), pieces, size)
    return whole.transpose(1, 0, 2).reshape(pieces, len(mel) * size)


def _join(pieces: Mel, bands: int) -> Mel:
    count, values = pieces.shape
    size = values // bands
    return pieces.reshape(count, bands, size).transpose(1, 0, 2).reshape(bands, count * size)


def _with_context(mel: Mel) -> Mel:
    """Each frame with those before and after, [frames, 3 * bands]."""
    padded = np.pad(mel, ((0, 0), (_CONTEXT, _CONTEXT)), mode="edge")
    count = mel.shape[1]
    shifts = (0, _CONTEXT, 2 * _CONTEXT)
    return np.concatenate([padded[:, at : at + count] for at in shifts]).T

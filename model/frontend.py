"""Features computed inside the graph: framing, DFT, filterbank, log and level normalisation.

The DFT is a convolution with fixed windowed cosine and sine kernels, so that the exported graph
needs no STFT operator. Its phase counts from the middle of the frame, where the kernels are even
and odd: frames are folded there first, which halves the kernels and the multiplications, and
magnitudes do not change. Three kinds can be chosen in a recipe:

``linear``
    log energies of triangular filters spaced linearly in Hz (linear beats mel for spoofing:
    Frank and Schönherr, "WaveFake", 2021; Müller et al., arXiv 2203.16263).
``lfcc``
    the orthonormal DCT-II of the above (Sahidullah et al., Interspeech 2015).
``mel``
    log energies of HTK-mel-spaced filters, as a reference.

Level normalisation makes the features independent of gain: each frame is taken relative to a
running reference, the highest frame level so far, which decays slowly in dB per second; what lies
further below the reference than the floor is clamped to it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from ringtrue.model.contract import CHUNK_SAMPLES, SAMPLE_RATE

KINDS = ("linear", "lfcc", "mel")
NEPERS_PER_DB = math.log(10.0) / 10.0
"""Natural-log power units per dB."""
_POWER_FLOOR = 1e-14


@dataclass(frozen=True)
class FrontendConfig:
    """Parameters of the features.

    Attributes:
        kind: one of :data:`KINDS`.
        bands: number of filters (and of coefficients for ``lfcc``).
        window: analysis window in samples (Hann, periodic), even.
        hop: samples between frames; must divide the chunk.
        fft: DFT length in samples.
        f_min: lowest filter edge in Hz.
        f_max: highest filter edge in Hz.
        floor_db: how far below the reference level features are clamped, in dB.
        decay_db_per_second: how fast the reference level falls.
        quietest_dbfs: the reference never falls below this frame level, so that silence stays
            silence.
    """

    kind: str = "linear"
    bands: int = 80
    window: int = 200
    hop: int = 80
    fft: int = 200
    f_min: float = 0.0
    f_max: float = 3800.0
    floor_db: float = 60.0
    decay_db_per_second: float = 2.0
    quietest_dbfs: float = -75.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(
                f"frontend kind: expected one of {', '.join(KINDS)}, got {self.kind!r}"
            )
        if CHUNK_SAMPLES % self.hop:
            raise ValueError(f"hop: expected a divisor of {CHUNK_SAMPLES} samples, got {self.hop}")
        if not self.hop <= self.window <= self.fft:
            raise ValueError(
                f"expected hop <= window <= fft, got {self.hop}, {self.window}, {self.fft}"
            )
        if self.window % 2:
            raise ValueError(f"window: expected an even number of samples, got {self.window}")
        if not 0 <= self.f_min < self.f_max <= SAMPLE_RATE / 2:
            raise ValueError(
                f"expected 0 <= f_min < f_max <= {SAMPLE_RATE / 2} Hz, "
                f"got {self.f_min}, {self.f_max}"
            )

    @property
    def history(self) -> int:
        """Samples of left context kept between chunks."""
        return self.window - self.hop

    @property
    def frames_per_chunk(self) -> int:
        """Frames that one chunk of the contract yields."""
        return CHUNK_SAMPLES // self.hop


def _hz_to_mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    return 2595.0 * np.log10(1.0 + hz / 700.0)


def filterbank(config: FrontendConfig) -> NDArray[np.float32]:
    """Triangular filters, shape [bands, fft // 2 + 1], peak 1, spaced in Hz or HTK mel."""
    bins = np.arange(config.fft // 2 + 1) * SAMPLE_RATE / config.fft
    edges_hz = np.array([config.f_min, config.f_max])
    if config.kind == "mel":
        low, high = _hz_to_mel(edges_hz)
        edges = 700.0 * (10.0 ** (np.linspace(low, high, config.bands + 2) / 2595.0) - 1.0)
    else:
        edges = np.linspace(edges_hz[0], edges_hz[1], config.bands + 2)
    rising = (bins[None] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins[None]) / (edges[2:] - edges[1:-1])[:, None]
    return np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)


def folded_dft(config: FrontendConfig) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Windowed cosine and sine kernels over one half of a frame, [fft // 2 + 1, window // 2] each.

    Sample m of the half is m behind the middle of the frame. The cosines take the sum of both
    halves, folded at the middle, the sines their difference. Scaled so that the squared magnitudes
    of one frame sum to the mean power of the windowed frame for a signal in -1..1.
    """
    half = config.window // 2
    behind = np.arange(half)
    window = 0.5 + 0.5 * np.cos(np.pi * behind / half)
    # Sum over the whole frame: the middle once, the others twice, the first sample is 0.
    energy = 2 * float(np.sum(window**2)) - 1.0
    window /= math.sqrt(energy * config.fft / 2)
    # The fold counts the middle twice.
    window[0] /= 2
    phase = 2 * np.pi * np.outer(np.arange(config.fft // 2 + 1), behind) / config.fft
    return (
        (np.cos(phase) * window).astype(np.float32),
        (np.sin(phase) * window).astype(np.float32),
    )


def dct_matrix(size: int) -> NDArray[np.float32]:
    """Orthonormal DCT-II, shape [size, size]."""
    k, n = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    matrix = np.cos(np.pi * k * (2 * n + 1) / (2 * size)) * math.sqrt(2.0 / size)
    matrix[0] /= math.sqrt(2.0)
    return matrix.astype(np.float32)


class Frontend(nn.Module):
    """PCM to gain-independent features, streaming with explicit state."""

    cosines: Tensor
    sines: Tensor
    filters: Tensor
    dct: Tensor

    def __init__(self, config: FrontendConfig) -> None:
        super().__init__()
        self.config = config
        filters = filterbank(config)
        # Bins above the highest filter are not computed.
        bins = int(np.flatnonzero(filters.any(axis=0))[-1]) + 1
        cosines, sines = folded_dft(config)
        # Fixed by the configuration, so not part of checkpoints.
        constants = {
            "cosines": cosines[:bins, :, None],
            "sines": sines[:bins, :, None],
            "filters": filters[:, :bins, None],
            "dct": dct_matrix(config.bands)[:, :, None],
        }
        for name, value in constants.items():
            self.register_buffer(name, torch.from_numpy(value.copy()), persistent=False)

    def _folded_frames(self, padded: Tensor) -> tuple[Tensor, Tensor]:
        """Both halves of each frame, outwards from its middle, [batch, window // 2, frames]."""
        window, hop = self.config.window, self.config.hop
        # A frame is a run of blocks, and frames begin a whole number of blocks apart.
        size = math.gcd(window, hop)
        blocks = padded.reshape(padded.shape[0], -1, size)
        count = window // size
        # Ends count from the back: the exported graph needs no shape arithmetic.
        parts = [
            blocks[:, first : (first + 1 - count) or None : hop // size] for first in range(count)
        ]
        samples = torch.cat(parts, dim=2).transpose(1, 2)
        half = window // 2
        return samples[:, half:], samples[:, 1 : half + 1].flip(1)

    def log_energies(self, padded: Tensor) -> Tensor:
        """Log filter energies [batch, bands, frames] of PCM [batch, history + samples]."""
        after, before = self._folded_frames(padded)
        real = F.conv1d(after + before, self.cosines)
        imaginary = F.conv1d(after - before, self.sines)
        energies = F.conv1d(real * real + imaginary * imaginary, self.filters)
        return torch.log(torch.clamp(energies, min=_POWER_FLOOR))

    def coefficients(self, features: Tensor) -> Tensor:
        """What the network takes: the log features, or their DCT for ``lfcc``."""
        return F.conv1d(features, self.dct) if self.config.kind == "lfcc" else features

    def forward(self, pcm: Tensor, history: Tensor, level: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Log features of whole chunks.

        Args:
            pcm: [batch, samples] in -1..1, samples a multiple of the chunk.
            history: [batch, window - hop] samples before ``pcm``; zeros at the start of a call.
            level: [batch, 1] reference level above the quietest one, in nepers of power; zeros at
                the start of a call.

        Returns:
            features [batch, bands, frames] in about -3..2, new history, new level.
        """
        config = self.config
        padded = torch.cat([history, pcm], dim=1)
        logs = self.log_energies(padded)
        # The level of a frame is its strongest band: steadier than the sum against wide noise.
        peaks = logs.amax(dim=1)
        chunks = pcm.shape[1] // CHUNK_SAMPLES
        # One chunk is what hosts run: written apart, so that its graph has no shape arithmetic.
        if chunks == 1:
            loudest = peaks.amax(dim=1, keepdim=True)
        else:
            loudest = peaks.reshape(pcm.shape[0], chunks, config.frames_per_chunk).amax(dim=2)
        quietest = config.quietest_dbfs * NEPERS_PER_DB
        above = torch.clamp(loudest - quietest, min=0.0)
        step = config.decay_db_per_second * NEPERS_PER_DB * CHUNK_SAMPLES / SAMPLE_RATE
        if chunks == 1:
            reference = torch.clamp(torch.maximum(above, level - step), min=0.0)
            per_frame = reference
        else:
            # A maximum that decays linearly is a plain running maximum of the tilted sequence.
            tilt = torch.arange(1, chunks + 1, device=pcm.device, dtype=pcm.dtype) * step
            reference = torch.maximum(torch.cummax(above + tilt, dim=1).values, level) - tilt
            reference = torch.clamp(reference, min=0.0)
            per_frame = torch.repeat_interleave(reference, config.frames_per_chunk, dim=1)
        floor = config.floor_db * NEPERS_PER_DB
        relative = torch.clamp(logs - (per_frame + quietest)[:, None, :], min=-floor)
        features = relative / 4.0 + floor / 8.0
        # Counted from the front: a history of no samples would be all of them from the back.
        new_history = padded[:, padded.shape[1] - config.history :]
        return features, new_history, reference[:, -1:]

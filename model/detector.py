"""The whole detector: features, network, evidence pool and calibration with one packed state."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ringtrue.model.contract import CHUNK_SAMPLES
from ringtrue.model.frame_net import FrameNet, FrameNetConfig
from ringtrue.model.frame_sum import sum_frames
from ringtrue.model.frontend import Frontend, FrontendConfig
from ringtrue.model.mean_norm import MeanNorm, MeanNormConfig
from ringtrue.model.mixture import Mixture, MixtureConfig
from ringtrue.model.network import TIME_STRIDE, Network, NetworkConfig
from ringtrue.model.pool import EvidencePool, PoolConfig
from ringtrue.model.state import StateLayout

OFFSET_SECONDS = 0.5
"""Seconds of speech from which on the calibration's offset counts in full."""


@dataclass(frozen=True)
class DetectorConfig:
    """Everything that defines the architecture."""

    frontend: FrontendConfig = field(default_factory=FrontendConfig)
    mean_norm: MeanNormConfig = field(default_factory=MeanNormConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    pool: PoolConfig = field(default_factory=PoolConfig)
    mixture: MixtureConfig = field(default_factory=MixtureConfig)
    frame_net: FrameNetConfig = field(default_factory=FrameNetConfig)

    def __post_init__(self) -> None:
        if self.mixture.components and self.frame_net.hidden:
            raise ValueError(
                "model: expected frame mixtures or a frame network beside the network, got both "
                f"(mixture.components {self.mixture.components}, "
                f"frame_net.hidden {self.frame_net.hidden})"
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain dict for checkpoints."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> DetectorConfig:
        """Inverse of :meth:`to_dict`; lists become tuples, absent parts take their defaults.

        Raises:
            ValueError: an unknown part or field.
        """
        parts = {
            "frontend": FrontendConfig,
            "mean_norm": MeanNormConfig,
            "network": NetworkConfig,
            "pool": PoolConfig,
            "mixture": MixtureConfig,
            "frame_net": FrameNetConfig,
        }
        unknown = set(values) - set(parts)
        if unknown:
            raise ValueError(
                f"model: expected {', '.join(parts)}, got {', '.join(sorted(unknown))}"
            )
        built: dict[str, Any] = {}
        for name, kind in parts.items():
            arguments = {
                key: tuple(value) if isinstance(value, list) else value
                for key, value in values.get(name, {}).items()
            }
            try:
                built[name] = kind(**arguments)
            except TypeError as error:
                raise ValueError(f"model.{name}: {error}") from error
        return cls(**built)


@dataclass(frozen=True)
class CropOutput:
    """What training sees of whole crops; one value per chunk or per 20 ms frame."""

    score: Tensor
    """Uncalibrated score [batch, chunks]."""
    speech_seconds: Tensor
    """Seconds of speech in memory [batch, chunks]."""
    speech_logits: Tensor
    """Speech logits [batch, frames]."""
    embeddings: Tensor
    """Network output [batch, channels, frames]."""
    gate: Tensor
    """Evidence weight of each frame [batch, frames]."""


class _State(NamedTuple):
    """The packed state's parts."""

    history: Tensor
    level: Tensor
    mean: Tensor
    cepstra: Tensor
    caches: list[Tensor]
    evidence: Tensor


class Detector(nn.Module):
    """PCM and state to speech, voice_llr, speech_seconds and state, as contract v1 says.

    ``scale`` and ``offset`` map the raw score to a calibrated log-likelihood ratio.
    """

    scale: Tensor
    offset: Tensor

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        self.config = config
        self.frontend = Frontend(config.frontend)
        self.mean_norm = MeanNorm(config.mean_norm, config.frontend)
        self.network = Network(config.network, config.frontend.bands)
        bands = config.frontend.bands
        self.mixture = Mixture(config.mixture, bands) if config.mixture.components else None
        self.frame_net = FrameNet(config.frame_net, bands) if config.frame_net.hidden else None
        judge = self.frame_judge
        self.pool = EvidencePool(config.pool, config.network.embedding, judge is not None)
        self.register_buffer("scale", torch.tensor(1.0))
        self.register_buffer("offset", torch.tensor(0.0))
        shapes: dict[str, tuple[int, ...]] = {
            "pcm_history": (config.frontend.history,),
            "level": (1,),
        }
        if config.mean_norm.enabled:
            shapes["mean"] = (self.mean_norm.state_size,)
        if judge is not None:
            shapes["cepstra"] = judge.cache_shape
        for index, shape in enumerate(self.network.cache_shapes()):
            shapes[f"conv_{index}"] = shape
        shapes["evidence"] = (self.pool.state_size,)
        self.layout = StateLayout(shapes)

    @property
    def frame_judge(self) -> Mixture | FrameNet | None:
        """What judges single frames beside the network, if anything does."""
        return self.frame_net if self.mixture is None else self.mixture

    @property
    def frames_per_chunk(self) -> int:
        """Network frames per chunk."""
        return self.config.frontend.frames_per_chunk // TIME_STRIDE

    def calibrate(self, scale: float, offset: float) -> None:
        """Bake a calibration into the graph: voice_llr = scale * score + offset.

        The offset fades in over the first :data:`OFFSET_SECONDS` of speech, so that voice_llr
        stays 0 before any.
        """
        if scale <= 0:
            raise ValueError(f"calibration scale: expected > 0, got {scale}")
        self.scale.fill_(scale)
        self.offset.fill_(offset)

    def voice_llr(self, score: Tensor, speech_seconds: Tensor) -> Tensor:
        """Calibrated log-likelihood ratio of raw scores with so much speech behind them."""
        return self.scale * score + self.offset * torch.clamp(
            speech_seconds / OFFSET_SECONDS, 0.0, 1.0
        )

    def zero_state(self, batch: int) -> Tensor:
        """The state that starts a call, [batch, S]."""
        return torch.zeros(batch, self.layout.size, device=self.scale.device)

    def _unpack(self, state: Tensor) -> _State:
        history, level, *rest, evidence = self.layout.unpack(state)
        absent = level[:, :0]
        mean = rest.pop(0) if self.config.mean_norm.enabled else absent
        cepstra = rest.pop(0) if self.frame_judge is not None else absent
        return _State(history, level, mean, cepstra, rest, evidence)

    def _frame_evidence(
        self, features: Tensor, bands: Tensor, cache: Tensor
    ) -> tuple[Tensor | None, Tensor]:
        """Frame evidence [batch, frames / 2] at the network's rate, and the new cache."""
        judge = self.frame_judge
        if judge is None:
            return None, cache
        ratios, cache = judge(bands, self.mean_norm.loud(features), cache)
        return F.avg_pool1d(ratios[:, None], TIME_STRIDE)[:, 0], cache

    def features(self, pcm: Tensor) -> Tensor:
        """Log features [batch, bands, frames] of whole crops from a fresh start."""
        state = self._unpack(self.zero_state(pcm.shape[0]))
        features: Tensor = self.frontend(pcm, state.history, state.level)[0]
        return features

    def forward_features(
        self,
        features: Tensor,
        speech: Tensor | None = None,
        use_speech: Tensor | None = None,
        half: bool = False,
    ) -> CropOutput:
        """Whole crops from features.

        Args:
            features: [batch, bands, frames] of :meth:`features`.
            speech: [batch, frames / 2] speech probabilities that replace those of the network.
            use_speech: [batch] bool, the crops in which they do; all by default.
            half: run the network's convolutions in bfloat16, for faster training on CPUs that
                have it; sums over time stay in float32.
        """
        state = self._unpack(self.zero_state(features.shape[0]))
        bands, _ = self.mean_norm(features, state.mean)
        evidence, _ = self._frame_evidence(features, bands, state.cepstra)
        with torch.autocast(features.device.type, torch.bfloat16, enabled=half):
            embeddings, logits, _ = self.network(self.frontend.coefficients(bands), state.caches)
        embeddings, logits = embeddings.float(), logits.float()
        # The gate learns from speech labels only: the score must not choose what to listen to.
        probability = torch.sigmoid(logits).detach()
        if speech is not None:
            chosen = torch.ones(len(speech), dtype=torch.bool) if use_speech is None else use_speech
            probability = torch.where(chosen[:, None], speech, probability)
        gate = self.pool.gate(probability)
        score, seconds, _ = self.pool(
            embeddings, gate, state.evidence, self.frames_per_chunk, evidence
        )
        return CropOutput(score, seconds, logits, embeddings, gate)

    def forward(self, pcm: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """One step of contract v1.

        Args:
            pcm: [batch, 800] (or a multiple of it: only the last chunk's outputs are returned).
            state: [batch, S].

        Returns:
            speech [batch], voice_llr [batch], speech_seconds [batch], state_out [batch, S].
        """
        if pcm.shape[1] % CHUNK_SAMPLES:
            raise ValueError(
                f"pcm: expected a multiple of {CHUNK_SAMPLES} samples, got {pcm.shape[1]}"
            )
        parts = self._unpack(state)
        features, history, level = self.frontend(pcm, parts.history, parts.level)
        bands, mean = self.mean_norm(features, parts.mean)
        evidence, cepstra = self._frame_evidence(features, bands, parts.cepstra)
        coefficients = self.frontend.coefficients(bands)
        embeddings, logits, caches = self.network(coefficients, parts.caches)
        probability = torch.sigmoid(logits)
        gate = self.pool.gate(probability)
        score, seconds, sums = self.pool(
            embeddings, gate, parts.evidence, self.frames_per_chunk, evidence
        )
        llr = self.voice_llr(score, seconds)
        last = probability[:, None, -self.frames_per_chunk :]
        speech = (sum_frames(last) / self.frames_per_chunk).flatten()
        optional = [mean] if self.config.mean_norm.enabled else []
        optional += [cepstra] if self.frame_judge is not None else []
        state_out = self.layout.pack([history, level, *optional, *caches, sums])
        return speech, llr[:, -1], seconds[:, -1], state_out

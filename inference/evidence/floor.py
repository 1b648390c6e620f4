"""Floor evidence: the background of the far end jumps where clips begin and end."""

from __future__ import annotations

from pathlib import Path

from ringtrue.inference.evidence.base import Chunk, Evidence
from ringtrue.inference.evidence.noise_floor import FEATURES, NoiseFloor
from ringtrue.inference.evidence.soft_model import SoftModel
from ringtrue.inference.evidence.voice import odds


class FloorStream:
    """Noise floor of the far end beside and between what is said.

    Soft evidence with a capped weight: noise suppression and comfort noise make steps too, and a
    bot may play room tone throughout. Abstains until the model's least number of pauses was heard.

    Args:
        model: a model file, or None for the released one.

    Raises:
        ModelError: see :class:`SoftModel`.
    """

    name = "floor"

    def __init__(self, model: SoftModel | str | Path | None = None) -> None:
        loaded = model if isinstance(model, SoftModel) else SoftModel(model, self.name, FEATURES)
        self._model = loaded
        self._now: Evidence
        self._floor = NoiseFloor()
        self.reset()

    @property
    def version(self) -> str:
        """Version of the model."""
        return self._model.info.version

    def push(self, chunk: Chunk) -> Evidence:
        """Hear the next chunk."""
        if self._floor.push(chunk.far, chunk.speech):
            self._now = self._judge()
        return self._now

    def reset(self) -> None:
        """Forget the call."""
        self._floor.reset()
        self._now = Evidence(self.name, None, self._model.info.cap)

    def _judge(self) -> Evidence:
        info = self._model.info
        count = len(self._floor.pauses)
        if count < info.least:
            return Evidence(self.name, None, info.cap)
        features = self._floor.feature_vector()
        llr = self._model.llr(features)
        step, spread = float(features[0]), float(features[3])
        reason = (
            f"floor: the background changes by {abs(step):.0f} dB after what is said and by "
            f"{spread:.0f} dB between turns ({count} pauses); "
            f"{odds(llr)} for {'clips' if llr >= 0 else 'a person'}"
        )
        return Evidence(self.name, llr, info.cap, reason)

"""GSM 06.10 full rate."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import numpy as np
import soundfile

from ringtrue.training.channel.base import SAMPLE_RATE, Params, Samples, Transform, fit_length


@dataclass(frozen=True, eq=False, kw_only=True)
class Gsm(Transform):
    """One pass of GSM 06.10 RPE-LTP at 13 kbit/s (ETSI EN 300 961), through libsndfile."""

    def randomize(self, samples: Samples, rng: np.random.Generator) -> Params:
        """No parameters."""
        return {}

    def apply(self, samples: Samples, params: Params) -> Samples:
        """Encode and decode; the codec has no delay.

        Raises:
            ValueError: libsndfile lacks or fails GSM 06.10.
        """
        stream = BytesIO()
        clipped = np.clip(samples, -1.0, 1.0)
        try:
            soundfile.write(stream, clipped, SAMPLE_RATE, format="WAV", subtype="GSM610")
            stream.seek(0)
            decoded, _ = soundfile.read(stream, dtype="float32")
        except soundfile.SoundFileError as error:
            raise ValueError(f"codec GSM 06.10 failed: {error}") from error
        return fit_length(decoded, len(samples))

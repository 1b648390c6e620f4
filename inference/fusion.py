"""All evidence together: what the voice counts beside other streams, and thresholds for the sum.

A robot is a synthetic voice or a bot that plays recordings of a person. A human voice speaks
against the first only, so beside other streams the voice's likelihood ratio v counts as that of
the mixture, log(w·exp(v) + 1 − w), with w the share of robots whose voice is synthetic: it can
never outweigh a replayed clip.

The thresholds in a voice model hold for its voice alone. With further streams the sum has another
spread on human calls, so they were chosen again, with every stream on, for one version of the
voice model.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from ringtrue.inference.evidence.base import Evidence
from ringtrue.inference.session import ModelError
from ringtrue.model.contract import ModelInfo, OperatingPoint

FORMAT = 1
SOFT = 3.0
"""Sum of the caps of the soft evidence, timing and floor. Where no fused thresholds were chosen,
those of the voice are raised by it: then soft evidence alone never flags a call that the voice
would not."""
SYNTHETIC_SHARE = 0.8
"""Share of robots whose voice is synthetic; the voice speaks at most log(0.2) = -1.6 for a person
beside other streams."""


@dataclass(frozen=True)
class FusionInfo:
    """Operating points of all evidence together.

    Attributes:
        version: of this file.
        voice_model: name and version of the voice model that they were chosen with.
        streams: names of the streams that were on.
        operating_points: thresholds of the sum of capped log-likelihood ratios.
        made_of: what they were chosen on, in words.
    """

    version: str
    voice_model: str
    streams: tuple[str, ...]
    operating_points: tuple[OperatingPoint, ...]
    made_of: str = ""

    def to_json(self) -> str:
        """The file's text."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n"


def fused_voice(llr: float) -> float:
    """What a voice's likelihood ratio counts beside other streams; natural log in and out."""
    return math.log(SYNTHETIC_SHARE * math.exp(min(llr, 500.0)) + 1.0 - SYNTHETIC_SHARE)


def fused_llr(evidence: Sequence[Evidence]) -> float:
    """Sum of the capped evidence of all streams, that of the voice through :func:`fused_voice`."""
    return math.fsum(
        fused_voice(item.capped) if item.name == "voice" else item.capped for item in evidence
    )


def read_fusion(source: str | Path | Traversable) -> FusionInfo:
    """Read a file of fused thresholds.

    Raises:
        ModelError: it cannot be read or is not such a file.
    """
    entry = Path(source) if isinstance(source, str) else source
    try:
        fields: Mapping[str, Any] = json.loads(entry.read_text(encoding="utf-8"))
        if fields["format"] != FORMAT:
            raise ValueError(f"expected format {FORMAT}, got {fields['format']!r}")
        return FusionInfo(
            version=str(fields["version"]),
            voice_model=str(fields["voice_model"]),
            streams=tuple(fields["streams"]),
            operating_points=tuple(OperatingPoint(**p) for p in fields["operating_points"]),
            made_of=str(fields.get("made_of", "")),
        )
    except OSError as error:
        raise ModelError(f"{entry.name}: cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{entry.name}: is not a file of fused thresholds: {error}") from error


def released_fusion() -> FusionInfo | None:
    """The newest ``ringtrue-fusion-*.json`` that this installation ships, or None."""
    found = [
        entry
        for entry in files("ringtrue.model.released").iterdir()
        if re.fullmatch(r"ringtrue-fusion-[\d.]+\.json", entry.name)
    ]
    if not found:
        return None
    return read_fusion(max(found, key=lambda e: [int(n) for n in re.findall(r"\d+", e.name)]))


def voice_model_name(info: ModelInfo) -> str:
    """How fused thresholds name the voice model that they belong to."""
    return f"{info.model_name} {info.model_version}"


def fused_point(info: ModelInfo, name: str, fusion: FusionInfo | None = None) -> OperatingPoint:
    """Thresholds for all evidence; where none fit the voice model, its own raised by :data:`SOFT`.

    Args:
        info: metadata of the voice model.
        name: of the operating point.
        fusion: thresholds to use instead of the released ones.

    Raises:
        ValueError: an unknown operating point.
    """
    own = info.operating_point(name)
    fusion = fusion or released_fusion()
    if fusion is not None and fusion.voice_model == voice_model_name(info):
        for point in fusion.operating_points:
            if point.name == name:
                return point
    return replace(own, flag_llr=own.flag_llr + SOFT, clear_llr=own.clear_llr + SOFT)

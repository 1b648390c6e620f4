"""All evidence together: what the voice counts beside other streams, and thresholds for the sum.

A robot is a synthetic voice or a bot that plays recordings of a person. A human voice speaks
against the first only, so beside other streams the voice's likelihood ratio v counts as that of
the mixture, log(w·exp(v) + 1 − w), with w the share of robots whose voice is synthetic: it can
never outweigh a replayed clip.

The thresholds in a voice model hold for its voice alone. With further streams the sum has another
spread on human calls, so they were chosen again, with every stream on, for one version of the
voice model. A high sum can come about by chance in more ways than a high voice can, so that its
threshold is the higher one; for that reason the voice and a replayed clip also flag alone, each
from a threshold of its own, and the tests share the rate of false flags.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from ringtrue.inference.decision import UnionPoint
from ringtrue.inference.evidence.base import Evidence
from ringtrue.inference.evidence.files import evidence_files
from ringtrue.inference.session import ModelError
from ringtrue.model.contract import ModelInfo

FORMAT = 3
SOFT = 3.0
"""Sum of the caps of the soft evidence, timing and floor. Where no fused thresholds were chosen,
those of the voice are raised by it: then soft evidence never flags a call that the voice would
not."""
SYNTHETIC_SHARE = 0.8
"""Share of robots whose voice is synthetic; the voice speaks at most log(0.2) = -1.6 for a person
beside other streams."""


@dataclass(frozen=True)
class FusionInfo:
    """Operating points of all evidence together.

    Attributes:
        version: of this file.
        voice_model: name and version of the voice model that they were chosen with.
        voice_digest: :func:`voice_model_digest` of it; a model of the same name and version that
            was trained or calibrated otherwise has another.
        streams: names of the streams that were on.
        operating_points: thresholds of the sum of capped log-likelihood ratios, and of the streams
            that flag alone.
        made_of: what they were chosen on, in words.
    """

    version: str
    voice_model: str
    voice_digest: str
    streams: tuple[str, ...]
    operating_points: tuple[UnionPoint, ...]
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
            raise ValueError(
                f"expected format {FORMAT}, got {fields['format']!r}; "
                "choose the thresholds again with 'ringtrue fit-fusion'"
            )
        return FusionInfo(
            version=str(fields["version"]),
            voice_model=str(fields["voice_model"]),
            voice_digest=str(fields["voice_digest"]),
            streams=tuple(fields["streams"]),
            operating_points=tuple(_point(p) for p in fields["operating_points"]),
            made_of=str(fields.get("made_of", "")),
        )
    except OSError as error:
        raise ModelError(f"{entry.name}: cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{entry.name}: is not a file of fused thresholds: {error}") from error


def _point(fields: Mapping[str, Any]) -> UnionPoint:
    alone = {str(name): float(flag) for name, flag in dict(fields["alone"]).items()}
    return UnionPoint(**{**fields, "alone": alone})


def known_fusions() -> tuple[FusionInfo, ...]:
    """All fused thresholds of :func:`evidence_files`, the ones to prefer first.

    There may be several: thresholds for a voice model of one's own lie beside the released ones.
    """
    return tuple(read_fusion(entry) for entry in evidence_files("fusion"))


def voice_model_name(info: ModelInfo) -> str:
    """How fused thresholds name the voice model that they belong to."""
    return f"{info.model_name} {info.model_version}"


def voice_model_digest(info: ModelInfo) -> str:
    """Of the model's metadata: thresholds, training data, layout. The first 16 hex digits of the
    SHA-256 of its keys and values as JSON."""
    text = json.dumps(info.to_metadata(), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _fits(fusion: FusionInfo, info: ModelInfo) -> bool:
    own = voice_model_name(info), voice_model_digest(info)
    return (fusion.voice_model, fusion.voice_digest) == own


def fused_point(info: ModelInfo, name: str, fusion: FusionInfo | None = None) -> UnionPoint:
    """Thresholds for all evidence.

    Where none fit the voice model, the voice flags alone as without other streams, and the sum
    from a threshold that is higher by :data:`SOFT`.

    Args:
        info: metadata of the voice model.
        name: of the operating point.
        fusion: thresholds to use instead of the first known ones that fit.

    Raises:
        ValueError: an unknown operating point.
    """
    own = info.operating_point(name)
    known = known_fusions() if fusion is None else (fusion,)
    for one in known:
        for point in one.operating_points:
            if point.name == name and _fits(one, info):
                return point
    raised = {"flag_llr": own.flag_llr + SOFT, "clear_llr": own.clear_llr + SOFT}
    return UnionPoint(**{**asdict(own), **raised}, alone={"voice": own.flag_llr})

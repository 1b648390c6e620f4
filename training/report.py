"""The result of an evaluation: one dataclass, read from and written to JSON."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ringtrue.training.metrics import Estimate
from ringtrue.training.tables import Cell, Slice

FORMAT = 1


@dataclass(frozen=True)
class CallRow:
    """Calls of one source and class at one operating point.

    Attributes:
        source: empty for all sources together.
        flagged: calls whose verdict was ever ``robot``.
        speech_to_flag_median, speech_to_flag_90: s of speech up to the first flag over the flagged
            calls: median and 90 % quantile; NaN without any.
    """

    condition: str
    operating_point: str
    robots: bool
    source: str
    calls: int
    hours: float
    flagged: int
    speech_to_flag_median: float
    speech_to_flag_90: float


@dataclass(frozen=True)
class CallAuc:
    """How well the mean score of whole calls ranks them."""

    condition: str
    humans: int
    robots: int
    auc: Estimate


@dataclass(frozen=True)
class NonspeechRow:
    """Music, tones and noise at one operating point.

    Attributes:
        flagged: clips flagged when each is a call of its own.
        flagged_joined: whether all clips one after the other, as one call, were ever flagged.
        top_llr: highest ``voice_llr`` with enough speech in memory for a verdict; −inf if the model
            never believed to hear that much speech.
        top_clip: id of the clip with the highest ``voice_llr``; empty if there is none.
    """

    operating_point: str
    clips: int
    minutes: float
    flagged: int
    flagged_joined: bool
    top_llr: float
    top_clip: str


@dataclass(frozen=True)
class GainTest:
    """The same trials at two levels.

    Attributes:
        largest_change: of ``voice_llr`` at the end of a trial.
    """

    trials: int
    low_dbfs: float
    high_dbfs: float
    largest_change: float


@dataclass(frozen=True)
class AuditRow:
    """One shortcut test.

    Attributes:
        plain_eer: EER of the same trials untouched.
    """

    condition: str
    test: str
    seconds: float
    humans: int
    robots: int
    eer: Estimate
    plain_eer: float


@dataclass(frozen=True)
class Report:
    """Everything one evaluation measured.

    Attributes:
        model: name of the detector; version its version.
        detectors: the model and the baselines beside it.
        command: what produced the report.
        split, seed, manifest_digest: what was evaluated.
        shared_systems: synthesizers of the split that also occur in another.
    """

    model: str
    version: str
    detectors: tuple[str, ...]
    command: str
    split: str
    seed: int
    manifest_digest: str
    shared_systems: tuple[str, ...]
    cells: tuple[Cell, ...]
    slices: tuple[Slice, ...]
    calls: tuple[CallRow, ...] = ()
    call_auc: tuple[CallAuc, ...] = ()
    nonspeech: tuple[NonspeechRow, ...] = ()
    gain: GainTest | None = None
    audit: tuple[AuditRow, ...] = ()

    def cell(self, condition: str, seconds: float, detector: str = "") -> Cell | None:
        """The cell of a detector (the model by default), or None."""
        name = detector or self.model
        for cell in self.cells:
            if (cell.detector, cell.condition, cell.seconds) == (name, condition, seconds):
                return cell
        return None

    def conditions(self) -> list[str]:
        """Names of the conditions measured, in order."""
        return list(dict.fromkeys(cell.condition for cell in self.cells))

    def seconds(self) -> list[float]:
        """Seconds of speech measured, rising."""
        return sorted({cell.seconds for cell in self.cells})


def write_report(report: Report, path: Path) -> None:
    """Write ``report.json``; NaN and infinities become null."""
    content = {"format": FORMAT, **_plain(dataclasses.asdict(report))}
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_report(path: Path) -> Report:
    """Read what :func:`write_report` wrote; null becomes NaN.

    Raises:
        ValueError: not a report of this format.
        OSError: it cannot be read.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.pop("format") != FORMAT:
            raise ValueError("another format")
        values: dict[str, Any] = {
            name: tuple(_build(kind, row) for row in content.pop(name))
            for name, kind in (
                ("cells", Cell),
                ("slices", Slice),
                ("calls", CallRow),
                ("call_auc", CallAuc),
                ("nonspeech", NonspeechRow),
                ("audit", AuditRow),
            )
        }
        gain = content.pop("gain")
        values["gain"] = _build(GainTest, gain) if gain else None
        values |= {k: tuple(v) if isinstance(v, list) else v for k, v in content.items()}
        return Report(**values)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path.name}: expected a report of `ringtrue evaluate` of format {FORMAT}: {error}"
        ) from error


def _build(kind: type[Any], row: Mapping[str, Any]) -> Any:
    values = {name: _value(name, value) for name, value in row.items()}
    return kind(**values)


def _value(name: str, value: Any) -> Any:
    if value is None:
        return math.nan
    if name == "metrics":
        return {metric: _build(Estimate, estimate) for metric, estimate in value.items()}
    if isinstance(value, dict):
        return _build(Estimate, value)
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value

"""The page: one HTML file with its style, its script and its data inside.

Names and reasons come from strangers. They reach the page as JSON only, in which ``<``, ``>`` and
``&`` are escaped, and the script puts them into the page as text. A content security policy lets
nothing run but the script of this package, and nothing be fetched from a network.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Any

from ringtrue.inference.report.detail import Detail
from ringtrue.inference.report.results import KINDS
from ringtrue.inference.report.select import common_folder
from ringtrue.inference.report.totals import BIN, OverTime, Totals
from ringtrue.inference.score import ScoreRow

GENERATOR = "ringtrue report"
INLINE = 1000
"""Pictures within the page itself; more of them are put into files of :data:`BLOCK`."""
BLOCK = 250
_SCRIPTS = ("strings.js", "dom.js", "chart.js", "timeline.js", "panel.js", "table.js", "page.js")
MAX_ERROR_KINDS = 50


@dataclass(frozen=True)
class Page:
    """What a page is made of.

    Attributes:
        source: name of the results' file.
        made: when, as shown.
        totals, over_time: of all rows.
        rows: of the table.
        details: of each of ``rows``.
        audio, pictures: URL of each row's recording and PNG, or None.
        thresholds: (flag, human or None), natural log, where all rows share them.
        notes: rows of the file that could not be read.
        unreadable: how many.
    """

    source: str
    made: str
    totals: Totals
    over_time: OverTime
    rows: Sequence[ScoreRow]
    details: Sequence[Detail]
    audio: Sequence[str | None]
    pictures: Sequence[str | None]
    thresholds: tuple[float, float | None] | None = None
    notes: Sequence[str] = ()
    unreadable: int = 0


def render(page: Page) -> dict[str, str]:
    """Text of each file by its name below the report's folder, ``index.html`` last."""
    drawn = [n for n, detail in enumerate(page.details) if detail.curves is not None]
    blocks = {}
    inline: dict[int, Any] = {}
    if len(drawn) <= INLINE:
        inline = {n: page.details[n].curves for n in drawn}
    else:
        for start in range(0, len(page.rows), BLOCK):
            part = {n: page.details[n].curves for n in drawn if start <= n < start + BLOCK}
            text = f"ringtrueCurves({start // BLOCK},{to_json(part)});\n"
            blocks[f"data/curves-{start // BLOCK}.js"] = text
    data = page_data(page, blocks=len(drawn) > INLINE)
    script = "(() => {\n" + "\n".join(_asset(name) for name in _SCRIPTS) + "})();"
    replaced = {
        "policy": _policy(script),
        "generator": GENERATOR,
        "title": escape(page.source),
        "summary": escape(summary(page.totals)),
        "style": _asset("report.css"),
        "data": to_json(data),
        "curves": to_json(inline),
        "script": script,
    }
    html = _asset("report.html")
    # One pass, so that nothing inserted is taken for a place to insert.
    pieces = html.split("%%")
    pieces[1::2] = [replaced[name] for name in pieces[1::2]]
    return {**blocks, "index.html": "".join(pieces)}


def page_data(page: Page, *, blocks: bool) -> dict[str, Any]:
    """The JSON that the page's script reads."""
    rows, totals, over = page.rows, page.totals, page.over_time
    root = common_folder([row.path for row in rows])
    first, bars = totals.histogram()
    return {
        "source": page.source,
        "made": page.made,
        "models": _most_common(totals.models),
        "points": _most_common(totals.points),
        "thresholds": page.thresholds,
        "notes": list(page.notes),
        "unreadable": page.unreadable,
        "kinds": KINDS,
        "totals": {
            "rows": totals.rows,
            "recordings": totals.recordings,
            "kinds": [totals.kinds[kind] for kind in KINDS],
            "seconds": round(totals.seconds, 1),
            "speech": round(totals.speech_seconds, 1),
            "flagged": totals.median_flag,
        },
        "time": {
            "source": over.source,
            "unit": over.unit,
            "labels": over.labels,
            "counts": [[part.get(kind, 0) for kind in KINDS] for part in over.counts],
            "undated": over.undated,
        },
        "histogram": {
            "first": first,
            "width": BIN,
            "counts": [[bar.get(kind, 0) for kind in KINDS] for bar in bars],
        },
        "errors": [[e.text, e.count, e.example] for e in totals.errors()[:MAX_ERROR_KINDS]],
        "root": root,
        "blocks": BLOCK if blocks else 0,
        "rows": {
            "path": [row.path[len(root) :] for row in rows],
            "channel": [row.channel for row in rows],
            "kind": [KINDS.index(row.kind) for row in rows],
            "seconds": [_short(row.seconds, 1) for row in rows],
            "speech": [_short(row.speech_seconds, 1) for row in rows],
            "p": [_short(row.p_robot, 4) for row in rows],
            "llr": [_short(row.voice_llr, 2) for row in rows],
            "flagged": [_short(row.flagged_at, 1) for row in rows],
            "reasons": [row.reasons for row in rows],
            "error": [row.error for row in rows],
            "id": [row.id for row in rows],
            "made": [_made(row) for row in rows],
            "drawn": [
                detail.source if detail.curves or detail.source else "" for detail in page.details
            ],
            "words": [detail.words for detail in page.details],
            "audio": list(page.audio),
            "picture": list(page.pictures),
        },
    }


def _made(row: ScoreRow) -> str:
    return " · ".join(part for part in (row.model_version, row.operating_point) if part)


def _most_common(counter: Any) -> list[str]:
    return [name for name, _ in counter.most_common(5)]


def _short(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def summary(totals: Totals) -> str:
    """One sentence for those who see nothing else."""
    counts = totals.kinds
    return (
        f"{totals.rows} scored channels: {counts['robot']} robot, {counts['human']} human, "
        f"{counts['unsure']} unsure, {counts['no-speech']} without speech, "
        f"{counts['error']} errors."
    )


def to_json(values: Any) -> str:
    """ASCII JSON that can stand inside a ``script`` element.

    Lone surrogates of names that are not UTF-8 stay JSON escapes, so any browser reads them.
    """
    text = json.dumps(values, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _policy(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    # Pages opened from a disk have no origin: "file:" stands for files beside the page.
    return (
        f"default-src 'none'; script-src 'sha256-{digest}' 'self' file:; "
        "style-src 'unsafe-inline'; img-src 'self' file: data:; media-src 'self' file: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _asset(name: str) -> str:
    return (files("ringtrue.inference.report.web") / name).read_text(encoding="utf-8")

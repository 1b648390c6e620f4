"""Campaigns as JSON and as one HTML file without outside parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any, Final

from ringtrue.inference import svg
from ringtrue.inference.replay.campaigns import Campaign
from ringtrue.inference.replay.listened import Listened

_COLOURS: Final = (
    "#c0392b", "#2471a3", "#1e8449", "#b7950b", "#7d3c98", "#ca6f1e", "#148f77", "#5d6d7e",
)  # fmt: skip
_WIDTH: Final = 720
_STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;max-width:70em;margin:2em auto;padding:0 1em;
color:#222;background:#fff}
table{border-collapse:collapse;margin:.6em 0}
td,th{padding:.2em .7em;text-align:left;border-bottom:1px solid #ddd;vertical-align:top}
td.n,th.n{text-align:right}
.path{word-break:break-all}
.bad{color:#a00}
.key{display:inline-block;width:.8em;height:.8em;margin-right:.4em}
"""


def clock(seconds: float) -> str:
    """``1:07.4`` for 67.4 s."""
    tenths = round(max(0.0, seconds) * 10)
    minutes, rest = divmod(tenths, 600)
    return f"{minutes}:{rest // 10:02d}.{rest % 10}"


def to_json(campaigns: Sequence[Campaign], recordings: Sequence[Listened]) -> dict[str, Any]:
    """Campaigns, recordings of none, those that could not be read, and what was odd."""
    inside = {path for campaign in campaigns for path in campaign.paths}
    rounded = []
    for campaign in campaigns:
        row = asdict(campaign)
        for clip in row["clips"]:
            clip["score"] = round(clip["score"], 2)
            for place in clip["places"]:
                place["start"], place["stop"] = round(place["start"], 2), round(place["stop"], 2)
        rounded.append(row)
    return {
        "campaigns": rounded,
        "alone": [r.path for r in recordings if not r.error and r.path not in inside],
        "errors": [{"path": r.path, "error": r.error} for r in recordings if r.error],
        "warnings": [{"path": r.path, "warnings": [*r.warnings]} for r in recordings if r.warnings],
    }


def to_html(campaigns: Sequence[Campaign], recordings: Sequence[Listened], title: str) -> str:
    """One page: a table of campaigns, then each with its calls' time lines and clips."""
    seconds = {r.path: r.seconds for r in recordings}
    bad = [r for r in recordings if r.error]
    inside = sum(len(c.paths) for c in campaigns)
    parts = [
        f"<h1>{_text(title)}</h1>",
        f"<p>{len(recordings)} recordings, {inside} of them in {len(campaigns)} campaigns. "
        "A campaign is a group of recordings that play the same clips. Clips shared by "
        "unrelated callers, such as a carrier's announcement, join them too: look at what is "
        "shared before you conclude.</p>",
    ]
    parts += [_campaign(campaign, seconds) for campaign in campaigns]
    if bad:
        rows = "".join(
            f'<tr><td class="path">{_text(r.path)}</td><td class="bad">{_text(r.error)}</td></tr>'
            for r in bad
        )
        parts.append(f"<h2>Could not be read</h2><table>{rows}</table>")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head><body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _campaign(campaign: Campaign, seconds: dict[str, float]) -> str:
    colour = {c.name: _COLOURS[i % len(_COLOURS)] for i, c in enumerate(campaign.clips)}
    longest = max((seconds.get(path, 0.0) for path in campaign.paths), default=0.0) or 1.0
    lines = []
    for path in campaign.paths:
        bars = [svg.rect(0, 6, seconds.get(path, 0.0) / longest * _WIDTH, 4, fill="#ddd")]
        for clip in campaign.clips:
            for place in clip.places:
                if place.path == path:
                    left = place.start / longest * _WIDTH
                    width = max(2.0, (place.stop - place.start) / longest * _WIDTH)
                    words = f"{clip.name} {clock(place.start)}–{clock(place.stop)} {place.channel}"
                    bars.append(
                        f"<g><title>{_text(words)}</title>"
                        + svg.rect(left, 1, width, 14, fill=colour[clip.name])
                        + "</g>"
                    )
        line = f'<svg width="{_WIDTH}" height="16" role="img">{"".join(bars)}</svg>'
        lines.append(f'<tr><td class="path">{_text(Path(path).name)}</td><td>{line}</td></tr>')
    clips = []
    for clip in campaign.clips:
        places = "<br>".join(
            f"{_text(p.path)} [{_text(p.channel)}] {clock(p.start)}–{clock(p.stop)}"
            for p in clip.places
        )
        clips.append(
            f'<tr><td><span class="key" style="background:{colour[clip.name]}"></span>{clip.name}'
            f'</td><td class="n">{clip.seconds:.1f} s</td><td class="n">{len(clip.places)}</td>'
            f'<td class="path">{places}</td></tr>'
        )
    return (
        f"<h2>Campaign {campaign.name}: {len(campaign.paths)} recordings, "
        f"{len(campaign.clips)} shared clips</h2>"
        f"<table>{''.join(lines)}</table>"
        '<table><tr><th>clip</th><th class="n">length</th><th class="n">places</th>'
        f"<th>heard in</th></tr>{''.join(clips)}</table>"
    )


def _text(words: str) -> str:
    # File names that are not UTF-8 carry lone surrogates, which no HTML file can hold.
    return escape(words.encode("utf-8", "replace").decode("utf-8"))

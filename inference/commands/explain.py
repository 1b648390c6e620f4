"""``ringtrue score CALL --explain``: one call told in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.text import Text

from ringtrue.inference.audio import RawFormat
from ringtrue.inference.bulk.settings import Settings
from ringtrue.inference.channels import ChannelChoice
from ringtrue.inference.collect import collect
from ringtrue.inference.commands.view import COLOURS, clock
from ringtrue.inference.decision import UnionPoint
from ringtrue.inference.evidence.base import StreamFactory
from ringtrue.inference.evidence.voice import Runner, odds
from ringtrue.inference.score import ScoreRow
from ringtrue.inference.term_plot import Lane, plot_timeline
from ringtrue.inference.timeline import Timeline
from ringtrue.inference.trace import trace_file

_WIDEST = 120


def explain_one(
    paths: Sequence[str],
    session: Runner,
    settings: Settings,
) -> None:
    """``score --explain``: explain the one recording that ``paths`` name.

    Raises:
        ValueError: they name none or several.
        AudioError: it cannot be read.
    """
    found = collect(paths, headerless=settings.raw is not None)
    if len(found) != 1:
        raise ValueError(f"expected one recording with --explain, got {len(found)}")
    explain(
        found[0], session, channel=settings.channel, far=settings.far,
        operating_point=settings.operating_point, streams=settings.streams, raw=settings.raw,
    )  # fmt: skip


def explain(
    path: str | Path,
    session: Runner,
    *,
    channel: ChannelChoice | str | None = None,
    far: ChannelChoice | str | None = None,
    operating_point: str = "cautious",
    streams: StreamFactory | None = None,
    raw: RawFormat | None = None,
    console: Console | None = None,
) -> list[ScoreRow]:
    """Score one recording and print figures, a timeline and what happened of each channel.

    Args:
        path: the recording.
        session, channel, far, operating_point, streams, raw: as of ``score_file``.
        console: where to print; standard output when None.

    Returns:
        The rows, as ``score_file`` gives them.

    Raises:
        AudioError, ValueError: as ``score_file``.
    """
    console = console or Console()
    traced = trace_file(
        path, session, channel=channel, far=far, operating_point=operating_point,
        streams=streams, raw=raw,
    )  # fmt: skip
    for row, timeline in traced:
        console.print(explanation(row, timeline, console), highlight=False)
    return [row for row, _ in traced]


def explanation(row: ScoreRow, timeline: Timeline, console: Console) -> RenderableType:
    """What is printed of one channel."""
    width = min(console.width, _WIDEST)
    unicode = console.encoding.lower().startswith("utf")
    return Group(
        _title(row),
        _figures(row, timeline),
        Text(),
        *(_lane(lane) for lane in plot_timeline(timeline, width, unicode=unicode)),
        Text(),
        *_events(timeline),
        *_reasons(row, timeline),
        Text(),
    )


def _title(row: ScoreRow) -> Text:
    name = row.path if row.channel == "mono" else f"{row.path} ({row.channel})"
    # Names from strangers must not move the cursor or colour the terminal.
    return Text.assemble((_plain(name), "bold"), "  ", _label(row.verdict.upper(), row.verdict))


def _plain(words: str) -> str:
    text = words.encode("utf-8", "replace").decode()
    return "".join(c if c.isprintable() else "?" for c in text)


def _label(words: str, verdict: str) -> tuple[str, str]:
    return words, COLOURS.get(verdict, "dim")


def _figures(row: ScoreRow, timeline: Timeline) -> Text:
    llr = row.voice_llr or 0.0
    side = "robot" if llr >= 0 else "human"
    parts = [
        f"length {clock(row.seconds or 0.0)}",
        f"speech {clock(row.speech_seconds or 0.0)}",
        f"p(robot) {row.p_robot or 0.0:.3f}",
        f"voice_llr {llr:+.2f} ({odds(llr)} for {side})",
        "not flagged" if row.flagged_at is None else f"flagged at {clock(row.flagged_at)}",
    ]
    point = timeline.point
    alone = point.alone if isinstance(point, UnionPoint) else {}
    return Text.assemble(
        " · ".join(parts),
        "\n",
        (
            f"model {timeline.model_version}, {point.name}: robot from {point.flag_llr:+.2f}, "
            f"withdrawn below {point.clear_llr:+.2f}, human to {point.human_llr:+.2f}"
            + "".join(f"; {name} alone from {flag:+.2f}" for name, flag in alone.items()),
            "dim",
        ),
    )


def _lane(lane: Lane) -> Text:
    text = Text(no_wrap=True, overflow="crop")
    for words, style in lane:
        text.append(words, style)
    return text


def _events(timeline: Timeline) -> list[Text]:
    events: list[tuple[float, Text]] = [
        (
            0.0,
            Text.assemble(f"{clock(0.0):>9}  ", _label(f"{'unsure':<9}", "unsure"), "call begins"),
        )
    ]
    for change in timeline.changes:
        said = _plain("; ".join(change.reasons))
        label = _label(f"{change.verdict:<9}", change.verdict)
        events.append((change.at, Text.assemble(f"{clock(change.at):>9}  ", label, said)))
    for number, mark in enumerate(timeline.marks, 1):
        side = "robot" if mark.llr > 0 else "human" if mark.llr < 0 else ""
        label = _label(f"{f'mark {number}':<9}", side)
        words = _plain(f"{mark.text} ({mark.llr:+.1f})")
        events.append((mark.at, Text.assemble(f"{clock(mark.at):>9}  ", label, words)))
    ordered = sorted(events, key=lambda event: event[0])
    return [Text("What happened", style="bold"), *(text for _, text in ordered)]


def _reasons(row: ScoreRow, timeline: Timeline) -> Sequence[Text]:
    said = {reason for change in timeline.changes for reason in change.reasons}
    rest = [reason for reason in row.reasons if reason not in said]
    if not rest:
        return []
    return [Text("Reasons", style="bold"), *(Text(f"{'':>11}{_plain(r)}") for r in rest)]

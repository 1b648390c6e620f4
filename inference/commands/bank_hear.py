"""``ringtrue bank add`` and ``lookup``: recordings and the bank."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ringtrue.inference.audio_error import AudioError
from ringtrue.inference.channels import ChannelChoice
from ringtrue.inference.collect import collect
from ringtrue.inference.commands import options
from ringtrue.inference.commands.bank_options import Bank, parse_day
from ringtrue.inference.replay.paths import default_bank

if TYPE_CHECKING:
    from ringtrue.inference.replay.bank_records import BankMatch

Recordings = Annotated[
    list[str],
    typer.Argument(
        metavar="PATHS...", help="Recordings, folders and quoted patterns.", show_default=False
    ),
]
FarEnd = Annotated[
    ChannelChoice | None,
    typer.Option(
        "--channel",
        help="Channel of stereo recordings that holds the caller. Needed for stereo.",
        show_default=False,
    ),
]
Day = Annotated[
    str,
    typer.Option("--date", metavar="YYYY-MM-DD", help="Date of the calls, else that of the file."),
]


def add(
    paths: Recordings,
    bank: Bank = None,
    channel: FarEnd = None,
    day: Day = "",
    call: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Name of the call, else a hash of the file. One recording only."
        ),
    ] = "",
    label: Annotated[str, typer.Option(metavar="TEXT", help="Name for the new prompts.")] = "",
    not_evidence: Annotated[
        bool,
        typer.Option(
            "--not-evidence",
            help="List the material (announcements, hold music) as saying nothing about a caller; "
            "everything audible is taken, speech or not.",
        ),
    ] = False,
    model: options.Model = None,
    raw_rate: options.RawRate = None,
    raw_format: options.RawEncoding = "s16le",
    raw_channels: options.RawChannels = 1,
) -> None:
    """Keep the speech of recordings as prompts.

    A stretch of speech (1.5 s or more) that is known counts as heard in one more call; any other
    becomes a new prompt. Adding a recording again changes nothing. Beyond the limit (10,000, see
    'limit') the prompts not heard for longest are forgotten.

    Examples:
      ringtrue bank add bot-call.wav --label "survey bot"
      ringtrue bank add calls/ --channel right
      ringtrue bank add announcement.wav --not-evidence --label carrier
    """
    from ringtrue.inference.replay.bank import PromptBank
    from ringtrue.inference.replay.recorded import hear_recording
    from ringtrue.inference.replay.segments import blocks_segments, segments
    from ringtrue.inference.session import Session

    raw = options.raw_format(raw_rate, raw_format, raw_channels)
    names = _collect(paths, raw is not None)
    when = parse_day(day)
    if call and len(names) > 1:
        raise ValueError(f"expected one recording with --call, got {len(names)}")
    session = Session(model)
    failed = 0
    with PromptBank(bank or default_bank(), create=True) as store:
        for name in names:
            try:
                heard = hear_recording(name, session, channel or ChannelChoice.BOTH, raw)
                if len(heard) > 1:
                    raise AudioError(name, "is stereo: give --channel left, right or mix")
                stretches = (
                    blocks_segments(heard[0].heard)
                    if not_evidence
                    else segments(heard[0].heard, heard[0].speech)
                )
                added = store.add_call(
                    stretches,
                    call or _call_name(name),
                    when or _file_day(name),
                    is_evidence=not not_evidence,
                    label=label,
                )
            except (AudioError, OSError) as error:
                typer.echo(f"{name}: {_problem(error)}", err=True)
                failed += 1
                continue
            typer.echo(f"{name}: {added.new} new, {added.known} known")
        typer.echo(f"{len(store)} prompts in {store.path}")
    _end(failed, len(names))


def lookup(
    paths: Recordings,
    bank: Bank = None,
    channel: options.Channel = ChannelChoice.BOTH,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per match.")] = False,
    model: options.Model = None,
    raw_rate: options.RawRate = None,
    raw_format: options.RawEncoding = "s16le",
    raw_channels: options.RawChannels = 1,
) -> None:
    """Say which prompts of the bank recordings hold, and where. Nothing is added.

    Examples:
      ringtrue bank lookup new-call.wav
      ringtrue bank lookup calls/ --json
    """
    from ringtrue.inference.replay.bank import PromptBank
    from ringtrue.inference.replay.recorded import hear_recording
    from ringtrue.inference.replay.segments import segments
    from ringtrue.inference.session import Session

    raw = options.raw_format(raw_rate, raw_format, raw_channels)
    names = _collect(paths, raw is not None)
    failed = 0
    with PromptBank(bank or default_bank()) as store:
        session = Session(model)
        for name in names:
            try:
                found = 0
                for one in hear_recording(name, session, channel, raw):
                    for start, heard in segments(one.heard, one.speech):
                        for match in store.lookup(heard):
                            found += 1
                            _tell(name, one.channel, start, match, as_json)
            except (AudioError, OSError) as error:
                typer.echo(f"{name}: {_problem(error)}", err=True)
                failed += 1
                continue
            if not found and not as_json:
                typer.echo(f"{name}: nothing known")
    _end(failed, len(names))


def _tell(name: str, channel: str, start: float, match: BankMatch, as_json: bool) -> None:
    prompt = match.prompt
    begin, end = start + match.start, start + match.stop
    if as_json:
        row = {
            "path": name,
            "channel": channel,
            "start": round(begin, 2),
            "stop": round(end, 2),
            "score": round(match.score, 2),
            **asdict(prompt),
        }
        typer.echo(json.dumps(row, ensure_ascii=False))
        return
    what = f"prompt {prompt.name}" + (f" ({prompt.label})" if prompt.label else "")
    calls = "1 call" if prompt.calls == 1 else f"{prompt.calls} calls"
    note = "" if prompt.is_evidence else ", listed as no evidence"
    typer.echo(
        f"{name} [{channel}] {begin:.1f}-{end:.1f} s: {what}, heard in {calls} "
        f"since {prompt.first_seen}{note}"
    )


def _collect(paths: list[str], headerless: bool) -> list[str]:
    names = collect(paths, headerless=headerless)
    if not names:
        raise ValueError(f"no recordings found in {', '.join(paths)}")
    return names


def _file_day(name: str) -> date:
    return datetime.fromtimestamp(Path(name).stat().st_mtime, UTC).astimezone().date()


def _call_name(name: str) -> str:
    """A hash of the file, so that the bank neither keeps its name nor counts it twice."""
    with open(name, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]


def _problem(error: AudioError | OSError) -> str:
    return error.problem if isinstance(error, AudioError) else error.strerror or str(error)


def _end(failed: int, total: int) -> None:
    if failed:
        typer.echo(f"{failed} of {total} recordings could not be used", err=True)
        raise typer.Exit(1)

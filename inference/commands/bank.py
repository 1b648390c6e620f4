"""``ringtrue bank``: the prompts of earlier calls."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from ringtrue.inference.audio_error import AudioError
from ringtrue.inference.channels import ChannelChoice
from ringtrue.inference.collect import collect
from ringtrue.inference.commands import options
from ringtrue.inference.replay.paths import VARIABLE, default_bank

HELP = """Prompts of earlier calls: keep, list, exchange, forget.

A bank holds one-way hashes of stretches of speech with their dates, no audio. Nothing enters it
unless you add it. 'score', 'watch' and the Python API can then tell that a caller plays what was
heard in earlier calls.

Examples:
  ringtrue bank add bot-call.wav
  ringtrue bank add calls/ --channel right --date 2026-11-02
  ringtrue bank add hold-music.wav announcement.wav --not-evidence --label carrier
  ringtrue bank lookup new-call.wav
  ringtrue bank list
  ringtrue bank forget --before 2026-01-01

The bank is prompts.bank in your folder of application data, or what --bank or the variable
RINGTRUE_BANK names. Exit code 0 when all went well, 1 when a recording or the bank could not be
used, 2 for wrong options."""

Bank = Annotated[
    Path | None,
    typer.Option(
        "--bank",
        metavar="FILE",
        help=f"Bank to use, else ${VARIABLE} or your own.",
        show_default=False,
    ),
]
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

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode="rich")


def mount(parent: typer.Typer) -> None:
    """Add the command group to ``parent``."""
    for command in (add, lookup, show, export, take_in, forget, limit, check):
        name = {"show": "list", "take_in": "import"}.get(command.__name__, command.__name__)
        app.command(name, help=_help(command))(command)
    parent.add_typer(app, name="bank", help=_paragraphs(HELP))


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
    when = _day(day)
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


def show(
    bank: Bank = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per prompt.")] = False,
    most: Annotated[
        int, typer.Option("--most", min=1, metavar="N", help="Prompts to list.")
    ] = 1_000_000,
) -> None:
    """List the prompts, those heard in most calls first.

    Examples:
      ringtrue bank list --most 20
      ringtrue bank list --json > prompts.jsonl
    """
    from rich.console import Console
    from rich.table import Table

    from ringtrue.inference.replay.bank import PromptBank

    with PromptBank(bank or default_bank()) as store:
        prompts = store.list()
        room = store.max_prompts
    if as_json:
        for info in prompts[:most]:
            typer.echo(json.dumps(asdict(info), ensure_ascii=False))
        return
    table = Table(header_style="bold", pad_edge=False)
    for column in ("prompt", "seconds", "calls", "first heard", "last heard", "evidence", "label"):
        table.add_column(column, justify="right" if column in ("seconds", "calls") else "left")
    for info in prompts[:most]:
        table.add_row(
            info.name, f"{info.seconds:.1f}", str(info.calls), info.first_seen, info.last_seen,
            "yes" if info.is_evidence else "no", info.label,
        )  # fmt: skip
    Console().print(table)
    typer.echo(f"{len(prompts)} prompts, room for {room}")


def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to write (JSON lines).")],
    bank: Bank = None,
) -> None:
    """Write all prompts to a file for another bank.

    The file holds hashes, their key, dates and call names, no audio. Who has it can recognise
    these prompts in other calls.

    Examples:
      ringtrue bank export prompts.jsonl
    """
    from ringtrue.inference.replay.bank import PromptBank
    from ringtrue.inference.replay.exchange import write_prompts

    with PromptBank(bank or default_bank()) as store:
        count = write_prompts(store.stored(), file)
    typer.echo(f"{count} prompts in {file}")


def take_in(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File that 'export' wrote.")],
    bank: Bank = None,
) -> None:
    """Merge exported prompts into the bank, all or nothing.

    Examples:
      ringtrue bank import prompts.jsonl
      ringtrue bank import prompts.jsonl --bank shared.bank
    """
    from ringtrue.inference.replay.bank import PromptBank
    from ringtrue.inference.replay.exchange import read_prompts

    with PromptBank(bank or default_bank(), create=True) as store:
        added = store.take_in(read_prompts(file))
    typer.echo(f"{added.new} new, {added.known} known")


def forget(
    prompt: Annotated[
        str, typer.Option(metavar="NAME", help="A prompt, by the first digits of its name.")
    ] = "",
    call: Annotated[
        str, typer.Option(metavar="NAME", help="A call, and prompts heard in no other.")
    ] = "",
    before: Annotated[
        str, typer.Option(metavar="YYYY-MM-DD", help="Prompts last heard before this day.")
    ] = "",
    everything: Annotated[bool, typer.Option("--all", help="All prompts.")] = False,
    bank: Bank = None,
) -> None:
    """Delete prompts; what is deleted is overwritten in the file.

    Examples:
      ringtrue bank forget --prompt 3f2a
      ringtrue bank forget --call call-2026-11-02
      ringtrue bank forget --before 2026-01-01
      ringtrue bank forget --all
    """
    from ringtrue.inference.replay.bank import PromptBank

    if sum(map(bool, (prompt, call, before, everything))) != 1:
        raise ValueError("expected exactly one of --prompt, --call, --before, --all")
    last = date.max if everything else _day(before)
    with PromptBank(bank or default_bank()) as store:
        count = store.forget(prompt=prompt, call=call, before=last)
        left = len(store)
    typer.echo(f"{count} prompts forgotten, {left} left")


def limit(
    count: Annotated[int, typer.Argument(metavar="N", help="Most prompts to hold.", min=1)],
    bank: Bank = None,
) -> None:
    """Set how many prompts the bank holds; those not heard for longest go first.

    Examples:
      ringtrue bank limit 2000
    """
    from ringtrue.inference.replay.bank import PromptBank

    with PromptBank(bank or default_bank(), create=True) as store:
        gone = store.set_max_prompts(count)
    typer.echo(f"room for {count} prompts, {gone} forgotten")


def check(bank: Bank = None) -> None:
    """Read the whole bank and say whether it is sound.

    Examples:
      ringtrue bank check
    """
    from ringtrue.inference.replay.bank import PromptBank

    with PromptBank(bank or default_bank()) as store:
        store.check()
        typer.echo(f"{store.path}: {len(store)} prompts, sound")


def _tell(name: str, channel: str, start: float, match: Any, as_json: bool) -> None:
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


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"expected a date such as 2026-11-02, got {text!r}") from None


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


def _help(command: Callable[..., None]) -> str:
    return _paragraphs(inspect.cleandoc(command.__doc__ or ""))


def _paragraphs(text: str) -> str:
    """Paragraphs on one line each, indented examples as they are."""
    blocks = text.split("\n\n")
    return "\n\n".join(b if "\n  " in b else " ".join(b.split("\n")) for b in blocks)

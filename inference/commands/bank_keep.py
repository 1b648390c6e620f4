"""``ringtrue bank list``, ``export``, ``import``, ``forget``, ``limit`` and ``check``."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from ringtrue.inference.commands.bank_options import Bank, parse_day
from ringtrue.inference.replay.paths import default_bank


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
    from rich.text import Text

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
            "yes" if info.is_evidence else "no", Text(info.label),
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
    last = date.max if everything else parse_day(before)
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

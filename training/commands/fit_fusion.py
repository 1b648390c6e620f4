"""``ringtrue fit-fusion``: thresholds for all evidence together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ringtrue.training.commands.call_options import Evidence, ListenCache, NetworkFile
from ringtrue.training.commands.options import Workers


def fit_fusion(
    sets: Annotated[
        list[Path],
        typer.Argument(
            help="Sets of simulated dev calls, mostly of people.", exists=True, file_okay=False
        ),
    ],
    model: NetworkFile = None,
    evidence: Evidence = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the file; default: the folder of --evidence.")
    ] = None,
    version: Annotated[
        str | None,
        typer.Option(help="Version of the file.", show_default="that of the voice model"),
    ] = None,
    cache: ListenCache = Path("runs/cache/listened"),
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 1,
    workers: Workers = 1,
) -> None:
    """Choose cautious and balanced for all evidence, on simulated dev calls of people.

    1 false flag in 1,000 calls (cautious) and in 100 (balanced), shared by three tests: the voice
    alone, a replayed clip alone, and the sum of all evidence; with a margin because dev has few
    voices. Writes ringtrue-fusion-VERSION.json, which holds for this voice model only; the voice
    model's own thresholds stay as they are.

    Example: ringtrue fit-fusion runs/calls-dev runs/calls-dev-people --evidence runs/evidence

    Exit code 0, or 1 when the sets do not serve.
    """
    from ringtrue.inference.session import Session
    from ringtrue.training.callsim.calls_on_disk import read_set
    from ringtrue.training.callsim.fused import choose_fused_points
    from ringtrue.training.callsim.listening import listen
    from ringtrue.training.callsim.streams import FUSED, stream_maker

    folder = out or evidence
    if folder is None:
        raise ValueError("expected --out or --evidence to say where the file goes")
    calls = [call for path in sets for call in read_set(path)]
    strange = {call.truth.split for call in calls} - {"dev"}
    if strange:
        raise ValueError(f"expected sets of split dev, got calls of {', '.join(sorted(strange))}")
    heard = list(listen(calls, model, stream_maker(evidence), workers, cache))
    humans = [(call, h) for call, h in heard if call.truth.kind == "human"]
    robots = [(call, h) for call, h in heard if call.truth.robot]
    info = Session(model).info
    version = version or info.model_version
    fusion, study = choose_fused_points(humans, robots, info, FUSED, version, seed)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"ringtrue-fusion-{version}.json"
    path.write_text(fusion.to_json(), encoding="utf-8")
    for point in fusion.operating_points:
        people, bots = study.flagged_humans[point.name], study.flagged_robots[point.name]
        flags = {**point.alone, "sum": point.flag_llr}
        typer.echo(
            f"{point.name}, {point.false_flags_per_1000_calls:g} in 1,000 calls of people, "
            f"a third of them per test: sum held until {point.clear_llr:.2f}, "
            f"human to {point.human_llr:.2f}"
        )
        for test, flag in flags.items():
            typer.echo(
                f"  {test}: robot from {flag:.2f}; flags {100 * people[test]:.2f} % of people, "
                f"{100 * bots[test]:.1f} % of bots"
            )
        typer.echo(
            f"  any: {100 * people['any']:.2f} % of people, {100 * bots['any']:.1f} % of bots"
        )
    typer.echo(f"{study.human_calls} calls of {study.human_voices} people; thresholds: {path}")

"""``ringtrue score``: score many recordings."""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer

from ringtrue.inference.bulk.engines import ENGINES, PATIENCE, make_engine
from ringtrue.inference.bulk.inputs import find_inputs
from ringtrue.inference.bulk.journal import Journal, journal_path
from ringtrue.inference.bulk.progress import make_view
from ringtrue.inference.bulk.run import JournalSink, Sink, StreamSink, run_job
from ringtrue.inference.bulk.settings import LANES, Settings
from ringtrue.inference.bulk.tally import Tally
from ringtrue.inference.channels import ChannelChoice
from ringtrue.inference.commands import options
from ringtrue.inference.commands.explain import explain_one
from ringtrue.inference.rows import BINARY, FORMATS, row_writer
from ringtrue.inference.session import Session

INTERRUPTED = 130


def score(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATHS",
            help="Recordings, folders (searched for audio files), quoted patterns, tar shards "
            "(.tar, .tar.gz), addresses such as s3://bucket/calls/.",
            show_default=False,
        ),
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="CSV, JSON lines or Parquet with the columns id and path; paths are relative to "
            "its folder. Rows get the column id.",
            show_default=False,
        ),
    ] = None,
    format_name: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="|".join(FORMATS),
            help="Output format; otherwise from the ending of --out, else a table.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="File to write to; a journal FILE.journal beside it keeps every finished row.",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with the journal of --out: skip what was scored with the same model and "
            "settings, retry what failed.",
        ),
    ] = False,
    by_content: Annotated[
        bool,
        typer.Option(
            "--by-content",
            help="Know recordings by their content when resuming, instead of place, size and "
            "time of change. Reads every file once more.",
        ),
    ] = False,
    channel: Annotated[
        ChannelChoice | None,
        typer.Option(
            "--channel",
            help="Channel of stereo recordings: 'both' treats left and right as two parties, each "
            "on its own; 'mix' averages them. Default: both, or the far end of --far.",
            show_default=False,
        ),
    ] = None,
    far: Annotated[
        ChannelChoice | None,
        typer.Option(
            "--far",
            metavar="left|right",
            help="The channel of stereo recordings that holds the far end (the caller to judge). "
            "Only it is scored, unless --channel both is given.",
            show_default=False,
        ),
    ] = None,
    evidence: options.Evidence = options.EvidenceChoice.VOICE,
    bank: options.Bank = None,
    operating_point: options.Point = "cautious",
    model: options.Model = None,
    timeline: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Also write the curves of every scored channel below this folder.",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=0,
            envvar="RINGTRUE_WORKERS",
            help="Worker processes; default: one per core. 0 scores in the main process, without "
            "protection against decoders that crash or hang; so does a single recording.",
            show_default=False,
        ),
    ] = None,
    lanes: Annotated[
        int, typer.Option(min=1, help="Channels that a worker scores at the same time.")
    ] = LANES,
    timeout: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            help="A recording from which nothing comes for this long is given up.",
        ),
    ] = PATIENCE,
    engine: Annotated[
        str,
        typer.Option(
            metavar="|".join(ENGINES),
            help="'local' processes, or 'ray' for a Ray cluster (extra ray; RAY_ADDRESS names it).",
        ),
    ] = "local",
    raw_rate: options.RawRate = None,
    raw_format: options.RawEncoding = "s16le",
    raw_channels: options.RawChannels = 1,
    threads: options.Threads = 1,
    explain: Annotated[
        bool, typer.Option("--explain", help="Tell one call: figures, timeline, what happened.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No progress and no summary.")
    ] = False,
) -> None:
    """Score recordings, one row per channel.

    Columns: path, channel, seconds, speech_seconds, p_robot, voice_llr, verdict, flagged_at,
    reasons, error, model_version, model_digest, operating_point, flag_llr; with --manifest also id.

    'verdict' is robot if the call was flagged at any time (flagged_at: seconds into the call),
    even when a person took over later; no-speech if there was too little speech for a verdict;
    else the verdict at the end, human or unsure. 'voice_llr' (natural-log likelihood ratio
    robot : human) and 'p_robot' (at even odds before the call) are those of the strongest moment
    of a flagged call, and of the end of any other. A damaged file is scored as far as it can be
    decoded, with a warning among its reasons; one that cannot be read gets a row with 'error'.

    A job that was stopped in any way goes on where it was with --resume. Progress and the summary
    go to standard error.

    Examples:
      ringtrue score call.wav
      ringtrue score recordings/ --out scores.csv
      ringtrue score recordings/ --out scores.csv --resume
      ringtrue score 'calls/**/*.mp3' --format jsonl --far right
      ringtrue score calls/ --far left --evidence all
      ringtrue score --manifest calls.csv --out scores.parquet
      ringtrue score shards/*.tar s3://bucket/calls/ --out scores.jsonl
      ringtrue score exports/ --raw-rate 8000 --raw-format mulaw
      ringtrue score call.wav --explain

    Exit code 0 when all was scored; 1 when some recordings could not be, or the results could not
    be written; 2 for wrong options or when nothing was found; 130 after Ctrl-C or a request to
    end (what was scored until then is written).
    """
    kind = _format(format_name, out)
    if (resume or by_content) and out is None:
        raise ValueError("--resume and --by-content need --out, whose journal they use")
    if manifest is None and not paths:
        raise ValueError("expected recordings to score: PATHS or --manifest FILE")
    streams = options.all_streams(evidence, bank)
    settings = Settings(
        model=None if model is None else str(model),
        operating_point=operating_point,
        channel=channel,
        far=far,
        raw=options.raw_format(raw_rate, raw_format, raw_channels),
        streams=streams,
        evidence="" if streams is None else streams.key,
        lanes=lanes,
        threads=threads,
        timeline=None if timeline is None else str(timeline),
    )
    if explain:
        explain_one(paths or [], Session(model, threads), settings)
        return
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="ringtrue-", ignore_cleanup_errors=True) as spool:
        inputs = find_inputs(paths or (), Path(spool), settings.raw is not None, manifest)
        if inputs.total == 0:
            named = ", ".join([*(paths or ()), *([] if manifest is None else [str(manifest)])])
            raise ValueError(f"no recordings found in {named}")
        session = Session(model, threads)
        session.info.operating_point(operating_point)
        digest = settings.digest(session.digest)
        with _sink(kind, out, resume, digest, inputs.has_ids, by_content) as sink, _ends_softly():
            scoring = make_engine(engine, session, settings, workers, inputs.total, timeout)
            tally.started = time.monotonic()
            try:
                run_job(inputs, scoring, sink, make_view(sys.stderr, quiet), tally)
            except KeyboardInterrupt:
                of = "" if tally.total is None else f" of {tally.total}"
                hint = "" if out is None else "; go on with --resume"
                typer.echo(f"interrupted: {tally.done}{of} recordings were scored{hint}", err=True)
                raise typer.Exit(INTERRUPTED) from None
            except OSError:
                if out is not None:
                    text = (
                        f"{tally.done} recordings are in {journal_path(out)}; go on with --resume"
                    )
                    typer.echo(text, err=True)
                raise
    if not quiet:
        for line in tally.summary():
            typer.echo(line, err=True)
    if tally.failed:
        typer.echo(f"{tally.failed} of {tally.done} recordings could not be scored", err=True)
        raise typer.Exit(1)


def _format(name: str | None, out: Path | None) -> str:
    if name is None:
        endings = {
            ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet",
        }  # fmt: skip
        name = endings.get(out.suffix.lower() if out else "", "table")
    if name not in FORMATS:
        raise ValueError(f"expected --format {', '.join(FORMATS)}, got {name!r}")
    if name in BINARY and out is None:
        raise ValueError(f"expected --out FILE for the format {name}")
    return name


@contextmanager
def _sink(
    kind: str, out: Path | None, resume: bool, digest: str, with_id: bool, content: bool
) -> Iterator[Sink]:
    if out is None:
        yield StreamSink(row_writer(kind, sys.stdout, with_id))
        return
    if kind in BINARY:
        # A missing library is said before the work, not after.
        with tempfile.TemporaryFile() as nowhere:
            row_writer(kind, nowhere, with_id).close()
    try:
        if out.is_dir():
            raise IsADirectoryError(21, "is a folder, expected a file to write")
        journal = Journal(journal_path(out), resume)
    except OSError as error:
        raise ValueError(f"cannot write {out}: {error.strerror}") from error
    with journal:
        yield JournalSink(journal, digest, out, kind, with_id, content)


@contextmanager
def _ends_softly() -> Iterator[None]:
    """A request to end (SIGTERM) is treated like Ctrl-C."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = None
    # Only the main thread may; a library's caller may run elsewhere.
    with suppress(ValueError):
        before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)

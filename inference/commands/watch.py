"""``ringtrue watch``: follow one call as it runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer
from rich.console import Console

from ringtrue.inference.audio import AudioError, Recording, open_raw, open_recording
from ringtrue.inference.channels import ChannelChoice, ChannelPick, near_channel
from ringtrue.inference.commands import options
from ringtrue.inference.commands.call import FollowedCall
from ringtrue.inference.follow import check_speed
from ringtrue.inference.picture import check_picture_path
from ringtrue.inference.raw_pcm import RawFormat
from ringtrue.inference.score import channels_of
from ringtrue.inference.session import Session

Samples = npt.NDArray[np.float32]

INTERRUPTED = 130


def watch(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE|-|mic",
            help="A recording, '-' for headerless audio on standard input, or 'mic'.",
            show_default=False,
        ),
    ],
    speed: Annotated[
        float, typer.Option(help="1 is the pace of the call, 0 as fast as possible (files only).")
    ] = 1.0,
    picture: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write a picture of the call at the end: .svg, or .png with the extra 'plot'.",
            show_default=False,
        ),
    ] = None,
    channel: options.Channel = ChannelChoice.BOTH,
    far: Annotated[
        ChannelChoice | None,
        typer.Option(
            "--far",
            metavar="left|right",
            help="The channel of a stereo recording that holds the far end (the caller to judge); "
            "the other one is the near end.",
            show_default=False,
        ),
    ] = None,
    evidence: options.Evidence = options.EvidenceChoice.VOICE,
    bank: options.Bank = None,
    operating_point: options.Point = "cautious",
    model: options.Model = None,
    raw_rate: options.RawRate = None,
    raw_format: options.RawEncoding = "s16le",
    raw_channels: options.RawChannels = 1,
    threads: options.Threads = 1,
) -> None:
    """Follow a call as if it were live and say, mid-call, who is speaking.

    A terminal shows a moving bar from human to robot; pipes and files get a line per second and
    one per change of the verdict. A summary line per channel ends the output.

    Examples:
      ringtrue watch call.wav
      ringtrue watch call.mp3 --speed 0 --picture call.svg
      ringtrue watch stereo.wav --channel right
      ringtrue watch stereo.wav --far left --evidence all
      arecord -t raw -f S16_LE -r 8000 | ringtrue watch - --raw-rate 8000
      ringtrue watch mic

    Exit code 0 at the end of the call whatever the verdict (the microphone ends with Ctrl-C),
    1 when the audio cannot be read, 2 for wrong options, 130 when Ctrl-C stopped a file or
    standard input.
    """
    check_speed(speed)
    raw = options.raw_format(raw_rate, raw_format, raw_channels)
    if source == "-" and raw is None:
        raise ValueError(
            "standard input has no header; expected --raw-rate, for example --raw-rate 8000"
        )
    if picture is not None:
        check_picture_path(picture)
    streams = options.all_streams(evidence, bank)
    session = Session(model, threads)
    session.info.operating_point(operating_point)
    console = Console()
    if source == "mic":
        from ringtrue.inference.microphone import RATE, microphone_blocks

        mono = [ChannelPick("mono", 0)]
        call = FollowedCall("microphone", mono, session, operating_point, console, streams)
        call.run(microphone_blocks(), RATE, speed=0.0)
        _finish(call, picture, console)
        return
    with _opened(source, raw) as recording:
        picks = channels_of(recording, channel if far is None else far)
        near = None if far is None else _other(recording, far)
        title = "standard input" if source == "-" else Path(source).name
        call = FollowedCall(title, picks, session, operating_point, console, streams, near)
        pace = 0.0 if source == "-" else speed
        try:
            ended = call.run(recording.blocks(0.1), recording.sample_rate, pace)
        except AudioError:
            if call.lines[0].monitor.verdict.at > 0:
                _finish(call, picture, console)
            raise
        _finish(call, picture, console)
        for warning in recording.warnings:
            typer.echo(f"warning: {recording.name}: {warning}", err=True)
    if not ended:
        raise typer.Exit(INTERRUPTED)


@contextmanager
def _opened(source: str, raw: RawFormat | None) -> Iterator[Recording]:
    if source == "-":
        assert raw is not None
        yield open_raw(sys.stdin.buffer, raw, "standard input")
        return
    with open_recording(source, raw) as recording:
        yield recording


def _other(recording: Recording, far: ChannelChoice) -> ChannelPick | None:
    """The near end's channel; None in recordings of one channel."""
    if far not in (ChannelChoice.LEFT, ChannelChoice.RIGHT):
        raise ValueError(f"expected --far left or right, got {far.value!r}")
    return near_channel(recording.channels, far)


def _finish(call: FollowedCall, picture: Path | None, console: Console) -> None:
    for text in call.summary() + call.flag_reasons():
        console.print(text, markup=False, highlight=False, soft_wrap=True)
    if picture is not None:
        console.print(f"picture: {call.draw(picture)}", markup=False, highlight=False)

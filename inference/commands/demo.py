"""``ringtrue demo``: a synthetic bot call, watched live."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer
from rich.console import Console

from ringtrue.inference.audio import open_recording
from ringtrue.inference.channels import ChannelPick, pick_channels
from ringtrue.inference.commands import options
from ringtrue.inference.commands.call import FollowedCall
from ringtrue.inference.follow import check_speed
from ringtrue.inference.phone_line import RATE, phone_line
from ringtrue.inference.picture import check_picture_path
from ringtrue.inference.resample import StreamResampler
from ringtrue.inference.session import Session

Samples = npt.NDArray[np.float32]

DEMO_CALL = "demo_call.flac"
INTERRUPTED = 130


def demo(
    call: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Another recording than the shipped one.", show_default=False
        ),
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option(
            help="1 is the pace of the call, 0 as fast as possible.",
            show_default="1 in a terminal, else 0",
        ),
    ] = None,
    picture: Annotated[
        Path, typer.Option(metavar="FILE", help="Where the picture goes (.svg or .png).")
    ] = Path("ringtrue-demo.svg"),
    operating_point: options.Point = "balanced",
    mobile: Annotated[
        bool, typer.Option("--mobile", help="The caller is on a mobile: AMR-NB before G.711.")
    ] = False,
    model: options.Model = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the line noise.")] = 1,
) -> None:
    """Watch a shipped synthetic bot call, through a simulated phone line.

    The line: 300-3400 Hz, -26 dBFS, light noise and G.711 mu-law, as from a call centre; with
    --mobile also AMR-NB. The verdict moves in the terminal while the call runs; a picture of the
    call is written beside it.

    Examples:
      ringtrue demo
      ringtrue demo --speed 0 --picture /tmp/demo.svg
      ringtrue demo --call my-own-bot.wav
    """
    check_picture_path(picture)
    session = Session(model)
    session.info.operating_point(operating_point)
    console = Console()
    pace = check_speed((1.0 if console.is_terminal else 0.0) if speed is None else speed)
    samples = phone_line(_load(call), np.random.default_rng(seed), mobile=mobile)
    title = "demo: a synthetic voice on a phone line" if call is None else call.name
    console.print(
        "A call comes in, through a simulated phone line "
        f"(300-3400 Hz, {'AMR-NB, ' if mobile else ''}G.711).",
        highlight=False,
    )
    followed = FollowedCall(title, [ChannelPick("mono", 0)], session, operating_point, console)
    blocks = (samples[i : i + RATE // 10, np.newaxis] for i in range(0, samples.size, RATE // 10))
    ended = followed.run(blocks, RATE, pace)
    for text in followed.summary() + followed.flag_reasons():
        console.print(text, markup=False, highlight=False, soft_wrap=True)
    written = followed.draw(picture)
    console.print(f"picture of the call: {written}", markup=False, highlight=False, soft_wrap=True)
    if not ended:
        raise typer.Exit(INTERRUPTED)


def _load(path: Path | None) -> Samples:
    """The call [n] at 8 kHz, channels mixed."""
    if path is not None:
        return _read(path)
    shipped = files("ringtrue.inference.assets") / DEMO_CALL
    if not shipped.is_file():
        raise ValueError(
            f"this installation lacks its demo call ({DEMO_CALL}); name a recording with --call"
        )
    with as_file(shipped) as where:
        return _read(where)


def _read(path: Path) -> Samples:
    with open_recording(path) as recording:
        (pick,) = pick_channels(recording.channels, "mix")
        resampler = StreamResampler(recording.sample_rate, RATE)
        parts = [resampler.push(pick.take(block)) for block in recording.blocks()]
        return np.concatenate([*parts, resampler.finish()])

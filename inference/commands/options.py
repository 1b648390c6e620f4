"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ringtrue.inference.channels import ChannelChoice
from ringtrue.inference.raw_pcm import WIDTHS, RawFormat

Model = Annotated[
    Path | None,
    typer.Option(
        "--model",
        metavar="FILE",
        help="ONNX model to use instead of the released one.",
        show_default=False,
    ),
]
Point = Annotated[
    str,
    typer.Option(
        "--operating-point",
        metavar="NAME",
        help="Thresholds: 'cautious' (about 1 false flag in 1,000 human calls) or 'balanced' "
        "(about 1 in 100). 'ringtrue info' lists those of a model.",
    ),
]
Channel = Annotated[
    ChannelChoice,
    typer.Option(
        "--channel",
        help="Channel of stereo recordings: 'both' treats left and right as two parties, each "
        "on its own; 'mix' averages them.",
    ),
]
RawRate = Annotated[
    int | None,
    typer.Option(
        "--raw-rate",
        metavar="HZ",
        help="Sample rate of headerless audio (.raw, .pcm, .sln, .ulaw, .alaw, standard input).",
        show_default=False,
    ),
]
RawEncoding = Annotated[
    str,
    typer.Option(
        "--raw-format", metavar="FORMAT", help=f"Encoding of headerless audio: {', '.join(WIDTHS)}."
    ),
]
RawChannels = Annotated[
    int, typer.Option("--raw-channels", metavar="N", help="Channels of headerless audio.")
]
Threads = Annotated[
    int,
    typer.Option("--threads", min=1, help="Threads of the model; more than 1 seldom helps."),
]


def raw_format(rate: int | None, encoding: str, channels: int) -> RawFormat | None:
    """The headerless format that the options describe, or None without a rate.

    Raises:
        ValueError: an impossible rate, encoding or number of channels.
    """
    return None if rate is None else RawFormat(rate, encoding, channels)

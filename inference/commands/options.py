"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ringtrue.inference.channels import ChannelChoice
from ringtrue.inference.evidence.default import AllStreams
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


class EvidenceChoice(StrEnum):
    """What the verdict rests on."""

    VOICE = "voice"
    ALL = "all"


Evidence = Annotated[
    EvidenceChoice,
    typer.Option(
        "--evidence",
        help="'voice' alone, or 'all': also replayed clips, the noise floor and, where --far says "
        "which channel is the far end, the timing of the turns. $RINGTRUE_EVIDENCE names a folder "
        "of models and thresholds of your own (fit-timing, fit-fusion).",
    ),
]
Bank = Annotated[
    Path | None,
    typer.Option(
        "--bank",
        metavar="FILE",
        help="Prompt bank of earlier calls ('ringtrue bank'), with --evidence all.",
        show_default=False,
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


def all_streams(evidence: EvidenceChoice, bank: Path | None) -> AllStreams | None:
    """Maker of the further evidence that the options ask for, or None.

    Raises:
        ValueError: a bank without ``--evidence all``.
    """
    if evidence is EvidenceChoice.ALL:
        return AllStreams(None if bank is None else str(bank))
    if bank is not None:
        raise ValueError("--bank needs --evidence all")
    return None

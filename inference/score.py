"""Scores whole recordings: one row per channel.

What a row says of a whole recording:

* ``verdict`` is ``robot`` if the call was flagged at any time, even if it was handed over to a
  person afterwards; ``no-speech`` if there was never enough speech in memory for a verdict; else
  the verdict at the end, ``human`` or ``unsure``.
* ``voice_llr`` and ``p_robot`` of a flagged call are those of the moment with the highest sum of
  evidence, of any other call those of its end (about the last 10 s of speech).
* ``speech_seconds`` counts all chunks of 100 ms that held speech.
* ``reasons`` of a flagged call are those of the flag.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path

from ringtrue.inference.audio import AudioError, RawFormat, Recording, open_recording
from ringtrue.inference.channels import (
    ChannelChoice,
    ChannelPick,
    check_far,
    near_channel,
    pick_parties,
)
from ringtrue.inference.decision import Verdict
from ringtrue.inference.evidence.base import StreamFactory
from ringtrue.inference.evidence.voice import Runner, too_little
from ringtrue.inference.fusion import fused_point
from ringtrue.inference.history import CallHistory
from ringtrue.inference.judge import CallJudge
from ringtrue.inference.monitor import CallMonitor
from ringtrue.inference.session import Session
from ringtrue.model.contract import ModelInfo

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ScoreRow:
    """Result for one channel of one recording, or the error of a recording.

    Attributes:
        path: the recording as it was named.
        channel: ``mono``, ``left``, ``right`` or ``mix``; empty in error rows.
        seconds: length of the recording in s.
        speech_seconds: s of it that held speech.
        p_robot: probability 0…1 of a robot at prior 0.5.
        voice_llr: natural-log likelihood ratio robot : human.
        verdict: ``robot``, ``human``, ``unsure`` or ``no-speech``; empty in error rows.
        flagged_at: s into the call at which it was first flagged, or None.
        reasons: in words, with warnings about the file last.
        error: what went wrong, or empty.
        model_version: version of the weights.
        model_digest: the first 16 hex digits of the model file's SHA-256.
        operating_point: name of the thresholds.
        flag_llr: evidence from which on a call is flagged; with all evidence that of the sum,
            beside which voice and replay also flag alone.
        id: the recording's id in a manifest, or empty. Not a fixed column.
    """

    path: str
    channel: str = ""
    seconds: float | None = None
    speech_seconds: float | None = None
    p_robot: float | None = None
    voice_llr: float | None = None
    verdict: str = ""
    flagged_at: float | None = None
    reasons: tuple[str, ...] = ()
    error: str = ""
    model_version: str = ""
    model_digest: str = ""
    operating_point: str = ""
    flag_llr: float | None = None
    id: str = ""

    @property
    def kind(self) -> str:
        """The verdict, or ``error``."""
        return "error" if self.error else self.verdict


COLUMNS = tuple(field.name for field in fields(ScoreRow) if field.name != "id")
"""Names and order of the columns in every output format; ``id`` follows where there is one."""


@dataclass(frozen=True)
class Origin:
    """What made a row: the last four of the fixed columns."""

    model_version: str
    model_digest: str
    operating_point: str
    flag_llr: float

    @classmethod
    def of(cls, session: Runner, operating_point: str, fused: bool = False) -> Origin:
        """Model and thresholds of ``session``; ValueError for an unknown operating point.

        ``fused`` takes the thresholds for all evidence.
        """
        choose = fused_point if fused else ModelInfo.operating_point
        point = choose(session.info, operating_point)
        digest = str(getattr(session, "digest", ""))
        return cls(session.info.model_version, digest, point.name, point.flag_llr)

    def mark(self, row: ScoreRow) -> ScoreRow:
        """``row`` with these columns."""
        return replace(
            row,
            model_version=self.model_version,
            model_digest=self.model_digest,
            operating_point=self.operating_point,
            flag_llr=self.flag_llr,
        )


class CallSummary:
    """Gathers what the row of one channel needs, in constant memory."""

    def __init__(self, call: CallJudge) -> None:
        self._call = call
        self._flag: Verdict | None = None
        self._peak: Verdict | None = None
        self._heard = 0.0

    def add(self, verdicts: Iterable[Verdict]) -> None:
        """Note the next verdicts of the call."""
        needed = self._call.info.min_speech_seconds
        for verdict in verdicts:
            self._heard = max(self._heard, verdict.speech_seconds)
            if self._flag is None and verdict.verdict == "robot":
                self._flag = verdict
            enough = verdict.speech_seconds >= needed
            if enough and (self._peak is None or verdict.llr > self._peak.llr):
                self._peak = verdict

    def row(self, path: str, channel: str, seconds: float, warnings: Iterable[str]) -> ScoreRow:
        """The row of the finished call."""
        end = self._call.verdict
        needed = self._call.info.min_speech_seconds
        figure, verdict = end, str(end.verdict)
        reasons = list(end.reasons)
        if self._flag is not None:
            figure, verdict = self._peak or self._flag, "robot"
            reasons = list(self._flag.reasons)
            if end.verdict != "robot":
                reasons.append(f"at the end: {end.verdict} since {end.since:.1f} s")
        elif self._heard < needed:
            verdict, reasons = "no-speech", [too_little(self._heard, needed)]
        return ScoreRow(
            path=path,
            channel=channel,
            seconds=seconds,
            speech_seconds=self._call.heard_speech_seconds,
            p_robot=figure.p_robot,
            voice_llr=figure.voice_llr,
            verdict=verdict,
            flagged_at=self._call.flagged_at,
            reasons=(*reasons, *(f"warning: {text}" for text in warnings)),
        )


def score_file(
    path: str | Path,
    session: Runner | str | Path | None = None,
    *,
    channel: ChannelChoice | str | None = None,
    far: ChannelChoice | str | None = None,
    operating_point: str = "cautious",
    streams: StreamFactory | None = None,
    raw: RawFormat | None = None,
    histories: dict[str, CallHistory] | None = None,
) -> list[ScoreRow]:
    """Score a recording of any length in bounded memory.

    >>> score_file("call.wav", far="left", streams=default_streams)    # doctest: +SKIP

    Args:
        path: the recording.
        session: a ``Session`` to share, a model file, or None for the released model.
        channel: ``left``, ``right``, ``mix`` or ``both``; None means both, or the far end alone
            where ``far`` names it.
        far: ``left`` or ``right``, the channel of a stereo recording that holds the far end. The
            streams hear the other one as the near end.
        operating_point: name of the thresholds; with ``streams`` those of all evidence.
        streams: makes the further evidence of a channel, such as ``default_streams`` or
            ``AllStreams(bank="prompts.db")``; None for the voice alone.
        raw: how to read a headerless file.
        histories: filled with the curves of each channel, by its name, when given.

    Returns:
        One row per channel: one, or two for ``both`` of a stereo recording.

    Raises:
        AudioError: the recording cannot be read or lacks the channel.
        ValueError: a bad model file, an unknown operating point, or a far end that is no side or
            not among the channels.
    """
    if session is None or isinstance(session, str | Path):
        session = Session(session)
    side = check_far(far, channel)
    with open_recording(path, raw) as recording:
        picks = channels_of(recording, channel, side)
        if histories is not None:
            histories.update((pick.name, CallHistory()) for pick in picks)
        monitors = [
            CallMonitor(
                session,
                operating_point,
                history=(histories or {}).get(pick.name),
                streams=() if streams is None else streams(),
            )
            for pick in picks
        ]
        summaries = [CallSummary(monitor) for monitor in monitors]
        near = None if streams is None else near_channel(recording.channels, side)
        beside = [near if pick.name == side else None for pick in picks]
        frames = 0
        for block in recording.blocks():
            frames += len(block)
            for pick, other, monitor, summary in zip(
                picks, beside, monitors, summaries, strict=True
            ):
                heard = None if other is None else other.take(block)
                summary.add(monitor.push(pick.take(block), recording.sample_rate, heard))
        for monitor, summary in zip(monitors, summaries, strict=True):
            summary.add(monitor.finish())
        seconds = frames / recording.sample_rate
        origin = Origin.of(session, operating_point, streams is not None)
        return [
            origin.mark(summary.row(str(path), pick.name, seconds, recording.warnings))
            for pick, summary in zip(picks, summaries, strict=True)
        ]


def score_files(
    paths: Iterable[str | Path],
    session: Runner,
    *,
    channel: ChannelChoice | str | None = None,
    far: ChannelChoice | str | None = None,
    operating_point: str = "cautious",
    streams: StreamFactory | None = None,
    raw: RawFormat | None = None,
) -> Iterator[list[ScoreRow]]:
    """The rows of each recording in turn; a bad one gives a row with ``error`` and no stop.

    Arguments are those of :func:`score_file`.
    """
    origin = Origin.of(session, operating_point, streams is not None)
    for path in paths:
        try:
            yield score_file(
                path, session, channel=channel, far=far, operating_point=operating_point,
                streams=streams, raw=raw,
            )  # fmt: skip
        except AudioError as error:
            yield [origin.mark(ScoreRow(str(path), error=error.problem))]
        # Whatever a decoder does to one odd file, the others are still to be scored.
        except Exception as error:
            log.debug("%s", path, exc_info=True)
            row = ScoreRow(str(path), error=f"{type(error).__name__}: {error}")
            yield [origin.mark(row)]


def channels_of(
    recording: Recording,
    choice: ChannelChoice | str | None,
    far: ChannelChoice | None = None,
) -> tuple[ChannelPick, ...]:
    """The channels of ``recording`` to score; AudioError when it lacks the channel."""
    try:
        picks = pick_parties(recording.channels, choice, far)
    except ValueError as error:
        raise AudioError(recording.name, str(error)) from error
    warn_of_channels(recording, picks)
    return picks


def warn_of_channels(recording: Recording, picks: tuple[ChannelPick, ...]) -> None:
    """Note in the recording's warnings that left and right were guessed."""
    if recording.channels > 2 and picks[0].index is not None:
        recording.warnings.append(
            f"{recording.channels} channels; the first was taken as left, the second as right"
        )

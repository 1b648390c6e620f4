"""Recordings as banks and campaigns hear them: fingerprint and speech of one channel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ringtrue.inference.audio import AudioError, RawFormat, open_recording
from ringtrue.inference.channels import ChannelChoice, ChannelPick, pick_channels
from ringtrue.inference.evidence.voice import Runner
from ringtrue.inference.replay.fingerprint import Fingerprint, Fingerprinter, Piece, join
from ringtrue.inference.replay.frames import BLOCK, BLOCK_FRAMES, SAMPLE_RATE
from ringtrue.inference.resample import StreamResampler

LONGEST_SECONDS: Final = 7200.0
"""Longer recordings are heard up to here, so that memory stays bounded (about 40 MB)."""
SPEECH_THRESHOLD: Final = 0.5


@dataclass(frozen=True)
class HeardChannel:
    """One channel of a recording.

    Attributes:
        path: the recording as it was named.
        channel: ``mono``, ``left``, ``right`` or ``mix``.
        seconds: length that was heard.
        heard: its fingerprint.
        speech: [blocks] whether each 100 ms holds speech.
        warnings: what was odd about the file.
    """

    path: str
    channel: str
    seconds: float
    heard: Fingerprint
    speech: npt.NDArray[np.bool_]
    warnings: tuple[str, ...]


class _Ear:
    """Hears one channel."""

    def __init__(self, pick: ChannelPick, rate: int, session: Runner) -> None:
        self.pick = pick
        self.samples = 0
        self._resampler = StreamResampler(rate, SAMPLE_RATE)
        self._fingerprinter = Fingerprinter()
        self._session = session
        self._state = session.zero_state()
        self._rest = np.zeros(0, np.float32)
        self.pieces: list[Piece] = []
        self.speech: list[bool] = []

    def hear(self, block: npt.NDArray[np.float32]) -> None:
        self._chunks(self._resampler.push(self.pick.take(block)))

    def finish(self) -> Fingerprint:
        self._chunks(self._resampler.finish())
        if self._rest.size:
            self._chunks(np.zeros(BLOCK - self._rest.size, np.float32))
        self.pieces.append(self._fingerprinter.finish())
        return join(self.pieces, len(self.speech) * BLOCK_FRAMES)

    def _chunks(self, pcm: npt.NDArray[np.float32]) -> None:
        self.samples += len(pcm)
        data = np.concatenate((self._rest, pcm))
        whole = len(data) - len(data) % BLOCK
        self._rest = data[whole:].copy()
        if whole:
            self.pieces.append(self._fingerprinter.push(data[:whole]))
        for chunk in data[:whole].reshape(-1, BLOCK):
            step = self._session.run(chunk[np.newaxis], self._state)
            self._state = step.state
            self.speech.append(float(step.speech[0]) >= SPEECH_THRESHOLD)


def hear_recording(
    path: str | Path,
    session: Runner,
    channel: ChannelChoice | str = ChannelChoice.BOTH,
    raw: RawFormat | None = None,
) -> list[HeardChannel]:
    """Fingerprint and speech of each channel that was asked for.

    Raises:
        AudioError: the recording cannot be read or lacks the channel.
    """
    info = session.info
    if (info.sample_rate, info.chunk_samples) != (SAMPLE_RATE, BLOCK):
        raise ValueError(
            f"expected a model for chunks of {BLOCK} samples at {SAMPLE_RATE} Hz, "
            f"got {info.chunk_samples} at {info.sample_rate} Hz"
        )
    with open_recording(path, raw) as recording:
        try:
            picks = pick_channels(recording.channels, channel)
        except ValueError as error:
            raise AudioError(recording.name, str(error)) from error
        ears = [_Ear(pick, recording.sample_rate, session) for pick in picks]
        for block in recording.blocks():
            for ear in ears:
                ear.hear(block)
            if ears[0].samples > LONGEST_SECONDS * SAMPLE_RATE:
                recording.warnings.append(f"only the first {LONGEST_SECONDS / 3600:g} h were heard")
                break
        out = []
        for ear in ears:
            heard = ear.finish()
            seconds = ear.samples / SAMPLE_RATE
            speech = np.array(ear.speech, np.bool_)
            warnings = tuple(recording.warnings)
            out.append(HeardChannel(str(path), ear.pick.name, seconds, heard, speech, warnings))
        return out

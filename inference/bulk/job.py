"""An open recording of a worker: blocks are read as its lanes need chunks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ringtrue.inference.audio import AudioError, Recording, open_recording
from ringtrue.inference.bulk.lane import LaneCall
from ringtrue.inference.bulk.settings import Settings
from ringtrue.inference.bulk.task import Task
from ringtrue.inference.channels import ChannelPick
from ringtrue.inference.history import CallHistory
from ringtrue.inference.resample import StreamResampler
from ringtrue.inference.score import ScoreRow, warn_of_channels
from ringtrue.model.contract import ModelInfo

Samples = npt.NDArray[np.float32]

_BLOCK_SAMPLES = 500_000
"""Samples of all channels per block at most, so that 64 channels at 768 kHz stay small."""


class ChunkQueue:
    """Samples at the model's rate that one lane has not heard yet.

    Args:
        rate: Hz of the recording.
        info: the model's rate and chunk.
    """

    def __init__(self, rate: int, info: ModelInfo) -> None:
        self._size = info.chunk_samples
        self._resampler = StreamResampler(rate, info.sample_rate)
        self._data = np.zeros(0, np.float32)

    def push(self, samples: Samples) -> None:
        """Take samples [n] at the recording's rate."""
        self._append(self._resampler.push(samples))

    def finish(self) -> None:
        """The recording has ended: a last chunk is completed if half of it is there."""
        self._append(self._resampler.finish())
        rest = self._data.size % self._size
        if rest * 2 >= self._size:
            self._append(np.zeros(self._size - rest, np.float32))

    def _append(self, samples: Samples) -> None:
        self._data = np.concatenate((self._data, samples))

    @property
    def chunks(self) -> int:
        """Whole chunks that are there."""
        return self._data.size // self._size

    def take(self, count: int) -> Samples:
        """The next ``count`` chunks [count, chunk_samples]."""
        size = count * self._size
        taken, self._data = self._data[:size], self._data[size:]
        return taken.reshape(count, self._size)


class Lane:
    """A channel that the network hears.

    Attributes:
        queue: its chunks.
        number: the task's index plus the channel's; decides its places in a batch.
        call: its decision, or None for a near end that is only listened to.
        near: the lane of the near end that ``call``'s streams hear beside it, or None.
    """

    def __init__(self, queue: ChunkQueue, number: int, call: LaneCall | None) -> None:
        self.queue = queue
        self.number = number
        self.call = call
        self.near: Lane | None = None


class OpenJob:
    """A task whose recording is open.

    Args:
        task: what to score.
        settings: how.
        info: the model's metadata.

    Attributes:
        lanes: its channels; all hold the same number of chunks.
        ended: whether the recording was read to its end.
        frames: samples per channel that were read.

    Raises:
        AudioError: the recording cannot be read or lacks the channel.
    """

    def __init__(self, task: Task, settings: Settings, info: ModelInfo) -> None:
        self.task = task
        self.ended = False
        self.frames = 0
        with ExitStack() as stack:
            path = stack.enter_context(task.source.local())
            self._recording: Recording = stack.enter_context(open_recording(path, settings.raw))
            self._picks = self._pick(settings)
            self._near = settings.near(self._recording.channels)
            self._scored = [self._lane(settings, info, i) for i in range(len(self._picks))]
            self.lanes = list(self._scored)
            self._listen_to_near(settings, info)
            rate, channels = self._recording.sample_rate, self._recording.channels
            seconds = min(1.0, _BLOCK_SAMPLES / (rate * channels))
            self._blocks: Iterator[Samples] = self._recording.blocks(seconds)
            self._stack = stack.pop_all()

    def _pick(self, settings: Settings) -> tuple[ChannelPick, ...]:
        try:
            picks = settings.picks(self._recording.channels)
        except ValueError as error:
            raise AudioError(self.task.name, str(error)) from error
        warn_of_channels(self._recording, picks)
        return picks

    def _lane(self, settings: Settings, info: ModelInfo, number: int) -> Lane:
        streams = settings.streams() if settings.streams is not None else ()
        history = CallHistory() if settings.timeline is not None else None
        call = LaneCall(info, settings.operating_point, streams, history)
        queue = ChunkQueue(self._recording.sample_rate, info)
        return Lane(queue, self.task.index + number, call)

    def _listen_to_near(self, settings: Settings, info: ModelInfo) -> None:
        """Give the far end's evidence the near end, scored beside it or only heard."""
        if self._near is None or settings.far is None:
            return
        names = [pick.name for pick in self._picks]
        far = self.lanes[names.index(settings.far.value)]
        if self._near.name in names:
            far.near = self.lanes[names.index(self._near.name)]
            return
        queue = ChunkQueue(self._recording.sample_rate, info)
        far.near = Lane(queue, self.task.index + len(self.lanes), None)
        self.lanes.append(far.near)

    @property
    def seconds(self) -> float:
        """Seconds read so far."""
        return self.frames / self._recording.sample_rate

    def read(self, chunks: int) -> float:
        """Read on until every lane holds ``chunks`` chunks or the recording ends.

        Returns:
            Seconds that were read.

        Raises:
            AudioError: NaN samples or nothing at all.
        """
        before = self.frames
        while not self.ended and self.lanes[0].queue.chunks < chunks:
            block = next(self._blocks, None)
            if block is None:
                self.ended = True
                for lane in self.lanes:
                    lane.queue.finish()
                break
            self.frames += len(block)
            picks = self._picks
            if len(self.lanes) > len(picks) and self._near is not None:
                picks = (*picks, self._near)
            for pick, lane in zip(picks, self.lanes, strict=True):
                lane.queue.push(pick.take(block))
        return (self.frames - before) / self._recording.sample_rate

    @property
    def done(self) -> bool:
        """Whether everything was heard."""
        return self.ended and self.lanes[0].queue.chunks == 0

    def rows(self) -> list[tuple[ScoreRow, LaneCall]]:
        """The rows of the finished recording with the calls that they tell of."""
        rows = []
        for pick, lane in zip(self._picks, self._scored, strict=True):
            assert lane.call is not None
            row = lane.call.row(self.task.name, pick.name, self.seconds, self._recording.warnings)
            rows.append((replace(row, id=self.task.id), lane.call))
        return rows

    def close(self) -> None:
        """Close the recording and remove its temporary copy."""
        self._stack.close()

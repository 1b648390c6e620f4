"""What tests of bulk scoring share. Workers import it, so nothing here runs on import."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ringtrue.inference.bulk.source import LocalFile
from ringtrue.inference.bulk.task import Outcome, Task
from ringtrue.inference.evidence.base import Chunk, Evidence, EvidenceStream
from tests.inference.recordings import write_wav
from tests.inference.toy_model import human, robot, silence


def make_calls(folder: Path, count: int = 9) -> list[Path]:
    """Short calls of robots and people; every third is stereo at 16 kHz."""
    folder.mkdir(exist_ok=True)
    paths = []
    for i in range(count):
        far = np.concatenate(
            [silence(0.3 * (i % 4), 16000), robot(1.5 + i % 2, 16000), human(2 + 0.37 * i, 16000)]
        )
        if i % 3 == 0:
            samples = np.stack([far, np.roll(far, 16000)], axis=1)
            paths.append(write_wav(folder / f"{i:02}.wav", samples, 16000))
        else:
            paths.append(write_wav(folder / f"{i:02}.wav", far[::2], 8000))
    return paths


def tasks_of(paths: Sequence[Path]) -> list[Task]:
    """Tasks of local files."""
    return [Task(i, str(path), LocalFile(str(path))) for i, path in enumerate(paths)]


def outcomes(news: Iterator[object]) -> list[Outcome]:
    """The outcomes of an engine, in order of the tasks."""
    found = [item for item in news if isinstance(item, Outcome)]
    return sorted(found, key=lambda outcome: outcome.index)


@dataclass(frozen=True)
class Trap:
    """A source that brings the process down, hangs, or does so on the first try only.

    Attributes:
        path: a good recording.
        kind: ``crash`` or ``hang``.
        flag: a file that marks that it has happened; it does not happen again then.
    """

    path: str
    kind: str
    flag: str = ""

    @contextmanager
    def local(self) -> Iterator[Path]:
        if not self.flag or not Path(self.flag).exists():
            if self.flag:
                Path(self.flag).touch()
            if self.kind == "crash":
                os.kill(os.getpid(), signal.SIGSEGV)
            time.sleep(3600)
        yield Path(self.path)

    def identity(self, content: bool = False) -> str:
        return self.path

    def release(self) -> None: ...


class Listener:
    """Evidence that counts chunks and says whether it hears the near end."""

    name = "replay"

    def __init__(self, cap: float = 0.5) -> None:
        self._cap = cap
        self.reset()

    def push(self, chunk: Chunk) -> Evidence:
        self._chunks += 1
        if chunk.near is None or chunk.near_speech is None:
            return Evidence(self.name, 3.0, self._cap, f"alone for {self._chunks}")
        loud = float(np.abs(chunk.near).max())
        text = f"near end {loud:.1f} and {chunk.near_speech:.0f} after {self._chunks}"
        return Evidence(self.name, -3.0, self._cap, text)

    def reset(self) -> None:
        self._chunks = 0


def listeners() -> list[EvidenceStream]:
    """A factory of evidence that workers can import."""
    return [Listener()]

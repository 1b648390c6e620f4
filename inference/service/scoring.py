"""Scores uploaded recordings in processes of their own.

A decoder may take long, use much memory or fall over on a broken file; in a process it can be
stopped, and live calls do not wait for it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ScoreJob:
    """One recording to score.

    Attributes:
        path: the file.
        channel: ``left``, ``right``, ``mix`` or ``both``.
        operating_point: thresholds.
        raw: rate, encoding and channels of headerless audio, or None.
    """

    path: str
    channel: str
    operating_point: str
    raw: tuple[int, str, int] | None = None


class ScoringError(Exception):
    """A recording could not be scored.

    Attributes:
        kind: ``recording`` (it cannot be read), ``timeout``, or ``scorer`` (the process failed).
    """

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Scorer:
    """One process, started when it is first needed and again after it was stopped."""

    def __init__(self, model: Path | None) -> None:
        self._model = model
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, job: ScoreJob, seconds: float) -> list[dict[str, Any]]:
        """The rows of a recording; blocks.

        Raises:
            ScoringError: see there.
        """
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        late = threading.Event()

        def stop() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(seconds, stop)
        timer.start()
        try:
            process.stdin.write(json.dumps(asdict(job)).encode() + b"\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except OSError as error:
            log.debug("the scorer is gone: %s", error)
            line = b""
        finally:
            timer.cancel()
        if not line:
            self.close()
            if late.is_set():
                raise ScoringError("timeout", f"scoring took longer than {seconds:g} s")
            raise ScoringError("scorer", "the decoder broke down on this recording")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise ScoringError(answer["kind"], answer["error"])
        rows: list[dict[str, Any]] = answer["rows"]
        return rows

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            command = [sys.executable, "-m", "ringtrue.inference.service.scorer"]
            self._process = subprocess.Popen(
                [*command, *([str(self._model)] if self._model is not None else [])],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                # Ctrl-C in the terminal is for the service, which stops its scorers itself.
                start_new_session=True,
            )
        return self._process

    def close(self) -> None:
        """Stop the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()
            self._process = None


class ScorerPool:
    """A few scorers behind an event loop.

    Args:
        model: model file, or None for the released one.
        size: processes.
        seconds: time for one recording.
    """

    def __init__(self, model: Path | None, size: int, seconds: float) -> None:
        self._scorers = [Scorer(model) for _ in range(size)]
        self._free: asyncio.Queue[Scorer] = asyncio.Queue()
        for scorer in self._scorers:
            self._free.put_nowait(scorer)
        self._threads = ThreadPoolExecutor(size, "ringtrue-scorer")
        self._seconds = seconds

    async def score(self, job: ScoreJob) -> list[dict[str, Any]]:
        """The rows of a recording.

        Raises:
            ScoringError: see there.
        """
        scorer = await self._free.get()
        loop = asyncio.get_running_loop()
        asked = loop.run_in_executor(self._threads, scorer.ask, job, self._seconds)
        # The scorer is free again when it answers, also if nobody waits for the answer any more.
        asked.add_done_callback(lambda _: self._free.put_nowait(scorer))
        return await asyncio.shield(asked)

    def close(self) -> None:
        """Stop all processes."""
        for scorer in self._scorers:
            scorer.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

"""``POST /v1/score``: an uploaded recording's rows."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from ringtrue.inference.channels import ChannelChoice
from ringtrue.inference.raw_pcm import RawFormat
from ringtrue.inference.service.problems import ProblemError, problem
from ringtrue.inference.service.scoring import ScoreJob, ScorerPool, ScoringError
from ringtrue.inference.service.switchboard import Switchboard
from ringtrue.inference.service.upload import Upload

QUERY = (
    "channel",
    "operating_point",
    "raw_rate",
    "raw_format",
    "raw_channels",
    "name",
    "token",
)
_STATUS = {"recording": 422, "timeout": 503, "scorer": 422}


class Uploads:
    """Bounds how many recordings are received or wait at once."""

    def __init__(self, pool: ScorerPool, limit: int, folder: Path) -> None:
        self.pool, self.folder = pool, folder
        self._limit, self._count = limit, 0

    def __enter__(self) -> Uploads:
        if self._count >= self._limit:
            raise ProblemError(503, "busy", f"{self._limit} recordings wait already")
        self._count += 1
        return self

    def __exit__(self, *error: object) -> None:
        self._count -= 1


async def score_recording(request: Request) -> Response:
    """Receive, score, answer, delete."""
    board: Switchboard = request.app.state.board
    uploads: Uploads = request.app.state.uploads
    try:
        if board.draining:
            raise ProblemError(503, "shutdown", "the service stops")
        values = await _score(request, board, uploads)
        response: Response = JSONResponse(values, headers={"cache-control": "no-store"})
    except ProblemError as error:
        response = problem(error.status, error.kind, error.detail)
    except ClientDisconnect:
        response = problem(400, "disconnected", "the client went away")
    board.metrics.uploads.labels(str(response.status_code)).inc()
    return response


async def _score(request: Request, board: Switchboard, uploads: Uploads) -> dict[str, Any]:
    channel, point, raw = _options(request, board)
    with uploads:
        # Headerless audio is known by its ending, everything else by its content.
        suffix = ".recording" if raw is None else ".raw"
        with tempfile.NamedTemporaryFile(dir=uploads.folder, suffix=suffix, buffering=0) as file:
            upload = Upload(file, board.settings)  # type: ignore[arg-type]
            upload.name = request.query_params.get("name", upload.name)[:128]
            await upload.receive(request)
            started = time.monotonic()
            job = ScoreJob(
                file.name,
                channel,
                point,
                None if raw is None else (raw.rate, raw.encoding, raw.channels),
            )
            try:
                rows = await uploads.pool.score(job)
            except ScoringError as error:
                if error.kind != "recording":
                    board.metrics.errors.labels(error.kind).inc()
                raise ProblemError(_STATUS[error.kind], error.kind, str(error)) from error
            except asyncio.CancelledError:
                raise
            board.metrics.scoring.observe(time.monotonic() - started)
    info = board.session.info
    return {
        "rows": [row | {"path": upload.name} for row in rows],
        "operating_point": point,
        "model": info.model_name,
        "model_version": info.model_version,
    }


def _options(request: Request, board: Switchboard) -> tuple[str, str, RawFormat | None]:
    query = request.query_params
    unknown = sorted(set(query) - set(QUERY))
    if unknown:
        raise ProblemError(
            422, "query", f"expected only {', '.join(QUERY)}, got {unknown[0]!r:.80}"
        )
    try:
        channel = query.get("channel", ChannelChoice.BOTH)
        if channel not in tuple(ChannelChoice):
            raise ValueError(f"expected channel left, right, mix or both, got {channel!r:.80}")
        point = query.get("operating_point", board.settings.operating_point)
        board.session.info.operating_point(point)
        raw = None
        if "raw_rate" in query:
            raw = RawFormat(
                _whole(query["raw_rate"], "raw_rate"),
                query.get("raw_format", "s16le"),
                _whole(query.get("raw_channels", "1"), "raw_channels"),
            )
        elif "raw_format" in query or "raw_channels" in query:
            raise ValueError("expected raw_rate with raw_format and raw_channels")
    except ValueError as error:
        raise ProblemError(422, "query", str(error)) from error
    return str(channel), point, raw


def _whole(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ValueError(f"expected a whole number as {name}, got {text!r:.80}")
    return int(text)

"""The ASGI application."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute

from ringtrue.inference.service import endpoints
from ringtrue.inference.service.call_socket import calls_socket, twilio_socket
from ringtrue.inference.service.feed_endpoint import EventsEndpoint, events_socket
from ringtrue.inference.service.gate import Gate
from ringtrue.inference.service.problems import problem
from ringtrue.inference.service.score_endpoint import Uploads, score_recording
from ringtrue.inference.service.scoring import ScorerPool
from ringtrue.inference.service.switchboard import Switchboard

log = logging.getLogger(__name__)


def make_app(
    board: Switchboard,
    *,
    model: Path | None = None,
    token: str | None = None,
    origins: Sequence[str] = (),
    local: bool = True,
) -> Starlette:
    """The application around a switchboard.

    Its lifespan starts the engine, and ends with the last events of all calls.

    Args:
        board: not started yet.
        model: model file for the scorers, or None for the released one.
        token: that clients must show, or None.
        origins: origins of foreign web pages that may connect.
        local: reached from this machine only.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        settings = board.settings
        pool = ScorerPool(model, settings.scorers, settings.score_seconds)
        with tempfile.TemporaryDirectory(prefix="ringtrue-serve-") as folder:
            app.state.uploads = Uploads(pool, settings.waiting_uploads, Path(folder))
            board.start()
            try:
                yield
            finally:
                await board.stop()
                pool.close()

    app = Starlette(
        routes=[
            Route("/healthz", endpoints.healthz),
            Route("/readyz", endpoints.readyz),
            Route("/metrics", endpoints.metrics),
            Route("/openapi.json", endpoints.openapi_json),
            Route("/docs", endpoints.docs),
            Route("/v1/model", endpoints.model),
            Route("/v1/score", score_recording, methods=["POST"]),
            Route("/v1/calls", endpoints.calls),
            Route("/v1/calls/{call}", endpoints.one_call),
            WebSocketRoute("/v1/calls", calls_socket),
            WebSocketRoute("/v1/twilio", twilio_socket),
            WebSocketRoute("/v1/twilio/{token}", twilio_socket),
            Route("/v1/events", EventsEndpoint()),
            WebSocketRoute("/v1/events", events_socket),
        ],
        middleware=[
            Middleware(Gate, token=token, origins=origins, local=local, metrics=board.metrics)
        ],
        exception_handlers={HTTPException: _http_error, Exception: _internal_error},
        lifespan=lifespan,
    )
    app.state.board = board
    app.state.token = token
    return app


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = {404: "not-found", 405: "method"}.get(error.status_code, "http")
    return problem(error.status_code, kind, error.detail)


async def _internal_error(request: Request, error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    request.app.state.board.metrics.errors.labels("internal").inc()
    return problem(500, "internal", "an error of the service; its log says more")

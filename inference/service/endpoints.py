"""The small endpoints: health, metrics, the model, the calls, the documents."""

from __future__ import annotations

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from ringtrue.inference.service.call_list import ended_values, live_values
from ringtrue.inference.service.metrics import CONTENT_TYPE
from ringtrue.inference.service.openapi import docs_page, openapi
from ringtrue.inference.service.problems import problem
from ringtrue.inference.service.switchboard import Switchboard


async def healthz(request: Request) -> Response:
    """The process answers."""
    return PlainTextResponse("ok\n")


async def readyz(request: Request) -> Response:
    """New calls can be heard."""
    board: Switchboard = request.app.state.board
    if board.ready:
        return PlainTextResponse("ready\n")
    return PlainTextResponse("not ready\n", 503)


async def metrics(request: Request) -> Response:
    """Figures for Prometheus."""
    board: Switchboard = request.app.state.board
    return Response(board.metrics.text(), headers={"content-type": CONTENT_TYPE})


async def model(request: Request) -> Response:
    """What the model says about itself."""
    info = request.app.state.board.session.info
    return JSONResponse(asdict(info) | {"chunk_seconds": info.chunk_seconds})


async def calls(request: Request) -> Response:
    """Live calls, and with ``?ended=true`` those that ended lately."""
    board: Switchboard = request.app.state.board
    rows = [live_values(call) for call in board.calls.values()]
    if request.query_params.get("ended") == "true":
        rows += [ended_values(call) for call in reversed(board.ended)]
    values = {"live": len(board.calls), "max_calls": board.settings.max_calls, "calls": rows}
    return JSONResponse(values, headers={"cache-control": "no-store"})


async def one_call(request: Request) -> Response:
    """One call, live or lately ended."""
    board: Switchboard = request.app.state.board
    name = request.path_params["call"]
    headers = {"cache-control": "no-store"}
    if name in board.calls:
        return JSONResponse(live_values(board.calls[name]), headers=headers)
    for call in reversed(board.ended):
        if call.name == name:
            return JSONResponse(ended_values(call), headers=headers)
    return problem(404, "no-call", f"there is no live or lately ended call {name!r:.140}")


async def openapi_json(request: Request) -> Response:
    """The description of the interface."""
    return JSONResponse(openapi(request.app.state.board.settings))


async def docs(request: Request) -> Response:
    """The same for people."""
    page = docs_page(openapi(request.app.state.board.settings))
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return HTMLResponse(page, headers={"content-security-policy": policy})

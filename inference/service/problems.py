"""Errors over HTTP as problem details in JSON (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus

from starlette.responses import JSONResponse

MEDIA_TYPE = "application/problem+json"


class ProblemError(Exception):
    """A request that cannot be answered.

    Attributes:
        status: HTTP status.
        kind: short name, stable, for programs.
        detail: what was expected and what came, for people.
    """

    def __init__(self, status: int, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail = status, kind, detail


def problem(status: int, kind: str, detail: str) -> JSONResponse:
    """The response. It closes the connection: the request's body may not have been read."""
    headers = {"connection": "close", "cache-control": "no-store"}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = 'Bearer realm="ringtrue"'
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["retry-after"] = "5"
    body = {
        "type": f"urn:ringtrue:problem:{kind}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    return JSONResponse(body, status, headers, MEDIA_TYPE)

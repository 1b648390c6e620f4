"""Who may use the service: a token, and no foreign web pages.

A page that a browser shows may open WebSockets to this machine too. Browsers say whose page it is
in ``Origin``; other clients send none. Without a token, requests must also name this machine as
their host, lest a page reaches it through a name of its own (DNS rebinding).
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from ringtrue.inference.service.ends import UNAUTHORISED
from ringtrue.inference.service.metrics import Metrics
from ringtrue.inference.service.problems import problem

OPEN_PATHS = frozenset({"/healthz", "/readyz"})
"""Always answered; they say nothing about calls."""
TWILIO_PATH = "/v1/twilio"


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def same_token(given: str | None, token: str) -> bool:
    """Compare in constant time."""
    return given is not None and hmac.compare_digest(given.encode(), token.encode())


class Gate:
    """ASGI middleware.

    Args:
        app: what is behind it.
        token: that clients must show, or None.
        origins: origins of foreign web pages that may connect, such as ``https://example.com``.
        local: bound to this machine only.
        metrics: where refusals are counted.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        token: str | None,
        origins: Sequence[str],
        local: bool,
        metrics: Metrics,
    ) -> None:
        self._app, self._token = app, token
        self._origins, self._local, self._metrics = frozenset(origins), local, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on."""
        if scope["type"] not in ("http", "websocket") or scope["path"] in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if not self._right_page(headers):
            await self._refuse(
                scope, receive, send, 403, "origin", "this web page may not use the service"
            )
            return
        proven = self._token is None or self._shown(scope, headers)
        scope.setdefault("state", {})["proven"] = proven
        # Twilio's start message may carry the token; the endpoint checks it there.
        later = scope["type"] == "websocket" and scope["path"] == TWILIO_PATH
        if not proven and not later:
            text = "expected a valid token, as 'Authorization: Bearer TOKEN' or '?token=TOKEN'"
            await self._refuse(scope, receive, send, 401, "token", text)
            return
        await self._app(scope, receive, send)

    def _right_page(self, headers: Headers) -> bool:
        host = headers.get("host", "")
        if self._token is None and self._local and host:
            try:
                name = urlsplit(f"//{host}").hostname or ""
            except ValueError:
                return False
            if not is_loopback(name):
                return False
        origin = headers.get("origin")
        if origin is None or origin in self._origins or "*" in self._origins:
            return True
        try:
            return urlsplit(origin).netloc == host != ""
        except ValueError:
            return False

    def _shown(self, scope: Scope, headers: Headers) -> bool:
        assert self._token is not None
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and same_token(given.strip(), self._token):
            return True
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        if any(same_token(value, self._token) for value in query.get("token", [])):
            return True
        # Twilio's URLs carry no query, so the token may be part of the path.
        start, _, last = scope["path"].rpartition("/")
        return start == TWILIO_PATH and same_token(last, self._token)

    async def _refuse(
        self, scope: Scope, receive: Receive, send: Send, status: int, kind: str, text: str
    ) -> None:
        self._metrics.refused.labels(kind).inc()
        response = problem(status, kind, text)
        if scope["type"] == "http":
            await response(scope, receive, send)
            return
        websocket = WebSocket(scope, receive, send)
        await websocket.receive()
        if "websocket.http.response" in scope.get("extensions", {}):
            await websocket.send_denial_response(response)
        else:
            await websocket.close(UNAUTHORISED, text)

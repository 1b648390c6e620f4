"""Runs the service: sockets, signals, uvicorn, the AudioSocket port."""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import uvicorn

from ringtrue.inference.service.app import make_app
from ringtrue.inference.service.audiosocket_server import AudioSocketServer
from ringtrue.inference.service.gate import is_loopback
from ringtrue.inference.service.protocols import BoundedHttp, BoundedWebSocket
from ringtrue.inference.service.settings import ServiceSettings
from ringtrue.inference.service.switchboard import Switchboard
from ringtrue.inference.session import Session

log = logging.getLogger(__name__)

SPARE_CONNECTIONS = 64
"""Connections beside those of calls and feeds: uploads, health, metrics."""

SOCKET_BUFFER = 65_536


@dataclass(frozen=True)
class Address:
    """Where the service listens.

    Attributes:
        host: name or address.
        port: TCP port, 0 for any free one.
        audiosocket: port for AudioSocket, or None.
        token: that clients must show, or None.
        origins: origins of foreign web pages that may connect.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    audiosocket: int | None = None
    token: str | None = field(default=None, repr=False)
    origins: Sequence[str] = ()

    def warnings(self) -> list[str]:
        """What is dangerous about it."""
        if is_loopback(self.host):
            return []
        found = []
        if self.token is None:
            found.append(
                f"anybody who reaches {self.host}:{self.port} can use this service and see all "
                "calls; set a token (--token, RINGTRUE_TOKEN)"
            )
        if self.audiosocket is not None:
            found.append(
                f"the AudioSocket port {self.audiosocket} has no token in its protocol; let only "
                "Asterisk reach it (firewall)"
            )
        return found


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        OSError: the address is in use, not allowed or unknown; its text names it.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # Connections inherit them. What a client does not take, and what it may not send yet,
            # shall be felt soon and not fill the kernel's memory.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER)
            sock.bind(address)
            sock.listen(512)
            sock.setblocking(False)
        except BaseException:
            sock.close()
            raise
    except OSError as error:
        raise OSError(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
    return sock


class Service(uvicorn.Server):
    """The service, bound and ready to :meth:`serve`; :meth:`stop` ends it from any thread.

    Args:
        session: the model that live calls share.
        settings: limits.
        address: where to listen.
        model: model file for the scorers, or None for the released one.

    Attributes:
        board: the switchboard.
        port: TCP port of HTTP and WebSocket.
        audiosocket_port: TCP port of AudioSocket, or None.

    Raises:
        OSError: the address cannot be bound.
        ValueError: an unknown operating point.
    """

    def __init__(
        self,
        session: Session,
        settings: ServiceSettings,
        address: Address,
        model: Path | None = None,
    ) -> None:
        self.board = Switchboard(session, settings)
        self._sockets = [listen(address.host, address.port)]
        self.port: int = self._sockets[0].getsockname()[1]
        self.audiosocket_port: int | None = None
        self._audiosocket_sock: socket.socket | None = None
        if address.audiosocket is not None:
            try:
                self._audiosocket_sock = listen(address.host, address.audiosocket)
            except OSError:
                self._sockets[0].close()
                raise
            self.audiosocket_port = self._audiosocket_sock.getsockname()[1]
        self._audiosocket = AudioSocketServer(self.board)
        self.ready = threading.Event()
        app = make_app(
            self.board,
            model=model,
            token=address.token,
            origins=address.origins,
            local=is_loopback(address.host),
        )
        most = settings.max_calls + settings.max_feeds + SPARE_CONNECTIONS
        config = uvicorn.Config(
            app,
            http=type("Http", (BoundedHttp,), {"most": most}),
            ws=BoundedWebSocket,
            ws_max_size=settings.max_message_bytes,
            ws_per_message_deflate=False,
            # Answers to pings wait behind audio that is not read because of a call's pace, so they
            # prove nothing; silence is noticed by the idle time.
            ws_ping_timeout=None,
            lifespan="on",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            h11_max_incomplete_event_size=16_384,
            timeout_graceful_shutdown=max(1, round(settings.grace_seconds)),
        )
        super().__init__(config)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start everything."""
        await super().startup(sockets or self._sockets)
        if self._audiosocket_sock is not None:
            await self._audiosocket.start(self._audiosocket_sock)
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let all calls have their last event before uvicorn closes the connections."""
        for server in self.servers:
            server.close()
        await self.board.stop()
        await self._audiosocket.stop()
        await super().shutdown(sockets)

    def stop(self) -> None:
        """End the service; :meth:`serve` returns soon."""
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGTERM and Ctrl-C end the service; it was asked to, so they are no failure."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def stop(number: int, frame: FrameType | None) -> None:
            # A second Ctrl-C does not wait any more.
            self.handle_exit(number, frame)

        old = {s: signal.signal(s, stop) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)

"""A running service for tests, on a free loopback port."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ringtrue.inference.service.server import Address, Service
from ringtrue.inference.service.settings import ServiceSettings
from ringtrue.inference.session import Session

from .clients import Running

Serve = Callable[..., Running]
EAGER = {"max_speed": 0.0, "messages_per_second": 1e6, "gather_ms": 0.0, "grace_seconds": 3.0}
"""Tests do not wait for the pace of a call."""


@pytest.fixture(scope="session")
def released() -> Session:
    """The released model."""
    return Session()


@pytest.fixture
def serve(toy: Session, toy_path: Path) -> Iterator[Serve]:
    """Starts services; they are stopped after the test."""
    running: list[Running] = []

    def start(
        session: Session | None = None,
        *,
        token: str | None = None,
        origins: tuple[str, ...] = (),
        **settings: object,
    ) -> Running:
        address = Address(port=0, audiosocket=0, token=token, origins=origins)
        chosen = ServiceSettings(**{**EAGER, **settings})  # type: ignore[arg-type]
        service = Service(session or toy, chosen, address, toy_path if session is None else None)
        thread = threading.Thread(target=service.run, daemon=True)
        thread.start()
        assert service.ready.wait(20)
        running.append(Running(service, thread))
        return running[-1]

    yield start
    for one in running:
        one.stop()

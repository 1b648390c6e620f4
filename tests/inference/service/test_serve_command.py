"""``ringtrue serve`` as a process: it starts, warns, stops when it is told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner
from websockets.sync.client import connect

from ringtrue.inference import cli
from ringtrue.inference.commands import serve as command

from .clients import start_message


@contextmanager
def service(model: Path, *options: str, **env: str) -> Iterator[subprocess.Popen[str]]:
    arguments = ["serve", "--port", "0", "--model", str(model), *options]
    process = subprocess.Popen(
        [sys.executable, "-m", "ringtrue.inference.cli", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **env},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)
        assert process.stderr is not None
        process.stderr.close()


def port_of(process: subprocess.Popen[str]) -> int:
    assert process.stderr is not None
    line = process.stderr.readline()
    assert line.startswith("ringtrue serve: http://127.0.0.1:"), line
    return int(line.split("127.0.0.1:")[1].split()[0])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_with_a_last_event(toy_path: Path, number: signal.Signals) -> None:
    with service(toy_path, RINGTRUE_TOKEN="secret") as process:
        port = port_of(process)
        url = f"ws://127.0.0.1:{port}/v1/calls?token=secret"
        with connect(url, compression=None) as ws:
            ws.send(start_message())
            assert '"started"' in ws.recv(10)
            assert httpx.get(f"http://127.0.0.1:{port}/v1/calls").status_code == 401
            process.send_signal(number)
            assert '"end": "shutdown"' in ws.recv(10)
        assert process.wait(20) == 0
        assert process.stderr is not None
        log = process.stderr.read()
    assert "secret" not in log
    assert "Traceback" not in log
    assert "ended (shutdown)" in log


def test_wrong_options_are_explained(toy_path: Path) -> None:
    run = CliRunner().invoke
    for options, code, text in (
        (["--operating-point", "bold"], 2, "bold"),
        (["--twilio-far", "both"], 2, "expected the track inbound or outbound, got 'both'"),
        (["--host", "203.0.113.1"], 1, "cannot listen on 203.0.113.1:8765"),
        (["--model", "none.onnx"], 2, "no such model file"),
    ):
        model = [] if "--model" in options else ["--model", str(toy_path)]
        result = run(cli.app, ["serve", *model, *options])
        assert result.exit_code == code, result.output
        assert text in result.output


def test_a_missing_extra_is_named(toy_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in sys.modules if n.startswith("ringtrue.inference.service.server")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    result = CliRunner().invoke(cli.app, ["serve", "--model", str(toy_path)])
    assert result.exit_code == 1
    assert 'pip install "ringtrue[serve]"' in result.output


def test_the_defaults_are_those_of_the_settings() -> None:
    assert command._DEFAULTS.max_calls == 200
    assert command._DEFAULTS.interval_ms == 1000

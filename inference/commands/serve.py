"""``ringtrue serve``: live calls and recordings over HTTP, WebSocket and AudioSocket."""

from __future__ import annotations

import logging
import os
from typing import Annotated

import typer

from ringtrue.inference.commands import options
from ringtrue.inference.extras import MissingExtraError
from ringtrue.inference.service.settings import ServiceSettings
from ringtrue.inference.session import Session

_DEFAULTS = ServiceSettings()
TOKEN_VARIABLE = "RINGTRUE_TOKEN"


def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than 127.0.0.1 should have a token.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port for HTTP and WebSocket; 0 takes a free one.")
    ] = 8765,
    audiosocket: Annotated[
        int | None,
        typer.Option(
            metavar="PORT",
            min=0,
            max=65535,
            help="Also listen for Asterisk's AudioSocket here.",
            show_default=False,
        ),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help=f"Clients must show this token. Better in the variable {TOKEN_VARIABLE}: other "
            "users of the machine can see command lines.",
            show_default=False,
        ),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN",
            help="Let web pages of this origin connect, such as https://example.com; repeatable.",
            show_default=False,
        ),
    ] = None,
    max_calls: Annotated[
        int, typer.Option(min=1, help="Live calls at once; more are refused.")
    ] = _DEFAULTS.max_calls,
    max_call_seconds: Annotated[
        float, typer.Option(min=1, help="Longest call.")
    ] = _DEFAULTS.max_call_seconds,
    idle_seconds: Annotated[
        float, typer.Option(min=1, help="End a call that sends no audio for so long.")
    ] = _DEFAULTS.idle_seconds,
    interval_ms: Annotated[
        int, typer.Option(min=100, help="ms of call between events while the verdict stays.")
    ] = _DEFAULTS.interval_ms,
    max_speed: Annotated[
        float,
        typer.Option(
            min=0, help="Hear one call at most so many times faster than real time; 0: any."
        ),
    ] = _DEFAULTS.max_speed,
    buffer_seconds: Annotated[
        float, typer.Option(min=0.5, help="Audio of one call that may wait to be heard.")
    ] = _DEFAULTS.buffer_seconds,
    max_message: Annotated[
        int, typer.Option(min=1024, metavar="BYTES", help="Largest WebSocket message.")
    ] = _DEFAULTS.max_message_bytes,
    max_upload: Annotated[
        int, typer.Option(min=1024, metavar="BYTES", help="Largest recording.")
    ] = _DEFAULTS.upload_bytes,
    score_seconds: Annotated[
        float, typer.Option(min=1, help="Longest time to score one recording.")
    ] = _DEFAULTS.score_seconds,
    scorers: Annotated[
        int, typer.Option(min=1, help="Processes that score recordings.")
    ] = _DEFAULTS.scorers,
    twilio_far: Annotated[
        str,
        typer.Option(metavar="inbound|outbound", help="Track of Twilio streams that is judged."),
    ] = _DEFAULTS.twilio_far,
    operating_point: options.Point = "cautious",
    model: options.Model = None,
    threads: options.Threads = 1,
    quiet: Annotated[bool, typer.Option("--quiet", help="Log warnings and errors only.")] = False,
) -> None:
    """Serve live calls and recordings over HTTP, WebSocket and AudioSocket.

    POST /v1/score scores a recording. WebSocket /v1/calls takes a live call as raw audio,
    /v1/twilio as Twilio Media Streams, and --audiosocket PORT as Asterisk sends it. GET /v1/calls
    lists the calls and their verdicts, /v1/events tells them as they come, /metrics is for
    Prometheus, /docs describes it all. No audio is kept.

    Examples:
      ringtrue serve
      curl --data-binary @call.wav http://127.0.0.1:8765/v1/score
      curl -N http://127.0.0.1:8765/v1/events
      ringtrue serve --audiosocket 9092
      RINGTRUE_TOKEN=secret ringtrue serve --host 0.0.0.0 --max-calls 300

    Exit code 0 after SIGTERM or Ctrl-C (live calls get a last event), 1 when the address cannot
    be used or the extra 'serve' is not installed, 2 for wrong options.
    """
    token = token or os.environ.get(TOKEN_VARIABLE) or None
    settings = ServiceSettings(
        operating_point=operating_point,
        max_calls=max_calls,
        max_call_seconds=max_call_seconds,
        idle_seconds=idle_seconds,
        interval_ms=interval_ms,
        max_speed=max_speed,
        buffer_seconds=buffer_seconds,
        max_message_bytes=max_message,
        upload_bytes=max_upload,
        score_seconds=score_seconds,
        scorers=scorers,
        twilio_far=twilio_far,  # type: ignore[arg-type]
    )
    try:
        from ringtrue.inference.service.server import Address, Service
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("ringtrue"):
            raise
        raise MissingExtraError("'ringtrue serve'", "serve") from error
    if not quiet:
        logging.getLogger("ringtrue").setLevel(logging.INFO)
    # uvicorn says nothing that the service does not say itself, and takes clients' errors for its.
    if not logging.getLogger().isEnabledFor(logging.DEBUG):
        logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    address = Address(host, port, audiosocket, token, tuple(allow_origin or ()))
    service = Service(Session(model, threads), settings, address, model)
    for warning in address.warnings():
        typer.secho(f"WARNING: {warning}", fg=typer.colors.RED, bold=True, err=True)
    shown = f"[{host}]" if ":" in host else host
    typer.echo(f"ringtrue serve: http://{shown}:{service.port} (Ctrl-C stops)", err=True)
    if service.audiosocket_port is not None:
        typer.echo(f"ringtrue serve: AudioSocket on port {service.audiosocket_port}", err=True)
    service.run()

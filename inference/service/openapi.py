"""The description of the interface in OpenAPI 3.1, and a plain page of it.

WebSocket endpoints are described in words: OpenAPI knows only their handshake.
"""

from __future__ import annotations

from html import escape
from typing import Any

from ringtrue.inference.channels import ChannelChoice
from ringtrue.inference.raw_pcm import WIDTHS
from ringtrue.inference.service.ends import CLOSE_CODES, DUPLICATE, FULL, UNAUTHORISED
from ringtrue.inference.service.fields import ENCODINGS
from ringtrue.inference.service.settings import ServiceSettings

_NUMBER = {"type": "number"}
_TEXT = {"type": "string"}
_FIGURES = {
    "at": {**_NUMBER, "description": "s of the call at the end of the last chunk"},
    "verdict": {**_TEXT, "enum": ["robot", "human", "unsure"]},
    "p_robot": {**_NUMBER, "description": "probability of a robot at even odds before the call"},
    "voice_llr": {**_NUMBER, "description": "the network's ln likelihood ratio robot : human"},
    "llr": {**_NUMBER, "description": "sum of all evidence, which the thresholds apply to"},
    "speech": {**_NUMBER, "description": "probability that the last chunk holds speech"},
    "speech_seconds": {**_NUMBER, "description": "s of speech behind voice_llr"},
    "since": {**_NUMBER, "description": "s of the call at which this verdict began"},
    "reasons": {"type": "array", "items": _TEXT},
}
_CALL = {
    "call": _TEXT,
    "framing": {**_TEXT, "enum": ["websocket", "twilio", "audiosocket"]},
    "live": {"type": "boolean"},
    "started_at": {**_NUMBER, "description": "Unix time"},
    "ended_at": {**_NUMBER, "description": "Unix time; ended calls only"},
    "end": {**_TEXT, "description": "why it ended; ended calls only"},
    "operating_point": _TEXT,
    "waiting_seconds": {**_NUMBER, "description": "audio that waits to be heard"},
    "flagged_at": {"type": ["number", "null"], "description": "s of the call, first robot"},
    **_FIGURES,
}
_ROW = {
    "path": {**_TEXT, "description": "the recording's name"},
    "channel": {**_TEXT, "enum": ["mono", "left", "right", "mix"]},
    "seconds": _NUMBER,
    "speech_seconds": _NUMBER,
    "p_robot": _NUMBER,
    "voice_llr": _NUMBER,
    "verdict": {**_TEXT, "enum": ["robot", "human", "unsure", "no-speech"]},
    "flagged_at": {"type": ["number", "null"]},
    "reasons": {"type": "array", "items": _TEXT},
    "error": _TEXT,
}
_PROBLEM = {"type": _TEXT, "title": _TEXT, "status": {"type": "integer"}, "detail": _TEXT}


def _schema(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _answer(text: str, schema: dict[str, Any], kind: str = "application/json") -> dict[str, Any]:
    return {"description": text, "content": {kind: {"schema": schema}}}


def _problems(**texts: str) -> dict[str, Any]:
    return {
        status.lstrip("_"): _answer(text, _schema("Problem"), "application/problem+json")
        for status, text in texts.items()
    }


def _query(name: str, text: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": text, "schema": schema}


def _get(summary: str, answer: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"get": {"summary": summary, "responses": {"200": answer, **more}}}


def _score(settings: ServiceSettings) -> dict[str, Any]:
    binary = {"type": "string", "format": "binary"}
    form = {"type": "object", "properties": {"file": binary}, "required": ["file"]}
    return {
        "summary": "Score a recording, one row per channel",
        "description": f"At most {settings.upload_bytes} bytes. The recording is deleted when it "
        "is scored.",
        "parameters": [
            _query(
                "channel",
                "channel of stereo recordings",
                {**_TEXT, "enum": [str(c) for c in ChannelChoice], "default": "both"},
            ),
            _query("operating_point", "thresholds", {**_TEXT, "default": settings.operating_point}),
            _query("raw_rate", "Hz; only for headerless audio", {"type": "integer"}),
            _query("raw_format", "of headerless audio", {**_TEXT, "enum": list(WIDTHS)}),
            _query("raw_channels", "of headerless audio", {"type": "integer", "default": 1}),
            _query("name", "the recording's name in the rows", _TEXT),
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/octet-stream": {"schema": binary},
                "audio/*": {"schema": binary},
                "multipart/form-data": {"schema": form},
            },
        },
        "responses": {
            "200": _answer(
                "the rows, as 'ringtrue score' gives them",
                {
                    "type": "object",
                    "properties": {
                        "rows": {"type": "array", "items": _schema("Row")},
                        "operating_point": _TEXT,
                        "model": _TEXT,
                        "model_version": _TEXT,
                    },
                },
            ),
            **_problems(
                _401="no valid token",
                _403="a foreign web page",
                _408="the upload took too long",
                _413="the recording is too large",
                _415="the content type is not that of a recording",
                _422="the recording or the query cannot be read",
                _503="too many recordings wait, scoring took too long, or the service stops",
                _507="no room on the disk",
            ),
        },
    }


def _closes() -> str:
    codes = ", ".join(f"{code} {end}" for end, code in CLOSE_CODES.items())
    return f"Close codes: {codes}, {UNAUTHORISED} token, {DUPLICATE} duplicate id, {FULL} full."


def _raw_socket(settings: ServiceSettings) -> str:
    return (
        "As a WebSocket: a live call as raw audio. First a text message in JSON: type 'start', "
        f"encoding ({', '.join(ENCODINGS)}), sample_rate (Hz), channels (1 or 2), far (left or "
        "right), operating_point, call_id, interval_ms. Then audio in binary messages of any size "
        f"up to {settings.max_message_bytes} bytes, and {{'type': 'stop'}} at the end. The "
        "service sends events of type started, verdict (at every change and every interval_ms, "
        f"default {settings.interval_ms}) and final. {_closes()}"
    )


def _twilio() -> dict[str, Any]:
    return {
        "get": {
            "summary": "WebSocket: a live call as Twilio Media Streams",
            "description": "Messages connected, start, media, mark, dtmf and stop. Custom "
            "parameters of the start message: far (inbound or outbound), operating_point, "
            "call_id, interval_ms, token, and events ('true' to get the events on this socket). "
            f"The token may also be the last part of the path. {_closes()}",
            "responses": {
                "101": {"description": "WebSocket"},
                **_problems(
                    _401="no valid token", _403="a foreign web page", _503="all lines are busy"
                ),
            },
        }
    }


def openapi(settings: ServiceSettings) -> dict[str, Any]:
    """The document, as JSON values."""
    text = {"text/plain": {"schema": _TEXT}}
    call_list = {
        "type": "object",
        "properties": {
            "live": {"type": "integer"},
            "max_calls": {"type": "integer"},
            "calls": {"type": "array", "items": _schema("Call")},
        },
    }
    calls = _get("The live calls", _answer("the calls with their verdicts", call_list))
    calls["get"]["description"] = _raw_socket(settings)
    calls["get"]["parameters"] = [
        _query("ended", "also those that ended lately", {"type": "boolean"})
    ]
    one = _get("One call", _answer("the call", _schema("Call")), **_problems(_404="no such call"))
    one["get"]["parameters"] = [{"name": "call", "in": "path", "required": True, "schema": _TEXT}]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ringtrue serve",
            "version": "1",
            "description": "Tells robot callers from people on a telephone line, while the call "
            "runs. A verdict is advice to a person, not proof.",
        },
        "security": [{"bearer": []}, {"query": []}, {}],
        "paths": {
            "/v1/score": {"post": _score(settings)},
            "/v1/calls": calls,
            "/v1/calls/{call}": one,
            "/v1/twilio": _twilio(),
            "/v1/events": _get(
                "The events of all calls, as server-sent events; also as a WebSocket",
                {
                    "description": "events of type started, verdict and final",
                    "content": {"text/event-stream": {"schema": _TEXT}},
                },
            ),
            "/v1/model": _get("The model's metadata", _answer("metadata", {"type": "object"})),
            "/metrics": _get(
                "Figures for Prometheus", {"description": "text format", "content": text}
            ),
            "/healthz": _get("The process answers", {"description": "ok", "content": text}),
            "/readyz": _get(
                "New calls can be heard",
                {"description": "ready", "content": text},
                **{"503": {"description": "not ready", "content": text}},
            ),
            "/openapi.json": _get("This document", _answer("OpenAPI 3.1", {"type": "object"})),
            "/docs": _get(
                "This document as a page",
                {"description": "a page", "content": {"text/html": {"schema": _TEXT}}},
            ),
        },
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "query": {"type": "apiKey", "in": "query", "name": "token"},
            },
            "schemas": {
                "Call": {"type": "object", "properties": _CALL},
                "Row": {"type": "object", "properties": _ROW},
                "Problem": {"type": "object", "properties": _PROBLEM},
                "Verdict": {
                    "type": "object",
                    "description": "an event of type verdict or final",
                    "properties": {"type": _TEXT, "call": _TEXT, **_FIGURES},
                },
            },
        },
    }


def docs_page(document: dict[str, Any]) -> str:
    """A page without scripts or anything from elsewhere."""
    parts = []
    for path, methods in document["paths"].items():
        for method, about in methods.items():
            parts.append(
                f"<h2><code>{method.upper()} {escape(path)}</code></h2>"
                f"<p>{escape(about['summary'])}. {escape(about.get('description', ''))}</p>"
            )
            rows = [
                (f"query <code>{escape(p['name'])}</code>", p.get("description", ""))
                for p in about.get("parameters", [])
            ]
            rows += [
                (f"answer {escape(status)}", answer["description"])
                for status, answer in about["responses"].items()
            ]
            cells = "".join(f"<tr><td>{a}<td>{escape(b)}" for a, b in rows)
            parts.append(f"<table>{cells}</table>")
    info = document["info"]
    style = (
        "body{font:16px/1.5 sans-serif;max-width:52em;margin:2em auto;padding:0 1em}"
        "table{border-collapse:collapse}td{padding:.1em 1em .1em 0;vertical-align:top}"
        "h2{font-size:1em;margin:2em 0 0}code{background:#8882;padding:.1em .3em}"
    )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width'>"
        f"<title>{escape(info['title'])}</title><style>{style}</style>"
        f"<h1>{escape(info['title'])}</h1><p>{escape(info['description'])} "
        "The same in <a href=openapi.json>OpenAPI</a>.</p>" + "".join(parts)
    )

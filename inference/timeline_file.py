"""Timelines on disk: JSON, one file per channel, written whole or not at all.

``FOLDER/ab/NAME.CHANNEL.HASH.json``: the name is readable, the hash of path and channel makes it
unique, and its first two digits spread millions of files over 256 folders.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import secrets
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path, PurePath
from typing import Any, NoReturn, TypeVar, cast, get_args

from ringtrue.inference.decision import Label, UnionPoint
from ringtrue.inference.marks import EvidenceMark
from ringtrue.inference.timeline import Timeline, VerdictChange
from ringtrue.model.contract import OperatingPoint

SCHEMA = "ringtrue-timeline"
VERSION = 1
_NAME = 60

T = TypeVar("T")


class TimelineError(ValueError):
    """A timeline's file is missing, damaged or of another kind; the text names it."""


def timeline_path(folder: str | Path, path: str, channel: str) -> Path:
    """Where the timeline of ``channel`` of the recording ``path`` is kept below ``folder``.

    The same path and channel, letter by letter, give the same file; others give another one.
    The name holds ASCII letters, digits, ``_``, ``-`` and ``.`` only.
    """
    key = f"{path}\0{channel}".encode("utf-8", "surrogateescape")
    digest = hashlib.sha256(key).hexdigest()[:24]
    # Windows paths are split on any system.
    last = PurePath(path.replace("\\", "/")).name
    words = re.sub(r"[^A-Za-z0-9_-]+", "_", last[-_NAME:]).lstrip("-") or "call"
    side = re.sub(r"[^A-Za-z0-9_-]+", "_", channel)[:12]
    return Path(folder) / digest[:2] / f"{words}.{side}.{digest}.json"


def write_timeline(timeline: Timeline, folder: str | Path) -> Path:
    """Write ``timeline`` below ``folder`` and return its file, replacing an older one.

    Another process never sees half a file, and a full disk leaves the older one.

    Raises:
        OSError: a folder or the file cannot be written.
        ValueError: NaN or infinite values.
    """
    target = timeline_path(folder, timeline.path, timeline.channel)
    text = to_json(timeline)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}.part")
    try:
        with part.open("x", encoding="ascii") as stream:
            stream.write(text)
        os.replace(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return target


def read_timeline(file: str | Path) -> Timeline:
    """Read a file of :func:`write_timeline`.

    Raises:
        TimelineError: no such file, not JSON, another schema or version, or fields that are
            missing or of a wrong kind.
    """
    try:
        text = Path(file).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise TimelineError(f"{file}: no such timeline") from None
    except OSError as error:
        raise TimelineError(f"{file}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError:
        raise TimelineError(f"{file}: is not a timeline (no UTF-8 text)") from None
    try:
        return from_json(text)
    except ValueError as error:
        raise TimelineError(f"{file}: {error}") from error


def find_timeline(folder: str | Path, path: str, channel: str) -> Timeline | None:
    """The timeline of a channel below ``folder``, or None when it has none.

    Raises:
        TimelineError: its file is damaged or belongs to another recording.
    """
    file = timeline_path(folder, path, channel)
    if not file.exists():
        return None
    timeline = read_timeline(file)
    if (timeline.path, timeline.channel) != (path, channel):
        raise TimelineError(
            f"{file}: expected the timeline of {path} ({channel}), "
            f"got that of {timeline.path} ({timeline.channel})"
        )
    return timeline


def to_json(timeline: Timeline) -> str:
    """One line of JSON; ValueError for NaN or infinite values."""
    values = {"schema": SCHEMA, "version": VERSION, **asdict(timeline)}
    return json.dumps(values, allow_nan=False, separators=(",", ":")) + "\n"


def from_json(text: str) -> Timeline:
    """The timeline of :func:`to_json`; ValueError says what is wrong."""
    try:
        values = json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("is not a timeline (nested too deeply)") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"is not a timeline (no JSON: {error.msg})") from None
    if not isinstance(values, dict) or values.get("schema") != SCHEMA:
        raise ValueError(f"is not a timeline (expected JSON with schema {SCHEMA!r})")
    if values.get("version") != VERSION:
        raise ValueError(f"expected version {VERSION}, got {values.get('version')!r}")
    one = _Reader(values)
    flagged = values.get("flagged_at")
    return Timeline(
        path=one.text("path"),
        channel=one.text("channel"),
        seconds=one.number("seconds"),
        step=one.number("step"),
        llr=one.numbers("llr"),
        voice_llr=one.numbers("voice_llr"),
        speech=one.numbers("speech"),
        low=one.numbers("low"),
        high=one.numbers("high"),
        changes=one.each("changes", _change),
        marks=one.each("marks", _mark),
        flagged_at=None if flagged is None else one.number("flagged_at"),
        point=_point(one.inner("point")),
        model_version=one.text("model_version"),
        verdict=one.text("verdict"),
        reasons=one.texts("reasons"),
    )


class _Reader:
    """Fields of one JSON object, checked."""

    def __init__(self, values: dict[str, Any], where: str = "") -> None:
        self._values, self._where = values, where

    def _wrong(self, name: str, expected: str) -> NoReturn:
        got = type(self._values[name]).__name__ if name in self._values else "nothing"
        raise ValueError(f"expected {self._where}{name} as {expected}, got {got}")

    def text(self, name: str) -> str:
        value = self._values.get(name)
        return value if isinstance(value, str) else self._wrong(name, "text")

    def number(self, name: str) -> float:
        value = self._values.get(name)
        return float(cast(float, value)) if _is_number(value) else self._wrong(name, "a number")

    def numbers(self, name: str) -> tuple[float, ...]:
        value = self._values.get(name)
        if not isinstance(value, list) or not all(map(_is_number, value)):
            self._wrong(name, "a list of numbers")
        return tuple(map(float, value))

    def texts(self, name: str) -> tuple[str, ...]:
        value = self._values.get(name)
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            self._wrong(name, "a list of texts")
        return tuple(value)

    def inner(self, name: str) -> _Reader:
        value = self._values.get(name)
        if not isinstance(value, dict):
            self._wrong(name, "{…}")
        return _Reader(value, f"{self._where}{name}.")

    def has(self, name: str) -> bool:
        return name in self._values

    def all_numbers(self) -> dict[str, float]:
        return {name: self.number(name) for name in self._values}

    def each(self, name: str, make: Callable[[_Reader], T]) -> tuple[T, ...]:
        value = self._values.get(name)
        if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
            self._wrong(name, "a list of objects")
        return tuple(make(_Reader(v, f"{name}.")) for v in value)


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"expected finite numbers, got {name}")


def _change(one: _Reader) -> VerdictChange:
    label = one.text("verdict")
    if label not in get_args(Label):
        raise ValueError(f"expected a verdict of {', '.join(get_args(Label))}, got {label!r}")
    return VerdictChange(one.number("at"), cast(Label, label), one.texts("reasons"))


def _mark(one: _Reader) -> EvidenceMark:
    return EvidenceMark(one.number("at"), one.text("stream"), one.text("text"), one.number("llr"))


def _point(one: _Reader) -> OperatingPoint:
    point = OperatingPoint(
        one.text("name"),
        one.number("flag_llr"),
        one.number("clear_llr"),
        one.number("human_llr"),
        one.number("false_flags_per_1000_calls"),
    )
    if not one.has("alone"):
        return point
    return UnionPoint(**asdict(point), alone=one.inner("alone").all_numbers())

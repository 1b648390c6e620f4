"""Receives a recording into a temporary file: the body as it is, or one part of a form."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator
from pathlib import PurePath
from typing import BinaryIO

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from ringtrue.inference.service.problems import ProblemError
from ringtrue.inference.service.settings import ServiceSettings

MEDIA = (
    "audio/",
    "video/",
    "application/octet-stream",
    "application/ogg",
    "application/mp4",
    # What curl says of any data.
    "application/x-www-form-urlencoded",
)
"""Beginnings of content types that may be recordings."""
_BLOCK = 262_144


class Upload:
    """The file that a request's body is written to, within limits.

    Attributes:
        name: the recording's name as the client gave it, for the rows.
        size: bytes received.
    """

    def __init__(self, file: BinaryIO, settings: ServiceSettings) -> None:
        self._file, self._limit = file, settings.upload_bytes
        self._seconds = settings.upload_seconds
        self._held = bytearray()
        self.name = "recording"
        self.size = 0

    async def receive(self, request: Request) -> None:
        """Read the whole request.

        Raises:
            ProblemError: too large, too slow, not a recording's content type, a broken form, an
                empty body, or no room on the disk.
            ClientDisconnect: the client went away.
        """
        kind, options = parse_options_header(request.headers.get("content-type", ""))
        self._check_announced(request)
        try:
            async with asyncio.timeout(self._seconds):
                if kind == b"multipart/form-data":
                    await self._form(request.stream(), options.get(b"boundary", b""))
                elif not kind or kind.decode("latin-1").startswith(MEDIA):
                    await self._body(request.stream())
                else:
                    raise ProblemError(
                        415,
                        "content-type",
                        "expected audio/*, application/octet-stream or multipart/form-data, "
                        f"got {kind.decode('latin-1')!r:.80}",
                    )
        except TimeoutError:
            raise ProblemError(
                408, "upload-timeout", f"the upload took longer than {self._seconds:g} s"
            ) from None
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise ProblemError(
                    507, "disk-full", "there is no room for the recording"
                ) from error
            raise
        if not self.size:
            raise ProblemError(422, "recording", "is empty (0 bytes)")

    def _check_announced(self, request: Request) -> None:
        announced = request.headers.get("content-length", "")
        if announced.isdigit() and int(announced) > self._limit + _BLOCK:
            raise self._too_large()

    def _too_large(self) -> ProblemError:
        return ProblemError(
            413, "too-large", f"expected a recording of at most {self._limit} bytes"
        )

    async def _body(self, stream: AsyncIterator[bytes]) -> None:
        async for data in stream:
            self._hold(data)
            await self._write(_BLOCK)
        await self._write(1)

    def _hold(self, data: bytes) -> None:
        self.size += len(data)
        if self.size > self._limit:
            raise self._too_large()
        self._held += data

    async def _write(self, at_least: int) -> None:
        if len(self._held) >= at_least:
            data, self._held = self._held, bytearray()
            await asyncio.to_thread(self._file.write, data)

    async def _form(self, stream: AsyncIterator[bytes], boundary: bytes) -> None:
        form = _Form(self)
        try:
            parser = MultipartParser(boundary, form.callbacks())  # type: ignore[arg-type]
            async for data in stream:
                form.count(len(data), self._limit)
                parser.write(data)
                await self._write(_BLOCK)
            parser.finalize()
        except (MultipartParseError, ValueError) as error:
            raise ProblemError(422, "form", f"expected multipart/form-data: {error}") from error
        await self._write(1)
        if not form.found:
            raise ProblemError(422, "form", "expected one part with a file, got none")


class _Form:
    """Takes the first part that is a file; further files are refused, other fields ignored."""

    def __init__(self, upload: Upload) -> None:
        self._upload = upload
        self._field = self._value = b""
        self._is_file = False
        self._other = 0
        self.found = False

    def callbacks(self) -> dict[str, object]:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_part_data": self._data,
        }

    def count(self, received: int, limit: int) -> None:
        """Bound what is not the recording too, such as endless other fields."""
        self._other += received
        if self._other > limit + _BLOCK:
            raise ProblemError(413, "too-large", f"expected a form of at most {limit} bytes")

    def _begin(self) -> None:
        self._field = self._value = b""
        self._is_file = False

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._field = (self._field + data[start:end])[:256]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value = (self._value + data[start:end])[:1024]

    def _header_end(self) -> None:
        if self._field.lower() == b"content-disposition":
            _, options = parse_options_header(self._value)
            name = options.get(b"filename")
            if name is not None:
                if self.found:
                    raise ProblemError(422, "form", "expected one file, got a second")
                self.found = self._is_file = True
                self._upload.name = safe_name(name.decode("utf-8", "replace"))
        self._field = self._value = b""

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self._upload._hold(data[start:end])


def safe_name(name: str) -> str:
    """A client's file name as it may stand in rows: its last part, printable, not long."""
    last = PurePath(name.replace("\\", "/")).name
    return "".join(c for c in last if c.isprintable())[:128] or "recording"


__all__ = ["ClientDisconnect", "Upload", "safe_name"]

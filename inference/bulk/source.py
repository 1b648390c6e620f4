"""Where the bytes of a recording are: a local file, a member of a tar shard, a remote object.

The decoders read local files. Members of shards and remote objects are copied to a temporary
file for the time of their scoring.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ringtrue.inference.audio_error import AudioError
from ringtrue.inference.extras import MissingExtraError

_COPY = 1 << 20


class Source(Protocol):
    """Bytes of a recording. Workers get it pickled."""

    def local(self) -> AbstractContextManager[Path]:
        """A local file with the bytes, for as long as the context is open.

        Raises:
            AudioError: they cannot be had.
        """

    def identity(self, content: bool = False) -> str:
        """What tells this recording's bytes from others: place, size and time of change.

        With ``content`` it is the SHA-256 of the bytes where they are at hand.
        """

    def release(self) -> None:
        """The recording was scored; temporary bytes may go."""


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file of this machine."""

    path: str

    @contextmanager
    def local(self) -> Iterator[Path]:
        """The file itself."""
        # Reading from a pipe or a device might never end.
        try:
            regular = stat.S_ISREG(os.stat(self.path).st_mode)
        except (OSError, ValueError):
            regular = True  # the reader says what is wrong
        if not regular and not os.path.isdir(self.path):
            raise AudioError(self.path, "is not a regular file")
        yield Path(self.path)

    def identity(self, content: bool = False) -> str:
        """Absolute path, size and time of change; or the digest of the content."""
        try:
            about = os.stat(self.path)
            if content and stat.S_ISREG(about.st_mode):
                with open(self.path, "rb") as stream:
                    return hashlib.file_digest(stream, "sha256").hexdigest()
        except (OSError, ValueError):
            return f"{self.path}|missing"
        return f"{os.path.abspath(self.path)}|{about.st_size}|{about.st_mtime_ns}"

    def release(self) -> None:
        """Nothing is temporary."""


@dataclass(frozen=True, slots=True)
class TarMember:
    """An uncompressed member of a local tar file.

    Attributes:
        shard: the tar file.
        member: the member's name.
        offset, size: where its bytes are.
        modified: time of change that the tar file states.
    """

    shard: str
    member: str
    offset: int
    size: int
    modified: float

    @contextmanager
    def local(self) -> Iterator[Path]:
        """A temporary copy."""
        with _temporary(self.member) as copy:
            try:
                with open(self.shard, "rb") as stream, copy.open("wb") as target:
                    stream.seek(self.offset)
                    left = self.size
                    while left and (data := stream.read(min(_COPY, left))):
                        target.write(data)
                        left -= len(data)
            except OSError as error:
                raise AudioError(self.shard, f"cannot be read ({error.strerror})") from error
            yield copy

    def identity(self, content: bool = False) -> str:
        """The shard's identity and the member's name, size and time; or the content's digest."""
        if content:
            try:
                with self.local() as copy:
                    return LocalFile(str(copy)).identity(content=True)
            except AudioError:
                return f"{self.shard}::{self.member}|missing"
        return f"{os.path.abspath(self.shard)}::{self.member}|{self.size}|{self.modified}"

    def release(self) -> None:
        """The copy is gone already."""


@dataclass(frozen=True, slots=True)
class SpooledFile:
    """A member of a compressed or remote shard that was unpacked to a temporary file.

    Attributes:
        path: the temporary file.
        origin: identity that does not depend on the temporary place.
    """

    path: str
    origin: str

    @contextmanager
    def local(self) -> Iterator[Path]:
        """The unpacked file."""
        yield Path(self.path)

    def identity(self, content: bool = False) -> str:
        """Shard, member, size and time; or the content's digest."""
        return LocalFile(self.path).identity(content=True) if content else self.origin

    def release(self) -> None:
        """Delete the unpacked file."""
        Path(self.path).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """An object that fsspec reaches, such as ``s3://bucket/call.wav``."""

    url: str

    @contextmanager
    def local(self) -> Iterator[Path]:
        """A temporary copy."""
        with _temporary(self.url) as copy:
            fs, path = remote_file_system(self.url)
            try:
                fs.get_file(path, str(copy))
            except FileNotFoundError as error:
                raise AudioError(self.url, "no such file") from error
            except PermissionError as error:
                raise AudioError(self.url, "permission denied") from error
            # Every storage service has errors of its own.
            except Exception as error:
                raise AudioError(
                    self.url, f"cannot be fetched ({type(error).__name__}: {error})"
                ) from error
            yield copy

    def identity(self, content: bool = False) -> str:
        """The address with the service's mark of its version, else size and time."""
        try:
            if content:
                with self.local() as copy:
                    return LocalFile(str(copy)).identity(content=True)
            fs, path = remote_file_system(self.url)
            about: dict[str, Any] = fs.info(path)
        except MissingExtraError:
            raise
        except Exception:
            return f"{self.url}|missing"
        marks = [
            str(about[key])
            for key in ("ETag", "etag", "md5Hash", "size", "mtime", "LastModified", "updated")
            if about.get(key) is not None
        ]
        return "|".join([self.url, *marks])

    def release(self) -> None:
        """The copy is gone already."""


@dataclass(frozen=True, slots=True)
class Broken:
    """Something of the input that holds no recordings because it cannot be read."""

    name: str
    problem: str

    @contextmanager
    def local(self) -> Iterator[Path]:
        """Raises the problem."""
        if self.problem:
            raise AudioError(self.name, self.problem)
        yield Path(self.name)

    def identity(self, content: bool = False) -> str:
        """Never the same as something that was scored."""
        return f"{self.name}|broken"

    def release(self) -> None:
        """Nothing is temporary."""


def remote_file_system(url: str) -> tuple[Any, str]:
    """The file system of ``url`` and the path in it.

    Raises:
        MissingExtraError: fsspec, or the library for this kind of address, is not installed.
        ValueError: an unknown kind of address.
    """
    scheme = url.partition("://")[0]
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise MissingExtraError(f"reading {scheme}:// addresses", "remote") from error
    try:
        fs, path = url_to_fs(url)
    except ImportError as error:
        raise MissingExtraError(
            "", "remote", f"a further library for {scheme}:// addresses ({error})"
        ) from error
    return fs, str(path)


@contextmanager
def _temporary(name: str) -> Iterator[Path]:
    """A temporary file's path that keeps the ending of ``name``, which may tell its format."""
    suffix = Path(name.rpartition("/")[2]).suffix[:16]
    folder = tempfile.mkdtemp(prefix="ringtrue-")
    try:
        yield Path(folder) / f"recording{suffix}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)

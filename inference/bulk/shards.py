"""Members of tar shards."""

from __future__ import annotations

import gzip
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from ringtrue.inference.bulk.source import Source, SpooledFile, TarMember, remote_file_system

SHARD_SUFFIXES = (".tar", ".tar.gz", ".tgz")


def is_shard(name: str) -> bool:
    """Whether ``name`` ends like a tar shard."""
    return name.lower().endswith(SHARD_SUFFIXES)


def local_tar_members(shard: str) -> Iterator[tuple[str, Source]]:
    """Names and places of the files in an uncompressed local tar file, without their bytes.

    Raises:
        OSError: it cannot be opened.
        ValueError: it is not a tar file, or is damaged; the members before are given.
    """
    try:
        with tarfile.open(shard, "r:") as tar:
            for member in tar:
                # The library keeps every header that it met; a shard may hold millions.
                tar.members = []  # type: ignore[attr-defined]
                if member.isfile():
                    yield (
                        member.name,
                        TarMember(
                            shard, member.name, member.offset_data, member.size, member.mtime
                        ),
                    )
    except tarfile.TarError as error:
        raise ValueError(str(error)) from error


def streamed_members(shard: str, spool: Path) -> Iterator[tuple[str, Source]]:
    """Files of a compressed or remote shard, unpacked to ``spool`` one by one when asked for.

    Raises:
        OSError: it cannot be opened, or ``spool`` is full.
        ValueError: it is not a tar file, or is damaged; the members before are given.
        MissingExtraError: fsspec is not installed.
    """
    with ExitStack() as stack:
        stream, origin = _open(shard, stack)
        try:
            tar = stack.enter_context(tarfile.open(fileobj=stream, mode="r|*"))
            for member in tar:
                tar.members = []  # type: ignore[attr-defined]
                content = tar.extractfile(member) if member.isfile() else None
                if content is None:
                    continue
                identity = f"{origin}::{member.name}|{member.size}|{member.mtime}"
                yield member.name, SpooledFile(_unpack(content, member.name, spool), identity)
        except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(str(error) or "it ends early") from error


def _open(shard: str, stack: ExitStack) -> tuple[Any, str]:
    if "://" not in shard:
        return stack.enter_context(open(shard, "rb")), str(Path(shard).resolve())
    fs, path = remote_file_system(shard)
    return stack.enter_context(fs.open(path, "rb")), shard


def _unpack(content: IO[bytes], name: str, spool: Path) -> str:
    spool.mkdir(parents=True, exist_ok=True)
    suffix = Path(name).suffix[:16]
    with tempfile.NamedTemporaryFile(dir=spool, suffix=suffix, delete=False) as copy:
        try:
            shutil.copyfileobj(content, copy)
        except BaseException:
            Path(copy.name).unlink(missing_ok=True)
            raise
    return copy.name

"""Which recordings a bulk job scores: files, folders, patterns, manifests, shards, addresses."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ringtrue.inference.audio import AUDIO_SUFFIXES
from ringtrue.inference.bulk.manifest import Entry, read_manifest
from ringtrue.inference.bulk.shards import is_shard, local_tar_members, streamed_members
from ringtrue.inference.bulk.source import Broken, LocalFile, RemoteFile, Source, remote_file_system
from ringtrue.inference.bulk.task import Task
from ringtrue.inference.collect import collect
from ringtrue.inference.raw_pcm import HEADERLESS

Found = tuple[str, Source, str]
"""Name, source and id of a recording."""


@dataclass(frozen=True)
class Inputs:
    """The recordings of a job, in order; iterating gives a ``Task`` for each.

    Attributes:
        total: how many there are, or None while shards hold an unknown number.
        has_ids: whether they come from a manifest.
    """

    parts: tuple[Callable[[], Iterator[Found]], ...]
    total: int | None
    has_ids: bool = False

    def __iter__(self) -> Iterator[Task]:
        """Tasks, numbered from 0. Shards are read as they are reached."""
        index = 0
        for part in self.parts:
            for name, source, identifier in part():
                yield Task(index, name, source, identifier)
                index += 1


def find_inputs(
    names: Iterable[str],
    spool: Path,
    headerless: bool = False,
    manifest: Path | None = None,
) -> Inputs:
    """The recordings that ``names`` and ``manifest`` name, each once.

    Local names are files, folders and patterns as :func:`ringtrue.inference.collect.collect`
    takes them. Names with ``://`` are addresses of files, folders or patterns that fsspec reads.
    A name that ends in ``.tar``, ``.tar.gz`` or ``.tgz`` stands for the recordings in that shard.
    Paths in a manifest are relative to its folder.

    Args:
        spool: folder for members of compressed and remote shards while they wait.
        headerless: whether headerless recordings are looked for in folders and shards too.

    Raises:
        ValueError: a manifest that cannot be read, or an unknown kind of address.
        MissingExtraError: a library that an address or manifest needs.
        OSError: a manifest cannot be opened.
    """
    suffixes = AUDIO_SUFFIXES | HEADERLESS if headerless else AUDIO_SUFFIXES
    parts: list[Callable[[], Iterator[Found]]] = []
    total: int | None = 0

    def add(found: list[str], ids: list[str] | None = None) -> None:
        nonlocal total
        for kind, group in _grouped(found, ids):
            parts.append(_part(kind, group, suffixes, spool))
            total = None if total is None or kind == "shard" else total + len(group)

    for name in _in_turn(names):
        add(_remote(name[0], suffixes) if "://" in name[0] else collect(name, headerless))
    has_ids = False
    if manifest is not None:
        entries = read_manifest(manifest)
        has_ids = True
        add([entry.path for entry in entries], [entry.id for entry in entries])
    return Inputs(tuple(parts), total, has_ids)


def _in_turn(names: Iterable[str]) -> Iterator[list[str]]:
    """Runs of local names together, so that each file is taken once, and addresses alone."""
    held: list[str] = []
    for name in names:
        if "://" not in name:
            held.append(name)
            continue
        if held:
            yield held
        held = []
        yield [name]
    if held:
        yield held


def _grouped(found: list[str], ids: list[str] | None) -> Iterator[tuple[str, list[Entry]]]:
    """Neighbouring plain files together, each shard alone."""
    held: list[Entry] = []
    for number, name in enumerate(found):
        entry = Entry("" if ids is None else ids[number], name)
        if is_shard(name) and not os.path.isdir(name):
            if held:
                yield "files", held
            held = []
            yield "shard", [entry]
        else:
            held.append(entry)
    if held:
        yield "files", held


def _part(
    kind: str, group: list[Entry], suffixes: frozenset[str], spool: Path
) -> Callable[[], Iterator[Found]]:
    if kind == "files":
        return lambda: (
            (e.path, RemoteFile(e.path) if "://" in e.path else LocalFile(e.path), e.id)
            for e in group
        )
    (shard,) = group
    return lambda: _members(shard, suffixes, spool)


def _members(shard: Entry, suffixes: frozenset[str], spool: Path) -> Iterator[Found]:
    """The recordings of a shard; what cannot be read becomes a row with the error."""
    number = 0
    try:
        plain = "://" not in shard.path and shard.path.lower().endswith(".tar")
        members = local_tar_members(shard.path) if plain else streamed_members(shard.path, spool)
        for member, source in members:
            if Path(member).suffix.lower() not in suffixes:
                source.release()
                continue
            number += 1
            yield f"{shard.path}::{member}", source, shard.id
    except (OSError, ValueError) as error:
        problem = str(error) if isinstance(error, ValueError) else error.strerror or str(error)
        after = f" after {number} recordings" if number else ""
        broken = Broken(shard.path, f"the shard cannot be read{after} ({problem})")
        yield shard.path, broken, shard.id
        return
    if not number:
        yield shard.path, Broken(shard.path, "the shard holds no recordings"), shard.id


def _remote(name: str, suffixes: frozenset[str]) -> list[str]:
    """Addresses of the recordings that a remote name stands for."""
    fs, path = remote_file_system(name)
    if glob.has_magic(path):
        found = sorted(fs.glob(path))
    elif fs.isdir(path):
        found = sorted(p for p in fs.find(path) if Path(p).suffix.lower() in suffixes)
    else:
        return [name]
    return [str(fs.unstrip_protocol(p)) for p in found] or [name]

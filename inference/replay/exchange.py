"""Prompts in a text file, to carry them from one bank to another.

JSON lines: a header, then one prompt per line with its key. Whoever has the file can recognise
the prompts in other audio, and learns the call names and dates; nobody can play them.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final

from ringtrue.inference.replay.bank_file import BankError
from ringtrue.inference.replay.bank_records import PromptInfo, Stored
from ringtrue.inference.replay.prompt import Prompt

FORMAT: Final = "ringtrue-prompts"
VERSION: Final = 1


def write_prompts(prompts: Iterable[Stored], path: Path) -> int:
    """Write prompts to ``path``, which changes only when all are written; their number.

    Raises:
        OSError: it cannot be written.
    """
    part = path.with_name(path.name + ".part")
    count = 0
    try:
        with part.open("w", encoding="utf-8") as stream:
            stream.write(json.dumps({"format": FORMAT, "version": VERSION}) + "\n")
            for item in prompts:
                stream.write(json.dumps(_row(item), ensure_ascii=False) + "\n")
                count += 1
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return count


def read_prompts(path: Path) -> Iterator[Stored]:
    """The prompts of a file that :func:`write_prompts` made, one by one.

    Raises:
        BankError: another format or version, or a damaged line; names the line.
        OSError: it cannot be read.
    """
    try:
        with path.open(encoding="utf-8") as stream:
            _check_header(stream.readline(), path)
            for number, line in enumerate(stream, start=2):
                try:
                    yield _parse(json.loads(line))
                except (ValueError, KeyError, TypeError, binascii.Error) as error:
                    raise BankError(
                        f"{path}, line {number}: damaged prompt "
                        f"({type(error).__name__}: {error}); nothing was taken in"
                    ) from error
    except UnicodeDecodeError as error:
        raise BankError(f"{path} is not a file of exported prompts") from error


def _check_header(line: str, path: Path) -> None:
    try:
        header = json.loads(line)
    except ValueError:
        header = None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise BankError(f"{path} is not a file of exported prompts")
    if header.get("version") != VERSION:
        raise BankError(
            f"{path} has version {header.get('version')} of the export format, this ringtrue "
            f"reads version {VERSION}"
        )


def _row(item: Stored) -> dict[str, Any]:
    info = item.info
    return {
        "name": info.name,
        "seconds": info.seconds,
        "is_evidence": info.is_evidence,
        "label": info.label,
        "first_seen": info.first_seen,
        "last_seen": info.last_seen,
        "heard": [list(hearing) for hearing in item.heard],
        "key": base64.b64encode(item.key).decode("ascii"),
        "data": base64.b64encode(item.prompt.to_bytes()).decode("ascii"),
    }


def _parse(row: Any) -> Stored:
    heard = tuple((str(c), _day(d), float(s)) for c, d, s in row["heard"])
    info = PromptInfo(
        str(row["name"]),
        float(row["seconds"]),
        bool(row["is_evidence"]),
        str(row["label"]),
        _day(row["first_seen"]),
        _day(row["last_seen"]),
        len(heard),
    )
    key = base64.b64decode(row["key"], validate=True)
    prompt = Prompt.from_bytes(base64.b64decode(row["data"], validate=True))
    return Stored(info, key, prompt, heard)


def _day(text: Any) -> str:
    return date.fromisoformat(text).isoformat()

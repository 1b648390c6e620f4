"""The manifest: one row per clip, validated before anything is trained or measured.

A manifest is JSON Lines, CSV or Parquet. Fields that the project knows become attributes of
:class:`Clip`; all others are kept in ``Clip.extra``. Relative paths are relative to the folder of
the manifest.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ringtrue.training.manifest_rows import Row, read_rows, write_rows

ROBOT_LABELS = ("tts", "vocoded", "vc")
LABELS = ("human", *ROBOT_LABELS, "nonspeech")
SPLITS = ("train", "dev", "eval")
CONDITIONS = ("studio", "phone", "noise")
REQUIRED = ("id", "path", "label", "split", "seconds")
SHOWN_PROBLEMS = 20


class ManifestError(ValueError):
    """A manifest that must not be used. ``problems`` holds every finding, the message at most 20.

    Attributes:
        problems: one sentence each, with the line number.
    """

    def __init__(self, path: Path, problems: list[str]) -> None:
        self.problems = tuple(problems)
        shown = problems[:SHOWN_PROBLEMS]
        if len(problems) > len(shown):
            shown = [*shown, f"... and {len(problems) - len(shown)} more"]
        count = f"{len(problems)} problem{'s' if len(problems) != 1 else ''}"
        super().__init__("\n  ".join([f"{path.name}: {count}", *shown]))


@dataclass(frozen=True)
class Clip:
    """One audio file and what is known about it.

    Attributes:
        id: unique in the manifest.
        path: relative to the manifest's folder, with forward slashes, or absolute.
        label: ``human``, ``tts``, ``vocoded``, ``vc`` (the last three are robots), ``nonspeech``.
        split: ``train``, ``dev`` (choose with it) or ``eval`` (measure only).
        seconds: length of the audio, above 0.
        source: data set it came from; splits are by source.
        system: synthesizer, for robots.
        voice: voice of the synthesizer.
        speaker: human speaker, or the recording for ``phone`` clips; ``source:`` means unknown.
        language: ISO code, empty where mixed or unknown.
        licence: of the audio, empty where the source states it.
        condition: ``studio`` (not telephone), ``phone`` (came through a line) or ``noise``.
        commercial_ok: the licence allows training a released model on it.
        recorded_prompt: a professional prompt recording of a human voice.
        text: words spoken, where known.
        extra: fields this project does not know.
    """

    id: str
    path: str
    label: str
    split: str
    seconds: float
    source: str = ""
    system: str = ""
    voice: str = ""
    speaker: str = ""
    language: str = ""
    licence: str = ""
    condition: str = "studio"
    commercial_ok: bool = False
    recorded_prompt: bool = False
    text: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def is_robot(self) -> bool:
        """True for ``tts``, ``vocoded`` and ``vc``."""
        return self.label in ROBOT_LABELS

    @property
    def is_human(self) -> bool:
        """True for ``human``."""
        return self.label == "human"

    @property
    def has_known_speaker(self) -> bool:
        """False where ``speaker`` is empty or ends in a colon: somebody of the source."""
        return bool(self.speaker) and not self.speaker.endswith(":")

    @property
    def group(self) -> str:
        """Key of clips that may be joined and that vary together in the bootstrap.

        The recording for ``phone`` clips; else label, source, system, voice and speaker.
        """
        if self.condition == "phone" and self.speaker:
            return self.speaker
        return "|".join((self.label, self.source, self.system, self.voice, self.speaker))

    def to_row(self) -> dict[str, Any]:
        """The row as written to a file: defaults are left out, ``extra`` is merged back in."""
        row = {name: value for name, value in asdict(self).items() if name != "extra"}
        row = {k: v for k, v in row.items() if k in REQUIRED or v not in ("", False)}
        return {**row, **self.extra}


@dataclass(frozen=True)
class Manifest:
    """Clips and the folder their relative paths start from."""

    clips: tuple[Clip, ...]
    root: Path

    def __len__(self) -> int:
        return len(self.clips)

    def __iter__(self) -> Iterator[Clip]:
        return iter(self.clips)

    @property
    def hours(self) -> float:
        """Total length of the audio in hours."""
        return sum(clip.seconds for clip in self.clips) / 3600

    def audio_path(self, clip: Clip) -> Path:
        """Where the audio of ``clip`` lies."""
        return self.root / clip.path

    def select(
        self,
        split: str | None = None,
        labels: Collection[str] | None = None,
        condition: str | None = None,
        commercial_only: bool = False,
    ) -> Manifest:
        """The clips that meet every condition given, in manifest order.

        Raises:
            ValueError: an unknown split, label or condition (a typing error would select nothing).
        """
        for name, value, known in (
            ("split", split, SPLITS),
            ("condition", condition, CONDITIONS),
            *(("label", label, LABELS) for label in labels or ()),
        ):
            if value is not None and value not in known:
                raise ValueError(f"expected a {name} of {', '.join(known)}, got {value!r}")
        kept = (
            clip
            for clip in self.clips
            if (split is None or clip.split == split)
            and (labels is None or clip.label in labels)
            and (condition is None or clip.condition == condition)
            and (clip.commercial_ok or not commercial_only)
        )
        return Manifest(tuple(kept), self.root)

    def digest(self) -> str:
        """SHA-256 (hexadecimal) of the rows, whatever their order and the file's format."""
        rows = (json.dumps(c.to_row(), sort_keys=True) for c in sorted(self, key=lambda c: c.id))
        return hashlib.sha256("\n".join(rows).encode()).hexdigest()

    def leaks(self) -> list[str]:
        """Warnings: sources, speakers, recordings or synthesizers that occur in several splits."""
        seen: dict[tuple[str, str], set[str]] = defaultdict(set)
        for clip in self.clips:
            if clip.label == "nonspeech":
                continue
            if clip.source:
                seen["source", clip.source].add(clip.split)
            if clip.speaker:
                seen["speaker", clip.speaker].add(clip.split)
            if clip.is_robot and clip.system:
                seen["system", clip.system].add(clip.split)
        return [
            f"{kind} {name!r} occurs in several splits: {', '.join(sorted(found))}"
            for (kind, name), found in sorted(seen.items())
            if len(found) > 1
        ]


def read_manifest(path: str | Path, check_files: bool = False) -> Manifest:
    """Read and validate a manifest (``.jsonl``, ``.csv`` or ``.parquet``).

    Args:
        path: the manifest.
        check_files: also require that every audio file exists.

    Raises:
        ManifestError: the rows are unfit; the message lists the problems with line numbers.
        OSError: the file cannot be read.
    """
    path = Path(path)
    root = path.parent
    clips: list[Clip] = []
    problems: list[str] = []
    first_line: dict[str, int] = {}
    try:
        for line, row in read_rows(path):
            if isinstance(row, str):
                problems.append(f"line {line}: {row}")
                continue
            clip, found = _parse(row)
            if clip is not None:
                if clip.id in first_line:
                    found.append(f"duplicate id {clip.id!r}, first on line {first_line[clip.id]}")
                first_line.setdefault(clip.id, line)
                if check_files and not (root / clip.path).is_file():
                    found.append(f"no audio file at {clip.path!r}")
                clips.append(clip)
            problems.extend(f"line {line}: {problem}" for problem in found)
    except ValueError as error:
        problems.append(str(error))
    if not clips and not problems:
        problems.append("expected at least one row, got none")
    if problems:
        raise ManifestError(path, problems)
    return Manifest(tuple(clips), root)


def merge_manifests(manifests: Sequence[Manifest]) -> Manifest:
    """One manifest with the clips of all, with absolute paths.

    Raises:
        ValueError: an id occurs twice.
    """
    clips: dict[str, Clip] = {}
    for manifest in manifests:
        for clip in manifest:
            if clip.id in clips:
                raise ValueError(f"expected every id once, got {clip.id!r} in two manifests")
            path = Path(os.path.abspath(manifest.audio_path(clip))).as_posix()
            clips[clip.id] = replace(clip, path=path)
    return Manifest(tuple(clips.values()), Path("/"))


def write_manifest(manifest: Manifest, path: str | Path) -> None:
    """Write a manifest that :func:`read_manifest` reads back to the same audio files.

    Paths inside the new folder become relative to it, others absolute.

    Raises:
        ValueError: the suffix of ``path`` is unknown.
        OSError: the file cannot be written.
    """
    path = Path(path)
    rows = []
    for clip in manifest:
        audio = Path(os.path.abspath(manifest.audio_path(clip)))
        folder = Path(os.path.abspath(path.parent))
        inside = audio.is_relative_to(folder)
        shown = audio.relative_to(folder).as_posix() if inside else audio.as_posix()
        rows.append(replace(clip, path=shown).to_row())
    write_rows(rows, path)


_TEXT = tuple(f.name for f in fields(Clip) if f.type == "str")
_FLAGS = ("commercial_ok", "recorded_prompt")
_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_VOCABULARIES = {"label": LABELS, "split": SPLITS, "condition": CONDITIONS}


def _parse(row: Row) -> tuple[Clip | None, list[str]]:
    """A clip, or None and what is wrong with the row."""
    problems = [f"missing field {name!r}" for name in REQUIRED if row.get(name) in (None, "")]
    known: dict[str, Any] = {}
    for name in _TEXT:
        value = row.get(name, "")
        if not isinstance(value, str):
            problems.append(f"{name}: expected text, got {value!r}")
        elif value:
            known[name] = value
            if name in _VOCABULARIES and value not in _VOCABULARIES[name]:
                expected = ", ".join(_VOCABULARIES[name])
                problems.append(f"{name}: expected one of {expected}, got {value!r}")
    for name in _FLAGS:
        value = row.get(name, False)
        flag = value if isinstance(value, bool) else _BOOLEANS.get(str(value).lower())
        if flag is None:
            problems.append(f"{name}: expected true or false, got {value!r}")
        known[name] = flag
    if "seconds" in row:
        try:
            known["seconds"] = seconds = float(row["seconds"])
            if isinstance(row["seconds"], bool) or not (seconds > 0 and math.isfinite(seconds)):
                raise ValueError
        except (TypeError, ValueError):
            problems.append(f"seconds: expected a number above 0, got {row['seconds']!r}")
    problems.extend(_path_problems(str(known.get("path", ""))))
    if problems:
        return None, problems
    extra = {name: value for name, value in row.items() if name not in _FIELD_NAMES}
    return Clip(**known, extra=extra), []


_FIELD_NAMES = frozenset(f.name for f in fields(Clip)) - {"extra"}


def _path_problems(path: str) -> list[str]:
    """Path rules: absolute, or below the manifest's folder with forward slashes."""
    if "\x00" in path:
        return [f"path: expected a file name, got a NUL byte in {path!r}"]
    if path.startswith("~"):
        return [f"path: expected an absolute path or one below the manifest, got {path!r}"]
    if "\\" in path and not Path(path).is_absolute():
        return [f"path: expected forward slashes, got {path!r}"]
    if ".." in path.split("/"):
        return [f"path: expected no '..' (write an absolute path instead), got {path!r}"]
    return []

"""Sets of simulated calls on disk: written once, resumed, read back.

A set is a folder with ``set.json`` (what it was made from), ``manifest.jsonl`` (one row per call),
``calls/ID.flac`` (stereo, left far end, right near end) and ``calls/ID.json`` (ground truth).
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from rich.progress import track

from ringtrue.model.contract import SAMPLE_RATE
from ringtrue.training.callsim.cast import cast_of
from ringtrue.training.callsim.simulate import KINDS, Studio, simulate
from ringtrue.training.callsim.sounds import load_materials
from ringtrue.training.callsim.truth import CallTruth, read_truth, write_truth
from ringtrue.training.manifest import SPLITS, read_manifest

log = logging.getLogger(__name__)

FORMAT = 1
"""Raised when the same arguments give other calls."""


@dataclass(frozen=True)
class SetSpec:
    """What a set is made from; another folder is needed for other values, except ``count``.

    Attributes:
        split: of the clips.
        seconds: longest call.
        kinds: call i is of kind ``kinds[i % len(kinds)]``.
        seed: of everything random.
        manifest_digest: of the clips.
        format: of this module.
    """

    split: str
    seconds: float
    kinds: tuple[str, ...]
    seed: int
    manifest_digest: str
    format: int = FORMAT

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise ValueError(f"expected a split of {', '.join(SPLITS)}, got {self.split!r}")
        if not self.kinds or set(self.kinds) - set(KINDS):
            raise ValueError(f"expected kinds of {', '.join(KINDS)}, got {', '.join(self.kinds)}")
        if not 20 <= self.seconds <= 3600:
            raise ValueError(f"expected 20 to 3600 seconds, got {self.seconds:g}")


@dataclass(frozen=True)
class StoredCall:
    """A call of a set."""

    folder: Path
    truth: CallTruth

    @property
    def path(self) -> Path:
        """Its audio."""
        return self.folder / "calls" / f"{self.truth.call}.flac"

    def audio(self) -> NDArray[np.float32]:
        """[n, 2] float32 at 8 kHz: far end, near end.

        Raises:
            ValueError: it cannot be read or is not such a file.
        """
        try:
            samples, rate = soundfile.read(self.path, dtype="float32", always_2d=True)
        except (soundfile.SoundFileError, OSError) as error:
            raise ValueError(f"{self.path}: cannot be read: {error}") from error
        if rate != SAMPLE_RATE or samples.shape[1] != 2:
            raise ValueError(
                f"{self.path}: expected stereo at {SAMPLE_RATE} Hz, "
                f"got {samples.shape[1]} channels at {rate} Hz"
            )
        return np.asarray(samples, np.float32)


def write_set(
    manifest: Path, spec: SetSpec, folder: Path, count: int, workers: int = 1
) -> list[StoredCall]:
    """Write ``count`` calls; those that are there already are kept.

    Args:
        manifest: path of the clips' manifest.
        spec: the set.
        folder: where to.
        count: number of calls; call i does not depend on it.
        workers: processes.

    Raises:
        ValueError: the folder holds another set, or clips lack.
        OSError: it cannot be written.
    """
    (folder / "calls").mkdir(parents=True, exist_ok=True)
    _check_same(folder, spec)
    missing = [i for i in range(count) if not _done(folder, spec, i)]
    jobs = [(str(manifest), spec, str(folder), index) for index in missing]
    if workers > 1 and len(jobs) > 1:
        with ProcessPoolExecutor(workers) as pool:
            for _ in track(
                pool.map(_write_call, jobs, chunksize=2), total=len(jobs), description="calls"
            ):
                pass
    else:
        for job in track(jobs, description="calls", disable=not jobs):
            _write_call(job)
    calls = [_stored(folder, spec, index) for index in range(count)]
    with _whole(folder / "manifest.jsonl") as part:
        part.write_text("".join(json.dumps(_row(c.truth)) + "\n" for c in calls), "utf-8")
    return calls


def read_set(folder: Path) -> list[StoredCall]:
    """All calls of a set, by index.

    Raises:
        ValueError: not a set of simulated calls, or a damaged one.
    """
    if not (folder / "set.json").is_file():
        raise ValueError(f"{folder}: expected a folder that 'ringtrue simulate-calls' wrote")
    truths = [read_truth(path) for path in sorted((folder / "calls").glob("*.json"))]
    if not truths:
        raise ValueError(f"{folder}: holds no calls")
    return [StoredCall(folder, truth) for truth in sorted(truths, key=lambda t: t.index)]


_studios: dict[tuple[str, str], Studio] = {}


def _studio(manifest: str, split: str) -> Studio:
    # Noises and rooms take seconds to load: once per process.
    if (manifest, split) not in _studios:
        clips = read_manifest(manifest)
        materials = load_materials(clips, split)
        _studios[manifest, split] = Studio(clips, split, cast_of(clips, split), materials)
    return _studios[manifest, split]


def _write_call(job: tuple[str, SetSpec, str, int]) -> None:
    manifest, spec, folder, index = job
    kind = spec.kinds[index % len(spec.kinds)]
    studio = _studio(manifest, spec.split)
    call = simulate(studio, kind, index, spec.seed, spec.seconds, spec.kinds)
    base = Path(folder) / "calls" / call.truth.call
    with _whole(base.with_suffix(".flac")) as part:
        soundfile.write(part, call.samples, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    # The truth comes last: a call with its truth is complete.
    write_truth(call.truth, base.with_suffix(".json"))


def _name(spec: SetSpec, index: int) -> str:
    return f"{spec.split}-{spec.seed}-{index:05d}"


def _done(folder: Path, spec: SetSpec, index: int) -> bool:
    return (folder / "calls" / f"{_name(spec, index)}.json").is_file()


def _stored(folder: Path, spec: SetSpec, index: int) -> StoredCall:
    return StoredCall(folder, read_truth(folder / "calls" / f"{_name(spec, index)}.json"))


def _row(truth: CallTruth) -> dict[str, object]:
    return {
        "id": truth.call,
        "path": f"calls/{truth.call}.flac",
        "truth": f"calls/{truth.call}.json",
        "kind": truth.kind,
        "split": truth.split,
        "seconds": truth.seconds,
        "prelude": truth.prelude,
        "handover_at": truth.handover_at,
        "person": truth.person,
        "near": truth.near,
        "bot": truth.bot,
        "campaign": truth.campaign,
        "repeats": truth.repeats(),
    }


def _check_same(folder: Path, spec: SetSpec) -> None:
    path = folder / "set.json"
    wanted = json.loads(json.dumps(asdict(spec)))
    if path.is_file():
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise ValueError(f"{path}: damaged ({error}); take another folder") from error
        different = [k for k in wanted if found.get(k) != wanted[k]]
        if different:
            raise ValueError(
                f"{folder} holds a set with another {', '.join(different)}; take another folder"
            )
        return
    with _whole(path) as part:
        part.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def kinds_of(names: Sequence[str]) -> tuple[str, ...]:
    """Kinds from the command line: names, also comma-separated, repeated ones for more calls."""
    return tuple(k for name in names for k in name.split(",") if k) or KINDS

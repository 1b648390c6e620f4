"""Scores damaged recordings among good ones and checks what becomes of each.

python benchmarks/damaged.py [MODEL] [--files 500] [--workers 2] [--seed 0] [--folder DIR]

Damage: truncated, bits flipped, wrong ending, empty, 8 bit, 96 kHz, 6 channels, NaN samples.
Every file must have its row; good files must have the rows that they have without the damaged
ones; files that are odd but whole must be scored; files without audio must have an error. Cut and
flipped files may go either way. Ends with code 1 otherwise.
"""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
import soxr
from common import RATE, arguments, demo_audio, show

Samples = npt.NDArray[np.float32]
TOLERANCE = 1e-4
FORMATS = (
    ("wav", {"subtype": "PCM_16"}, 8000),
    ("mulaw.wav", {"subtype": "ULAW"}, 8000),
    ("mp3", {"subtype": "MPEG_LAYER_III"}, 16000),
    ("flac", {"subtype": "PCM_16"}, 16000),
    ("opus", {"format": "OGG", "subtype": "OPUS"}, 48000),
    ("ogg", {"format": "OGG", "subtype": "VORBIS"}, 16000),
)


@dataclass(frozen=True)
class Case:
    """A file and what must become of it: ``scored``, ``error`` or ``either``."""

    path: Path
    kind: str
    expected: str


def main() -> None:
    """Make the files, score them, compare."""
    parser = arguments("Damaged recordings among good ones.")
    parser.add_argument("--files", type=int, default=500, help="damaged files")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="keep the files here")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = chosen.folder or Path(scratch) / "set"
        folder.mkdir(parents=True, exist_ok=True)
        cases = make(folder, chosen.files, np.random.default_rng(chosen.seed))
        good = [case.path for case in cases if case.kind == "good"]
        alone = score(good, Path(scratch) / "good.csv", chosen)
        start = time.perf_counter()
        all_rows = score([case.path for case in cases], Path(scratch) / "all.csv", chosen)
        took = time.perf_counter() - start
        wrong = [text for case in cases if (text := judge(case, all_rows, alone))]
        for text in wrong:
            print(text, file=sys.stderr)
        rows = []
        for kind in dict.fromkeys(case.kind for case in cases):
            of_kind = [case for case in cases if case.kind == kind]
            errors = sum(bool(all_rows[str(c.path)][0]["error"]) for c in of_kind)
            warned = sum("warning: " in all_rows[str(c.path)][0]["reasons"] for c in of_kind)
            rows.append(
                {
                    "kind": kind,
                    "files": len(of_kind),
                    "scored": len(of_kind) - errors,
                    "of them with a warning": warned,
                    "errors": errors,
                    "wrong": sum(str(c.path) in text for c in of_kind for text in wrong),
                }
            )
        show(f"damaged recordings, scored in {took:.1f} s", rows, chosen.json)
        sys.exit(1 if wrong else 0)


def score(files: list[Path], out: Path, chosen: Any) -> dict[str, list[dict[str, str]]]:
    """Rows by path."""
    model = [] if chosen.model is None else ["--model", str(chosen.model)]
    command = [sys.executable, "-m", "ringtrue.inference.cli", "score", *map(str, files), *model]
    command += ["--out", str(out), "--workers", str(chosen.workers), "--quiet"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode not in (0, 1) or "Traceback" in done.stderr:
        raise RuntimeError(f"expected code 0 or 1, got {done.returncode}: {done.stderr}")
    rows: dict[str, list[dict[str, str]]] = {}
    with out.open(encoding="utf-8", errors="surrogateescape", newline="") as stream:
        for row in csv.DictReader(stream):
            rows.setdefault(row["path"], []).append(row)
    return rows


def judge(
    case: Case,
    rows: dict[str, list[dict[str, str]]],
    alone: dict[str, list[dict[str, str]]],
) -> str:
    """What is wrong with the outcome of a file, or nothing."""
    name = str(case.path)
    got = rows.get(name)
    if not got:
        return f"{name}: {case.kind}: no row"
    error = got[0]["error"]
    if case.expected == "scored" and error:
        return f"{name}: {case.kind}: expected a score, got the error {error!r}"
    if case.expected == "error" and not error:
        return f"{name}: {case.kind}: expected an error, got {got[0]['verdict']}"
    if case.kind == "good":
        for one, other in zip(got, alone[name], strict=True):
            near = abs(float(one["voice_llr"]) - float(other["voice_llr"])) <= TOLERANCE
            if not near or one["verdict"] != other["verdict"]:
                return f"{name}: expected the row of a run without damaged files"
    return ""


def make(folder: Path, damaged: int, rng: np.random.Generator) -> list[Case]:
    """``damaged`` bad or odd files and a third as many good ones, mixed."""
    kinds: list[Callable[[Path, int, np.random.Generator], Case]] = [
        truncated, flipped, flipped, truncated, wrong_ending, empty, eight_bit, fast, six_channels,
        not_a_number,
    ]  # fmt: skip
    cases = []
    for number in range(damaged):
        cases.append(kinds[number % len(kinds)](folder, number, rng))
        if number % 3 == 0:
            cases.append(Case(good(folder, number, rng), "good", "scored"))
    return cases


def good(folder: Path, number: int, rng: np.random.Generator, name: str = "good") -> Path:
    """A sound recording of 4 to 10 s in one of the formats."""
    suffix, options, rate = FORMATS[int(rng.integers(len(FORMATS)))]
    call = _call(rng)
    path = folder / f"{number:04}-{name}.{suffix}"
    soundfile.write(
        path, call if rate == RATE else soxr.resample(call, RATE, rate), rate, **options
    )
    return path


def truncated(folder: Path, number: int, rng: np.random.Generator) -> Case:
    """Cut anywhere, often within the header."""
    path = good(folder, number, rng, "cut")
    data = path.read_bytes()
    keep = int(rng.integers(1, 200)) if number % 4 == 0 else int(rng.integers(1, len(data)))
    path.write_bytes(data[:keep])
    return Case(path, "truncated", "either")


def flipped(folder: Path, number: int, rng: np.random.Generator) -> Case:
    """One to a thousand bits flipped, in half of the files within the first 256 bytes."""
    path = good(folder, number, rng, "flipped")
    data = bytearray(path.read_bytes())
    end = min(256, len(data)) if number % 2 else len(data)
    for position in rng.integers(0, end, int(10 ** rng.uniform(0, 3 if end > 256 else 1.5))):
        data[position] ^= 1 << int(rng.integers(8))
    path.write_bytes(data)
    return Case(path, "bits flipped", "either")


def wrong_ending(folder: Path, number: int, rng: np.random.Generator) -> Case:
    """Text, random bytes or a picture as .wav; or FLAC as .mp3, which can be read."""
    which = (number // 10) % 4
    path = folder / f"{number:04}-ending.{'mp3' if which == 3 else 'wav'}"
    if which == 0:
        path.write_text("Dear customer, this is a text.\n" * 50)
    elif which == 1:
        path.write_bytes(rng.bytes(20_000))
        return Case(path, "wrong ending", "either")
    elif which == 2:
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(4) + b"IHDR" + bytes(2000))
    else:
        soundfile.write(path, _call(rng), RATE, format="FLAC")
    return Case(path, "wrong ending", "scored" if which == 3 else "error")


def empty(folder: Path, number: int, rng: np.random.Generator) -> Case:
    """No bytes, or a header without samples."""
    path = folder / f"{number:04}-empty.wav"
    if number % 20 < 10:
        path.touch()
    else:
        soundfile.write(path, np.zeros(0, np.float32), RATE)
    return Case(path, "empty", "error")


def eight_bit(folder: Path, number: int, rng: np.random.Generator) -> Case:
    """8-bit WAV."""
    path = folder / f"{number:04}-8bit.wav"
    soundfile.write(path, _call(rng), RATE, subtype="PCM_U8")
    return Case(path, "8 bit", "scored")


def fast(folder: Path, number: int, rng: np.random.Generator) -> Case:
    """96 kHz, 24 bit."""
    path = folder / f"{number:04}-96k.wav"
    soundfile.write(path, soxr.resample(_call(rng), RATE, 96_000), 96_000, subtype="PCM_24")
    return Case(path, "96 kHz", "scored")


def six_channels(folder: Path, number: int, rng: np.random.Generator) -> Case:
    """Six channels."""
    path = folder / f"{number:04}-six.wav"
    soundfile.write(path, np.stack([_call(rng, 5.0)] * 6, axis=1), RATE)
    return Case(path, "6 channels", "scored")


def not_a_number(folder: Path, number: int, rng: np.random.Generator) -> Case:
    """Float samples with NaN or infinity somewhere."""
    path = folder / f"{number:04}-nan.wav"
    call = _call(rng)
    call[int(rng.integers(call.size))] = np.nan if number % 20 < 10 else np.inf
    soundfile.write(path, call, RATE, subtype="FLOAT")
    return Case(path, "NaN", "error")


def _call(rng: np.random.Generator, seconds: float | None = None) -> Samples:
    length = round(RATE * (rng.uniform(4, 10) if seconds is None else seconds))
    call = demo_audio(60.0)
    start = int(rng.integers(0, call.size - length))
    return call[start : start + length].copy()


if __name__ == "__main__":
    main()

"""Feeds the readers with mutated recordings for a while and counts what happens.

python benchmarks/fuzz_readers.py [--seconds 600] [--seed 0] [--keep DIR]

Recordings of all formats are cut, flipped, spliced, repeated and given wrong headers, and read to
their end in worker processes. Allowed are samples in −1…1 or so, or an ``AudioError``. Anything
else (another exception, a signal, no end within 20 s, more than 700 MB) is a finding: it is
printed, the file is kept with ``--keep``, and the code at the end is 1.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from common import RATE, arguments, demo_audio, show

from ringtrue.inference.audio import AudioError, RawFormat, open_recording

PATIENCE = 20.0
MEMORY = 2_500_000_000
"""Address space of a reader in bytes: far above what libraries map, far below a runaway."""
SOUNDFILE = (
    ("wav", {"subtype": "PCM_16"}, 8000),
    ("wav", {"subtype": "ULAW"}, 8000),
    ("wav", {"subtype": "FLOAT"}, 16000),
    ("wav", {"subtype": "MS_ADPCM"}, 8000),
    ("wav", {"subtype": "GSM610"}, 8000),
    ("mp3", {"subtype": "MPEG_LAYER_III"}, 16000),
    ("flac", {"subtype": "PCM_16"}, 16000),
    ("opus", {"format": "OGG", "subtype": "OPUS"}, 48000),
    ("ogg", {"format": "OGG", "subtype": "VORBIS"}, 16000),
    ("aiff", {"subtype": "PCM_24"}, 8000),
    ("au", {"subtype": "ALAW"}, 8000),
    ("caf", {"subtype": "ALAC_16"}, 8000),
    ("w64", {"subtype": "PCM_16"}, 8000),
)
AV = (
    ("m4a", "aac", 16000, "mono"),
    ("m4a", "aac", 16000, "7.1"),
    ("amr", "libopencore_amrnb", 8000, "mono"),
    ("webm", "libopus", 48000, "mono"),
)


def main() -> None:
    """Mutate, read, count."""
    parser = arguments("Fuzz the readers.")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="keep files that were findings here")
    chosen = parser.parse_args()
    rng = np.random.default_rng(chosen.seed)
    counts = {"read": 0, "refused": 0, "findings": 0}
    with tempfile.TemporaryDirectory() as scratch:
        seeds = make_seeds(Path(scratch))
        reader = Reader()
        end = time.monotonic() + chosen.seconds
        number = 0
        while time.monotonic() < end:
            suffix, data = seeds[int(rng.integers(len(seeds)))]
            path = Path(scratch) / f"mutant{number % 50}.{suffix}"
            _, other = seeds[int(rng.integers(len(seeds)))]
            path.write_bytes(mutate(data, other, rng))
            told = reader.read(path)
            number += 1
            if told in ("read", "refused"):
                counts[told] += 1
                continue
            counts["findings"] += 1
            print(f"{path.name} ({number}): {told}", file=sys.stderr)
            if chosen.keep is not None:
                chosen.keep.mkdir(parents=True, exist_ok=True)
                (chosen.keep / f"{number}-{path.name}").write_bytes(path.read_bytes())
        reader.stop()
    show("fuzzed readers", [{"files": number, **counts}], chosen.json)
    sys.exit(1 if counts["findings"] else 0)


def make_seeds(folder: Path) -> list[tuple[str, bytes]]:
    """Ending and bytes of a whole recording of each format, 2 s long."""
    call = demo_audio(12.0)[-2 * RATE :]
    seeds = []
    for suffix, options, rate in SOUNDFILE:
        path = folder / f"seed.{suffix}"
        audio = call if rate == RATE else soxr.resample(call, RATE, rate)
        try:
            soundfile.write(path, audio, rate, **options)
        except (soundfile.LibsndfileError, ValueError):
            continue  # this build cannot write it
        seeds.append((suffix, path.read_bytes()))
    for suffix, codec, rate, layout in AV:
        path = folder / f"seed.{suffix}"
        try:
            audio = call if rate == RATE else soxr.resample(call, RATE, rate)
            write_av(path, audio, rate, codec, layout)
        except Exception:
            continue
        seeds.append((suffix, path.read_bytes()))
    seeds.append(("ulaw", bytes(range(256)) * 60))
    return seeds


def write_av(path: Path, samples: Any, rate: int, codec: str, layout: str) -> None:
    """Encode samples [n] with a codec of FFmpeg, the same in all channels of the layout."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        kind = stream.codec_context.codec.audio_formats[0].name
        pcm = np.clip(samples * 32767, -32768, 32767).astype(np.int16)
        pcm = np.repeat(pcm, stream.codec_context.layout.nb_channels)[np.newaxis]
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout=layout)
        frame.sample_rate = rate
        frame.pts = 0
        size = stream.codec_context.frame_size or 1024
        convert = av.AudioResampler(format=kind, layout=layout, rate=rate, frame_size=size)
        for part in [*convert.resample(frame), *convert.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))


def mutate(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """One to three random changes."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 4))):
        if not out:
            break
        kind = int(rng.integers(7))
        head = min(len(out), 512)
        at = int(rng.integers(head if rng.random() < 0.6 else len(out)))
        length = int(10 ** rng.uniform(0, 3.5))
        if kind == 0:  # flip bits
            for position in rng.integers(0, head, int(rng.integers(1, 9))):
                out[position] ^= 1 << int(rng.integers(8))
        elif kind == 1:  # a number that is often wrong: 0, all ones, the largest positive
            value = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x80\0\0\0")
            out[at : at + 4] = value[int(rng.integers(4))]
        elif kind == 2:  # cut
            del out[at:]
        elif kind == 3:  # leave out
            del out[at : at + length]
        elif kind == 4:  # repeat
            out[at:at] = out[at : at + length]
        elif kind == 5:  # splice with another recording
            start = int(rng.integers(len(other)))
            out[at : at + length] = other[start : start + length]
        else:  # noise
            out[at : at + length] = rng.bytes(min(length, 4000))
    return bytes(out)


class Reader:
    """Reads files in a process that may die or hang."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._start()

    def _start(self) -> None:
        self._pipe, there = self._context.Pipe()
        self._process = self._context.Process(target=_read_all, args=(there,), daemon=True)
        self._process.start()
        there.close()
        self._pipe.recv()

    def read(self, path: Path) -> str:
        """``read``, ``refused``, or what went wrong."""
        told = ""
        try:
            self._pipe.send(str(path))
            if self._pipe.poll(PATIENCE):
                told = self._pipe.recv()
            else:
                told = f"no end within {PATIENCE:g} s"
        except (EOFError, OSError):
            self._process.join(5)
            told = f"the process ended with code {self._process.exitcode}"
        if told not in ("read", "refused"):
            self.stop()
            self._start()
        return str(told)

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()
        self._pipe.close()


def _read_all(pipe: Connection) -> None:
    import av  # noqa: F401  (loaded before memory is limited)

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    pipe.send("ready")
    while True:
        pipe.send(_read(pipe.recv()))


def _read(path: str) -> str:
    try:
        with open_recording(path, RawFormat(8000, "mulaw")) as recording:
            frames = 0
            for block in recording.blocks():
                frames += len(block)
                if block.dtype != np.float32 or block.shape[1] != recording.channels:
                    return f"a block of {block.dtype} {block.shape}"
                if frames > 3600 * recording.sample_rate:
                    return "more than an hour of samples from a file of seconds"
        return "read"
    except AudioError:
        return "refused"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    main()

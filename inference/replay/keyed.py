"""One-way forms of a fingerprint for keeping: keyed hashes of landmarks, keyed bits of shape.

Without a bank's key its numbers say nothing about the audio. With it, a hash can be undone by
trying all codes, which gives a sparse set of spectral peaks, and the shape bits (320 bit/s) are
random projections of 252 numbers to 32 bits: neither holds what a voice could be rebuilt from.
"""

from __future__ import annotations

import secrets
from typing import Final

import numpy as np
import numpy.typing as npt

from ringtrue.inference.replay.frames import BLOCK_FRAMES
from ringtrue.inference.replay.landmarks import CODES
from ringtrue.inference.replay.shape import DIMENSIONS, Shape

KEY_BYTES: Final = 16
SKETCH_BITS: Final = 32
"""Bits kept per block of 100 ms."""
PATCH_FRAMES: Final = 16
"""Frames that a block's bits are taken from: the block and the next one."""
_POOL: Final = 4

_ONES: Final = np.array([bin(byte).count("1") for byte in range(256)], np.int64)

Hashes = npt.NDArray[np.uint32]


def new_key() -> bytes:
    """A random key of KEY_BYTES."""
    return secrets.token_bytes(KEY_BYTES)


class Keyed:
    """The one-way functions of one key.

    Raises:
        ValueError: the key has another length.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"expected a key of {KEY_BYTES} bytes, got {len(key)}")
        self._table = _siphash(key, np.arange(CODES, dtype=np.uint64)).astype(np.uint32)
        seed = int.from_bytes(key, "little")
        # Philox is a counter-based generator with the same stream on every machine (Salmon 2011).
        signs = np.random.Generator(np.random.Philox(seed=np.random.SeedSequence(seed)))
        size = (PATCH_FRAMES // _POOL * DIMENSIONS, SKETCH_BITS)
        self._planes = np.where(signs.random(size) < 0.5, -1.0, 1.0).astype(np.float32)

    def hashes(self, codes: npt.NDArray[np.int32]) -> Hashes:
        """[n] uint32: SipHash of each landmark, cut to 32 bits."""
        out: Hashes = self._table[codes]
        return out

    def sketch(self, shape: Shape, starts: npt.NDArray[np.intp]) -> Hashes:
        """[len(starts)] uint32: signs of random projections (Charikar 2002) of the patches that
        begin at ``starts``; the share of equal bits grows with the patches' correlation.
        """
        if not len(starts):
            return np.zeros(0, np.uint32)
        padded = np.concatenate((shape, np.zeros((PATCH_FRAMES, DIMENSIONS), np.int8)))
        patches = padded[starts[:, np.newaxis] + np.arange(PATCH_FRAMES)].astype(np.float32)
        pooled = patches.reshape(len(starts), -1, _POOL, DIMENSIONS).sum(axis=2)
        bits = pooled.reshape(len(starts), -1) @ self._planes > 0
        weights = (np.uint32(1) << np.arange(SKETCH_BITS, dtype=np.uint32)).astype(np.uint32)
        out: Hashes = (bits * weights).sum(axis=1, dtype=np.uint64).astype(np.uint32)
        return out

    def block_sketch(self, shape: Shape) -> Hashes:
        """Sketch of each whole block of ``shape``."""
        blocks = len(shape) // BLOCK_FRAMES
        return self.sketch(shape, np.arange(blocks, dtype=np.intp) * BLOCK_FRAMES)


def equal_bits(a: Hashes, b: Hashes) -> npt.NDArray[np.int64]:
    """Number of equal bits of each pair, 0…32."""
    differing = (a ^ b).view(np.uint8).reshape(len(a), 4)
    equal: npt.NDArray[np.int64] = SKETCH_BITS - _ONES[differing].sum(axis=1)
    return equal


def _siphash(key: bytes, words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """SipHash-2-4 (Aumasson and Bernstein 2012) of messages of eight bytes each."""
    k0, k1 = (np.uint64(int.from_bytes(key[i : i + 8], "little")) for i in (0, 8))
    v = [
        np.full_like(words, k ^ np.uint64(c))
        for k, c in (
            (k0, 0x736F6D6570736575),
            (k1, 0x646F72616E646F6D),
            (k0, 0x6C7967656E657261),
            (k1, 0x7465646279746573),
        )
    ]
    for block in (words, np.full_like(words, np.uint64(8 << 56))):
        v[3] ^= block
        for _ in range(2):
            _round(v)
        v[0] ^= block
    v[2] ^= np.uint64(0xFF)
    for _ in range(4):
        _round(v)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _round(v: list[npt.NDArray[np.uint64]]) -> None:
    v[0] += v[1]
    v[1] = _rotate(v[1], 13) ^ v[0]
    v[0] = _rotate(v[0], 32)
    v[2] += v[3]
    v[3] = _rotate(v[3], 16) ^ v[2]
    v[0] += v[3]
    v[3] = _rotate(v[3], 21) ^ v[0]
    v[2] += v[1]
    v[1] = _rotate(v[1], 17) ^ v[2]
    v[2] = _rotate(v[2], 32)


def _rotate(x: npt.NDArray[np.uint64], by: int) -> npt.NDArray[np.uint64]:
    return (x << np.uint64(by)) | (x >> np.uint64(64 - by))

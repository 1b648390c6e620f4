from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrue.inference.replay.fingerprint import fingerprint
from ringtrue.inference.replay.keyed import (
    KEY_BYTES,
    SKETCH_BITS,
    Keyed,
    _siphash,
    equal_bits,
    new_key,
)
from ringtrue.inference.replay.landmarks import CODES
from ringtrue.inference.replay.prompt import Prompt

from .voices import silence, voice

KEY = bytes(range(KEY_BYTES))
KEYED = Keyed(KEY)
HEARD = fingerprint(voice(2, 3.0))


def test_siphash_of_the_reference() -> None:
    # Vector for the message 00 01 … 07 in the authors' reference implementation.
    message = np.array([int.from_bytes(bytes(range(8)), "little")], np.uint64)
    assert int(_siphash(KEY, message)[0]) == 0x93F5F5799A932462


def test_hashes_depend_on_the_key_and_seldom_collide() -> None:
    codes = np.arange(CODES, dtype=np.int32)
    hashes = KEYED.hashes(codes)
    assert hashes.dtype == np.uint32
    assert len(np.unique(hashes)) > 0.999 * CODES
    assert (hashes == Keyed(new_key()).hashes(codes)).mean() < 1e-4


@pytest.mark.parametrize("size", [0, 15, 17])
def test_keys_have_a_length(size: int) -> None:
    with pytest.raises(ValueError, match=f"expected a key of 16 bytes, got {size}"):
        Keyed(bytes(size))


def test_sketches_agree_for_the_same_and_half_for_others() -> None:
    same = KEYED.block_sketch(HEARD.shape)
    assert len(same) == 30
    assert (equal_bits(same, same) == SKETCH_BITS).all()
    other = KEYED.block_sketch(fingerprint(voice(3, 3.0)).shape)
    assert 0.4 < equal_bits(same, other).mean() / SKETCH_BITS < 0.6
    elsewhere = Keyed(new_key()).block_sketch(HEARD.shape)
    assert 0.4 < equal_bits(same, elsewhere).mean() / SKETCH_BITS < 0.6
    assert len(KEYED.sketch(HEARD.shape, np.zeros(0, np.intp))) == 0


def test_equal_bits_are_counted() -> None:
    a = np.array([0, 0, 0xFFFFFFFF, 0b1011], np.uint32)
    b = np.array([0, 0xFFFFFFFF, 0xFFFFFFFF, 0b0010], np.uint32)
    assert equal_bits(a, b).tolist() == [32, 0, 32, 30]


def test_a_prompt_survives_its_bytes() -> None:
    prompt = Prompt.of(HEARD, KEYED)
    again = Prompt.from_bytes(prompt.to_bytes())
    for name in ("hashes", "frames", "sketch"):
        np.testing.assert_array_equal(getattr(again, name), getattr(prompt, name))
    assert again.name == prompt.name
    assert len(prompt.name) == 12
    assert again.seconds == 3.0


@given(st.data())
def test_any_altered_byte_is_noticed(data: st.DataObject) -> None:
    stored = bytearray(Prompt.of(HEARD, KEYED).to_bytes())
    place = data.draw(st.integers(0, len(stored) - 1))
    stored[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ValueError, match="damaged"):
        Prompt.from_bytes(bytes(stored))


@given(st.binary(max_size=64))
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="damaged"):
        Prompt.from_bytes(data)


def test_what_makes_no_prompt() -> None:
    with pytest.raises(ValueError, match="without spectral peaks"):
        Prompt.of(fingerprint(silence(2)), KEYED)

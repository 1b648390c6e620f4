from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from ringtrue.training.channel.g711 import G711, round_trip_table

EVERY = np.arange(-32768, 32768).astype(np.int16)


def libsndfile(subtype: str) -> NDArray[np.int64]:
    stream = BytesIO()
    soundfile.write(stream, EVERY, 8000, format="WAV", subtype=subtype)
    stream.seek(0)
    return np.asarray(soundfile.read(stream, dtype="int16")[0], dtype=np.int64)


def table(law: str) -> NDArray[np.int64]:
    return np.rint(round_trip_table(law) * 32768).astype(np.int64)


def test_mulaw_equals_libsndfile_on_every_value() -> None:
    np.testing.assert_array_equal(table("mulaw"), libsndfile("ULAW"))


def test_alaw_equals_libsndfile_but_on_negative_decision_values() -> None:
    # G.711 leaves open which interval a decision value belongs to; 127 of them are negative.
    different = table("alaw") != libsndfile("ALAW")
    assert np.count_nonzero(different) == 127
    assert (EVERY[different] < 0).all()
    assert (EVERY[different] % 16 == 0).all()


def test_levels_of_the_standard() -> None:
    assert len(np.unique(table("alaw"))) == 256
    assert len(np.unique(table("mulaw"))) == 255  # +0 and -0 decode alike
    assert table("mulaw").max() == 8031 * 4  # last decoder output of Table 2a
    assert table("alaw").max() == 4032 * 8  # last decoder output of Table 1a
    assert table("alaw")[32768] == 8


@pytest.mark.parametrize("law", ["alaw", "mulaw"])
def test_second_pass_changes_nothing(law: str) -> None:
    once = G711().apply((EVERY / 32768).astype(np.float32), {"law": law})
    np.testing.assert_array_equal(G711().apply(once, {"law": law}), once)


def test_unknown_law() -> None:
    with pytest.raises(ValueError, match="expected a law of alaw, mulaw, got 'ulaw'"):
        round_trip_table("ulaw")

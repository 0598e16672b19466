"""Bytes to samples: interleaving, and errors that say what would be right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotion.audio import pcm


@given(st.lists(st.integers(-32768, 32767), max_size=50))
def test_pcm_round_trip(values: list[int]) -> None:
    data = np.array(values, "<i2").tobytes()
    assert pcm.encode_s16le(pcm.decode_s16le(data)) == data


def test_interleaved_sides_come_apart() -> None:
    data = np.array([1, -1, 2, -2, 3, -3], "<i2").tobytes()
    sides = pcm.decode(data, "pcm_s16le", ("caller", "agent"))
    assert (sides["caller"] * 32768).tolist() == [1, 2, 3]
    assert (sides["agent"] * 32768).tolist() == [-1, -2, -3]


@pytest.mark.parametrize(("data", "encoding", "says"), [
    (b"\0\0\0", "pcm_s16le", "multiple of 4"),
    (b"\0", "mulaw", "multiple of 2"),
    (b"\0\0", "g729", "pcm_s16le, mulaw, alaw"),
])
def test_torn_frames_and_unknown_encodings_are_named(data: bytes, encoding: str, says: str) -> None:
    with pytest.raises(pcm.AudioError, match=says):
        pcm.decode(data, encoding, ("caller", "agent"))


def test_odd_bytes_are_refused() -> None:
    with pytest.raises(pcm.AudioError, match="even number"):
        pcm.decode_s16le(b"\0\0\0")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_is_refused(bad: float) -> None:
    with pytest.raises(pcm.AudioError, match="finite"):
        pcm.finite(np.array([0, bad], np.float32))

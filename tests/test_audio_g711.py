"""G.711 against the standard's own values, and its laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotion.audio import g711

CODES = bytes(range(256))


@pytest.mark.parametrize(("code", "value"), [(0x00, -32124), (0x80, 32124), (0xFF, 0), (0x7F, 0), (0x8F, 16764)])
def test_ulaw_values_of_the_standard(code: int, value: int) -> None:
    assert g711.decode_ulaw(bytes([code]))[0] * 32768 == value


@pytest.mark.parametrize(("code", "value"), [(0x2A, -32256), (0xAA, 32256), (0xD5, 8), (0x55, -8), (0xD4, 24)])
def test_alaw_values_of_the_standard(code: int, value: int) -> None:
    assert g711.decode_alaw(bytes([code]))[0] * 32768 == value


def test_every_code_survives_a_round_trip() -> None:
    assert g711.encode_alaw(g711.decode_alaw(CODES)) == CODES
    assert g711.encode_ulaw(g711.decode_ulaw(CODES)) == CODES.replace(b"\x7f", b"\xff")  # two zeros, one value


@given(st.lists(st.floats(-1.5, 1.5, width=32), max_size=64))
def test_companding_keeps_the_sign_and_about_five_bits(values: list[float]) -> None:
    samples = np.array(values, np.float32)
    for encode, decode in ((g711.encode_ulaw, g711.decode_ulaw), (g711.encode_alaw, g711.decode_alaw)):
        back = decode(encode(samples))
        inside = np.clip(samples, -0.98, 0.98)
        assert np.all(np.abs(back - inside) <= np.maximum(0.04 * np.abs(inside) + 2e-2 * (np.abs(samples) > 0.98),
                                                          4e-4))

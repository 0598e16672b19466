"""G.711 companding (ITU-T G.711): mu-law and A-law bytes to samples in -1..1 and back.

Decoding is one table look-up; encoding searches the decoded values for the nearest, so that
encode(decode(code)) == code holds for every code by construction (mu-law's negative zero 0x7F maps to 0xFF).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from emotion.types import Audio

_FULL_SCALE = 32768.0


def decode_ulaw(data: bytes) -> Audio:
    """mu-law bytes -> float32 samples, one a byte."""
    return _ulaw_table()[np.frombuffer(data, np.uint8)]


def decode_alaw(data: bytes) -> Audio:
    """A-law bytes -> float32 samples, one a byte."""
    return _alaw_table()[np.frombuffer(data, np.uint8)]


def encode_ulaw(samples: Audio) -> bytes:
    """Float samples -> mu-law bytes; what is over full scale is clipped."""
    return _nearest(samples, *_ordered(_ulaw_table))


def encode_alaw(samples: Audio) -> bytes:
    """Float samples -> A-law bytes; what is over full scale is clipped."""
    return _nearest(samples, *_ordered(_alaw_table))


@cache
def _ulaw_table() -> Audio:
    code = ~np.arange(256, dtype=np.uint8)
    exponent, mantissa = (code >> 4) & 7, code & 15
    magnitude = (((mantissa.astype(np.int32) << 3) + 0x84) << exponent) - 0x84
    return _signed(magnitude, negative=code & 0x80 != 0)


@cache
def _alaw_table() -> Audio:
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent, mantissa = ((code >> 4) & 7).astype(np.int32), (code & 15).astype(np.int32)
    linear = (mantissa << 4) + 8
    magnitude = np.where(exponent == 0, linear, (linear + 0x100) << np.maximum(exponent - 1, 0))
    return _signed(magnitude, negative=code & 0x80 == 0)


def _signed(magnitude: NDArray[np.int32], negative: NDArray[np.bool_]) -> Audio:
    table = (np.where(negative, -magnitude, magnitude) / _FULL_SCALE).astype(np.float32)
    table.setflags(write=False)
    return table


@cache
def _ordered(table: object) -> tuple[Audio, NDArray[np.uint8]]:
    """The borders between neighbouring values, and the codes in order of value (positive zero for both zeros)."""
    values = table()  # type: ignore[operator]
    codes = np.argsort(values, kind="stable")[::-1]
    _, first = np.unique(values[codes], return_index=True)
    kept = codes[first].astype(np.uint8)
    return (values[kept][1:] + values[kept][:-1]) / 2, kept


def _nearest(samples: Audio, borders: Audio, codes: NDArray[np.uint8]) -> bytes:
    return codes[np.searchsorted(borders, samples)].tobytes()

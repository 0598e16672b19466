"""Linear PCM bytes to samples in -1..1, and the checks that every incoming block of audio passes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from emotion.audio import g711
from emotion.types import Audio, Side


class AudioError(ValueError):
    """Audio that cannot be taken; the message names the fault and what would be right."""


def decode_s16le(data: bytes) -> Audio:
    """Signed 16-bit little-endian bytes -> float32 samples; AudioError for half a sample."""
    if len(data) % 2:
        raise AudioError(f"{len(data)} bytes are not whole 16-bit samples; send an even number of bytes")
    return np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32768)


def encode_s16le(samples: Audio) -> bytes:
    """Float samples -> signed 16-bit little-endian bytes, clipped at full scale."""
    return np.clip(np.round(samples * 32768.0), -32768, 32767).astype("<i2").tobytes()


ENCODINGS: dict[str, tuple[int, Callable[[bytes], Audio]]] = {
    "pcm_s16le": (2, decode_s16le),
    "mulaw": (1, g711.decode_ulaw),
    "alaw": (1, g711.decode_alaw),
}
"""Bytes a sample, and the decoder, of every encoding that a door may announce."""


def decode(data: bytes, encoding: str, sides: Sequence[Side]) -> dict[Side, Audio]:
    """Interleaved bytes -> samples of each side; AudioError for an unknown encoding or a torn frame."""
    if encoding not in ENCODINGS:
        raise AudioError(f"unknown encoding {encoding!r}; use one of {', '.join(ENCODINGS)}")
    width, decoder = ENCODINGS[encoding]
    if len(data) % (width * len(sides)):
        raise AudioError(f"{len(data)} bytes are not whole frames of {len(sides)} channel(s) x {width} byte(s); "
                         f"send a multiple of {width * len(sides)} bytes")
    samples = decoder(data)
    return {side: samples[n :: len(sides)] for n, side in enumerate(sides)}


def finite(samples: Audio) -> Audio:
    """The samples as float32; AudioError when one is NaN or infinite."""
    plain = np.asarray(samples, np.float32)
    if plain.ndim != 1:
        raise AudioError(f"samples of shape {plain.shape}; give one channel as a flat array")
    if not np.isfinite(plain).all():
        raise AudioError("samples hold NaN or infinity; send finite numbers in -1..1")
    return plain

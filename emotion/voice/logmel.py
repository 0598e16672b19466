"""Log-mel spectrogram: the one front end of mood and words, streaming and batched over calls.

Frames of 256 samples (32 ms, Hann) every 80 (10 ms); frame t of a call ends at sample 80 (t + 1), so that
nothing looks ahead and a hop has exactly 50 of them. 64 triangular bands, 60-3800 Hz, spaced and normalised as
Slaney's Auditory Toolbox does (librosa's default). The value is ln(power + 1e-8); the level is left in: a model
that must not hear it takes its own running mean off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from emotion.types import BANDS, FRAME, FRAMES, RATE, Audio

WINDOW = 256
FLOOR = 1e-8
_PAST = WINDOW - FRAME


@dataclass(slots=True)
class LogMelState:
    """The last samples of a call that the next window still covers."""

    past: Audio = field(default_factory=lambda: np.zeros(_PAST, np.float32))


class LogMel:
    """64 log-mel bands each 10 ms."""

    def start(self) -> LogMelState:
        return LogMelState()

    def step(self, states: Sequence[LogMelState], hops: Audio) -> Audio:
        """(batch, HOP) samples -> (batch, FRAMES, BANDS) ln power; the states move on by one hop."""
        past = np.stack([state.past for state in states])
        joined = np.concatenate([past, hops], axis=1)
        for state, row in zip(states, joined, strict=True):
            state.past = row[-_PAST:].copy()
        windows = np.lib.stride_tricks.sliding_window_view(joined, WINDOW, axis=1)[:, ::FRAME]
        spectrum = np.fft.rfft(windows[:, :FRAMES] * hann(), axis=2).astype(np.complex64)
        power = spectrum.real**2 + spectrum.imag**2
        return np.log(power @ filters() + np.float32(FLOOR), dtype=np.float32)


@cache
def hann() -> Audio:
    return np.hanning(WINDOW + 1)[:-1].astype(np.float32)


@cache
def filters(low: float = 60.0, high: float = 3800.0) -> Audio:
    """Triangular bands as a (WINDOW // 2 + 1, BANDS) matrix; equals librosa.filters.mel(norm='slaney')."""
    edges = _hertz(np.linspace(_mel(np.array(low)), _mel(np.array(high)), BANDS + 2))
    bins = np.fft.rfftfreq(WINDOW, 1 / RATE)[:, None]
    rise = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    area = 2.0 / (edges[2:] - edges[:-2])
    return (np.maximum(0, np.minimum(rise, fall)) * area).astype(np.float32)


_LINEAR = 200.0 / 3
_KNEE = 1000.0
_STEP = np.log(6.4) / 27.0


def _mel(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
    above = _KNEE / _LINEAR + np.log(np.maximum(hertz, _KNEE) / _KNEE) / _STEP
    return np.where(hertz < _KNEE, hertz / _LINEAR, above)


def _hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    above = _KNEE * np.exp(_STEP * (mel - _KNEE / _LINEAR))
    return np.where(mel < _KNEE / _LINEAR, mel * _LINEAR, above)

"""Loudness: level of the speech, its distance from the line's own noise, and vocal effort.

Level alone misleads: lines differ and gain controls move it. Effort is the slope of the spectrum inside the telephone
band: the mean level in dB of five bands from 1.25 to 3.4 kHz less that of two from 300 to 600 Hz, the line's noise
taken off. It rises by several dB from talking to shouting (Sluijter & van Heuven 1996; Traunmueller & Eriksson 2000)
and a gain leaves it. The bands' powers are running means over about EFFORT_S of speech: loud vowels weigh most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise

import numpy as np

from emotion.types import FRAME, FRAMES, HOP, RATE, Activity, Audio, Loudness

WINDOW = 2 * FRAME
DEEP = (300.0, 450.0, 600.0)
BRIGHT = (1250.0, 1600.0, 2000.0, 2500.0, 3000.0, 3400.0)
BANDS = len(DEEP) + len(BRIGHT) - 2
EFFORT_S = 1.0
MIN_SPEECH = 10
"""Frames of speech that a hop needs, for a value."""
FLOOR = 1e-9
"""Power of the quietest noise that is believed (-90 dB full scale): below it there is digital silence."""
_FORGET = 0.9


@dataclass(slots=True)
class LoudnessState:
    """Powers of the whole band and of each of the BANDS: the line's noise, the speech of late; NaN before any."""

    noise: Audio = field(default_factory=lambda: np.full(1 + BANDS, np.nan, np.float32))
    speech: Audio = field(default_factory=lambda: np.full(1 + BANDS, np.nan, np.float32))


class LoudnessMeter:
    """Level of the caller's speech, once per hop."""

    def start(self) -> LoudnessState:
        return LoudnessState()

    def step(self, states: Sequence[LoudnessState], hops: Audio,
             activities: Sequence[Activity]) -> list[Loudness | None]:
        """(batch, HOP) samples -> Loudness a call, or None where the hop has too little speech."""
        powers = band_powers(hops - hops.mean(axis=1, keepdims=True))  # without the line's DC offset
        return [_one(state, row, activity) for state, row, activity in zip(states, powers, activities, strict=True)]


def _one(state: LoudnessState, powers: Audio, activity: Activity) -> Loudness | None:
    pairs = activity.speech.reshape(-1, 2)
    silent = ~pairs.any(axis=1) & (activity.probability.reshape(-1, 2).max(axis=1) < 0.2)
    if silent.sum() >= 3:
        heard = np.maximum(np.median(powers[silent], axis=0), FLOOR)
        fresh = np.isnan(state.noise)
        state.noise = np.where(fresh, heard, _FORGET * state.noise + (1 - _FORGET) * heard).astype(np.float32)
    speech = pairs.all(axis=1)
    if 2 * speech.sum() < MIN_SPEECH:
        return None
    heard = powers[speech].mean(axis=0)
    if heard[0] <= FLOOR:
        return None
    noise = np.where(np.isnan(state.noise), np.maximum(np.min(powers, axis=0), FLOOR), state.noise)
    share = min(1.0, float(speech.sum()) * WINDOW / RATE / EFFORT_S)
    before = np.where(np.isnan(state.speech), heard, state.speech)
    state.speech = (before + share * (heard - before)).astype(np.float32)
    level, ratio = 10 * np.log10([heard[0], heard[0] / noise[0]])
    return Loudness(float(level), float(max(ratio, 0.0)), effort(state.speech[1:], noise[1:]))


def effort(speech: Audio, noise: Audio) -> float:
    """Bright less deep level in dB; of a band that drowns in noise a tenth of its power is believed to be speech."""
    bands = 10 * np.log10(np.maximum(speech - noise, 0.1 * speech) + 1e-12)
    split = len(DEEP) - 1
    return float(bands[split:].mean() - bands[:split].mean())


def band_powers(hops: Audio) -> Audio:
    """(batch, HOP) -> (batch, FRAMES / 2, 1 + BANDS) mean power of each 20 ms: all of it, and each band."""
    windows = hops.reshape(len(hops), FRAMES // 2, WINDOW)
    spectrum = np.fft.rfft(windows * _window(), axis=2).astype(np.complex64)
    power = spectrum.real**2 + spectrum.imag**2
    return np.asarray(power @ _bands(), np.float32)


@cache
def _window() -> Audio:
    return np.hanning(WINDOW + 1)[:-1].astype(np.float32)


@cache
def _bands() -> Audio:
    """Sums over bins, scaled so that a band's number is its mean power (Parseval, window taken out)."""
    hertz = np.fft.rfftfreq(WINDOW, 1 / RATE)
    sides = np.where((hertz == 0) | (hertz == RATE / 2), 1, 2)
    scale = sides / (WINDOW * np.sum(_window().astype(np.float64) ** 2))
    edges = [(50.0, RATE / 2 + 1), *pairwise(DEEP), *pairwise(BRIGHT)]
    inside = [(hertz >= low) & (hertz < high) for low, high in edges]
    return (np.stack(inside, axis=1) * scale[:, None]).astype(np.float32)


assert HOP % WINDOW == 0

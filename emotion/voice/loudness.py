"""Loudness: level of the speech, its distance from the line's own noise, and vocal effort.

Level alone misleads: lines differ and gain controls move it. Effort is the slope of the spectrum inside the telephone
band, 10 log10 of the power at 0.8-3.4 kHz over that at 300-800 Hz, with the line's noise taken off: it rises by
several dB from talking to shouting (Traunmueller & Eriksson 2000; Sluijter & van Heuven 1996) and a gain leaves it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from emotion.types import FRAME, FRAMES, HOP, RATE, Activity, Audio, Loudness

WINDOW = 2 * FRAME
LOW = (300.0, 800.0)
HIGH = (800.0, 3400.0)
MIN_SPEECH = 10
"""Frames of speech that a hop needs, for a value."""
FLOOR = 1e-9
"""Power of the quietest noise that is believed (-90 dB full scale): below it there is digital silence."""
_FORGET = 0.9


@dataclass(slots=True)
class LoudnessState:
    """The line's noise so far: power over the whole band, low and high; NaN before any was heard."""

    noise: Audio = field(default_factory=lambda: np.full(3, np.nan, np.float32))


class LoudnessMeter:
    """Level of the caller's speech, once per hop."""

    def start(self) -> LoudnessState:
        return LoudnessState()

    def step(self, states: Sequence[LoudnessState], hops: Audio,
             activities: Sequence[Activity]) -> list[Loudness | None]:
        """(batch, HOP) samples -> Loudness a call, or None where the hop has too little speech."""
        powers = band_powers(hops)
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
    noise = np.where(np.isnan(state.noise), np.maximum(np.min(powers, axis=0), FLOOR), state.noise)
    total = powers[speech].mean(axis=0)
    clean = np.maximum(total - noise, 0.05 * total)
    if total[0] <= FLOOR:
        return None
    level, ratio, effort = 10 * np.log10([total[0], total[0] / noise[0], clean[2] / clean[1]])
    return Loudness(float(level), float(max(ratio, 0.0)), float(effort))


def band_powers(hops: Audio) -> Audio:
    """(batch, HOP) -> (batch, FRAMES / 2, 3) mean power of each 20 ms: all of it, its low and its high band."""
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
    inside = [(hertz >= low) & (hertz < high) for low, high in ((50.0, RATE / 2 + 1), LOW, HIGH)]
    return (np.stack(inside, axis=1) * scale[:, None]).astype(np.float32)


assert HOP % WINDOW == 0

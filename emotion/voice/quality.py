"""Voice quality over the voiced frames of a hop, after eGeMAPS (Eyben et al. 2016, doi 10.1109/TAFFC.2015.2457417).

All voiced frames of all calls are worked on at once. Around each, the wave is compared with itself one and two
periods on (waveform matching, as Praat and openSMILE do): the lag of best match gives two successive periods, whose
difference is jitter, the peaks inside them shimmer, and the height r of the match the harmonics-to-noise ratio
10 log10(r / (1 - r)) (Boersma 1993). Jitter is the local one as a ratio, shimmer the local one in dB. Alpha ratio and
Hammarberg index come from the mean spectrum of the voiced frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from emotion.types import F0, FRAME, HOP, RATE, Activity, Audio, Quality

MIN_VOICED = 5
"""Voiced frames that a hop needs, for a value."""
PAST = 400
"""Samples kept, so that the first frames of a hop have their periods too."""
STRIDE = 3
"""Every third frame is measured: a frame covers three periods anyway."""
WINDOW = 256
_SEARCH = 0.15
"""Periods are looked for within this share of 1 / f0."""
_GRID = 11
_POINTS = 32
"""A period is compared at so many points, whatever its length."""


@dataclass(slots=True)
class QualityState:
    """The last samples of a call."""

    past: Audio = field(default_factory=lambda: np.zeros(PAST, np.float32))


class QualityMeter:
    """Quality of the caller's voice, once per hop."""

    def start(self) -> QualityState:
        return QualityState()

    def step(self, states: Sequence[QualityState], hops: Audio, activities: Sequence[Activity],
             f0s: Sequence[F0]) -> list[Quality | None]:
        """(batch, HOP) samples -> Quality a call, or None where the hop has too few voiced frames."""
        joined = np.concatenate([np.stack([state.past for state in states]), hops], axis=1)
        for state, row in zip(states, joined, strict=True):
            state.past = row[-PAST:].copy()
        joined -= joined.mean(axis=1, keepdims=True)  # a DC offset would count as harmony
        tracks = np.stack([f0.hertz for f0 in f0s])
        found: list[Quality | None] = [None] * len(states)
        calls, frames = np.nonzero(~np.isnan(tracks))
        kept = frames % STRIDE == 0
        calls, frames = calls[kept], frames[kept]
        if not len(calls):
            return found
        centres = PAST + frames * FRAME + FRAME // 2
        periods = RATE / tracks[calls, frames]
        cycles = _cycles(joined, calls, centres, periods)
        spectra = _spectra(joined, calls, centres)
        for call in np.unique(calls):
            mine = calls == call
            if STRIDE * mine.sum() >= MIN_VOICED:
                found[call] = _one(cycles[mine], spectra[mine])
        return found


def _one(cycles: Audio, spectra: Audio) -> Quality:
    first, second, match, shimmer = cycles.T
    good = match > 0.5
    jitter = shimmer_db = hnr = None
    if good.sum() >= 3:
        jitter = float(np.mean(np.abs(first - second)[good]) / np.mean((first + second)[good] / 2))
        shimmer_db = float(np.mean(shimmer[good]))
        mean = float(np.clip(np.mean(match[good]), 1e-4, 1 - 1e-4))
        hnr = float(10 * np.log10(mean / (1 - mean)))
    alpha, hammarberg = tilt(spectra.mean(axis=0))
    return Quality(jitter, shimmer_db, hnr, alpha, hammarberg)


def tilt(power: Audio) -> tuple[float | None, float | None]:
    """Alpha ratio and Hammarberg index in dB of a power spectrum of WINDOW samples; None where it has no power."""
    hertz = np.fft.rfftfreq(WINDOW, 1 / RATE)
    low, high = power[(hertz >= 50) & (hertz < 1000)], power[hertz >= 1000]
    deep, bright = power[hertz < 2000], power[hertz >= 2000]
    if high.sum() <= 0 or bright.max() <= 0 or low.sum() <= 0:
        return None, None
    return float(10 * np.log10(low.sum() / high.sum())), float(10 * np.log10(deep.max() / bright.max()))


def _cycles(joined: Audio, calls: NDArray[np.intp], centres: NDArray[np.intp],
            periods: Audio) -> Audio:
    """For each frame: two successive periods (samples), how well they match (0-1), and shimmer (dB)."""
    lags = np.linspace(1 - _SEARCH, 1 + _SEARCH, _GRID, dtype=np.float32)
    grid = np.linspace(0, 1, _POINTS, endpoint=False, dtype=np.float32)
    start = centres - 1.5 * periods
    base = _at(joined, calls, start[:, None] + grid * periods[:, None])
    found = []
    origin = start
    for _ in range(2):
        times = origin[:, None, None] + lags[:, None] * periods[:, None, None] + grid * periods[:, None, None]
        moved = _at(joined, calls, times.reshape(len(calls), -1)).reshape(len(calls), _GRID, _POINTS)
        score = np.einsum("np,nlp->nl", base, moved) / np.sqrt(
            np.sum(base**2, axis=1)[:, None] * np.sum(moved**2, axis=2) + 1e-12)
        where, height = _peak(score)
        period = periods * (1 - _SEARCH + where * 2 * _SEARCH / (_GRID - 1))
        base = _at(joined, calls, origin[:, None] + period[:, None] + grid * periods[:, None])
        found.append((period, height, np.ptp(base, axis=1)))
        origin = origin + period
    (one, match, loud), (two, match2, loud2) = found
    shimmer = 20 * np.abs(np.log10((loud + 1e-9) / (loud2 + 1e-9)))
    return np.stack([one, two, np.clip((match + match2) / 2, 0, 1), shimmer], axis=1)


def _peak(score: Audio) -> tuple[Audio, Audio]:
    """Place and height of the maximum of each row, by a parabola through its neighbours."""
    best = np.clip(score.argmax(axis=1), 1, score.shape[1] - 2)
    rows = np.arange(len(score))
    left, middle, right = score[rows, best - 1], score[rows, best], score[rows, best + 1]
    bend = left - 2 * middle + right
    move = np.where(bend < -1e-9, 0.5 * (left - right) / np.minimum(bend, -1e-9), 0.0)
    move = np.clip(move, -1, 1)
    return best + move, middle - 0.25 * (left - right) * move


def _at(joined: Audio, calls: NDArray[np.intp], times: Audio) -> Audio:
    """The wave of each call at fractional sample times (n, points), by linear interpolation."""
    whole = np.clip(np.floor(times).astype(np.intp), 0, PAST + HOP - 2)
    part = np.clip(times - whole, 0, 1).astype(np.float32)
    rows = calls[:, None]
    left = joined[rows, whole]
    return np.asarray(left + (joined[rows, whole + 1] - left) * part, np.float32)


def _spectra(joined: Audio, calls: NDArray[np.intp], centres: NDArray[np.intp]) -> Audio:
    """Power spectrum around each frame, (n, WINDOW // 2 + 1)."""
    starts = np.clip(centres - WINDOW // 2, 0, joined.shape[1] - WINDOW)
    windows = np.lib.stride_tricks.sliding_window_view(joined, WINDOW, axis=1)[calls, starts]
    spectrum = np.fft.rfft(windows * _window(), axis=1)
    return np.asarray(spectrum.real**2 + spectrum.imag**2, np.float32)


@cache
def _window() -> Audio:
    return np.hanning(WINDOW + 1)[:-1].astype(np.float32)

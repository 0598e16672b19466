"""Speech rate: syllables per second over the last 10 s, from nuclei in the envelope of the voiced parts.

A nucleus is a peak of the smoothed envelope (dB) at most REACH frames from a voiced one, as de Jong & Wempe (2009) have
it, with the pitch tracker's voicing, which noise disturbs least. Two bands and two smoothings are counted and averaged:
where one merges two syllables or splits one, the others seldom do. Peaks more than DROP dB under the loud ones of the
window are left out. A straight line, fitted on EmoDB's hand-made syllables through clean, telephone and noisy lines
(`python -m benchmarks run rate` prints it), puts the count right. The window ends DELAY frames before the hop does.

Where the ear for words counts syllables too, it is a second witness: its count over the same time, put right by a
constant, and the nuclei's are averaged, each with the inverse of its variance.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from math import hypot

import numpy as np

from emotion.config import RateConfig
from emotion.types import F0, FRAME, FRAMES, RATE, Activity, Audio, Mask, Rate

WINDOW = 2 * FRAME
EDGES = ((300.0, 2000.0), (200.0, 3400.0))
SMOOTHINGS = (2.0, 2.5)
"""Standard deviations of the Gaussian, frames."""
COUNTS = len(EDGES) * len(SMOOTHINGS)
REACH = 3
DROP = 23.0
DELAY = 10
"""Frames that the smoothing and the voicing around a peak must look ahead."""
_KEPT = 2 * DELAY
MIN_SPEECH = 100
"""Frames of speech that the window needs, for a value."""
SHORT_PAUSE = 20
"""Frames of silence that still belong to the speech around them."""
SLOPE, OFFSET = 1.224, -0.352
SPREAD, SPREAD_1S = 0.37, 1.24
"""Standard deviation of the result in a long window, and what a short one adds: SPREAD_1S / sqrt(seconds)."""
WITNESS_OFFSET = 0.0
"""Syllables per second that the ear misses: none since it learnt from slow speech; it is fitted anew with the ear."""
WITNESS_SPREAD, WITNESS_SPREAD_1S = 0.25, 0.5
"""Standard deviation of its count, likewise."""


@dataclass(slots=True)
class RateState:
    """The last 10 s of a call, DELAY frames late, and what the next hop needs of this one."""

    peaks: Audio
    """(COUNTS, frames) level of the peak at this frame, dB; NaN where there is none."""
    speech: Mask
    samples: Audio = field(default_factory=lambda: np.zeros(FRAME, np.float32))
    powers: Audio = field(default_factory=lambda: np.zeros((_KEPT, len(EDGES)), np.float32))
    voiced: Mask = field(default_factory=lambda: np.zeros(_KEPT, np.bool_))
    active: Mask = field(default_factory=lambda: np.zeros(DELAY, np.bool_))
    counted: deque[float | None] = field(default_factory=deque)
    """Syllables that the ear counted, hop by hop over the window."""


class RateMeter:
    """Tempo of the caller's speech, once per hop."""

    def __init__(self, config: RateConfig | None = None) -> None:
        self.config = config or RateConfig()
        self.frames = round(self.config.window_s * RATE / FRAME)

    def start(self) -> RateState:
        return RateState(np.full((COUNTS, self.frames), np.nan, np.float32), np.zeros(self.frames, np.bool_))

    def step(self, states: Sequence[RateState], hops: Audio, activities: Sequence[Activity],
             f0s: Sequence[F0], counted: Sequence[float | None] | None = None) -> list[Rate | None]:
        """(batch, HOP) samples -> Rate a call, or None with too little speech in the last 10 s.

        `counted`: syllables that another ear counted in this hop, None where it counts none.
        """
        others = counted or [None] * len(states)
        for state, hop, activity, f0, other in zip(states, hops, activities, f0s, others, strict=True):
            voiced = np.concatenate([state.voiced, ~np.isnan(f0.hertz)])
            powers = np.concatenate([state.powers, band_powers(np.concatenate([state.samples, hop]))])
            active = np.concatenate([state.active, activity.speech])
            # an ear may hear syllables in a line's noise, and is a little late with those of speech
            state.counted.append(other if other is None or active.any() else 0.0)
            while len(state.counted) > self.frames // FRAMES:
                state.counted.popleft()
            near = np.convolve(voiced, np.ones(2 * REACH + 1), "same")[DELAY:DELAY + FRAMES] > 0.5
            found = peaks(powers, near) if near.any() else np.full((COUNTS, FRAMES), np.nan, np.float32)
            state.peaks = np.concatenate([state.peaks[:, FRAMES:], found], axis=1)
            state.speech = np.concatenate([state.speech[FRAMES:], active[:FRAMES] | near])
            state.samples, state.powers = hop[-FRAME:].copy(), powers[-_KEPT:]
            state.voiced, state.active = voiced[-_KEPT:], active[-DELAY:]
        return [witness(reckon(state.peaks, state.speech), list(state.counted), state.speech) for state in states]


def band_powers(wave: Audio) -> Audio:
    """(FRAME + HOP,) samples -> (FRAMES, bands): 20 ms windows that end with their frame."""
    windows = np.lib.stride_tricks.sliding_window_view(wave, WINDOW)[::FRAME]
    spectrum = np.fft.rfft(windows * _window(), axis=1)
    return np.asarray((spectrum.real**2 + spectrum.imag**2) @ _filters(), np.float32)


def peaks(powers: Audio, near: Mask) -> Audio:
    """(KEPT + FRAMES, bands) powers -> (COUNTS, FRAMES) levels of the peaks, of the frames DELAY before the hop's."""
    level = 10 * np.log10(powers + 10**-4.5 * powers.max(axis=0) + 1e-12)
    rows = []
    for band in level.T:
        for kernel in _kernels():
            smooth = np.convolve(band, kernel, "same")[DELAY - 1:DELAY + FRAMES + 1]
            middle = smooth[1:-1]
            top = (middle > smooth[:-2]) & (middle >= smooth[2:]) & near
            rows.append(np.where(top, middle, np.nan))
    return np.array(rows, np.float32)


def raw(found: Audio, speech: Mask) -> tuple[float, float]:
    """Nuclei (mean of the counts) and seconds of speech, pauses under 0.2 s included, in a window."""
    count = 0.0
    for row in found:
        level = np.sort(row)[:row.size - np.isnan(row).sum()]
        count += float(np.sum(level > level[int(0.9 * (len(level) - 1))] - DROP)) if len(level) else 0.0
    return count / COUNTS, filled(speech)


def reckon(found: Audio, speech: Mask) -> Rate | None:
    """Rate of a window; None with less than MIN_SPEECH frames of speech or hardly a syllable in it."""
    spoken = int(speech.sum())
    if spoken < MIN_SPEECH:
        return None
    count, seconds = raw(found, speech)
    if count < 2:
        return None
    syllables = SLOPE * count / seconds + OFFSET
    longest = max(pauses(speech), default=0) * FRAME / RATE
    return Rate(syllables, syllables * seconds / (spoken * FRAME / RATE), hypot(SPREAD, SPREAD_1S / seconds**0.5),
                longest)


def witness(found: Rate | None, counted: Sequence[float | None], speech: Mask) -> Rate | None:
    """The rate of a window and another ear's syllables in it (by hop, None unknown) as one estimate."""
    known = [count for count in counted if count is not None]
    if found is None or not known or len(known) < len(counted):
        return found
    seconds = filled(speech)
    other, error = sum(known) / seconds + WITNESS_OFFSET, hypot(WITNESS_SPREAD, WITNESS_SPREAD_1S / seconds**0.5)
    mine, theirs = found.error**-2, error**-2
    syllables = (mine * found.syllables + theirs * other) / (mine + theirs)
    spoken = int(speech.sum()) * FRAME / RATE
    return Rate(syllables, syllables * seconds / spoken, (mine + theirs) ** -0.5, found.pause)


def filled(speech: Mask) -> float:
    """Seconds of speech in a window, short pauses included."""
    return (int(speech.sum()) + sum(length for length in pauses(speech) if length < SHORT_PAUSE)) * FRAME / RATE


def pauses(speech: Mask) -> list[int]:
    """Lengths in frames of the silences between stretches of speech."""
    gaps = np.diff(np.flatnonzero(speech)) - 1
    return list(map(int, gaps[gaps > 0]))


@cache
def _window() -> Audio:
    return np.hanning(WINDOW + 1)[:-1].astype(np.float32)


@cache
def _filters() -> Audio:
    """(WINDOW // 2 + 1, bands) zeros and ones."""
    hertz = np.fft.rfftfreq(WINDOW, 1 / RATE)
    return np.stack([(hertz >= low) & (hertz < high) for low, high in EDGES], axis=1).astype(np.float32)


@cache
def _kernels() -> tuple[Audio, ...]:
    """Gaussians of sum 1, cut at about three deviations."""
    kernels = [np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
               for width in SMOOTHINGS for reach in (min(DELAY - 1, int(3 * width) + 1),)]
    return tuple((kernel / kernel.sum()).astype(np.float32) for kernel in kernels)

"""Pitch: f0 and voicing each 10 ms, batched over calls.

Frame t of a hop is centred on its own 10 ms; what lies beyond the hop is not there yet and counts as zeros, so
nothing waits for the next hop. Voicing stands only where the voice activity has speech.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from emotion.config import PitchConfig
from emotion.types import F0, FRAME, FRAMES, RATE, Activity, Audio, Mask, Pitch

WINDOW = 512
PAST = WINDOW // 2
REFERENCE = 27.5
"""Hz at semitone 0."""
MIN_VOICED = 5
"""Voiced frames that a hop needs, for a value."""


@dataclass(slots=True)
class PitchState:
    """The last samples of a call, which the next windows still cover."""

    past: Audio = field(default_factory=lambda: np.zeros(PAST, np.float32))


class PitchTracker:
    """f0 of the caller, 50 frames a hop."""

    def __init__(self, config: PitchConfig | None = None, threads: int = 1) -> None:
        self.config = config or PitchConfig()

    def start(self) -> PitchState:
        return PitchState()

    def step(self, states: Sequence[PitchState], hops: Audio, activities: Sequence[Activity]) -> list[F0]:
        """(batch, HOP) samples -> F0 a call; the states move on by one hop."""
        joined = np.concatenate([np.stack([state.past for state in states]), hops,
                                 np.zeros((len(hops), PAST), np.float32)], axis=1)
        for state, hop in zip(states, hops, strict=True):
            state.past = hop[-PAST:].copy()
        windows = np.lib.stride_tricks.sliding_window_view(joined, WINDOW, axis=1)[:, FRAME // 2::FRAME][:, :FRAMES]
        hertz, strength = self._autocorrelation(windows)
        voiced = (strength > 0.25) & np.stack([activity.speech for activity in activities])
        hertz = np.where(voiced, hertz, np.float32(np.nan))
        return [F0(row, summary(row)) for row in hertz]

    def _autocorrelation(self, windows: Audio) -> tuple[Audio, Audio]:
        """Normalised autocorrelation (Boersma 1993) of the compressed spectrum, best lag and its height."""
        window = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
        power = np.abs(np.fft.rfft(windows * window, 2 * WINDOW, axis=2)) ** 0.67
        correlation = np.fft.irfft(power, axis=2)
        shape = np.fft.irfft(np.abs(np.fft.rfft(window, 2 * WINDOW)) ** 2)
        low, high = int(RATE / self.config.high_hz), int(RATE / self.config.low_hz) + 1
        score = correlation[:, :, low:high] / (correlation[:, :, :1] + 1e-9) / np.sqrt(shape[low:high] / shape[0])
        best = score.argmax(axis=2)
        return ((RATE / (best + low)).astype(np.float32),
                np.take_along_axis(score, best[:, :, None], axis=2)[:, :, 0].astype(np.float32))


def summary(hertz: Audio) -> Pitch | None:
    """Pitch of a hop from its track; None with fewer than MIN_VOICED voiced frames."""
    voiced: Mask = ~np.isnan(hertz)
    count = int(voiced.sum())
    if count < MIN_VOICED:
        return None
    times = np.flatnonzero(voiced)
    tones = 12 * np.log2(hertz[voiced].astype(np.float64) / REFERENCE)
    low, median, high = np.percentile(tones, (20, 50, 80))
    centred = times - times.mean()
    slope = RATE / FRAME * float(centred @ tones) / float(centred @ centred)
    jumps = int(np.sum((np.diff(times) == 1) & (np.abs(np.diff(tones)) > 2)))
    return Pitch(float(median), float(high - low), slope, jumps * RATE / FRAME / count, count / len(hertz))

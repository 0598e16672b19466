"""Speech rate: syllables per second over the last 10 s, from the density of syllable nuclei."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from emotion.config import RateConfig
from emotion.types import F0, FRAME, FRAMES, RATE, Activity, Audio, Mask, Rate

MIN_SPEECH = 100
"""Frames of speech that the window needs, for a value."""
SHORT_PAUSE = 20
"""Frames of silence that still belong to the speech around them."""


@dataclass(slots=True)
class RateState:
    """The last 10 s of a call: nuclei per frame, speech per frame."""

    density: Audio
    speech: Mask
    past: Audio = field(default_factory=lambda: np.zeros(FRAMES, np.float32))


class RateMeter:
    """Tempo of the caller's speech, once per hop."""

    def __init__(self, config: RateConfig | None = None, threads: int = 1) -> None:
        self.config = config or RateConfig()
        self.frames = int(self.config.window_s * RATE / FRAME)

    def start(self) -> RateState:
        return RateState(np.zeros(self.frames, np.float32), np.zeros(self.frames, np.bool_))

    def step(self, states: Sequence[RateState], hops: Audio, activities: Sequence[Activity],
             f0s: Sequence[F0]) -> list[Rate | None]:
        """(batch, HOP) samples -> Rate a call, or None with too little speech in the last 10 s."""
        levels = 10 * np.log10(np.mean(hops.reshape(len(hops), FRAMES, FRAME) ** 2, axis=2) + 1e-9)
        found = []
        for state, level, activity, f0 in zip(states, levels, activities, f0s, strict=True):
            smooth = np.convolve(np.concatenate([state.past, level]), np.hanning(9) / 4, "same")[FRAMES - 4:-3]
            state.past = level.astype(np.float32)
            peaks = (smooth[1:-1] > smooth[:-2]) & (smooth[1:-1] >= smooth[2:])
            nuclei = np.zeros(FRAMES, np.float32)
            nuclei[: len(peaks)] = (peaks & ~np.isnan(f0.hertz[: len(peaks)]))[:FRAMES]
            state.density = np.concatenate([state.density[FRAMES:], nuclei])
            state.speech = np.concatenate([state.speech[FRAMES:], activity.speech])
            found.append(reckon(state.density, state.speech))
        return found


def reckon(density: Audio, speech: Mask) -> Rate | None:
    """Rate of a window from its nuclei and its speech; None with less than MIN_SPEECH frames of speech."""
    runs = pauses(speech)
    total = int(speech.sum())
    if total < MIN_SPEECH:
        return None
    filled = total + sum(length for length in runs if length < SHORT_PAUSE)
    count = float(density.sum())
    if count < 1:
        return None
    per_second = RATE / FRAME
    return Rate(count / filled * per_second, count / total * per_second, float(np.sqrt(count)) / filled * per_second,
                max(runs, default=0) / per_second)


def pauses(speech: Mask) -> list[int]:
    """Lengths in frames of the silences between stretches of speech."""
    edges = np.flatnonzero(np.diff(speech.astype(np.int8)))
    if not len(edges):
        return []
    first, last = np.flatnonzero(speech)[[0, -1]]
    inner = edges[(edges >= first) & (edges <= last - 1)]
    return [int(length) for length in (inner[1::2] - inner[::2])]

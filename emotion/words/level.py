"""Take a call's level and channel out of its log-mel frames: the mean of its speech so far, band by band.

A frame counts as speech when its level is within `WITHIN` of the loudest of late; a jump over that begins anew, since
what came before was background. One hop is used as a whole, so a hop's own frames are in its mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from emotion.types import BANDS, Audio

WITHIN = 3.5
"""Nepers of power (ln) under the peak that are still speech: 15 dB."""
DECAY = 0.05
"""How far the remembered peak sinks in a hop."""
MEMORY = 400.0
"""Speech frames (10 ms) after which the mean forgets."""
SPREAD, LIMIT = 2.5, 4.0


@dataclass(slots=True)
class LevelState:
    """What is known of one call's line."""

    peak: float = -20.0
    count: float = 0.0
    mean: Audio = field(default_factory=lambda: np.zeros(BANDS, np.float32))


def normalise(states: Sequence[LevelState], mels: Audio) -> Audio:
    """(batch, frames, BANDS) ln power -> the same, about N(0, 1) in speech; the states move on."""
    levels = mels.mean(axis=2)
    loudest = levels.max(axis=1)
    peak = np.array([state.peak for state in states], np.float32)
    count = np.array([state.count for state in states], np.float32)
    mean = np.stack([state.mean for state in states])
    count = np.where(loudest > peak + WITHIN, 0, count)
    peak = np.maximum(peak - DECAY, loudest)
    speech = levels > (peak - WITHIN)[:, None]
    number = speech.sum(axis=1)
    count = np.minimum(count + number, MEMORY)
    here = np.einsum("btf,bt->bf", mels, speech.astype(np.float32)) / np.maximum(number, 1)[:, None]
    mean = (mean + (number / np.maximum(count, 1))[:, None] * (here - mean)).astype(np.float32)
    for n, state in enumerate(states):
        state.peak, state.count, state.mean = float(peak[n]), float(count[n]), mean[n]
    return np.asarray(np.clip((mels - mean[:, None]) / SPREAD, -LIMIT, LIMIT), np.float32)

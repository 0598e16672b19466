"""Pitch: f0 and voicing each 10 ms by a small network, batched over calls.

Front end: 64 ms Hann windows, power spectrum up to 2.5 kHz, ln of its ratio to the loudest frame in sight, so that a
gain changes nothing. Frame t of a hop is centred on its own 10 ms; what lies beyond the hop is not there yet and
counts as zeros (the network was trained so), and the CONTEXT frames before the hop are seen again, so that nothing
waits. The network (models/train/pitch.py) gives the odds of voicing and of TONES tones, a third of a semitone apart;
f0 is the mean around the best one. Voicing stands only within MARGIN frames of voice activity in the same hop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from emotion import weights
from emotion.config import PitchConfig
from emotion.types import F0, FRAME, RATE, Activity, Audio, Mask, Pitch

WINDOW = 512
HALF = WINDOW // 2
CONTEXT = 10
"""Frames before the hop that the network sees again."""
BINS = 160
_FIRST = 2
LOWEST = 55.0
"""Hz of tone 0."""
PER_SEMITONE = 3
TONES = 120
REFERENCE = 27.5
"""Hz at semitone 0 of what is reported."""
MIN_VOICED = 5
"""Voiced frames that a hop needs, for a value."""
MARGIN = 30
"""Frames around voice activity in which a voice may be found: noise makes the activity begin late."""
_FLOOR = 1e-6
_SCALE = 0.25
_REACH = 3


@dataclass(slots=True)
class PitchState:
    """The last samples of a call, which the next windows still cover."""

    past: Audio = field(default_factory=lambda: np.zeros(CONTEXT * FRAME + HALF, np.float32))


class PitchTracker:
    """f0 of the caller, 50 frames a hop."""

    def __init__(self, config: PitchConfig | None = None, threads: int = 1) -> None:
        self.config = config or PitchConfig()
        self.session = weights.session(weights.find("pitch").path, threads)

    def start(self) -> PitchState:
        return PitchState()

    def step(self, states: Sequence[PitchState], hops: Audio, activities: Sequence[Activity]) -> list[F0]:
        """(batch, HOP) samples -> F0 a call; the states move on by one hop."""
        beyond = np.zeros((len(hops), HALF), np.float32)
        joined = np.concatenate([np.stack([state.past for state in states]), hops, beyond], axis=1)
        for state, row in zip(states, joined, strict=True):
            state.past = row[-HALF - len(state.past):-HALF].copy()
        near = np.stack([_widened(activity.speech) for activity in activities])
        hertz = np.full(near.shape, np.nan, np.float32)
        asked = np.flatnonzero(near.any(axis=1))
        if len(asked):
            logits = np.asarray(self.session.run(None, {"spectra": spectra(joined[asked])})[0])[:, CONTEXT:]
            found = tone_hertz(logits[..., 1:])
            voiced = near[asked] & (logits[..., 0] > _logit(self.config.voicing))
            voiced &= (found >= self.config.low_hz) & (found <= self.config.high_hz)
            hertz[asked] = np.where(voiced, found, np.float32(np.nan))
        return [F0(row, summary(row)) for row in hertz]


def spectra(waves: Audio) -> Audio:
    """(batch, n FRAME + 2 HALF) samples -> (batch, n, BINS): what the network sees, level taken out.

    Call by call on purpose: one call's windows stay in the processor's cache, which halves the cost.
    """
    seen = np.empty((len(waves), (waves.shape[1] - 2 * HALF) // FRAME, BINS), np.float32)
    for row, wave in zip(seen, waves, strict=True):
        windows = np.lib.stride_tricks.sliding_window_view(wave, WINDOW)[FRAME // 2::FRAME]
        spectrum = np.fft.rfft(windows * _window(), axis=1)[:, _FIRST:_FIRST + BINS]
        power = spectrum.real**2 + spectrum.imag**2
        loudest = power.mean(axis=1).max() + np.float32(1e-12)
        row[:] = np.log(power / loudest + np.float32(_FLOOR)) * np.float32(_SCALE)
    return seen


def tone_hertz(logits: Audio) -> Audio:
    """(..., TONES) logits -> Hz: the mean of the tones near the most likely one, by their odds."""
    best = logits.argmax(axis=-1)
    near = np.clip(best[..., None] + np.arange(-_REACH, _REACH + 1), 0, TONES - 1)
    odds = np.exp(np.take_along_axis(logits, near, -1) - np.take_along_axis(logits, best[..., None], -1))
    tone = (odds * near).sum(axis=-1) / odds.sum(axis=-1)
    return np.asarray(LOWEST * 2 ** (tone / (12 * PER_SEMITONE)), np.float32)


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


def _widened(speech: Mask) -> Mask:
    return np.convolve(speech, np.ones(2 * MARGIN + 1), "full")[MARGIN:MARGIN + len(speech)] > 0.5


def _logit(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


@cache
def _window() -> Audio:
    return np.hanning(WINDOW + 1)[:-1].astype(np.float32)

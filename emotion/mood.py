"""Mood: estimates of expressed emotion from the sound of the voice, by a small network with its memory in a state.

The network (models/train/mood_net.py) takes the log-mel and the speech mask of one hop. It takes the running level
off its input, so that loudness is not mood, and remembers the speech of the last seconds. There is no estimate until
`MIN_SPEECH` seconds were heard lately, nor in a hop in which the caller says next to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emotion import weights
from emotion.config import MoodConfig
from emotion.types import FRAMES, HOP, RATE, Activity, Audio, Mood

LABELS = ("anger", "joy", "sadness", "fear", "calm")
MIN_SPEECH = 0.6
"""Seconds of speech that must have been heard for an estimate."""
MIN_NOW = 0.1
"""Share of the hop that must be speech for an estimate of it."""
FORGET = 12.0
"""Seconds of silence after which what was heard counts for little (e-fold), as in the network."""


@dataclass(slots=True)
class MoodState:
    """One call's memory: the network's, and how much speech it rests on."""

    memory: Audio
    heard: float = 0.0
    """Seconds of speech heard, fading in silence."""


class MoodModel:
    """Expressed emotion, once per hop; the weights are those that the config names."""

    def __init__(self, config: MoodConfig | None = None, threads: int = 1) -> None:
        """Open the weights; WeightsError if they are absent, altered or refused by policy."""
        config = config or MoodConfig()
        self.weights = weights.find(config.weights, commercial_only=config.commercial_only)
        labels = tuple(self.weights.facts["labels"])
        if labels != (*LABELS, "arousal"):
            raise weights.WeightsError(f"{config.weights} gives {', '.join(labels)}; mood needs "
                                       f"{', '.join((*LABELS, 'arousal'))}")
        self.session = weights.session(self.weights.path, threads)
        self._size = int(self.session.get_inputs()[2].shape[1])

    def start(self) -> MoodState:
        return MoodState(np.zeros(self._size, np.float32))

    def step(self, states: Sequence[MoodState], mels: Audio, activities: Sequence[Activity]) -> list[Mood | None]:
        """(batch, FRAMES, BANDS) log-mels and who speaks -> one estimate a call, None while unknown."""
        if not states:
            return []
        speech = np.stack([activity.speech for activity in activities]).astype(np.float32)
        memory = np.stack([state.memory for state in states])
        classes, arousal, memory = self.session.run(None, {"mel": mels, "speech": speech, "state": memory})
        moods: list[Mood | None] = []
        for at, state in enumerate(states):
            share = float(speech[at].mean())
            state.memory = memory[at].copy()
            state.heard = state.heard * float(np.exp(-(1 - share) * HOP / RATE / FORGET)) + share * FRAMES / 100
            known = state.heard >= MIN_SPEECH and share >= MIN_NOW
            moods.append(_mood(classes[at], float(arousal[at, 0])) if known else None)
        return moods


def _mood(classes: Audio, arousal: float) -> Mood:
    anger, joy, sadness, fear, calm = (float(value) for value in classes)
    return Mood(arousal, anger, joy, sadness, fear, calm)

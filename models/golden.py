"""A made signal whose outputs are kept in the manifest: proof, without PyTorch, that a file still does what it did."""

from __future__ import annotations

import numpy as np

from emotion.mood import MoodModel
from emotion.types import FRAMES, HOP, RATE, Activity, Audio
from emotion.voice.logmel import LogMel

HOPS = 6


def signal() -> Audio:
    """Three seconds of a gliding harmonic tone in syllables, (HOPS * HOP,): nobody's voice."""
    time = np.arange(HOPS * HOP) / RATE
    phase = 2 * np.pi * (160 * time + 12 * time**2)
    tone = sum(np.sin(k * phase) / k**1.2 for k in range(1, 16))
    loud = 0.1 * (1.1 - np.cos(2 * np.pi * 4 * time))
    return np.asarray(tone * loud / 2, np.float32)


def outputs(model: MoodModel) -> list[float]:
    """The five probabilities and arousal after the last hop, every frame taken for speech."""
    front, wave = LogMel(), signal()
    ear, mood = [front.start()], [model.start()]
    talking = Activity(np.ones(FRAMES, np.bool_), np.ones(FRAMES, np.float32))
    heard = [model.step(mood, front.step(ear, wave[None, at:at + HOP]), [talking])[0]
             for at in range(0, len(wave), HOP)][-1]
    if heard is None:
        raise ValueError("no estimate after three seconds of speech")
    return [round(value, 4) for value in
            (heard.anger, heard.joy, heard.sadness, heard.fear, heard.calm, heard.arousal)]

"""Public voice activity detectors behind one signature: samples at 8 kHz -> a score per 10 ms frame."""

from __future__ import annotations

import numpy as np

from emotion.types import FRAME, RATE, Audio


def webrtc(samples: Audio) -> Audio:
    """webrtcvad: how many of its four modes hear speech, 0-1; mode 2 alone is `score > 0.5`."""
    import webrtcvad

    pcm = (np.clip(samples, -1, 1) * 32767).astype("<i2")
    count = len(pcm) // FRAME
    votes = np.zeros(count, np.float32)
    for mode in range(4):
        detector = webrtcvad.Vad(mode)
        votes += [detector.is_speech(pcm[at * FRAME:(at + 1) * FRAME].tobytes(), RATE) for at in range(count)]
    return np.asarray(votes / 4, np.float32)


def energy(samples: Audio) -> Audio:
    """Level of the frame, dB: what a fixed threshold would see."""
    power = np.mean(samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME) ** 2, axis=1)
    return np.asarray(10 * np.log10(power + 1e-10), np.float32)


DETECTORS = {"webrtcvad": (webrtc, 0.5), "energy": (energy, -45.0)}
"""Detector and the threshold at which it decides."""

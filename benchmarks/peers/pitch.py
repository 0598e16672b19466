"""Public pitch trackers behind one signature: (samples, rate) -> Hz per 10 ms frame, NaN where unvoiced.

Frame t is centred on (t + 0.5) * 10 ms; a tracker with a grid of its own is read there.
Each runs with its authors' defaults, its range set to 60-500 Hz where it has one.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emotion.types import Audio

LOW, HIGH = 60.0, 500.0
STEP_S = 0.01
Track = NDArray[np.float32]
Tracker = Callable[[Audio, int], Track]


def swift(samples: Audio, rate: int) -> Track:
    """swift-f0 (Nieradzik 2025), confidence 0.5."""
    return _swift(samples, rate, 0.5)


def swift_low(samples: Audio, rate: int) -> Track:
    """swift-f0 with confidence 0.3, which decides voicing better on a telephone."""
    return _swift(samples, rate, 0.3)


def _swift(samples: Audio, rate: int, confidence: float) -> Track:
    if len(samples) < rate // 50:
        return np.full(frames(samples, rate), np.nan, np.float32)
    found = _detector().detect(samples, rate, LOW, HIGH)
    hertz = np.where(found.confidence >= confidence, found.pitch_hz, np.nan)
    return regrid(found.timestamps, hertz, frames(samples, rate))


@cache
def _detector() -> Any:
    from swift_f0 import SwiftF0

    return SwiftF0(threads=1, spin=False)


def praat_ac(samples: Audio, rate: int) -> Track:
    """Praat's autocorrelation (Boersma 1993)."""
    return _praat(samples, rate, "to_pitch_ac")


def praat_cc(samples: Audio, rate: int) -> Track:
    """Praat's forward cross-correlation."""
    return _praat(samples, rate, "to_pitch_cc")


def _praat(samples: Audio, rate: int, method: str) -> Track:
    import parselmouth

    sound = parselmouth.Sound(samples.astype(np.float64), rate)
    if sound.duration < 3.1 / LOW:
        return np.full(frames(samples, rate), np.nan, np.float32)
    pitch = getattr(sound, method)(time_step=STEP_S, pitch_floor=LOW, pitch_ceiling=HIGH)
    hertz = pitch.selected_array["frequency"]
    return regrid(pitch.xs(), np.where(hertz > 0, hertz, np.nan), frames(samples, rate))


def world(samples: Audio, rate: int) -> Track:
    """WORLD: DIO with StoneMask (Morise 2009)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # pyworld 0.3.5 reads its version by way of pkg_resources
        import pyworld

    wave = samples.astype(np.float64)
    coarse, times = pyworld.dio(wave, rate, f0_floor=LOW, f0_ceil=HIGH, frame_period=5.0)
    hertz = pyworld.stonemask(wave, coarse, times, rate)
    return regrid(times, np.where(hertz > 0, hertz, np.nan), frames(samples, rate))


def yin(samples: Audio, rate: int) -> Track:
    """librosa.yin, which has no voicing decision: all frames count as voiced."""
    import librosa

    hertz = librosa.yin(samples, fmin=LOW, fmax=HIGH, sr=rate, hop_length=rate // 100)
    return regrid(np.arange(len(hertz)) * STEP_S, hertz, frames(samples, rate))


def pyin(samples: Audio, rate: int) -> Track:
    """librosa.pyin (Mauch & Dixon 2014)."""
    import librosa

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        hertz, voiced, _ = librosa.pyin(samples, fmin=LOW, fmax=HIGH, sr=rate, hop_length=rate // 100)
    return regrid(np.arange(len(hertz)) * STEP_S, np.where(voiced, hertz, np.nan), frames(samples, rate))


TRACKERS: dict[str, Tracker] = {
    "swift-f0": swift, "swift-f0 0.3": swift_low, "praat ac": praat_ac, "praat cc": praat_cc,
    "world dio": world, "librosa yin": yin, "librosa pyin": pyin,
}


def frames(samples: Audio, rate: int) -> int:
    """How many whole 10 ms frames there are."""
    return len(samples) * 100 // rate


def regrid(times: NDArray[Any], hertz: NDArray[Any], count: int) -> Track:
    """A track on its own grid -> `count` frames: voiced as the nearest is, between two voiced ones interpolated."""
    if not len(times):
        return np.full(count, np.nan, np.float32)
    centres = (np.arange(count) + 0.5) * STEP_S
    right = np.clip(np.searchsorted(times, centres), 1, max(1, len(times) - 1))
    left = right - 1
    right = np.minimum(right, len(times) - 1)
    share = np.clip((centres - times[left]) / np.maximum(times[right] - times[left], 1e-9), 0, 1)
    near = np.where(share > 0.5, hertz[right], hertz[left])
    both = np.exp((1 - share) * np.log(hertz[left]) + share * np.log(hertz[right]))
    inside = (centres >= times[0] - STEP_S) & (centres <= times[-1] + STEP_S)
    return np.where(inside, np.where(np.isnan(both), near, both), np.nan).astype(np.float32)

"""Environmental noise (ESC-10 classes, CC BY 3.0; Piczak 2015) and babble mixed from speech.

`noise/<class>/*.ogg`, five seconds each. Clips are parted by their ESC fold (the number before the first dash):
folds 1-3 are for training, 4-5 for tests, so that a model is never tested on noise that it heard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np

from benchmarks.datasets.speech import Samples, read

TEST_FOLDS = ("4", "5")


@dataclass(frozen=True, slots=True)
class Noise:
    """One clip of noise."""

    path: Path
    kind: str
    split: Literal["train", "dev"]

    def read(self, rate: int = 8000) -> Samples:
        """Samples in -1..1 at `rate`, silence at the clip's edges cut away."""
        samples, _ = read(self.path, rate)
        loud = np.flatnonzero(np.abs(samples) > 1e-4)
        return samples[loud[0]:loud[-1] + 1] if len(loud) else samples


@cache
def noises(data: Path) -> tuple[Noise, ...]:
    """Every noise under the data folder, sorted by path."""
    return tuple(Noise(path, path.parent.name, "dev" if path.name.split("-")[0] in TEST_FOLDS else "train")
                 for path in sorted((data / "noise").glob("*/*.ogg")))


def select(data: Path, *, split: str | None = None, kinds: Sequence[str] = ()) -> list[Noise]:
    """The noises of one split and some kinds; an empty choice means all."""
    return [noise for noise in noises(data) if (split is None or noise.split == split)
            and (not kinds or noise.kind in kinds)]


def validate(data: Path) -> list[str]:
    """What is missing for a task with noise, in plain words."""
    return [] if noises(data) else [f"no noise under {data / 'noise'}"]


def babble(voices: Sequence[Samples], length: int, rng: np.random.Generator, talkers: int = 6) -> Samples:
    """Babble of some talkers at equal power: each a random clip, rolled to a random start, (length,), rms 1."""
    mixed = np.zeros(length, np.float32)
    for _ in range(talkers):
        voice = voices[int(rng.integers(len(voices)))]
        looped = np.resize(np.roll(voice, -int(rng.integers(len(voice)))), length)
        mixed += looped / (np.sqrt(np.mean(looped**2)) + np.float32(1e-9))
    return np.asarray(mixed / (np.sqrt(np.mean(mixed**2)) + 1e-9), np.float32)

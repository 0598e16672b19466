"""The voice stages of the default configuration over whole recordings: what the voice tasks measure.

The same classes that the engine steps, fed hop by hop in batches; nothing is smoothed or delayed afterwards.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from emotion.config import Config
from emotion.types import F0, FRAME, FRAMES, HOP, RATE, Activity, Audio, Loudness, Quality, Rate, Voice
from emotion.voice.loudness import LoudnessMeter
from emotion.voice.pitch import PitchTracker
from emotion.voice.quality import QualityMeter
from emotion.voice.rate import RateMeter
from emotion.voice.vad import Vad

STAGES = ("vad", "pitch", "loudness", "quality", "rate")
BATCHES = (1, 8, 32, 128)
_NO_PITCH = F0(np.full(FRAMES, np.nan, np.float32), None)


@dataclass(slots=True)
class Heard:
    """All that the stages said of one recording, a list entry a hop."""

    frames: int
    """10 ms frames that the recording itself has; the last hop is filled up with zeros."""
    activities: list[Activity] = field(default_factory=list)
    f0s: list[F0] = field(default_factory=list)
    loudness: list[Loudness | None] = field(default_factory=list)
    quality: list[Quality | None] = field(default_factory=list)
    rates: list[Rate | None] = field(default_factory=list)

    @property
    def probability(self) -> Audio:
        return np.concatenate([activity.probability for activity in self.activities])[:self.frames]

    @property
    def speech(self) -> NDArray[np.bool_]:
        return np.concatenate([activity.speech for activity in self.activities])[:self.frames]

    @property
    def hertz(self) -> Audio:
        return np.concatenate([f0.hertz for f0 in self.f0s])[:self.frames]

    @property
    def voices(self) -> list[Voice]:
        return [Voice(activity.fraction, f0.pitch, rate, loudness, quality) for activity, f0, rate, loudness, quality
                in zip(self.activities, self.f0s, self.rates, self.loudness, self.quality, strict=True)]


class Ears:
    """The stages, made once, with the CPU time that each has used."""

    def __init__(self, config: Config | None = None, stages: Sequence[str] = STAGES) -> None:
        """`stages`: which are run; the values of the others are unknown."""
        config = config or Config()
        self.stages = stages
        self.vad = Vad(config.vad, config.threads)
        self.pitch = PitchTracker(config.pitch, config.threads)
        self.loudness = LoudnessMeter()
        self.quality = QualityMeter()
        self.rate = RateMeter(config.rate)
        self.spent = dict.fromkeys(STAGES, 0.0)

    def listen(self, waves: Sequence[Audio], batch: int = 32) -> list[Heard]:
        """Recordings at 8 kHz, stepped together `batch` at a time, longest first."""
        order = sorted(range(len(waves)), key=lambda at: -len(waves[at]))
        found: dict[int, Heard] = {}
        for start in range(0, len(order), batch):
            block = order[start:start + batch]
            found.update(zip(block, self._block([waves[at] for at in block]), strict=True))
        return [found[at] for at in range(len(waves))]

    def _block(self, waves: Sequence[Audio]) -> list[Heard]:
        heard = [Heard(len(wave) // FRAME) for wave in waves]
        hops = [-(-len(wave) // HOP) for wave in waves]
        padded = np.zeros((len(waves), max(hops, default=0) * HOP), np.float32)
        for row, wave in zip(padded, waves, strict=True):
            row[:len(wave)] = wave
        states = [(self.vad.start(), self.pitch.start(), self.loudness.start(), self.quality.start(),
                   self.rate.start()) for _ in waves]
        for hop in range(max(hops, default=0)):
            live = [at for at in range(len(waves)) if hops[at] > hop]
            self._hop([heard[at] for at in live], [states[at] for at in live],
                      padded[live, hop * HOP:(hop + 1) * HOP])
        return heard

    def _hop(self, heard: list[Heard], states: list, samples: Audio) -> None:  # type: ignore[type-arg]
        vad, pitch, loudness, quality, rate = map(list, zip(*states, strict=True))
        unknown: list[None] = [None] * len(heard)
        clock = time.process_time
        times = [clock()]
        activities = self.vad.step(vad, samples)
        times.append(clock())
        f0s = self.pitch.step(pitch, samples, activities) if "pitch" in self.stages else [_NO_PITCH] * len(heard)
        times.append(clock())
        levels = self.loudness.step(loudness, samples, activities) if "loudness" in self.stages else unknown
        times.append(clock())
        qualities = self.quality.step(quality, samples, activities, f0s) if "quality" in self.stages else unknown
        times.append(clock())
        rates = self.rate.step(rate, samples, activities, f0s) if "rate" in self.stages else unknown
        times.append(clock())
        for name, before, after in zip(STAGES, times[:-1], times[1:], strict=True):
            self.spent[name] += after - before
        for one, *values in zip(heard, activities, f0s, levels, qualities, rates, strict=True):
            for kept, value in zip((one.activities, one.f0s, one.loudness, one.quality, one.rates), values,
                                   strict=True):
                kept.append(value)


def costs(wave: Audio, seconds: float = 4.0, repeats: int = 5) -> dict[int, dict[str, float]]:
    """CPU ms per second of audio of every stage, for each batch size, all calls speaking all the time."""
    wave = np.resize(wave, int(seconds * RATE))
    ears = Ears()
    found: dict[int, dict[str, float]] = {}
    for batch in BATCHES:
        waves = [np.roll(wave, -HOP * at // 3) for at in range(batch)]
        best = dict.fromkeys(STAGES, float("inf"))
        for _ in range(repeats):
            ears.spent = dict.fromkeys(STAGES, 0.0)
            ears.listen(waves, batch)
            best = {name: min(best[name], ears.spent[name]) for name in STAGES}
        found[batch] = {name: 1000 * spent / (batch * seconds) for name, spent in best.items()}
    return found


assert FRAMES * FRAME == HOP

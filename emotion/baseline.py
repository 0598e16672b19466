"""This caller's own normal, and how far from it he stands now.

For each feature with value x in a hop of speech of w seconds (docs/voice.md has the same in prose):

    own share   p = min(0.85, W / (W + S))               W seconds learnt, S = settle_s * min(1, (2 within / between)^2)
    normal      mu = p x_mean + (1 - p) m0               m0 the population's mean
    learning    W += c w, x_mean moves to x by c w / W   c = 1 / (1 + exp(2 (heat - 1))): calm weighs more than heat;
                                                         c = 0 above rung 2; x kept within 2.5 sigma; W <= 4 settle_s
    now         r = running mean of x over about `smooth` seconds of speech, short for pitch, long for effort
    deviation   z = (r - mu) / sqrt(within^2 + (1 - p)^2 between^2)

S is how long a person must be heard until he is known better than the population: short for pitch, where people differ
much more from each other than each from himself, long for effort. At 'hello' p is 0 and the caller is held against the
population, so one who begins angry stands high; p stays under 0.85, so that personal evidence never erases the prior.
Heat is the weighted sum of the z's, scaled to spread 1.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from math import exp, hypot, sqrt
from pathlib import Path

from emotion.config import BaselineConfig
from emotion.types import HOP, RATE, Deviation, Language, Mood, Shift, Voice

FEATURES = ("pitch", "pitch_range", "rate", "loudness", "effort", "quality", "arousal")
LEARNS_UP_TO = 2
"""The highest rung at which the normal still learns."""
THRESHOLD: Mapping[str, float] = {"pitch": 2.5, "effort": 2.0}
"""z above which a caller's pitch or effort counts as raised."""
_CLIP = 2.5
_LOUDEST = 3.0
"""One feature alone never says more than this: a lively pitch range can be ten spreads wide."""
_CAP = 4.0
_OWN_AT_MOST = 0.85
_FIRST_S = 3.0
_ANONYMOUS = ("loudness",)
"""Features that differ more by line than by person: they have no population, only an own normal."""


@dataclass(frozen=True, slots=True)
class Normal:
    """What the population does in calm speech."""

    mean: float
    between: float
    within: float
    heat: float
    smooth: float
    """Seconds of speech that 'now' is a running mean of."""


@dataclass(slots=True)
class Running:
    """One feature of one caller."""

    mean: float = 0.0
    weight: float = 0.0
    """Seconds of speech learnt from, calm ones in full."""
    recent: float | None = None


@dataclass(slots=True)
class BaselineState:
    language: Language
    running: dict[str, Running] = field(default_factory=lambda: {name: Running() for name in FEATURES})
    heat: float = 0.0


class Baseline:
    """Shift of each caller, once per hop of his speech."""

    def __init__(self, config: BaselineConfig | None = None) -> None:
        self.config = config or BaselineConfig()

    def start(self, language: Language = "zh") -> BaselineState:
        return BaselineState(language)

    def step(self, states: Sequence[BaselineState], voices: Sequence[Voice | None], moods: Sequence[Mood | None],
             rungs: Sequence[int]) -> list[Shift | None]:
        """One Shift a call, None where the caller said nothing measurable; the states learn unless above rung 2."""
        return [self._one(state, values(voice, mood), voice.speech if voice else 0.0, rung)
                for state, voice, mood, rung in zip(states, voices, moods, rungs, strict=True)]

    def _one(self, state: BaselineState, heard: Mapping[str, float | None], speech: float, rung: int) -> Shift | None:
        seconds = speech * HOP / RATE
        if seconds == 0 or all(value is None for value in heard.values()):
            return None
        normals = population()[state.language]
        found: dict[str, Deviation | None] = {}
        for name in FEATURES:
            running, value = state.running[name], heard[name]
            if value is not None:
                _smooth(running, value, seconds / normals[name].smooth)
            found[name] = None if value is None else self._deviation(name, running, normals[name])
        heat = _heat(found, normals)
        if rung <= LEARNS_UP_TO:
            state.heat = heat if heat is not None else state.heat
            calm = 1 / (1 + exp(2 * (min(state.heat, 20.0) - 1)))
            for name in FEATURES:
                self._learn(state.running[name], heard[name], normals[name], calm * seconds)
        weight = max(running.weight for running in state.running.values())
        return Shift(**found, heat=heat, personal=weight / (weight + self.config.settle_s))

    def _normal(self, name: str, running: Running, normal: Normal) -> tuple[float, float]:
        """The caller's normal and how much of it is his own."""
        settle = self.config.settle_s * min(1.0, (2 * normal.within / normal.between) ** 2)
        own = min(_OWN_AT_MOST, running.weight / (running.weight + settle))
        if name in _ANONYMOUS:
            return running.mean, own
        return own * running.mean + (1 - own) * normal.mean, own

    def _deviation(self, name: str, running: Running, normal: Normal) -> Deviation | None:
        if running.recent is None or (name in _ANONYMOUS and running.weight < _FIRST_S):
            return None
        mean, own = self._normal(name, running, normal)
        change = running.recent - mean
        z = change / hypot(normal.within, (1 - own) * (0.0 if name in _ANONYMOUS else normal.between))
        return Deviation(z, 100 * change / mean if name == "rate" else change, mean)

    def _learn(self, running: Running, value: float | None, normal: Normal, weight: float) -> None:
        if value is None or weight <= 0:
            return
        spread = hypot(normal.within, normal.between) if running.weight < _FIRST_S else normal.within
        centre = running.mean if running.weight else value
        kept = min(max(value, centre - _CLIP * spread), centre + _CLIP * spread)
        running.weight = min(running.weight + weight, _CAP * self.config.settle_s)
        running.mean = centre + (kept - centre) * min(1.0, weight / running.weight)


def values(voice: Voice | None, mood: Mood | None) -> dict[str, float | None]:
    """The features of one hop, by name; None is unknown."""
    pitch, rate, loudness, quality = (voice.pitch, voice.rate, voice.loudness, voice.quality) if voice else (None,) * 4
    return {
        "pitch": pitch.median if pitch else None,
        "pitch_range": pitch.range if pitch else None,
        "rate": rate.syllables if rate else None,
        "loudness": loudness.above_noise if loudness else None,
        "effort": loudness.effort if loudness else None,
        "quality": -quality.hammarberg if quality and quality.hammarberg is not None else None,
        "arousal": mood.arousal if mood else None,
    }


def _smooth(running: Running, value: float, share: float) -> None:
    share = min(share, 1.0)
    running.recent = value if running.recent is None else running.recent + share * (value - running.recent)


def _heat(found: Mapping[str, Deviation | None], normals: Mapping[str, Normal]) -> float | None:
    known = [(min(max(deviation.z, -_LOUDEST), _LOUDEST), normals[name].heat)
             for name, deviation in found.items() if deviation is not None]
    size = sqrt(sum(weight**2 for _, weight in known))
    return sum(z * weight for z, weight in known) / size if size else None


@cache
def population() -> Mapping[str, Mapping[str, Normal]]:
    """Normals by language and feature, from baseline.toml, where their source stands."""
    table = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
    return {language: {name: Normal(**row) for name, row in rows.items()} for language, rows in table.items()}

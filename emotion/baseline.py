"""This caller's own normal, and how far from it he stands now.

For each feature with value x in a hop of speech of w seconds (docs/voice.md has the same in prose):

    own share   p = min(most, W / (W + S))               W seconds learnt, S = settle_s * min(1, 2 within^2 / between^2)
                                                         most = 0.95 for pitch, 0.8 for the others
    normal      mu = p x_mean + (1 - p) m0               m0 the population's mean
    learning    W += c w, x_mean moves to x by c w / W   c = 1 / (1 + exp(2 (heat - 2))): calm weighs more than heat;
                                                         c = 0 above rung 2; x kept within 2.5 sigma; W <= 4 settle_s
    now         r = running mean of x over about `smooth` seconds of speech
    deviation   z = (r - mu) / sqrt(within^2 + (1 - p)^2 between^2)

and for all together, d the vector of r - mu, each kept within 4 sigma, and D what anger does to them (Fisher 1936):

    C = Within + (1 - p) (1 - p)' * Between              covariances of the population
    heat = D' C^-1 d / sqrt(D' C^-1 D)                   about N(0, 1) for a caller at his normal

S is how long a person must be heard until he is known better than the population: short for pitch, where people differ
much more from each other than each from himself, long for effort. At 'hello' p is 0: C holds all that people differ by,
so pitch hardly counts and effort and quality must tell; one who begins angry stands high. Later pitch counts most. p
stays under 1, so that personal evidence never erases the prior. Rate has no part in heat: anger moves it both ways.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from math import exp
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emotion.config import BaselineConfig
from emotion.types import HOP, RATE, Deviation, Language, Mood, Shift, Voice

FEATURES = ("pitch", "pitch_range", "rate", "loudness", "effort", "quality", "arousal")
LEARNS_UP_TO = 2
"""The highest rung at which the normal still learns."""
RAISED = 3.5
"""Heat above which a voice counts as raised: one calm call of 40 s in twenty comes there, speakers left out."""
_CLIP = 2.5
_LOUDEST = 4.0
"""One feature alone never says more than this many sigma: a lively pitch range can be ten wide."""
_CAP = 4.0
_OWN_AT_MOST = np.array([0.95 if name == "pitch" else 0.8 for name in FEATURES])
"""How much of the normal may be the caller's own: of pitch nearly all, since the prior says so little of it."""
_FIRST_S = 3.0
_CALM = 2.0
_RATE, _LOUDNESS, _EFFORT = (FEATURES.index(name) for name in ("rate", "loudness", "effort"))
Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Population:
    """Calm speech of many people, vectors and matrices over FEATURES."""

    mean: Mapping[Language, Vector]
    smooth: Vector
    """Seconds of speech that 'now' is a running mean of."""
    anger: Vector
    """What anger adds to a person's calm mean."""
    within: Vector
    """Covariance of one person's values, smoothed."""
    between: Vector
    """Covariance of people's means."""


def _unknown() -> Vector:
    return np.full(len(FEATURES), np.nan)


@dataclass(slots=True)
class BaselineState:
    """One caller: his mean, the seconds of speech that it was learnt from (calm ones in full), and 'now'."""

    language: Language
    mean: Vector = field(default_factory=lambda: np.zeros(len(FEATURES)))
    weight: Vector = field(default_factory=lambda: np.zeros(len(FEATURES)))
    recent: Vector = field(default_factory=_unknown)
    heat: float = 0.0


class Baseline:
    """Shift of each caller, once per hop of his speech."""

    def __init__(self, config: BaselineConfig | None = None, population: Population | None = None) -> None:
        self.config = config or BaselineConfig()
        self.population = table = population or shipped()
        self.settle = self.config.settle_s * np.minimum(1.0, 2 * np.diag(table.within) / np.diag(table.between))

    def start(self, language: Language = "zh") -> BaselineState:
        return BaselineState(language)

    def step(self, states: Sequence[BaselineState], voices: Sequence[Voice | None], moods: Sequence[Mood | None],
             rungs: Sequence[int]) -> list[Shift | None]:
        """One Shift a call, None where the caller said nothing measurable; the states learn unless above rung 2."""
        return [self._one(state, values(voice, mood), voice.speech if voice else 0.0, rung)
                for state, voice, mood, rung in zip(states, voices, moods, rungs, strict=True)]

    def _one(self, state: BaselineState, heard: Vector, speech: float, rung: int) -> Shift | None:
        seconds, table = speech * HOP / RATE, self.population
        known = ~np.isnan(heard)
        if seconds == 0 or not known.any():
            return None
        state.recent = smoothed(state.recent, heard, seconds, table.smooth)
        of_late = ~np.isnan(state.recent)
        if state.weight[_LOUDNESS] < _FIRST_S:
            known[_LOUDNESS] = of_late[_LOUDNESS] = False  # nothing is known of this line's level yet
        own = np.minimum(_OWN_AT_MOST, state.weight / (state.weight + self.settle))
        normal = own * state.mean + (1 - own) * table.mean[state.language]
        covariance = table.within + np.outer(1 - own, 1 - own) * table.between
        change, sigma = state.recent - normal, np.sqrt(np.diag(covariance))
        heat = _heat(change, covariance, table.anger, of_late)
        if rung <= LEARNS_UP_TO:
            state.heat = heat if heat is not None else state.heat
            self._learn(state, heard, seconds / (1 + exp(2 * (min(state.heat, 20.0) - _CALM))))
        weight = float(state.weight.max())
        return Shift(**{name: _deviation(at, change, sigma, normal) if known[at] else None
                        for at, name in enumerate(FEATURES)}, heat=heat,
                     personal=weight / (weight + self.config.settle_s))

    def _learn(self, state: BaselineState, heard: Vector, weight: float) -> None:
        table, known = self.population, ~np.isnan(heard)
        centre = np.where(state.weight > 0, state.mean, heard)
        new = np.where(state.weight < _FIRST_S, np.diag(table.between), 0.0)
        reach = _CLIP * np.sqrt(np.diag(table.within) + new)
        kept = np.clip(heard, centre - reach, centre + reach)
        total = np.minimum(state.weight + weight, _CAP * self.config.settle_s)
        state.weight = np.where(known, total, state.weight)
        state.mean = np.where(known, centre + (kept - centre) * np.minimum(1.0, weight / total), state.mean)


def smoothed(recent: Vector, heard: Vector, seconds: float, smooth: Vector) -> Vector:
    """Running means of FEATURES, moved on by `seconds` of speech; a feature that is unknown (NaN) stays as it was."""
    before = np.where(np.isnan(recent), heard, recent)
    share = np.minimum(1.0, seconds / smooth)
    return np.where(np.isnan(heard), recent, before + share * (heard - before))


def values(voice: Voice | None, mood: Mood | None) -> Vector:
    """FEATURES of one hop; NaN is unknown. Loudness is the level, quality how pressed the voice is: - alpha ratio."""
    pitch, rate, loudness, quality = (voice.pitch, voice.rate, voice.loudness, voice.quality) if voice else (None,) * 4
    found = (
        pitch.median if pitch else None,
        pitch.range if pitch else None,
        rate.syllables if rate else None,
        loudness.level if loudness else None,
        loudness.effort if loudness else None,
        -quality.alpha_ratio if quality and quality.alpha_ratio is not None else None,
        mood.arousal if mood else None,
    )
    return np.array([np.nan if value is None else value for value in found])


def raised(shift: Shift) -> bool:
    """Whether pitch, effort and what goes with them stand so high together that calm speech seldom does."""
    return shift.heat is not None and shift.heat > RAISED


def _deviation(at: int, change: Vector, sigma: Vector, normal: Vector) -> Deviation:
    apart, mean = float(change[at]), float(normal[at])
    return Deviation(apart / float(sigma[at]), 100 * apart / mean if at == _RATE else apart, mean)


def _heat(change: Vector, covariance: Vector, anger: Vector, known: NDArray[np.bool_]) -> float | None:
    """The matched filter for anger; a louder voice counts as far as its effort bears it out: a gain is no shout."""
    sigma = np.sqrt(np.diag(covariance))
    z = np.clip(change / sigma, -_LOUDEST, _LOUDEST)
    z[_LOUDNESS] = min(z[_LOUDNESS], max(0.0, z[_EFFORT])) if known[_EFFORT] else min(z[_LOUDNESS], 0.0)
    rows = np.flatnonzero(known & (anger != 0))
    if not len(rows):
        return None
    filtered = np.linalg.solve(covariance[np.ix_(rows, rows)], anger[rows])
    return float(filtered @ (z * sigma)[rows] / np.sqrt(filtered @ anger[rows]))


@cache
def shipped() -> Population:
    """What baseline.toml holds; its source stands there."""
    table = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))

    def vector(section: str, part: str | None = None) -> Vector:
        rows = table[section] if part is None else table[section][part]
        return np.array([rows[name] for name in FEATURES], np.float64)

    return Population({"zh": vector("mean", "zh"), "en": vector("mean", "en")}, vector("smooth"), vector("anger"),
                      vector("within"), vector("between"))

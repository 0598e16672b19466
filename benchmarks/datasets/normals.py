"""What calm speech on a telephone is like and what anger adds: the population behind emotion/baseline.py, measured.

Every speaker's neutral and calm clips, chained and sent down a line, go through the voice stages, the mood model and
the baseline's own smoothing; so do his angry ones. A language's mean is that over its speakers. The covariances
between and within speakers, and what anger adds, are pooled over all actors, since two Mandarin actors are too few for
a spread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import simulate
from benchmarks.datasets import speech, words
from benchmarks.listen import Ears
from emotion import baseline
from emotion.mood import MoodModel
from emotion.types import FRAME, FRAMES, HOP, RATE, Activity, Audio, Language, Mood
from emotion.voice.logmel import LogMel

SECONDS = 40.0
AT_HELLO = 16
"""Hops of an angry chain that say what anger adds."""
LEVEL = 10 ** (-30 / 20)
"""RMS of calm speech on the line; angry speech keeps its distance."""
LINES_DB = 15.0
"""Spread of level between lines, set by hand: no level is unlikely at 'hello'."""
AROUSAL_WITHIN, AROUSAL_BETWEEN = 0.12, 0.15
"""Spreads of arousal, set by hand: actors who act calm are calmer (.07, .11) than people on the phone."""
HEARD_BY_MOOD = "EmoDB"
"""The shipped mood model has learnt from these actors: arousal is measured on the others."""
SMOOTH = {"pitch": 1.0, "pitch_range": 2.0, "rate": 1.5, "loudness": 1.5, "effort": 1.5, "quality": 1.5,
          "arousal": 2.0}
"""Seconds of speech for 'now': longer means are surer, shorter ones sooner."""
Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Speaker:
    """One voice: (hops, FEATURES) values of calm and of angry speech, smoothed, NaN where unknown."""

    name: str
    language: str
    calm: Vector
    angry: Vector | None

    @property
    def normal(self) -> Vector:
        return np.asarray(np.nanmean(self.calm, axis=0))


def listen(waves: Sequence[Audio]) -> list[Vector]:
    """Voice stages, mood and the baseline's smoothing over recordings at 8 kHz: (hops, FEATURES) of each."""
    found, smooth = [], np.array(list(SMOOTH.values()))
    for wave, heard in zip(waves, Ears().listen(waves), strict=True):
        recent = np.full(len(baseline.FEATURES), np.nan)
        rows = []
        for voice, mood in zip(heard.voices, moods(wave, heard.activities), strict=True):
            values = baseline.values(voice, mood)
            if voice.speech > 0 and not np.isnan(values).all():
                recent = baseline.smoothed(recent, values, voice.speech * HOP / RATE, smooth)
                rows.append(recent)
        found.append(np.array(rows).reshape(-1, len(baseline.FEATURES)))
    return found


def moods(wave: Audio, activities: Sequence[Activity]) -> list[Mood | None]:
    """The shipped mood model over one recording."""
    front, model = LogMel(), MoodModel()
    states = [front.start()], [model.start()]
    padded = np.zeros(len(activities) * FRAMES * FRAME, np.float32)
    padded[:len(wave)] = wave
    return [model.step(states[1], front.step(states[0], hop[None]), [activity])[0]
            for hop, activity in zip(padded.reshape(-1, HOP), activities, strict=True)]


def chain(clips: Sequence[Audio], gain: float, rng: np.random.Generator) -> Audio:
    """Clips at 8 kHz in random order, 0.6 s between, up to SECONDS; clipped at full scale."""
    parts: list[Audio] = []
    for at in rng.permutation(len(clips)):
        if sum(map(len, parts)) < SECONDS * RATE:
            parts += [clips[at], np.zeros(int(0.6 * RATE), np.float32)]
    return np.asarray(np.clip(np.concatenate(parts) * gain, -1, 1), np.float32)


def gather(data: Path, rng: np.random.Generator) -> list[Speaker]:
    """All actors, calm and angry, and all synthetic voices of the training part."""
    names: list[tuple[str, str]] = []
    waves: list[Audio] = []

    def add(name: str, language: str, calm: Sequence[Audio], angry: Sequence[Audio]) -> None:
        gain = LEVEL / float(np.sqrt(np.mean([simulate.active_power(clip) for clip in calm])))
        names.append((name, language))
        waves.extend(simulate.telephone(chain(clips, gain, rng)) if clips else np.zeros(0, np.float32)
                     for clips in (calm, angry))

    clips = speech.clips(data)
    for speaker in sorted({clip.speaker for clip in clips}):
        own = [clip for clip in clips if clip.speaker == speaker]
        add(speaker, own[0].lang, [clip.read(RATE)[0] for clip in own if clip.emotion in ("neutral", "calm")],
            [clip.read(RATE)[0] for clip in own if clip.emotion == "anger"])
    spoken = words.synthetic(data)
    for voice in sorted({item.speaker for item in spoken if "*" not in item.speaker}):
        items = [item for item in spoken if item.speaker == voice][:25]
        add(voice, items[0].language, [words.read(item, RATE) for item in items], [])
    heard = listen(waves)
    return [Speaker(name, language, heard[2 * at], heard[2 * at + 1] if len(heard[2 * at + 1]) else None)
            for at, (name, language) in enumerate(names)]


def fit(speakers: Sequence[Speaker]) -> baseline.Population:
    """Means by language over all voices; the rest over the actors."""
    means: dict[Language, Vector] = {}
    languages: tuple[Language, ...] = ("zh", "en")
    for language in languages:
        means[language] = np.nanmean([one.normal for one in speakers if one.language == language], axis=0)
    actors = [one for one in speakers if one.angry is not None]
    unheard = [one for one in actors if not one.name.startswith(HEARD_BY_MOOD)]
    within, between, anger = _spreads(actors)
    fresh_within, fresh_between, fresh_anger = _spreads(unheard)
    for matrix, fresh, spread in ((within, fresh_within, AROUSAL_WITHIN), (between, fresh_between, AROUSAL_BETWEEN)):
        matrix[-1] = matrix[:, -1] = fresh[-1] * spread / np.sqrt(fresh[-1, -1])
        matrix[-1, -1] = spread**2
    anger[-1] = fresh_anger[-1]
    loudness, rate = baseline.FEATURES.index("loudness"), baseline.FEATURES.index("rate")
    between[loudness] = between[:, loudness] = 0.0
    between[loudness, loudness] = LINES_DB**2
    anger[rate] = 0.0
    return baseline.Population(means, np.array(list(SMOOTH.values())), anger, within, between)


def _spreads(actors: Sequence[Speaker]) -> tuple[Vector, Vector, Vector]:
    apart = [one.calm - one.normal for one in actors]
    within = np.mean([_covariance(rows[~np.isnan(rows).any(axis=1)]) for rows in apart], axis=0)
    between = np.cov(np.array([one.normal for one in actors]).T)
    anger = np.mean([np.nanmean(one.angry[:AT_HELLO], axis=0) - one.normal for one in actors
                     if one.angry is not None], axis=0)
    return within, between, anger


def _covariance(rows: Vector) -> Vector:
    return np.asarray(rows.T @ rows / len(rows))

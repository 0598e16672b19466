"""python -m models.train baseline: what is normal in calm speech on a telephone, into emotion/baseline.toml.

Every speaker's neutral and calm clips, chained and sent down a line, go through the voice stages and the baseline's
own smoothing. A language's mean is that over its speakers; the spreads between and within speakers are pooled over all
of them, since two Mandarin actors are too few for a spread. A feature's part in heat is its separation of angry from
neutral hops, sum-of-variances in the denominator (Fisher's discriminant without the correlations).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import simulate
from benchmarks.datasets import speech, words
from emotion import baseline
from emotion.types import HOP, RATE, Audio, Language, Voice
from emotion.voice.loudness import LoudnessMeter
from emotion.voice.pitch import PitchTracker
from emotion.voice.quality import QualityMeter
from emotion.voice.rate import RateMeter
from emotion.voice.vad import Vad

SECONDS = 40.0
CONDITIONS = ("telephone",)
LEVEL = 10 ** (-30 / 20)
"""RMS of calm speech on the line; angry speech keeps its distance."""
MEASURED = tuple(name for name in baseline.FEATURES if name != "arousal")
AROUSAL = baseline.Normal(0.4, 0.1, 0.12, 3.0, 2.0)
"""Until the mood model's own calm speech is measured: its scale is 0-1."""
HEAD = """
Normal calm speech on a telephone, by language: mean over speakers, spread between speakers, spread within a speaker
(of values smoothed as emotion/baseline.py smooths them); `heat` is the feature's part in heat.
Written by `python -m models.train baseline` from neutral and calm clips: zh CASIA (2 actors) and synthetic voices,
en RAVDESS (18 actors) and synthetic voices; spreads and heat from the actors, EmoDB's 10 among them.
Acted and synthetic speech, not calls. Arousal is set by hand.
"""
SMOOTH = {"pitch": 1.0, "pitch_range": 3.0, "rate": 1.5, "loudness": 2.0, "effort": 10.0, "quality": 6.0}
"""Seconds of speech for 'now': what varies with every vowel needs longer."""
Table = dict[str, list[NDArray[np.float64]]]


def listen(wave: Audio) -> list[Voice]:
    """The voice stages over one recording at 8 kHz, a Voice a hop."""
    vad, pitch, loudness, quality, rate = Vad(), PitchTracker(), LoudnessMeter(), QualityMeter(), RateMeter()
    states = vad.start(), pitch.start(), loudness.start(), quality.start(), rate.start()
    found = []
    for start in range(0, len(wave) - HOP + 1, HOP):
        hop = wave[None, start:start + HOP]
        activities = vad.step([states[0]], hop)
        f0s = pitch.step([states[1]], hop, activities)
        found.append(Voice(activities[0].fraction, f0s[0].pitch, rate.step([states[4]], hop, activities, f0s)[0],
                           loudness.step([states[2]], hop, activities)[0],
                           quality.step([states[3]], hop, activities, f0s)[0]))
    return found


def smoothed(voices: Sequence[Voice]) -> dict[str, NDArray[np.float64]]:
    """Each feature as the baseline sees 'now', hops without it left out."""
    recent: dict[str, float] = {}
    found: dict[str, list[float]] = {name: [] for name in MEASURED}
    for voice in voices:
        for name, value in baseline.values(voice, None).items():
            if value is not None:
                share = min(1.0, voice.speech * HOP / RATE / SMOOTH[name])
                recent[name] = recent.get(name, value) + share * (value - recent.get(name, value))
                found[name].append(recent[name])
    return {name: np.array(values) for name, values in found.items()}


def chain(clips: Sequence[Audio], gain: float, rng: np.random.Generator) -> Audio:
    """Clips at 8 kHz in random order, 0.6 s between, up to SECONDS; clipped at full scale."""
    parts: list[Audio] = []
    for at in rng.permutation(len(clips)):
        if sum(map(len, parts)) < SECONDS * RATE:
            parts += [clips[at], np.zeros(int(0.6 * RATE), np.float32)]
    return np.asarray(np.clip(np.concatenate(parts) * gain, -1, 1), np.float32)


def gather(data: Path, rng: np.random.Generator) -> tuple[dict[Language, Table], Table, Table]:
    """Per speaker: smoothed calm values by language; and calm and angry ones of the acted speakers, side by side."""
    by_language: dict[Language, Table] = {"zh": {}, "en": {}}
    calm_acted: Table = {}
    angry_acted: Table = {}
    languages: dict[str, tuple[Language, ...]] = {"zh": ("zh",), "en": ("en",)}
    groups: list[tuple[tuple[Language, ...], list[Audio], list[Audio]]] = []
    for speaker in sorted({clip.speaker for clip in speech.clips(data)}):
        own = [clip for clip in speech.clips(data) if clip.speaker == speaker]
        calm = [clip.read(RATE)[0] for clip in own if clip.emotion in ("neutral", "calm")]
        angry = [clip.read(RATE)[0] for clip in own if clip.emotion == "anger"]
        groups.append((languages.get(own[0].lang, ()), calm, angry))
    spoken = words.synthetic(data)
    for voice in sorted({item.speaker for item in spoken if "*" not in item.speaker}):
        items = [item for item in spoken if item.speaker == voice][:25]
        groups.append(((items[0].language,), [words.read(item, RATE) for item in items], []))
    for tags, calm, angry in groups:
        for condition in CONDITIONS:
            gain = LEVEL / float(np.sqrt(np.mean([simulate.active_power(clip) for clip in calm])))
            values, heated = (smoothed(listen(simulate.degrade(chain(clips, gain, rng), RATE, condition, data=data)))
                              if clips else {} for clips in (calm, angry))
            for name in MEASURED:
                for tag in tags:
                    by_language[tag].setdefault(name, []).append(values[name])
                if angry:
                    calm_acted.setdefault(name, []).append(values[name])
                    angry_acted.setdefault(name, []).append(heated[name])
    return by_language, calm_acted, angry_acted


def normals(table: Table, pooled: Table, angry: Table) -> dict[str, baseline.Normal]:
    """One language's normals: means its own, spreads and heat pooled."""
    found = {}
    for name in MEASURED:
        means = np.array([np.median(values) for values in table[name] if len(values)])
        centres = np.array([np.median(values) for values in pooled[name] if len(values)])
        within = float(np.mean([np.std(values) for values in pooled[name] if len(values) > 3]))
        rise = float(np.mean([np.median(hot) - np.median(cool) for hot, cool in
                              zip(angry[name], pooled[name], strict=True) if len(hot) and len(cool)]))
        spread = float(np.hypot(within, np.mean([np.std(hot) for hot in angry[name] if len(hot) > 3])))
        found[name] = baseline.Normal(float(means.mean()), float(np.std(centres)), within, max(0.0, rise / spread),
                                     SMOOTH[name])
    return found


def write(path: Path, tables: dict[Language, dict[str, baseline.Normal]]) -> None:
    """The file that emotion/baseline.py reads."""
    lines = [f"# {line}" for line in HEAD.strip().splitlines()]
    for language, table in tables.items():
        lines += ["", f"[{language}]"]
        lines += [f"{name} = {{ mean = {row.mean:.2f}, between = {row.between:.2f}, within = {row.within:.2f}, "
                  f"heat = {row.heat:.2f}, smooth = {row.smooth} }}"
                  for name, row in {**table, "arousal": AROUSAL}.items()]
    path.write_text("\n".join(lines) + "\n", "utf-8")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, default=0)


def run(arguments: argparse.Namespace) -> int:
    rng = np.random.default_rng(arguments.seed)
    by_language, calm, angry = gather(arguments.data, rng)
    path = Path(baseline.__file__).with_suffix(".toml")
    write(path, {language: normals(table, calm, angry) for language, table in by_language.items()})
    print(path.read_text("utf-8"))
    return 0

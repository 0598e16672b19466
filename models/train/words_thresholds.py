"""Thresholds of an ear from false-alarm budgets, and the logistic that makes a probability of a match.

Speech that does not say a phrase: words of three Mandarin speakers as running speech, synthetic sentences (each
against the phrases it does not say) and EmoDB's German, through the telephone. The lexicon as a whole may raise
`TOTAL` false alarms an hour of speech, each number of units an even share of it, and no single phrase more than
`SINGLE`. Synthetic sentences that do say a phrase are the positives of the logistic.
"""

from __future__ import annotations

import argparse
import random
import re
import tomllib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks import simulate
from benchmarks.datasets import speech, words
from emotion.types import RATE, Language
from emotion.voice.logmel import LogMel
from emotion.words.decoder import Decoder, Pattern, strongest
from emotion.words.ears import BundledEar, Ear
from emotion.words.lexicon import Lexicon, Spoken
from emotion.words.listen import posteriors
from emotion.words.thresholds import FILE
from models.train.words_data import running

TOTAL, SINGLE = 12.0, 0.5
LOWEST, HIGHEST = -2.2, -0.15
"""No threshold is laxer or stricter than these, per unit."""
SHORTEST: dict[Language, int] = {"zh": 2, "en": 5}
LONGEST: dict[Language, int] = {"zh": 7, "en": 14}


@dataclass(frozen=True, slots=True)
class Match:
    """A phrase found in training speech: rightly or not."""

    spoken: Spoken
    ratio: float
    true: bool


def fit(arguments: argparse.Namespace) -> None:
    """Write the tables of the bundled ears, and of the FSMN where the teacher is there, into thresholds.toml."""
    from emotion.words.fsmn import FsmnEar

    ears: list[Ear] = [BundledEar("zh"), BundledEar("en")]
    if arguments.teacher.is_dir():
        ears.append(FsmnEar(arguments.teacher))
    for ear in ears:
        matches, hours = gather(ear, arguments)
        name = f"{ear.name}-{ear.language}"
        content = replace_table(FILE.read_text("utf-8"), name, table(ear.language, matches, hours))
        tomllib.loads(content)
        FILE.write_text(content, "utf-8")
        print(f"{name}: {len(matches)} matches in {hours:.2f} h", flush=True)


def gather(ear: Ear, arguments: argparse.Namespace) -> tuple[list[Match], float]:
    """All matches over LOWEST in the training speech, and its hours."""
    rng = random.Random(0)
    # a third of the sentences is enough for thresholds
    sentences = [item for item in words.synthetic(arguments.data) if item.language == ear.language][::3]
    made = [item for item in sentences if not item.held_out]
    waves = [(words.read(item, RATE), RATE, item.text) for item in made]
    if ear.language == "zh":
        spoken = words.real(arguments.data)
        for folder, most in (("hsk", 1000), ("syll_df", 200)):
            some = rng.sample(words.part(spoken, folder), most)
            waves += [(one.samples, 16000, "".join(one.units))
                      for one in running(some, rng, 8.0, (0.95, 1.05), (1.1, 1.6))]
    else:
        german = [clip for clip in speech.clips(arguments.data) if clip.corpus == "EmoDB"]
        waves += [(*clip.read(), "") for clip in german]
    lexicon = Lexicon.load(ear.language)
    number = {unit: n for n, unit in enumerate(ear.units)}
    phrases = [one for one in {one.units: one for one in lexicon.units()}.values()
               if len(one.units) >= SHORTEST[ear.language] and all(unit in number for unit in one.units)]
    decoder = Decoder([Pattern(tuple(number[unit] for unit in one.units), LOWEST) for one in phrases],
                      ear.frame / RATE, ear.language, compete=False)
    matches = list[Match]()
    for first in range(0, len(waves), 64):
        part = waves[first: first + 64]
        heard = posteriors(ear, LogMel(), [simulate.degrade(wave, rate, "telephone") for wave, rate, _ in part])
        for score, (_, _, text) in zip(heard, part, strict=True):
            state = decoder.start()
            hits = [hit for at in range(0, len(score), 17) for hit in decoder.step([state], [score[at: at + 17]])[0]]
            keys = {match.term.key for match in lexicon.find(text)}
            taken: list[tuple[int, int]] = []
            for hit in strongest(hits):
                said = phrases[hit.index]
                # another variant of what was said is no false alarm: it means the same
                right = said.term.key in keys or says(text, said, ear.language)
                # the decoder tells one phrase a stretch, so that many alike are one false alarm
                if right or not any(hit.begin < end and begin < hit.end for begin, end in taken):
                    matches.append(Match(said, hit.ratio, right))
                    taken.append((hit.begin, hit.end))
    return matches, sum(len(wave) / rate for wave, rate, _ in waves) / 3600


def says(text: str, spoken: Spoken, language: Language) -> bool:
    """Whether a text says a phrase, by its letters or, for isolated words made into speech, its syllables."""
    if language == "en":
        return re.search(rf"\b{re.escape(spoken.text.lower())}\b", text.lower()) is not None
    return spoken.text in text or "".join(spoken.units) in text


def table(language: Language, matches: Sequence[Match], hours: float) -> str:
    """The TOML lines of one ear."""
    from sklearn.linear_model import LogisticRegression

    longest = LONGEST[language]
    wrong: dict[int, list[float]] = defaultdict(list)
    single: dict[str, list[float]] = defaultdict(list)
    for match in matches:
        if not match.true:
            wrong[min(len(match.spoken.units), longest)].append(match.ratio)
            single[" ".join(match.spoken.units)].append(match.ratio)
    sizes = range(SHORTEST[language], longest + 1)
    learned = [_at(wrong[size], TOTAL / len(sizes) * hours) for size in sizes]
    # a longer phrase is never asked for a better match than a shorter one: that would be chance
    by_length = [0.0] * SHORTEST[language] + [float(value) for value in np.minimum.accumulate(learned)]
    own = {units: _at(ratios, SINGLE * hours) for units, ratios in single.items()}
    own = {units: value for units, value in own.items() if value > by_length[min(len(units.split()), longest)]}
    features = np.array([[match.ratio, len(match.spoken.units)] for match in matches])
    model = LogisticRegression(C=10.0).fit(features, [match.true for match in matches])
    logistic = [float(model.intercept_[0]), *map(float, model.coef_[0])]
    lines = [f"shortest = {SHORTEST[language]}", f"by_length = {[round(value, 2) for value in by_length]}",
             f"logistic = {[round(value, 3) for value in logistic]}"]
    phrases = ", ".join(f'"{units}" = {value:.2f}' for units, value in sorted(own.items()))
    return "\n".join([*lines, f"phrases = {{ {phrases} }}" if phrases else "phrases = {}"])


def _at(ratios: Sequence[float], allowed: float) -> float:
    """The threshold over which no more than `allowed` of the ratios lie."""
    over = sorted(ratios, reverse=True)
    found = over[int(allowed)] + 0.01 if len(over) > int(allowed) else LOWEST
    return float(np.clip(found, LOWEST, HIGHEST))


def replace_table(content: str, name: str, lines: str) -> str:
    """A TOML text with one table put in, in place of an earlier one of that name."""
    content = re.sub(rf"\n*\[{re.escape(name)}\]\n(?:(?!\[).*\n?)*", "\n", content).rstrip("\n")
    return f"{content}\n\n[{name}]\n{lines}\n"


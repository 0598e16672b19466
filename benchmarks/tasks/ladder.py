"""Where the caller stands: positions along labelled dialogues in text, and along composed calls through lines.

Conditions: `ladder_zh` and `ladder_en` (written dialogues, one reading a caller turn; en is a translation with the
same labels), `stc3_zh`, `stc3_en` (position at the end against satisfaction), `acted/…` (acted clips neutral, angry,
neutral; the voice alone), `composed/zh` and `composed/en` (labelled dialogues with acted voices and an imperfect
transcript over the telephone). Systems: `emotion`; `emotion-words`, `emotion-voice`, `emotion-talk` (one kind of ear);
`highest_phrase` and `loudness` (plain baselines). Published or acted material is not the field: see docs/ladder.md.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.compose import Composed, acted, dialogues, written
from benchmarks.datasets import speech, texts
from benchmarks.metrics.ladder import at_least, ece, macro_f1, mae, over_groups, qwk
from benchmarks.replay import EARS, ablated, at_turns, highest_phrase, listen, loudness, standings
from benchmarks.task import SYSTEM, Options, Row, bootstrap
from emotion.config import Config, WordsConfig
from emotion.engine import Engine
from emotion.ladder import Ladder
from emotion.types import LANGUAGES, RATE, Language, Moment, Reading, Standing
from emotion.words.transcript import TranscriptReader

SUMMARY = "the ladder: positions in text and in composed calls, time to detect, forecast, ablations"
SCORES: dict[str, Callable[..., float]] = {
    "qwk": qwk, "mae": mae, "macro_f1": macro_f1, "f1_at_least_3": at_least(3), "f1_at_least_5": at_least(5)}
LINES = ("telephone", "pink10", "loss5")
WITHIN = 6.0
"""Seconds after the first angry clip in which rung 3 should be reached."""
AHEAD = 3
"""Caller turns in the 60 s of the forecast."""


def validate(data: Path) -> list[str]:
    return texts.missing(data, "ladder_zh_dev.csv", "stc3_zh_dev.jsonl", "stc3_en_dev.jsonl") + speech.validate(data)


def evaluate(options: Options) -> Iterator[Row]:
    yield from _texts(options)
    yield from _satisfaction(options)
    engine = Engine(Config(words=WordsConfig()))
    yield from _acted(options, engine)
    for language in LANGUAGES:
        yield from _composed(options, engine, language)


# ── text ────────────────────────────────────────────────────────────────────────────────────────

def _texts(options: Options) -> Iterator[Row]:
    reader, ladder = TranscriptReader(WordsConfig()), Ladder()
    for language in LANGUAGES:
        truth, found, plain, forecasts = [], [], [], []
        for labels, readings in labelled(options.data, language, reader):
            stood = standings(ladder, ((reading, None) for reading in readings))
            turns = [label.turn - 1 for label in labels if label.turn <= len(readings)]
            truth.append([label.position for label in labels if label.turn <= len(readings)])
            found.append([stood[turn].rung for turn in turns])
            plain.append([highest_phrase(readings)[turn] for turn in turns])
            forecasts += _forecasts(truth[-1], [stood[turn] for turn in turns])
        condition = f"ladder_{language}"
        yield from _scores(SYSTEM, condition, truth, found)
        if options.peers:
            yield from _scores("highest_phrase", condition, truth, plain)
        yield from _forecast_rows(condition, forecasts)


def labelled(data: Path, language: Language, reader: TranscriptReader,
             split: texts.Split = "dev") -> Iterator[tuple[list[texts.Label], list[Reading]]]:
    """Each labelled dialogue: its labels and one reading a caller turn."""
    by_id = {dialogue.id: dialogue for dialogue in texts.stc3(data, language, split)}
    labels = texts.ladder_labels(data / "text" / f"ladder_zh_{split}.csv")
    for key, group in itertools.groupby(labels, key=lambda label: label.id):
        if key in by_id:
            yield list(group), written(by_id[key], language, reader)


def _scores(system: str, condition: str, truth: Sequence[Sequence[int]],
            found: Sequence[Sequence[int]]) -> Iterator[Row]:
    for name, score in SCORES.items():
        value, low, high = over_groups(score, truth, found)
        yield Row("ladder", system, condition, name, value, low, high, len(truth))


def _forecasts(truth: Sequence[int], stood: Sequence[Standing]) -> list[tuple[float, bool]]:
    """Forecast below rung 5 and whether rung 5 was reached within the next turns of 60 s."""
    return [(stood[turn].forecast, max(truth[turn + 1:turn + 1 + AHEAD]) >= 5)
            for turn in range(len(truth) - 1) if truth[turn] < 5]


def _forecast_rows(condition: str, forecasts: Sequence[tuple[float, bool]]) -> Iterator[Row]:
    if not forecasts:
        return
    chance, came = np.array([p for p, _ in forecasts]), np.array([c for _, c in forecasts])
    yield Row("ladder", SYSTEM, condition, "forecast_ece", ece(chance, came), n=len(came))
    yield Row("ladder", SYSTEM, condition, "forecast_base_rate", float(came.mean()), n=len(came))
    for least in (0.1, 0.2, 0.3):
        warned = chance >= least
        right = int((warned & came).sum())
        yield Row("ladder", SYSTEM, f"{condition}/forecast{least:g}", "precision", right / max(1, int(warned.sum())),
                  n=int(warned.sum()))
        yield Row("ladder", SYSTEM, f"{condition}/forecast{least:g}", "recall", right / max(1, int(came.sum())),
                  n=int(came.sum()))


def _satisfaction(options: Options) -> Iterator[Row]:
    from scipy.stats import spearmanr

    reader, ladder = TranscriptReader(WordsConfig()), Ladder()
    for language in LANGUAGES:
        pairs = []
        for dialogue in texts.stc3(options.data, language, "dev")[:60 if options.quick else None]:
            stood = standings(ladder, ((reading, None) for reading in written(dialogue, language, reader)))
            if stood and dialogue.satisfaction is not None:
                mean = sum(rung * mass for rung, mass in enumerate(stood[-1].posterior))
                pairs.append((float(stood[-1].rung), mean, dialogue.satisfaction))
        for name, column in (("spearman", 1), ("spearman_rung", 0)):
            low, high = bootstrap(pairs, lambda rows, c=column: spearmanr(rows[:, c], rows[:, 2])[0], 300)
            value = float(spearmanr([row[column] for row in pairs], [row[2] for row in pairs])[0])
            yield Row("ladder", SYSTEM, f"stc3_{language}", name, value, low, high, len(pairs))


# ── composed calls ──────────────────────────────────────────────────────────────────────────────

def _acted(options: Options, engine: Engine) -> Iterator[Row]:
    """The voice alone: how soon after the first angry clip, and how often before it."""
    ladder = Ladder()
    for line in LINES[:1] if options.quick else LINES:
        seen: list[tuple[Composed, float | None, bool]] = []
        for made, moments in listen(engine, acted(options.data, line, count=4 if options.quick else 24,
                                                  seed=options.seed)):
            rungs = [standing.rung for standing in standings(ladder, ablated(moments, {"voice"}))]
            seen.append((made, first_at(rungs, 3, made.angry_at or 0.0),
                         any(rung >= 3 for rung in rungs[:int(2 * (made.angry_at or 0))])))
        for part in ("", "/female", "/male"):
            chosen = [row for row in seen if not part or row[0].gender == part[1].upper()]
            yield from _detection(f"acted/{line}{part}", chosen)


def first_at(rungs: Sequence[int], least: int, after: float) -> float | None:
    """Seconds from `after` until the caller is seen on `least` or above; None for never."""
    for number, rung in enumerate(rungs, 1):
        if number / 2 > after and rung >= least:
            return number / 2 - after
    return None


def _detection(condition: str, seen: Sequence[tuple[Composed, float | None, bool]]) -> Iterator[Row]:
    if not seen:
        return
    quiet = [row for row in seen if not row[2]]
    soon = [float(delay is not None and delay <= WITHIN and not early) for _, delay, early in seen]
    delays = [delay for _, delay, _ in quiet if delay is not None]
    low, high = bootstrap(soon)
    yield Row("ladder", "emotion-voice", condition, "within_6_s", float(np.mean(soon)), low, high, len(seen))
    yield Row("ladder", "emotion-voice", condition, "early", 1 - len(quiet) / len(seen), n=len(seen))
    if delays:
        yield Row("ladder", "emotion-voice", condition, "detect_s_median", float(np.median(delays)), n=len(delays))


def _composed(options: Options, engine: Engine, language: Language) -> Iterator[Row]:
    made = dialogues(options.data, language, count=6 if options.quick else 60, seed=options.seed)
    seen = list(listen(engine, made))
    ladder, condition = Ladder(), f"composed/{language}"
    kinds: dict[str, frozenset[str]] = {SYSTEM: frozenset(EARS)}
    if options.peers:
        kinds |= {f"{SYSTEM}-{ear}": frozenset({ear}) for ear in EARS}
    for system, ears in kinds.items():
        stood = [standings(ladder, ablated(moments, ears)) for _, moments in seen]
        yield from _positions(system, condition, [row[0] for row in seen],
                              [[standing.rung for standing in one] for one in stood])
    if options.peers:
        for system, plain in (("highest_phrase", highest_phrase), ("loudness", loudness)):
            found = [plain(moment.reading for moment in moments) for _, moments in seen]
            yield from _positions(system, condition, [row[0] for row in seen], found)
    yield from _confidence(condition, seen)


def _positions(system: str, condition: str, made: Sequence[Composed], rungs: Sequence[Sequence[int]]) -> Iterator[Row]:
    pairs = [at_turns(one, found) for one, found in zip(made, rungs, strict=True)]
    yield from _scores(system, condition, [truth for truth, _ in pairs], [found for _, found in pairs])
    minutes = sum(one.seconds for one in made) / 60
    moves = sum(int(np.count_nonzero(np.diff(found))) for found in rungs)
    yield Row("ladder", system, condition, "changes_per_minute", moves / minutes, n=len(made))
    delays, turns, missed = [], [], 0
    for one, found in zip(made, rungs, strict=True):
        risen = next((second for second, position in one.truth if position >= 3), None)
        if risen is None:
            continue
        since = one.angry_at if one.angry_at is not None else risen
        delay = first_at(found, 3, since)
        missed += delay is None
        if delay is not None:
            delays.append(delay)
            turns.append(sum(since < second <= since + delay for second, _ in one.truth))
    if delays:
        yield Row("ladder", system, condition, "detect_s_median", float(np.median(delays)), n=len(delays))
        yield Row("ladder", system, condition, "detect_turns_mean", float(np.mean(turns)), n=len(turns))
    yield Row("ladder", system, condition, "missed", missed / max(1, missed + len(delays)), n=missed + len(delays))


def _confidence(condition: str, seen: Sequence[tuple[Composed, Sequence[Moment]]]) -> Iterator[Row]:
    """Whether 'within one rung of the truth' is as often true as it is said to be."""
    said, true = [], []
    for made, moments in seen:
        for moment in moments:
            if moment.standing is not None:
                said.append(moment.standing.confidence)
                true.append(abs(moment.standing.rung - made.position(moment.reading.at / RATE)) <= 1)
    yield Row("ladder", SYSTEM, condition, "confidence_ece", ece(said, true), n=len(said))

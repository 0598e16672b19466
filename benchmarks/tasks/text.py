"""Text to rung: what a caller's turn says of the ladder, from writing alone, against n-grams and bare phrases.

Rungs are decoded as the median of the evidence. Labels: ours by docs/ladder.md (ladder_zh; ladder_en is the same
dialogues in translation), 19 readers' satisfaction (stc3), complaints in tweets (xci), user satisfaction (jddc).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.datasets import texts
from benchmarks.metrics.ladder import at_least, f1, macro_f1, mae, over_groups, qwk
from benchmarks.metrics.voice import auc
from benchmarks.task import SYSTEM, Options, Row, bootstrap
from emotion.types import LANGUAGES, Language
from emotion.words.lexicon import Lexicon
from emotion.words.text import Estimate, TextModel

SUMMARY = "text to rung: evidence, calming, satisfaction, complaints; n-grams and bare phrases beside it"
FILES = ("ladder_zh_dev.csv", "ladder_zh_train.csv", "stc3_zh_dev.jsonl", "stc3_en_dev.jsonl", "stc3_zh_train.jsonl",
         "xci_en_dev.jsonl", "xci_en_train.jsonl", "multidogo_en_calm.jsonl", "jddc_zh_dev.jsonl")
LOW = -0.5
"""Mean satisfaction at or below which a dialogue counts as unsatisfied."""


def uar(truth: ArrayLike, found: ArrayLike) -> float:
    """Recall of each rung that occurs, averaged."""
    y, p = np.asarray(truth), np.asarray(found)
    return float(np.mean([(p[y == rung] == rung).mean() for rung in np.unique(y)]))


SCORES: dict[str, Callable[[ArrayLike, ArrayLike], float]] = {
    "qwk": qwk, "macro_f1": macro_f1, "mae": mae, "uar": uar, "f1_at_least_3": at_least(3),
    "f1_at_least_5": at_least(5)}


def validate(data: Path) -> list[str]:
    return texts.missing(data, *FILES)


def evaluate(options: Options) -> Iterator[Row]:
    """Rows as they are found; with `quick` a tenth of every set."""
    lexicons = {language: Lexicon.load(language) for language in LANGUAGES}
    model = TextModel(lexicons)
    for language in LANGUAGES:
        yield from _ladder(options, model, lexicons[language], language)
        yield from _satisfaction(options, model, language)
    yield from _complaints(options, model)
    yield from _calm(options, model)
    yield from _jddc(options, model)
    yield from _cost(options, model)


def median(evidence: Sequence[float]) -> int:
    """The rung at which half of the probability is reached."""
    return int(np.searchsorted(np.cumsum(evidence), 0.5))


def _some(rows: Sequence[object], options: Options) -> slice:
    return slice(None, max(20, len(rows) // 10)) if options.quick else slice(None)


# ── evidence on the ladder ──────────────────────────────────────────────────────────────────────

def _ladder(options: Options, model: TextModel, lexicon: Lexicon, language: Language) -> Iterator[Row]:
    turns = texts.ladder(options.data, "dev", language)
    turns = turns[_some(turns, options)]
    condition = f"ladder_{language}"
    found = [median(model.read(language, turn.text, turn.before).evidence) for turn in turns]
    yield from _scores(SYSTEM, condition, turns, found)
    if options.peers:
        yield from _scores("lexicon only", condition, turns, [_top(lexicon, turn.text) for turn in turns])
        train = texts.ladder(options.data, "train", language)
        yield from _scores("n-grams, cumulative logistic regression", condition, turns, _ngrams(train, turns))


def _scores(system: str, condition: str, turns: Sequence[texts.Labelled], found: Sequence[int]) -> Iterator[Row]:
    pairs = [(turn.label.id, turn.label.evidence, rung) for turn, rung in zip(turns, found, strict=True)]
    groups = [list(group) for _, group in groupby(pairs, key=lambda pair: pair[0])]
    truth, guess = [[p[1] for p in group] for group in groups], [[p[2] for p in group] for group in groups]
    for metric, score in SCORES.items():
        value, low, high = over_groups(score, truth, guess)
        yield Row("text", system, condition, metric, value, low, high, len(pairs))


def _top(lexicon: Lexicon, text: str) -> int:
    return max((match.term.rung for match in lexicon.find(text)), default=0)


def _ngrams(train: Sequence[texts.Labelled], test: Sequence[texts.Labelled]) -> list[int]:
    """The floor: character 1-4-grams and one logistic regression a threshold, on the given labels only."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    grams = TfidfVectorizer(analyzer="char", ngram_range=(1, 4), sublinear_tf=True, min_df=2)
    seen, unseen = grams.fit_transform([turn.text for turn in train]), grams.transform([turn.text for turn in test])
    rung = np.array([turn.label.evidence for turn in train])
    at = np.stack([LogisticRegression(C=20.0, max_iter=1000).fit(seen, rung >= least).predict_proba(unseen)[:, 1]
                   for least in range(1, 7)], axis=1)
    return [int(count) for count in (np.minimum.accumulate(at, axis=1) >= 0.5).sum(axis=1)]


# ── what others have labelled ───────────────────────────────────────────────────────────────────

def _satisfaction(options: Options, model: TextModel, language: Language) -> Iterator[Row]:
    dialogues = texts.stc3(options.data, language, "dev")
    dialogues = dialogues[_some(dialogues, options)]
    truth = np.array([dialogue.satisfaction for dialogue in dialogues], float)
    found = np.array([model.satisfaction(language, dialogue.caller) for dialogue in dialogues])
    pairs = np.stack([truth, found], axis=1)
    condition = f"stc3_{language}"
    yield Row("text", SYSTEM, condition, "spearman", _spearman(pairs), *bootstrap(pairs, _spearman, 300), len(pairs))
    low = truth <= LOW
    yield Row("text", SYSTEM, condition, "auc", auc(-found, low), n=len(pairs))


def _complaints(options: Options, model: TextModel) -> Iterator[Row]:
    tweets = texts.xci(options.data, "dev")
    estimates = [model.read("en", tweet.text) for tweet in tweets]
    truth = [tweet.complaint for tweet in tweets]
    yield from _complaint_rows(SYSTEM, truth, [(one.complaint or 0.0) >= 0.5 for one in estimates])
    severity = [tweet.severity for tweet in tweets]
    found = [round(min(4.0, max(0.0, one.severity or 0.0))) for one in estimates]
    yield Row("text", SYSTEM, "xci_en", "qwk", qwk(severity, found), n=len(tweets))
    if options.peers:
        train = texts.xci(options.data, "train")
        yield from _complaint_rows("n-grams, logistic regression", truth, _complaint_ngrams(train, tweets))
        lexicon = Lexicon.load("en")
        yield from _complaint_rows("lexicon only", truth, [_top(lexicon, tweet.text) > 0 for tweet in tweets])


def _complaint_rows(system: str, truth: Sequence[bool], found: Sequence[bool]) -> Iterator[Row]:
    pairs = np.stack([np.array(truth), np.array(found)], axis=1)
    yield Row("text", system, "xci_en", "macro_f1", _both_f1(pairs), *bootstrap(pairs, _both_f1, 300), len(pairs))


def _both_f1(pairs: NDArray[np.bool_]) -> float:
    return (f1(pairs[:, 0], pairs[:, 1]) + f1(~pairs[:, 0], ~pairs[:, 1])) / 2


def _complaint_ngrams(train: Sequence[texts.Complaint], test: Sequence[texts.Complaint]) -> list[bool]:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    grams = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2)
    model = LogisticRegression(C=5.0, max_iter=1000)
    model.fit(grams.fit_transform([one.text for one in train]), [one.complaint for one in train])
    return [bool(found) for found in model.predict(grams.transform([one.text for one in test]))]


def _spearman(pairs: NDArray[np.float64]) -> float:
    """Correlation of ranks; ties share their mean rank."""
    ranks = [_ranks(column) for column in pairs.T]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, which, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[which].astype(np.float64)


# ── false alarms, other chats, cost ─────────────────────────────────────────────────────────────

def _calm(options: Options, model: TextModel) -> Iterator[Row]:
    """Share of turns of calm English dialogues that are read as rung 3 or above."""
    dialogues = texts.calm_english(options.data)
    turns = [turn for dialogue in dialogues[_some(dialogues, options)] for turn in dialogue]
    loud = np.array([median(model.read("en", turn).evidence) >= 3 for turn in turns])
    yield Row("text", SYSTEM, "multidogo_en", "false_alarm", float(loud.mean()), n=len(turns))


def _jddc(options: Options, model: TextModel) -> Iterator[Row]:
    """E-commerce chats, never trained on: unsatisfied turns against the others by expected rung."""
    chats = texts.jddc(options.data)
    turns = [turn for chat in chats[_some(chats, options)] for turn in chat]
    heat = [_expected(model.read("zh", said)) for said, _ in turns]
    yield Row("text", SYSTEM, "jddc_zh", "auc", auc(heat, [mood == 0 for _, mood in turns]), n=len(turns))


def _expected(estimate: Estimate) -> float:
    return float(np.dot(estimate.evidence, np.arange(7)))


def _cost(options: Options, model: TextModel) -> Iterator[Row]:
    for language in LANGUAGES:
        turns = texts.ladder(options.data, "dev", language)[:40]
        before = time.process_time()
        for turn in turns:
            model.read(language, turn.text, turn.before)
        spent = 1000 * (time.process_time() - before) / len(turns)
        yield Row("text", SYSTEM, f"ladder_{language}", "cpu_ms_per_turn", spent, n=len(turns))

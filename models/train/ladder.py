"""python -m models.train ladder: what of emotion/ladder.toml can be fitted, fitted on labelled dialogues and written.

[heat], [voice], [mood]: models/train/heat.py. [calming], [words]: from ladder_zh_train with evidence that the text
model gives to dialogues it was not trained on (folds by dialogue); [forecast]: from those and the dialogues of
labels_zh.csv, because so few reach rung 5. [budget]: from calm material through the whole chain, or from agents'
feedback with `--feedback FILE` (JSON lines as emotion.alerts.read_feedback reads them).
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmarks.compose import ONE_SIDED, TURN_SECONDS
from benchmarks.datasets import texts
from benchmarks.metrics.ladder import at_least, mae, qwk
from emotion import ladder as engine
from emotion.types import RATE, Heard, Phrase, Reading, Span, Turn
from emotion.words.lexicon import Lexicon
from emotion.words.text import evidence
from models.train import budget, heat

if TYPE_CHECKING:
    from models.train.text_data import Example
    from models.train.text_fit import Fitted

FILE = Path(engine.__file__).with_name("ladder.toml")
PARTS = ("heat", "words", "budget")
FOLDS = 5
SMOOTHING = 8.0
"""Turns' worth of the marginal in every row of the transitions."""
TEMPERS = tuple(round(0.8 + 0.1 * step, 1) for step in range(9))
HABITS = (0.0, 0.2, 0.4, 0.7, 1.0)
HORIZON = round(60 / TURN_SECONDS)
"""Turns in 60 s."""
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled caller turn as the ladder will read it."""

    dialogue: str
    evidence: int
    position: int
    turn: Turn
    phrases: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """The fitted part of [words]."""

    base: tuple[float, ...]
    opening: tuple[float, ...]
    given: tuple[tuple[float, ...], ...]
    temper: float = 1.0
    habit: float = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--part", nargs="+", choices=PARTS, default=PARTS, help="what to fit, in this order")
    parser.add_argument("--feedback", type=Path, help="recalibrate the alert budget only, from this file")
    parser.add_argument("--budget", type=float, default=0.5, help="false alerts per hour (with --feedback)")
    parser.add_argument("--file", type=Path, default=FILE, help="the parameter file to renew")
    parser.add_argument("--seed", type=int, default=0)


def run(arguments: argparse.Namespace) -> int:
    def renew(section: str, values: Mapping[str, object]) -> None:
        write(arguments.file, section, values)

    if arguments.feedback:
        return budget.recalibrate(arguments.feedback, arguments.budget, lambda values: renew("budget", values))
    if "heat" in arguments.part:
        for section, values in heat.fit(arguments.data, arguments.seed).items():
            renew(section, values)
    if "words" in arguments.part:
        every = out_of_fold(arguments.data, arguments.seed)
        given = {label.id for label in texts.ladder_labels(arguments.data / "text" / "ladder_zh_train.csv")}
        rows = [row for row in every if row.dialogue in given]
        eased = fit_calming(rows)
        words = fit_words(rows, eased)
        source = (f"ladder_zh_train, {len(rows)} turns of {len(dialogues(rows))} dialogues, evidence by the text model "
                  f"out of {FOLDS} folds")
        renew("calming", {"source": source, **eased})
        renew("words", {"source": source, **asdict(words)})
        renew("forecast", fit_forecast(every, words, eased))
    if "budget" in arguments.part:
        renew("budget", budget.table(budget.calm(arguments.data), "calm chats (every second of multidogo_en_calm) and "
                                     "calm clips of the training speakers"))
    return 0


# ── words ───────────────────────────────────────────────────────────────────────────────────────

def out_of_fold(data: Path, seed: int) -> list[Row]:
    """The labelled turns of stc3_zh_train, each read by a text model that has not seen its dialogue."""
    from models.train import text_data, text_fit

    examples = text_data.gather(data, "zh")
    lexicon = Lexicon.load("zh")
    labelled = texts.join(text_data.labels(data), texts.stc3(data, "zh", "train"))
    groups = sorted({example.group for example in examples.turns})
    fold = {group: number % FOLDS for number, group in enumerate(np.random.default_rng(seed).permutation(groups))}
    found: dict[tuple[str, int], Row] = {}
    for held in range(FOLDS):
        kept = replace(examples, turns=tuple(e for e in examples.turns if fold[e.group] != held),
                       dialogues=tuple(e for e in examples.dialogues if fold.get(e.group) != held))
        mine = [one for one in labelled if fold[one.label.id] == held]
        fresh = [text_data.Example(text_data.make(one.text, one.before, lexicon), one.label.id, {}) for one in mine]
        model = text_fit.fit(kept, "zh", seed)
        for one, least, eased in zip(mine, text_fit.predict(model, fresh), calming(model, fresh), strict=True):
            found[one.label.id, one.label.turn] = _row(one, least, float(eased), lexicon)
        print(f"fold {held + 1} of {FOLDS}", flush=True)
    return [found[key] for key in sorted(found)]


def calming(model: Fitted, examples: Sequence[Example]) -> Array:
    """The text model's probability of calming, (n,)."""
    from models.train import text_data, text_fit

    head = model.others
    grams = text_data.gram_matrix(examples)
    odds: Array = (grams @ head.grams[:, 0] + text_data.dense_matrix(examples) @ head.dense[:, 0]
                   + text_data.slot_matrix(examples) @ head.slots[:, 0] + text_fit.unit(grams @ model.topics)
                   @ head.topics[:, 0] + head.bias[0])
    return 1 / (1 + np.exp(-odds))


def _row(one: texts.Labelled, least: Array, eased: float, lexicon: Lexicon) -> Row:
    span = Span(0, RATE)
    phrases = tuple(Phrase(match.term.key, match.text, match.term.rung, match.term.motive, span, match.term.weight)
                    for match in lexicon.find(one.text))
    turn = Turn(span, one.text, evidence(least), eased, ())
    return Row(one.label.id, one.label.evidence, one.label.position, turn, phrases)


def fit_calming(rows: Sequence[Row]) -> Mapping[str, float]:
    """When does a sentence without fresh displeasure lower the position: a logistic regression, drawn towards trust."""
    depths = engine.parameters().depth
    inputs, fell = [], []
    for before, after in (pair for dialogue in dialogues(rows) for pair in itertools.pairwise(dialogue)):
        if before.position and after.evidence <= 1:
            phrase = any(phrase.motive == "calming" for phrase in after.phrases)
            thanks = phrase and engine.calming_depth(after.phrases, depths) > 1
            inputs.append((1.0, engine.logit(after.turn.calming), phrase, thanks))
            fell.append(after.position < before.position)
    weights = logistic(np.array(inputs, float), np.array(fell, float), np.array([0.0, 1.0, 0.0, 0.0]), 1.0)
    print(f"calming: {len(fell)} turns without fresh displeasure, {sum(fell)} lower the position")
    return dict(zip(("bias", "slope", "phrase", "thanks"), weights.tolist(), strict=True))


def logistic(inputs: Array, came: Array, start: Array, pull: float, rounds: int = 50) -> Array:
    """Weights by Newton's method, all but the first drawn towards `start`."""
    weight = start.astype(float)
    ridge = np.diag([1e-6, *([pull] * (len(start) - 1))])
    for _ in range(rounds):
        p = 1 / (1 + np.exp(-inputs @ weight))
        slopes = inputs.T @ (p - came) + ridge @ (weight - start)
        weight = weight - np.linalg.solve((inputs * (p * (1 - p))[:, None]).T @ inputs + ridge, slopes)
    return weight


def fit_words(rows: Sequence[Row], eased: Mapping[str, float]) -> Words:
    """Transitions by counting, temper and habit by the distance of the positions.

    Out of fold is not quite unseen: phrases of the lexicon were gathered in these dialogues too. More parameters (a
    regression of the evidence on the model's thresholds) helped out of fold and hurt on the dev dialogues.
    """
    marginal = np.bincount([row.evidence for row in rows], minlength=7) + 1.0
    marginal /= marginal.sum()
    given = np.tile(SMOOTHING * marginal, (7, 1))
    opening = SMOOTHING * marginal
    for dialogue in dialogues(rows):
        opening[dialogue[0].evidence] += 1
        for before, after in itertools.pairwise(dialogue):
            given[before.position, after.evidence] += 1
    rates = given / given.sum(axis=1, keepdims=True)
    words = Words(tuple(marginal.tolist()), tuple((opening / opening.sum()).tolist()),
                  tuple(tuple(row) for row in rates.tolist()))
    tried = {(temper, habit): positions(rows, replace(words, temper=temper, habit=habit), eased)
             for temper in TEMPERS for habit in HABITS}
    truth = np.array([row.position for row in rows])
    distance = {pair: mae(truth, np.argmax(found.cumsum(axis=1) >= 0.5, axis=1)) for pair, found in tried.items()}
    loss = {pair: -float(np.log(np.maximum(found[np.arange(len(truth)), truth], 1e-6)).mean())
            for pair, found in tried.items()}
    best = min(tried, key=lambda pair: (round(distance[pair], 3), loss[pair]))
    rung = np.argmax(tried[best].cumsum(axis=1) >= 0.5, axis=1)
    print(f"temper and habit {best}: log loss {loss[best]:.3f}, out-of-fold QWK {qwk(truth, rung):.3f}, MAE "
          f"{distance[best]:.3f}, F1 of 5 and above {at_least(5)(truth, rung):.3f}")
    return replace(words, temper=best[0], habit=best[1])


def positions(rows: Sequence[Row], words: Words, eased: Mapping[str, float]) -> Array:
    """Posterior after every turn, (n, 7), from the ladder itself with these parameters."""
    ladder = engine.Ladder()
    ladder.use(replace(ladder.parameters, base=words.base, opening=words.opening, given=words.given,
                       temper=words.temper, habit=words.habit,
                       calming={**ladder.parameters.calming, **eased}))
    found = []
    for dialogue in dialogues(rows):
        state = ladder.start()
        for number, row in enumerate(dialogue, 1):
            standing, _ = ladder.step([state], [reading(row, number)], [None])[0]
            found.append(standing.posterior)
    return np.array(found)


def reading(row: Row, number: int) -> Reading:
    at = round(number * TURN_SECONDS * RATE)
    return Reading(at, Span(at - RATE, at), None, None, Heard("transcript", row.phrases, row.turn), ONE_SIDED)


def dialogues(rows: Sequence[Row]) -> list[list[Row]]:
    return [list(group) for _, group in itertools.groupby(rows, key=lambda row: row.dialogue)]


# ── forecast ────────────────────────────────────────────────────────────────────────────────────

def fit_forecast(rows: Sequence[Row], words: Words, eased: Mapping[str, float]) -> Mapping[str, object]:
    """Chance of reaching 5 within 60 s from each rung by the transitions, calibrated on what came (Platt)."""
    reach = reaching(np.array(words.given))
    found = positions(rows, words, eased)
    chance, came = [], []
    start = 0
    for dialogue in dialogues(rows):
        for number, row in enumerate(dialogue[:-1]):
            if row.position < 5:
                now = found[start + number][:5] / max(found[start + number][:5].sum(), 1e-9)
                chance.append(float(now @ reach[:5]))
                came.append(any(later.position >= 5 for later in dialogue[number + 1:number + 1 + HORIZON]))
        start += len(dialogue)
    slope, intercept = platt(np.array(chance), np.array(came, float))
    print(f"forecast: {len(came)} moments, {sum(came)} reached rung 5, slope {slope:.2f}, intercept {intercept:.2f}")
    return {"source": f"the transitions above over {HORIZON} turns of {TURN_SECONDS:g} s; calibrated on {len(came)} "
                      f"moments, {sum(came)} of them before a rung 5", "reach": reach.tolist(), "slope": slope,
            "intercept": intercept}


def reaching(given: Array) -> Array:
    """Probability of a rung of 5 or above within HORIZON turns, from each rung, (7,)."""
    step = np.zeros((7, 7))
    for stood in range(7):
        for rung in range(7):
            step[stood, max(stood, rung)] += given[stood, rung]
    reached: Array = np.linalg.matrix_power(step, HORIZON)[:, 5:].sum(axis=1)
    return reached


def platt(chance: Array, came: Array) -> tuple[float, float]:
    """Slope and intercept in log odds, the slope drawn towards 1 and kept above 0."""
    x = np.array([engine.logit(float(p)) for p in chance])
    intercept, slope = logistic(np.stack([np.ones_like(x), x], axis=1), came, np.array([0.0, 1.0]), 2.0)
    return max(0.1, float(slope)), float(intercept)


# ── the file ────────────────────────────────────────────────────────────────────────────────────

def write(file: Path, section: str, values: Mapping[str, object]) -> None:
    """Renew these keys of one section; comments and other keys stay where they are."""
    head, body, tail = _split(file.read_text("utf-8"), section)
    for key, value in values.items():
        line = f"{key} = {_toml(value)}"
        pattern = rf"^{key} = (?:\[\n(?:.*\n)*?\]|.*)$"
        found = re.search(pattern, body, re.MULTILINE)
        body = (body[:found.start()] + line + body[found.end():]) if found else f"{body.rstrip()}\n{line}\n\n"
    file.write_text(head + body + tail, "utf-8")


def _split(text: str, section: str) -> tuple[str, str, str]:
    start = re.search(rf"^\[{section}\]\n", text, re.MULTILINE)
    if start is None:
        raise ValueError(f"no section [{section}]")
    end = re.search(r"^\[[a-z.]+\]\n", text[start.end():], re.MULTILINE)
    stop = start.end() + end.start() if end else len(text)
    return text[:start.end()], text[start.end():stop], text[stop:]


def _toml(value: object) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list | tuple) and value and isinstance(value[0], list | tuple):
        return "[\n" + "".join(f"  {_toml(row)},\n" for row in value) + "]"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return f"{value:.4g}"

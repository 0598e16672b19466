"""A caller's turn to evidence for a rung: hashed n-grams, lexicon hits and the turns before, into one small network.

The network (models/text-zh.onnx, text-en.onnx) takes the n-grams of the turn as bucket numbers (n,) and weights (n,),
the phrases found as slots (m,), and dense features (DENSE,). It gives P(rung >= 1..6), the log odds or values of the
other heads, and what each n-gram added to the estimate (n,). Inside, logistic regressions and a small hidden layer
are averaged.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from emotion import weights
from emotion.types import Language, Side
from emotion.words.characters import simplify
from emotion.words.lexicon import MOTIVES, Lexicon, Match

BUCKETS = 1 << 16
TOP = 6
"""Thresholds of evidence: rung 1 or above, 2 or above, …"""
HEADS = ("calming", "satisfaction")
ENGLISH_HEADS = (*HEADS, "complaint", "severity")
"""English tweets are labelled with complaint and severity as well (Preotiuc-Pietro et al. 2019; Jin & Aletras 2021)."""
SLOTS = 512
"""Phrases of the lexicon as the network knows them, by a hash of their key; slot 0 is no phrase."""
DENSE = 3 * 7 + len(MOTIVES) + 23
LONGEST = {"zh": 4, "en": 5}
CONTEXT_TURNS = 8

Before = Sequence[tuple[Side, str]]
Spans = tuple[tuple[int, int], ...]


class Gram(NamedTuple):
    """An n-gram of a turn: its bucket and the characters that it covers."""

    bucket: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Features:
    """What the network sees of one turn."""

    buckets: NDArray[np.int64]
    weights: NDArray[np.float32]
    slots: NDArray[np.int64]
    dense: NDArray[np.float32]
    spans: Spans
    """Characters of the folded text that each n-gram covers (its first place)."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a turn says: probabilities of evidence for the rungs 0-6, of calming, and the words that carried it."""

    evidence: tuple[float, ...]
    calming: float
    satisfaction: float
    """Expected satisfaction of the writer, about -2..2; it means something for a whole dialogue."""
    complaint: float | None
    """English only: probability that an expectation is said to be breached, whatever the tone."""
    severity: float | None
    """English only, 0-4: none, no reproach, disapproval, accusation, blame."""
    carried_by: tuple[str, ...]


class TextModel:
    """Both languages' networks and lexicons, shared by all calls; an estimate needs no state."""

    def __init__(self, lexicons: Mapping[Language, Lexicon], threads: int = 1) -> None:
        """Open the weights; WeightsError when they are missing or altered."""
        self.lexicons = lexicons
        self._sessions = {language: weights.session(weights.find(f"text-{language}").path, threads)
                          for language in lexicons}

    def read(self, language: Language, text: str, before: Before = (),
             matches: Sequence[Match] | None = None) -> Estimate:
        """The estimate for one caller turn, given what was said before it."""
        lexicon = self.lexicons[language]
        found = lexicon.find(text) if matches is None else matches
        features = extract(text, before, lexicon, found)
        at_least, heads, carried = self._sessions[language].run(None, {
            "buckets": features.buckets, "weights": features.weights, "slots": features.slots,
            "dense": features.dense})
        more = dict(zip(ENGLISH_HEADS, map(float, heads), strict=False))
        learnt = evidence(at_least.astype(np.float64))
        return Estimate(outright(learnt, found, OUTRIGHT[language]), _chance(more["calming"]), more["satisfaction"],
                        _chance(more["complaint"]) if "complaint" in more else None, more.get("severity"),
                        strongest(fold(text), features.spans, carried, found))

    def satisfaction(self, language: Language, turns: Sequence[str]) -> float:
        """Expected satisfaction of a caller with the whole dialogue, about -2..2, from all his turns."""
        return self.read(language, dialogue_text(turns)).satisfaction if turns else 0.0


OUTRIGHT_FROM = 5
OUTRIGHT: dict[Language, float] = {"zh": 0.0, "en": 0.7}
"""How far an outright phrase ('I want to file a complaint') overrules what was learnt. The Mandarin labels have enough
of rungs 5 and 6 to learn it; the English ones, translations of a few dialogues, have not."""


def dialogue_text(turns: Sequence[str]) -> str:
    """A caller's turns as one text; the last comes twice, because how it ends counts most."""
    return "\n".join([turns[-1], *turns])


def _chance(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))


def evidence(at_least: NDArray[np.float64]) -> tuple[float, ...]:
    """P(rung = 0..6) from P(rung >= 1..6), made to fall with the rung."""
    falling = np.minimum.accumulate(at_least)
    return tuple(float(p) for p in np.abs(np.diff(np.concatenate([[1.0], falling, [0.0]]))))


def outright(learnt: tuple[float, ...], found: Sequence[Match], trust: float) -> tuple[float, ...]:
    """The learnt evidence, drawn to the rung of a phrase of full weight that says 5 or 6 in so many words."""
    said = max((match.term.rung for match in found if match.term.weight >= 1), default=0)
    if said < OUTRIGHT_FROM:
        return learnt
    return tuple((1 - trust) * p + trust * (rung == said) for rung, p in enumerate(learnt))


# ── features ────────────────────────────────────────────────────────────────────────────────────

MENTION = re.compile(r"@[\w\-·]+")
OUTSIDE = re.compile(
    r"315|消费|消委|消保|工信|工商|监管|曝光|维权|电视|日报|晚报|早报|都市报|时报|新闻|央视|cctv|法治|法院|公安|平安|警|凤凰|"
    r"观察|爆料|watchdog|ombudsman|ofcom|news|\bfcc\b|\bbbb\b", re.IGNORECASE)
"""Names of regulators, consumer bodies, police and news media, as they are tagged in writing."""
MASKED = re.compile(r"\[NUM\]|https?://\S+|\d")


def fold(text: str) -> str:
    """The text as n-grams see it: same length, lower case, half width, every digit 0, links and masks blanked."""
    def blank(found: re.Match[str]) -> str:
        return "0" + " " * (len(found.group()) - 1)

    return MASKED.sub(blank, "".join(letter.lower() if len(letter.lower()) == 1 else letter
                                     for letter in simplify(text)))


def extract(text: str, before: Before, lexicon: Lexicon, matches: Sequence[Match]) -> Features:
    """N-grams of the turn and dense features of the turn and of those before it."""
    buckets, values, spans = weigh(fold(text), lexicon.language)
    slots = sorted({1 + zlib.crc32(match.term.key.encode()) % (SLOTS - 1) for match in matches}) or [0]
    return Features(buckets, values, np.array(slots, np.int64),
                    np.array(list(_dense(text, before, lexicon, matches)), np.float32), spans)


def weigh(folded: str, language: Language) -> tuple[NDArray[np.int64], NDArray[np.float32], Spans]:
    """The buckets of a folded text, their weights (log counts, of length 1) and where each was first seen."""
    counts: dict[int, int] = {}
    spans: dict[int, tuple[int, int]] = {}
    for gram in grams(folded, language):
        counts[gram.bucket] = counts.get(gram.bucket, 0) + 1
        spans.setdefault(gram.bucket, (gram.start, gram.end))
    if not counts:  # a turn without a letter still has to pass through the network
        counts, spans = {0: 1}, {0: (0, 0)}
    values = np.array([1 + math.log(count) for count in counts.values()], np.float32)
    return np.array(list(counts), np.int64), values / np.linalg.norm(values), tuple(spans.values())


def grams(folded: str, language: Language) -> Iterator[Gram]:
    """Character n-grams inside mentions-free runs, and for English words and pairs of words."""
    for run in _runs(folded):
        for start in range(run[0], run[1]):
            for end in range(start + 1, min(start + LONGEST[language], run[1]) + 1):
                if language == "zh" or end - start > 1:
                    yield Gram(_bucket("c", folded[start:end]), start, end)
    if language == "en":
        words = list(re.finditer(r"[\w']+|[!?.]", MENTION.sub(lambda name: " " * len(name.group()), folded)))
        for first, word in enumerate(words):
            yield Gram(_bucket("w", word.group()), *word.span())
            for size in (2, 3):
                if first + size <= len(words):
                    chosen = words[first : first + size]
                    bucket = _bucket("w", " ".join(one.group() for one in chosen))
                    yield Gram(bucket, chosen[0].start(), chosen[-1].end())


def _runs(folded: str) -> Iterator[tuple[int, int]]:
    begin = 0
    for mention in MENTION.finditer(folded):
        yield begin, mention.start()
        begin = mention.end()
    yield begin, len(folded)


def _bucket(kind: str, gram: str) -> int:
    return zlib.crc32(f"{kind}{gram}".encode()) % BUCKETS


def _dense(text: str, before: Before, lexicon: Lexicon, matches: Sequence[Match]) -> Iterator[float]:
    rungs = [match.term for match in matches if match.term.motive != "calming"]
    calming = [match.term for match in matches if match.term.motive == "calming"]
    weight = [0.0] * 7
    for term in rungs:
        weight[term.rung] += term.weight
    top = max((term.rung for term in rungs), default=0)
    yield from (math.log1p(total) for total in weight)
    yield from (float(total > 0) for total in weight)
    yield from (float(top == rung) for rung in range(7))
    for motive in MOTIVES:
        yield math.log1p(sum(match.term.weight for match in matches if match.term.motive == motive))
    bare = MENTION.sub("", text)
    last = max((match.start for match in matches if match.term.motive != "calming"), default=-1)
    relief = max((match.start for match in matches if match.term.motive == "calming"), default=-1)
    yield top / 6
    yield sum(term.rung * term.weight for term in rungs) / 20
    yield math.log1p(len(bare)) / 5
    yield float(len(bare) < 8)
    yield math.log1p(len(re.findall(r"[!！]", text)))
    yield math.log1p(len(re.findall(r"[?？]", text)))
    yield float(bool(re.search(r"[!！?？]{2,}", text)))
    yield math.log1p(len(re.findall(r"\.\.\.|…|～|~", text)))
    yield math.log1p(len(MENTION.findall(text)))
    yield math.log1p(sum(bool(OUTSIDE.search(name)) for name in MENTION.findall(text)))
    yield math.log1p(len(re.findall(r"\d|\[NUM\]", text))) / 3
    yield _shouting(bare)
    yield float(relief > last)
    yield float(bool(calming) and not rungs)
    yield math.log1p(len(rungs)) / 2
    yield from _context(before, lexicon)


def _shouting(text: str) -> float:
    """Share of Latin words of three letters or more that are in capitals."""
    words = re.findall(r"[A-Za-z]{3,}", text)
    return sum(word.isupper() for word in words) / len(words) if words else 0.0


def _context(before: Before, lexicon: Lexicon) -> Iterator[float]:
    callers = [said for side, said in before[-CONTEXT_TURNS:] if side == "caller"]
    tops = [max((match.term.rung for match in lexicon.find(said) if match.term.motive != "calming"), default=0)
            for said in callers]
    agent = next((said for side, said in reversed(before) if side == "agent"), "")
    yield float(not callers)
    yield math.log1p(len(callers)) / 2
    yield max(tops, default=0) / 6
    yield (tops[-1] if tops else 0) / 6
    yield float(bool(callers) and max(tops) >= 3)
    yield float(bool(callers) and max(tops) >= 5)
    yield float(bool(agent))
    yield float(bool(agent) and lexicon.acknowledges(agent))


# ── the words that carried an estimate ──────────────────────────────────────────────────────────

def strongest(folded: str, spans: Sequence[tuple[int, int]], carried: NDArray[np.float32],
              matches: Sequence[Match], most: int = 4) -> tuple[str, ...]:
    """Phrases of the lexicon first by what their characters carried, then the n-grams that raised the estimate most."""
    heat = np.zeros(len(folded) + 1)
    for (start, end), value in zip(spans, carried, strict=True):
        heat[start:end] += value / max(1, end - start)
    told = sorted((match for match in matches if match.term.motive != "calming"),
                  key=lambda match: (-match.term.rung * match.term.weight, -float(heat[match.start:match.end].sum())))
    chosen = [(match.start, match.end) for match in told[:most]]
    for number in np.argsort(-carried):
        start, end = spans[number]
        if len(chosen) >= most or carried[number] <= 0:
            break
        word = folded[start:end].strip()
        whole = (start == 0 or not folded[start - 1].isascii() or not folded[start - 1].isalnum()) and (
            end == len(folded) or not folded[end].isascii() or not folded[end].isalnum())
        if len(word) > 1 and whole and all(end <= left or start >= right for left, right in chosen):
            chosen.append((start, end))
    return tuple(folded[start:end].strip() for start, end in chosen)

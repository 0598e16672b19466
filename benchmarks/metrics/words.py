"""Keyword spotting: candidates with a ratio, from a perfect one downwards, to recall at a false-alarm budget."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.task import bootstrap
from emotion.types import Audio
from emotion.words.decoder import Decoder, Hit, Pattern, strongest
from emotion.words.ears import Ear

LOWEST = -3.5
"""Ratio per unit down to which candidates are kept: the end of the sweep."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One hit of one keyword in one recording, with its rank there: the best ones are taken for the true ones."""

    keyword: int
    recording: int
    ratio: float
    true: bool


def candidates(ear: Ear, patterns: Sequence[tuple[int, ...]], posteriors: Sequence[Audio],
               counts: Sequence[Sequence[int]], block: int = 17) -> list[Candidate]:
    """Every keyword heard for itself; `counts[recording][keyword]` is how often it is really said."""
    decoder = Decoder([Pattern(units, LOWEST) for units in patterns], ear.frame / 8000, ear.language, compete=False)
    found: list[Candidate] = []
    for first in range(0, len(posteriors), 32):
        part = posteriors[first: first + 32]
        states = [decoder.start() for _ in part]
        hits: list[list[Hit]] = [[] for _ in part]
        for at in range(0, max(map(len, part)), block):
            for mine, new in zip(hits, decoder.step(states, [one[at: at + block] for one in part]), strict=True):
                mine.extend(new)
        for n, mine in enumerate(hits):
            ranks: dict[int, int] = {}
            for hit in strongest(mine):
                rank = ranks[hit.index] = ranks.get(hit.index, 0) + 1
                found.append(Candidate(hit.index, first + n, hit.ratio, rank <= counts[first + n][hit.index]))
    return found


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the sweep: one threshold for all keywords."""

    threshold: float
    recall: float
    low: float
    high: float
    said: int


def at_budget(found: Iterable[Candidate], said: int, hours: float, keywords: int, per_hour: float) -> Point:
    """Recall where the false alarms per hour and keyword just keep to `per_hour`; interval over the occurrences."""
    allowed, hit, wrong = per_hour * hours * keywords, 0, 0
    best = (0.0, 0)
    for one in sorted(found, key=lambda candidate: -candidate.ratio):
        hit, wrong = hit + one.true, wrong + (not one.true)
        if wrong > allowed:
            break
        best = (one.ratio, hit)
    low, high = bootstrap(np.repeat([1.0, 0.0], [best[1], max(0, said - best[1])])) if said else (0.0, 0.0)
    return Point(best[0], best[1] / max(1, said), low, high, said)

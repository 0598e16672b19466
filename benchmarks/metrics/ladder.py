"""Metrics of positions on the ladder: integers 0-6, one a moment.

QWK is Cohen's kappa with squared distances (Cohen 1968); the rest are what their names say. Intervals are over
calls or dialogues, never over turns: turns of one call are not independent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

RUNGS = 7
Ints = NDArray[np.int64]


def qwk(truth: ArrayLike, found: ArrayLike) -> float:
    """Quadratically weighted kappa over seven rungs; 1 where both are constant and equal."""
    seen = np.zeros((RUNGS, RUNGS))
    np.add.at(seen, (np.asarray(truth, int), np.asarray(found, int)), 1)
    seen /= seen.sum()
    distance = np.subtract.outer(np.arange(RUNGS), np.arange(RUNGS)) ** 2
    expected = float((np.outer(seen.sum(axis=1), seen.sum(axis=0)) * distance).sum())
    return 1.0 if expected == 0 else 1 - float((seen * distance).sum()) / expected


def mae(truth: ArrayLike, found: ArrayLike) -> float:
    """Mean distance in rungs."""
    return float(np.abs(np.asarray(truth) - np.asarray(found)).mean())


def macro_f1(truth: ArrayLike, found: ArrayLike) -> float:
    """F1 of each rung that occurs in the truth, averaged."""
    y, p = np.asarray(truth), np.asarray(found)
    return float(np.mean([f1(y == rung, p == rung) for rung in np.unique(y)]))


def f1(truth: ArrayLike, found: ArrayLike) -> float:
    """F1 of a yes-no question; 0 where nothing is right."""
    y, p = np.asarray(truth, bool), np.asarray(found, bool)
    both = int((y & p).sum())
    return 2 * both / max(1, int(y.sum() + p.sum()))


def at_least(rung: int) -> Callable[[ArrayLike, ArrayLike], float]:
    """F1 of standing on this rung or above."""
    return lambda truth, found: f1(np.asarray(truth) >= rung, np.asarray(found) >= rung)


def ece(probability: ArrayLike, came: ArrayLike, bins: int = 10) -> float:
    """Expected calibration error over equally wide bins."""
    p, y = np.asarray(probability, float), np.asarray(came, float)
    which = np.minimum((p * bins).astype(int), bins - 1)
    return float(sum(abs(p[which == b].mean() - y[which == b].mean()) * (which == b).mean()
                     for b in range(bins) if (which == b).any()))


def over_groups(score: Callable[[ArrayLike, ArrayLike], float], truth: Sequence[Sequence[int]],
                found: Sequence[Sequence[int]], draws: int = 500, seed: int = 0) -> tuple[float, float, float]:
    """The score of all turns together and its 95 % interval by drawing whole calls."""
    rng = np.random.default_rng(seed)
    y, p = [np.asarray(row) for row in truth], [np.asarray(row) for row in found]
    drawn = []
    for _ in range(draws):
        pick = rng.integers(0, len(y), len(y))
        drawn.append(score(np.concatenate([y[k] for k in pick]), np.concatenate([p[k] for k in pick])))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return score(np.concatenate(y), np.concatenate(p)), float(low), float(high)

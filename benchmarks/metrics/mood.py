"""Measures of a mood model: area under the curve, equal error rate, recall, unweighted recall, calibration.

Scores are one number a clip, truths are booleans; where one of the two kinds is missing the measure is NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Bools = NDArray[np.bool_]


def auc(truth: Bools, scores: Floats) -> float:
    """Probability that a positive scores above a negative, ties half (Mann-Whitney)."""
    positive, negative = int(truth.sum()), int((~truth).sum())
    if not positive or not negative:
        return float("nan")
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[truth].sum() - positive * (positive + 1) / 2) / (positive * negative))


def eer(truth: Bools, scores: Floats) -> float:
    """Error rate at the threshold where misses and false alarms are equally common."""
    if not truth.any() or truth.all():
        return float("nan")
    thresholds = np.unique(scores)
    miss = np.array([np.mean(scores[truth] < t) for t in thresholds])
    alarm = np.array([np.mean(scores[~truth] >= t) for t in thresholds])
    best = int(np.argmin(np.abs(miss - alarm)))
    return float((miss[best] + alarm[best]) / 2)


def recall_at(truth: Bools, scores: Floats, false_alarms: float = 0.05) -> float:
    """Share of positives above the threshold that lets through that share of negatives."""
    if not truth.any() or truth.all():
        return float("nan")
    return float(np.mean(scores[truth] > np.quantile(scores[~truth], 1 - false_alarms)))


def uar(truth: NDArray[np.integer], guess: NDArray[np.integer]) -> float:
    """Unweighted average recall over the classes that occur."""
    return float(np.mean([np.mean(guess[truth == label] == label) for label in np.unique(truth)]))


def ece(truth: Bools, probability: Floats, bins: int = 10) -> float:
    """Expected calibration error of a probability, over bins of equal width (Guo et al. 2017)."""
    place = np.minimum((probability * bins).astype(np.int64), bins - 1)
    return float(sum(abs(truth[place == b].mean() - probability[place == b].mean()) * np.mean(place == b)
                     for b in range(bins) if (place == b).any()))


def by_speaker(speakers: Sequence[Hashable], measure: Callable[[NDArray[np.int64]], float], draws: int = 500,
               seed: int = 0) -> tuple[float, float]:
    """95 % interval of `measure(indices)` with speakers drawn with replacement; NaN with one speaker alone."""
    names = list(dict.fromkeys(speakers))
    if len(names) < 2:
        return float("nan"), float("nan")
    rows = [np.flatnonzero([speaker == name for speaker in speakers]) for name in names]
    rng = np.random.default_rng(seed)
    found = [measure(np.concatenate([rows[pick] for pick in rng.integers(0, len(rows), len(rows))]))
             for _ in range(draws)]
    return float(np.nanpercentile(found, 2.5)), float(np.nanpercentile(found, 97.5))

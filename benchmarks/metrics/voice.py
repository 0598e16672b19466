"""Measures of the voice tasks: pitch and voicing errors, area under the curve, correlation and mean error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(slots=True)
class PitchErrors:
    """Counts that add up over recordings."""

    gross: int = 0
    """Frames sure and voiced on both sides whose f0 is more than 20 % off."""
    both: int = 0
    wrong: int = 0
    """Frames whose voicing is wrong."""
    frames: int = 0

    def add(self, found: NDArray[np.float32], truth: NDArray[np.float32], sure: NDArray[np.bool_]) -> None:
        """One recording: Hz per frame on both sides, NaN where unvoiced; the shorter one counts."""
        size = min(len(found), len(truth))
        found, truth, sure = found[:size], truth[:size], sure[:size]
        voiced, heard = ~np.isnan(truth), ~np.isnan(found)
        both = voiced & heard & sure
        self.gross += int(np.sum(np.abs(found[both] / truth[both] - 1) > 0.2))
        self.both += int(both.sum())
        self.wrong += int(np.sum(voiced != heard))
        self.frames += size

    @property
    def gpe20(self) -> float:
        """Gross pitch errors, percent of frames voiced on both sides (Rabiner et al. 1976)."""
        return 100 * self.gross / max(self.both, 1)

    @property
    def vde(self) -> float:
        """Voicing decision errors, percent of all frames."""
        return 100 * self.wrong / max(self.frames, 1)


def auc(score: ArrayLike, truth: ArrayLike) -> float:
    """Area under the ROC curve: the chance that a true case scores higher than a false one (ties count half)."""
    values, labels = np.asarray(score, np.float64), np.asarray(truth, np.bool_)
    _, rank, count = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - (count - 1) / 2
    positive, negative = int(labels.sum()), int((~labels).sum())
    if not positive or not negative:
        raise ValueError("the curve needs cases of both kinds")
    return float((middle[rank][labels].sum() - positive * (positive + 1) / 2) / (positive * negative))


def correlation(found: ArrayLike, truth: ArrayLike) -> float:
    """Pearson's r."""
    return float(np.corrcoef(np.asarray(found, np.float64), np.asarray(truth, np.float64))[0, 1])


def mean_error(found: ArrayLike, truth: ArrayLike) -> float:
    """Mean absolute error."""
    return float(np.mean(np.abs(np.asarray(found, np.float64) - np.asarray(truth, np.float64))))

"""How good a match must be to count, for each ear: learned from false-alarm budgets, and as a probability.

`thresholds.toml` has a table per ear and language: the least log-likelihood ratio per unit by number of units, single
phrases that need another one, and the logistic that makes a probability of a ratio. `python -m models.train words`
writes it from speech that holds none of the phrases.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Self

from emotion.types import Language

FILE = Path(__file__).with_name("thresholds.toml")


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Thresholds of one ear; `by_length[n]` is that of a phrase of n units, the last one of all longer."""

    by_length: tuple[float, ...]
    shortest: int
    phrases: Mapping[str, float] = field(default_factory=dict)
    logistic: tuple[float, float, float] = (3.0, 3.0, 0.1)
    """Intercept, weight of the ratio per unit, weight of the number of units."""

    @classmethod
    def load(cls, ear: str, language: Language) -> Self:
        """Those of an ear; the language's own defaults where the ear has none."""
        table = _tables().get(f"{ear}-{language}") or _tables()[f"default-{language}"]
        return cls(tuple(table["by_length"]), table["shortest"], table.get("phrases", {}), tuple(table["logistic"]))

    def of(self, units: Sequence[str]) -> float | None:
        """Least ratio per unit for a phrase; None where it is too short to be heard with any certainty."""
        if len(units) < self.shortest:
            return None
        common = self.by_length[min(len(units), len(self.by_length) - 1)]
        return self.phrases.get(" ".join(units), common)

    def probability(self, units: Sequence[str], ratio: float) -> float:
        """That a phrase with this ratio per unit was said."""
        constant, slope, size = self.logistic
        return 1 / (1 + math.exp(-(constant + slope * ratio + size * len(units))))


@cache
def _tables() -> Mapping[str, Any]:
    return tomllib.loads(FILE.read_text("utf-8"))

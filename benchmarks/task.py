"""What every task of the suite shares: its options, its result rows, and how a row is written down.

A task is a module of benchmarks/tasks with
    SUMMARY: str                                  one line for `python -m benchmarks list`
    validate(data: Path) -> list[str]             what is missing for it in this data folder, in plain words
    evaluate(options: Options) -> Iterator[Row]   the rows, as they are found
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

SYSTEM = "emotion"
"""Name of our own default configuration in the rows; peers have their own."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line gives to a task."""

    data: Path
    quick: bool = False
    """A small sample of everything: shows that it runs, not how good it is."""
    peers: bool = True
    calls: int = 50
    seed: int = 0
    say: Callable[[str], None] = print


@dataclass(frozen=True, slots=True)
class Row:
    """One result: see docs/benchmarks.md for the names of conditions and metrics."""

    task: str
    system: str
    condition: str
    metric: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None


class Task(Protocol):
    SUMMARY: str

    def validate(self, data: Path) -> list[str]: ...

    def evaluate(self, options: Options) -> Iterator[Row]: ...


def bootstrap(values: ArrayLike, statistic: Callable[..., float] = np.mean, draws: int = 1000,
              seed: int = 0) -> tuple[float, float]:
    """95 % percentile interval of a statistic over independent units (speakers, calls, dialogues)."""
    sample = np.asarray(values)
    rng = np.random.default_rng(seed)
    picks = rng.integers(0, len(sample), (draws, len(sample)))
    found = [float(statistic(sample[pick])) for pick in picks]
    return float(np.percentile(found, 2.5)), float(np.percentile(found, 97.5))


def cpu_ms(work: Callable[[], object], seconds: float, repeats: int = 3) -> float:
    """CPU milliseconds of this process per second of audio: the least of some repeats."""
    best = float("inf")
    for _ in range(repeats):
        before = time.process_time()
        work()
        best = min(best, time.process_time() - before)
    return 1000 * best / seconds


def markdown(rows: Sequence[Row]) -> str:
    """The rows as one Markdown table a task and metric group: systems down, conditions across."""
    parts: list[str] = []
    for task in dict.fromkeys(row.task for row in rows):
        mine = [row for row in rows if row.task == task]
        for metric in dict.fromkeys(row.metric for row in mine):
            chosen = [row for row in mine if row.metric == metric]
            conditions = list(dict.fromkeys(row.condition for row in chosen))
            parts.append(f"\n**{task}: {metric}**\n\n| system | " + " | ".join(conditions) + " |")
            parts.append("|---|" + "---|" * len(conditions))
            for system in dict.fromkeys(row.system for row in chosen):
                cells = {row.condition: _cell(row) for row in chosen if row.system == system}
                parts.append(f"| {system} | " + " | ".join(cells.get(c, "") for c in conditions) + " |")
    return "\n".join(parts) + "\n"


def _cell(row: Row) -> str:
    if row.low is None or row.high is None:
        return f"{row.value:.3g}"
    return f"{row.value:.3g} ({row.low:.3g}-{row.high:.3g})"

"""How much voice and mood weigh in the ladder: found on composed calls of the training speakers, voice alone.

Acted clips, neutral to angry to neutral, and calm calls, through the telephone and the whole engine; then the numbers
of [heat], [voice] and [mood] are moved at random and kept when calls get better: rung 3 within 6 s of the first angry
clip and not before it, no rung 3 on calm calls, and a position that persists. The mood model knows these speakers, so
the dev speakers of `python -m benchmarks run ladder` are the measure, not this fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.compose import ONE_SIDED, Composed, acted, calm
from emotion.engine import Engine
from emotion.ladder import Ladder, Parameters
from emotion.types import Heard, Reading, Shift

SHAPE = (0.0, 0.25, 0.55, 1.0)
"""What a rung has of the mean of rung 3."""
TRIES, SPREAD = 120, 0.25
WITHIN = 6.0
Numbers = Mapping[str, float]
Call = tuple[Composed, list[tuple[Reading, Shift | None]]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the voice alone did on all calls."""

    soon: float
    """Share of angry calls seen on 3 within WITHIN seconds and not before."""
    delay: float
    """Median seconds from the first angry clip; 30 where it was never seen."""
    alarms: float
    """Times an hour that rung 3 was reached on calm calls."""
    stays: float
    """Share of angry calls that end on 2 or 3."""

    @property
    def worth(self) -> float:
        return self.soon - 0.05 * min(self.alarms, 20.0) - 0.03 * max(0.0, self.delay - 3) + 0.2 * self.stays


def fit(data: Path, seed: int = 0) -> Mapping[str, Mapping[str, object]]:
    """New numbers by section of ladder.toml."""
    calls = heard(data)
    ladder = Ladder()
    base, rng = ladder.parameters, np.random.default_rng(seed)
    best = {"mean": base.mean[-1], "spread": base.spread, "weight": base.voice["weight"], "calm": base.voice["calm"],
            "anger": base.mood["base"], "slope": base.mood["slope"][-1], "mood": base.mood["weight"],
            "mood_calm": base.mood["calm"], "up": base.up, "leap": base.leap, "down": base.down}
    reached = outcome(ladder, calls)
    for number in range(TRIES):
        tried = {key: float(value * np.exp(rng.normal(0, SPREAD))) for key, value in best.items()}
        found = outcome(with_numbers(ladder, base, tried), calls)
        if found.worth > reached.worth:
            best, reached = tried, found
            print(f"try {number}: {found}", flush=True)
    return sections(best)


def heard(data: Path) -> list[Call]:
    """Calls of the training speakers as voice and mood hear them: no words, no talk counters."""
    engine = Engine()
    made = [*acted(data, split="train", count=24, seed=1), *calm(data, split="train", seconds=60, seed=1)]
    calls = [engine.open(one.name, language=one.language, sides=tuple(one.sides), buffer=len(one.sides["caller"]))
             for one in made]
    for call, one in zip(calls, made, strict=True):
        call.push(one.sides)
        call.finish()
    pairs: dict[int, list[tuple[Reading, Shift | None]]] = {id(call): [] for call in calls}
    while stepped := engine.step(calls):
        for call, moment in stepped:
            bare = replace(moment.reading, words=Heard(None), talk=ONE_SIDED)
            pairs[id(call)].append((bare, moment.shift))
    return [(replace(one, sides={}), pairs[id(call)]) for call, one in zip(calls, made, strict=True)]


def outcome(ladder: Ladder, calls: Sequence[Call]) -> Outcome:
    soon, delays, stays, alarms, hours = [], [], [], 0, 0.0
    for made, pairs in calls:
        state = ladder.start()
        rungs = np.array([ladder.step([state], [reading], [shift])[0][0].rung for reading, shift in pairs])
        high = rungs >= 3
        if made.angry_at is None:
            alarms += int((np.diff(high.astype(int)) > 0).sum())
            hours += len(rungs) / 7200
            continue
        begun = int(2 * made.angry_at)
        after = np.flatnonzero(high[begun:])
        delay = (begun + after[0] + 1) / 2 - made.angry_at if len(after) else 30.0
        delays.append(delay)
        soon.append(delay <= WITHIN and not high[:begun].any())
        stays.append(rungs[-1] >= 2)
    return Outcome(float(np.mean(soon)), float(np.median(delays)), alarms / max(hours, 1e-9), float(np.mean(stays)))


def with_numbers(ladder: Ladder, base: Parameters, numbers: Numbers) -> Ladder:
    ladder.use(replace(
        base, mean=tuple(part * numbers["mean"] for part in SHAPE), spread=numbers["spread"],
        voice={**base.voice, "weight": numbers["weight"], "calm": min(1.0, numbers["calm"])},
        mood={**base.mood, "base": min(0.5, numbers["anger"]), "slope": [part * numbers["slope"] for part in SHAPE],
              "weight": numbers["mood"], "calm": min(1.0, numbers["mood_calm"])},
        up=numbers["up"], leap=numbers["leap"], down=numbers["down"]))
    return ladder


def sections(numbers: Numbers) -> Mapping[str, Mapping[str, object]]:
    return {
        "heat": {key: numbers[key] for key in ("up", "leap", "down")},
        "voice": {"mean": [part * numbers["mean"] for part in SHAPE], "spread": numbers["spread"],
                  "weight": numbers["weight"], "calm": min(1.0, numbers["calm"])},
        "mood": {"base": min(0.5, numbers["anger"]), "slope": [part * numbers["slope"] for part in SHAPE],
                 "weight": numbers["mood"], "calm": min(1.0, numbers["mood_calm"])},
    }

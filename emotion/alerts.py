"""Who is told what, and when: standings and changes become alerts, seldom enough to be trusted.

By the codebook's table: rungs 1-2 give the agent a quiet hint, 3 an alert, 4 an alert that the supervisor sees too,
5 alerts both, 6 asks the supervisor to take over. A rung must be held for a dwell before it is told, except 5 and 6,
which are told in the hop they are reached. Nothing is told twice within its cool-down. When a caller who was told at
3 or above has calmed, those who were told hear that too ('ease'). A forecast of rung 5 warns the agent once ('warn').
After a call that stood on 5 or 6, `close` offers the agent care ('care').

The budget. `strictness` is the probability that the rung is reached which an alert above hint level must have; for 5
and 6 it is never above URGENT_NEEDS, so that no budget silences a complaint that was said. The stricter, the fewer
false alerts; `calibrate` finds the least strictness whose upper 98 % bound on false alerts per
hour is within the budget. Guarantee: if future calls come from where the calibration calls came from, then with
probability 98 % over the calibration the expected rate is within the budget (see `calibrate`).
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from emotion.config import AlertsConfig
from emotion.guidance import Guidance, Kind, load
from emotion.types import RATE, Alert, Audience, Change, Motive, Reading, Reason, Standing

TOLD: tuple[tuple[Audience, ...], ...] = (
    (), ("hint",), ("hint",), ("agent",), ("agent", "supervisor"), ("agent", "supervisor"), ("supervisor", "agent"))
"""Rung -> who is told, by the codebook's table."""
URGENT = 5
"""From this rung on an alert does not wait."""
LOUD = 3
"""From this rung on an alert counts against the budget and is withdrawn when the caller calms."""
URGENT_NEEDS = 0.6
HINT_NEEDS = 0.55
"""Probability of its rung that an urgent alert, or a hint, needs at most, or always."""
RISK = 0.02
"""Probability that a calibration promises too much."""

Verdict = Literal["useful", "wrong", "late"]


@dataclass(slots=True)
class State:
    """One call."""

    call: str
    sent: int = 0
    held: int = 0
    """The rung that waits for its dwell."""
    since: int = 0
    told: int = 0
    """Highest rung told and not withdrawn."""
    told_at: dict[int, int] = field(default_factory=dict)
    low_since: int | None = None
    peak: int = 0
    warned_at: int | None = None
    hint: Alert | None = None
    """The last hint."""
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What an alert needs: the probability of its rung, and the forecast of a warning."""

    strictness: float
    rate: float
    """Upper bound of false alerts per hour at this strictness."""
    warn: float = 0.5


@dataclass(frozen=True, slots=True)
class Feedback:
    """One call and what the agents said of its alerts above hint level.

    `judged`: (rung, score, verdict) per alert, verdict None where nobody said anything. `hours`: length of the call.
    """

    hours: float
    judged: tuple[tuple[int, float, Verdict | None], ...] = ()


class Alerter:
    """Standings and changes in, alerts out; one state a call."""

    def __init__(self, config: AlertsConfig | None = None, guidance: Guidance | None = None) -> None:
        self.config = config = config or AlertsConfig()
        self.guidance = guidance or load(config.guidance)
        self.thresholds = config_thresholds(config)

    def start(self, call: str) -> State:
        return State(call)

    def step(self, states: Sequence[State], readings: Sequence[Reading], standings: Sequence[Standing],
             changes: Sequence[Change | None]) -> list[tuple[Alert, ...]]:
        """One hop: what is told now, for each call."""
        return [self._hop(*row) for row in zip(states, readings, standings, changes, strict=True)]

    def close(self, states: Sequence[State], at: Sequence[int]) -> list[tuple[Alert, ...]]:
        """The call is over: after one that stood on rung 5 or 6 the agent is offered a pause."""
        return [(self._alert(state, when, "care", state.peak, "agent"),)
                if state.peak >= URGENT else () for state, when in zip(states, at, strict=True)]

    def _hop(self, state: State, reading: Reading, standing: Standing, change: Change | None) -> tuple[Alert, ...]:
        if change is not None and change.after > change.before:
            state.reasons = change.reasons
        rung = self._sure(standing)
        state.peak = max(state.peak, rung)
        if rung > state.told:
            state.low_since = None
            return self._rise(state, standing, rung)
        state.held = 0
        if rung < state.told:
            eased = self._fall(state, standing, change)
            if eased:
                return eased
        else:
            state.low_since = None
        return self._warn(state, standing)

    def _sure(self, standing: Standing) -> int:
        """The highest rung up to where the ladder stands that is sure enough to be told."""
        rung, above = standing.rung, sum(standing.posterior[standing.rung:])
        while rung > 0 and above < self._needs(rung):
            rung -= 1
            above += standing.posterior[rung]
        return rung

    def _needs(self, rung: int) -> float:
        if rung < LOUD:
            return HINT_NEEDS
        return min(self.thresholds.strictness, URGENT_NEEDS) if rung >= URGENT else self.thresholds.strictness

    def _rise(self, state: State, standing: Standing, rung: int) -> tuple[Alert, ...]:
        if rung != state.held:
            if rung < state.held or state.held <= state.told:
                state.since = standing.at
            state.held = rung
        dwell = 0.0 if rung >= URGENT else self.config.dwell_s if rung >= LOUD else self.config.hint_dwell_s
        if standing.at - state.since < dwell * RATE:
            return self._warn(state, standing)
        last = max((when for told, when in state.told_at.items() if told >= rung), default=None)
        state.held, state.told = 0, rung
        if last is not None and standing.at - last < self.config.cool_down_s * RATE:
            return ()
        state.told_at[rung] = standing.at
        score = min(1.0, sum(standing.posterior[rung:]))
        if rung < LOUD:
            return self._hint(state, standing.at, rung, score)
        return tuple(self._alert(state, standing.at, "raise", rung, who, score=score) for who in TOLD[rung])

    def _hint(self, state: State, at: int, rung: int, score: float) -> tuple[Alert, ...]:
        """A hint, unless the same card still stands on the agent's screen."""
        last, cards = state.hint, self.guidance.cards("raise", rung, motive(state.reasons))
        if last is not None and at - last.at < self.config.cool_down_s * RATE and last.guidance == cards:
            return ()
        state.hint = self._alert(state, at, "raise", rung, "hint", score=score)
        return (state.hint,)

    def _fall(self, state: State, standing: Standing, change: Change | None) -> tuple[Alert, ...]:
        """Withdraw what was told once the caller has stood lower for the dwell of easing."""
        if state.low_since is None:
            state.low_since = standing.at
            if change is not None and change.after < change.before:
                state.reasons = change.reasons
        if standing.at - state.low_since < self.config.ease_dwell_s * RATE:
            return ()
        was, state.told, state.low_since = state.told, standing.rung, None
        if was < LOUD:
            return ()
        return tuple(self._alert(state, standing.at, "ease", standing.rung, who)
                     for who in TOLD[was])

    def _warn(self, state: State, standing: Standing) -> tuple[Alert, ...]:
        """Rung 5 is near: told once per cool-down, while there is still time; after a complaint it would be no news."""
        recently = state.warned_at is not None and standing.at - state.warned_at < self.config.warn_cool_down_s * RATE
        if max(standing.rung, state.peak) >= URGENT or standing.forecast < self.thresholds.warn or recently:
            return ()
        state.warned_at = standing.at
        return (self._alert(state, standing.at, "warn", standing.rung, "agent", score=standing.forecast),)

    def _alert(self, state: State, at: int, kind: Kind, rung: int, who: Audience, *, score: float = 1.0) -> Alert:
        state.sent += 1
        main: Motive = "calming" if kind == "ease" else motive(state.reasons)
        return Alert(f"{state.call}-{state.sent}", state.call, at, kind, rung, who, main, state.reasons,
                     self.guidance.cards(kind, rung, main), score)


def motive(reasons: Sequence[Reason]) -> Motive:
    """The motive that weighs most, plain displeasure only when nothing more telling is there."""
    weights: dict[Motive, float] = {}
    for reason in reasons:
        if reason.weight > 0 and reason.motive != "calming":
            weights[reason.motive] = weights.get(reason.motive, 0.0) + reason.weight
    telling = {name: weight for name, weight in weights.items() if name != "displeasure"}
    chosen = telling or weights
    return max(chosen, key=lambda name: chosen[name]) if chosen else "displeasure"


# ── the budget ──────────────────────────────────────────────────────────────────────────────────

def config_thresholds(config: AlertsConfig) -> Thresholds:
    """The least strictness of the fitted table whose bound is within the budget; else the strictest there is."""
    if config.strictness is not None:
        return Thresholds(config.strictness, math.nan, config.warn)
    path = Path(config.parameters)
    path = path if path.is_absolute() else Path(__file__).with_name(config.parameters)
    table = tomllib.loads(path.read_text("utf-8"))["budget"]
    rows = list(zip(table["strictness"], table["rate"], strict=True))
    chosen = next(((level, rate) for level, rate in rows if rate <= config.false_alerts_per_hour), rows[-1])
    return Thresholds(chosen[0], chosen[1], config.warn)


def calibrate(feedback: Iterable[Feedback], budget: float, levels: Sequence[float] | None = None,
              risk: float = RISK) -> Thresholds:
    """The least strictness that keeps the budget (false alerts per hour) on calls like these.

    Guarantee (risk control with an upper confidence bound, Bates et al. 2021; the levels are tested from the strictest
    down, so no correction for their number is needed): calls being exchangeable, and counting a call that raised
    falsely once, with probability 1 - risk the expected rate of falsely raised calls per hour is at most the budget.
    Alerts that nobody judged count as wrong in the share in which the judged ones were wrong. Levels below the lowest
    score that was ever told cannot be learned from feedback: loosening needs labelled calls.
    """
    calls = list(feedback)
    levels = levels or [round(0.5 + 0.01 * step, 2) for step in range(50)]
    hours = sum(call.hours for call in calls)
    best = Thresholds(max(levels), math.inf)
    for level in sorted(levels, reverse=True):
        rate = upper_bound(_falsely_raised(calls, level), risk) / hours if hours else math.inf
        if rate > budget:
            break
        best = Thresholds(level, rate)
    return best


def upper_bound(count: float, risk: float = RISK) -> float:
    """Exact upper confidence bound of a Poisson mean: the mean under which `count` or fewer has probability `risk`."""
    low, high = count, count + 10 + 5 * math.sqrt(count + 1)
    for _ in range(60):
        middle = (low + high) / 2
        if _poisson_below(count, middle) > risk:
            low = middle
        else:
            high = middle
    return high


def _poisson_below(count: float, mean: float) -> float:
    term = total = math.exp(-mean)
    for k in range(1, math.floor(count) + 1):
        term *= mean / k
        total += term
    return total


def _falsely_raised(calls: Sequence[Feedback], level: float) -> float:
    """Calls with a false alert of at least this score; unjudged ones count by the share of wrong among the judged."""
    told = [[verdict for rung, score, verdict in call.judged if score >= (level if rung < URGENT else 0)]
            for call in calls]
    verdicts = [verdict for call in told for verdict in call if verdict is not None]
    share = verdicts.count("wrong") / len(verdicts) if verdicts else 1.0
    return sum(1.0 if "wrong" in call else share if call and all(v is None for v in call) else 0.0 for call in told)



def read_feedback(rows: Iterable[Mapping[str, object]]) -> list[Feedback]:
    """Rows of a stored log, one a call: {"hours": 0.1, "alerts": [{"rung": 3, "score": 0.8, "verdict": "wrong"}]}."""
    found = []
    for row in rows:
        alerts = row.get("alerts", [])
        if not isinstance(alerts, list):
            raise ValueError("feedback: 'alerts' must be a list of {rung, score, verdict}")
        judged = tuple((int(alert["rung"]), float(alert["score"]), alert.get("verdict")) for alert in alerts)
        found.append(Feedback(float(str(row["hours"])), judged))
    return found

"""Where the caller stands: a forward filter over the seven rungs, with reasons for every move.

Two chains carry what was expressed. *Words* is a distribution over rungs 0-6 that moves when something was said: it
climbs to the highest evidence so far and falls only on calming words. *Heat* is a distribution over rungs 0-3, moved
by the voice, the mood model and the talk counters. The caller stands at the higher of the two, so the cumulative
posterior is the product of theirs. From this follow two guarantees: the voice alone carries a caller to rung 3 at
most, and rungs 4 to 6 need words. A missing ear adds no factor: silence is not calm. Formulas: docs/ladder.md.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emotion import reasons as why
from emotion.config import LadderConfig
from emotion.types import HOP, RATE, Change, Heard, Mood, Phrase, Reading, Reason, Shift, Span, Standing, Talk, Turn

TOP = 3
"""Highest rung that heat can reach."""
FADE = 0.97
"""Part of the heat ledger that is left a hop later: its memory is about 16 s."""
KEPT = 8
"""Word events kept for the reasons of the next change."""
SOURCES = ("voice", "mood", "waiting", "interruption", "repetition", "transfer")
CALMS = 0.25
"""Probability of calming below which a sentence does not calm at all."""
SOLVED = 3
"""The depth of calming that leaves a caller on 0 or 1, wherever he stood."""
TINY = 1e-9


@dataclass(slots=True)
class Evidence:
    """A word event since the last change: its reason (weight still open) and what it did to each threshold."""

    reason: Reason
    moved: tuple[float, ...]
    """Change of the log odds of standing on rung k or above, k = 1..6."""


@dataclass(slots=True)
class Trace:
    """What one source of heat did lately."""

    total: float = 0.0
    """Faded sum of its log likelihood for rung 3 against 0."""
    since: int = 0
    until: int = 0


@dataclass(slots=True)
class State:
    """One call."""

    words: list[float]
    heat: list[float]
    rung: int = 0
    before: tuple[float, ...] = ()
    """Posterior at the last change."""
    events: list[Evidence] = field(default_factory=list)
    traces: dict[str, Trace] = field(default_factory=dict)
    peak: Shift | None = None
    """The shift of the hottest hop since the voice warmed up."""
    opened: bool = False
    """The caller's first sentence was heard."""
    waited: float = 0.0
    interrupts: int = 0
    transfers: int = 0


@dataclass(frozen=True, slots=True)
class Parameters:
    """emotion/ladder.toml, checked."""

    margin: float
    start: tuple[float, ...]
    up: float
    leap: float
    down: float
    mean: tuple[float, ...]
    spread: float
    voice: Mapping[str, Any]
    mood: Mapping[str, Any]
    talk: Mapping[str, tuple[float, ...]]
    degraded: float
    phrases: Mapping[str, float]
    calming: Mapping[str, float]
    depth: Mapping[str, int]
    base: tuple[float, ...]
    opening: tuple[float, ...]
    given: tuple[tuple[float, ...], ...]
    temper: float
    habit: float
    reach: tuple[float, ...]
    slope: float
    intercept: float


def parameters(name: str = "ladder.toml") -> Parameters:
    """Read a parameter file; a bare name is looked for beside this module."""
    path = Path(name) if Path(name).is_absolute() else Path(__file__).with_name(name)
    raw = tomllib.loads(path.read_text("utf-8"))
    heat, voice, words, forecast = raw["heat"], raw["voice"], raw["words"], raw["forecast"]
    given = tuple(_normal(row) for row in words["given"])
    if len(given) != 7 or any(len(row) != 7 for row in (*given, words["opening"], words["base"])):
        raise ValueError(f"{path}: [words] given must be seven rows of seven numbers, opening and base one each")
    return Parameters(
        margin=raw["decide"]["margin"], start=_normal(heat["start"]), up=heat["up"], leap=heat["leap"],
        down=heat["down"], mean=tuple(voice["mean"]), spread=voice["spread"],
        voice={key: voice[key] for key in ("weight", "calm", "limit", "agree")}, mood=raw["mood"],
        talk={key: tuple(row) for key, row in raw["talk"].items()}, degraded=raw["degraded"]["weight"],
        phrases=raw["phrases"], calming=raw["calming"],
        depth=raw["calming"]["depth"], base=_normal(words["base"]),
        opening=_normal(words["opening"]), given=given, temper=words["temper"], habit=words["habit"],
        reach=tuple(forecast["reach"]), slope=forecast["slope"], intercept=forecast["intercept"])


class Ladder:
    """Readings and shifts in, standings and changes out; one state a call."""

    def __init__(self, config: LadderConfig | None = None) -> None:
        self.use(parameters((config or LadderConfig()).parameters))

    def use(self, changed: Parameters) -> None:
        """Take other parameters: for fitting them."""
        self.parameters = changed
        self._opening = habit(changed.opening, changed)
        self._given = tuple(habit(row, changed) for row in changed.given)
        self._likelihood = tuple(mean / changed.spread**2 for mean in changed.mean), tuple(
            mean**2 / (2 * changed.spread**2) for mean in changed.mean)

    def start(self) -> State:
        state = State([1.0, 0, 0, 0, 0, 0, 0], list(self.parameters.start))
        state.traces = {source: Trace() for source in SOURCES}
        state.before = posterior(state)
        return state

    def step(self, states: Sequence[State], readings: Sequence[Reading],
             shifts: Sequence[Shift | None]) -> list[tuple[Standing, Change | None]]:
        """One hop: where each caller stands now, and the change if he moved."""
        return [self._hop(*row) for row in zip(states, readings, shifts, strict=True)]

    def _hop(self, state: State, reading: Reading, shift: Shift | None) -> tuple[Standing, Change | None]:
        trust = self.parameters.degraded if "loss" in reading.degraded or "late" in reading.degraded else 1.0
        self._listen(state, reading, shift, trust)
        if reading.words.by is not None:
            self._read(state, reading.words, trust)
        now = posterior(state)
        rung = self._decide(now, state.rung)
        confidence = sum(now[max(0, rung - 1):rung + 2])
        standing = Standing(reading.at, now, rung, min(1.0, confidence), self.forecast(now))
        return standing, (self._change(state, standing) if rung != state.rung else None)

    # ── heat: how it is said ────────────────────────────────────────────────────────────────────

    def _drift(self, state: State) -> None:
        """The caller is heard for half a second: heat may climb by one, leap to the top, or sink by one."""
        p = self.parameters
        a, b, c, d = state.heat
        up, leap, down = p.up, p.leap, p.down
        state.heat = [
            a * (1 - up - leap) + b * down,
            b * (1 - up - leap - down) + a * up + c * down,
            c * (1 - up - leap - down) + b * up + d * down,
            d * (1 - down) + c * (up + leap) + (a + b) * leap,
        ]

    def _listen(self, state: State, reading: Reading, shift: Shift | None, trust: float) -> None:
        """Weigh voice, mood and talk; an ear that is missing weighs nothing."""
        for trace in state.traces.values():
            trace.total *= FADE
        speaks = reading.voice is None or reading.voice.speech >= 0.2
        if speaks and (reading.mood is not None or (shift is not None and shift.heat is not None)):
            self._drift(state)
        if shift is not None and shift.heat is not None and speaks:
            self._voice(state, reading.span, shift, shift.heat, trust, self._agreement(reading.mood))
        if reading.mood is not None and speaks:
            self._mood(state, reading.span, reading.mood.anger, trust)
        self._talk(state, reading.talk, reading.words, reading.span)

    def _agreement(self, mood: Mood | None) -> float:
        """How far the mood model bears a heated voice out, 0-1: a lively or laughing voice is heated, but not angry."""
        if mood is None:
            return 1.0
        low, high = (logit(bound) for bound in self.parameters.voice["agree"])
        return min(1.0, max(0.0, (logit(mood.anger) - low) / (high - low)))

    def _voice(self, state: State, span: Span, shift: Shift, heat: float, trust: float, agreement: float) -> None:
        voice = self.parameters.voice
        heat = max(-voice["limit"], min(voice["limit"], heat))
        slopes, offsets = self._likelihood
        raw = [slope * heat - offset for slope, offset in zip(slopes, offsets, strict=True)]
        weight = voice["weight"] * trust * (agreement if raw[TOP] > 0 else voice["calm"])
        if raw[TOP] > 0 and (state.traces["voice"].total <= 0 or state.peak is None or heat > (state.peak.heat or 0)):
            state.peak = shift
        self._weigh(state, "voice", span, [weight * value for value in raw])

    def _mood(self, state: State, span: Span, anger: float, trust: float) -> None:
        mood = self.parameters.mood
        odds = logit(anger) - logit(mood["base"])
        odds = max(-mood["limit"], min(mood["limit"], odds))
        weight = mood["weight"] * trust * odds * (1.0 if odds > 0 else mood["calm"])
        self._weigh(state, "mood", span, [weight * slope for slope in mood["slope"]])

    def _talk(self, state: State, talk: Talk, heard: Heard, span: Span) -> None:
        rows = self.parameters.talk
        if talk.waited > state.waited:
            part = (talk.waited - state.waited) / 5
            start = span.end - round(max(talk.dead_air or 0.0, talk.hold, HOP / RATE) * RATE)
            self._weigh(state, "waiting", Span(max(0, start), span.end), [part * value for value in rows["waiting"]])
            state.waited = talk.waited
        if talk.caller_interrupts > state.interrupts:
            self._weigh(state, "interruption", span, rows["interruption"])
            state.interrupts = talk.caller_interrupts
        if talk.transfers > state.transfers:
            self._weigh(state, "transfer", span, rows["transfer"])
            state.transfers = talk.transfers
        if heard.repeat is not None:
            self._weigh(state, "repetition", heard.repeat.span, rows["repetition"])

    @staticmethod
    def _weigh(state: State, source: str, span: Span, log: Sequence[float]) -> None:
        """Multiply heat by exp(log) and write down who did it."""
        weighed = [part * math.exp(value) for part, value in zip(state.heat, log, strict=True)]
        total = sum(weighed)
        state.heat = [part / total for part in weighed]
        trace = state.traces[source]
        gain = max(log) if max(log) > 0 else min(log)
        if (trace.total > 0) != (trace.total + gain > 0) or trace.total == 0 or span.start - trace.until > 5 * RATE:
            trace.since = span.start
        trace.total += gain
        trace.until = span.end

    # ── words: what is said ─────────────────────────────────────────────────────────────────────

    def _read(self, state: State, heard: Heard, trust: float) -> None:
        if heard.turn is not None:
            turn = heard.turn
            before = posterior(state)
            self._turn(state, turn, heard.phrases)
            self._log(state, before, why.of_turn(turn, heard.phrases))
        table = self.parameters.phrases
        ear = table["transcript"] if heard.by == "transcript" else table["spotter"]
        for phrase in heard.phrases:
            reliability = trust * phrase.score * (ear if heard.turn is None else table["with_turn"])
            if reliability <= 0:
                continue
            before = posterior(state)
            if phrase.motive == "calming":
                self._calm(state, reliability * table["calming"], calming_depth((phrase,), self.parameters.depth))
            else:
                state.words = [(1 - reliability) * old + reliability * new for old, new in
                               zip(state.words, _raised(state.words, phrase.rung), strict=True)]
            self._log(state, before, why.of_phrase(phrase))

    def _turn(self, state: State, turn: Turn, phrases: Sequence[Phrase]) -> None:
        """One whole sentence: sum over where the caller stood and what the sentence is evidence for.

        Evidence below where he stood says nothing about where he stood: supplying data lowers nothing.
        """
        p = self.parameters
        opens, state.opened = not state.opened, True
        depth = calming_depth(phrases, p.depth)
        calming = calms(turn, phrases, depth, p.calming)
        shown = [max(q, TINY) ** p.temper for q in turn.evidence]
        after = [0.0] * 7
        for stood, mass in enumerate(state.words):
            if mass < TINY:
                continue
            expected = self._opening if opens else self._given[stood]
            joint = [likely * prior for likely, prior in zip(shown, expected, strict=True)]
            share = mass / sum(joint)
            for rung, part in enumerate(joint):
                settles = calming if rung <= 1 else 0.0
                after[max(stood, rung)] += share * part * (1 - settles)
                after[max(rung, lowered(stood, depth))] += share * part * settles
        state.words = after
        if calming > 0:
            self._cool(state, calming * (turn.evidence[0] + turn.evidence[1]), depth)

    def _calm(self, state: State, sure: float, depth: int) -> None:
        after = [(1 - sure) * part for part in state.words]
        for stood, mass in enumerate(state.words):
            after[lowered(stood, depth)] += sure * mass
        state.words = after
        self._cool(state, sure, depth)

    @staticmethod
    def _cool(state: State, sure: float, depth: int) -> None:
        """Calming words lower the heat as well."""
        after = [(1 - sure) * part for part in state.heat]
        for stood, mass in enumerate(state.heat):
            after[lowered(stood, depth)] += sure * mass
        state.heat = after

    @staticmethod
    def _log(state: State, before: tuple[float, ...], reason: Reason) -> None:
        moved = tuple(now - then for now, then in zip(log_odds(posterior(state)), log_odds(before), strict=True))
        state.events = [*state.events[-KEPT + 1:], Evidence(reason, moved)]

    # ── what follows ────────────────────────────────────────────────────────────────────────────

    def _decide(self, now: tuple[float, ...], rung: int) -> int:
        """The posterior median, held until a half and a margin of the mass lies beyond it."""
        need = 0.5 + self.parameters.margin
        above, below = sum(now[rung + 1:]), sum(now[:rung])
        while above >= need:
            rung += 1
            above -= now[rung]
        while below >= need:
            rung -= 1
            below -= now[rung]
        return rung

    def forecast(self, now: Sequence[float]) -> float:
        """Probability of reaching rung 5 within 60 s: the chain's own, calibrated; 1 where it is reached."""
        p = self.parameters
        reached = now[5] + now[6]
        below = 1 - reached
        if below < TINY:
            return 1.0
        chance = sum(mass * reach for mass, reach in zip(now[:5], p.reach, strict=False)) / below
        calibrated = 1 / (1 + math.exp(-(p.intercept + p.slope * logit(chance))))
        return min(1.0, reached + below * calibrated)

    @staticmethod
    def _change(state: State, standing: Standing) -> Change:
        """The move, and who moved it: contributions to the log odds of the higher of both rungs add up."""
        before, after = state.rung, standing.rung
        threshold = max(before, after) - 1
        moved = log_odds(standing.posterior)[threshold] - log_odds(state.before)[threshold]
        found = [why.weighted(event.reason, event.moved[threshold]) for event in state.events]
        rest = moved - sum(reason.weight for reason in found)
        found += why.of_heat(state.traces, state.peak, rest)
        found = why.settle(found, moved, standing.at)
        state.rung, state.before, state.events = after, standing.posterior, []
        return Change(standing.at, before, after, standing.confidence, tuple(found))


def posterior(state: State) -> tuple[float, ...]:
    """The higher of words and heat: the cumulative distribution is the product of theirs."""
    below_words = below_heat = last = 0.0
    result = []
    for rung, mass in enumerate(state.words):
        below_words += mass
        below_heat = below_heat + state.heat[rung] if rung < TOP else 1.0
        both = below_words * below_heat
        result.append(max(0.0, both - last))
        last = both
    return tuple(result)


def log_odds(now: Sequence[float]) -> tuple[float, ...]:
    """Log odds of rung k or above, k = 1..6."""
    above, result = 0.0, []
    for mass in reversed(now[1:]):
        above += mass
        result.append(logit(above))
    return tuple(reversed(result))


def logit(probability: float) -> float:
    held = min(1 - 1e-4, max(1e-4, probability))
    return math.log(held / (1 - held))


def lowered(rung: int, depth: int) -> int:
    """Where calming leaves a caller: depth rungs lower; SOLVED leaves 0 or 1."""
    if depth >= SOLVED:
        return min(rung // 3, 1)
    return max(0, rung - depth)


def habit(expected: Sequence[float], fitted: Parameters) -> tuple[float, ...]:
    """How much likelier each evidence is here than anywhere, as far as the text model does not know it yet."""
    return tuple((here / base) ** fitted.habit for here, base in zip(expected, fitted.base, strict=True))


def calms(turn: Turn, phrases: Sequence[Phrase], depth: int, fitted: Mapping[str, float]) -> float:
    """Probability that a sentence without fresh displeasure takes the heat out; less than CALMS is none."""
    odds = fitted["bias"] + fitted["slope"] * logit(turn.calming)
    if any(phrase.motive == "calming" for phrase in phrases):
        odds += fitted["phrase"] + (fitted["thanks"] if depth > 1 else 0.0)
    return max(0.0, (1 / (1 + math.exp(-odds)) - CALMS) / (1 - CALMS))


def calming_depth(phrases: Sequence[Phrase], depths: Mapping[str, int]) -> int:
    """1 for bare acceptance, 2 with thanks, SOLVED for 'solved, thanks'; by the codebook's decided cases."""
    found = {depths.get(phrase.key, 1) for phrase in phrases if phrase.motive == "calming"}
    solved = any(phrase.key == "is-solved" for phrase in phrases)
    return SOLVED if solved and 2 in found else max(found, default=1)


def _raised(words: Sequence[float], rung: int) -> list[float]:
    """The distribution of the higher of where he stood and `rung`."""
    return [0.0] * rung + [sum(words[:rung + 1])] + list(words[rung + 1:])


def _normal(row: Sequence[float]) -> tuple[float, ...]:
    total = sum(row)
    return tuple(value / total for value in row)


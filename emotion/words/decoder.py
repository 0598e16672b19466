"""Posteriors to phrases: every phrase of the lexicon in one pass, by token passing over a prefix tree.

A token of a node holds the best log-likelihood ratio, over all beginnings, of the units down to that node against the
free path, which takes the best unit in every frame, at half its weight (`FREE`); 0 is perfect. Within a node the path
may stay in blank or in the unit, so a node's scores over a whole hop follow from those of its parent by one running
maximum: levels of the tree are stepped one after the other, all frames, calls and nodes of a level at once. Tokens
that no phrase below them can be reached from any more are dropped, so that the cost follows the speech and not the
lexicon.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from emotion.types import Audio, Language

Ints = NDArray[np.int64]
Kind = TypeVar("Kind", bound=np.generic)
FLOOR = -8.0
"""The least that one unit in one frame can cost: one misheard unit must not end a long phrase."""
STAY = np.float32(-0.02)
"""Cost of a frame inside a phrase, so that a token does not outlive its sentence."""
BEAM = -2.0
"""How far a token may fall under the laxest threshold of all, taken for the units so far, before it is dropped."""
FREE = 0.5
"""How far a frame's cost is measured against its best unit and not against certainty: all against the best, two
units that sound alike both look perfect; against certainty alone, noise makes every unit look wrong."""
NEVER = -1e4
SLOWEST_S: dict[Language, float] = {"zh": 0.7, "en": 0.25}
"""Seconds per unit, a syllable or a phoneme, (and one more) over which a phrase is too drawn out to be one."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One sequence of units to listen for: `threshold` is the least ratio per unit."""

    units: tuple[int, ...]
    threshold: float


@dataclass(frozen=True, slots=True)
class Hit:
    """Pattern `index` was heard from frame `begin` to `end` (counted from the call's first frame)."""

    index: int
    begin: int
    end: int
    ratio: float
    """Log-likelihood ratio per unit, 0 at best."""


@dataclass(frozen=True, slots=True)
class _Tokens:
    """Tokens of some nodes over one hop: `ratio` and `begin` have a column before the first frame, then one a frame."""

    row: Ints
    node: Ints
    ratio: Audio
    begin: Ints


@dataclass(frozen=True, slots=True)
class _Hop:
    """What the frames of one hop cost, per call; padded to the longest with silence."""

    cost: Audio
    """(calls, units, frames): log-likelihood ratio of each unit against the best of its frame."""
    stay: Audio
    """The same, summed over the frames so far, for a path that stays in a unit or in blank."""
    inside: NDArray[np.bool_]
    start: Ints
    """Number of the first frame of each call."""

    @classmethod
    def of(cls, scores: Sequence[Audio], start: Ints) -> Self:
        most = max(len(score) for score in scores)
        cost = np.full((len(scores), scores[0].shape[1], most), FLOOR, np.float32)
        cost[:, 0] = 0  # frames past a call's end count as silence
        inside = np.zeros((len(scores), most), bool)
        for row, mask, score in zip(cost, inside, scores, strict=True):
            best = score.max(axis=1, keepdims=True)
            row[:, : len(score)] = np.maximum(score - FREE * best, FLOOR).T
            mask[: len(score)] = True
        return cls(cost, np.cumsum(np.maximum(cost, cost[:, :1]) + STAY, axis=2, dtype=np.float32), inside, start)


@dataclass(slots=True)
class DecoderState:
    """Tokens of one call between two hops, and what was heard last."""

    node: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    ratio: Audio = field(default_factory=lambda: np.zeros(0, np.float32))
    begin: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    at: int = 0
    """Frames so far."""
    recent: list[Hit] = field(default_factory=list)
    """Hits that a later one may overlap."""


class Decoder:
    """Token passing for a fixed set of patterns over `units` output units, unit 0 being blank."""

    def __init__(self, patterns: Sequence[Pattern], frame_s: float, language: Language = "zh",
                 compete: bool = True) -> None:
        """`compete` lets the longest of overlapping patterns win; without it every match is told (see `strongest`)."""
        self.patterns, self.frame_s, self.compete = tuple(patterns), frame_s, compete
        self.slowest = SLOWEST_S[language]
        unit, parent, level, need = [0], [0], [0], [0.0]
        final, children = [list[int]()], [dict[int, int]()]
        for index, pattern in enumerate(self.patterns):
            node = 0
            for one in pattern.units:
                if one not in children[node]:
                    children[node][one] = len(unit)
                    for column, value in ((unit, one), (parent, node), (level, level[node] + 1)):
                        column.append(value)
                    need.append(0.0)
                    final.append([])
                    children.append({})
                node = children[node][one]
                need[node] = min(need[node], pattern.threshold * len(pattern.units))
            final[node].append(index)
        self.unit, self.parent, self.level = (np.array(column, np.int64) for column in (unit, parent, level))
        laxest = min((pattern.threshold for pattern in self.patterns), default=0.0)
        self.need = np.maximum(np.array(need), BEAM + laxest * self.level).astype(np.float32)
        """The ratio under which a token is dropped: no phrase below can be reached, or others fit far better."""
        self.final = {node: tuple(found) for node, found in enumerate(final) if found}
        self.ends = np.array([bool(found) for found in final])
        counts = np.array([len(found) for found in children])
        self.first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self.child = np.array([node for found in children for node in found.values()], np.int64)
        self.again = (self.unit == self.unit[self.parent]) & (self.level > 1)

    def start(self) -> DecoderState:
        return DecoderState()

    def step(self, states: Sequence[DecoderState], scores: Sequence[Audio]) -> list[list[Hit]]:
        """Log-probabilities (frames, units) of each call's new frames -> its hits; the states move on."""
        found: list[list[Hit]] = [[] for _ in states]
        busy = [n for n, score in enumerate(scores) if len(score)] if len(self.child) else []
        if busy:
            for n, hits in zip(busy, self._pass([states[n] for n in busy], [scores[n] for n in busy]), strict=True):
                found[n] = self._choose(states[n], hits) if self.compete else sorted(hits, key=lambda one: one.end)
        for state, score in zip(states, scores, strict=True):
            state.at += len(score)
            state.recent = [hit for hit in state.recent if hit.end > state.at - 5 / self.frame_s]
        return found

    def _pass(self, states: Sequence[DecoderState], scores: Sequence[Audio]) -> list[list[Hit]]:
        """One hop, level after level of the tree; candidates of each call."""
        hop = _Hop.of(scores, np.array([state.at for state in states]))
        kept = _gather(states, len(self.unit))
        ends = hop.inside.sum(axis=1)
        hits: list[list[Hit]] = [[] for _ in states]
        carry: list[_Tokens] = []
        tokens = _root(hop)
        deepest = int(self.level[kept.node].max(initial=0))
        for depth in range(1, int(self.level.max()) + 1):
            mine = self.level[kept.node] == depth
            row, node, source = self._below(hop, tokens, kept.row[mine], kept.node[mine])
            if not len(node) and depth >= deepest:
                break
            tokens = self._enter(hop, kept, row, node, tokens, source, hits)
            tail = tokens.ratio[np.arange(len(row)), ends[row]]
            worth = np.flatnonzero(tail > self.need[node])
            carry.append(_Tokens(row[worth], node[worth], tail[worth], tokens.begin[worth, ends[row[worth]]]))
            alive = tokens.ratio.max(axis=1, initial=NEVER) > self.need[node]
            tokens = _Tokens(row[alive], node[alive], tokens.ratio[alive], tokens.begin[alive])
        self._keep(states, carry)
        return hits

    def _below(self, hop: _Hop, tokens: _Tokens, kept_row: Ints, kept_node: Ints) -> tuple[Ints, Ints, Ints]:
        """(call, node, place of its parent's token or -1) of every node of the next level that may hold a token.

        It may if its parent's best and its unit's best of the hop together reach far enough, or if it held one before.
        """
        size = len(self.unit)
        counts = self.first[tokens.node + 1] - self.first[tokens.node]
        source = np.repeat(np.arange(len(counts)), counts)
        within = np.arange(len(source)) - np.repeat(np.cumsum(counts) - counts, counts)
        node, row = self.child[self.first[tokens.node[source]] + within], tokens.row[source]
        reach = tokens.ratio.max(axis=1, initial=NEVER)[source] + hop.cost.max(axis=2)[row, self.unit[node]]
        keys, held = row * size + node, kept_row * size + kept_node
        again = _padded(held, -1)[np.searchsorted(held, keys)] == keys
        fit = np.flatnonzero((reach > self.need[node]) | again)
        keys, source = keys[fit], source[fit]
        order = np.argsort(keys)
        lonely = held[_padded(keys[order], -1)[np.searchsorted(keys, held, sorter=order)] != held]
        every = np.concatenate([keys, lonely])
        return every // size, every % size, np.concatenate([source, np.full(len(lonely), -1)])

    def _enter(self, hop: _Hop, kept: _Tokens, row: Ints, node: Ints, parents: _Tokens, source: Ints,
               hits: list[list[Hit]]) -> _Tokens:
        """Tokens of `node` from those of its parents and from what it held before; a phrase's last unit is a hit."""
        unit = self.unit[node]
        before, since = _padded(parents.ratio, NEVER)[source], _padded(parents.begin, 0)[source]
        enter = before[:, :-1] + hop.cost[row, unit]
        twice = self.again[node]
        if twice.any():  # the same unit again needs a blank between
            gap = np.pad(hop.cost[row[twice], 0, :-1], ((0, 0), (1, 0)))
            late = np.concatenate([before[twice, :1], before[twice, :-2]], axis=1)
            enter[twice] = late + gap + hop.cost[row[twice], unit[twice]]
        self._collect(hits, node, row, np.where(hop.inside[row], enter, NEVER), since, hop.start)
        place = np.searchsorted(kept.row * len(self.unit) + kept.node, row * len(self.unit) + node)
        place = np.where((_padded(kept.row, -1)[place] == row) & (_padded(kept.node, -1)[place] == node), place, -1)
        stay = hop.stay[row, unit]
        line = np.concatenate([_padded(kept.ratio, NEVER)[place], enter - stay], axis=1)
        ratio = np.maximum.accumulate(line, axis=1)
        last = np.maximum.accumulate(np.where(line >= ratio, np.arange(line.shape[1]), 0), axis=1)
        began = np.concatenate([_padded(kept.begin, 0)[place], since[:, :-1]], axis=1)
        ratio[:, 1:] += stay
        return _Tokens(row, node, ratio, began[np.arange(len(node))[:, None], last])

    def _collect(self, hits: list[list[Hit]], node: Ints, row: Ints, enter: Audio, since: Ints, start: Ints) -> None:
        """Where a phrase's last unit is entered with a ratio over its threshold."""
        ends = np.flatnonzero(self.ends[node] & (enter.max(axis=1, initial=NEVER) >= self.need[node]))
        peak = enter[ends].argmax(axis=1)
        top = enter[ends, peak]
        for at, n in enumerate(ends):
            call, time = int(row[n]), int(peak[at])
            for index in self.final[int(node[n])]:
                pattern = self.patterns[index]
                count = len(pattern.units)
                hit = Hit(index, int(since[n, time]), int(start[call]) + time + 1, float(top[at]) / count)
                longest = self.slowest * (count + 1)
                if hit.ratio >= pattern.threshold and (hit.end - hit.begin) * self.frame_s <= longest:
                    hits[call].append(hit)

    def _keep(self, states: Sequence[DecoderState], carry: Sequence[_Tokens]) -> None:
        """What may still become a phrase goes into the states."""
        if not carry:
            for state in states:
                state.node, state.ratio, state.begin = state.node[:0], state.ratio[:0], state.begin[:0]
            return
        row, node, ratio, begin = (np.concatenate([getattr(one, name) for one in carry])
                                   for name in ("row", "node", "ratio", "begin"))
        for n, state in enumerate(states):
            mine = np.flatnonzero(row == n)
            state.node, state.ratio, state.begin = node[mine], ratio[mine], begin[mine]

    def _choose(self, state: DecoderState, hits: list[Hit]) -> list[Hit]:
        """Longest match wins; what overlaps a chosen one, or one told before that is not shorter, is left out."""
        chosen: list[Hit] = []
        for hit in sorted(hits, key=lambda one: (-len(self.patterns[one.index].units), -one.ratio, one.index)):
            size = len(self.patterns[hit.index].units)
            if not any(hit.begin < one.end and one.begin < hit.end and len(self.patterns[one.index].units) >= size
                       for one in (*chosen, *state.recent)):
                chosen.append(hit)
        state.recent += chosen
        return sorted(chosen, key=lambda one: one.end)


def strongest(hits: Sequence[Hit]) -> list[Hit]:
    """Of overlapping hits of one pattern the best: what a sweep over thresholds counts, best first."""
    kept: list[Hit] = []
    for hit in sorted(hits, key=lambda one: -one.ratio):
        if not any(one.index == hit.index and hit.begin < one.end and one.begin < hit.end for one in kept):
            kept.append(hit)
    return kept


def _root(hop: _Hop) -> _Tokens:
    """The free path before any phrase: ratio 0, and a phrase may begin with every frame."""
    calls, most = hop.inside.shape
    # a token that enters at frame t reads the column before it: column t holds what begins at t
    begin = hop.start[:, None] + np.arange(most + 1)
    return _Tokens(np.arange(calls), np.zeros(calls, np.int64), np.zeros((calls, most + 1), np.float32), begin)


def _gather(states: Sequence[DecoderState], size: int) -> _Tokens:
    """All calls' tokens in one, sorted by call and node."""
    row = np.concatenate([np.full(len(state.node), n) for n, state in enumerate(states)])
    node = np.concatenate([state.node for state in states])
    order = np.argsort(row * size + node, kind="stable")
    ratio = np.concatenate([state.ratio for state in states])[order, None]
    begin = np.concatenate([state.begin for state in states])[order, None]
    return _Tokens(row[order], node[order], ratio, begin)


def _padded(values: NDArray[Kind], missing: float) -> NDArray[Kind]:
    """One row more, of `missing`, so that place -1 reads it."""
    return np.concatenate([values, np.full((1, *values.shape[1:]), missing, values.dtype)])

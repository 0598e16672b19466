"""Posteriors to phrases: every phrase of the lexicon in one pass, by token passing over a prefix tree.

A token of a node holds the best log-likelihood ratio, over all beginnings, of the units down to that node against the
free path, which takes the best unit in every frame (a ratio of 0 is perfect). Within a node the path may stay in
blank or in the unit, so a node's scores over a whole hop follow from those of its parent by one running maximum:
levels of the tree are stepped one after the other, all frames, calls and nodes of a level at once. Tokens that no
phrase below them can be reached from any more are dropped, so that the cost follows the speech and not the lexicon.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from emotion.types import Audio

Ints = NDArray[np.int32]
FLOOR = -8.0
"""The least that one unit in one frame can cost: one misheard unit must not end a long phrase."""
STAY = -0.02
"""Cost of a frame inside a phrase, so that a token does not outlive its sentence."""
BEAM = (-3.0, -1.2)
"""Ratio under which a token is dropped in any case: at the root, and more for each unit after it."""
NEVER = np.float32(-1e4)
LONGEST_S = 0.7
"""Seconds per unit (and one more) over which a phrase is too drawn out to be one."""


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


@dataclass(slots=True)
class DecoderState:
    """Tokens of one call between two hops, and what was heard last."""

    node: Ints = field(default_factory=lambda: np.zeros(0, np.int32))
    ratio: Audio = field(default_factory=lambda: np.zeros(0, np.float32))
    begin: Ints = field(default_factory=lambda: np.zeros(0, np.int32))
    at: int = 0
    """Frames so far."""
    recent: list[Hit] = field(default_factory=list)
    """Hits that a later one may overlap."""


class Decoder:
    """Token passing for a fixed set of patterns over `units` output units, unit 0 being blank."""

    def __init__(self, patterns: Sequence[Pattern], frame_s: float) -> None:
        self.patterns, self.frame_s = tuple(patterns), frame_s
        unit, parent, level, need, final, children = [0], [0], [0], [0.0], [[]], [dict[int, int]()]
        for index, pattern in enumerate(self.patterns):
            node = 0
            for one in pattern.units:
                if one not in children[node]:
                    children[node][one] = len(unit)
                    unit.append(one), parent.append(node), level.append(level[node] + 1)
                    need.append(0.0), final.append([]), children.append({})
                node = children[node][one]
                need[node] = min(need[node], pattern.threshold * len(pattern.units))
            final[node].append(index)
        self.unit, self.parent, self.level = (np.array(column, np.int32) for column in (unit, parent, level))
        self.need = np.maximum(np.array(need), BEAM[0] + BEAM[1] * self.level).astype(np.float32)
        """The ratio under which a token is dropped: no phrase below can be reached, or others fit far better."""
        self.final = {node: tuple(found) for node, found in enumerate(final) if found}
        self.ends = np.array([bool(found) for found in final])
        counts = np.array([len(found) for found in children])
        self.first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        self.child = np.array([node for found in children for node in found.values()], np.int32)
        self.again = (self.unit == self.unit[self.parent]) & (self.level > 1)

    def start(self) -> DecoderState:
        return DecoderState()

    def step(self, states: Sequence[DecoderState], scores: Sequence[Audio]) -> list[list[Hit]]:
        """Log-probabilities (frames, units) of each call's new frames -> its hits; the states move on."""
        found: list[list[Hit]] = [[] for _ in states]
        lengths = np.array([len(score) for score in scores])
        busy = np.flatnonzero(lengths > 0)
        if len(busy) and len(self.child):
            cost, blank = self._costs([scores[n] for n in busy])
            candidates = self._pass([states[n] for n in busy], cost, blank, lengths[busy])
            for n, hits in zip(busy, candidates, strict=True):
                found[n] = self._choose(states[n], hits)
        for state, length in zip(states, lengths, strict=True):
            state.at += int(length)
            state.recent = [hit for hit in state.recent if hit.end > state.at - 5 / self.frame_s]
        return found

    def _costs(self, scores: Sequence[Audio]) -> tuple[Audio, Audio]:
        """(calls, units, frames) costs against the best unit of each frame, and those of blank; padded with silence."""
        most = max(len(score) for score in scores)
        cost = np.full((len(scores), scores[0].shape[1], most), FLOOR, np.float32)
        cost[:, 0] = 0
        for row, score in zip(cost, scores, strict=True):
            row[:, : len(score)] = np.maximum(score - score.max(axis=1, keepdims=True), FLOOR).T
        return cost, cost[:, 0]

    def _pass(self, states: Sequence[DecoderState], cost: Audio, blank: Audio, lengths: Ints) -> list[list[Hit]]:
        calls, _, most = cost.shape
        size = len(self.unit)
        row = np.concatenate([np.full(len(state.node), n) for n, state in enumerate(states)]).astype(np.int64)
        kept = np.concatenate([state.node for state in states])
        old = np.sort(row * size + kept)
        order = np.argsort(row * size + kept, kind="stable")
        old_ratio = np.concatenate([state.ratio for state in states])[order]
        old_begin = np.concatenate([state.begin for state in states])[order]
        start = np.array([state.at for state in states], np.int32)
        fill = np.maximum(cost, blank[:, None]) + np.float32(STAY)
        sums = np.cumsum(fill, axis=2)
        times = np.arange(most, dtype=np.int32)
        inside = times < lengths[:, None]
        keep_node: list[Ints] = []
        keep_row: list[Ints] = []
        keep_ratio: list[Audio] = []
        keep_begin: list[Ints] = []
        hits: list[list[Hit]] = [[] for _ in states]
        # the root: a free path of ratio 0, beginning anywhere
        parents, parent_row = np.zeros(calls, np.int32), np.arange(calls)
        ratio = np.zeros((calls, most + 1), np.float32)
        begin = np.concatenate([start[:, None], start[:, None] + times], axis=1).astype(np.int32)
        depth = 0
        old_level = self.level[old % size]
        while True:
            depth += 1
            rows, nodes, source = self._level(parent_row, parents, old[old_level == depth], size)
            if not len(nodes):
                break
            units = self.unit[nodes]
            before, since = _of_parent(ratio, source, NEVER), _of_parent(begin, source, 0)
            enter = before[:, :-1] + cost[rows, units]
            twice = self.again[nodes]
            if twice.any():  # the same unit again needs a blank between
                late = np.concatenate([before[twice, :1], before[twice, :-2]], axis=1)
                gap = np.concatenate([np.zeros((int(twice.sum()), 1), np.float32), blank[rows[twice], :-1]], axis=1)
                enter[twice] = late + gap + cost[rows[twice], units[twice]]
            place = np.searchsorted(old, rows * size + nodes)
            had = np.zeros(len(nodes), bool)
            if len(old):
                place = np.minimum(place, len(old) - 1)
                had = old[place] == rows * size + nodes
            first_ratio = np.where(had, old_ratio[place] if len(old) else NEVER, NEVER).astype(np.float32)
            first_begin = np.where(had, old_begin[place] if len(old) else 0, 0).astype(np.int32)
            total = sums[rows, units]
            line = np.concatenate([first_ratio[:, None], enter - total], axis=1)
            best = np.maximum.accumulate(line, axis=1)
            last = np.maximum.accumulate(np.where(line >= best, np.arange(most + 1), 0), axis=1)
            ratio = best
            ratio[:, 1:] += total
            begin = np.take_along_axis(np.concatenate([first_begin[:, None], since[:, :-1]], axis=1), last, axis=1)
            self._collect(hits, nodes, rows, np.where(inside[rows], enter, NEVER), since, start)
            alive = ratio.max(axis=1) > self.need[nodes]
            tail = np.take_along_axis(ratio, lengths[rows][:, None], axis=1)[:, 0]
            stays = alive & (tail > self.need[nodes])
            tail_begin = np.take_along_axis(begin, lengths[rows][:, None], axis=1)[:, 0]
            keep_node.append(nodes[stays]), keep_row.append(rows[stays])
            keep_ratio.append(tail[stays]), keep_begin.append(tail_begin[stays])
            parents, parent_row, ratio, begin = nodes[alive], rows[alive], ratio[alive], begin[alive]
        node, owner = np.concatenate(keep_node), np.concatenate(keep_row)
        tails, begins = np.concatenate(keep_ratio), np.concatenate(keep_begin)
        for n, state in enumerate(states):
            mine = owner == n
            state.node, state.ratio, state.begin = node[mine].astype(np.int32), tails[mine], begins[mine]
        return hits

    def _level(self, parent_row: Ints, parents: Ints, old: Ints, size: int) -> tuple[Ints, Ints, Ints]:
        """(call, node, place of its parent or -1) of every node of the next level that may hold a token."""
        counts = self.first[parents + 1] - self.first[parents]
        source = np.repeat(np.arange(len(parents)), counts)
        within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        nodes = self.child[self.first[parents][source] + within] if len(source) else np.zeros(0, np.int32)
        keys = parent_row[source] * size + nodes if len(source) else np.zeros(0, np.int64)
        lonely = old[~np.isin(old, keys)]
        every = np.concatenate([keys, lonely])
        return every // size, (every % size).astype(np.int32), np.concatenate([source, np.full(len(lonely), -1)])

    def _collect(self, hits: list[list[Hit]], nodes: Ints, rows: Ints, enter: Audio, since: Ints, start: Ints) -> None:
        """Where a phrase's last unit is entered with a ratio over its threshold."""
        ends = np.flatnonzero(self.ends[nodes])
        if not len(ends):
            return
        peak = enter[ends].argmax(axis=1)
        top = enter[ends, peak]
        for at in np.flatnonzero(top >= self.need[nodes[ends]]):
            n, call, time = ends[at], int(rows[ends[at]]), int(peak[at])
            for index in self.final[int(nodes[n])]:
                pattern = self.patterns[index]
                count = len(pattern.units)
                hit = Hit(index, int(since[n, time]), int(start[call]) + time + 1, float(top[at]) / count)
                if hit.ratio >= pattern.threshold and (hit.end - hit.begin) * self.frame_s <= LONGEST_S * (count + 1):
                    hits[call].append(hit)

    def _choose(self, state: DecoderState, hits: list[Hit]) -> list[Hit]:
        """Longest match wins; what overlaps a chosen one, or one told before that is not shorter, is left out."""
        chosen: list[Hit] = []
        for hit in sorted(hits, key=lambda one: (-len(self.patterns[one.index].units), -one.ratio, one.index)):
            size = len(self.patterns[hit.index].units)
            if any(hit.begin < one.end and one.begin < hit.end for one in chosen):
                continue
            if any(hit.begin < one.end and len(self.patterns[one.index].units) >= size for one in state.recent):
                continue
            chosen.append(hit)
        state.recent += chosen
        return sorted(chosen, key=lambda one: one.end)


def _of_parent(values: NDArray[np.generic], source: Ints, missing: float) -> NDArray[np.generic]:
    """Rows of the parents; a node whose parent holds no token gets `missing`."""
    found = values[np.maximum(source, 0)]
    found[source < 0] = missing
    return found

"""One call: its channels on one clock, what the client announced, and the state of every stage.

A call holds no weights, locks or sockets: it can be pickled in mid-call and goes on equal.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from emotion.audio.pcm import AudioError, finite
from emotion.audio.resample import Resampler
from emotion.audio.ring import Ring
from emotion.talk import Notes
from emotion.types import HOP, RATE, Audio, Language, Side, Span, Utterance

LIVE_BUFFER = 2 * RATE
"""Samples that wait for the engine at most: a live call drops its oldest audio past 2 s of lag."""
PATIENCE = RATE
"""One side may run ahead of the other by so much before the other is taken as silent."""
MOST_UTTERANCES = 256
"""Utterances that wait for their hop at most; the oldest give way."""


@dataclass(frozen=True, slots=True)
class Hop:
    """What one step of the engine takes from a call."""

    samples: Mapping[Side, Audio]
    span: Span
    utterances: tuple[Utterance, ...]
    degraded: tuple[str, ...]


@dataclass(slots=True)
class Line:
    """One side's way from packets to hops."""

    resampler: Resampler
    ring: Ring
    owed: int = 0
    """Samples that were taken as silence before they came: when they come they are late, and are dropped."""
    late: int = 0


@dataclass(slots=True)
class Call:
    """Open it with `Engine.open`; feed it with `push` and `hear`; step it with `Engine.step`."""

    id: str
    language: Language | Literal["auto"] = "zh"
    sides: tuple[Side, ...] = ("caller",)
    rate: int = RATE
    consent: bool = True
    buffer: int = LIVE_BUFFER
    states: dict[str, Any] = field(default_factory=dict, repr=False)
    rung: int = 0
    finished: bool = False
    degraded_hops: int = 0
    clock: int = 0
    _lines: dict[Side, Line] = field(init=False, repr=False)
    _utterances: deque[Utterance] = field(init=False, repr=False)
    _marks: list[tuple[Span, str]] = field(default_factory=list, repr=False)
    _paused: bool = False
    _hold: bool = False
    _transfers: int = 0
    _agent_words: bool = False

    def __post_init__(self) -> None:
        if not self.sides or len(set(self.sides)) != len(self.sides) or not set(self.sides) <= {"caller", "agent"}:
            raise AudioError(f"sides {self.sides}; give one or both of 'caller' and 'agent', each once")
        self._lines = {side: Line(Resampler(self.rate), Ring(max(self.buffer, HOP))) for side in self.sides}
        self._utterances = deque(maxlen=MOST_UTTERANCES)

    # ── what comes in ───────────────────────────────────────────────────────────────────────────

    def push(self, samples: Mapping[Side, Audio]) -> None:
        """Take audio of one or both sides, any length, at the call's rate.

        Raises AudioError for a side that was not announced, for NaN, and after `finish`.
        """
        if self.finished:
            raise AudioError(f"call {self.id} has ended; open a new one")
        for side, chunk in samples.items():
            if side not in self._lines:
                raise AudioError(f"audio of the {side}, but this call was opened with {', '.join(self.sides)}")
            checked = finite(chunk)
            if not self._paused:
                self._append(side, self._lines[side].resampler.push(checked))

    def gap(self, seconds: float) -> None:
        """Audio was lost on the way: the clock moves on, and the hops concerned are marked."""
        count = max(0, round(seconds * RATE))
        for side, line in self._lines.items():
            begin = line.ring.end
            for done in range(0, count, self.buffer):
                self._append(side, np.zeros(min(count - done, self.buffer), np.float32))
            self._marks.append((Span(begin, begin + count), "loss"))

    def hear(self, utterance: Utterance) -> None:
        """Take a sentence from the client's own recogniser; it belongs to the hop in which it ends."""
        if not self._paused and self.consent:
            self._utterances.append(utterance)

    def pause(self) -> None:
        """Card numbers follow: until `resume` nothing is analysed, kept or counted, and the clock stands."""
        self._paused = True

    def resume(self) -> None:
        self._paused = False

    def hold(self, on: bool) -> None:
        self._hold = on

    def transfer(self) -> None:
        self._transfers += 1

    def finish(self) -> None:
        """The call has ended: settle what is owed and pad with silence to a last hop, in which the call is closed."""
        if self.finished:
            return
        for side, line in self._lines.items():
            self._append(side, line.resampler.flush())
        longest = max(line.ring.end for line in self._lines.values())
        end = (longest // HOP + 1) * HOP
        for side, line in self._lines.items():
            self._append(side, np.zeros(end - line.ring.end, np.float32))
        self.finished = True

    @property
    def judged(self) -> bool:
        """The caller is heard and has been told: without that nothing but talk and silence is measured."""
        return self.consent and "caller" in self.sides

    # ── what the engine takes ───────────────────────────────────────────────────────────────────

    @property
    def dropped(self) -> int:
        """Samples given up because the engine was behind or one side came late."""
        return max(line.ring.dropped + line.late for line in self._lines.values())

    @property
    def lag(self) -> float:
        """Seconds of audio that wait."""
        return max(line.ring.length for line in self._lines.values()) / RATE

    @property
    def ready(self) -> bool:
        """There is a hop for every side, or one side has waited long enough for the other."""
        lengths = [line.ring.length for line in self._lines.values()]
        return min(lengths) >= HOP or max(lengths) >= HOP + PATIENCE

    @property
    def over(self) -> bool:
        """The last hop was taken."""
        return self.finished and not self.ready

    def take(self) -> Hop:
        """The next hop: samples of every side, and the utterances that end in it."""
        self._align()
        frames = {side: self._pop(line) for side, line in self._lines.items()}
        span = Span(self.clock, self.clock + HOP)
        self.clock = span.end
        degraded = tuple(dict.fromkeys(mark for where, mark in self._marks
                                       if where.start < span.end and where.end > span.start))
        self._marks = [mark for mark in self._marks if mark[0].end > span.end]
        self.degraded_hops += bool(degraded)
        return Hop(frames, span, self._due(span.end), degraded)

    def notes(self, acknowledged: Span | None) -> Notes:
        return Notes(self._hold, self._transfers, acknowledged, self._agent_words)

    def _due(self, end: int) -> tuple[Utterance, ...]:
        due = tuple(u for u in self._utterances if u.span.end <= end or self.over)
        self._utterances = deque((u for u in self._utterances if u not in due), maxlen=MOST_UTTERANCES)
        self._agent_words |= any(u.side == "agent" for u in due)
        return due

    def _append(self, side: Side, samples: Audio) -> None:
        line = self._lines[side]
        late = min(line.owed, len(samples))
        line.owed -= late
        line.late += late
        if late:
            self._marks.append((Span(self.clock, self.clock + HOP), "late"))
        lost = line.ring.push(samples[late:])
        if lost:
            self._marks.append((Span(line.ring.start, line.ring.start + HOP), "late"))

    def _align(self) -> None:
        """After a drop on one side let the others skip to the same sample: one clock for all."""
        newest = max(line.ring.start for line in self._lines.values())
        for line in self._lines.values():
            line.ring.skip_to(newest)
        self.clock = newest

    def _pop(self, line: Line) -> Audio:
        short = HOP - line.ring.length
        if short > 0:
            line.ring.push(np.zeros(short, np.float32))
            line.owed += short
        return line.ring.pop(HOP).samples


def waiting(calls: Sequence[Call]) -> float:
    """The longest lag of some calls, seconds."""
    return max((call.lag for call in calls), default=0.0)

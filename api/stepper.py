"""The engine's thread: on a tick, what waits in every call's inbox goes into its call, and all ready calls are stepped.

Blocks of calls share the cost of the models. A block that raises loses one hop for its calls; they are then stepped
alone until each has passed once, and the one that raises again has failed: other calls go on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from api.inbox import Inbox
from api.protocols.events import (
    Audio,
    Gap,
    Held,
    Incoming,
    Mark,
    Paused,
    Resumed,
    Started,
    Stopped,
    Transcript,
    Transferred,
)
from emotion.audio.pcm import decode
from emotion.call import Call
from emotion.engine import Engine
from emotion.types import RATE, Moment, Span, Utterance

log = logging.getLogger("emotion.stepper")
AHEAD_S = 1.6
"""A call holds so much audio ready for the engine (one side may wait a hop and a second for the other); the rest waits
in the inbox. With a piece of 0.25 s on top it stays below the call's own buffer of 2 s or more."""
ROUND_S = 0.25
"""A tick hands over its results at least so often."""


@dataclass(slots=True)
class Job:
    """One live call as the engine's thread sees it."""

    call: Call
    format: Started
    inbox: Inbox
    lag_s: float
    live: Callable[[], bool]
    """Whether the sender keeps real time; one that runs ahead waits instead of losing audio."""
    engine: Engine
    suspect: bool = False
    over: bool = False
    arrived: float = 0.0
    """When the newest audio that the call holds came in (monotonic)."""
    passed: list[Mark] = field(default_factory=list)


@dataclass(slots=True)
class Outcome:
    """What one tick brought for one call."""

    job: Job
    moments: list[Moment] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    arrived: float = 0.0
    late_s: float = 0.0
    gap_s: float = 0.0
    lost_hop: bool = False
    finished: bool = False
    failed: str | None = None


class Stepper:
    """Runs every live call's engine in one thread."""

    def __init__(self, deliver: Callable[[list[Outcome]], None], tick_s: float) -> None:
        """`deliver` is called in the engine's thread after each round with something to tell."""
        self._deliver, self._tick = deliver, tick_s
        self._jobs: list[Job] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self.beat = time.monotonic()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread; calls keep what they hold."""
        self._stop.set()
        self._thread.join(timeout=5)

    @property
    def alive(self) -> bool:
        """The thread runs and has not hung for 10 s."""
        return self._thread.is_alive() and time.monotonic() - self.beat < 10

    def add(self, job: Job) -> None:
        with self._lock:
            self._jobs.append(job)

    def remove(self, job: Job) -> None:
        with self._lock:
            if job in self._jobs:
                self._jobs.remove(job)

    def _run(self) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            while self.round() and time.monotonic() - began < ROUND_S:
                pass
            self.beat = time.monotonic()
            self._stop.wait(max(0.001, self._tick - (self.beat - began)))

    def round(self) -> bool:
        """Feed every call, step each ready one by one hop, deliver. True: there is more to do at once."""
        with self._lock:
            jobs = [job for job in self._jobs if not job.over]
        outcomes = {id(job.call): Outcome(job) for job in jobs}
        for job in jobs:
            _feed(job, outcomes[id(job.call)])
        ready = [job for job in jobs if not job.over and job.call.ready]
        self._step(ready, outcomes)
        for job in jobs:
            _settle(job, outcomes[id(job.call)])
        told = [outcome for outcome in outcomes.values() if _says_something(outcome)]
        if told:
            self._deliver(told)
        return bool(ready)

    def _step(self, ready: Sequence[Job], outcomes: dict[int, Outcome]) -> None:
        engines = {id(job.engine): job.engine for job in ready}
        for key, engine in engines.items():
            mine = [job for job in ready if id(job.engine) == key]
            sound = [job for job in mine if not job.suspect]
            size = engine.config.batch
            blocks = [sound[n : n + size] for n in range(0, len(sound), size)]
            blocks += [[job] for job in mine if job.suspect]
            for block in blocks:
                _step_block(engine, block, outcomes)


def _step_block(engine: Engine, block: Sequence[Job], outcomes: dict[int, Outcome]) -> None:
    for job in block:
        outcomes[id(job.call)].arrived = job.arrived
    try:
        for call, moment in engine.step([job.call for job in block]):
            outcomes[id(call)].moments.append(moment)
    except Exception as fault:  # the boundary between calls: whatever one of them met, the others go on
        log.exception("a block of %d calls failed", len(block))
        for job in block:
            if len(block) == 1:
                job.over = True
                outcomes[id(job.call)].failed = type(fault).__name__
            else:
                job.suspect = True
                outcomes[id(job.call)].lost_hop = True
        return
    for job in block:
        job.suspect = False


def _feed(job: Job, outcome: Outcome) -> None:
    """Move events from the inbox into the call, in order, until the call holds enough."""
    now = time.monotonic()
    behind = job.live() and job.inbox.waited(now) > job.lag_s
    dropped = job.call.dropped
    while (behind or job.call.lag < AHEAD_S) and (item := job.inbox.pop()) is not None:
        came, event = item
        try:
            _apply(job, event, outcome)
        except ValueError as fault:
            log.warning("call %s: %s", job.call.id, fault, extra={"call": job.call.id})
            job.over, outcome.failed = True, "bad-audio"
            return
        if isinstance(event, Audio):
            job.arrived = came
    if behind:
        outcome.late_s = (job.call.dropped - dropped) / RATE


def _apply(job: Job, event: Incoming, outcome: Outcome) -> None:
    call = job.call
    match event:
        case Audio(data, side):
            sides = job.format.channels if side is None else (side,)
            call.push(decode(data, job.format.encoding, sides))
        case Transcript():
            span = Span(round(event.start * RATE), round(event.end * RATE))
            call.hear(Utterance(event.side, span, event.text, event.final))
        case Gap(seconds):
            call.gap(seconds)
            outcome.gap_s += seconds
        case Paused():
            call.pause()
        case Resumed():
            call.resume()
        case Held(on):
            call.hold(on)
        case Transferred():
            call.transfer()
        case Mark():
            job.passed.append(event)
        case Stopped():
            call.finish()


def _settle(job: Job, outcome: Outcome) -> None:
    """Marks are reached, and a finished call is over, when no whole hop waits any more."""
    if job.call.ready or job.over:
        return
    outcome.marks, job.passed = job.passed, []
    if job.call.finished:
        job.over = outcome.finished = True


def _says_something(outcome: Outcome) -> bool:
    return bool(outcome.moments or outcome.marks or outcome.late_s or outcome.gap_s or outcome.lost_hop
                or outcome.finished or outcome.failed)

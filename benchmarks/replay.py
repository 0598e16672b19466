"""Composed calls through the engine, and the same readings again through the ladder with some ears left out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from benchmarks.compose import ONE_SIDED, Composed
from emotion.call import Call
from emotion.engine import Engine
from emotion.ladder import Ladder
from emotion.types import RATE, Heard, Moment, Reading, Shift, Standing

EARS = ("words", "voice", "talk")
ENDLESS = 24 * 3600 * RATE
LOUD_DB = 6.0
"""A plain baseline: so much louder than the median so far means anger."""


def listen(engine: Engine, composed: Iterable[Composed], batch: int = 16) -> Iterator[tuple[Composed, list[Moment]]]:
    """Every call through the whole engine, `batch` at a time, faster than real time."""
    block: list[Composed] = []
    for made in composed:
        block.append(made)
        if len(block) == batch:
            yield from _block(engine, block)
            block = []
    yield from _block(engine, block)


def _block(engine: Engine, block: Sequence[Composed]) -> Iterator[tuple[Composed, list[Moment]]]:
    calls = [_open(engine, made) for made in block]
    moments: dict[int, list[Moment]] = {id(call): [] for call in calls}
    while stepped := engine.step(calls):
        for call, moment in stepped:
            moments[id(call)].append(moment)
    for made, call in zip(block, calls, strict=True):
        yield made, moments[id(call)]


def _open(engine: Engine, made: Composed) -> Call:
    call = engine.open(made.name, language=made.language, sides=tuple(made.sides), buffer=ENDLESS)
    for utterance in made.utterances:
        call.hear(utterance)
    call.push(made.sides)
    call.finish()
    return call


def standings(ladder: Ladder, pairs: Iterable[tuple[Reading, Shift | None]]) -> list[Standing]:
    """The ladder alone over readings and shifts."""
    state = ladder.start()
    return [ladder.step([state], [reading], [shift])[0][0] for reading, shift in pairs]


def ablated(moments: Sequence[Moment], ears: Collection[str]) -> list[tuple[Reading, Shift | None]]:
    """The readings of a call with only some of EARS left."""
    return [(_only(moment.reading, ears), moment.shift if "voice" in ears else None) for moment in moments]


def _only(reading: Reading, ears: Collection[str]) -> Reading:
    if "words" not in ears:
        repeat = reading.words.repeat if "talk" in ears else None
        reading = replace(reading, words=Heard(reading.words.by if repeat else None, repeat=repeat))
    if "voice" not in ears:
        reading = replace(reading, mood=None)
    return reading if "talk" in ears else replace(reading, talk=ONE_SIDED)


def highest_phrase(readings: Iterable[Reading]) -> list[int]:
    """A plain baseline: the highest rung of any phrase so far."""
    highest, found = 0, []
    for reading in readings:
        highest = max([highest, *(phrase.rung for phrase in reading.words.phrases)])
        found.append(highest)
    return found


def loudness(readings: Iterable[Reading]) -> list[int]:
    """A plain baseline: 3 from the first second that is LOUD_DB above the median level so far, else 0."""
    levels: list[float] = []
    rung, found = 0, []
    for reading in readings:
        if reading.voice is not None and reading.voice.loudness is not None:
            levels.append(reading.voice.loudness.level)
            if len(levels) > 20 and np.median(levels[-2:]) > np.median(levels) + LOUD_DB:
                rung = 3
        found.append(rung)
    return found


def at_turns(made: Composed, rungs: Sequence[int], settle: float = 1.5) -> tuple[list[int], list[int]]:
    """Truth and estimate after each caller turn, `settle` seconds later."""
    truth, found = [], []
    for (second, position), following in zip(made.truth[1:], [*made.truth[2:], (made.seconds, 0)], strict=True):
        when = min(second + settle, following[0])
        truth.append(position)
        found.append(rungs[min(len(rungs) - 1, max(0, int(when * 2) - 1))])
    return truth, found

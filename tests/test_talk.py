"""Talk: dead air, overlap, interruptions and waiting, on made-up turns."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotion.config import TalkConfig
from emotion.talk import Notes, TalkMeter
from emotion.types import FRAMES, Activity, Span, Talk

METER = TalkMeter(TalkConfig())


def activity(flags: np.ndarray) -> Activity:
    return Activity(flags.astype(bool), flags.astype(np.float32))


def follow(caller: str, agent: str | None, notes: Notes | None = None) -> list[Talk]:
    """One letter is 0.1 s: 'x' speech, '.' silence."""
    state = METER.start()

    def hops(text: str) -> np.ndarray:
        flags = np.repeat([letter == "x" for letter in text], 10)
        return flags[: len(flags) // FRAMES * FRAMES].reshape(-1, FRAMES)

    ours = hops(caller)
    theirs = hops(agent) if agent is not None else [None] * len(ours)
    return [METER.step([state], [activity(a)], [activity(b) if b is not None else None], [notes or Notes()])[0]
            for a, b in zip(ours, theirs, strict=True)]


def test_dead_air_counts_once_it_is_long_enough() -> None:
    talks = follow("x" * 5 + "." * 40 + "x" * 5, "." * 50)
    assert talks[-2].dead_air == pytest.approx(4.0)
    assert talks[-1].dead_air == 0.0
    assert talks[-1].waited == pytest.approx(4.0)


def test_short_pauses_are_no_waiting() -> None:
    assert follow("x....x....x...." * 4, "." * 60)[-1].waited == 0.0


def test_one_side_alone_cannot_tell_dead_air() -> None:
    last = follow("." * 50, None)[-1]
    assert last.dead_air is None
    assert last.agent is None
    assert last.caller_share is None


@pytest.mark.parametrize(("caller", "agent", "expected"), [
    ("....." + "x" * 20 + ".....", "x" * 20 + "." * 10, (1, 0)),
    ("x" * 20 + "." * 10, "....." + "x" * 20 + ".....", (0, 1)),
    (".." + "xxx" + "." * 25, "x" * 30, (0, 0)),
])
def test_an_interruption_is_a_long_overlap_of_who_came_later(caller: str, agent: str,
                                                             expected: tuple[int, int]) -> None:
    last = follow(caller, agent)[-1]
    assert (last.caller_interrupts, last.agent_interrupts) == expected


def test_hold_is_waiting_but_not_dead_air() -> None:
    last = follow("." * 20, "." * 20, Notes(hold=True))[-1]
    assert last.hold == last.waited == pytest.approx(2.0)
    assert last.dead_air == 0.0


def test_time_since_an_acknowledgement() -> None:
    state = METER.start()
    quiet = activity(np.zeros(FRAMES))
    known = Notes(agent_words=True)
    assert METER.step([state], [quiet], [quiet], [Notes()])[0].unacknowledged is None
    assert METER.step([state], [quiet], [quiet], [known])[0].unacknowledged == pytest.approx(1.0)
    said = Notes(agent_words=True, acknowledged=Span(0, 1))
    assert METER.step([state], [quiet], [quiet], [said])[0].unacknowledged == 0.0
    assert METER.step([state], [quiet], [quiet], [known])[0].unacknowledged == pytest.approx(0.5)


@given(st.lists(st.booleans(), min_size=50, max_size=500).map(lambda flags: flags[: len(flags) // 50 * 50]))
def test_waiting_equals_what_the_whole_says(flags: list[bool]) -> None:
    """Hop by hop gives the sum of all silences over the threshold, as read off the whole call at once."""
    text = "".join("x" if flag else "." for flag in flags)
    runs = [len(run) for run in text.split("x") if len(run) >= 30]
    assert follow("." * len(text), text)[-1].waited == pytest.approx(sum(runs) * 0.1)

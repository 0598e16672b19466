"""The native protocol by the byte, and with anything at all: it never raises, and every fault has a remedy."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.protocols.events import (
    CLOSE_CODES,
    Accepted,
    Audio,
    Data,
    Dtmf,
    Ended,
    Failed,
    Fault,
    Gap,
    Held,
    Incoming,
    Mark,
    Paused,
    Resumed,
    Started,
    Stopped,
    Told,
    Transcript,
    Transferred,
    Warned,
)
from api.protocols.native import MAX_TEXT, NativeMachine
from emotion.types import Change, Reason, Span

START = {"type": "start", "encoding": "pcm_s16le", "sample_rate": 8000, "channels": ["caller", "agent"]}
KNOWN = set(CLOSE_CODES) | {"not-json", "bad-message", "second-start", "odd-frame", "sequence"}
TYPES = ["start", "transcript", "pause", "resume", "hold", "transfer", "gap", "dtmf", "mark", "stop", "other"]
FIELDS = ["type", "seq", "channel", "start", "end", "text", "final", "on", "seconds", "digit", "name", "call_id",
          "agent_id", "language", "encoding", "sample_rate", "channels", "consent", "readings", "resume", "metadata"]
GOOD: list[dict[str, object]] = [
    START, START, {"type": "transcript", "start": 1, "end": 2, "text": "好"}, {"type": "pause"}, {"type": "resume"},
    {"type": "hold", "on": True}, {"type": "transfer"}, {"type": "gap", "seconds": 1}, {"type": "stop"},
    {"type": "dtmf", "digit": "1"}, {"type": "mark", "name": "m"}]
ODD: list[Any] = [None, True, 0, -1, 10**30, 1.5, float("nan"), float("inf"), "", "x", "好" * 3000, [], [1], {},
                  {"seq": -1}, {"seq": 3}, ["caller"], ["agent", "caller"], "mulaw", 44_100, "zh", 2]
THROWN = ["", "\0", "{", "\ud800", "9" * 400, '"']
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
anything = st.recursive(leaves, lambda inner: st.lists(inner, max_size=4)
                        | st.dictionaries(st.text(max_size=8), inner, max_size=4), max_leaves=8)
objects = st.fixed_dictionaries({"type": st.sampled_from(TYPES)},
                                optional={name: anything for name in FIELDS if name != "type"})
messages: st.SearchStrategy[Data] = (st.binary(max_size=64) | st.text(max_size=64) | anything.map(json.dumps)
                                     | objects.map(json.dumps))


def opened(**fields: Any) -> NativeMachine:
    machine = NativeMachine()
    assert isinstance(machine.receive(json.dumps(START | fields))[0], Started)
    return machine


def test_start() -> None:
    machine = NativeMachine()
    message = START | {"call_id": "c-17", "agent_id": "a", "language": "zh", "consent": True, "readings": 1,
                       "resume": {"seq": 4}, "metadata": {"queue": "billing"}}
    assert machine.receive(json.dumps(message)) == [Started(
        "c-17", "pcm_s16le", 8000, ("caller", "agent"), "a", None, None, "zh", True, 1.0, 4, {"queue": "billing"})]


@pytest.mark.parametrize(("text", "event"), [
    ('{"type": "transcript", "channel": "agent", "start": 1, "end": 2.5, "text": "好的"}',
     Transcript("agent", 1.0, 2.5, "好的", True)),
    ('{"type": "transcript", "start": 0, "end": 1, "text": "", "final": false}', Transcript("caller", 0, 1, "", False)),
    ('{"type": "pause"}', Paused()), ('{"type": "resume"}', Resumed()), ('{"type": "hold", "on": true}', Held(True)),
    ('{"type": "transfer"}', Transferred()), ('{"type": "gap", "seconds": 0.25}', Gap(0.25)),
    ('{"type": "dtmf", "digit": "5"}', Dtmf("5")), ('{"type": "mark", "name": "m"}', Mark("m")),
    ('{"type": "stop"}', Stopped()), ('{"type": "stop", "seq": 2}', Stopped()),
])
def test_messages(text: str, event: Incoming) -> None:
    assert opened().receive(text) == [event]


def test_audio_is_cut_at_sample_frames() -> None:
    machine = opened()
    assert machine.receive(b"\0\1\2\3\4\5\6\7") == [Audio(b"\0\1\2\3\4\5\6\7")]
    audio, fault = machine.receive(b"\0\1\2\3\4\5\6")
    assert audio == Audio(b"\0\1\2\3")
    assert isinstance(fault, Fault)
    assert (fault.code, fault.fatal) == ("odd-frame", False)
    assert machine.receive(b"") == []


def test_sequence_is_checked_and_goes_on() -> None:
    machine = opened()
    machine.receive(b"\0\0\0\0")
    assert machine.receive('{"type": "pause", "seq": 3}') == [Paused()]
    fault, event = machine.receive('{"type": "resume", "seq": 9}')
    assert isinstance(fault, Fault)
    assert (fault.code, event) == ("sequence", Resumed())
    assert machine.receive('{"type": "stop", "seq": 10}') == [Stopped()]


def test_sequence_goes_on_over_a_resume() -> None:
    machine = opened(call_id="c", resume={"seq": 1})
    machine.resumed_at(40)
    assert machine.receive('{"type": "pause", "seq": 41}') == [Paused()]


def refused(data: Data) -> str:
    """The code of the fault that a message brings in a call that was well until then."""
    first = opened().receive(data)[0]
    assert isinstance(first, Fault)
    return first.code


def test_too_much() -> None:
    assert refused("x" * (MAX_TEXT + 1)) == "too-large"
    assert refused(bytes((1 << 20) + 4)) == "too-large"
    assert refused("[" * 60_000) == "not-json"
    assert refused('{"type":"gap","seconds":' + "9" * 5000 + "}")


def check(events: list[Incoming]) -> None:
    for event in events:
        if isinstance(event, Fault):
            assert event.code in KNOWN
            assert event.message
            assert event.remedy
            assert event.fatal == (event.code in CLOSE_CODES)
        if isinstance(event, Audio):
            assert event.data
        if isinstance(event, Transcript):
            assert 0 <= event.start <= event.end


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(messages, max_size=12), st.booleans())
def test_anything_at_all(said: list[Data], begun: bool) -> None:
    """Whatever comes, in whatever order: events or faults, never an exception, no second start."""
    machine = opened() if begun else NativeMachine()
    begins = int(begun)
    for data in said:
        events = machine.receive(data)
        check(events)
        begins += sum(isinstance(event, Started) for event in events)
        if not begins:
            assert all(isinstance(event, Fault) for event in events)
    assert begins <= 1
    assert machine.gone() == []


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(FIELDS), st.text(max_size=20)), messages)
def test_any_address(query: dict[str, str], first: Data) -> None:
    check(NativeMachine(query).receive(first))


@pytest.mark.slow
def test_a_hundred_thousand_messages() -> None:
    """Good messages with fields exchanged, characters cut and bytes thrown in, on calls of ten messages each."""
    dice = random.Random(0)
    for _ in range(10_000):
        machine = NativeMachine()
        for _ in range(10):
            check(machine.receive(scrambled(dice)))


def scrambled(dice: random.Random) -> Data:
    """A message that was good once, or was never."""
    if dice.random() < 0.3:
        return dice.randbytes(dice.randrange(50))
    message = dict(dice.choice(GOOD))
    for _ in range(dice.randrange(3)):
        message[dice.choice(FIELDS)] = dice.choice(ODD)
    text = json.dumps(message)
    if dice.random() < 0.2:
        place = dice.randrange(len(text))
        text = text[:place] + dice.choice(THROWN) + text[place + dice.randrange(3) :]
    return text


def test_what_is_sent() -> None:
    """Every outgoing event as JSON with its number, and the fields of docs/api.md."""
    reason = Reason("words", "k", "waiting", Span(0, 8000), 1.5, {"zh": "等", "en": "wait"})
    change = Change(8000, 0, 2, 0.9, (reason,))
    fault = Fault("idle", "nothing came", "send audio", True)
    sent = [NativeMachine().send(event)[0] for event in (
        Accepted("c", 1, True, 3, 8000, 8000, 30.0, {"version": "1"}), Told("c", 2, change, 1.0),
        Told("c", 3, Mark("m"), 1.0), Warned("c", 4, "gap", "lost", 0.5), Failed("c", 5, fault),
        Ended("c", 6, "stop", {"peak": 2}))]
    said = [json.loads(text) for text in sent]
    assert [message["type"] for message in said] == ["started", "change", "mark", "warning", "error", "ended"]
    assert [message["seq"] for message in said] == [1, 2, 3, 4, 5, 6]
    assert said[0]["received"] == {"messages": 3, "samples": 8000, "seconds": 1.0}
    assert said[1]["change"]["at"] == 1.0
    assert said[1]["change"]["reasons"][0]["span"] == [0.0, 1.0]
    assert said[4]["remedy"] == "send audio"

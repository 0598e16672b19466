"""Every protocol with anything at all: no exception, bounded state, and only events that make sense.

The default run takes a few hundred messages a door; `slow` takes 100,000 of them.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.protocols.asterisk import ChanWebSocket
from api.protocols.audiohook import AudioHook
from api.protocols.audiosocket import AudioSocket
from api.protocols.events import (
    WIDTH,
    Audio,
    Close,
    Data,
    Ended,
    Failed,
    Fault,
    Gap,
    Incoming,
    Machine,
    Started,
    Stopped,
    Warned,
)
from api.protocols.freeswitch import AudioStream
from api.protocols.native import NativeMachine
from api.protocols.twilio import MediaStreams

UUID = "e160e428-53e2-487c-977d-96989bf5c99d"
NIL = "00000000-0000-0000-0000-000000000000"
ANNOUNCED = Started(UUID, "mulaw", 8000)
DOORS: dict[str, Callable[[], Machine]] = {
    "twilio": MediaStreams,
    "audiohook": lambda: AudioHook(UUID, UUID),
    "audiosocket": lambda: AudioSocket(lambda _: ANNOUNCED),
    "asterisk": ChanWebSocket,
    "freeswitch": AudioStream,
    "native": NativeMachine,
}
WORDS: list[Any] = [
    "connected", "start", "media", "dtmf", "mark", "stop", "clear", "open", "close", "ping", "paused", "resumed",
    "discarded", "update", "error", "MEDIA_START", "DTMF_END", "HANGUP", "inbound", "outbound", "audio", "PCMU",
    "external", "internal", "ulaw", "slin16", "mulaw", "pcm_s16le", "caller", "agent", "audio/x-mulaw", "16k", "stereo",
    "mixed",
    "gAAA", "AQI=", "PT1.5S", "2", "5", "zh-CN", "transcript", "pause", "resume", "hold", "\ud800", "\0", "", UUID, NIL,
    None, True, False, 0, 1, 2, 3, -1, 8000, 16000, 1.5, 1e308, 1 << 60, [], {}, ["inbound"], ["caller", "agent"],
]
KEYS = [
    "event", "type", "start", "media", "streamSid", "stream_id", "callSid", "call_control_id", "tracks", "mediaFormat",
    "encoding", "sampleRate", "channels", "customParameters", "track", "chunk", "timestamp", "payload", "dtmf", "digit",
    "mark", "name", "version", "id", "seq", "serverseq", "position", "parameters", "organizationId", "conversationId",
    "participant", "format", "rate", "customConfig", "language", "discarded", "channel_id", "channel_variables",
    "mixType", "sample_rate", "call_id", "agent_id", "consent", "metadata", "readings", "resume", "text", "end",
    "final",
    "seconds", "on", "supportedLanguages",
]
OPEN_PARAMETERS = {
    "organizationId": UUID, "conversationId": UUID, "participant": {"id": UUID}, "language": "en-US",
    "media": [{"type": "audio", "format": "PCMU", "channels": ["external", "internal"], "rate": 8000}],
}
BEGINNINGS: dict[str, list[Data]] = {
    "twilio": [json.dumps({"event": "start", "start": {"callSid": "CA1", "tracks": ["inbound", "outbound"]}})],
    "audiohook": [json.dumps({"version": "2", "id": UUID, "type": "open", "seq": 1, "serverseq": 0, "position": "PT0S",
                              "parameters": OPEN_PARAMETERS})],
    "audiosocket": [b"\x01\x00\x10" + bytes(16), b"\x10\x00\x02\x00\x00"],
    "asterisk": ["MEDIA_START channel_id:c format:slin"],
    "freeswitch": [json.dumps({"mixType": "stereo", "sampleRate": 16000})],
    "native": [json.dumps({"type": "start", "encoding": "mulaw", "sample_rate": 8000})],
}


def value(dice: random.Random, depth: int = 0) -> Any:
    roll = dice.random()
    if depth < 3 and roll < 0.3:
        return {dice.choice(KEYS): value(dice, depth + 1) for _ in range(dice.randrange(5))}
    if depth < 3 and roll < 0.4:
        return [value(dice, depth + 1) for _ in range(dice.randrange(4))]
    return dice.choice(WORDS)


def message(dice: random.Random, door: str, seq: int) -> Data:
    """Something that a peer of this door might send, right, nearly right or not at all."""
    roll = dice.random()
    if door == "audiosocket" or roll < 0.15:
        size = dice.choice([0, 1, 2, 3, 7, 16, 160, 320, 5000])
        payload = dice.randbytes(size)
        kind = dice.choice([0, 1, 3, 0x10, 0x10, 0x10, 0x12, 0xFF, dice.randrange(256)])
        length = size if dice.random() < 0.9 else dice.randrange(65_536)
        return bytes([kind]) + length.to_bytes(2, "big") + payload if door == "audiosocket" else payload
    if roll < 0.25:
        return "".join(dice.choice('{}[]":, aA0\\u\ud800\x00é中') for _ in range(dice.randrange(60)))
    if roll < 0.3:
        return " ".join([str(dice.choice(WORDS)), *(f"{dice.choice(KEYS)}:{dice.choice(WORDS)}" for _ in range(3))])
    body = {dice.choice(KEYS): value(dice) for _ in range(dice.randrange(8))}
    shape = {"event": dice.choice(WORDS[:18]), "type": dice.choice(WORDS[:48])}
    if door == "audiohook" and dice.random() < 0.9:
        shape |= {"version": "2", "id": UUID, "serverseq": 0, "position": "PT1S", "parameters": value(dice), "seq": seq}
        shape["type"] = dice.choice(WORDS[7:15])
        if shape["type"] == "open" and dice.random() < 0.7:
            shape["parameters"] = {**OPEN_PARAMETERS, dice.choice(KEYS): value(dice)}
    elif door == "twilio" and dice.random() < 0.7:
        shape["media"] = {"track": dice.choice(["inbound", "outbound", "x"]),
                          "chunk": dice.choice([seq, str(seq), 1, "x", 9**9]),
                          "payload": dice.choice(["AQID", "AQI", "!", 1, "fw==" * 400])}
    return json.dumps({**body, **shape})


def check(door: str, events: list[Incoming], started: Started | None) -> Started | None:
    """What holds for the events of any message."""
    for event in events:
        if isinstance(event, Started):
            assert started is None, "a machine starts once"
            assert 8000 <= event.rate <= 48_000
            assert event.channels
            json.dumps(dict(event.metadata)).encode()
            if door != "native":
                "".join(f"{name}{text}" for name, text in event.metadata.items()).encode()
            started = event
        elif isinstance(event, Audio):
            assert started is not None, "audio comes after the start"
            assert event.data
            sides = 1 if event.side else len(started.channels)
            assert len(event.data) % (WIDTH[started.encoding] * sides) == 0
            assert event.side is None or event.side in started.channels
        elif isinstance(event, Gap):
            assert 0 <= event.seconds <= 60
        elif isinstance(event, Fault):
            event.message.encode()
            assert len(event.message) < (300 if door != "native" else 70_000)
    return started


def drive(door: str, dice: random.Random, messages: int) -> int:
    """Send so many messages, over as many sessions as that takes; how many were heard as audio."""
    heard, left = 0, messages
    while left > 0:
        machine, started, seq = DOORS[door](), None, 1
        script = list(BEGINNINGS[door]) if dice.random() < 0.8 else []
        for _ in range(dice.choice([3, 10, 60])):
            data = script.pop(0) if script else message(dice, door, seq)
            seq += isinstance(data, str)
            events = machine.receive(data)
            started = check(door, events, started)
            heard += sum(isinstance(event, Audio) for event in events)
            left -= 1
            if any(isinstance(event, Close) or (isinstance(event, Fault) and event.fatal) for event in events):
                break
        idle = Fault("idle", "", "", fatal=True)
        for event in (Warned("c", 1, "draining", ""), Failed("c", 2, idle), Ended("c", 3, "stop", {})):
            machine.send(event)
        last = check(door, machine.gone(), started)
        assert last is None or isinstance(last, Started)
    return heard


@pytest.mark.parametrize("door", DOORS)
def test_random_messages(door: str) -> None:
    assert drive(door, random.Random(door), 1500) > 0


@pytest.mark.slow
@pytest.mark.parametrize("door", DOORS)
def test_a_hundred_thousand_random_messages(door: str) -> None:
    assert drive(door, random.Random(f"slow {door}"), 100_000) > 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), inner, max_size=6),
    max_leaves=20,
)
TEXT = st.one_of(st.text(), JSON.map(json.dumps))


@pytest.mark.parametrize("door", DOORS)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_anything_at_all(door: str, data: st.DataObject) -> None:
    """Hypothesis' own inputs: what it finds it makes small."""
    machine, started = DOORS[door](), None
    pieces = st.binary(max_size=64) if door == "audiosocket" else st.one_of(TEXT, st.binary(max_size=64))
    begin = BEGINNINGS[door] if data.draw(st.booleans(), "begun") else []
    for piece in [*begin, *data.draw(st.lists(pieces, max_size=8), "messages")]:
        events = machine.receive(piece)
        started = check(door, events, started)
        if any(isinstance(event, Close) or (isinstance(event, Fault) and event.fatal) for event in events):
            break
    check(door, machine.gone(), started)


@pytest.mark.parametrize("door", [door for door in DOORS if door != "native"])
def test_a_session_has_no_memory_of_the_last_one(door: str) -> None:
    """State is made at open and dropped at close: the same messages mean the same in a new machine."""
    def run() -> list[Incoming]:
        dice, machine = random.Random(7), DOORS[door]()
        script = [*BEGINNINGS[door], *(message(dice, door, seq + 2) for seq in range(40))]
        return [event for data in script for event in machine.receive(data)]

    assert run() == run()


def test_gone_ends_every_switchs_call() -> None:
    for door in ("twilio", "audiohook", "audiosocket", "asterisk", "freeswitch"):
        machine = DOORS[door]()
        for data in BEGINNINGS[door]:
            machine.receive(data)
        assert any(isinstance(event, Stopped) for event in machine.gone()), door

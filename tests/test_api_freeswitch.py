"""mod_audio_stream and mod_audio_fork: metadata first, then L16."""

from __future__ import annotations

import pytest

from api.protocols.events import (
    Audio,
    Close,
    Dtmf,
    Fault,
    Held,
    Incoming,
    Paused,
    Resumed,
    Started,
    Stopped,
    Transferred,
)
from api.protocols.freeswitch import AudioStream

JAMBONZ = ('{"callSid":"fb0d1b2c-6a1f-4e2b-8a1e-000000000001","direction":"inbound","from":"+15551","to":"+15552",'
           '"callId":"x@y","sampleRate":16000,"mixType":"stereo","customerData":{"a":1},"agent_id":"a-2","consent":true}')


def start_of(events: list[Incoming]) -> Started:
    assert isinstance(events[0], Started)
    return events[0]


def test_metadata_says_rate_and_mix() -> None:
    start = start_of(AudioStream().receive(JAMBONZ))
    assert (start.encoding, start.rate, start.channels) == ("pcm_s16le", 16000, ("caller", "agent"))
    assert (start.call_id, start.agent_id, start.consent) == ("fb0d1b2c-6a1f-4e2b-8a1e-000000000001", "a-2", True)
    assert start.metadata["direction"] == "inbound"
    assert not {"customerData", "from", "to"} & set(start.metadata), "nested, and numbers of people"


@pytest.mark.parametrize("query", [
    {"call_id": "u-1", "rate": "16k", "mix": "stereo"},
    {"call_id": "u-1", "sample_rate": "16000", "channels": "caller,agent"},
    {"uuid": "u-1", "sampling_rate": "16000", "mix_type": "stereo"},
])
def test_the_address_says_rate_and_mix(query: dict[str, str]) -> None:
    start, heard = AudioStream(query).receive(b"\0\0\1\1" * 320)
    assert isinstance(start, Started)
    assert (start.call_id, start.rate, start.channels) == ("u-1", 16000, ("caller", "agent"))
    assert heard == Audio(b"\0\0\1\1" * 320)


@pytest.mark.parametrize("first", ["any words", "{}", "[1]", '{"x": NaN}'])
def test_metadata_may_be_anything_and_the_rate_is_freeswitchs_own(first: str) -> None:
    door = AudioStream({"call_id": "u-1"})
    start = start_of(door.receive(first))
    assert (start.rate, start.channels, start.consent) == (8000, ("caller",), False)
    assert door.receive(b"\1\0" * 160) == [Audio(b"\1\0" * 160)]


def test_of_a_mixed_channel_no_mood_is_estimated() -> None:
    start, fault = AudioStream({"mix": "mixed", "consent": "true", "call_id": "u-1"}).receive("{}")
    assert isinstance(start, Started)
    assert (start.call_id, start.consent) == ("u-1.mixed", False)
    assert isinstance(fault, Fault)
    assert (fault.code, fault.fatal) == ("unsupported-channels", False)


@pytest.mark.parametrize(("query", "code"), [
    ({"rate": "44100"}, "unsupported-rate"), ({"rate": "8kk"}, "unsupported-rate"),
    ({"mix": "quad"}, "unsupported-channels"), ({"channels": "caller,caller"}, "unsupported-channels"),
    ({"channels": ""}, "unsupported-channels"),
])
def test_what_cannot_be_taken_is_fatal(query: dict[str, str], code: str) -> None:
    door = AudioStream(query)
    (fault,) = door.receive("{}")
    assert isinstance(fault, Fault)
    assert (fault.code, fault.fatal) == (code, True)
    assert door.receive(b"\0\0") == []


@pytest.mark.parametrize(("text", "event"), [
    ('{"event":"dtmf","dtmf":"1","duration":"1600"}', Dtmf("1")), ('{"type":"dtmf","digit":"#"}', Dtmf("#")),
    ('{"type":"pause"}', Paused()), ('{"type":"resume"}', Resumed()), ('{"type":"hold","on":true}', Held(True)),
    ('{"type":"hold","on":false}', Held(False)), ('{"type":"transfer"}', Transferred()),
])
def test_send_text_in_mid_call(text: str, event: Incoming) -> None:
    door = AudioStream()
    door.receive("{}")
    assert door.receive(text) == [event]


@pytest.mark.parametrize("text", ["bye", "{}", '{"type":[]}', '{"type":"dtmf"}', '{"type":"dtmf","digit":"12"}'])
def test_texts_of_others_are_left_alone(text: str) -> None:
    door = AudioStream()
    door.receive("{}")
    assert door.receive(text) == []


def test_stop_and_a_closed_socket_end_the_call() -> None:
    door = AudioStream()
    door.receive(JAMBONZ)
    assert door.receive('{"type":"stop"}') == [Stopped("stop"), Close()]
    assert door.gone() == []
    other = AudioStream()
    other.receive(JAMBONZ)
    assert other.gone() == [Stopped("hang-up")]


def test_torn_frames_and_oversized_messages() -> None:
    door = AudioStream({"mix": "stereo"})
    door.receive("{}")
    heard, odd = door.receive(b"\0" * 7)
    assert heard == Audio(b"\0" * 4)
    assert isinstance(odd, Fault)
    assert odd.code == "odd-frame"
    stopped, large = door.receive(b"\0" * (1 << 21))
    assert stopped == Stopped("failed")
    assert isinstance(large, Fault)
    assert (large.code, large.fatal) == ("too-large", True)
    (text,) = AudioStream().receive("x" * 70_000)
    assert isinstance(text, Fault)
    assert text.fatal

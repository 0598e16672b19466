"""Twilio Media Streams, and the same from Telnyx and Talkdesk: literal messages of the vendors' references."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.protocols.events import Audio, Close, Dtmf, Fault, Gap, Incoming, Started, Stopped
from api.protocols.twilio import PATIENCE, WINDOW, MediaStreams, Reorder

SID = "MZ18ad3ab5a668481ce02b83e7395059f0"
CONNECTED = '{"event":"connected","protocol":"Call","version":"1.0.0"}'
START = ('{"event":"start","sequenceNumber":"1","start":{"accountSid":"ACXXX","streamSid":"' + SID + '",'
         '"callSid":"CA123","tracks":["inbound","outbound"],"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,'
         '"channels":1},"customParameters":{"agent_id":"a-1","consent":"true","language":"zh-CN","FirstName":"Jane"}},'
         '"streamSid":"' + SID + '"}')
MEDIA = ('{"event":"media","sequenceNumber":"3","media":{"track":"outbound","chunk":"1","timestamp":"5",'
         '"payload":"no+JhoaJjpz/"},"streamSid":"' + SID + '"}')
DTMF = ('{"event":"dtmf","streamSid":"' + SID + '","sequenceNumber":"5","dtmf":{"track":"inbound_track",'
        '"digit":"1"}}')
MARK = '{"event":"mark","sequenceNumber":"4","streamSid":"' + SID + '","mark":{"name":"m"}}'
STOP = ('{"event":"stop","sequenceNumber":"6","stop":{"accountSid":"ACXXX","callSid":"CA123"},"streamSid":"'
        + SID + '"}')
TELNYX_START = ('{"event":"start","sequence_number":"1","start":{"user_id":"3e6f","call_control_id":'
                '"v2:T02llQxIyaRkhf",'
                '"client_state":"aGF2","custom_parameters":{"consent":"yes"},"media_format":{"encoding":"PCMA",'
                '"sample_rate":8000,"channels":1}},"stream_id":"32DE0DEA-53CB-4B21-89A4-9E1819C043BC"}')
TELNYX_MEDIA = ('{"event":"media","sequence_number":"4","media":{"track":"inbound","chunk":"2","timestamp":"5",'
                '"payload":"1dXV"},"stream_id":"32DE0DEA-53CB-4B21-89A4-9E1819C043BC"}')


def media(chunk: object, payload: bytes, track: str = "inbound", **more: Any) -> str:
    body: dict[str, Any] = {"track": track, "payload": base64.b64encode(payload).decode(), **more}
    if chunk is not None:
        body["chunk"] = chunk
    return json.dumps({"event": "media", "streamSid": SID, "media": body})


def one_way() -> MediaStreams:
    door = MediaStreams()
    door.receive(CONNECTED)
    door.receive(START.replace('"inbound","outbound"', '"inbound"'))
    return door


def heard(events: list[Incoming], side: str = "caller") -> bytes:
    return b"".join(event.data for event in events if isinstance(event, Audio) and event.side == side)


def test_a_call_of_both_tracks() -> None:
    door = MediaStreams()
    assert door.receive(CONNECTED) == []
    (start,) = door.receive(START)
    assert start == Started(
        "CA123", "mulaw", 8000, ("caller", "agent"), agent_id="a-1", language="zh", consent=True,
        metadata={"stream": SID, "account": "ACXXX", "agent_id": "a-1", "consent": "true", "language": "zh-CN",
                  "FirstName": "Jane"})
    assert door.receive(MEDIA) == [Audio(bytes.fromhex("9e8f89868689 8e9cff"), "agent")]
    assert door.receive(media("1", b"\x01\x02")) == [Audio(b"\x01\x02", "caller")]
    assert door.receive(DTMF) == [Dtmf("1")]
    assert door.receive(MARK) == []
    assert door.receive(STOP) == [Stopped("stop"), Close()]
    assert door.receive(media("2", b"\x01")) == []


def test_telnyx_does_not_list_its_tracks() -> None:
    door = MediaStreams()
    assert door.receive(TELNYX_START) == []
    events = [event for n in range(PATIENCE)
              for event in door.receive(TELNYX_MEDIA.replace('"chunk":"2"', f'"chunk":"{n + 1}"'))]
    assert isinstance(events[0], Started)
    assert (events[0].call_id, events[0].encoding, events[0].channels) == ("v2:T02llQxIyaRkhf", "alaw", ("caller",))
    assert events[0].consent is True
    assert heard(events) == b"\xd5" * 3 * PATIENCE


def test_the_second_track_settles_it_at_once() -> None:
    door = MediaStreams()
    door.receive(TELNYX_START)
    assert door.receive(TELNYX_MEDIA.replace('"chunk":"2"', '"chunk":"1"')) == []
    outbound = TELNYX_MEDIA.replace("inbound", "outbound").replace('"chunk":"2"', '"chunk":"1"')
    start, first, second = door.receive(outbound)
    assert isinstance(start, Started)
    assert start.channels == ("caller", "agent")
    assert (first, second) == (Audio(b"\xd5\xd5\xd5", "caller"), Audio(b"\xd5\xd5\xd5", "agent"))


def test_talkdesks_parameters_name_the_agent() -> None:
    text = START.replace('"FirstName":"Jane"', '"interaction_id":"5f","account_id":"6a","type":"input"')
    (start,) = MediaStreams().receive(text)
    assert isinstance(start, Started)
    assert start.metadata["interaction_id"] == "5f"


def test_an_outbound_call_may_turn_the_tracks_round() -> None:
    door = MediaStreams()
    (start,) = door.receive(START.replace('"FirstName":"Jane"', '"caller_track":"outbound"'))
    assert isinstance(start, Started)
    assert door.receive(media("1", b"\x01", "outbound")) == [Audio(b"\x01", "caller")]


def test_chunks_out_of_order_are_put_in_order() -> None:
    door = one_way()
    events = [event for n in (1, 3, 2, 6, 5, 4, 7) for event in door.receive(media(str(n), bytes([n])))]
    assert heard(events) == bytes([1, 2, 3, 4, 5, 6, 7])


def test_a_lost_chunk_is_a_gap_after_the_window() -> None:
    door = one_way()
    events = [event for n in (1, 2, *range(5, 5 + WINDOW)) for event in door.receive(media(n, bytes([n]) * 160))]
    assert Gap(0.04) in events
    assert any(isinstance(event, Fault) and event.code == "sequence" and not event.fatal for event in events)
    assert heard(events) == b"".join(bytes([n]) * 160 for n in (1, 2, *range(5, 5 + WINDOW)))


def test_a_chunk_lost_of_one_of_two_sides_is_silence_of_that_side() -> None:
    door = MediaStreams()
    door.receive(START)
    events = [event for n in (1, *range(3, 3 + WINDOW)) for event in door.receive(media(n, bytes([n]) * 4))]
    assert heard(events) == b"".join(b"\xff" * 4 if n == 2 else bytes([n]) * 4 for n in range(1, 3 + WINDOW))
    assert not any(isinstance(event, Gap) for event in events)


def test_timestamps_are_never_trusted() -> None:
    """A known client sends 80 ms of audio, steps the time by 20, is twice too fast and never closes."""
    door = one_way()
    sent = [media(str(n), b"\x7f" * 640, timestamp=str(20 * n)) for n in range(1, 101)]
    events = [event for text in sent for event in door.receive(text)]
    assert len(heard(events)) == 64_000
    assert not any(isinstance(event, Gap) for event in events)
    assert door.gone() == [Stopped("hang-up")]


@pytest.mark.parametrize("numbers", [
    [None] * 40, ["x"] * 40, ["1"] * 40, list(range(1, 81, 2)), [n * 160 for n in range(40)], list(range(500, 540)),
])
def test_numbers_that_make_no_sense_are_left_alone(numbers: list[Any]) -> None:
    door = one_way()
    events = [event for at, n in enumerate(numbers) for event in door.receive(media(n, bytes([at])))]
    events += door.gone()
    lost = 40 - len(heard(events))
    assert lost <= WINDOW
    assert not any(isinstance(event, Gap) and event.seconds > 0.1 for event in events)


def test_a_repeated_chunk_is_heard_once() -> None:
    door = one_way()
    events = [event for n in (1, 2, 2, 3, 1, 4) for event in door.receive(media(n, bytes([n])))]
    assert heard(events) == bytes([1, 2, 3, 4])


def test_what_waits_at_the_end_is_heard() -> None:
    door = one_way()
    assert heard(door.receive(media(1, b"\1")) + door.receive(media(3, b"\3"))) == b"\1"
    assert heard(door.receive('{"event":"stop"}')) == b"\3"


@pytest.mark.parametrize(("text", "code", "fatal"), [
    (MEDIA, "no-start", True),
    ('{"event":"nonsense"}', "bad-message", False),
    ("[]", "not-json", False), ("{", "not-json", False), ('{"event":NaN}', "not-json", False),
    ("[" * 60_000, "not-json", False), ("x" * 70_000, "too-large", True),
    (START.replace("audio/x-mulaw", "audio/opus"), "unsupported-encoding", True),
    (START.replace('"sampleRate":8000', '"sampleRate":16000'), "unsupported-rate", True),
    (START.replace('"inbound","outbound"', '"sideways"'), "unsupported-channels", True),
    ('{"event":"dtmf","dtmf":{}}', "bad-message", False),
])
def test_bad_beginnings(text: str, code: str, fatal: bool) -> None:
    *_, fault = MediaStreams().receive(text)
    assert isinstance(fault, Fault)
    assert (fault.code, fault.fatal) == (code, fatal)


@pytest.mark.parametrize("text", [
    media(1, b"x").replace("inbound", "sideways"), media(1, b"x").replace(SID, "MZother"),
    media(1, b"x").replace('"payload": "eA=="', '"payload": "\\u00fc"'), '{"event":"media"}',
    media(1, b"x", "outbound"), START,
])
def test_bad_media_is_left_out_and_told(text: str) -> None:
    door = one_way()
    (fault,) = door.receive(text)
    assert isinstance(fault, Fault)
    assert not fault.fatal
    assert door.receive(media(1, b"\1")) == [Audio(b"\1", "caller")]


def test_binary_is_a_fault() -> None:
    (fault,) = MediaStreams().receive(b"\0")
    assert isinstance(fault, Fault)


def test_nothing_is_said_into_a_call() -> None:
    from api.protocols.events import Ended

    assert one_way().send(Ended("CA123", 1, "stop", {})) == []


@given(st.permutations(range(WINDOW)), st.integers(1, 30))
@settings(max_examples=100, deadline=None)
def test_any_order_within_the_window_is_undone(order: list[int], blocks: int) -> None:
    track = Reorder()
    numbers = [1, *(2 + WINDOW * block + at for block in range(blocks) for at in order)]
    out = [payload for number in numbers for _, payload in track.push(number, number.to_bytes(4, "big"))]
    out += [payload for _, payload in track.flush()]
    if track.ordered:
        assert out == [number.to_bytes(4, "big") for number in sorted(numbers)]
    assert len(out) == len(numbers)


NUMBERS = st.one_of(st.none(), st.integers(0, 60), st.integers(0, 1 << 52))


@given(st.lists(st.tuples(NUMBERS, st.binary(min_size=1, max_size=3))))
@settings(max_examples=100, deadline=None)
def test_whatever_the_numbers_little_waits(chunks: list[tuple[int | None, bytes]]) -> None:
    track = Reorder()
    for number, payload in chunks:
        track.push(number, payload)
        assert len(track._held) <= WINDOW

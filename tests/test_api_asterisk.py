"""chan_websocket: control messages as Asterisk writes them, plain and JSON."""

from __future__ import annotations

import json

import pytest

from api.protocols.asterisk import FORMATS, ChanWebSocket
from api.protocols.events import Audio, Close, Dtmf, Fault, Started, Stopped

PLAIN = ("MEDIA_START connection_id:e226e283-c90a-4ea9-9e37-389000b9ef47 channel:WebSocket/emotion/0x78b36c003130 "
         "channel_id:pbx1-123456789.999 format:ulaw optimal_frame_size:160 ptime:20")
JSON = """{
    "event": "MEDIA_START",
    "connection_id": "e226e283-c90a-4ea9-9e37-389000b9ef47",
    "channel": "WebSocket/emotion/0x78b36c003130",
    "channel_id": "pbx1-123456789.999",
    "format": "ulaw",
    "optimal_frame_size": 160,
    "ptime": 20,
    "channel_variables": {"EMOTION_AGENT_ID": "a-7", "__EMOTION_CONSENT": "yes", "EMOTION_LANGUAGE": "zh-CN", "X": 1}
}"""


def test_a_call_in_plain_text() -> None:
    door = ChanWebSocket()
    (start,) = door.receive(PLAIN)
    assert isinstance(start, Started)
    assert (start.call_id, start.channels) == ("pbx1-123456789.999", ("caller",))
    assert (start.encoding, start.rate) == ("mulaw", 8000)
    assert start.metadata["channel"] == "WebSocket/emotion/0x78b36c003130"
    assert start.consent is False
    assert door.receive(b"\xff" * 160) == [Audio(b"\xff" * 160)]
    assert door.receive("DTMF_END digit:#") == [Dtmf("#")]
    assert door.receive("HANGUP") == [Stopped("hang-up"), Close()]
    assert door.receive(b"\xff" * 160) == []


def test_a_call_in_json_with_channel_variables() -> None:
    door = ChanWebSocket()
    (start,) = door.receive(JSON)
    assert isinstance(start, Started)
    assert (start.agent_id, start.consent, start.language) == ("a-7", True, "zh")
    assert door.receive('{"event": "DTMF_END", "digit": "5", "duration_ms": 100}') == [Dtmf("5")]
    assert door.receive('{"event": "HANGUP"}') == [Stopped("hang-up"), Close()]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format(name: str) -> None:
    (start,) = ChanWebSocket().receive(f"MEDIA_START channel_id:c format:{name}")
    assert isinstance(start, Started)
    assert (start.encoding, start.rate) == FORMATS[name]


@pytest.mark.parametrize("text", [
    "MEDIA_START format:opus", "MEDIA_START channel_id:c", '{"event":"MEDIA_START","format":3}',
])
def test_a_codec_that_cannot_be_taken_is_fatal(text: str) -> None:
    (fault,) = ChanWebSocket().receive(text)
    assert isinstance(fault, Fault)
    assert (fault.code, fault.fatal) == ("unsupported-encoding", True)
    assert "ulaw" in fault.remedy


def test_the_address_names_the_call_but_not_its_format() -> None:
    (start,) = ChanWebSocket({"call_id": "c-9", "consent": "1", "encoding": "alaw"}).receive(PLAIN)
    assert isinstance(start, Started)
    assert (start.call_id, start.consent, start.encoding) == ("c-9", True, "mulaw")


@pytest.mark.parametrize("text", ["MEDIA_XOFF", "STATUS queue_length:43 xon_level:800", "QUEUE_DRAINED",
                                  "MEDIA_BUFFERING_COMPLETED 17", '{"event":"MEDIA_MARK_PROCESSED"}'])
def test_other_notifications_are_not_for_us(text: str) -> None:
    door = ChanWebSocket()
    door.receive(PLAIN)
    assert door.receive(text) == []


@pytest.mark.parametrize("text", ["", "hello", "{", '{"event": 1', "[" * 100_000, "media_start x:y", "{" * 70_000])
def test_garbage_is_a_fault(text: str) -> None:
    *_, fault = ChanWebSocket().receive(text)
    assert isinstance(fault, Fault)


def test_media_before_media_start_is_fatal() -> None:
    (fault,) = ChanWebSocket().receive(b"\0" * 160)
    assert isinstance(fault, Fault)
    assert (fault.code, fault.fatal) == ("no-start", True)


def test_a_second_start_and_half_a_sample_are_faults() -> None:
    door = ChanWebSocket()
    door.receive(PLAIN.replace("ulaw", "slin16"))
    (second,) = door.receive(PLAIN)
    assert isinstance(second, Fault)
    assert second.code == "second-start"
    heard, odd = door.receive(b"\1\2\3")
    assert heard == Audio(b"\1\2")
    assert isinstance(odd, Fault)
    assert odd.code == "odd-frame"


def test_a_closed_socket_is_the_end() -> None:
    door = ChanWebSocket()
    door.receive(json.dumps(json.loads(JSON)))
    assert door.gone() == [Stopped("hang-up")]
    assert door.gone() == []

"""AudioHook v2: messages as Genesys' reference client writes them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from api.protocols.audiohook import NIL, AudioHook, choose
from api.protocols.events import (
    Audio,
    Close,
    Dtmf,
    Ended,
    Failed,
    Fault,
    Gap,
    Incoming,
    Paused,
    Reply,
    Resumed,
    Started,
    Stopped,
    Warned,
)

ID = "e160e428-53e2-487c-977d-96989bf5c99d"
ORG = "d7934305-0972-4844-938e-9060eef73d05"
BOTH = {"type": "audio", "format": "PCMU", "channels": ["external", "internal"], "rate": 8000}
CALLER = {**BOTH, "channels": ["external"]}
AGENT = {**BOTH, "channels": ["internal"]}
OPEN = ('{"version":"2","id":"e160e428-53e2-487c-977d-96989bf5c99d","type":"open","seq":1,'
        '"serverseq":0,"position":"PT0S",'
        '"parameters":{"organizationId":"d7934305-0972-4844-938e-9060eef73d05",'
        '"conversationId":"090eaa2f-72fa-480a-83e0-8667ff89c0ec","participant":'
        '{"id":"883efee8-3d6c-4537-b500-6d7ca4b92fa0","ani":"+1-555-555-1234","aniName":"John Doe",'
        '"dnis":"+1-800-555-6789"},'
        '"media":[{"type":"audio","format":"PCMU","channels":["external","internal"],"rate":8000},'
        '{"type":"audio","format":"PCMU","channels":["external"],"rate":8000},'
        '{"type":"audio","format":"PCMU","channels":["internal"],"rate":8000}],"language":"en-US",'
        '"customConfig":{"agent_id":"a-4","consent":true}}}')


class Client:
    """The client's half: numbers its messages and reads ours."""

    def __init__(self, door: AudioHook | None = None) -> None:
        self.door = door or AudioHook(ID, ORG)
        self.seq = self.serverseq = 0
        self.said: list[dict[str, Any]] = []

    def send(self, kind: str, given: dict[str, Any] | None = None, **changes: Any) -> list[Incoming]:
        self.seq += 1
        message = {"version": "2", "id": ID, "type": kind, "seq": self.seq, "serverseq": self.serverseq,
                   "position": "PT0.5S", "parameters": given or {}, **changes}
        return self.read(self.door.receive(json.dumps(message)))

    def read(self, events: list[Incoming]) -> list[Incoming]:
        for event in events:
            if isinstance(event, Reply):
                assert isinstance(event.data, str)
                message = json.loads(event.data)
                self.serverseq += 1
                assert (message["version"], message["id"], message["seq"]) == ("2", ID, self.serverseq)
                assert message["clientseq"] <= self.seq
                self.said.append(message)
        return [event for event in events if not isinstance(event, Reply)]

    def open(self, **changes: Any) -> list[Incoming]:
        return self.send("open", {**json.loads(OPEN)["parameters"], **changes})


def opened(**changes: Any) -> Client:
    client = Client()
    client.open(**changes)
    return client


def test_opened_is_the_first_thing_and_byte_exact() -> None:
    reply, started = AudioHook(ID, ORG).receive(OPEN)
    assert reply == Reply('{"version":"2","id":"e160e428-53e2-487c-977d-96989bf5c99d","type":"opened",'
                          '"seq":1,"clientseq":1,"parameters":{"startPaused":false,"media":[{"type":"audio","format":"PCMU",'
                          '"channels":["external","internal"],"rate":8000}]}}')
    assert started == Started("090eaa2f-72fa-480a-83e0-8667ff89c0ec", "mulaw", 8000, ("caller", "agent"),
                              agent_id="a-4", language="en", consent=True,
                              metadata={"session": ID, "organization": ORG})


@pytest.mark.parametrize(("offers", "chosen"), [
    ([BOTH, CALLER, AGENT], BOTH), ([AGENT, CALLER], CALLER), ([AGENT], None), ([], None),
    ([{**BOTH, "channels": ["internal", "external"]}, CALLER], {**BOTH, "channels": ["internal", "external"]}),
    ([{**BOTH, "format": "L16"}, CALLER], CALLER), ([{**BOTH, "rate": 16000}], None),
    ([{**BOTH, "channels": ["x"]}], None), ([{**BOTH, "channels": ["external", "external"]}], None),
    ([None, 1, "x", {}], None), ([{**BOTH, "channels": []}], None),
])
def test_one_offer_is_taken_unmodified_or_none(offers: list[Any], chosen: dict[str, Any] | None) -> None:
    assert choose(offers) == chosen
    client = opened(media=offers)
    assert client.said[0]["parameters"]["media"] == ([] if chosen is None else [chosen])


def test_channels_in_the_other_order_are_told_as_they_are() -> None:
    client = Client()
    (started,) = client.open(media=[{**BOTH, "channels": ["internal", "external"]}])
    assert isinstance(started, Started)
    assert started.channels == ("agent", "caller")


def test_without_media_no_call_begins_and_audio_breaks_the_protocol() -> None:
    client = Client()
    (fault,) = client.open(media=[])
    assert isinstance(fault, Fault)
    assert not fault.fatal
    client.read(client.door.receive(b"\xff\xff"))
    assert client.said[-1]["type"] == "disconnect"
    assert client.door.gone() == []


def test_a_probe_is_answered_and_closed_without_a_call() -> None:
    client = Client()
    assert client.open(conversationId=NIL, participant={"id": NIL, "ani": "", "aniName": "", "dnis": ""}) == []
    assert client.said[0]["type"] == "opened"
    assert client.send("close", {"reason": "end"}) == [Close()]
    assert client.said[1]["type"] == "closed"


def test_audio_goes_through_as_it_is() -> None:
    assert opened().door.receive(b"\x01\x02\x03\x04") == [Audio(b"\x01\x02\x03\x04")]


def test_ping_is_answered_with_its_number() -> None:
    client = opened()
    assert client.send("ping", {"rtt": "PT0.04S"}) == []
    assert (client.said[-1]["type"], client.said[-1]["clientseq"], client.said[-1]["seq"]) == ("pong", 2, 2)


def test_nothing_of_a_pause_is_heard() -> None:
    client = opened()
    assert client.send("paused") == [Paused()]
    assert client.door.receive(b"\1\2") == []
    assert client.send("paused") == []
    assert client.send("resumed", {"start": "PT8S", "discarded": "PT10S"}) == [Resumed()]
    assert client.door.receive(b"\1\2") == [Audio(b"\1\2")]
    assert client.send("resumed", {"start": "PT8S", "discarded": "PT0S"}) == []


@pytest.mark.parametrize(("discarded", "events"), [
    ("PT0.3S", [Gap(0.3)]), ("PT.5S", [Gap(0.5)]), ("PT0S", []), ("PT999999S", [Gap(60.0)]),
])
def test_discarded_audio_is_a_gap(discarded: str, events: list[Incoming]) -> None:
    assert opened().send("discarded", {"start": "PT6.3S", "discarded": discarded}) == events


def test_update_error_and_dtmf() -> None:
    client = opened()
    assert client.send("update", {"language": "zh-CN"}) == []
    assert client.said[-1]["type"] == "updated"
    assert client.send("error", {"code": 400, "message": "tough stuff"}) == []
    assert client.send("dtmf", {"digit": "5"}) == [Dtmf("5")]


def test_close_is_answered_and_ends_the_call() -> None:
    client = opened()
    assert client.send("close", {"reason": "end"}) == [Stopped("stop"), Close()]
    assert client.said[-1]["type"] == "closed"
    assert client.said[-1]["clientseq"] == client.seq
    assert client.door.receive(b"\1\2") == []
    assert client.door.gone() == []


def test_supported_languages_when_asked() -> None:
    assert opened(supportedLanguages=True).said[0]["parameters"]["supportedLanguages"] == ["zh-CN", "en-US"]


@pytest.mark.parametrize("changes", [
    {"seq": 1}, {"seq": 3}, {"seq": -1}, {"seq": True}, {"seq": "2"}, {"seq": None},
    {"serverseq": 2}, {"serverseq": -1},
    {"version": "1"}, {"version": 2}, {"id": NIL}, {"id": "x"}, {"id": 5}, {"position": "5s"}, {"position": None},
    {"position": "PT" + "9" * 40 + "S"}, {"type": "opened"}, {"type": 7}, {"parameters": []}, {"parameters": None},
], ids=str)
def test_a_message_out_of_form_or_order_disconnects(changes: dict[str, Any]) -> None:
    client = opened()
    (fault,) = client.send("ping", **changes)
    assert isinstance(fault, Fault)
    assert not fault.fatal  # the client is told in its own words and closes
    assert client.said[-1]["type"] == "disconnect"
    assert client.said[-1]["parameters"]["reason"] == "error"
    assert client.door.receive(b"\1\2") == []


def test_after_a_disconnect_close_is_still_answered() -> None:
    client = opened()
    client.send("ping", serverseq=77)
    assert client.send("close", {"reason": "disconnect"}) == [Stopped("stop"), Close()]
    assert client.said[-1]["type"] == "closed"


@pytest.mark.parametrize("changes", [
    {"conversationId": "x"}, {"participant": None}, {"participant": {"id": NIL}, "conversationId": 3}, {"media": None},
    {"organizationId": 1},
], ids=str)
def test_an_open_with_wrong_parameters_disconnects(changes: dict[str, Any]) -> None:
    client = opened(**changes)
    assert client.said[-1]["type"] == "disconnect"


def test_another_organization_than_the_requests_is_unauthorized() -> None:
    client = opened(organizationId=ID)
    assert client.said[-1]["parameters"] == {"reason": "unauthorized"}
    assert client.door.receive(b"\1\2") == []


@pytest.mark.parametrize("data", [
    b"\1\2", "x", "[]", "{}", "x" * 65_536, "\u4e00" * 30_000, "[" * 60_000,
], ids=lambda data: "")
def test_anything_but_open_first_disconnects(data: str | bytes) -> None:
    client = Client()
    client.read(client.door.receive(data))
    assert client.said[-1]["type"] == "disconnect"


def test_half_a_frame_disconnects() -> None:
    client = opened()
    client.read(client.door.receive(b"\1\2\3"))
    assert client.said[-1]["type"] == "disconnect"


def test_open_comes_once() -> None:
    client = opened()
    client.open()
    assert client.said[-1]["type"] == "disconnect"


def test_a_lost_socket_ends_the_call() -> None:
    assert opened().door.gone() == [Stopped("hang-up")]


def test_the_end_the_drain_and_our_own_faults_have_a_form() -> None:
    (drain,) = opened().door.send(Warned("c", 1, "draining", "…"))
    (end,) = opened().door.send(Ended("c", 1, "idle", {}))
    (fault,) = opened().door.send(Failed("c", 1, Fault("forbidden", "", "", fatal=True)))
    assert isinstance(drain, str)
    assert isinstance(end, str)
    assert isinstance(fault, str)
    assert json.loads(drain)["type"] == "reconnect"
    assert json.loads(end)["parameters"] == {"reason": "completed"}
    assert json.loads(fault)["parameters"] == {"reason": "unauthorized", "info": "forbidden"}
    assert opened().door.send(Failed("c", 1, Fault("odd-frame", "", ""))) == []

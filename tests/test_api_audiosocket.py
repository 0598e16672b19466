"""Asterisk AudioSocket, byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.protocols.audiosocket import RATES, AudioSocket
from api.protocols.events import Audio, Close, Dtmf, Fault, Incoming, Started, Stopped

UUID = "40325ec2-5efd-4bd3-805f-53576e581d13"
IDENTITY = b"\x01\x00\x10\x40\x32\x5e\xc2\x5e\xfd\x4b\xd3\x80\x5f\x53\x57\x6e\x58\x1d\x13"
HANGUP = b"\x00\x00\x00"
ANNOUNCED = Started(UUID, "mulaw", 8000, agent_id="a-1", consent=True, language="zh")


def machine() -> AudioSocket:
    return AudioSocket({UUID: ANNOUNCED}.get)


def audio(payload: bytes, kind: int = 0x10) -> bytes:
    return bytes([kind]) + len(payload).to_bytes(2, "big") + payload


def join(events: list[Incoming]) -> list[Incoming]:
    """Neighbouring audio as one, since only its bytes matter."""
    joined: list[Incoming] = []
    for event in events:
        if joined and isinstance(event, Audio) and isinstance(joined[-1], Audio):
            joined[-1] = Audio(joined[-1].data + event.data)
        else:
            joined.append(event)
    return joined


def test_a_call_from_uuid_to_hang_up() -> None:
    payload = bytes(range(160)) * 2
    events = machine().receive(IDENTITY + audio(payload) + b"\x03\x00\x015" + HANGUP)
    assert events == [
        Started(UUID, "pcm_s16le", 8000, agent_id="a-1", consent=True, language="zh"),
        Audio(payload), Dtmf("5"), Stopped("hang-up"), Close(),
    ]


@pytest.mark.parametrize(("kind", "rate"), [
    (0x10, 8000), (0x11, 12000), (0x12, 16000), (0x13, 24000), (0x14, 32000), (0x15, 44100), (0x16, 48000),
])
def test_the_type_tells_the_rate(kind: int, rate: int) -> None:
    started, heard = machine().receive(IDENTITY + audio(b"\0" * 640, kind))
    assert isinstance(started, Started)
    assert (started.encoding, started.rate) == ("pcm_s16le", rate)
    assert heard == Audio(b"\0" * 640)


def test_a_change_of_rate_in_mid_call_is_a_fault_and_its_audio_is_left_out() -> None:
    door = machine()
    door.receive(IDENTITY + audio(b"\0\0"))
    (fault,) = door.receive(audio(b"\1\1", 0x12))
    assert isinstance(fault, Fault)
    assert (fault.code, fault.fatal) == ("unsupported-rate", False)
    assert door.receive(audio(b"\2\2")) == [Audio(b"\2\2")]


@pytest.mark.parametrize("first", [
    audio(b"\0" * 320), b"GET / HTTP/1.1\r\n", b"\x03\x00\x011", b"\x01\x00\x04abcd", b"\xff\x00\x00",
])
def test_anything_before_the_uuid_ends_it(first: bytes) -> None:
    door = machine()
    (fault,) = door.receive(first)
    assert isinstance(fault, Fault)
    assert fault.fatal
    assert door.receive(IDENTITY + audio(b"\0\0")) == []
    assert door.gone() == []


def test_a_uuid_that_nobody_announced_is_refused() -> None:
    (fault,) = AudioSocket(lambda _: None).receive(IDENTITY + audio(b"\0\0"))
    assert isinstance(fault, Fault)
    assert (fault.code, fault.fatal) == ("unauthorized", True)


def test_hang_up_before_the_uuid_closes_quietly() -> None:
    assert machine().receive(HANGUP) == [Close()]


def test_an_error_of_asterisk_ends_the_call() -> None:
    door = machine()
    door.receive(IDENTITY + audio(b"\0\0"))
    assert door.receive(b"\xff\x00\x01\x01") == [Stopped("error"), Close()]


def test_half_a_sample_is_cut_and_told() -> None:
    door = machine()
    events = door.receive(IDENTITY + audio(b"\1\2\3"))
    assert [type(event).__name__ for event in events] == ["Started", "Fault", "Audio"]
    assert events[-1] == Audio(b"\1\2")


def test_unknown_types_are_skipped_by_their_length() -> None:
    door = machine()
    door.receive(IDENTITY)
    fault, *rest = door.receive(audio(b"secret", 0x42) + audio(b"\1\1"))
    assert isinstance(fault, Fault)
    assert rest[-1] == Audio(b"\1\1")


def test_the_socket_may_just_close() -> None:
    door = machine()
    door.receive(IDENTITY + audio(b"\0\0"))
    assert door.gone() == [Stopped("hang-up")]
    assert door.gone() == []


FRAME = st.builds(audio, st.binary(max_size=400), st.sampled_from([*RATES, 0x03, 0x42]))


@given(st.lists(FRAME, max_size=8), st.lists(st.integers(1, 50), max_size=60))
@settings(max_examples=100, deadline=None)
def test_any_cutting_of_the_stream_means_the_same(frames: list[bytes], cuts: list[int]) -> None:
    stream = IDENTITY + b"".join(frames) + HANGUP
    whole, pieces = machine(), machine()
    expected = whole.receive(stream)
    got: list[Incoming] = []
    at = 0
    for cut in cuts:
        got += pieces.receive(stream[at : at + cut])
        at += cut
    got += pieces.receive(stream[at:])
    assert join(got) == join(expected)


def test_what_waits_is_never_more_than_one_frame() -> None:
    door = machine()
    door.receive(IDENTITY)
    for _ in range(50):
        door.receive(b"\x10\xff\xff" + b"\0" * 30_000)
        assert len(door._waiting) <= 65_538

"""The native door over real sockets: the live law, resume, and every bad input with its code."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from socket import SHUT_RDWR
from typing import Any

import pytest
import soundfile
from websockets.exceptions import ConnectionClosed

from api.client import Spec, stream
from emotion.report import analyze, plain
from emotion.transcripts import read_transcript
from tests.service import SAMPLES, Service, everything, real_engine, serving, start, until

SECOND = b"\xff" * 8000
"""A second of silence in mu-law."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("stream"), grace_s=20, idle_s=2) as running:
        yield running


def without_ids(values: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key not in {"id", "call"}} for row in values]


@pytest.mark.parametrize(("language", "seconds"), [
    ("zh", 30), pytest.param("zh", None, marks=pytest.mark.slow), pytest.param("en", None, marks=pytest.mark.slow)])
def test_live_law(tmp_path: Path, language: Any, seconds: int | None) -> None:
    """The same file analysed offline and streamed gives the same changes and alerts, to the last digit.

    As 16-bit WAV, which is what is sent: the lossy original decodes to values between two steps.
    """
    sample, script = tmp_path / "call.wav", read_transcript(SAMPLES / f"{language}.toml")
    samples, rate = soundfile.read(SAMPLES / f"{language}.ogg", frames=8000 * seconds if seconds else -1)
    script = [line for line in script if line.span.end <= len(samples)]
    soundfile.write(sample, samples, rate, "PCM_16")
    offline = analyze(sample, language=language, transcript=script, engine=real_engine())
    with serving(tmp_path, real=True) as service:
        spec = Spec(sample, service.ws + "/v1/stream", transcript=script, language=language, speed=1000, quiet=True)
        live = asyncio.run(stream(spec))
    assert offline.changes, "the sample brings no change, so this test would show nothing"
    assert [message["change"] for message in live.of("change")] == plain(offline.changes)
    assert without_ids([message["alert"] for message in live.of("alert")]) == without_ids(plain(offline.alerts))
    assert live.of("ended")[0]["summary"]["peak"] == offline.peak
    assert live.of("ended")[0]["summary"]["dropped_s"] == 0


def test_chunks_do_not_matter(service: Service) -> None:
    """1 ms, 200 ms and one piece give the same readings."""
    audio = bytes((index * 7919 >> 3) % 256 for index in range(24_000))
    seen = []
    for size in (8, 1600, 24_000):
        with service.socket("/v1/stream") as socket:
            socket.send(start(readings=0.5))
            for begin in range(0, len(audio), size):
                socket.send(audio[begin : begin + size])
            socket.send('{"type": "stop"}')
            seen.append([message["reading"] for message in everything(socket) if message["type"] == "reading"])
    assert len(seen[0]) == 7, "six hops and the one in which the call is closed"
    assert seen[0] == seen[1] == seen[2]


def test_resume_goes_on_with_the_state(service: Service) -> None:
    """A dropped socket resumes: what was received is told, what was missed is repeated, numbers go on."""
    with service.socket("/v1/stream") as socket:
        socket.send(start(call_id="resumed-1"))
        first = until(socket, "started")
        assert not first["resumed"]
        socket.send(SECOND)
        socket.send('{"type": "mark", "name": "here"}')
        mark = until(socket, "mark")
        assert mark["at"] == 1.0
    with service.socket("/v1/stream") as socket:
        socket.send(start(call_id="resumed-1", resume={"seq": mark["seq"]}))
        again = until(socket, "started")
        assert again["resumed"]
        assert again["received"] == {"messages": 3, "samples": 8000, "seconds": 1.0}
        assert again["seq"] == mark["seq"] + 1
        socket.send(SECOND)
        socket.send('{"type": "stop", "seq": 5}')
        rest = everything(socket)
    assert not [message for message in rest if message["type"] == "error"]
    assert rest[-1]["type"] == "ended"
    assert rest[-1]["summary"]["seconds"] == 2.0
    assert rest[-1]["seq"] > again["seq"]


def test_resume_repeats_what_was_missed(service: Service) -> None:
    with service.socket("/v1/stream") as socket:
        socket.send(start(call_id="resumed-2"))
        started = until(socket, "started")
        socket.send('{"type": "gap", "seconds": 1}')
        warning = until(socket, "warning")
        while warning["code"] != "gap":
            warning = until(socket, "warning")
    with service.socket("/v1/stream") as socket:
        socket.send(start(call_id="resumed-2", resume={"seq": started["seq"]}))
        assert until(socket, "started")["resumed"]
        repeated = until(socket, "warning")
        assert (repeated["seq"], repeated["code"]) == (warning["seq"], "gap")
        socket.send('{"type": "stop"}')
        assert everything(socket)[-1]["reason"] == "stop"


def test_pause_is_not_counted(service: Service) -> None:
    """Between pause and resume nothing is analysed, kept or counted."""
    with service.socket("/v1/stream") as socket:
        socket.send(start(call_id="paused"))
        socket.send(SECOND)
        socket.send('{"type": "pause"}')
        for _ in range(3):
            socket.send(SECOND)
        socket.send('{"type": "transcript", "start": 1, "end": 2, "text": "4111 1111 1111 1111"}')
        socket.send('{"type": "resume"}')
        socket.send(SECOND)
        socket.send('{"type": "stop"}')
        ended = everything(socket)[-1]
    assert ended["summary"]["seconds"] == 2.0
    with service.client() as client:
        stored = client.get("/v1/calls/paused/export").text
    assert "4111" not in stored


BAD_STARTS = [
    ({"encoding": "opus"}, "unsupported-encoding", 4400),
    ({"sample_rate": 44}, "unsupported-rate", 4400),
    ({"sample_rate": 8001}, "unsupported-rate", 4400),
    ({"channels": ["caller", "caller"]}, "unsupported-channels", 4400),
    ({"channels": 2}, "unsupported-channels", 4400),
    ({"language": "fr"}, "bad-start", 4400),
    ({"consent": "yes"}, "bad-start", 4400),
    ({"call_id": "a b"}, "bad-start", 4400),
    ({"readings": 0}, "bad-start", 4400),
    ({"resume": {"seq": 1}, "call_id": "nobody"}, "cannot-resume", 4410),
]


@pytest.mark.parametrize(("fields", "code", "close"), BAD_STARTS)
def test_bad_start(service: Service, fields: dict[str, Any], code: str, close: int) -> None:
    with service.socket("/v1/stream") as socket:
        socket.send(start(**fields))
        error = until(socket, "error")
        assert error["code"] == code
        assert error["fatal"]
        assert error["message"]
        assert error["remedy"]
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == close


@pytest.mark.parametrize("first", [SECOND, '{"type": "stop"}', '{"type": "transcript"}'])
def test_before_start(service: Service, first: str | bytes) -> None:
    with service.socket("/v1/stream") as socket:
        socket.send(first)
        assert until(socket, "error")["code"] == "no-start"
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=10)


@pytest.mark.parametrize(("message", "code"), [
    ("hello", "not-json"), ("[1]", "not-json"), ('{"type": "stop", "x": NaN}', "not-json"),
    ('{"type": "dance"}', "bad-message"), ('{"type": "transcript", "text": 3}', "bad-message"),
    ('{"type": "gap", "seconds": -1}', "bad-message"), ('{"type": "hold"}', "bad-message"),
    (start(), "second-start"), ('{"type": "dtmf", "digit": "1", "seq": 77}', "sequence"),
])
def test_bad_message_leaves_the_call_alive(service: Service, message: str, code: str) -> None:
    with service.socket("/v1/stream") as socket:
        socket.send(start())
        socket.send(message)
        error = until(socket, "error")
        assert (error["code"], error["fatal"]) == (code, False)
        socket.send(SECOND)
        socket.send('{"type": "stop"}')
        assert everything(socket)[-1]["summary"]["seconds"] == 1.0


def test_odd_frames(service: Service) -> None:
    """Half a sample is named and dropped; the rest counts."""
    with service.socket("/v1/stream") as socket:
        socket.send(start(encoding="pcm_s16le", channels=["caller", "agent"]))
        socket.send(bytes(32_000 + 3))
        assert until(socket, "error")["code"] == "odd-frame"
        socket.send('{"type": "stop"}')
        assert everything(socket)[-1]["summary"]["seconds"] == 1.0


def test_too_large(service: Service) -> None:
    with service.socket("/v1/stream") as socket:
        socket.send(start())
        socket.send(bytes((1 << 20) + 1))
        assert until(socket, "error")["code"] == "too-large"


def test_one_id_one_live_call(service: Service) -> None:
    with service.socket("/v1/stream") as one, service.socket("/v1/stream") as two:
        one.send(start(call_id="twice"))
        until(one, "started")
        two.send(start(call_id="twice"))
        assert until(two, "error")["code"] == "call-exists"
        one.send('{"type": "stop"}')
        until(one, "ended")
    with service.socket("/v1/stream") as three:
        three.send(start(call_id="twice"))
        assert until(three, "started")["call"] == "twice.2"


def test_idle_socket_is_closed_and_the_call_waits(service: Service) -> None:
    with service.socket("/v1/stream") as socket:
        socket.send(start(call_id="idle"))
        until(socket, "started")
        assert until(socket, "error", 10)["code"] == "idle"
    with service.socket("/v1/stream") as socket:
        socket.send(start(call_id="idle", resume={"seq": 1}))
        assert until(socket, "started")["resumed"]
        socket.send('{"type": "stop"}')
        until(socket, "ended")


def test_without_consent_nobody_is_placed(service: Service) -> None:
    with service.socket("/v1/stream") as socket:
        socket.send(start(consent=False, readings=0.5))
        assert until(socket, "warning")["code"] == "no-consent"
        socket.send(SECOND)
        reading = until(socket, "reading")
        assert reading["standing"] is None
        assert reading["reading"]["voice"] is None
        assert "no-consent" in reading["reading"]["degraded"]


def test_the_start_may_stand_in_the_address(service: Service) -> None:
    path = "/v1/stream?encoding=mulaw&sample_rate=8000&channels=caller,agent&call_id=by-address&consent=true"
    with service.socket(path) as socket:
        socket.send('{"queue": "billing"}')
        assert until(socket, "started")["call"] == "by-address"
        socket.send(SECOND + SECOND)
        socket.send('{"type": "stop"}')
        assert everything(socket)[-1]["summary"]["seconds"] == 1.0
    with service.client() as client:
        assert client.get("/v1/calls/by-address").json()["metadata"] == {"queue": "billing"}


def test_a_vanished_client_ends_after_its_grace(tmp_path: Path) -> None:
    """Nothing that was found is lost when the socket is cut without a word."""
    with serving(tmp_path, grace_s=0.5) as service, service.client() as client:
        with service.socket("/v1/stream", close_timeout=0.1) as socket:
            socket.send(start(call_id="gone"))
            until(socket, "started")
            socket.send(SECOND)
            time.sleep(0.3)
            socket.socket.shutdown(SHUT_RDWR)
        deadline = time.monotonic() + 10
        while client.get("/v1/calls/gone").json()["state"] != "ended" and time.monotonic() < deadline:
            time.sleep(0.1)
        card = client.get("/v1/calls/gone").json()
        assert card["summary"]["seconds"] == 1.0
        assert not service.house.sessions


def test_drain_ends_calls_and_stores_them(tmp_path: Path) -> None:
    """SIGTERM: the client is warned, the call is ended with what was found, the next start shows it."""
    with serving(tmp_path) as service, service.socket("/v1/stream") as socket:
        socket.send(start(call_id="drained"))
        until(socket, "started")
        socket.send(SECOND)
        time.sleep(0.2)
        service.server.should_exit = True
        said = everything(socket)
    assert [message["code"] for message in said if message["type"] == "warning"][-1] == "draining"
    assert said[-1]["reason"] == "drain"
    with serving(tmp_path) as service, service.client() as client:
        assert client.get("/v1/calls/drained").json()["summary"]["seconds"] == 1.0


def test_limits(tmp_path: Path) -> None:
    with (serving(tmp_path, calls=1, call_hours=0.01) as service, service.socket("/v1/stream") as one,
          service.socket("/v1/stream") as two):
        one.send(start())
        until(one, "started")
        two.send(start())
        assert until(two, "error")["code"] == "too-many-calls"
        for _ in range(37):
            one.send(SECOND)
        said = everything(one)
        assert [message["code"] for message in said if message["type"] == "error"] == ["too-long"]
        assert said[-1]["summary"]["seconds"] == 36.0
        assert json.dumps(said)

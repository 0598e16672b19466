"""Recordings over HTTP: forms, pieces, bad files, limits, and what audio is kept only when asked for."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import soundfile

from tests.service import SAMPLES, Service, everything, problem, serving, start


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds of the Mandarin sample as WAV."""
    path = tmp_path_factory.mktemp("short") / "short.wav"
    samples, rate = soundfile.read(SAMPLES / "zh.ogg", frames=64_000)
    soundfile.write(path, samples, rate, "PCM_16")
    return path


def finished(client: httpx.Client, recording: str) -> dict[str, Any]:
    """The recording when it is done or has failed."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        row: dict[str, Any] = client.get(f"/v1/recordings/{recording}").json()
        if row["state"] in {"done", "failed"}:
            return row
        time.sleep(0.1)
    raise AssertionError(f"the recording is not done: {row}")


def test_recording_as_a_form(client: httpx.Client, short: Path) -> None:
    script = [{"channel": "caller", "start": 0, "end": 2, "text": "我要投诉你们"},
              {"channel": "caller", "start": 3, "end": 5, "text": "我要投诉你们，叫你们经理来"}]
    answer = client.post("/v1/recordings", files=[("file", ("通话 1.wav", short.read_bytes()))],
                         data={"language": "zh", "consent": "true", "transcript": json.dumps(script)})
    assert answer.status_code == 202, answer.text
    done = finished(client, answer.json()["items"][0]["recording"])
    assert (done["state"], done["progress"], done["name"], done["seconds"]) == ("done", 1.0, "通话 1.wav", 8.0)
    report = client.get(f"/v1/recordings/{done['recording']}/report.json").json()
    assert report["summary"]["peak"] == 5
    assert len(report["readings"]) == 17
    assert report["alerts"]
    table = client.get(f"/v1/recordings/{done['recording']}/report.csv")
    assert table.text.count("\n") == 18
    page = client.get(f"/v1/recordings/{done['recording']}/report.html?language=zh")
    assert "投诉" in page.text
    assert "<svg" in page.text
    assert "<script" not in page.text
    assert done["call"] in client.get("/v1/calls?state=ended&limit=500").text
    assert client.delete(f"/v1/recordings/{done['recording']}").status_code == 204
    problem(client.get(f"/v1/calls/{done['call']}"), 404, "not-found")


def test_upload_in_pieces(client: httpx.Client, short: Path) -> None:
    """Cut off in between, asked for its offset, gone on with; a piece at the wrong place is refused."""
    data = short.read_bytes()
    opened = client.post("/v1/uploads", json={"name": "../../etc/short.wav", "size": len(data), "consent": True})
    address = f"/v1/uploads/{opened.json()['upload']}"
    assert client.patch(address, content=data[:100_000], headers={"Upload-Offset": "0"}).status_code == 204
    wrong = client.patch(address, content=data[5:], headers={"Upload-Offset": "5"})
    problem(wrong, 409, "wrong-offset")
    assert wrong.headers["Upload-Offset"] == "100000"
    state = client.head(address)
    assert (state.headers["Upload-Offset"], state.headers["Upload-Length"]) == ("100000", str(len(data)))
    last = client.patch(address, content=data[100_000:], headers={"Upload-Offset": "100000"})
    assert last.status_code == 202
    assert last.json()["name"] == "short.wav"
    assert finished(client, last.json()["recording"])["state"] == "done"
    assert client.head("/v1/uploads/nothing").status_code == 404
    problem(client.patch(address, content=b"x"), 404, "not-found")


def test_without_consent_a_recording_is_not_judged(client: httpx.Client, short: Path) -> None:
    answer = client.post("/v1/recordings", files=[("file", ("s.wav", short.read_bytes()))])
    done = finished(client, answer.json()["items"][0]["recording"])
    report = client.get(f"/v1/recordings/{done['recording']}/report.json").json()
    assert report["summary"]["peak"] is None
    assert report["summary"]["degraded"] == ["no-consent"]


@pytest.mark.parametrize(("name", "data", "fault"), [
    ("empty.wav", b"", "empty"), ("text.wav", b"this is not audio, whatever it is called", "not audio"),
    ("zip.mp3", b"PK\x03\x04" + bytes(200), "not audio"), ("header.wav", b"RIFF\x24\0\0\0WAVEfmt ", ""),
])
def test_bad_recordings(client: httpx.Client, name: str, data: bytes, fault: str) -> None:
    answer = client.post("/v1/recordings", files=[("file", (name, data))])
    document = problem(answer, 422, "not-audio")
    assert fault in document["detail"]
    assert name in document["detail"]
    assert "recordings/" not in document["detail"], "the folder of the service is nobody's business"


def test_one_bad_file_does_not_stop_the_others(client: httpx.Client, short: Path) -> None:
    answer = client.post("/v1/recordings", files=[("file", ("bad.wav", b"nothing")),
                                                  ("file", ("good.wav", short.read_bytes()))])
    assert [item["state"] for item in answer.json()["items"]] == ["failed", "waiting"]


def test_too_long_a_recording(tmp_path: Path, short: Path) -> None:
    with serving(tmp_path, recording_hours=0.01) as service, service.client() as client:
        long = bytes(8000 * 40)
        document = problem(client.post("/v1/recordings", files=[("file", ("long.ulaw", long))]), 422, "not-audio")
        assert "hours" in document["detail"]


def test_sizes_are_limited(service: Service, client: httpx.Client) -> None:
    problem(client.post("/v1/recordings", files=[("file", ("big.wav", bytes(4_000_000)))]), 413, "too-large")
    problem(client.post("/v1/uploads", json={"name": "a.wav", "size": 10**12}), 413, "too-large")

    def endless() -> Iterator[bytes]:
        for _ in range(40):
            yield bytes(100_000)

    answer = client.put("/v1/settings/lexicon", content=endless(), headers={"Content-Type": "application/json"})
    problem(answer, 413, "too-large")


def test_audio_is_kept_only_where_switched_on(tmp_path: Path, client: httpx.Client, angry: str, short: Path) -> None:
    """A call's audio without its pause, a recording's audio; gone with their call; by default nothing."""
    problem(client.get(f"/v1/calls/{angry}/audio"), 404, "not-found")
    with serving(tmp_path, store_audio=True) as service, service.client() as keeping:
        with service.socket("/v1/stream") as socket:
            socket.send(start(call_id="heard"))
            socket.send(b"\x80" * 8000)
            socket.send('{"type": "pause"}')
            socket.send(b"\x00" * 8000)
            socket.send('{"type": "resume"}')
            socket.send('{"type": "stop"}')
            everything(socket)
        (tmp_path / "heard.wav").write_bytes(keeping.get("/v1/calls/heard/audio").content)
        samples, rate = soundfile.read(tmp_path / "heard.wav")
        assert (len(samples), rate) == (8000, 8000)
        assert samples.min() > 0.9, "what was said in the pause is not in it"
        assert keeping.get("/v1/calls/heard/timeline").json()["audio"] is True
        keeping.delete("/v1/calls/heard")
        answer = keeping.post("/v1/recordings", files=[("file", ("s.wav", short.read_bytes()))], data={"consent": "1"})
        done = finished(keeping, answer.json()["items"][0]["recording"])
        assert keeping.get(f"/v1/calls/{done['call']}/audio").headers["content-type"] == "audio/wav"
        assert keeping.delete(f"/v1/recordings/{done['recording']}").status_code == 204
        assert list((tmp_path / "files" / "audio").iterdir()) == []

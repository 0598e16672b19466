"""HTTP over real sockets: calls, alerts, event streams, recordings, settings; and every bad input with its problem."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import soundfile

from emotion.report import plain
from tests.service import SAMPLES, Service, complain, everything, serving, start, until


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("http"), grace_s=600, body_mb=3, upload_mb=20) as running:
        yield running


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[httpx.Client]:
    with service.client() as client:
        yield client


@pytest.fixture(scope="module")
def angry(service: Service) -> str:
    """An ended call with alerts."""
    with service.socket("/v1/stream") as socket:
        socket.send(start(call_id="angry", agent_id="lin", team="north", caller="c-1", language="zh",
                          metadata={"queue": "billing"}))
        complain(socket)
        socket.send('{"type": "stop"}')
        assert everything(socket)[-1]["summary"]["peak"] == 5
    return "angry"


def sse(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """The events of a stream, each with its `id:` and `event:` lines checked against its data."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "data" in fields:
            event = json.loads(fields["data"])
            assert event["type"] == fields["event"]
            assert event.get("id") == fields.get("id")
            yield event
            fields = {}


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The answer is a problem document with fault and remedy."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    document: dict[str, Any] = answer.json()
    assert (answer.status_code, document["status"], document["code"]) == (status, status, code), answer.text
    assert document["type"] == f"/problems/{code}"
    assert document["detail"]
    assert document["remedy"]
    return document


# ── calls and alerts ────────────────────────────────────────────────────────────────────────────

def test_a_call_is_kept(client: httpx.Client, angry: str) -> None:
    card = client.get(f"/v1/calls/{angry}").json()
    assert (card["state"], card["peak"], card["agent"], card["door"]) == ("ended", 5, "lin", "native")
    assert card["metadata"] == {"queue": "billing"}
    timeline = client.get(f"/v1/calls/{angry}/timeline").json()
    assert timeline["changes"][-1]["after"] == 5
    assert [row["at"] for row in timeline["readings"]] == sorted(row["at"] for row in timeline["readings"])
    assert timeline["alerts"]
    assert angry in [row["call"] for row in client.get("/v1/calls?state=ended&agent=lin").json()["items"]]
    assert client.get("/v1/calls?agent=nobody").json()["items"] == []
    assert client.get("/v1/today").json()["peaks"][5] >= 1


def test_nobodys_words_are_kept(client: httpx.Client, angry: str) -> None:
    """Storing text is off by default: nothing stored quotes the caller."""
    for path in ("export", "timeline"):
        text = client.get(f"/v1/calls/{angry}/{path}").text
        assert "经理来" not in text
        kept = json.loads(text)
        for alert in kept["alerts"]:
            del alert["guidance"]
        assert kept["changes"]
        assert kept["card"]["last_reason"]["zh"] == "投诉"
        for words in ("我要投诉", "叫你们经理"):
            assert words not in json.dumps(kept, ensure_ascii=False)


def test_text_is_kept_where_switched_on(tmp_path: Path) -> None:
    with serving(tmp_path, store_text=True) as service, service.client() as client:
        with service.socket("/v1/stream") as socket:
            socket.send(start(call_id="kept", language="zh"))
            complain(socket)
            socket.send('{"type": "stop"}')
            everything(socket)
        assert "我要投诉" in client.get("/v1/calls/kept/export").text


def test_record_is_ready_to_copy(client: httpx.Client, angry: str) -> None:
    record = client.get(f"/v1/calls/{angry}/record?language=zh").json()
    assert record["peak"] == 5
    assert "客诉" in record["text"]
    assert "Kind" in client.get(f"/v1/calls/{angry}/record?language=en").json()["text"]


def test_acknowledge_and_feedback(client: httpx.Client, angry: str) -> None:
    """One click each; the first acknowledgement and the last feedback count."""
    alert = client.get(f"/v1/alerts?call={angry}&open=true").json()["items"][0]
    done = client.post(f"/v1/alerts/{alert['id']}/acknowledge").json()
    assert done["acknowledged"]["by"] == "demo"
    assert client.post(f"/v1/alerts/{alert['id']}/acknowledge").json() == done
    for verdict in ("useful", "wrong"):
        answer = client.post(f"/v1/alerts/{alert['id']}/feedback", json={"verdict": verdict})
        assert answer.json()["feedback"]["verdict"] == verdict
    assert alert["id"] not in [row["id"] for row in client.get("/v1/alerts?open=true").json()["items"]]
    today = client.get("/v1/today").json()
    assert (today["useful"], today["wrong"]) == (1, 1)


def test_alerts_in_pages(client: httpx.Client, angry: str) -> None:
    seen, cursor = [], ""
    while True:
        answer = client.get(f"/v1/alerts?limit=1{cursor}").json()
        seen += [row["id"] for row in answer["items"]]
        if answer["next"] is None:
            break
        cursor = f"&cursor={answer['next']}"
    assert len(seen) == len(set(seen)) == len(client.get("/v1/alerts").json()["items"])


def test_take_over(service: Service, client: httpx.Client) -> None:
    with service.socket("/v1/stream") as socket:
        socket.send(start(call_id="taken"))
        until(socket, "started")
        assert client.post("/v1/calls/taken/take").json()["taken_by"] == "demo"
        assert client.get("/v1/calls?state=live").json()["items"][-1]["taken_by"] == "demo"
        assert client.delete("/v1/calls/taken/take").json()["taken_by"] is None
        socket.send('{"type": "stop"}')
        until(socket, "ended")
    problem(client.post("/v1/calls/taken/take"), 404, "not-found")


def test_announced_call(service: Service, client: httpx.Client) -> None:
    """A switch that only knows an id gets agent, language and consent from the announcement."""
    assert client.post("/v1/calls", json={"call_id": "pbx-1", "agent_id": "lin", "consent": True}).status_code == 201
    with service.socket("/v1/stream") as socket:
        socket.send(start(call_id="pbx-1", consent=False))
        until(socket, "started")
        card = client.get("/v1/calls/pbx-1").json()
        assert (card["agent"], card["consent"]) == ("lin", True)
        socket.send('{"type": "stop"}')
        until(socket, "ended")


def test_forget_a_call_and_a_caller(service: Service, client: httpx.Client) -> None:
    for name in ("forget-1", "forget-2"):
        with service.socket("/v1/stream") as socket:
            socket.send(start(call_id=name, caller="somebody", language="zh"))
            complain(socket)
            until(socket, "alert")
            socket.send('{"type": "stop"}')
            until(socket, "ended")
    assert client.delete("/v1/calls/forget-1").status_code == 204
    for path in ("", "/timeline", "/export", "/record"):
        problem(client.get(f"/v1/calls/forget-1{path}"), 404, "not-found")
    assert client.delete("/v1/callers/somebody/calls").json() == {"deleted": 1}
    assert "forget-" not in client.get("/v1/alerts?limit=500").text
    problem(client.delete("/v1/calls/forget-1"), 404, "not-found")


def test_retention(tmp_path: Path) -> None:
    """What is older than its time to live goes, and what is younger stays."""
    with serving(tmp_path, retention_days=1) as service, service.client() as client:
        for name in ("old", "young"):
            with service.socket("/v1/stream") as socket:
                socket.send(start(call_id=name))
                socket.send('{"type": "stop"}')
                everything(socket)
        client.get("/v1/calls/old")
        from api.store.calls import change_call

        service.on_loop(service.house.store.write(
            lambda connection: change_call(connection, "demo", "old", ended=time.time() - 90_000)))
        service.on_loop(service.house._forget())
        assert client.get("/v1/calls/old").status_code == 404
        assert client.get("/v1/calls/young").status_code == 200


# ── event streams ───────────────────────────────────────────────────────────────────────────────

def test_alerts_come_over_sse_and_are_replayed(service: Service, client: httpx.Client) -> None:
    """A console hears an alert, loses its line, and gets what it missed by Last-Event-ID."""
    with client.stream("GET", "/v1/agents/sse-agent/alerts") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = sse(answer.iter_lines())
        assert next(events)["live"] == []
        with service.socket("/v1/stream") as socket:
            socket.send(start(call_id="sse-1", agent_id="sse-agent", language="zh"))
            complain(socket)
            first = next(events)
            assert first["type"] == "alert"
            assert first["alert"]["guidance"]["zh"]["mood"]
            socket.send('{"type": "stop"}')
            everything(socket)
    rest = [row["id"] for row in client.get("/v1/alerts?call=sse-1").json()["items"]][::-1][1:]
    assert rest
    with client.stream("GET", "/v1/agents/sse-agent/alerts", headers={"Last-Event-ID": first["id"]}) as answer:
        events = sse(answer.iter_lines())
        assert next(events)["type"] == "hello"
        assert [next(events)["alert"]["id"] for _ in rest] == rest


def test_alerts_are_replayed_from_the_store(tmp_path: Path) -> None:
    """Also after a restart, when the process remembers nothing."""
    with serving(tmp_path) as service, service.socket("/v1/stream") as socket:
        socket.send(start(call_id="before", agent_id="lin", language="zh"))
        complain(socket)
        until(socket, "alert")
        socket.send('{"type": "stop"}')
        until(socket, "ended")
    with serving(tmp_path) as service, service.socket("/v1/agents/lin/alerts?last_event_id=0") as socket:
        event = until(socket, "alert")
        assert event["call"] == "before"
        assert event["alert"]["rung"] == 5


def test_events_are_narrowed(service: Service) -> None:
    path = "/v1/events?agent=wall-agent&types=change,ended&readings=true"
    with service.socket(path) as events, service.socket("/v1/stream") as socket:
        until(events, "hello")
        socket.send(start(call_id="wall", agent_id="wall-agent", language="zh"))
        complain(socket)
        socket.send('{"type": "stop"}')
        everything(socket)
        seen = [until_any(events)]
        while seen[-1]["type"] != "ended":
            seen.append(until_any(events))
    kinds = [event["type"] for event in seen]
    assert kinds.count("reading") == 9
    assert kinds.count("change") >= 1
    assert set(kinds) == {"reading", "change", "ended"}
    assert [event["id"] for event in seen] == sorted(event["id"] for event in seen)


def until_any(socket: Any) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(socket.recv(timeout=20))
    return message


def test_quiet_readers_are_kept_open(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.feeds.KEEP_OPEN_S", 0.05)
    with httpx.stream("GET", service.http + "/v1/events?agent=quiet") as answer:
        lines = (line for line in answer.iter_lines() if line.startswith(":"))
        assert next(lines) == ": still here"


# ── recordings ──────────────────────────────────────────────────────────────────────────────────

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
    problem(client.head("/v1/uploads/nothing").request and client.patch(address, content=b"x"), 404, "not-found")


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


# ── settings, bad requests, operations ──────────────────────────────────────────────────────────

def test_thresholds_change_new_calls(service: Service, client: httpx.Client) -> None:
    before = client.get("/v1/settings/thresholds").json()
    changed = client.put("/v1/settings/thresholds", json={"dead_air_s": 7, "quiet_rungs": [5]}).json()
    assert changed == {**before, "dead_air_s": 7, "quiet_rungs": [5]}
    with service.socket("/v1/stream") as socket:
        socket.send(start(call_id="quiet", language="zh"))
        complain(socket)
        socket.send('{"type": "stop"}')
        said = everything(socket)
    assert said[-1]["summary"]["peak"] == 5
    assert not [message for message in said if message["type"] == "alert" and message["alert"]["kind"] == "raise"]
    client.put("/v1/settings/thresholds", json=before)


def test_own_phrases_and_cards(service: Service, client: httpx.Client) -> None:
    """A tenant's phrase is heard and its card is shown, by calls that begin afterwards."""
    card = {"title": "自家话术", "mood": ["我们听到了。"], "matter": "马上办。", "avoid": "不推诿。",
            "technique": "共情", "step": "倾听"}
    english = {"title": "Our own", "mood": ["We hear you."], "matter": "Do it now.", "avoid": "No excuses.",
               "technique": "empathy", "step": "listen"}
    phrase = {"text": "蓝色大象", "rung": 5, "motive": "complaint"}
    assert client.put("/v1/settings/lexicon", json={"zh": [phrase]}).status_code == 200
    assert client.put("/v1/settings/guidance", json={"zh": {"complaint/5": card},
                                                     "en": {"complaint/5": english}}).status_code == 200
    with service.socket("/v1/stream") as socket:
        socket.send(start(call_id="own-words", language="zh", readings=0.5))
        for begin in (0, 2):
            said = {"type": "transcript", "start": begin, "end": begin + 1, "text": "蓝色大象，我要投诉"}
            socket.send(json.dumps(said))
            socket.send(b"\xff" * 16_000)
        socket.send('{"type": "stop"}')
        answers = everything(socket)
    heard = [phrase["text"] for message in answers if message["type"] == "reading"
             for phrase in message["reading"]["words"]["phrases"]]
    assert "蓝色大象" in heard
    titles = [message["alert"]["guidance"]["zh"]["title"] for message in answers if message["type"] == "alert"]
    assert "自家话术" in titles
    client.put("/v1/settings/lexicon", json={"zh": [], "en": []})
    client.put("/v1/settings/guidance", json={"zh": {}, "en": {}})


@pytest.mark.parametrize(("name", "body"), [
    ("thresholds", {"dead_air_s": "long"}), ("thresholds", {"dead_air_s": -1}), ("thresholds", {"unknown": 1}),
    ("thresholds", {"quiet_rungs": [9]}), ("thresholds", {"language": "fr"}),
    ("lexicon", {"zh": [{"text": "", "rung": 3, "motive": "demand"}]}), ("lexicon", {"fr": []}),
    ("lexicon", {"zh": [{"text": "a", "rung": 9, "motive": "demand"}]}), ("lexicon", {"zh": "all"}),
    ("lexicon", {"zh": [{"text": "…", "rung": 3, "motive": "demand"}]}),
    ("guidance", {"zh": {"waiting/3": {"title": "x"}}}), ("guidance", {"zh": {"waiting": {}}}),
    ("guidance", {"zh": {"waiting/3": {"title": "只有中文", "mood": ["好"], "matter": "好", "avoid": "好",
                                       "technique": "好", "step": "倾听"}}}),
])
def test_bad_settings(client: httpx.Client, name: str, body: dict[str, Any]) -> None:
    before = client.get(f"/v1/settings/{name}").json()
    problem(client.put(f"/v1/settings/{name}", json=body), 422, "bad-setting")
    assert client.get(f"/v1/settings/{name}").json() == before


@pytest.mark.parametrize(("method", "path", "status", "code"), [
    ("GET", "/nowhere", 404, "not-found"), ("PUT", "/v1/calls", 405, "method-not-allowed"),
    ("GET", "/v1/calls?limit=0", 422, "bad-request"), ("GET", "/v1/calls?cursor=%00x", 422, "bad-request"),
    ("GET", "/v1/calls/a%20b", 422, "bad-request"), ("GET", "/v1/events?types=all", 422, "bad-request"),
    ("GET", "/v1/settings/colours", 422, "bad-request"), ("GET", "/v1/recordings/nothing", 404, "not-found"),
])
def test_bad_requests(client: httpx.Client, method: str, path: str, status: int, code: str) -> None:
    problem(client.request(method, path), status, code)


@pytest.mark.parametrize("body", ["{", "[]", '{"verdict": "bad"}', "null", '{"verdict": "useful", "note": 7}'])
def test_bad_bodies(client: httpx.Client, angry: str, body: str) -> None:
    answer = client.post(f"/v1/alerts/{angry}-1/feedback", content=body, headers={"Content-Type": "application/json"})
    problem(answer, 422, "bad-request")


BIG = "9" * 400
STRANGE = [
    ("GET", "/v1/calls?from=0001-01-01T00:00:00%2B14:00", ""), ("GET", "/v1/calls?cursor=W05hTiwgImEiXQ==", ""),
    ("POST", "/v1/uploads", '{"name":"a","size":9,"transcript":[{"channel":"caller","start":0,"end":%s,"text":""}]}'),
    ("POST", "/v1/uploads", '{"name":"a.wav","size":%s}'), ("PUT", "/v1/settings/thresholds", '{"dead_air_s":%s}'),
    ("PUT", "/v1/settings/thresholds", '{"dead_air_s":NaN}'),
    ("PUT", "/v1/settings/thresholds", '{"quiet_rungs":[[1]]}'),
    ("PUT", "/v1/settings/lexicon", '{"zh":[{"text":"\\ud800","rung":1,"motive":"demand"}]}'),
    ("PUT", "/v1/settings/lexicon", '{"zh":[{"text":"ab","rung":1,"motive":[1]}]}'),
    ("PUT", "/v1/settings/guidance", '{"zh":{"waiting/\u00b3":{}}}'),
    ("POST", "/v1/calls", '{"metadata":{"a":"\\ud800"}}'), ("POST", "/v1/calls", '{"sample_rate":%s}'),
    ("POST", "/v1/calls", '{"encoding":["a"]}'), ("POST", "/v1/calls", '{"metadata":{"a":"\\u0000"}}'),
    ("POST", "/v1/keys", '{"name":"\\ud800","role":"ingest"}'), ("POST", "/v1/webhooks", '{"url":"https://[::1"}'),
    ("POST", "/v1/webhooks", '{"url":"https://a:99999/"}'), ("POST", "/v1/webhooks", '{"url":"https://\\ud800/"}'),
    ("POST", "/v1/session", '{"key":"\\ud800"}'), ("POST", "/v1/alerts/%%00/acknowledge", ""),
    ("POST", "/v1/alerts/x/feedback", '{"verdict":"useful","note":"\\ud800"}'),
]


@pytest.mark.parametrize(("method", "path", "body"), STRANGE)
def test_strange_values_are_refused(client: httpx.Client, method: str, path: str, body: str) -> None:
    """Huge numbers, NaN, half characters, zero characters, times that no clock has: 422, never 500."""
    content = (body.replace("%s", BIG)).encode()
    answer = client.request(method, path.replace("%%", "%"), content=content,
                            headers={"Content-Type": "application/json"})
    assert answer.status_code in ({422, 413} if method != "GET" else {200, 422}), answer.text
    if answer.status_code >= 400:
        problem(answer, answer.status_code, answer.json()["code"])


def test_strange_cookies_and_keys_are_nobody(tmp_path: Path) -> None:
    with serving(tmp_path, demo=False) as service, service.client() as client:
        for header in ({"Cookie": "emotion_session=a.b"}, {"Cookie": "emotion_session=" + "A" * 5000},
                       {"Authorization": "Bearer"}, {"Authorization": "Basic Og=="}):
            problem(client.get("/v1/me", headers=header), 401, "unauthorized")
        for path in ("/console/%2e%2e/app.py", "/console/..%2fapp.py", "/console//etc/passwd"):
            problem(client.get(path), 404, "not-found")


def test_too_many_requests(tmp_path: Path) -> None:
    with serving(tmp_path, requests_per_minute=30) as service, service.client() as client:
        answers = [client.get("/v1/me") for _ in range(40)]
        problem(answers[-1], 429, "rate-limited")
        assert answers[-1].headers["Retry-After"]
        assert client.get("/healthz").status_code == 200


def test_operations(client: httpx.Client, angry: str) -> None:
    assert client.get("/healthz").json() == {"status": "alive"}
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["ready"]) == (200, True)
    metrics = client.get("/metrics").text
    for name in ("emotion_live_calls", "emotion_hop_to_result_seconds_bucket", "emotion_alerts_total",
                 "emotion_dropped_seconds_total", "emotion_model_info"):
        assert name in metrics
    assert re.search(r'emotion_alerts_total\{audience="agent",rung="5"\} [1-9]', metrics)


def test_pages_are_locked_down(client: httpx.Client) -> None:
    """No inline script, no framing, nothing cached of what people said."""
    headers = client.get("/").headers
    assert "script-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert client.get("/v1/calls").headers["cache-control"] == "no-store"


def test_audit_names_who_looked(client: httpx.Client, angry: str) -> None:
    client.get(f"/v1/calls/{angry}/timeline")
    newest = client.get("/v1/audit").json()["items"][0]
    assert (newest["action"], newest["what"], newest["who"]) == ("timeline seen", angry, "demo")


def test_plain_values_are_json() -> None:
    """What goes out is JSON that a browser can read: no NaN anywhere."""
    assert json.dumps(plain({"a": float("nan")}), allow_nan=False) == '{"a": null}'


# ── what is kept only when asked for ────────────────────────────────────────────────────────────

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


def test_pages_of_other_origins(tmp_path: Path) -> None:
    """Only those that are named may read, and only what a ticket opens."""
    with serving(tmp_path, origins="https://crm.example") as service, service.client() as client:
        ticket = client.post("/v1/tickets", json={"for": "events"}).json()["ticket"]
        headers = {"Origin": "https://crm.example"}
        with client.stream("GET", f"/v1/events?ticket={ticket}", headers=headers) as answer:
            assert answer.status_code == 200
            assert answer.headers["access-control-allow-origin"] == "https://crm.example"
        assert client.get("/v1/me", headers=headers).status_code == 401
        assert "access-control-allow-origin" not in client.get("/", headers={"Origin": "https://evil.example"}).headers

"""Settings, a tenant's own phrases and cards, operations; and every bad request with its problem."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from emotion.report import plain
from tests.service import Service, complain, everything, problem, serving, start


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

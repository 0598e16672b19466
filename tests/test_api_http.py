"""HTTP over real sockets: calls, alerts and event streams."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.service import Service, complain, everything, problem, serving, start, until


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

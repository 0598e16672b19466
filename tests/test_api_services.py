"""The same on PostgreSQL and over Redis: run where EMOTION_TEST_POSTGRES and EMOTION_TEST_REDIS say where they are."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.service import complain, everything, serving, start, until

pytestmark = pytest.mark.service


@pytest.fixture
def postgres() -> Iterator[str]:
    """An empty schema in the database of EMOTION_TEST_POSTGRES (postgresql+psycopg://…)."""
    if not (url := os.environ.get("EMOTION_TEST_POSTGRES")):
        pytest.skip("EMOTION_TEST_POSTGRES is not set")
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    yield url


@pytest.fixture
def redis() -> str:
    """The address of a Redis whose stream of events is empty."""
    if not (url := os.environ.get("EMOTION_TEST_REDIS")):
        pytest.skip("EMOTION_TEST_REDIS is not set")
    from redis import Redis

    from api.bus.streams import STREAM

    with Redis.from_url(url) as client:
        client.delete(STREAM)
    return url


def test_calls_on_postgres(postgres: str, tmp_path: Path) -> None:
    """Stored, listed, acknowledged, judged, restarted, forgotten: as on SQLite."""
    with serving(tmp_path, database=postgres) as service, service.client() as client:
        for name in ("one", "two"):
            with service.socket("/v1/stream") as socket:
                socket.send(start(call_id=name, agent_id="lin", caller="c", language="zh"))
                complain(socket)
                socket.send('{"type": "stop"}')
                everything(socket)
        alert = client.get("/v1/alerts?call=one&open=true").json()["items"][0]["id"]
        assert client.post(f"/v1/alerts/{alert}/acknowledge").json()["acknowledged"]["by"] == "demo"
        assert client.post(f"/v1/alerts/{alert}/feedback", json={"verdict": "useful"}).status_code == 200
        assert client.get("/v1/today").json()["useful"] == 1
        assert client.get("/v1/calls/one/timeline").json()["changes"]
        assert client.put("/v1/settings/thresholds", json={"dead_air_s": 4}).status_code == 200
    with serving(tmp_path, database=postgres) as service, service.client() as client:
        assert client.get("/v1/settings/thresholds").json()["dead_air_s"] == 4
        listed = client.get("/v1/calls?limit=1").json()
        assert listed["items"][0]["call"] == "two"
        assert client.get(f"/v1/calls?limit=1&cursor={listed['next']}").json()["items"][0]["call"] == "one"
        with service.socket("/v1/agents/lin/alerts?last_event_id=0") as socket:
            assert until(socket, "alert")["call"] == "one"
        assert client.delete("/v1/callers/c/calls").json() == {"deleted": 2}
        assert client.get("/v1/alerts").json()["items"] == []


def test_two_processes_over_redis(redis: str, tmp_path: Path) -> None:
    """A call at one service raises its alert on a console at the other, which also shows it as live."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with (serving(tmp_path / "a", redis=redis) as one, serving(tmp_path / "b", redis=redis) as two,
          two.socket("/v1/events?readings=true") as console, one.socket("/v1/stream") as socket,
          two.client() as client):
        until(console, "hello")
        socket.send(start(call_id="far", agent_id="lin", language="zh"))
        assert until(console, "call")["card"]["call"] == "far"
        complain(socket)
        assert until(console, "reading")["call"] == "far"
        first = until(console, "alert")
        assert first["alert"]["rung"] == 5
        assert [card["call"] for card in client.get("/v1/calls?state=live").json()["items"]] == ["far"]
        with two.socket(f"/v1/agents/lin/alerts?last_event_id={first['id']}") as late:
            assert until(late, "hello")["live"][0]["call"] == "far"
        socket.send('{"type": "stop"}')
        assert until(console, "ended")["reason"] == "stop"
        assert client.get("/v1/calls?state=live").json()["items"] == []


def test_a_late_process_replays(redis: str, tmp_path: Path) -> None:
    """A process that starts later knows the alerts of the last hour."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    with serving(tmp_path / "a", redis=redis) as one, one.socket("/v1/stream") as socket:
        socket.send(start(call_id="early", agent_id="lin", language="zh"))
        complain(socket)
        until(socket, "alert")
        socket.send('{"type": "stop"}')
        until(socket, "ended")
    with (serving(tmp_path / "b", redis=redis) as two,
          two.socket("/v1/agents/lin/alerts?last_event_id=0") as console):
        assert until(console, "alert")["call"] == "early"


def test_without_redis_the_process_goes_on(tmp_path: Path) -> None:
    """Nobody answers at the address: calls and alerts work, readiness says what is missing."""
    with serving(tmp_path, redis="redis://127.0.0.1:1/0") as service, service.client() as client:
        with service.socket("/v1/agents/lin/alerts") as console, service.socket("/v1/stream") as socket:
            until(console, "hello")
            socket.send(start(call_id="alone", agent_id="lin", language="zh"))
            complain(socket)
            assert until(console, "alert")["alert"]["rung"] == 5
        deadline = time.monotonic() + 5
        while client.get("/readyz").status_code == 200 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert client.get("/readyz").json()["parts"]["bus"] is False

"""Who may do what: every route and every socket, every role, another tenant, another agent, another team, nobody."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute, APIWebSocketRoute
from websockets.exceptions import ConnectionClosed, InvalidStatus

from api.app import create
from api.settings import Settings
from tests.service import Service, complain, serving, start, until

ROLES = ("ingest", "agent", "supervisor", "admin")
CALLS, WATCH = {"ingest", "agent", "admin"}, {"agent", "supervisor", "admin"}
LEAD, ADMIN = {"supervisor", "admin"}, {"admin"}
UPLOAD, ALL = {"ingest", "supervisor", "admin"}, set(ROLES)
ALERT = "own-call-1"
ROUTES: dict[tuple[str, str], tuple[set[str], Any]] = {
    ("GET", "/v1/me"): (ALL, None),
    ("POST", "/v1/tickets"): (ALL, {"for": "events"}),
    ("GET", "/v1/keys"): (ADMIN, None),
    ("POST", "/v1/keys"): (ADMIN, {"name": "x", "role": "ingest"}),
    ("DELETE", "/v1/keys/{key}"): (ADMIN, None),
    ("GET", "/v1/audit"): (ADMIN, None),
    ("POST", "/v1/calls"): (CALLS, {}),
    ("GET", "/v1/calls"): (WATCH, None),
    ("GET", "/v1/calls/{call}"): (WATCH, None),
    ("GET", "/v1/calls/{call}/timeline"): (WATCH, None),
    ("GET", "/v1/calls/{call}/record"): (WATCH, None),
    ("GET", "/v1/calls/{call}/audio"): (LEAD, None),
    ("GET", "/v1/calls/{call}/export"): (LEAD, None),
    ("POST", "/v1/calls/{call}/take"): (LEAD, None),
    ("DELETE", "/v1/calls/{call}/take"): (LEAD, None),
    ("DELETE", "/v1/calls/{call}"): (ADMIN, None),
    ("DELETE", "/v1/callers/{caller}/calls"): (ADMIN, None),
    ("GET", "/v1/today"): (LEAD, None),
    ("GET", "/v1/alerts"): (WATCH, None),
    ("POST", "/v1/alerts/{alert}/acknowledge"): (WATCH, None),
    ("POST", "/v1/alerts/{alert}/feedback"): (WATCH, {"verdict": "useful"}),
    ("POST", "/v1/recordings"): (UPLOAD, None),
    ("GET", "/v1/recordings"): (UPLOAD, None),
    ("GET", "/v1/recordings/{recording}"): (UPLOAD, None),
    ("GET", "/v1/recordings/{recording}/report.{form}"): (UPLOAD, None),
    ("DELETE", "/v1/recordings/{recording}"): (ADMIN, None),
    ("POST", "/v1/uploads"): (UPLOAD, {"name": "a.wav", "size": 10}),
    ("HEAD", "/v1/uploads/{upload}"): (UPLOAD, None),
    ("PATCH", "/v1/uploads/{upload}"): (UPLOAD, None),
    ("GET", "/v1/settings"): (ADMIN, None),
    ("GET", "/v1/settings/{name}"): (ADMIN, None),
    ("PUT", "/v1/settings/{name}"): (ADMIN, {}),
    ("GET", "/v1/webhooks"): (ADMIN, None),
    ("POST", "/v1/webhooks"): (ADMIN, {"url": "https://192.0.2.1/x"}),
    ("DELETE", "/v1/webhooks/{webhook}"): (ADMIN, None),
    ("GET", "/v1/webhooks/dead"): (ADMIN, None),
    ("POST", "/v1/webhooks/dead/{letter}/retry"): (ADMIN, None),
    ("GET", "/v1/events"): (WATCH, None),
    ("GET", "/v1/agents/{agent}/alerts"): (WATCH, None),
}
NOBODYS = {("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics"), ("GET", "/"), ("POST", "/v1/session"),
           ("DELETE", "/v1/session")}
"""Routes that ask for no role: they tell nothing of anybody's."""
SOCKETS = {"/v1/stream": CALLS, "/v1/events": WATCH, "/v1/agents/{agent}/alerts": WATCH}
DOORS = {"/v1/twilio", "/v1/audiohook", "/v1/asterisk", "/v1/freeswitch"}
"""Sockets of other makers: their own tests hold their signatures; here, that nobody comes in without."""
STREAMS = {"/v1/events", "/v1/agents/{agent}/alerts"}
THINGS = {"{call}": "own-call", "{alert}": ALERT, "{agent}": "a1", "{caller}": "caller-1", "{key}": "nokey",
          "{recording}": "norecording", "{upload}": "noupload", "{form}": "json", "{name}": "thresholds",
          "{webhook}": "nohook", "{letter}": "noletter"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("rights"), demo=False, grace_s=600, idle_s=600) as running:
        yield running


@pytest.fixture(scope="module")
def keys(service: Service) -> dict[str, str]:
    made = {role: service.key("ours", role, "a1" if role == "agent" else None) for role in ROLES}
    return made | {"other-tenant": service.key("theirs", "admin"), "other-agent": service.key("ours", "agent", "a2"),
                   "other-team": service.key("ours", "supervisor", team="south"),
                   "team": service.key("ours", "supervisor", team="north")}


@pytest.fixture(scope="module")
def call(service: Service, keys: dict[str, str]) -> Iterator[str]:
    """A live call of our tenant, agent a1, team north, with an alert."""
    with service.socket("/v1/stream", keys["ingest"]) as socket:
        socket.send(start(call_id="own-call", agent_id="a1", team="north", caller="caller-1", language="zh"))
        until(socket, "started")
        complain(socket)
        assert until(socket, "alert")["alert"]["id"] == ALERT
        yield "own-call"


def filled(path: str) -> str:
    for name, value in THINGS.items():
        path = path.replace(name, value)
    return path


def ask(service: Service, key: str | None, method: str, path: str, body: Any) -> tuple[int, str]:
    """Status and body; an event stream is left after its status."""
    with service.client(key) as client:
        if path in STREAMS:
            with client.stream(method, filled(path)) as answer:
                return answer.status_code, "" if answer.status_code == 200 else answer.read().decode()
        answer = client.request(method, filled(path), json=body)
        return answer.status_code, answer.text


def test_every_route_is_in_the_table(service: Service) -> None:
    """A new route fails here until somebody says who may use it."""
    app = create(Settings(database="sqlite://", demo=True), lambda _: service.house.engine)
    inner = [one for route in app.routes if hasattr(route, "original_router") for one in route.original_router.routes]
    routes = [*app.routes, *inner]
    http = {(method, route.path) for route in routes if isinstance(route, APIRoute)
            for method in route.methods or {"any"}}
    assert http == set(ROUTES) | NOBODYS
    assert {route.path for route in routes if isinstance(route, APIWebSocketRoute)} == set(SOCKETS) | DOORS


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_nobody(service: Service, method: str, path: str) -> None:
    for key in (None, "em_wrong"):
        status, body = ask(service, key, method, path, ROUTES[method, path][1])
        assert status == 401
        assert "own-call" not in body
    service.house.guard._failed.clear()


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_roles(service: Service, keys: dict[str, str], call: str, method: str, path: str) -> None:
    """Those who may are not refused; those who may not are, whatever the object."""
    allowed, body = ROUTES[method, path]
    for role in ROLES:
        if role in allowed and (method, path) in {("DELETE", "/v1/calls/{call}"),
                                                  ("DELETE", "/v1/callers/{caller}/calls")}:
            continue
        status, text = ask(service, keys[role], method, path, body)
        if role in allowed:
            assert status not in {401, 403, 500}, text
        else:
            assert status == 403, (role, status, text)


@pytest.mark.parametrize(("method", "path"), [one for one in ROUTES if "{call}" in one[1] or "{alert}" in one[1]])
def test_another_tenants_things_are_absent(service: Service, keys: dict[str, str], call: str, method: str,
                                           path: str) -> None:
    status, body = ask(service, keys["other-tenant"], method, path, ROUTES[method, path][1])
    assert status == 404, body
    unknown = ask(service, keys["other-tenant"], method, path.replace("{call}", "zzz").replace("{alert}", "zzz"),
                  ROUTES[method, path][1])
    assert (status, body) == unknown, "what is not yours looks like what is not there"


@pytest.mark.parametrize("who", ["other-agent", "other-team"])
@pytest.mark.parametrize(("method", "path"), [
    ("GET", "/v1/calls/{call}"), ("GET", "/v1/calls/{call}/timeline"), ("GET", "/v1/calls/{call}/record"),
    ("POST", "/v1/alerts/{alert}/acknowledge"), ("POST", "/v1/alerts/{alert}/feedback")])
def test_another_agent_or_team(service: Service, keys: dict[str, str], call: str, who: str, method: str,
                               path: str) -> None:
    assert ask(service, keys[who], method, path, ROUTES[method, path][1])[0] == 404


@pytest.mark.parametrize(("who", "sees"), [
    ("agent", True), ("supervisor", True), ("admin", True), ("team", True),
    ("other-agent", False), ("other-team", False), ("other-tenant", False)])
def test_lists_and_events_show_only_what_is_yours(service: Service, keys: dict[str, str], call: str, who: str,
                                                  sees: bool) -> None:
    with service.client(keys[who]) as client:
        for path in ("/v1/calls", "/v1/calls?state=live", "/v1/alerts", "/v1/calls?agent=a1"):
            assert ("own-call" in client.get(path).text) is sees, path
    with service.socket("/v1/events?last_event_id=0", keys[who]) as socket:
        hello = until(socket, "hello")
        assert ([card["call"] for card in hello["live"]] == ["own-call"]) is sees
        if sees:
            assert until(socket, "alert")["alert"]["id"] == ALERT
        else:
            with pytest.raises(TimeoutError):
                socket.recv(timeout=0.5)


def test_events_of_another_agent_or_team_are_refused(service: Service, keys: dict[str, str]) -> None:
    for who, path in (("other-agent", "/v1/agents/a1/alerts"), ("other-agent", "/v1/events?agent=a1"),
                      ("other-team", "/v1/events?team=north")):
        with service.client(keys[who]) as client:
            assert client.get(path).status_code == 404
        with service.socket(path, keys[who]) as socket:
            assert until(socket, "error")["code"] == "not-found"


@pytest.mark.parametrize("path", SOCKETS)
def test_sockets(service: Service, keys: dict[str, str], path: str) -> None:
    """Nobody: 4401; the wrong role: 4403; and not a word more."""
    for role in (None, *ROLES):
        if role in SOCKETS[path]:
            continue
        with service.socket(filled(path), keys[role] if role else None) as socket:
            error = json.loads(socket.recv(timeout=10))
            assert error["code"] == ("forbidden" if role else "unauthorized")
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(timeout=10)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == (4403 if role else 4401)


@pytest.mark.parametrize("path", sorted(DOORS))
def test_doors_are_shut(service: Service, keys: dict[str, str], path: str) -> None:
    for key in (None, keys["supervisor"]):
        with pytest.raises(InvalidStatus) as refused, service.socket(path, key):
            pass
        assert refused.value.response.status_code == 401


def test_nobody_resumes_or_replaces_anothers_call(service: Service, keys: dict[str, str], call: str) -> None:
    stranger = service.key("theirs", "ingest")
    for key in (stranger, keys["other-agent"]):
        with service.socket("/v1/stream", key) as socket:
            socket.send(start(call_id="own-call", resume={"seq": 0}))
            assert until(socket, "error")["code"] == "cannot-resume"
    with service.socket("/v1/stream", stranger) as socket:
        socket.send(start(call_id="own-call"))
        assert until(socket, "started")["call"] == "own-call", "ids are the tenant's own"
        socket.send('{"type": "stop"}')
        until(socket, "ended")


def test_an_agent_streams_only_its_own_calls(service: Service, keys: dict[str, str]) -> None:
    with service.socket("/v1/stream", keys["other-agent"]) as socket:
        socket.send(start(agent_id="a1"))
        assert until(socket, "error")["code"] == "forbidden"


def test_tickets(service: Service, keys: dict[str, str]) -> None:
    """A ticket opens one connection of its kind, once; keys are not taken from an address."""
    with service.client(keys["agent"]) as client:
        for purpose, path, first in (("events", "/v1/events", "hello"), ("stream", "/v1/stream", "started")):
            ticket = client.post("/v1/tickets", json={"for": purpose}).json()["ticket"]
            other = "/v1/stream" if purpose == "events" else "/v1/events"
            with service.socket(f"{other}?ticket={ticket}") as socket:
                assert until(socket, "error")["code"] == "unauthorized"
            with service.socket(f"{path}?ticket={ticket}") as socket:
                if purpose == "stream":
                    socket.send(start())
                assert until(socket, first)
                if purpose == "stream":
                    socket.send('{"type": "stop"}')
            with service.socket(f"{path}?ticket={ticket}") as socket:
                assert until(socket, "error")["code"] == "unauthorized"
        assert client.post("/v1/tickets", json={"for": "events", "agent": "a2"}).status_code == 404
    with service.socket(f"/v1/events?ticket={keys['admin']}") as socket:
        assert until(socket, "error")["code"] == "unauthorized"
    with service.client() as client:
        assert client.get(f"/v1/events?ticket=tk_x.y&key={keys['admin']}").status_code == 401


def test_browser_session(service: Service, keys: dict[str, str]) -> None:
    """A session works for our own pages only, and ends with its key or by logging out."""
    key = service.key("ours", "supervisor")
    with service.client() as client:
        assert client.post("/v1/session", json={"key": "em_wrong"}).status_code == 401
        answer = client.post("/v1/session", json={"key": key})
        assert answer.json()["role"] == "supervisor"
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert key not in answer.headers["set-cookie"]
        assert client.get("/v1/me").status_code == 200
        assert client.get("/v1/me", headers={"Origin": "https://evil.example"}).status_code == 401
        assert client.get("/v1/me", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 401
        assert client.get("/v1/me", headers={"Origin": service.http}).status_code == 200
        token = client.cookies["emotion_session"]
        assert client.delete("/v1/session").status_code == 204
        assert client.get("/v1/me", headers={"Cookie": f"emotion_session={token}"}).status_code == 401
    service.house.guard._failed.clear()


def test_a_revoked_key_ends_its_sessions(service: Service, keys: dict[str, str]) -> None:
    with service.client(keys["admin"]) as admin, service.client() as browser:
        made = admin.post("/v1/keys", json={"name": "short", "role": "supervisor"}).json()
        browser.post("/v1/session", json={"key": made["key"]})
        assert browser.get("/v1/me").status_code == 200
        assert admin.delete(f"/v1/keys/{made['id']}").status_code == 204
        assert browser.get("/v1/me").status_code == 401
        assert made["key"] not in admin.get("/v1/keys").text


def test_guessing_is_slowed_down(service: Service) -> None:
    with service.client("em_guess") as client:
        statuses = [client.get("/v1/me").status_code for _ in range(25)]
    assert statuses[0] == 401
    assert statuses[-1] == 429
    service.house.guard._failed.clear()


def test_demo_mode_is_for_this_machine_only(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Without keys: pages of other origins and other names of this machine get nothing."""
    with serving(tmp_path_factory.mktemp("demo")) as service, service.client() as client:
        assert client.get("/v1/me").json()["demo"]
        assert client.get("/v1/me", headers={"Host": "attacker.example"}).status_code == 401
        assert client.get("/v1/me", headers={"Origin": "http://attacker.example"}).status_code == 401
        with service.socket("/v1/stream", origin="http://attacker.example") as socket:
            assert until(socket, "error")["code"] == "unauthorized"

"""Webhooks: signed, tried again, buried when all fails, tried once more by hand; and where they may not go."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from api.settings import Settings
from api.webhooks import address_fault
from tests.service import Service, complain, everything, serving, start


class Receiver:
    """Somebody's server: answers with the statuses it is given, then with 200."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.got: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((dict(self.headers), body))
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("hooks"), webhook_private=True) as running:
        running.house.webhooks._back_off = (0.05, 0.05)
        yield running


def call(service: Service, name: str) -> None:
    """A call that raises alerts."""
    with service.socket("/v1/stream") as socket:
        socket.send(start(call_id=name, agent_id="lin", language="zh"))
        complain(socket)
        socket.send('{"type": "stop"}')
        everything(socket)


def wait(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)


def test_signed_and_complete(service: Service, receiver: Receiver) -> None:
    with service.client() as client:
        secret = client.post("/v1/webhooks", json={"url": receiver.url, "types": ["alert", "ended"]}).json()["secret"]
        assert secret not in client.get("/v1/webhooks").text
    call(service, "hooked")
    wait(lambda: any(headers["Emotion-Event"] == "ended" for headers, _ in receiver.got))
    for headers, body in receiver.got:
        stamp, _, digest = headers["Emotion-Signature"].partition(",")
        expected = hmac.new(secret.encode(), stamp[2:].encode() + b"." + body, hashlib.sha256).hexdigest()
        assert digest == f"v1={expected}"
        assert abs(int(stamp[2:]) - time.time()) < 60
    events = [json.loads(body) for _, body in receiver.got]
    assert {event["type"] for event in events} == {"alert", "ended"}
    assert all(event["call"] == "hooked" for event in events)


def test_tried_again_with_the_same_id(service: Service, receiver: Receiver) -> None:
    receiver.statuses = [500, 503]
    with service.client() as client:
        client.post("/v1/webhooks", json={"url": receiver.url, "types": ["ended"]})
    call(service, "again")
    wait(lambda: len(receiver.got) == 3)
    assert len({headers["Emotion-Delivery"] for headers, _ in receiver.got}) == 1
    with service.client() as client:
        assert client.get("/v1/webhooks/dead").json()["items"] == []


def test_buried_and_raised(service: Service, receiver: Receiver) -> None:
    receiver.statuses = [500] * 3
    with service.client() as client:
        client.post("/v1/webhooks", json={"url": receiver.url, "types": ["ended"]})
        call(service, "dead")
        wait(lambda: client.get("/v1/webhooks/dead").json()["items"])
        letter = client.get("/v1/webhooks/dead").json()["items"][0]
        assert (letter["fault"], letter["tries"], letter["event"]["call"]) == ("HTTP 500", 3, "dead")
        assert client.post(f"/v1/webhooks/dead/{letter['id']}/retry").status_code == 202
        wait(lambda: len(receiver.got) == 4)
        assert client.get("/v1/webhooks/dead").json()["items"] == []
        assert client.post("/v1/webhooks/dead/nothing/retry").status_code == 404


def test_a_deleted_webhook_is_silent(service: Service, receiver: Receiver) -> None:
    with service.client() as client:
        hook = client.post("/v1/webhooks", json={"url": receiver.url, "types": ["ended"]}).json()["id"]
        assert client.delete(f"/v1/webhooks/{hook}").status_code == 204
        call(service, "silent")
    time.sleep(0.3)
    assert not receiver.got


@pytest.mark.parametrize("url", [
    "https://127.0.0.1/x", "https://localhost/x", "https://10.0.0.8/x", "https://169.254.169.254/latest", "https://[::1]/x",
    "http://192.0.2.1/x", "https://user:word@192.0.2.1/x", "https:///x"])
def test_not_into_this_network(url: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """By default events go to public https addresses only."""
    with serving(tmp_path_factory.mktemp("shut")) as service, service.client() as client:
        answer = client.post("/v1/webhooks", json={"url": url})
        assert (answer.status_code, answer.json()["code"]) == (422, "bad-address")


async def _fault(url: str) -> str | None:
    return await address_fault(url, Settings())


def test_a_public_address_is_fine() -> None:
    import asyncio

    assert asyncio.run(_fault("https://1.1.1.1/hook")) is None

"""The real service over real sockets, for tests: uvicorn in a thread, a database of its own."""

from __future__ import annotations

import asyncio
import copy
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from api.app import create, load
from api.house import House
from api.security import Role
from api.serve import Server, add_key
from api.settings import Settings
from emotion.alerts import Alerter
from emotion.engine import Engine
from emotion.ladder import Ladder, State
from emotion.types import Change, Reading, Reason, Shift, Standing

SAMPLES = Path(__file__).parent.parent / "api" / "samples"


@cache
def real_engine() -> Engine:
    """One engine for all tests of a run: weights are shared and hold no state of calls."""
    return load(Settings())


@cache
def engine() -> Engine:
    """The real engine with a ladder that takes every phrase at its word: tests of the service show the service, and
    stay as they are when the ladder is fitted anew."""
    made = copy.copy(real_engine())
    made.ladder = PlainLadder(made.config.ladder)
    made.alerter = Alerter(replace(made.config.alerts, strictness=0.5))
    return made


class PlainLadder(Ladder):
    """Stands where the highest phrase so far put the caller."""

    def _hop(self, state: State, reading: Reading, shift: Shift | None) -> tuple[Standing, Change | None]:
        phrases = reading.words.phrases
        rung = max([state.rung, *(phrase.rung for phrase in phrases)])
        change = None
        if rung > state.rung:
            reasons = tuple(Reason("words", one.key, one.motive, one.span, 1.0, {"zh": one.text, "en": one.text})
                            for one in phrases)
            change = Change(reading.at, state.rung, rung, 1.0, reasons)
        state.rung = rung
        return Standing(reading.at, tuple(float(step == rung) for step in range(7)), rung, 1.0, 0.0), change


@dataclass
class Service:
    """A running service."""

    port: int
    house: House
    settings: Settings
    server: Server

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def client(self, key: str | None = None, **more: Any) -> httpx.Client:
        """An HTTP client that shows a key."""
        return httpx.Client(base_url=self.http, headers=_bearer(key), timeout=30, **more)

    def socket(self, path: str, key: str | None = None, **more: Any) -> ClientConnection:
        """A WebSocket that shows a key."""
        connection = connect(self.ws + path, additional_headers=_bearer(key), max_size=1 << 24, **more)
        assert isinstance(connection, ClientConnection)
        return connection

    def key(self, tenant: str, role: str, agent: str | None = None, team: str | None = None) -> str:
        """Make a key while the service runs; it counts at once."""
        text = add_key(self.settings, tenant, Role(role), f"{tenant}-{role}-{agent or team or ''}", agent, team)
        self.on_loop(self.house.reload_keys())
        return text

    def on_loop(self, work: Any) -> Any:
        """Run a coroutine on the service's own event loop."""
        assert self.house._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self.house._loop).result(30)


def _bearer(key: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}


@contextmanager
def serving(folder: Path, *, real: bool = False, **settings: Any) -> Iterator[Service]:
    """A service on a free port of loopback, in demo mode unless told otherwise; drained at the end."""
    chosen = Settings(**{"demo": True, "database": f"sqlite:///{folder / 'test.db'}", "files": str(folder / "files"),
                         "drain_s": 0.3, "requests_per_minute": 1_000_000, **settings})
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    app = create(chosen, lambda _: real_engine() if real else engine())
    server = Server(uvicorn.Config(app, ws="websockets-sansio", log_config=None, access_log=False,
                                   ws_max_size=2 << 20, ws_per_message_deflate=False,
                                   timeout_graceful_shutdown=10))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started and time.monotonic() < deadline and thread.is_alive():
        time.sleep(0.01)
    assert server.started, "the service did not start"
    try:
        yield Service(port, app.state.house, chosen, server)
    finally:
        server.should_exit = True
        thread.join(30)
        listener.close()
        assert not thread.is_alive(), "the service did not stop"


def start(**fields: Any) -> str:
    """A `start` message: mono mu-law at 8 kHz unless told otherwise."""
    return json.dumps({"type": "start", "encoding": "mulaw", "sample_rate": 8000, "channels": ["caller"],
                       "consent": True, **fields})


def complain(socket: ClientConnection) -> None:
    """Four seconds of a caller (mu-law) who says twice that he complains: rung 5, and alerts."""
    for begin, text in ((0, "我要投诉你们"), (2, "我要投诉你们，叫你们经理来")):
        socket.send(json.dumps({"type": "transcript", "start": begin, "end": begin + 1, "text": text}))
        socket.send(b"\xff" * 16_000)


def until(socket: ClientConnection, kind: str, seconds: float = 30) -> dict[str, Any]:
    """The next message of a type."""
    deadline = time.monotonic() + seconds
    while True:
        message: dict[str, Any] = json.loads(socket.recv(timeout=max(0.01, deadline - time.monotonic())))
        if message["type"] == kind:
            return message


def everything(socket: ClientConnection) -> list[dict[str, Any]]:
    """All messages until the socket closes."""
    said: list[dict[str, Any]] = []
    with suppress(ConnectionClosed):
        for text in socket:
            said.append(json.loads(text))  # noqa: PERF401  what came before a close counts
    return said


def angry_call(service: Service) -> str:
    """The name of an ended call with alerts."""
    with service.socket("/v1/stream") as socket:
        socket.send(start(call_id="angry", agent_id="lin", team="north", caller="c-1", language="zh",
                          metadata={"queue": "billing"}))
        complain(socket)
        socket.send('{"type": "stop"}')
        assert everything(socket)[-1]["summary"]["peak"] == 5
    return "angry"


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The answer is a problem document with fault and remedy."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    document: dict[str, Any] = answer.json()
    assert (answer.status_code, document["status"], document["code"]) == (status, status, code), answer.text
    assert document["type"] == f"/problems/{code}"
    assert document["detail"]
    assert document["remedy"]
    return document

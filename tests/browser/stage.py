"""A stage for the console: its real files, and behind them a service that says what the test wants said.

It speaks docs/api.md: SSE with ids and replay, calls, alerts, settings, uploads, and the stream's WebSocket, whose
audio it keeps. It runs in a thread of its own; everything a test calls is safe to call from the test's thread.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from api.web import CSP
from emotion.guidance import load
from emotion.types import Motive

CONSOLE = Path(__file__).parents[2] / "api" / "console"
GUIDANCE = load()
REPLAYED = {"alert", "change", "acknowledged", "ended", "call"}
ADMIN = {"tenant": "demo", "role": "admin", "agent": None, "team": None, "demo": True, "version": "0"}
MODELS = {"version": "0", "models": {}}


def card(call: str = "c-1", **changes: Any) -> dict[str, Any]:
    """A call card of docs/api.md."""
    return {
        "call": call,
        "agent": "a-1",
        "team": "north",
        "language": "zh",
        "state": "live",
        "started": "2026-01-31T09:30:00Z",
        "ended": None,
        "seconds": 12.0,
        "rung": 0,
        "before": 0,
        "peak": 0,
        "confidence": 0.8,
        "forecast": 0.1,
        "last_reason": None,
        "alerts": 0,
        "open_alerts": 0,
        "taken_by": None,
        "degraded": [],
        "consent": True,
        "door": "native",
        "words": "transcript",
        **changes,
    }


def reason(text: str = "等了半天", at: float = 12.3, ear: str = "words") -> dict[str, Any]:
    return {
        "ear": ear,
        "key": text,
        "motive": "waiting",
        "span": [at, at + 0.6],
        "weight": 1.5,
        "text": {"zh": f"“{text}” ({at} s)", "en": f"'{text}' ({at} s)"},
    }


def alert(rung: int, at: float = 13.0, **changes: Any) -> dict[str, Any]:
    """An alert with the real guidance of its rung."""
    motive: Motive = "waiting" if rung < 4 else "demand" if rung < 5 else "complaint"
    cards = GUIDANCE.cards("raise", rung, motive)
    plain = {
        language: {
            "title": one.title,
            "mood": list(one.mood),
            "matter": one.matter,
            "avoid": one.avoid,
            "technique": one.technique,
            "step": one.step,
        }
        for language, one in cards.items()
    }
    return {
        "id": f"alert-{rung}-{at}",
        "call": "c-1",
        "at": at,
        "kind": "raise",
        "rung": rung,
        "audience": "hint" if rung < 3 else "agent",
        "motive": motive,
        "reasons": [reason()],
        "guidance": plain,
        **changes,
    }


def reading(at: float, rung: int = 0, z: float = 0.3, **words: Any) -> dict[str, Any]:
    """The payload of a `reading` event: the caller speaks, `z` from his normal."""
    deviation = {"z": z, "change": 5 * z}
    talk = {
        "caller": 0.4,
        "agent": 0.0,
        "overlap": 0,
        "dead_air": 0,
        "hold": 0,
        "waited": 0,
        "caller_interrupts": 0,
        "agent_interrupts": 0,
        "caller_share": 0.5,
        "transfers": 0,
        "unacknowledged": None,
    }
    heard = {"by": "transcript", "phrases": [], "turn": None, "repeat": None, "acknowledged": None, **words}
    return {
        "at": at,
        "reading": {
            "at": at,
            "span": [at - 0.5, at],
            "voice": None,
            "mood": None,
            "words": heard,
            "talk": talk,
            "degraded": [],
        },
        "shift": {
            "pitch": deviation,
            "rate": deviation,
            "loudness": deviation,
            "pitch_range": None,
            "effort": None,
            "quality": None,
            "arousal": None,
            "heat": z,
            "personal": 0.8,
        },
        "standing": {"at": at, "posterior": [], "rung": rung, "confidence": 0.8, "forecast": 0.1},
    }


class Stage:
    """What the service says, and what it was told."""

    def __init__(self) -> None:
        self.me: dict[str, Any] | None = dict(ADMIN)
        self.live: list[dict[str, Any]] = []
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, str, Any]] = []
        self.streams: list[dict[str, Any]] = []
        self.down = False
        self.readers = 0
        self.forgotten: set[str] = set()
        self._log: list[tuple[int, dict[str, Any]]] = []
        self._ids = itertools.count(1)
        self._queues: set[asyncio.Queue[tuple[int, dict[str, Any]] | None]] = set()
        self._sockets: set[WebSocket] = set()
        self._tasks: set[asyncio.Future[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server = uvicorn.Server(
            uvicorn.Config(self._app(), host="127.0.0.1", port=0, log_level="warning", ws="websockets-sansio")
        )
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> Stage:
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self.cut()
        self._thread.join(10)

    @property
    def address(self) -> str:
        port: int = self._server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    # ── what a test says ──

    def emit(self, kind: str, call: str = "c-1", **payload: Any) -> None:
        """An event for everybody who listens."""
        event = (
            next(self._ids),
            {"type": kind, "call": call, "agent": "a-1", "team": "north", "time": "2026-01-31T09:30:10Z", **payload},
        )
        self._log.append(event)

        def put() -> None:
            for queue in self._queues:
                queue.put_nowait(event)

        self._call(put)

    def cut(self) -> None:
        """Every SSE line and stream socket breaks."""
        self._call(self._cut)

    def _cut(self) -> None:
        for queue in self._queues:
            queue.put_nowait(None)
        for socket in list(self._sockets):
            self._soon(socket.close(1012))

    def tell(self, message: dict[str, Any]) -> None:
        """A server message on every open stream."""

        def send() -> None:
            for socket in self._sockets:
                self._soon(socket.send_text(json.dumps(message)))

        self._call(send)

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _call(self, work: Callable[[], None]) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(work)

    # ── what the page hears ──

    def _app(self) -> Any:
        app = Starlette(
            routes=[
                Route("/", lambda _: FileResponse(CONSOLE / "index.html")),
                Mount("/console", StaticFiles(directory=CONSOLE)),
                Route("/v1/events", self._events),
                WebSocketRoute("/v1/stream", self._stream),
                Route("/v1/{path:path}", self._answer, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
            ]
        )

        async def hardened(scope: Scope, receive: Receive, send: Send) -> None:
            self._loop = asyncio.get_running_loop()

            async def add(message: Message) -> None:
                if message["type"] == "http.response.start":
                    message["headers"] = [
                        *message["headers"],
                        (b"content-security-policy", CSP.encode()),
                        (b"cache-control", b"no-store"),
                    ]
                await send(message)

            await app(scope, receive, add)

        return hardened

    async def _events(self, request: Request) -> Response:
        if self.down:
            return Response(status_code=503)
        queue: asyncio.Queue[tuple[int, dict[str, Any]] | None] = asyncio.Queue()
        self._queues.add(queue)
        last = request.headers.get("last-event-id") or request.query_params.get("last_event_id")
        wants_readings = "readings" in request.query_params
        self.readers += wants_readings
        missed = [
            event
            for event in self._log
            if event[0] > int(last or 0) and event[1]["type"] in REPLAYED and last and not wants_readings
        ]

        async def lines() -> AsyncIterator[str]:
            yield "retry: 100\n\n" + written("hello", {"time": "", "live": self.live})
            for number, event in missed:
                yield written(event["type"], event, number)
            while (event_or_end := await queue.get()) is not None:
                number, event = event_or_end
                if (event["type"] == "reading") == wants_readings:
                    yield written(event["type"], event, number)
            self._queues.discard(queue)

        return StreamingResponse(lines(), media_type="text/event-stream")

    async def _answer(self, request: Request) -> Response:
        path = request.path_params["path"]
        body = await request.body()
        self.asked.append(
            (
                request.method,
                path,
                json.loads(body) if request.headers.get("content-type") == "application/json" else body,
            )
        )
        if path == "me" or (path == "session" and request.method == "POST"):
            return JSONResponse(self.me) if self.me else problem(401, "unauthorized", "nobody is signed in")
        key = path if request.method == "GET" else f"{request.method} {path}"
        if key in self.answers:
            found = self.answers[key]
            return found(request, body) if callable(found) else JSONResponse(found)
        if path.endswith(("acknowledge", "feedback")):
            return JSONResponse({})
        return problem(404, "not-found", f"nothing is at {path}")

    def _opened(self, start: dict[str, Any]) -> dict[str, Any] | None:
        """The call that a `start` means; None when it asks for one that is over."""
        name = start["call_id"]
        if "resume" in start:
            if name in self.forgotten:
                return None
            known = next(call for call in self.streams if call["name"] == name)
            known["resumes"].append(start["resume"])
            return known
        name += ".2" if any(call["name"] == name for call in self.streams) else ""
        self.streams.append({"name": name, "start": start, "audio": b"", "texts": [], "messages": 1, "resumes": []})
        return self.streams[-1]

    async def _stream(self, socket: WebSocket) -> None:
        """The native door, as far as a softphone sees it: counts messages, keeps audio, resumes by call id."""
        await socket.accept()
        start = json.loads(await socket.receive_text())
        call = self._opened(start)
        if call is None:
            error = {"type": "error", "code": "cannot-resume", "message": "over", "remedy": "", "fatal": True}
            await socket.send_text(json.dumps(error))
            await socket.close(4410)
            return
        received = {"messages": call["messages"], "samples": 0, "seconds": 0}
        started = {"type": "started", "seq": 1, "call": call["name"], "grace_s": 30, "engine": MODELS}
        await socket.send_text(json.dumps({**started, "resumed": "resume" in start, "received": received}))
        self._sockets.add(socket)
        try:
            while True:
                message = await socket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                call["messages"] += 1
                if message.get("bytes"):
                    call["audio"] += message["bytes"]
                    continue
                call["texts"].append(json.loads(message["text"]))
                if call["texts"][-1]["type"] == "stop":
                    await socket.send_text(
                        json.dumps(
                            {
                                "type": "ended",
                                "seq": 99,
                                "call": start["call_id"],
                                "reason": "stop",
                                "summary": {"seconds": 1.0, "peak": 0, "last": 0},
                            }
                        )
                    )
                    await socket.close()
                    return
        except WebSocketDisconnect:
            return
        finally:
            self._sockets.discard(socket)


def written(kind: str, event: dict[str, Any], number: int | None = None) -> str:
    return f"event: {kind}\n" + (f"id: {number}\n" if number else "") + f"data: {json.dumps(event)}\n\n"


def problem(status: int, code: str, detail: str) -> Response:
    return JSONResponse(
        {"type": f"/problems/{code}", "title": code, "status": status, "code": code, "detail": detail, "remedy": ""},
        status,
        media_type="application/problem+json",
    )

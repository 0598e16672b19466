"""What stands between the socket and the routes: size and rate limits, security headers, one log line a request."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.house import House
from api.problems import HttpError

log = logging.getLogger("emotion.http")
CSP = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' ws: wss:; "
       "media-src 'self' blob:; worker-src 'self'; manifest-src 'self'; font-src 'self'; form-action 'self'; "
       "base-uri 'none'; frame-ancestors 'none'")
DOCS_CSP = ("default-src 'self'; script-src 'self' 'unsafe-inline' https://cdn.jsdelivr.net; "
            "style-src 'self' 'unsafe-inline' https://cdn.jsdelivr.net; "
            "img-src 'self' data: https://fastapi.tiangolo.com; frame-ancestors 'none'")
MOST_PEERS = 10_000
CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
READING = frozenset({"GET", "HEAD", "OPTIONS"})
QUIET = frozenset({"/healthz", "/readyz", "/metrics"})


FAILED = HttpError(500, "failed", "the service failed on this request", "try again; the log names the fault")


class TooLargeError(HttpError):
    """The body is over its limit."""

    def __init__(self, most_mb: float) -> None:
        super().__init__(413, "too-large", f"the body is over {most_mb:g} MB",
                         "send recordings in pieces: POST /v1/uploads")


class Gate:
    """Pure ASGI, so that streams pass through unbuffered."""

    def __init__(self, app: ASGIApp, house: House) -> None:
        self._app, self._house, self._settings = app, house, house.settings
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        status: int | None = None
        headers = Headers(scope=scope)
        path: str = scope["path"]

        body = Body(receive, self._settings.body_mb)

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _harden(MutableHeaders(scope=message), path)
                self._allow(headers.get("origin"), MutableHeaders(scope=message))
            await send(message)

        async def unless_too_large(message: Message) -> None:
            if not body.over:
                await answer(message)

        try:
            self._admit(scope, headers, path)
            await self._app(scope, body, unless_too_large)
            if body.over:
                raise TooLargeError(self._settings.body_mb)
        except HttpError as problem:
            await problem.response()(scope, receive, answer)
        except Exception:  # the last line: the log gets the traceback, the client a problem document
            log.exception("%s %s failed", scope["method"], path[:200])
            if status is None:
                await FAILED.response()(scope, receive, answer)
        finally:
            method = scope["method"] if scope["method"] in CHANGING | READING else "other"
            self._house.metrics.requests.labels(method, str(status)).inc()
            level = logging.DEBUG if path in QUIET or path.startswith("/console") else logging.INFO
            log.log(level, "%s %s %s %.0f ms", scope["method"], path[:200], status, 1000 * (time.monotonic() - began))

    def _allow(self, origin: str | None, answer: MutableHeaders) -> None:
        """Pages of EMOTION_ORIGINS may read what their tickets open; no cookie goes along."""
        if origin is not None and self._house.guard.allowed_origin(origin):
            answer["Access-Control-Allow-Origin"] = origin
            answer.add_vary_header("Origin")

    def _admit(self, scope: Scope, headers: Headers, path: str) -> None:
        """HttpError 413 for a body announced too large, 429 for who asks too often, 401 before a body is read."""
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > self._settings.body_mb * 1e6:
            raise TooLargeError(self._settings.body_mb)
        if path in QUIET:
            return
        connection = HTTPConnection(scope)
        self._count(self._house.guard.bucket(connection))
        if scope["method"] in CHANGING and path.startswith("/v1/") and path != "/v1/session":
            self._house.guard.known(connection)

    def _count(self, peer: str) -> None:
        rate, now = self._settings.requests_per_minute / 60, time.monotonic()
        tokens, then = self._buckets.pop(peer, (rate * 60, now))
        tokens = min(rate * 60, tokens + (now - then) * rate) - 1
        self._buckets[peer] = (max(tokens, 0.0), now)
        if len(self._buckets) > MOST_PEERS:
            self._buckets.popitem(last=False)
        if tokens < 0:
            raise HttpError(429, "rate-limited", "too many requests", "wait a moment", {"Retry-After": "1"})


class Body:
    """Counts what really comes, whatever the header announced; past the limit the reader is cut off."""

    def __init__(self, receive: Receive, most_mb: float) -> None:
        self._receive, self._most, self._came = receive, most_mb * 1e6, 0
        self.over = False

    async def __call__(self) -> Message:
        message = await self._receive()
        self._came += len(message.get("body", b""))
        if self._came > self._most:
            self.over = True
            raise TooLargeError(self._most / 1e6)
        return message


def _harden(headers: MutableHeaders, path: str) -> None:
    headers.setdefault("Content-Security-Policy", DOCS_CSP if path in {"/docs", "/docs/oauth2-redirect"} else CSP)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "no-referrer")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=(self), display-capture=(self)")
    if path.startswith("/v1/"):
        headers.setdefault("Cache-Control", "no-store")

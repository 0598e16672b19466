"""Who somebody is and what he may do: hashed API keys, browser sessions, tickets, roles and tenants.

Keys are 256 random bits, so a plain SHA-256 of them is safe to store and quick to look up. Browser sessions and
tickets are signed with a secret of this installation (HMAC-SHA256) and end when their key ends.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection, Request
from starlette.websockets import WebSocket

from api.problems import HttpError, absent

COOKIE = "emotion_session"
SESSION_S = 12 * 3600
TICKET_S = 60
FAILURES = 20
"""Wrong keys from one address in a minute; then it waits."""
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost", "testclient"})


class Role(StrEnum):
    INGEST = "ingest"
    AGENT = "agent"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"


CALLS = frozenset({Role.INGEST, Role.AGENT, Role.ADMIN})
"""May open calls."""
WATCHERS = frozenset({Role.AGENT, Role.SUPERVISOR, Role.ADMIN})
"""May see calls; an agent its own."""
UPLOADERS = frozenset({Role.INGEST, Role.SUPERVISOR, Role.ADMIN})
LEADERS = frozenset({Role.SUPERVISOR, Role.ADMIN})
ADMINS = frozenset({Role.ADMIN})
EVERYBODY = frozenset(Role)


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who was recognised: one tenant, one role, for an agent his id, for a team's key the team."""

    tenant: str
    role: Role
    name: str = ""
    agent: str | None = None
    team: str | None = None
    key: str | None = None
    demo: bool = False

    def may_see(self, agent: str | None, team: str | None) -> bool:
        """Whether a call of this agent and team is his to see."""
        if self.role is Role.AGENT:
            return agent is not None and agent == self.agent
        return self.team is None or team == self.team


@dataclass(frozen=True, slots=True)
class Key:
    """One API key as it is stored: never the key itself."""

    id: str
    tenant: str
    role: Role
    name: str
    digest: str
    agent: str | None = None
    team: str | None = None
    expires: float | None = None

    @property
    def principal(self) -> Principal:
        return Principal(self.tenant, self.role, self.name, self.agent, self.team, self.id)


def digest(key: str) -> str:
    return hashlib.sha256(key.encode(errors="replace")).hexdigest()


def make_key(tenant: str, role: Role, name: str, agent: str | None = None, team: str | None = None,
             expires: float | None = None) -> tuple[str, Key]:
    """A new key in clear, to be shown once, and what is stored of it."""
    text = "em_" + secrets.token_urlsafe(32)
    return text, Key(secrets.token_hex(8), tenant, role, name, digest(text), agent, team, expires)


class Guard:
    """Recognises who asks. `demo` lets everybody on loopback in as admin of the tenant 'demo'."""

    def __init__(self, secret: bytes, demo: bool = False, origins: Iterable[str] = ()) -> None:
        self.demo = demo
        self._secret = secret
        self._origins = frozenset(origins)
        self._keys: dict[str, Key] = {}
        self._used: dict[str, float] = {}
        self._failed: dict[str, list[float]] = {}

    def load(self, keys: Iterable[Key]) -> None:
        """Replace all known keys by what the store has."""
        self._keys = {key.digest: key for key in keys}

    # ── HTTP and SSE ────────────────────────────────────────────────────────────────────────────

    def require(self, request: Request, roles: frozenset[Role], ticket: str | None = None) -> Principal:
        """The principal of a request, if he has one of the roles; HttpError 401 or 403 otherwise."""
        who = self.known(request, ticket)
        if who.role not in roles:
            raise HttpError(403, "forbidden", f"the role {who.role} may not do this",
                          f"use a key with one of the roles: {', '.join(sorted(roles))}")
        return who

    def known(self, connection: HTTPConnection, ticket: str | None = None) -> Principal:
        """The principal of a request; HttpError 401 when it is nobody."""
        who = self.recognise(connection, ticket, "events")
        if who is None:
            raise HttpError(401, "unauthorized", "no valid key, session or ticket came with the request",
                            "send Authorization: Bearer KEY, or log in at /", {"WWW-Authenticate": "Bearer"})
        return who

    def recognise(self, connection: HTTPConnection, ticket: str | None = None, purpose: str = "") -> Principal | None:
        """Who is behind an HTTP request or an upgrade; None when nobody. HttpError 429 after many wrong keys."""
        address = connection.client.host if connection.client else "?"
        bearer = connection.headers.get("authorization", "")
        if bearer:
            return self._by_key(bearer, address)
        if ticket:
            return self._by_token(ticket, "ticket", purpose)
        if cookie := connection.cookies.get(COOKIE):
            return self._by_token(cookie, "session") if self._same_origin(connection) else None
        if self.demo and address in LOOPBACK and self._same_origin(connection) and _names_loopback(connection):
            return Principal("demo", Role.ADMIN, "demo", demo=True)
        return None

    def bucket(self, connection: HTTPConnection) -> str:
        """Whose requests are counted together: a known key's, or an address's (a made-up key changes nothing)."""
        text = connection.headers.get("authorization", "").partition(" ")[2].strip()
        who = self.key(text) if text else None
        if who is None and (cookie := connection.cookies.get(COOKIE)):
            who = self._by_token(cookie, "session")
        return f"key {who.key}" if who and who.key else str(connection.client.host if connection.client else "?")

    def login(self, connection: HTTPConnection, text: str) -> Principal | None:
        """The principal behind a key that a person typed in; wrong ones are counted like any other."""
        return self._by_key(f"bearer {text}", connection.client.host if connection.client else "?")

    def _by_key(self, bearer: str, address: str) -> Principal | None:
        now = time.monotonic()
        failures = [then for then in self._failed.get(address, []) if now - then < 60]
        if len(failures) >= FAILURES:
            raise HttpError(429, "rate-limited", "too many wrong keys from this address", "wait a minute",
                          {"Retry-After": "60"})
        scheme, _, text = bearer.partition(" ")
        if scheme.lower() == "bearer" and (who := self.key(text.strip())) is not None:
            return who
        if len(self._failed) > 10_000:
            self._failed.clear()
        self._failed[address] = [*failures, now]
        return None

    def key(self, text: str) -> Principal | None:
        """The principal behind a key in clear."""
        key = self._keys.get(digest(text))
        return key.principal if key and (key.expires is None or key.expires > time.time()) else None

    def _same_origin(self, connection: HTTPConnection) -> bool:
        """A browser names where a page came from: a cookie, and demo mode, count only for our own pages."""
        origin = connection.headers.get("origin")
        if origin is None:
            return connection.headers.get("sec-fetch-site", "none") in {"none", "same-origin"}
        return urlsplit(origin).netloc == connection.headers.get("host")

    def allowed_origin(self, origin: str) -> bool:
        """Whether pages of this origin may use tickets here."""
        return origin in self._origins

    # ── sockets ─────────────────────────────────────────────────────────────────────────────────

    async def socket(self, socket: WebSocket, roles: frozenset[Role], purpose: str = "stream") -> Principal | None:
        """The principal of an upgrade; otherwise the socket is refused (4401, 4403) and None comes back."""
        try:
            who = self.recognise(socket, socket.query_params.get("ticket"), purpose)
        except HttpError:
            who = None
        if who is not None and who.role in roles:
            return who
        await socket.accept()
        code, close = ("unauthorized", 4401) if who is None else ("forbidden", 4403)
        await socket.send_text(json.dumps({
            "type": "error", "code": code, "fatal": True, "remedy": "see docs/api.md, 'Who may do what'",
            "message": "no valid key, session or ticket" if who is None else f"the role {who.role} may not do this"}))
        await socket.close(close)
        return None

    # ── sessions and tickets ────────────────────────────────────────────────────────────────────

    def session(self, who: Principal) -> str:
        """A browser session, for the cookie."""
        return self._token(who, "session", SESSION_S)

    def ticket(self, who: Principal, purpose: str, agent: str | None) -> str:
        """A ticket for one connection: for 'stream' or 'events'; it may be narrowed to one agent."""
        if agent is not None:
            if not who.may_see(agent, who.team):
                raise absent("agent")
            who = replace(who, agent=agent, role=Role.AGENT)
        return "tk_" + self._token(who, "ticket", TICKET_S, purpose)

    def end(self, token: str) -> None:
        """A session is over (log out)."""
        self._spend(token, SESSION_S)

    def _token(self, who: Principal, kind: str, seconds: float, purpose: str = "") -> str:
        body = {**asdict(who), "kind": kind, "for": purpose, "until": time.time() + seconds,
                "nonce": secrets.token_hex(8)}
        payload = base64.urlsafe_b64encode(json.dumps(body, separators=(",", ":")).encode()).decode().rstrip("=")
        return f"{payload}.{self._sign(payload)}"

    def _sign(self, payload: str) -> str:
        return hmac.new(self._secret, payload.encode(), hashlib.sha256).hexdigest()

    def _by_token(self, token: str, kind: str, purpose: str = "") -> Principal | None:
        body = self._open(token.removeprefix("tk_"))
        if body is None or (body["kind"], body["for"]) != (kind, purpose) or body["until"] < time.time():
            return None
        if body["nonce"] in self._used:
            return None
        if kind == "ticket":
            self._spend(token, TICKET_S)
        if body["key"] is not None and not any(key.id == body["key"] for key in self._keys.values()):
            return None
        return Principal(body["tenant"], Role(body["role"]), body["name"], body["agent"], body["team"], body["key"],
                         body["demo"])

    def _open(self, token: str) -> Mapping[str, Any] | None:
        payload, _, signature = token.partition(".")
        if not token.isascii() or not hmac.compare_digest(self._sign(payload), signature):
            return None
        body: Mapping[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return body

    def _spend(self, token: str, seconds: float) -> None:
        now = time.time()
        if (body := self._open(token.removeprefix("tk_"))) is not None:
            self._used = {nonce: until for nonce, until in self._used.items() if until > now}
            self._used[body["nonce"]] = now + seconds


def _names_loopback(connection: HTTPConnection) -> bool:
    """Demo mode answers to loopback names only, so that another site's name cannot be bound to this machine."""
    host = connection.headers.get("host", "")
    return (urlsplit(f"//{host}").hostname or "") in LOOPBACK | {"testserver"}

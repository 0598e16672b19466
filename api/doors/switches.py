"""WebSocket doors of other makers' switches: who dials in, and which protocol he speaks.

A peer that signs its requests (Twilio, Genesys) is known by the secrets in the settings; every other by an API key:
as `Authorization: Bearer`, as the password of HTTP Basic (Asterisk, FreeSWITCH), or by a ticket in the address.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import time
from collections.abc import Mapping

from fastapi import APIRouter
from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocket

from api.doors.websocket import WebSocketTransport
from api.house import House
from api.link import carry
from api.problems import HttpError
from api.protocols.asterisk import ChanWebSocket
from api.protocols.audiohook import AudioHook
from api.protocols.events import Data, Machine
from api.protocols.freeswitch import SUBPROTOCOLS, AudioStream
from api.protocols.signatures import NonceCache, Request, SignatureError, verify_audiohook, verify_twilio
from api.protocols.twilio import MediaStreams
from api.security import CALLS, Principal, Role
from api.settings import Settings, SettingsError

REST_S = 0.1
"""After `opened`, before the call is made: in a burst everybody is answered first."""

router = APIRouter()
log = logging.getLogger("emotion.doors")


@router.websocket("/v1/twilio")
async def twilio(socket: WebSocket) -> None:
    """Twilio Media Streams, Telnyx, Talkdesk (docs/doors/twilio.md)."""
    await _carry(socket, _by_twilio(socket), MediaStreams(_fields(socket)))


@router.websocket("/v1/audiohook")
async def audiohook(socket: WebSocket) -> None:
    """Genesys AudioHook v2 (docs/doors/audiohook.md)."""
    headers = socket.headers
    machine = AudioHook(headers.get("audiohook-session-id"), headers.get("audiohook-organization-id"), _fields(socket))
    await _carry(socket, _by_genesys(socket), machine, transport=PromptTransport(socket))


@router.websocket("/v1/asterisk")
async def asterisk(socket: WebSocket) -> None:
    """Asterisk chan_websocket (docs/doors/asterisk.md)."""
    await _carry(socket, _by_key(socket), ChanWebSocket(_fields(socket)), "media")


@router.websocket("/v1/freeswitch")
async def freeswitch(socket: WebSocket) -> None:
    """FreeSWITCH mod_audio_stream and mod_audio_fork (docs/doors/freeswitch.md)."""
    await _carry(socket, _by_key(socket), AudioStream(_fields(socket)), *SUBPROTOCOLS)


class PromptTransport(WebSocketTransport):
    """A WebSocket whose first answer must not wait behind the work for other calls."""

    _answered = False

    async def send(self, data: Data) -> None:
        await super().send(data)
        if not self._answered:
            self._answered = True
            await asyncio.sleep(REST_S)


async def _carry(socket: WebSocket, who: Principal | None, machine: Machine, *subprotocols: str,
                 transport: WebSocketTransport | None = None) -> None:
    """Refuse at the upgrade, or speak the protocol until either side ends it."""
    house: House = socket.app.state.house
    if who is None or who.role not in CALLS:
        house.metrics.faults.labels(machine.name, "unauthorized").inc()
        await socket.send_denial_response(PlainTextResponse("unauthorized\n", 401))
        return
    wanted = socket.scope.get("subprotocols", [])
    await socket.accept(subprotocol=next((name for name in subprotocols if name in wanted), None))
    await carry(house, who, machine, transport or WebSocketTransport(socket))


# ── who it is ───────────────────────────────────────────────────────────────────────────────────

def _by_key(socket: WebSocket) -> Principal | None:
    """The principal of an API key, however it was carried; None when nobody."""
    guard = socket.app.state.house.guard
    scheme, _, rest = socket.headers.get("authorization", "").partition(" ")
    try:
        if scheme.lower() == "basic":
            return guard.login(socket, _password(rest))  # type: ignore[no-any-return]
        return guard.recognise(socket, socket.query_params.get("ticket"), "stream")  # type: ignore[no-any-return]
    except HttpError:
        return None


def _by_twilio(socket: WebSocket) -> Principal | None:
    """A signature that is there must be right; Telnyx and Talkdesk do not sign and need a key."""
    tokens = twilio_tokens(socket.app.state.house.settings)
    signature = socket.headers.get("x-twilio-signature")
    if signature is None or not tokens:
        demo_is_over = bool(tokens) and "authorization" not in socket.headers and "ticket" not in socket.query_params
        return None if demo_is_over else _by_key(socket)
    url = f"wss://{socket.headers.get('host', '')}{_target(socket)}"
    for tenant, token in tokens:
        if verify_twilio(signature, url, token):
            return Principal(tenant, Role.INGEST, "twilio")
    log.warning("twilio: the signature does not fit %s", url.split("?", maxsplit=1)[0])
    return None


def _by_genesys(socket: WebSocket) -> Principal | None:
    """Where secrets are set every request must be signed; elsewhere an API key has to do."""
    secrets = audiohook_secrets(socket.app.state.house.settings)
    if not secrets:
        return _by_key(socket)
    headers = {name: ", ".join(socket.headers.getlist(name)) for name in socket.headers}
    request = Request(_target(socket), headers.get("host", ""), headers)
    try:
        key = verify_audiohook(request, lambda key: secrets.get(key, ("", None))[1], time.time(), _nonces(socket))
    except SignatureError as error:
        log.warning("audiohook: %s", error)
        return None
    return Principal(secrets[key][0], Role.INGEST, "audiohook")


def _nonces(socket: WebSocket) -> NonceCache:
    """One cache an app: nonces that were seen within the life of a signature."""
    state = socket.app.state
    if not hasattr(state, "audiohook_nonces"):
        state.audiohook_nonces = NonceCache()
    cache: NonceCache = state.audiohook_nonces
    return cache


def _password(credentials: str) -> str:
    try:
        return base64.b64decode(credentials, validate=True).decode("utf-8", "replace").partition(":")[2]
    except binascii.Error:
        return ""


def _target(socket: WebSocket) -> str:
    """The request target as it came: path and query, still percent-encoded."""
    path: bytes = socket.scope.get("raw_path") or socket.url.path.encode()
    query: bytes = socket.scope.get("query_string", b"")
    return (path + (b"?" + query if query else b"")).decode("latin-1")


def _fields(socket: WebSocket) -> dict[str, str]:
    """Fields of `start` that stand in the address."""
    return {name: value for name, value in socket.query_params.items() if name != "ticket"}


# ── their secrets ───────────────────────────────────────────────────────────────────────────────

def twilio_tokens(settings: Settings) -> list[tuple[str, str]]:
    """(tenant, auth token) of EMOTION_TWILIO_TOKENS: TENANT=TOKEN, separated by commas."""
    return list(_pairs("EMOTION_TWILIO_TOKENS", settings.twilio_tokens))


def audiohook_secrets(settings: Settings) -> Mapping[str, tuple[str, bytes]]:
    """API key -> (tenant, client secret) of EMOTION_AUDIOHOOK_KEYS: TENANT=KEY:SECRET, the secret in base64."""
    found: dict[str, tuple[str, bytes]] = {}
    for tenant, pair in _pairs("EMOTION_AUDIOHOOK_KEYS", settings.audiohook_keys):
        key, colon, secret = pair.partition(":")
        try:
            found[key] = tenant, base64.b64decode(secret, validate=True)
        except binascii.Error:
            raise SettingsError("EMOTION_AUDIOHOOK_KEYS: a client secret is not base64") from None
        if not key or not colon or not found[key][1]:
            raise SettingsError("EMOTION_AUDIOHOOK_KEYS must be TENANT=KEY:SECRET, separated by commas")
    return found


def _pairs(variable: str, text: str) -> list[tuple[str, str]]:
    pairs = []
    for entry in filter(None, (entry.strip() for entry in text.split(","))):
        tenant, equals, value = entry.partition("=")
        if not tenant or not equals or not value:
            raise SettingsError(f"{variable} must be TENANT=…, separated by commas")
        pairs.append((tenant, value))
    return pairs

"""Scripted clients: each sends one call as a vendor's switch would, over a real socket.

They send as fast as they are let: the service makes a sender that is ahead of real time wait.
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from api.protocols.signatures import Request, sign_audiohook, twilio_signature
from emotion.audio.g711 import decode_ulaw
from emotion.audio.pcm import encode_s16le
from emotion.types import Side

PACKET = 160
"""Samples of 20 ms at 8 kHz."""
LONG_S = 120.0


@dataclass(frozen=True)
class Place:
    """Where the service listens, and the secrets that it was given."""

    port: int
    audiosocket: int = 0
    twilio_token: str = ""
    audiohook_key: str = ""
    audiohook_secret: bytes = b""

    @property
    def socket(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=LONG_S)


@dataclass(frozen=True)
class Sound:
    """One call as mu-law at 8 kHz, side by side."""

    sides: Mapping[Side, bytes]

    async def packets(self, *sides: Side, size: int = PACKET) -> AsyncIterator[list[bytes]]:
        """The sides' packets; lets other clients of this process send theirs in between."""
        length = min(len(self.sides[side]) for side in sides)
        for at in range(0, length, size):
            yield [self.sides[side][at : min(at + size, length)] for side in sides]
            await asyncio.sleep(0)


def interleaved(parts: Sequence[bytes]) -> bytes:
    out = bytearray(len(parts) * len(parts[0]))
    for n, part in enumerate(parts):
        out[n :: len(parts)] = part
    return bytes(out)


def linear(ulaw: bytes) -> bytes:
    """mu-law -> the same values as 16-bit linear, little-endian."""
    return encode_s16le(decode_ulaw(ulaw))


async def until_closed(socket: ClientConnection, code: int = 1000) -> list[Any]:
    """What the service says until it closes the socket, as it should with this code."""
    heard = []
    with suppress(ConnectionClosed):
        while True:
            heard.append(await asyncio.wait_for(socket.recv(), LONG_S))
    assert socket.close_code == code, (socket.close_code, socket.close_reason, heard[-3:])
    return heard


# ── one function a door; each returns the id of the call ────────────────────────────────────────

async def native(place: Place, sound: Sound, sides: Sequence[Side], language: str, call: str) -> str:
    async with connect(f"{place.socket}/v1/stream", max_size=1 << 22) as socket:
        await socket.send(json.dumps({"type": "start", "call_id": call, "encoding": "mulaw", "sample_rate": 8000,
                                      "channels": list(sides), "consent": True, "language": language}))
        async for parts in sound.packets(*sides):
            await socket.send(interleaved(parts))
        await socket.send('{"type":"stop"}')
        await until_closed(socket)
    return call


async def twilio(place: Place, sound: Sound, sides: Sequence[Side], language: str, call: str) -> str:
    url = f"{place.socket}/v1/twilio"
    signature = twilio_signature(url.replace("ws://", "wss://"), place.twilio_token)
    sid, track = "MZ" + secrets.token_hex(16), {"caller": "inbound", "agent": "outbound"}
    async with connect(url, additional_headers={"X-Twilio-Signature": signature}) as socket:
        await socket.send('{"event":"connected","protocol":"Call","version":"1.0.0"}')
        await socket.send(json.dumps({"event": "start", "sequenceNumber": "1", "streamSid": sid, "start": {
            "accountSid": "AC1", "streamSid": sid, "callSid": call, "tracks": [track[side] for side in sides],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"consent": "true", "language": language}}}))
        chunk, late = 0, None
        async for parts in sound.packets(*sides):
            chunk += 1
            messages = [media(sid, track[side], chunk, part) for side, part in zip(sides, parts, strict=True)]
            if chunk % 7 == 0:  # the order is not guaranteed
                late = messages.pop(0)
            elif late is not None:
                messages, late = [*messages, late], None
            for message in messages:
                await socket.send(message)
        if late is not None:
            await socket.send(late)
        await socket.send(json.dumps({"event": "stop", "streamSid": sid, "stop": {"callSid": call}}))
        await until_closed(socket)
    return call


def media(sid: str, track: str, chunk: int, payload: bytes) -> str:
    return json.dumps({"event": "media", "streamSid": sid, "media": {
        "track": track, "chunk": str(chunk), "timestamp": str(20 * chunk),
        "payload": base64.b64encode(payload).decode()}})


@dataclass
class Hook:
    """The client's half of an AudioHook session."""

    place: Place
    session: str = field(default_factory=lambda: str(uuid4()))
    organization: str = field(default_factory=lambda: str(uuid4()))
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    seq: int = 0
    serverseq: int = 0

    def headers(self, created: int | None = None) -> dict[str, str]:
        names = {"audiohook-organization-id": self.organization, "audiohook-session-id": self.session,
                 "audiohook-correlation-id": str(uuid4()), "x-api-key": self.place.audiohook_key}
        request = Request("/v1/audiohook", f"127.0.0.1:{self.place.port}", names)
        signed = sign_audiohook(request, self.place.audiohook_key, self.place.audiohook_secret, self.nonce,
                                int(time.time()) if created is None else created)
        return {**names, **signed}

    def connect(self) -> connect:
        return connect(f"{self.place.socket}/v1/audiohook", additional_headers=self.headers(), open_timeout=60)

    def message(self, kind: str, parameters: Mapping[str, Any]) -> str:
        self.seq += 1
        return json.dumps({"version": "2", "id": self.session, "type": kind, "seq": self.seq,
                           "serverseq": self.serverseq, "position": "PT0S", "parameters": parameters})

    def open(self, call: str, sides: Sequence[Side], language: str) -> str:
        names = {"caller": "external", "agent": "internal"}
        offers = [[names[side] for side in sides], ["external"], ["internal"]]
        return self.message("open", {
            "organizationId": self.organization, "conversationId": call,
            "participant": {"id": str(uuid4()), "ani": "", "aniName": "", "dnis": ""},
            "language": {"zh": "zh-CN"}.get(language, "en-US"), "customConfig": {"consent": True},
            "media": [{"type": "audio", "format": "PCMU", "channels": offer, "rate": 8000} for offer in offers]})

    async def hear(self, socket: ClientConnection, kind: str) -> dict[str, Any]:
        """The next message, which must be of this kind and have the next number."""
        message: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 10))
        self.serverseq += 1
        assert (message["type"], message["seq"], message["id"]) == (kind, self.serverseq, self.session), message
        return message


async def audiohook(place: Place, sound: Sound, sides: Sequence[Side], language: str, call: str) -> str:
    hook = Hook(place)
    async with hook.connect() as socket:
        await socket.send(hook.open(call, sides, language))
        opened = await hook.hear(socket, "opened")
        assert len(opened["parameters"]["media"]) == 1
        sent = 0
        async for parts in sound.packets(*sides, size=1600):
            sent += len(parts[0])
            await socket.send(interleaved(parts))
            if hook.seq * 40_000 < sent:  # a ping each 5 s
                await socket.send(hook.message("ping", {}))
                await hook.hear(socket, "pong")
        await socket.send(hook.message("close", {"reason": "end"}))
        assert (await hook.hear(socket, "closed"))["clientseq"] == hook.seq
        await until_closed(socket)
    return call


async def audiosocket(place: Place, sound: Sound, sides: Sequence[Side], language: str, call: str) -> str:
    async with place.client() as client:
        answer = await client.post("/v1/calls", json={"call_id": call, "language": language, "consent": True})
        assert answer.status_code == 201, answer.text
    reader, writer = await asyncio.open_connection("127.0.0.1", place.audiosocket)
    writer.write(b"\x01\x00\x10" + UUID(call).bytes)
    async for (part,) in sound.packets("caller"):
        payload = linear(part)
        writer.write(b"\x10" + len(payload).to_bytes(2, "big") + payload)
        await writer.drain()
    writer.write(b"\x00\x00\x00")
    await writer.drain()
    assert await asyncio.wait_for(reader.read(), LONG_S) == b""
    writer.close()
    return call


async def asterisk(place: Place, sound: Sound, sides: Sequence[Side], language: str, call: str) -> str:
    url = f"{place.socket}/v1/asterisk?consent=true&language={language}"
    async with connect(url, subprotocols=[Subprotocol("media")]) as socket:
        assert socket.subprotocol == "media"
        await socket.send(f"MEDIA_START connection_id:emotion channel:WebSocket/emotion/0x7f channel_id:{call} "
                          "format:ulaw optimal_frame_size:160 ptime:20")
        async for (part,) in sound.packets("caller"):
            await socket.send(part)
        await socket.send("HANGUP")
        await until_closed(socket)
    return call


async def freeswitch(place: Place, sound: Sound, sides: Sequence[Side], language: str, call: str) -> str:
    mix = "stereo" if len(sides) == 2 else "mono"
    url = f"{place.socket}/v1/freeswitch?call_id={call}&rate=8000&mix={mix}"
    async with connect(url, subprotocols=[Subprotocol("audio.drachtio.org")]) as socket:
        assert socket.subprotocol == "audio.drachtio.org"
        await socket.send(json.dumps({"consent": True, "language": language, "from": "1001"}))
        async for parts in sound.packets(*sides):
            halves = [linear(part) for part in parts]
            await socket.send(b"".join(half[at : at + 2] for at in range(0, len(halves[0]), 2) for half in halves))
        await socket.send('{"type":"stop"}')
        await until_closed(socket)
    return call


async def findings(place: Place, call: str) -> dict[str, Any]:
    """What the service found in a call, once it has ended; without names and times of day."""
    async with place.client() as client:
        for _ in range(200):
            answer = await client.get(f"/v1/calls/{call}/timeline")
            if answer.status_code == 200 and answer.json()["card"]["state"] == "ended":
                break
            await asyncio.sleep(0.1)
        assert answer.status_code == 200, (call, answer.text)
        found = answer.json()
    nameless = [{name: value for name, value in alert.items() if name not in ("id", "call", "time", "event")}
                for alert in found["alerts"]]
    return {"readings": found["readings"], "changes": found["changes"], "alerts": nameless, "card": found["card"]}

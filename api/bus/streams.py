"""The bus over Redis Streams: several processes, one flow of events.

An event is handed to this process's readers at once and sent to Redis beside it; what other processes send is read
back and handed on. When Redis is away this process goes on by itself, keeps a bounded number of events to send, and
says so in `healthy`; nothing that was found is lost, since alerts are in the store.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections import deque
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from api.bus import Envelope
from api.bus.local import FLEETING, LOG_S, LocalBus

log = logging.getLogger("emotion.bus")
STREAM = "emotion:events"
LENGTH = 100_000
OUTBOX = 10_000
"""Events that wait for Redis; then readings and standings give way, then the oldest."""
BATCH = 500
BLOCK_MS = 1000
RETRY_S = 1.0
FORGOTTEN_S = 60.0
"""A call of another process that is silent for so long is no longer shown as live."""


class StreamBus(LocalBus):
    """One stream for all tenants; each process filters for its own readers."""

    name = "redis"

    def __init__(self, url: str) -> None:
        super().__init__()
        self._redis = Redis.from_url(url, decode_responses=True, socket_timeout=10)
        self._me = secrets.token_hex(8)
        self._outbox: deque[Envelope] = deque()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._well = {"send": True, "read": True}
        self._cards: dict[tuple[str, str], tuple[float, dict[str, Any]]] = {}

    @property
    def healthy(self) -> bool:
        return all(self._well.values())

    async def start(self) -> None:
        """Read the last hour for replay, then follow; Redis may come later."""
        last = await self._past()
        self._tasks = [asyncio.create_task(self._send()), asyncio.create_task(self._follow(last))]

    async def stop(self) -> None:
        """Send what waits, if Redis takes it, then close."""
        await super().stop()
        deadline = time.monotonic() + 2
        while self._outbox and self._well["send"] and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._redis.aclose()

    def publish(self, tenant: str, kind: str, *, call: str | None = None, agent: str | None = None,
                team: str | None = None, **payload: Any) -> Envelope:
        """Hand an event to this process's readers and queue it for the others."""
        event = super().publish(tenant, kind, call=call, agent=agent, team=team, **payload)
        if len(self._outbox) >= OUTBOX:
            place = next((n for n, old in enumerate(self._outbox) if old["type"] in FLEETING), 0)
            del self._outbox[place]
        self._outbox.append(event)
        self._wake.set()
        return event

    def wanted(self, tenant: str, kind: str, *, call: str, agent: str | None, team: str | None) -> bool:
        """Readers may sit at another process, so everything is written out."""
        return True

    def elsewhere(self, tenant: str) -> list[dict[str, Any]]:
        """Cards of live calls that other processes carry."""
        now = time.monotonic()
        return [card for (owner, _), (then, card) in self._cards.items()
                if owner == tenant and now - then < FORGOTTEN_S]

    # ── to and from Redis ───────────────────────────────────────────────────────────────────────

    async def _past(self) -> str:
        try:
            begin = f"{int((time.time() - LOG_S) * 1000)}-0"
            entries = await self._redis.xrevrange(STREAM, "+", begin, count=5000)
        except (RedisError, OSError) as fault:
            self._trouble("read", fault)
            return "$"
        entries = entries or []
        for _, fields in reversed(entries):
            self._take(fields, replay=True)
        return str(entries[0][0]) if entries else "$"

    async def _send(self) -> None:
        while True:
            if not self._outbox:
                self._wake.clear()
                await self._wake.wait()
            batch = [self._outbox[n] for n in range(min(BATCH, len(self._outbox)))]
            try:
                async with self._redis.pipeline(transaction=False) as pipe:
                    for event in batch:
                        pipe.xadd(STREAM, {"from": self._me, "event": json.dumps(event)}, maxlen=LENGTH)
                    await pipe.execute()
            except (RedisError, OSError) as fault:
                self._trouble("send", fault)
                await asyncio.sleep(RETRY_S)
                continue
            self._well["send"] = True
            for event in batch:
                if self._outbox and self._outbox[0] is event:
                    self._outbox.popleft()

    async def _follow(self, last: str) -> None:
        while True:
            try:
                answer = await self._redis.xread({STREAM: last}, count=BATCH, block=BLOCK_MS)
            except (RedisError, OSError) as fault:
                self._trouble("read", fault)
                await asyncio.sleep(RETRY_S)
                continue
            self._well["read"] = True
            streams = answer.items() if isinstance(answer, dict) else answer or []
            for _, entries in streams:
                for number, fields in _flat(entries):
                    last = str(number)
                    self._take(fields)

    def _take(self, fields: Any, replay: bool = False) -> None:
        """One entry of the stream; our own are already told."""
        if fields.get("from") == self._me:
            return
        try:
            event = json.loads(fields["event"])
        except (KeyError, ValueError):
            log.warning("an entry of the stream %s is not ours; left out", STREAM)
            return
        if not replay:
            self._remember(event)
        self.dispatch(event)

    def _remember(self, event: dict[str, Any]) -> None:
        key = (event["tenant"], event["call"])
        if event["type"] == "ended":
            self._cards.pop(key, None)
        elif "card" in event:
            self._cards[key] = (time.monotonic(), event["card"])
        elif event["type"] == "standing" and key in self._cards:
            fresh = {name: event[name] for name in ("rung", "before", "confidence", "forecast", "degraded")}
            self._cards[key] = (time.monotonic(), {**self._cards[key][1], **fresh, "seconds": event["at"]})

    def _trouble(self, part: str, fault: Exception) -> None:
        if self._well[part]:
            log.error("Redis is away (%s); this process goes on by itself", type(fault).__name__)
        self._well[part] = False


def _flat(entries: Any) -> Any:
    """Entries as (id, fields), in either shape that the client library gives."""
    return entries[0] if entries and isinstance(entries[0], list) else entries

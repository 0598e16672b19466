"""The bus within one process: bounded queues for readers, a bounded log for replay."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from api.bus import Envelope, Filter

QUEUE = 1000
"""Events that wait for one reader; then readings and standings give way, then the oldest."""
LOG = 20_000
"""Events that are kept for replay, over all tenants."""
LOG_S = 3600.0
LOGGED = frozenset({"alert", "change", "acknowledged", "feedback", "ended", "call"})
FLEETING = frozenset({"reading", "standing"})


class Subscription:
    """One reader's bounded queue; `async for` gives envelopes, and {"type": "lost", "events": n} after a loss."""

    def __init__(self, bus: LocalBus, wanted: Filter, size: int = QUEUE) -> None:
        self.wanted = wanted
        self.lost = 0
        self._bus, self._size = bus, size
        self._queue: deque[Envelope] = deque()
        self._wake = asyncio.Event()
        self._closed = False

    def put(self, event: Envelope) -> None:
        """Queue an event; when full, the oldest fleeting one gives way, or else the oldest."""
        if len(self._queue) >= self._size:
            place = next((n for n, old in enumerate(self._queue) if old["type"] in FLEETING), 0)
            del self._queue[place]
            self.lost += 1
        self._queue.append(event)
        self._wake.set()

    def close(self) -> None:
        """No more events; the reader gets what is left."""
        self._closed = True
        self._bus.forget(self)
        self._wake.set()

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Envelope:
        while not self._queue:
            if self._closed:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        if self.lost:
            lost, self.lost = self.lost, 0
            return {"type": "lost", "events": lost}
        return self._queue.popleft()


class LocalBus:
    """Publish and subscribe on one event loop."""

    name = "local"

    def __init__(self) -> None:
        self._readers: set[Subscription] = set()
        self._log: deque[tuple[float, Envelope]] = deque(maxlen=LOG)
        self._numbers = itertools.count()
        self._last_ms = 0

    async def start(self) -> None:
        """Nothing to connect to."""

    async def stop(self) -> None:
        """Close every reader."""
        for reader in list(self._readers):
            reader.close()

    @property
    def healthy(self) -> bool:
        return True

    def elsewhere(self, tenant: str) -> list[dict[str, Any]]:
        """Cards of live calls that other processes carry: there are none."""
        return []

    def publish(self, tenant: str, kind: str, *, call: str | None = None, agent: str | None = None,
                team: str | None = None, **payload: Any) -> Envelope:
        """Make an envelope, log it, hand it to every reader that wants it. Ids grow, also over restarts."""
        event = self.envelope(tenant, kind, call=call, agent=agent, team=team, **payload)
        self.dispatch(event)
        return event

    def envelope(self, tenant: str, kind: str, *, call: str | None, agent: str | None, team: str | None,
                 **payload: Any) -> Envelope:
        now = datetime.now(UTC)
        self._last_ms = max(self._last_ms, int(now.timestamp() * 1000))
        return {"id": f"{self._last_ms:012x}-{next(self._numbers) % (1 << 24):06x}", "type": kind, "tenant": tenant,
                "call": call, "agent": agent, "team": team,
                "time": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"), **payload}

    def dispatch(self, event: Envelope) -> None:
        """Hand an envelope to the readers of this process."""
        if event["type"] in LOGGED:
            self._log.append((time.monotonic(), event))
        for reader in self._readers:
            if reader.wanted.wants(event):
                reader.put(event)

    def wanted(self, tenant: str, kind: str, *, call: str, agent: str | None, team: str | None) -> bool:
        """Whether anybody waits for such events: readings are only written out when somebody looks."""
        probe = {"tenant": tenant, "type": kind, "call": call, "agent": agent, "team": team}
        return any(reader.wanted.wants(probe) for reader in self._readers)

    def subscribe(self, wanted: Filter) -> Subscription:
        """A new reader; close it when done."""
        reader = Subscription(self, wanted)
        self._readers.add(reader)
        return reader

    def forget(self, reader: Subscription) -> None:
        self._readers.discard(reader)

    def replay(self, after: str, wanted: Filter) -> Iterator[Envelope]:
        """What was logged after an id, oldest first."""
        oldest = time.monotonic() - LOG_S
        return (event for then, event in list(self._log)
                if event["id"] > after and then > oldest and wanted.wants(event))

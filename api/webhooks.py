"""Events to other people's servers: signed, tried again with back-off, and kept as dead letters when all fails.

Each webhook has a bounded queue and one sender, so that a slow receiver delays only itself.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import json
import logging
import secrets
import socket
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
from sqlalchemy import insert, select

from api.bus import Envelope, Filter
from api.bus.local import Subscription
from api.settings import Settings
from api.store.tables import dead_letters, webhooks

if TYPE_CHECKING:
    from api.house import House

log = logging.getLogger("emotion.webhooks")
BACK_OFF = (1.0, 5.0, 30.0, 120.0, 600.0)
MOST_HOOKS = 50
MOST_RETRIES = 500
"""Deliveries of one webhook that wait for another try; the oldest become dead letters."""
TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Hook:
    """Where a tenant wants which events."""

    id: str
    tenant: str
    url: str
    types: frozenset[str]
    team: str | None
    agent: str | None
    secret: str


@dataclass(slots=True)
class Delivery:
    """One event on its way."""

    event: Envelope
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    tries: int = 0
    due: float = 0.0


def signature(secret: str, now: int, body: bytes) -> str:
    """The header that proves who sent a body, and when."""
    digest = hmac.new(secret.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={now},v1={digest}"


class Webhooks:
    """All webhooks of this process."""

    def __init__(self, house: House, back_off: tuple[float, ...] = BACK_OFF) -> None:
        self._house, self._back_off = house, back_off
        self.hooks: tuple[Hook, ...] = ()
        self._senders: dict[str, tuple[Hook, Sender]] = {}
        self._client: httpx.AsyncClient | None = None

    async def reload(self) -> None:
        """Take over what the store has: start new senders, stop those that are gone."""
        rows = await self._house.store.read(lambda connection: connection.execute(select(webhooks)).all())
        self.hooks = tuple(Hook(row.id, row.tenant, row.url, frozenset(row.types), row.team, row.agent, row.secret)
                           for row in rows)
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False)
        known = {hook.id for hook in self.hooks}
        for gone in set(self._senders) - known:
            self._senders.pop(gone)[1].stop()
        for hook in self.hooks:
            if hook.id not in self._senders:
                self._senders[hook.id] = (hook, Sender(self._house, hook, self._client, self._back_off))

    async def stop(self) -> None:
        """What waits becomes dead letters, so that nothing is lost."""
        for _, sender in self._senders.values():
            sender.stop()
        await asyncio.gather(*(sender.done() for _, sender in self._senders.values()))
        if self._client is not None:
            await self._client.aclose()

    def again(self, webhook: str, event: Envelope, delivery: str) -> bool:
        """Queue a dead letter once more; False when its webhook is gone."""
        if webhook not in self._senders:
            return False
        self._senders[webhook][1].queue(Delivery(event, delivery))
        return True


class Sender:
    """One webhook's queue and the task that empties it."""

    def __init__(self, house: House, hook: Hook, client: httpx.AsyncClient, back_off: tuple[float, ...]) -> None:
        self._house, self._hook, self._client, self._back_off = house, hook, client, back_off
        self._reader: Subscription = house.bus.subscribe(
            Filter(hook.tenant, hook.agent, hook.team, types=hook.types, readings="reading" in hook.types))
        self._waiting: deque[Delivery] = deque()
        self._wake = asyncio.Event()
        self._tasks = (asyncio.create_task(self._gather()), asyncio.create_task(self._send()))

    def queue(self, delivery: Delivery) -> None:
        """Queue a delivery; when too many wait, the oldest becomes a dead letter."""
        if len(self._waiting) >= MOST_RETRIES:
            self._bury(self._waiting.popleft(), "too many deliveries wait")
        self._waiting.append(delivery)
        self._wake.set()

    def stop(self) -> None:
        self._reader.close()
        for task in self._tasks:
            task.cancel()

    async def done(self) -> None:
        """After `stop`: bury what waits."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for delivery in self._waiting:
            self._bury(delivery, "the service stopped before it was delivered")

    async def _gather(self) -> None:
        async for event in self._reader:
            if event["type"] != "lost":
                self.queue(Delivery(event))

    async def _send(self) -> None:
        while True:
            now = time.monotonic()
            ready = next((delivery for delivery in self._waiting if delivery.due <= now), None)
            if ready is None:
                wait = min((delivery.due for delivery in self._waiting), default=now + 60) - now
                self._wake.clear()
                try:
                    await asyncio.wait_for(self._wake.wait(), max(wait, 0.01))
                except TimeoutError:
                    continue
                continue
            fault = await self._post(ready)
            self._waiting.remove(ready)
            if fault is None:
                self._house.metrics.webhooks.labels("delivered").inc()
            elif ready.tries > len(self._back_off):
                self._bury(ready, fault)
            else:
                ready.due = time.monotonic() + self._back_off[ready.tries - 1]
                self._waiting.append(ready)

    async def _post(self, delivery: Delivery) -> str | None:
        """Try once; the fault, or None when it was taken."""
        delivery.tries += 1
        body = json.dumps(delivery.event, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", "Emotion-Event": str(delivery.event["type"]),
                   "Emotion-Delivery": delivery.id,
                   "Emotion-Signature": signature(self._hook.secret, int(time.time()), body)}
        if fault := await address_fault(self._hook.url, self._house.settings):
            return fault
        try:
            answer = await self._client.post(self._hook.url, content=body, headers=headers)
        except httpx.HTTPError as error:
            return f"{type(error).__name__}: {error}"[:200]
        return None if answer.is_success else f"HTTP {answer.status_code}"

    def _bury(self, delivery: Delivery, fault: str) -> None:
        self._house.metrics.webhooks.labels("dead").inc()
        log.warning("webhook %s: delivery %s is dead after %d tries: %s", self._hook.id, delivery.id, delivery.tries,
                    fault)
        row: dict[str, Any] = {"id": delivery.id, "tenant": self._hook.tenant, "webhook": self._hook.id,
                               "event": dict(delivery.event), "fault": fault[:256], "tries": delivery.tries,
                               "time": time.time()}
        self._house.store.post(lambda connection: connection.execute(insert(dead_letters), row))


async def address_fault(url: str, settings: Settings) -> str | None:
    """Why events may not be sent to an address: it is inside this network, or is no address at all."""
    try:
        parts = urlsplit(url)
        port = parts.port or 443
    except ValueError:
        return "this is no address"
    if not parts.hostname or parts.username or parts.password:
        return "the address has no host, or carries a password"
    if settings.webhook_private:
        return None
    if parts.scheme != "https":
        return "the address is not https"
    try:
        found = await asyncio.get_running_loop().getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return "the host is not known"
    if not all(ipaddress.ip_address(row[4][0]).is_global for row in found):
        return "the host is inside a private network"
    return None

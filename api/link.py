"""One socket of one peer: reads it, feeds its protocol, opens and resumes the call, writes what the call says.

Every door uses `carry`; a door itself only authenticates and wraps its socket as a `Transport`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from typing import TYPE_CHECKING, Protocol

from api.protocols.events import (
    CLOSE_CODES,
    Close,
    Data,
    Ended,
    Failed,
    Fault,
    Incoming,
    Machine,
    Outgoing,
    Reply,
    Started,
    Told,
)
from api.security import Principal
from emotion.types import Moment

if TYPE_CHECKING:
    from api.house import House
    from api.session import Session

log = logging.getLogger("emotion.link")
OUTBOX = 1000
"""Messages that wait for a slow peer; readings give way first, then the socket is closed and may resume."""
START_S = 10.0
"""A socket must open its call within this time."""
TEXTS_PER_S = 100
"""Messages that carry no audio, sustained; ten seconds' worth may come at once."""


ENDS = {"drain": 1012, "too-long": 4413, "failed": 1011}
"""Close codes after `Ended`, by reason; otherwise 1000."""


class Transport(Protocol):
    """A socket as `carry` needs it."""

    async def receive(self) -> Data | None:
        """The next message (TCP: some bytes); None when the peer is gone."""
        ...

    async def send(self, data: Data) -> None: ...

    async def close(self, code: int, reason: str) -> None: ...


class RefusedError(Exception):
    """A call cannot be opened; the fault is told to the peer."""

    def __init__(self, code: str, message: str, remedy: str) -> None:
        super().__init__(message)
        self.fault = Fault(code, message, remedy, fatal=True)


async def carry(house: House, who: Principal, machine: Machine, transport: Transport) -> None:
    """Serve one socket until either side ends it. Never raises for anything that the peer does."""
    link = Link(house, who, machine, transport)
    house.links.add(link)
    try:
        await link.run()
    finally:
        house.links.discard(link)


class Link:
    """The state of one socket."""

    def __init__(self, house: House, who: Principal, machine: Machine, transport: Transport) -> None:
        self.house, self.who, self.machine, self.transport = house, who, machine, transport
        self.session: Session | None = None
        self.heard = self.began = time.monotonic()
        self.busy = False
        """The peer is being made to wait, so its silence is not its own."""
        self._outbox: deque[Outgoing] = deque()
        self._wake = asyncio.Event()
        self._closing: tuple[int, str] | None = None
        self._tokens, self._filled = 10.0 * TEXTS_PER_S, self.began

    async def run(self) -> None:
        """Read until the peer is gone or the link is closed; the writer runs beside."""
        writer = asyncio.create_task(self._write())
        try:
            while self._closing is None:
                data = await self.transport.receive()
                self.heard = time.monotonic()
                if self.session is not None and self.session.link is self:
                    self.session.messages += data is not None
                await self._handle(self.machine.gone() if data is None else self.machine.receive(data))
                if data is None:
                    break
        finally:
            if self.session is not None:
                self.session.detach(self)
            if self._closing is None:
                writer.cancel()
            await asyncio.wait({writer}, timeout=5)
            writer.cancel()

    async def _handle(self, events: list[Incoming]) -> None:
        for event in events:
            match event:
                case Reply(data):
                    await self.transport.send(data)
                case Started():
                    await self._start(event)
                case Fault():
                    self.fault(event)
                case Close(code, reason):
                    if self.session is None or not self.session.ending:
                        self.hang_up(code, reason)
                case _ if self.session is not None:
                    await self._pass_on(event)

    async def _pass_on(self, event: Incoming) -> None:
        session = self.session
        assert session is not None
        if session.link is not self:
            return
        if not self._within_rate(event):
            self.fault(Fault("rate-limited", f"more than {TEXTS_PER_S} messages a second",
                             "send fewer, larger messages", fatal=True))
            return
        self.busy = True
        await session.take(event)
        self.busy, self.heard = False, time.monotonic()  # our own waiting is not the sender falling silent

    def _within_rate(self, event: Incoming) -> bool:
        """A token bucket over everything that is not audio (audio is slowed down by its own bulk)."""
        if type(event).__name__ == "Audio":
            return True
        now = time.monotonic()
        self._tokens = min(10.0 * TEXTS_PER_S, self._tokens + (now - self._filled) * TEXTS_PER_S)
        self._filled = now
        self._tokens -= 1
        return self._tokens >= 0

    async def _start(self, event: Started) -> None:
        try:
            self.session = await self.house.open(self.who, event, self.machine.name)
        except RefusedError as refused:
            self.fault(refused.fault)
            return
        session = self.session
        if event.resume is not None and hasattr(self.machine, "resumed_at"):
            self.machine.resumed_at(session.messages)
        else:
            session.messages += 1
        session.attach(self, event.resume)

    def fault(self, fault: Fault) -> None:
        """Tell the peer what was wrong; a fatal fault closes the socket after it."""
        self.house.metrics.faults.labels(self.machine.name, fault.code).inc()
        if self.session is not None and self.session.link is self:
            self.session.fail(fault)
        else:
            self.post(Failed(None, 0, fault))

    def post(self, event: Outgoing) -> None:
        """Queue a message for the writer."""
        if len(self._outbox) >= OUTBOX:
            readings = [old for old in self._outbox if isinstance(old, Told) and isinstance(old.what, Moment)]
            if not readings:
                self.hang_up(1008, "the peer reads too slowly")
                return
            self._outbox.remove(readings[0])
        self._outbox.append(event)
        self._wake.set()

    def hang_up(self, code: int, reason: str) -> None:
        """Close once everything queued is written."""
        if self._closing is None:
            self._closing = (code, reason)
            self._wake.set()

    async def _write(self) -> None:
        """Write messages in order; after `Ended`, a fatal fault or a hang-up close the socket."""
        try:
            while True:
                while self._outbox:
                    event = self._outbox.popleft()
                    for data in self.machine.send(event):
                        await self.transport.send(data)
                    if isinstance(event, Ended):
                        self.hang_up(ENDS.get(event.reason, 1000), event.reason)
                    elif isinstance(event, Failed) and event.fault.fatal and event.fault.code not in ENDS:
                        self.hang_up(CLOSE_CODES.get(event.fault.code, 1008), event.fault.code)
                if self._closing is not None:
                    break
                self._wake.clear()
                await self._wake.wait()
        finally:
            if self._closing is not None:
                await self.transport.close(*self._closing)

    def watch(self, now: float) -> None:
        """Called once a second: a socket that opened no call, or says nothing, is closed."""
        if self._closing is not None:
            return
        if self.session is None and now - self.began > START_S:
            self.fault(Fault("no-start", "no call was opened in time", "send 'start' first", fatal=True))
            return
        waits = self.session is not None and not self.busy and not self.session.ending
        if waits and now - self.heard > self.house.settings.idle_s:
            self.fault(Fault("idle", f"nothing came for {self.house.settings.idle_s:g} s",
                             "send audio, or 'stop' at the end", fatal=True))



"""What one service process shares: engine, store, bus, guard and all live calls."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

from sqlalchemy import select

from api.bus import Filter
from api.bus.choose import choose
from api.complaints import Memory
from api.ledger import Call, Ledger
from api.link import Link, RefusedError
from api.metrics import Metrics
from api.protocols.events import Started
from api.recorder import Recorder
from api.recordings import Recordings
from api.security import Guard, Principal, Role
from api.session import Session
from api.settings import Settings
from api.stepper import Outcome, Stepper
from api.store import Store, calls
from api.store.access import installation_secret, stored_keys
from api.store.tables import documents
from api.tuning import Tuning, facts
from api.webhooks import Webhooks
from emotion.audio.pcm import AudioError
from emotion.engine import Engine

log = logging.getLogger("emotion.house")
ANNOUNCED_S = 600.0
MOST_ANNOUNCED = 10_000
STALL_S = 3.0
"""When this process itself could not run for so long, nobody is called idle for it."""
RECENT = 10_000
"""Names of calls that the store may not show yet."""
RETENTION_S = 60.0
KEYS_S = 10.0
"""Keys that another process made or revoked count after so long."""


class House:
    """Made before the service listens; `start` and `stop` frame its life on the event loop."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self.settings, self.engine = settings, engine
        self.store = Store(settings.database)
        self.bus = choose(settings)
        self.metrics = Metrics()
        self.ledger = Ledger(self.store)
        self.recorder = Recorder(Path(settings.files), settings.store_audio)
        self.guard = Guard(b"", demo=False)
        self.recordings = Recordings(self, Path(settings.files))
        self.sessions: dict[tuple[str, str], Session] = {}
        self.links: set[Link] = set()
        self.tuning = Tuning(engine)
        self.complaints = Memory()
        self.webhooks = Webhooks(self)
        self.draining = False
        self.facts = facts(engine)
        self._announced: dict[tuple[str, str], tuple[float, Started]] = {}
        self._opening: set[tuple[str, str]] = set()
        self._recent: dict[tuple[str, str], None] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stepper = Stepper(self._results, settings.tick_ms / 1000)
        self._tasks: list[asyncio.Task[None]] = []
        self._watched = time.monotonic()

    async def start(self) -> None:
        """Open the store, load keys, start the engine's thread; StoreError when the database cannot be used."""
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self.store.start)
        secret = await self.store.write(installation_secret)
        self.guard = Guard(secret, self.settings.demo, filter(None, self.settings.origins.split(",")))
        await self.reload_keys()
        await self.reload_settings()
        closed = await self.store.write(lambda connection: calls.interrupted(connection, time.time()))
        if closed:
            log.warning("%d calls had been cut off by an earlier stop; their findings are kept", closed)
        for name, weights in self.facts["models"].items():
            self.metrics.model.labels(name, weights["sha256"], weights["licence"]).set(1)
        await self.bus.start()
        self._stepper.start()
        await self.recordings.start()
        self._tasks = [asyncio.create_task(self._every(1.0, self._watch)),
                       asyncio.create_task(self._every(KEYS_S, self.reload_keys)),
                       asyncio.create_task(self._every(KEYS_S, self.reload_settings)),
                       asyncio.create_task(self._every(RETENTION_S, self._forget))]

    async def drain(self) -> None:
        """No new calls, a time for the live ones to finish, then the end of all that are left."""
        if self.draining:
            return
        self.draining = True
        for session in list(self.sessions.values()):
            session.warn("draining", f"the service stops within {self.settings.drain_s:g} s")
        deadline = time.monotonic() + self.settings.drain_s
        while self.sessions and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
        for session in list(self.sessions.values()):
            session.stop("drain")
        while self.sessions and time.monotonic() < deadline + 5:
            await asyncio.sleep(0.05)
        for session in list(self.sessions.values()):
            session.end("drain")
        await self.bus.stop()
        await asyncio.sleep(0.2)

    async def stop(self) -> None:
        """Drain, then let go of everything; what was found is stored."""
        await self.drain()
        await self.recordings.stop()
        await self.webhooks.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(self._stepper.stop)
        await asyncio.to_thread(self.store.stop)

    @staticmethod
    def now() -> float:
        """The time of day, seconds since 1970."""
        return time.time()

    @property
    def ready(self) -> dict[str, bool]:
        """What has to hold before calls are sent here."""
        return {"engine": self._stepper.alive, "store": self.store.healthy, "bus": self.bus.healthy,
                "accepting": not self.draining}

    # ── calls ───────────────────────────────────────────────────────────────────────────────────

    async def open(self, who: Principal, started: Started, door: str) -> Session:
        """A new call, or the one that `started.resume` asks for; RefusedError when it cannot be."""
        started = self._permitted(who, self._complete(who, started))
        if started.resume is not None:
            return self._resume(who, started)
        if self.draining:
            raise RefusedError("draining", "the service is going down", "connect again in a minute")
        self._room(who.tenant)
        name = await self._name(who.tenant, started.call_id)
        if started.language == "auto":
            started = replace(started, language=cast(Any, self.tuning.language(who.tenant)))
        try:
            session = Session(self, who, name, started, door, self.engine_for(who.tenant))
        except AudioError as fault:
            raise RefusedError("unsupported-rate", str(fault), "see docs/api.md, 'Live calls in'") from None
        finally:
            self._opening.discard((who.tenant, name))
        self.sessions[who.tenant, name] = session
        self._recent[who.tenant, name] = None
        if len(self._recent) > RECENT:
            del self._recent[next(iter(self._recent))]
        self.metrics.live.labels(door).inc()
        self._stepper.add(session.job)
        self.ledger.opened(session)
        log.info("call %s opened door=%s tenant=%s", name, door, who.tenant, extra={"call": name})
        return session

    def closed(self, session: Session, reason: str, summary: dict[str, Any]) -> None:
        """A session has ended: keep its summary, forget the rest."""
        self._stepper.remove(session.job)
        self.sessions.pop((session.who.tenant, session.id), None)
        self.metrics.live.labels(session.door).dec()
        self.metrics.ended.labels(reason).inc()
        self.recorder.close(session)
        self.keep(session, summary)
        log.info("call %s ended reason=%s seconds=%.1f peak=%s", session.id, reason, summary["seconds"],
                 summary["peak"], extra={"call": session.id})

    def engine_for(self, tenant: str) -> Engine:
        """The engine with the tenant's own settings, if it has any."""
        return self.tuning.engine(tenant)

    def keep(self, call: Call, summary: dict[str, Any]) -> None:
        """Store what an ended call came to; the caller's words only where that is switched on."""
        if (full := call.complaint.record(keep_text=True)) is not None:
            self.complaints.keep(call.who.tenant, call.id, full)
        record = call.complaint.record(self.settings.store_text)
        card = call.card()
        if not self.settings.store_text:
            card["last_reason"] = call.summary.last_motive
        self.ledger.ended(call, card, summary, record.to_json() if record else None)

    def announce(self, who: Principal, started: Started) -> tuple[str, float]:
        """Remember the facts of a call that a switch will connect by its id."""
        now = time.monotonic()
        self._announced = {key: value for key, value in self._announced.items() if value[0] > now}
        if len(self._announced) >= MOST_ANNOUNCED:
            raise RefusedError("too-many-calls", "too many announced calls wait", "connect or wait ten minutes")
        name = started.call_id or secrets.token_hex(8)
        started = self._permitted(who, started)
        self._announced[who.tenant, name] = (now + ANNOUNCED_S, replace(started, call_id=name))
        return name, ANNOUNCED_S

    def announced(self, tenant: str, call: str) -> Started | None:
        """What was announced for this id and has not expired."""
        until, started = self._announced.get((tenant, call), (0.0, None))
        return started if until > time.monotonic() else None

    def _complete(self, who: Principal, started: Started) -> Started:
        """Fill what the switch could not say from the announcement of the call."""
        told = self.announced(who.tenant, started.call_id) if started.call_id else None
        if told is None:
            return started
        return replace(started, agent_id=started.agent_id or told.agent_id, team=started.team or told.team,
                       caller=started.caller or told.caller, consent=started.consent or told.consent,
                       language=told.language if started.language == "auto" else started.language,
                       metadata={**told.metadata, **started.metadata})

    def _permitted(self, who: Principal, started: Started) -> Started:
        """An agent opens only its own calls, a team's key only the team's."""
        if who.role is Role.AGENT:
            if started.agent_id not in {None, who.agent}:
                raise RefusedError("forbidden", "this key may only open calls of its own agent", "leave agent_id out")
            started = replace(started, agent_id=who.agent)
        if who.team is not None:
            if started.team not in {None, who.team}:
                raise RefusedError("forbidden", "this key may only open calls of its own team", "leave team out")
            started = replace(started, team=who.team)
        return started

    def _resume(self, who: Principal, started: Started) -> Session:
        session = self.sessions.get((who.tenant, started.call_id or ""))
        if session is None or not who.may_see(session.started.agent_id, session.started.team):
            raise RefusedError("cannot-resume", "there is no such call that waits", "open a new call without 'resume'")
        old = session.started
        if (old.encoding, old.rate, old.channels) != (started.encoding, started.rate, started.channels):
            raise RefusedError("cannot-resume", "the format differs from the call's", "resume with the same format")
        return session

    def _room(self, tenant: str) -> None:
        mine = sum(key[0] == tenant for key in self.sessions)
        if len(self.sessions) >= self.settings.calls or mine >= self.settings.calls_per_tenant:
            raise RefusedError("too-many-calls", "the limit of live calls is reached",
                          "wait, or raise EMOTION_CALLS or EMOTION_CALLS_PER_TENANT")

    async def _name(self, tenant: str, wanted: str | None) -> str:
        """A free id: the wanted one, with a number when an ended call has it already."""
        if wanted is None:
            return secrets.token_hex(8)
        if (tenant, wanted) in self.sessions or (tenant, wanted) in self._opening:
            raise RefusedError("call-exists", f"the call {wanted!r} is live", "take another call_id, or send 'resume'")
        self._opening.add((tenant, wanted))
        name, number = wanted, 1
        while (tenant, name) in self._recent or await self.store.read(partial(calls.exists, tenant=tenant, call=name)):
            number += 1
            name = f"{wanted[:120]}.{number}"
        self._opening.discard((tenant, wanted))
        self._opening.add((tenant, name))
        return name

    def live_cards(self, who: Filter) -> list[dict[str, Any]]:
        """Cards of all live calls within a filter, of this process and of others."""
        mine = [session.card() for (tenant, _), session in self.sessions.items() if tenant == who.tenant]
        return [card for card in [*mine, *self.bus.elsewhere(who.tenant)]
                if who.agent in {None, card["agent"]} and who.team in {None, card["team"]}
                and who.call in {None, card["call"]}]

    # ── the engine's thread and the clock ───────────────────────────────────────────────────────

    def _results(self, outcomes: list[Outcome]) -> None:
        """Called in the engine's thread: hand over to the event loop."""
        assert self._loop is not None
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._deliver, outcomes)

    def _deliver(self, outcomes: list[Outcome]) -> None:
        by_job = {id(session.job): session for session in self.sessions.values()}
        now = time.monotonic()
        for outcome in outcomes:
            session = by_job.get(id(outcome.job))
            if session is None:
                continue
            if outcome.moments:
                self.metrics.hops.inc(len(outcome.moments))
                self.metrics.hop.observe(max(0.0, now - outcome.arrived))
            session.deliver(outcome)

    async def _watch(self) -> None:
        """Once a second: idle sockets, grace times that are over, gauges."""
        now, late = time.monotonic(), time.monotonic() - self._watched > STALL_S
        self._watched = now
        for link in [] if late else list(self.links):
            link.watch(now)
        for session in list(self.sessions.values()):
            if session.deadline is not None and now > session.deadline:
                session.stop("grace")
        waits = [session.job.inbox.waited(now) for session in self.sessions.values()]
        self.metrics.lag.set(max(waits, default=0.0))
        self.metrics.waiting.set(self.store.waiting)
        self.metrics.lost.set(self.store.dropped + self.store.failures)

    async def _every(self, seconds: float, work: Callable[[], Any]) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await work()
            except Exception:  # housekeeping must go on; the log says what happened
                log.exception("housekeeping failed")

    # ── keys and secrets ────────────────────────────────────────────────────────────────────────

    async def reload_keys(self) -> None:
        """Take over what the store has."""
        self.guard.load(await self.store.read(stored_keys))

    async def reload_settings(self) -> None:
        """Take over the tenants' settings and webhooks from the store."""
        query = select(documents).where(documents.c.tenant != "")
        rows = await self.store.read(lambda connection: connection.execute(query).all())
        await asyncio.to_thread(self.tuning.load, {(row.tenant, row.name): row.body for row in rows})
        await self.webhooks.reload()

    async def _forget(self) -> None:
        """Delete calls whose retention time is over, and their audio."""
        if not self.settings.retention_days:
            return
        old = await self.store.read(partial(calls.expired, days=self.settings.retention_days))
        for tenant, call in old:
            self.recorder.forget(tenant, call)
            await self.store.write(partial(calls.forget, tenant=tenant, names=[call]))
        if old:
            log.info("%d calls were deleted: their retention time is over", len(old))

"""Events out to people: Server-Sent Events and WebSockets, with replay, narrowed to what each may see."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import StreamingResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from api.bus import Envelope, Filter
from api.house import House
from api.problems import HttpError, absent
from api.protocols.native import IDENTIFIER
from api.security import WATCHERS, Principal, Role
from api.store.calls import Scope, alert_rows, iso

router = APIRouter(tags=["events"])
EVENT_ID = re.compile(r"[0-9a-z-]{1,64}")
KEEP_OPEN_S = 10.0
TYPES = frozenset({"call", "standing", "reading", "change", "alert", "acknowledged", "feedback", "ended"})
ALERTS = frozenset({"alert", "acknowledged"})
MOST_READERS = 2000

Name = Annotated[str | None, Query(pattern=r"^[A-Za-z0-9._:@+-]{1,128}$")]


def narrowed(who: Principal, agent: str | None, team: str | None, call: str | None, types: str | None,
             readings: bool) -> Filter:
    """The filter of a reader: what he asks for within what he may see; HttpError otherwise."""
    wanted = frozenset(types.split(",")) if types else None
    if wanted is not None and not wanted <= TYPES:
        raise HttpError(422, "bad-request", f"unknown types: {', '.join(sorted(wanted - TYPES))[:200]}",
                      f"use some of {', '.join(sorted(TYPES))}")
    if who.role is Role.AGENT:
        if agent not in {None, who.agent}:
            raise absent("agent")
        agent = who.agent or ""
    if who.team is not None:
        if team not in {None, who.team}:
            raise absent("team")
        team = who.team
    return Filter(who.tenant, agent, team, call, wanted, readings)


@router.get("/v1/agents/{agent}/alerts", response_class=StreamingResponse)
async def agent_alerts(request: Request, agent: str, ticket: str | None = None, last_event_id: str | None = None,
                       last: Annotated[str | None, Header(alias="Last-Event-ID")] = None) -> StreamingResponse:
    """Alerts for one agent as Server-Sent Events."""
    house: House = request.app.state.house
    who = house.guard.require(request, WATCHERS, ticket)
    if not IDENTIFIER.fullmatch(agent):
        raise absent("agent")
    wanted = narrowed(who, agent, None, None, ",".join(ALERTS), False)
    return _sse(house, who, wanted, last_event_id or last)


@router.get("/v1/events", response_class=StreamingResponse)
async def events(request: Request, agent: Name = None, team: Name = None, call: Name = None, types: str | None = None,
                 readings: bool = False, ticket: str | None = None, last_event_id: str | None = None,
                 last: Annotated[str | None, Header(alias="Last-Event-ID")] = None) -> StreamingResponse:
    """Everything that happens, narrowed as asked, as Server-Sent Events."""
    house: House = request.app.state.house
    who = house.guard.require(request, WATCHERS, ticket)
    return _sse(house, who, narrowed(who, agent, team, call, types, readings), last_event_id or last)


@router.websocket("/v1/agents/{agent}/alerts")
async def agent_alerts_socket(socket: WebSocket, agent: str) -> None:
    """Alerts for one agent as JSON texts."""
    await _socket(socket, agent, ",".join(ALERTS))


@router.websocket("/v1/events")
async def events_socket(socket: WebSocket) -> None:
    """Everything that happens as JSON texts."""
    await _socket(socket, socket.query_params.get("agent"), socket.query_params.get("types"))


async def follow(house: House, who: Principal, wanted: Filter, last: str | None) -> AsyncIterator[Envelope]:
    """`hello`, what was missed, then what comes; None-like {"type": "idle"} when nothing came for a while."""
    if house.metrics.readers._value.get() >= MOST_READERS:
        raise HttpError(429, "rate-limited", "too many open event streams", "close some")
    reader = house.bus.subscribe(wanted)
    house.metrics.readers.inc()
    try:
        yield hello(house, wanted)
        last = last if last and EVENT_ID.fullmatch(last) else None
        seen = last or ""
        if last is not None:
            async for event in _missed(house, wanted, last):
                seen = max(seen, event["id"])
                yield event
        while True:
            try:
                event = await asyncio.wait_for(anext(reader), KEEP_OPEN_S)
            except TimeoutError:
                yield {"type": "idle"}
                continue
            except StopAsyncIteration:
                yield {"type": "bye"}
                return
            if event.get("id", "~") > seen:
                yield event
    finally:
        reader.close()
        house.metrics.readers.dec()


def hello(house: House, wanted: Filter) -> Envelope:
    """The first event of a connection: the live calls that the reader may see."""
    return {"type": "hello", "time": iso(house.now()), "live": house.live_cards(wanted)}


async def _missed(house: House, wanted: Filter, last: str) -> AsyncIterator[Envelope]:
    """Alerts from the store that the bus no longer has, then the bus's own log."""
    logged = list(house.bus.replay(last, wanted))
    if wanted.types is None or "alert" in wanted.types:
        await house.store.flush()
        scope = Scope(wanted.tenant, wanted.agent, wanted.team)
        rows = await house.store.read(lambda connection: alert_rows(
            connection, scope, call=wanted.call, after_event=last, limit=1000))
        known = {event["id"] for event in logged}
        for row in rows:
            if row["event"] not in known:
                yield _from_store(wanted.tenant, row)
    for event in logged:
        yield event


def _from_store(tenant: str, row: dict[str, Any]) -> Envelope:
    alert = {key: value for key, value in row.items()
             if key not in {"agent", "team", "time", "event", "acknowledged", "feedback", "rung_after_60s"}}
    return {"id": row["event"], "type": "alert", "tenant": tenant, "call": alert["call"], "agent": row["agent"],
            "team": row["team"], "time": row["time"], "alert": alert}


def _sse(house: House, who: Principal, wanted: Filter, last: str | None) -> StreamingResponse:
    async def lines() -> AsyncIterator[str]:
        yield "retry: 1000\n\n"
        async for event in follow(house, who, wanted, last):
            yield sse(event)
    house.ledger.looked(who, "events", f"agent={wanted.agent} team={wanted.team} call={wanted.call}")
    return StreamingResponse(lines(), media_type="text/event-stream",
                             headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})


def sse(event: Envelope) -> str:
    """One event as the text of the stream."""
    if event["type"] == "idle":
        return ": still here\n\n"
    number = f"id: {event['id']}\n" if "id" in event else ""
    return f"{number}event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False, separators=(',', ':'))}\n\n"


async def _socket(socket: WebSocket, agent: str | None, types: str | None) -> None:
    house: House = socket.app.state.house
    who = await house.guard.socket(socket, WATCHERS, "events")
    if who is None:
        return
    await socket.accept()
    query = socket.query_params
    try:
        wanted = narrowed(who, agent, query.get("team"), query.get("call"), types, query.get("readings") == "true")
    except HttpError as problem:
        await socket.send_text(json.dumps({"type": "error", "code": problem.code, "message": problem.detail,
                                           "remedy": problem.remedy, "fatal": True}))
        await socket.close(4403)
        return
    house.ledger.looked(who, "events", f"agent={wanted.agent} team={wanted.team} call={wanted.call}")
    sender = asyncio.create_task(_tell(socket, house, who, wanted, query.get("last_event_id")))
    try:
        while (await socket.receive())["type"] != "websocket.disconnect":
            pass
    finally:
        sender.cancel()
        await asyncio.gather(sender, return_exceptions=True)


async def _tell(socket: WebSocket, house: House, who: Principal, wanted: Filter, last: str | None) -> None:
    with suppress(WebSocketDisconnect, RuntimeError, OSError):
        async for event in follow(house, who, wanted, last):
            if event["type"] != "idle":
                await socket.send_text(json.dumps(event, ensure_ascii=False, separators=(",", ":")))
        await socket.close(1012)

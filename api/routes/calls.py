"""Calls and alerts: what is live, what was stored, who takes over, what people said of an alert."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from sqlalchemy import insert
from starlette.responses import FileResponse

from api.complaints import text_of
from api.feeds import narrowed
from api.house import House
from api.link import RefusedError
from api.problems import HttpError, absent
from api.protocols.native import MessageError, started
from api.routes.common import (
    AlertName,
    Cursor,
    Document,
    Limit,
    MaybeName,
    Name,
    Text,
    house_of,
    page,
    place,
    scope_of,
    seconds_of,
)
from api.security import ADMINS, CALLS, LEADERS, WATCHERS, Principal
from api.session import Session
from api.store import calls as stored
from api.store.calls import Scope, iso
from api.store.tables import feedback as feedback_table

router = APIRouter(tags=["calls"])


class Verdict(BaseModel):
    verdict: Literal["useful", "wrong", "late"]
    note: Annotated[Text | None, Field(max_length=1000)] = None


def live_call(house: House, who: Principal, call: str) -> Session | None:
    """A live call that the principal may see."""
    session = house.sessions.get((who.tenant, call))
    return session if session and who.may_see(session.started.agent_id, session.started.team) else None


def stored_card(row: dict[str, Any]) -> dict[str, Any]:
    """The card of a call from the store."""
    return {**row["card"], "state": "ended" if row["ended"] else row["card"]["state"], "ended": iso(row["ended"]),
            "taken_by": row["taken_by"]}


async def card_of(house: House, who: Principal, call: str) -> dict[str, Any]:
    """Card, summary and metadata of a live or stored call; HttpError 404 when absent or not his."""
    session = live_call(house, who, call)
    if session is not None:
        return {**session.card(), "summary": session.document(),
                "metadata": dict(session.started.metadata)}
    await house.store.flush()
    row = await house.store.read(lambda connection: stored.find(connection, scope_of(who), call))
    if row is None:
        raise absent("call")
    return {**stored_card(row), "summary": row["summary"], "metadata": row["metadata"]}


@router.post("/v1/calls", status_code=201)
async def announce(request: Request, body: Document) -> dict[str, Any]:
    """Announce a call that a switch will connect by its id."""
    house = house_of(request)
    who = house.guard.require(request, CALLS)
    try:
        call, seconds = house.announce(who, started({"encoding": "pcm_s16le", "sample_rate": 8000, **body}))
    except MessageError as bad:
        raise HttpError(422, bad.fault.code, bad.fault.message, bad.fault.remedy) from None
    except RefusedError as refused:
        status = {"forbidden": 403, "too-many-calls": 429}.get(refused.fault.code, 409)
        raise HttpError(status, refused.fault.code, refused.fault.message, refused.fault.remedy) from None
    return {"call": call, "expires_in": seconds}


@router.get("/v1/calls")
async def list_calls(request: Request, state: Literal["live", "ended"] | None = None, agent: MaybeName = None,
                     team: MaybeName = None, begin: Annotated[datetime | None, Query(alias="from")] = None,
                     end: Annotated[datetime | None, Query(alias="to")] = None, limit: Limit = 50,
                     cursor: Cursor = None) -> dict[str, Any]:
    """Call cards: live ones from memory, ended ones from the store, newest first."""
    house = house_of(request)
    who = house.guard.require(request, WATCHERS)
    wanted = narrowed(who, agent, team, None, None, False)
    live = [] if state == "ended" or cursor else house.live_cards(wanted)
    if state == "live":
        return {"items": live, "next": None}
    before, since, until = place(cursor, float, str), seconds_of(begin), seconds_of(end)
    rows = await house.store.read(lambda connection: stored.listed(
        connection, scope_of(who), agent=agent, team=team, begin=since, end=until,
        before=before and (before[0], before[1]), limit=limit))
    ended = [stored_card(row) for row in rows if (who.tenant, row["call"]) not in house.sessions]
    answer = page(rows, limit, [rows[-1]["started"], rows[-1]["call"]] if rows else None)
    return {"items": [*live, *ended], "next": answer["next"]}


@router.get("/v1/calls/{call}")
async def one_call(request: Request, call: Name) -> dict[str, Any]:
    """One call's card, summary and metadata."""
    house = house_of(request)
    who = house.guard.require(request, WATCHERS)
    card = await card_of(house, who, call)
    house.ledger.looked(who, "call seen", call)
    return card


@router.get("/v1/calls/{call}/timeline")
async def timeline(request: Request, call: Name, begin: Annotated[float, Query(alias="from", ge=0, le=1e6)] = 0.0,
                   end: Annotated[float, Query(alias="to", ge=0, le=1e6)] = 1e6) -> dict[str, Any]:
    """Traces, changes with their reasons, and alerts of a call."""
    house = house_of(request)
    who = house.guard.require(request, WATCHERS)
    card = await card_of(house, who, call)
    await house.store.flush()
    found = await house.store.read(lambda connection: stored.timeline(connection, who.tenant, call, begin, end))
    house.ledger.looked(who, "timeline seen", call)
    return {"card": card, "audio": house.recorder.path(who.tenant, call).is_file(), **found}


@router.get("/v1/calls/{call}/audio", response_class=FileResponse)
async def audio(request: Request, call: Name) -> FileResponse:
    """The audio of an ended call, if storing it was switched on."""
    house = house_of(request)
    who = house.guard.require(request, LEADERS)
    await card_of(house, who, call)
    path = house.recorder.path(who.tenant, call)
    if live_call(house, who, call) is not None or not path.is_file():
        raise absent("audio of this call")
    house.ledger.looked(who, "audio heard", call)
    return FileResponse(path, media_type="audio/wav")


@router.get("/v1/calls/{call}/record")
async def record(request: Request, call: Name, language: Literal["zh", "en"] = "zh") -> dict[str, Any]:
    """The complaint record of a call that stood on rung 5 or 6, ready to copy."""
    house = house_of(request)
    who = house.guard.require(request, WATCHERS)
    await card_of(house, who, call)
    if (session := live_call(house, who, call)) is not None:
        made = session.complaint.record(keep_text=True)
    else:
        made = house.complaints.find(who.tenant, call)
    row = await house.store.read(lambda connection: stored.find(connection, scope_of(who), call))
    document = made.to_json() if made else row and row["record"]
    if not document:
        raise absent("complaint record: the call did not reach rung 5")
    house.ledger.looked(who, "record seen", call)
    return {"text": text_of(document, language), **document}


@router.post("/v1/calls/{call}/take")
async def take(request: Request, call: Name) -> dict[str, Any]:
    """A supervisor takes the call over."""
    return _take(request, call, True)


@router.delete("/v1/calls/{call}/take")
async def give_back(request: Request, call: Name) -> dict[str, Any]:
    """The supervisor gives it back."""
    return _take(request, call, False)


def _take(request: Request, call: str, on: bool) -> dict[str, Any]:
    house = house_of(request)
    who = house.guard.require(request, LEADERS)
    session = live_call(house, who, call)
    if session is None:
        raise absent("live call")
    if on and session.taken_by not in {None, who.name}:
        raise HttpError(409, "taken", f"{session.taken_by} has taken this call", "talk to them, or wait")
    session.taken_by = who.name if on else None
    house.ledger.taken(session)
    house.ledger.looked(who, "call taken" if on else "call given back", call)
    session.publish("call", state="taken" if on else "running", card=session.card())
    return session.card()


@router.get("/v1/calls/{call}/export")
async def export(request: Request, call: Name) -> dict[str, Any]:
    """All that is stored of a call."""
    house = house_of(request)
    who = house.guard.require(request, LEADERS)
    card = await card_of(house, who, call)
    found = await house.store.read(lambda connection: stored.timeline(connection, who.tenant, call))
    house.ledger.looked(who, "call exported", call)
    return {"note": "estimate of expressed emotion", "card": card, **found}


@router.delete("/v1/calls/{call}", status_code=204)
async def delete_call(request: Request, call: Name) -> None:
    """Delete a call and all that belongs to it; a live one is ended first."""
    house = house_of(request)
    who = house.guard.require(request, ADMINS)
    if not await _delete(house, who, [call]):
        raise absent("call")
    house.ledger.looked(who, "call deleted", call)


@router.delete("/v1/callers/{caller}/calls")
async def delete_caller(request: Request, caller: Name) -> dict[str, int]:
    """Delete all calls of a caller."""
    house = house_of(request)
    who = house.guard.require(request, ADMINS)
    await house.store.flush()
    names = await house.store.read(lambda connection: stored.of_caller(connection, who.tenant, caller))
    deleted = await _delete(house, who, names)
    house.ledger.looked(who, "caller deleted", f"{deleted} calls")
    return {"deleted": deleted}


async def _delete(house: House, who: Principal, names: list[str]) -> int:
    for name in names:
        if (session := live_call(house, who, name)) is not None:
            session.end("deleted")
    scope = scope_of(who)
    await house.store.flush()
    mine = [name for name in names if await house.store.read(partial(stored.find, scope=scope, call=name))]
    for name in mine:
        house.recorder.forget(who.tenant, name)
        house.complaints.forget(who.tenant, name)
    return await house.store.write(lambda connection: stored.forget(connection, who.tenant, mine))


@router.get("/v1/today")
async def today(request: Request, team: MaybeName = None) -> dict[str, Any]:
    """Numbers of the day (UTC)."""
    house = house_of(request)
    who = house.guard.require(request, LEADERS)
    wanted = narrowed(who, None, team, None, None, False)
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
    scope = Scope(who.tenant, None, wanted.team)
    numbers = await house.store.read(lambda connection: stored.today(connection, scope, midnight))
    return {**numbers, "live": len(house.live_cards(wanted))}


# ── alerts ──────────────────────────────────────────────────────────────────────────────────────

@router.get("/v1/alerts")
async def list_alerts(request: Request, agent: MaybeName = None, call: MaybeName = None,
                      unacknowledged: Annotated[bool, Query(alias="open")] = False, limit: Limit = 50,
                      cursor: Cursor = None) -> dict[str, Any]:
    """Alerts, newest first."""
    house = house_of(request)
    who = house.guard.require(request, WATCHERS)
    before = place(cursor, str)
    await house.store.flush()
    rows = await house.store.read(lambda connection: stored.alert_rows(
        connection, scope_of(who), agent=agent, call=call, unacknowledged=unacknowledged,
        before_event=before[0] if before else None, limit=limit))
    return page(rows, limit, [rows[-1]["event"]] if rows else None)


@router.post("/v1/alerts/{alert}/acknowledge")
async def acknowledge(request: Request, alert: AlertName) -> dict[str, Any]:
    """Somebody has seen the alert and acts on it."""
    house = house_of(request)
    who = house.guard.require(request, WATCHERS)
    row = await _alert(house, who, alert)
    by = who.agent or who.name or str(who.role)
    if await house.store.write(lambda connection: stored.acknowledge(connection, who.tenant, alert, by, time.time())):
        _shut(house, who, row, alert)
        row = await _alert(house, who, alert)
        house.bus.publish(who.tenant, "acknowledged", call=row["call"], agent=row["agent"], team=row["team"],
                          alert=alert, by=by, at_time=iso(time.time()))
    return row


@router.post("/v1/alerts/{alert}/feedback")
async def feedback(request: Request, alert: AlertName, body: Verdict) -> dict[str, Any]:
    """Was the alert useful, wrong or late; the last word counts."""
    house = house_of(request)
    who = house.guard.require(request, WATCHERS)
    row = await _alert(house, who, alert)
    by = who.agent or who.name or str(who.role)
    note = body.note if house.settings.store_text else None
    await house.store.write(lambda connection: connection.execute(insert(feedback_table).values(
        tenant=who.tenant, alert=alert, verdict=body.verdict, note=note, by=by, time=time.time())).rowcount)
    house.bus.publish(who.tenant, "feedback", call=row["call"], agent=row["agent"], team=row["team"], alert=alert,
                      verdict=body.verdict, by=by)
    return await _alert(house, who, alert)


async def _alert(house: House, who: Principal, alert: str) -> dict[str, Any]:
    await house.store.flush()
    rows = await house.store.read(lambda connection: stored.alert_rows(
        connection, scope_of(who), alert=alert, limit=1))
    if not rows:
        raise absent("alert")
    return rows[0]


def _shut(house: House, who: Principal, row: dict[str, Any], alert: str) -> None:
    session = house.sessions.get((who.tenant, row["call"]))
    if session is not None:
        session.open_alerts.discard(alert)



"""Who am I; browser sessions; tickets; API keys; the audit log."""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from sqlalchemy import insert, select
from starlette.responses import Response

from api.problems import HttpError
from api.routes.common import NAME, Cursor, Limit, Name, Text, house_of, page, place, remove
from api.security import ADMINS, COOKIE, EVERYBODY, LOOPBACK, SESSION_S, Principal, Role, make_key
from api.store.calls import iso
from api.store.tables import audit, keys
from emotion import __version__

router = APIRouter(tags=["access"])
ShortName = Annotated[str, Field(pattern=NAME)]


class Login(BaseModel):
    key: Annotated[str, Field(max_length=200)]


class TicketRequest(BaseModel):
    purpose: Annotated[Literal["stream", "events"], Field(alias="for")]
    agent: ShortName | None = None


class NewKey(BaseModel):
    name: Annotated[Text, Field(min_length=1, max_length=128)]
    role: Role
    agent: ShortName | None = None
    team: ShortName | None = None
    expires_days: Annotated[float | None, Field(gt=0, le=36_500)] = None


def about(who: Principal) -> dict[str, Any]:
    """A principal as /v1/me tells it."""
    return {"tenant": who.tenant, "role": who.role, "agent": who.agent, "team": who.team, "demo": who.demo,
            "version": __version__}


@router.get("/v1/me")
async def me(request: Request) -> dict[str, Any]:
    """Who the service takes you for."""
    return about(house_of(request).guard.require(request, EVERYBODY))


@router.post("/v1/session")
async def login(request: Request, response: Response, body: Login) -> dict[str, Any]:
    """Exchange a key for a browser session."""
    house = house_of(request)
    who = house.guard.login(request, body.key)
    if who is None:
        raise HttpError(401, "unauthorized", "this key is not known, or has expired", "ask an admin for a key")
    host = request.url.hostname or ""
    response.set_cookie(COOKIE, house.guard.session(who), max_age=SESSION_S, httponly=True, samesite="strict",
                        secure=request.url.scheme == "https" or host not in LOOPBACK)
    house.ledger.looked(who, "login", "session")
    return about(who)


@router.delete("/v1/session", status_code=204)
async def logout(request: Request, response: Response) -> None:
    """End the browser session."""
    if token := request.cookies.get(COOKIE):
        house_of(request).guard.end(token)
    response.delete_cookie(COOKIE)


@router.post("/v1/tickets")
async def ticket(request: Request, body: TicketRequest) -> dict[str, Any]:
    """A ticket for one socket or event stream, good for 60 s."""
    house = house_of(request)
    who = house.guard.require(request, EVERYBODY)
    return {"ticket": house.guard.ticket(who, body.purpose, body.agent), "expires_in": 60}


@router.get("/v1/keys")
async def list_keys(request: Request) -> dict[str, Any]:
    """The tenant's keys, without the keys themselves."""
    house = house_of(request)
    who = house.guard.require(request, ADMINS)
    query = select(keys).where(keys.c.tenant == who.tenant).order_by(keys.c.created)
    rows = await house.store.read(lambda connection: connection.execute(query).all())
    return {"items": [{"id": row.id, "name": row.name, "role": row.role, "agent": row.agent, "team": row.team,
                       "expires": iso(row.expires), "created": iso(row.created)} for row in rows], "next": None}


@router.post("/v1/keys", status_code=201)
async def add_key(request: Request, body: NewKey) -> dict[str, str]:
    """A new key; it is shown once."""
    house = house_of(request)
    who = house.guard.require(request, ADMINS)
    if (body.role is Role.AGENT) != (body.agent is not None):
        raise HttpError(422, "bad-request", "the role agent goes with an agent id, the others without",
                      "send 'agent' exactly when the role is agent")
    expires = None if body.expires_days is None else time.time() + body.expires_days * 86_400
    text, key = make_key(who.tenant, body.role, body.name, body.agent, body.team, expires)
    await house.store.write(lambda connection: connection.execute(insert(keys).values(
        id=key.id, tenant=key.tenant, role=key.role, name=key.name, digest=key.digest, agent=key.agent, team=key.team,
        expires=key.expires, created=time.time())).rowcount)
    await house.reload_keys()
    house.ledger.looked(who, "key made", key.id)
    return {"id": key.id, "key": text}


@router.delete("/v1/keys/{key}", status_code=204)
async def revoke_key(request: Request, key: Name) -> None:
    """Revoke a key and every session and ticket made with it."""
    house = house_of(request)
    who = house.guard.require(request, ADMINS)
    await remove(house, who, keys, key, "key")
    await house.reload_keys()
    house.ledger.looked(who, "key revoked", key)


@router.get("/v1/audit")
async def audit_log(request: Request, limit: Limit = 50, cursor: Cursor = None) -> dict[str, Any]:
    """Who looked at or changed what, newest first."""
    house = house_of(request)
    who = house.guard.require(request, ADMINS)
    query = select(audit).where(audit.c.tenant == who.tenant).order_by(audit.c.id.desc()).limit(limit)
    if (begin := place(cursor, int)) is not None:
        query = query.where(audit.c.id < begin[0])
    await house.store.flush()
    rows = await house.store.read(lambda connection: connection.execute(query).all())
    items = [{"time": iso(row.time), "who": row.who, "role": row.role, "action": row.action, "what": row.what}
             for row in rows]
    return page(items, limit, [rows[-1].id] if rows else None)
